package lsm_test

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs/store"
	"github.com/joinery-go/joinery/kvs/store/lsm"
	"github.com/joinery-go/joinery/kvs/store/snapshot"
	"github.com/joinery-go/joinery/kvs/store/storetest"
	"github.com/joinery-go/joinery/sim/disk"
)

var suite = storetest.Engine{
	Name: lsm.Name, Lazy: true,
	Open: func(o store.Options) (store.Engine, error) {
		return lsm.Open(lsm.Options{
			Options: o, MemtableBytes: 1500, MaxRunsPerLevel: 2, MaxBacklog: 3, DensityFactor: 2, BufferBytes: 700, StepRecords: 2,
		})
	},
	Durabilities: []store.Durability{store.None, store.OnSnapshot, store.GroupCommit, store.EveryWrite},
}

func TestSuite(t *testing.T) { storetest.Test(t, suite) }

func TestResize(t *testing.T) { storetest.TestResize(t, suite) }

func TestDamage(t *testing.T) { storetest.TestDamage(t, suite) }

func TestSnapshots(t *testing.T) {
	storetest.TestSnapshots(t, func(o store.Options) (store.Engine, error) {
		return lsm.Open(lsm.Options{Options: o, MemtableBytes: 8 << 10})
	}, storetest.Costs{Critical: 1.5, Fixed: 24, FanIn: 4, Updates: 150, Keys: 400, Snapshots: 200})
}

func TestBytes(t *testing.T) {
	storetest.TestBytes(t, func(o store.Options) (store.Engine, error) {
		return lsm.Open(lsm.Options{Options: o, MemtableBytes: 8 << 10})
	}, 1.5, 4)
}

func TestFirstGet(t *testing.T) {
	storetest.TestFirstGet(t, func(o store.Options) (store.Engine, error) {
		return lsm.Open(lsm.Options{Options: o, MemtableBytes: 64 << 20})
	}, 10_000, 1_000_000)
}

func TestLazy(t *testing.T) {
	storetest.TestLazy(t, func(o store.Options) (store.Engine, error) { return lsm.Open(lsm.Options{Options: o}) })
}

func TestLazySpoiled(t *testing.T) {
	storetest.TestLazySpoiled(t, func(o store.Options) (store.Engine, error) { return lsm.Open(lsm.Options{Options: o}) })
}

func TestMaintenance(t *testing.T) {
	storetest.TestMaintenance(t, func(o store.Options) (store.Engine, error) {
		return lsm.Open(lsm.Options{Options: o, MemtableBytes: 3000, MaxRunsPerLevel: 3, MaxBacklog: 5, StepRecords: 10})
	}, 5, 1)
}

func TestClosing(t *testing.T) {
	storetest.TestClosing(t, func(o store.Options) (store.Engine, error) {
		return lsm.Open(lsm.Options{Options: o, MemtableBytes: 3000, MaxRunsPerLevel: 3, MaxBacklog: 5, StepRecords: 10})
	}, "guide")
}

func TestOverwriting(t *testing.T) {
	storetest.TestOverwriting(t, func(o store.Options) (store.Engine, error) {
		return lsm.Open(lsm.Options{Options: o, MemtableBytes: 8 << 10, MaxRunsPerLevel: 3, MaxBacklog: 5})
	}, 64<<10)
}

func TestRotten(t *testing.T) {
	storetest.TestRotten(t, func(o store.Options) (store.Engine, error) {
		return lsm.Open(lsm.Options{Options: o, MemtableBytes: 3000, MaxRunsPerLevel: 3, MaxBacklog: 5, StepRecords: 10})
	}, "run")
}

// TestSpoiledRunStays has a run spoiled that no version has: a snapshot names it until what it
// had is set again, or a version is restored.
func TestSpoiledRunStays(t *testing.T) {
	for _, again := range []bool{false, true} {
		testSpoiledRun(t, again)
	}
}

func testSpoiledRun(t *testing.T, again bool) {
	d, err := disk.NewFS(disk.FSOptions{})
	require.NoError(t, err)
	bucket, err := snapshot.NewFolder("bucket", snapshot.FolderOptions{FS: d})
	require.NoError(t, err)
	o := lsm.Options{Options: store.Options{Dir: "dir", FS: d, Archive: snapshot.New(bucket)}}
	e, err := lsm.Open(o)
	require.NoError(t, err)
	v, err := e.Snapshot()
	require.NoError(t, err)
	require.NoError(t, e.Set([]byte("key"), []byte("value")))
	require.NoError(t, e.Close())
	e, err = lsm.Open(o)
	require.NoError(t, err)
	const name = "00000002.run"
	f, err := d.OpenReadWrite("dir/"+name, vfs.WriteCategoryUnspecified)
	require.NoError(t, err)
	_, err = f.WriteAt([]byte{0xff}, 30)
	require.NoError(t, err)
	require.NoError(t, f.Close())
	require.NoError(t, e.Set([]byte("another key"), []byte("again")))
	for range 2 {
		_, err = e.Snapshot()
		require.ErrorIs(t, err, store.ErrCorrupt)
		require.ErrorContains(t, err, name)
	}
	if !again {
		require.NoError(t, e.Restore(v))
	}
	require.NoError(t, e.Set([]byte("key"), []byte("again")))
	_, err = e.Snapshot()
	require.NoError(t, err)
	require.NoError(t, e.Close())
}

func TestOptions(t *testing.T) {
	for _, o := range []lsm.Options{
		{MemtableBytes: -1}, {MaxRunsPerLevel: 1}, {MaxRunsPerLevel: 5, MaxBacklog: 5}, {DensityFactor: -1}, {BitsPerKey: 65},
		{BufferBytes: -1}, {StepRecords: -1}, {MaxBacklog: 2},
	} {
		o.Dir = t.TempDir()
		_, err := lsm.Open(o)
		require.ErrorIs(t, err, store.ErrOptions, "%+v", o)
	}
}

func TestStandstill(t *testing.T) {
	storetest.TestStandstill(t, func(o store.Options) (store.Engine, error) {
		return lsm.Open(lsm.Options{Options: o, MemtableBytes: 3000, MaxRunsPerLevel: 3, MaxBacklog: 5, StepRecords: 10})
	}, 5, 1)
}

func TestBudget(t *testing.T) {
	storetest.TestBudget(t, func(o store.Options) (store.Engine, error) {
		return lsm.Open(lsm.Options{Options: o, MemtableBytes: 300 << 10, BufferBytes: 64 << 10})
	}, storetest.Budget{Bytes: 400 << 10, PerKey: 128})
}

func TestRecovery(t *testing.T) {
	storetest.TestRecovery(t, func(o store.Options) (store.Engine, error) {
		return lsm.Open(lsm.Options{Options: o, MemtableBytes: 128 << 10})
	}, storetest.Recovery{Index: "guide", Stands: "run"})
}

func TestGetReads(t *testing.T) {
	storetest.TestGetReads(t, func(o store.Options) (store.Engine, error) { return lsm.Open(lsm.Options{Options: o}) })
}

// TestGuideOfRestored restores a version, and opens the directory again: the runs are not read
// again, since their guides were written.
func TestGuideOfRestored(t *testing.T) {
	d, err := disk.NewFS(disk.FSOptions{})
	require.NoError(t, err)
	bucket, err := snapshot.NewFolder("bucket", snapshot.FolderOptions{FS: d})
	require.NoError(t, err)
	o := lsm.Options{Options: store.Options{Dir: "dir", FS: d, Archive: snapshot.New(bucket)}}
	e, err := lsm.Open(o)
	require.NoError(t, err)
	guides := func() (n int) {
		names, err := d.List("dir")
		require.NoError(t, err)
		for _, name := range names {
			if strings.HasSuffix(name, ".guide") {
				n++
			}
		}
		return n
	}
	for i := range 3 {
		require.NoError(t, e.Set([]byte{byte('a' + i)}, make([]byte, 100)))
		_, err = e.Snapshot()
		require.NoError(t, err)
	}
	require.NoError(t, e.Restore(store.Latest))
	require.Equal(t, e.Size().Files, guides())
	require.NoError(t, e.Close())
	names, err := d.List("dir")
	require.NoError(t, err)
	for _, name := range names {
		if strings.HasSuffix(name, ".guide") {
			require.NoError(t, d.Remove("dir/"+name))
		}
	}
	e, err = lsm.Open(o)
	require.NoError(t, err)
	require.Equal(t, e.Size().Files, guides(), "a guide that is missing is written again")
	require.NoError(t, e.Close())
}

// TestSnapshotMakesNoIndexAgain takes snapshots of one change each over many keys and few: what
// one takes of memory does not grow with what is published already.
func TestSnapshotMakesNoIndexAgain(t *testing.T) {
	cost := map[int]float64{}
	for _, keys := range []int{5_000, 100_000} {
		d, err := disk.NewFS(disk.FSOptions{})
		require.NoError(t, err)
		bucket, err := snapshot.NewFolder("bucket", snapshot.FolderOptions{FS: d})
		require.NoError(t, err)
		e, err := lsm.Open(lsm.Options{
			Options: store.Options{Dir: "dir", FS: d, Archive: snapshot.New(bucket)}, MemtableBytes: 64 << 20, MaxRunsPerLevel: 8, MaxBacklog: 16,
		})
		require.NoError(t, err)
		for i := range keys {
			require.NoError(t, e.Set(fmt.Appendf(nil, "key %012d", i), []byte("0123456789")))
		}
		_, err = e.Snapshot()
		require.NoError(t, err)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for i := range 3 {
			require.NoError(t, e.Set([]byte("key"), fmt.Append(nil, i)))
			_, err = e.Snapshot()
			require.NoError(t, err)
		}
		runtime.ReadMemStats(&after)
		cost[keys] = float64(after.TotalAlloc - before.TotalAlloc)
		require.NoError(t, e.Close())
	}
	require.Less(t, cost[100_000], 2*cost[5_000])
}

func TestKilled(t *testing.T) { storetest.TestKilled(t, suite.Open) }

func TestConcurrent(t *testing.T) {
	storetest.TestConcurrent(t, func(o store.Options) (store.Engine, error) {
		return lsm.Open(lsm.Options{Options: o, MemtableBytes: 1500, MaxRunsPerLevel: 2, MaxBacklog: 3, DensityFactor: 2, StepRecords: 5})
	})
}

func TestMoments(t *testing.T) {
	storetest.TestMoments(t, func(o store.Options) (store.Engine, error) {
		return lsm.Open(lsm.Options{Options: o, MaxRunsPerLevel: 2})
	})
}

func TestSpoiled(t *testing.T) {
	storetest.TestSpoiled(t, func(o store.Options) (store.Engine, error) {
		return lsm.Open(lsm.Options{Options: o, MaxRunsPerLevel: 2})
	}, "run")
}

// TestSizeOfTheLog has one set in memory and in the write-ahead log's buffer, then in the
// log.
func TestSizeOfTheLog(t *testing.T) {
	e, err := lsm.Open(lsm.Options{Options: store.Options{Dir: t.TempDir()}})
	require.NoError(t, err)
	require.Equal(t, store.Size{Keys: -1}, e.Size())
	require.NoError(t, e.Set([]byte("key"), make([]byte, 1000)))
	s := e.Size()
	require.Equal(t, 1, s.Files)
	require.Greater(t, s.Disk, int64(1000))
	require.Greater(t, s.Memory, int64(2000), "in the table and in the buffer")
	require.NoError(t, e.Sync())
	require.Equal(t, int64(1003), e.Size().Memory)
	require.NoError(t, e.Close())
}

// noRemove is a file system that removes no file of an extension.
type noRemove struct {
	vfs.FS
	ext string
}

func (n noRemove) Remove(name string) error {
	if strings.HasSuffix(name, n.ext) {
		return errors.New("stays")
	}
	return n.FS.Remove(name)
}

// TestLogThatStays cannot remove the log that it has read, once it is a run: no harm, and it is said.
func TestLogThatStays(t *testing.T) {
	d, err := disk.NewFS(disk.FSOptions{})
	require.NoError(t, err)
	o := lsm.Options{Options: store.Options{Dir: "dir", FS: d}}
	e, err := lsm.Open(o)
	require.NoError(t, err)
	require.NoError(t, e.Set([]byte("key"), []byte("value")))
	require.NoError(t, e.Sync())
	d.PowerCut()
	o.FS = noRemove{d, ".log"}
	e, err = lsm.Open(o)
	require.NoError(t, err)
	require.NoError(t, e.Stats().Background)
	v, err := e.Get([]byte("key"))
	require.NoError(t, err)
	require.Equal(t, "value", string(v))
	require.NoError(t, e.Close())
	require.ErrorContains(t, e.Stats().Background, "stays")
	e, err = lsm.Open(lsm.Options{Options: store.Options{Dir: "dir", FS: d}})
	require.NoError(t, err)
	v, err = e.Get([]byte("key"))
	require.NoError(t, err)
	require.Equal(t, "value", string(v))
	require.NoError(t, e.Close())
}

// TestRunsThatStay restores a version and cannot remove the runs of before.
func TestRunsThatStay(t *testing.T) {
	d, err := disk.NewFS(disk.FSOptions{})
	require.NoError(t, err)
	bucket, err := snapshot.NewFolder("bucket", snapshot.FolderOptions{FS: d})
	require.NoError(t, err)
	q, err := store.NewQueue(4) // what background work comes to is not said before it runs
	require.NoError(t, err)
	e, err := lsm.Open(lsm.Options{
		Options: store.Options{Dir: "dir", FS: noRemove{d, ".run"}, Archive: snapshot.New(bucket), Scheduler: q},
	})
	require.NoError(t, err)
	require.NoError(t, e.Set([]byte("key"), []byte("value")))
	v, err := e.Snapshot()
	require.NoError(t, err)
	require.NoError(t, e.Restore(v))
	require.ErrorContains(t, e.Stats().Background, "stays")
	require.NoError(t, e.Close())
}

func TestSetAnew(t *testing.T) {
	storetest.TestSetAnew(t, func(o store.Options) (store.Engine, error) {
		return lsm.Open(lsm.Options{Options: o, MemtableBytes: 1500, MaxRunsPerLevel: 3, MaxBacklog: 20, DensityFactor: 4, StepRecords: 50})
	}, "run")
}
