package oracle

import (
	"github.com/joinery-go/joinery/kvs/ring"
	"github.com/joinery-go/joinery/kvs/session"
	"github.com/joinery-go/joinery/kvs/wire"
	"github.com/joinery-go/joinery/lattice/causal"
	"github.com/joinery-go/joinery/linearizability/history"
)

// Acks is the oracle of what the answer to a write says: that the write is on the disk of
// the replica which answers, unless it was to be answered from memory, and on those of as
// many owners as it asked for, each counted once.
type Acks struct {
	base
	Lost *LostWrites
}

// Responded looks into the replicas.
func (o *Acks) Responded(s *Sent) {
	x, resp := s.Operation, s.Response
	if x.Func == history.Read || resp.Status != wire.StatusOK || x.Ack == session.AckMemory || resp.Dot == (causal.Dot{}) {
		return
	}
	has := func(n ring.NodeID) bool {
		store := o.Store(n)
		return store != nil && store.Has(resp.Partition, resp.Dot)
	}
	there := has(s.Node)
	for i := 0; !there && o.Moves() && i < o.Nodes(); i++ { // it may have handed it over, and forgotten
		there = has(ring.NodeID(i))
	}
	if there = there || o.Moves() && o.Lost.everHad(resp.Partition, resp.Dot) > 0; !there { // or lost it with its disk since
		o.Fail(at("acknowledgement", s.Node, x, "write #%d is answered by node %d, which does not have it on its disk", x.ID, s.Node))
	}
	if w := x.Ack.Owners(); w > 0 {
		if n := o.Lost.everHad(resp.Partition, resp.Dot); n < w {
			o.Fail(at("acknowledgement", s.Node, x, "write #%d is answered for %d owners, and %d have it", x.ID, w, n))
		}
	}
}
