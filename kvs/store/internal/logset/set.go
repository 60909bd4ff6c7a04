// Package logset is what the log engines share: an ordered set of files of records,
// an index in memory that says where each key's value is, merging that keeps what
// the index points at, recovery, and versions.
//
// Later records count before earlier ones, and later files before earlier ones, so
// a tombstone matters as long as an older file may hold its key: it goes only in a
// merge that begins with the oldest file. Files that a version in the archive
// consists of come first. A merge never takes in files of both sides of that border:
// so the files after it are what changed since, and publishing costs no more.
//
// An engine on the set decides what is written when, and promises accordingly. The
// set is not safe for concurrent use; the engine's lock guards it, and the set takes
// that lock for background work only.
package logset

import (
	"errors"
	"fmt"
	"sync"

	"github.com/joinery-go/joinery/kvs/store"
	"github.com/joinery-go/joinery/kvs/store/internal/catalog"
	"github.com/joinery-go/joinery/kvs/store/internal/lifecycle"
	"github.com/joinery-go/joinery/kvs/store/internal/record"
)

// Options describe a set, with defaults filled in.
type Options struct {
	store.Options
	Engine string // the engine's name
	Type   byte   // of its files
	// SegmentBytes is the length at which a log file is sealed.
	SegmentBytes int64
	// FanIn is how many files of a level are merged into one of the next.
	FanIn int
	// MaxBacklog is how many sealed log files may wait for a merge.
	MaxBacklog int
	// StepRecords is how many records a step of a merge looks at.
	StepRecords int
	// Batched says that records count only up to the last commit record.
	Batched bool
	// Kept says that the engine reads on what it has a file write, which a vfs.File may change: files
	// are given copies.
	Kept bool
}

// Check refuses options that describe no set; the engine has filled in defaults.
func (o *Options) Check() error {
	switch {
	case o.SegmentBytes < 1024 || o.SegmentBytes > 1<<38:
		return fmt.Errorf("%w: SegmentBytes %d, want 1 KiB to 256 GiB", store.ErrOptions, o.SegmentBytes)
	case o.FanIn < 2 || o.FanIn > 1024:
		return fmt.Errorf("%w: FanIn %d, want 2 to 1024", store.ErrOptions, o.FanIn)
	case o.MaxBacklog <= o.FanIn || o.MaxBacklog > catalog.MaxParts/2:
		return fmt.Errorf("%w: MaxBacklog %d, want more than FanIn %d", store.ErrOptions, o.MaxBacklog, o.FanIn)
	case o.StepRecords < 1:
		return fmt.Errorf("%w: StepRecords %d, want at least 1", store.ErrOptions, o.StepRecords)
	}
	return nil
}

// Set is an open set.
type Set struct {
	opts Options
	mu   sync.Locker // the engine's
	// harden makes all that the index says durable: what a merge drops must not be
	// needed by what a crash goes back to.
	harden func() error
	home   *catalog.Home
	*view
	next  uint64 // number of the next file
	merge *merge // in progress, nil for none
	job   bool   // background work is offered
	look  bool   // there may be background work that is not
	retry lifecycle.Retry
	hint  *hint // being made, nil for none
	saved saved
	check *checkpoint // being written, nil for none
	early early
	fresh int64 // bytes of files that are not in the saved index, about
	// rested says that the index was saved since the last merge was begun, so that one that is
	// wanted comes first.
	rested bool
	left   error  // what the present step of background work could not remove
	piece  []byte // a copy of what is being written, where that is kept
	// writing is a background step that writes a file without the lock.
	writing sync.WaitGroup
	lifecycle.State

	Stats store.Stats
}

// Open opens the directory of o and recovers what is in it.
func Open(o Options, mu sync.Locker, harden func() error) (*Set, error) {
	home, err := catalog.OpenHome(o.Options, o.Engine, logExt, hintExt, savedExt)
	if err != nil {
		return nil, err
	}
	s := &Set{opts: o, mu: mu, harden: harden, home: home, view: newView(), next: home.State().Next, look: true}
	home.Verified(s.whole)
	if home.StartsAtLatest() {
		err = s.restore(store.Latest)
	} else {
		err = s.recover()
	}
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", o.Dir, catalog.CloseAfter(errors.Join(err, s.view.close()), home))
	}
	return s, nil
}

// recover reads what the catalog names: the saved index, and of what it does not know
// hints, or what none stands for.
func (s *Set) recover() error {
	state := s.home.State()
	sealed := len(state.Parts)
	for i, p := range state.Parts {
		if p.Length == catalog.Open {
			sealed = i
			break
		}
		f, err := openFile(s.home, s.view, p, s.opts.Type)
		if err != nil {
			return err
		}
		s.files = append(s.files, f)
	}
	ts, err := s.openTails(state.Parts[sealed:])
	if err != nil {
		return err
	}
	all := append([]*File(nil), s.files...)
	for i := range ts {
		all = append(all, ts[i].file)
	}
	d, file, err := s.openSaved(all)
	if err != nil {
		return err
	}
	err = s.fill(d, all, ts)
	if file != nil {
		err = errors.Join(err, file.Close())
	}
	if errors.Is(err, errSaved) {
		err = s.fill(nil, all, ts)
	}
	if err != nil {
		return err
	}
	for _, f := range s.files {
		if !f.hinted && f.known > 0 {
			if f.hinted, err = s.home.Has(f.number, hintExt); err != nil {
				return err
			}
		}
	}
	state.Parts = state.Parts[:sealed]
	return s.sealTails(state, ts)
}

// Read returns the value at a place that is in a file.
func (s *Set) Read(p Place, key []byte) ([]byte, error) {
	return s.slots[p.Slot()].read(p, key)
}

// Index is where the keys are.
func (s *Set) Index() *Index { return s.index }

// Noted does to the index what a record says that was added at a place.
func (s *Set) Noted(f *File, kind record.Kind, key []byte, off int64, size int) {
	s.view.apply(f, kind, key, off, size)
}

// Size is what the files occupy.
func (s *Set) Size() store.Size {
	n := store.Size{Keys: int64(s.index.Len()), Files: len(s.files)}
	if s.Closed() {
		return store.Size{Keys: n.Keys}
	}
	for _, f := range s.files {
		n.Disk += f.length
		if f.spoiled {
			n.Spoiled++
		}
	}
	n.Backlog, n.Memory = s.backlog(), int64(cap(s.piece))
	return n
}

// backlog is the number of sealed log files that a merge should take: those younger than
// all that cannot be read.
func (s *Set) backlog() int {
	n := 0
	for i := max(s.home.Published(), catalog.Stretch(len(s.files), s.spoiled)); i < len(s.files); i++ {
		if s.files[i].level == 0 && s.home.Sealed(i) {
			n++
		}
	}
	return n
}

// CheckBacklog refuses a new log file while too many wait.
func (s *Set) CheckBacklog() error {
	if n := s.backlog(); n >= s.opts.MaxBacklog {
		s.Stats.Refused++
		s.look = true
		err := fmt.Errorf("set: %w: %d files wait for a merge", store.ErrBackpressure, n)
		if s.Stats.Background != nil {
			err = fmt.Errorf("%w; the last one failed: %w", err, s.Stats.Background)
		}
		return err
	}
	return nil
}

// Close seals what is open and gives the directory free; the engine has hardened. A
// set that has failed, be it in the background, says so: not all that was set is known
// to be durable.
func (s *Set) Close(hardened error) error {
	s.abort()
	s.dropCheckpoint()
	err := hardened
	if err == nil {
		err = s.Failed()
	}
	if err == nil {
		err = s.sealWith(s.note)
	}
	if err == nil {
		err = s.home.Flush()
	}
	if err == nil {
		if e := s.save(); e != nil {
			s.Stats.Background = e // opening makes it again
		}
	}
	s.State.Close()
	s.mu.Unlock()
	s.writing.Wait()
	s.mu.Lock()
	return catalog.CloseAfter(errors.Join(err, s.view.close()), s.home)
}
