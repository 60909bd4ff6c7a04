package appendlog

import (
	"fmt"
	"sync"

	"github.com/joinery-go/joinery/kvs/store"
	"github.com/joinery-go/joinery/kvs/store/internal/logset"
	"github.com/joinery-go/joinery/kvs/store/internal/record"
)

// Engine is an open engine.
type Engine struct {
	mu   sync.Mutex
	opts Options
	set  *logset.Set
	log  *logset.File // that takes records, nil for none
	// buf are the log's last bytes, which are not written yet; written is how many
	// bytes of it are.
	buf     []byte
	written int64
	dirty   bool // something written is not synced
	synced  bool // the next record is the first since a sync
	waiting int  // sets since the last sync
}

var _ store.Engine = (*Engine)(nil)

// Open opens the engine in o.Dir and recovers it. Errors wrap store.ErrOptions,
// ErrLocked, ErrForeign, ErrFormat, ErrCorrupt, ErrMissing or what the file system
// said. Cost: reading the keys of sealed files, from hints where they are, and all of
// the last log.
func Open(o Options) (*Engine, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, fmt.Errorf("open append-log engine: %w", err)
	}
	if err := o.Eager(Name, "all keys are in memory, and are read from all segments"); err != nil {
		return nil, fmt.Errorf("open %s: %w", o.Dir, err)
	}
	e := &Engine{opts: o}
	if e.set, err = logset.Open(o.set(), &e.mu, e.harden); err != nil {
		return nil, fmt.Errorf("append-log engine: %w", err)
	}
	e.mu.Lock()
	e.unlock()
	return e, nil
}

// unlock unlocks and then offers the background work that came up.
func (e *Engine) unlock() {
	offer := e.set.Job()
	e.mu.Unlock()
	if offer != nil {
		offer()
	}
}

// Get returns a copy of the value under key.
func (e *Engine) Get(key []byte) ([]byte, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if err := e.set.Usable("get"); err != nil {
		return nil, err
	}
	if err := e.opts.CheckKey("get", key); err != nil {
		return nil, err
	}
	e.set.Stats.Gets++
	p, ok := e.set.Index().Get(key)
	if !ok {
		return nil, nil
	}
	if e.log != nil && p.Slot() == e.log.Slot() && p.Offset() >= e.written {
		at := p.Offset() - e.written
		_, _, value, end, err := record.Shape(e.buf[at:])
		if err != nil {
			panic("appendlog: the buffer holds no record where the index says: " + err.Error())
		}
		return append([]byte(nil), e.buf[at:][value:end]...), nil
	}
	v, err := e.set.Read(p, key)
	if err != nil {
		return nil, fmt.Errorf("get: %w", err)
	}
	return v, nil
}

// Set appends the value under key, or that there is none.
func (e *Engine) Set(key, value []byte) error {
	e.mu.Lock()
	defer e.unlock()
	if err := e.set.Ready("set"); err != nil {
		return err
	}
	if err := e.opts.CheckKey("set", key); err != nil {
		return err
	}
	if err := e.opts.CheckValue(value); err != nil {
		return err
	}
	r := record.Record{Kind: record.Value, Key: key, Value: value}
	if len(value) == 0 {
		r.Kind = record.Tombstone
	}
	size := record.Size(len(key), len(value))
	if err := e.room(size); err != nil {
		return err
	}
	r.Synced = e.synced
	off := e.log.Length()
	e.buf = record.Append(e.buf, e.log.Salt(), off, r)
	e.log.Grow(size)
	e.synced, e.dirty = false, true
	if err := e.promise(); err != nil {
		return fmt.Errorf("set: %w", err)
	}
	e.set.Noted(e.log, r.Kind, key, off, size)
	if r.Kind == record.Value {
		e.set.Stats.Sets++
	} else {
		e.set.Stats.Deletes++
	}
	return nil
}

// room sees to a log that takes size more bytes.
func (e *Engine) room(size int) error {
	if e.log != nil && !e.set.Full(e.log, size) {
		return nil
	}
	if err := e.set.CheckBacklog(); err != nil {
		return err
	}
	if err := e.harden(); err != nil { // what is sealed is durable as a whole
		return fmt.Errorf("set: %w", err)
	}
	log := e.set.NewLog()
	if err := e.set.Create(log); err != nil {
		return fmt.Errorf("set: %w", err)
	}
	e.begin(log)
	return nil
}

// begin makes log the one that takes records; nil is for none.
func (e *Engine) begin(log *logset.File) {
	e.log, e.buf, e.written, e.dirty, e.synced, e.waiting = log, e.buf[:0], record.HeaderBytes, false, true, 0
}

// promise writes and syncs as far as the level of durability asks for it.
func (e *Engine) promise() error {
	e.waiting++
	switch {
	case e.opts.Durability == store.EveryWrite,
		e.opts.Durability == store.GroupCommit && e.waiting >= e.opts.GroupWrites:
		return e.harden()
	case len(e.buf) >= e.opts.BufferBytes:
		return e.flush()
	}
	return nil
}

// flush writes the buffer.
func (e *Engine) flush() error {
	if len(e.buf) == 0 {
		return nil
	}
	if err := e.set.Write(e.log, e.buf); err != nil {
		return err
	}
	e.written += int64(len(e.buf))
	e.buf = e.buf[:0]
	return nil
}

// harden makes all that was set durable.
func (e *Engine) harden() error {
	if !e.dirty {
		return nil
	}
	if err := e.flush(); err != nil {
		return err
	}
	if err := e.set.Sync(e.log); err != nil {
		return err
	}
	e.dirty, e.synced, e.waiting = false, true, 0
	return nil
}

// Sync makes all that was set durable.
func (e *Engine) Sync() error {
	e.mu.Lock()
	defer e.unlock()
	if err := e.set.Ready("sync"); err != nil {
		return err
	}
	if err := e.harden(); err != nil {
		return fmt.Errorf("sync: %w", err)
	}
	return nil
}

// Snapshot publishes the records that count of what was set since the last one.
func (e *Engine) Snapshot() (store.Version, error) {
	e.mu.Lock()
	defer e.unlock()
	if err := e.set.Ready("snapshot"); err != nil {
		return 0, err
	}
	if err := e.harden(); err != nil {
		return 0, fmt.Errorf("snapshot: %w", err)
	}
	e.begin(nil) // the set seals it
	v, err := e.set.Snapshot()
	if err != nil {
		return 0, fmt.Errorf("snapshot: %w", err)
	}
	return v, nil
}

// Restore fetches a version and switches to it.
func (e *Engine) Restore(v store.Version) error {
	e.mu.Lock()
	defer e.unlock()
	if err := e.set.Ready("restore"); err != nil {
		return err
	}
	if err := e.set.Restore(v); err != nil {
		return fmt.Errorf("restore: %w", err)
	}
	e.begin(nil)
	return nil
}

// Stats returns counts since the engine was opened.
func (e *Engine) Stats() store.Stats {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.set.Stats
}

// Size returns what the engine occupies.
func (e *Engine) Size() store.Size {
	e.mu.Lock()
	defer e.mu.Unlock()
	n := e.set.Size()
	n.Memory = int64(len(e.buf))
	return n
}

// Close makes all durable and gives the directory free, which it does even if that
// fails.
func (e *Engine) Close() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if err := e.set.Usable("close"); err != nil {
		return err
	}
	var err error
	if e.set.Ready("close") == nil {
		err = e.harden()
	}
	e.begin(nil)
	if err = e.set.Close(err); err != nil {
		return fmt.Errorf("close: %w", err)
	}
	return nil
}
