package logset

import (
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/joinery-go/joinery/kvs/store"
	"github.com/joinery-go/joinery/kvs/store/internal/catalog"
	"github.com/joinery-go/joinery/kvs/store/internal/record"
)

// replay does to the index what records of files say that opening reads, oldest first. It
// takes many at once and then goes through them by hash, those of one page in their order:
// so a page comes into the processor's cache once for many of them. Pages of the saved index are
// read with the first of those, just before what changes them.
type replay struct {
	view    *view
	base    *decoded // the saved index, nil for none
	err     error    // what reading it said
	hold    bool     // what is added may have to be taken back
	found   int      // places in files that are gone, of keys of which another one says more
	entries []replayed
	keys    []byte
	order   []uint32
}

// replayed is a record without its value. Its key begins at keys[from].
type replayed struct {
	hash, from      uint64
	off             int64
	slot, key, size uint32
	kind            record.Kind
}

const (
	replayedAtOnce = 1 << 16
	replayBits     = 12
)

// add takes what a record of f says, if it is of the file's keys.
func (r *replay) add(f *File, kind record.Kind, key []byte, off int64, size int) {
	if kind == record.Commit || !f.keys.Holds(key) {
		return
	}
	if r.entries == nil {
		r.entries, r.keys = make([]replayed, 0, replayedAtOnce), make([]byte, 0, replayedAtOnce*16)
	}
	r.entries = append(r.entries, replayed{
		hash: hashOf(key), off: off, slot: uint32(f.slot), from: uint64(len(r.keys)), key: uint32(len(key)), size: uint32(size), kind: kind,
	})
	r.keys = append(r.keys, key...)
	if !r.hold && (len(r.entries) >= replayedAtOnce || len(r.keys) >= 1<<30) {
		r.run()
	}
}

// run does what was added.
func (r *replay) run() {
	var first [1<<replayBits + 1]uint32 // of the entries whose hashes begin so
	for i := range r.entries {
		first[r.entries[i].hash>>(64-replayBits)+1]++
	}
	for i := range first[1:] {
		first[i+1] += first[i]
	}
	if len(r.order) < len(r.entries) {
		r.order = make([]uint32, len(r.entries))
	}
	for i := range r.entries {
		at := &first[r.entries[i].hash>>(64-replayBits)]
		r.order[*at] = uint32(i)
		*at++
	}
	from := uint32(0)
	for i, to := range first[:1<<replayBits] { // where entries ended, now that they are in order
		if r.base != nil && r.err == nil {
			r.err = r.base.read((uint64(i)+1)<<(64-replayBits) - 1)
		}
		if r.err != nil {
			break
		}
		for ; from < to; from++ {
			r.one(&r.entries[r.order[from]])
		}
	}
	r.entries, r.keys = r.entries[:0], r.keys[:0]
}

// cut takes back what was added but for the first n.
func (r *replay) cut(n int) {
	if n < len(r.entries) {
		r.keys = r.keys[:r.entries[n].from]
		r.entries = r.entries[:n]
	}
}

// one does what a record says, unless the index has the key in a younger file: then it was
// saved, and this record is of an older file that a merge made since.
func (r *replay) one(e *replayed) {
	x, key := r.view.index, r.keys[e.from:e.from+uint64(e.key)]
	g := x.page(e.hash)
	at, had := g.find(uint32(e.hash), key)
	var old Place
	if had {
		if old = g.place(at); old.Slot() != goneSlot && old.Slot() > int(e.slot) {
			return
		}
	}
	p := placeOf(int(e.slot), e.off, int(e.size))
	switch {
	case e.kind == record.Tombstone:
		x.remove(e.hash, key)
	case had:
		g.setPlace(at, p)
	case !g.full():
		g.insert(at, uint32(e.hash), key, p)
		x.n++
	default:
		x.put(e.hash, key, p)
	}
	if e.kind == record.Value {
		r.view.slots[e.slot].live += int64(e.size)
	}
	switch {
	case had && old.Slot() == goneSlot:
		r.found++
	case had:
		r.view.slots[old.Slot()].live -= int64(old.Size)
	}
}

// end does what is left, and takes away keys whose files are gone and of which no other says
// anything: they were deleted, and the tombstone is gone as well. An error is the saved
// index's: it is spoiled, and so is the view.
func (r *replay) end() error {
	r.run()
	if r.base == nil {
		return nil
	}
	d := r.base
	if r.err == nil && d.n != d.keys {
		r.err = errSaved
	}
	if r.err != nil {
		return r.err
	}
	for _, k := range d.known {
		if k.slot != goneSlot {
			r.view.slots[k.slot].live += k.live
		}
	}
	if d.lost == r.found {
		return nil
	}
	var keys [][]byte
	for key, p := range r.view.index.All() {
		if p.Slot() == goneSlot {
			keys = append(keys, append([]byte(nil), key...))
		}
	}
	for _, key := range keys {
		r.view.index.Delete(key)
	}
	return nil
}

// load takes a sealed file's records that the saved index does not know, from the file's hint
// where that is whole.
func (r *replay) load(h *catalog.Home, f *File) error {
	if ok, err := r.loadHint(h, f); ok || err != nil {
		return err
	}
	return r.scan(f)
}

// loadHint takes the hint of a file, if it has one that is whole.
func (r *replay) loadHint(h *catalog.Home, f *File) (ok bool, err error) {
	b, err := h.ReadPart(f.number, hintExt, maxHintBytes)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, store.ErrCorrupt) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	n, entries, err := decodeHint(b, f.salt, f.length)
	if err != nil {
		return false, nil
	}
	if r.base == nil {
		r.view.index.Grow(n, len(b)-n*6)
	}
	for e := range entries {
		if e.off >= f.known {
			r.add(f, e.kind, e.key, e.off, e.size)
		}
	}
	f.hinted = true
	return true, nil
}

// scan takes the records of a file that is whole.
func (r *replay) scan(f *File) error {
	s := record.NewScanner(f.f, f.salt, f.unknown(), f.length)
	for {
		rec, off, size, err := s.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		r.add(f, rec.Kind, rec.Key, off, size)
	}
}

// openSaved reads the table of the saved index, if there is one that fits the files, which are
// all that there are. Its file is to be closed.
func (s *Set) openSaved(files []*File) (*decoded, vfs.File, error) {
	number := s.home.State().Index
	if number == 0 {
		return nil, nil, nil
	}
	s.saved.number = number
	f, err := s.home.OpenPart(number, savedExt)
	if errors.Is(err, store.ErrMissing) {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", s.home.Path(number, savedExt), err)
	}
	info, err := f.Stat()
	var d *decoded
	if err == nil {
		d, err = decodeSaved(f, info.Size(), files)
	}
	switch {
	case errors.Is(err, errSaved):
		return nil, nil, f.Close()
	case err != nil:
		return nil, nil, errors.Join(fmt.Errorf("%s: %w", s.home.Path(number, savedExt), err), f.Close())
	}
	return d, f, nil
}

// fill makes the index from the saved one, nil for none, and what it does not know of sealed
// files and of tails. An error that wraps errSaved says that the saved one is spoiled, and that
// all that was made of it is.
func (s *Set) fill(d *decoded, all []*File, ts []tail) error {
	for _, f := range all {
		f.known, f.live = 0, 0
	}
	s.view.index = NewIndex()
	if d != nil {
		s.view.index = d.index
		for _, k := range d.known {
			if k.slot != goneSlot {
				all[k.slot].known = k.length
			}
		}
	}
	into := &replay{view: s.view, base: d}
	for _, f := range s.files {
		if f.known == f.length {
			continue
		}
		if err := into.load(s.home, f); err != nil {
			return fmt.Errorf("%s: %w", s.home.Path(f.number, logExt), err)
		}
	}
	if err := s.scanTails(ts, into); err != nil {
		return err
	}
	s.saved.whole = d != nil
	if err := into.end(); err != nil {
		return err
	}
	for _, f := range all {
		s.saved.whole = s.saved.whole && d.lost == 0 && f.known == f.length
		s.fresh += f.length - f.known
	}
	return nil
}
