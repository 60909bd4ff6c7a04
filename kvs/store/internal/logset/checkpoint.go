package logset

import (
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/joinery-go/joinery/kvs/store/internal/record"
)

// checkpoint is a saved index that is being written. It is begun at a moment at which all
// that the index says is durable, and is of that moment.
type checkpoint struct {
	number  uint64
	files   []*File // that it knows
	lengths []int64 // of them
	table   *savedTable
	f       vfs.File
	buf     savedPart   // what is not written yet: the end of it,
	full    []savedPart // and what stands before, in parts of checkpointBuffer, so that none grows
	spare   []savedPart // parts that were written
	mark    int64       // what was fresh when it was begun
	merge   *merge      // whose end the catalog is to say with it, nil for none
	away    bool        // a step writes without the lock
	whole   bool        // all is written
	synced  bool
}

// How much is written between two saved indices decides what saving costs, of which a key
// takes 64 bytes each time, and how long opening takes, to which a byte of the tail adds about
// as much as five of the index. So opening takes as long for any number of keys up to a million,
// whose index and tail are read in the same time as openingBytes of index; from there on the tail
// is a small part.
const (
	// openingBytes is what opening may read, in bytes of the index.
	openingBytes = 73 << 20
	// savedKeyBytes is about what a saved index has for a key, and tailCost the bytes of one that are
	// read in the time of a byte of the tail.
	savedKeyBytes, tailCost = 64, 5
	// checkpointBytes is how much is written at least between two saved indices, but for sets of
	// small files, and checkpointPart how much for each two keys.
	checkpointBytes = 5 << 19
	checkpointPart  = 5
	// checkpointBuffer is how much of one is written at once.
	checkpointBuffer = 256 << 10
)

// due reports that so much is written that the index is to be saved. more is what will count, too.
func (s *Set) due(more int64) bool { return s.fresh+more >= s.enough() }

func (s *Set) enough() int64 {
	keys := int64(s.index.Len())
	spare := (openingBytes - savedKeyBytes*keys) / tailCost
	return max(min(max(checkpointBytes, spare), 2*s.opts.SegmentBytes), checkpointPart*keys/2)
}

// wrote counts bytes of files that the saved index does not know.
func (s *Set) wrote(n int) {
	before := s.due(0)
	if s.fresh += int64(n); !before && s.due(0) {
		s.look = true
	}
}

// beginCheckpoint begins to save the index; with m, which is written, as it will be once m
// is finished.
func (s *Set) beginCheckpoint(m *merge) error {
	if err := s.harden(); err != nil {
		return err
	}
	files := s.files
	if m != nil {
		from := s.inputsOf(m)
		files = append(append([]*File(nil), s.files[:from]...), s.files[from+len(m.inputs):]...)
		if m.out.length > record.HeaderBytes {
			files = append(append(files[:from:from], m.out), files[from:]...)
		}
	}
	c, err := s.newCheckpoint(files)
	if err != nil {
		return err
	}
	c.merge, s.check = m, c
	return nil
}

// dueCheckpoint begins to save the index without a merge, unless it is no longer due once the
// logs are synced.
func (s *Set) dueCheckpoint() error {
	if err := s.syncEarly(); err != nil || !s.Live() || !s.due(0) {
		return err
	}
	err := s.beginCheckpoint(nil)
	if err != nil {
		s.fresh = 0
	}
	return err
}

// newCheckpoint makes the file of a saved index and begins it.
func (s *Set) newCheckpoint(files []*File) (*checkpoint, error) {
	c := &checkpoint{
		number: s.next, files: append([]*File(nil), files...), table: newSavedTable(s.index, files), mark: s.fresh,
	}
	f, err := s.home.Create(c.number, savedExt)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("save the index: %w", err), s.home.Remove(c.number, savedExt))
	}
	s.next++
	c.f = f
	for _, f := range files {
		c.lengths = append(c.lengths, f.length)
	}
	c.buf = c.part()
	c.buf.bytes = append(c.buf.bytes, savedMagic...)
	s.index.beginImage(func(prefix uint64, g *page) {
		if len(c.buf.bytes) >= checkpointBuffer {
			c.full, c.buf = append(c.full, c.buf), c.part()
		}
		c.table.add(&c.buf, prefix, g)
	})
	return c, nil
}

// part is an empty part, which seldom grows: what is appended last is one page.
func (c *checkpoint) part() savedPart {
	if n := len(c.spare); n > 0 {
		p := c.spare[n-1]
		c.spare = c.spare[:n-1]
		return savedPart{p.bytes[:0], p.slots[:0]}
	}
	return savedPart{bytes: make([]byte, 0, checkpointBuffer+checkpointBuffer/8)}
}

// take takes the parts that are full, or, where all pages are copied, all of them.
func (c *checkpoint) take(whole bool) []savedPart {
	if whole {
		c.full, c.buf = append(c.full, c.buf), savedPart{}
	}
	parts := c.full
	c.full = nil
	return parts
}

// write finishes and writes parts, and behind the last page the table.
func (c *checkpoint) write(parts []savedPart, whole bool) error {
	for _, p := range parts {
		c.table.finish(p)
		if _, err := c.f.Write(p.bytes); err != nil {
			return err
		}
	}
	if !whole {
		return nil
	}
	_, err := c.f.Write(c.table.end(nil))
	return err
}

// stepCheckpoint goes on with the saved index: some pages a call, then the file, which is
// written without the lock. It is done once the catalog names it, or once it is synced, where
// a merge is to be named with it.
func (s *Set) stepCheckpoint() (done bool, err error) {
	c := s.check
	switch {
	case !c.whole:
		whole := s.index.copyPages(max(1, s.opts.StepRecords/16))
		parts := c.take(whole)
		if len(parts) == 0 {
			return false, nil
		}
		err = s.apart(c, func() error { return c.write(parts, whole) })
		c.spare, c.whole = append(c.spare, parts...), whole
	case !c.synced:
		err = s.apart(c, c.f.Sync)
		c.synced = true
	case c.merge == nil:
		state := s.home.State()
		state.Index = c.number
		if err := s.commit(state); err != nil {
			return false, err
		}
		s.saveDone(c)
	}
	if err == nil || s.check != c {
		return s.check != c || c.synced && c.merge != nil, nil
	}
	s.dropCheckpoint()
	s.fresh = 0 // the next one is tried once as much again is written, so that merges are not kept from it
	return false, fmt.Errorf("save the index as %s: %w", s.home.Path(c.number, savedExt), err)
}

// apart does something to the file of a saved index without the lock, and removes it if it
// was given up meanwhile. Close waits: the directory may be another engine's after it.
func (s *Set) apart(c *checkpoint, do func() error) error {
	s.writing.Add(1)
	defer s.writing.Done()
	c.away = true
	s.mu.Unlock()
	err := do()
	s.mu.Lock()
	if c.away = false; s.check != c {
		s.left = errors.Join(s.left, s.removeCheckpoint(c))
	}
	return err
}

// saveDone notes that the catalog names the saved index.
func (s *Set) saveDone(c *checkpoint) {
	if s.check == c {
		s.check = nil
	}
	err := c.f.Close()
	if s.saved.number != 0 {
		err = errors.Join(err, s.home.Remove(s.saved.number, savedExt))
	}
	s.left = errors.Join(s.left, err)
	s.saved, s.fresh, s.rested = saved{number: c.number}, max(s.fresh-c.mark, 0), true
	for i, f := range c.files {
		f.known = c.lengths[i]
	}
}

// dropCheckpoint gives up the saved index that is being written, if one is.
func (s *Set) dropCheckpoint() {
	c := s.check
	if c == nil {
		return
	}
	s.check = nil
	s.index.endImage()
	if !c.away {
		s.left = errors.Join(s.left, s.removeCheckpoint(c))
	}
}

func (s *Set) removeCheckpoint(c *checkpoint) error {
	return errors.Join(c.f.Close(), s.home.Remove(c.number, savedExt))
}

// saved is what is known of the saved index on the disk.
type saved struct {
	number uint64 // of its file, 0 for none
	whole  bool   // it is what the index is
}

// save writes the index, where the disk does not have it, and has the catalog name it. All that
// it says is durable.
func (s *Set) save() error {
	if len(s.files) == 0 || s.saved.whole {
		return nil
	}
	c, err := s.newCheckpoint(s.files)
	if err != nil {
		return err
	}
	for whole := false; !whole && err == nil; {
		whole = s.index.copyPages(64)
		parts := c.take(whole)
		err = c.write(parts, whole)
		c.spare = append(c.spare, parts...)
	}
	s.index.endImage()
	if err == nil {
		err = c.f.Sync()
	}
	if err != nil {
		return errors.Join(fmt.Errorf("save the index as %s: %w", s.home.Path(c.number, savedExt), err), s.removeCheckpoint(c))
	}
	state := s.home.State()
	state.Index, state.Next = c.number, s.next
	if err := s.home.Commit(state); err != nil { // the disk may name either, and both stay
		return errors.Join(fmt.Errorf("save the index: %w", err), c.f.Close())
	}
	s.saveDone(c)
	return nil
}
