package pebble

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs/store"
	"github.com/joinery-go/joinery/kvs/store/internal/catalog"
	"github.com/joinery-go/joinery/kvs/store/snapshot"
	"github.com/joinery-go/joinery/sim/disk"
)

func openOn(t *testing.T, d *disk.FS) *Engine {
	t.Helper()
	bucket, err := snapshot.NewFolder("bucket", snapshot.FolderOptions{FS: d})
	require.NoError(t, err)
	e, err := Open(Options{Options: store.Options{Dir: "dir", FS: d, Archive: snapshot.New(bucket)}})
	require.NoError(t, err)
	return e
}

// TestSnapshotsShareTables fills a table, and then sets a key: the next version costs
// the change and the small files, not the first table again. A version is idle in the
// next process too, whatever Pebble has compacted since.
func TestSnapshotsShareTables(t *testing.T) {
	d, err := disk.NewFS(disk.FSOptions{})
	require.NoError(t, err)
	e := openOn(t, d)
	for i := range 5000 {
		require.NoError(t, e.Set(fmt.Appendf(nil, "key %d", i), fmt.Appendf(nil, "%0100d", i*7919)))
	}
	v, err := e.Snapshot()
	require.NoError(t, err)
	whole := e.Stats().CriticalBytes
	require.NoError(t, e.Set([]byte("z"), []byte("v")))
	next, err := e.Snapshot()
	require.NoError(t, err)
	require.Equal(t, v+1, next)
	require.Less(t, e.Stats().CriticalBytes-whole, whole/2)
	for range 3 {
		require.NoError(t, e.Close())
		e = openOn(t, d)
		same, err := e.Snapshot()
		require.NoError(t, err)
		require.Equal(t, next, same)
		require.Zero(t, e.Stats().CriticalBytes)
	}
	require.NoError(t, e.Set([]byte("z"), nil))
	require.NoError(t, e.Close())
	e = openOn(t, d)
	last, err := e.Snapshot()
	require.NoError(t, err)
	require.Equal(t, next+1, last, "what was set in another process counts")
	names, err := d.List("dir")
	require.NoError(t, err)
	require.LessOrEqual(t, len(names), 4, "no checkpoint is left: %v", names)
	require.NoError(t, e.Close())
}

// TestHashesOfTablesThatAreGone sets the same keys before each of many snapshots, so that compactions
// replace tables: of those the engine remembers nothing.
func TestHashesOfTablesThatAreGone(t *testing.T) {
	d, err := disk.NewFS(disk.FSOptions{})
	require.NoError(t, err)
	e := openOn(t, d)
	for n := range 40 {
		for i := range 20 {
			require.NoError(t, e.Set(fmt.Appendf(nil, "key %d", i), fmt.Appendf(nil, "%0100d", n)))
		}
		_, err := e.Snapshot()
		require.NoError(t, err)
	}
	m, err := e.opts.Archive.Manifest(store.Latest)
	require.NoError(t, err)
	require.Len(t, e.tables, len(m.Segments)-1, "as many as the version has")
	require.NoError(t, e.Close())
}

// during is a file system that calls do before a file or a name is made in a directory of Pebble's that
// is not the one in use.
type during struct {
	vfs.FS
	used string
	do   func()
}

func (d during) made(name string) {
	if dir := d.PathDir(name); dir != d.used && strings.HasSuffix(dir, "."+dirExt) {
		d.do()
	}
}

func (d during) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	d.made(name)
	return d.FS.Create(name, c)
}

func (d during) Link(from, to string) error {
	d.made(to)
	return d.FS.Link(from, to)
}

// TestDiskFailsDuringCheckpoint has the disk fail the database in the background, as a compaction does
// that runs by then, before each file of a checkpoint: no version is published of what the disk may not
// have, and the engine has failed.
func TestDiskFailsDuringCheckpoint(t *testing.T) {
	cause := errors.New("the disk is gone")
	for n := 1; ; n++ {
		bucket, err := snapshot.NewFolder("bucket", snapshot.FolderOptions{FS: vfs.NewMem()})
		require.NoError(t, err)
		a := snapshot.New(bucket)
		var e *Engine
		made := 0
		fs := during{vfs.NewMem(), "dir/00000001.pebble", func() {
			if made++; made == n {
				e.disk.fail(cause)
			}
		}}
		e, err = Open(Options{Options: store.Options{Dir: "dir", FS: fs, Archive: a}})
		require.NoError(t, err)
		require.Equal(t, fs.used, e.disk.dir)
		for i := range 3 {
			require.NoError(t, e.Set([]byte{byte(i)}, []byte("value")))
			require.NoError(t, e.db.Flush())
		}
		_, err = e.Snapshot()
		if made < n {
			require.NoError(t, err)
			require.NoError(t, e.Close())
			require.Greater(t, n, 5)
			return
		}
		require.ErrorIs(t, err, store.ErrFailed, "file %d", n)
		require.ErrorIs(t, err, cause)
		latest, err := a.Latest()
		require.NoError(t, err)
		require.Zero(t, latest, "file %d", n)
		require.ErrorIs(t, e.Close(), cause)
	}
}

// forged is an archive whose segments are all the same bytes, whatever their hashes.
type forged struct {
	store.Archive
	data   string
	closed int
}

func (f *forged) Open(store.Version, store.Segment) (io.ReadCloser, error) {
	return struct {
		io.Reader
		io.Closer
	}{strings.NewReader(f.data), f}, nil
}

func (f *forged) Close() error {
	f.closed++
	return nil
}

// TestSegmentsAreChecked copies segments that are not what their hashes say, one of another length
// and one of the same: those are errors, though Pebble could make sense of them. Each reader is closed.
func TestSegmentsAreChecked(t *testing.T) {
	a := &forged{data: "a table"}
	e := &Engine{opts: Options{Options: store.Options{Archive: a}}}
	for i, c := range []struct {
		hash  string
		bytes int
		ok    bool
	}{{"a table", 7, true}, {"b table", 7, false}, {"a table", 6, false}, {"a table", 8, false}} {
		var to strings.Builder
		err := e.copySegment(1, store.Segment{Hash: sha256.Sum256([]byte(c.hash)), Length: int64(c.bytes)}, &to)
		if c.ok {
			require.NoError(t, err)
			require.Equal(t, a.data, to.String())
		} else {
			require.ErrorIs(t, err, store.ErrCorrupt, "%+v", c)
		}
		require.Equal(t, i+1, a.closed)
	}
}

// TestBundleRefusesNames has names that lead out of a directory, stand twice, or are
// not as many as the segments.
func TestBundleRefusesNames(t *testing.T) {
	for _, b := range []bundle{
		{Tables: []string{"../a"}}, {Tables: []string{""}}, {Tables: []string{".."}}, {Tables: []string{"a/b"}},
		{Tables: []string{"a"}, Files: []small{{Name: "a"}}}, {}, {Tables: []string{"a", "b"}},
		{Tables: []string{"a"}, Files: []small{{Name: `b\\c`}}},
	} {
		image, err := catalog.Seal(bundleTitle, bundleFormat, b)
		require.NoError(t, err)
		_, err = decodeBundle(image, 2)
		require.ErrorIs(t, err, store.ErrCorrupt, "%+v", b)
	}
	image, err := catalog.Seal(bundleTitle, bundleFormat, bundle{Tables: []string{"a"}, Files: []small{{Name: "b", Data: []byte("c")}}})
	require.NoError(t, err)
	b, err := decodeBundle(image, 2)
	require.NoError(t, err)
	require.Equal(t, "c", string(b.Files[0].Data))
}

// FuzzBundle decodes arbitrary bytes: what is accepted has names that stay in their
// directory.
func FuzzBundle(f *testing.F) {
	image, err := catalog.Seal(bundleTitle, bundleFormat, bundle{Tables: []string{"a"}, Files: []small{{Name: "b"}}})
	require.NoError(f, err)
	f.Add(image, 2)
	f.Add([]byte("joinery pebble checkpoint 1 00000000\n{}\n"), 1)
	f.Fuzz(func(t *testing.T, image []byte, segments int) {
		b, err := decodeBundle(image, segments)
		if err == nil {
			require.Len(t, b.Tables, segments-1)
			for _, name := range b.Tables {
				require.NotContains(t, name, "/")
			}
		}
	})
}
