package laws

import "github.com/joinery-go/joinery/lattice"

// Semilattice is the algebra: a ⊔ b is associative, commutative and idempotent.
func Semilattice[T any](m lattice.Merge[T], opts ...Option) Set[T] {
	return Set[T]{pin(semilattice(subjectOf(m, opts)))}
}

//go:noinline
func semilattice(s *subject) set {
	return set{
		name:    "semilattice",
		subject: s,
		laws: []law{
			equation("semilattice/associative", "(a ⊔ b) ⊔ c = a ⊔ (b ⊔ c)", 3, "(a ⊔ b) ⊔ c", "a ⊔ (b ⊔ c)",
				func(p *probe, x []any) any { return p.s.join(p.s.join(x[0], x[1]), x[2]) },
				func(p *probe, x []any) any { return p.s.join(x[0], p.s.join(x[1], x[2])) }).ofDistinct(),
			equation("semilattice/commutative", "a ⊔ b = b ⊔ a", 2, "a ⊔ b", "b ⊔ a",
				func(p *probe, x []any) any { return p.s.join(x[0], x[1]) },
				func(p *probe, x []any) any { return p.s.join(x[1], x[0]) }).ofDistinct(),
			idempotent(),
		},
	}
}

// idempotent joins a state with itself and with a copy of it: a merge that looks at
// which memory it was given may do right by the one and wrong by the other.
func idempotent() law {
	return judged("semilattice/idempotent", "a ⊔ a = a", 1, func(p *probe, x []any) (Outcome, func() Sides) {
		for i, other := range []any{x[0], p.Copy(x[0])} {
			if j := p.s.join(x[0], other); !p.Equal(j, x[0]) {
				return Fails, func() Sides {
					return Sides{[]string{"a ⊔ a", "a ⊔ (a copy of a)"}[i], p.Show(j), "a", p.Show(x[0])}
				}
			}
			if p.s.plain {
				break
			}
		}
		return Holds, nil
	})
}

// Lattice is every set of this package that applies to a merge: [Semilattice],
// [Order], [InPlace] and [Bounded].
func Lattice[T any](m lattice.Merge[T], opts ...Option) Set[T] {
	return Set[T]{pin(wholeLattice(subjectOf(m, opts)))}
}

//go:noinline
func wholeLattice(s *subject) set {
	return set{
		name:    "lattice",
		parents: []set{semilattice(s), order(s), inPlace(s), bounded(s)},
		subject: s,
	}
}
