// Package adopters checks merges of public Go libraries, at the versions that go.mod
// pins, by the laws of [github.com/joinery-go/joinery/laws].
//
// It is a module of its own, so that laws takes on none of these libraries, and it
// has nothing but tests: one file a library, with generators of states as a user of
// that library makes them. What holds must hold in every case; what is known not to
// hold must be found under every seed, so that the tests say when either changes. The
// README is the table of both.
//
// It refuses to judge what a library promises: that a merge breaks a law says which
// uses it is not for, and many merges promise no more than they keep.
package adopters
