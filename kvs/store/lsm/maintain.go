package lsm

import (
	"errors"
	"fmt"

	"github.com/joinery-go/joinery/kvs/store"
	"github.com/joinery-go/joinery/kvs/store/internal/catalog"
)

// background returns work that is to be offered once the engine is unlocked, nil for
// none.
func (e *Engine) background() func() {
	if e.retry.Turn() {
		e.look = true
	}
	if !e.look || e.job || !e.life.Live() {
		return nil
	}
	e.look = false
	if !e.wanted() {
		return nil
	}
	e.job = true
	return func() {
		if err := e.opts.Scheduler.Offer(fmt.Sprintf("%s %s", Name, e.opts.Dir), e.step); err != nil {
			e.mu.Lock()
			defer e.mu.Unlock()
			e.job, e.look, e.stats.Background = false, true, err
		}
	}
}

// wanted reports that there is background work.
func (e *Engine) wanted() bool {
	if e.merge != nil {
		return true
	}
	if _, ok := e.pick(); ok || e.toBring() != nil {
		return true
	}
	_, ok := e.home.Behind(e.spoiled)
	return ok && e.opts.Archive != nil || e.home.Noted() || e.unguided() != nil
}

// pick chooses what to merge: never runs of both sides of the border between what a
// version consists of and what is not published yet, nor of one that cannot be read.
func (e *Engine) pick() (t catalog.Tiers, ok bool) {
	border := e.home.Published()
	levels, lengths := make([]int, len(e.runs)), make([]int64, len(e.runs))
	for i, r := range e.runs {
		levels[i], lengths[i] = r.level, r.length
	}
	recent := func(i int) bool { return e.spoiled(border + i) }
	if t, ok = catalog.PickAround(levels[border:], nil, recent, e.opts.MaxRunsPerLevel); ok {
		t.From, t.To = t.From+border, t.To+border
		return t, true
	}
	if e.toBring() != nil {
		return t, false // all of them are of a version
	}
	return catalog.PickAround(levels[:border], lengths[:border], e.spoiled, e.opts.MaxRunsPerLevel)
}

func (e *Engine) spoiled(i int) bool { return e.runs[i].spoiled }

// step does a bounded part of what there is to do.
func (e *Engine) step() (more bool, err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.life.Live() {
		e.job = false
		return false, nil
	}
	e.left = nil
	if e.merge != nil {
		err = e.stepMerge()
	} else if e.home.Noted() {
		err = e.commit(e.home.State())
	} else if t, ok := e.pick(); ok {
		e.merge, err = e.begin(t, nil)
		if err != nil {
			e.merge = nil
		}
	} else if r := e.toBring(); r != nil { // before guides: they are gone with a crash, and it would not come to this
		err = e.bring(r)
	} else if r := e.unguided(); r != nil { // before uploads, which may wait for the archive
		err = e.writeGuide(r)
	} else if number, ok := e.home.Behind(e.spoiled); ok && e.opts.Archive != nil {
		err = e.upload(number)
	}
	if e.stats.Background = errors.Join(err, e.left); err != nil {
		e.abort()
		e.job = false
		e.retry.Failed()
		return false, err
	}
	if e.job = e.life.Live() && e.wanted(); !e.job {
		e.retry.Done()
	}
	return e.job, nil
}

// unlocked writes files without the lock. Until done is called, with the lock, Close waits:
// the directory may be another engine's after it.
func (e *Engine) unlocked(write func()) (done func()) {
	e.writing.Add(1)
	e.mu.Unlock()
	write()
	e.mu.Lock()
	return e.writing.Done
}

// stepMerge goes on with the merge in progress. The run that comes out is finished
// without the lock, since nobody else writes it.
func (e *Engine) stepMerge() error {
	m := e.merge
	switch {
	case !m.written:
		return e.copy(m, e.opts.StepRecords)
	case !m.synced:
		var err error
		defer e.unlocked(func() { err = m.out.finish(e.home) })()
		m.synced = err == nil
		if e.merge != m { // given up meanwhile, and its file was removed
			e.left = e.home.Remove(m.out.run.number, guideExt)
			return nil
		}
		return err
	}
	e.merge = nil
	if err := e.replace(m); err != nil {
		return err
	}
	e.stats.Merges++
	e.stats.MergedBytes += m.out.run.length
	return nil
}

// unguided is a run whose guide had to be made and is not on the disk, nil for none: the next
// opening would read the run again.
func (e *Engine) unguided() *run {
	for _, r := range e.runs {
		if r.unguided {
			return r
		}
	}
	return nil
}

// writeGuide writes the guide of a run, once: if that fails, the next opening makes it again.
func (e *Engine) writeGuide(r *run) (err error) {
	r.unguided, e.look = false, true
	defer e.unlocked(func() { err = e.home.WritePart(r.number, guideExt, r.encode(r.salt, r.length)) })()
	if e.position(r) < 0 { // gone meanwhile
		e.left = e.home.Remove(r.number, guideExt)
		return nil
	}
	return err
}

// upload gives the archive a run that stands for several segments, reading and sending
// it without the lock.
func (e *Engine) upload(number uint64) error {
	part, _ := e.home.Part(number)
	var r *run
	for _, x := range e.runs {
		if x.number == number {
			r = x
		}
	}
	e.mu.Unlock()
	err := e.verify(r)
	var seg store.Segment
	var n int64
	spoiled := err != nil
	if !spoiled {
		seg, n, err = e.send(&part, r)
	}
	e.mu.Lock()
	e.stats.BehindBytes += n
	if _, counts := e.home.Part(number); !e.life.Live() || !counts {
		return nil // what became of the run meanwhile is no failure of its upload
	}
	if spoiled {
		e.spoil(r)
	}
	if err != nil {
		return err
	}
	if err := e.home.Uploaded(number, seg); err != nil {
		return e.life.Fail(err)
	}
	return nil
}

func (e *Engine) send(part *catalog.Part, r *run) (store.Segment, int64, error) {
	src, err := e.home.Source(part)
	if err != nil {
		return store.Segment{}, 0, err
	}
	src = catalog.WithIndex(src, r.index())
	n, err := e.opts.Archive.Upload(src)
	return src.Segment, n, err
}
