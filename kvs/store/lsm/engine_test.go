package lsm_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs/store"
	"github.com/joinery-go/joinery/kvs/store/lsm"
	"github.com/joinery-go/joinery/kvs/store/storetest"
)

var suite = storetest.Engine{
	Name: lsm.Name,
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

func TestMaintenance(t *testing.T) {
	storetest.TestMaintenance(t, func(o store.Options) (store.Engine, error) {
		return lsm.Open(lsm.Options{Options: o, MemtableBytes: 3000, MaxRunsPerLevel: 3, MaxBacklog: 5, StepRecords: 10})
	}, 5, 1)
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
