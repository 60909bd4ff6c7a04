package kvs_test

import (
	"bytes"
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs"
	"github.com/joinery-go/joinery/kvs/gossip"
	"github.com/joinery-go/joinery/kvs/kind"
	"github.com/joinery-go/joinery/kvs/ring"
	"github.com/joinery-go/joinery/kvs/wire"
)

// manyPartitions are two owners of so many partitions, in each of which so many incarnations
// have written, and the disk of the first has all of it.
func manyPartitions(t *testing.T, partitions, incarnations int) (a, b *kvs.Replica) {
	rg, err := ring.New([]ring.NodeID{1, 2}, partitions, 2)
	require.NoError(t, err)
	var dots gossip.Dots
	for i := range uint64(incarnations) {
		o := 1_700_000_000_000_000_000 + i*1_000_000_007
		dots = append(dots, gossip.Span{Origin: o, Lo: 1, Hi: 1})
	}
	var records [][]byte
	for p := range partitions {
		x := wire.CheckpointPart{Origin: 9, Number: 1, Of: ring.Partition(p), Last: true, Applied: dots}
		records = append(records, wire.AppendCheckpoint(nil, &x))
	}
	records = append(records, wire.AppendCheckpoint(nil, &wire.CheckpointPart{Origin: 9, Number: 1, Sessions: true, Last: true}))
	cfg := kvs.Config{Self: 1, Origin: 1 << 62, Ring: rg, Kinds: kind.Default(), Secret: secret}
	a, err = kvs.New(cfg, records)
	require.NoError(t, err)
	cfg.Self, cfg.Origin, cfg.First = 2, 1<<62+1, true
	b, err = kvs.New(cfg, nil)
	require.NoError(t, err)
	b.Start()
	return a, b
}

// TestMessagesOfManyPartitions: what is told and asked of 4,096 partitions with 200
// incarnations each goes in messages of about a batch, and a peer takes all of them: at a
// start, and where it has to be asked again.
func TestMessagesOfManyPartitions(t *testing.T) {
	const partitions, batch = 4096, 256 << 10
	a, b := manyPartitions(t, partitions, 200)
	rounds := 0
	out := a.Start()
	for step := 0; rounds < 2; step++ {
		require.Less(t, step, 40)
		asked, all := map[ring.Partition]bool{}, 0
		for _, e := range out {
			if e.Kind != kvs.EffectSend {
				continue
			}
			require.LessOrEqual(t, len(e.Msg), batch+100)
			all += len(e.Msg)
			_, body, err := wire.Open(bytes.Clone(e.Msg))
			require.NoError(t, err)
			g, err := new(wire.DecodeBuffer).Gossip(wire.VersionOf(e.Msg), body)
			require.NoError(t, err)
			for i := range g.Items {
				if x := &g.Items[i]; x.Pull && len(x.Digest.Known) == 200 {
					asked[x.Partition] = true
				}
			}
			b.Step(kvs.Event{Kind: kvs.EventMessage, From: 1, NowMS: 1000, Msg: bytes.Clone(e.Msg)})
		}
		if len(asked) > 0 {
			rounds++
			assert.Len(t, asked, partitions)
			assert.Greater(t, all, wire.MaxMessage)
		}
		out = a.Step(kvs.Event{Kind: kvs.EventTick, NowMS: 1000})
	}
	assert.Zero(t, b.Stats().Rejected)
}

// TestLaterPartitionsAreReached: where low partitions take all that a peer is offered at a
// time, with what they are given or with a backlog, a write to a later one reaches it
// nevertheless, in about as many ticks as there are partitions before it.
func TestLaterPartitionsAreReached(t *testing.T) {
	const partitions, hot, batch = 8, 3, 2000
	for _, backlog := range []int{0, 200} {
		g := newRig(t, 2, partitions, 2, kvs.Config{BatchBytes: batch})
		keys := make([]string, partitions)
		for i := 0; slices.Contains(keys, ""); i++ {
			key := fmt.Sprint("k", i)
			keys[g.cfg.Ring.PartitionOf(key)] = key
		}
		req := uint64(0)
		write := func(p, size int) {
			req++
			require.Equal(t, wire.StatusOK, g.ask(0, put(1, req, "register", keys[p], make([]byte, size))).Status)
		}
		g.down[1] = true
		for range backlog {
			for p := range hot {
				write(p, 200)
			}
		}
		for p := hot; p < partitions; p++ {
			write(p, 1)
		}
		g.down[1] = false
		reached := func() (n int) {
			for _, key := range keys[hot:] {
				if g.hosts[1].Core().Knows(key, "register") {
					n++
				}
			}
			return n
		}
		ticks := 0
		for ; reached() < partitions-hot; ticks++ {
			require.Less(t, ticks, 2*partitions, "after a backlog of %d: %d have come", backlog, reached())
			for p := range hot {
				for range batch / 200 {
					write(p, 200)
				}
			}
			g.tick()
		}
		for range 1200 {
			g.tick()
		}
		assert.True(t, g.hosts[0].Core().Quiet(), "the others too, in the end")
		assert.Equal(t, holdings(g.hosts[0].Core()), holdings(g.hosts[1].Core()))
	}
}

// TestRoundIsState: with which partition a round begins is a part of the state, and of a
// copy of it.
func TestRoundIsState(t *testing.T) {
	g := newRig(t, 2, 4, 2, kvs.Config{BatchBytes: 300})
	g.down[1] = true
	for i := range uint64(40) {
		require.Equal(t, wire.StatusOK, g.ask(0, put(1, 1+i, "set", fmt.Sprint("k", i%8), make([]byte, 200))).Status)
	}
	tick := func(r *kvs.Replica) (first []ring.Partition) {
		for _, e := range r.Step(kvs.Event{Kind: kvs.EventTick, NowMS: g.now}) {
			if e.Kind == kvs.EffectSend {
				_, body, err := wire.Open(bytes.Clone(e.Msg))
				require.NoError(t, err)
				x, err := new(wire.DecodeBuffer).Gossip(wire.VersionOf(e.Msg), body)
				require.NoError(t, err)
				first = append(first, x.Items[0].Partition)
			}
		}
		return first
	}
	begun := map[ring.Partition]bool{}
	for range 200 {
		core := g.hosts[0].Core()
		copied := core.Clone()
		assert.Equal(t, core.AppendState(nil), copied.AppendState(nil))
		want := tick(copied)
		assert.Equal(t, want, tick(core))
		assert.Equal(t, core.AppendState(nil), copied.AppendState(nil))
		for _, p := range want {
			begun[p] = true
		}
	}
	assert.Len(t, begun, 4)
}
