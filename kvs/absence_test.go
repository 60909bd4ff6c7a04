package kvs_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs"
	"github.com/joinery-go/joinery/kvs/wire"
)

// absence is what a long absence of one of several owners comes to.
type absence struct {
	deltas, bytes int // in the log of one replica at the most, and bytes of these
	tombstones    int // of one replica at the most, over what has been deleted of registers meanwhile
	state         int // bytes of all that a replica that stays has, at the end of the absence
	ticks         int // from the return to rest
	snapshots     uint64
	left          int // at rest, of all replicas: deltas, tombstones, and spans of dots
}

const (
	absentLog  = 64 // deltas that a log keeps, for a partition
	absentKeys = 200
)

// absent has one of so many owners of one partition be away while so many registers are written,
// all keys again and again, a tenth of the writes deletes of keys that are not written again.
func absent(t testing.TB, nodes, writes int) (x absence) {
	g := newRig(t, nodes, 1, nodes, kvs.Config{MaxLog: absentLog, LateMS: 400, MaxSessions: 16, BatchBytes: 8 << 10, SnapshotBytes: 32 << 10})
	g.now = 10_000
	w := &writer{rig: g, size: 100, alone: nodes == 2}
	for key := range absentKeys {
		w.write(key)
	}
	g.rest()
	away := nodes - 1
	g.down[away] = true
	deleted := 0
	var u kvs.Usage
	for i := range writes {
		if i%10 == 9 && deleted < absentKeys/4 {
			w.req++
			q := del(1+w.req%2, w.req, "register", fmt.Sprintf("k%07d", deleted), nil)
			q.Stamp = w.now<<16 + w.req
			require.Equal(t, wire.StatusOK, w.ask(int(w.req%2), q).Status)
			deleted++
		} else {
			w.write(absentKeys/4 + i%(absentKeys*3/4))
		}
		for n := range away {
			g.hosts[n].Core().Usage(&u)
			for _, p := range u.Partitions {
				x.deltas, x.bytes = max(x.deltas, p.Deltas), max(x.bytes, p.DeltaBytes)
			}
			if i%50 == 0 {
				require.LessOrEqual(t, g.hosts[n].Core().Tombstones(), deleted)
			}
		}
	}
	for range 100 {
		g.tick()
	}
	for n := range away {
		x.tombstones = max(x.tombstones, g.hosts[n].Core().Tombstones())
		x.state = max(x.state, len(g.hosts[n].Core().AppendState(nil)))
	}
	require.Equal(t, deleted, x.tombstones, "an owner that is away may bring what was deleted")
	g.down[away] = false
	before := g.stats(away).Snapshots
	x.ticks = g.rest()
	x.snapshots = g.stats(away).Snapshots - before
	for n := range g.hosts {
		require.Equal(t, holdings(g.hosts[0].Core()), holdings(g.hosts[n].Core()))
	}
	g.forget()
	g.rest()
	x.left = g.deltas() + g.tombstones() + g.spans()
	return x
}

// TestLongAbsence: while an owner is away for ten and for forty times what a log is bound to, each
// that stays holds as much as for ten, whatever is written: deltas up to the bound, and beside
// values a tombstone for each register deleted that the one that is away has not acknowledged.
// Once it is back all have the same within 20 ticks, by a snapshot, however long it was away; and
// at rest there are left, at 3, 5 and 9 owners, no delta and no tombstone of a register, and a
// span of dots for each incarnation that has written, at each: no more than n² together.
func TestLongAbsence(t *testing.T) {
	const k = 20 // ticks
	for _, nodes := range []int{3, 5, 9} {
		short, long := absent(t, nodes, 10*absentLog), absent(t, nodes, 40*absentLog)
		for _, x := range []absence{short, long} {
			assert.LessOrEqual(t, x.deltas, absentLog)
			assert.LessOrEqual(t, x.bytes, absentLog*250)
			assert.Positive(t, x.snapshots)
			assert.LessOrEqual(t, x.ticks, k)
			assert.LessOrEqual(t, x.left, nodes*nodes, "%d nodes", nodes)
		}
		assert.InDelta(t, short.state, long.state, float64(short.state)/20, "bytes of state, %d nodes", nodes)
		assert.InDelta(t, short.ticks, long.ticks, 10)
		t.Logf("%d nodes: %+v, %+v", nodes, short, long)
	}
}

// BenchmarkAbsence is what a replica keeps while one of three owners is away for a hundred times
// what a log is bound to, over what it keeps when it is away for ten times, and the ticks from
// its return to rest.
func BenchmarkAbsence(b *testing.B) {
	for b.Loop() {
		short, long := absent(b, 3, 10*absentLog), absent(b, 3, 100*absentLog)
		b.ReportMetric(float64(long.state)/float64(short.state), "state/state-of-ten")
		b.ReportMetric(float64(long.deltas), "deltas")
		b.ReportMetric(float64(long.ticks), "ticks-to-rest")
		b.ReportMetric(float64(long.left), "left-at-rest")
	}
}
