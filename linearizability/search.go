package linearizability

import (
	"context"
	"fmt"
	"math"
	"sync/atomic"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/joinery-go/joinery/linearizability/history"
	"github.com/joinery-go/joinery/models"
)

// meter counts what searches spend and tells them to stop. Its counters are
// atomic because porcupine steps in a goroutine of its own, one at a time here,
// and a search stopped by the clock may take one more step while nobody waits
// for it any longer.
type meter struct {
	ctx      context.Context
	maxSteps atomic.Int64
	maxBytes int64
	maxTime  time.Duration
	steps    atomic.Int64
	bytes    atomic.Int64
	stop     atomic.Int32 // a stopCause
	ownReads OwnReads
	work     int  // since the context was looked at
	cut      bool // a checker without steps was stopped: what it answers says nothing
	asked    int  // how often it was asked whether to stop when it had said so already
	// kept is a violation that a checker had found before it was stopped at finding out more.
	kept *result
}

// found keeps a violation, in case there is no time to tell it better.
func (m *meter) found(r result) {
	if m != nil && !m.cut && r.status == Violation {
		m.kept = &r
	}
}

type stopCause int32

const (
	running stopCause = iota
	outOfSteps
	outOfBytes
	outOfTime
	cancelled
)

func newMeter(ctx context.Context, b Budget) *meter {
	m := &meter{ctx: ctx, maxBytes: b.Bytes, maxTime: b.Time, work: lookEvery}
	m.maxSteps.Store(b.Steps)
	return m
}

// extend grants the budget once more and clears a stop, but for a cancelled
// context.
func (m *meter) extend(b Budget) {
	m.maxSteps.Store(m.steps.Load() + b.Steps)
	m.bytes.Store(0)
	m.stop.Store(int32(running))
	m.work = lookEvery
}

// lookEvery is how much work is done between two looks at the context: comparisons of
// numbers, or what costs about as much. It is some milliseconds.
const lookEvery = 1 << 18

// lookOps is after how many operations of a history the context is looked at where each
// costs about the same.
const lookOps = 1 << 12

// mustStopAt is mustStop for the loops that go through a history: i counts them from 0.
func (m *meter) mustStopAt(i int) bool { return i%lookOps == 0 && m.mustStop(lookEvery) }

// mustStop accounts for work that is no step of a search, and reports whether the
// context has ended. Then the checker returns as soon as it can, with any result that
// it likes, which run replaces. A nil meter never stops.
func (m *meter) mustStop(work int) bool {
	if m == nil {
		return false
	}
	if m.work += work; m.work >= lookEvery && !m.cut {
		m.work = 0
		if m.ctx.Err() != nil {
			m.halt(cancelled)
			m.cut = true
			return true
		}
	}
	if m.cut {
		m.asked++
	}
	return m.cut
}

// step accounts for one model step and reports whether it may be taken.
func (m *meter) step() bool {
	if m.stop.Load() != int32(running) {
		return false
	}
	n := m.steps.Add(1)
	if n > m.maxSteps.Load() {
		m.halt(outOfSteps)
		return false
	}
	if n%1024 == 1 && m.ctx.Err() != nil {
		m.halt(cancelled)
		return false
	}
	return true
}

// keep accounts for a state that the search holds on to.
func (m *meter) keep(bytes int) {
	if m.bytes.Add(int64(bytes)) > m.maxBytes {
		m.halt(outOfBytes)
	}
}

// clockBytes is what one cell of a vector clock takes.
const clockBytes = 4

// clocksFit rules on vector clocks of so many rows, each with a cell a chain, which are
// made at once: undecided if they pass the budget of bytes.
func (m *meter) clocksFit(rows, chains int) result {
	most := int64(DefaultBytes)
	if m != nil {
		most = m.maxBytes
	}
	if need := clockBytes * int64(rows) * int64(chains); need > most {
		return result{status: Undecided, method: byVectorClocks, reason: fmt.Sprintf(
			"the vector clocks of %d instants in %d sessions take %d bytes, and the budget is %d (Budget.Bytes, --max-bytes)", rows, chains, need, most)}
	}
	return result{status: OK}
}

func (m *meter) halt(why stopCause) { m.stop.CompareAndSwap(int32(running), int32(why)) }

// stopped says in words why searches had to stop; empty if they did not.
func (m *meter) stopped() string {
	switch stopCause(m.stop.Load()) {
	case outOfSteps:
		return fmt.Sprintf("the budget of %d steps ran out (Budget.Steps, --max-steps)", m.maxSteps.Load())
	case outOfBytes:
		return fmt.Sprintf("the budget of %d bytes ran out (Budget.Bytes, --max-bytes)", m.maxBytes)
	case outOfTime:
		return fmt.Sprintf("the search took longer than %v (Budget.Time, --max-time)", m.maxTime)
	case cancelled:
		return fmt.Sprintf("stopped: %v", context.Cause(m.ctx))
	}
	return ""
}

const (
	byPorcupine = "porcupine"
	byFound     = "values that are found, of those that are written"
)

// search prepares h for the model and decides it part by part; because says why
// it takes a search.
func search(m *meter, model models.Model, h *history.History, because string) (result, error) {
	p, err := model.Prepare(h)
	if err != nil {
		return result{}, err
	}
	if s := p.Settled; s != nil {
		r := result{status: Inconclusive, reason: s.Reason, method: "preparation", witness: s.Witness, cause: s.Cause}
		switch {
		case s.Violation:
			r.status = Violation
		case s.Bounded:
			r.status = Undecided
		}
		return r, nil
	}
	sum := result{status: OK, method: byPorcupine}
	if model.RealTime {
		sum.method = byReturns
	}
	for _, r := range searchParts(m, model, p) {
		if r.status.gravity() > sum.status.gravity() || r.status == OK && sum.status == OK && r.method == byPorcupine {
			sum = r
		}
	}
	if sum.method != byFound {
		sum.method += ", " + because
	}
	return sum, nil
}

// searchParts decides the parts, of which the last one is a violation if there is any.
// Each is tried for a share of the steps at first, so that one that is hard does not keep
// one that is easily refuted from being looked at; then those left open have the rest.
func searchParts(m *meter, model models.Model, p *models.Problem) []result {
	for _, part := range p.Parts {
		if w := part.Wrong; w != nil {
			return []result{{status: Violation, reason: part.Name + ": " + w.Reason, method: byFound, witness: w.Witness}}
		}
	}
	results := make([]result, len(p.Parts))
	open := make([]int, len(p.Parts))
	for n := range open {
		open[n] = n
	}
	share := (m.maxSteps.Load() - m.steps.Load()) / int64(4*len(p.Parts)+1)
	for _, most := range []int64{share, math.MaxInt64} {
		var left []int
		for _, n := range open {
			m.within(most, func() { results[n] = searchPart(m, model, p, p.Parts[n]) })
			switch results[n].status {
			case Violation:
				return append(results[:n:n], results[n])
			case Undecided:
				left = append(left, n)
			}
		}
		open = left
	}
	return results
}

// within does something with at most so many steps, and takes back the stop if more are
// left.
func (m *meter) within(most int64, do func()) {
	all, spent := m.maxSteps.Load(), m.steps.Load()
	m.bytes.Store(0) // what a search before it kept is gone
	if most < all-spent {
		m.maxSteps.Store(spent + most)
	}
	do()
	m.maxSteps.Store(all)
	if m.steps.Load() <= all {
		m.stop.CompareAndSwap(int32(outOfSteps), int32(running))
	}
}

// searchPart decides one part.
func searchPart(m *meter, model models.Model, p *models.Problem, part models.Part) result {
	if part.Bound != "" {
		return result{status: Undecided, reason: part.Name + ": " + part.Bound, method: "preparation"}
	}
	if model.RealTime {
		if r, fits := searchRealTime(m, p, part); fits {
			return r
		}
	}
	return searchPorcupine(m, p, part)
}

// searchPorcupine runs porcupine on one part, its steps metered. When the meter
// stops it every further step is refused, so the search unwinds at once and its
// answer says nothing.
func searchPorcupine(m *meter, p *models.Problem, part models.Part) result {
	spec := p.Spec
	// What porcupine caches for each state besides the state: the set of
	// linearized operations and the entry around it.
	overhead := len(part.Ops)/8 + 64
	spec.Step = func(state, input, output any) (bool, any) {
		if !m.step() {
			return false, state
		}
		ok, next := p.Spec.Step(state, input, output)
		if ok {
			m.keep(overhead + p.StateBytes(next))
		}
		return ok, next
	}
	answer := porcupine.CheckOperationsTimeout(spec, part.Ops, m.maxTime)
	if answer == porcupine.Unknown {
		m.halt(outOfTime)
	}
	switch why := m.stopped(); {
	case answer == porcupine.Ok:
		return result{status: OK, method: byPorcupine}
	case why != "":
		return result{status: Undecided, reason: part.Name + ": " + why, method: byPorcupine}
	}
	r := result{status: Violation, reason: part.Name + ": no order of the operations is allowed", method: byPorcupine}
	if part.Alone {
		r.witness = part.From
	}
	return r
}
