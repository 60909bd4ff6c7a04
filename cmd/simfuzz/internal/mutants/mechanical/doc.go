// Package mechanical derives mutants from source: small faults that a slip of the
// hand could leave, made by rule from the syntax and types of Go packages, so that
// who wrote the oracles has no say in what they are asked to see.
//
// The operators are those of mutation testing since Mothra (King and Offutt, "A
// Fortran language system for mutation-based software testing", 1991), cut to what
// protocol code offers; [Kinds] lists them. Each mutation is one edit of one file. A
// sample of them is drawn by a hash of the seed and of what the mutation changes, so
// that it stays mostly the same while the source around it changes.
//
// Many mutations share one build, as a mutant schema (Untch, Offutt and Harrold,
// ISSTA'93): each mutated function is copied once a mutation, and the original begins
// with a switch that an environment variable sets; see [NewSchema]. Mutations outside
// functions cannot be switched and take a build each.
//
// Mutations that the compiler turns into the same machine code as the original, or as
// an earlier mutation, are told by [ObjectCode] ("trivial compiler equivalence",
// Papadakis et al., ICSE'15); code of generic functions that the package itself does
// not instantiate cannot be compared, and such mutations count as different.
//
// What it does not mutate: tests, generated files, calls of panic and what stands in
// them, an if that does nothing but panic, strings, types, imports, and declarations
// that a statement introduces.
package mechanical
