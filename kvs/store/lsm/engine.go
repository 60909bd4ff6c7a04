package lsm

import (
	"errors"
	"fmt"
	"sync"

	"github.com/tidwall/btree"

	"github.com/joinery-go/joinery/kvs/store"
	"github.com/joinery-go/joinery/kvs/store/internal/catalog"
	"github.com/joinery-go/joinery/kvs/store/internal/lifecycle"
	"github.com/joinery-go/joinery/kvs/store/internal/record"
)

// Engine is an open engine.
type Engine struct {
	mu    sync.Mutex
	opts  Options
	home  *catalog.Home
	next  uint64 // number of the next file
	table btree.Map[string, []byte]
	held  int  // bytes of keys and values in table
	wal   *wal // nil until something is set
	// frozen is what opening found in logs of before, older than all in table.
	frozen frozen
	// retired are the numbers of logs whose records are in runs that are noted only: a
	// crash before the next commit goes back to them.
	retired []uint64
	runs    []*run // oldest first, as the catalog's parts
	merge   *merge // in progress, nil for none
	job     bool   // background work is offered
	look    bool   // there may be background work that is not
	retry   lifecycle.Retry
	left    error // what the present step of background work could not remove
	life    lifecycle.State
	// writing is a background step that writes files without the lock.
	writing sync.WaitGroup
	stats   store.Stats
}

var _ store.Engine = (*Engine)(nil)

// Open opens the engine in o.Dir and recovers it. Errors wrap store.ErrOptions,
// ErrLocked, ErrForeign, ErrFormat, ErrCorrupt, ErrMissing or what the file system
// said. Cost: reading the guides of all runs, and the write-ahead log if the engine was
// not closed. Nothing is written, unless many such openings came one after the other.
func Open(o Options) (*Engine, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, fmt.Errorf("open LSM engine: %w", err)
	}
	home, err := catalog.OpenHome(o.Options, Name, runExt, guideExt, walExt)
	if err != nil {
		return nil, fmt.Errorf("LSM engine: %w", err)
	}
	e := &Engine{opts: o, home: home, next: home.State().Next, look: true}
	home.Indexed(e.indexOf)
	home.Verified(e.whole)
	if home.StartsAtLatest() {
		err = e.restore(store.Latest)
	} else {
		err = e.recover()
	}
	if err == nil && !o.Lazy {
		err = e.bringAll()
	}
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", o.Dir, catalog.CloseAfter(errors.Join(err, closeRuns(e.runs)), home))
	}
	e.mu.Lock()
	e.unlock()
	return e, nil
}

// unlock unlocks and then offers the background work that came up.
func (e *Engine) unlock() {
	offer := e.background()
	e.mu.Unlock()
	if offer != nil {
		offer()
	}
}

// commit replaces the catalog; if that fails, nobody knows which one the disk has, and files that
// either names stay.
func (e *Engine) commit(s catalog.State) error {
	e.look = true
	s.Next = max(s.Next, e.next)
	if err := e.home.Commit(s); err != nil {
		return e.life.Fail(err)
	}
	e.dropRetired()
	return nil
}

// Get returns a copy of the value under key.
func (e *Engine) Get(key []byte) ([]byte, error) {
	e.mu.Lock()
	defer e.unlock()
	if err := e.life.Usable("get"); err != nil {
		return nil, err
	}
	if err := e.opts.CheckKey("get", key); err != nil {
		return nil, err
	}
	e.stats.Gets++
	if v, ok := e.table.Get(string(key)); ok {
		return append([]byte(nil), v...), nil // nil for a tombstone
	}
	if v, ok := e.frozen.get(key); ok {
		return append([]byte(nil), v...), nil
	}
	for i := len(e.runs) - 1; i >= 0; i-- {
		get := e.runs[i].get
		if e.runs[i].away != nil {
			get = func(key []byte) ([]byte, bool, error) { return e.getAway(e.runs[i], key) }
		}
		v, found, err := get(key)
		if err != nil {
			return nil, fmt.Errorf("get: %w", err)
		}
		if found {
			return v, nil
		}
	}
	return nil, nil
}

// Set puts the value under key, or a tombstone.
func (e *Engine) Set(key, value []byte) error {
	e.mu.Lock()
	defer e.unlock()
	if err := e.life.Ready("set"); err != nil {
		return err
	}
	if err := e.opts.CheckKey("set", key); err != nil {
		return err
	}
	if err := e.opts.CheckValue(value); err != nil {
		return err
	}
	if err := e.room(); err != nil {
		return err
	}
	if err := e.log(key, value); err != nil {
		return fmt.Errorf("set: %w", err)
	}
	e.put(string(key), value)
	if len(value) == 0 {
		e.stats.Deletes++
	} else {
		e.stats.Sets++
	}
	return nil
}

// put changes the table.
func (e *Engine) put(key string, value []byte) {
	var v []byte
	if len(value) > 0 {
		v = append(v, value...)
	}
	old, had := e.table.Set(key, v)
	e.held += len(v) - len(old)
	if !had {
		e.held += len(key)
	}
}

// full reports that the table is to be written out: it is large, or its logs are, as where
// few keys are set again and again.
func (e *Engine) full() bool {
	logged := e.frozen.logBytes()
	if e.wal != nil {
		logged += e.wal.length()
	}
	return e.held+len(e.frozen.arena) >= e.opts.MemtableBytes || logged >= logFactor*int64(e.opts.MemtableBytes)
}

// logFactor is how many times the bytes of a full table its log may have.
const logFactor = 4

// room writes the table out if it is full.
func (e *Engine) room() error {
	if !e.full() {
		return nil
	}
	if n := e.backlog(); n >= e.opts.MaxBacklog {
		e.stats.Refused++
		e.look = true
		err := fmt.Errorf("set: %w: %d runs wait for a merge", store.ErrBackpressure, n)
		if e.stats.Background != nil {
			err = fmt.Errorf("%w; the last one failed: %w", err, e.stats.Background)
		}
		return err
	}
	if err := e.spill(); err != nil {
		return fmt.Errorf("set: %w", err)
	}
	return nil
}

// backlog is the number of runs of level 0 that a merge should take: those younger than
// all that cannot be read.
func (e *Engine) backlog() int {
	n := 0
	from := max(e.home.Published(), catalog.Stretch(len(e.runs), e.spoiled))
	for _, r := range e.runs[from:] {
		if r.level == 0 {
			n++
		}
	}
	return n
}

// spill writes the table as a run of level 0, which takes the place of the logs.
func (e *Engine) spill() error {
	e.thaw()
	if e.table.Len() == 0 {
		return nil
	}
	w, err := e.writeTable((*writer).finish)
	if err != nil {
		return err
	}
	s := e.home.State()
	s.Parts = append(s.Parts[:len(e.runs)], w.run.part())
	if err := e.commit(s); err != nil {
		return errors.Join(err, w.run.close())
	}
	e.spilled(w.run)
	e.endLogs()
	return nil
}

// spilled notes that a run has what the table had.
func (e *Engine) spilled(r *run) {
	e.runs = append(e.runs, r)
	e.table.Clear()
	e.held = 0
}

// spillNoted is spill for a snapshot, which waits for as little of the disk as can be: the
// log is durable and stays what a crash goes back to, until the catalog is committed for
// what comes next.
func (e *Engine) spillNoted() error {
	if e.wal == nil && len(e.frozen.sealed) == 0 {
		return e.spill()
	}
	e.thaw()
	if e.table.Len() == 0 {
		return nil
	}
	if err := e.harden(); err != nil {
		return err
	}
	w, err := e.writeTable((*writer).finishLater)
	if err != nil {
		return err
	}
	s := e.home.State()
	s.Next = max(s.Next, e.next)
	s.Parts = append(s.Parts[:len(e.runs)], w.run.part())
	if err := e.home.Note(s); err != nil {
		e.gone(w.run)
		return err
	}
	e.look = true
	e.spilled(w.run)
	for _, p := range e.frozen.sealed {
		e.retired = append(e.retired, p.Number)
	}
	e.frozen = frozen{}
	if e.wal != nil {
		e.retired = append(e.retired, e.wal.number)
		err = e.wal.f.Close()
		e.wal = nil
	}
	return err
}

// dropRetired removes logs that no crash goes back to any more.
func (e *Engine) dropRetired() {
	for _, n := range e.retired {
		if err := e.home.Remove(n, walExt); err != nil {
			e.stats.Background, e.left = err, err
		}
	}
	e.retired = nil
}

// writeTable writes the table as a run of level 0 that is nowhere yet.
func (e *Engine) writeTable(finish func(*writer, *catalog.Home) error) (*writer, error) {
	w, err := e.newWriter(e.table.Len(), 0)
	if err != nil {
		return nil, err
	}
	e.table.Scan(func(key string, value []byte) bool {
		r := record.Record{Kind: record.Value, Key: []byte(key), Value: value}
		if value == nil {
			r.Kind = record.Tombstone
		}
		err = w.add(r)
		return err == nil
	})
	if err == nil {
		err = finish(w, e.home)
	}
	if err != nil {
		e.gone(w.run) // the log still has it all
		return nil, err
	}
	return w, nil
}

// gone closes and removes a run that does not count. Failing is no harm but its space,
// until the next opening.
func (e *Engine) gone(r *run) {
	if err := errors.Join(r.close(), e.home.Remove(r.number, runExt, guideExt)); err != nil {
		e.stats.Background, e.left = err, err
	}
}

func closeRuns(runs []*run) error {
	var err error
	for _, r := range runs {
		err = errors.Join(err, r.close())
	}
	return err
}

// Stats returns counts since the engine was opened.
func (e *Engine) Stats() store.Stats {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.stats
}

// Size returns what the engine occupies. Keys are not counted, since a key may be in
// several runs.
func (e *Engine) Size() store.Size {
	e.mu.Lock()
	defer e.mu.Unlock()
	s := store.Size{
		Keys: -1, Memory: int64(e.held + e.frozen.memory()), Disk: e.frozen.logBytes(), Files: len(e.runs) + len(e.frozen.sealed),
	}
	for _, r := range e.runs {
		if r.spoiled {
			s.Spoiled++
		}
		if r.away != nil {
			s.Away += r.length
			continue
		}
		s.Disk += r.length
	}
	if e.wal != nil {
		s.Disk += e.wal.length()
		s.Memory += int64(e.wal.batch.Size())
		s.Files++
	}
	if !e.life.Closed() {
		s.Backlog = e.backlog()
	}
	return s
}

// Close writes the table out and gives the directory free, which it does even if that
// fails.
func (e *Engine) Close() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if err := e.life.Usable("close"); err != nil {
		return err
	}
	e.abort()
	err := e.life.Failed() // if only in the background: not all that was set is known to be durable
	if err == nil {
		// Without room for a run, the log alone can keep what was set.
		if err = e.spill(); err != nil && e.harden() == nil {
			err = nil
		}
	}
	if err == nil {
		if err = e.home.Flush(); err == nil {
			e.dropRetired()
		}
	}
	e.life.Close()
	e.mu.Unlock()
	e.writing.Wait()
	e.mu.Lock()
	e.table.Clear()
	e.frozen = frozen{}
	if e.wal != nil {
		err = errors.Join(err, e.wal.f.Close())
	}
	if err = catalog.CloseAfter(errors.Join(err, closeRuns(e.runs)), e.home); err != nil {
		return fmt.Errorf("close: %w", err)
	}
	return nil
}
