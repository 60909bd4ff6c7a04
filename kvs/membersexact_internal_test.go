package kvs

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs/gossip"
	"github.com/joinery-go/joinery/kvs/member"
	"github.com/joinery-go/joinery/kvs/ring"
	"github.com/joinery-go/joinery/kvs/session"
	"github.com/joinery-go/joinery/kvs/wire"
)

// ours is a view of four active nodes, and later is one above it.
var (
	ours  = phases(member.Active, member.Active, member.Active, member.Active)
	later = ours.Raised(4, member.In(1, member.Leaving))
)

// step has r take an event, and returns what it says of members, by receiver, and how many
// records it writes.
func step(t *testing.T, r *Replica, ev Event) (said map[ring.NodeID]wire.Members, records int) {
	t.Helper()
	ev.NowMS = 1_000_000
	return saidOf(t, r.Step(ev))
}

func saidOf(t *testing.T, out []Effect) (said map[ring.NodeID]wire.Members, records int) {
	t.Helper()
	said = map[ring.NodeID]wire.Members{}
	for _, e := range out {
		switch {
		case e.Kind == EffectPersist:
			records++
		case e.Kind == EffectSend && e.Sends == wire.MsgMembers:
			_, body, err := wire.Open(e.Msg)
			require.NoError(t, err)
			m, err := wire.DecodeMembers(wire.VersionOf(e.Msg), body)
			require.NoError(t, err)
			require.NotContains(t, said, e.To, "told twice")
			said[e.To] = m
		}
	}
	return said, records
}

// tells is what a peer tells of members.
func tells(from ring.NodeID, origin uint64, ask bool, view member.Set) Event {
	m := wire.Members{From: from, Origin: origin, Ask: ask, Set: view}
	return Event{Kind: EventMessage, From: from, Msg: m.Append(nil)}
}

// TestViewsRiseOnceDurable: a view that is above the replica's is persisted, then gone by, then
// told; what is below, or is being persisted already, is not persisted again.
func TestViewsRiseOnceDurable(t *testing.T) {
	r := bench(t, ours)
	require.Zero(t, r.viewName)
	_, records := step(t, r, tells(2, 5, false, ours))
	assert.Zero(t, records)
	_, records = step(t, r, tells(2, 5, false, later))
	assert.Equal(t, 1, records)
	assert.True(t, r.view.Members.Includes(ours) && ours.Includes(r.view.Members), "it is not durable yet")
	assert.False(t, r.fixed())
	assert.False(t, r.Settled())
	assert.False(t, r.Quiet())
	_, records = step(t, r, tells(3, 5, false, later))
	assert.Zero(t, records, "it is on its way")
	_, records = step(t, r, tells(3, 5, false, ours.Raised(3, member.In(1, member.Gone))))
	assert.Equal(t, 1, records)
	both := later.Raised(3, member.In(1, member.Gone))
	step(t, r, Event{Kind: EventPersisted, Token: r.rise.token - 1})
	assert.Equal(t, ours, r.view.Members)
	step(t, r, Event{Kind: EventPersisted, Token: r.rise.token})
	assert.Equal(t, both, r.view.Members)
	assert.Equal(t, both, r.onDisk.Members)
	assert.Equal(t, nameOf(both), r.viewName)
	assert.Zero(t, r.rise.token)
	assert.True(t, r.moving)
	step(t, r, Event{Kind: EventPersisted, Token: r.token})
	assert.Equal(t, both, r.view.Members)
}

// TestWhoIsToldOfMembers: peers that do not go by the replica's view are told, less and less often
// while they do not answer; those that ask are told at once; who is gone is told if it asks.
func TestWhoIsToldOfMembers(t *testing.T) {
	r := bench(t, later)
	at := map[uint64]map[ring.NodeID]bool{} // by tick, who is told, and whether that asks
	for range 50 {
		said, _ := step(t, r, Event{Kind: EventTick})
		at[r.tick] = map[ring.NodeID]bool{}
		for to, m := range said {
			at[r.tick][to] = m.Ask
			assert.Equal(t, wire.Members{From: 1, Origin: 100, Ask: m.Ask, Set: later}, m)
		}
		if r.tick == 1 {
			for i := range r.peers {
				r.peers[i].backoffTicks = 1 << 20 // nobody wonders where they are
				r.peers[i].next = 1 << 30
			}
		}
		for i := range r.peers {
			r.peers[i].next = 1 << 30
		}
	}
	want := map[uint64]bool{1: true, 2: true, 4: true, 8: true, 16: true, 32: true, 48: true}
	for tick, said := range at {
		if !want[tick] {
			assert.Empty(t, said, "tick %d", tick)
			continue
		}
		assert.Equal(t, map[ring.NodeID]bool{2: true, 3: true, 4: true}, said, "tick %d", tick)
	}

	step(t, r, tells(2, 5, false, later))
	step(t, r, tells(3, 5, true, later))
	assert.True(t, r.untold())
	r.peers[2].gone = true
	said, _ := step(t, r, Event{Kind: EventTick})
	require.Len(t, said, 1, "one asks, one knows, and one is gone")
	assert.Equal(t, false, said[3].Ask, "it is known to go by the same view")
	assert.False(t, r.untold())
	r.peers[2].asks = true
	assert.True(t, r.untold())
	said, _ = step(t, r, Event{Kind: EventTick})
	require.Len(t, said, 1)
	assert.False(t, said[4].Ask)
}

// TestStrangersHaveItAsk: a node whose disk was taken back asks its peers for their view once one
// speaks to it that it does not know, however often that speaks, and believes nothing of it.
func TestStrangersHaveItAsk(t *testing.T) {
	r := bench(t, ours)
	for range 3 {
		said, _ := step(t, r, Event{Kind: EventTick})
		require.Empty(t, said)
	}
	var asked []uint64
	for range 40 {
		_, records := step(t, r, tells(9, 5, true, ours.Raised(9, member.In(1, member.Active))))
		require.Zero(t, records)
		said, _ := step(t, r, Event{Kind: EventTick})
		if len(said) == 0 {
			continue
		}
		asked = append(asked, r.tick)
		require.Len(t, said, 3)
		for _, m := range said {
			require.True(t, m.Ask)
			require.Equal(t, ours, m.Set)
		}
	}
	assert.Equal(t, []uint64{4, 20, 36}, asked)
	for range 40 {
		if said, _ := step(t, r, Event{Kind: EventTick}); len(said) > 0 {
			asked = append(asked, r.tick)
		}
	}
	assert.Len(t, asked, 4, "it has spoken since")
	step(t, r, Event{Kind: EventMessage, From: 9, Msg: []byte("no message")})
	for range 40 {
		said, _ := step(t, r, Event{Kind: EventTick})
		require.Empty(t, said)
	}
}

// TestWhoMovesIsAsked: a peer that joins or leaves by the view of both is asked now and then, as long
// as it does: it may have forgotten.
func TestWhoMovesIsAsked(t *testing.T) {
	r := bench(t, later)
	r.peers[0].gone = true
	for _, from := range []ring.NodeID{2, 3, 4} {
		step(t, r, tells(from, 5, false, later))
	}
	silent := func() { // and nobody wonders where they are
		for i := range r.peers {
			r.peers[i].backoffTicks = 1 << 20
		}
	}
	var asked []uint64
	for range 40 {
		silent()
		said, _ := step(t, r, Event{Kind: EventTick})
		if len(said) == 0 {
			continue
		}
		asked = append(asked, r.tick)
		assert.Equal(t, map[ring.NodeID]wire.Members{4: {From: 1, Origin: 100, Ask: true, Set: later}}, said)
	}
	assert.Equal(t, []uint64{16, 32}, asked)
	r.view.Members = ours
	for range 40 {
		silent()
		said, _ := step(t, r, Event{Kind: EventTick})
		require.Empty(t, said, "nobody moves")
	}
}

// TestPeersGoByTheirLastView: which view a peer goes by is what its newest incarnation has said
// last; a change is told of at once.
func TestPeersGoByTheirLastView(t *testing.T) {
	for _, c := range []struct {
		origin, name uint64
		view         uint64
		anew         bool
	}{
		{4, 9, 7, false}, {5, 7, 7, false}, {5, 9, 9, true}, {6, 7, 7, true}, {6, 9, 9, true},
	} {
		l := peerLink{origin: 5, view: 7, viewNext: 40, viewBackoff: 8}
		l.goesBy(c.origin, c.name)
		assert.Equal(t, c.view, l.view, "%+v", c)
		assert.Equal(t, max(5, c.origin), l.origin)
		if c.anew {
			assert.Equal(t, []uint64{0, 1}, []uint64{l.viewNext, l.viewBackoff}, "%+v", c)
		} else {
			assert.Equal(t, []uint64{40, 8}, []uint64{l.viewNext, l.viewBackoff}, "%+v", c)
		}
	}
	r := bench(t, ours)
	step(t, r, tells(2, 5, false, ours))
	assert.Zero(t, r.peers[0].view, "the nodes of the ring have no name")
	step(t, r, tells(2, 5, false, later))
	assert.Equal(t, nameOf(later), r.peers[0].view)
	step(t, r, tells(2, 5, false, ours[:3]))
	assert.Equal(t, nameOf(ours[:3]), r.peers[0].view, "fewer are others")
}

// TestWhoIsOverIsToldSo: what incarnations of a life that is over say is not taken, be it of
// members or of anything else; they are told who the members are, unless they know that their life
// is over, and do not ask.
func TestWhoIsOverIsToldSo(t *testing.T) {
	anew := later.Raised(2, member.In(2, member.Active))
	for _, origin := range []uint64{5, 6, 7} {
		for _, ask := range []bool{false, true} {
			r := bench(t, anew)
			r.peers[0].floor = 6
			step(t, r, tells(2, origin, ask, anew.Raised(3, member.In(1, member.Gone))))
			assert.Equal(t, ask, r.peers[0].asks)
		}
		r := bench(t, anew)
		r.peers[0].floor, r.peers[0].view = 6, nameOf(anew)
		rejected := r.stats.Rejected
		step(t, r, tells(2, origin, false, later.Raised(3, member.In(1, member.Gone))))
		over := origin <= 6
		assert.Equal(t, over, r.peers[0].asks)
		assert.Equal(t, over, r.rise.token == 0)
		assert.Equal(t, over, r.stats.Rejected > rejected)

		r = bench(t, later)
		r.peers[0].floor, r.peers[0].view = 6, nameOf(later)
		step(t, r, Event{Kind: EventMessage, From: 2, Msg: wire.AppendGossipUnder(nil, 2, origin, nameOf(later), nil)})
		assert.Equal(t, over, r.peers[0].asks)
		assert.Equal(t, !over, r.peers[0].origin == origin)
		r.peers[0].gone = true
		r.peers[0].asks = false
		step(t, r, Event{Kind: EventMessage, From: 2, Msg: wire.AppendGossipUnder(nil, 2, 9, nameOf(later), nil)})
		assert.True(t, r.peers[0].asks)
	}
}

// TestWhoWonders: where a peer has been silent for long, those that are heard are asked who the
// members are, each once; those that are silent themselves, and those that are gone, are not.
func TestWhoWonders(t *testing.T) {
	rg, err := ring.New([]ring.NodeID{1, 2, 3, 4, 5, 6}, 1, 6)
	require.NoError(t, err)
	r, err := New(Config{Self: 1, Origin: 100, First: true, Ring: rg, Kinds: bench(t, ours).cfg.Kinds, Secret: []byte("0123456789abcdef")}, nil)
	require.NoError(t, err)
	r.Start()
	q := wire.Request{Client: 7, Req: 1, Put: true, Key: "k", Kind: "set", Arg: []byte("e")}
	step(t, r, Event{Kind: EventRequest, Msg: q.Encode()})
	step(t, r, Event{Kind: EventPersisted, Token: r.token})
	asked := func(gaps ...uint64) (nodes []ring.NodeID) {
		for i, gap := range gaps {
			r.peers[i].backoffTicks, r.peers[i].next = gap, 0
		}
		said, _ := step(t, r, Event{Kind: EventTick})
		for _, n := range rg.Nodes() {
			if m, ok := said[n]; ok {
				nodes = append(nodes, n)
				assert.True(t, m.Ask)
			}
		}
		return nodes
	}
	most := uint64(maxOfferGap)
	r.peers[3].gone = true
	assert.Empty(t, asked(1, 8, 8, 1, 4))
	assert.Equal(t, []ring.NodeID{3, 6}, asked(most, 4, most, 1, most/4), "two are silent, and one is gone")
	assert.Empty(t, asked(1, 4, 4, 1, 4))
	assert.Equal(t, []ring.NodeID{2, 3, 4}, asked(1, 1, 1, 1, most))
}

// TestWhoLeftIsHeardOnce: whose node is gone tells peers until one of them knows; else all of
// those are told that do not know and are not gone themselves.
func TestWhoLeftIsHeardOnce(t *testing.T) {
	mine := later.Raised(1, member.In(1, member.Gone))
	for _, gone := range []bool{false, true} {
		view := later
		if gone {
			view = mine
		}
		r := bench(t, view)
		require.Equal(t, gone, r.gone())
		lacks := func() (list []bool) {
			for i := range r.peers {
				list = append(list, r.lacksView(&r.peers[i]))
			}
			return list
		}
		assert.Equal(t, []bool{true, true, true}, lacks())
		r.peers[0].gone = true
		assert.Equal(t, []bool{false, true, true}, lacks())
		r.peers[0].view = r.viewName
		assert.Equal(t, []bool{false, true, true}, lacks(), "who is gone is none who knows")
		r.peers[1].view = r.viewName
		assert.Equal(t, []bool{false, false, !gone}, lacks())
	}
}

// TestSelfInAView: which phase this life of the node is in; a later life is the end of it.
func TestSelfInAView(t *testing.T) {
	r := bench(t, later)
	r.cfg.Life = 2
	for state, want := range map[member.State]member.State{
		member.In(2, member.Joining): member.In(2, member.Joining),
		member.In(2, member.Gone):    member.In(2, member.Gone),
		member.In(3, member.Joining): member.In(2, member.Gone),
		member.In(1, member.Active):  member.In(1, member.Active),
	} {
		r.view.Members = member.Set(nil).Raised(1, state)
		assert.Equal(t, want, r.self())
		assert.Equal(t, want.Phase() == member.Gone, r.gone())
		assert.Equal(t, want.Phase() == member.Gone, r.going())
		r.view.Members = member.Set(nil).Raised(1, member.In(2, member.Active))
		r.rise = rise{view: member.View{Members: r.view.Members.Raised(1, state)}}
		assert.False(t, r.going(), "nothing rises")
		r.rise.token = 1
		assert.Equal(t, r.selfIn(r.rise.view).Phase() == member.Gone, r.going())
		r.rise = rise{}
	}
}

// TestOperators: what an operator asks for is looked at in the light of what is being persisted;
// who is going takes nothing more.
func TestOperators(t *testing.T) {
	r := bench(t, ours)
	change := func(n ring.NodeID, to member.Phase) int {
		_, records := step(t, r, Event{Kind: EventMember, Change: member.Change{Node: n, To: to}})
		return records
	}
	assert.Equal(t, 1, change(4, member.Leaving))
	assert.Zero(t, change(4, member.Leaving), "it leaves already")
	assert.Equal(t, uint64(1), r.stats.Rejected)
	assert.Equal(t, 1, change(5, member.Joining))
	assert.Equal(t, 1, change(1, member.Gone))
	assert.Zero(t, change(3, member.Gone), "who is going")
	assert.Equal(t, uint64(2), r.stats.Rejected)
}

// TestMeetMembers: each node of a view is a peer, but for this one, and those that have been gone
// before they were met. A later life, or the end of one, is another peer in the place of the first.
func TestMeetMembers(t *testing.T) {
	rnd := rand.New(rand.NewPCG(2, 2))
	for range 300 {
		r := bench(t, later)
		before := r.view.Members
		p := r.partition(3)
		known := map[ring.NodeID]bool{}
		for i := range r.peers {
			l := &r.peers[i]
			l.origin, l.sure, l.gone = 40+uint64(i), 40+uint64(i), rnd.IntN(4) == 0
			known[l.id] = true
			p.log.Invite(l.id)
			p.log.ObservePeer(l.id, 9, gossip.Digest{Known: gossip.Dots{{Origin: 9, Lo: 1, Hi: 1}}})
			p.needs(i, needDigest)
			p.links[i].heard, p.advertisedRev[i] = true, 3
			p.addPendingAck(i)
		}
		wasGone := make([]bool, len(r.peers))
		for i := range r.peers {
			wasGone[i] = r.peers[i].gone
		}
		view := before
		for n := ring.NodeID(2); n <= 6; n++ {
			if rnd.IntN(2) == 0 {
				view = view.Raised(n, member.In(1+rnd.Uint32N(2), member.Phase(rnd.IntN(4))))
			}
		}
		r.view.Members = view
		r.meetMembers(before)
		for n := ring.NodeID(1); n <= 7; n++ {
			at, phase := r.peer(n), view.At(n).Phase()
			if n == 1 || view.At(n) == 0 || !known[n] && phase == member.Gone {
				require.Negative(t, at, "node %d in %v", n, view)
				continue
			}
			require.GreaterOrEqual(t, at, 0, "node %d in %v", n, view)
			l := &r.peers[at]
			if !known[n] {
				require.Equal(t, peerLink{id: n, backoffTicks: 1, viewBackoff: 1}, *l)
				require.Equal(t, peerFloor{id: n}, r.floors.peers[at])
				continue
			}
			require.Equal(t, phase == member.Gone, l.gone)
			over := view.At(n).Life() > 1 || phase == member.Gone && !wasGone[at]
			require.Equal(t, over, l.floor > 0, "node %d in %v", n, view)
			require.Equal(t, over, len(p.log.Known(n)) == 0)
			require.Equal(t, over, p.need[at] == needNothing)
			require.Equal(t, over, p.links[at] == link{})
			require.Equal(t, over, p.advertisedRev[at] == 0)
			if over {
				require.Equal(t, l.origin, l.floor)
				require.NotContains(t, p.pendingAcks, at)
			} else {
				require.Contains(t, p.pendingAcks, at)
			}
		}
		for _, list := range []int{len(r.floors.peers), len(p.shared), len(p.advertisedRev), len(p.links), len(p.need)} {
			require.Len(t, r.peers, list)
		}
		open := 0
		for _, n := range p.need {
			if n == needDigest {
				open++
			}
		}
		require.Equal(t, open, p.open)
	}
}

// TestTheEnd: a replica whose node is gone holds nothing, tells nobody, and waits for nobody.
func TestTheEnd(t *testing.T) {
	r := bench(t, ours)
	p := r.partition(3)
	entries := stocked(t, r, 3, 3, 1, 2, 3)
	p.applied, p.log, p.cells = entries.applied, entries.log, entries.cells
	p.owned, p.pending = true, 0
	for at := range r.peers {
		p.shared[at] = true
		p.needs(at, needDigest)
		p.addPendingAck(at)
	}
	p.offers, p.waiting = []int{1}, append(p.waiting, waiter{req: &wire.Request{Client: 8, Req: 1, Key: "k1", Kind: "set", Level: session.Causal}, deadline: 900})
	r.waiting = 1
	p.subs = append(p.subs, &subscription{q: wire.Request{Client: 9, Req: 1, Key: "k1", Kind: "set"}})
	r.subscribed = 1
	r.repeats, r.taken = append(r.repeats, laterAnswer{}), append(r.taken, takenBack{})
	r.moving = true
	r.begin()
	r.end()
	answered := map[uint64]bool{}
	for _, e := range r.out {
		answered[e.Client] = e.Kind == EffectRespond
	}
	assert.Equal(t, map[uint64]bool{8: true, 9: true}, answered)
	assert.False(t, p.owned || p.retiring || p.fresh || r.moving)
	assert.Empty(t, p.applied)
	assert.Empty(t, p.numbers())
	assert.Zero(t, p.log.Len())
	assert.False(t, p.log.Hosts(2), "it has no peers")
	assert.Equal(t, []bool{false, false, false}, p.shared)
	assert.Equal(t, []need{needNothing, needNothing, needNothing}, p.need)
	assert.Zero(t, p.open+len(p.offers)+len(p.pendingAcks)+len(r.repeats)+len(r.taken)+r.waiting+r.subscribed)
	assert.True(t, r.Quiet())
}

// nameOf is the name of a view of these members, without factors.
func nameOf(s member.Set) uint64 { return member.View{Members: s}.Name() }
