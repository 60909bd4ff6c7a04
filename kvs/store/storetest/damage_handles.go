package storetest

import (
	"bytes"
	"io"
	"maps"
	"slices"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs/store"
)

// counted is a file system that counts the handles that are open.
type counted struct {
	vfs.FS
	open *int
}

type countedFile struct {
	vfs.File
	open *int
}

type countedLock struct {
	io.Closer
	open *int
}

func (c counted) file(f vfs.File, err error) (vfs.File, error) {
	if err != nil {
		return nil, err
	}
	*c.open++
	return &countedFile{f, c.open}, nil
}

func (f *countedFile) Close() error {
	*f.open--
	return f.File.Close()
}

func (l *countedLock) Close() error {
	*l.open--
	return l.Closer.Close()
}

func (c counted) Create(name string, w vfs.DiskWriteCategory) (vfs.File, error) {
	return c.file(c.FS.Create(name, w))
}

func (c counted) Open(name string, o ...vfs.OpenOption) (vfs.File, error) {
	return c.file(c.FS.Open(name, o...))
}
func (c counted) OpenDir(name string) (vfs.File, error) { return c.file(c.FS.OpenDir(name)) }

func (c counted) OpenReadWrite(name string, w vfs.DiskWriteCategory, o ...vfs.OpenOption) (vfs.File, error) {
	return c.file(c.FS.OpenReadWrite(name, w, o...))
}

func (c counted) Lock(name string) (io.Closer, error) {
	l, err := c.FS.Lock(name)
	if err != nil {
		return nil, err
	}
	*c.open++
	return &countedLock{l, c.open}, nil
}

// testHandles counts what is open after an engine was closed: after use, after a
// restore that succeeded and one that did not, and after an opening that did not.
func testHandles(t *testing.T, e Engine) {
	n := 0
	d := newDisk(t)
	r := mustOpen(t, e, counted{d, &n})
	fill(t, r, 29)
	require.ErrorIs(t, r.Restore(77), store.ErrVersion)
	require.NoError(t, r.Restore(1))
	require.NoError(t, r.Set([]byte("a"), []byte("v")))
	v, err := r.Snapshot()
	require.NoError(t, err)
	m, err := r.archive.Manifest(v)
	require.NoError(t, err)
	require.NotEmpty(t, m.Segments)
	require.NoError(t, r.Set([]byte("a"), []byte("w")))
	require.Positive(t, n)
	require.NoError(t, r.Close())
	require.Zero(t, n)
	files, err := ReadFiles(d, "dir", "bucket")
	require.NoError(t, err)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		for bit := range bitsOf(files[name]) {
			if bit%5 > 0 {
				continue
			}
			spoiled := maps.Clone(files)
			spoiled[name] = bytes.Clone(files[name])
			spoiled[name][bit/8] ^= 1 << (bit % 8)
			r, err := openOn(t, e, counted{mustDisk(t, spoiled), &n}, nil)
			if err == nil {
				_ = r.Restore(v) // either way nothing stays open
				require.NoError(t, closed(r))
			}
			require.Zero(t, n, "bit %d of %s", bit, name)
		}
	}
}
