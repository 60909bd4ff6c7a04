package laws

import (
	"fmt"

	"github.com/joinery-go/joinery/lattice"
)

// Bounded is about the ends of the order: ⊥ changes nothing, ⊤ (where there is
// one) swallows everything, and a part at ⊥ is treated one way throughout (see
// [BottomParts]). Laws about an end that the merge does not have are listed as
// absent.
func Bounded[T any](m lattice.Merge[T], opts ...Option) Set[T] {
	return Set[T]{pin(bounded(subjectOf(m, opts)))}
}

//go:noinline
func bounded(s *subject) set {
	set := set{name: "bounded", subject: s}
	if s.caps.bottom != nil {
		set.laws = append(set.laws, bottomIdentity())
	} else {
		set.absences = append(set.absences, Absence{"bounded/bottom-identity", "the merge has no ⊥"})
	}
	if s.caps.top != nil {
		set.laws = append(set.laws, topAbsorbs())
	} else {
		set.absences = append(set.absences, Absence{"bounded/top-absorbs", "the merge has no ⊤"})
	}
	if s.bottomParts != nil {
		set.laws = append(set.laws, bottomNormalForm(s.bottomParts.choice))
	} else {
		set.absences = append(set.absences, Absence{"bounded/bottom-normal-form", "laws.BottomParts declares no choice"})
	}
	return set
}

func bottomIdentity() law {
	return law{
		Statement: Statement{ID: "bounded/bottom-identity", Text: "⊥ ⊔ a = a = a ⊔ ⊥", Arity: 1},
		eval: func(p *probe, x []any) Outcome {
			return holds(p.Equal(p.Join(p.s.caps.bottom(), x[0]), x[0]) && p.Equal(p.Join(x[0], p.s.caps.bottom()), x[0]))
		},
		explain: func(p *probe, x []any) Sides {
			return Sides{"⊥ ⊔ a", p.Show(p.Join(p.s.caps.bottom(), x[0])),
				"a ⊔ ⊥", fmt.Sprintf("%s with ⊥ = %s", p.Show(p.Join(x[0], p.s.caps.bottom())), p.Show(p.s.caps.bottom()))}
		},
	}
}

func topAbsorbs() law {
	return law{
		Statement: Statement{ID: "bounded/top-absorbs", Text: "⊤ ⊔ a = ⊤ = a ⊔ ⊤", Arity: 1},
		eval: func(p *probe, x []any) Outcome {
			top := p.s.caps.top
			return holds(p.Equal(p.Join(top(), x[0]), top()) && p.Equal(p.Join(x[0], top()), top()))
		},
		explain: func(p *probe, x []any) Sides {
			top := p.s.caps.top
			return Sides{"⊤ ⊔ a", p.Show(p.Join(top(), x[0])),
				"a ⊔ ⊤", fmt.Sprintf("%s with ⊤ = %s", p.Show(p.Join(x[0], top())), p.Show(top()))}
		},
	}
}

func bottomNormalForm(choice BottomChoice) law {
	law := law{
		Statement: Statement{ID: "bounded/bottom-normal-form", Text: "a with an absent part put at ⊥ is the same state as a", Arity: 1},
		explain: func(p *probe, x []any) Sides {
			padded, _ := p.s.bottomParts.pad(p.Copy(x[0]))
			return Sides{"a with a part at ⊥", p.Show(padded),
				"Compare(a, it)", fmt.Sprintf("%v, equal: %t, a ⊔ it = %s", p.Compare(x[0], padded), p.Equal(x[0], padded), p.Show(p.Join(x[0], padded)))}
		},
	}
	want := lattice.Equal
	if choice == AboveAbsent {
		law.Text = "a with an absent part put at ⊥ is strictly above a"
		want = lattice.Less
	}
	law.eval = func(p *probe, x []any) Outcome {
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
