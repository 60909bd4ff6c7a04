package kvs

import (
	"bytes"
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs/gossip"
	"github.com/joinery-go/joinery/kvs/kind"
	"github.com/joinery-go/joinery/kvs/member"
	"github.com/joinery-go/joinery/kvs/ring"
	"github.com/joinery-go/joinery/kvs/wire"
	"github.com/joinery-go/joinery/lattice"
	"github.com/joinery-go/joinery/lattice/causal"
)

// tieredBench is node 4, the second owner of partition 0 on disk, of nodes 1 to 4, the last two of the
// disk tier. Node 1 owns the partition from the beginning.
func tieredBench(t *testing.T) *Replica {
	t.Helper()
	rg, err := ring.Tiered([]ring.NodeID{1, 2, 3, 4}, 64, 1, 3, nil)
	require.NoError(t, err)
	r, err := New(Config{Self: 4, Origin: 100, First: true, Ring: rg, Kinds: kind.Default(), Secret: []byte("0123456789abcdef")}, nil)
	require.NoError(t, err)
	r.Start()
	r.begin()
	return r
}

// tieredPart is a partition whose owners are nodes 1, 2, 3, 4 in this order.
func tieredPart(t *testing.T, r *Replica) ring.Partition {
	t.Helper()
	for id := range ring.Partition(64) {
		if slices.Equal(placedBy(t, r, tieredView(id, 1, 2, 2)).place.Owners(id), []ring.NodeID{1, 2, 3, 4}) {
			return id
		}
	}
	require.Fail(t, "no partition has its owners in this order")
	return 0
}

// tieredView is a view of nodes 1 to 4, all active but for those that are gone, with a decision.
func tieredView(id ring.Partition, epoch uint32, memory, disk int, gone ...ring.NodeID) member.View {
	v := member.View{Members: phases(member.Active, member.Active, member.Active, member.Active), Factors: member.Factors{{Key: id, Val: member.VectorOf(epoch, memory, disk)}}}
	for _, n := range gone {
		v.Members = v.Members.Raised(n, member.In(1, member.Gone))
	}
	return v
}

// again is v with a node in its second life.
func again(v member.View, n ring.NodeID) member.View {
	v.Members = v.Members.Raised(n, member.In(2, member.Active))
	return v
}

// TestSources: along views that node 4 goes by, one after the other, without being caught up, whether
// some owner has been one all along, since before node 4 came to own the partition.
func TestSources(t *testing.T) {
	r := tieredBench(t)
	id := tieredPart(t, r)
	at := func(epoch uint32, memory, disk int, gone ...ring.NodeID) member.View {
		return tieredView(id, epoch, memory, disk, gone...)
	}
	for name, c := range map[string]struct {
		views []member.View
		none  bool
	}{
		"one stays":                        {[]member.View{at(1, 1, 0), at(2, 1, 2)}, false},
		"one stays, others go":             {[]member.View{at(1, 2, 0), at(2, 1, 2)}, false},
		"nobody stays":                     {[]member.View{at(1, 1, 0), at(2, 0, 2)}, true},
		"nobody stays in the end":          {[]member.View{at(1, 1, 0), at(2, 1, 2), at(3, 0, 2)}, true},
		"the other newcomer is no source":  {[]member.View{at(1, 2, 0), at(2, 2, 2), at(3, 1, 2), at(4, 0, 2)}, true},
		"the one before stays":             {[]member.View{at(1, 1, 0), at(2, 0, 1), at(3, 0, 2)}, false},
		"a source is back":                 {[]member.View{at(1, 1, 0), at(2, 0, 2), at(3, 1, 2)}, true},
		"it loses it in between":           {[]member.View{at(1, 1, 0), at(2, 0, 2), at(3, 1, 0), at(4, 1, 2)}, true},
		"it loses it to the source":        {[]member.View{at(1, 1, 0), at(2, 1, 2), at(3, 1, 0), at(4, 1, 2)}, false},
		"it loses it without a source":     {[]member.View{at(1, 1, 0), at(2, 1, 2), at(3, 0, 1), at(4, 0, 2)}, true},
		"the source is gone":               {[]member.View{at(1, 1, 0), at(2, 1, 2), at(3, 1, 2, 1)}, false},
		"it was gone before":               {[]member.View{at(1, 1, 0), at(2, 0, 2, 1)}, true},
		"it was, by no other decision":     {[]member.View{at(1, 1, 0), at(1, 1, 0, 1, 2, 3)}, false},
		"one was, and another one retires": {[]member.View{at(1, 2, 0), at(2, 0, 2, 1)}, true},
		"it is gone, and another was away": {[]member.View{at(1, 2, 0), at(2, 2, 2), at(3, 1, 2), at(4, 1, 2, 1)}, true},
		"it is in a later life":            {[]member.View{at(1, 1, 0), at(2, 1, 2), again(at(3, 1, 2), 1), at(4, 0, 2)}, false},
		"an earlier life was":              {[]member.View{at(1, 1, 0), again(at(2, 1, 2), 1)}, true},
		"no owner":                         {[]member.View{at(1, 1, 0), at(2, 0, 1), at(3, 1, 0)}, false},
	} {
		var s sources
		fresh, was := false, placedBy(t, r, c.views[0])
		require.False(t, was.place.Owns(4, id), name)
		for _, view := range c.views[1:] {
			view = was.view.Raise(view)
			is := placedBy(t, r, view)
			owned := was.place.Owns(4, id)
			s.step(id, 4, was, is, owned, fresh)
			fresh = is.place.Owns(4, id) && (fresh || !owned)
			was = is
		}
		assert.Equal(t, c.none, s.none, name)
		assert.NotContains(t, s.nodes, ring.NodeID(4), name)
	}
	s := sources{}
	s.step(id, 4, placedBy(t, r, at(1, 0, 2)), placedBy(t, r, at(2, 2, 2)), true, false)
	assert.Equal(t, sources{}, s, "an owner that is not fresh needs none")
	s = sources{nodes: []ring.NodeID{1}, none: true} // by the word of another
	s.step(id, 4, placedBy(t, r, at(2, 1, 2)), placedBy(t, r, at(3, 2, 2)), true, true)
	assert.Equal(t, sources{nodes: []ring.NodeID{1}, none: true}, s)
}

// TestSourcesOfAStart: after a start an owner is sourceless if none stayed as the node came to own the
// partition, by the views on its disk, and it was not caught up since.
func TestSourcesOfAStart(t *testing.T) {
	id := tieredPart(t, tieredBench(t))
	one, none, more := tieredView(id, 1, 1, 0), tieredView(id, 2, 0, 2), tieredView(id, 3, 1, 2)
	other := one
	other.Members = other.Members.Raised(7, member.In(1, member.Joining))
	for name, c := range map[string]struct {
		views []member.View // on the disk
		by    member.View   // the replica's
		want  bool
		from  member.View // what a checkpoint has beside, where it is sourceless
	}{
		"nobody stayed":              {[]member.View{one, none}, none, true, one},
		"nor does it come back":      {[]member.View{one, none, more}, more, true, one},
		"behind the beginning":       {[]member.View{more}, more, false, member.View{}},
		"caught up":                  {[]member.View{one, none, none}, none, false, member.View{}},
		"and later on":               {[]member.View{one, none, none, more}, more, false, member.View{}},
		"of a checkpoint":            {[]member.View{one, none, one, none}, none, true, one},
		"some stayed":                {[]member.View{one, tieredView(id, 2, 1, 2), more}, more, false, member.View{}},
		"one rose while it was done": {[]member.View{one, none, one}, none, true, one},
		"no owner any more":          {[]member.View{one, none, tieredView(id, 3, 1, 0)}, tieredView(id, 3, 1, 0), false, member.View{}},
		"nothing on the disk":        {nil, none, false, member.View{}},
	} {
		r := tieredBench(t)
		require.NoError(t, r.goBy(c.by))
		p := r.partition(id)
		require.NoError(t, r.sourcesStarted(c.views))
		assert.Equal(t, c.want, p.searches(), name)
		assert.Equal(t, c.from, r.route.before, name)
	}
	r := tieredBench(t)
	require.NoError(t, r.goBy(more))
	p := r.partition(id)
	p.fresh = true // it joins, say
	require.NoError(t, r.sourcesStarted(nil))
	assert.Equal(t, []ring.NodeID{1, 3}, p.sources.nodes)
}

// TestViewsThatPlaceNothing: a view on the disk by which no partition can be placed, as it has more
// members than there may be, is an error of the start, first or last.
func TestViewsThatPlaceNothing(t *testing.T) {
	r := tieredBench(t)
	id := tieredPart(t, r)
	one, next := tieredView(id, 1, 1, 0), tieredView(id, 2, 0, 2)
	var entries []lattice.Entry[ring.NodeID, member.State]
	for n := range ring.NodeID(5000) {
		entries = append(entries, lattice.Entry[ring.NodeID, member.State]{Key: n, Val: member.In(1, member.Active)})
	}
	many := member.View{Members: entries, Factors: one.Factors}
	require.ErrorIs(t, r.sourcesStarted([]member.View{one, one.Raise(many)}), ring.ErrConfig)
	require.ErrorIs(t, r.sourcesStarted([]member.View{many, many.Raise(next)}), ring.ErrConfig)
}

// TestNoSearchAmongOlderPrograms: while peers may run an older program, which would not answer, no owner
// is sourceless, be it by the views that it goes by, by those on its disk, or by the word of another.
func TestNoSearchAmongOlderPrograms(t *testing.T) {
	for _, oldest := range []wire.Version{wire.Oldest, wire.Factored} {
		id := tieredPart(t, tieredBench(t))
		one, none := tieredView(id, 1, 1, 0), tieredView(id, 2, 0, 2)
		for name, become := range map[string]func(r *Replica, p *partition){
			"views": func(r *Replica, p *partition) {
				p.owned, p.fresh = false, false
				r.findSources(p, placedBy(t, r, one))
				p.fresh = true
			},
			"disk":    func(r *Replica, p *partition) { require.NoError(t, r.sourcesStarted([]member.View{one, none})) },
			"another": func(r *Replica, p *partition) { p.fresh = true; r.hearSourceless(p, r.peer(3)) },
		} {
			r := tieredBench(t)
			r.cfg.Speaks.Oldest = oldest
			require.NoError(t, r.goBy(none))
			p := r.partition(id)
			become(r, p)
			assert.Equal(t, oldest == wire.Factored, p.searches(), "%s, version %d", name, oldest)
		}
	}
}

// TestSourcelessIsToldWithTheRest: an item that says that a partition is sourceless is in the message of
// the one behind it, however large that is.
func TestSourcelessIsToldWithTheRest(t *testing.T) {
	r := tieredBench(t)
	var items []wire.Item
	for id := range ring.Partition(3) {
		e := gossip.Entry{Dot: causal.Dot{Origin: 9, Seq: 1}, Key: "k", Kind: "set", Delta: make([]byte, 2*leastMessage)}
		p := r.partition(id)
		p.fresh, p.sources.none = id != 1, true
		items = r.withItem(items, p, wire.Item{Partition: id, PeerIncarnation: 7, Entries: []gossip.Entry{e}})
	}
	require.Len(t, items, 5)
	r.begin()
	r.send(2, items)
	var told [][]uint64
	for _, e := range r.out {
		_, body, err := wire.Open(bytes.Clone(e.Msg))
		require.NoError(t, err)
		g, err := new(wire.DecodeBuffer).Gossip(wire.VersionOf(e.Msg), body)
		require.NoError(t, err)
		var names []uint64
		for _, it := range g.Items {
			names = append(names, it.PeerIncarnation)
		}
		told = append(told, names)
	}
	assert.Equal(t, [][]uint64{{100, 7}, {7}, {100, 7}}, told)
}

// TestOthersAreHeard: of whom a sourceless owner has heard that is no owner. One that keeps nothing any
// more is not taken to hold what it did.
func TestOthersAreHeard(t *testing.T) {
	r := tieredBench(t)
	id := tieredPart(t, r)
	require.NoError(t, r.goBy(tieredView(id, 2, 0, 2)))
	span := gossip.Dots{{Origin: 9, Lo: 1, Hi: 3}}
	at := r.peer(1)
	for i, c := range []struct {
		none        bool
		view, named uint64
		digest      gossip.Digest
		heard       bool
		known       gossip.Dots
	}{
		{true, r.viewName, 100, gossip.Digest{}, true, nil},
		{true, r.viewName, 100, gossip.Digest{Seen: 4}, true, nil},
		{true, r.viewName, 100, gossip.Digest{Known: span}, true, gossip.Dots{{Origin: 9, Lo: 1, Hi: 7}}},
		{true, r.viewName, 100, gossip.Digest{Known: span, Rev: 9, Base: 8}, false, gossip.Dots{{Origin: 9, Lo: 1, Hi: 7}}}, // a part, of which the rest was not heard
		{true, r.viewName, 100, gossip.Digest{Rev: 9, Base: 8}, false, gossip.Dots{{Origin: 9, Lo: 1, Hi: 7}}},
		{true, r.viewName, 99, gossip.Digest{}, false, gossip.Dots{{Origin: 9, Lo: 1, Hi: 7}}},
		{true, r.viewName + 1, 100, gossip.Digest{}, false, gossip.Dots{{Origin: 9, Lo: 1, Hi: 7}}},
		{false, r.viewName, 100, gossip.Digest{}, false, gossip.Dots{{Origin: 9, Lo: 1, Hi: 7}}},
	} {
		p := new(partition)
		p.reset(id, 4, r.place, r.peers, &r.values, nil, r.tombs)
		p.fresh, p.sources.none = true, c.none
		p.log.Invite(1)
		p.log.ObservePeer(1, 50, gossip.Digest{Known: gossip.Dots{{Origin: 9, Lo: 1, Hi: 7}}})
		r.observePeer(p, at, &wire.Gossip{From: 1, Origin: 50, View: c.view}, &wire.Item{Partition: id, PeerIncarnation: c.named, Digest: c.digest}, false)
		assert.Equal(t, c.heard, p.links[at].heard, "case %d", i)
		assert.Equal(t, c.known, p.log.Known(1), "case %d", i)
	}
}

// TestNothingIsSaidOnlyOnceHandedOver: a replica that keeps nothing, and hands over writes from before it
// started, does not say yet that it has nothing; what clients write to it since is no matter. And nothing
// else that it says is taken for that.
func TestNothingIsSaidOnlyOnceHandedOver(t *testing.T) {
	r := tieredBench(t)
	id := tieredPart(t, r)
	require.NoError(t, r.goBy(tieredView(id, 2, 1, 0))) // node 4 owns nothing of it
	p, to := r.partition(id), r.peer(1)
	said := func() bool {
		r.out = r.out[:0]
		r.tellNothing(p, to)
		return len(r.out) > 0
	}
	require.False(t, p.keeps())
	assert.True(t, said())
	entry := func(origin uint64) *gossip.Entry {
		return &gossip.Entry{Dot: causal.Dot{Origin: origin, Seq: 1}, Clock: 1, Key: "k", Kind: "set", Delta: []byte{0}}
	}
	p.log.Add(entry(r.cfg.Origin), r.tick)
	assert.True(t, said(), "a write to this incarnation")
	p.log.Add(entry(r.cfg.Origin-1), r.tick)
	assert.False(t, said(), "one that it found on its disk")

	require.NoError(t, r.goBy(tieredView(id, 3, 0, 2)))
	for name, c := range map[string]struct {
		it    wire.Item
		heard bool
	}{
		"nothing":   {wire.Item{}, true},
		"a write":   {wire.Item{Entries: []gossip.Entry{*entry(9)}}, false},
		"a pull":    {wire.Item{Pull: true}, false},
		"an offer":  {wire.Item{Offer: true}, false},
		"an asking": {wire.Item{Ask: new(wire.Ask)}, false},
	} {
		p := new(partition)
		p.reset(id, 4, r.place, r.peers, &r.values, nil, r.tombs)
		p.fresh, p.sources.none = true, true
		c.it.Partition, c.it.PeerIncarnation = id, r.cfg.Origin
		r.hearOther(p, to, &wire.Gossip{From: 1, Origin: 50, View: r.viewName}, &c.it, false)
		assert.Equal(t, c.heard, p.links[to].heard, name)
	}
}

// TestNothingIsLostWhileOwnersSearch: a replica that hands over, and has forgotten what it handed over
// before, does not take that for lost as long as an owner says that it is sourceless.
func TestNothingIsLostWhileOwnersSearch(t *testing.T) {
	for _, sourceless := range []bool{true, false} {
		r := tieredBench(t)
		id := tieredPart(t, r)
		require.NoError(t, r.goBy(tieredView(id, 2, 0, 1))) // node 3 owns it
		p := r.partition(id)
		p.forgone = gossip.Dots{{Origin: 100, Lo: 1, Hi: 2}}
		items := []wire.Item{{Partition: id, PeerIncarnation: 60}, {Partition: id, PeerIncarnation: 100}}
		if !sourceless {
			items = items[1:]
		}
		r.receive(r.peer(3), &wire.Gossip{From: 3, Origin: 60, View: r.viewName, Items: items})
		assert.Equal(t, sourceless, p.links[r.peer(3)].heard == false, "sourceless %v", sourceless)
		assert.Equal(t, sourceless, len(p.forgone) > 0, "sourceless %v", sourceless)
	}
}

// TestSourcelessRegainFromAll: an owner that has forgotten what it had handed over does not take it for
// lost before all have been heard who may hold it.
func TestSourcelessRegainFromAll(t *testing.T) {
	for _, none := range []bool{true, false} {
		r := tieredBench(t)
		id := tieredPart(t, r)
		require.NoError(t, r.goBy(tieredView(id, 2, 0, 2)))
		p := r.partition(id)
		p.fresh, p.sources.none = true, none
		p.forgone = gossip.Dots{{Origin: 100, Lo: 1, Hi: 2}}
		p.log.Invite(1)
		p.log.ObservePeer(1, 50, gossip.Digest{Known: gossip.Dots{{Origin: 100, Lo: 2, Hi: 5}}})
		p.links[r.peer(3)].heard = true
		p.regain(r.peers)
		if !none {
			assert.Empty(t, p.forgone, "the owners say to hold nothing of it")
			continue
		}
		assert.Equal(t, uint64(2), p.forgone.Count(), "node 2 may hold it")
		p.links[r.peer(1)].heard, p.links[r.peer(2)].heard = true, true
		p.regain(r.peers)
		assert.Equal(t, gossip.Dots{{Origin: 100, Lo: 2, Hi: 2}}, p.forgone, "node 1 holds that")
	}
}

// TestSourcesAreState: replicas that differ in what they know of sources are in different states.
func TestSourcesAreState(t *testing.T) {
	r := tieredBench(t)
	id := tieredPart(t, r)
	require.NoError(t, r.goBy(tieredView(id, 2, 0, 2)))
	p := r.partition(id)
	states := map[string]bool{}
	for i, s := range []sources{{}, {none: true}, {away: true}, {nodes: []ring.NodeID{1}}, {nodes: []ring.NodeID{1, 2}}, {nodes: []ring.NodeID{1}, away: true}} {
		p.sources = s
		states[string(r.appendMembers(nil))] = true
		assert.Len(t, states, i+1, fmt.Sprint(s))
	}
	r.route.before = tieredView(id, 1, 1, 0)
	assert.False(t, states[string(r.appendMembers(nil))])
}

func placedBy(t *testing.T, r *Replica, view member.View) placedView {
	p, err := r.placed(view)
	require.NoError(t, err)
	return p
}
