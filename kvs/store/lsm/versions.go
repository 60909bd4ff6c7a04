package lsm

import (
	"errors"
	"fmt"

	"github.com/joinery-go/joinery/kvs/store"
	"github.com/joinery-go/joinery/kvs/store/internal/catalog"
)

// Snapshot writes the table out and publishes what is not published yet, as one run,
// with the segments that the archive has.
func (e *Engine) Snapshot() (store.Version, error) {
	e.mu.Lock()
	defer e.unlock()
	if err := e.life.Ready("snapshot"); err != nil {
		return 0, err
	}
	if e.opts.Archive == nil {
		return 0, fmt.Errorf("snapshot: %w", store.ErrNoArchive)
	}
	v, err := e.snapshot()
	if err != nil {
		return 0, fmt.Errorf("snapshot: %w", err)
	}
	e.stats.Snapshots++
	return v, nil
}

func (e *Engine) snapshot() (store.Version, error) {
	if err := e.spillNoted(); err != nil { // then there is no log: one is begun with its first record
		return 0, err
	}
	if v, idle, err := e.home.Idle(); err != nil || idle {
		return v, err
	}
	if e.merge != nil && !e.merge.published {
		e.abort()
	}
	border := e.home.Published()
	if fresh := len(e.runs) - border; fresh > 1 || border == 0 && fresh == 1 { // at the bottom, tombstones go
		if err := e.mergeNow(border, len(e.runs)); err != nil {
			return 0, err
		}
	}
	e.look = true
	publish := e.home.PublishNoted // the catalog names the run already
	if e.firstAway() != nil {
		publish = e.home.Publish // what is away is found in the version, which a crash must not forget
	}
	v, uploaded, err := publish()
	e.stats.CriticalBytes += uploaded
	if errors.Is(err, catalog.ErrNote) {
		err = e.life.Fail(err)
	}
	return v, err
}

// Restore fetches a version and switches to it.
func (e *Engine) Restore(v store.Version) error {
	e.mu.Lock()
	defer e.unlock()
	if err := e.life.Ready("restore"); err != nil {
		return err
	}
	if e.opts.Archive == nil {
		return fmt.Errorf("restore: %w", store.ErrNoArchive)
	}
	if err := e.restore(v); err != nil {
		return fmt.Errorf("restore: %w", err)
	}
	e.stats.Restores++
	return nil
}

func (e *Engine) restore(v store.Version) error {
	fetch := e.home.Fetch
	if e.opts.Lazy {
		fetch = e.home.FetchLater
	}
	s, err := fetch(v, e.next, runExt)
	if err != nil {
		return err
	}
	var runs []*run
	for _, p := range s.Parts {
		// A guide that an earlier attempt left under this number would not fit.
		if err = e.home.Remove(p.Number, guideExt); err != nil {
			break
		}
		var r *run
		if r, err = e.openRun(p); err != nil {
			err = fmt.Errorf("segment %s: %w", p.Hash, err)
			break
		}
		runs = append(runs, r)
	}
	if err == nil {
		if err = e.home.Restored(s); err != nil {
			err = e.life.Fail(err)
		}
	}
	if err != nil {
		err = errors.Join(err, closeRuns(runs))
		if e.life.Live() {
			err = errors.Join(err, e.home.Discard(s))
		}
		return err
	}
	e.abort()
	old := e.runs
	e.runs, e.next, e.look = runs, max(e.next, s.Next), true
	e.dropRetired()
	for _, r := range old {
		e.gone(r)
	}
	e.endLogs()
	e.table.Clear()
	e.held = 0
	return nil
}
