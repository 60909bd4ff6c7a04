package logset

import (
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/joinery-go/joinery/kvs/store"
	"github.com/joinery-go/joinery/kvs/store/internal/catalog"
	"github.com/joinery-go/joinery/kvs/store/internal/record"
)

// merge copies what the index points at in a range of files into a new one. The
// index follows as the copy grows, and goes back if it is given up.
type merge struct {
	inputs    []*File
	published bool // the inputs are part of a version
	bottom    bool // nothing is older than the inputs
	level     int  // of what comes out
	lifted    bool // the oldest file of all gets that level too
	out       *File
	at        int // the input being read
	scan      *record.Scanner
	ahead     []record.Placed // of it, read and not looked at yet,
	hashes    []uint64        // those of their keys,
	end       error           // and what there is in place of them; io.EOF for the input's end
	buf       []byte
	pending   []move // of records in buf
	moves     []move // of records written
	tombs     map[string]bool
	written   bool // all is copied
	buries    bool // it is made without a break, so that tombstones which are lost can be made again
	lost      bool // an input could not be read, of which nothing but tombstones may be missing
	synced    bool
	checked   bool // it was seen whether the index is to be saved with its end
}

// move is a key whose place changed.
type move struct {
	hash     uint64
	old, now Place
}

// begin starts to merge files.
func (s *Set) begin(t catalog.Tiers) (*merge, error) {
	m := &merge{
		inputs: append([]*File(nil), s.files[t.From:t.To]...), published: t.To <= s.home.Published(), bottom: t.From == 0,
		level: t.Level, lifted: t.Lifted, out: s.NewLog(), tombs: map[string]bool{},
	}
	m.out.level = t.Level
	w, err := s.home.Create(m.out.number, logExt)
	if err != nil {
		s.gone(m.out)
		return nil, err
	}
	m.out.f = w
	if _, err := w.Write(record.AppendHeader(nil, m.out.header)); err != nil {
		s.gone(m.out)
		return nil, err
	}
	m.read(0)
	return m, nil
}

func (m *merge) read(input int) {
	m.at = input
	if input < len(m.inputs) {
		f := m.inputs[input]
		m.scan = record.NewScanner(f.f, f.salt, record.HeaderBytes, f.length)
	}
}

// fetch reads up to n records on, of one input. It touches nothing but the merge and that file, and
// may be called without the lock.
func (m *merge) fetch(n int) {
	m.ahead, m.hashes, m.end = m.ahead[:0], m.hashes[:0], nil
	if m.at == len(m.inputs) {
		return
	}
	m.ahead, m.end = m.scan.Some(m.ahead, n)
	for i := range m.ahead {
		m.hashes = append(m.hashes, hashOf(m.ahead[i].Key))
	}
}

// copy writes those of the records that were fetched that count, and has the index point there.
func (s *Set) copy(m *merge) error {
	switch {
	case m.end == io.EOF:
		m.read(m.at + 1)
	case m.end != nil:
		f := m.inputs[m.at]
		s.spoil(f)
		if superseded := f.live == 0; !m.buries || !superseded {
			return fmt.Errorf("merge %s: %w", s.home.Path(f.number, logExt), m.end)
		}
		m.lost = true
		m.read(m.at + 1)
	}
	for i, r := range m.ahead {
		s.keep(m, r, m.hashes[i])
	}
	m.written = m.at == len(m.inputs)
	if err := s.write(m); err != nil {
		return err
	}
	for _, v := range m.pending {
		if !s.index.Move(v.hash, v.old, v.now) {
			panic("logset: a key has moved while it was merged")
		}
		s.slots[v.old.Slot()].live -= int64(v.old.Size)
		m.out.live += int64(v.now.Size)
	}
	m.moves = append(m.moves, m.pending...)
	m.pending = m.pending[:0]
	return nil
}

// bury writes a tombstone for each key of older files that has no value: an input that could
// not be read may have had one. O(bytes of the older files).
func (s *Set) bury(m *merge, older []*File) error {
	for _, f := range older {
		for scan := record.NewScanner(f.f, f.salt, record.HeaderBytes, f.length); scan.Offset() < f.length; {
			r, _, _, err := scan.Next()
			if err != nil {
				s.spoil(f)
				return fmt.Errorf("look for keys in %s: %w", s.home.Path(f.number, logExt), err)
			}
			_, live := s.index.Get(r.Key)
			if r.Kind != record.Value || live || m.tombs[string(r.Key)] || !f.keys.Holds(r.Key) {
				continue
			}
			m.tombs[string(r.Key)] = true
			m.add(record.Record{Kind: record.Tombstone, Key: r.Key})
			if err := s.write(m); err != nil {
				return err
			}
		}
	}
	return nil
}

// add gives the file that comes out a record, once it is written.
func (m *merge) add(r record.Record) (off int64, size int) {
	r.Synced = false // which is of the file that it was in
	off, was := m.out.length, len(m.buf)
	m.buf = record.Append(m.buf, m.out.salt, off, r)
	size = len(m.buf) - was
	m.out.length += int64(size)
	return off, size
}

// write writes what was added.
func (s *Set) write(m *merge) error {
	if len(m.buf) == 0 {
		return nil
	}
	if _, err := m.out.f.Write(m.buf); err != nil {
		return fmt.Errorf("merge into %s: %w", s.home.Path(m.out.number, logExt), err)
	}
	m.buf = m.buf[:0]
	return nil
}

// spoil notes that a file cannot be read, so that what is set later need not wait for a
// merge that never succeeds.
func (s *Set) spoil(f *File) { f.spoiled, s.look = true, true }

// keep copies a record if it counts: the value that the index points at; a tombstone
// of a key that has no value, once, if something older may have one.
func (s *Set) keep(m *merge, r record.Placed, hash uint64) {
	f := m.inputs[m.at]
	if !f.keys.Holds(r.Key) || r.Kind == record.Commit {
		return
	}
	at := placeOf(f.slot, r.Off, r.Size)
	p, live := s.index.get(hash, r.Key)
	if r.Kind == record.Value {
		if live && p.Addr == at.Addr {
			off, size := m.add(r.Record)
			m.pending = append(m.pending, move{hash, at, placeOf(m.out.slot, off, size)})
		}
		return
	}
	if live || m.bottom || m.tombs[string(r.Key)] {
		return
	}
	m.tombs[string(r.Key)] = true
	m.add(r.Record)
}

// finish has the catalog name what came out in place of what went in.
func (s *Set) finish(m *merge) error {
	if err := s.harden(); err != nil {
		return err
	}
	from := s.inputsOf(m)
	to := from + len(m.inputs)
	state := s.home.State()
	part := catalog.Part{Number: m.out.number, Ext: logExt, Level: m.level, Length: m.out.length}
	for _, p := range state.Parts[from:to] {
		part.Remote = append(part.Remote, p.Remote...)
	}
	out, parts := []*File{m.out}, []catalog.Part{part}
	if m.out.length == record.HeaderBytes {
		out, parts = nil, nil // nothing of it counts
	}
	if m.published {
		state.Published += len(parts) - len(m.inputs)
	}
	if m.lifted {
		state.Parts[0].Level, s.files[0].level = m.level, m.level
	}
	state.Parts = append(append(append([]catalog.Part(nil), state.Parts[:from]...), parts...), state.Parts[to:]...)
	if m.published && len(state.Parts) == 0 { // and nothing was set since
		state.ParentEmpty = true
	}
	c := s.check
	if c != nil && c.merge == m {
		state.Index = c.number
	}
	if err := s.commit(state); err != nil {
		return err
	}
	if c != nil && c.merge == m {
		s.saveDone(c)
	} else {
		s.wrote(int(m.out.length))
	}
	s.files, s.saved.whole = append(append(append([]*File(nil), s.files[:from]...), out...), s.files[to:]...), false
	for _, f := range m.inputs {
		s.gone(f)
	}
	if out == nil {
		s.gone(m.out)
	}
	return nil
}

// inputsOf is the index of the first file that goes into a merge.
func (s *Set) inputsOf(m *merge) int {
	from := slices.Index(s.files, m.inputs[0])
	if from < 0 || from+len(m.inputs) > len(s.files) || s.files[from+len(m.inputs)-1] != m.inputs[len(m.inputs)-1] {
		panic("logset: the inputs of a merge have moved")
	}
	return from
}

// abort gives up the merge in progress: the index goes back to the files that went
// in, which still are all that the catalog names.
func (s *Set) abort() {
	if s.merge != nil {
		s.undo(s.merge)
		s.merge = nil
	}
}

func (s *Set) undo(m *merge) {
	if s.check != nil && s.check.merge == m {
		s.dropCheckpoint()
	}
	for _, v := range m.moves {
		if s.index.Move(v.hash, v.now, v.old) {
			s.slots[v.old.Slot()].live += int64(v.old.Size)
		}
	}
	s.gone(m.out)
}

// mergeNow merges without a break, for a snapshot. An input that cannot be read is no
// hindrance where all that it held has been set again since.
func (s *Set) mergeNow(from, to int) error {
	m, err := s.begin(catalog.Tiers{From: from, To: to})
	if err != nil {
		return err
	}
	m.buries = true
	for !m.written {
		m.fetch(s.opts.StepRecords)
		if err := s.copy(m); err != nil {
			s.undo(m)
			return err
		}
	}
	if m.lost && !m.bottom {
		if err := s.bury(m, s.files[:from]); err != nil {
			s.undo(m)
			return err
		}
	}
	if err := m.out.f.Sync(); err != nil {
		s.undo(m)
		return err
	}
	if err := s.finish(m); err != nil {
		if !errors.Is(err, store.ErrFailed) {
			s.undo(m)
		}
		return err
	}
	return nil
}
