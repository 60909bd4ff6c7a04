package disk

import (
	"io"
	"path"
	"syscall"
)

// Lock locks a name until the closer is closed or the machine crashes.
func (f *FS) Lock(name string) (io.Closer, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	name = clean(name)
	if f.locks[name] {
		return nil, fail("lock", name, syscall.EAGAIN)
	}
	if f.names[name] == nil {
		if _, err := f.create(name); err != nil {
			return nil, err
		}
	}
	f.locks[name] = true
	return &lock{f, name, f.life}, nil
}

type lock struct {
	fs   *FS
	name string
	life uint64
}

// Close releases the lock.
func (l *lock) Close() error {
	l.fs.mu.Lock()
	defer l.fs.mu.Unlock()
	if l.life == l.fs.life {
		delete(l.fs.locks, l.name)
	}
	return nil
}

// PathBase is [path.Base].
func (f *FS) PathBase(p string) string { return path.Base(p) }

// PathJoin is [path.Join].
func (f *FS) PathJoin(elem ...string) string { return path.Join(elem...) }

// PathDir is [path.Dir].
func (f *FS) PathDir(p string) string { return path.Dir(p) }
