package storetest_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs/store"
	"github.com/joinery-go/joinery/kvs/store/lsm"
	"github.com/joinery-go/joinery/kvs/store/memory"
	"github.com/joinery-go/joinery/kvs/store/storetest"
	"github.com/joinery-go/joinery/sim/disk"
)

// TestRight runs the suite on the engine that is done with it soonest, and parts that this one
// has nothing for on an LSM tree: on an engine that is right the suite must find nothing, and
// come to an end.
func TestRight(t *testing.T) {
	storetest.Test(t, storetest.Engine{
		Name: memory.Name, Durabilities: []store.Durability{store.None, store.OnSnapshot},
		Open: func(o store.Options) (store.Engine, error) { return memory.Open(memory.Options{Options: o}) },
	})
	right := opened(func(*store.Options, *faulty) {})
	t.Run("damage", func(t *testing.T) { storetest.TestDamage(t, engine(right)) })
	t.Run("killed", func(t *testing.T) { storetest.TestKilled(t, right) })
	t.Run("lazy", func(t *testing.T) {
		open := func(o store.Options) (store.Engine, error) { return lsm.Open(lsm.Options{Options: o}) }
		storetest.TestLazySpoiled(t, open)
		storetest.TestSpoiled(t, func(o store.Options) (store.Engine, error) {
			return lsm.Open(lsm.Options{Options: o, MaxRunsPerLevel: 2})
		}, "run")
		storetest.TestFirstGet(t, open, 1_000, 50_000)
	})
	t.Run("points", func(t *testing.T) {
		points, err := storetest.Points(engine(right), 60, 1)
		require.NoError(t, err)
		require.GreaterOrEqual(t, points, 60)
	})
}

// TestFilesAreDurable makes a disk of files, and cuts the power.
func TestFilesAreDurable(t *testing.T) {
	files := storetest.Files{"dir/a": []byte("one"), "dir/below/b": {}, "other/c": []byte("two")}
	d, err := files.Disk(disk.FSOptions{})
	require.NoError(t, err)
	for range 2 {
		got, err := storetest.ReadFiles(d, "dir", "other")
		require.NoError(t, err)
		require.Len(t, got, len(files))
		for name, b := range files {
			require.Equal(t, string(b), string(got[name]), name)
		}
		d.PowerCut()
	}
}
