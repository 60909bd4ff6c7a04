package kvs

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs/gossip"
	"github.com/joinery-go/joinery/kvs/member"
	"github.com/joinery-go/joinery/kvs/ring"
	"github.com/joinery-go/joinery/kvs/session"
	"github.com/joinery-go/joinery/kvs/wire"
	"github.com/joinery-go/joinery/lattice/causal"
)

// pushedOut is a partition that node 1 owns by its ring, and node 3 in its place once that is
// active too; one copy each.
func pushedOut(t *testing.T, rg *ring.Ring) (view member.Set, id ring.Partition) {
	t.Helper()
	view = member.Of(rg).Raised(3, member.In(1, member.Active))
	place, err := member.Place(view, rg.Partitions(), 1)
	require.NoError(t, err)
	for id := range ring.Partition(rg.Partitions()) {
		if rg.Owns(1, id) && place.Owns(3, id) {
			return view, id
		}
	}
	require.Fail(t, "node 3 takes over nothing from node 1")
	return nil, 0
}

// keyIn is a key of a partition.
func keyIn(rg *ring.Ring, id ring.Partition) string {
	for i := 0; ; i++ {
		if key := fmt.Sprint("k", i); rg.PartitionOf(key) == id {
			return key
		}
	}
}

// TestStartHoldsLogsToTheirBound: whoever the partition belonged to when its records were
// written, its log is held to the bound after a start; what is shed of one that is to be handed
// over is held all the same.
func TestStartHoldsLogsToTheirBound(t *testing.T) {
	n := newHalf(t, 1, 1, 16, 1, nil, func(c *Config) { c.CheckpointBytes = 1 })
	view, id := pushedOut(t, n.r.cfg.Ring)
	key := keyIn(n.r.cfg.Ring, id)
	req := uint64(0)
	write := func() {
		req++
		q := wire.Request{Client: 7, Req: req, Put: true, Key: key, Kind: "set", Arg: fmt.Appendf(nil, "e%d", req)}
		require.Equal(t, wire.StatusOK, n.ask(q).Status)
	}
	write()
	n.now += 20
	n.take(n.r.Step(Event{Kind: EventTick, NowMS: n.now})) // writes a checkpoint
	n.r.cfg.CheckpointBytes = -1
	for range 9 {
		write()
	}
	records := n.records
	for i := range records {
		if wire.IsCheckpoint(records[i]) {
			records = records[i:] // what comes before has been cut off
			break
		}
	}
	require.Less(t, len(records), len(n.records))
	later := newHalf(t, 1, 3, 16, 1, records, func(c *Config) { c.Members, c.MaxLog = view, 4 })
	p := later.r.partition(id)
	require.True(t, p.retiring)
	assert.LessOrEqual(t, p.log.Len(), 4)
	assert.NotZero(t, later.r.Stats().Shed)
	assert.Equal(t, req, p.applied.Count())
}

// TestWhoIsPushedOutAsksWithItsOffer: a replica that is no owner any more, and offers an owner a
// snapshot, asks what that holds, since nobody else has to tell it; an owner that offers one
// hears of it.
func TestWhoIsPushedOutAsksWithItsOffer(t *testing.T) {
	r := newHalf(t, 1, 1, 2, 2, nil, nil).r
	for _, c := range []struct {
		owned, retiring bool
		need            need
		offer, pull     bool
	}{
		{owned: true, need: needSnapshot, offer: true},
		{retiring: true, need: needSnapshot, offer: true, pull: true},
		{need: needSnapshot, pull: true},
		{owned: true, need: needDigest, pull: true},
		{retiring: true, need: needDigest, pull: true},
	} {
		p := r.partition(0)
		p.owned, p.retiring, p.need[0], p.links[0] = c.owned, c.retiring, c.need, link{}
		var it wire.Item
		r.meet(p, 0, &it)
		assert.Equal(t, c.offer, it.Offer, "%+v", c)
		assert.Equal(t, c.pull, it.Pull, "%+v", c)
		if c.offer {
			it = wire.Item{}
			r.tick += offerTicks - 1
			r.meet(p, 0, &it)
			assert.False(t, it.Offer, "it has just been offered")
			r.tick++
			r.meet(p, 0, &it)
			assert.True(t, it.Offer)
		}
	}
}

// deleted is a replica of one node that holds what is left of register "r", which is wanted to be
// forgotten.
func deleted(t *testing.T) (n *half, p *partition) {
	n = newHalf(t, 1, 1, 1, 1, nil, func(c *Config) { c.LateMS = 100 })
	if !n.r.cfg.Ring.Owns(1, 0) {
		n = newHalf(t, 2, 2, 1, 1, nil, func(c *Config) { c.LateMS = 100 })
	}
	p = n.r.partition(0)
	q := wire.Request{Client: 7, Req: 1, Put: true, Delete: true, Key: "r", Kind: "register", Stamp: n.now << logicalBits}
	require.Equal(t, wire.StatusOK, n.ask(q).Status)
	require.Len(t, queued(n.r), 1)
	return n, p
}

// TestFollowedTombstoneIsNoWork: a tombstone of which a subscriber has yet to confirm that it has
// been told is neither forgotten nor about to be; one that nobody follows is.
func TestFollowedTombstoneIsNoWork(t *testing.T) {
	n, p := deleted(t)
	n.now += 200
	n.r.now = n.now
	require.NotZero(t, n.r.wantForgotten())
	require.Len(t, n.r.tombs.batch, 1)
	assert.True(t, n.r.buries())
	s := &subscription{q: wire.Request{Client: 9, Req: 1, Key: "r", Kind: "register"}}
	p.subs = append(p.subs, s)
	held, _ := p.slot("r", "register")
	for _, c := range []struct {
		key, kind             string
		version, acked        uint64
		told, grown, followed bool
	}{
		{"r", "register", 1, 0, true, false, true},
		{"r", "register", 1, 1, true, false, false},
		{"r", "register", 1, 1, true, true, true},
		{"r", "register", 0, 0, false, false, true},
		{"q", "register", 1, 0, true, false, false},
		{"r", "set", 1, 0, true, false, false},
	} {
		s.q.Key, s.q.Kind, s.version, s.acked = c.key, c.kind, c.version, c.acked
		s.told, s.found, s.rev = c.told, true, held.rev
		if c.grown {
			s.rev--
		}
		assert.Equal(t, c.followed, p.followed("r", "register"), "%+v", c)
		assert.Equal(t, !c.followed, n.r.buries(), "%+v", c)
	}
	n.r.tombs.batch = nil
	assert.False(t, n.r.buries())
}

// TestNobodyPromisesForWhatIsLost: a tombstone that depends on what is not held waits, as one
// that is too young does; what is none any more is not waited for.
func TestNobodyPromisesForWhatIsLost(t *testing.T) {
	n, p := deleted(t)
	s, _ := p.slot("r", "register")
	clock := s.until
	n.r.now = clock>>logicalBits + n.r.cfg.LateMS
	require.Equal(t, clock>>logicalBits<<logicalBits, n.r.lateBefore())
	s.until = n.r.lateBefore() + 1
	require.Zero(t, n.r.wantForgotten(), "it is too young by the least")
	s.until--
	s.deps = session.Matrix{{Partition: 0, Origin: 77, Seq: 1}}
	require.Zero(t, n.r.wantForgotten())
	require.Len(t, queued(n.r), 1)
	require.Empty(t, n.r.tombs.batch)
	p.applied.Add(causal.Dot{Origin: 77, Seq: 1})
	assert.Equal(t, s.until, n.r.wantForgotten())
	require.Empty(t, queued(n.r))
	assert.Equal(t, []tombstone{{p: p, key: "r", kind: "register", clock: s.until, rev: s.rev}}, n.r.tombs.batch)
	assert.Equal(t, s.until, n.r.wantForgotten(), "for as long as it is there")

	requeue(n.r)
	n.now = n.r.now
	q := wire.Request{Client: 7, Req: 2, Put: true, Key: "r", Kind: "register", Arg: []byte("v"), Stamp: n.now << logicalBits}
	require.Equal(t, wire.StatusOK, n.ask(q).Status)
	n.r.now += 1000
	assert.Zero(t, n.r.wantForgotten(), "there is a value again")
	assert.Empty(t, queued(n.r))
	s, _ = p.slot("r", "register")
	assert.False(t, s.tomb)
}

// TestOneStepLooksAtSoMany: a step looks at so many tombstones, those first that came first, and
// at no others before those have been seen to.
func TestOneStepLooksAtSoMany(t *testing.T) {
	n, p := deleted(t)
	for i := range maxTombs + 1 {
		q := wire.Request{Client: 7, Req: uint64(2 + i), Put: true, Delete: true, Key: fmt.Sprint("x", i), Kind: "register", Stamp: n.now << logicalBits}
		require.Equal(t, wire.StatusOK, n.ask(q).Status)
	}
	require.Len(t, queued(n.r), maxTombs+2)
	require.Zero(t, n.r.wantForgotten(), "they are too young")
	require.Len(t, queued(n.r), maxTombs+2)
	assert.Equal(t, fmt.Sprint("x", maxTombs-1), queued(n.r)[0].key, "those looked at go to the end")
	n.r.now += 1000
	n.r.wantForgotten()
	require.Len(t, n.r.tombs.batch, maxTombs)
	n.r.wantForgotten()
	require.Len(t, n.r.tombs.batch, maxTombs, "not before these are seen to")
	assert.Equal(t, maxTombs+2, n.r.Unburied())
	_ = p
}

// TestTombstonesOfOwners: what is put in the queue: what is left of a deleted register at an
// owner, once, with the latest time that is known of it; no value, no other kind, and not where
// the partition is another's.
func TestTombstonesOfOwners(t *testing.T) {
	n, p := deleted(t)
	s, _ := p.slot("r", "register")
	require.True(t, s.tomb)
	clock := s.until
	p.entomb("r", s, clock+5)
	p.entomb("r", s, clock+2)
	assert.Equal(t, clock+5, s.until)
	assert.Len(t, queued(n.r), 1)

	s.tomb, n.r.tombs.queue, p.owned = false, tombQueue{}, false
	p.entomb("r", s, clock+9)
	assert.Empty(t, queued(n.r))
	assert.Equal(t, clock+5, s.until)
	p.owned = true
	for i, q := range []wire.Request{
		{Key: "v", Kind: "register", Arg: []byte("v")}, {Key: "s", Kind: "set", Arg: []byte("v")}, {Key: "w", Kind: "addwins", Delete: true},
	} {
		q.Client, q.Req, q.Put, q.Stamp = 8, uint64(1+i), true, n.now<<logicalBits
		require.Equal(t, wire.StatusOK, n.ask(q).Status)
	}
	assert.Empty(t, queued(n.r))
}

// TestSomeOfAValueIsNoTombstone: of what lies outside, and is not read at a start, it cannot be
// told what it is: whatever of it is in memory, it is looked at again; what lies in memory alone
// is told.
func TestSomeOfAValueIsNoTombstone(t *testing.T) {
	n, p := deleted(t)
	q := wire.Request{Client: 8, Req: 1, Put: true, Key: "v", Kind: "register", Arg: []byte("v"), Stamp: n.now << logicalBits}
	require.Equal(t, wire.StatusOK, n.ask(q).Status)
	value, _ := p.slot("v", "register")
	k := &keeper{r: n.r, places: make([]place, 4)}
	p.keeper = k
	for _, c := range []struct {
		starting, memory, outside, queued bool
	}{
		{starting: true, memory: true, outside: true, queued: true},
		{starting: true, memory: true},
		{starting: true, outside: true, queued: true},
		{memory: true, outside: true},
		{outside: true},
	} {
		n.r.tombs.queue = tombQueue{}
		s := slot{kind: "register"}
		s.kept, k.starting = &kept{}, c.starting
		if c.memory {
			s.val = value.val
		}
		if c.outside {
			s.kept.at = 3
		}
		p.entomb("v", &s, 5)
		assert.Equal(t, c.queued, n.r.tombs.queue.count == 1, "%+v", c)
		assert.Equal(t, c.queued, s.tomb, "%+v", c)
	}
}

// TestWritesWithin: of the writes in a value those that were in a state are all, or are not, in
// what is held.
func TestWritesWithin(t *testing.T) {
	span := func(origin, lo, hi uint64) gossip.Span { return gossip.Span{Origin: origin, Lo: lo, Hi: hi} }
	all := gossip.Dots{span(1, 1, 5), span(2, 2, 3), span(2, 6, 9)}
	of := func(origin, seq uint64) session.Matrix { return session.Matrix{{Origin: origin, Seq: seq}} }
	for _, c := range []struct {
		writes session.Matrix
		dots   gossip.Dots
		want   bool
	}{
		{of(1, 3), gossip.Dots{span(1, 1, 3)}, true},
		{of(1, 3), gossip.Dots{span(1, 1, 2)}, false},
		{of(1, 3), gossip.Dots{span(1, 2, 5)}, false},
		{of(1, 9), gossip.Dots{span(1, 1, 5)}, true},
		{of(2, 5), gossip.Dots{span(2, 2, 3)}, true},
		{of(2, 6), gossip.Dots{span(2, 2, 3)}, false},
		{of(2, 6), gossip.Dots{span(2, 2, 3), span(2, 6, 6)}, true},
		{of(2, 2), gossip.Dots{span(2, 2, 2)}, true},
		{of(2, 1), nil, true},
		{of(3, 4), nil, true},
		{append(of(1, 1), of(2, 2)...), gossip.Dots{span(1, 1, 1)}, false},
		{append(of(1, 1), of(2, 2)...), gossip.Dots{span(1, 1, 1), span(2, 2, 2)}, true},
		{nil, gossip.Dots{span(1, 1, 5)}, false},
	} {
		assert.Equal(t, c.want, writesWithin(c.writes, all, c.dots), "%v in %v", c.writes, c.dots)
	}
}

// queued are the tombstones that wait, in their order.
func queued(r *Replica) (all []tombstone) {
	r.tombs.queue.each(func(x *tombstone) { all = append(all, *x) })
	return all
}

// requeue has those of the batch wait anew.
func requeue(r *Replica) {
	for _, x := range r.tombs.batch {
		r.tombs.queue.push(x)
	}
	r.tombs.batch = nil
}

// TestRetiringAsksWhoBeganAnew: a replica that retires from a partition asks an owner what it holds
// of which a newer incarnation is heard, whatever that says: it may have lost what the earlier one had,
// and need not tell one that is no owner. It lets go only once it is answered.
func TestRetiringAsksWhoBeganAnew(t *testing.T) {
	for name, c := range map[string]struct {
		origin   uint64
		gossip   bool
		retiring bool
		asks     bool
	}{
		"members, as before":          {9, false, true, false},
		"members, anew":               {10, false, true, true},
		"gossip, anew":                {10, true, true, true},
		"an earlier one":              {8, false, true, false},
		"anew, and nothing to let go": {10, false, false, false},
	} {
		r := bench(t, ours)
		require.NoError(t, r.goBy(member.View{Members: phases(member.Leaving, member.Active, member.Active, member.Active)}))
		p := placed(t, r, true, false)
		at := slices.Index(p.shared, true)
		owner := r.peers[at].id
		p.owned, p.retiring = false, c.retiring
		tellsAll(r, p, 0)
		p.need[at] = needNothing
		p.recount()
		r.peers[at].origin, r.idleUntil = 9, 1<<40
		if c.gossip {
			r.receive(at, &wire.Gossip{From: owner, Origin: c.origin, View: r.viewName})
		} else {
			m := wire.Members{From: owner, Origin: c.origin, Set: r.view.Members}
			r.Step(Event{Kind: EventMessage, From: owner, NowMS: 1, Msg: m.Append(nil)})
		}
		assert.Equal(t, c.asks, p.need[at] == needDigest, name)
		assert.Equal(t, c.asks, p.open == 1, name)
		assert.Equal(t, !c.asks, p.links[at].heard, name)
		assert.Equal(t, c.asks, r.idleUntil == 0, name)
	}
}
