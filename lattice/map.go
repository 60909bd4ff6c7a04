package lattice

import (
	"encoding/binary"
	"iter"
	"reflect"
)

// MapOf merges hash maps key by key with m: a ⊑ b iff every key of a is in b
// with a[k] ⊑ b[k]. ⊥ is the empty map; a key at ⊥ of m lies strictly above the
// absent key. A merge costs O(|delta|) merges of values. Atoms and the codec
// exist where K is a boolean, number or string type and m has them. Spinach,
// Table 2 (MapUnion).
func MapOf[K comparable, V any](m Merge[V]) Merge[map[K]V] {
	r := mapMerge[K, V]{val: m, key: newScalar[K](), chain: chainJoin[K](m)}
	if reflect.TypeFor[V]().Size() <= maxByValue {
		r.less, r.fast = lessOf(m), valueJoinOf(m)
	}
	return r
}

// maxByValue is the size in bytes above which passing values by address is the
// faster way: measured, values of 16 bytes gain a factor of two by value, those of
// 256 lose.
const maxByValue = 64

type mapMerge[K comparable, V any] struct {
	val Merge[V]
	key scalar[K]
	// The faster ways, nil where val does not allow them.
	chain func(target, delta map[K]V) bool
	less  func(a, b V) bool
	fast  func(a, b V) (V, bool)
}

func (m mapMerge[K, V]) MergeIn(target *map[K]V, delta map[K]V) bool {
	if len(delta) == 0 {
		return false
	}
	if *target == nil {
		*target = make(map[K]V, len(delta))
	}
	switch {
	case m.chain != nil:
		return m.chain(*target, delta)
	case m.less != nil:
		return m.mergeByOrder(*target, delta)
	case m.fast != nil:
		return m.mergeByValue(*target, delta)
	}
	return m.mergeByAddress(*target, delta)
}

func (m mapMerge[K, V]) mergeByOrder(target, delta map[K]V) (grew bool) {
	//joinery:anyorder keys are merged independently of each other
	for k, d := range delta {
		if v, ok := target[k]; !ok || m.less(v, d) {
			target[k] = d
			grew = true
		}
	}
	return grew
}

func (m mapMerge[K, V]) mergeByValue(target, delta map[K]V) (grew bool) {
	//joinery:anyorder keys are merged independently of each other
	for k, d := range delta {
		v, ok := target[k]
		if !ok {
			target[k] = d
			grew = true
		} else if j, rose := m.fast(v, d); rose {
			target[k] = j
			grew = true
		}
	}
	return grew
}

// mergeByAddress is the general path and the oracle of the others. One copy of a
// value escapes to the heap a call, not one a key.
func (m mapMerge[K, V]) mergeByAddress(target, delta map[K]V) (grew bool) {
	var v V
	//joinery:anyorder keys are merged independently of each other
	for k, d := range delta {
		var ok bool
		if v, ok = target[k]; !ok {
			target[k] = m.val.Clone(d)
			grew = true
		} else if m.val.MergeIn(&v, d) {
			target[k] = v
			grew = true
		}
	}
	return grew
}

func (m mapMerge[K, V]) Compare(a, b map[K]V) Order {
	o, common := Equal, 0
	//joinery:anyorder the orders of the keys are combined by AND
	for k, av := range a {
		bv, ok := b[k]
		if !ok {
			o &= Greater
		} else {
			common++
			o &= m.val.Compare(av, bv)
		}
		if o == Incomparable {
			return o
		}
	}
	if common < len(b) {
		o &= Less
	}
	return o
}

func (m mapMerge[K, V]) Clone(v map[K]V) map[K]V {
	c := make(map[K]V, len(v))
	//joinery:anyorder entries are set by their own keys
	for k, x := range v {
		c[k] = m.val.Clone(x)
	}
	return c
}

func (m mapMerge[K, V]) Caps() Caps[map[K]V] {
	val := CapsOf(m.val)
	c := Caps[map[K]V]{
		Bottom: func() map[K]V { return map[K]V{} },
		Join: func(a, b map[K]V) map[K]V {
			j := m.Clone(a)
			m.MergeIn(&j, b)
			return j
		},
		Diff: func(base, v map[K]V) map[K]V {
			d := make(map[K]V)
			//joinery:anyorder keys differ independently of each other
			for k, x := range v {
				if e, ok := diffValue(m.val, val, base, k, x); ok {
					d[k] = e
				}
			}
			return d
		},
	}
	if m.key.known() && val.Bottom != nil && val.Atoms != nil {
		c.Atoms = func(v map[K]V) iter.Seq[map[K]V] { return m.atoms(val, v) }
	}
	if m.key.known() && val.Append != nil && val.Decode != nil {
		c.Append = func(dst []byte, v map[K]V) []byte { return appendMap(dst, m.key, val, v) }
		c.Decode = func(src []byte) (map[K]V, []byte, error) {
			return decodeMap[K, V](src, m.key, val)
		}
	}
	return c
}

// diffValue is the part of v at k that base lacks, if any.
func diffValue[K comparable, V any](m Merge[V], c Caps[V], base map[K]V, k K, x V) (V, bool) {
	old, ok := base[k]
	switch {
	case !ok:
		return m.Clone(x), true
	case m.Compare(x, old).Leq():
		var zero V
		return zero, false
	case c.Diff != nil:
		return c.Diff(old, x), true
	}
	return m.Clone(x), true
}

// atoms yields, key by key, {k: a} for each atom a of the value, and {k: ⊥}
// where the value is ⊥: the key itself is information.
func (m mapMerge[K, V]) atoms(val Caps[V], v map[K]V) iter.Seq[map[K]V] {
	return func(yield func(map[K]V) bool) {
		for _, k := range sortedKeys(m.key, v) {
			some := false
			for a := range val.Atoms(v[k]) {
				some = true
				if !yield(map[K]V{k: a}) {
					return
				}
			}
			if !some && !yield(map[K]V{k: val.Bottom()}) {
				return
			}
		}
	}
}

func decodeMap[K comparable, V any](src []byte, key scalar[K], val Caps[V]) (map[K]V, []byte, error) {
	v := make(map[K]V)
	foreign := false
	rest, err := decodeEntries(src, key, val, func(k K, x V) {
		foreign = foreign || k != k
		v[k] = x
	})
	if err == nil && foreign {
		err = decodeErr("a key of a hash map must equal itself")
	}
	if err != nil {
		return nil, src, err
	}
	return v, rest, nil
}

func appendMap[K comparable, V any](dst []byte, key scalar[K], val Caps[V], v map[K]V) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(v)))
	for _, k := range sortedKeys(key, v) {
		dst = val.Append(key.append(dst, k), v[k])
	}
	return dst
}

// decodeEntries hands the entries of a map encoding to add, refusing keys that
// repeat or stand out of order.
func decodeEntries[K, V any](src []byte, key scalar[K], val Caps[V], add func(K, V)) ([]byte, error) {
	n, rest, err := decodeLen(src)
	if err != nil {
		return src, err
	}
	var prev K
	for i := range n {
		var k K
		if k, rest, err = key.decode(rest); err != nil {
			return src, err
		}
		if i > 0 && !ascending(key, prev, k) {
			return src, decodeErr("keys not strictly ascending")
		}
		prev = k
		var v V
		if v, rest, err = val.Decode(rest); err != nil {
			return src, err
		}
		add(k, v)
	}
	return rest, nil
}
