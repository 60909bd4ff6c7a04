package lsm

import (
	"errors"
	"io"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs/store"
	"github.com/joinery-go/joinery/kvs/store/snapshot"
)

// unreached is a bucket that cannot be reached at times.
type unreached struct {
	*snapshot.Folder
	down bool
}

var errDown = errors.New("the bucket cannot be reached")

func (u *unreached) Get(name string) (io.ReadCloser, error) {
	if u.down {
		return nil, errDown
	}
	return u.Folder.Get(name)
}

func (u *unreached) GetRange(name string, off, n int64) (io.ReadCloser, error) {
	if u.down {
		return nil, errDown
	}
	return u.Folder.GetRange(name, off, n)
}

// TestFetchedOnceTheArchiveAnswers opens lazily while the archive does not answer, until the
// background waits long before it tries again: a get that the archive answers has it try at once.
func TestFetchedOnceTheArchiveAnswers(t *testing.T) {
	fs := vfs.NewMem()
	f, err := snapshot.NewFolder("bucket", snapshot.FolderOptions{FS: fs})
	require.NoError(t, err)
	b := &unreached{Folder: f}
	e, err := Open(Options{Options: store.Options{Dir: "seed", FS: fs, Archive: snapshot.New(b)}})
	require.NoError(t, err)
	require.NoError(t, e.Set([]byte("k"), []byte("v")))
	_, err = e.Snapshot()
	require.NoError(t, err)
	require.NoError(t, e.Close())

	q, err := store.NewQueue(4)
	require.NoError(t, err)
	e, err = Open(Options{Options: store.Options{Dir: "dir", FS: fs, Archive: snapshot.New(b), Scheduler: q, Lazy: true}})
	require.NoError(t, err)
	b.down = true
	for range 6 {
		for q.Len() == 0 {
			_, err = e.Get([]byte("k"))
			require.ErrorIs(t, err, errDown)
		}
		_, err = q.Drain(100)
		require.ErrorIs(t, err, errDown)
	}
	require.Zero(t, q.Len())
	b.down = false
	v, err := e.Get([]byte("k"))
	require.NoError(t, err)
	require.Equal(t, "v", string(v))
	require.Equal(t, 1, q.Len(), "it is tried again")
	done, err := q.Drain(100)
	require.NoError(t, err)
	require.True(t, done)
	require.Zero(t, e.Size().Away)
	require.NoError(t, e.Close())
}
