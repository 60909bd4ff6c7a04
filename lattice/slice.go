package lattice

import (
	"encoding/binary"
	"iter"
)

// SliceOf merges slices position by position with m: a ⊑ b iff a is no longer
// than b and a[i] ⊑ b[i] at each of its positions. ⊥ is the empty slice; a
// position that is missing lies strictly below the same position at ⊥ of m, as an
// absent key of [MapOf] does. There is no ⊤, since there is always a longer slice.
// A merge costs O(|delta|) merges of elements. Atoms and Diff exist where m has a
// ⊥ to fill positions with. (The vector of lattices of Hydro's VecUnion.)
func SliceOf[V any](m Merge[V]) Merge[[]V] {
	return sliceMerge[V]{val: m, caps: CapsOf(m)}
}

type sliceMerge[V any] struct {
	val  Merge[V]
	caps Caps[V]
}

func (m sliceMerge[V]) MergeIn(target *[]V, delta []V) (grew bool) {
	t := *target
	common := min(len(t), len(delta))
	for i := range common {
		if m.val.MergeIn(&t[i], delta[i]) {
			grew = true
		}
	}
	for _, v := range delta[common:] {
		t = append(t, m.val.Clone(v))
		grew = true
	}
	*target = t
	return grew
}

func (m sliceMerge[V]) Compare(a, b []V) Order {
	o := orderOf(len(a) - len(b))
	for i := range min(len(a), len(b)) {
		if o == Incomparable {
			return o
		}
		o &= m.val.Compare(a[i], b[i])
	}
	return o
}

func (m sliceMerge[V]) Clone(v []V) []V {
	c := make([]V, len(v))
	for i, x := range v {
		c[i] = m.val.Clone(x)
	}
	return c
}

func (m sliceMerge[V]) Caps() Caps[[]V] {
	c := Caps[[]V]{
		Bottom: func() []V { return nil },
		Join:   func(a, b []V) []V { return Join[[]V](m, a, b) },
	}
	if m.caps.Bottom != nil {
		c.Diff = m.diff
		if m.caps.Atoms != nil {
			c.Atoms = m.atoms
		}
	}
	if m.caps.Append != nil && m.caps.Decode != nil {
		c.Append, c.Decode = m.append, m.decode
	}
	return c
}

// diff ends at the last position where v says something new.
func (m sliceMerge[V]) diff(base, v []V) []V {
	end := len(v)
	for end > 0 && end <= len(base) && m.val.Compare(v[end-1], base[end-1]).Leq() {
		end--
	}
	d := make([]V, end)
	for i := range d {
		switch {
		case i >= len(base):
			d[i] = m.val.Clone(v[i])
		case m.val.Compare(v[i], base[i]).Leq():
			d[i] = m.caps.Bottom()
		case m.caps.Diff != nil:
			d[i] = m.caps.Diff(base[i], v[i])
		default:
			d[i] = m.val.Clone(v[i])
		}
	}
	return d
}

// atoms yields ⊥, …, ⊥, a for each atom a of each position; the length is
// information of its own only where the last position has no atom.
func (m sliceMerge[V]) atoms(v []V) iter.Seq[[]V] {
	return func(yield func([]V) bool) {
		for i, x := range v {
			some := false
			for a := range m.caps.Atoms(x) {
				some = true
				if !yield(append(m.bottoms(i), a)) {
					return
				}
			}
			if !some && i == len(v)-1 && !yield(m.bottoms(len(v))) {
				return
			}
		}
	}
}

func (m sliceMerge[V]) bottoms(n int) []V {
	s := make([]V, n, n+1)
	for i := range s {
		s[i] = m.caps.Bottom()
	}
	return s
}

// append gives an element that encodes to nothing a byte of its own, so that a
// count never promises more than the bytes that follow.
func (m sliceMerge[V]) append(dst []byte, v []V) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(v)))
	for _, x := range v {
		before := len(dst)
		if dst = m.caps.Append(dst, x); len(dst) == before {
			dst = append(dst, 0)
		}
	}
	return dst
}

func (m sliceMerge[V]) decode(src []byte) ([]V, []byte, error) {
	n, rest, err := decodeLen(src)
	if err != nil {
		return nil, src, err
	}
	var v []V
	for range n {
		x, after, err := m.caps.Decode(rest)
		if err != nil {
			return nil, src, err
		}
		if len(after) == len(rest) {
			if len(rest) == 0 || rest[0] != 0 {
				return nil, src, decodeErr("no place for an element without an encoding")
			}
			after = rest[1:]
		}
		rest = after
		v = append(v, x)
	}
	return v, rest, nil
}
