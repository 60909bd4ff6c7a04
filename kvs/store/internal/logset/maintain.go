package logset

import (
	"errors"
	"fmt"

	"github.com/joinery-go/joinery/kvs/store"
	"github.com/joinery-go/joinery/kvs/store/internal/catalog"
)

// Job returns background work that is to be offered once the engine is unlocked, nil
// for none.
func (s *Set) Job() func() {
	if s.retry.Turn() {
		s.look = true
	}
	if !s.look || s.job || !s.Live() {
		return nil
	}
	s.look = false
	if !s.wanted() {
		return nil
	}
	s.job = true
	return func() {
		err := s.opts.Scheduler.Offer(fmt.Sprintf("%s %s", s.opts.Engine, s.opts.Dir), s.step)
		if err != nil {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.job, s.look, s.Stats.Background = false, true, err
		}
	}
}

// wanted reports that there is background work.
func (s *Set) wanted() bool {
	if s.merge != nil || s.check != nil || s.due(0) || s.unsynced() {
		return true
	}
	if _, ok := s.pick(); ok {
		return true
	}
	if _, ok := s.home.Behind(s.spoiled); ok && s.opts.Archive != nil {
		return true
	}
	return s.home.Noted() || s.unhinted() != nil
}

// pick chooses what to merge: on the side of the versions, or on that of what is not
// published yet; never across a file that cannot be read.
func (s *Set) pick() (t catalog.Tiers, ok bool) {
	border := s.home.Published()
	var levels [2][]int
	var lengths []int64 // of what versions consist of
	for i, f := range s.files {
		switch {
		case i < border:
			levels[0], lengths = append(levels[0], f.level), append(lengths, f.length)
		case s.home.Sealed(i):
			levels[1] = append(levels[1], f.level)
		}
	}
	recent := func(i int) bool { return s.spoiled(border + i) }
	if t, ok = catalog.PickAround(levels[1], nil, recent, s.opts.FanIn); ok {
		t.From, t.To = t.From+border, t.To+border
		return t, true
	}
	return catalog.PickAround(levels[0], lengths, s.spoiled, s.opts.FanIn)
}

func (s *Set) spoiled(i int) bool { return s.files[i].spoiled }

// step does a bounded part of what there is to do.
func (s *Set) step() (more bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.Live() {
		s.job = false
		return false, nil
	}
	s.left = nil
	if s.unsynced() {
		err = s.syncEarly()
	} else if s.merge != nil {
		err = s.stepMerge()
	} else if s.check != nil {
		_, err = s.stepCheckpoint()
	} else if s.home.Noted() {
		err = s.commit(s.home.State())
	} else if t, ok := s.pick(); ok && (s.rested || !s.due(0)) {
		s.rested = false
		s.merge, err = s.begin(t)
	} else if s.due(0) {
		err = s.dueCheckpoint()
	} else if f := s.unhinted(); f != nil { // before what waits for the archive
		err = s.stepHint(f)
	} else if number, ok := s.home.Behind(s.spoiled); ok && s.opts.Archive != nil {
		err = s.upload(number)
	}
	if s.Stats.Background = errors.Join(err, s.left); err != nil {
		s.abort()
		s.job = false
		s.retry.Failed()
		return false, err
	}
	if s.job = s.Live() && s.wanted(); !s.job {
		s.retry.Done()
	}
	return s.job, nil
}

// stepMerge goes on with the merge in progress. The file that comes out is synced
// without the lock, since nobody else writes it.
func (s *Set) stepMerge() error {
	m := s.merge
	switch {
	case !m.written:
		if s.fetch(m); s.merge != m { // given up meanwhile
			return nil
		}
		return s.copy(m)
	case !m.synced:
		s.mu.Unlock()
		err := m.out.f.Sync()
		s.mu.Lock()
		m.synced = err == nil
		if s.merge != m { // given up meanwhile
			return nil
		}
		return err
	case !m.checked:
		if err := s.syncEarly(); err != nil || s.merge != m {
			return err
		}
		m.checked = true
		if s.due(m.out.length) {
			return s.beginCheckpoint(m)
		}
	case s.check != nil:
		done, err := s.stepCheckpoint()
		if err != nil { // the merge can do without
			s.left = errors.Join(s.left, err)
			return nil
		}
		if !done || s.merge != m {
			return nil
		}
	}
	if err := s.syncEarly(); err != nil || s.merge != m {
		return err
	}
	err := s.finish(m)
	if err == nil || errors.Is(err, store.ErrFailed) { // then the disk may name either, and both stay
		s.merge = nil
	}
	if err != nil {
		return err
	}
	s.Stats.Merges++
	s.Stats.MergedBytes += m.out.length
	return nil
}

// fetch reads records for a merge without the lock, which sets then do not wait for. Close waits: the
// directory may be another engine's after it.
func (s *Set) fetch(m *merge) {
	s.writing.Add(1)
	defer s.writing.Done()
	s.mu.Unlock()
	m.fetch(s.opts.StepRecords)
	s.mu.Lock()
}

// upload gives the archive a part that stands for several segments, reading and
// sending it without the lock.
func (s *Set) upload(number uint64) error {
	part, _ := s.home.Part(number)
	var file *File
	for _, f := range s.files {
		if f.number == number {
			file = f
		}
	}
	s.mu.Unlock()
	var n int64
	err := s.verify(file)
	spoiled := err != nil
	if !spoiled {
		n, err = s.send(&part)
	}
	s.mu.Lock()
	s.Stats.BehindBytes += n
	if _, counts := s.home.Part(number); !s.Live() || !counts {
		return nil // what became of the file meanwhile is no failure of its upload
	}
	if spoiled {
		s.spoil(file)
	}
	if err != nil {
		return err
	}
	if err := s.home.Uploaded(number, store.Segment{Hash: part.Hash, Length: part.Length}); err != nil {
		return s.Fail(err)
	}
	return nil
}

func (s *Set) send(part *catalog.Part) (int64, error) {
	src, err := s.home.Source(part)
	if err != nil {
		return 0, err
	}
	return s.opts.Archive.Upload(src)
}
