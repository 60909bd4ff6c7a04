// Package shrink minimises a failing simulated run: the operations that were
// injected and the decisions other than benign, together, until what is left is
// what the failure needs (the search is
// Zeller and Hildebrandt's ddmin over both lists at once).
//
// It works because decisions have lineage keys: without an operation or a fault,
// the others stay where they were. It proceeds in the order that proved
// cheapest: run again as given, all benign, each fault class off, ddmin over
// operations and decisions in order of time, from the back, then lower values,
// and round again until nothing helps. After each success it drops the decisions
// that were not asked and the operations that did not run.
//
// The gate is strict: only a run that fails with the very same signature counts.
// A candidate that fails otherwise is kept aside as a finding of its own. The
// package refuses to guess: a failure that does not come back as given is an
// error, and it replays no more often than it is allowed to.
package shrink

import (
	"errors"
	"fmt"

	"github.com/joinery-go/joinery/gen/choice"
	"github.com/joinery-go/joinery/sim"
)

// Errors of [Minimise].
var (
	// ErrHolds reports that the run given does not fail at all.
	ErrHolds = errors.New("sim/shrink: the run given does not fail")
	// ErrSignature reports that the run given fails, but not as it is said to.
	ErrSignature = errors.New("sim/shrink: the run given fails otherwise")
)

// Outcome is what a replay came to.
type Outcome struct {
	// Signature names the failure (oracle, kind, operation, node); "" is none.
	Signature string
	// Asked are the decisions other than 0 that the run used, in order, as
	// [sim.World.Decisions] gives them. nil stands for all that were given.
	Asked []sim.TimedDecision
	// Ran are the positions, in what was given, of the operations that ran, in
	// increasing order. nil stands for all.
	Ran []int
}

// Run replays operations, in the order of the original list, under a source
// that answers as ds say and 0 else. It must be deterministic. An error ends the
// search: it is for what is not a verdict, such as a cancelled context. It must
// not retain its arguments.
type Run[T any] func(ops []T, ds []choice.Decision) (Outcome, error)

// Options steer a search. The zero value of a field stands for its default.
type Options[T any] struct {
	// Signature is the failure to keep; "" is that of the run given.
	Signature string
	// At is the time of an operation, so that operations and decisions are taken
	// out in order of time; nil counts all operations as earlier than decisions.
	At func(op T) sim.Time
	// Class names the fault class of a site; nil takes each site for a class.
	Class func(site string) string
	// MaxReplays bounds the calls of Run, 1000 by default.
	MaxReplays int
	// MaxOthers bounds the other findings kept, 16 by default.
	MaxOthers int
}

// Finding is a run that fails.
type Finding[T any] struct {
	Signature string
	Ops       []T
	Decisions []choice.Decision
}

// Result is what a search arrived at.
type Result[T any] struct {
	// Finding is the smallest run found that fails as wanted.
	Finding[T]
	// Replays is the number of calls of Run.
	Replays int
	// Settled reports that no step of the search makes the run smaller; if not,
	// the bound on replays, or an error, came first.
	Settled bool
	// Others are runs met on the way that fail otherwise, the first of each
	// signature.
	Others []Finding[T]
	// Steps are what was left after each success, the run given first. A later one has
	// as many operations and decisions or fewer.
	Steps []Step
}

// Step is what was left of a run after so many replays.
type Step struct{ Replays, Operations, Decisions int }

// Minimise looks for the smallest run that fails as the given one does. With an
// error after the first replay it returns the smallest found so far as well.
func Minimise[T any](ops []T, ds []choice.Decision, run Run[T], o Options[T]) (Result[T], error) {
	if o.MaxReplays <= 0 {
		o.MaxReplays = 1000
	}
	if o.MaxOthers <= 0 {
		o.MaxOthers = 16
	}
	if o.Class == nil {
		o.Class = func(site string) string { return site }
	}
	s := &search[T]{all: ops, run: run, opts: o, want: o.Signature, rejected: map[string]struct{}{}, others: map[string]struct{}{}}
	if err := s.rebase(ds); err != nil {
		return s.result(false), err
	}
	s.tryBenign()
	s.tryClasses()
	for {
		before := s.successes
		s.ddmin()
		s.lower()
		if s.successes == before || s.stopped() {
			break
		}
	}
	return s.result(!s.stopped()), s.err
}

// candidate is a run to try: positions of operations and decisions, both in order.
type candidate struct {
	ops []int
	ds  []sim.TimedDecision
}

func (c candidate) plain() []choice.Decision {
	ds := make([]choice.Decision, len(c.ds))
	for i, d := range c.ds {
		ds[i] = d.Decision
	}
	return ds
}

// search is one search in progress.
type search[T any] struct {
	all       []T
	run       Run[T]
	opts      Options[T]
	want      string
	best      candidate
	rejected  map[string]struct{} // candidates that did not fail as wanted
	others    map[string]struct{} // signatures in found
	found     []Finding[T]
	steps     []Step
	replays   int
	successes int
	spent     bool
	err       error
}

func (s *search[T]) stopped() bool { return s.spent || s.err != nil }

func (s *search[T]) pick(positions []int) []T {
	ops := make([]T, len(positions))
	for i, p := range positions {
		ops[i] = s.all[p]
	}
	return ops
}

func (s *search[T]) result(settled bool) Result[T] {
	return Result[T]{
		Finding: Finding[T]{Signature: s.want, Ops: s.pick(s.best.ops), Decisions: s.best.plain()},
		Replays: s.replays, Settled: settled, Others: s.found, Steps: s.steps,
	}
}

// rebase runs the failure as given: what the search starts from must itself fail
// as wanted.
func (s *search[T]) rebase(ds []choice.Decision) error {
	for i := range s.all {
		s.best.ops = append(s.best.ops, i)
	}
	for _, d := range ds {
		s.best.ds = append(s.best.ds, sim.TimedDecision{Decision: d})
	}
	out, err := s.replay(s.best)
	switch {
	case err != nil:
		return err
	case out.Signature == "":
		return fmt.Errorf("%w: %d operations, %d decisions, want %q", ErrHolds, len(s.all), len(ds), s.want)
	case s.want == "":
		s.want = out.Signature
	case out.Signature != s.want:
		return fmt.Errorf("%w: with %q, want %q", ErrSignature, out.Signature, s.want)
	}
	s.adopt(s.best, out)
	return nil
}

func (s *search[T]) replay(c candidate) (Outcome, error) {
	s.replays++
	out, err := s.run(s.pick(c.ops), c.plain())
	if err != nil {
		return out, fmt.Errorf("sim/shrink: replay %d: %w", s.replays, err)
	}
	return out, nil
}

// try replays c and, if it fails as wanted, makes it the best.
func (s *search[T]) try(c candidate) bool {
	if s.stopped() {
		return false
	}
	name := c.name()
	if _, known := s.rejected[name]; known {
		return false
	}
	if s.replays >= s.opts.MaxReplays {
		s.spent = true
		return false
	}
	out, err := s.replay(c)
	if err != nil {
		s.err = err
		return false
	}
	if out.Signature != s.want {
		s.rejected[name] = struct{}{}
		s.keepOther(c, out)
		return false
	}
	s.successes++
	s.adopt(c, out)
	return true
}

// adopt makes c the best, less what its run had no use for.
func (s *search[T]) adopt(c candidate, out Outcome) {
	if len(s.steps) == 0 {
		s.steps = append(s.steps, Step{s.replays, len(c.ops), len(c.ds)})
	}
	defer func() { s.steps = append(s.steps, Step{s.replays, len(s.best.ops), len(s.best.ds)}) }()
	s.best = candidate{ops: c.ops, ds: c.ds}
	if out.Ran != nil {
		ran := make([]int, 0, len(out.Ran))
		for _, i := range out.Ran {
			ran = append(ran, c.ops[i])
		}
		s.best.ops = ran
	}
	if out.Asked == nil {
		return
	}
	given := make(map[siteKey]struct{}, len(c.ds))
	for _, d := range c.ds {
		given[siteKey{d.Site, d.Key}] = struct{}{}
	}
	// What was asked and not given comes from elsewhere than the tape, and will
	// again.
	s.best.ds = make([]sim.TimedDecision, 0, len(out.Asked))
	for _, d := range out.Asked {
		k := siteKey{d.Site, d.Key}
		if _, ok := given[k]; ok {
			s.best.ds = append(s.best.ds, d)
			delete(given, k)
		}
	}
}

type siteKey struct {
	site string
	key  uint64
}

func (s *search[T]) keepOther(c candidate, out Outcome) {
	if out.Signature == "" || len(s.found) >= s.opts.MaxOthers {
		return
	}
	if _, known := s.others[out.Signature]; known {
		return
	}
	s.others[out.Signature] = struct{}{}
	s.found = append(s.found, Finding[T]{Signature: out.Signature, Ops: s.pick(c.ops), Decisions: c.plain()})
}
