package kvs

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs/gossip"
	"github.com/joinery-go/joinery/kvs/internal/varint"
	"github.com/joinery-go/joinery/kvs/kind"
	"github.com/joinery-go/joinery/kvs/session"
	"github.com/joinery-go/joinery/kvs/wire"
	"github.com/joinery-go/joinery/lattice/causal"
)

// TestBarrierToBeHandedOver: a replica that comes to own a partition may have a barrier yet to
// hand over. It keeps that, and the barrier stands for nothing until what was forgotten is there
// again, since it may name that.
func TestBarrierToBeHandedOver(t *testing.T) {
	r := newHalf(t, 1, 3, 32, 2, nil, nil).r
	p := r.partition(7)
	barred := gossip.Entry{
		Dot: causal.Dot{Origin: 9, Seq: 2}, Clock: 1, Kind: barrier, Delta: varint.Append(varint.Append(nil, 3), 0),
		Deps: session.Matrix{{Partition: 7, Origin: 9, Seq: 1}},
	}
	p.log.Add(&barred, 0)
	require.Equal(t, 1, p.log.Len())
	p.applied = gossip.Dots{{Origin: 9, Lo: 1, Hi: 2}}
	p.pass(&barred)
	p.forgetHandedOver(r)
	assert.Equal(t, gossip.Dots{{Origin: 9, Lo: 2, Hi: 2}}, p.applied)
	assert.Equal(t, uint64(3), p.cuts.Row(7).Seq(9), "the barrier is held")
	assert.Zero(t, p.passed(9), "and stands for nothing")
	p.applied.Add(causal.Dot{Origin: 9, Seq: 1})
	assert.Equal(t, uint64(3), p.passed(9))
}

// TestBarrierOfWhatIsLost: a barrier stays in the log of an owner while what it names may come back to
// it, and once that has. Where no owner has it any more, no peer takes the barrier from a log, and a
// snapshot brings it. Who only hands over has no snapshot to give.
func TestBarrierOfWhatIsLost(t *testing.T) {
	named := gossip.Dots{{Origin: 9, Lo: 1, Hi: 1}}
	for name, c := range map[string]struct {
		heard, back, other bool
		known              gossip.Dots // that the other owner says to hold
		kept               int
	}{
		"it may come back":        {kept: 1},
		"it is to come back":      {heard: true, known: named, kept: 1},
		"it is back":              {heard: true, known: named, back: true, kept: 1},
		"it is lost":              {heard: true},
		"it is lost, to no owner": {heard: true, other: true, kept: 1},
	} {
		r := newHalf(t, 1, 3, 32, 2, nil, nil).r
		p := r.partition(7)
		barred := gossip.Entry{
			Dot: causal.Dot{Origin: 9, Seq: 2}, Clock: 1, Kind: barrier, Delta: varint.Append(varint.Append(nil, 3), 0),
			Deps: session.Matrix{{Partition: 7, Origin: 9, Seq: 1}},
		}
		p.log.Add(&barred, 0)
		p.applied = gossip.Dots{{Origin: 9, Lo: 1, Hi: 2}}
		p.pass(&barred)
		p.forgetHandedOver(r)
		p.owned, p.fresh = !c.other, true
		p.needs(0, needNothing)
		p.log.ObservePeer(2, 5, gossip.Digest{Known: c.known})
		p.links[0].heard = c.heard
		if c.back {
			p.applied.Add(causal.Dot{Origin: 9, Seq: 1})
		}
		p.regain(r.peers)
		assert.Equal(t, c.kept, p.log.Len(), name)
		assert.True(t, p.applied.Contains(barred.Dot), name)
		assert.Equal(t, c.kept == 0, p.need[0] == needSnapshot, name)
	}
}

// TestCheckpointOfWhatIsHandedOver: of a partition of others a checkpoint has what waits to be handed
// over, once members have come or gone, and neither dots nor values nor cuts with what has been. A node
// that starts from it as an owner holds what waits, and nothing of the rest.
func TestCheckpointOfWhatIsHandedOver(t *testing.T) {
	for _, view := range []uint64{0, 5} {
		n := newHalf(t, 1, 3, 32, 2, nil, nil)
		p := n.r.partition(7)
		p.owned = false
		k, _ := kind.Default().Find("set")
		for seq, element := range []string{"handed over", "waits"} {
			delta, err := k.Mutate(kind.Update{Arg: []byte(element), Clock: 1, Origin: 9}, nil)
			require.NoError(t, err)
			e := gossip.Entry{Dot: causal.Dot{Origin: 9, Seq: uint64(seq + 1)}, Clock: 1, Key: "k", Kind: "set", Delta: delta.Append(nil)}
			p.applied.Add(e.Dot)
			p.merge(&e, delta)
			if seq == 1 {
				p.log.Add(&e, 0)
			}
		}
		n.r.viewName = view
		n.r.begin()
		require.True(t, n.r.givePartition(p))
		var parts, records int
		for _, e := range n.r.out {
			require.Equal(t, EffectPersist, e.Kind)
			if records++; wire.IsCheckpoint(e.Msg) {
				parts++
			}
		}
		assert.Equal(t, []int{1, map[uint64]int{0: 1}[view]}, []int{records - parts, parts}, "view %d", view)
	}
}

// TestStartBehindWhatWasHandedOver: an owner that starts, and of an origin has later writes to hand
// over and not the first ones, had handed these over before it came to own the partition. It serves
// no read, and tells who lacks them nothing, until it has got them back.
func TestStartBehindWhatWasHandedOver(t *testing.T) {
	for first, forgone := range map[uint64]gossip.Dots{0: nil, 1: nil, 3: {{Origin: 9, Lo: 1, Hi: 2}}} {
		r := newHalf(t, 1, 3, 32, 2, nil, nil).r
		p := r.partition(7)
		require.True(t, p.owned)
		p.log.Add(&gossip.Entry{Dot: causal.Dot{Origin: 9, Seq: 3}, Clock: 1, Key: "k", Kind: "set"}, 0)
		require.Equal(t, 1, p.log.Len())
		if p.applied = nil; first > 0 { // a disk may hold anything
			p.applied = gossip.Dots{{Origin: 9, Lo: first, Hi: 3}}
		}
		r.viewName = 5
		require.NoError(t, r.seatStarted())
		assert.Equal(t, forgone, p.forgone)
		assert.Equal(t, forgone != nil, p.fresh)
		assert.Equal(t, forgone != nil, p.withholds(r.peers[0].id))
	}
}

// TestRegained: what a replica has forgotten is withheld from owners that lack what others of them have
// of it. What none of them has is lost, and one that retires waits for nothing to come back.
func TestRegained(t *testing.T) {
	span := func(lo, hi uint64) gossip.Dots { return gossip.Dots{{Origin: 9, Lo: lo, Hi: hi}} }
	for name, c := range map[string]struct {
		heard, retiring bool
		known, applied  gossip.Dots
		forgone         gossip.Dots
		withholds       bool
	}{
		"nobody was heard":             {false, false, span(1, 1), span(4, 4), span(1, 3), true},
		"nobody was heard, all back":   {false, false, nil, span(1, 4), nil, false},
		"an owner has some":            {true, false, span(1, 1), span(4, 4), span(1, 1), false},
		"some is back, the rest lost":  {true, false, span(1, 1), gossip.Dots{{Origin: 9, Lo: 1, Hi: 1}, {Origin: 9, Lo: 4, Hi: 4}}, nil, false},
		"no owner has any":             {true, false, span(5, 6), span(4, 4), nil, false},
		"an owner has some, retiring":  {true, true, span(1, 1), span(4, 4), span(1, 1), false},
		"an owner has more, retiring":  {true, true, span(2, 9), span(4, 4), span(2, 3), false},
		"nobody was heard, to retire":  {false, true, span(1, 1), span(4, 4), span(1, 3), true},
		"no owner has any, and retire": {true, true, nil, span(4, 4), nil, false},
	} {
		r := newHalf(t, 1, 3, 32, 2, nil, nil).r
		p := r.partition(7)
		p.forgone, p.applied, p.owned, p.fresh, p.retiring = span(1, 3), c.applied, !c.retiring, !c.retiring, c.retiring
		p.log.ObservePeer(2, 5, gossip.Digest{Known: c.known})
		p.links[0].heard = c.heard
		p.regain(r.peers)
		assert.Equal(t, c.forgone, p.forgone, name)
		assert.Equal(t, c.withholds, p.withholds(2), name)
	}
}
