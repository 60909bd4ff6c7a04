package logset

import (
	"errors"
	"fmt"

	"github.com/joinery-go/joinery/kvs/store"
	"github.com/joinery-go/joinery/kvs/store/internal/catalog"
	"github.com/joinery-go/joinery/kvs/store/internal/record"
)

// Snapshot publishes what the files hold, once the engine has hardened: of what is
// not published yet the records that count, as one file, and the segments that the
// archive has.
func (s *Set) Snapshot() (store.Version, error) {
	if s.opts.Archive == nil {
		return 0, store.ErrNoArchive
	}
	if err := s.sealWith(s.note); err != nil {
		return 0, err
	}
	v, idle, err := s.home.Idle()
	if err != nil {
		return 0, err
	}
	if idle {
		s.Stats.Snapshots++
		return v, nil
	}
	border := s.home.Published()
	if s.merge != nil && !s.merge.published {
		s.abort()
	}
	if s.wasteful(border) {
		if err := s.mergeNow(border, len(s.files)); err != nil {
			return 0, err
		}
	}
	s.look = true
	v, uploaded, err := s.home.PublishNoted()
	s.Stats.CriticalBytes += uploaded
	if errors.Is(err, catalog.ErrNote) {
		err = s.Fail(err)
	}
	if err != nil {
		return 0, err
	}
	s.Stats.Snapshots++
	return v, nil
}

// verify reads a file to the end: what the disk has spoiled must not go into the archive
// under a hash of its own. It may be called without the lock.
func (s *Set) verify(f *File) error {
	err := record.CheckHeader(f.f, s.opts.Type, f.salt)
	for scan := record.NewScanner(f.f, f.salt, record.HeaderBytes, f.length); err == nil && scan.Offset() < f.length; {
		_, _, _, err = scan.Next()
	}
	if err != nil {
		return fmt.Errorf("%s: %w", s.home.Path(f.number, logExt), err)
	}
	return nil
}

// whole is verify of the file with that number, for a version that is published.
func (s *Set) whole(number uint64) error {
	for _, f := range s.files {
		if f.number != number {
			continue
		}
		if err := s.verify(f); err != nil {
			s.spoil(f)
			return err
		}
	}
	return nil
}

// wasteful reports that the files from index border on hold more than one file of
// records that count, and of commit records not more than a fiftieth.
func (s *Set) wasteful(border int) bool {
	fresh := s.files[border:]
	if len(fresh) == 0 {
		return false
	}
	f, records := fresh[0], fresh[0].length-record.HeaderBytes
	return len(fresh) > 1 || f.live+f.marks != records || f.marks*50 > records
}

// Restore makes the files those of a version.
func (s *Set) Restore(v store.Version) error {
	if s.opts.Archive == nil {
		return store.ErrNoArchive
	}
	if err := s.restore(v); err != nil {
		return err
	}
	s.Stats.Restores++
	return nil
}

func (s *Set) restore(v store.Version) (err error) {
	fetched := newView()
	into := &replay{view: fetched}
	state, err := s.home.Fetch(v, s.next, logExt)
	if err != nil {
		return err
	}
	for _, p := range state.Parts {
		f, e := openFile(s.home, fetched, p, s.opts.Type)
		if e == nil {
			fetched.files = append(fetched.files, f)
			e = into.scan(f)
		}
		if e != nil {
			return errors.Join(fmt.Errorf("segment %s: %w", p.Hash, e), fetched.close(), s.home.Discard(state))
		}
	}
	if err := into.end(); err != nil {
		return errors.Join(err, fetched.close(), s.home.Discard(state))
	}
	if err := s.home.Restored(state); err != nil {
		return s.Fail(errors.Join(err, fetched.close()))
	}
	s.abort()
	s.dropCheckpoint()
	old, index := s.view, s.saved.number
	s.view, s.next, s.hint, s.look, s.saved, s.fresh = fetched, max(s.next, state.Next), nil, true, saved{}, 0
	for _, f := range s.files {
		s.fresh += f.length
	}
	if index != 0 {
		if err := s.home.Remove(index, savedExt); err != nil {
			s.Stats.Background = err
		}
	}
	for _, f := range old.slots {
		if f == nil {
			continue
		}
		if err := errors.Join(old.leave(f), s.home.Remove(f.number, logExt, hintExt, savedExt)); err != nil {
			s.Stats.Background = err
		}
	}
	return nil
}
