package snapshot

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/joinery-go/joinery/kvs/store"
	"github.com/joinery-go/joinery/kvs/store/internal/catalog"
)

// FolderOptions describe a [Folder].
type FolderOptions struct {
	// FS is the file system, [store.Private] by default. Its locks must hold between
	// all processes that use the folder.
	FS vfs.FS
	// Wait is called before the nth try, from 2, to get a lock that somebody holds;
	// an error ends the trying. By default it sleeps, a millisecond at first and at most
	// ten, on [store.Private], and does nothing on any other file system, which may be
	// one of simulated time.
	Wait func(try int) error
	// Tries is how often a lock is tried, 1000 by default.
	Tries int
}

// Folder is a bucket in a directory.
//
//	NAME             an object
//	HEAD             a line with the head's revision, then its content
//	HEAD.lock        held while the head is compared and replaced
//	upload-N.tmp     an object on its way, of whoever holds upload-N.lock
//
// A replaced head carries the next revision, which is its tag: it only ever grows.
type Folder struct {
	dir  string
	opts FolderOptions
}

var (
	_ store.Bucket      = (*Folder)(nil)
	_ store.RangeBucket = (*Folder)(nil)
	_ store.SoonBucket  = (*Folder)(nil)
)

const (
	uploadSlots  = 64
	maxHeadBytes = 64 << 20
	headName     = "HEAD"
)

// NewFolder returns the bucket in dir, which is made if it is missing.
func NewFolder(dir string, o FolderOptions) (*Folder, error) {
	if dir == "" || o.Tries < 0 {
		return nil, fmt.Errorf("%w: folder %q, %d tries", store.ErrOptions, dir, o.Tries)
	}
	if o.FS == nil {
		o.FS = store.Private
	}
	if o.Tries == 0 {
		o.Tries = 1000
	}
	if o.Wait == nil {
		o.Wait = func(int) error { return nil }
		if o.FS == store.Private {
			o.Wait = doze
		}
	}
	if err := catalog.MakeDir(o.FS, dir); err != nil {
		return nil, fmt.Errorf("bucket %s: %w", dir, err)
	}
	return &Folder{dir, o}, nil
}

// doze waits longer before later tries.
func doze(try int) error {
	time.Sleep(time.Duration(min(try-1, 10)) * time.Millisecond)
	return nil
}

func (f *Folder) path(name string) string { return f.opts.FS.PathJoin(f.dir, name) }

func (f *Folder) check(op, name string) error {
	ok := slices.ContainsFunc(kinds, func(kind string) bool { return strings.HasPrefix(name, kind+"-") })
	for _, r := range name {
		ok = ok && (r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '.')
	}
	if !ok {
		return fmt.Errorf("%s %s: %w: %q is no object's name", op, f.dir, store.ErrOptions, name)
	}
	return nil
}

// unlockable are the errors of a lock that nobody holds: its file cannot be there, however long
// one waits.
var unlockable = []error{fs.ErrNotExist, fs.ErrPermission, syscall.ENOTDIR, syscall.EISDIR, syscall.EROFS, syscall.ENOSPC, syscall.EDQUOT}

// lock gets one of the locks named, in turn.
func (f *Folder) lock(names ...string) (io.Closer, int, error) {
	var err error
	for try := range f.opts.Tries {
		if try >= len(names) {
			if err := f.opts.Wait(try - len(names) + 2); err != nil {
				return nil, 0, err
			}
		}
		i := try % len(names)
		var c io.Closer
		if c, err = f.opts.FS.Lock(f.path(names[i])); err == nil {
			return c, i, nil
		}
		if slices.ContainsFunc(unlockable, func(why error) bool { return errors.Is(err, why) }) {
			return nil, 0, err
		}
	}
	return nil, 0, fmt.Errorf("%w: %s after %d tries: %w", store.ErrBusy, names[0], f.opts.Tries, err)
}

// Put stores an object: all of it under another name, then renamed. With it the names
// of all objects put before are durable.
func (f *Folder) Put(name string, size int64, r io.Reader) error {
	if err := f.PutSoon(name, size, r); err != nil {
		return err
	}
	return catalog.SyncDir(f.opts.FS, f.dir)
}

// PutSoon is Put but for the name of the object, which the next Put makes durable.
func (f *Folder) PutSoon(name string, size int64, r io.Reader) (err error) {
	if err := f.check("put", name); err != nil {
		return err
	}
	var locks []string
	for i := range uploadSlots {
		locks = append(locks, fmt.Sprintf("upload-%d.lock", i))
	}
	lock, slot, err := f.lock(locks...)
	if err != nil {
		return fmt.Errorf("put %s: %w", f.path(name), err)
	}
	defer func() { err = errors.Join(err, lock.Close()) }()
	tmp := f.path(fmt.Sprintf("upload-%d.tmp", slot))
	if err = f.write(tmp, size, r); err == nil {
		err = f.opts.FS.Rename(tmp, f.path(name))
	}
	if err == nil {
		return nil
	}
	err = fmt.Errorf("put %s: %w", f.path(name), err)
	// What is of no use takes no room, which may be what was missing.
	if e := f.opts.FS.Remove(tmp); e != nil && !errors.Is(e, fs.ErrNotExist) {
		err = errors.Join(err, e)
	}
	return err
}

func (f *Folder) write(tmp string, size int64, r io.Reader) error {
	w, err := f.opts.FS.Create(tmp, vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	n, err := io.Copy(w, io.LimitReader(r, size+1))
	if err == nil && n != size {
		err = fmt.Errorf("%w: %d bytes came, %d were announced", store.ErrCorrupt, n, size)
	}
	if err == nil {
		err = w.Sync()
	}
	return errors.Join(err, w.Close())
}

// Get reads an object.
func (f *Folder) Get(name string) (io.ReadCloser, error) {
	if err := f.check("get", name); err != nil {
		return nil, err
	}
	r, err := f.opts.FS.Open(f.path(name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("get: %w: %w", store.ErrNoObject, err)
	}
	if err != nil {
		return nil, fmt.Errorf("get: %w", err)
	}
	return r, nil
}

// GetRange reads n bytes of an object from offset off on.
func (f *Folder) GetRange(name string, off, n int64) (io.ReadCloser, error) {
	if off < 0 || n < 1 {
		return nil, fmt.Errorf("get %s: %w: %d bytes from %d on", name, store.ErrOptions, n, off)
	}
	if err := f.check("get", name); err != nil {
		return nil, err
	}
	r, err := f.opts.FS.Open(f.path(name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("get: %w: %w", store.ErrNoObject, err)
	}
	if err != nil {
		return nil, fmt.Errorf("get: %w", err)
	}
	return &section{io.NewSectionReader(r, off, n), r}, nil
}

type section struct {
	*io.SectionReader
	io.Closer
}

// Delete removes an object.
func (f *Folder) Delete(name string) error {
	if err := f.check("delete", name); err != nil {
		return err
	}
	if err := f.opts.FS.Remove(f.path(name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("delete: %w", err)
	}
	return catalog.SyncDir(f.opts.FS, f.dir)
}

// List returns the names that begin with prefix, sorted.
func (f *Folder) List(prefix string) ([]string, error) {
	all, err := f.opts.FS.List(f.dir)
	if err != nil {
		return nil, fmt.Errorf("list %s: %w", f.dir, err)
	}
	names := slices.DeleteFunc(all, func(n string) bool {
		return !strings.HasPrefix(n, prefix) || f.check("list", n) != nil
	})
	slices.Sort(names)
	return names, nil
}

// Head returns the head and its revision.
func (f *Folder) Head() (data []byte, tag string, err error) {
	b, err := catalog.ReadFile(f.opts.FS, f.path(headName), maxHeadBytes)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, "", nil
	}
	if err != nil {
		return nil, "", fmt.Errorf("head: %w", err)
	}
	line, rest, ok := strings.Cut(string(b), "\n")
	if n, err := strconv.ParseUint(line, 10, 64); !ok || err != nil || n == 0 || strconv.FormatUint(n, 10) != line {
		return nil, "", fmt.Errorf("head of %s: %w: first line %q", f.dir, store.ErrCorrupt, line)
	}
	return []byte(rest), line, nil
}

// SwapHead replaces the head under a lock if its revision is still tag.
func (f *Folder) SwapHead(tag string, data []byte) (err error) {
	lock, _, err := f.lock(headName + ".lock")
	if err != nil {
		return fmt.Errorf("swap head of %s: %w", f.dir, err)
	}
	defer func() { err = errors.Join(err, lock.Close()) }()
	_, now, err := f.Head()
	if err != nil {
		return err
	}
	if now != tag {
		return fmt.Errorf("swap head of %s: %w: revision %q, not %q", f.dir, store.ErrConflict, now, tag)
	}
	var revision uint64
	if tag != "" {
		if revision, err = strconv.ParseUint(tag, 10, 64); err != nil {
			return fmt.Errorf("swap head of %s: %w: tag %q", f.dir, store.ErrConflict, tag)
		}
	}
	b := append([]byte(strconv.FormatUint(revision+1, 10)+"\n"), data...)
	if err := catalog.WriteFile(f.opts.FS, f.dir, headName, headName+".tmp", b); err != nil {
		return fmt.Errorf("swap head of %s: %w", f.dir, err)
	}
	return nil
}
