package oracle

import (
	"slices"

	"github.com/joinery-go/joinery/kvs/gossip"
	"github.com/joinery-go/joinery/kvs/ring"
)

// Others counts what came of clients that have no part in the plan, as far as it widens a
// bound: what waits at a replica, what it has to hand over and to tell the others, and who is
// to be remembered. The zero value is that of a run without any.
type Others struct {
	came     []came
	accepted []foreign
	sessions []uint64 // those of which a write was accepted
	bytes    int      // of the deltas of these writes
}

// came is what came to a node: requests that may wait there, and writes that ask for owners.
type came struct {
	node          ring.NodeID
	reads, owners int
}

// foreign is how many writes to a partition a node has accepted that are of no operation.
type foreign struct {
	node      ring.NodeID
	partition ring.Partition
	count     int
}

// Begin forgets an earlier run.
func (o *Others) Begin() {
	*o = Others{came: o.came[:0], accepted: o.accepted[:0], sessions: o.sessions[:0]}
}

// Came notes a message that has come to a node: how many of its requests may wait there for
// what they are to see, and how many of its writes for owners.
func (o *Others) Came(n ring.NodeID, reads, owners int) {
	i := slices.IndexFunc(o.came, func(c came) bool { return c.node == n })
	if i < 0 {
		i = len(o.came)
		o.came = append(o.came, came{node: n})
	}
	o.came[i].reads += reads
	o.came[i].owners += owners
}

// Accepted notes a write that a node has accepted.
func (o *Others) Accepted(n ring.NodeID, p ring.Partition, e *gossip.Entry) {
	i := slices.IndexFunc(o.accepted, func(f foreign) bool { return f.node == n && f.partition == p })
	if i < 0 {
		i = len(o.accepted)
		o.accepted = append(o.accepted, foreign{node: n, partition: p})
	}
	o.accepted[i].count++
	o.bytes += len(e.Delta)
	if !slices.Contains(o.sessions, e.Client) {
		o.sessions = append(o.sessions, e.Client)
	}
}

// Reads is how many requests have come to a node that may wait as reads do.
func (o *Others) Reads(n ring.NodeID) int { return o.cameTo(n).reads }

// Owners is how many writes have come to a node that ask for owners.
func (o *Others) Owners(n ring.NodeID) int { return o.cameTo(n).owners }

func (o *Others) cameTo(n ring.NodeID) came {
	if i := slices.IndexFunc(o.came, func(c came) bool { return c.node == n }); i >= 0 {
		return o.came[i]
	}
	return came{}
}

// AcceptedBy is how many of their writes to a partition a node has accepted.
func (o *Others) AcceptedBy(n ring.NodeID, p ring.Partition) int {
	if i := slices.IndexFunc(o.accepted, func(f foreign) bool { return f.node == n && f.partition == p }); i >= 0 {
		return o.accepted[i].count
	}
	return 0
}

// Sessions is of how many sessions a write was accepted.
func (o *Others) Sessions() int { return len(o.sessions) }

// Writes is how many writes were accepted: one that several nodes have accepted, or one of
// them again, counts as often.
func (o *Others) Writes() (n int) {
	for _, f := range o.accepted {
		n += f.count
	}
	return n
}

// Bytes is the size of the deltas that Writes counts.
func (o *Others) Bytes() int { return o.bytes }
