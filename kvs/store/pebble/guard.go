package pebble

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/joinery-go/joinery/kvs/store/internal/catalog"
)

const markerPrefix = "marker."

// guard is the file system of one database, which ends the process when a write or a sync of its
// log or its manifest fails, on goroutines of its own too. So it is told of no failure: from the
// first one on, the disk stays as it is, and what the database goes on to write is kept in memory
// (a shadow of each file), where it reads it back. That is a crash at that moment: all that was
// durable before is there, and nothing that came after. The engine asks for the failure after
// each operation, and takes no more; what is in memory ends with the database.
//
// What compactions that run by then still write is in memory too, until the database is closed.
//
// Its second duty is the order of names. Pebble says by the name of a marker which manifest
// counts: it makes the new marker, removes the old one, and then syncs the directory once for
// both and for the manifest's own name. A disk that makes one of these names durable without
// those before it would lose the database. So the guard syncs the directory before a marker is
// made, and before one is removed; and before a log is, of which the newest stays until the next
// opening, since without any log a directory is taken for one that has lost it.
type guard struct {
	vfs.FS
	dir   string // of the database; what is elsewhere, as a checkpoint, fails as it does
	cause atomic.Pointer[error]

	mu         sync.Mutex
	shadows    map[string]*shadow // files that are not as the disk has them, by path; mu guards their bytes
	checkpoint string             // the directory of the one that is made, "" for none
	unsynced   error              // what syncing that said, which Pebble would end the process by
}

// shadow is a file with what the disk does not have of it.
type shadow struct {
	disk string // the path of what the disk has
	base int64  // how many of its bytes count
	data []byte // behind them
}

func newGuard(fs vfs.FS, dir string) *guard {
	return &guard{FS: fs, dir: dir, shadows: map[string]*shadow{}}
}

// failed is what failed first, nil if nothing did.
func (g *guard) failed() error {
	if e := g.cause.Load(); e != nil {
		return *e
	}
	return nil
}

func (g *guard) fail(err error) { g.cause.CompareAndSwap(nil, &err) }

// ours reports a file of the database.
func (g *guard) ours(name string) bool { return g.FS.PathDir(name) == g.dir }

// order makes all names so far durable, unless something failed before.
func (g *guard) order() {
	if g.failed() == nil {
		if err := catalog.SyncDir(g.FS, g.dir); err != nil {
			g.fail(err)
		}
	}
}

func (g *guard) isMarker(name string) bool {
	return strings.HasPrefix(g.FS.PathBase(name), markerPrefix)
}

// put has a shadow stand for the file.
func (g *guard) put(name string, s *shadow) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.shadows[name] = s
}

// shadowOf is the file's shadow, nil for none.
func (g *guard) shadowOf(name string) *shadow {
	if g.failed() == nil {
		return nil
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.shadows[name]
}

// Create makes a file, in memory if the disk cannot.
func (g *guard) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	return g.create(name, func() (vfs.File, error) { return g.FS.Create(name, c) })
}

// ReuseForWrite makes a file of one that is no longer needed.
func (g *guard) ReuseForWrite(old, name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	return g.create(name, func() (vfs.File, error) { return g.FS.ReuseForWrite(old, name, c) })
}

func (g *guard) create(name string, on func() (vfs.File, error)) (vfs.File, error) {
	if !g.ours(name) {
		return on()
	}
	f := &guarded{g: g, name: name}
	if g.isMarker(name) {
		g.order()
	}
	if g.failed() == nil {
		var err error
		if f.File, err = on(); err == nil {
			return f, nil
		}
		f.File = nil
		g.fail(err)
	}
	f.shadow = &shadow{}
	g.put(name, f.shadow)
	return f, nil
}

// Open opens a file for reading, as the database has written it.
func (g *guard) Open(name string, opts ...vfs.OpenOption) (vfs.File, error) {
	s := g.shadowOf(name)
	if s == nil {
		f, err := g.FS.Open(name, opts...)
		if err == nil && g.ours(name) && strings.HasSuffix(name, tableExt) {
			if err = checkTable(f); err != nil {
				return nil, errors.Join(fmt.Errorf("%s: %w", name, err), f.Close())
			}
		}
		return f, err
	}
	r := &shadowed{g: g, name: name, shadow: s}
	if s.base > 0 {
		var err error
		if r.File, err = g.FS.Open(s.disk); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// OpenDir opens a directory to be synced.
func (g *guard) OpenDir(name string) (vfs.File, error) {
	f, err := g.FS.OpenDir(name)
	switch {
	case err != nil:
		return nil, err
	case name == g.dir:
		return &guarded{File: f, g: g, name: name}, nil
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if name == g.checkpoint {
		return checkpointDir{f, g}, nil
	}
	return f, nil
}

// checkpointed makes a checkpoint in dir by do, and returns what failed.
func (g *guard) checkpointed(dir string, do func(dir string) error) error {
	g.mu.Lock()
	g.checkpoint, g.unsynced = dir, nil
	g.mu.Unlock()
	err := do(dir)
	g.mu.Lock()
	defer g.mu.Unlock()
	g.checkpoint = ""
	return errors.Join(err, g.unsynced)
}

// checkpointDir is the directory of a checkpoint.
type checkpointDir struct {
	vfs.File
	g *guard
}

// Sync makes the names in the directory durable; the guard keeps what it says.
func (d checkpointDir) Sync() error {
	if err := d.File.Sync(); err != nil {
		d.g.mu.Lock()
		defer d.g.mu.Unlock()
		d.g.unsynced = errors.Join(d.g.unsynced, err)
	}
	return nil
}

// Stat is of a file as the database has written it.
func (g *guard) Stat(name string) (vfs.FileInfo, error) {
	if s := g.shadowOf(name); s != nil {
		return g.info(name, s), nil
	}
	return g.FS.Stat(name)
}

// Rename renames a file.
func (g *guard) Rename(from, to string) error {
	if !g.ours(to) {
		return g.FS.Rename(from, to)
	}
	if g.failed() == nil {
		err := g.FS.Rename(from, to)
		if err == nil {
			return nil
		}
		g.fail(err)
	}
	s := g.shadowOf(from)
	if s == nil {
		info, err := g.FS.Stat(from)
		if err != nil {
			return err
		}
		s = &shadow{disk: from, base: info.Size()}
	}
	g.put(to, s)
	return nil
}

// Link makes another name of a file, which the database only does for a checkpoint.
func (g *guard) Link(from, to string) error {
	if err := g.failed(); err != nil {
		return err
	}
	return g.FS.Link(from, to)
}

// Remove removes a file, unless the disk is to stay as it is or the file is the newest log.
func (g *guard) Remove(name string) error {
	if !g.ours(name) {
		return g.FS.Remove(name)
	}
	if strings.HasSuffix(name, logExt) {
		newest, _, err := newestLog(g.FS, g.dir)
		if err != nil || newest == name {
			return err
		}
		g.order()
	} else if g.isMarker(name) {
		g.order()
	}
	if g.failed() != nil {
		return nil
	}
	return g.FS.Remove(name)
}

// Unwrap returns the file system below.
func (g *guard) Unwrap() vfs.FS { return g.FS }

func (g *guard) info(name string, s *shadow) vfs.FileInfo {
	g.mu.Lock()
	defer g.mu.Unlock()
	return shadowInfo{g.FS.PathBase(name), s.base + int64(len(s.data))}
}

// guarded is a file that is written from its beginning to its end, or a directory. One file is
// used by one goroutine at a time.
type guarded struct {
	vfs.File // nil for one that the disk does not have
	g        *guard
	name     string
	wrote    int64 // bytes that the disk took
	shadow   *shadow
}

// Write writes to the disk, or to memory from the first failure on.
func (f *guarded) Write(p []byte) (int, error) {
	at := 0
	if f.g.failed() == nil {
		n, err := f.File.Write(p)
		f.wrote += int64(n)
		if err == nil {
			return n, nil
		}
		f.g.fail(err)
		at = n
	}
	f.g.mu.Lock()
	defer f.g.mu.Unlock()
	if f.shadow == nil {
		f.shadow = &shadow{disk: f.name, base: f.wrote}
		f.g.shadows[f.name] = f.shadow
	}
	f.shadow.data = append(f.shadow.data, p[at:]...)
	return len(p), nil
}

// WriteAt is nothing that the database does.
func (f *guarded) WriteAt(p []byte, off int64) (int, error) {
	if err := f.g.failed(); err != nil {
		return 0, err
	}
	return f.File.WriteAt(p, off)
}

// Preallocate asks for room. That there is none says the write that needs it.
func (f *guarded) Preallocate(off, n int64) error {
	if f.g.failed() == nil {
		_ = f.File.Preallocate(off, n)
	}
	return nil
}

// unless does what makes the file durable, unless something failed before.
func (f *guarded) unless(do func() error) {
	if f.g.failed() != nil {
		return
	}
	if err := do(); err != nil {
		f.g.fail(err)
	}
}

// Sync makes the file durable.
func (f *guarded) Sync() error {
	f.unless(func() error { return f.File.Sync() })
	return nil
}

// SyncData makes the file's bytes durable.
func (f *guarded) SyncData() error {
	f.unless(func() error { return f.File.SyncData() })
	return nil
}

// SyncTo makes the first n bytes durable, or begins to.
func (f *guarded) SyncTo(n int64) (whole bool, err error) {
	f.unless(func() error {
		whole, err = f.File.SyncTo(n)
		return err
	})
	return whole, nil
}

// Close closes the file.
func (f *guarded) Close() error {
	if f.File == nil {
		return nil
	}
	if err := f.File.Close(); err != nil {
		f.g.fail(err)
	}
	return nil
}

// Stat is of the file as it was written.
func (f *guarded) Stat() (vfs.FileInfo, error) {
	if f.shadow != nil {
		return f.g.info(f.name, f.shadow), nil
	}
	return f.File.Stat()
}

// Prefetch is for files that are read.
func (f *guarded) Prefetch(int64, int64) error { return nil }

// Fd is the descriptor of what the disk has.
func (f *guarded) Fd() uintptr {
	if f.File == nil {
		return vfs.InvalidFd
	}
	return f.File.Fd()
}

// Read is of no file that is written.
func (f *guarded) Read([]byte) (int, error) { return 0, os.ErrInvalid }

// ReadAt is of no file that is written.
func (f *guarded) ReadAt([]byte, int64) (int, error) { return 0, os.ErrInvalid }

// shadowed reads a file of which the disk does not have all.
type shadowed struct {
	vfs.File // nil where the disk has nothing of it
	g        *guard
	name     string
	shadow   *shadow
	at       int64
}

// ReadAt reads what the disk has and then what memory has.
func (r *shadowed) ReadAt(p []byte, off int64) (n int, err error) {
	s := r.shadow
	if off < s.base {
		if n, err = r.File.ReadAt(p[:min(int64(len(p)), s.base-off)], off); err != nil {
			return n, err
		}
	}
	r.g.mu.Lock()
	defer r.g.mu.Unlock()
	if behind := off + int64(n) - s.base; n < len(p) && behind < int64(len(s.data)) {
		n += copy(p[n:], s.data[behind:])
	}
	if n < len(p) {
		err = io.EOF
	}
	return n, err
}

// Read reads on.
func (r *shadowed) Read(p []byte) (int, error) {
	n, err := r.ReadAt(p, r.at)
	r.at += int64(n)
	if n > 0 {
		err = nil
	}
	return n, err
}

// Stat is of the file as it was written.
func (r *shadowed) Stat() (vfs.FileInfo, error) { return r.g.info(r.name, r.shadow), nil }

// Prefetch is for files that the disk has.
func (r *shadowed) Prefetch(int64, int64) error { return nil }

// Fd is none: not all of the file is there.
func (r *shadowed) Fd() uintptr { return vfs.InvalidFd }

// Close closes what the disk has.
func (r *shadowed) Close() error {
	if r.File == nil {
		return nil
	}
	return r.File.Close()
}

// shadowInfo describes a shadow. It has no times.
type shadowInfo struct {
	name string
	size int64
}

func (i shadowInfo) Name() string         { return i.name }
func (i shadowInfo) Size() int64          { return i.size }
func (shadowInfo) Mode() os.FileMode      { return 0o600 }
func (shadowInfo) ModTime() time.Time     { return time.Time{} }
func (shadowInfo) IsDir() bool            { return false }
func (shadowInfo) Sys() any               { return nil }
func (shadowInfo) DeviceID() vfs.DeviceID { return vfs.DeviceID{} }
