package kvs

import (
	"github.com/joinery-go/joinery/kvs/gossip"
	"github.com/joinery-go/joinery/kvs/ring"
)

// Belief is what a replica goes by of what another node holds of a partition. It is for
// observers, who can look at both.
type Belief struct {
	Origin uint64      // the newest incarnation of the node that has said anything; 0 is none
	Known  gossip.Dots // what that has said to hold; valid until the next step, not to be changed
	Rev    uint64      // up to which revision of the node's this is all; 0 is none that was told, see [gossip.Digest]
}

// Origin is the incarnation that the replica is.
func (r *Replica) Origin() uint64 { return r.cfg.Origin }

// Belief is what the replica goes by of what node n holds of partition p.
func (r *Replica) Belief(p ring.Partition, n ring.NodeID) Belief {
	held := r.held(p)
	if held == nil {
		return Belief{}
	}
	return Belief{held.log.PeerIncarnation(n), held.log.Known(n), held.log.Seen(n)}
}

// Dots is the set of dots of partition p that are visible here, and its revision, which names
// that set among those that the incarnation has had. The set is valid until the next step, and
// not to be changed.
func (r *Replica) Dots(p ring.Partition) (held gossip.Dots, rev uint64) {
	if x := r.held(p); x != nil {
		return x.applied, x.rev
	}
	return nil, 0
}
