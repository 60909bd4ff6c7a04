package kvs

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs/gossip"
	"github.com/joinery-go/joinery/kvs/kind"
	"github.com/joinery-go/joinery/kvs/member"
	"github.com/joinery-go/joinery/kvs/ring"
	"github.com/joinery-go/joinery/kvs/session"
	"github.com/joinery-go/joinery/kvs/wire"
	"github.com/joinery-go/joinery/lattice/causal"
)

// TestErasHaveTheSameNameEverywhere: nodes tell each other eras by name, and may be of different
// versions of this program.
func TestErasHaveTheSameNameEverywhere(t *testing.T) {
	r := bench(t, ours)
	assert.Equal(t, uint64(0x7147683962474f9c), r.era())
	for i := range r.floors.peers {
		r.floors.peers[i].origin = uint64(7 + i)
	}
	named := r.era()
	assert.Equal(t, uint64(0xb5b43ec242a6d746), named)
	assert.Equal(t, uint64(0x4e7e4bd97991af45), nameOf(ours))

	other := bench(t, ours) // as node 3 sees the same
	other.cfg.Self, other.cfg.Origin = 3, 8
	other.peers[1].id, other.floors.peers[1] = 1, peerFloor{id: 1, origin: 100}
	other.floors.peers[0].origin, other.floors.peers[2].origin = 7, 9
	assert.Equal(t, named, other.era())
}

// TestFloorsOnTheDisk: what a start finds of promises is what was there, and never less than it
// knew before; what is of a node that is none is left.
func TestFloorsOnTheDisk(t *testing.T) {
	r := bench(t, ours)
	assert.Empty(t, r.nodeFloors())
	r.floors.peers[0].origin = 7
	r.floors.peers[2].most = 9
	assert.Equal(t, []wire.NodeFloor{{Node: 2, Origin: 7}, {Node: 4, Floor: 9}}, r.nodeFloors())
	r.floors.floor = 5
	floors := append(r.nodeFloors(), wire.NodeFloor{Node: 9, Origin: 4, Floor: 99})
	assert.Equal(t, wire.NodeFloor{Node: 1, Origin: 100, Floor: 5}, floors[0])

	later := bench(t, ours)
	later.floors.peers[2] = peerFloor{id: 4, origin: 3, most: 11}
	later.recoverFloors(floors)
	assert.Equal(t, uint64(5), later.floors.floor)
	assert.Equal(t, uint64(5), later.clock.last, "no write is issued of that time")
	assert.Equal(t, []peerFloor{{id: 2, origin: 7}, {id: 3}, {id: 4, origin: 3, most: 11}}, later.floors.peers)
	later.floors.floor = 6
	later.recoverFloors(floors)
	assert.Equal(t, uint64(6), later.floors.floor)
}

// TestHoldingsOfAPromise: what is seen to be held everywhere is what the replica holds of what it
// owns, and what it has not handed over of the rest; where that may be on the disk of this node
// alone, though it is held no more, there is nothing to see to.
func TestHoldingsOfAPromise(t *testing.T) {
	for _, lost := range []string{"", "now", "before"} {
		r := bench(t, phases(member.Active, member.Active, member.Active, member.Leaving))
		owned := placed(t, r, true, true)
		other := placed(t, r, false, false)
		require.False(t, other.owned)
		other.log.Reset(1, []ring.NodeID{2})
		other.log.Add(&gossip.Entry{Dot: causal.Dot{Origin: 9, Seq: 3}}, 0)
		for id := range ring.Partition(64) {
			r.partition(id) // of which most hold nothing
		}
		other.handed.lost, other.handedBefore.lost = lost == "now", lost == "before"
		var m floorMark
		if lost != "" {
			assert.False(t, r.takeHoldings(&m), lost)
			continue
		}
		require.True(t, r.takeHoldings(&m))
		assert.True(t, m.taken)
		saved := map[*partition]gossip.Dots{}
		for _, h := range m.saved {
			saved[h.p] = h.dots
		}
		assert.Equal(t, map[*partition]gossip.Dots{owned: {{Origin: 9, Lo: 1, Hi: 3}}, other: {{Origin: 9, Lo: 3, Hi: 3}}}, saved)
		owned.applied[0].Hi++
		assert.Equal(t, uint64(3), saved[owned][0].Hi, "it is what was there then")
	}
}

// TestNothingIsSeenToWhileASnapshotComes: what is taken in may be early, so that holdings are
// taken down once that is over.
func TestNothingIsSeenToWhileASnapshotComes(t *testing.T) {
	r := bench(t, ours)
	p := r.partition(0)
	for i := range r.floors.peers {
		r.floors.peers[i].said = wire.Promise{Rev: 1, Floor: 5}
	}
	r.floors.own.Floor = 5
	r.begin()
	r.markFloors()
	require.True(t, r.floors.mark.on)
	r.durable = r.token
	r.fetches = 1
	r.markFloors()
	assert.False(t, r.floors.mark.taken)
	r.fetches, p.intake = 0, new(intake)
	r.markFloors()
	assert.False(t, r.floors.mark.taken)
	assert.Zero(t, r.floors.own.Clean)
	p.intake = nil
	r.markFloors()
	assert.Equal(t, uint64(5), r.floors.own.Clean, "there is nothing that owners may lack")
	assert.False(t, r.floors.mark.on)

	r.floors.own.Clean = 0
	r.markFloors()
	r.durable = r.token
	for id := range ring.Partition(64) {
		if !r.place.Owns(1, id) {
			r.partition(id).handed.lost = true
			break
		}
	}
	r.begin()
	r.markFloors()
	assert.Equal(t, []Effect{{Kind: EffectRestart}}, r.out, "what was lost may be on the disk")
	assert.Zero(t, r.floors.own.Clean)
}

// buried is the one owner of partition 0, which has forgotten register "r", deleted at its time.
func buried(t *testing.T) (n *half, p *partition, clock uint64) {
	n, p = deleted(t)
	s, _ := p.slot("r", "register")
	s.deps = session.Matrix{{Partition: 3, Origin: 8, Seq: 2}}
	clock = s.until
	x := tombstone{p: p, key: "r", kind: "register", clock: clock}
	n.r.begin()
	n.r.forget(&x, s)
	return n, p, clock
}

// TestForget: what is left of a tombstone that is forgotten: its time, its writes, and what they
// depend on; observers are told, and subscribers are as those who have been told of nothing.
func TestForget(t *testing.T) {
	n, p, clock := buried(t)
	assert.Nil(t, p.cells.find("r"))
	assert.Equal(t, clock, p.buried)
	assert.Equal(t, session.Matrix{{Partition: 0, Origin: n.r.cfg.Origin, Seq: 1}}, p.buriedWrites)
	assert.Equal(t, session.Matrix{{Partition: 3, Origin: 8, Seq: 2}}, p.buriedDeps)
	require.Len(t, n.r.out, 1)
	e := n.r.out[0]
	assert.Equal(t, EffectForget, e.Kind)
	assert.Equal(t, []any{"r", "register", clock}, []any{e.Entry.Key, e.Entry.Kind, e.Entry.Clock})
	assert.NotEmpty(t, e.Entry.Delta)
	assert.Equal(t, uint64(1), n.r.stats.Forgotten)

	for _, c := range []struct{ key, kind string }{{"r", "register"}, {"r", "set"}, {"q", "register"}} {
		n, p := deleted(t)
		s, _ := p.slot("r", "register")
		sub := &subscription{q: wire.Request{Key: c.key, Kind: c.kind}, told: true, found: true, rev: 7}
		p.subs = append(p.subs, sub)
		p.buried = clock + 9
		n.r.forget(&tombstone{p: p, key: "r", kind: "register", clock: clock}, s)
		of := c.key == "r" && c.kind == "register"
		assert.Equal(t, !of, sub.found, "%+v", c)
		assert.Equal(t, !of, sub.rev == 7, "%+v", c)
		assert.Equal(t, clock+9, p.buried, "a later one was forgotten before")
	}
}

// TestDropLeavesOtherKinds: what is dropped under a key is one kind alone.
func TestDropLeavesOtherKinds(t *testing.T) {
	_, p := deleted(t)
	p.hold("r", "set")
	p.drop("r", "none")
	p.drop("q", "set")
	require.Len(t, p.cells.find("r").slots, 2)
	p.drop("r", "register")
	require.Len(t, p.cells.find("r").slots, 1)
	assert.Equal(t, "set", p.cells.find("r").slots[0].kind)
	p.drop("r", "set")
	assert.Nil(t, p.cells.find("r"))
}

// TestWhatIsToldOfTheForgotten: a session that is shown nothing where something was forgotten
// depends on that, as its level has it; a subscriber is told up to when all is deleted.
func TestWhatIsToldOfTheForgotten(t *testing.T) {
	n, p, clock := buried(t)
	writes, deps := p.buriedWrites, p.buriedDeps
	both := writes.Clone()
	both.MergeIn(deps)
	for l, want := range map[session.Level]session.Matrix{
		session.Eventual: nil, session.ReadYourWrites: nil, session.MonotonicReads: writes, session.MonotonicWrites: nil,
		session.WritesFollowReads: both, session.PRAM: both, session.Causal: both,
	} {
		var past session.Matrix
		n.r.sawForgotten(l, p, &past)
		assert.Equal(t, want, past, "%v", l)
	}
	v, err := kind.Default().Find("register")
	require.True(t, err)
	assert.Equal(t, v.Deleted(clock).Append(nil), n.r.deletedUntil(p, "register"))
	assert.Nil(t, n.r.deletedUntil(p, "set"), "of which nothing is forgotten")
	assert.Nil(t, n.r.deletedUntil(p, "none"))
	p.buried = 0
	assert.Nil(t, n.r.deletedUntil(p, "register"))
	var past session.Matrix
	n.r.sawForgotten(session.Causal, p, &past)
	assert.Empty(t, past)
}

// TestBuriedElsewhere: what another state has forgotten joins what is forgotten here.
func TestBuriedElsewhere(t *testing.T) {
	_, p, clock := buried(t)
	of := func(origin, seq uint64) session.Matrix {
		return session.Matrix{{Partition: 0, Origin: origin, Seq: seq}}
	}
	before, deps := p.buriedWrites.Clone(), p.buriedDeps.Clone()
	p.buriedElsewhere(clock-1, of(9, 4), of(9, 3))
	assert.Equal(t, clock, p.buried)
	before.MergeIn(of(9, 4))
	deps.MergeIn(of(9, 3))
	assert.Equal(t, before, p.buriedWrites)
	assert.Equal(t, deps, p.buriedDeps)
	p.buriedElsewhere(clock+1, nil, nil)
	assert.Equal(t, clock+1, p.buried)
}

// TestAbsentFromAWholeState: what is held of a register, and is not named by a state that has
// forgotten something, is forgotten if that state stands for all of it that was here, at an owner.
func TestAbsentFromAWholeState(t *testing.T) {
	none := func(string, string) bool { return false }
	own := func(hi uint64) gossip.Dots { return gossip.Dots{{Origin: 1, Lo: 1, Hi: hi}} }
	for name, c := range map[string]struct {
		named  func(key, kind string) bool
		before gossip.Dots
		dots   gossip.Dots
		other  bool
		left   []string
	}{
		"not named":            {none, own(3), own(3), false, []string{"s"}},
		"one is named":         {func(key, kind string) bool { return key == "b" && kind == "register" }, own(3), own(3), false, []string{"b", "s"}},
		"named as another":     {func(_, kind string) bool { return kind == "set" }, own(3), own(3), false, []string{"s"}},
		"a later write":        {none, own(3), own(1), false, []string{"b", "s"}},
		"it came with it":      {none, own(1), own(1), false, []string{"s"}},
		"the state is another": {none, own(3), gossip.Dots{{Origin: 9, Lo: 1, Hi: 9}}, false, []string{"a", "b", "s"}},
		"no owner":             {none, own(3), own(3), true, []string{"a", "b", "s"}},
	} {
		n := newHalf(t, 1, 1, 1, 2, nil, nil)
		for i, q := range []wire.Request{{Key: "a", Kind: "register"}, {Key: "b", Kind: "register"}, {Key: "s", Kind: "set"}} {
			q.Client, q.Req, q.Put, q.Arg = 7, uint64(1+i), true, []byte("v")
			require.Equal(t, wire.StatusOK, n.ask(q).Status)
		}
		p := n.r.partition(0)
		p.owned = !c.other
		p.absent(c.named, c.before, c.dots)
		var left []string
		for x := range p.cells.from("") {
			left = append(left, x.key)
		}
		assert.Equal(t, c.left, left, name)
	}
}

// TestNamesOfACheckpoint: a whole checkpoint names its values in any of its parts, kept here or
// outside; one in which nothing was forgotten says nothing of what it does not name.
func TestNamesOfACheckpoint(t *testing.T) {
	for _, buried := range []uint64{0, 50} {
		n := newHalf(t, 1, 1, 1, 2, nil, nil)
		for i, key := range []string{"a", "b", "c", "d"} {
			q := wire.Request{Client: 7, Req: uint64(1 + i), Put: true, Key: key, Kind: "register", Arg: []byte("v")}
			require.Equal(t, wire.StatusOK, n.ask(q).Status)
		}
		p := n.r.partition(0)
		x := recoveredPart{parts: []wire.CheckpointPart{
			{Applied: p.applied, Buried: buried, BuriedWrites: session.Matrix{{Origin: 9, Seq: 1}}, BuriedDeps: session.Matrix{{Origin: 9, Seq: 2}}, Values: []wire.HeldValue{{Key: "a", Kind: "register"}}},
			{Values: []wire.HeldValue{{Key: "b", Kind: "register"}, {Key: "d", Kind: "set"}}, Kept: []wire.KeptValue{{Key: "c", Kind: "register"}}},
		}}
		x.absent(p, p.applied.Clone())
		for _, key := range []string{"a", "b", "c", "d"} {
			assert.Equal(t, buried == 0 || key != "d", p.cells.find(key) != nil, "%s, buried %d", key, buried)
		}
		assert.Equal(t, buried, p.buried)
		assert.Equal(t, buried == 0, len(p.buriedWrites) == 0 && len(p.buriedDeps) == 0)
		new(recoveredPart).absent(p, nil)
	}
	x := &intake{staged: []stagedPiece{
		{values: []wire.HeldValue{{Key: "a", Kind: "register"}}}, {values: []wire.HeldValue{{Key: "a", Kind: "set"}, {Key: "c", Kind: "register"}}},
	}}
	for _, c := range []struct {
		key, kind string
		want      bool
	}{{"a", "register", true}, {"a", "set", true}, {"c", "register", true}, {"c", "set", false}, {"b", "register", false}} {
		assert.Equal(t, c.want, x.named(c.key, c.kind), "%+v", c)
	}
}

// TestTombstonesMarked: a promise counts for the tombstones that were there when it was seen to,
// and are what they were then.
func TestTombstonesMarked(t *testing.T) {
	n, p := deleted(t)
	s, _ := p.slot("r", "register")
	tomb := func(clock, rev uint64) tombstone {
		return tombstone{p: p, key: "r", kind: "register", clock: clock, rev: rev}
	}
	t0 := n.r.tombs
	t0.batch = []tombstone{tomb(5, s.rev), tomb(6, s.rev), tomb(4, s.rev-1), {p: p, key: "q", kind: "register"}}
	assert.True(t, t0.unmarked(5, 3))
	assert.False(t, (&tombs{batch: t0.batch[1:2]}).unmarked(5, 3), "it is later")
	t0.marked(5, 3)
	want := []tombstone{tomb(5, s.rev), tomb(6, s.rev), tomb(4, s.rev-1), {p: p, key: "q", kind: "register"}}
	want[0].marked, want[0].floor, want[0].era = true, 5, 3
	want[1].floor, want[1].era = 5, 3
	assert.Equal(t, want, t0.batch)
	assert.False(t, (&tombs{batch: t0.batch[:1]}).unmarked(5, 3))
	assert.True(t, (&tombs{batch: t0.batch[:1]}).unmarked(5, 4), "by other incarnations")
}

// TestBury: which tombstones are forgotten, which wait anew, and which are none any more.
func TestBury(t *testing.T) {
	for name, c := range map[string]struct {
		change    func(r *Replica, p *partition, s *slot, x *tombstone)
		forgotten bool
		batch     int
		queue     int
	}{
		"all is clean":        {func(*Replica, *partition, *slot, *tombstone) {}, true, 0, 0},
		"not marked":          {func(_ *Replica, _ *partition, _ *slot, x *tombstone) { x.marked = false }, false, 1, 0},
		"marked by others":    {func(_ *Replica, _ *partition, _ *slot, x *tombstone) { x.era++ }, false, 1, 0},
		"later than is clean": {func(r *Replica, _ *partition, _ *slot, x *tombstone) { x.clock = r.floors.own.Clean + 1 }, false, 1, 0},
		"followed": {func(_ *Replica, p *partition, _ *slot, _ *tombstone) {
			p.subs = append(p.subs, &subscription{q: wire.Request{Key: "r", Kind: "register"}})
		}, false, 1, 0},
		"something has come": {func(_ *Replica, _ *partition, s *slot, _ *tombstone) { s.rev++ }, false, 0, 1},
		"it depends on the lost": {func(_ *Replica, _ *partition, s *slot, _ *tombstone) {
			s.deps = session.Matrix{{Partition: 0, Origin: 77, Seq: 1}}
		}, false, 0, 1},
		"it is gone": {func(_ *Replica, p *partition, _ *slot, _ *tombstone) { p.drop("r", "register") }, false, 0, 0},
		"a value came": {func(r *Replica, _ *partition, s *slot, _ *tombstone) {
			k, _ := r.cfg.Kinds.Find("register")
			v, _ := k.Mutate(kind.Update{Arg: []byte("v"), Clock: 1 << 60}, nil)
			s.val.MergeIn(v)
			s.rev++
		}, false, 0, 0},
		"a value is lost": {func(r *Replica, _ *partition, _ *slot, _ *tombstone) { r.keeper = &keeper{r: r, failure: new(failure)} }, false, 0, 0},
	} {
		n, p := deleted(t)
		r := n.r
		s, _ := p.slot("r", "register")
		x := tombstone{p: p, key: "r", kind: "register", clock: s.until, rev: s.rev, marked: true, era: r.era()}
		r.floors.own.Clean, r.floors.own.Era = s.until, r.era()
		for i := range r.floors.peers {
			r.floors.peers[i].said.Clean, r.floors.peers[i].said.Era = s.until, r.era()
		}
		c.change(r, p, s, &x)
		r.tombs.queue, r.tombs.batch = tombQueue{}, []tombstone{x}
		r.bury()
		assert.Equal(t, c.forgotten, r.stats.Forgotten == 1, name)
		assert.Len(t, r.tombs.batch, c.batch, name)
		assert.Len(t, queued(r), c.queue, name)
		if c.queue > 0 {
			assert.Equal(t, tombstone{p: p, key: "r", kind: "register"}, queued(r)[0], "it waits anew")
		}
	}
}

// TestTombstonesAreState: replicas that differ in what they are about to forget differ in state,
// and a clone has the same, of partitions of its own.
func TestTombstonesAreState(t *testing.T) {
	states := map[string]int{}
	for i, change := range []func(t *tombs, s *slot, x *tombstone){
		func(_ *tombs, _ *slot, _ *tombstone) {},
		func(t *tombs, _ *slot, x *tombstone) { t.queue.push(*x); t.batch = nil },
		func(_ *tombs, _ *slot, x *tombstone) { x.key = "q" },
		func(_ *tombs, _ *slot, x *tombstone) { x.kind = "set" },
		func(_ *tombs, _ *slot, x *tombstone) { x.clock++ },
		func(_ *tombs, _ *slot, x *tombstone) { x.marked = true },
		func(_ *tombs, _ *slot, x *tombstone) { x.floor++ },
		func(_ *tombs, _ *slot, x *tombstone) { x.era++ },
		func(_ *tombs, s *slot, _ *tombstone) { s.rev++ },
		func(t *tombs, _ *slot, x *tombstone) { t.queue.push(*x) },
	} {
		n, p := deleted(t)
		s, _ := p.slot("r", "register")
		set := n.r.tombs
		set.queue, set.batch = tombQueue{}, []tombstone{{p: p, key: "r", kind: "register", clock: 5, rev: s.rev, floor: 3, era: 2}}
		change(set, s, &set.batch[:1][0])
		if i == 1 {
			require.Equal(t, 1, set.queue.count)
		}
		state := string(set.append(nil))
		assert.NotContains(t, states, state, "%d and %d", i, states[state])
		states[state] = i
		c := n.r.Clone()
		assert.Equal(t, state, string(c.tombs.append(nil)))
		for _, list := range [][]tombstone{queued(c), c.tombs.batch} {
			for _, x := range list {
				assert.Same(t, c.partition(0), x.p)
			}
		}
	}
}

// TestFloorsAreState: as of promises.
func TestFloorsAreState(t *testing.T) {
	states := map[string]int{}
	for i, change := range []func(r *Replica){
		func(*Replica) {},
		func(r *Replica) { r.floors.own.Rev++ },
		func(r *Replica) { r.floors.own.Want++ },
		func(r *Replica) { r.floors.floor++ },
		func(r *Replica) { r.floors.stored++ },
		func(r *Replica) { r.floors.peers[1].origin++ },
		func(r *Replica) { r.floors.peers[1].most++ },
		func(r *Replica) { r.floors.peers[1].told++ },
		func(r *Replica) { r.floors.peers[1].said.Rev++ },
		func(r *Replica) { r.floors.peers[1].knows = true },
		func(r *Replica) { r.floors.peers[1].reply = true },
		func(r *Replica) { r.floors.peers[1].next = r.tick + 3 },
		func(r *Replica) { r.floors.peers[1].gap++ },
		func(r *Replica) { r.floors.mark.on = false },
		func(r *Replica) { r.floors.mark.floor++ },
		func(r *Replica) { r.floors.mark.era++ },
		func(r *Replica) { r.floors.mark.taken = false },
		func(r *Replica) { r.floors.mark.token = r.durable + 4 },
		func(r *Replica) { r.floors.mark.saved[0].dots.Add(causal.Dot{Origin: 9, Seq: 9}) },
		func(r *Replica) { r.floors.mark.saved[0].p = r.partition(5) },
	} {
		r := bench(t, ours)
		r.floors.mark = floorMark{on: true, floor: 5, era: 7, taken: true, saved: []floorHoldings{{r.partition(3), gossip.Dots{{Origin: 9, Lo: 1, Hi: 2}}}}}
		r.partition(5)
		change(r)
		state := string(r.appendFloors(nil))
		assert.NotContains(t, states, state, "%d and %d", i, states[state])
		states[state] = i
		c := r.Clone()
		assert.Equal(t, state, string(c.appendFloors(nil)), "%d", i)
		for j, h := range c.floors.mark.saved {
			assert.Same(t, c.partition(r.floors.mark.saved[j].p.id), h.p)
		}
		c.floors.peers[0].said.Rev = 99
		assert.NotEqual(t, uint64(99), r.floors.peers[0].said.Rev, "a clone shares nothing")
		c.floors.mark.saved[0].p = nil
		assert.NotNil(t, r.floors.mark.saved[0].p)
	}
	r := bench(t, ours)
	r.tick = 9
	r.floors.peers[0].next = 3
	before := string(r.appendFloors(nil))
	r.floors.peers[0].next = 9
	assert.Equal(t, before, string(r.appendFloors(nil)), "what is due is due")
}

// TestRiseToOwnersAgainIsTheLastStep: where the view has the replica own what it has let go of,
// it asks to be started anew, once, and does nothing more in that step.
func TestRiseToOwnersAgainIsTheLastStep(t *testing.T) {
	r := bench(t, phases(member.Active, member.Active, member.Active, member.Leaving))
	view := r.view.Members.Raised(4, member.In(1, member.Gone))
	next, err := member.Place(view, 64, 1)
	require.NoError(t, err)
	again := 0
	for id := range ring.Partition(64) {
		if next.Owns(1, id) {
			p := r.partition(id)
			p.owned, p.dropped = false, true
			again++
		}
	}
	require.Greater(t, again, 2)
	r.idleUntil, r.moving = 99, false
	r.begin()
	r.reseat(member.View{Members: view})
	assert.Equal(t, []Effect{{Kind: EffectRestart}}, r.out)
	assert.False(t, r.moving)

	r = bench(t, phases(member.Active, member.Active, member.Active, member.Leaving))
	for id := range ring.Partition(64) {
		r.partition(id)
	}
	r.idleUntil, r.moving = 99, false
	r.begin()
	r.reseat(member.View{Members: view})
	assert.Empty(t, r.out)
	assert.Zero(t, r.idleUntil)
	for id := range ring.Partition(64) {
		assert.Equal(t, next.Owns(1, id), r.partition(id).owned)
	}
	r.begin()
	r.moving = true
	r.reseat(member.View{Members: view.Raised(1, member.In(1, member.Gone))})
	assert.False(t, r.moving, "it is over")
	assert.Empty(t, r.out)
}
