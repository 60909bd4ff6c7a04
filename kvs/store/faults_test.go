package store_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs/store"
	"github.com/joinery-go/joinery/kvs/store/appendlog"
	"github.com/joinery-go/joinery/kvs/store/hybridlog"
	"github.com/joinery-go/joinery/kvs/store/lsm"
	"github.com/joinery-go/joinery/kvs/store/memory"
	"github.com/joinery-go/joinery/kvs/store/pebble"
	"github.com/joinery-go/joinery/kvs/store/snapshot"
	"github.com/joinery-go/joinery/sim/disk"
)

// Pebble starts goroutines, and bears no disk that stops; the memory engine has nothing to merge.
var (
	allEngines   = []string{lsm.Name, appendlog.Name, hybridlog.Name, memory.Name, pebble.Name}
	ownEngines   = allEngines[:4]
	mergeEngines = allEngines[:3]
)

// openSmall opens an engine, of which our own have small files that merge early.
func openSmall(name string, o store.Options) (store.Engine, error) {
	switch name {
	case pebble.Name:
		return pebble.Open(pebble.Options{Options: o})
	case appendlog.Name:
		return appendlog.Open(appendlog.Options{Options: o, SegmentBytes: 1024, FanIn: 2, MaxBacklog: 8, StepRecords: 64})
	case hybridlog.Name:
		return hybridlog.Open(hybridlog.Options{
			Options: o, PageBytes: 1024, MutablePages: 1, ReadOnlyPages: 1, FoldPages: 1, FanIn: 2, MaxBacklog: 8, StepRecords: 64,
		})
	case memory.Name:
		return memory.Open(memory.Options{Options: o})
	}
	return lsm.Open(lsm.Options{Options: o, MemtableBytes: 1500, MaxRunsPerLevel: 2, MaxBacklog: 8, StepRecords: 64, DensityFactor: 2})
}

func mustOpen(t *testing.T, name string, o store.Options) store.Engine {
	t.Helper()
	e, err := openSmall(name, o)
	require.NoError(t, err)
	return e
}

func simDisk(t *testing.T, maxBytes int64) *disk.FS {
	t.Helper()
	d, err := disk.NewFS(disk.FSOptions{MaxBytes: maxBytes})
	require.NoError(t, err)
	return d
}

// archiveOn is a new archive of the folder "bucket".
func archiveOn(t *testing.T, fs vfs.FS, o snapshot.Options) *snapshot.Archive {
	t.Helper()
	f, err := snapshot.NewFolder("bucket", snapshot.FolderOptions{FS: fs})
	require.NoError(t, err)
	a, err := snapshot.Open(f, o)
	require.NoError(t, err)
	return a
}

func newQueue(t *testing.T) *store.Queue {
	t.Helper()
	q, err := store.NewQueue(4)
	require.NoError(t, err)
	return q
}

// put sets a key, with background work in between where the engine asks for it.
func put(t *testing.T, e store.Engine, q *store.Queue, key, value string) {
	t.Helper()
	err := e.Set([]byte(key), []byte(value))
	for turns := 0; errors.Is(err, store.ErrBackpressure); turns++ {
		require.Less(t, turns, 1000)
		_, err = q.Drain(1000)
		require.NoError(t, err)
		err = e.Set([]byte(key), []byte(value))
	}
	require.NoError(t, err)
}

func snap(t *testing.T, e store.Engine) store.Version {
	t.Helper()
	v, err := e.Snapshot()
	require.NoError(t, err)
	return v
}

func holds(t *testing.T, e store.Engine, key, want string) {
	t.Helper()
	got, err := e.Get([]byte(key))
	require.NoError(t, err)
	require.Equal(t, want, string(got), key)
}

// flipByte changes a byte of a file, counted from the end if at is negative.
func flipByte(t *testing.T, fs vfs.FS, name string, at int64) {
	t.Helper()
	f, err := fs.OpenReadWrite(name, vfs.WriteCategoryUnspecified)
	require.NoError(t, err)
	info, err := f.Stat()
	require.NoError(t, err)
	if at < 0 {
		at += info.Size()
	}
	var b [1]byte
	_, err = f.ReadAt(b[:], at)
	require.NoError(t, err)
	b[0] ^= 0x40
	_, err = f.WriteAt(b[:], at)
	require.NoError(t, err)
	require.NoError(t, f.Sync())
	require.NoError(t, f.Close())
}

// filesOf are the files of "dir" with one of the extensions.
func filesOf(t *testing.T, fs vfs.FS, exts ...string) (names []string) {
	t.Helper()
	all, err := fs.List("dir")
	require.NoError(t, err)
	for _, n := range all {
		for _, x := range exts {
			if strings.HasSuffix(n, x) {
				names = append(names, "dir/"+n)
			}
		}
	}
	return names
}

// TestEmptyStateIsNoVersionThatIsNot deletes all that the latest version has. Background
// work merges what was published to nothing, and then what was set since. The state is
// empty and the version is not: a snapshot must publish.
func TestEmptyStateIsNoVersionThatIsNot(t *testing.T) {
	for _, name := range mergeEngines {
		t.Run(name, func(t *testing.T) {
			d, q := simDisk(t, 0), newQueue(t)
			o := store.Options{Dir: "dir", FS: d, Archive: archiveOn(t, d, snapshot.Options{}), Scheduler: q}
			e := mustOpen(t, name, o)
			long := strings.Repeat("v", 300)
			put(t, e, q, "a", long)
			snap(t, e)
			put(t, e, q, "b", long)
			before := snap(t, e)
			put(t, e, q, "a", "")
			put(t, e, q, "b", "")
			for range 2 {
				for range 7 {
					put(t, e, q, "x", long)
					put(t, e, q, "x", "")
				}
				require.NoError(t, e.Close())
				e = mustOpen(t, name, o)
				_, err := q.Drain(1000)
				require.NoError(t, err)
			}
			v := snap(t, e)
			require.Greater(t, v, before)
			require.NoError(t, e.Restore(v))
			holds(t, e, "a", "")
			require.Equal(t, v, snap(t, e), "a version of nothing is what an empty state is")
			require.NoError(t, e.Close())
		})
	}
}

// TestManifestSpoiled spoils or removes the manifest of the latest version in the bucket.
// The engine has all of the state, and must be able to publish it; then that version can
// be dropped.
func TestManifestSpoiled(t *testing.T) {
	for _, name := range allEngines {
		for _, remove := range []bool{false, true} {
			d := simDisk(t, 0)
			o := store.Options{Dir: "dir", FS: d, Archive: archiveOn(t, d, snapshot.Options{})}
			e := mustOpen(t, name, o)
			require.NoError(t, e.Set([]byte("k"), []byte("one")))
			require.NoError(t, e.Set([]byte("l"), []byte("stays")))
			snap(t, e)
			require.NoError(t, e.Close())
			names, err := d.List("bucket")
			require.NoError(t, err)
			for _, n := range names {
				switch {
				case !strings.HasPrefix(n, "man-"):
				case remove:
					require.NoError(t, d.Remove("bucket/"+n))
				default:
					flipByte(t, d, "bucket/"+n, 30)
				}
			}
			a := archiveOn(t, d, snapshot.Options{})
			o.Archive = a
			e = mustOpen(t, name, o)
			require.NoError(t, e.Set([]byte("k"), []byte("two")))
			_, err = a.Collect(snapshot.Retention{Last: 1})
			require.ErrorContains(t, err, "bring it back, or publish and keep fewer")
			v := snap(t, e)
			c, err := a.Collect(snapshot.Retention{Last: 1})
			require.NoError(t, err)
			require.Equal(t, 1, c.Versions)
			require.NoError(t, e.Restore(v))
			holds(t, e, "k", "two")
			holds(t, e, "l", "stays")
			require.NoError(t, e.Close())
		}
	}
}

// TestConflictSaysWhatWasKnown reads the conflict of a writer that knew of no version.
func TestConflictSaysWhatWasKnown(t *testing.T) {
	d := simDisk(t, 0)
	var es []store.Engine
	for _, dir := range []string{"a", "b"} {
		e := mustOpen(t, lsm.Name, store.Options{Dir: dir, FS: d, Archive: archiveOn(t, d, snapshot.Options{})})
		require.NoError(t, e.Set([]byte("k"), []byte(dir)))
		es = append(es, e)
	}
	snap(t, es[0])
	_, err := es[1].Snapshot()
	require.ErrorIs(t, err, store.ErrConflict)
	require.ErrorContains(t, err, "the latest version is 1, the writer knew of 0, 0 being none")
}

// unanswered is a bucket whose swap happens and is not answered, nor is the question
// after it.
type unanswered struct {
	*snapshot.Folder
	lose int // the swap that is not answered, counted down
	dark bool
}

func (u *unanswered) SwapHead(tag string, b []byte) error {
	err := u.Folder.SwapHead(tag, b)
	if u.lose--; u.lose == 0 {
		u.dark = true
		return errHeadless
	}
	return err
}

func (u *unanswered) Head() ([]byte, string, error) {
	if u.dark {
		u.dark = false
		return nil, "", errHeadless
	}
	return u.Folder.Head()
}

// TestWritersOfOneArchive has two engines use one archive. One publishes and gets no
// answer; the other has not seen that version, and is told so, and the first finds it.
func TestWritersOfOneArchive(t *testing.T) {
	for _, name := range allEngines {
		t.Run(name, func(t *testing.T) {
			d := simDisk(t, 0)
			f, err := snapshot.NewFolder("bucket", snapshot.FolderOptions{FS: d})
			require.NoError(t, err)
			b := &unanswered{Folder: f}
			a := snapshot.New(b)
			open := func(dir string) store.Engine {
				e := mustOpen(t, name, store.Options{Dir: dir, FS: d, Archive: a})
				require.NoError(t, e.Set([]byte("key"), []byte(dir)))
				return e
			}
			one, two := open("one"), open("two")
			b.lose = 2 // the first one has the bucket give the writer its number
			_, err = one.Snapshot()
			require.ErrorIs(t, err, errHeadless)
			_, err = two.Snapshot()
			require.ErrorIs(t, err, store.ErrConflict)
			v := snap(t, one) // what was not answered, or on top of it
			m, err := a.Manifest(v)
			require.NoError(t, err)
			require.Equal(t, v-1, m.Parent)
			require.NoError(t, two.Restore(v))
			holds(t, two, "key", "one")
		})
	}
}

// TestSizeAfterClose holds the size of a closed memory engine against its directory.
func TestSizeAfterClose(t *testing.T) {
	d := simDisk(t, 0)
	e := mustOpen(t, memory.Name, store.Options{Dir: "dir", FS: d})
	require.NoError(t, e.Set([]byte("k"), []byte("v")))
	require.NoError(t, e.Close())
	info, err := d.Stat(filesOf(t, d, ".dump")[0])
	require.NoError(t, err)
	require.Equal(t, store.Size{Disk: info.Size(), Files: 1}, e.Size())
}
