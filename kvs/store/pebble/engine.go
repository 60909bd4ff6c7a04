package pebble

import (
	"errors"
	"fmt"
	"io/fs"
	"sync"

	"github.com/cockroachdb/pebble/v2"

	"github.com/joinery-go/joinery/kvs/store"
	"github.com/joinery-go/joinery/kvs/store/internal/catalog"
	"github.com/joinery-go/joinery/kvs/store/internal/lifecycle"
)

const (
	dirExt = "pebble"
	// A mark beside a database holds the version on top of which something was set
	// first. It is durable before that set; as long as it is not the version that the
	// catalog names, the state is that version. (A key of the database for it would lie
	// in all tables, and have compactions bring them together.)
	markExt    = "changed"
	markTitle  = "joinery pebble mark"
	markFormat = 1
	maxMark    = 256
)

// Engine is an open engine.
type Engine struct {
	mu      sync.Mutex
	opts    Options
	home    *catalog.Home
	db      *pebble.DB
	disk    *guard // of db
	number  uint64 // of the directory of db
	next    uint64 // number of the next directory
	changed bool   // something was set on top of the catalog's version
	waiting int    // sets since the last sync
	tables  map[string]store.Segment
	life    lifecycle.State
	stats   store.Stats
	merges  int64 // compactions of databases that are closed
	merged  int64 // bytes written by them
}

var _ store.Engine = (*Engine)(nil)

// Open opens the engine in o.Dir and recovers it. Errors wrap store.ErrOptions,
// ErrLocked, ErrForeign, ErrFormat, ErrCorrupt, ErrMissing or what Pebble or the file
// system said.
func Open(o Options) (*Engine, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, fmt.Errorf("open Pebble engine: %w", err)
	}
	if err := o.Eager(Name, "Pebble opens its tables as a whole"); err != nil {
		return nil, fmt.Errorf("open %s: %w", o.Dir, err)
	}
	home, err := catalog.OpenHome(o.Options, Name, dirExt, markExt)
	if err != nil {
		return nil, fmt.Errorf("engine on Pebble: %w", err)
	}
	e := &Engine{opts: o, home: home, next: home.State().Next}
	if home.StartsAtLatest() {
		err = e.restore(store.Latest)
	} else {
		err = e.recover()
	}
	if err != nil {
		if e.db != nil {
			err = errors.Join(err, e.db.Close())
		}
		return nil, fmt.Errorf("open %s: %w", o.Dir, catalog.CloseAfter(err, home))
	}
	return e, nil
}

// recover opens the database that the catalog names, or makes the first.
func (e *Engine) recover() error {
	s := e.home.State()
	if len(s.Parts) > 1 {
		return fmt.Errorf("%w: the catalog names %d databases", store.ErrCorrupt, len(s.Parts))
	}
	if len(s.Parts) == 1 {
		number := s.Parts[0].Number
		if err := checkDirectory(e.opts.FS, e.home.Path(number, dirExt)); err != nil {
			return err
		}
		return e.use(number)
	}
	number := e.take()
	if err := e.use(number); err != nil {
		return err
	}
	if err := catalog.SyncDir(e.opts.FS, e.opts.Dir); err != nil {
		return err
	}
	return e.commit(number, s)
}

// take is the number of a new directory.
func (e *Engine) take() uint64 {
	e.next++
	return e.next - 1
}

// commit has the catalog name the database, and say what else s does.
func (e *Engine) commit(number uint64, s catalog.State) error {
	s.Parts, s.Next = []catalog.Part{{Number: number, Ext: dirExt}}, max(s.Next, e.next)
	if err := e.home.Commit(s); err != nil {
		return e.life.Fail(err)
	}
	return nil
}

// use opens the database in the numbered directory and makes it the engine's.
func (e *Engine) use(number uint64) error {
	db, disk, err := e.openDB(number)
	if err != nil {
		return err
	}
	e.db, e.disk, e.number, e.tables, e.waiting = db, disk, number, map[string]store.Segment{}, 0
	e.changed, err = e.isChanged(number)
	return err
}

func (e *Engine) openDB(number uint64) (*pebble.DB, *guard, error) {
	db, disk, err := e.opts.openDB(e.home.Path(number, dirExt))
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", e.home.Path(number, dirExt), err)
	}
	return db, disk, nil
}

// ready is nil if op can be done, which changes something: the engine is open, and the disk has
// failed nothing, in the background neither.
func (e *Engine) ready(op string) error {
	if err := e.life.Ready(op); err != nil {
		return err
	}
	if err := e.sound(); err != nil {
		return fmt.Errorf("%s: %w", op, err)
	}
	return nil
}

// sound is nil as long as the disk has failed the database nothing. It is asked after each
// operation, of which Pebble says that it succeeded.
func (e *Engine) sound() error {
	if cause := e.disk.failed(); cause != nil {
		return e.life.Fail(cause)
	}
	return nil
}

// mark is what a mark says. One that the disk has spoiled could say anything: it counts as one of
// the catalog's version, since a version too many is no loss.
type mark struct {
	Version store.Version `json:"version"`
}

// isChanged reports that something was set on top of the catalog's version.
func (e *Engine) isChanged(number uint64) (bool, error) {
	b, err := e.home.ReadPart(number, markExt, maxMark)
	if errors.Is(err, fs.ErrNotExist) || err == nil && len(b) == 0 { // or its writing was cut off
		return false, nil
	}
	var m mark
	if err == nil {
		err = catalog.Unseal(markTitle, markFormat, b, &m)
	}
	if errors.Is(err, store.ErrCorrupt) {
		return true, nil
	}
	return m.Version == e.home.State().Parent, err
}

// mark notes durably that something will be set on top of the catalog's version.
func (e *Engine) mark() error {
	if e.changed {
		return nil
	}
	b, err := catalog.Seal(markTitle, markFormat, mark{e.home.State().Parent})
	if err != nil {
		return err
	}
	if err := e.home.WritePart(e.number, markExt, b); err != nil {
		return err
	}
	if err := catalog.SyncDir(e.opts.FS, e.opts.Dir); err != nil {
		return err
	}
	e.changed = true
	return nil
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
	v, done, err := e.db.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("get: %w", named(err))
	}
	v = append([]byte(nil), v...)
	if err := done.Close(); err != nil {
		return nil, fmt.Errorf("get: %w", err)
	}
	return v, nil
}

// Set puts the value under key, or takes the key away.
func (e *Engine) Set(key, value []byte) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if err := e.ready("set"); err != nil {
		return err
	}
	if err := e.opts.CheckKey("set", key); err != nil {
		return err
	}
	if err := e.opts.CheckValue(value); err != nil {
		return err
	}
	e.waiting++
	sync := e.opts.Durability == store.EveryWrite ||
		e.opts.Durability == store.GroupCommit && e.waiting >= e.opts.GroupWrites
	if err := e.put(key, value, &pebble.WriteOptions{Sync: sync}); err != nil {
		return fmt.Errorf("set: %w", e.life.Fail(err)) // which is what failed first, once
	}
	if sync {
		e.stats.Syncs++
		e.waiting = 0
	}
	if len(value) == 0 {
		e.stats.Deletes++
	} else {
		e.stats.Sets++
	}
	return nil
}

func (e *Engine) put(key, value []byte, o *pebble.WriteOptions) error {
	if err := e.mark(); err != nil {
		return err
	}
	var err error
	if len(value) == 0 {
		err = e.db.Delete(key, o)
	} else {
		err = e.db.Set(key, value, o)
	}
	if err != nil {
		return err
	}
	return e.sound()
}

// Sync makes all that was set durable.
func (e *Engine) Sync() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if err := e.ready("sync"); err != nil {
		return err
	}
	if err := e.syncLog(); err != nil {
		return fmt.Errorf("sync: %w", err)
	}
	e.stats.Syncs++
	e.waiting = 0
	return nil
}

// syncLog makes the log durable. After an error the engine has failed.
func (e *Engine) syncLog() error {
	if err := e.db.LogData(nil, pebble.Sync); err != nil {
		return e.life.Fail(err)
	}
	return e.sound()
}

// Stats returns counts since the engine was opened. Merges are Pebble's compactions.
func (e *Engine) Stats() store.Stats {
	e.mu.Lock()
	defer e.mu.Unlock()
	s := e.stats
	s.Merges, s.MergedBytes = e.merges, e.merged
	if !e.life.Closed() {
		n, bytes := compactions(e.db)
		s.Merges, s.MergedBytes = s.Merges+n, s.MergedBytes+bytes
	}
	return s
}

func compactions(db *pebble.DB) (n, bytes int64) {
	m := db.Metrics()
	for i := range m.Levels {
		bytes += int64(m.Levels[i].TableBytesCompacted)
	}
	return m.Compact.Count, bytes
}

// Size returns what the engine occupies. The backlog is the tables of Pebble's level 0.
func (e *Engine) Size() store.Size {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.life.Closed() {
		return store.Size{Keys: -1}
	}
	m := e.db.Metrics()
	s := store.Size{
		Keys: -1, Disk: int64(m.DiskSpaceUsage()), Memory: int64(m.MemTable.Size) + m.BlockCache.Size, Backlog: int(m.Levels[0].TablesCount),
	}
	for i := range m.Levels {
		s.Files += int(m.Levels[i].TablesCount)
	}
	return s
}

// Close makes all durable and gives the directory free, which it does even if that
// fails.
func (e *Engine) Close() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if err := e.life.Usable("close"); err != nil {
		return err
	}
	err := e.life.Failed()
	if err == nil {
		err = e.syncLog()
	}
	e.life.Close()
	if err = catalog.CloseAfter(errors.Join(err, e.db.Close()), e.home); err != nil {
		return fmt.Errorf("close: %w", err)
	}
	return nil
}

// remove removes a directory that does not count. Failing is no harm but its space,
// until the next opening.
func (e *Engine) remove(number uint64) {
	err := e.opts.FS.RemoveAll(e.home.Path(number, dirExt))
	err = errors.Join(err, e.home.Remove(number, markExt))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		e.stats.Background = err
	}
}
