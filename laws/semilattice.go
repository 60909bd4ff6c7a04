package laws

import "github.com/joinery-go/joinery/lattice"

// Semilattice is the algebra: a ⊔ b is associative, commutative and idempotent.
func Semilattice[T any](m lattice.Merge[T], opts ...Option) Set[T] {
	return Set[T]{semilattice(subjectOf(m, opts))}
}

//go:noinline
func semilattice(s *subject) set {
	return set{
		name:    "semilattice",
		subject: s,
		laws: []law{
			equation("semilattice/associative", "(a ⊔ b) ⊔ c = a ⊔ (b ⊔ c)", 3, "(a ⊔ b) ⊔ c", "a ⊔ (b ⊔ c)",
				func(p *probe, x []any) any { return p.s.join(p.s.join(x[0], x[1]), x[2]) },
				func(p *probe, x []any) any { return p.s.join(x[0], p.s.join(x[1], x[2])) }),
			equation("semilattice/commutative", "a ⊔ b = b ⊔ a", 2, "a ⊔ b", "b ⊔ a",
				func(p *probe, x []any) any { return p.s.join(x[0], x[1]) },
				func(p *probe, x []any) any { return p.s.join(x[1], x[0]) }),
			equation("semilattice/idempotent", "a ⊔ a = a", 1, "a ⊔ a", "a",
				func(p *probe, x []any) any { return p.s.join(x[0], x[0]) },
				func(_ *probe, x []any) any { return x[0] }),
		},
	}
}

// Lattice is every set of this package that applies to a merge: [Semilattice],
// [Order], [InPlace] and [Bounded].
func Lattice[T any](m lattice.Merge[T], opts ...Option) Set[T] {
	return Set[T]{wholeLattice(subjectOf(m, opts))}
}

//go:noinline
func wholeLattice(s *subject) set {
	return set{
		name:    "lattice",
		parents: []set{semilattice(s), order(s), inPlace(s), bounded(s)},
		subject: s,
	}
}
