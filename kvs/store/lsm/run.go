package lsm

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/cespare/xxhash/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/joinery-go/joinery/kvs/store"
	"github.com/joinery-go/joinery/kvs/store/internal/catalog"
	"github.com/joinery-go/joinery/kvs/store/internal/record"
)

const (
	runExt   = "run"
	guideExt = "guide"
	walExt   = "log"

	runType = 'R'
	walType = 'B' // 'W' was a log of single records
)

// run is a file of records in the order of their keys.
type run struct {
	*guide
	number uint64
	salt   uint32
	level  int
	length int64
	keys   store.KeyRange // what of it counts
	f      vfs.File
	away   *catalog.Away // in place of f, guide and salt

	unguided bool // the guide on the disk is not this one: background work writes it
	spoiled  bool // background work could not read it, and leaves it alone from then on
}

// close closes the run's file, if it is there.
func (r *run) close() error {
	if r.f == nil {
		return nil
	}
	return r.f.Close()
}

// get returns the value of the key's record. found is true for a tombstone too, whose
// value is nil.
func (r *run) get(key []byte) (value []byte, found bool, err error) {
	from, to, ok := r.block(key, r.length)
	if !ok || !r.keys.Holds(key) {
		return nil, false, nil
	}
	b := make([]byte, to-from)
	if err := record.ReadFull(r.f, b, from); err != nil {
		return nil, false, err
	}
	return search(b, from, r.salt, r.number, key)
}

// search returns the value of the key's record among the records b of a run, which
// begin at offset from.
func search(b []byte, from int64, salt uint32, number uint64, key []byte) (value []byte, found bool, err error) {
	for at := 0; at < len(b); {
		rec, n, err := record.Decode(b[at:], salt, from+int64(at))
		if err != nil {
			return nil, false, fmt.Errorf("%w: run %d at offset %d: %w", store.ErrCorrupt, number, from+int64(at), err)
		}
		switch c := bytes.Compare(rec.Key, key); {
		case c > 0:
			return nil, false, nil
		case c == 0 && rec.Kind == record.Value:
			return append([]byte(nil), rec.Value...), true, nil
		case c == 0:
			return nil, true, nil
		}
		at += n
	}
	return nil, false, nil
}

func (r *run) scanner() *record.Scanner {
	return record.NewScanner(r.f, r.salt, record.HeaderBytes, r.length)
}

// openRun opens a part that is a run, with its guide, which is made anew if it is
// missing or spoiled.
func (e *Engine) openRun(p catalog.Part) (*run, error) {
	if p.Away {
		if e.opts.Archive == nil {
			return nil, fmt.Errorf("%w: segment %s was not fetched yet", store.ErrNoArchive, p.Hash)
		}
		return e.awayRun(p), nil
	}
	f, err := e.home.OpenPart(p.Number, p.Ext)
	if err != nil {
		return nil, err
	}
	r := &run{number: p.Number, level: p.Level, length: p.Length, keys: p.Range, f: f}
	if err := e.openGuide(r); err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", e.home.Path(p.Number, p.Ext), err), f.Close())
	}
	return r, nil
}

func (e *Engine) openGuide(r *run) error {
	h, err := record.ReadHeader(r.f, runType)
	if err != nil {
		return err
	}
	r.salt = h.Salt()
	switch r.guide, err = e.storedGuide(r); {
	case err == nil:
		return nil
	case errors.Is(err, store.ErrMissing), errors.Is(err, errGuide):
		return e.makeGuide(r)
	}
	return err
}

// storedGuide is the guide of a run that the disk has.
func (e *Engine) storedGuide(r *run) (g *guide, err error) {
	f, err := e.home.OpenPart(r.number, guideExt)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	return readGuide(f, info.Size(), r.salt, r.length)
}

// makeGuide reads a run to the end. Records out of order are damage.
func (e *Engine) makeGuide(r *run) error {
	records, err := check(r)
	if err != nil {
		return err
	}
	r.guide = &guide{filter: newFilter(records, e.opts.BitsPerKey)}
	for scan := r.scanner(); scan.Offset() < r.length; {
		rec, off, _, err := scan.Next()
		if err != nil {
			return err
		}
		r.note(rec.Key, off, e.opts.DensityFactor)
	}
	r.unguided = true
	return nil
}

// blockBytes is how many bytes there are between two fences at most, but for one record: what
// a get reads of large values is no multiple of what it wants.
const blockBytes = 32 << 10

// note adds the next record to a guide.
func (g *guide) note(key []byte, off int64, density int) {
	n := g.fences.len()
	if n == 0 || g.records-g.fenced >= density || off-g.fences.off(n-1) >= blockBytes {
		g.fences.add(key, off)
		g.fenced = g.records
	}
	g.filter.Add(key)
	g.records++
	g.sum += xxhash.Sum64(key)
}

// check reads a run to the end, its header too, and counts its records. It reads nothing
// but the file.
func check(r *run) (records int, err error) {
	if err := record.CheckHeader(r.f, runType, r.salt); err != nil {
		return 0, err
	}
	scan := r.scanner()
	var last []byte
	for {
		rec, off, _, err := scan.Next()
		if err == io.EOF {
			return records, nil
		}
		if err != nil {
			return 0, err
		}
		if rec.Kind == record.Commit || records > 0 && bytes.Compare(last, rec.Key) >= 0 {
			return 0, fmt.Errorf("%w: the record at offset %d has no place in a run", store.ErrCorrupt, off)
		}
		last = append(last[:0], rec.Key...)
		records++
	}
}

// verify is check for what may go into the archive: what the disk has spoiled must not go
// there under a hash of its own. It may be called without the lock.
func (e *Engine) verify(r *run) error {
	if _, err := check(r); err != nil {
		return fmt.Errorf("%s: %w", e.home.Path(r.number, runExt), err)
	}
	return nil
}

// whole is verify of the run with that number, for a version that is published.
func (e *Engine) whole(number uint64) error {
	for _, r := range e.runs {
		if r.number != number {
			continue
		}
		if err := e.verify(r); err != nil {
			e.spoil(r)
			return err
		}
	}
	return nil
}

// writer writes a run.
type writer struct {
	run     *run
	buf     []byte
	density int
}

// newWriter begins a run of at most that many records.
func (e *Engine) newWriter(records, level int) (*writer, error) {
	h := record.Header{Type: runType, Number: e.next}
	r := &run{
		guide: &guide{filter: newFilter(records, e.opts.BitsPerKey)}, number: e.next, salt: h.Salt(), level: level,
		length: record.HeaderBytes,
	}
	e.next++
	var err error
	if r.f, err = e.home.Create(r.number, runExt); err != nil {
		return nil, err
	}
	return &writer{run: r, buf: record.AppendHeader(nil, h), density: e.opts.DensityFactor}, nil
}

const writeBytes = 64 << 10

// add writes the next record.
func (w *writer) add(rec record.Record) error {
	r := w.run
	was := len(w.buf)
	w.buf = record.Append(w.buf, r.salt, r.length, rec)
	r.note(rec.Key, r.length, w.density)
	r.length += int64(len(w.buf) - was)
	if len(w.buf) >= writeBytes {
		return w.flush()
	}
	return nil
}

func (w *writer) flush() error {
	_, err := w.run.f.Write(w.buf)
	w.buf = w.buf[:0]
	return err
}

// finish makes the run durable, and writes its guide, which need not be.
func (w *writer) finish(h *catalog.Home) error {
	if err := w.flush(); err != nil {
		return err
	}
	if err := w.run.f.Sync(); err != nil {
		return err
	}
	return h.WritePart(w.run.number, guideExt, w.run.encode(w.run.salt, w.run.length))
}

// finishLater is finish for a run that is synced, and its guide, when the catalog names it.
func (w *writer) finishLater(h *catalog.Home) error {
	if err := w.flush(); err != nil {
		return err
	}
	h.Later(w.run.number, runExt, guideExt)
	return h.WritePartLater(w.run.number, guideExt, w.run.encode(w.run.salt, w.run.length))
}

func (r *run) part() catalog.Part {
	return catalog.Part{Number: r.number, Ext: runExt, Level: r.level, Length: r.length}
}
