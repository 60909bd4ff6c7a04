package oracle_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/joinery-go/joinery/kvs/gossip"
	"github.com/joinery-go/joinery/kvs/ring"
	"github.com/joinery-go/joinery/kvs/session"
	"github.com/joinery-go/joinery/kvs/wire"
	"github.com/joinery-go/joinery/linearizability/history"
	"github.com/joinery-go/joinery/sim/scenario/oracle"
	"github.com/joinery-go/joinery/sim/scenario/workload"
)

// TestOthersWidenBounds: what comes of clients that have no part in the plan widens each bound
// by itself, where it has come, and by no more.
func TestOthersWidenBounds(t *testing.T) {
	put, read, asks := op(1, history.Add, history.Set, "k", "a"), op(2, history.Read, history.Set, "k", ""), op(3, history.Add, history.Set, "k", "c")
	asks.Ack = session.Owners(2)
	f := cluster(t, put, read, asks)
	here, there := f.owner("k", 3), f.owner("k", 0)
	p := f.ring.PartitionOf("k")
	entry := gossip.Entry{Client: 1 << 40, Delta: make([]byte, 100)}
	busy := func(at int) bool {
		f.failed = nil
		o := availability(f)
		o.HandOver, o.Waiting = 1, 3
		a := answer(&f.ops[at], wire.StatusBusy, "")
		a.Node, a.Response.Partition = here, p
		o.Answered(a)
		return len(f.failed) == 0
	}
	for _, n := range []ring.NodeID{there, here} {
		assert.False(t, busy(0) || busy(1) || busy(2), "nothing has come here")
		f.others.Came(n, 2, 2)
		f.others.Accepted(n, (p+1)%4, &entry)
		assert.False(t, busy(0) || busy(1) || busy(2), "two of three, and another partition")
		f.others.Came(n, 1, 1)
		f.others.Accepted(n, p, &entry)
	}
	assert.True(t, busy(0) && busy(1) && busy(2))
	assert.Equal(t, []int{3, 3, 1, 4, 1, 400}, []int{
		f.others.Reads(here), f.others.Owners(here), f.others.AcceptedBy(here, p), f.others.Writes(), f.others.Sessions(), f.others.Bytes(),
	})

	f.failed = nil
	var o oracle.Liveness
	o.Begin(f)
	most := int64(4 * ((3+4+8)*160 + 4*(workload.Bytes(f.ops)+400)))
	o.AtRest(&oracle.Rest{Came: true, Bytes: most})
	assert.Empty(t, f.failed)
	o.AtRest(&oracle.Rest{Came: true, Bytes: most + 1})
	assert.Equal(t, []string{"liveness/bytes//-1"}, f.failed)

	f.others.Begin()
	assert.False(t, busy(0) || busy(1) || busy(2), "an earlier run")
	assert.Zero(t, f.others.Reads(here)+f.others.Writes()+f.others.Sessions()+f.others.Bytes())
}
