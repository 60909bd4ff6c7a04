package logset

import (
	"errors"
	"fmt"
	"io"

	"github.com/joinery-go/joinery/kvs/store"
	"github.com/joinery-go/joinery/kvs/store/internal/catalog"
	"github.com/joinery-go/joinery/kvs/store/internal/record"
)

// NewLog returns a log file that is nowhere yet but has a slot: its records can be
// given places.
func (s *Set) NewLog() *File {
	f := &File{number: s.next, header: record.Header{Type: s.opts.Type, Number: s.next}, length: record.HeaderBytes}
	f.salt = f.header.Salt()
	s.next++
	s.enter(f)
	return f
}

// Create makes the file of a log, with its header and first records, durably, and has
// the catalog name it as the youngest; what was open before counts as a whole, or up
// to the last commit record in what follows.
func (s *Set) Create(f *File, records []byte) error {
	w, err := s.home.Create(f.number, logExt)
	if err != nil {
		return s.Fail(err)
	}
	f.f = w
	if _, err := w.Write(record.AppendHeader(nil, f.header)); err != nil {
		return s.Fail(err)
	}
	if len(records) > 0 {
		s.Stats.Syncs++
		if _, err := w.Write(records); err != nil {
			return s.Fail(fmt.Errorf("write %s: %w", s.home.Path(f.number, logExt), err))
		}
	}
	if err := w.Sync(); err != nil {
		return s.Fail(err)
	}
	state := s.home.State()
	if !s.opts.Batched {
		s.seal(&state)
	}
	state.Parts = append(state.Parts, catalog.Part{Number: f.number, Ext: logExt, Length: catalog.Open})
	if err := s.commit(state); err != nil {
		return err
	}
	s.files = append(s.files, f)
	return nil
}

// Write appends records to a log that was created.
func (s *Set) Write(f *File, b []byte) error {
	if _, err := f.f.Write(b); err != nil {
		return s.Fail(fmt.Errorf("write %s: %w", s.home.Path(f.number, logExt), err))
	}
	return nil
}

// Grow counts bytes that are or will be written to a log.
func (f *File) Grow(n int) { f.length += int64(n) }

// Mark counts bytes of commit records among those of [File.Grow].
func (f *File) Mark(n int) { f.marks += int64(n) }

// Sync makes what was written to a log durable.
func (s *Set) Sync(f *File) error {
	s.Stats.Syncs++
	if err := f.f.Sync(); err != nil {
		return s.Fail(fmt.Errorf("sync %s: %w", s.home.Path(f.number, logExt), err))
	}
	return nil
}

// Full reports that a log should be sealed before it takes size more bytes.
func (s *Set) Full(f *File, size int) bool {
	return f.length > record.HeaderBytes && f.length+int64(size) > s.opts.SegmentBytes
}

// seal gives open parts their length.
func (s *Set) seal(state *catalog.State) {
	for i := range state.Parts {
		if p := &state.Parts[i]; p.Length == catalog.Open {
			p.Length = s.files[i].length
		}
	}
}

// Seal has the catalog say that all logs are whole, all of which is durable. The
// next record begins another. A log without records goes.
func (s *Set) Seal() error { return s.sealWith(s.commit) }

// sealWith has commit take the catalog that says it.
func (s *Set) sealWith(commit func(catalog.State) error) error {
	state := s.home.State()
	n := len(state.Parts)
	if n == 0 || state.Parts[n-1].Length != catalog.Open {
		return nil
	}
	s.seal(&state)
	last := s.files[n-1]
	empty := last.length == record.HeaderBytes
	if empty {
		state.Parts = state.Parts[:n-1]
	}
	if !empty {
		return commit(state)
	}
	if err := s.commit(state); err != nil {
		return err
	}
	s.files = s.files[:n-1]
	s.gone(last)
	return nil
}

// commit replaces the catalog; if that fails, nobody knows which one the disk has.
func (s *Set) commit(state catalog.State) error {
	s.look = true
	state.Next = max(state.Next, s.next)
	if err := s.home.Commit(state); err != nil {
		return s.Fail(err)
	}
	return nil
}

// note has the catalog say so from the next commit on, which background work does if
// nothing else does. A log that is sealed so is read to its end after a crash before
// that, as an open one is.
func (s *Set) note(state catalog.State) error {
	s.look = true
	state.Next = max(state.Next, s.next)
	return s.home.Note(state)
}

// gone closes and removes a file that no longer counts. Failing is no harm but its
// space, until the next opening.
func (s *Set) gone(f *File) {
	if err := errors.Join(s.leave(f), s.home.Remove(f.number, logExt, hintExt, savedExt)); err != nil {
		s.Stats.Background, s.left = err, err
	}
}

// recoverOpen reads the parts from index sealed on, which were open when the engine
// stopped, as far as they count, and seals them there.
func (s *Set) recoverOpen(state catalog.State, sealed int) error {
	if sealed == len(state.Parts) {
		return nil
	}
	var drop []uint64
	state.Parts = state.Parts[:sealed]
	for _, t := range s.tails(sealed) {
		if t.err != nil {
			return fmt.Errorf("%s: %w", s.home.Path(t.part.Number, logExt), t.err)
		}
		if t.end == record.HeaderBytes || t.file == nil {
			drop = append(drop, t.part.Number)
			if t.file != nil {
				if err := s.leave(t.file); err != nil {
					return err
				}
			}
			continue
		}
		// What was read may be in memory only, where it was not the machine that stopped.
		if err := s.home.SyncPart(t.part.Number, logExt); err != nil {
			return err
		}
		t.file.length = t.end
		t.apply(s.view)
		t.part.Length = t.end
		state.Parts = append(state.Parts, t.part)
		s.files = append(s.files, t.file)
	}
	if err := s.commit(state); err != nil {
		return err
	}
	for _, n := range drop {
		if err := s.home.Remove(n, logExt); err != nil {
			s.Stats.Background = err
		}
	}
	return nil
}

// tail is an open part and how far it counts.
type tail struct {
	part  catalog.Part
	file  *File // nil if not even its header is whole
	end   int64
	clean bool // every byte of it is of a record
	err   error
	// What was read goes into the index once it is known how far the part counts, and is
	// not read again: entries in order, whose keys stand in keys one behind the other.
	entries []tailEntry
	keys    []byte
}

// tailEntry is a record without its key and value.
type tailEntry struct {
	kind record.Kind
	key  int // length
	off  int64
	size int
}

// apply does what the records say that count.
func (t *tail) apply(v *view) {
	at := 0
	for _, e := range t.entries {
		if e.off >= t.end {
			break
		}
		v.apply(t.file, e.kind, t.keys[at:at+e.key], e.off, e.size)
		at += e.key
	}
}

// tails reads the open parts from index sealed on, in order: records count up to the
// first that is torn, or where they are batched up to the last commit record before
// that. Damage is told from a torn tail by [record.CheckTail].
func (s *Set) tails(sealed int) []tail {
	parts := s.home.State().Parts[sealed:]
	ts := make([]tail, len(parts))
	last, cut := -1, false // the part that holds the last record that counts
	for i, p := range parts {
		t := &ts[i]
		t.part, t.end = p, record.HeaderBytes
		if t.err = s.openTail(t); t.err != nil {
			return ts
		}
		committed, any, err := s.scanTail(t)
		if t.err = err; err != nil {
			return ts
		}
		if any && cut {
			// A file is begun once the one before is durable to its end.
			t.err = fmt.Errorf("%w: it counts, and the file before it does not as a whole", store.ErrCorrupt)
			return ts
		}
		if any {
			last, t.end = i, committed
		}
		cut = cut || !t.clean
	}
	for i := range ts {
		switch t := &ts[i]; {
		case i < last:
			t.end = t.file.length // a later file holds the commit record
		case i > last:
			t.end = record.HeaderBytes
		}
	}
	return ts
}

// openTail opens a part that was open.
func (s *Set) openTail(t *tail) error {
	f, err := openFile(s.home, s.view, t.part, s.opts.Type)
	if err != nil {
		return err // its header was durable before the catalog named it
	}
	info, err := f.f.Stat()
	if err != nil {
		return err
	}
	t.file, f.length = f, info.Size()
	return nil
}

// scanTail finds where the part stops to count, and whether anything in it does.
func (s *Set) scanTail(t *tail) (end int64, any bool, err error) {
	f := t.file
	scan := record.NewScanner(f.f, f.salt, record.HeaderBytes, f.length)
	end = record.HeaderBytes
	for {
		r, off, size, err := scan.Next()
		if err == io.EOF {
			t.clean = true
			return end, any, nil
		}
		if errors.Is(err, store.ErrCorrupt) {
			return end, any, record.CheckTail(f.f, f.salt, scan.Offset(), f.length)
		}
		if err != nil {
			return 0, false, err
		}
		t.entries = append(t.entries, tailEntry{r.Kind, len(r.Key), off, size})
		t.keys = append(t.keys, r.Key...)
		if !s.opts.Batched || r.Kind == record.Commit {
			end, any = off+int64(size), true
		}
	}
}

// Growing reports that a log was created and not sealed since.
func (s *Set) Growing(f *File) bool {
	for i := len(s.files) - 1; i >= 0 && !s.home.Sealed(i); i-- {
		if s.files[i] == f {
			return true
		}
	}
	return false
}

// Unsealed is how many logs were created and not sealed since.
func (s *Set) Unsealed() int {
	n := 0
	for i := len(s.files) - 1; i >= 0 && !s.home.Sealed(i); i-- {
		n++
	}
	return n
}

// At is the file in a slot, nil for none.
func (s *Set) At(slot int) *File {
	if slot >= len(s.slots) {
		return nil
	}
	return s.slots[slot]
}
