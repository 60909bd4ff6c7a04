package kvs

// Stats counts what a replica has done since it started.
type Stats struct {
	Rejected   uint64 // messages and entries refused: garbage, unknown kinds
	Duplicates uint64 // entries and writes received again and absorbed
	Reclaimed  uint64 // deltas forgotten because every owner has them
	Offered    uint64 // deltas sent to peers
	Waited     uint64 // threshold reads that had to wait
	Ahead      uint64 // deltas and pieces of snapshots put off, as their hybrid time is too far ahead, or what a barrier names is not held yet
	Snapshots  uint64 // snapshots taken in, since deltas could not bring this replica up
	Deferred   uint64 // deltas of peers put off, as too much is being persisted; they are offered again
	Shed       uint64 // deltas forgotten to hold a log to its bound, which a peer lacks; it will need a snapshot

	Decided uint64 // decisions about how many replicas a partition is to have that the replica has come to go by
	LetGo   uint64 // partitions that this replica owned and has let go of, as all owners have what it held

	Forgotten   uint64 // tombstones forgotten, since no earlier write can come
	Deletes     uint64 // writes served that take something away
	Updates     uint64 // sent to subscribers, those sent again too
	Checkpoints uint64 // checkpoints written whole
	Unreadable  uint64 // records that were cut out of what this incarnation started on

	Loaded uint64 // values read from [Config.Values], but for those read to see that they can be
	Kept   uint64 // values put there
	Lost   uint64 // values found to be lost there: 1 once the incarnation has ended over it
}

// Stats returns the counts so far.
func (r *Replica) Stats() Stats { return r.stats }
