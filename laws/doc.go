// Package laws checks whether a merge is one.
//
// A law is data: an ID, a statement, an arity and an evaluation. A [Set] of laws
// is bound to a merge and checked against tuples of states, under rapid in
// go test ([Check], [CheckMerge], [CheckMergeIn]), with seeded choices and a
// minimiser of its own outside of it ([Run]), or over every tuple of a small
// universe ([Exhaust]). A failure names the law, its statement, both sides and
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
// The sets follow section 1 of the design's semantics: associativity,
// commutativity and idempotence (Shapiro et al., "Conflict-free Replicated Data
// Types", SSS'11, section 2), the order a merge induces, its bounds, and what an
// in-place merge in Go can break beyond the algebra.
package laws
