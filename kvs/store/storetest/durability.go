package storetest

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/gen/choice"
	"github.com/joinery-go/joinery/kvs/store"
	"github.com/joinery-go/joinery/sim"
	"github.com/joinery-go/joinery/sim/disk"
)

// testDurability sets one key after the other and cuts the power after each number of
// them: how many at least are there again is what the level says, and those that are
// there are the first ones. A level costs no more syncs than it must.
func testDurability(t *testing.T, e Engine) {
	const total, sync, snapshot = 23, 5, 11 // after that many sets
	for _, level := range e.Durabilities {
		for n := range total + 1 {
			d, err := disk.NewFS(disk.FSOptions{Crash: sim.Extreme, Source: choice.Seeded(uint64(n))})
			require.NoError(t, err)
			at := func(o *store.Options) { o.Durability = level }
			r, err := openOn(t, e, d, at)
			require.NoError(t, err)
			for i := range n {
				require.NoError(t, r.Set(fmt.Appendf(nil, "key %d", i), []byte("v")))
				if i+1 == sync {
					require.NoError(t, r.Sync())
				}
				if i+1 == snapshot {
					_, err := r.Snapshot()
					require.NoError(t, err)
				}
			}
			least := leastKept(level, n, sync, snapshot)
			syncs := r.Stats().Syncs
			if level == store.None || level == store.OnSnapshot {
				require.LessOrEqual(t, syncs, int64(2), "%s syncs when it is told to", level)
			}
			r, err = openOn(t, e, cut(t, e, r, d), at)
			require.NoError(t, err)
			there := 0
			for i := range total {
				v, err := r.Get(fmt.Appendf(nil, "key %d", i))
				require.NoError(t, err)
				if v != nil {
					require.Equal(t, there, i, "%s: what is there has no gap", level)
					there++
				}
			}
			require.GreaterOrEqual(t, there, least, "%s after %d sets", level, n)
			require.LessOrEqual(t, there, n)
			require.NoError(t, r.Close())
		}
	}
}

// cut cuts the power and returns the disk to go on with: a copy, for engines that
// cannot bear a disk that stops.
func cut(t *testing.T, e Engine, r *rig, d *disk.FS) *disk.FS {
	t.Helper()
	if e.Clones {
		var copied *disk.FS
		d.CloneAt(d.Ops()+1, func(c *disk.FS) { copied = c })
		require.NoError(t, r.Close())
		require.NotNil(t, copied, "closing did nothing to the disk")
		d = copied
	}
	d.PowerCut()
	return d
}

// leastKept is how many of n sets a level keeps at least, with a Sync after the first
// few and a Snapshot after some more.
func leastKept(level store.Durability, n, sync, snapshot int) int {
	switch {
	case level == store.EveryWrite:
		return n
	case level == store.GroupCommit:
		return max(0, n-(Group-1))
	case level == store.OnSnapshot && n >= snapshot:
		return snapshot
	case n >= sync:
		return sync
	}
	return 0
}
