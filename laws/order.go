package laws

import (
	"fmt"

	"github.com/joinery-go/joinery/lattice"
)

// Order is about Compare: it is the partial order that the merge induces, and
// a ⊔ b is the least upper bound in it. Every law but dual reads only the bit that
// says ⊑, so that a wrong ⊒ is found once and by name.
func Order[T any](m lattice.Merge[T], opts ...Option) Set[T] {
	return Set[T]{pin(order(subjectOf(m, opts)))}
}

//go:noinline
func order(s *subject) set {
	set := set{
		name:    "order",
		subject: s,
		laws: []law{orderAgrees(), orderDual(), orderAntisymmetric(),
			orderTransitive(), orderUpperBound(), orderLeast()},
	}
	if s.chain {
		set.laws = append(set.laws, orderTotal())
	}
	return set
}

// orderTotal is checked where [TotalOrder] was declared.
func orderTotal() law {
	return judged("order/total", "a ⊑ b or b ⊑ a", 2, func(p *probe, x []any) (Outcome, func() Sides) {
		o := p.Compare(x[0], x[1])
		return holds(o != lattice.Incomparable), func() Sides { return Sides{"Compare(a, b)", o.String(), "declared", "a total order"} }
	})
}

func orderAgrees() law {
	return law{
		Statement: Statement{ID: "order/agrees", Text: "a ⊑ b ⇔ a ⊔ b = b", Arity: 2},
		eval: func(p *probe, x []any) Outcome {
			return holds(p.Compare(x[0], x[1]).Leq() == p.Equal(p.Join(x[0], x[1]), x[1]))
		},
		explain: func(p *probe, x []any) Sides {
			o, j := p.Compare(x[0], x[1]), p.Join(x[0], x[1])
			return Sides{"a ⊑ b", fmt.Sprintf("%t (Compare(a, b) = %v)", o.Leq(), o),
				"a ⊔ b = b", fmt.Sprintf("%t (a ⊔ b = %s)", p.Equal(j, x[1]), p.Show(j))}
		},
	}
}

func orderDual() law {
	return law{
		Statement: Statement{ID: "order/dual", Text: "Compare(a, b) is Compare(b, a) turned round", Arity: 2},
		eval: func(p *probe, x []any) Outcome {
			return holds(p.Compare(x[0], x[1]) == p.Compare(x[1], x[0]).Dual())
		},
		explain: func(p *probe, x []any) Sides {
			return Sides{"Compare(a, b)", p.Compare(x[0], x[1]).String(), "Compare(b, a)", p.Compare(x[1], x[0]).String()}
		},
	}
}

func orderAntisymmetric() law {
	return law{
		Statement: Statement{ID: "order/antisymmetric", Text: "a ⊑ b and b ⊑ a ⇒ a = b", Arity: 2},
		eval: func(p *probe, x []any) Outcome {
			if !p.Compare(x[0], x[1]).Leq() || !p.Compare(x[1], x[0]).Leq() {
				return Vacuous
			}
			return holds(p.Equal(x[0], x[1]))
		},
		explain: func(p *probe, x []any) Sides {
			return Sides{"a ⊑ b and b ⊑ a", "true", "a = b", "false"}
		},
	}
}

func orderTransitive() law {
	return law{
		Statement: Statement{ID: "order/transitive", Text: "a ⊑ b and b ⊑ c ⇒ a ⊑ c", Arity: 3},
		eval: func(p *probe, x []any) Outcome {
			if !p.Compare(x[0], x[1]).Leq() || !p.Compare(x[1], x[2]).Leq() {
				return Vacuous
			}
			return holds(p.Compare(x[0], x[2]).Leq())
		},
		explain: func(p *probe, x []any) Sides {
			return Sides{"a ⊑ b and b ⊑ c", "true", "Compare(a, c)", p.Compare(x[0], x[2]).String()}
		},
	}
}

func orderUpperBound() law {
	return law{
		Statement: Statement{ID: "order/upper-bound", Text: "a ⊑ a ⊔ b and b ⊑ a ⊔ b", Arity: 2},
		eval: func(p *probe, x []any) Outcome {
			j := p.Join(x[0], x[1])
			return holds(p.Compare(x[0], j).Leq() && p.Compare(x[1], j).Leq())
		},
		explain: func(p *probe, x []any) Sides {
			j := p.Join(x[0], x[1])
			compared := func(name string, v any) string {
				return fmt.Sprintf("Compare(%s, a ⊔ b) = %v", name, p.Compare(v, j))
			}
			return Sides{"a ⊔ b", p.Show(j), "order", compared("a", x[0]) + ", " + compared("b", x[1])}
		},
	}
}

func orderLeast() law {
	return law{
		Statement: Statement{ID: "order/least", Text: "a ⊑ c and b ⊑ c ⇒ a ⊔ b ⊑ c", Arity: 3},
		eval: func(p *probe, x []any) Outcome {
			if !p.Compare(x[0], x[2]).Leq() || !p.Compare(x[1], x[2]).Leq() {
				return Vacuous
			}
			return holds(p.Compare(p.Join(x[0], x[1]), x[2]).Leq())
		},
		explain: func(p *probe, x []any) Sides {
			j := p.Join(x[0], x[1])
			return Sides{"a ⊔ b", p.Show(j), "Compare(a ⊔ b, c)", p.Compare(j, x[2]).String()}
		},
	}
}
