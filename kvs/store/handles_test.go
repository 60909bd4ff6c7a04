package store_test

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs/store"
	"github.com/joinery-go/joinery/kvs/store/snapshot"
)

// handles is a file system that knows which files are open, and takes so many changes more, or all but
// one.
type handles struct {
	vfs.FS
	mu   *sync.Mutex
	open map[int]string
	next *int
	left *int
	once bool
}

func newHandles(left int) handles {
	return handles{vfs.NewMem(), new(sync.Mutex), map[int]string{}, new(int), &left, false}
}

// takes says how many changes there are to be before one fails, and returns how many of before were left.
func (h handles) takes(n int) (left int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	left, *h.left = *h.left, n
	return left
}

func (h handles) change() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if *h.left--; *h.left == -1 || *h.left < 0 && !h.once {
		return syscall.ENOSPC
	}
	return nil
}

func (h handles) begin(name string) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	*h.next++
	h.open[*h.next] = name
	return *h.next
}

func (h handles) end(n int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.open, n)
}

// names are those of files that are open.
func (h handles) names() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Sorted(maps.Values(h.open))
}

func (h handles) file(name string, f vfs.File, err error) (vfs.File, error) {
	if err != nil {
		return nil, err
	}
	return handle{f, h, h.begin(name)}, nil
}

func (h handles) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	if err := h.change(); err != nil {
		return nil, err
	}
	f, err := h.FS.Create(name, c)
	return h.file(name, f, err)
}

func (h handles) ReuseForWrite(old, name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	if err := h.change(); err != nil {
		return nil, err
	}
	f, err := h.FS.ReuseForWrite(old, name, c)
	return h.file(name, f, err)
}

func (h handles) Open(name string, o ...vfs.OpenOption) (vfs.File, error) {
	f, err := h.FS.Open(name, o...)
	return h.file(name, f, err)
}

func (h handles) OpenReadWrite(name string, c vfs.DiskWriteCategory, o ...vfs.OpenOption) (vfs.File, error) {
	f, err := h.FS.OpenReadWrite(name, c, o...)
	return h.file(name, f, err)
}

func (h handles) OpenDir(name string) (vfs.File, error) {
	f, err := h.FS.OpenDir(name)
	return h.file(name, f, err)
}

func (h handles) Rename(from, to string) error {
	if err := h.change(); err != nil {
		return err
	}
	return h.FS.Rename(from, to)
}

func (h handles) Lock(name string) (io.Closer, error) {
	l, err := h.FS.Lock(name)
	if err != nil {
		return nil, err
	}
	return heldLock{l, h, h.begin(name)}, nil
}

type heldLock struct {
	io.Closer
	fs handles
	n  int
}

func (l heldLock) Close() error {
	l.fs.end(l.n)
	return l.Closer.Close()
}

type handle struct {
	vfs.File
	fs handles
	n  int
}

func (f handle) Close() error {
	f.fs.end(f.n)
	return f.File.Close()
}

func (f handle) Write(p []byte) (int, error) {
	if err := f.fs.change(); err != nil {
		return 0, err
	}
	return f.File.Write(p)
}

func (f handle) Sync() error {
	if err := f.fs.change(); err != nil {
		return err
	}
	return f.File.Sync()
}

func (f handle) SyncData() error { return f.Sync() }

// TestNothingStaysOpen has the disk be full from each change on while an engine sets, merges, publishes and
// restores: whatever failed, once it is closed, or could not be opened, no file of its is open. (Pebble
// leaves a checkpoint's open where that fails.)
func TestNothingStaysOpen(t *testing.T) {
	for _, name := range ownEngines {
		t.Run(name, func(t *testing.T) {
			failed, stride := 0, 1
			for n := 0; ; n += stride {
				h, q := newHandles(n), newQueue(t)
				bucket, err := snapshot.NewFolder("bucket", snapshot.FolderOptions{FS: vfs.NewMem()})
				require.NoError(t, err)
				o := store.Options{Dir: "dir", FS: h, Archive: snapshot.New(bucket), Scheduler: q}
				e, err := openSmall(name, o)
				if err == nil {
					err = fillAndRestore(e, q)
					err = errors.Join(err, e.Close())
				}
				require.Empty(t, h.names(), "change %d: %v", n, err)
				if err == nil {
					require.Greater(t, failed, 20)
					t.Logf("%d places to fail at, the last of %d changes", failed, n)
					return
				}
				require.ErrorIs(t, err, syscall.ENOSPC, "change %d", n)
				failed++
				stride = 1 + n/60
			}
		})
	}
}

// fillAndRestore does what an engine can, and returns what failed first.
func fillAndRestore(e store.Engine, q *store.Queue) error {
	for i := range 120 {
		if err := e.Set(fmt.Appendf(nil, "key %d", i%30), []byte(strings.Repeat("v", 90))); err != nil {
			return err
		}
		if i%10 == 9 {
			if err := e.Sync(); err != nil {
				return err
			}
			if _, err := q.Drain(1 << 20); err != nil {
				return err
			}
		}
		if i%40 == 39 {
			if _, err := e.Snapshot(); err != nil {
				return err
			}
		}
		if i == 100 {
			if err := e.Restore(1); err != nil {
				return err
			}
		}
	}
	return nil
}

// TestOneFailure has one change of the disk fail while an engine sets, syncs, does background work, takes a
// snapshot, restores or closes. Where it goes on, it has what it had, and what is set and synced from
// then on is there after a kill and after closing, as is a version taken then; where it does not, what was
// synced is.
func TestOneFailure(t *testing.T) {
	const unlimited = 1 << 30
	ops := []struct {
		name string
		do   func(e store.Engine, q *store.Queue) error
	}{
		{"set", func(e store.Engine, q *store.Queue) error {
			for i := range 60 {
				if err := e.Set(fmt.Appendf(nil, "key %d", 90+i%5), []byte(strings.Repeat("3", 90))); err != nil && !errors.Is(err, store.ErrBackpressure) {
					return err
				}
			}
			return nil
		}},
		{"sync", func(e store.Engine, _ *store.Queue) error { return e.Sync() }},
		{"work", func(_ store.Engine, q *store.Queue) error { _, err := q.Drain(1 << 20); return err }},
		{"snapshot", func(e store.Engine, _ *store.Queue) error { _, err := e.Snapshot(); return err }},
		{"restore", func(e store.Engine, _ *store.Queue) error { return e.Restore(1) }},
		{"restore latest", func(e store.Engine, _ *store.Queue) error { return e.Restore(store.Latest) }},
		{"close", func(e store.Engine, _ *store.Queue) error { return e.Close() }},
	}
	for _, name := range ownEngines {
		for _, op := range ops {
			t.Run(name+" "+op.name, func(t *testing.T) {
				goes, n := 0, 0
				for ; ; n++ {
					h, q := newHandles(unlimited), newQueue(t)
					h.once = true
					bucket, err := snapshot.NewFolder("bucket", snapshot.FolderOptions{FS: vfs.NewMem()})
					require.NoError(t, err)
					a := snapshot.New(bucket)
					o := store.Options{Dir: "dir", FS: h, Archive: a, Scheduler: q}
					e := mustOpen(t, name, o)
					set := func(from, to int, value string) {
						for i := from; i < to; i++ {
							put(t, e, q, fmt.Sprint("key ", i), value)
						}
					}
					set(0, 60, strings.Repeat("1", 90))
					snap(t, e)
					set(30, 90, strings.Repeat("2", 90))
					require.NoError(t, e.Sync())
					set(90, 95, strings.Repeat("3", 90))
					h.takes(n)
					err = op.do(e, q)
					reached := h.takes(unlimited) < 0
					if !reached {
						require.NoError(t, err)
					}
					restored := strings.HasPrefix(op.name, "restore") && err == nil
					check := func(e store.Engine, synced bool) {
						for i := range 95 {
							v, err := e.Get(fmt.Appendf(nil, "key %d", i))
							require.NoError(t, err, "change %d", n)
							want := []string{strings.Repeat("1", 90)}
							if i >= 60 {
								want[0] = ""
							}
							switch {
							case restored || i < 30:
							case i < 90 && strings.HasPrefix(op.name, "restore") && !synced: // the catalog may be either
								want = append(want, strings.Repeat("2", 90))
							case i < 90:
								want[0] = strings.Repeat("2", 90)
							case synced:
								want[0] = strings.Repeat("3", 90)
							default:
								want = append(want, strings.Repeat("3", 90))
							}
							require.Contains(t, want, string(v), "key %d, change %d", i, n)
						}
					}
					live := false
					if op.name != "close" {
						check(e, true)
						err := e.Set([]byte("more"), []byte("value"))
						for range 20 {
							if !errors.Is(err, store.ErrBackpressure) {
								break
							}
							_, _ = q.Drain(1 << 20)
							err = e.Set([]byte("more"), []byte("value"))
						}
						if err == nil {
							err = e.Sync()
						}
						if live = err == nil; live {
							goes++
							o := o // as after a kill
							o.FS = diskOf(t, "dir", readAll(t, h, "dir"))
							e := mustOpen(t, name, o)
							check(e, true)
							holds(t, e, "more", "value")
							require.NoError(t, e.Close())
						} else {
							require.ErrorIs(t, err, store.ErrFailed, "change %d", n)
						}
						if err := e.Close(); err != nil {
							require.False(t, live, "change %d: %v", n, err)
						}
					}
					require.Empty(t, h.names(), "change %d", n)
					e = mustOpen(t, name, o)
					check(e, live || op.name == "close" && err == nil)
					if live {
						holds(t, e, "more", "value")
					}
					if _, err := e.Snapshot(); err == nil {
						o.Dir, o.Archive = "other", snapshot.New(bucket)
						other := mustOpen(t, name, o)
						for i := range 95 {
							k := fmt.Sprint("key ", i)
							v, err := e.Get([]byte(k))
							require.NoError(t, err)
							holds(t, other, k, string(v))
						}
						require.NoError(t, other.Close())
					} else {
						require.ErrorIs(t, err, store.ErrConflict)
					}
					require.NoError(t, e.Close())
					if !reached {
						break
					}
				}
				t.Logf("%d changes fail, of which the engine outlives %d", n, goes)
			})
		}
	}
}
