package distributed

import (
	"slices"

	"github.com/joinery-go/joinery/lattice/causal"
)

// maxTries is how many workers may die of a seed, run alone, before it is abandoned.
const maxTries = 3

// mine is a claim of a worker by its number, nil if it has none.
func (d *document) mine(nth string) *claim {
	if i := slices.IndexFunc(d.Claims, func(c claim) bool { return c.Nth == nth }); i >= 0 {
		return &d.Claims[i]
	}
	return nil
}

// release takes a claim away.
func (d *document) release(nth string) {
	d.Claims = slices.DeleteFunc(d.Claims, func(c claim) bool { return c.Nth == nth })
}

// orphan makes orphans of the claims of a worker that died.
func (d *document) orphan(worker string) {
	var left []claim
	for _, c := range d.Claims {
		if c.Worker != worker {
			left = append(left, c)
			continue
		}
		c.Worker, c.Nth = "", ""
		if c.From == c.To { // of several it may have been another
			c.Tries++
		}
		d.Orphans = append(d.Orphans, c)
	}
	d.Claims = left
}

// claimed are the seeds of a commit that somebody is at, or that are to be tried again.
func (d *document) claimed(commit string) causal.Spans {
	var all causal.Spans
	for _, c := range slices.Concat(d.Claims, d.Orphans) {
		if c.Commit == commit {
			all = unite(all, span(c.From, c.To))
		}
	}
	return all
}

// next is the seeds that a worker is to run, at most n of those of a commit from first to
// last: orphans before others. tries is how many died of them; ok is false where none are
// left to be claimed, and open whether others are still at some.
func (d *document) next(commit string, first, last, n uint64) (got causal.Span, tries int, ok, open bool) {
	d.sift(commit)
	for i := range d.Orphans {
		o := &d.Orphans[i]
		if o.Commit != commit || o.From < first || o.To > last {
			continue
		}
		// A part of them, and of what has killed somebody a half at most: it may be one seed that does it.
		size := min(o.To-o.From+1, n)
		if o.To > o.From {
			size = min(size, (o.To-o.From+1)/2)
		}
		got, tries = causal.Span{Lo: o.From, Hi: o.From + size - 1}, o.Tries // of one seed, else 0
		if got.Hi == o.To {
			d.Orphans = slices.Delete(d.Orphans, i, i+1)
		} else {
			o.From = got.Hi + 1
		}
		return got, tries, true, true
	}
	taken := d.claimed(commit)
	free := without(span(first, last), unite(d.State.Seeds[commit], d.State.Abandoned[commit], taken))
	if len(free) == 0 {
		return got, 0, false, len(without(span(first, last), unite(d.State.Seeds[commit], d.State.Abandoned[commit]))) > 0
	}
	got = free[0]
	if got.Hi-got.Lo >= n {
		got.Hi = got.Lo + n - 1
	}
	return got, 0, true, true
}

// sift drops of the orphans of a commit what was finished since, and abandons single seeds
// that were tried often enough.
func (d *document) sift(commit string) {
	var left []claim
	for _, o := range d.Orphans {
		if o.Commit != commit {
			left = append(left, o)
			continue
		}
		for _, piece := range without(span(o.From, o.To), unite(d.State.Seeds[commit], d.State.Abandoned[commit])) {
			if piece.Lo == piece.Hi && o.Tries >= maxTries {
				d.State.abandon(commit, piece)
				continue
			}
			part := o
			part.From, part.To = piece.Lo, piece.Hi
			left = append(left, part)
		}
	}
	d.Orphans = left
}

func (s *State) abandon(commit string, seeds causal.Span) {
	seedsMerge.MergeIn(&s.Abandoned, map[string]causal.Spans{commit: {seeds}})
}

// finish adds seeds that were finished.
func (s *State) finish(commit string, seeds causal.Span) {
	seedsMerge.MergeIn(&s.Seeds, map[string]causal.Spans{commit: {seeds}})
}
