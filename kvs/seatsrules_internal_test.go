package kvs

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs/gossip"
	"github.com/joinery-go/joinery/kvs/member"
	"github.com/joinery-go/joinery/kvs/ring"
	"github.com/joinery-go/joinery/kvs/wire"
	"github.com/joinery-go/joinery/lattice/causal"
)

// placed is a partition of r with three writes, which r holds by neither, one, or both placements.
func placed(t *testing.T, r *Replica, held, holds bool) *partition {
	t.Helper()
	for id := range ring.Partition(64) {
		if r.place.Held(1, id) == held && r.place.Holds(1, id) == holds {
			p := r.partition(id)
			x := stocked(t, r, id, 3, 1, 2, 3)
			p.applied, p.log, p.cells, p.rev = x.applied, x.log, x.cells, x.rev
			return p
		}
	}
	require.Fail(t, "there is no such partition")
	return nil
}

// tellsAll has the owners by either placement say that they hold all of p, but for one.
func tellsAll(r *Replica, p *partition, but ring.NodeID) {
	for at, shared := range p.shared {
		if id := r.peers[at].id; shared && id != but {
			p.links[at].heard = true
			p.log.ObservePeer(id, 9, gossip.Digest{Known: p.applied.Clone()})
		}
	}
}

// TestMayLeave: what a node that leaves waits for before it says that it is gone.
func TestMayLeave(t *testing.T) {
	view := phases(member.Leaving, member.Active, member.Active, member.Active)
	leaves := func() (*Replica, *partition) {
		r := bench(t, view)
		p := placed(t, r, true, false)
		require.True(t, p.owned)
		tellsAll(r, p, 0)
		return r, p
	}
	r, p := leaves()
	require.True(t, r.mayLeave())
	for name, change := range map[string]func(){
		"a record is being persisted": func() { r.batches = append(r.batches, new(batch)) },
		"a row is to be told of":      func() { r.taken = append(r.taken, takenBack{}) },
		"a write is to be answered":   func() { r.repeats = append(r.repeats, laterAnswer{}) },
		"an owner is not heard":       func() { p.links[r.peer(r.place.Owners(p.id)[0])].heard = false },
		"a write has come":            func() { p.applied.Add(causal.Dot{Origin: 9, Seq: 4}) },
		"one is coming":               func() { p.pending = 1 },
		"it is to hand over":          func() { p.owned, p.log = false, stocked(t, r, p.id, 3, 3).log },
	} {
		r, p = leaves()
		change()
		assert.False(t, r.mayLeave(), name)
	}
	r, p = leaves()
	p.owned = false
	assert.True(t, r.mayLeave(), "it has handed over all")

	r = bench(t, phases(member.Leaving, member.Leaving, member.Leaving, member.Leaving))
	p = placed(t, r, true, true)
	tellsAll(r, p, 0)
	assert.False(t, r.mayLeave(), "nobody would be there")
}

// TestOwnersByTheOldPlacementDoNotCount: who leaves hands over to the owners by the next placement,
// whoever else owns the partition by the old one.
func TestOwnersByTheOldPlacementDoNotCount(t *testing.T) {
	r := bench(t, phases(member.Leaving, member.Active, member.Active, member.Active))
	p := placed(t, r, true, false)
	next := r.place.Owners(p.id)[0]
	require.True(t, r.place.Holds(next, p.id))
	for at := range p.shared {
		p.shared[at] = true // as those do that own it by the old placement
	}
	p.links[r.peer(next)].heard = true
	p.log.ObservePeer(next, 9, gossip.Digest{Known: p.applied.Clone()})
	assert.True(t, r.mayLeave())
	p.links[r.peer(next)].heard = false
	tellsAll(r, p, next)
	assert.False(t, r.mayLeave())
}

// TestProgress: fresh owners that have caught up serve, and who retires lets go once it is over;
// a node says of itself what follows; nothing goes on while a view is being persisted.
func TestProgress(t *testing.T) {
	view := phases(member.Active, member.Active, member.Active, member.Leaving)
	for _, busy := range []string{"", "rising", "settled", "checkpoint", "not told"} {
		r := bench(t, view)
		fresh := placed(t, r, false, true)
		require.True(t, fresh.owned)
		fresh.fresh = true
		retiring := placed(t, r, false, false)
		retiring.retiring = true
		retiring.need[0] = needDigest
		retiring.recount()
		r.moving = true
		tellsAll(r, fresh, 0)
		tellsAll(r, retiring, 0)
		r.begin()
		switch busy {
		case "rising":
			r.rise.token = 5
		case "settled":
			r.moving = false
		case "checkpoint":
			retiring.giving = &giving{r: r}
		case "not told":
			fresh.links[r.peer(4)].heard = false
			for at := range retiring.links {
				retiring.links[at].heard = false
			}
		}
		r.progress()
		goes := busy == "" || busy == "checkpoint"
		assert.Equal(t, !goes, fresh.fresh, busy)
		let := busy == ""
		assert.Equal(t, !let, retiring.retiring, busy)
		assert.Equal(t, let, retiring.dropped, busy)
		assert.Equal(t, let, len(retiring.applied) == 0 && retiring.log.Len() == 0 && len(retiring.numbers()) == 0, busy)
		assert.Equal(t, let, r.stats.LetGo == 1, busy)
		assert.Equal(t, let, retiring.open == 0, busy)
		assert.Equal(t, !let && busy != "settled", r.moving, busy)
		assert.Zero(t, r.rise.view, "it has nothing to say of itself")
	}
}

// TestNodesSayWhatTheyAre: a node that joins is active once none of its partitions is fresh, and
// one that leaves is gone once others have all.
func TestNodesSayWhatTheyAre(t *testing.T) {
	for _, c := range []struct {
		is, to member.Phase
		change func(r *Replica, p *partition)
		says   bool
	}{
		{member.Joining, member.Active, func(*Replica, *partition) {}, true},
		{member.Joining, member.Active, func(r *Replica, p *partition) { p.fresh, p.links[r.peer(r.place.Owners(p.id)[1])].heard = true, false }, false},
		{member.Leaving, member.Gone, func(*Replica, *partition) {}, true},
		{member.Leaving, member.Gone, func(_ *Replica, p *partition) { p.pending = 1 }, false},
		{member.Active, member.Active, func(*Replica, *partition) {}, false},
	} {
		r := bench(t, ours)
		require.NoError(t, r.goBy(member.View{Members: phases(c.is, member.Active, member.Active, member.Gone)}))
		p := placed(t, r, c.is != member.Joining, c.is != member.Leaving)
		tellsAll(r, p, 0)
		for _, q := range r.parts {
			q.fresh = false
		}
		r.moving = true
		c.change(r, p)
		r.begin()
		r.progress()
		assert.Equal(t, c.says, r.rise.token > 0, "%+v", c)
		if c.says {
			assert.Equal(t, member.In(1, c.to), r.rise.view.Members.At(1))
		}
		assert.Equal(t, c.is != member.Active, r.moving, "%+v", c)
	}
}

// TestSeatsOfAStart: which partitions are fresh after a start, whom it asks, and what is let go.
func TestSeatsOfAStart(t *testing.T) {
	for _, phase := range []member.Phase{member.Joining, member.Active, member.Leaving, member.Gone} {
		r := bench(t, ours)
		require.NoError(t, r.goBy(member.View{Members: phases(phase, member.Active, member.Active, member.Leaving)}))
		for id := range ring.Partition(64) {
			p := r.partition(id)
			p.fresh, p.retiring, p.logTruncated, p.intake = false, !p.owned && id%2 == 0, false, new(intake)
			for at := range p.need {
				p.need[at] = needNothing
			}
			p.recount()
		}
		r.moving = false
		require.NoError(t, r.seatStarted())
		assert.Equal(t, phase != member.Gone, r.moving)
		for id, p := range r.parts {
			id := ring.Partition(id)
			if phase == member.Gone {
				require.False(t, p.owned || p.retiring)
				continue
			}
			owned := r.place.Owns(1, id)
			fresh := phase == member.Joining && owned && !r.place.Held(1, id)
			retiring := !owned && id%2 == 0
			require.Equal(t, []bool{owned, fresh, retiring, retiring, owned}, []bool{p.owned, p.fresh, p.retiring, p.logTruncated, p.intake != nil}, "partition %d, %v", id, phase)
			asks := fresh || retiring || owned && phase == member.Leaving
			for at, shared := range p.shared {
				require.Equal(t, asks && shared, p.need[at] == needDigest)
			}
		}
	}
	fixed := bench(t, ours)
	for id := range ring.Partition(64) {
		fixed.partition(id).intake = new(intake)
	}
	require.NoError(t, fixed.seatStarted())
	assert.False(t, fixed.moving, "nobody has come or gone")
	for id, p := range fixed.parts { // the record of a view may be lost, and those of pieces of a snapshot not
		require.Equal(t, fixed.place.Owns(1, ring.Partition(id)), p.intake != nil, "partition %d", id)
	}
}

// TestMembersOfAStart: who the members are as a replica starts, by its ring, by what an operator
// says, and by its disk; which of these are refused.
func TestMembersOfAStart(t *testing.T) {
	record := func(life uint32, s member.Set) []byte {
		return wire.AppendMembersRecord(nil, life, member.View{Members: s})
	}
	five := ours.Raised(5, member.In(1, member.Joining))
	second := ours.Raised(1, member.In(2, member.Joining))
	part := wire.AppendFloors(nil, nil)
	for i, c := range []struct {
		told    member.Set
		life    uint32
		records [][]byte
		view    member.Set // nil where it is refused
		writes  bool
	}{
		{view: ours},
		{told: ours, view: ours},
		{records: [][]byte{record(1, ours)}, view: ours},
		{told: later, view: later, writes: true},
		{records: [][]byte{record(1, later)}, view: later},
		{told: five, records: [][]byte{part, record(1, later)}, view: later.Raise(five), writes: true},
		{told: ours[:2], records: [][]byte{record(1, five), record(1, later)}, view: later.Raise(five)},
		{told: second, life: 2, view: second, writes: true},
		{told: second, life: 2, records: [][]byte{part}},
		{told: second, life: 2, records: [][]byte{record(1, later)}},
		{told: second, life: 2, records: [][]byte{record(1, later), record(2, second)}, view: second.Raise(later)},
		{told: second, life: 1, records: [][]byte{record(1, later)}, view: second.Raise(later), writes: true},
		{records: [][]byte{record(1, later)[:3]}},
	} {
		cfg := bench(t, ours).cfg
		cfg.Members, cfg.Life = c.told, c.life
		r, err := New(cfg, c.records)
		if c.view == nil {
			require.Error(t, err, "case %d", i)
			continue
		}
		require.NoError(t, err, "case %d", i)
		assert.Equal(t, c.view, r.View(), "case %d", i)
		name := nameOf(c.view)
		if len(c.view) == 4 && ours.Includes(c.view) {
			name = 0
		}
		assert.Equal(t, name, r.viewName, "case %d", i)
		_, records := saidOf(t, r.Start())
		assert.Equal(t, c.writes, records > 0, "case %d", i)
	}
	cfg := bench(t, ours).cfg
	_, err := New(cfg, [][]byte{part, record(1, later)[:3]})
	assert.ErrorContains(t, err, "record 2 of 2")
	assert.ErrorIs(t, err, wire.ErrMessage)
	cfg.Members, cfg.Life = second, 2
	_, err = New(cfg, [][]byte{part})
	assert.ErrorIs(t, err, ErrConfig)
	assert.ErrorContains(t, err, "life 2")
}

// TestServesAndKeeps: what a host is told of a partition.
func TestServesAndKeeps(t *testing.T) {
	r := bench(t, phases(member.Active, member.Active, member.Active, member.Leaving))
	p := placed(t, r, true, true)
	assert.True(t, r.Serves(p.id))
	assert.True(t, r.Keeps(p.id))
	p.fresh = true
	assert.False(t, r.Serves(p.id))
	assert.True(t, r.Keeps(p.id))
	p.fresh = false
	r.rise = rise{view: member.View{Members: r.view.Members.Raised(1, member.In(1, member.Gone))}, token: 9}
	assert.False(t, r.Serves(p.id), "it is about to be gone")
	assert.False(t, r.Settled())
	r.rise = rise{}
	other := placed(t, r, false, false)
	other.retiring = true
	assert.False(t, r.Serves(other.id))
	assert.True(t, r.Keeps(other.id))
	other.retiring = false
	assert.False(t, r.Keeps(other.id))
	r.byID[p.id] = nil
	assert.True(t, r.Serves(p.id), "nothing is held of it, which is all that there is")
	assert.False(t, r.Keeps(p.id))
	assert.False(t, r.Settled(), "a node leaves")
	r = bench(t, phases(member.Active, member.Active, member.Active, member.Gone))
	assert.False(t, r.Settled(), "it has not looked yet")
	r.moving = false
	assert.True(t, r.Settled())
	assert.Equal(t, "partition 7 is held by nodes "+assertable(r.place.Owners(7)), r.notServed(r.partition(7)))
}

func assertable(nodes []ring.NodeID) string {
	if len(nodes) != 1 {
		return "several"
	}
	return "[" + string(rune('0'+nodes[0])) + "]"
}

// TestBarriersOfWhatIsForgotten: who forgets what it has handed over takes the barriers in its log
// for nothing where they may name that; where nothing is in doubt nothing is.
func TestBarriersOfWhatIsForgotten(t *testing.T) {
	r := bench(t, phases(member.Active, member.Active, member.Active, member.Leaving))
	p := stocked(t, r, 3, 3, 2, 3)
	p.gap = gossip.Dots{{Origin: 8, Lo: 1, Hi: 1}}
	p.rev = 9
	p.forgetHandedOver(r)
	assert.Equal(t, gossip.Dots{{Origin: 9, Lo: 2, Hi: 3}}, p.applied)
	assert.Equal(t, []int{2, 3}, p.numbers())
	assert.Empty(t, p.gap, "no barrier is there that could name it")
	assert.Empty(t, p.doubt)
	assert.Equal(t, uint64(9), p.rev, "a state that was told is not told of another")
	p = stocked(t, r, 3, 3, 1, 2, 3)
	p.gap = gossip.Dots{{Origin: 8, Lo: 1, Hi: 1}}
	p.forgetHandedOver(r)
	assert.Len(t, p.gap, 1, "all is in the log")
	p = stocked(t, r, 3, 3, 2)
	p.rev = 0
	p.forgetHandedOver(r)
	assert.Equal(t, uint64(1), p.rev)
}

// TestMembersAreState: two replicas that differ in anything of members that decides what they do
// have another state, and a clone has the same.
func TestMembersAreState(t *testing.T) {
	states := map[string]int{}
	for i, change := range []func(r *Replica){
		func(*Replica) {},
		func(r *Replica) { r.moving = !r.moving },
		func(r *Replica) { r.view.Members = r.view.Members.Raised(4, member.In(1, member.Gone)) },
		func(r *Replica) { r.rise = rise{view: r.view, token: r.token + 0}; r.rise.token = max(r.token, 1) },
		func(r *Replica) { r.token = 5; r.rise = rise{view: r.view, token: 3} },
		func(r *Replica) {
			r.token = 5
			r.rise = rise{view: member.View{Members: r.view.Members.Raised(5, member.In(1, member.Joining))}, token: 3}
		},
		func(r *Replica) { r.view.Factors = member.Factors{{Key: 2, Val: member.FactorOf(1, 3)}} },
		func(r *Replica) { r.view.Factors = member.Factors{{Key: 2, Val: member.FactorOf(2, 3)}} },
		func(r *Replica) {
			r.token = 5
			r.rise = rise{view: member.View{Members: r.View(), Factors: member.Factors{{Key: 2, Val: member.FactorOf(2, 3)}}}, token: 3}
		},
		func(r *Replica) { r.peers[1].origin = 3 },
		func(r *Replica) { r.peers[1].floor = 3 },
		func(r *Replica) { r.peers[1].view = 3 },
		func(r *Replica) { r.peers[1].viewNext = r.tick + 3 },
		func(r *Replica) { r.peers[1].viewBackoff = 3 },
		func(r *Replica) { r.peers[1].gone = true },
		func(r *Replica) { r.peers[1].asks = true },
		func(r *Replica) { r.parts[2].fresh = true },
		func(r *Replica) { r.parts[2].retiring = true },
		func(r *Replica) { r.parts[2].dropped = true },
		func(r *Replica) { r.parts[2].links[0].heard = true },
		func(r *Replica) { r.parts[2].shared[0] = !r.parts[2].shared[0] },
	} {
		r := bench(t, phases(member.Active, member.Active, member.Active, member.Leaving))
		for id := range ring.Partition(4) {
			r.partition(id)
		}
		change(r)
		state := string(r.appendMembers(nil))
		assert.Equal(t, state, string(r.Clone().appendMembers(nil)), "%d", i)
		assert.NotContains(t, states, state, "%d and %d", i, states[state])
		states[state] = i
	}
	r := bench(t, ours)
	assert.Empty(t, r.appendMembers(nil), "while the view is the ring's")
	r.peers[1].asks = true
	assert.NotEmpty(t, r.appendMembers(nil))
	r.peers[1].asks = false
	r.rise.token = 1
	assert.NotEmpty(t, r.appendMembers(nil))
	r = bench(t, later)
	before := string(r.appendMembers(nil))
	r.peers[0].viewNext = r.tick
	r.tick += 0
	assert.Equal(t, before, string(r.appendMembers(nil)), "what is due is due")
}
