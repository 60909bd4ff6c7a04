package lsm

import (
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/joinery-go/joinery/kvs/store"
	"github.com/joinery-go/joinery/kvs/store/internal/catalog"
	"github.com/joinery-go/joinery/kvs/store/internal/record"
)

// wal is the write-ahead log of the table: a file of batches. What is written at once is one of
// them, under one checksum, since opening after a crash costs little more than to check them.
type wal struct {
	number  uint64
	salt    uint32
	f       vfs.File
	written int64          // bytes
	batch   record.Batcher // what is not written yet
	dirty   bool           // something is not synced
	synced  bool           // the next record is the first since a sync
	waiting int            // sets since the last sync
}

// length is how long the log is once all is written.
func (w *wal) length() int64 { return w.written + int64(w.batch.Size()) }

// log adds a record to the write-ahead log, and writes and syncs as far as the level
// of durability asks for it.
func (e *Engine) log(key, value []byte) error {
	if e.wal == nil {
		if err := e.beginLog(); err != nil {
			return err
		}
	}
	w := e.wal
	r := record.Record{Kind: record.Value, Key: key, Value: value, Synced: w.synced}
	if len(value) == 0 {
		r.Kind = record.Tombstone
	}
	w.batch.Add(r)
	w.dirty, w.synced = true, false
	w.waiting++
	switch {
	case e.opts.Durability == store.EveryWrite,
		e.opts.Durability == store.GroupCommit && w.waiting >= e.opts.GroupWrites:
		return e.harden()
	case w.batch.Size() >= e.opts.BufferBytes:
		return e.flushLog()
	}
	return nil
}

// beginLog makes a log and has the catalog name it behind all runs and older logs.
func (e *Engine) beginLog() error {
	h := record.Header{Type: walType, Number: e.next}
	w := &wal{number: e.next, salt: h.Salt(), written: record.HeaderBytes, synced: true}
	e.next++
	var err error
	if w.f, err = e.home.Create(w.number, walExt); err != nil {
		return err // nothing happened
	}
	if _, err = w.f.Write(record.AppendHeader(nil, h)); err == nil {
		err = w.f.Sync()
	}
	if err != nil {
		return errors.Join(err, w.f.Close(), e.home.Remove(w.number, walExt))
	}
	s := e.home.State()
	s.Parts = append(s.Parts[:len(e.runs)], e.frozen.sealed...) // durable as far as they count
	s.Parts = append(s.Parts, catalog.Part{Number: w.number, Ext: walExt, Length: catalog.Open})
	if err := e.commit(s); err != nil {
		return errors.Join(err, w.f.Close())
	}
	e.wal = w
	return nil
}

// endLogs removes the logs, which the catalog no longer names.
func (e *Engine) endLogs() {
	for _, p := range e.frozen.sealed {
		if err := e.home.Remove(p.Number, walExt); err != nil {
			e.stats.Background, e.left = err, err
		}
	}
	e.frozen = frozen{}
	if e.wal == nil {
		return
	}
	if err := errors.Join(e.wal.f.Close(), e.home.Remove(e.wal.number, walExt)); err != nil {
		e.stats.Background = err
	}
	e.wal = nil
}

// flushLog writes what is not written yet of the log, as one batch.
func (e *Engine) flushLog() error {
	w := e.wal
	if w.batch.Size() == 0 {
		return nil
	}
	image := w.batch.Seal(w.salt, w.written)
	if _, err := w.f.Write(image); err != nil {
		return e.life.Fail(fmt.Errorf("write %s: %w", e.home.Path(w.number, walExt), err))
	}
	w.written += int64(len(image))
	w.batch.Reset()
	return nil
}

// harden makes all that was set durable.
func (e *Engine) harden() error {
	w := e.wal
	if w == nil || !w.dirty {
		return nil
	}
	if err := e.flushLog(); err != nil {
		return err
	}
	e.stats.Syncs++
	if err := w.f.Sync(); err != nil {
		return e.life.Fail(fmt.Errorf("sync %s: %w", e.home.Path(w.number, walExt), err))
	}
	w.dirty, w.synced, w.waiting = false, true, 0
	return nil
}

// Sync makes all that was set durable.
func (e *Engine) Sync() error {
	e.mu.Lock()
	defer e.unlock()
	if err := e.life.Ready("sync"); err != nil {
		return err
	}
	if err := e.harden(); err != nil {
		return fmt.Errorf("sync: %w", err)
	}
	return nil
}

// recover opens the runs and reads the logs, which stay as they are: the next record is in
// a log of its own, so that nothing goes on behind a torn tail.
func (e *Engine) recover() error {
	s := e.home.State()
	for i, p := range s.Parts {
		if p.Ext == walExt && (p.Length != catalog.Open || i == len(s.Parts)-1) {
			if err := e.replay(p); err != nil {
				return fmt.Errorf("%s: %w", e.home.Path(p.Number, p.Ext), err)
			}
			continue
		}
		if p.Ext != runExt || p.Length == catalog.Open || len(e.frozen.sealed) > 0 {
			return fmt.Errorf("%w: part %d is neither a run nor one of the last logs", store.ErrCorrupt, p.Number)
		}
		r, err := e.openRun(p)
		if err != nil {
			return err
		}
		e.runs = append(e.runs, r)
	}
	if n := len(e.frozen.sealed); n > maxLogs {
		return e.spill()
	} else if n > 0 && e.frozen.sealed[n-1].Length == record.HeaderBytes {
		return e.dropEmpty()
	}
	return nil
}

// dropEmpty has the catalog no longer name the last log, in which there is nothing.
func (e *Engine) dropEmpty() error {
	t := &e.frozen
	last := t.sealed[len(t.sealed)-1]
	t.sealed = t.sealed[:len(t.sealed)-1]
	s := e.home.State()
	s.Parts = append(s.Parts[:len(e.runs)], t.sealed...)
	if err := e.commit(s); err != nil {
		return err
	}
	if err := e.home.Remove(last.Number, walExt); err != nil {
		e.stats.Background = err
	}
	return nil
}
