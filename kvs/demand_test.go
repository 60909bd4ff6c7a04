package kvs_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs"
	"github.com/joinery-go/joinery/kvs/ring"
	"github.com/joinery-go/joinery/kvs/wire"
)

// TestDemand: a replica counts what it serves, by partition, and no refusal, repeat or delta of a
// peer; an incarnation begins anew, with what is stored.
func TestDemand(t *testing.T) {
	s := newSeats(t, 3, 4, 1)
	of := func(n ring.NodeID) (d kvs.Demand) {
		s.nodes[n].r.Demand(&d)
		return d
	}
	require.Empty(t, of(1).Partitions)
	at := s.owners(2, 1)[0]
	other := ring.NodeID(1)
	if at == other {
		other = 2
	}
	key := s.keyOf(func(p ring.Partition) bool { return p == 2 })
	write := wire.Request{Client: 7, Req: 1, Put: true, Key: key, Kind: "set", Arg: []byte("element")}
	require.Equal(t, wire.StatusOK, s.ask(at, write).Status)
	write.Again = true
	require.Equal(t, wire.StatusOK, s.ask(at, write).Status)
	read := wire.Request{Client: 8, Req: 2, Key: key, Kind: "set"}
	require.Equal(t, wire.StatusOK, s.ask(at, read).Status)
	require.Equal(t, wire.StatusNotOwner, s.ask(other, read).Status)
	read.Kind = "counter"
	require.Equal(t, wire.StatusKindMismatch, s.ask(at, read).Status)
	s.some(40)
	d := of(at)
	size := uint64(len(s.nodes[at].r.Value(key, "set").Append(nil)))
	assert.Equal(t, uint64(2), d.Served)
	require.Equal(t, []kvs.PartitionDemand{{Partition: 2, Served: 2, Keys: 1, Bytes: d.Partitions[0].Bytes}}, d.Partitions)
	assert.InDelta(t, size, d.Partitions[0].Bytes, 8)
	assert.Zero(t, of(other).Served)

	write = wire.Request{Client: 9, Req: 1, Put: true, Key: key, Kind: "set", Arg: []byte("handed over")}
	require.Equal(t, wire.StatusOK, s.ask(other, write).Status)
	assert.Equal(t, uint64(1), of(other).Served, "who takes a write has the work")
	s.some(40)
	assert.Equal(t, uint64(2), of(at).Served, "it comes as a delta")

	clone := s.nodes[at].r.Clone()
	var of2 kvs.Demand
	clone.Demand(&of2)
	assert.Equal(t, of(at), of2)
	s.start(at, false)
	after := of(at)
	assert.Zero(t, after.Served)
	assert.NotEqual(t, d.Origin, after.Origin)
	require.Len(t, after.Partitions, 1)
	assert.Equal(t, 1, after.Partitions[0].Keys)
}

// TestDemandOfManyKeys: what a partition stores is told from some of its keys.
func TestDemandOfManyKeys(t *testing.T) {
	s := newSeats(t, 1, 1, 1)
	const keys = 600
	for i := range keys {
		q := wire.Request{Client: 7, Req: uint64(1 + i), Put: true, Key: fmt.Sprint("k", i), Kind: "set", Arg: []byte("0123456789")}
		require.Equal(t, wire.StatusOK, s.ask(1, q).Status)
	}
	var d kvs.Demand
	s.nodes[1].r.Demand(&d)
	size := len(s.nodes[1].r.Value("k1", "set").Append(nil))
	require.Len(t, d.Partitions, 1)
	assert.Equal(t, keys, d.Partitions[0].Keys)
	assert.Equal(t, uint64(keys), d.Served)
	assert.InDelta(t, keys*size, d.Partitions[0].Bytes, float64(keys*8))
}
