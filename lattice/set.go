package lattice

import (
	"encoding/binary"
	"iter"
)

// SetOf merges hash sets by union: a ⊑ b iff a ⊆ b, ⊥ is the empty set, there
// is no ⊤. A merge costs O(|delta|). Atoms and the codec exist where E is a
// boolean, number or string type. Spinach, Table 2 (SetUnion).
func SetOf[E comparable]() Merge[map[E]struct{}] { return setMerge[E]{newScalar[E]()} }

type setMerge[E comparable] struct{ elem scalar[E] }

func (setMerge[E]) MergeIn(target *map[E]struct{}, delta map[E]struct{}) bool {
	if len(delta) == 0 {
		return false
	}
	if *target == nil {
		*target = make(map[E]struct{}, len(delta))
	}
	before := len(*target)
	for e := range delta {
		(*target)[e] = struct{}{}
	}
	return len(*target) > before
}

func (setMerge[E]) Compare(a, b map[E]struct{}) Order { return subsetOrder(a, b) }

func (setMerge[E]) Clone(v map[E]struct{}) map[E]struct{} { return cloneSet(v) }

func (m setMerge[E]) Caps() Caps[map[E]struct{}] {
	c := Caps[map[E]struct{}]{
		Bottom: func() map[E]struct{} { return map[E]struct{}{} },
		Join: func(a, b map[E]struct{}) map[E]struct{} {
			j := make(map[E]struct{}, max(len(a), len(b)))
			m.MergeIn(&j, a)
			m.MergeIn(&j, b)
			return j
		},
		Diff: func(base, v map[E]struct{}) map[E]struct{} {
			d := make(map[E]struct{})
			for e := range v {
				if _, ok := base[e]; !ok {
					d[e] = struct{}{}
				}
			}
			return d
		},
	}
	if m.elem.known() {
		c.Atoms = func(v map[E]struct{}) iter.Seq[map[E]struct{}] {
			return func(yield func(map[E]struct{}) bool) {
				for _, e := range sortedKeys(m.elem, v) {
					if !yield(map[E]struct{}{e: {}}) {
						return
					}
				}
			}
		}
		c.Append, c.Decode = setCodec(m.elem)
	}
	return c
}

// IntersectOf merges hash sets by intersection: a ⊑ b iff a ⊇ b, ⊤ is the empty
// set. There is no ⊥ (it would be the set of all E). A merge costs O(|target|).
// Spinach, Table 2 (SetIntersect).
func IntersectOf[E comparable]() Merge[map[E]struct{}] { return intersectMerge[E]{newScalar[E]()} }

type intersectMerge[E comparable] struct{ elem scalar[E] }

func (intersectMerge[E]) MergeIn(target *map[E]struct{}, delta map[E]struct{}) bool {
	before := len(*target)
	for e := range *target {
		if _, ok := delta[e]; !ok {
			delete(*target, e)
		}
	}
	return len(*target) < before
}

func (intersectMerge[E]) Compare(a, b map[E]struct{}) Order { return subsetOrder(b, a) }

func (intersectMerge[E]) Clone(v map[E]struct{}) map[E]struct{} { return cloneSet(v) }

func (m intersectMerge[E]) Caps() Caps[map[E]struct{}] {
	c := Caps[map[E]struct{}]{
		Top: func() map[E]struct{} { return map[E]struct{}{} },
		Join: func(a, b map[E]struct{}) map[E]struct{} {
			if len(b) < len(a) {
				a, b = b, a
			}
			j := make(map[E]struct{})
			for e := range a {
				if _, ok := b[e]; ok {
					j[e] = struct{}{}
				}
			}
			return j
		},
	}
	if m.elem.known() {
		c.Append, c.Decode = setCodec(m.elem)
	}
	return c
}

// subsetOrder relates two sets by inclusion in O(min(|a|, |b|)).
func subsetOrder[E comparable](a, b map[E]struct{}) Order {
	if len(a) > len(b) {
		return subsetOrder(b, a).Dual()
	}
	for e := range a {
		if _, ok := b[e]; !ok {
			return Incomparable
		}
	}
	if len(a) == len(b) {
		return Equal
	}
	return Less
}

func cloneSet[E comparable](v map[E]struct{}) map[E]struct{} {
	c := make(map[E]struct{}, len(v))
	for e := range v {
		c[e] = struct{}{}
	}
	return c
}

func sortedKeys[K comparable, V any](s scalar[K], m map[K]V) []K {
	keys := make([]K, 0, len(m))
	//joinery:anyorder sorted below
	for k := range m {
		keys = append(keys, k)
	}
	s.sort(keys)
	return keys
}

func setCodec[E comparable](s scalar[E]) (func([]byte, map[E]struct{}) []byte, func([]byte) (map[E]struct{}, []byte, error)) {
	enc := func(dst []byte, v map[E]struct{}) []byte { return appendAscending(dst, s, sortedKeys(s, v)) }
	dec := func(src []byte) (map[E]struct{}, []byte, error) {
		v := make(map[E]struct{})
		foreign := false
		rest, err := decodeAscending(src, s, func(e E) {
			foreign = foreign || e != e
			v[e] = struct{}{}
		})
		if err == nil && foreign {
			err = decodeErr("an element of a hash set must equal itself")
		}
		if err != nil {
			return nil, src, err
		}
		return v, rest, nil
	}
	return enc, dec
}

func appendAscending[E any](dst []byte, s scalar[E], elems []E) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(elems)))
	for _, e := range elems {
		dst = s.append(dst, e)
	}
	return dst
}

// decodeAscending hands the elements of a sorted collection to add, refusing any
// that repeat or stand out of order: one value has one encoding.
func decodeAscending[E any](src []byte, s scalar[E], add func(E)) ([]byte, error) {
	n, rest, err := decodeLen(src)
	if err != nil {
		return src, err
	}
	var prev E
	for i := range n {
		var e E
		if e, rest, err = s.decode(rest); err != nil {
			return src, err
		}
		if i > 0 && !ascending(s, prev, e) {
			return src, decodeErr("elements not strictly ascending")
		}
		prev = e
		add(e)
	}
	return rest, nil
}
