package storetest

import (
	"bytes"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs/store"
	"github.com/joinery-go/joinery/kvs/store/internal/catalog"
)

// readFS is a file system that counts the bytes that are read from it, and of files that are
// created the bytes written.
type readFS struct {
	vfs.FS
	n, written *atomic.Int64
}

func (r readFS) Open(name string, opts ...vfs.OpenOption) (vfs.File, error) {
	f, err := r.FS.Open(name, opts...)
	if err != nil {
		return nil, err
	}
	return readFile{f, r.n}, nil
}

func (r readFS) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := r.FS.Create(name, c)
	if err != nil {
		return nil, err
	}
	return writtenFile{f, r.written}, nil
}

type writtenFile struct {
	vfs.File
	n *atomic.Int64
}

func (f writtenFile) Write(p []byte) (int, error) {
	n, err := f.File.Write(p)
	f.n.Add(int64(n))
	return n, err
}

type readFile struct {
	vfs.File
	n *atomic.Int64
}

func (f readFile) Read(p []byte) (int, error) {
	n, err := f.File.Read(p)
	f.n.Add(int64(n))
	return n, err
}

func (f readFile) ReadAt(p []byte, off int64) (int, error) {
	n, err := f.File.ReadAt(p, off)
	f.n.Add(int64(n))
	return n, err
}

// Recovery says where an engine keeps what recovery needs.
type Recovery struct {
	// Index is the extension of files that stand for others, which recovery then need not
	// read.
	Index string
	// Stands is the extension of those others.
	Stands string
	// Saved is the extension of the file that the catalog names as index, which stands for all
	// files below its number, and for what stands for those; empty for none.
	Saved string
}

// TestRecovery opens a directory again after a close and after a crash, and counts the
// bytes that are read: at most one and a half times those of the index files, and of
// the files that none stands for, read once. What the index takes is the same whatever
// the length of values. Opening writes a catalog at most, whatever there is to recover. With -storetest.long it has a million keys.
func TestRecovery(t *testing.T, open func(store.Options) (store.Engine, error), r Recovery) {
	keys := 20_000
	if *long {
		keys = 1_000_000
	}
	var index []int64
	for _, valueBytes := range []int{20, 200} {
		for _, crash := range []bool{false, true} {
			d := newDisk(t)
			q, err := store.NewQueue(4)
			require.NoError(t, err)
			e, err := open(store.Options{Dir: "dir", FS: d, Scheduler: q})
			require.NoError(t, err)
			for i := range keys {
				require.NoError(t, e.Set(fmt.Appendf(nil, "key-%012d", i), bytes.Repeat([]byte{byte(i) | 1}, valueBytes)))
				if i%100 == 0 {
					_, err = q.Drain(maxSteps)
					require.NoError(t, err)
				}
			}
			require.NoError(t, e.Sync())
			_, err = q.Drain(maxSteps)
			require.NoError(t, err)
			if crash {
				d.PowerCut()
			} else {
				require.NoError(t, e.Close())
			}
			inIndex, rest := filesOf(t, d, r)
			n, written := new(atomic.Int64), new(atomic.Int64)
			e, err = open(store.Options{Dir: "dir", FS: readFS{d, n, written}, Scheduler: q})
			require.NoError(t, err)
			read := n.Load()
			info, err := d.Stat("dir/CATALOG")
			require.NoError(t, err)
			require.LessOrEqual(t, written.Load(), info.Size(), "opening reads")
			t.Logf("%d keys, values of %d bytes, crash %v: index %d, other files %d, read %d", keys, valueBytes, crash, inIndex, rest, read)
			require.LessOrEqual(t, 2*read, 3*(inIndex+rest))
			require.Positive(t, inIndex)
			if !crash {
				index = append(index, inIndex)
			}
			for i := 0; i < keys; i += 501 {
				v, err := e.Get(fmt.Appendf(nil, "key-%012d", i))
				require.NoError(t, err)
				require.Equal(t, bytes.Repeat([]byte{byte(i) | 1}, valueBytes), v)
			}
			require.NoError(t, e.Close())
		}
	}
	require.InEpsilon(t, index[0], index[1], 0.2, "the index is that of the keys")
}

// TestGetReads gets large values of several files, and counts the bytes that are read: for a
// value not much more than it is long.
func TestGetReads(t *testing.T, open func(store.Options) (store.Engine, error)) {
	const keys, valueBytes, more = 40, 256 << 10, 64 << 10
	d := newDisk(t)
	e, err := open(store.Options{Dir: "dir", FS: d})
	require.NoError(t, err)
	key := func(i int) []byte { return fmt.Appendf(nil, "key %d", i*7%keys) }
	for i := range keys {
		require.NoError(t, e.Set(key(i), bytes.Repeat([]byte{byte(i) | 1}, valueBytes)))
	}
	require.NoError(t, e.Close())
	n := new(atomic.Int64)
	e, err = open(store.Options{Dir: "dir", FS: readFS{d, n, new(atomic.Int64)}})
	require.NoError(t, err)
	n.Store(0)
	for i := range keys {
		got, err := e.Get(key(i))
		require.NoError(t, err)
		require.Equal(t, bytes.Repeat([]byte{byte(i) | 1}, valueBytes), got)
	}
	require.LessOrEqual(t, n.Load(), int64(keys*(valueBytes+more)))
	require.NoError(t, e.Close())
}

// filesOf are the bytes of the files of an index, and of those that none stands for. Where
// there is a saved index, that is all of the former that recovery needs, and a file that it
// knows a part of counts for nothing.
func filesOf(t *testing.T, fsys vfs.FS, r Recovery) (index, rest int64) {
	t.Helper()
	names, err := fsys.List("dir")
	require.NoError(t, err)
	saved := ""
	if r.Saved != "" {
		b, err := catalog.ReadFile(fsys, "dir/CATALOG", 1<<20)
		require.NoError(t, err)
		s, err := catalog.Decode(b)
		require.NoError(t, err)
		require.NotZero(t, s.Index)
		saved = fmt.Sprintf("%08d", s.Index)
	}
	for _, name := range names {
		info, err := fsys.Stat(fsys.PathJoin("dir", name))
		require.NoError(t, err)
		stem := strings.TrimSuffix(name, filepath.Ext(name))
		switch ext := filepath.Ext(name); {
		case saved != "" && ext == "."+r.Saved:
			if stem == saved {
				index += info.Size()
			}
		case (ext == "."+r.Index || ext == "."+r.Stands) && stem <= saved:
		case ext == "."+r.Index:
			index += info.Size()
		case ext == "."+r.Stands && slices.Contains(names, stem+"."+r.Index):
		default:
			rest += info.Size()
		}
	}
	return index, rest
}
