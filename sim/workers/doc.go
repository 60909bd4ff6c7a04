// Package workers is the system of kvs/workers as a protocol of package sim/campaign: four
// workers, each with a storage engine on a disk of its own, two coordinators and two sources,
// over a network that loses, doubles and delays, with an object store whose requests fail,
// before or after they are carried out. All of them crash at any step.
//
// # What is checked
//
// Operations write the tags of all that wrote a key behind its amount, so a state tells what
// was executed, how often and in which order, and most of them do not commute.
//
//	twin          the end is that of a plain map in which all operations that were logged are
//	              executed once, in an order that all keys agree on, with the same answers
//	cut           in each global version, what is taken is sent, and what is neither taken nor
//	              acknowledged is in an outbox; nothing is in it twice, and no session's later
//	              operation without the earlier one whose outcome it knew
//	rollback      what a worker begins a world-line with is what the snapshots held that its
//	              base names, byte for byte, split and merged or not
//	recoverable   an answer that was given as recoverable is in a global version, and changes
//	              only if that is given up; and a world-line begins with the last one
//	waiting       no worker with changes is without a snapshot beyond its interval, but for
//	              the bound on pending ones and failures of its own
//	bounds        global versions, snapshots, outboxes and branches are as many as they may be
//	copying       coordinators store no segments: world-lines of more or fewer workers begin
//	              with those that are there
//	liveness      after the faults every operation gets its final answer, and nothing is left
//	              in an outbox
//
// # What it refuses
//
// Local disks are of no use after a crash, so what of them survives is nothing. The object
// store loses nothing: package kvs/store/snapshot is tested elsewhere. Messages are not
// corrupted, and workers are not of mixed versions.
package workers
