package laws

import (
	"reflect"

	"github.com/joinery-go/joinery/gen"
	"github.com/joinery-go/joinery/lattice"
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
	if s.plain && !s.cloned {
		s.copy = func(v any) any { return box(unbox[T](v)) }
	}
	if o.equal == nil && o.state == nil {
		s.chooseEqual(ownEqual[T])
	}
	s.varied()
	return s
}

// ownEqual compares by the Equal method that T has, or *T. It is one function, and not
// one for each form of the method, because it is compiled for each type.
func ownEqual[T any](a, b any) bool {
	switch v := a.(type) {
	case interface{ Equal(T) bool }:
		return v.Equal(unbox[T](b))
	case interface{ Equal(*T) bool }:
		return v.Equal(b.(*T))
	}
	panic("laws: internal: a state without the Equal method that its type has")
}

// subjectOf binds a merge from lattice.
func subjectOf[T any](m lattice.Merge[T], opts []Option) *subject {
	s := bind[T](settingsOf(opts))
	s.merge = lattice.NameOf(m)
	caps := lattice.CapsOf(m)
	var has capabilities
	has[opBottom], has[opTop], has[opDiff] = caps.Bottom != nil, caps.Top != nil, caps.Diff != nil
	has[opOwnJoin], has[opBatch], has[opAtoms] = caps.Join != nil, caps.Batch != nil, caps.Atoms != nil
	has[opAppend], has[opDecode] = caps.Append != nil, caps.Decode != nil
	s.operate(has, func(o operation, a, b any, list []any, bytes []byte) (v any, n int, rest []byte, err error) {
		switch o {
		case opMergeIn:
			return nil, asInt(m.MergeIn(a.(*T), unbox[T](b))), nil, nil
		case opCompare:
			return nil, int(m.Compare(unbox[T](a), unbox[T](b))), nil, nil
		case opClone:
			return box(m.Clone(unbox[T](a))), 0, nil, nil
		case opJoin:
			return box(lattice.Join(m, unbox[T](a), unbox[T](b))), 0, nil, nil
		case opBottom:
			return box(caps.Bottom()), 0, nil, nil
		case opTop:
			return box(caps.Top()), 0, nil, nil
		case opOwnJoin:
			return box(caps.Join(unbox[T](a), unbox[T](b))), 0, nil, nil
		case opBatch:
			return nil, asInt(caps.Batch(a.(*T), unboxAll[T](list))), nil, nil
		case opDiff:
			return box(caps.Diff(unbox[T](a), unbox[T](b))), 0, nil, nil
		case opAtoms:
			for atom := range caps.Atoms(unbox[T](a)) {
				list = append(list, box(atom))
			}
			return list, 0, nil, nil
		case opAppend:
			return nil, 0, caps.Append(bytes, unbox[T](a)), nil
		}
		d, rest, err := caps.Decode(bytes)
		return box(d), 0, rest, err
	})
	return s
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
//
//go:noinline
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
//
//go:noinline
func boxGen[T any](g gen.Gen[T]) gen.Gen[any] {
	return func(d *gen.Draw) any { return box(g(d)) }
}

// boxLaw is the law over boxes.
func boxLaw[T any](l *Law[T]) law {
	b := law{Statement: Statement{ID: l.ID, Text: l.Statement, Arity: l.Arity, AtLeast: l.AtLeast}}
	if eval := l.Eval; eval != nil {
		b.eval = func(p *probe, x []any) Outcome { return eval(&Probe[T]{p}, unboxAll[T](x)) }
	}
	if explain := l.Explain; explain != nil {
		b.explain = func(p *probe, x []any) Sides { return explain(&Probe[T]{p}, unboxAll[T](x)) }
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
