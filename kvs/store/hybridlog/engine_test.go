package hybridlog_test

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs/store"
	"github.com/joinery-go/joinery/kvs/store/hybridlog"
	"github.com/joinery-go/joinery/kvs/store/storetest"
	"github.com/joinery-go/joinery/sim/disk"
)

var suite = storetest.Engine{
	Name: hybridlog.Name,
	Open: func(o store.Options) (store.Engine, error) {
		return hybridlog.Open(hybridlog.Options{
			Options: o, PageBytes: 1024, MutablePages: 2, ReadOnlyPages: 1, FoldPages: 2, FanIn: 2, MaxBacklog: 5, StepRecords: 3,
		})
	},
	Durabilities: []store.Durability{store.None, store.OnSnapshot, store.GroupCommit, store.EveryWrite},
}

func TestSuite(t *testing.T) { storetest.Test(t, suite) }

func TestResize(t *testing.T) { storetest.TestResize(t, suite) }

func TestDamage(t *testing.T) { storetest.TestDamage(t, suite) }

func TestSnapshots(t *testing.T) {
	storetest.TestSnapshots(t, func(o store.Options) (store.Engine, error) {
		return hybridlog.Open(hybridlog.Options{
			Options: o, PageBytes: 16 << 10, MutablePages: 2, ReadOnlyPages: 1, FoldPages: 2, FanIn: 4,
		})
	}, storetest.Costs{Critical: 1.2, Fixed: 1500, FanIn: 4, Updates: 150, Keys: 400, Snapshots: 200})
}

func TestBytes(t *testing.T) {
	storetest.TestBytes(t, func(o store.Options) (store.Engine, error) {
		return hybridlog.Open(hybridlog.Options{Options: o, PageBytes: 16 << 10, MutablePages: 2, ReadOnlyPages: 1, FoldPages: 2})
	}, 1.2, 8)
}

func TestMaintenance(t *testing.T) {
	storetest.TestMaintenance(t, func(o store.Options) (store.Engine, error) {
		return hybridlog.Open(hybridlog.Options{
			Options: o, PageBytes: 2048, MutablePages: 1, ReadOnlyPages: 1, FoldPages: 2, FanIn: 3, MaxBacklog: 5, StepRecords: 10,
		})
	}, 5, 4)
}

func TestClosing(t *testing.T) {
	storetest.TestClosing(t, func(o store.Options) (store.Engine, error) {
		return hybridlog.Open(hybridlog.Options{
			Options: o, PageBytes: 2048, MutablePages: 1, ReadOnlyPages: 1, FoldPages: 2, FanIn: 3, MaxBacklog: 5, StepRecords: 10,
		})
	}, "hint")
}

func TestOverwriting(t *testing.T) {
	storetest.TestOverwriting(t, func(o store.Options) (store.Engine, error) {
		return hybridlog.Open(hybridlog.Options{
			Options: o, PageBytes: 2048, MutablePages: 2, ReadOnlyPages: 1, FoldPages: 2, FanIn: 3, MaxBacklog: 8,
		})
	}, 64<<10)
}

func TestRotten(t *testing.T) {
	storetest.TestRotten(t, func(o store.Options) (store.Engine, error) {
		return hybridlog.Open(hybridlog.Options{
			Options: o, PageBytes: 2048, MutablePages: 1, ReadOnlyPages: 1, FoldPages: 2, FanIn: 3, MaxBacklog: 5, StepRecords: 10,
		})
	}, "log")
}

func TestSetAgain(t *testing.T) {
	storetest.TestSetAgain(t, func(o store.Options) (store.Engine, error) {
		return hybridlog.Open(hybridlog.Options{
			Options: o, PageBytes: 2048, MutablePages: 1, ReadOnlyPages: 1, FoldPages: 2, FanIn: 3, MaxBacklog: 5, StepRecords: 10,
		})
	}, "log")
}

func TestOptions(t *testing.T) {
	for _, o := range []hybridlog.Options{
		{PageBytes: 1000}, {PageBytes: 1<<30 + 1}, {MutablePages: -1}, {ReadOnlyPages: -1}, {FoldPages: -1}, {FanIn: 1},
		{MaxBacklog: 32}, {FanIn: 100}, {StepRecords: -1}, {MutablePages: 1 << 14},
	} {
		o.Dir = t.TempDir()
		_, err := hybridlog.Open(o)
		require.ErrorIs(t, err, store.ErrOptions, "%+v", o)
	}
	for _, o := range []hybridlog.Options{{PageBytes: 1 << 30}, {PageBytes: 1024}} { // pages are not made before something is set
		o.Dir = t.TempDir()
		e, err := hybridlog.Open(o)
		require.NoError(t, err, "%+v", o)
		require.NoError(t, e.Close())
	}
}

// TestUpdatesInPlace sets one key over and over, to values of one length: the log takes
// one record, and the disk nothing.
func TestUpdatesInPlace(t *testing.T) {
	e, err := hybridlog.Open(hybridlog.Options{Options: store.Options{Dir: t.TempDir()}, PageBytes: 1024, MutablePages: 1})
	require.NoError(t, err)
	before := e.Size()
	for i := range 1000 {
		require.NoError(t, e.Set([]byte("key"), fmt.Appendf(nil, "%0100d", i)))
	}
	require.Equal(t, before.Disk, e.Size().Disk)
	v, err := e.Get([]byte("key"))
	require.NoError(t, err)
	require.Equal(t, fmt.Sprintf("%0100d", 999), string(v))
	require.NoError(t, e.Close())
}

func TestStandstill(t *testing.T) {
	storetest.TestStandstill(t, func(o store.Options) (store.Engine, error) {
		return hybridlog.Open(hybridlog.Options{
			Options: o, PageBytes: 2048, MutablePages: 1, ReadOnlyPages: 1, FoldPages: 2, FanIn: 3, MaxBacklog: 5, StepRecords: 10,
		})
	}, 5, 4)
}

func TestBudget(t *testing.T) {
	storetest.TestBudget(t, func(o store.Options) (store.Engine, error) {
		return hybridlog.Open(hybridlog.Options{Options: o, PageBytes: 64 << 10, MutablePages: 3, ReadOnlyPages: 2, FoldPages: 4})
	}, storetest.Budget{Bytes: 400 << 10, PerKey: 128})
}

func TestRecovery(t *testing.T) {
	storetest.TestRecovery(t, func(o store.Options) (store.Engine, error) {
		return hybridlog.Open(hybridlog.Options{Options: o, PageBytes: 64 << 10, MutablePages: 2, ReadOnlyPages: 1, FoldPages: 2})
	}, storetest.Recovery{Index: "hint", Stands: "log", Saved: "index"})
}

func TestGetReads(t *testing.T) {
	storetest.TestGetReads(t, func(o store.Options) (store.Engine, error) {
		return hybridlog.Open(hybridlog.Options{Options: o, MutablePages: 1, ReadOnlyPages: 1})
	})
}

func TestKilled(t *testing.T) { storetest.TestKilled(t, suite.Open) }

func TestConcurrent(t *testing.T) {
	storetest.TestConcurrent(t, func(o store.Options) (store.Engine, error) {
		return hybridlog.Open(hybridlog.Options{
			Options: o, PageBytes: 1024, MutablePages: 1, ReadOnlyPages: 1, FoldPages: 2, FanIn: 2, MaxBacklog: 5, StepRecords: 5,
		})
	})
}

func TestMoments(t *testing.T) {
	storetest.TestMoments(t, func(o store.Options) (store.Engine, error) {
		return hybridlog.Open(hybridlog.Options{Options: o, FanIn: 2, PageBytes: 1024})
	})
}

func TestSpoiled(t *testing.T) {
	storetest.TestSpoiled(t, func(o store.Options) (store.Engine, error) {
		return hybridlog.Open(hybridlog.Options{Options: o, FanIn: 2, PageBytes: 1024})
	}, "log")
}

// TestSyncedPartIsCovered spoils more than a bit of what was synced before the last sync:
// the commit record behind it says that this is damage and no torn tail.
func TestSyncedPartIsCovered(t *testing.T) {
	d, err := disk.NewFS(disk.FSOptions{})
	require.NoError(t, err)
	o := hybridlog.Options{Options: store.Options{Dir: "dir", FS: d}}
	e, err := hybridlog.Open(o)
	require.NoError(t, err)
	for range 2 {
		require.NoError(t, e.Set([]byte("key"), bytes.Repeat([]byte("value"), 300)))
		require.NoError(t, e.Sync())
	}
	d.PowerCut()
	f, err := d.OpenReadWrite("dir/00000001.log", vfs.WriteCategoryUnspecified)
	require.NoError(t, err)
	_, err = f.WriteAt(make([]byte, 512), 512)
	require.NoError(t, err)
	require.NoError(t, f.Close())
	_, err = hybridlog.Open(o)
	require.ErrorIs(t, err, store.ErrCorrupt)
}

// TestOpenFilesBeforeAreWhole spoils more than a bit of the end of an open file that a younger
// one stands behind: nothing in the file itself says that this was durable, but the younger
// one does, which was begun after it.
func TestOpenFilesBeforeAreWhole(t *testing.T) {
	d, err := disk.NewFS(disk.FSOptions{})
	require.NoError(t, err)
	q, err := store.NewQueue(1) // nobody runs it, so that the index is not saved, which would know the files
	require.NoError(t, err)
	o := hybridlog.Options{Options: store.Options{Dir: "dir", FS: d, Scheduler: q}, PageBytes: 2048, MutablePages: 1}
	e, err := hybridlog.Open(o)
	require.NoError(t, err)
	for i := range 20 {
		require.NoError(t, e.Set(fmt.Appendf(nil, "key %d", i), bytes.Repeat([]byte("v"), 200)))
	}
	require.NoError(t, e.Sync())
	d.PowerCut()
	f, err := d.OpenReadWrite("dir/00000001.log", vfs.WriteCategoryUnspecified)
	require.NoError(t, err)
	info, err := f.Stat()
	require.NoError(t, err)
	_, err = f.WriteAt(make([]byte, 100), info.Size()-100)
	require.NoError(t, err)
	require.NoError(t, f.Close())
	_, err = hybridlog.Open(o)
	require.ErrorIs(t, err, store.ErrCorrupt)
	require.ErrorContains(t, err, "file before it")
}
