// Package workers runs transactions on k workers that share out the keys, takes consistent
// global snapshots of them without stopping any, and brings all of them back to one, from
// where sources replay: every operation takes effect exactly once. It is the setting of
// Gavalas's thesis, with the recovery of Li et al., "Asynchronous Prefix Recoverability for
// Fast Distributed Stores" (DPR, SIGMOD'21).
//
//	source        an input log: gives operations offsets, replays them, hands out answers
//	worker        executes operations on its partitions, which lie in a storage engine
//	coordinator   makes world-lines and global versions, in one object, by conditional writes
//
// All three are state machines: a message or a tick in, messages out, without clock,
// goroutine or randomness. A worker calls its engine, a coordinator the bucket.
//
// # Streams
//
// Keys hash to a fixed number of partitions, each of which a worker owns. Between any two
// ends there is a stream a class; its items are numbered, taken in order, and kept in the
// sender's outbox until they are acknowledged. Numbers and outboxes belong to partitions and
// not to workers, and are part of what snapshots hold: that is the channel state.
//
//	input     source    → partition   operations, to the first of their partitions
//	request   partition → later one   operations that have locked their keys so far
//	finish    partition → earlier one the outcome, which unlocks them
//	answer    partition → source      the outcome
//
// What cannot be taken yet, because a key is locked or an outbox full, is not acknowledged
// and comes again. Partitions are locked in ascending order, and finish and answer wait for
// nothing, so that there is no deadlock.
//
// # Transactions
//
// A [Procedure] maps the values of its keys to others, or rolls back. It is called at the
// last of its partitions, which has all values by then; two-phase locking makes executions
// serializable. Only then is anything written, so a rollback has nothing to undo.
//
// # Versions
//
// A worker counts versions. It ends one after [Config.Interval] ticks with changes, by a
// snapshot of its engine, and asks nobody. Items and acks carry the version that they were
// sent in, and a worker that takes one of a later version first ends its own (DPR, section
// 4: versions are Lamport clocks). So at the end of any version v,
//
//	what is taken by v at one worker is sent by v at another, and
//	what is not taken by v is in the outbox by v: an ack is taken no earlier than it was sent,
//
// and the states of all workers at the end of v are a consistent cut. A global version is the
// highest v of which each worker has a snapshot; one snapshot is of several versions where
// the worker has skipped some. A source sends the version of the last outcome that it knew,
// so an operation that was submitted after an outcome was known is in no cut without it.
//
// # World-lines
//
// A worker that starts again has no state. Its incarnation is another than the present
// world-line has it with, so a coordinator begins the next: it makes a branch of the last
// global version for each worker (a clone, or pieces split and merged by ranges of keys when
// there are to be more workers or fewer; nothing is copied), and writes the new line into the
// catalog. Workers that hear of it open their branch, and drop what they had; messages of
// other lines are not taken. Partitions know which items they have taken, so sources send
// again what is not final, from the first, and partitions what is in their outboxes. Going
// back to an older global version is the same, except that those after it are given up.
//
// # What is kept
//
// The last [Config.Retain] global versions, their branches, the snapshots that are in none
// yet, at most about twice [Config.Pending], outboxes of [Config.Window] items, and at a
// source the operations that the oldest global version does not have the outcome of.
//
// # What it refuses
//
// It detects no failures: a worker that is away has the operations on its partitions wait,
// and global versions with them, until it is back or [Coordinator.Rescale] goes on without
// it. Every recovery takes all workers back, as in DPR; nothing is recovered in part. A key
// that one transaction holds has the stream behind the next wait. All keys of an operation
// must be named before it is executed. A replay executes every operation once, in an order
// that is a function of the order in which messages come, and need not be the order of before:
// what is in no global version may come out otherwise. Partitions are neither split nor replicated. A record
// of a partition, with its outboxes, must fit into a value of the engine.
package workers
