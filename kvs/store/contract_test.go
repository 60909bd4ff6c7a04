package store_test

import (
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs/store"
	"github.com/joinery-go/joinery/kvs/store/snapshot"
)

// TestNothingPassedInIsKept changes what was passed in and what came out: the engine has its own.
func TestNothingPassedInIsKept(t *testing.T) {
	writers(t, func(t *testing.T, fs vfs.FS, open func(store.Options) (store.Engine, error)) {
		e := began(t, open, store.Options{Dir: "dir", FS: fs})
		key, value := []byte("k"), []byte("value")
		require.NoError(t, e.Set(key, value))
		require.Equal(t, "k value", string(key)+" "+string(value), "neither was changed")
		key[0], value[0] = 'x', 'x'
		got, err := e.Get([]byte("k"))
		require.NoError(t, err)
		require.Equal(t, "value", string(got))
		got[0] = 'y'
		holds(t, e, "k", "value")
		require.NoError(t, e.Sync())
		holds(t, e, "k", "value")
		require.NoError(t, e.Close())
	})
}

// TestBranchDroppedUnderWriter drops the branch of a writer that is open: it does not begin the
// branch anew as if nothing had been there, until it is opened again.
func TestBranchDroppedUnderWriter(t *testing.T) {
	writers(t, func(t *testing.T, fs vfs.FS, open func(store.Options) (store.Engine, error)) {
		main := archiveOn(t, fs, snapshot.Options{})
		seed := began(t, open, store.Options{Dir: "seed", FS: fs, Archive: main})
		write(t, seed, "k", "one")
		snap(t, seed)
		require.NoError(t, seed.Close())
		require.NoError(t, main.Clone(1, "b"))
		o := store.Options{Dir: "mine", FS: fs, Archive: archiveOn(t, fs, snapshot.Options{Branch: "b"})}
		e := began(t, open, o)
		write(t, e, "k", "two")
		require.Equal(t, store.Version(2), snap(t, e))
		require.NoError(t, main.Drop("b"))
		write(t, e, "k", "three")
		conflicts(t, e)
		require.NoError(t, e.Close())
		e = began(t, open, o)
		require.Equal(t, store.Version(1), snap(t, e))
		holds(t, e, "k", "three")
		require.NoError(t, e.Close())
	})
}

// TestParentOfAnotherBranch has one writer publish in two branches, in turn: no version names as
// its parent a number that in its branch is another version's.
func TestParentOfAnotherBranch(t *testing.T) {
	writers(t, func(t *testing.T, fs vfs.FS, open func(store.Options) (store.Engine, error)) {
		main, other := archiveOn(t, fs, snapshot.Options{}), archiveOn(t, fs, snapshot.Options{Branch: "b"})
		publish := func(a *snapshot.Archive, value string) (v, parent store.Version) {
			e := began(t, open, store.Options{Dir: "dir", FS: fs, Archive: a})
			write(t, e, "k", value)
			v = snap(t, e)
			m, err := a.Manifest(v)
			require.NoError(t, err)
			require.NoError(t, e.Close())
			return v, m.Parent
		}
		v, parent := publish(main, "one")
		require.Equal(t, store.Version(1), v)
		require.Zero(t, parent)
		v, _ = publish(other, "two")
		require.Equal(t, store.Version(1), v)
		v, parent = publish(main, "three")
		require.Equal(t, store.Version(2), v)
		require.Zero(t, parent, "its state came from version 1 of the other branch")
	})
}
