package lsm

import (
	"errors"
	"fmt"

	"github.com/joinery-go/joinery/kvs/store"
	"github.com/joinery-go/joinery/kvs/store/internal/catalog"
	"github.com/joinery-go/joinery/kvs/store/internal/record"
)

// A run is away after a lazy restore until background work has fetched its file: until
// then a get reads of the archive a few blocks of the run's index, and the block of the
// run where the key must be. Runs that are away take part in no merge. One that the archive
// has spoiled or lost stays away until the directory is opened again.

// awayRun is a run that is away.
func (e *Engine) awayRun(p catalog.Part) *run {
	return &run{number: p.Number, level: p.Level, length: p.Length, keys: p.Range, away: e.home.Away(p, runType)}
}

// getAway returns the value of the key's record in a run that is away.
func (e *Engine) getAway(r *run, key []byte) (value []byte, found bool, err error) {
	b, off, salt, err := r.away.Near(e.home.Parent(), key)
	if err != nil {
		return nil, false, err
	}
	e.look = true // the archive answers, so what failed in the background may be tried again
	return search(b, off, salt, r.number, key)
}

// indexOf is the index of a run that is worth one, for the archive.
func (e *Engine) indexOf(number uint64) []byte {
	for _, r := range e.runs {
		if r.number == number && r.away == nil {
			return r.index()
		}
	}
	return nil
}

func (r *run) index() []byte {
	if r.length <= catalog.SmallBytes {
		return nil
	}
	return record.AppendIndex(nil, r.salt, r.length, func(yield func(string, int64) bool) {
		for i := range r.fences.len() {
			if !yield(string(r.fences.key(i)), r.fences.off(i)) {
				return
			}
		}
	})
}

// firstAway is the oldest run that is away, nil for none.
func (e *Engine) firstAway() *run {
	for _, r := range e.runs {
		if r.away != nil {
			return r
		}
	}
	return nil
}

// toBring is the oldest run that is away and that the archive has, as far as is known.
func (e *Engine) toBring() *run {
	for _, r := range e.runs {
		if r.away != nil && !r.spoiled {
			return r
		}
	}
	return nil
}

// bring fetches a run that is away, reading and writing without the lock, and has its
// file take its place.
func (e *Engine) bring(r *run) error {
	part, _ := e.home.Part(r.number)
	v := e.home.Parent()
	var here *run
	var err error
	defer e.unlocked(func() { here, err = e.fetchRun(v, part) })()
	at := e.position(r)
	if at < 0 || !e.life.Live() {
		if here != nil {
			err = here.close() // what became of the run meanwhile is no failure of its fetching
		}
		if at < 0 {
			err = errors.Join(err, e.home.Remove(r.number, runExt, guideExt))
		}
		if here != nil {
			e.stats.Background = err
		}
		return nil
	}
	if errors.Is(err, store.ErrCorrupt) || errors.Is(err, store.ErrMissingSegment) {
		e.spoil(r) // the others are fetched all the same
	}
	if err != nil {
		return err
	}
	e.look = true
	if err := e.home.Arrived(r.number); err != nil {
		e.runs[at] = here
		return e.life.Fail(err)
	}
	e.runs[at] = here
	return nil
}

func (e *Engine) position(r *run) int {
	for i, x := range e.runs {
		if x == r {
			return i
		}
	}
	return -1
}

// fetchRun fetches and opens the file of a run. It changes nothing of the engine.
func (e *Engine) fetchRun(v store.Version, p catalog.Part) (*run, error) {
	if e.opts.Archive == nil {
		return nil, fmt.Errorf("%w: segment %s was not fetched yet", store.ErrNoArchive, p.Hash)
	}
	if err := e.home.Bring(v, p); err != nil {
		return nil, fmt.Errorf("segment %s: %w", p.Hash, err)
	}
	p.Away = false
	return e.openRun(p)
}

// bringAll fetches all that is away, where an engine is not opened lazily any more.
func (e *Engine) bringAll() error {
	for i, r := range e.runs {
		if r.away == nil {
			continue
		}
		part, _ := e.home.Part(r.number)
		here, err := e.fetchRun(e.home.Parent(), part)
		if err != nil {
			return err
		}
		e.runs[i] = here
		if err := e.home.Arrived(r.number); err != nil {
			return e.life.Fail(err)
		}
	}
	return nil
}
