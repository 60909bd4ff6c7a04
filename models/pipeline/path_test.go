package pipeline_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs/gossip"
	"github.com/joinery-go/joinery/kvs/kind"
	"github.com/joinery-go/joinery/kvs/ring"
	"github.com/joinery-go/joinery/kvs/wire"
	"github.com/joinery-go/joinery/lattice/causal"
	"github.com/joinery-go/joinery/lattice/flow"
	"github.com/joinery-go/joinery/models/pipeline"
)

func testRing(t testing.TB, nodes, partitions, copies int) *ring.Ring {
	ids := make([]ring.NodeID, nodes)
	for i := range ids {
		ids[i] = ring.NodeID(i)
	}
	r, err := ring.New(ids, partitions, copies)
	require.NoError(t, err)
	return r
}

// entry is a write of a kind, of an origin.
func entry(t testing.TB, kinds *kind.Kinds, name, key string, d causal.Dot, arg []byte) gossip.Entry {
	k, ok := kinds.Find(name)
	require.True(t, ok)
	v, err := k.Mutate(kind.Update{Arg: arg, Clock: d.Seq, Origin: d.Origin}, k.New())
	require.NoError(t, err)
	return gossip.Entry{Dot: d, Clock: d.Seq, Key: key, Kind: name, Delta: v.Append(nil), Client: 1, Req: d.Seq}
}

func newPath(t testing.TB, o pipeline.Options) *pipeline.Path {
	p, err := pipeline.New(o)
	require.NoError(t, err)
	return p
}

func settle(t testing.TB, ps ...*pipeline.Path) {
	for _, p := range ps {
		require.NoError(t, p.Settle(context.Background()))
		require.NoError(t, p.Gossip(context.Background()))
	}
}

func values(t testing.TB, p *pipeline.Path) map[pipeline.Ref]string {
	m := make(map[pipeline.Ref]string)
	require.NoError(t, p.Held(func(h pipeline.Held) {
		require.Len(t, h.Refs(), h.Len())
		for r := range h.Refs() {
			m[r] = string(h.Look(r).Append(nil))
		}
	}))
	return m
}

// Paths that send each other what they accept hold the same, and each what it owns
// alone, in whatever order and however often the messages come, and in batches of any
// size.
func TestPathsConverge(t *testing.T) {
	kinds, rg := kind.Default(), testRing(t, 3, 8, 2)
	for seed := range uint64(20) {
		rnd := rand.New(rand.NewPCG(seed, 0))
		type sent struct {
			to ring.NodeID
			m  pipeline.Message
		}
		var flight []sent
		ps := make([]*pipeline.Path, 3)
		for i := range ps {
			ps[i] = newPath(t, pipeline.Options{
				Self: ring.NodeID(i), Origin: uint64(i + 1), Ring: rg, Kinds: kinds, Room: 1000, Batch: int(seed % 3),
				Send: func(to ring.NodeID, msg []byte) {
					flight = append(flight, sent{to, pipeline.Message{From: ring.NodeID(i), Bytes: msg}})
				},
			})
		}
		want := make(map[pipeline.Ref]kind.Value)
		for n := range uint64(60) {
			at, name := rnd.IntN(3), []string{"register", "set", "counter"}[rnd.IntN(3)]
			e := entry(t, kinds, name, fmt.Sprint("k", rnd.IntN(9)), causal.Dot{Origin: uint64(at + 1), Seq: n + 1}, kind.Amount(int64(n)))
			require.NoError(t, ps[at].Accept(e))
			k, _ := kinds.Find(name)
			v, err := k.Decode(e.Delta)
			require.NoError(t, err)
			ref := pipeline.Ref{Key: e.Key, Kind: name}
			if want[ref] == nil {
				want[ref] = k.New()
			}
			want[ref].MergeIn(v)
			if rnd.IntN(4) == 0 {
				settle(t, ps[at])
			}
		}
		settle(t, ps...)
		flight = append(flight, flight[:len(flight)/2]...)
		rnd.Shuffle(len(flight), func(i, j int) { flight[i], flight[j] = flight[j], flight[i] })
		for _, f := range flight {
			require.NoError(t, ps[f.to].Deliver(f.m))
		}
		settle(t, ps...)
		for i, p := range ps {
			got := values(t, p)
			for ref, v := range want {
				if rg.Owns(ring.NodeID(i), rg.PartitionOf(ref.Key)) {
					assert.Equal(t, string(v.Append(nil)), got[ref], "node %d, %v", i, ref)
					delete(got, ref)
				}
			}
			assert.Empty(t, got, "node %d holds what it does not own", i)
		}
	}
}

// Messages hold as many entries as fit a batch, and go to the owners alone.
func TestMessages(t *testing.T) {
	kinds, rg := kind.Default(), testRing(t, 4, 8, 2)
	sent := make(map[ring.NodeID][]gossip.Entry)
	messages := 0
	p := newPath(t, pipeline.Options{Self: 0, Origin: 7, Ring: rg, Kinds: kinds, Room: 600, Send: func(to ring.NodeID, msg []byte) {
		messages++
		var in wire.DecodeBuffer
		kind, body, err := wire.Open(msg)
		require.NoError(t, err)
		require.Equal(t, wire.MsgGossip, kind)
		g, err := in.Gossip(wire.VersionOf(msg), body)
		require.NoError(t, err)
		assert.Equal(t, ring.NodeID(0), g.From)
		assert.Equal(t, uint64(7), g.Origin)
		require.NotEqual(t, ring.NodeID(0), to)
		for i, it := range g.Items {
			assert.True(t, rg.Owns(to, it.Partition))
			assert.True(t, i == 0 || g.Items[i-1].Partition < it.Partition)
			for _, e := range it.Entries {
				assert.Equal(t, it.Partition, rg.PartitionOf(e.Key))
				e.Delta = append([]byte(nil), e.Delta...)
				sent[to] = append(sent[to], e)
			}
		}
	}})
	want := make(map[ring.NodeID][]gossip.Entry)
	for n := range uint64(600) {
		e := entry(t, kinds, "set", fmt.Sprint(n), causal.Dot{Origin: 7, Seq: n + 1}, []byte("x"))
		require.NoError(t, p.Accept(e))
		for _, to := range rg.Owners(rg.PartitionOf(e.Key)) {
			if to != 0 {
				want[to] = append(want[to], e)
			}
		}
	}
	require.NoError(t, p.Settle(context.Background()))
	assert.Zero(t, messages, "gossip is off the main path")
	require.NoError(t, p.Gossip(context.Background()))
	assert.LessOrEqual(t, messages, 3*4, "a message holds up to 256 entries")
	for to := range ring.NodeID(4) {
		assert.ElementsMatch(t, want[to], sent[to])
	}
}

// Where nobody sends what is offered, accepted writes wait, and the input says so; all
// go on once there is room.
func TestBackpressure(t *testing.T) {
	kinds, rg := kind.Default(), testRing(t, 2, 1, 2)
	sent := 0
	p := newPath(t, pipeline.Options{Self: 0, Origin: 1, Ring: rg, Kinds: kinds, Room: 4, Batch: 1, Send: func(_ ring.NodeID, msg []byte) { sent += len(msg) }})
	accepted := 0
	for n := uint64(1); ; n++ {
		err := p.Accept(entry(t, kinds, "set", "k", causal.Dot{Origin: 1, Seq: n}, fmt.Append(nil, n)))
		if err != nil {
			require.ErrorIs(t, err, flow.ErrFull)
			break
		}
		accepted++
		require.Less(t, accepted, 100)
		require.NoError(t, p.Settle(context.Background()))
	}
	for range accepted {
		settle(t, p)
	}
	k, _ := kinds.Find("set")
	v, err := k.Decode([]byte(values(t, p)[pipeline.Ref{Key: "k", Kind: "set"}]))
	require.NoError(t, err)
	set, _ := kind.Get[kind.GrowSet](v)
	assert.Len(t, set, accepted)
	assert.Positive(t, sent)
}

// What cannot be read, or is not of who sent it, or is offered to another incarnation,
// or lies in another partition than its key, brings nothing; and the good comes after.
func TestHostile(t *testing.T) {
	kinds, rg := kind.Default(), testRing(t, 2, 8, 2)
	p := newPath(t, pipeline.Options{Self: 0, Origin: 9, Ring: rg, Kinds: kinds, Room: 100, Send: func(ring.NodeID, []byte) {}})
	e := entry(t, kinds, "set", "k", causal.Dot{Origin: 5, Seq: 1}, []byte("x"))
	at := rg.PartitionOf("k")
	item := func(change func(*wire.Item, *gossip.Entry)) []byte {
		e := e
		it := wire.Item{Partition: at, Entries: []gossip.Entry{e}}
		change(&it, &it.Entries[0])
		return wire.AppendGossip(nil, 1, 5, []wire.Item{it})
	}
	good := item(func(*wire.Item, *gossip.Entry) {})
	piece := func(p ring.Partition, kind string) []byte {
		x := wire.Piece{Partition: p, Origin: 5, Values: []wire.HeldValue{{Key: "k", Kind: kind, Value: e.Delta}}}
		return wire.AppendSnapshot(nil, 1, &x)
	}
	bad := [][]byte{
		nil, []byte("garbage"), good[:len(good)-1],
		item(func(it *wire.Item, _ *gossip.Entry) { it.Partition = (at + 1) % 8 }),
		item(func(it *wire.Item, _ *gossip.Entry) { it.PeerIncarnation = 8 }),
		item(func(_ *wire.Item, e *gossip.Entry) { e.Kind = "unknown" }),
		item(func(_ *wire.Item, e *gossip.Entry) { e.Delta = []byte{9} }),
		piece((at+1)%8, "set"), piece(at, "unknown"), piece(at, "set")[:20],
	}
	for _, m := range bad {
		require.NoError(t, p.Deliver(pipeline.Message{From: 1, Bytes: m}))
	}
	require.NoError(t, p.Deliver(pipeline.Message{From: 0, Bytes: good}), "of another sender")
	require.NoError(t, p.Deliver(pipeline.Message{From: 0, Bytes: piece(at, "set")}), "of another sender")
	for _, r := range [][]byte{nil, {1}, {3, 1}, wire.AppendRecord(nil, (at+1)%8, []gossip.Entry{e})} {
		require.NoError(t, p.Recover(r))
	}
	settle(t, p)
	assert.Empty(t, values(t, p))

	for name, give := range map[string]func(p *pipeline.Path) error{
		"gossip": func(p *pipeline.Path) error { return p.Deliver(pipeline.Message{From: 1, Bytes: good}) },
		"own": func(p *pipeline.Path) error {
			return p.Deliver(pipeline.Message{From: 1, Bytes: item(func(it *wire.Item, _ *gossip.Entry) { it.PeerIncarnation = 9 })})
		},
		"snapshot": func(p *pipeline.Path) error { return p.Deliver(pipeline.Message{From: 1, Bytes: piece(at, "set")}) },
		"record":   func(p *pipeline.Path) error { return p.Recover(wire.AppendRecord(nil, at, []gossip.Entry{e})) },
		"piece": func(p *pipeline.Path) error {
			x := wire.Piece{Partition: at, Origin: 5, First: true, Values: []wire.HeldValue{{Key: "k", Kind: "set", Value: e.Delta}}}
			stored := wire.StoredPiece{Begun: 9, Number: 1, Encoded: x.Append(nil)}
			return p.Recover(stored.Append(nil))
		},
		"accepted": func(p *pipeline.Path) error { return p.Accept(e) },
	} {
		p := newPath(t, pipeline.Options{Self: 0, Origin: 9, Ring: rg, Kinds: kinds, Room: 100, Send: func(ring.NodeID, []byte) {}})
		require.NoError(t, give(p))
		settle(t, p)
		assert.Equal(t, map[pipeline.Ref]string{{Key: "k", Kind: "set"}: string(e.Delta)}, values(t, p), name)
	}
}

func TestOptions(t *testing.T) {
	rg, kinds, send := testRing(t, 1, 1, 1), kind.Default(), func(ring.NodeID, []byte) {}
	for _, o := range []pipeline.Options{
		{Kinds: kinds, Room: 1, Send: send}, {Ring: rg, Room: 1, Send: send},
		{Ring: rg, Kinds: kinds, Room: 1}, {Ring: rg, Kinds: kinds, Send: send},
	} {
		_, err := pipeline.New(o)
		assert.True(t, errors.Is(err, pipeline.ErrOptions), "%v", err)
	}
}

// The graphs are what the package says, and nothing is found against them.
func TestVerify(t *testing.T) {
	p := newPath(t, pipeline.Options{Ring: testRing(t, 1, 1, 1), Kinds: kind.Default(), Room: 1, Send: func(ring.NodeID, []byte) {}})
	r := p.Verify()
	require.NoError(t, r.Err())
	for _, u := range r.Assumed() {
		assert.True(t, strings.HasPrefix(u.To, "fold") || strings.HasPrefix(u.To, "batch"), "%v", u)
	}
	assert.Contains(t, p.Mermaid(), "offers")
}
