package laws

import (
	"fmt"

	"github.com/joinery-go/joinery/lattice"
)

// Order is about Compare: it is the partial order that the merge induces, and
// a ⊔ b is the least upper bound in it. Every law but dual reads only the bit that
// says ⊑, so that a wrong ⊒ is found once and by name.
func Order[T any](m lattice.Merge[T], opts ...Option) Set[T] { return order(subjectOf(m, opts)) }

func order[T any](s *subject[T]) Set[T] {
	set := Set[T]{
		Name:    "order",
		subject: s,
		Laws: []Law[T]{orderAgrees[T](), orderDual[T](), orderAntisymmetric[T](),
			orderTransitive[T](), orderUpperBound[T](), orderLeast[T]()},
	}
	if s.chain {
		set.Laws = append(set.Laws, orderTotal[T]())
	}
	return set
}

// orderTotal is checked where [TotalOrder] was declared.
func orderTotal[T any]() Law[T] {
	return judged("order/total", "a ⊑ b or b ⊑ a", 2, func(p *Probe[T], x []T) (Outcome, func() Sides) {
		o := p.Compare(x[0], x[1])
		return holds(o != lattice.Incomparable), func() Sides { return Sides{"Compare(a, b)", o.String(), "declared", "a total order"} }
	})
}

func orderAgrees[T any]() Law[T] {
	return Law[T]{
		ID: "order/agrees", Statement: "a ⊑ b ⇔ a ⊔ b = b", Arity: 2,
		Eval: func(p *Probe[T], x []T) Outcome {
			return holds(p.Compare(x[0], x[1]).Leq() == p.Equal(p.Join(x[0], x[1]), x[1]))
		},
		Explain: func(p *Probe[T], x []T) Sides {
			o, j := p.Compare(x[0], x[1]), p.Join(x[0], x[1])
			return Sides{"a ⊑ b", fmt.Sprintf("%t (Compare(a, b) = %v)", o.Leq(), o),
				"a ⊔ b = b", fmt.Sprintf("%t (a ⊔ b = %s)", p.Equal(j, x[1]), p.Show(j))}
		},
	}
}

func orderDual[T any]() Law[T] {
	return Law[T]{
		ID: "order/dual", Statement: "Compare(a, b) is Compare(b, a) turned round", Arity: 2,
		Eval: func(p *Probe[T], x []T) Outcome {
			return holds(p.Compare(x[0], x[1]) == p.Compare(x[1], x[0]).Dual())
		},
		Explain: func(p *Probe[T], x []T) Sides {
			return Sides{"Compare(a, b)", p.Compare(x[0], x[1]).String(), "Compare(b, a)", p.Compare(x[1], x[0]).String()}
		},
	}
}

func orderAntisymmetric[T any]() Law[T] {
	return Law[T]{
		ID: "order/antisymmetric", Statement: "a ⊑ b and b ⊑ a ⇒ a = b", Arity: 2,
		Eval: func(p *Probe[T], x []T) Outcome {
			if !p.Compare(x[0], x[1]).Leq() || !p.Compare(x[1], x[0]).Leq() {
				return Vacuous
			}
			return holds(p.Equal(x[0], x[1]))
		},
		Explain: func(p *Probe[T], x []T) Sides {
			return Sides{"a ⊑ b and b ⊑ a", "true", "a = b", "false"}
		},
	}
}

func orderTransitive[T any]() Law[T] {
	return Law[T]{
		ID: "order/transitive", Statement: "a ⊑ b and b ⊑ c ⇒ a ⊑ c", Arity: 3,
		Eval: func(p *Probe[T], x []T) Outcome {
			if !p.Compare(x[0], x[1]).Leq() || !p.Compare(x[1], x[2]).Leq() {
				return Vacuous
			}
			return holds(p.Compare(x[0], x[2]).Leq())
		},
		Explain: func(p *Probe[T], x []T) Sides {
			return Sides{"a ⊑ b and b ⊑ c", "true", "Compare(a, c)", p.Compare(x[0], x[2]).String()}
		},
	}
}

func orderUpperBound[T any]() Law[T] {
	return Law[T]{
		ID: "order/upper-bound", Statement: "a ⊑ a ⊔ b and b ⊑ a ⊔ b", Arity: 2,
		Eval: func(p *Probe[T], x []T) Outcome {
			j := p.Join(x[0], x[1])
			return holds(p.Compare(x[0], j).Leq() && p.Compare(x[1], j).Leq())
		},
		Explain: func(p *Probe[T], x []T) Sides {
			j := p.Join(x[0], x[1])
			compared := func(name string, v T) string {
				return fmt.Sprintf("Compare(%s, a ⊔ b) = %v", name, p.Compare(v, j))
			}
			return Sides{"a ⊔ b", p.Show(j), "order", compared("a", x[0]) + ", " + compared("b", x[1])}
		},
	}
}

func orderLeast[T any]() Law[T] {
	return Law[T]{
		ID: "order/least", Statement: "a ⊑ c and b ⊑ c ⇒ a ⊔ b ⊑ c", Arity: 3,
		Eval: func(p *Probe[T], x []T) Outcome {
			if !p.Compare(x[0], x[2]).Leq() || !p.Compare(x[1], x[2]).Leq() {
				return Vacuous
			}
			return holds(p.Compare(p.Join(x[0], x[1]), x[2]).Leq())
		},
		Explain: func(p *Probe[T], x []T) Sides {
			j := p.Join(x[0], x[1])
			return Sides{"a ⊔ b", p.Show(j), "Compare(a ⊔ b, c)", p.Compare(j, x[2]).String()}
		},
	}
}
