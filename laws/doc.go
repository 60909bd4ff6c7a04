// Package laws checks whether a merge is one.
//
// The doors are one line each: [CheckMerge] for a func(a, b S) S, [CheckMergeIn] for a
// func(dst *S, delta S), and others beside them for what is less than a semilattice, or
// more. Each takes a generator of states and checks every law as a subtest.
//
// A law is data: an ID, a statement, an arity and an evaluation. A [Set] of laws
// is bound to a merge and checked against tuples of states: under go test ([Check]),
// with seeded choices anywhere ([Run]), or over every tuple of a small universe
// ([Exhaust]). The states of a tuple are related: each may be one before it with a part
// drawn anew, or a join of those, so that parts tie and chains occur whatever the
// ranges they are drawn from. A failure names the law, its statement, both sides and
// the states as Go literals.
//
// The package trusts nothing it is given. States are compared and printed by
// looking inside them, the arguments of every evaluation are fingerprinted, so
// that a merge that writes into them is reported as what it is, a panic is a
// failure of the law that met it, and a law whose premise never held fails as
// never exercised instead of passing.
//
// It refuses to prove: a check that passes has seen a number of cases, or all
// cases of a stated scope, and says which. It knows nothing of time, networks or
// stores.
//
// The sets are associativity, commutativity and idempotence (Shapiro et al.,
// "Conflict-free Replicated Data Types", SSS'11, section 2), the order a merge induces,
// its bounds, and what an in-place merge in Go can break beyond the algebra.
package laws
