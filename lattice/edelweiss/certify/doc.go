// Package certify checks that a rewritten program of package edelweiss differs
// from its original only in what a certificate lists, and that each entry's premises
// hold. It shares the form of programs with package reclaim and no other code, so
// that a fault in the rewrites is not also a fault of the check.
//
// What follows from a certificate that passes: given the same inputs and the same
// messages in the same timesteps, the outputs of both programs are equal in each,
// provided that seals are true and that a key stands for one tuple. What it does
// not say: that as much as possible is reclaimed.
//
// The argument, for a deletion of a from A. Every use of A is one of: kept, so that
// a has nothing left to contribute; dominated or exhausted, so that no solution
// of the clause contains a, now or later, because what is negated only grows and
// what is joined is complete; or settled, a negation that could only have held
// against a tuple which is gone and whose key cannot come back. See section 4 of the
// paper for the rewrites one by one.
package certify
