package logset

import (
	"errors"
	"fmt"
	"io/fs"
	"sync"
)

// early is a sync of logs that background work makes without the lock, so that little is left
// for the one that it makes with the lock, and sets do not wait for the disk that long.
type early struct {
	running sync.WaitGroup
	err     error // of the last one that failed; only read once none runs
}

// wait waits for the sync that runs, if one does. A disk may tell but one of two callers that
// what was written is lost, so whoever syncs a log asks here first. So does Close, whose engine
// syncs each log that has something unsynced.
func (e *early) wait() error {
	e.running.Wait()
	return e.err
}

const (
	// earlyPart: of a log of full length, that part is worth a sync without the lock where one with it
	// follows.
	earlyPart = 128
	// earlyBytes are worth one in any case, so that the set which fills a log does not wait until the
	// disk has taken all of it. They are not fewer where logs are short: merges would wait for it.
	earlyBytes = 4 << 20
)

// unsynced reports that a log that is open has earlyBytes that are not synced.
func (s *Set) unsynced() bool {
	for i := len(s.files) - 1; i >= 0 && !s.home.Sealed(i); i-- {
		if s.files[i].unsynced >= earlyBytes {
			return true
		}
	}
	return false
}

// syncEarly syncs the logs that are open and have that much that is not synced, without the
// lock. What the engine has not written yet stays as it is.
func (s *Set) syncEarly() error {
	var logs []*File
	for i, f := range s.files {
		if !s.home.Sealed(i) && f.unsynced >= s.opts.SegmentBytes/earlyPart {
			f.unsynced = 0
			logs = append(logs, f)
		}
	}
	if len(logs) == 0 {
		return nil
	}
	s.Stats.Syncs++
	s.writing.Add(1)
	defer s.writing.Done()
	s.early.running.Add(1)
	s.mu.Unlock()
	for _, f := range logs {
		// One that is closed was sealed and merged meanwhile, or is of a set that was closed, which
		// waits for this before.
		if err := f.f.Sync(); err != nil && !errors.Is(err, fs.ErrClosed) {
			s.early.err = fmt.Errorf("sync %s: %w", s.home.Path(f.number, logExt), err)
		}
	}
	s.early.running.Done()
	s.mu.Lock()
	if s.early.err != nil {
		return s.Fail(s.early.err)
	}
	return nil
}
