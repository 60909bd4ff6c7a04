package logset

import (
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/joinery-go/joinery/kvs/store"
	"github.com/joinery-go/joinery/kvs/store/internal/catalog"
	"github.com/joinery-go/joinery/kvs/store/internal/record"
)

const (
	logExt  = "log"
	hintExt = "hint"
)

// File is a file of records.
type File struct {
	number   uint64
	slot     int
	header   record.Header // of a file that is made
	salt     uint32
	f        vfs.File       // nil before it is created
	keys     store.KeyRange // what of it counts
	level    int
	length   int64 // bytes given to it, or that count
	known    int64 // bytes of it of which the saved index knows
	live     int64 // bytes of records that the index points at
	marks    int64 // bytes of commit records given to it since it was made
	hinted   bool  // its hint is there
	unsynced int64 // bytes of it that were written since it was synced last

	spoiled bool // background work could not read it, and leaves it alone from then on
}

// Salt is that of the file's records.
func (f *File) Salt() uint32 { return f.salt }

// Slot is the file's in addresses.
func (f *File) Slot() int { return f.slot }

// unknown is where the records begin of which the saved index does not know.
func (f *File) unknown() int64 { return max(f.known, record.HeaderBytes) }

// Length is the bytes given to the file, its header included.
func (f *File) Length() int64 { return f.length }

// view is the files that count and what they say: all that a restore replaces.
type view struct {
	files []*File // oldest first, as the catalog's parts
	slots []*File // by slot
	free  []int   // slots without a file
	index *Index
}

func newView() *view { return &view{index: NewIndex()} }

// enter gives the file a slot.
func (v *view) enter(f *File) {
	if n := len(v.free); n > 0 {
		f.slot, v.free = v.free[n-1], v.free[:n-1]
		v.slots[f.slot] = f
		return
	}
	f.slot = len(v.slots)
	v.slots = append(v.slots, f)
}

// leave takes the file's slot back and closes it. No place in it may be left.
func (v *view) leave(f *File) error {
	v.slots[f.slot] = nil
	v.free = append(v.free, f.slot)
	if f.f == nil {
		return nil
	}
	return f.f.Close()
}

// close closes all files.
func (v *view) close() error {
	var err error
	for _, f := range v.slots {
		if f != nil && f.f != nil {
			err = errors.Join(err, f.f.Close())
		}
	}
	return err
}

// apply does what a record of the file says, if it is of the file's keys.
func (v *view) apply(f *File, kind record.Kind, key []byte, off int64, size int) {
	if !f.keys.Holds(key) {
		return
	}
	switch kind {
	case record.Value:
		f.live += int64(size)
		v.gone(v.index.Put(key, placeOf(f.slot, off, size)))
	case record.Tombstone:
		v.gone(v.index.Delete(key))
	}
}

// gone counts a record that the index no longer points at, if there was one.
func (v *view) gone(old Place, had bool) {
	if had {
		v.slots[old.Slot()].live -= int64(old.Size)
	}
}

// openFile opens a part that exists.
func openFile(h *catalog.Home, v *view, p catalog.Part, kind byte) (*File, error) {
	f, err := h.OpenPart(p.Number, p.Ext)
	if err != nil {
		return nil, err
	}
	header, err := record.ReadHeader(f, kind)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", h.Path(p.Number, p.Ext), err), f.Close())
	}
	file := &File{number: p.Number, salt: header.Salt(), f: f, keys: p.Range, level: p.Level, length: p.Length}
	v.enter(file)
	return file, nil
}

// read returns the value of the record at a place, which must be that of key.
func (f *File) read(p Place, key []byte) ([]byte, error) {
	b := make([]byte, p.Size)
	if err := record.ReadFull(f.f, b, p.Offset()); err != nil {
		return nil, err
	}
	r, n, err := record.Decode(b, f.salt, p.Offset())
	if err != nil || n != len(b) || r.Kind != record.Value || string(r.Key) != string(key) {
		return nil, fmt.Errorf("%w: the record at offset %d of file %d is not the one of the key", store.ErrCorrupt, p.Offset(), f.number)
	}
	return r.Value, nil
}
