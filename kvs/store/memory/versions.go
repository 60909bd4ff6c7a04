package memory

import (
	"errors"
	"fmt"

	"github.com/joinery-go/joinery/kvs/store"
	"github.com/joinery-go/joinery/kvs/store/internal/catalog"
)

// Sync writes all values, if any was set since the last time.
func (e *Engine) Sync() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if err := e.life.Ready("sync"); err != nil {
		return err
	}
	if err := e.persist(); err != nil {
		return fmt.Errorf("sync: %w", err)
	}
	return nil
}

// Snapshot writes all values and publishes them.
func (e *Engine) Snapshot() (store.Version, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if err := e.life.Ready("snapshot"); err != nil {
		return 0, err
	}
	if e.opts.Archive == nil {
		return 0, fmt.Errorf("snapshot: %w", store.ErrNoArchive)
	}
	if err := e.persist(); err != nil {
		return 0, fmt.Errorf("snapshot: %w", err)
	}
	v, idle, err := e.home.Idle()
	if err != nil {
		return 0, fmt.Errorf("snapshot: %w", err)
	}
	if idle {
		e.stats.Snapshots++
		return v, nil
	}
	v, err = e.publish()
	if errors.Is(err, store.ErrCorrupt) && e.life.Live() { // the dump, perhaps, of what memory still has
		e.dirty = true
		if err = e.persist(); err == nil {
			v, err = e.publish()
		}
	}
	if err != nil {
		return 0, fmt.Errorf("snapshot: %w", err)
	}
	e.stats.Snapshots++
	return v, nil
}

func (e *Engine) publish() (store.Version, error) {
	v, uploaded, err := e.home.Publish()
	e.stats.CriticalBytes += uploaded
	if errors.Is(err, catalog.ErrNote) {
		err = e.life.Fail(err)
	}
	return v, err
}

// Restore reads the version beside the present values, then switches.
func (e *Engine) Restore(v store.Version) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if err := e.life.Ready("restore"); err != nil {
		return err
	}
	if e.opts.Archive == nil {
		return fmt.Errorf("restore: %w", store.ErrNoArchive)
	}
	if err := e.restore(v); err != nil {
		return fmt.Errorf("restore: %w", err)
	}
	e.stats.Restores++
	return nil
}

func (e *Engine) restore(v store.Version) error {
	s, err := e.home.Fetch(v, 0, dumpExt)
	if err != nil {
		return err
	}
	values, bytes, err := e.readDumps(s)
	if err != nil {
		return errors.Join(err, e.home.Discard(s))
	}
	old := e.home.State().Parts
	if err := e.home.Restored(s); err != nil {
		return e.life.Fail(err)
	}
	e.values, e.bytes, e.dirty = values, bytes, false
	e.removed(old)
	return nil
}
