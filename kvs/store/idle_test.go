package store_test

import (
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs/store"
	"github.com/joinery-go/joinery/kvs/store/snapshot"
)

// TestIdleAfterRestore goes back to the latest version from what was set since: the next snapshot
// is that version, and so is the one after the directory was opened again.
func TestIdleAfterRestore(t *testing.T) {
	writers(t, func(t *testing.T, fs vfs.FS, open func(store.Options) (store.Engine, error)) {
		o := store.Options{Dir: "dir", FS: fs, Archive: archiveOn(t, fs, snapshot.Options{})}
		e := began(t, open, o)
		write(t, e, "k", "one")
		require.Equal(t, store.Version(1), snap(t, e))
		write(t, e, "k", "two")
		write(t, e, "l", "two")
		require.NoError(t, e.Restore(store.Latest))
		require.Equal(t, store.Version(1), snap(t, e))
		holds(t, e, "k", "one")
		require.NoError(t, e.Close())
		e = began(t, open, o)
		require.Equal(t, store.Version(1), snap(t, e))
		require.NoError(t, e.Close())
	})
}

// TestCloseKeepsTheVersion publishes a state into a bucket of its own, with nothing set since the
// directory was opened and no background work done: closing keeps which version it is, and the next
// snapshot writes nothing.
func TestCloseKeepsTheVersion(t *testing.T) {
	for _, name := range allEngines {
		t.Run(name, func(t *testing.T) {
			fs := vfs.NewMem()
			o := store.Options{Dir: "dir", FS: fs, Archive: archiveOn(t, fs, snapshot.Options{}), Scheduler: newQueue(t)}
			e := mustOpen(t, name, o)
			write(t, e, "k", "one")
			require.Equal(t, store.Version(1), snap(t, e))
			require.NoError(t, e.Close())
			b, err := snapshot.NewFolder("another", snapshot.FolderOptions{FS: fs})
			require.NoError(t, err)
			o.Archive, o.Scheduler = snapshot.New(b), newQueue(t)
			e = mustOpen(t, name, o)
			require.Equal(t, store.Version(1), snap(t, e))
			require.NoError(t, e.Close())
			_, before, err := b.Head()
			require.NoError(t, err)
			o.Scheduler = newQueue(t)
			e = mustOpen(t, name, o)
			require.Equal(t, store.Version(1), snap(t, e))
			_, after, err := b.Head()
			require.NoError(t, err)
			require.Equal(t, before, after)
			require.NoError(t, e.Close())
		})
	}
}
