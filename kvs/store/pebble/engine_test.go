package pebble_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs/store"
	"github.com/joinery-go/joinery/kvs/store/pebble"
	"github.com/joinery-go/joinery/kvs/store/storetest"
)

var suite = storetest.Engine{
	Name: pebble.Name,
	Open: func(o store.Options) (store.Engine, error) {
		return pebble.Open(pebble.Options{Options: o, MemtableBytes: 16 << 10, CacheBytes: 64 << 10})
	},
	Durabilities: []store.Durability{store.None, store.OnSnapshot, store.GroupCommit, store.EveryWrite},
	Clones:       true,
}

func TestSuite(t *testing.T) { storetest.Test(t, suite) }

func TestResize(t *testing.T) { storetest.TestResize(t, suite) }

func TestDamage(t *testing.T) { storetest.TestDamage(t, suite) }

func TestOptions(t *testing.T) {
	for _, o := range []pebble.Options{{MemtableBytes: 100}, {MemtableBytes: 1<<30 + 1}, {CacheBytes: -1}} {
		o.Dir = t.TempDir()
		_, err := pebble.Open(o)
		require.ErrorIs(t, err, store.ErrOptions, "%+v", o)
	}
}

func TestConcurrent(t *testing.T) { storetest.TestConcurrent(t, suite.Open) }

func TestBudget(t *testing.T) {
	storetest.TestBudget(t, func(o store.Options) (store.Engine, error) {
		return pebble.Open(pebble.Options{Options: o, MemtableBytes: 64 << 10, CacheBytes: 128 << 10})
	}, storetest.Budget{Bytes: 400 << 10, PerKey: 128})
}
