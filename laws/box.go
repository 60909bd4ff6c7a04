package laws

import (
	"fmt"
	"iter"
	"reflect"

	"github.com/joinery-go/joinery/gen"
	"github.com/joinery-go/joinery/lattice"
	"github.com/joinery-go/joinery/laws/internal/deep"
)

// A box is a state whose type has been forgotten: an any that holds a *T. The laws,
// their runners and the minimiser are compiled once, for boxes; each type brings the
// few small closures of this file. (Compiled for each type, a table of dozens of
// merges made an archive of 130 MB.) A box is mutable memory: whoever merges into one
// copies it first.

func box[T any](v T) any { return &v }

func unbox[T any](b any) T { return *b.(*T) }

// bind is the subject of states of type T, with what does not depend on the form of
// the merge.
func bind[T any](o settings) *subject {
	s := newSubject(reflect.TypeFor[T](), o)
	if s.plain {
		s.copy = func(v any) any { return box(unbox[T](v)) }
	}
	if o.equal == nil {
		setEqual[T](s)
	}
	return s
}

// setEqual chooses the equality where the user gave none: an Equal method on T or *T,
// or structure.
func setEqual[T any](s *subject) {
	var zero T
	_, onValue := any(zero).(interface{ Equal(T) bool })
	_, onPointer := any(&zero).(interface{ Equal(T) bool })
	_, onPointers := any(&zero).(interface{ Equal(*T) bool })
	s.ownEqual = true
	switch {
	case onValue || s.typ.Kind() == reflect.Interface:
		s.ownEqual = onValue // equality of structure honours the method, and looks inside interfaces
	case onPointer:
		s.equal = func(a, b any) bool { return a.(interface{ Equal(T) bool }).Equal(unbox[T](b)) }
	case onPointers:
		s.equal = func(a, b any) bool { return a.(interface{ Equal(*T) bool }).Equal(b.(*T)) }
	default:
		s.ownEqual = false
		if err := deep.Check(s.typ); err != nil {
			s.fail(fmt.Errorf("%w: states cannot be compared: %w; give laws.Equal, or the type an Equal method", ErrSetup, err))
		}
	}
}

// subjectOf binds a merge from lattice.
func subjectOf[T any](m lattice.Merge[T], opts []Option) *subject {
	s := bind[T](settingsOf(opts))
	s.mergeIn = func(target, delta any) bool { return m.MergeIn(target.(*T), unbox[T](delta)) }
	s.compare = func(a, b any) lattice.Order { return m.Compare(unbox[T](a), unbox[T](b)) }
	s.clone = func(v any) any { return box(m.Clone(unbox[T](v))) }
	s.join = func(a, b any) any { return box(lattice.Join(m, unbox[T](a), unbox[T](b))) }
	s.caps = boxCaps(lattice.CapsOf(m))
	s.guards = []law{deltaUnchanged(), cloneIndependent(), deltaNotRetained()}
	return s
}

func boxCaps[T any](c lattice.Caps[T]) lattice.Caps[any] {
	var e lattice.Caps[any]
	if c.Bottom != nil {
		e.Bottom = func() any { return box(c.Bottom()) }
	}
	if c.Top != nil {
		e.Top = func() any { return box(c.Top()) }
	}
	if c.Join != nil {
		e.Join = func(a, b any) any { return box(c.Join(unbox[T](a), unbox[T](b))) }
	}
	if c.Batch != nil {
		e.Batch = func(target *any, deltas []any) bool {
			return c.Batch((*target).(*T), unboxAll[T](deltas))
		}
	}
	if c.Diff != nil {
		e.Diff = func(base, v any) any { return box(c.Diff(unbox[T](base), unbox[T](v))) }
	}
	if c.Atoms != nil {
		e.Atoms = func(v any) iter.Seq[any] {
			return func(yield func(any) bool) {
				for a := range c.Atoms(unbox[T](v)) {
					if !yield(box(a)) {
						return
					}
				}
			}
		}
	}
	if c.Append != nil {
		e.Append = func(dst []byte, v any) []byte { return c.Append(dst, unbox[T](v)) }
	}
	if c.Decode != nil {
		e.Decode = func(src []byte) (any, []byte, error) {
			v, rest, err := c.Decode(src)
			return box(v), rest, err
		}
	}
	return e
}

// boxAll boxes each of the values where it lies.
func boxAll[T any](vs []T) []any {
	out := make([]any, len(vs))
	for i := range vs {
		out[i] = &vs[i]
	}
	return out
}

func unboxAll[T any](bs []any) []T {
	out := make([]T, len(bs))
	for i, b := range bs {
		out[i] = unbox[T](b)
	}
	return out
}

// boxSource draws the same tuples, in boxes.
func boxSource[T any](source gen.Source[T]) gen.Source[any] {
	if source == nil {
		return nil
	}
	return func(d *gen.Draw, x []any) {
		typed := make([]T, len(x))
		source(d, typed)
		for i := range typed {
			x[i] = &typed[i]
		}
	}
}

// boxGen draws the same values, in boxes.
func boxGen[T any](g gen.Gen[T]) gen.Gen[any] {
	return func(d *gen.Draw) any { return box(g(d)) }
}

// boxed is the law over boxes.
func (l Law[T]) boxed() law {
	b := law{Statement: Statement{ID: l.ID, Text: l.Statement, Arity: l.Arity, AtLeast: l.AtLeast}}
	if l.Eval != nil {
		b.eval = func(p *probe, x []any) Outcome { return l.Eval(&Probe[T]{p}, unboxAll[T](x)) }
	}
	if l.Explain != nil {
		b.explain = func(p *probe, x []any) Sides { return l.Explain(&Probe[T]{p}, unboxAll[T](x)) }
	}
	return b
}

// Probe is how a law of the user's own reaches the merge it is about. It belongs to one check
// and is not for use by several goroutines.
type Probe[T any] struct{ p *probe }

// Join returns a ⊔ b without changing either.
func (p *Probe[T]) Join(a, b T) T { return unbox[T](p.p.Join(&a, &b)) }

// MergeIn merges delta into target as the merge does, and returns whether it says
// that the target grew. Merges that return their result are called for it.
func (p *Probe[T]) MergeIn(target *T, delta T) (grew bool) { return p.p.MergeIn(target, &delta) }

// Compare returns the order of a and b that the merge states. It panics where the
// merge states none.
func (p *Probe[T]) Compare(a, b T) lattice.Order { return p.p.Compare(&a, &b) }

// Equal reports whether two states are equal (see the option [Equal]).
func (p *Probe[T]) Equal(a, b T) bool { return p.p.Equal(&a, &b) }

// Copy returns a copy of v that shares nothing with it, without asking the merge.
func (p *Probe[T]) Copy(v T) T { return unbox[T](p.p.Copy(&v)) }

// Fingerprint returns a hash of everything v holds; it changes when v is written
// into.
func (p *Probe[T]) Fingerprint(v *T) uint64 { return p.p.Fingerprint(v) }

// Show prints v for a report.
func (p *Probe[T]) Show(v T) string { return p.p.Show(&v) }
