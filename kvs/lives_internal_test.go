package kvs

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs/gossip"
	"github.com/joinery-go/joinery/kvs/member"
	"github.com/joinery-go/joinery/kvs/wire"
)

// TestLaterLifeIsHeardFirst: incarnation 3 of a peer goes by the replica's view, and 5 and 7 by
// another, before the replica learns that the peer has another life. Then 3 is over; 5 and 7 may
// be, and count once they go by the view that the replica goes by, and what is later than one that
// does counts too. Who the members are is taken from them at once.
func TestLaterLifeIsHeardFirst(t *testing.T) {
	const other = 99
	for proven := uint64(4); proven <= 8; proven++ {
		n := newHalf(t, 1, 1, 1, 2, nil, nil)
		says := func(origin, view uint64) (counts bool) {
			rejected := n.r.Stats().Rejected
			n.r.message(2, wire.AppendGossipUnder(nil, 2, origin, view, []wire.Item{{Digest: gossip.Digest{Known: gossip.Dots{{Origin: 2, Lo: 1, Hi: 1}}}}}))
			return n.r.Stats().Rejected == rejected
		}
		require.True(t, says(3, n.r.viewName))
		require.True(t, says(5, other))
		require.True(t, says(7, other))
		before := n.r.view.Members
		anew := before.Raised(2, member.In(2, member.Joining))
		require.NoError(t, n.r.goBy(member.View{Members: anew}))
		n.r.meetMembers(before)
		for origin := uint64(2); origin <= 8; origin++ {
			assert.Equal(t, origin == 8, says(origin, other), "incarnation %d", origin)
			assert.True(t, origin > 7 || n.r.peers[0].asks, "it is told who the members are")
			assert.False(t, origin == 3 && says(origin, n.r.viewName), "a life that is over")
		}
		floors := wire.Floors{From: 2, Origin: 7}
		rejected := n.r.Stats().Rejected
		n.r.message(2, floors.Append(nil))
		assert.Equal(t, rejected+1, n.r.Stats().Rejected)
		view := wire.Members{From: 2, Origin: 7, Set: anew.Raised(2, member.In(2, member.Active))}
		n.r.message(2, view.Append(nil))
		assert.NotZero(t, n.r.rise.token)
		require.True(t, says(proven, n.r.viewName))
		for origin := uint64(4); origin <= 8; origin++ {
			assert.Equal(t, origin >= min(proven, 8), says(origin, other), "incarnation %d, %d goes by the view", origin, proven)
		}
	}
}

// TestDoubtIsCleared: who is in doubt, and goes by the replica's view by now, may have nothing to say
// but what it promises. It is asked, and says that it is alive; one whose life is over does not.
func TestDoubtIsCleared(t *testing.T) {
	anew := later.Raised(2, member.In(2, member.Joining))
	for _, over := range []bool{false, true} {
		r := bench(t, anew)
		l := &r.peers[0]
		require.EqualValues(t, 2, l.id)
		l.origin, l.doubt, l.view = 7, 7, r.viewName
		floors := wire.Floors{From: 2, Origin: 7}
		step(t, r, Event{Kind: EventMessage, From: 2, Msg: floors.Append(nil)})
		require.Zero(t, r.floors.peers[0].origin)
		said, _ := step(t, r, Event{Kind: EventTick})
		require.True(t, said[2].Ask)

		other := bench(t, anew)
		other.cfg.Self, other.cfg.Origin, other.cfg.Life = 2, 7, 2
		if over {
			other.cfg.Life = 1
		}
		other.begin()
		other.tellAlive(1)
		alive := 0
		for _, e := range other.out {
			alive++
			step(t, r, Event{Kind: EventMessage, From: 2, Msg: e.Msg})
		}
		assert.Equal(t, over, alive == 0)
		assert.Equal(t, over, l.doubt == 7, "in doubt")
		step(t, r, Event{Kind: EventMessage, From: 2, Msg: floors.Append(nil)})
		assert.Equal(t, !over, r.floors.peers[0].origin == 7)
	}
}

// TestForgottenPositions: a peer that has confirmed a position in what this replica holds, and says
// to have heard of no incarnation of it since, has forgotten that, as it does when it learns of
// another life of this node. It is told all again, and not what has changed since.
func TestForgottenPositions(t *testing.T) {
	r := bench(t, later)
	p := r.partition(3)
	p.changes.Note(7, 9, 2, 1)
	require.True(t, p.changes.On())
	p.rev, p.links[0] = 9, link{origin: 5, confirmed: 4}
	says := func(origin, of, seen uint64) uint64 {
		p.confirm(0, origin, r.cfg.Origin, &wire.Item{PeerIncarnation: of, Digest: gossip.Digest{Seen: seen}})
		return p.links[0].confirmed
	}
	assert.EqualValues(t, 8, says(5, r.cfg.Origin, 8))
	assert.EqualValues(t, 8, says(4, 0, 0), "of an earlier incarnation")
	assert.EqualValues(t, 8, says(5, r.cfg.Origin+1, 0), "of another one")
	assert.EqualValues(t, 0, says(5, 0, 0))
	assert.EqualValues(t, 6, says(5, r.cfg.Origin, 6))
}

// TestOneThatIsGoneIsAskedNothing: a peer that is gone, and of which nobody can tell any more in which
// life an incarnation is, is told who the members are if it asks, and not asked in turn: where this node
// is gone, too, that would go on for ever. One that is in doubt, and is not gone, is asked.
func TestOneThatIsGoneIsAskedNothing(t *testing.T) {
	for _, gone := range []bool{true, false} {
		n := newHalf(t, 1, 1, 1, 2, nil, nil)
		l := &n.r.peers[0]
		l.origin, l.floor, l.doubt, l.gone, l.asks = 7, 0, 7, gone, true
		n.r.begin()
		n.r.tellMembers()
		asked, told := false, false
		for _, e := range n.r.out {
			if kind, body, err := wire.Open(e.Msg); err == nil && kind == wire.MsgMembers {
				m, err := wire.DecodeMembers(wire.VersionOf(e.Msg), body)
				require.NoError(t, err)
				told, asked = true, m.Ask
			}
		}
		assert.True(t, told)
		assert.Equal(t, !gone, asked)
		assert.False(t, l.asks)
	}
}
