package linearizability

import (
	"cmp"
	"math"
	"slices"
	"sort"

	"github.com/joinery-go/joinery/linearizability/history"
	"github.com/joinery-go/joinery/models"
)

// maxRechecks bounds the candidates that shrinking one violation may try, and
// maxRechecked the operations in all of them: a large history whose checker gave
// no hint keeps a witness larger than it need be.
const (
	maxRechecks  = 5000
	maxRechecked = 20_000_000
)

// A candidate that is harder to judge than the history was is left alone: it may take a
// quarter of the steps of that, or so many if they are more.
const patientSteps = 20_000

// leastShrinking are the steps that all candidates of a witness may take together, twice
// those of the history if they are more, and no more than the budget.
const leastShrinking = 200_000

// shrinker reduces a violation to a minimal one. Its candidates are closed under
// support, so that a candidate can only be a violation because the whole history
// is one: taking away a put must not turn a right read into a wrong one.
type shrinker struct {
	c      checker
	m      *meter
	h      *history.History
	how    models.Reduction
	needs  [][]int // by position: its support, nil until it is asked for
	in     []bool  // by position: close keeps it; false between its calls
	tries  int
	judged int   // operations in the candidates tried
	most   int64 // steps for a candidate; 0 for as many as are left
	reason string
}

// shrink returns the operations of a minimal violation within h, and the reason
// as it reads for them.
// Deciding took so many steps.
func (c checker) shrink(m *meter, h *history.History, r result, decided int64) ([]history.Op, string) {
	s := &shrinker{c: c, m: m, reason: r.reason}
	s.about(h)
	origin := make([]int, len(h.Ops))
	for i := range origin {
		origin[i] = i
	}
	kept := s.takingPart(h)
	switch {
	case r.from != nil && r.witness != nil:
		kept = r.witness
	case len(r.witness) > 0:
		kept = s.narrow(kept, r.witness)
	}
	if c.realTime {
		kept, origin = s.inTime(kept, r.from)
	}
	s.most = max(patientSteps, decided/4)
	kept = s.minimise(kept)
	witness := make([]history.Op, 0, len(kept))
	for _, i := range kept {
		witness = append(witness, h.Ops[origin[i]])
	}
	return witness, s.reason
}

// inTime makes the history the one that was known when the violation was first there, of the
// operations kept, and returns those of it among which a witness is looked for, and from
// where in the history before each of it came. That it was there at the time from, if the
// checker knows it, is only found out where no few of the last operations show it.
func (s *shrinker) inTime(kept []int, from *int64) (last, origin []int) {
	whole := s.h
	if len(kept) < len(s.h.Ops) {
		whole = s.how.Restrict(kept)
	}
	if from != nil {
		prefix, origin := whole.Until(*from)
		s.about(prefix)
		all := s.takingPart(prefix)
		if last := s.latest(all); len(last) < len(all) || s.judges(prefix) {
			return last, through(origin, kept)
		}
	}
	prefix, origin := s.earliest(whole, from)
	s.about(prefix)
	return s.latest(s.takingPart(prefix)), through(origin, kept)
}

// through replaces positions in a sub-history by those of where its operations came from.
func through(positions, kept []int) []int {
	for n, i := range positions {
		positions[n] = kept[i]
	}
	return positions
}

// about makes h the history whose positions are meant from here on.
func (s *shrinker) about(h *history.History) { s.within(h, s.c.reduce(h)) }

// within is about with a reduction of h.
func (s *shrinker) within(h *history.History, how models.Reduction) {
	s.h, s.how, s.needs, s.in = h, how, make([][]int, len(h.Ops)), make([]bool, len(h.Ops))
}

// takingPart returns the positions of the operations that say anything.
func (s *shrinker) takingPart(h *history.History) []int {
	kept := make([]int, 0, len(h.Ops))
	for i := range h.Ops {
		o := &h.Ops[i]
		if o.Happened() || o.Func == history.CAS && o.Outcome == history.Failed || s.c.aborts && (o.Func == history.Write || o.Txn != 0) {
			kept = append(kept, i)
		}
	}
	return kept
}

// earliest cuts h where the violation was first there, by bisection over the
// return times: what is allowed remains so as long as nobody learns more. It was
// not there at the time from, if that is known, nor before.
func (s *shrinker) earliest(h *history.History, from *int64) (*history.History, []int) {
	var times []int64
	for i := range h.Ops {
		o := &h.Ops[i]
		if o.Outcome != history.Unknown && o.Return != history.Pending && (from == nil || o.Return > *from) {
			times = append(times, o.Return)
		}
	}
	slices.Sort(times)
	times = slices.Compact(times)
	there := func(n int) bool {
		if s.m.mustStop(len(h.Ops)) {
			return false
		}
		prefix, _ := h.Until(times[n])
		return s.judges(prefix)
	}
	n := sort.Search(len(times), there)
	if n == len(times) { // the budget ran out: keep everything
		return h.Until(history.Pending)
	}
	return h.Until(times[n])
}

// fewLatest is with how many operations latest begins.
const fewLatest = 8

// latest returns the fewest of the last operations, of twice as many each time, that are a
// violation by themselves: what broke when the last one returned most often lies not far
// back. All of them if no half is.
func (s *shrinker) latest(kept []int) []int {
	for n := fewLatest; n < len(kept)/2 && !s.spent(); n *= 2 {
		if few := s.close(slices.Clone(kept[len(kept)-n:])); len(few) > 0 && s.violates(few) {
			return few
		}
	}
	return kept
}

// spent reports whether no further candidate will be tried.
func (s *shrinker) spent() bool {
	return s.tries >= maxRechecks || s.judged >= maxRechecked || s.m.stopped() != "" || s.m.mustStop(0)
}

// minimise drops chunks of halving size until no single operation can go.
func (s *shrinker) minimise(kept []int) []int {
	for chunk := (len(kept) + 1) / 2; chunk > 0 && !s.spent(); {
		next := s.pass(kept, chunk)
		switch {
		case len(next) < len(kept):
			chunk = max(1, min(chunk, len(next)/2))
		case chunk == 1:
			return kept
		default:
			chunk /= 2
		}
		kept = next
	}
	return kept
}

// narrow starts from the checker's hint if that alone is a violation.
func (s *shrinker) narrow(kept, hint []int) []int {
	if closed := s.close(slices.Clone(hint)); s.violates(closed) {
		return closed
	}
	return kept
}

// pass tries to drop chunks of the given size, the latest first: what comes
// after the violation goes soonest.
func (s *shrinker) pass(kept []int, chunk int) []int {
	for end := len(kept); end > 0 && !s.spent() && !s.m.mustStop(8*len(kept)); end = min(end-chunk, len(kept)) {
		start := max(0, end-chunk)
		rest := s.close(slices.Concat(kept[:start], kept[end:]))
		if len(rest) > 0 && s.violates(rest) {
			kept = rest
		}
	}
	return kept
}

// close drops operations, in place, until each has its support; all, if it is to stop.
func (s *shrinker) close(kept []int) []int {
	s.mark(kept, true)
	for again := true; again; {
		before := len(kept)
		kept = slices.DeleteFunc(kept, func(i int) bool {
			s.in[i] = !slices.ContainsFunc(s.supportOf(i), func(j int) bool { return !s.in[j] })
			return !s.in[i]
		})
		again = len(kept) < before
		if s.m.mustStop(64 * before) {
			s.mark(kept, false)
			return nil
		}
	}
	s.mark(kept, false)
	return kept
}

// mark sets whether these positions are among those that close keeps.
func (s *shrinker) mark(kept []int, in bool) {
	for _, i := range kept {
		s.in[i] = in
	}
}

// needsNothing is the support of what needs none.
var needsNothing = make([]int, 0)

func (s *shrinker) supportOf(i int) []int {
	if s.needs[i] == nil {
		if s.needs[i] = s.how.Support(i); s.needs[i] == nil {
			s.needs[i] = needsNothing
		}
	}
	return s.needs[i]
}

// violates re-checks the candidate of these positions, ascending.
func (s *shrinker) violates(kept []int) bool { return s.judges(s.how.Restrict(kept)) }

// judges reports whether a candidate is a violation for sure: one that the
// budget leaves undecided does not count.
func (s *shrinker) judges(sub *history.History) bool {
	s.tries++
	s.judged += len(sub.Ops)
	if s.tries > maxRechecks || s.judged > maxRechecked || s.m.stopped() != "" {
		return false
	}
	var r result
	var err error
	s.m.within(cmp.Or(s.most, math.MaxInt64), func() { r, err = s.c.run(s.m, sub) })
	if err != nil || r.status != Violation {
		return false
	}
	s.reason = r.reason
	return true
}
