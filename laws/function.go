package laws

import (
	"fmt"
	"reflect"

	"github.com/joinery-go/joinery/gen"
	"github.com/joinery-go/joinery/lattice"
	"github.com/joinery-go/joinery/laws/internal/deep"
)

// Function is a function between lattices.
type Function[A, B any] struct {
	F    func(A) B
	From lattice.Merge[A]
	To   lattice.Merge[B]
	// Equal is the equality of results; nil means that of To's Compare.
	Equal func(a, b B) bool
}

func (f Function[A, B]) equal(a, b B) bool {
	if f.Equal != nil {
		return f.Equal(a, b)
	}
	return f.To.Compare(a, b) == lattice.Equal
}

func (f Function[A, B]) set(name string, opts []Option, laws ...Law[A]) Set[A] {
	s := subjectOf(f.From, opts)
	if f.F == nil || f.From == nil || f.To == nil {
		s.fail(fmt.Errorf("%w: a function needs F, From and To", ErrSetup))
	}
	return Set[A]{Name: name, subject: s, Laws: laws}
}

// Morphism is about functions that respect joins: f(a ⊔ b) = f(a) ⊔ f(b), and
// f(⊥) = ⊥ where both have one. Such a function may be applied to deltas in place
// of states. (Spinach, Table 1.)
func Morphism[A, B any](f Function[A, B], opts ...Option) Set[A] {
	set := f.set("morphism", opts, judged("morphism/joins", "f(a ⊔ b) = f(a) ⊔ f(b)", 2, func(p *Probe[A], x []A) (Outcome, func() Sides) {
		left, right := f.F(p.Join(x[0], x[1])), lattice.Join(f.To, f.F(x[0]), f.F(x[1]))
		return holds(f.equal(left, right)), func() Sides {
			return Sides{"f(a ⊔ b)", deep.Literal(left), "f(a) ⊔ f(b)", deep.Literal(right)}
		}
	}))
	from, to := lattice.CapsOf(f.From).Bottom, lattice.CapsOf(f.To).Bottom
	if from == nil || to == nil {
		set.Absent = append(set.Absent, Absence{"morphism/bottom", "one of the two has no ⊥"})
		return set
	}
	return set.With(judged("morphism/bottom", "f(⊥) = ⊥", 1, func(*Probe[A], []A) (Outcome, func() Sides) {
		got := f.F(from())
		return holds(f.equal(got, to())), func() Sides {
			return Sides{"f(⊥)", deep.Literal(got), "⊥", deep.Literal(to())}
		}
	}))
}

// Monotone is about functions that respect the order: a ⊑ b ⇒ f(a) ⊑ f(b). Each
// pair of the source is also tried as a ⊑ a ⊔ b, so that the premise is met.
func Monotone[A, B any](f Function[A, B], opts ...Option) Set[A] {
	return f.set("monotone", opts, judged("monotone/order", "a ⊑ a ⊔ b ⇒ f(a) ⊑ f(a ⊔ b)", 2, func(p *Probe[A], x []A) (Outcome, func() Sides) {
		low, high := f.F(x[0]), f.F(p.Join(x[0], x[1]))
		return holds(f.To.Compare(low, high).Leq()), func() Sides {
			return Sides{"f(a)", deep.Literal(low), "f(a ⊔ b)", deep.Literal(high)}
		}
	}))
}

// Bimorphism is about functions of two lattices that are morphisms in each
// argument. Its tuples are pairs of arguments.
func Bimorphism[A, B, C any](f func(A, B) C, ma lattice.Merge[A], mb lattice.Merge[B], to lattice.Merge[C], opts ...Option) Set[lattice.Pair[A, B]] {
	type pair = lattice.Pair[A, B]
	equal := func(a, b C) bool { return to.Compare(a, b) == lattice.Equal }
	side := func(id, statement, l, r string, left, right func(x []pair) C) Law[pair] {
		return judged(id, statement, 2, func(_ *Probe[pair], x []pair) (Outcome, func() Sides) {
			lv, rv := left(x), right(x)
			return holds(equal(lv, rv)), func() Sides { return Sides{l, deep.Literal(lv), r, deep.Literal(rv)} }
		})
	}
	set := Set[pair]{Name: "bimorphism", subject: subjectOf(lattice.PairOf(ma, mb), opts), Laws: []Law[pair]{
		side("bimorphism/left", "f(a ⊔ a′, b) = f(a, b) ⊔ f(a′, b), where a is a pair (a, b) and b a pair (a′, b′)",
			"f(a ⊔ a′, b)", "f(a, b) ⊔ f(a′, b)",
			func(x []pair) C { return f(lattice.Join(ma, x[0].First, x[1].First), x[0].Second) },
			func(x []pair) C {
				return lattice.Join(to, f(x[0].First, x[0].Second), f(x[1].First, x[0].Second))
			}),
		side("bimorphism/right", "f(a, b ⊔ b′) = f(a, b) ⊔ f(a, b′), where a is a pair (a, b) and b a pair (a′, b′)",
			"f(a, b ⊔ b′)", "f(a, b) ⊔ f(a, b′)",
			func(x []pair) C { return f(x[0].First, lattice.Join(mb, x[0].Second, x[1].Second)) },
			func(x []pair) C {
				return lattice.Join(to, f(x[0].First, x[0].Second), f(x[0].First, x[1].Second))
			}),
	}}
	a, b, c := lattice.CapsOf(ma).Bottom, lattice.CapsOf(mb).Bottom, lattice.CapsOf(to).Bottom
	if a == nil || b == nil || c == nil {
		set.Absent = []Absence{{"bimorphism/bottom", "one of the three has no ⊥"}}
		return set
	}
	return set.With(judged("bimorphism/bottom", "f(⊥, b) = ⊥ = f(a, ⊥)", 1, func(_ *Probe[pair], x []pair) (Outcome, func() Sides) {
		left, right := f(a(), x[0].Second), f(x[0].First, b())
		return holds(equal(left, c()) && equal(right, c())), func() Sides {
			return Sides{"f(⊥, b)", deep.Literal(left), "f(a, ⊥)", deep.Literal(right)}
		}
	}))
}

// Class is a place in Table 1 of Spinach.
type Class uint8

// The classes, from the one that may be used most freely.
const (
	IsMorphism  Class = iota // may be applied to deltas
	IsTricky                 // monotone, but must be applied to whole states
	NonMonotone              // must wait until its input is complete
)

// String names the class as the paper does.
func (c Class) String() string {
	switch c {
	case IsMorphism:
		return "morphism"
	case IsTricky:
		return "monotone tricky"
	case NonMonotone:
		return "non-monotone"
	}
	return "Class(invalid)"
}

// Classification is the class of a function with a witness against each stronger
// one.
type Classification struct {
	Class Class
	// NotMorphism and NotMonotone refute these classes; they are nil where the
	// class was not refuted.
	NotMorphism, NotMonotone *Failure
	// Cases is how many tuples were judged in all.
	Cases int
	// Err is a set-up error; there is no class then.
	Err error
}

// String is the class and its witnesses.
func (c Classification) String() string {
	if c.Err != nil {
		return c.Err.Error() + "\n"
	}
	text := fmt.Sprintf("%v, by %d cases\n", c.Class, c.Cases)
	for _, f := range []*Failure{c.NotMonotone, c.NotMorphism} {
		if f != nil {
			text += "\n" + f.String()
		}
	}
	return text
}

// Classify places a function in the table: a morphism, monotone but no morphism
// ("monotone tricky"), or not monotone, with the smallest witnesses found against
// what it is not.
func Classify[A, B any](f Function[A, B], source gen.Source[A], o RunOptions, opts ...Option) Classification {
	monotone, morphism := Run(Monotone(f, opts...), source, o), Run(Morphism(f, opts...), source, o)
	c := Classification{NotMonotone: firstFailure(monotone), NotMorphism: firstFailure(morphism), Err: monotone.Err}
	if c.Err == nil {
		c.Err = morphism.Err
	}
	for _, r := range []Report{monotone, morphism} {
		for _, res := range r.Results {
			c.Cases += res.Cases
		}
	}
	switch {
	case c.NotMonotone != nil:
		c.Class = NonMonotone
	case c.NotMorphism != nil:
		c.Class = IsTricky
	}
	return c
}

func firstFailure(r Report) *Failure {
	for _, res := range r.Results {
		if res.Failure != nil {
			return res.Failure
		}
	}
	return nil
}

// typeName names a type as source code does.
func typeName[T any]() string { return deep.TypeName(reflect.TypeFor[T]()) }
