// Package store is the contract of storage engines: bytes under keys, in one
// directory, with versions in an archive (after Gavalas's thesis on incremental
// snapshots of key-value stores, with its defects repaired).
//
// An [Engine] keeps what it was given as durable as its [Durability] says, and
// says so of nothing more. A crash takes it back to a state that it really had:
// all operations up to some moment, and none after it. [Engine.Snapshot] gives the
// state of this moment a [Version] in the [Archive] of the options, and
// [Engine.Restore] goes back to any version that the archive still keeps.
//
//	package            keeps                                    promises at most
//	store/memory       a map, written whole at each snapshot    OnSnapshot
//	store/appendlog    log files and an index of all keys       EveryWrite
//	store/hybridlog    the same, updating in place in memory    EveryWrite
//	store/lsm          sorted runs under a write-ahead log      EveryWrite
//	store/pebble       cockroachdb/pebble, the yardstick        EveryWrite
//
// An archive can be opened lazily by the LSM tree alone, whose tables have indexes of their
// own: the log engines and the map keep an index of all keys in memory, and Pebble opens its
// tables as wholes, so that each would read all of a version before its first get.
//
// Nothing is compressed. What a snapshot may upload is bounded by the bytes of the keys and
// values that changed, which a reader can recount, and a value comes as its owner encoded it.
//
// The package refuses to start goroutines or to look at a clock: what can be done
// later is offered to a [Scheduler] in steps, and the host runs them. It knows
// nothing of replicas, merges or networks.
package store
