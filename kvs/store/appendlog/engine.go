package appendlog

import (
	"fmt"

	"github.com/joinery-go/joinery/kvs/store"
	"github.com/joinery-go/joinery/kvs/store/internal/logset"
	"github.com/joinery-go/joinery/kvs/store/internal/record"
)

// Engine is an open engine.
type Engine struct {
	core logset.Engine
	opts Options
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
// said. Cost: reading the index that was saved last, which is used as it is, and what was
// written since; after a close that is nothing, and after a crash as much as is written between
// two savings, and what the background has not come to. Between two savings are 15 MiB where keys
// are few, 2.5 MiB at a million, and 2.5 bytes a key above, but no more than two files. Without a
// saved index that is whole: reading the keys of sealed files, from hints where they are, and all of the last log.
func Open(o Options) (*Engine, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, fmt.Errorf("open append-log engine: %w", err)
	}
	if err := o.Eager(Name, "all keys are in memory, and are read from all segments"); err != nil {
		return nil, fmt.Errorf("open %s: %w", o.Dir, err)
	}
	e := &Engine{opts: o}
	none := func() { e.begin(nil) } // the set seals the log
	if err := e.core.Open(o.set(), logset.Hooks{Harden: e.harden, Sealed: none, Dropped: none}); err != nil {
		return nil, fmt.Errorf("append-log engine: %w", err)
	}
	return e, nil
}

// Get returns a copy of the value under key.
func (e *Engine) Get(key []byte) ([]byte, error) {
	e.core.Lock()
	defer e.core.Free()
	if err := e.core.Set.Usable("get"); err != nil {
		return nil, err
	}
	if err := e.opts.CheckKey("get", key); err != nil {
		return nil, err
	}
	e.core.Set.Stats.Gets++
	p, ok := e.core.Set.Index().Get(key)
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
	v, err := e.core.Set.Read(p, key)
	if err != nil {
		return nil, fmt.Errorf("get: %w", err)
	}
	return v, nil
}

// Set appends the value under key, or that there is none.
func (e *Engine) Set(key, value []byte) error {
	e.core.Lock()
	defer e.core.Unlock()
	if err := e.core.Set.Ready("set"); err != nil {
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
	e.core.Set.Noted(e.log, r.Kind, key, off, size)
	if r.Kind == record.Value {
		e.core.Set.Stats.Sets++
	} else {
		e.core.Set.Stats.Deletes++
	}
	return nil
}

// room sees to a log that takes size more bytes.
func (e *Engine) room(size int) error {
	if e.log != nil && !e.core.Set.Full(e.log, size) {
		return nil
	}
	if err := e.core.Set.CheckBacklog(); err != nil {
		return err
	}
	if err := e.harden(); err != nil { // what is sealed is durable as a whole
		return fmt.Errorf("set: %w", err)
	}
	log := e.core.Set.NewLog()
	if err := e.core.Set.Create(log, nil); err != nil {
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
	if err := e.core.Set.Write(e.log, e.buf); err != nil {
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
	if err := e.core.Set.Sync(e.log); err != nil {
		return err
	}
	e.dirty, e.synced, e.waiting = false, true, 0
	return nil
}

// Sync makes all that was set durable.
func (e *Engine) Sync() error { return e.core.Sync() }

// Snapshot publishes the records that count of what was set since the last one.
func (e *Engine) Snapshot() (store.Version, error) { return e.core.Snapshot() }

// Restore fetches a version and switches to it.
func (e *Engine) Restore(v store.Version) error { return e.core.Restore(v) }

// Stats returns counts since the engine was opened.
func (e *Engine) Stats() store.Stats { return e.core.Stats() }

// Close makes all durable and gives the directory free, which it does even if that
// fails.
func (e *Engine) Close() error { return e.core.Close() }

// Size returns what the engine occupies.
func (e *Engine) Size() store.Size {
	e.core.Lock()
	defer e.core.Free()
	n := e.core.Set.Size()
	n.Memory = int64(len(e.buf))
	return n
}
