package kvs

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs/gossip"
	"github.com/joinery-go/joinery/kvs/kind"
	"github.com/joinery-go/joinery/kvs/member"
	"github.com/joinery-go/joinery/kvs/ring"
	"github.com/joinery-go/joinery/kvs/wire"
	"github.com/joinery-go/joinery/lattice/causal"
)

// TestNewLifePromisedNothing: what a life of a node has promised does not count for the next one; what
// any of them ever promised does, for what is told to it, and so does which incarnation was the last.
func TestNewLifePromisedNothing(t *testing.T) {
	r := bench(t, ours)
	said := wire.Promise{Rev: 3, Want: 9, Ready: 9, Floor: 9, Clean: 9, Era: r.era()}
	for i := range r.floors.peers {
		r.floors.peers[i] = peerFloor{id: r.peers[i].id, origin: 7, said: said, most: 9, knows: true, told: 4, reply: true, next: 5, gap: 6}
	}
	at := r.peer(3)
	view := r.view.Members.Raised(3, member.In(2, member.Joining))
	require.NoError(t, r.goBy(member.View{Members: view}))
	r.meetMembers(ours)
	for i, p := range r.floors.peers {
		if i == at {
			assert.Equal(t, peerFloor{id: 3, origin: 7, most: 9}, p)
		} else {
			assert.Equal(t, said, p.said)
		}
	}
	assert.Zero(t, r.least(9, func(p *wire.Promise) uint64 { return p.Floor }))
}

// TestWhoKnowsWhatItPromised: a node that was there from the start does; another one does once all
// members have told it.
func TestWhoKnowsWhatItPromised(t *testing.T) {
	rg, err := ring.New([]ring.NodeID{1, 2, 3}, 4, 2)
	require.NoError(t, err)
	with := member.Of(rg).Raised(4, member.In(1, member.Joining)).Raised(1, member.In(2, member.Joining))
	for name, c := range map[string]struct {
		self  ring.NodeID
		first bool
		life  uint32
		knows bool
	}{
		"of the ring, its first start": {2, true, 1, true},
		"of the ring, a later start":   {2, false, 1, false},
		"of the ring, another life":    {1, true, 2, false},
		"one that joins":               {4, true, 1, false},
	} {
		r, err := New(Config{Self: c.self, Origin: 5, First: c.first, Life: c.life, Ring: rg, Kinds: kind.Default(), Secret: []byte("0123456789abcdef"), Members: with}, nil)
		require.NoError(t, err)
		assert.Equal(t, c.knows, r.promisesKnown(), name)
		for at := range r.peers {
			assert.Equal(t, c.knows, r.promisesKnown(), name)
			r.floors.peers[at].knows = true
		}
		assert.True(t, r.promisesKnown(), name)
		r.floors.peers[0].knows = false
		assert.Equal(t, c.knows, r.promisesKnown(), name)
		r.peers[0].gone = true
		assert.True(t, r.promisesKnown(), "%s; the other one is gone", name)
	}
}

// TestTombstonesOfWhoKeeps: what is left of a delete is noted by whoever keeps all of a partition, or
// may, as it starts; it is let go of where that turns out not to be so, and not forgotten there.
func TestTombstonesOfWhoKeeps(t *testing.T) {
	for name, c := range map[string]struct{ owned, retiring, starting, noted, stays bool }{
		"an owner":            {owned: true, noted: true, stays: true},
		"one that retires":    {retiring: true, noted: true, stays: true},
		"another":             {},
		"another that starts": {starting: true, noted: true},
	} {
		n := newHalf(t, 1, 1, 1, 2, nil, nil)
		p := n.r.partition(0)
		p.owned, p.retiring, n.r.tombs.starting = c.owned, c.retiring, c.starting
		n.hold(t, "r", causal.Dot{Origin: 5, Seq: 1}, 100<<16, true)
		n.r.tombs.starting = false
		s, _ := p.slot("r", "register")
		assert.Equal(t, c.noted, s.tomb, name)
		assert.Equal(t, c.noted, n.r.Unburied() == 1, name)
		n.r.now = 100 + n.r.cfg.LateMS
		n.r.wantForgotten()
		assert.Equal(t, c.stays, s.tomb, name)
		assert.Equal(t, c.stays, n.r.Unburied() == 1, name)
	}
}

// TestDeletesThatWaitAsAnOwnerComes: a replica that comes to own a partition notes what is left of
// deletes that it was to hand over, be that all that it holds of the partition or not.
func TestDeletesThatWaitAsAnOwnerComes(t *testing.T) {
	for _, all := range []bool{true, false} {
		n := newHalf(t, 1, 1, 1, 2, nil, nil)
		p := n.r.partition(0)
		p.owned = false
		if !all {
			p.applied.Add(causal.Dot{Origin: 5, Seq: 1})
		}
		n.hold(t, "r", causal.Dot{Origin: 5, Seq: 2}, 100<<16, true)
		n.hold(t, "v", causal.Dot{Origin: 5, Seq: 3}, 100<<16, false)
		set, _ := n.r.cfg.Kinds.Find("set")
		v, err := set.Mutate(kind.Update{Arg: []byte("e")}, nil)
		require.NoError(t, err)
		p.apply(&gossip.Entry{Dot: causal.Dot{Origin: 5, Seq: 4}, Clock: 1, Key: "s", Kind: "set", Delta: v.Append(nil)}, v, 0, 8)
		require.Zero(t, n.r.Unburied())
		require.True(t, n.r.seat(p, true))
		assert.Equal(t, all, len(p.forgone) == 0)
		n.r.now = 100 + n.r.cfg.LateMS
		n.r.wantForgotten()
		require.Len(t, n.r.tombs.batch, 1)
		assert.Equal(t, "r", n.r.tombs.batch[0].key)
		assert.Equal(t, uint64(100<<16), n.r.tombs.batch[0].clock)
		assert.Equal(t, 1, n.r.Unburied())
	}
}
