package report

import (
	"fmt"
	"time"
)

// NewRewind is how likely the bug is at times to rewind to, as package rewind gives it:
// failed counts the failing runs of as many draws, and is negative at a time that was not
// asked, which is left out. fixed are the choices of the tape, whose last one before a time
// is told with it.
func NewRewind(draws int, seed uint64, fixed []Choice, at []int64, failed []int) *Rewind {
	r := &Rewind{Draws: draws, Seed: seed}
	for i, n := range failed {
		if n >= 0 {
			r.Points = append(r.Points, RewindPoint{At: at[i], Failed: n, What: lastFixed(fixed, at[i])})
		}
	}
	return r
}

// lastFixed is the last choice before a time; an operation at that time is fixed too.
func lastFixed(fixed []Choice, until int64) string {
	what, last := "nothing: every fault is drawn", int64(-1)
	for _, x := range fixed {
		before := x.At < until || x.Operation && x.At <= until
		if before && x.At >= last {
			what, last = x.What, x.At
		}
	}
	return what
}

// Turning says in a sentence or two where the failure becomes likely: at the steepest rise.
// It is "" without points.
func (r *Rewind) Turning() string {
	if len(r.Points) == 0 {
		return ""
	}
	first, best := r.Points[0], 0
	for i := 1; i < len(r.Points); i++ {
		if best == 0 || r.Points[i].Failed-r.Points[i-1].Failed > r.Points[best].Failed-r.Points[best-1].Failed {
			best = i
		}
	}
	begin := fmt.Sprintf("With these operations and every fault drawn anew, the same failure comes about in %d of %d runs", first.Failed, r.Draws)
	if first.Failed*10 >= r.Draws*9 {
		return begin + ": it hardly needs a fault."
	}
	if best == 0 || r.Points[best].Failed <= r.Points[best-1].Failed {
		return begin + ", and no point of the run makes it likelier."
	}
	p := r.Points[best]
	return fmt.Sprintf("%s. It becomes likely by %v, where it rises from %d to %d of %d: the last thing before that is %s.",
		begin, time.Duration(p.At), r.Points[best-1].Failed, p.Failed, r.Draws, p.What)
}

// brief has points say what they fix only where it is more than the one before.
func (r *Rewind) brief() {
	for i := len(r.Points) - 1; i > 0; i-- {
		if r.Points[i].What == r.Points[i-1].What {
			r.Points[i].What = "no more"
		}
	}
}

// AddLikelihood adds to a page which choices matter, from when on the failure is likely,
// and a sentence of that.
func (p *Page) AddLikelihood(c *Choices, r *Rewind) {
	p.Choices = c
	if r == nil || len(r.Points) == 0 {
		return
	}
	p.Rewind = r
	p.Summary = append(p.Summary, r.Turning())
	r.brief()
}
