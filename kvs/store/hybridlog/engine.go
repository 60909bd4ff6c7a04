package hybridlog

import (
	"fmt"

	"github.com/joinery-go/joinery/kvs/store"
	"github.com/joinery-go/joinery/kvs/store/internal/logset"
	"github.com/joinery-go/joinery/kvs/store/internal/record"
)

// Engine is an open engine.
type Engine struct {
	core   logset.Engine
	opts   Options
	pages  []*page  // oldest first; the last one takes records
	bySlot []*page  // of files that have a page
	spare  [][]byte // memory of pages that are gone
	begin  bool     // the next page's file is made with it, so that the next snapshot need not
	dirty  bool     // something was set since the last fold
	// waiting is how many sets that was.
	waiting int
}

var _ store.Engine = (*Engine)(nil)

// Open opens the engine in o.Dir and recovers it up to the last commit record. Errors
// wrap store.ErrOptions, ErrLocked, ErrForeign, ErrFormat, ErrCorrupt, ErrMissing or
// what the file system said. Cost: reading the index that was saved last, which is used as it
// is, and what was written since; after a close that is nothing, and after a crash as much as is
// written between two savings, and what the background has not come to. Between two savings are
// 15 MiB where keys are few, 2.5 MiB at a million, and 2.5 bytes a key above, but no more than
// two files. Without a saved index that is whole: reading the keys of sealed files, from hints
// where they are, and all of the last logs.
func Open(o Options) (*Engine, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, fmt.Errorf("open hybrid-log engine: %w", err)
	}
	if err := o.Eager(Name, "all keys are in memory, and are read from all segments"); err != nil {
		return nil, fmt.Errorf("open %s: %w", o.Dir, err)
	}
	e := &Engine{opts: o}
	if err := e.core.Open(o.set(), logset.Hooks{Harden: e.fold, Sealed: e.forget, Dropped: e.dropped}); err != nil {
		return nil, fmt.Errorf("hybrid-log engine: %w", err)
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
	if g := e.pageOf(p); g != nil {
		return append([]byte(nil), g.value(g.at(p))...), nil
	}
	v, err := e.core.Set.Read(p, key)
	if err != nil {
		return nil, fmt.Errorf("get: %w", err)
	}
	return v, nil
}

// Set puts the value under key, in place where it can.
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
	if !e.inPlace(key, value) {
		if err := e.add(key, value); err != nil {
			return err
		}
	}
	e.dirty = true
	e.waiting++
	if e.opts.Durability == store.EveryWrite || e.opts.Durability == store.GroupCommit && e.waiting >= e.opts.GroupWrites {
		if err := e.fold(); err != nil {
			return fmt.Errorf("set: %w", err)
		}
	}
	if len(value) == 0 {
		e.core.Set.Stats.Deletes++
	} else {
		e.core.Set.Stats.Sets++
	}
	return nil
}

// inPlace overwrites the key's value if it is as long and in a mutable page.
func (e *Engine) inPlace(key, value []byte) bool {
	if len(value) == 0 {
		return false
	}
	p, ok := e.core.Set.Index().Get(key)
	if !ok || int(p.Size) != record.Size(len(key), len(value)) {
		return false
	}
	g := e.pageOf(p)
	if g == nil || g.at(p) < g.frozen {
		return false
	}
	// One key, and one length of the record: so the value is as long as the old one.
	copy(g.data[g.at(p)+int(p.Size)-len(value):], value)
	return true
}

// add appends a record.
func (e *Engine) add(key, value []byte) error {
	r := record.Record{Kind: record.Value, Key: key, Value: value}
	if len(value) == 0 {
		r.Kind = record.Tombstone
	}
	size := record.Size(len(key), len(value))
	g, err := e.room(size)
	if err != nil {
		return err
	}
	at := len(g.data)
	g.data = record.AppendUnsealed(g.data, r)
	g.file.Grow(size)
	e.core.Set.Noted(g.file, r.Kind, key, end(at), size)
	return nil
}

// room is the youngest page, once it takes size more bytes.
func (e *Engine) room(size int) (*page, error) {
	if n := len(e.pages); n > 0 {
		if g := e.pages[n-1]; !e.sealed(g) && len(g.data)+size+reserve <= cap(g.data) {
			return g, nil
		}
	}
	if err := e.core.Set.CheckBacklog(); err != nil {
		return nil, err
	}
	e.forget()
	if e.unsealed() >= e.opts.MutablePages+e.opts.FoldPages {
		if err := e.foldAndSeal(); err != nil {
			return nil, fmt.Errorf("set: %w", err)
		}
	}
	e.enter(size)
	if err := e.shift(); err != nil {
		return nil, fmt.Errorf("set: %w", err)
	}
	if e.begin && e.flushed(len(e.pages)-1) {
		if err := e.flush(e.pages[len(e.pages)-1]); err != nil {
			return nil, fmt.Errorf("set: %w", err)
		}
	}
	e.begin = false
	return e.pages[len(e.pages)-1], nil
}

// sealed reports that the catalog has the page's file as whole, so that it takes no
// more.
func (e *Engine) sealed(g *page) bool { return g.made && !e.core.Set.Growing(g.file) }

// unsealed is how many log files folding over and sealing would add to those that wait for
// a merge: those that are not sealed, however often they were folded over, and one for each
// page that has none yet.
func (e *Engine) unsealed() int {
	n := e.core.Set.Unsealed()
	for _, g := range e.pages {
		if !g.made {
			n++
		}
	}
	return n
}

// shift moves the borders of the regions: pages that are no longer mutable are
// written, in order, and those that are no longer in memory forgotten.
func (e *Engine) shift() error {
	for i := 0; i < len(e.pages)-e.opts.MutablePages; i++ {
		g := e.pages[i]
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
	if n := len(e.pages) - e.opts.MutablePages - e.opts.ReadOnlyPages; n > 0 {
		e.drop(n)
	}
	return nil
}

// forget drops pages whose files a merge has replaced.
func (e *Engine) forget() {
	kept := e.pages[:0]
	for _, g := range e.pages {
		if e.core.Set.At(g.file.Slot()) == g.file {
			kept = append(kept, g)
		}
	}
	clear(e.pages[len(kept):])
	e.pages = kept
	for slot, g := range e.bySlot {
		if g != nil && e.core.Set.At(slot) != g.file {
			e.bySlot[slot] = nil
		}
	}
}
