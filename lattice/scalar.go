package lattice

import (
	"cmp"
	"iter"
	"reflect"
)

// Max merges to the greater of two values. ⊥ is the least value of the type
// (the empty string; NaN for floats, which orders below −Inf), ⊤ the greatest
// where there is one (strings have none). Lawful for every T. Spinach, Table 2.
func Max[T cmp.Ordered]() Merge[T] { return maxMerge[T]{scalar: newScalar[T]()} }

// MaxFrom is [Max] over the values ≥ bottom, which becomes ⊥. Values below
// bottom are not of the domain: they merge, but ⊥ is no identity for them.
func MaxFrom[T cmp.Ordered](bottom T) Merge[T] {
	return maxMerge[T]{scalar: newScalar[T](), from: &bottom}
}

type maxMerge[T cmp.Ordered] struct {
	scalar scalar[T]
	from   *T
}

func (m maxMerge[T]) MergeIn(target *T, delta T) bool {
	if !cmp.Less(*target, delta) {
		return false
	}
	*target = delta
	return true
}

func (maxMerge[T]) Compare(a, b T) Order { return orderOf(cmp.Compare(a, b)) }
func (maxMerge[T]) Clone(v T) T          { return v }

func (maxMerge[T]) joinGrew(a, b T) (T, bool) {
	if cmp.Less(a, b) {
		return b, true
	}
	return a, false
}

func (m maxMerge[T]) valueJoin() func(a, b T) (T, bool) { return m.joinGrew }

func (maxMerge[T]) less() func(a, b T) bool { return cmp.Less[T] }

func (m maxMerge[T]) chain() (reflect.Kind, bool) { return reflect.Kind(m.scalar.kind), false }

func (m maxMerge[T]) Caps() Caps[T] {
	c := chainCaps(m, m.scalar)
	if bottom, ok := m.scalar.least(); ok {
		c.Bottom = func() T { return bottom }
	}
	if m.from != nil {
		bottom := *m.from
		c.Bottom = func() T { return bottom }
	}
	if top, ok := m.scalar.greatest(); ok {
		c.Top = func() T { return top }
	}
	return withChainParts(m, c)
}

// Min merges to the lesser of two values, so the order is reversed: a ⊑ b iff
// a ≥ b. ⊥ is the greatest value of the type; strings have none, and then the
// merge has no Bottom. ⊤ is the least value (NaN for floats). Spinach, Table 2.
func Min[T cmp.Ordered]() Merge[T] { return minMerge[T]{scalar: newScalar[T]()} }

type minMerge[T cmp.Ordered] struct{ scalar scalar[T] }

func (m minMerge[T]) MergeIn(target *T, delta T) bool {
	if !cmp.Less(delta, *target) {
		return false
	}
	*target = delta
	return true
}

func (minMerge[T]) Compare(a, b T) Order { return orderOf(cmp.Compare(b, a)) }
func (minMerge[T]) Clone(v T) T          { return v }

func (minMerge[T]) joinGrew(a, b T) (T, bool) {
	if cmp.Less(b, a) {
		return b, true
	}
	return a, false
}

func (m minMerge[T]) valueJoin() func(a, b T) (T, bool) { return m.joinGrew }

func (minMerge[T]) less() func(a, b T) bool { return func(a, b T) bool { return cmp.Less(b, a) } }

func (m minMerge[T]) chain() (reflect.Kind, bool) { return reflect.Kind(m.scalar.kind), true }

func (m minMerge[T]) Caps() Caps[T] {
	c := chainCaps(m, m.scalar)
	if bottom, ok := m.scalar.greatest(); ok {
		c.Bottom = func() T { return bottom }
	}
	if top, ok := m.scalar.least(); ok {
		c.Top = func() T { return top }
	}
	return withChainParts(m, c)
}

// joinGrewer is how scalars join: the join returned by value, with whether it
// lies strictly above a.
type joinGrewer[T any] interface {
	joinGrew(a, b T) (T, bool)
}

// valueJoiner is implemented by merges that may be able to join by value: their
// states hold nothing that is shared by assignment. A map merge of small values
// through it avoids the address of a copy.
type valueJoiner[T any] interface {
	// valueJoin is nil where a part of the merge cannot join by value.
	valueJoin() func(a, b T) (joined T, grew bool)
}

func valueJoinOf[T any](m Merge[T]) func(a, b T) (T, bool) {
	if v, ok := m.(valueJoiner[T]); ok {
		return v.valueJoin()
	}
	return nil
}

func orderOf(c int) Order {
	switch {
	case c < 0:
		return Less
	case c > 0:
		return Greater
	}
	return Equal
}

func chainCaps[T any](m joinGrewer[T], s scalar[T]) Caps[T] {
	c := Caps[T]{Join: func(a, b T) T {
		j, _ := m.joinGrew(a, b)
		return j
	}}
	c.Append, c.Decode = s.codec()
	return c
}

// withChainParts adds Diff and Atoms to the capabilities of a total order that
// has a bottom: every element but ⊥ is its own and only atom.
func withChainParts[T any](m Merge[T], c Caps[T]) Caps[T] {
	if c.Bottom == nil {
		return c
	}
	bottom := c.Bottom
	c.Diff = func(base, v T) T {
		if m.Compare(v, base).Leq() {
			return bottom()
		}
		return v
	}
	c.Atoms = func(v T) iter.Seq[T] {
		return func(yield func(T) bool) {
			if m.Compare(v, bottom()) != Equal {
				yield(v)
			}
		}
	}
	return c
}
