package lattice

import (
	"cmp"
	"iter"
	"slices"
)

// OrderedSetOf merges strictly ascending slices by union: the ordered twin of
// [SetOf], with the elements at hand in order and no hashing. A merge costs
// O(|delta|·log|target|) where nothing is new, and a move of the tail of the
// target where something is, so single insertions into very large sets favour
// SetOf. A slice that does not ascend strictly is not of the domain.
func OrderedSetOf[E cmp.Ordered]() Merge[[]E] { return orderedSetMerge[E]{newScalar[E]()} }

type orderedSetMerge[E cmp.Ordered] struct{ elem scalar[E] }

func (orderedSetMerge[E]) MergeIn(target *[]E, delta []E) bool {
	t := *target
	missing := 0
	for i, from := 0, 0; i < len(delta); i++ {
		at, found := slices.BinarySearch(t[from:], delta[i])
		from += at
		if !found {
			missing++
		}
	}
	if missing == 0 {
		return false
	}
	i, j := len(t)-1, len(delta)-1
	t = slices.Grow(t, missing)[:len(t)+missing]
	for k := len(t) - 1; j >= 0; k-- {
		switch {
		case i < 0 || cmp.Less(t[i], delta[j]):
			t[k] = delta[j]
			j--
		case cmp.Less(delta[j], t[i]):
			t[k] = t[i]
			i--
		default:
			t[k] = t[i]
			i, j = i-1, j-1
		}
	}
	*target = t
	return true
}

// batch makes one delta of all of them, so that the tail of the target moves once:
// O(D·log D + |target|) for D elements in all.
func (m orderedSetMerge[E]) batch(target *[]E, deltas [][]E) bool {
	if len(deltas) == 1 {
		return m.MergeIn(target, deltas[0])
	}
	all := slices.Concat(deltas...)
	slices.SortStableFunc(all, cmp.Compare[E]) // of two zeros the first one stays, as it would one by one
	return m.MergeIn(target, slices.CompactFunc(all, func(a, b E) bool { return cmp.Compare(a, b) == 0 }))
}

func (orderedSetMerge[E]) Compare(a, b []E) Order { return ascendingOrder(a, b) }

func (orderedSetMerge[E]) Clone(v []E) []E { return slices.Clone(v) }

func (m orderedSetMerge[E]) Caps() Caps[[]E] {
	c := Caps[[]E]{
		Bottom: func() []E { return nil },
		Join: func(a, b []E) []E {
			j := slices.Grow([]E(nil), len(a)+len(b))
			j = append(j, a...)
			m.MergeIn(&j, b)
			return j
		},
		Batch: m.batch,
		Diff: func(base, v []E) []E {
			var d []E
			for _, e := range v {
				if _, found := slices.BinarySearch(base, e); !found {
					d = append(d, e)
				}
			}
			return d
		},
		Atoms: func(v []E) iter.Seq[[]E] {
			return func(yield func([]E) bool) {
				for _, e := range v {
					if !yield([]E{e}) {
						return
					}
				}
			}
		},
	}
	c.Append, c.Decode = orderedSetCodec(m.elem)
	return c
}

// OrderedIntersectOf merges strictly ascending slices by intersection: the
// ordered twin of [IntersectOf]. A merge costs O(|target|·log|delta|) and
// allocates nothing.
func OrderedIntersectOf[E cmp.Ordered]() Merge[[]E] {
	return orderedIntersectMerge[E]{newScalar[E]()}
}

type orderedIntersectMerge[E cmp.Ordered] struct{ elem scalar[E] }

func (orderedIntersectMerge[E]) MergeIn(target *[]E, delta []E) bool {
	t := *target
	keep := 0
	for _, e := range t {
		at, found := slices.BinarySearch(delta, e)
		delta = delta[at:]
		if found {
			t[keep] = e
			keep++
		}
	}
	clear(t[keep:])
	*target = t[:keep]
	return keep < len(t)
}

func (orderedIntersectMerge[E]) Compare(a, b []E) Order { return ascendingOrder(b, a) }

func (orderedIntersectMerge[E]) Clone(v []E) []E { return slices.Clone(v) }

func (m orderedIntersectMerge[E]) Caps() Caps[[]E] {
	c := Caps[[]E]{
		Top: func() []E { return nil },
		Join: func(a, b []E) []E {
			j := slices.Clone(a)
			m.MergeIn(&j, b)
			return j
		},
	}
	c.Append, c.Decode = orderedSetCodec(m.elem)
	return c
}

// ascendingOrder relates two ascending slices by inclusion in one pass.
func ascendingOrder[E cmp.Ordered](a, b []E) Order {
	o := Equal
	for len(a) > 0 && len(b) > 0 && o != Incomparable {
		switch c := cmp.Compare(a[0], b[0]); {
		case c < 0:
			o &= Greater
			a = a[1:]
		case c > 0:
			o &= Less
			b = b[1:]
		default:
			a, b = a[1:], b[1:]
		}
	}
	if len(a) > 0 {
		o &= Greater
	}
	if len(b) > 0 {
		o &= Less
	}
	return o
}

func orderedSetCodec[E cmp.Ordered](s scalar[E]) (func([]byte, []E) []byte, func([]byte) ([]E, []byte, error)) {
	enc := func(dst []byte, v []E) []byte { return appendAscending(dst, s, v) }
	dec := func(src []byte) ([]E, []byte, error) {
		var v []E
		rest, err := decodeAscending(src, s, func(e E) { v = append(v, e) })
		if err != nil {
			return nil, src, err
		}
		return v, rest, nil
	}
	return enc, dec
}
