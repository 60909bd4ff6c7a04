// Package memory is the baseline engine: a map in memory, of which every snapshot
// writes everything (Gavalas's thesis, "in-memory engine").
//
// What was set since the last Snapshot, Sync or Close is in memory only, so the
// engine refuses the levels of durability that promise more. All of the state must
// fit in memory, twice while a version is restored.
package memory

import (
	"fmt"
	"sync"

	"github.com/joinery-go/joinery/kvs/store"
	"github.com/joinery-go/joinery/kvs/store/internal/catalog"
	"github.com/joinery-go/joinery/kvs/store/internal/lifecycle"
)

// Name is the engine's name in catalogs and manifests.
const Name = "memory"

const dumpExt = "dump"

// Options are those of all engines; the map has none of its own.
type Options struct{ store.Options }

// Engine is an open engine.
type Engine struct {
	mu     sync.Mutex
	opts   store.Options
	home   *catalog.Home
	values map[string][]byte
	bytes  int64 // of keys and values
	dirty  bool  // something was set that the catalog's dump does not have
	life   lifecycle.State
	stats  store.Stats
}

var _ store.Engine = (*Engine)(nil)

// Open opens the engine in o.Dir. Besides what store.ErrLocked, ErrForeign,
// ErrFormat, ErrCorrupt and ErrMissing say, an error may wrap store.ErrOptions for a
// level of durability that the engine does not have.
func Open(o Options) (*Engine, error) {
	opts, err := o.Options.WithDefaults()
	if err != nil {
		return nil, fmt.Errorf("open memory engine: %w", err)
	}
	if opts.Durability != store.None && opts.Durability != store.OnSnapshot {
		return nil, fmt.Errorf("open memory engine: %w: Durability %s; it keeps nothing between snapshots, take another engine",
			store.ErrOptions, opts.Durability)
	}
	if err := opts.Eager(Name, "all values are in memory"); err != nil {
		return nil, fmt.Errorf("open %s: %w", opts.Dir, err)
	}
	home, err := catalog.OpenHome(opts, Name, dumpExt)
	if err != nil {
		return nil, fmt.Errorf("memory engine: %w", err)
	}
	e := &Engine{opts: opts, home: home, values: map[string][]byte{}}
	if err := e.load(); err != nil {
		return nil, fmt.Errorf("open %s: %w", opts.Dir, catalog.CloseAfter(err, home))
	}
	return e, nil
}

// load reads what the catalog names, or the archive's latest version into an empty
// directory.
func (e *Engine) load() error {
	if e.home.StartsAtLatest() {
		return e.restore(store.Latest)
	}
	values, bytes, err := e.readDumps(e.home.State())
	e.values, e.bytes = values, bytes
	return err
}

// Get returns a copy of the value under key.
func (e *Engine) Get(key []byte) ([]byte, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if err := e.life.Usable("get"); err != nil {
		return nil, err
	}
	if err := e.opts.CheckKey("get", key); err != nil {
		return nil, err
	}
	e.stats.Gets++
	v, ok := e.values[string(key)]
	if !ok {
		return nil, nil
	}
	return append([]byte(nil), v...), nil
}

// Set puts a copy of value under key, or takes the key away.
func (e *Engine) Set(key, value []byte) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if err := e.life.Ready("set"); err != nil {
		return err
	}
	if err := e.opts.CheckKey("set", key); err != nil {
		return err
	}
	if err := e.opts.CheckValue(value); err != nil {
		return err
	}
	old, had := e.values[string(key)]
	if had {
		e.bytes -= int64(len(key) + len(old))
	}
	if len(value) == 0 {
		e.stats.Deletes++
		delete(e.values, string(key))
	} else {
		e.stats.Sets++
		e.values[string(key)] = append([]byte(nil), value...)
		e.bytes += int64(len(key) + len(value))
	}
	e.dirty = true
	return nil
}

// Stats returns counts since the engine was opened.
func (e *Engine) Stats() store.Stats {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.stats
}

// Size returns what the engine occupies; after Close its dump still does, and no memory.
func (e *Engine) Size() store.Size {
	e.mu.Lock()
	defer e.mu.Unlock()
	s := store.Size{Keys: int64(len(e.values)), Memory: e.bytes}
	s.Disk, s.Files = e.home.Disk(), len(e.home.State().Parts)
	return s
}

// Close writes what was set and gives the directory free, which it does even if
// writing fails.
func (e *Engine) Close() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if err := e.life.Usable("close"); err != nil {
		return err
	}
	err := e.life.Failed() // what was set since is not durable
	if err == nil {
		err = e.persist()
	}
	e.life.Close()
	e.values, e.bytes = nil, 0
	return catalog.CloseAfter(err, e.home)
}
