package kvs

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs/gossip"
	"github.com/joinery-go/joinery/kvs/kind"
	"github.com/joinery-go/joinery/kvs/member"
	"github.com/joinery-go/joinery/kvs/ring"
	"github.com/joinery-go/joinery/lattice/causal"
)

// bench is node 1 of four, one copy of each of 64 partitions, which goes by a view that is set.
func bench(t *testing.T, view member.Set) *Replica {
	t.Helper()
	rg, err := ring.New([]ring.NodeID{1, 2, 3, 4}, 64, 1)
	require.NoError(t, err)
	r, err := New(Config{Self: 1, Origin: 100, First: true, Ring: rg, Kinds: kind.Default(), Secret: []byte("0123456789abcdef"), Members: view}, nil)
	require.NoError(t, err)
	r.Start()
	r.begin()
	return r
}

// phases is a view in which nodes 1 to 4 are in these phases.
func phases(p ...member.Phase) (view member.Set) {
	for i, phase := range p {
		view = view.Raised(ring.NodeID(i+1), member.In(1, phase))
	}
	return view
}

// stocked is partition id of r, not among those that r has, with writes 1 to n of incarnation 9,
// each an element of a key of its own, of which the log has those of log.
func stocked(t *testing.T, r *Replica, id ring.Partition, n int, log ...int) *partition {
	t.Helper()
	p := new(partition)
	p.reset(id, 1, r.place, r.peers, &r.values, nil, r.tombs)
	set, _ := r.cfg.Kinds.Find("set")
	for i := 1; i <= n; i++ {
		delta, err := set.Mutate(kind.Update{Arg: fmt.Append(nil, i)}, nil)
		require.NoError(t, err)
		e := gossip.Entry{Dot: causal.Dot{Origin: 9, Seq: uint64(i)}, Key: fmt.Sprint("k", i), Kind: "set", Delta: delta.Append(nil)}
		p.applied.Add(e.Dot)
		p.merge(&e, delta)
		if slices.Contains(log, i) {
			p.log.Add(&e, 0)
		}
	}
	p.rev = p.applied.Count()
	return p
}

// numbers are those of the writes whose values are there.
func (p *partition) numbers() (list []int) {
	for i := 1; i < 9; i++ {
		if p.cells.find(fmt.Sprint("k", i)) != nil {
			list = append(list, i)
		}
	}
	return list
}

// seating is what a replica is to a partition, and what it has to do for the peers first.
type seating struct {
	owned, fresh, retiring bool
	shared                 [3]bool
	need                   [3]need
	truncated              bool
	values                 []int
}

// seated is what becomes of it, from the words of seats.go, where the replica owns the partition
// from now on or not, and so do the peers. leaves says that its node does.
func (s seating) seated(owns, leaves, pending bool, log []int, shared [3]bool) seating {
	held := len(s.values) > 0
	switch {
	case owns && !s.owned:
		if !s.retiring {
			s.truncated = s.truncated && len(log) == len(s.values) // else something is forgotten, and the log lacks nothing
			s.values, held = log, len(log) > 0
		}
		s.owned, s.fresh, s.retiring = true, true, false
	case !owns && s.owned:
		s.owned, s.fresh, s.retiring = false, false, held || pending
	}
	keeps := s.owned || s.retiring
	for at := range shared {
		joins := shared[at] && !s.shared[at]
		switch {
		case !shared[at]:
			s.need[at] = needNothing
		case !keeps && s.need[at] != needDigest:
		case !keeps:
			s.need[at] = needNothing
		case s.fresh, s.retiring, s.owned && leaves, joins:
			s.need[at] = needDigest
		}
		s.truncated = s.truncated || joins && held
	}
	s.shared = shared
	return s
}

// TestSeats: what a replica becomes to a partition when the view rises, whatever it was to it.
func TestSeats(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 8))
	became := map[string]int{}
	for range 40 {
		var view member.Set
		for view.At(1).Phase() == member.Gone || view == nil {
			view = phases(member.Phase(r.IntN(4)), member.Phase(r.IntN(4)), member.Phase(r.IntN(4)), member.Phase(r.IntN(4)))
		}
		n := bench(t, phases(member.Active, member.Active, member.Active, member.Active))
		require.NoError(t, n.goBy(member.View{Members: view}))
		leaves := view.At(1).Phase() == member.Leaving
		for id := range ring.Partition(64) {
			log := [][]int{nil, {1, 2, 3}, {3}, {2, 3}}[r.IntN(4)]
			was := seating{truncated: r.IntN(2) == 0}
			count := 3 * r.IntN(2)
			if count == 0 {
				log = nil
			} else {
				was.values = []int{1, 2, 3}
			}
			p := stocked(t, n, id, count, log...)
			switch r.IntN(4) {
			case 0:
				was.owned = true
			case 1:
				was.owned, was.fresh = true, true
			case 2:
				was.retiring = true
			}
			var shared [3]bool
			for at := range was.shared {
				was.shared[at], was.need[at] = r.IntN(2) == 0, need(r.IntN(3))
				shared[at] = n.place.Owns(n.peers[at].id, id)
				p.links[at].heard, p.advertisedRev[at] = true, 7
			}
			p.owned, p.fresh, p.retiring, p.logTruncated = was.owned, was.fresh, was.retiring, was.truncated
			copy(p.shared, was.shared[:])
			copy(p.need, was.need[:])
			p.pending = r.IntN(2)
			owns, pending := n.place.Owns(1, id), p.pending > 0
			want := was.seated(owns, leaves, pending, log, shared)
			require.True(t, n.seat(p, owns))
			got := seating{owned: p.owned, fresh: p.fresh, retiring: p.retiring, truncated: p.logTruncated, values: p.numbers()}
			copy(got.shared[:], p.shared)
			copy(got.need[:], p.need)
			if !p.keeps() && p.log.Len() == 0 && p.pending == 0 {
				want.values = nil
			}
			require.Equal(t, want, got, "%+v, owns %v, leaves %v, pending %v, log %v, view %v", was, owns, leaves, pending, log, view)
			open := 0
			for at := range p.need {
				if got.need[at] == needDigest || got.need[at] == needSnapshot && p.keeps() {
					open++
				}
				rev := uint64(7)
				if shared[at] && !was.shared[at] && len(p.applied) > 0 {
					rev = 0
				}
				require.Equal(t, rev, p.advertisedRev[at])
				require.False(t, p.links[at].heard, "it has said so under another view")
				require.Equal(t, shared[at] || n.peers[at].id != 1 && p.log.Hosts(n.peers[at].id), p.log.Hosts(n.peers[at].id))
			}
			require.Equal(t, open, p.open)
			became[fmt.Sprint(p.owned, p.fresh, p.retiring)]++
			require.Equal(t, p.owned && !p.fresh, p.serves())
		}
	}
	assert.Len(t, became, 4, "owner, fresh owner, retiring, other: %v", became)
}

// TestOwnersAgainStartAnew: a replica that has let go of a partition and comes to own it again has
// to be another incarnation; one that is none has nothing to do with that.
func TestOwnersAgainStartAnew(t *testing.T) {
	n := bench(t, phases(member.Active, member.Active, member.Active, member.Active))
	for id := range ring.Partition(64) {
		owns := n.place.Owns(1, id)
		p := stocked(t, n, id, 0)
		p.owned, p.dropped = false, true
		require.Equal(t, !owns, n.seat(p, owns))
		require.False(t, p.owned)
		p.retiring, p.owned = false, true
		require.True(t, n.seat(p, owns))
	}
}

// TestCaughtUpAndHandedOver: when a partition has what the owners have, and when they have what
// it has.
func TestCaughtUpAndHandedOver(t *testing.T) {
	n := bench(t, phases(member.Active, member.Active, member.Active, member.Active))
	span := func(hi uint64) gossip.Dots { return gossip.Dots{{Origin: 9, Lo: 1, Hi: hi}} }
	type said struct {
		shared, heard bool
		holds         uint64
	}
	for i, c := range []struct {
		held             int
		pending          int
		peers            [2]said
		caughtUp, handed bool
	}{
		{3, 0, [2]said{{true, true, 3}, {true, true, 3}}, true, true},
		{3, 0, [2]said{{true, true, 3}, {true, true, 2}}, true, false},
		{3, 0, [2]said{{true, true, 3}, {true, true, 4}}, false, true},
		{3, 0, [2]said{{true, false, 3}, {true, true, 3}}, false, false},
		{3, 0, [2]said{{true, true, 3}, {false, false, 9}}, true, true},
		{3, 0, [2]said{{false, true, 3}, {false, true, 3}}, true, false},
		{3, 1, [2]said{{true, true, 3}, {true, true, 3}}, true, false},
		{0, 1, [2]said{{true, true, 3}, {true, true, 3}}, false, false},
		{0, 0, [2]said{{true, false, 3}, {true, true, 3}}, false, true},
	} {
		p := stocked(t, n, 0, c.held)
		p.pending = c.pending
		p.shared = make([]bool, len(n.peers))
		p.log.Reset(1, []ring.NodeID{2, 3})
		for at, s := range c.peers {
			p.shared[at], p.links[at].heard = s.shared, s.heard
			p.log.ObservePeer(n.peers[at].id, 5, gossip.Digest{Known: span(s.holds)})
		}
		assert.Equal(t, c.caughtUp, p.caughtUp(n.peers), "case %d", i)
		assert.Equal(t, c.handed, p.handedOver(n.peers, func(at int) bool { return p.shared[at] }), "case %d", i)
	}
}

// TestHeardUnderOneView: an owner has answered what it holds if it goes by the same view, and
// names this incarnation, if that keeps anything by which it has a name.
func TestHeardUnderOneView(t *testing.T) {
	n := bench(t, phases(member.Active, member.Active, member.Active, member.Leaving))
	p := stocked(t, n, 0, 0)
	for _, c := range []struct {
		keeps       bool
		view, named uint64
		want        bool
	}{
		{true, n.viewName, 100, true}, {true, n.viewName, 99, false}, {true, n.viewName + 1, 100, false}, {true, 0, 100, false}, {true, 0, 0, false},
		{false, n.viewName, 100, true}, {false, n.viewName, 99, true}, {false, n.viewName + 1, 99, false},
	} {
		p.owned, p.links[1].heard = c.keeps, false
		n.heardOf(p, 1, c.view, c.named)
		assert.Equal(t, c.want, p.links[1].heard, "%+v", c)
		assert.False(t, p.links[0].heard)
	}
}

// TestForgotten: which of its own writes an incarnation holds no more, since it let go of them.
func TestForgotten(t *testing.T) {
	for _, fixed := range []bool{false, true} {
		view := phases(member.Active, member.Active, member.Active, member.Leaving)
		if fixed {
			view = phases(member.Active, member.Active, member.Active, member.Active)
		}
		n := bench(t, view)
		p := stocked(t, n, 0, 0)
		p.seq = 6
		p.applied = gossip.Dots{{Origin: 100, Lo: 3, Hi: 3}}
		p.inFlight = gossip.Dots{{Origin: 100, Lo: 5, Hi: 5}}
		for seq, forgot := range map[uint64]bool{1: true, 2: true, 3: false, 4: true, 5: false, 6: true, 7: false} {
			assert.Equal(t, forgot && !fixed, n.forgot(p, causal.Dot{Origin: 100, Seq: seq}), "%d, fixed %v", seq, fixed)
			assert.False(t, n.forgot(p, causal.Dot{Origin: 9, Seq: seq}))
		}
	}
}
