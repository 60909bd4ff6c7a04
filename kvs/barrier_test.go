package kvs_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs"
	"github.com/joinery-go/joinery/kvs/gossip"
	"github.com/joinery-go/joinery/kvs/internal/varint"
	"github.com/joinery-go/joinery/kvs/kind"
	"github.com/joinery-go/joinery/kvs/ring"
	"github.com/joinery-go/joinery/kvs/session"
	"github.com/joinery-go/joinery/kvs/wire"
	"github.com/joinery-go/joinery/lattice/causal"
)

// TestBarrierAwaitsWhatItNames: a barrier of a peer is taken once all is held that it names, and
// the one before it; and never one that does not say which it is, or that comes before itself.
func TestBarrierAwaitsWhatItNames(t *testing.T) {
	rg, err := ring.New([]ring.NodeID{0, 1}, 1, 2)
	require.NoError(t, err)
	set := mustKind(t, "set")
	d, err := set.Mutate(kind.Update{Arg: []byte("a")}, nil)
	require.NoError(t, err)
	number := func(n, before uint64) []byte { return varint.Append(varint.Append(nil, n), before) }
	names := func(seq uint64) session.Matrix { return session.Matrix{{Partition: 0, Origin: 9, Seq: seq}} }
	write := gossip.Entry{Dot: causal.Dot{Origin: 9, Seq: 1}, Clock: 900 << 16, Key: "k", Kind: "set", Delta: d.Append(nil)}
	barrier := func(seq uint64, delta []byte, deps session.Matrix) gossip.Entry {
		return gossip.Entry{Dot: causal.Dot{Origin: 9, Seq: seq}, Clock: 900<<16 + seq, Delta: delta, Deps: deps}
	}
	for name, c := range map[string]struct {
		first []gossip.Entry
		last  gossip.Entry
		taken bool
	}{
		"all is held":              {[]gossip.Entry{write}, barrier(2, number(1, 0), names(1)), true},
		"a write is not":           {nil, barrier(2, number(1, 0), names(1)), false},
		"it names nothing":         {nil, barrier(2, number(1, 0), nil), true},
		"the next of one":          {[]gossip.Entry{write, barrier(2, number(1, 0), names(1))}, barrier(3, number(2, 1), nil), true},
		"one before it is not":     {[]gossip.Entry{write}, barrier(3, number(2, 1), names(1)), false},
		"a later one was held":     {[]gossip.Entry{write, barrier(2, number(3, 0), names(1))}, barrier(3, number(4, 1), nil), true},
		"a write is not, one is":   {[]gossip.Entry{write, barrier(2, number(1, 0), names(1))}, barrier(4, number(2, 1), names(3)), false},
		"it says half of what":     {[]gossip.Entry{write}, barrier(2, varint.Append(nil, 1), names(1)), false},
		"it says too much":         {[]gossip.Entry{write}, barrier(2, append(number(1, 0), 0), names(1)), false},
		"it comes before itself":   {[]gossip.Entry{write}, barrier(2, number(1, 1), names(1)), false},
		"it comes before the last": {[]gossip.Entry{write, barrier(2, number(1, 0), names(1))}, barrier(3, number(0, 1), names(1)), false},
	} {
		r, err := kvs.New(kvs.Config{Origin: 7, First: true, Ring: rg, Kinds: kind.Default(), Secret: secret}, nil)
		require.NoError(t, err)
		take := func(e gossip.Entry) {
			msg := wire.AppendGossip(nil, 1, 9, []wire.Item{{Entries: []gossip.Entry{e}}})
			for _, x := range effects(r.Step(kvs.Event{Kind: kvs.EventMessage, From: 1, NowMS: 1000, Msg: msg})) {
				if x.Kind == kvs.EffectPersist {
					r.Step(kvs.Event{Kind: kvs.EventPersisted, NowMS: 1000, Token: x.Token})
				}
			}
		}
		for _, e := range c.first {
			take(e)
			require.True(t, r.Has(0, e.Dot), name)
		}
		take(c.last)
		assert.Equal(t, c.taken, r.Has(0, c.last.Dot), name)
		want := uint64(1)
		if c.taken {
			want = 0
		}
		assert.Equal(t, want, r.Stats().Ahead+r.Stats().Rejected, name)
	}
}

// TestUnfinishedSnapshotIsForgotten: the pieces of a snapshot that nobody is left to finish are
// let go of as soon as the last owner says that it has none of it, though nothing else happens.
func TestUnfinishedSnapshotIsForgotten(t *testing.T) {
	c := filled(t, 3, 3, 40)
	p := c.ring.PartitionOf("s0")
	c.lose(0, 0)
	c.cfg = func(cfg *kvs.Config) { cfg.SnapshotPieces = 2 }
	c.crash(0)
	r := c.replicas[0]
	first, asker := askOf(t, r, c.replicas[1].Origin(), p, c.replicas[1].Held(p), c.now)
	for _, msg := range c.replicas[1].Serve(p, 0, asker, first) {
		for _, e := range effects(r.Step(kvs.Event{Kind: kvs.EventMessage, From: 1, NowMS: c.now, Msg: msg})) {
			if e.Kind == kvs.EffectPersist {
				r.Step(kvs.Event{Kind: kvs.EventPersisted, NowMS: c.now, Token: e.Token})
			}
		}
	}
	staged := func() int { n, _ := r.Staged(p); return n }
	require.Equal(t, 2, staged())
	for node := ring.NodeID(1); node <= 2; node++ { // each has lost its disk
		items := []wire.Item{{Partition: p, PeerIncarnation: r.Origin()}}
		r.Step(kvs.Event{Kind: kvs.EventMessage, From: node, NowMS: c.now, Msg: wire.AppendGossip(nil, node, 1000+uint64(node), items)})
		assert.Equal(t, 2*int(2-node), staged(), "node %d", node)
	}
	assert.Zero(t, r.Stats().Snapshots)
}
