package store_test

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs/store"
	"github.com/joinery-go/joinery/kvs/store/lsm"
	"github.com/joinery-go/joinery/kvs/store/snapshot"
)

// TestRestoreWithoutRoom restores a version for which there is no room. The state stays,
// and what was fetched in vain takes none of what there is.
func TestRestoreWithoutRoom(t *testing.T) {
	for _, name := range ownEngines {
		t.Run(name, func(t *testing.T) {
			a := archiveOn(t, simDisk(t, 0), snapshot.Options{})
			q := newQueue(t)
			w := mustOpen(t, name, store.Options{Dir: "writer", FS: simDisk(t, 0), Archive: a, Scheduler: q})
			for v := range 2 {
				for i := range 100 {
					put(t, w, q, fmt.Sprintf("key %d %d", v, i), strings.Repeat("v", 200))
				}
				snap(t, w)
			}
			require.NoError(t, w.Close())
			d := simDisk(t, 24_000) // the version takes 42 kB
			e := mustOpen(t, name, store.Options{Dir: "dir", FS: d, Archive: a, Empty: true, Scheduler: newQueue(t)})
			require.NoError(t, e.Set([]byte("mine"), []byte("value")))
			require.NoError(t, e.Sync())
			before, err := d.List("dir")
			require.NoError(t, err)
			err = e.Restore(store.Latest)
			require.Error(t, err)
			require.NotErrorIs(t, err, store.ErrFailed)
			after, err := d.List("dir")
			require.NoError(t, err)
			require.ElementsMatch(t, before, after)
			holds(t, e, "mine", "value")
			require.NoError(t, e.Set([]byte("more"), []byte(strings.Repeat("v", 200))))
			require.NoError(t, e.Sync())
			require.NoError(t, e.Close())
		})
	}
}

// headless is a bucket whose head cannot be read after so many times.
type headless struct {
	*snapshot.Folder
	left int
}

var errHeadless = errors.New("the head cannot be read")

func (h *headless) Head() ([]byte, string, error) {
	if h.left--; h.left < 0 {
		return nil, "", errHeadless
	}
	return h.Folder.Head()
}

// TestRestoreGivenUp has the bucket's head be lost while a version is fetched.
func TestRestoreGivenUp(t *testing.T) {
	for _, name := range ownEngines {
		for left := 0; ; left++ {
			d := simDisk(t, 0)
			f, err := snapshot.NewFolder("bucket", snapshot.FolderOptions{FS: d})
			require.NoError(t, err)
			b := &headless{f, 1000}
			e := mustOpen(t, name, store.Options{Dir: "dir", FS: d, Archive: snapshot.New(b)})
			require.NoError(t, e.Set([]byte("key"), []byte("one")))
			v := snap(t, e)
			require.NoError(t, e.Set([]byte("key"), []byte("two")))
			require.NoError(t, e.Sync())
			before, err := d.List("dir")
			require.NoError(t, err)
			b.left = left
			if err = e.Restore(v); err == nil {
				require.Positive(t, left)
				break
			}
			require.ErrorIs(t, err, errHeadless)
			after, err := d.List("dir")
			require.NoError(t, err)
			require.ElementsMatch(t, before, after, "%s %d", name, left)
			holds(t, e, "key", "two")
		}
	}
}

// TestFetchFailsInTheBackground has a lazy engine fetch a segment for which there is no
// room.
func TestFetchFailsInTheBackground(t *testing.T) {
	a := archiveOn(t, simDisk(t, 0), snapshot.Options{})
	w := mustOpen(t, lsm.Name, store.Options{Dir: "writer", FS: simDisk(t, 0), Archive: a})
	for i := range 300 {
		require.NoError(t, w.Set(fmt.Appendf(nil, "key %04d", i), make([]byte, 300)))
	}
	snap(t, w)
	require.NoError(t, w.Close())
	d, q := simDisk(t, 24_000), newQueue(t)
	e := mustOpen(t, lsm.Name, store.Options{Dir: "dir", FS: d, Archive: a, Scheduler: q, Lazy: true})
	before, err := d.List("dir")
	require.NoError(t, err)
	_, err = q.Drain(1000)
	require.Error(t, err)
	after, err := d.List("dir")
	require.NoError(t, err)
	require.ElementsMatch(t, before, after)
	holds(t, e, "key 0007", string(make([]byte, 300)))
	require.NoError(t, e.Close())
}

// TestPutWithoutRoom puts an object for which there is no room, and one whose bytes do not
// come.
func TestPutWithoutRoom(t *testing.T) {
	d := simDisk(t, 100<<10)
	f, err := snapshot.NewFolder("bucket", snapshot.FolderOptions{FS: d})
	require.NoError(t, err)
	require.Error(t, f.Put("seg-00", 200<<10, strings.NewReader(strings.Repeat("x", 200<<10))))
	require.ErrorIs(t, f.Put("seg-01", 20, io.MultiReader(strings.NewReader("begins"), broken{})), errHeadless)
	names, err := d.List("bucket")
	require.NoError(t, err)
	for _, n := range names {
		require.True(t, strings.HasSuffix(n, ".lock"), n)
	}
	require.NoError(t, f.Put("seg-02", 80<<10, strings.NewReader(strings.Repeat("x", 80<<10))))
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, errHeadless }
