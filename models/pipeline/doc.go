// Package pipeline is the replica path of the store as a graph of package flow: from
// the bytes that peers, the disk and clients bring to the values that are held, and to
// the messages for other peers. It has the decoders, kinds and merges of the store, and
// none of its state machine.
//
//	messages ─ decode ──┐
//	records ── recover ─┼─ union ─ owned ─ fold ─ values
//	accepted ─ tee ─────┘ handle
//	             └─ channel ─ offers ─ encode and send      (a graph of its own)
//
// It is a model, not a part of the store: what a replica holds should be the join of
// what it was given, whatever the order, and the graph says that in ten lines, with
// package flow to judge that each step may stand there ([Path.Verify]). Tests run the
// store under simulation, with links that lose, repeat, delay, reorder and corrupt, with
// crashes, and with a lost disk; they give each path what the host of the replica beside
// it gets. After every event the replica holds nothing that the path does not, and at
// rest both hold the same at each owner.
//
// # What it leaves out
//
// Dots and hybrid times are given to writes by the store, in front of the graph: a
// counter that counts is not monotone in anything but its own past. Records are not
// awaited: a path shows a value when it comes, the store when it is durable. A piece of a
// snapshot is merged by itself, where the store waits for all pieces. There are no
// acknowledgements, no reclaiming, no sessions and no threshold reads; entries whose
// clock runs ahead are not put off. A message that is addressed to another incarnation,
// that lies about its sender, or cannot be read brings nothing, as in the store.
//
// # What it costs
//
// Measured against loops that do the same by hand, over 16,384 entries of 1,000 keys in
// messages of 64, and rounds of 256 accepted writes (BenchmarkPath; two cores, ratios
// of one run, the range of several runs):
//
//	                        graph, batched    one by one    the store's core
//	messages to values      1.0 to 1.4        1.4 to 1.5    1.0 to 1.2
//	writes to values        1.5 to 1.7        2.3 to 2.5
//	and messages
//
// The store answers event by event, so that its figure to beat is the one in the middle.
// It also does what the graph leaves out, at 1.0 to 1.2 times the loops, because it
// decodes into memory that is used again; a graph cannot, since nobody on a Delta edge is
// told when an element may be forgotten. So the store's core stays the state machine
// that it is, and this package is what it is compared with.
//
// Whether values are copied where they pass on (the paper's lesson that Clone must be
// safe): on Delta edges nobody may change an element, so that edges share it. A copy at
// both edges of a tee makes a path 1.6 to 1.9 times as slow as sharing, and a copy of
// 1,000 held values takes 350 µs where lending them takes 30 ns (BenchmarkClone). Fold
// copies a value once, when its name is new, and merges in place from then on.
//
// What the codec costs (the paper's lesson that it may be most of the work): of a put of
// the store, a register of 16 bytes at 0.7 µs without disk and network, 13 % is reading
// the request and 19 % writing record and answer; of the path from messages to values,
// 55 % is decoding (BenchmarkCodec). Gossip is encoded off the main path: a graph of its
// own, which the host runs when it likes, on another goroutine if it likes; where it
// does not, the channel fills, and then accepted writes wait.
//
// The path is Figure 7 of Spinach ("Anna 2: Monotonic Boogaloo"): decode, handle, encode,
// with gossip beside it.
package pipeline
