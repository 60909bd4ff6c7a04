package hybridlog_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs/store"
	"github.com/joinery-go/joinery/kvs/store/hybridlog"
	"github.com/joinery-go/joinery/kvs/store/storetest"
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
	}, storetest.Costs{Critical: 1.2, Fixed: 24, FanIn: 4, Updates: 150, Keys: 400, Snapshots: 200})
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

func TestOptions(t *testing.T) {
	for _, o := range []hybridlog.Options{
		{PageBytes: 1000}, {PageBytes: 1<<30 + 1}, {MutablePages: -1}, {ReadOnlyPages: -1}, {FoldPages: -1}, {FanIn: 1},
		{MaxBacklog: 32}, {FanIn: 100}, {StepRecords: -1}, {MutablePages: 1 << 14},
	} {
		o.Dir = t.TempDir()
		_, err := hybridlog.Open(o)
		require.ErrorIs(t, err, store.ErrOptions, "%+v", o)
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
