package gossip_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs/gossip"
	"github.com/joinery-go/joinery/kvs/ring"
	"github.com/joinery-go/joinery/lattice/causal"
)

func entry(origin, seq uint64) *gossip.Entry {
	return &gossip.Entry{Dot: causal.Dot{Origin: origin, Seq: seq}, Key: "k", Kind: "set", Delta: []byte("d")}
}

// hears is the word of a peer's first incarnation.
func hears(l *gossip.Log, id ring.NodeID, known gossip.Dots) int {
	reclaimed, _, _ := l.ObservePeer(id, 1, gossip.Digest{Known: known})
	return reclaimed
}

func all(*gossip.Entry, uint64) bool { return true }

func dots(entries []gossip.Entry) (out []causal.Dot) {
	for _, e := range entries {
		out = append(out, e.Dot)
	}
	return out
}

func TestOfferedUntilKnown(t *testing.T) {
	l := gossip.NewLog(0, []ring.NodeID{2, 0, 1})
	l.Add(entry(9, 2), 1)
	l.Add(entry(9, 1), 1)
	l.Add(entry(9, 1), 5)
	want := []causal.Dot{{Origin: 9, Seq: 1}, {Origin: 9, Seq: 2}}
	assert.Equal(t, want, dots(l.Missing(nil, 1, 1<<20, all)), "in dot order, once each")
	assert.Equal(t, want, dots(l.Missing(nil, 1, 1<<20, all)), "and again, until the peer says it has them")

	assert.Zero(t, hears(l, 1, gossip.Dots{{Origin: 9, Lo: 1, Hi: 1}}), "the other owner still lacks it")
	assert.Equal(t, want[1:], dots(l.Missing(nil, 1, 1<<20, all)))
	assert.Equal(t, 1, hears(l, 2, gossip.Dots{{Origin: 9, Lo: 1, Hi: 2}}), "every owner has the first")
	assert.Equal(t, 1, l.Len())
	assert.Equal(t, 1, hears(l, 1, gossip.Dots{{Origin: 9, Lo: 2, Hi: 2}}))
	assert.Zero(t, l.Len())
}

func TestLimits(t *testing.T) {
	l := gossip.NewLog(0, []ring.NodeID{0, 1})
	for i := range uint64(5) {
		l.Add(entry(9, i+1), i)
	}
	size := entry(9, 1).Size()
	assert.Len(t, l.Missing(nil, 1, 2*size, all), 2)
	assert.Len(t, l.Missing(nil, 1, 1, all), 1, "at least one, however large")
	old := func(_ *gossip.Entry, since uint64) bool { return since < 3 }
	assert.Len(t, l.Missing(nil, 1, 1<<20, old), 3)
}

func TestStrangersAndSoleOwners(t *testing.T) {
	l := gossip.NewLog(0, []ring.NodeID{0, 1})
	l.Add(entry(9, 1), 0)
	assert.Zero(t, hears(l, 7, gossip.Dots{{Origin: 9, Lo: 1, Hi: 1}}), "a node that is no owner changes nothing")
	assert.Nil(t, l.Known(7))
	assert.Equal(t, 1, l.Len())

	sole := gossip.NewLog(0, []ring.NodeID{0})
	sole.Add(entry(9, 1), 0)
	assert.Equal(t, 1, sole.Reclaim(), "a sole owner needs no log")

	visitor := gossip.NewLog(5, []ring.NodeID{0, 1})
	visitor.Add(entry(9, 1), 0)
	assert.Zero(t, hears(visitor, 0, gossip.Dots{{Origin: 9, Lo: 1, Hi: 1}}))
	assert.Equal(t, 1, hears(visitor, 1, gossip.Dots{{Origin: 9, Lo: 1, Hi: 1}}), "one who does not own it waits for all who do")
}

// TestNewIncarnations: the word of a newer incarnation stands in place of what was
// believed, that of an older one says nothing, and who lacks what was reclaimed is
// short.
func TestNewIncarnations(t *testing.T) {
	both := gossip.Dots{{Origin: 9, Lo: 1, Hi: 2}}
	one := gossip.Dots{{Origin: 9, Lo: 1, Hi: 1}}
	l := gossip.NewLog(0, []ring.NodeID{0, 1, 2})
	for seq := range uint64(3) {
		l.Add(entry(9, 1+seq), 0)
	}
	applied := gossip.Dots{{Origin: 9, Lo: 1, Hi: 3}}
	assert.Zero(t, l.PeerIncarnation(1))
	assert.False(t, l.NeedsSnapshot(1, applied), "all that it may lack is kept")
	l.ObservePeer(1, 5, gossip.Digest{Known: both})
	l.ObservePeer(2, 6, gossip.Digest{Known: both})
	assert.Equal(t, uint64(5), l.PeerIncarnation(1))
	assert.Equal(t, 1, l.Len(), "both have the first two")
	assert.False(t, l.NeedsSnapshot(1, applied))

	_, regressed, _ := l.ObservePeer(1, 15, gossip.Digest{Known: both})
	assert.False(t, regressed, "it came back with its whole disk")
	assert.Len(t, l.Missing(nil, 1, 1<<20, all), 1, "and is offered no more than before")
	_, regressed, _ = l.ObservePeer(1, 25, gossip.Digest{Known: one})
	assert.True(t, regressed)
	assert.Equal(t, one, l.Known(1))
	assert.True(t, l.NeedsSnapshot(1, applied), "the second is no longer kept")
	assert.False(t, l.NeedsSnapshot(2, applied))
	_, regressed, _ = l.ObservePeer(1, 15, gossip.Digest{Known: both})
	assert.False(t, regressed)
	assert.Equal(t, one, l.Known(1), "a late word of the incarnation before")
	_, regressed, _ = l.ObservePeer(1, 25, gossip.Digest{Known: both})
	assert.False(t, regressed)
	assert.False(t, l.NeedsSnapshot(1, applied), "it has been brought up")
	assert.True(t, l.Has(causal.Dot{Origin: 9, Seq: 3}))
	assert.False(t, l.Has(causal.Dot{Origin: 9, Seq: 2}))
}

// TestEverywhere: a dot is everywhere when each other owner has said that it holds it, and
// is so no more when a newer incarnation of one says that it does not.
func TestEverywhere(t *testing.T) {
	l := gossip.NewLog(0, []ring.NodeID{0, 1, 2})
	d := causal.Dot{Origin: 9, Seq: 4}
	var has gossip.Dots
	has.Add(d)
	say := func(id ring.NodeID, origin uint64, known gossip.Dots) {
		_, _, took := l.ObservePeer(id, origin, gossip.Digest{Known: known, Rev: known.Count()})
		require.True(t, took)
	}
	assert.False(t, l.Everywhere(d))
	say(1, 1, has)
	assert.False(t, l.Everywhere(d))
	say(2, 1, has)
	assert.True(t, l.Everywhere(d))
	assert.False(t, l.Everywhere(causal.Dot{Origin: 9, Seq: 3}))
	say(1, 2, nil)
	assert.False(t, l.Everywhere(d))
	assert.True(t, gossip.NewLog(0, []ring.NodeID{0}).Everywhere(d), "there is no other owner")
}

// TestReclaimedOriginsAreGone: of origins of which nothing is left the log keeps nothing,
// however many there have been.
func TestReclaimedOriginsAreGone(t *testing.T) {
	l := gossip.NewLog(0, []ring.NodeID{0, 1})
	var known gossip.Dots
	for origin := range uint64(100) {
		l.Add(entry(1+origin, 1), 0)
		l.Add(entry(1+origin, 2), 0)
		known.Add(causal.Dot{Origin: 1 + origin, Seq: 1})
		assert.Equal(t, 1, hears(l, 1, known))
		known.Add(causal.Dot{Origin: 1 + origin, Seq: 2})
		assert.Equal(t, 1, l.Origins())
		assert.Equal(t, 1, hears(l, 1, known))
		assert.Zero(t, l.Origins())
	}
	assert.Zero(t, l.Len())
	assert.Zero(t, l.Bytes())
}

// TestDropped: a delta that is dropped is kept for nobody, and those beside it are.
func TestDropped(t *testing.T) {
	l := gossip.NewLog(0, []ring.NodeID{0, 1})
	for _, seq := range []uint64{2, 4, 6} {
		l.Add(entry(9, seq), 0)
	}
	l.Add(entry(11, 1), 0)
	for _, d := range []causal.Dot{{Origin: 9, Seq: 3}, {Origin: 9, Seq: 7}, {Origin: 10, Seq: 2}} {
		assert.False(t, l.Drop(d), "%v is not there", d)
	}
	left := []causal.Dot{{Origin: 9, Seq: 2}, {Origin: 9, Seq: 4}, {Origin: 9, Seq: 6}, {Origin: 11, Seq: 1}}
	for _, i := range []int{1, 0, 0, 0} { // from the middle, from the front, and the last of each
		d := left[i]
		left = append(left[:i:i], left[i+1:]...)
		assert.True(t, l.Drop(d))
		assert.False(t, l.Has(d))
		var want []causal.Dot
		want = append(want, left...)
		assert.Equal(t, want, dots(l.Missing(nil, 1, 1<<20, all)))
		assert.Equal(t, len(left), l.Len())
		assert.Equal(t, len(left)*entry(9, 2).Size(), l.Bytes())
	}
	assert.Zero(t, l.Origins())
	applied := gossip.Dots{{Origin: 9, Lo: 2, Hi: 2}}
	assert.True(t, l.NeedsSnapshot(1, applied))
	l.Add(entry(9, 2), 0)
	assert.False(t, l.NeedsSnapshot(1, applied), "it is added anew")
}

// TestLogClone: a clone has what the log has, and goes on apart from it.
func TestLogClone(t *testing.T) {
	l := gossip.NewLog(0, []ring.NodeID{0, 1})
	for seq := range uint64(6) {
		l.Add(entry(9, 1+seq), seq)
	}
	hears(l, 1, gossip.Dots{{Origin: 9, Lo: 1, Hi: 2}})
	c := l.Clone()
	assert.Equal(t, []any{l.Len(), l.Bytes(), l.Visited(), l.Known(1)}, []any{c.Len(), c.Bytes(), c.Visited(), c.Known(1)})
	assert.Equal(t, dots(l.Missing(nil, 1, 1<<20, all)), dots(c.Missing(nil, 1, 1<<20, all)))
	c.Add(entry(9, 7), 7)
	hears(c, 1, gossip.Dots{{Origin: 9, Lo: 1, Hi: 5}})
	assert.Equal(t, 4, l.Len())
	assert.Equal(t, 2, c.Len())
	assert.Equal(t, 4*entry(9, 1).Size(), l.Bytes())
	assert.Equal(t, 2*entry(9, 1).Size(), c.Bytes())
}
