// Package sim runs distributed protocols in virtual time, deterministically, with
// every fault a decision that a tape can hold. The wheel of events follows Varghese and
// Lauck's timing wheels.
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
// from run to run. Package sim/campaign does all this for a protocol that is a value, seed
// after seed, and keeps, replays and shrinks what fails.
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
// # Faults
//
// A [Class] is a kind of fault, switched by a [Level] each; each is off unless
// switched on. Devices, and hosts that restart a process ([Context.Abort]), add to
// what the simulator itself does.
//
//	class                                       is decided by
//	drop duplicate delay partition              sim/net, for a message or a grid tick
//	burst clog bridge flap filter corrupt       sim/net
//	queue                                       sim/net, by a bound on what is under way
//	crash                                       [CrashOptions]
//	disk                                        the device
//	clock pause slow outage mid-crash restore   [ProcessFaultOptions]
//	version                                     [ProcessFaultOptions], of [Options.Programs]
//	disk-error rot                              the device, by [ProcessFaultOptions]
//
// A node's own clocks are [Context.Monotonic] and [Context.Wall]; what a device
// does must ask [Context.Effect] first, so that a crash within an event stops it.
//
// # Membership
//
// Who is a member is for the plan of a host, as operations are, since a protocol
// must be told: there is no class of it. A host that plans these, drops them one by
// one to shrink a failure, and tells its protocol by operations what an operator
// would, can exercise
//
//	a late join            [Options.Absent], then [World.Join]
//	leaving                [World.Leave]: gone, and healing does not bring it back
//	an id used again       [World.Leave], then [World.Join]: the disk is empty
//	a zombie               [World.Leave], then [World.Return]: back with its old disk,
//	                       though the others may have collected what it must know
//	a disk replaced        [World.Wipe]: the same id with an empty disk, at once
//
// under partitions and every other fault. What is under way to or from a node
// survives its leaving, as it does a crash, and a node's [Context.Incarnation] goes
// on counting: it says which life of the id this is, which a process whose disk is
// empty could not know.
//
// # How to read a trace
//
// [World.WriteTrace] writes a line for each event that was delivered:
//
//	      18240258  n1   msg from n0 pass 8 bytes copy 1  [fb6d71b4bf8c2134]  3616ae426b44deeb
//
//	column         is
//	18240258       virtual time in nanoseconds
//	n1             the node at which it happens; a dash is none
//	msg            what happens: start (and which life), msg (from whom, of what kind, how
//	               long, and which copy if it is a further one), timer, input and durable
//	               (and which one), crash, net (the network changed), heal (all faults end),
//	               join, leave, return, wipe (of membership)
//	[fb6d…]        lineage key of the event, under which its decisions are asked
//	3616…          trace hash after the event: the first line that differs from another
//	               run's is where they part
//	# …            a note of an actor or of the network; it is not hashed
//
// [World.WriteDiagram] draws the same events and the messages that were lost:
//
//	          time  n0      n1      n2
//	          18ms  ●──────▶│       │       gossip 8 B, sent 16ms, delay
//	          20ms  ╳       │       │       crash
//	          21ms  ┊       ●─────✗ │       gossip to n2 lost: drop
//
//	sign           is
//	│ ┊            the lane of a node that runs, or is down
//	●              something happens here: a timer, an input, a completion, or a message leaves
//	●──────▶│      a message from the left lane arrives at the right one, in the row of its
//	               arrival; when it was sent, and the faults that delayed or copied it, stand
//	               beside
//	●─────✗ │      a message that does not arrive; why not (a fault class, or down) stands beside
//	◯ ╳            a node starts, or crashes
//	▒              a partition in force, a band for each; its first and last row say which
//
// # What it refuses
//
// It starts no goroutine, reads no clock and keeps no global state: equal choices
// give an equal [World.Hash], whatever the machine does. It recovers no panic of
// an actor. It reads no meaning into messages. And it has no unbounded queue:
// every bound is in [Limits], and passing one is an error that names it.
package sim
