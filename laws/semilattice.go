package laws

import "github.com/joinery-go/joinery/lattice"

// Semilattice is the algebra: a ⊔ b is associative, commutative and idempotent.
func Semilattice[T any](m lattice.Merge[T], opts ...Option) Set[T] {
	return semilattice(subjectOf(m, opts))
}

func semilattice[T any](s *subject[T]) Set[T] {
	return Set[T]{
		Name:    "semilattice",
		subject: s,
		Laws: []Law[T]{
			equation("semilattice/associative", "(a ⊔ b) ⊔ c = a ⊔ (b ⊔ c)", 3, "(a ⊔ b) ⊔ c", "a ⊔ (b ⊔ c)",
				func(p *Probe[T], x []T) T { return p.s.join(p.s.join(x[0], x[1]), x[2]) },
				func(p *Probe[T], x []T) T { return p.s.join(x[0], p.s.join(x[1], x[2])) }),
			equation("semilattice/commutative", "a ⊔ b = b ⊔ a", 2, "a ⊔ b", "b ⊔ a",
				func(p *Probe[T], x []T) T { return p.s.join(x[0], x[1]) },
				func(p *Probe[T], x []T) T { return p.s.join(x[1], x[0]) }),
			equation("semilattice/idempotent", "a ⊔ a = a", 1, "a ⊔ a", "a",
				func(p *Probe[T], x []T) T { return p.s.join(x[0], x[0]) },
				func(_ *Probe[T], x []T) T { return x[0] }),
		},
	}
}

// Lattice is every set of this package that applies to a merge: [Semilattice],
// [Order], [InPlace] and [Bounded].
func Lattice[T any](m lattice.Merge[T], opts ...Option) Set[T] {
	return latticeOf(subjectOf(m, opts))
}

func latticeOf[T any](s *subject[T]) Set[T] {
	return Set[T]{
		Name:    "lattice",
		Parents: []Set[T]{semilattice(s), order(s), inPlace(s), bounded(s)},
		subject: s,
	}
}
