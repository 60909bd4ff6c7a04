package appendlog_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs/store"
	"github.com/joinery-go/joinery/kvs/store/appendlog"
	"github.com/joinery-go/joinery/kvs/store/storetest"
	"github.com/joinery-go/joinery/sim/disk"
)

var suite = storetest.Engine{
	Name: appendlog.Name,
	Open: func(o store.Options) (store.Engine, error) {
		return appendlog.Open(appendlog.Options{
			Options: o, SegmentBytes: 2048, FanIn: 2, MaxBacklog: 3, BufferBytes: 700, StepRecords: 3,
		})
	},
	Durabilities: []store.Durability{store.None, store.OnSnapshot, store.GroupCommit, store.EveryWrite},
}

func TestSuite(t *testing.T) { storetest.Test(t, suite) }

func TestResize(t *testing.T) { storetest.TestResize(t, suite) }

func TestDamage(t *testing.T) { storetest.TestDamage(t, suite) }

func TestSnapshots(t *testing.T) {
	storetest.TestSnapshots(t, func(o store.Options) (store.Engine, error) {
		return appendlog.Open(appendlog.Options{Options: o, SegmentBytes: 16 << 10})
	}, storetest.Costs{Critical: 1.2, Fixed: 1500, FanIn: 4, Updates: 150, Keys: 400, Snapshots: 200})
}

func TestBytes(t *testing.T) {
	storetest.TestBytes(t, func(o store.Options) (store.Engine, error) {
		return appendlog.Open(appendlog.Options{Options: o, SegmentBytes: 32 << 10})
	}, 1.2, 4)
}

func TestMaintenance(t *testing.T) {
	storetest.TestMaintenance(t, func(o store.Options) (store.Engine, error) {
		return appendlog.Open(appendlog.Options{Options: o, SegmentBytes: 4096, FanIn: 3, MaxBacklog: 5, StepRecords: 10})
	}, 5, 1)
}

func TestClosing(t *testing.T) {
	storetest.TestClosing(t, func(o store.Options) (store.Engine, error) {
		return appendlog.Open(appendlog.Options{Options: o, SegmentBytes: 4096, FanIn: 3, MaxBacklog: 5, StepRecords: 10})
	}, "hint")
}

func TestOverwriting(t *testing.T) {
	storetest.TestOverwriting(t, func(o store.Options) (store.Engine, error) {
		return appendlog.Open(appendlog.Options{Options: o, SegmentBytes: 8 << 10, FanIn: 3, MaxBacklog: 5})
	}, 64<<10)
}

func TestRotten(t *testing.T) {
	storetest.TestRotten(t, func(o store.Options) (store.Engine, error) {
		return appendlog.Open(appendlog.Options{Options: o, SegmentBytes: 4096, FanIn: 3, MaxBacklog: 5, StepRecords: 10})
	}, "log")
}

func TestSetAgain(t *testing.T) {
	storetest.TestSetAgain(t, func(o store.Options) (store.Engine, error) {
		return appendlog.Open(appendlog.Options{Options: o, SegmentBytes: 4096, FanIn: 3, MaxBacklog: 5, StepRecords: 10})
	}, "log")
}

func TestOptions(t *testing.T) {
	for _, o := range []appendlog.Options{
		{SegmentBytes: 1000}, {FanIn: 1}, {FanIn: 5, MaxBacklog: 5}, {BufferBytes: -1}, {StepRecords: -1}, {SegmentBytes: 1 << 39},
		{MaxBacklog: 1<<15 + 1},
	} {
		o.Dir = t.TempDir()
		_, err := appendlog.Open(o)
		require.ErrorIs(t, err, store.ErrOptions, "%+v", o)
	}
	e, err := appendlog.Open(appendlog.Options{Options: store.Options{Dir: t.TempDir()}, MaxBacklog: 1 << 15})
	require.NoError(t, err)
	require.NoError(t, e.Close())
}

func TestStandstill(t *testing.T) {
	storetest.TestStandstill(t, func(o store.Options) (store.Engine, error) {
		return appendlog.Open(appendlog.Options{Options: o, SegmentBytes: 4096, FanIn: 3, MaxBacklog: 5, StepRecords: 10})
	}, 5, 1)
}

func TestBudget(t *testing.T) {
	storetest.TestBudget(t, func(o store.Options) (store.Engine, error) {
		return appendlog.Open(appendlog.Options{Options: o, SegmentBytes: 1 << 20, BufferBytes: 400 << 10})
	}, storetest.Budget{Bytes: 400 << 10, PerKey: 128})
}

func TestRecovery(t *testing.T) {
	storetest.TestRecovery(t, func(o store.Options) (store.Engine, error) {
		return appendlog.Open(appendlog.Options{Options: o, SegmentBytes: 256 << 10})
	}, storetest.Recovery{Index: "hint", Stands: "log", Saved: "index"})
}

func TestGetReads(t *testing.T) {
	storetest.TestGetReads(t, func(o store.Options) (store.Engine, error) { return appendlog.Open(appendlog.Options{Options: o}) })
}

func TestKilled(t *testing.T) { storetest.TestKilled(t, suite.Open) }

func TestConcurrent(t *testing.T) {
	storetest.TestConcurrent(t, func(o store.Options) (store.Engine, error) {
		return appendlog.Open(appendlog.Options{Options: o, SegmentBytes: 4096, FanIn: 2, MaxBacklog: 3, BufferBytes: 700, StepRecords: 5})
	})
}

func TestMoments(t *testing.T) {
	storetest.TestMoments(t, func(o store.Options) (store.Engine, error) {
		return appendlog.Open(appendlog.Options{Options: o, FanIn: 2})
	})
}

func TestSpoiled(t *testing.T) {
	storetest.TestSpoiled(t, func(o store.Options) (store.Engine, error) {
		return appendlog.Open(appendlog.Options{Options: o, FanIn: 2})
	}, "log")
}

// TestNoDeletedKeyComesBack spoils a log file of which nothing counts but a tombstone, and has
// background work merge it. The value that the tombstone hides lies in an older file: the key
// may be lost, or opening may fail over the spoiled file, but the value is not there again.
func TestNoDeletedKeyComesBack(t *testing.T) {
	d, err := disk.NewFS(disk.FSOptions{})
	require.NoError(t, err)
	q, err := store.NewQueue(4)
	require.NoError(t, err)
	o := appendlog.Options{Options: store.Options{Dir: "dir", FS: d, Scheduler: q}, SegmentBytes: 4096, FanIn: 3, MaxBacklog: 40, StepRecords: 10}
	e, err := appendlog.Open(o)
	require.NoError(t, err)
	fill := func() {
		for i := range 100 {
			require.NoError(t, e.Set(fmt.Appendf(nil, "key %d", i), make([]byte, 100)))
		}
	}
	lengths := func() map[string]int64 {
		require.NoError(t, e.Sync())
		names, err := d.List("dir")
		require.NoError(t, err)
		all := map[string]int64{}
		for _, n := range names {
			info, err := d.Stat("dir/" + n)
			require.NoError(t, err)
			all[n] = info.Size()
		}
		return all
	}
	require.NoError(t, e.Set([]byte("deleted"), []byte("value")))
	fill()
	fill()
	_, err = q.Drain(1 << 20)
	require.NoError(t, err)
	merged := e.Stats().Merges
	require.Positive(t, merged)
	fill()
	before, grown := lengths(), ""
	require.NoError(t, e.Set([]byte("deleted"), nil))
	for name, n := range lengths() {
		if strings.HasSuffix(name, ".log") && n > before[name] {
			grown = name
		}
	}
	require.NotEmpty(t, grown)
	fill()
	fill()
	f, err := d.OpenReadWrite("dir/"+grown, vfs.WriteCategoryUnspecified)
	require.NoError(t, err)
	_, err = f.WriteAt([]byte{0xff, 0xff, 0xff}, 40)
	require.NoError(t, errors.Join(err, f.Close()))
	for range 20 { // it is merged, or left alone, and what is younger merged
		if _, err = q.Drain(1 << 20); err != nil {
			require.ErrorIs(t, err, store.ErrCorrupt)
		}
		require.NoError(t, e.Set([]byte("another"), []byte("value")))
	}
	require.Greater(t, e.Stats().Merges, merged)
	require.NoError(t, e.Sync())
	d.PowerCut() // so that there is no saved index
	again, err := appendlog.Open(o)
	if err != nil {
		require.ErrorIs(t, err, store.ErrCorrupt)
		return
	}
	got, err := again.Get([]byte("deleted"))
	if err != nil {
		require.ErrorIs(t, err, store.ErrCorrupt)
	}
	require.Empty(t, got)
	require.NoError(t, again.Close())
}
