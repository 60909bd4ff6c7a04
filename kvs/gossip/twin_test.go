package gossip_test

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs/gossip"
	"github.com/joinery-go/joinery/kvs/ring"
	"github.com/joinery-go/joinery/lattice/causal"
)

// plainLog is the log without an index: a map of what is kept, and of what each peer
// has, looked through whenever something is asked.
type plainLog struct {
	kept   map[causal.Dot]uint64 // the tick at which it was added
	known  map[ring.NodeID]map[causal.Dot]bool
	origin map[ring.NodeID]uint64
}

func newPlainLog(peers ...ring.NodeID) *plainLog {
	l := &plainLog{map[causal.Dot]uint64{}, map[ring.NodeID]map[causal.Dot]bool{}, map[ring.NodeID]uint64{}}
	for _, id := range peers {
		l.known[id] = map[causal.Dot]bool{}
	}
	return l
}

func (l *plainLog) sorted() []causal.Dot {
	var out []causal.Dot
	for d := range l.kept {
		out = append(out, d)
	}
	slices.SortFunc(out, func(a, b causal.Dot) int { return cmp.Or(cmp.Compare(a.Origin, b.Origin), cmp.Compare(a.Seq, b.Seq)) })
	return out
}

func (l *plainLog) reclaim(but map[ring.NodeID]bool) (n int) {
	for d := range l.kept {
		held := true
		for id, known := range l.known {
			held = held && (but[id] || known[d])
		}
		if held {
			delete(l.kept, d)
			n++
		}
	}
	return n
}

func (l *plainLog) hears(id ring.NodeID, origin uint64, known gossip.Dots) (reclaimed int, regressed bool) {
	if l.known[id] == nil || origin < l.origin[id] {
		return 0, false
	}
	now := map[causal.Dot]bool{}
	for _, x := range known {
		for seq := x.Lo; seq <= x.Hi; seq++ {
			now[causal.Dot{Origin: x.Origin, Seq: seq}] = true
		}
	}
	if origin > l.origin[id] {
		l.origin[id] = origin
		for d := range l.known[id] {
			regressed = regressed || !now[d]
		}
		if regressed {
			l.known[id] = map[causal.Dot]bool{}
		}
	}
	grew := false
	for d := range now {
		grew = grew || !l.known[id][d]
		l.known[id][d] = true
	}
	if grew {
		reclaimed = l.reclaim(nil)
	}
	return reclaimed, regressed
}

func (l *plainLog) lacks(id ring.NodeID) (n int) {
	for d := range l.kept {
		if !l.known[id][d] {
			n++
		}
	}
	return n
}

func (l *plainLog) shed(count int) (n int) { return l.shedBut(count, map[ring.NodeID]bool{}) }

// shedBut is shed where nobody waits for some nodes anyway.
func (l *plainLog) shedBut(count int, but map[ring.NodeID]bool) (n int) {
	for len(l.kept) > count && len(but) < len(l.known) {
		most, worst := ring.NodeID(0), -1
		for id := range ring.NodeID(8) {
			if l.known[id] != nil && !but[id] && l.lacks(id) > worst {
				most, worst = id, l.lacks(id)
			}
		}
		but[most] = true
		n += l.reclaim(but)
	}
	return n
}

func (l *plainLog) missing(id ring.NodeID, limit int, offer func(e *gossip.Entry, since uint64) bool) (out []causal.Dot) {
	for _, d := range l.sorted() {
		if !l.known[id][d] && offer(entry(d.Origin, d.Seq), l.kept[d]) && len(out) < limit {
			out = append(out, d)
		}
	}
	return out
}

// TestLogIsAMap runs the log beside its plain twin: words of peers with gaps, repeats
// and new incarnations, deltas in any order, bounds.
func TestLogIsAMap(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	size := entry(1, 1).Size()
	shed, fallen := 0, 0
	for range 100 {
		peers := []ring.NodeID{1, 2, 3}[:1+r.IntN(3)]
		l, plain := gossip.NewLog(0, append([]ring.NodeID{0}, peers...)), newPlainLog(peers...)
		var applied gossip.Dots
		origins := 1 + r.Uint64N(4)
		for tick := range uint64(80) {
			switch r.IntN(6) {
			case 0, 1, 2:
				for range 1 + r.IntN(4) {
					e := entry(1+r.Uint64N(origins), 1+r.Uint64N(40))
					applied.Add(e.Dot)
					l.Add(e, tick)
					if _, twice := plain.kept[e.Dot]; !twice {
						plain.kept[e.Dot] = tick
					}
				}
			case 3, 4:
				var known gossip.Dots
				for _, x := range applied {
					lo := x.Lo + r.Uint64N(x.Hi-x.Lo+1)
					for seq := lo; seq <= lo+r.Uint64N(x.Hi-lo+1); seq++ {
						known.Add(causal.Dot{Origin: x.Origin, Seq: seq})
					}
				}
				id, origin := ring.NodeID(r.IntN(5)), 1+r.Uint64N(2+tick/20)
				reclaimed, regressed, _ := l.ObservePeer(id, origin, gossip.Digest{Known: known})
				n, f := plain.hears(id, origin, known)
				require.Equal(t, n, reclaimed)
				require.Equal(t, f, regressed)
				if f {
					fallen++
				}
			case 5:
				bound := r.IntN(30)
				n := l.Shed(bound, 1<<30)
				if tick%2 == 0 {
					n = l.Shed(1<<30, bound*size) + n
				}
				require.Equal(t, plain.shed(bound), n)
				require.LessOrEqual(t, l.Len(), bound)
				shed += n
			}
			if tick%8 == 7 {
				require.Equal(t, plain.reclaim(nil), l.Reclaim())
			}
			check(t, l, plain, applied, peers, tick)
		}
	}
	assert.Greater(t, shed, 500)
	assert.Greater(t, fallen, 20)
}

func check(t *testing.T, l *gossip.Log, plain *plainLog, applied gossip.Dots, peers []ring.NodeID, tick uint64) {
	t.Helper()
	require.Equal(t, len(plain.kept), l.Len())
	require.Equal(t, len(plain.kept)*entry(1, 1).Size(), l.Bytes())
	var kept []causal.Dot
	for e, since := range l.All() {
		kept = append(kept, e.Dot)
		require.Equal(t, plain.kept[e.Dot], since)
	}
	require.Equal(t, plain.sorted(), kept)
	for origin := range uint64(5) {
		for seq := uint64(1); seq < 42; seq += 5 {
			d := causal.Dot{Origin: origin, Seq: seq}
			_, has := plain.kept[d]
			require.Equal(t, has, l.Has(d))
		}
	}
	odd := func(e *gossip.Entry, since uint64) bool { return e.Dot.Seq%2 == 1 || since+3 < tick }
	for _, id := range peers {
		require.Equal(t, plain.missing(id, 1<<20, all), dots(l.Missing(nil, id, 1<<30, all)))
		require.Equal(t, plain.missing(id, 3, odd), dots(l.Missing(nil, id, 3*entry(1, 1).Size(), odd)))
		gone := 0
		for _, x := range applied {
			for seq := x.Lo; seq <= x.Hi; seq++ {
				d := causal.Dot{Origin: x.Origin, Seq: seq}
				if _, has := plain.kept[d]; !has && !plain.known[id][d] {
					gone++
				}
			}
		}
		require.Equal(t, gone > 0, l.NeedsSnapshot(id, applied))
	}
}

// TestBacklogIsNotLookedThrough: what is kept for a peer that is down is looked at when
// it is offered to that peer, and by nothing else.
func TestBacklogIsNotLookedThrough(t *testing.T) {
	cost := func(behind uint64) uint64 {
		l := gossip.NewLog(0, []ring.NodeID{0, 1, 2})
		round := func(seq uint64) {
			for origin := range uint64(2) {
				l.Add(entry(1+origin, seq), seq)
			}
			l.Missing(nil, 1, 1<<20, all)
			l.Missing(nil, 2, 1000, all)
			hears(l, 1, gossip.Dots{{Origin: 1, Lo: 1, Hi: seq}, {Origin: 2, Lo: 1, Hi: seq}})
			l.NeedsSnapshot(2, gossip.Dots{{Origin: 1, Lo: 1, Hi: seq}, {Origin: 2, Lo: 1, Hi: seq}})
		}
		for seq := range behind {
			round(1 + seq)
		}
		before := l.Visited()
		round(1 + behind)
		return l.Visited() - before
	}
	assert.Equal(t, cost(100), cost(40_000))
	assert.Less(t, cost(40_000), uint64(40))
}
