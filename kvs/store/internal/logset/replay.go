package logset

import (
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/joinery-go/joinery/kvs/store"
	"github.com/joinery-go/joinery/kvs/store/internal/catalog"
	"github.com/joinery-go/joinery/kvs/store/internal/record"
)

// replay does to the index what records of files say that opening reads, oldest first. It
// takes many at once and then goes through them by hash, those of one page in their order:
// so a page comes into the processor's cache once for many of them.
type replay struct {
	view    *view
	entries []replayed
	keys    []byte
	order   []uint32
}

// replayed is a record without its value. Its key begins at keys[from].
type replayed struct {
	hash       uint64
	off        int64
	slot, from uint32
	key, size  uint32
	kind       record.Kind
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
	r.entries = append(r.entries, replayed{
		hash: hashOf(key), off: off, slot: uint32(f.slot), from: uint32(len(r.keys)), key: uint32(len(key)), size: uint32(size), kind: kind,
	})
	r.keys = append(r.keys, key...)
	if len(r.entries) >= replayedAtOnce || len(r.keys) >= 1<<30 {
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
		r.order = make([]uint32, replayedAtOnce)
	}
	for i := range r.entries {
		at := &first[r.entries[i].hash>>(64-replayBits)]
		r.order[*at] = uint32(i)
		*at++
	}
	for _, i := range r.order[:len(r.entries)] {
		r.one(&r.entries[i])
	}
	r.entries, r.keys = r.entries[:0], r.keys[:0]
}

// one does what a record says, unless the index has the key in a younger file: then it was
// saved, and this record is of an older file that a merge made since.
func (r *replay) one(e *replayed) {
	x, key := r.view.index, r.keys[e.from:][:e.key]
	old, had := x.get(e.hash, key)
	if had && old.Slot() != goneSlot && old.Slot() > int(e.slot) {
		return
	}
	switch e.kind {
	case record.Value:
		r.view.slots[e.slot].live += int64(e.size)
		x.put(e.hash, key, placeOf(int(e.slot), e.off, int(e.size)))
	case record.Tombstone:
		x.remove(e.hash, key)
	}
	switch {
	case had && old.Slot() == goneSlot:
		r.view.lost--
	case had:
		r.view.slots[old.Slot()].live -= int64(old.Size)
	}
}

// end does what is left, and takes away keys whose files are gone and of which no other says
// anything: they were deleted, and the tombstone is gone as well.
func (r *replay) end() {
	r.run()
	if r.view.lost == 0 {
		return
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
	r.view.lost = 0
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
	r.view.index.Grow(n, len(b)-n*6)
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

// loadSaved takes the saved index, if there is one that fits the files, which are all that
// there are.
func (s *Set) loadSaved(files []*File) error {
	number := s.home.State().Index
	if number == 0 {
		return nil
	}
	s.saved.number = number
	b, err := s.home.ReadPart(number, savedExt, maxSavedBytes)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, store.ErrCorrupt) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("%s: %w", s.home.Path(number, savedExt), err)
	}
	d, err := decodeSaved(b, files)
	if err != nil {
		return nil
	}
	s.view.index, s.view.lost = d.index, d.lost
	for _, k := range d.known {
		if k.slot == goneSlot {
			continue
		}
		f := files[k.slot]
		f.known, f.live = k.length, k.live
		if f.hinted, err = s.home.Has(f.number, hintExt); err != nil {
			return err
		}
	}
	s.saved.whole = d.lost == 0
	for _, f := range files {
		s.saved.whole = s.saved.whole && f.known == f.length
	}
	return nil
}
