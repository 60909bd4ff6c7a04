package appendlog_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs/store"
	"github.com/joinery-go/joinery/kvs/store/appendlog"
	"github.com/joinery-go/joinery/kvs/store/storetest"
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
	}, storetest.Costs{Critical: 1.2, Fixed: 24, FanIn: 4, Updates: 150, Keys: 400, Snapshots: 200})
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
