package lattice

import (
	"fmt"
	"iter"
)

// Option is the plain domain of [WithBottom] and [WithTop]: a value of T, or the
// one element that these add to T, which is the zero Option. Where Some is false
// Val is the zero T; anything else is not of the domain.
type Option[T any] struct {
	Some bool
	Val  T
}

// Some is the Option that holds v; it shares with v what v shares.
func Some[T any](v T) Option[T] { return Option[T]{true, v} }

// None is the Option that holds nothing.
func None[T any]() Option[T] { return Option[T]{} }

// String shows the value, or ∅ where there is none.
func (o Option[T]) String() string {
	if !o.Some {
		return "∅"
	}
	return fmt.Sprint(o.Val)
}

// WithBottom adds a ⊥ below every element of m: [None]. It is for merges without
// one, [Min] over strings, [IntersectOf], [PointOf]'s kind; where m has a ⊥ of its
// own, None lies strictly below that, as an absent key of a map does.
func WithBottom[T any](m Merge[T]) Merge[Option[T]] { return bottomMerge[T]{m} }

type bottomMerge[T any] struct{ m Merge[T] }

func (m bottomMerge[T]) MergeIn(target *Option[T], delta Option[T]) bool {
	switch {
	case !delta.Some:
		return false
	case !target.Some:
		*target = m.Clone(delta)
		return true
	}
	return m.m.MergeIn(&target.Val, delta.Val)
}

func (m bottomMerge[T]) Compare(a, b Option[T]) Order {
	if !a.Some || !b.Some {
		return orderOf(presence(a) - presence(b))
	}
	return m.m.Compare(a.Val, b.Val)
}

func presence[T any](o Option[T]) int {
	if o.Some {
		return 1
	}
	return 0
}

func (m bottomMerge[T]) Clone(v Option[T]) Option[T] { return cloneOption(m.m, v) }

func cloneOption[T any](m Merge[T], v Option[T]) Option[T] {
	if !v.Some {
		return None[T]()
	}
	return Some(m.Clone(v.Val))
}

func (m bottomMerge[T]) valueJoin() func(a, b Option[T]) (Option[T], bool) {
	join := valueJoinOf(m.m)
	if join == nil {
		return nil
	}
	return func(a, b Option[T]) (Option[T], bool) {
		if !a.Some || !b.Some {
			if b.Some {
				return b, true
			}
			return a, false
		}
		v, rose := join(a.Val, b.Val)
		return Some(v), rose
	}
}

func (m bottomMerge[T]) Caps() Caps[Option[T]] {
	inner := CapsOf(m.m)
	c := optionCodec(inner)
	c.Bottom = None[T]
	c.Join = func(a, b Option[T]) Option[T] { return Join[Option[T]](m, a, b) }
	if inner.Top != nil {
		c.Top = func() Option[T] { return Some(inner.Top()) }
	}
	c.Diff = func(base, v Option[T]) Option[T] {
		switch {
		case m.Compare(v, base).Leq():
			return None[T]()
		case base.Some && inner.Diff != nil:
			return Some(inner.Diff(base.Val, v.Val))
		}
		return m.Clone(v)
	}
	if inner.Atoms != nil {
		c.Atoms = func(v Option[T]) iter.Seq[Option[T]] { return m.atoms(inner, v) }
	}
	return c
}

// atoms yields those of the value, or the value itself where that is ⊥ of m:
// being there is information.
func (m bottomMerge[T]) atoms(inner Caps[T], v Option[T]) iter.Seq[Option[T]] {
	return func(yield func(Option[T]) bool) {
		if !v.Some {
			return
		}
		some := false
		for a := range inner.Atoms(v.Val) {
			some = true
			if !yield(Some(a)) {
				return
			}
		}
		if !some {
			yield(m.Clone(v))
		}
	}
}

// WithTop adds a ⊤ above every element of m: [None], "too much to say". Where m
// has a ⊤ of its own, None lies strictly above that.
func WithTop[T any](m Merge[T]) Merge[Option[T]] { return topMerge[T]{m} }

type topMerge[T any] struct{ m Merge[T] }

func (m topMerge[T]) MergeIn(target *Option[T], delta Option[T]) bool {
	switch {
	case !target.Some:
		return false
	case !delta.Some:
		*target = None[T]()
		return true
	}
	return m.m.MergeIn(&target.Val, delta.Val)
}

func (m topMerge[T]) Compare(a, b Option[T]) Order {
	if !a.Some || !b.Some {
		return orderOf(presence(b) - presence(a))
	}
	return m.m.Compare(a.Val, b.Val)
}

func (m topMerge[T]) Clone(v Option[T]) Option[T] { return cloneOption(m.m, v) }

func (m topMerge[T]) valueJoin() func(a, b Option[T]) (Option[T], bool) {
	join := valueJoinOf(m.m)
	if join == nil {
		return nil
	}
	return func(a, b Option[T]) (Option[T], bool) {
		if !a.Some || !b.Some {
			return None[T](), a.Some
		}
		v, rose := join(a.Val, b.Val)
		return Some(v), rose
	}
}

func (m topMerge[T]) Caps() Caps[Option[T]] {
	inner := CapsOf(m.m)
	c := optionCodec(inner)
	c.Top = None[T]
	c.Join = func(a, b Option[T]) Option[T] { return Join[Option[T]](m, a, b) }
	if inner.Bottom != nil {
		c.Bottom = func() Option[T] { return Some(inner.Bottom()) }
		c.Diff = func(base, v Option[T]) Option[T] {
			switch {
			case m.Compare(v, base).Leq():
				return c.Bottom()
			case v.Some && inner.Diff != nil:
				return Some(inner.Diff(base.Val, v.Val))
			}
			return m.Clone(v)
		}
	}
	if inner.Bottom != nil && inner.Atoms != nil {
		c.Atoms = func(v Option[T]) iter.Seq[Option[T]] {
			return func(yield func(Option[T]) bool) {
				if !v.Some {
					yield(v) // ⊤ is no join of lesser elements
					return
				}
				for a := range inner.Atoms(v.Val) {
					if !yield(Some(a)) {
						return
					}
				}
			}
		}
	}
	return c
}

// optionCodec writes 0 for None, and 1 before a value.
func optionCodec[T any](inner Caps[T]) Caps[Option[T]] {
	var c Caps[Option[T]]
	if inner.Append == nil || inner.Decode == nil {
		return c
	}
	c.Append = func(dst []byte, v Option[T]) []byte {
		if !v.Some {
			return append(dst, 0)
		}
		return inner.Append(append(dst, 1), v.Val)
	}
	c.Decode = func(src []byte) (Option[T], []byte, error) {
		if len(src) == 0 || src[0] > 1 {
			return None[T](), src, decodeErr("neither a value nor its absence")
		}
		if src[0] == 0 {
			return None[T](), src[1:], nil
		}
		v, rest, err := inner.Decode(src[1:])
		if err != nil {
			return None[T](), src, err
		}
		return Some(v), rest, nil
	}
	return c
}
