package disk

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"syscall"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// Link gives a file a second name.
func (f *FS) Link(oldname, newname string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	oldname, newname = clean(oldname), clean(newname)
	node, err := f.find("link", oldname)
	if err != nil {
		return err
	}
	if f.names[newname] != nil {
		return fail("link", newname, fs.ErrExist)
	}
	if err := f.named("link", newname, node); err != nil {
		return err
	}
	f.change(change{to: newname, node: node})
	return nil
}

// Rename gives a file another name, in place of one of that name, at once.
func (f *FS) Rename(oldname, newname string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.rename(clean(oldname), clean(newname))
}

func (f *FS) rename(oldname, newname string) error {
	node, err := f.find("rename", oldname)
	if err != nil {
		return err
	}
	if err := f.named("rename", newname, node); err != nil || oldname == newname {
		return err
	}
	f.change(change{from: oldname, to: newname, node: node})
	return nil
}

// ReuseForWrite renames a file and opens it, with the bytes that it has.
func (f *FS) ReuseForWrite(oldname, newname string, _ vfs.DiskWriteCategory) (vfs.File, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	newname = clean(newname)
	if err := f.rename(clean(oldname), newname); err != nil {
		return nil, err
	}
	return &file{fs: f, node: f.names[newname], name: newname, life: f.life, write: true}, nil
}

// Remove removes a name, or an empty directory. A file that is open stays readable.
func (f *FS) Remove(name string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	name = clean(name)
	if f.dirs[name] {
		if len(f.list(name)) > 0 {
			return fail("remove", name, syscall.ENOTEMPTY)
		}
		delete(f.dirs, name)
		return nil
	}
	return f.remove(name)
}

func (f *FS) remove(name string) error {
	node, err := f.find("remove", name)
	if err != nil {
		return err
	}
	if err := f.named("remove", name, node); err != nil {
		return err
	}
	f.change(change{from: name})
	return nil
}

// RemoveAll removes a name, or a directory with all in it.
func (f *FS) RemoveAll(name string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	name = clean(name)
	var first error
	for _, n := range sortedNames(f.names) {
		if n == name || strings.HasPrefix(n, name+"/") {
			first = errors.Join(first, f.remove(n))
		}
	}
	if first != nil { // and what is left must be somewhere
		return first
	}
	for _, d := range sortedNames(f.dirs) {
		if d == name || strings.HasPrefix(d, name+"/") {
			delete(f.dirs, d)
		}
	}
	return nil
}

// MkdirAll makes a directory and those above it.
func (f *FS) MkdirAll(dir string, _ os.FileMode) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	for d := clean(dir); !f.dirs[d]; d = path.Dir(d) {
		if f.names[d] != nil {
			return fail("mkdir", d, syscall.ENOTDIR)
		}
	}
	if dir = clean(dir); !f.dirs[dir] {
		if left, _ := f.room(); left <= 0 {
			return f.noRoom("mkdir", dir)
		}
	}
	f.mkdir(dir)
	return nil
}

// mkdir makes a directory and those above it, none of which is a file.
func (f *FS) mkdir(dir string) {
	for d := dir; !f.dirs[d]; d = path.Dir(d) {
		f.dirs[d] = true
	}
}

// List lists the names in a directory, sorted.
func (f *FS) List(dir string) ([]string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	dir = clean(dir)
	if !f.dirs[dir] {
		return nil, fail("list", dir, fs.ErrNotExist)
	}
	return f.list(dir), nil
}

func (f *FS) list(dir string) []string {
	var out []string
	for _, n := range append(sortedNames(f.names), sortedNames(f.dirs)...) {
		if path.Dir(n) == dir && n != dir {
			out = append(out, path.Base(n))
		}
	}
	slices.Sort(out)
	return out
}

func sortedNames[V any](m map[string]V) []string {
	names := make([]string, 0, len(m))
	for n := range m {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}

// Stat describes a file or a directory.
func (f *FS) Stat(name string) (vfs.FileInfo, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	name = clean(name)
	if f.dirs[name] {
		return info{name: path.Base(name), dir: true}, nil
	}
	node, err := f.find("stat", name)
	if err != nil {
		return nil, err
	}
	return info{name: path.Base(name), size: int64(len(node.data))}, nil
}

// GetDiskUsage counts the bytes of all files against MaxBytes.
func (f *FS) GetDiskUsage(string) (vfs.DiskUsage, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	used, total := uint64(f.used()), uint64(f.opts.MaxBytes)
	return vfs.DiskUsage{AvailBytes: total - min(used, total), TotalBytes: total, UsedBytes: used}, nil
}

// used is the size of all files that have a name.
func (f *FS) used() (n int64) {
	seen := map[*inode]bool{}
	for _, node := range f.names { //joinery:anyorder a sum
		if !seen[node] {
			n += int64(len(node.data))
		}
		seen[node] = true
	}
	return n
}
