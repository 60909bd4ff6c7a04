package kvs_test

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs"
	"github.com/joinery-go/joinery/kvs/gossip"
	"github.com/joinery-go/joinery/kvs/kind"
	"github.com/joinery-go/joinery/kvs/ring"
	"github.com/joinery-go/joinery/kvs/wire"
	"github.com/joinery-go/joinery/lattice/causal"
)

// TestUpdateLargerThanAMessage: a subscriber to a value that no message can hold is told just
// that, under the name of its subscription, and is no subscriber any more.
func TestUpdateLargerThanAMessage(t *testing.T) {
	const node, other = ring.NodeID(1), ring.NodeID(2)
	rg, err := ring.New([]ring.NodeID{node, other}, 8, 1)
	require.NoError(t, err)
	var key string
	for _, k := range keysOf(rg) {
		if p := rg.PartitionOf(k); p > 0 && rg.Owns(node, p) {
			key = k
		}
	}
	p := rg.PartitionOf(key)
	n := newTold(t, node, func(c *kvs.Config) { c.Ring = rg })
	m := wire.Subscribe{Client: 5, Number: 3, Sent: 1, Key: key, Kind: "set", Lease: 50}
	u := n.ask(t, &m)
	require.Len(t, u, 1)
	require.Equal(t, wire.StatusOK, u[0].Status)
	set := mustKind(t, "set")
	const size = 1 << 20
	for seq := uint64(1); seq <= wire.MaxMessage/size; seq++ {
		d, err := set.Mutate(kind.Update{Arg: bytes.Repeat([]byte{byte(seq)}, size)}, nil)
		require.NoError(t, err)
		e := gossip.Entry{Dot: causal.Dot{Origin: 9, Seq: seq}, Clock: 900<<16 + seq, Key: key, Kind: "set", Delta: d.Append(nil)}
		msg := wire.AppendGossip(nil, other, 9, []wire.Item{{Partition: p, Entries: []gossip.Entry{e}}})
		n.updates = nil
		n.step(t, kvs.Event{Kind: kvs.EventMessage, From: other, Msg: msg})
		require.Empty(t, n.updates, "the first is not acknowledged")
	}
	m.Origin, m.Seen, m.Clock = 7, u[0].Version, 1000<<16+5
	u = n.ask(t, &m)
	require.Len(t, u, 1)
	assert.Equal(t, uint64(7), u[0].Origin)
	assert.Zero(t, u[0].Version)
	got := u[0].Response
	assert.Contains(t, got.Detail, "a message at most")
	assert.Empty(t, got.Value)
	got.Detail, got.Value = "", nil
	assert.Equal(t, wire.Response{Client: 5, Req: 3, Status: wire.StatusTooLarge, Clock: m.Clock, Partition: p}, got)
	d, err := set.Mutate(kind.Update{Arg: []byte("more")}, nil)
	require.NoError(t, err)
	e := gossip.Entry{Dot: causal.Dot{Origin: 9, Seq: 99}, Clock: 900<<16 + 99, Key: key, Kind: "set", Delta: d.Append(nil)}
	n.updates = nil
	n.step(t, kvs.Event{Kind: kvs.EventMessage, From: other, Msg: wire.AppendGossip(nil, other, 9, []wire.Item{{Partition: p, Entries: []gossip.Entry{e}}})})
	assert.Empty(t, n.updates, "ended")
	assert.True(t, n.r.Quiet())
}
