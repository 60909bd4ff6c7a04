package lsm

import (
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs/store"
	"github.com/joinery-go/joinery/kvs/store/snapshot"
)

// TestCloseRemovesRetiredLogs closes after a snapshot whose run was noted only: the log that it came
// from takes no room any more.
func TestCloseRemovesRetiredLogs(t *testing.T) {
	fs := vfs.NewMem()
	b, err := snapshot.NewFolder("bucket", snapshot.FolderOptions{FS: fs})
	require.NoError(t, err)
	q, err := store.NewQueue(4) // whose steps nobody runs
	require.NoError(t, err)
	e, err := Open(Options{Options: store.Options{Dir: "dir", FS: fs, Archive: snapshot.New(b), Scheduler: q}})
	require.NoError(t, err)
	logs := func() (n int) {
		names, err := fs.List("dir")
		require.NoError(t, err)
		for _, name := range names {
			if strings.HasSuffix(name, "."+walExt) {
				n++
			}
		}
		return n
	}
	for _, value := range []string{"first", "second"} { // the first one has more to say, and commits
		require.NoError(t, e.Set([]byte("k"), []byte(value)))
		_, err = e.Snapshot()
		require.NoError(t, err)
	}
	require.Equal(t, 1, logs(), "a crash goes back to it")
	require.NoError(t, e.Close())
	require.Zero(t, logs())
}
