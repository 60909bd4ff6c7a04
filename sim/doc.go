// Package sim runs distributed protocols in virtual time, deterministically, with
// every fault a decision that a tape can hold (semantics of the design, section
// 4; the wheel follows Varghese and Lauck's timing wheels).
//
// # How to use it
//
// A protocol is an [Actor] a node: Start, Receive and Timer, each given a
// [Context] with which to send bytes, arm timers, ask for choices and use the
// node's device. A [World] runs it:
//
//	w, err := sim.New(sim.Options{
//		Nodes:   3,
//		Factory: func(n sim.NodeID) sim.Actor { return &server{} },
//		Source:  choice.Seeded(seed), // or a replay, rapid, fuzzing bytes, …
//		Net:     network,             // from sim/net; nil is a perfect one
//	})
//	err = w.Inject(10*sim.Millisecond, 0, 42) // operation 42, to an Inputter
//	err = w.Heal(sim.Second)                  // safety phase ends: no more faults
//	err = w.RunUntil(sim.Second)
//	since, err := w.RunUntilQuiet(10 * sim.Second) // liveness phase: must come to rest
//
// and afterwards actors, [World.Hash], [World.Stats] and [World.Marks] say what
// came of it. Clients of the protocol are nodes too, and the host may
// [World.Crash] and [World.Restart] nodes itself. [World.Reset] reuses memory
// from run to run.
//
// # Decisions and lineage
//
// A decision is asked of the [choice.Source] at a site and under a key, and 0 is
// always benign, so a tape is a list of exceptions. Keys are lineage: the key of a
// message is a hash of the key of the event that sent it, its kind, its target
// and its number among its likes, and so on back to a root. The roots are an
// operation's id, the point of the grid at which a node's timer fires or a fault
// is asked for, a node's first start, and a crash for what its restart does.
// Nothing counts across events; so removing an operation or a fault
// leaves the keys of all that did not follow from it, and a shrinker (sim/shrink)
// can take a run apart.
//
// # What it refuses
//
// It starts no goroutine, reads no clock and keeps no global state: equal choices
// give an equal [World.Hash], whatever the machine does. It recovers no panic of
// an actor. It reads no meaning into messages. And it has no unbounded queue:
// every bound is in [Limits], and passing one is an error that names it.
package sim
