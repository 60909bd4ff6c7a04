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
	s.saved.whole = false
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
		s.wrote(len(records))
		if err := s.writeTo(w, records); err != nil {
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
	s.wrote(len(b))
	if f.unsynced += int64(len(b)); f.unsynced >= earlyBytes {
		s.look = true
	}
	if err := s.writeTo(f.f, b); err != nil {
		return s.Fail(fmt.Errorf("write %s: %w", s.home.Path(f.number, logExt), err))
	}
	return nil
}

// pieceBytes is how much is copied at once of what is written and kept.
const pieceBytes = 8 << 10

// writeTo writes b, which the file may change, or copies of it where it is kept.
func (s *Set) writeTo(w io.Writer, b []byte) error {
	if !s.opts.Kept {
		_, err := w.Write(b)
		return err
	}
	for len(b) > 0 {
		n := min(len(b), pieceBytes)
		s.piece = append(s.piece[:0], b[:n]...)
		if _, err := w.Write(s.piece); err != nil {
			return err
		}
		b = b[n:]
	}
	return nil
}

// Grow counts bytes that are or will be written to a log.
func (f *File) Grow(n int) { f.length += int64(n) }

// Mark counts bytes of commit records among those of [File.Grow].
func (f *File) Mark(n int) { f.marks += int64(n) }

// Sync makes what was written to a log durable.
func (s *Set) Sync(f *File) error {
	if err := s.early.wait(); err != nil {
		return s.Fail(err)
	}
	s.Stats.Syncs++
	f.unsynced = 0
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

// sealTails has the catalog name the parts that were open when the engine stopped as far as
// they count, which is known. state has those that were not.
func (s *Set) sealTails(state catalog.State, ts []tail) error {
	if len(ts) == 0 {
		return nil
	}
	var drop []uint64
	for i := range ts {
		t := &ts[i]
		if t.end == record.HeaderBytes {
			drop = append(drop, t.part.Number)
			if err := s.leave(t.file); err != nil {
				return err
			}
			continue
		}
		// What was read may be in memory only, where it was not the machine that stopped.
		if err := s.home.SyncPart(t.part.Number, logExt); err != nil {
			return err
		}
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
	file  *File
	size  int64 // of the file
	end   int64
	clean bool // every byte of it is of a record
}

// openTails opens the parts that were open.
func (s *Set) openTails(parts []catalog.Part) ([]tail, error) {
	var ts []tail
	for _, p := range parts {
		f, err := openFile(s.home, s.view, p, s.opts.Type)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", s.home.Path(p.Number, logExt), err) // its header was durable before the catalog named it
		}
		info, err := f.f.Stat()
		if err != nil {
			return nil, err
		}
		f.length = info.Size()
		ts = append(ts, tail{part: p, file: f, size: f.length})
	}
	return ts, nil
}

// scanTails reads the open parts in order: records count up to the first that is torn, or
// where they are batched up to the last commit record before that, and what the saved index
// knows does. Those that count are added to into. Damage is told from a torn tail by
// [record.CheckTail].
func (s *Set) scanTails(ts []tail, into *replay) error {
	into.hold = true
	last, cut := -1, false // the part that holds the last record that counts
	count := len(into.entries)
	for i := range ts {
		t := &ts[i]
		t.clean = false
		committed, n, err := s.scanTail(t, into)
		any := committed > record.HeaderBytes
		if err == nil && any && cut {
			// A file is begun once the one before is durable to its end.
			err = fmt.Errorf("%w: it counts, and the file before it does not as a whole", store.ErrCorrupt)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", s.home.Path(t.part.Number, logExt), err)
		}
		if t.end = record.HeaderBytes; any {
			last, t.end, count = i, committed, n
		}
		cut = cut || !t.clean
	}
	into.cut(count)
	into.hold = false
	for i := range ts {
		t := &ts[i]
		switch {
		case i < last:
			t.end = t.size // a later file holds the commit record
		case i > last:
			t.end = record.HeaderBytes
		}
		t.file.length = t.end
	}
	return nil
}

// scanTail finds where the part stops to count, which is behind its header if nothing in it
// does, and how many entries there are then.
func (s *Set) scanTail(t *tail, into *replay) (end int64, n int, err error) {
	f := t.file
	scan := record.NewScanner(f.f, f.salt, f.unknown(), t.size)
	end, n = f.unknown(), len(into.entries)
	for {
		r, off, size, err := scan.Next()
		if err == io.EOF {
			t.clean = true
			return end, n, nil
		}
		if errors.Is(err, store.ErrCorrupt) {
			return end, n, record.CheckTail(f.f, f.salt, scan.Offset(), t.size)
		}
		if err != nil {
			return 0, 0, err
		}
		into.add(f, r.Kind, r.Key, off, size)
		if !s.opts.Batched || r.Kind == record.Commit {
			end, n = off+int64(size), len(into.entries)
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
