package lattice

import (
	"cmp"
	"encoding/binary"
	"iter"
	"slices"
)

// Entry is one key of an ordered map with its value.
type Entry[K, V any] struct {
	Key K
	Val V
}

// OrderedMapOf merges maps kept as slices with strictly ascending keys, key by
// key with m: the ordered twin of [MapOf], with the same order and the same ⊥.
// Merging costs O(|delta|·log|target|) searches, and a move of the tail of the
// target where a key is new. A slice whose keys do not ascend strictly is not of
// the domain.
func OrderedMapOf[K cmp.Ordered, V any](m Merge[V]) Merge[[]Entry[K, V]] {
	return orderedMapMerge[K, V]{val: m, key: newScalar[K]()}
}

type orderedMapMerge[K cmp.Ordered, V any] struct {
	val Merge[V]
	key scalar[K]
}

// find locates k in v, or the place where it would stand.
func find[K cmp.Ordered, V any](v []Entry[K, V], k K) (int, bool) {
	return slices.BinarySearchFunc(v, k, func(e Entry[K, V], k K) int { return cmp.Compare(e.Key, k) })
}

func (m orderedMapMerge[K, V]) MergeIn(target *[]Entry[K, V], delta []Entry[K, V]) (grew bool) {
	t := *target
	missing := 0
	for i, from := 0, 0; i < len(delta); i++ {
		at, found := find(t[from:], delta[i].Key)
		from += at
		if !found {
			missing++
		} else if m.val.MergeIn(&t[from].Val, delta[i].Val) {
			grew = true
		}
	}
	if missing == 0 {
		return grew
	}
	i, j := len(t)-1, len(delta)-1
	t = slices.Grow(t, missing)[:len(t)+missing]
	for k := len(t) - 1; j >= 0; k-- {
		switch {
		case i < 0 || cmp.Less(t[i].Key, delta[j].Key):
			t[k] = Entry[K, V]{delta[j].Key, m.val.Clone(delta[j].Val)}
			j--
		case cmp.Less(delta[j].Key, t[i].Key):
			t[k] = t[i]
			i--
		default: // merged above
			t[k] = t[i]
			i, j = i-1, j-1
		}
	}
	*target = t
	return true
}

// batch makes one delta of all of them, so that the tail of the target moves once:
// O(D·log D + |target|) for D entries in all.
func (m orderedMapMerge[K, V]) batch(target *[]Entry[K, V], deltas [][]Entry[K, V]) bool {
	if len(deltas) == 1 {
		return m.MergeIn(target, deltas[0])
	}
	all := slices.Concat(deltas...)
	slices.SortStableFunc(all, func(a, b Entry[K, V]) int { return cmp.Compare(a.Key, b.Key) })
	kept := all[:0]
	for first := 0; first < len(all); {
		next := first + 1
		for next < len(all) && cmp.Compare(all[next].Key, all[first].Key) == 0 {
			next++
		}
		e := all[first]
		if next > first+1 {
			e.Val = m.val.Clone(e.Val) // it is merged into, and still is the delta's
			for _, same := range all[first+1 : next] {
				m.val.MergeIn(&e.Val, same.Val)
			}
		}
		kept, first = append(kept, e), next
	}
	return m.MergeIn(target, kept)
}

func (m orderedMapMerge[K, V]) Compare(a, b []Entry[K, V]) Order {
	o := Equal
	for len(a) > 0 && len(b) > 0 && o != Incomparable {
		switch c := cmp.Compare(a[0].Key, b[0].Key); {
		case c < 0:
			o &= Greater
			a = a[1:]
		case c > 0:
			o &= Less
			b = b[1:]
		default:
			o &= m.val.Compare(a[0].Val, b[0].Val)
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

func (m orderedMapMerge[K, V]) Clone(v []Entry[K, V]) []Entry[K, V] {
	if v == nil {
		return nil
	}
	c := make([]Entry[K, V], len(v))
	for i, e := range v {
		c[i] = Entry[K, V]{e.Key, m.val.Clone(e.Val)}
	}
	return c
}

func (m orderedMapMerge[K, V]) Caps() Caps[[]Entry[K, V]] {
	val := CapsOf(m.val)
	c := Caps[[]Entry[K, V]]{
		Bottom: func() []Entry[K, V] { return nil },
		Join: func(a, b []Entry[K, V]) []Entry[K, V] {
			j := m.Clone(a)
			m.MergeIn(&j, b)
			return j
		},
		Batch: m.batch,
		Diff:  func(base, v []Entry[K, V]) []Entry[K, V] { return m.diff(val, base, v) },
	}
	if val.Bottom != nil && val.Atoms != nil {
		c.Atoms = func(v []Entry[K, V]) iter.Seq[[]Entry[K, V]] { return m.atoms(val, v) }
	}
	if val.Append != nil && val.Decode != nil {
		c.Append = func(dst []byte, v []Entry[K, V]) []byte {
			dst = binary.AppendUvarint(dst, uint64(len(v)))
			for _, e := range v {
				dst = val.Append(m.key.append(dst, e.Key), e.Val)
			}
			return dst
		}
		c.Decode = func(src []byte) ([]Entry[K, V], []byte, error) {
			var v []Entry[K, V]
			rest, err := decodeEntries(src, m.key, val, func(k K, x V) { v = append(v, Entry[K, V]{k, x}) })
			if err != nil {
				return nil, src, err
			}
			return v, rest, nil
		}
	}
	return c
}

func (m orderedMapMerge[K, V]) diff(val Caps[V], base, v []Entry[K, V]) []Entry[K, V] {
	var d []Entry[K, V]
	for _, e := range v {
		at, found := find(base, e.Key)
		switch {
		case !found:
			d = append(d, Entry[K, V]{e.Key, m.val.Clone(e.Val)})
		case m.val.Compare(e.Val, base[at].Val).Leq():
		case val.Diff != nil:
			d = append(d, Entry[K, V]{e.Key, val.Diff(base[at].Val, e.Val)})
		default:
			d = append(d, Entry[K, V]{e.Key, m.val.Clone(e.Val)})
		}
	}
	return d
}

func (m orderedMapMerge[K, V]) atoms(val Caps[V], v []Entry[K, V]) iter.Seq[[]Entry[K, V]] {
	return func(yield func([]Entry[K, V]) bool) {
		for _, e := range v {
			some := false
			for a := range val.Atoms(e.Val) {
				some = true
				if !yield([]Entry[K, V]{{e.Key, a}}) {
					return
				}
			}
			if !some && !yield([]Entry[K, V]{{e.Key, val.Bottom()}}) {
				return
			}
		}
	}
}
