// Package kvs is the core of a coordination-free, multi-master key-value store:
// one replica as a pure state machine. Events go in (a message, a timer, a
// finished write to disk), effects come out (messages, timers, records to
// persist, answers), and nothing else happens: the package has no socket, no
// clock, no goroutine and no file. A simulator and a server host the same core.
//
// Every stored value is a lattice and every write a delta of it, so replicas may
// merge in any order and as often as they like. A write is made visible, offered
// to others and acknowledged only when it is durable; a dot (replica incarnation,
// partition sequence) names it for ever and is not reused after a crash, because
// a restart takes a new incarnation.
//
// Reads at the causal level are threshold reads: they wait until the replica has
// applied what the session depends on, and fail at their deadline; they are
// never answered with a stale value. The store refuses transactions, deletes and
// linearizable operations. (Anna, ICDE'18; "Anna 2: Monotonic Boogaloo".)
package kvs
