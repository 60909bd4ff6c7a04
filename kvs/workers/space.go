package workers

import (
	"fmt"

	"github.com/joinery-go/joinery/kvs/store"
	"github.com/joinery-go/joinery/kvs/store/snapshot"
)

// Archives keeps the branches of all workers in one bucket, by package snapshot.
type Archives struct {
	Bucket store.Bucket
}

var _ Forks = Archives{}

func (a Archives) open(branch string) (*snapshot.Archive, error) {
	return snapshot.Open(a.Bucket, snapshot.Options{Branch: branch})
}

// Archive is that of a branch, for an engine's options.
func (a Archives) Archive(branch string) (store.Archive, error) { return a.open(branch) }

// Branches implements [Forks].
func (a Archives) Branches() ([]string, error) {
	s, err := a.open("")
	if err != nil {
		return nil, err
	}
	return s.Branches()
}

// Drop implements [Forks].
func (a Archives) Drop(branch string) error {
	s, err := a.open("")
	if err != nil {
		return err
	}
	return s.Drop(branch)
}

// Clone implements [Forks].
func (a Archives) Clone(branch string, v store.Version, to string) error {
	s, err := a.open(branch)
	if err != nil {
		return err
	}
	return s.Clone(v, to)
}

// Split implements [Forks].
func (a Archives) Split(branch string, v store.Version, to string, keys store.KeyRange) error {
	s, err := a.open(branch)
	if err != nil {
		return err
	}
	return s.Split(v, snapshot.Part{Branch: to, Range: keys})
}

// Merge implements [Forks].
func (a Archives) Merge(to string, from []string, keys []store.KeyRange) error {
	if len(from) != len(keys) {
		return fmt.Errorf("%w: %d branches with %d ranges", store.ErrOptions, len(from), len(keys))
	}
	s, err := a.open("")
	if err != nil {
		return err
	}
	parts := make([]snapshot.Part, len(from))
	for i := range from {
		parts[i] = snapshot.Part{Branch: from[i], Range: keys[i]}
	}
	return s.Merge(to, parts...)
}

// Collect implements that of [Space].
func (a Archives) Collect(branch string, keep []store.Version) error {
	s, err := a.open(branch)
	if err != nil {
		return err
	}
	_, err = s.Collect(snapshot.Retention{Last: 1, Versions: keep})
	return err
}

// Local has a worker's engines in one directory, and their snapshots in branches of
// [Archives].
type Local struct {
	Archives
	// New opens an engine with options of which Dir, Archive and Durability are set here:
	// what a directory holds beyond snapshots is never used again.
	New func(store.Options) (store.Engine, error)
	// Options are the others; FS must be set.
	Options store.Options

	dir string // of the engine opened last
}

// Open implements [Space]: the engine gets a directory of its own, and those that were left
// behind go, but the last one, whose engine may still be open.
func (l *Local) Open(branch string) (Engine, error) {
	fs, root := l.Options.FS, l.Options.Dir
	if err := fs.MkdirAll(root, 0o700); err != nil {
		return nil, err
	}
	names, err := fs.List(root)
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		if name == l.dir && name != branch {
			continue
		}
		if err := fs.RemoveAll(fs.PathJoin(root, name)); err != nil {
			return nil, err
		}
	}
	a, err := l.Archive(branch)
	if err != nil {
		return nil, err
	}
	o := l.Options
	o.Dir, o.Archive, o.Durability = fs.PathJoin(root, branch), a, store.None
	e, err := l.New(o)
	if err != nil {
		return nil, err
	}
	l.dir = branch
	return e, nil
}
