// Package oracle is what watches a run of the store in the simulator: one type a file,
// each told by hooks what happens, each telling of what must not have happened.
//
//	LostWrites    a replica has after a restart what it had shown, and serves no request
//	              twice; and which writes a lost disk may have undone
//	Agreement     at rest, the owners of a partition hold the same values
//	Monotonic     within an incarnation a replica's values only rise
//	Clocks        hybrid times of writes follow those that came before, and a replica has
//	              met the time of what it shows
//	Stamps        a session is shown no register older than one that it has seen, as far as its level says
//	Sums          a counter's delta carries what its incarnation has accepted, and no more
//	Deletes       what a delete has seen is taken away and stays so, and nothing else is
//	OneKind       a replica accepts no write of another kind than the key has
//	Placement     keys are where a plain twin of the ring has them, and nowhere else at rest
//	Liveness      rest comes about after the faults, in bounded time and bytes
//	Storage       what is kept beside values is within its bounds, and at rest it is gone
//	Acks          who has a write when it is answered
//	Availability  what may be refused, and when nothing may fail
//	Deadlines     who waits is answered by its deadline
//	Beliefs       what replicas take each other to hold they do
//	Forgetting    a tombstone is forgotten when no earlier write can come
//	Refused       nothing is refused as wrong where nothing wrong is sent
//	Serving       who has gained a partition serves it once it has what the others had
//
// An oracle never touches the run: the same seed takes the same course with all of them
// and with none. What histories as a whole must be like is for package linearizability.
package oracle

import (
	"fmt"

	"github.com/joinery-go/joinery/kvs"
	"github.com/joinery-go/joinery/kvs/gossip"
	"github.com/joinery-go/joinery/kvs/kind"
	"github.com/joinery-go/joinery/kvs/ring"
	"github.com/joinery-go/joinery/kvs/session"
	"github.com/joinery-go/joinery/kvs/wire"
	"github.com/joinery-go/joinery/lattice/causal"
	"github.com/joinery-go/joinery/linearizability/history"
	"github.com/joinery-go/joinery/sim"
	"github.com/joinery-go/joinery/sim/campaign"
	"github.com/joinery-go/joinery/sim/scenario/workload"
)

// Violation is one thing that must not have happened. Oracle, Kind, Op and Node are its
// signature: a replay must fail alike.
type Violation = campaign.Violation

// Cluster is the run that an oracle watches. What it returns must not be changed.
type Cluster interface {
	Nodes() int
	Level() session.Level
	Ring() *ring.Ring
	Moves() bool // partitions come to other nodes; the ring is the one that is to come of it
	// VectorOf is how many replicas somebody has decided that the partition is to have in the end, in
	// memory and on disk, if there are as many nodes, 0 and 0 if nobody has; and how many it has at least
	// of both.
	VectorOf(p ring.Partition) (memory, disk, least int)
	Kinds() *kind.Kinds
	Operations() []workload.Operation // the plan, and the reads after the fence
	Others() *Others                  // what came of clients that have no part in the plan
	// Forgotten is the join of what replicas have forgotten of a key, see [Over]; nil if
	// nothing was.
	Forgotten(key, kind string) kind.Value
	Running(n ring.NodeID) *kvs.Replica // the store that runs at n; nil if none does
	Store(n ring.NodeID) *kvs.Replica   // that runs at n, or did until n went down; nil before
	Up(n ring.NodeID) bool
	Mark(name string) // notes a situation that campaigns count
	Fail(v Violation)
}

// Write is one that a replica has accepted, and not persisted yet.
type Write struct {
	Node      ring.NodeID
	At        int // the position of its operation
	Operation *workload.Operation
	Partition ring.Partition
	Names     []workload.Name // of a put to a multi-value register: the values that it is to replace
	Entry     *gossip.Entry   // valid during the call
}

// Sent is an answer that a replica sends, be it awaited or not.
type Sent struct {
	Node      ring.NodeID
	Operation *workload.Operation // that it answers
	Response  *wire.Response      // valid during the call
	Batch     []ring.Partition    // of what it was asked for with, and refused with; nil mostly
}

// Asked is a request for one operation that has come to a replica.
type Asked struct {
	Node      ring.NodeID
	Operation *workload.Operation
	Request   *wire.Request // valid during the call
}

// Answer is what a session got for its operation.
type Answer struct {
	Node      ring.NodeID // whose answer it is
	Session   int
	Level     session.Level // of that session
	Operation *workload.Operation
	Recorded  *history.Op
	Response  *wire.Response // valid during the call
	Met       uint64         // the greatest hybrid time that the session had met before
	Over      bool           // Recorded has what had been forgotten of the key, beside what Response has
}

// Rest is how the cluster came to rest, or that it did not.
type Rest struct {
	Came   bool
	Final  bool     // after the reads behind the fence, and not before
	Within sim.Time // the time that it had
	Took   sim.Time
	Bytes  int64 // that replicas sent each other on the way
	Busy   int   // a replica that had something left to do; -1 is none
}

// End is that of a run in which nothing was found before.
type End struct {
	History   *history.History
	Planned   []uint64 // by position in the history: the id of the operation
	Faultless bool     // no fault took effect
	Stopped   []int    // nodes that noticed after the fence that their disk had failed before, and stopped
	Throttled bool     // messages or logs are so small that replicas take long to tell each other
}

// Missing reports whether a write may be missing on a disk. Nil is none.
type Missing func(ring.Partition, causal.Dot) bool

// Oracle is told what happens in a run.
type Oracle interface {
	// Begin comes first, with the run to watch. What an earlier run left is forgotten.
	Begin(c Cluster)
	// Accepted tells of a write that a live replica accepts.
	Accepted(w *Write)
	// Answered tells of the answer to an operation that its session awaited.
	Answered(a *Answer)
	// Responded tells that a replica sends an answer, before anything else happens there.
	Responded(s *Sent)
	// Persisted tells that a record of a node is durable, and what follows is visible.
	Persisted(n ring.NodeID)
	// Reading tells that a store is about to be made anew from the disk of a node.
	Reading(n ring.NodeID)
	// Restarted tells that the store of a node is what a new incarnation found on its
	// disk. Where records could not be read, missing tells which writes were in them.
	Restarted(n ring.NodeID, missing Missing)
	// Rewound tells that a disk, of a node that is down, has gone back in time, and that
	// the store of the node is what an incarnation would find there.
	Rewound(n ring.NodeID)
	// Asked tells that a request for an operation has come to a replica, before that takes it.
	Asked(a *Asked)
	// Ticked tells that the store of a node has taken a tick.
	Ticked(n ring.NodeID)
	// Forgot tells of a tombstone that a replica forgets.
	Forgot(t *Tombstone)
	// AtRest tells how the cluster came to rest once the faults had ended, and once
	// more after the reads behind the fence.
	AtRest(r *Rest)
	// Ended tells that a run in which nothing was found has ended.
	Ended(e *End)
}

// base hears nothing. Oracles embed it, and define what concerns them.
type base struct{ Cluster }

func (b *base) Begin(c Cluster)     { b.Cluster = c }
func (*base) Accepted(*Write)       {}
func (*base) Answered(*Answer)      {}
func (*base) Responded(*Sent)       {}
func (*base) Persisted(ring.NodeID) {}
func (*base) Reading(ring.NodeID)   {}
func (*base) Restarted(ring.NodeID, Missing) {
}
func (*base) Rewound(ring.NodeID) {}
func (*base) Asked(*Asked)        {}
func (*base) Ticked(ring.NodeID)  {}
func (*base) Forgot(*Tombstone)   {}
func (*base) AtRest(*Rest)        {}
func (*base) Ended(*End)          {}

// at is a violation of an operation by a replica.
func at(oracle string, n ring.NodeID, o *workload.Operation, format string, args ...any) Violation {
	return Violation{Oracle: oracle, Kind: string(o.Type), Op: string(o.Func), Node: int(n), Message: fmt.Sprintf(format, args...)}
}
