// Package handout shares out what is left to do of a campaign that workers have in common: a
// failing tape to be shrunk, a small one to be bisected, seeds that nobody has run. Who is to
// do what next a NATS server says, with JetStream: it hands each task to one worker, and to
// another if that one dies of it.
//
// The campaign's bucket stays the truth. What is to be done follows from what is in it
// ([Outstanding]), and what was done is in it before the server hears of it. So the server may
// be lost, with all that it knew, be restarted empty, or never have been there: workers then
// choose for themselves, and may do something twice, which the bucket takes as once.
//
// The package is a module of its own, so that nobody else depends on NATS. It uses a clock and
// goroutines: it is around the simulator, not within.
package handout
