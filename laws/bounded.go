package laws

import (
	"fmt"

	"github.com/joinery-go/joinery/lattice"
)

// Bounded is about the ends of the order: ⊥ changes nothing, ⊤ (where there is
// one) swallows everything, and a part at ⊥ is treated one way throughout (see
// [BottomParts]). Laws about an end that the merge does not have are listed as
// absent.
func Bounded[T any](m lattice.Merge[T], opts ...Option) Set[T] { return bounded(subjectOf(m, opts)) }

func bounded[T any](s *subject[T]) Set[T] {
	set := Set[T]{Name: "bounded", subject: s}
	if s.caps.Bottom != nil {
		set.Laws = append(set.Laws, bottomIdentity[T]())
	} else {
		set.Absent = append(set.Absent, Absence{"bounded/bottom-identity", "the merge has no ⊥"})
	}
	if s.caps.Top != nil {
		set.Laws = append(set.Laws, topAbsorbs[T]())
	} else {
		set.Absent = append(set.Absent, Absence{"bounded/top-absorbs", "the merge has no ⊤"})
	}
	if s.bottomParts != nil {
		set.Laws = append(set.Laws, bottomNormalForm[T](s.bottomParts.choice))
	} else {
		set.Absent = append(set.Absent, Absence{"bounded/bottom-normal-form", "laws.BottomParts declares no choice"})
	}
	return set
}

func bottomIdentity[T any]() Law[T] {
	return Law[T]{
		ID: "bounded/bottom-identity", Statement: "⊥ ⊔ a = a = a ⊔ ⊥", Arity: 1,
		Eval: func(p *Probe[T], x []T) Outcome {
			return holds(p.Equal(p.Join(p.s.caps.Bottom(), x[0]), x[0]) && p.Equal(p.Join(x[0], p.s.caps.Bottom()), x[0]))
		},
		Explain: func(p *Probe[T], x []T) Sides {
			return Sides{"⊥ ⊔ a", p.Show(p.Join(p.s.caps.Bottom(), x[0])),
				"a ⊔ ⊥", fmt.Sprintf("%s with ⊥ = %s", p.Show(p.Join(x[0], p.s.caps.Bottom())), p.Show(p.s.caps.Bottom()))}
		},
	}
}

func topAbsorbs[T any]() Law[T] {
	return Law[T]{
		ID: "bounded/top-absorbs", Statement: "⊤ ⊔ a = ⊤ = a ⊔ ⊤", Arity: 1,
		Eval: func(p *Probe[T], x []T) Outcome {
			top := p.s.caps.Top
			return holds(p.Equal(p.Join(top(), x[0]), top()) && p.Equal(p.Join(x[0], top()), top()))
		},
		Explain: func(p *Probe[T], x []T) Sides {
			top := p.s.caps.Top
			return Sides{"⊤ ⊔ a", p.Show(p.Join(top(), x[0])),
				"a ⊔ ⊤", fmt.Sprintf("%s with ⊤ = %s", p.Show(p.Join(x[0], top())), p.Show(top()))}
		},
	}
}

func bottomNormalForm[T any](choice BottomChoice) Law[T] {
	law := Law[T]{
		ID: "bounded/bottom-normal-form", Arity: 1,
		Statement: "a with an absent part put at ⊥ is the same state as a",
		Explain: func(p *Probe[T], x []T) Sides {
			padded, _ := p.s.bottomParts.pad(p.Copy(x[0]))
			return Sides{"a with a part at ⊥", p.Show(padded),
				"Compare(a, it)", fmt.Sprintf("%v, equal: %t, a ⊔ it = %s", p.Compare(x[0], padded), p.Equal(x[0], padded), p.Show(p.Join(x[0], padded)))}
		},
	}
	want := lattice.Equal
	if choice == AboveAbsent {
		law.Statement = "a with an absent part put at ⊥ is strictly above a"
		want = lattice.Less
	}
	law.Eval = func(p *Probe[T], x []T) Outcome {
		padded, ok := p.s.bottomParts.pad(p.Copy(x[0]))
		if !ok {
			return Vacuous
		}
		return holds(p.Compare(x[0], padded) == want &&
			p.Equal(x[0], padded) == (want == lattice.Equal) &&
			p.Equal(p.Join(x[0], padded), padded))
	}
	return law
}
