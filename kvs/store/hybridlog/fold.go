package hybridlog

import (
	"github.com/joinery-go/joinery/kvs/store"
	"github.com/joinery-go/joinery/kvs/store/internal/record"
)

// fold makes all that was set durable: everything in memory is frozen and written, a
// commit record last.
func (e *Engine) fold() error {
	if !e.dirty {
		return nil
	}
	last := e.pages[len(e.pages)-1]
	if e.sealed(last) {
		panic("hybridlog: something was set, and the youngest page takes nothing")
	}
	covers := int64(0) // of the file, by the last fold
	if last.synced > 0 {
		covers = end(last.synced)
	}
	at := len(last.data)
	last.data = record.AppendUnsealed(last.data, record.CommitOf(covers))
	last.file.Grow(len(last.data) - at)
	last.file.Mark(len(last.data) - at)
	for _, g := range e.pages {
		if g.made && g.synced == len(g.data) {
			continue
		}
		if err := e.flush(g); err != nil {
			return err
		}
		if err := e.sync(g); err != nil {
			return err
		}
	}
	e.dirty, e.waiting = false, 0
	return nil
}

// foldAndSeal folds, and has what was written count as whole, so that it can be
// merged.
func (e *Engine) foldAndSeal() error {
	if err := e.fold(); err != nil {
		return err
	}
	return e.core.Set.Seal()
}

// dropped forgets everything in memory.
func (e *Engine) dropped() {
	e.pages, e.bySlot, e.spare, e.dirty, e.waiting = nil, nil, nil, false, 0
}

// Sync makes all that was set durable.
func (e *Engine) Sync() error { return e.core.Sync() }

// Snapshot folds the log over and publishes the records that count of what was set
// since the last one.
func (e *Engine) Snapshot() (store.Version, error) {
	v, err := e.core.Snapshot()
	e.core.Lock()
	defer e.core.Free()
	e.begin = err == nil
	return v, err
}

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
	for _, g := range e.pages {
		n.Memory += int64(cap(g.data))
	}
	for _, b := range e.spare {
		n.Memory += int64(cap(b))
	}
	return n
}
