package gossip_test

import (
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs/gossip"
	"github.com/joinery-go/joinery/kvs/ring"
	"github.com/joinery-go/joinery/lattice/causal"
)

// plainHosts is the plain log of a partition whose owners change: guests are peers that are
// heard, and for which nothing is kept.
type plainHosts struct {
	*plainLog
	guest map[ring.NodeID]bool
	rev   map[ring.NodeID]uint64
}

func newPlainHosts(peers ...ring.NodeID) *plainHosts {
	return &plainHosts{newPlainLog(peers...), map[ring.NodeID]bool{}, map[ring.NodeID]uint64{}}
}

// host begins to remember what a peer says, if it is not remembered yet.
func (l *plainHosts) host(id ring.NodeID, guest bool) {
	if l.known[id] == nil {
		l.known[id], l.guest[id] = map[causal.Dot]bool{}, guest
	}
}

func (l *plainHosts) setOwners(self ring.NodeID, owners []ring.NodeID, gone func(ring.NodeID) bool) {
	for id := range l.known {
		if l.guest[id] = !slices.Contains(owners, id); gone(id) {
			delete(l.known, id)
			l.clear(id)
		}
	}
	for _, id := range owners {
		if id != self {
			l.host(id, false)
		}
	}
}

func (l *plainHosts) clear(id ring.NodeID) {
	delete(l.origin, id)
	delete(l.rev, id)
}

func (l *plainHosts) forget(id ring.NodeID) {
	if l.known[id] != nil {
		l.known[id] = map[causal.Dot]bool{}
		l.clear(id)
	}
}

// guests are those of the peers that count for nothing.
func (l *plainHosts) guests() map[ring.NodeID]bool {
	of := map[ring.NodeID]bool{}
	for id := range l.known {
		if l.guest[id] {
			of[id] = true
		}
	}
	return of
}

func (l *plainHosts) hear(id ring.NodeID, origin, rev uint64, known gossip.Dots) (reclaimed int, regressed, took bool) {
	if l.known[id] == nil || origin < l.origin[id] {
		return 0, false, false
	}
	now := map[causal.Dot]bool{}
	for _, x := range known {
		for seq := x.Lo; seq <= x.Hi; seq++ {
			now[causal.Dot{Origin: x.Origin, Seq: seq}] = true
		}
	}
	if origin > l.origin[id] {
		l.origin[id], l.rev[id] = origin, 0
		for d := range l.known[id] {
			regressed = regressed || !now[d]
		}
		if regressed {
			l.known[id] = map[causal.Dot]bool{}
		}
	}
	l.rev[id] = max(l.rev[id], rev)
	before := len(l.known[id])
	if maps.Copy(l.known[id], now); len(l.known[id]) > before {
		reclaimed = l.reclaim(l.guests())
	}
	return reclaimed, regressed, true
}

func (l *plainHosts) shedTo(count int) (n int) { return l.shedBut(count, l.guests()) }

func (l *plainHosts) everywhere(d causal.Dot) bool {
	for id, known := range l.known {
		if !l.guest[id] && !known[d] {
			return false
		}
	}
	return true
}

// TestLogOfChangingOwnersIsAMap runs the log beside its plain twin while owners come and go,
// guests are invited, and lives of peers end.
func TestLogOfChangingOwnersIsAMap(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	counts := map[string]int{}
	for range 150 {
		l, plain := gossip.NewLog(0, []ring.NodeID{0, 1, 2}), newPlainHosts(1, 2)
		var applied gossip.Dots
		for tick := range uint64(60) {
			switch id := ring.NodeID(1 + r.IntN(5)); r.IntN(9) {
			case 0, 1, 2:
				for range 1 + r.IntN(4) {
					e := entry(1+r.Uint64N(3), 1+r.Uint64N(20))
					applied.Add(e.Dot)
					l.Add(e, tick)
					plain.kept[e.Dot] = tick
				}
			case 3, 4:
				var known gossip.Dots
				for _, x := range applied {
					for seq := x.Lo; seq <= x.Lo+r.Uint64N(x.Hi-x.Lo+2) && seq <= x.Hi; seq++ {
						known.Add(causal.Dot{Origin: x.Origin, Seq: seq})
					}
				}
				origin, rev := 1+r.Uint64N(2+tick/20), r.Uint64N(tick+1)
				n, fell, took := l.ObservePeer(id, origin, gossip.Digest{Known: known, Rev: rev})
				wantN, wantFell, wantTook := plain.hear(id, origin, rev, known)
				require.Equal(t, []any{wantN, wantFell, wantTook}, []any{n, fell, took})
				counts["reclaimed"] += n
			case 5:
				owners := []ring.NodeID{0, 1, 2, 3, 4, 5}
				r.Shuffle(6, func(i, j int) { owners[i], owners[j] = owners[j], owners[i] })
				owners = owners[:1+r.IntN(4)]
				end := ring.NodeID(r.IntN(12))
				gone := func(n ring.NodeID) bool { return n == end && !slices.Contains(owners, n) }
				l.SetOwners(0, owners, gone)
				plain.setOwners(0, owners, gone)
			case 6:
				l.Invite(id)
				plain.host(id, true)
			case 7:
				l.Forget(id)
				plain.forget(id)
			case 8:
				bound := r.IntN(20)
				n := l.Shed(bound, 1<<30)
				require.Equal(t, plain.shedTo(bound), n)
				counts["shed"] += n
			}
			if tick%8 == 7 {
				require.Equal(t, plain.reclaim(plain.guests()), l.Reclaim())
			}
			checkHosts(t, l, plain, applied)
			counts["guests"] += len(plain.guests())
		}
	}
	for _, what := range []string{"reclaimed", "shed", "guests"} {
		assert.Greater(t, counts[what], 500, what)
	}
}

// checkHosts holds all that can be asked of a log to its twin.
func checkHosts(t *testing.T, l *gossip.Log, plain *plainHosts, applied gossip.Dots) {
	t.Helper()
	require.Equal(t, len(plain.kept), l.Len())
	var kept gossip.Dots
	for _, d := range plain.sorted() {
		kept.Add(d)
	}
	require.Equal(t, kept, l.Dots())
	for id := range ring.NodeID(7) {
		require.Equal(t, plain.known[id] != nil, l.Hosts(id), "node %d", id)
		require.Equal(t, plain.origin[id], l.PeerIncarnation(id))
		require.Equal(t, plain.rev[id], l.Seen(id))
		require.Equal(t, uint64(len(plain.known[id])), l.Known(id).Count())
		require.Equal(t, plain.missing(id, 1<<20, all), dots(l.Missing(nil, id, 1<<30, all)))
	}
	for _, x := range applied {
		for seq := x.Lo; seq <= x.Hi; seq++ {
			d := causal.Dot{Origin: x.Origin, Seq: seq}
			require.Equal(t, plain.everywhere(d), l.Everywhere(d), "%v", d)
			for id, known := range plain.known {
				require.Equal(t, known[d], l.Known(id).Contains(d))
			}
		}
	}
}

// TestDotsOfALogInPart: what has gone from the front of a log is not among its dots, though
// what follows it is.
func TestDotsOfALogInPart(t *testing.T) {
	l := gossip.NewLog(0, []ring.NodeID{0, 1})
	for seq := range uint64(6) {
		l.Add(entry(9, 1+seq), 0)
	}
	require.Equal(t, 2, hears(l, 1, gossip.Dots{{Origin: 9, Lo: 1, Hi: 2}}))
	assert.Equal(t, gossip.Dots{{Origin: 9, Lo: 3, Hi: 6}}, l.Dots())
}
