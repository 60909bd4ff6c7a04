package pebble_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs/store"
	"github.com/joinery-go/joinery/kvs/store/snapshot"
	"github.com/joinery-go/joinery/sim/disk"
)

// filled is a file system that takes so many changes more, and is full from then on, or for one change.
type filled struct {
	vfs.FS
	left *atomic.Int64
	once bool
}

func (f filled) full() error {
	if n := f.left.Add(-1); n == -1 || n < 0 && !f.once {
		return syscall.ENOSPC
	}
	return nil
}

func (f filled) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	if err := f.full(); err != nil {
		return nil, err
	}
	w, err := f.FS.Create(name, c)
	return filledFile{w, f}, err
}

func (f filled) ReuseForWrite(old, name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	if err := f.full(); err != nil {
		return nil, err
	}
	w, err := f.FS.ReuseForWrite(old, name, c)
	return filledFile{w, f}, err
}

func (f filled) Rename(from, to string) error {
	if err := f.full(); err != nil {
		return err
	}
	return f.FS.Rename(from, to)
}

func (f filled) OpenDir(name string) (vfs.File, error) {
	d, err := f.FS.OpenDir(name)
	return filledFile{d, f}, err
}

type filledFile struct {
	vfs.File
	fs filled
}

// Write writes half of what there is no room for.
func (f filledFile) Write(p []byte) (int, error) {
	if err := f.fs.full(); err != nil {
		n, e := f.File.Write(p[:len(p)/2])
		if e != nil {
			err = e
		}
		return n, err
	}
	return f.File.Write(p)
}

func (f filledFile) Sync() error {
	if err := f.fs.full(); err != nil {
		return err
	}
	return f.File.Sync()
}

func (f filledFile) SyncData() error { return f.Sync() }

// promised is what was set, by key: the first of them that a crash may leave, and all set since.
type promised map[string][]string

// fill sets keys over and over until the engine takes no more, or so often, and syncs now and
// then. What it returns the disk must have.
func fill(t *testing.T, e store.Engine, d store.Durability, sets int) (promised, error) {
	t.Helper()
	p := promised{}
	sync := func() {
		for k, all := range p {
			p[k] = all[len(all)-1:]
		}
	}
	for i := range sets {
		k, v := fmt.Sprintf("key %02d", i%40), fmt.Sprintf("%d %s", i, strings.Repeat("v", 300))
		if p[k] == nil {
			p[k] = []string{""}
		}
		p[k] = append(p[k], v) // which a set that failed may have done too
		if err := e.Set([]byte(k), []byte(v)); err != nil {
			return p, err
		}
		if d == store.EveryWrite {
			p[k] = p[k][len(p[k])-1:]
		}
		if i%50 == 49 {
			if err := e.Sync(); err != nil {
				return p, err
			}
			sync()
		}
	}
	if err := e.Close(); err != nil {
		return p, err
	}
	sync()
	return p, nil
}

// kept opens the directory again, where there is room, and holds it against what was promised.
func (p promised) kept(t *testing.T, fs vfs.FS) {
	t.Helper()
	e, err := suite.Open(store.Options{Dir: "dir", FS: fs})
	require.NoError(t, err)
	for k, all := range p {
		v, err := e.Get([]byte(k))
		require.NoError(t, err)
		require.Contains(t, all, string(v), "%s", k)
	}
	require.NoError(t, e.Set([]byte("more"), []byte("value")))
	require.NoError(t, e.Close())
}

// refused requires that a failed engine says why, reads, takes nothing and can be closed.
func refused(t *testing.T, e store.Engine, err error, p promised) {
	t.Helper()
	require.ErrorIs(t, err, store.ErrFailed)
	require.ErrorIs(t, err, syscall.ENOSPC)
	for _, again := range []error{e.Set([]byte("k"), []byte("v")), e.Sync()} {
		if again != nil { // closed it is, where closing failed
			require.True(t, strings.Contains(again.Error(), store.ErrFailed.Error()) || strings.Contains(again.Error(), store.ErrClosed.Error()), again)
			continue
		}
		t.Fatal("a failed engine takes more")
	}
	for k, all := range p {
		v, err := e.Get([]byte(k))
		if err != nil {
			require.ErrorIs(t, err, store.ErrClosed)
			return
		}
		require.Contains(t, all, string(v), k)
	}
	require.ErrorIs(t, e.Close(), store.ErrFailed)
}

// TestFullAtEachChange has the disk be full from each change on, in the foreground and in
// Pebble's own background: there is a named error and no panic, and nothing is lost that was
// promised.
func TestFullAtEachChange(t *testing.T) {
	const sets = 300 // of which some tables are written, and compacted
	for _, d := range []store.Durability{store.None, store.EveryWrite} {
		t.Run(d.String(), func(t *testing.T) {
			stride, failed := int64(1), 0
			for n := int64(0); ; n += stride {
				below := vfs.NewMem()
				left := new(atomic.Int64)
				left.Store(n)
				o := store.Options{Dir: "dir", FS: filled{FS: below, left: left}, Durability: d}
				e, err := suite.Open(o)
				if err != nil {
					require.ErrorIs(t, err, syscall.ENOSPC)
					promised{}.kept(t, below)
					continue
				}
				p, err := fill(t, e, d, sets)
				if err == nil {
					require.Greater(t, failed, 20)
					t.Logf("%d places to fail at, the last of %d changes", failed, n)
					p.kept(t, below)
					return
				}
				failed++
				refused(t, e, err, p)
				p.kept(t, below)
				stride = 1 + n/40
			}
		})
	}
}

// TestFullDisk fills a disk, and then makes room.
func TestFullDisk(t *testing.T) {
	fs, err := disk.NewFS(disk.FSOptions{MaxBytes: 600 << 10})
	require.NoError(t, err)
	f, err := fs.Create("ballast", vfs.WriteCategoryUnspecified)
	require.NoError(t, err)
	_, err = f.Write(make([]byte, 300<<10))
	require.NoError(t, err)
	require.NoError(t, f.Close())
	e, err := suite.Open(store.Options{Dir: "dir", FS: fs, Durability: store.EveryWrite})
	require.NoError(t, err)
	p, r := promised{}, rand.New(rand.NewPCG(1, 2))
	for i := 0; err == nil; i++ {
		value := make([]byte, 300) // which no compressing makes smaller
		for j := range value {
			value[j] = byte(r.Uint32())
		}
		k, v := fmt.Sprintf("key %d", i), string(value)
		p[k] = []string{"", v}
		if err = e.Set([]byte(k), []byte(v)); err == nil {
			p[k] = p[k][1:]
		}
		require.Less(t, i, 2000)
	}
	refused(t, e, err, p)
	require.NoError(t, fs.Remove("ballast"))
	p.kept(t, fs)
}

// TestFullWhileSnapshot has the disk be full from each change of a snapshot on: it fails and says
// so, what was set is there, and where there is room again the next one succeeds.
func TestFullWhileSnapshot(t *testing.T) {
	failed := 0
	for n := int64(0); ; n++ {
		bucket, err := snapshot.NewFolder("bucket", snapshot.FolderOptions{FS: vfs.NewMem()})
		require.NoError(t, err)
		below, left := vfs.NewMem(), new(atomic.Int64)
		left.Store(1 << 40)
		o := store.Options{Dir: "dir", FS: filled{FS: below, left: left}, Archive: snapshot.New(bucket), Durability: store.EveryWrite}
		e, err := suite.Open(o)
		require.NoError(t, err)
		require.NoError(t, e.Set([]byte("k"), []byte("v")))
		left.Store(n)
		_, err = e.Snapshot()
		left.Store(1 << 40)
		if err == nil {
			require.NoError(t, e.Close())
			require.Greater(t, failed, 20)
			t.Logf("%d places to fail at", failed)
			return
		}
		require.ErrorIs(t, err, syscall.ENOSPC, "change %d", n)
		failed++
		if err := e.Close(); err != nil { // the database's own disk had failed
			require.ErrorIs(t, err, store.ErrFailed)
		}
		o.FS = below
		e, err = suite.Open(o)
		require.NoError(t, err)
		v, err := e.Get([]byte("k"))
		require.NoError(t, err)
		require.Equal(t, "v", string(v), "change %d", n)
		_, err = e.Snapshot()
		require.NoError(t, err, "change %d", n)
		require.NoError(t, e.Close())
	}
}

// TestFullForOneChange has one change of the disk fail while an engine takes a snapshot or restores a
// version. Where the engine goes on, what is set from then on is there after it was opened again; where
// it does not, what was there before or after.
func TestFullForOneChange(t *testing.T) {
	for _, of := range []struct {
		name  string
		do    func(e store.Engine) error
		after string
	}{
		{"snapshot", func(e store.Engine) error { _, err := e.Snapshot(); return err }, "two"},
		{"restore", func(e store.Engine) error { return e.Restore(1) }, "one"},
	} {
		t.Run(of.name, func(t *testing.T) {
			failed, goes := 0, 0
			for n := int64(0); ; n++ {
				bucket, err := snapshot.NewFolder("bucket", snapshot.FolderOptions{FS: vfs.NewMem()})
				require.NoError(t, err)
				below, left := vfs.NewMem(), new(atomic.Int64)
				left.Store(1 << 40)
				o := store.Options{
					Dir: "dir", FS: filled{FS: below, left: left, once: true}, Archive: snapshot.New(bucket), Durability: store.EveryWrite,
				}
				e, err := suite.Open(o)
				require.NoError(t, err)
				get := func() string {
					v, err := e.Get([]byte("k"))
					require.NoError(t, err)
					return string(v)
				}
				require.NoError(t, e.Set([]byte("k"), []byte("one")))
				_, err = e.Snapshot()
				require.NoError(t, err)
				require.NoError(t, e.Set([]byte("k"), []byte("two")))
				left.Store(n)
				err = of.do(e)
				reached := left.Load() < 0
				left.Store(1 << 40)
				if !reached {
					require.NoError(t, err)
					require.Equal(t, of.after, get())
					require.NoError(t, e.Close())
					require.Greater(t, failed, 20)
					t.Logf("%d changes fail, of which the engine outlives %d", failed, goes)
					return
				}
				failed++
				want := []string{"two", of.after}
				if err == nil {
					want = []string{of.after}
				}
				if set := e.Set([]byte("k"), []byte("three")); set == nil {
					goes++
					want = []string{"three"}
				} else {
					require.ErrorIs(t, set, store.ErrFailed, "change %d", n)
				}
				if err := e.Close(); err != nil {
					require.ErrorIs(t, err, store.ErrFailed, "change %d", n)
				}
				o.FS = below
				e, err = suite.Open(o)
				require.NoError(t, err, "change %d", n)
				require.Contains(t, want, get(), "change %d", n)
				require.NoError(t, e.Close())
			}
		})
	}
}
