package disk

import (
	"io"
	"io/fs"
	"os"
	"path"
	"syscall"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/joinery-go/joinery/gen/choice"
)

// file is an open file or directory.
type file struct {
	fs    *FS
	node  *inode // nil for a directory
	name  string
	life  uint64
	at    int64 // where the next Read or Write is
	write bool
	dir   bool
	shut  bool
}

var _ vfs.File = (*file)(nil)

// enter locks the file system for an operation on h. The caller unlocks.
func (h *file) enter(op string, dir bool) error {
	h.fs.mu.Lock()
	switch {
	case h.shut:
		return fail(op, h.name, fs.ErrClosed)
	case h.life != h.fs.life:
		return fail(op, h.name, ErrCrashed)
	case h.dir && !dir:
		return fail(op, h.name, syscall.EISDIR)
	}
	return nil
}

func (h *file) Close() error {
	h.fs.mu.Lock()
	defer h.fs.mu.Unlock()
	if h.shut {
		return fail("close", h.name, fs.ErrClosed)
	}
	h.shut = true
	return nil
}

func (h *file) Read(p []byte) (int, error) {
	err := h.enter("read", false)
	defer h.fs.mu.Unlock()
	if err != nil {
		return 0, err
	}
	n, err := h.readAt(p, h.at)
	h.at += int64(n)
	if n > 0 && err == io.EOF {
		err = nil
	}
	return n, err
}

func (h *file) ReadAt(p []byte, off int64) (int, error) {
	err := h.enter("read", false)
	defer h.fs.mu.Unlock()
	if err != nil {
		return 0, err
	}
	return h.readAt(p, off)
}

func (h *file) readAt(p []byte, off int64) (int, error) {
	// Reads change nothing, so they are no moment to crash at.
	f, node := h.fs, h.node
	if f.stopAt > 0 && f.ops >= f.stopAt {
		return 0, fail("read", h.name, ErrCrashed)
	}
	node.ops++
	v := f.ask("fs.read", choice.Mix(node.key, node.ops), f.opts.Errors, f.opts.ErrorsPermille, 3)
	if v != 0 {
		f.stats.Errors++
	}
	if v == 1 {
		return 0, fail("read", h.name, syscall.EIO)
	}
	if off >= int64(len(node.data)) {
		return 0, io.EOF
	}
	n := copy(p, node.data[off:])
	if v == 2 && n > 1 {
		return n / 2, fail("read", h.name, io.ErrUnexpectedEOF)
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

func (h *file) Write(p []byte) (int, error) {
	err := h.enter("write", false)
	defer h.fs.mu.Unlock()
	if err != nil {
		return 0, err
	}
	n, err := h.writeAt(p, h.at)
	h.at += int64(n)
	return n, err
}

func (h *file) WriteAt(p []byte, off int64) (int, error) {
	err := h.enter("write", false)
	defer h.fs.mu.Unlock()
	if err != nil {
		return 0, err
	}
	return h.writeAt(p, off)
}

func (h *file) writeAt(p []byte, off int64) (int, error) {
	f, node := h.fs, h.node
	if !h.write {
		return 0, fail("write", h.name, fs.ErrPermission)
	}
	v, key, err := f.step(node, "fs.write", 4)
	if err != nil {
		return 0, fail("write", h.name, err)
	}
	switch v {
	case 1:
		return 0, fail("write", h.name, syscall.EIO)
	case 2:
		return 0, fail("write", h.name, syscall.ENOSPC)
	case 3:
		n := len(p) / 2
		f.put(h, p[:n], off, key)
		return n, fail("write", h.name, io.ErrShortWrite)
	}
	if end := int64(len(node.data)); off+int64(len(p)) > end {
		left, _ := f.room()
		if fits := max(end+max(left, 0)-off, 0); fits < int64(len(p)) {
			f.put(h, p[:fits], off, key)
			return int(fits), f.noRoom("write", h.name)
		}
	}
	f.put(h, p, off, key)
	return len(p), nil
}

// put writes bytes, where they belong or where a misdirected write lands.
func (f *FS) put(h *file, p []byte, off int64, key uint64) {
	if len(p) == 0 {
		return
	}
	node, sector := h.node, int64(f.opts.Sector)
	if sectors := (int64(len(node.data)) + sector - 1) / sector; sectors > 1 {
		v := f.ask("fs.misdirect", choice.Mix(key, 1), f.opts.Misdirect, f.opts.MisdirectPermille, 1+uint64(sectors-1))
		if v != 0 && f.granted(h.name) {
			f.stats.Misdirected++
			was := off / sector
			off += ((was+int64(v))%sectors - was) * sector
		}
	}
	e := extent{off, append([]byte(nil), p...)}
	node.data = e.apply(node.data)
	node.pending = append(node.pending, e)
}

// apply writes the extent into b, which grows with zeros as needed.
func (e extent) apply(b []byte) []byte {
	if end := int(e.off) + len(e.data); end > len(b) {
		b = append(b, make([]byte, end-len(b))...)
	}
	copy(b[e.off:], e.data)
	return b
}

// Sync makes the bytes of a file durable, or the names in a directory.
func (h *file) Sync() error {
	err := h.enter("sync", true)
	defer h.fs.mu.Unlock()
	if err != nil {
		return err
	}
	f := h.fs
	if h.dir {
		return f.syncDir(h.name)
	}
	v, _, err := f.step(h.node, "fs.sync", 2)
	if err != nil {
		return fail("sync", h.name, err)
	}
	if v != 0 {
		// As the systems do that take pages for clean once writing them was tried.
		h.node.pending = nil
		return fail("sync", h.name, syscall.EIO)
	}
	if len(h.node.data) > len(h.node.durable) {
		if _, late := f.room(); late {
			h.node.pending = nil
			return f.noRoom("sync", h.name)
		}
	}
	for _, e := range h.node.pending {
		h.node.durable = e.apply(h.node.durable)
	}
	h.node.pending = nil
	return nil
}

// syncDir makes the changes of names in a directory durable. One between two
// directories becomes durable with either.
func (f *FS) syncDir(dir string) error {
	if err := f.tick(); err != nil {
		return fail("sync", dir, err)
	}
	keep := f.changes[:0]
	for _, c := range f.changes {
		if c.from != "" && path.Dir(c.from) == dir || c.to != "" && path.Dir(c.to) == dir {
			c.apply(f.durable)
		} else {
			keep = append(keep, c)
		}
	}
	f.changes = keep
	return nil
}

func (h *file) SyncData() error { return h.Sync() }

// SyncTo only promises to begin, so it does nothing.
func (h *file) SyncTo(int64) (fullSync bool, err error) { return false, nil }

func (h *file) Preallocate(_, _ int64) error { return nil }
func (h *file) Prefetch(_, _ int64) error    { return nil }
func (h *file) Fd() uintptr                  { return vfs.InvalidFd }

func (h *file) Stat() (vfs.FileInfo, error) {
	err := h.enter("stat", true)
	defer h.fs.mu.Unlock()
	if err != nil {
		return nil, err
	}
	i := info{name: path.Base(h.name), dir: h.dir}
	if !h.dir {
		i.size = int64(len(h.node.data))
	}
	return i, nil
}

// info describes a file. There is no clock, so all files are equally old.
type info struct {
	name string
	size int64
	dir  bool
}

func (i info) Name() string { return i.name }
func (i info) Size() int64  { return i.size }
func (i info) Mode() os.FileMode {
	if i.dir {
		return os.ModeDir | 0o755
	}
	return 0o644
}
func (i info) ModTime() time.Time     { return time.Time{} }
func (i info) IsDir() bool            { return i.dir }
func (i info) Sys() any               { return nil }
func (i info) DeviceID() vfs.DeviceID { return vfs.DeviceID{} }
