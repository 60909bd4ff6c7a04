package storetest

import (
	"errors"
	"maps"
	"slices"
	"sync/atomic"

	"github.com/joinery-go/joinery/sim/disk"
)

// before is what a run was before it attempted something: what it goes on from when the power
// was cut meanwhile on a copy of the disk.
type before struct {
	model       model
	dir, branch string
	left        []leftBranch
}

func (r *run) before() before {
	m := *r.model
	m.states, m.versions = slices.Clone(m.states), maps.Clone(m.versions)
	return before{m, r.dir, r.branch, slices.Clone(r.left)}
}

// copyAt has a copy of the disk made just before operation n.
func (r *run) copyAt(n int64) {
	r.copied = new(atomic.Pointer[disk.FS])
	into := r.copied
	r.fs.CloneAt(n, func(c *disk.FS) { into.Store(c) }) // on whichever goroutine the operation is
}

// hasCopy reports that the moment of copyAt has passed.
func (r *run) hasCopy() bool { return r.copied != nil && r.copied.Load() != nil }

// goOnCopy leaves the engine and its disk for the copy.
func (r *run) goOnCopy() error {
	var err error
	if r.engine != nil {
		err = r.engine.Close()
	}
	if !r.hasCopy() {
		return errors.Join(err, errors.New("closing did nothing to the disk"))
	}
	r.fs, r.copied, r.engine = r.copied.Load(), nil, nil
	return err
}

// attempt does something, and lets an error pass that is the disk's doing. Where the power is
// cut on a copy of the disk, what was done goes on undisturbed, and is then as if it had not
// returned.
func (r *run) attempt(what string, do func() error) error {
	if !r.config.Engine.Clones {
		return r.survive(what, do())
	}
	b := r.before()
	r.tried, r.collected = nil, false
	if err := do(); err != nil || !r.hasCopy() {
		return r.survive(what, err)
	}
	if err := r.goOnCopy(); err != nil {
		return err
	}
	*r.model, r.dir, r.branch, r.left = b.model, b.dir, b.branch, b.left
	r.attempted, r.collecting = r.tried, r.collected
	return r.survive(what, disk.ErrCrashed)
}
