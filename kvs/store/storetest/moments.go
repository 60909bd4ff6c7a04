package storetest

import (
	"errors"
	"fmt"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs/store"
	"github.com/joinery-go/joinery/kvs/store/snapshot"
)

// hooked is an archive that calls functions when it is used.
type hooked struct {
	store.Archive
	published func()       // after a version
	upload    func() error // in place of an upload
}

func (h *hooked) Publish(d store.Draft) (store.Ref, int64, error) {
	r, n, err := h.Archive.Publish(d)
	if err == nil && h.published != nil {
		h.published()
	}
	return r, n, err
}

func (h *hooked) Upload(s store.Source) (int64, error) {
	if h.upload != nil {
		return 0, h.upload()
	}
	return h.Archive.Upload(s)
}

// noRename is a file system that can be told to rename nothing any more, or to rename and
// say that it failed, as where the directory cannot be synced.
type noRename struct {
	vfs.FS
	broken  bool
	unknown int // how many renames from now on that is, 0 for never
}

var errRename = errors.New("no renaming")

func (n *noRename) Rename(from, to string) error {
	if n.broken {
		return errRename
	}
	err := n.FS.Rename(from, to)
	if n.unknown > 0 {
		if n.unknown--; n.unknown == 0 && err == nil {
			return errRename
		}
	}
	return err
}

// TestMoments holds an engine that merges what it has published to moments that random
// workloads seldom meet: it is closed while background work uploads, or is still queued;
// its catalog cannot be replaced once a version is published, or restored; or it is
// replaced by background work, and the disk says that it was not.
// two must have two published files of one level merged.
func TestMoments(t *testing.T, two func(store.Options) (store.Engine, error)) {
	begin := func(t *testing.T) (store.Engine, *hooked, *noRename, *store.Queue) {
		d := newDisk(t)
		h, n := &hooked{Archive: snapshot.New(mustFolder(t, d))}, &noRename{FS: d}
		q, err := store.NewQueue(4)
		require.NoError(t, err)
		e, err := two(store.Options{Dir: "dir", FS: n, Archive: h, Scheduler: q})
		require.NoError(t, err)
		for v := range 2 {
			require.NoError(t, e.Set(fmt.Appendf(nil, "key %d", v), []byte("value")))
			_, err = e.Snapshot()
			require.NoError(t, err)
		}
		return e, h, n, q
	}
	t.Run("closed while uploading", func(t *testing.T) {
		e, h, _, q := begin(t)
		called := 0
		h.upload = func() error {
			called++
			require.NoError(t, e.Close())
			return errors.New("of a file that is gone")
		}
		_, err := q.Drain(maxSteps)
		require.NoError(t, err, "what became of the file meanwhile is no failure of its upload")
		require.Equal(t, 1, called)
		require.Zero(t, q.Len())
	})
	t.Run("upload fails", func(t *testing.T) {
		e, h, _, q := begin(t)
		broken := errors.New("broken")
		h.upload = func() error { return broken }
		_, err := q.Drain(maxSteps)
		require.ErrorIs(t, err, broken)
		require.ErrorIs(t, e.Stats().Background, broken)
		require.NoError(t, e.Close())
	})
	t.Run("closed while queued", func(t *testing.T) {
		e, _, _, q := begin(t)
		require.Positive(t, q.Len())
		require.NoError(t, e.Close())
		ran, err := q.Step()
		require.NoError(t, err)
		require.True(t, ran)
		require.Zero(t, q.Len(), "the job is over")
	})
	t.Run("idle, once nothing is left", func(t *testing.T) {
		e, _, _, q := begin(t)
		var last store.Version
		for v := 0; v == 0 || e.Size().Files > 0; v++ {
			require.Less(t, v, 40)
			require.NoError(t, e.Set(fmt.Appendf(nil, "key %d", v%2), nil))
			var err error
			last, err = e.Snapshot()
			require.NoError(t, err)
			_, err = q.Drain(maxSteps)
			require.NoError(t, err)
		}
		again, err := e.Snapshot()
		require.NoError(t, err)
		require.Equal(t, last, again)
		require.NoError(t, e.Set([]byte("key"), []byte("value")))
		again, err = e.Snapshot()
		require.NoError(t, err)
		require.Equal(t, last+1, again)
		require.NoError(t, e.Close())
	})
	t.Run("replaced in the background, it is not known with what", func(t *testing.T) { testUnknown(t, begin, two) })
	for _, what := range []string{"published", "restored"} {
		t.Run(what, func(t *testing.T) {
			e, h, n, q := begin(t)
			_, err := q.Drain(maxSteps)
			require.NoError(t, err)
			if what == "published" {
				require.NoError(t, e.Set([]byte("key"), []byte("value")))
				h.published = func() { n.broken = true }
				if _, err = e.Snapshot(); err == nil { // it was noted, and is committed behind
					_, err = q.Drain(maxSteps)
				}
			} else {
				n.broken = true
				err = e.Restore(1)
			}
			require.ErrorIs(t, err, store.ErrFailed)
			require.ErrorIs(t, err, errRename)
			require.ErrorIs(t, e.Set([]byte("key"), []byte("other")), store.ErrFailed)
			n.broken = false
			require.ErrorIs(t, e.Close(), store.ErrFailed)
		})
	}
}

// testUnknown has each replacing of the catalog that background work comes to be done and
// reported as failed.
func testUnknown(t *testing.T, begin func(*testing.T) (store.Engine, *hooked, *noRename, *store.Queue),
	two func(store.Options) (store.Engine, error),
) {
	failed := 0
	for at := 1; ; at++ {
		e, _, n, q := begin(t)
		n.unknown = at
		_, err := q.Drain(maxSteps)
		if n.unknown > 0 { // every one had its turn
			require.NoError(t, err)
			n.unknown = 0
			require.NoError(t, e.Close())
			break
		}
		failed++
		require.ErrorIs(t, err, store.ErrFailed)
		require.ErrorIs(t, e.Close(), store.ErrFailed)
		e, err = two(store.Options{Dir: "dir", FS: n})
		require.NoError(t, err, "rename %d", at)
		for v := range 2 {
			got, err := e.Get(fmt.Appendf(nil, "key %d", v))
			require.NoError(t, err)
			require.Equal(t, "value", string(got))
		}
		require.NoError(t, e.Close())
	}
	require.Greater(t, failed, 1)
}
