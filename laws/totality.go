package laws

import (
	"fmt"

	"github.com/joinery-go/joinery/lattice"
)

// Totality is about the whole domain: any two states merge, without panic, and
// what comes of it is a state of the domain again (see [Valid]), equal to itself,
// with which everything can be done. Under [Watch] merging must come to an end.
func Totality[T any](m lattice.Merge[T], opts ...Option) Set[T] {
	return Set[T]{pin(totality(subjectOf(m, opts)))}
}

//go:noinline
func totality(s *subject) set {
	set := set{name: "totality", subject: s, laws: []law{everyPairMerges()}}
	if s.valid == nil {
		set.absences = append(set.absences, Absence{"totality/defined", "laws.Valid declares no domain"})
		return set
	}
	set.laws = append(set.laws, resultDefined())
	return set
}

func everyPairMerges() law {
	return judged("totality/merges", "a ⊔ b and Compare(a, b) are defined for every a and b", 2, func(p *probe, x []any) (Outcome, func() Sides) {
		left, right := p.Join(x[0], x[1]), p.Join(x[1], x[0])
		for _, j := range []any{left, right} {
			if !p.Equal(j, j) || p.Compare(j, j) > lattice.Equal || p.Compare(x[0], j) > lattice.Equal {
				return Fails, func() Sides {
					return Sides{"a ⊔ b", p.Show(j), "itself", fmt.Sprintf("equal: %t, Compare: %v", p.Equal(j, j), p.Compare(j, j))}
				}
			}
		}
		return Holds, nil
	})
}

// defined is the law of the domain for sets of plain functions, where [Valid] declares one.
func (s *subject) defined() []law {
	if s.valid == nil {
		return nil
	}
	return []law{resultDefined()}
}

func resultDefined() law {
	return judged("totality/defined", "a and b of the domain ⇒ a ⊔ b of the domain", 2, func(p *probe, x []any) (Outcome, func() Sides) {
		if p.s.valid(x[0]) != nil || p.s.valid(x[1]) != nil {
			return Vacuous, nil
		}
		j := p.Join(x[0], x[1])
		err := p.s.valid(j)
		return holds(err == nil), func() Sides {
			return Sides{"a ⊔ b", p.Show(j), "the domain", fmt.Sprintf("refused: %v", err)}
		}
	})
}
