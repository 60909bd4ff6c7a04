package logset

import (
	"fmt"
	"sync"

	"github.com/joinery-go/joinery/kvs/store"
)

// Hooks are what an engine on a set does by itself. They are called with the engine
// locked.
type Hooks struct {
	// Harden makes all that was set durable.
	Harden func() error
	// Sealed is called once logs that were open may have been sealed.
	Sealed func()
	// Dropped is called once nothing counts of what the engine has in memory.
	Dropped func()
}

// Engine is what engines on a set have in common: the lock, and all operations but Get
// and Set.
type Engine struct {
	mu    sync.Mutex
	hooks Hooks
	Set   *Set
}

// Open opens the set and offers the background work that there is.
func (e *Engine) Open(o Options, h Hooks) (err error) {
	e.hooks = h
	if e.Set, err = Open(o, &e.mu, h.Harden); err != nil {
		return err
	}
	e.Lock()
	defer e.Unlock()
	return nil
}

// Lock locks the engine.
func (e *Engine) Lock() { e.mu.Lock() }

// Free unlocks the engine after what changed nothing.
func (e *Engine) Free() { e.mu.Unlock() }

// Unlock unlocks the engine and then offers the background work that came up.
func (e *Engine) Unlock() {
	offer := e.Set.Job()
	e.mu.Unlock()
	if offer != nil {
		offer()
	}
}

// Sync makes all that was set durable.
func (e *Engine) Sync() error {
	e.Lock()
	defer e.Unlock()
	if err := e.Set.Ready("sync"); err != nil {
		return err
	}
	if err := e.hooks.Harden(); err != nil {
		return fmt.Errorf("sync: %w", err)
	}
	return nil
}

// Snapshot publishes the records that count of what was set since the last one.
func (e *Engine) Snapshot() (store.Version, error) {
	e.Lock()
	defer e.Unlock()
	if err := e.Set.Ready("snapshot"); err != nil {
		return 0, err
	}
	if err := e.hooks.Harden(); err != nil {
		return 0, fmt.Errorf("snapshot: %w", err)
	}
	v, err := e.Set.Snapshot()
	e.hooks.Sealed()
	if err != nil {
		return 0, fmt.Errorf("snapshot: %w", err)
	}
	return v, nil
}

// Restore fetches a version and switches to it.
func (e *Engine) Restore(v store.Version) error {
	e.Lock()
	defer e.Unlock()
	if err := e.Set.Ready("restore"); err != nil {
		return err
	}
	if err := e.Set.Restore(v); err != nil {
		return fmt.Errorf("restore: %w", err)
	}
	e.hooks.Dropped()
	return nil
}

// Stats returns counts since the engine was opened.
func (e *Engine) Stats() store.Stats {
	e.Lock()
	defer e.Free()
	return e.Set.Stats
}

// Close makes all durable and gives the directory free, which it does even if that
// fails.
func (e *Engine) Close() error {
	e.Lock()
	defer e.Free()
	if err := e.Set.Usable("close"); err != nil {
		return err
	}
	var err error
	if e.Set.Ready("close") == nil {
		err = e.hooks.Harden()
	}
	e.hooks.Dropped()
	if err = e.Set.Close(err); err != nil {
		return fmt.Errorf("close: %w", err)
	}
	return nil
}
