package lsm

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs/store"
	"github.com/joinery-go/joinery/kvs/store/snapshot"
)

// TestRunsAreThoseOfTheCatalog publishes much once and little many times, so that the oldest run is lifted
// from level to level, and restores, opens and merges in between: what is in memory of runs is what the
// catalog says, at each step.
func TestRunsAreThoseOfTheCatalog(t *testing.T) {
	fs, r := vfs.NewMem(), rand.New(rand.NewPCG(5, 6))
	b, err := snapshot.NewFolder("bucket", snapshot.FolderOptions{FS: fs})
	require.NoError(t, err)
	q, err := store.NewQueue(1)
	require.NoError(t, err)
	o := Options{
		Options: store.Options{Dir: "dir", FS: fs, Archive: snapshot.New(b), Scheduler: q}, MemtableBytes: 2000, MaxRunsPerLevel: 3, StepRecords: 64,
	}
	e, err := Open(o)
	require.NoError(t, err)
	lifted := 0
	mirrored := func(after string) {
		parts := e.home.State().Parts
		require.GreaterOrEqual(t, len(parts), len(e.runs))
		for i, run := range e.runs {
			p := parts[i]
			require.Equal(t, []any{p.Number, p.Level, p.Length, p.Range}, []any{run.number, run.level, run.length, run.keys}, "run %d after %s", i, after)
		}
		for _, p := range parts[len(e.runs):] {
			require.Equal(t, walExt, p.Ext, after)
		}
		if m := e.merge; m != nil && m.lifted {
			lifted++
		}
	}
	set := func(n int) {
		for range n {
			err := e.Set(fmt.Appendf(nil, "key %d", r.IntN(3000)), make([]byte, 1+r.IntN(40)))
			if err != nil {
				require.ErrorIs(t, err, store.ErrBackpressure)
				_, err = q.Drain(1 << 20)
				require.NoError(t, err)
			}
			mirrored("set")
		}
	}
	set(3000)
	for i := range 120 {
		_, err := e.Snapshot()
		require.NoError(t, err)
		mirrored("snapshot")
		for done := false; !done; {
			done, err = q.Drain(1)
			require.NoError(t, err)
			mirrored("step")
		}
		set(5)
		if i%25 == 24 {
			require.NoError(t, e.Close())
			e, err = Open(o)
			require.NoError(t, err)
			mirrored("open")
		}
		if i == 70 {
			require.NoError(t, e.Restore(store.Version(60)))
			mirrored("restore")
		}
	}
	require.Greater(t, lifted, 10, "steps of merges that lift the oldest run")
	require.NoError(t, e.Close())
}
