package laws

import (
	"fmt"

	"github.com/joinery-go/joinery/gen"
	"github.com/joinery-go/joinery/lattice"
)

// Function is a function between lattices; see [lattice.Function].
type Function[A, B any] = lattice.Function[A, B]

// arrow is a Function over boxes.
type arrow struct {
	from  *subject
	f     func(any) any
	to    *subject
	equal func(a, b any) bool
	name  string // what lattice.NameOf names f
}

// between names a function and the merges of what it leads from and to.
type between struct{ name, from, to string }

func (f arrow) between() between { return between{f.name, f.from.merge, f.to.merge} }

func arrowOf[A, B any](f Function[A, B], opts []Option) arrow {
	if f.F == nil || f.From == nil || f.To == nil {
		s := bind[A](settingsOf(opts))
		s.fail(fmt.Errorf("%w: a function needs F, From and To", ErrSetup))
		return arrow{from: s, to: s}
	}
	return arrow{
		from:  subjectOf(f.From, opts),
		f:     func(v any) any { return box(f.F(unbox[A](v))) },
		to:    subjectOf(f.To, nil),
		equal: func(a, b any) bool { return f.Same(unbox[B](a), unbox[B](b)) },
		name:  lattice.NameOf(f.F),
	}
}

// Morphism is about functions that respect joins: f(a ⊔ b) = f(a) ⊔ f(b), and
// f(⊥) = ⊥ where both have one. Such a function may be applied to deltas in place
// of states. (Spinach, Table 1.)
func Morphism[A, B any](f Function[A, B], opts ...Option) Set[A] {
	return Set[A]{pin(arrowOf(f, opts).morphism())}
}

func (f arrow) morphism() set {
	set := set{name: "morphism", subject: f.from, about: f.between(), laws: []law{
		judged("morphism/joins", "f(a ⊔ b) = f(a) ⊔ f(b)", 2, func(p *probe, x []any) (Outcome, func() Sides) {
			left, right := f.f(p.Join(x[0], x[1])), f.to.join(f.f(x[0]), f.f(x[1]))
			return holds(f.equal(left, right)), func() Sides {
				return Sides{"f(a ⊔ b)", f.to.show(left), "f(a) ⊔ f(b)", f.to.show(right)}
			}
		})}}
	from, to := f.from.caps.bottom, f.to.caps.bottom
	if from == nil || to == nil {
		set.absences = append(set.absences, Absence{"morphism/bottom", "one of the two has no ⊥"})
		return set
	}
	set.laws = append(set.laws, judged("morphism/bottom", "f(⊥) = ⊥", 1, func(*probe, []any) (Outcome, func() Sides) {
		got := f.f(from())
		return holds(f.equal(got, to())), func() Sides {
			return Sides{"f(⊥)", f.to.show(got), "⊥", f.to.show(to())}
		}
	}))
	return set
}

// Monotone is about functions that respect the order: a ⊑ b ⇒ f(a) ⊑ f(b). Each
// pair of the source is also tried as a ⊑ a ⊔ b, so that the premise is met.
func Monotone[A, B any](f Function[A, B], opts ...Option) Set[A] {
	return Set[A]{pin(arrowOf(f, opts).monotone())}
}

func (f arrow) monotone() set {
	return set{name: "monotone", subject: f.from, about: f.between(), laws: []law{
		judged("monotone/order", "a ⊑ a ⊔ b ⇒ f(a) ⊑ f(a ⊔ b)", 2, func(p *probe, x []any) (Outcome, func() Sides) {
			low, high := f.f(x[0]), f.f(p.Join(x[0], x[1]))
			return holds(f.to.compare(low, high).Leq()), func() Sides {
				return Sides{"f(a)", f.to.show(low), "f(a ⊔ b)", f.to.show(high)}
			}
		})}}
}

// Bimorphism is about functions of two lattices that are morphisms in each
// argument. Its tuples are pairs of arguments.
func Bimorphism[A, B, C any](f func(A, B) C, ma lattice.Merge[A], mb lattice.Merge[B], to lattice.Merge[C], opts ...Option) Set[lattice.Pair[A, B]] {
	type pair = lattice.Pair[A, B]
	return Set[pair]{pin(bimorphism{
		pairs: subjectOf(lattice.PairOf(ma, mb), opts), a: subjectOf(ma, nil), b: subjectOf(mb, nil), to: subjectOf(to, nil),
		f:    func(a, b any) any { return box(f(unbox[A](a), unbox[B](b))) },
		name: lattice.NameOf(f),
		parts: func(p any) (a, b any) {
			typed := p.(*pair)
			return &typed.First, &typed.Second
		},
	}.set())}
}

// bimorphism is a function of two arguments over boxes.
type bimorphism struct {
	pairs, a, b, to *subject
	f               func(a, b any) any
	parts           func(pair any) (a, b any)
	name            string
}

func (f bimorphism) set() set {
	equal := func(a, b any) bool { return f.to.compare(a, b) == lattice.Equal }
	side := func(id, text, l, r string, left, right func(a, b, a2, b2 any) any) law {
		return judged(id, text, 2, func(_ *probe, x []any) (Outcome, func() Sides) {
			a, b := f.parts(x[0])
			a2, b2 := f.parts(x[1])
			lv, rv := left(a, b, a2, b2), right(a, b, a2, b2)
			return holds(equal(lv, rv)), func() Sides { return Sides{l, f.to.show(lv), r, f.to.show(rv)} }
		})
	}
	set := set{name: "bimorphism", subject: f.pairs, about: between{f.name, f.pairs.merge, f.to.merge}, laws: []law{
		side("bimorphism/left", "f(a ⊔ a′, b) = f(a, b) ⊔ f(a′, b), where a is a pair (a, b) and b a pair (a′, b′)",
			"f(a ⊔ a′, b)", "f(a, b) ⊔ f(a′, b)",
			func(a, b, a2, _ any) any { return f.f(f.a.join(a, a2), b) },
			func(a, b, a2, _ any) any { return f.to.join(f.f(a, b), f.f(a2, b)) }),
		side("bimorphism/right", "f(a, b ⊔ b′) = f(a, b) ⊔ f(a, b′), where a is a pair (a, b) and b a pair (a′, b′)",
			"f(a, b ⊔ b′)", "f(a, b) ⊔ f(a, b′)",
			func(a, b, _, b2 any) any { return f.f(a, f.b.join(b, b2)) },
			func(a, b, _, b2 any) any { return f.to.join(f.f(a, b), f.f(a, b2)) }),
	}}
	a, b, c := f.a.caps.bottom, f.b.caps.bottom, f.to.caps.bottom
	if a == nil || b == nil || c == nil {
		set.absences = []Absence{{"bimorphism/bottom", "one of the three has no ⊥"}}
		return set
	}
	set.laws = append(set.laws, judged("bimorphism/bottom", "f(⊥, b) = ⊥ = f(a, ⊥)", 1, func(_ *probe, x []any) (Outcome, func() Sides) {
		first, second := f.parts(x[0])
		left, right := f.f(a(), second), f.f(first, b())
		return holds(equal(left, c()) && equal(right, c())), func() Sides {
			return Sides{"f(⊥, b)", f.to.show(left), "f(a, ⊥)", f.to.show(right)}
		}
	}))
	return set
}

// Class is a place in Table 1 of Spinach; see [lattice.Class].
type Class = lattice.Class

// The classes, from the one that may be used most freely.
const (
	IsMorphism  = lattice.IsMorphism
	IsTricky    = lattice.IsTricky
	NonMonotone = lattice.NonMonotone
)

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

	evidence lattice.Evidence
}

// Evidence is what [Classify] leaves behind, for package lattice/flow: that the function
// is in the class on the cases judged. It is none where there was an error, or where the
// class is that of all functions.
func (c Classification) Evidence() lattice.Evidence { return c.evidence }

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
		c.Class, c.evidence = IsTricky, monotone.evidence
	default:
		c.evidence = morphism.evidence
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
