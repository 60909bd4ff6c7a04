package oracle

import (
	"fmt"

	"github.com/joinery-go/joinery/kvs"
	"github.com/joinery-go/joinery/kvs/ring"
)

// Beliefs is the oracle of what replicas take each other to hold, by looking into both. What
// one believes of the incarnation that runs at another node is no more than what that holds:
// deltas are forgotten, partitions let go of and writes answered on the strength of it. And
// where it is said to be all of some revision, and the other one is at that, it is all.
type Beliefs struct {
	base
	seen int // records that became durable
}

// Begin forgets an earlier run.
func (o *Beliefs) Begin(c Cluster) {
	o.base.Begin(c)
	o.seen = 0
}

// Persisted compares what a replica believes, and what is believed of it.
func (o *Beliefs) Persisted(n ring.NodeID) {
	if o.seen++; o.seen%every == 0 {
		o.compare(n)
	}
}

// AtRest compares once more.
func (o *Beliefs) AtRest(*Rest) {
	for n := range o.Nodes() {
		o.compare(ring.NodeID(n))
	}
}

func (o *Beliefs) compare(n ring.NodeID) {
	core := o.Running(n)
	if core == nil {
		return
	}
	for i := range o.Nodes() {
		other := o.Running(ring.NodeID(i))
		if other == nil || ring.NodeID(i) == n {
			continue
		}
		for p := range ring.Partition(o.Ring().Partitions()) {
			o.believes(p, n, ring.NodeID(i), core, other)
			o.believes(p, ring.NodeID(i), n, other, core)
		}
	}
}

// believes compares what node n believes of m with what m holds. A replica that does not keep a
// partition tells nothing of it, and one that has let go of it will not be believed any more once
// it does.
func (o *Beliefs) believes(p ring.Partition, n, m ring.NodeID, core, other *kvs.Replica) {
	b := core.Belief(p, m)
	if b.Origin != other.Origin() || !other.Keeps(p) {
		return
	}
	held, rev := other.Dots(p)
	switch {
	case !held.Includes(b.Known):
		o.fail(n, "more", "node %d believes node %d to hold %v of partition %d, which it does not", n, m, b.Known.Without(held), p)
	case b.Rev == rev && rev > 0 && !b.Known.Includes(held):
		o.fail(n, "less", "node %d believes to know all that node %d held of partition %d at revision %d, and does not know of %v", n, m, p, rev, held.Without(b.Known))
	case b.Rev > rev:
		o.fail(n, "later", "node %d believes to know all that node %d held of partition %d at revision %d, and that is at %d", n, m, p, b.Rev, rev)
	}
}

func (o *Beliefs) fail(n ring.NodeID, what, format string, args ...any) {
	o.Fail(Violation{Oracle: "beliefs", Kind: what, Node: int(n), Message: fmt.Sprintf(format, args...)})
}
