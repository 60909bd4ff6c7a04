package store

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// Private is the operating system's file system with new files that only their
// owner can read and write, whatever the umask leaves open.
var Private vfs.FS = private{vfs.Default}

type private struct{ vfs.FS }

// claim makes an empty file that only its owner can open.
func claim(name string) error {
	f, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	return f.Close()
}

// Create creates a file, in place of one of that name.
func (p private) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	err := claim(name)
	for errors.Is(err, fs.ErrExist) {
		if err = os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		err = claim(name)
	}
	if err != nil {
		return nil, err
	}
	return p.FS.OpenReadWrite(name, c)
}

// OpenReadWrite opens a file, and creates it if there is none.
func (p private) OpenReadWrite(name string, c vfs.DiskWriteCategory, opts ...vfs.OpenOption) (vfs.File, error) {
	if err := claim(name); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	return p.FS.OpenReadWrite(name, c, opts...)
}

// Lock locks a file by its absolute name without symbolic links: the system's lock
// does not hold against its own process, so that two spellings of one name must
// not pass for two files.
func (p private) Lock(name string) (io.Closer, error) {
	dir, err := filepath.Abs(filepath.Dir(name))
	if err != nil {
		return nil, err
	}
	if dir, err = filepath.EvalSymlinks(dir); err != nil {
		return nil, err
	}
	name = filepath.Join(dir, filepath.Base(name))
	if err := claim(name); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	return p.FS.Lock(name)
}

// MkdirAll makes directories that only their owner can enter; perm can take from
// that, and does not add.
func (p private) MkdirAll(dir string, perm os.FileMode) error { return p.FS.MkdirAll(dir, perm&0o700) }

// Unwrap returns the file system below.
func (p private) Unwrap() vfs.FS { return p.FS }
