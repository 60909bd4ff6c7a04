package campaign

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/joinery-go/joinery/gen/choice"
	"github.com/joinery-go/joinery/sim"
	"github.com/joinery-go/joinery/sim/shrink"
)

// Shrunk is a minimised tape.
type Shrunk struct {
	Tape    *Tape
	Result  *Result // its replay
	Replays int     // runs that the search took
	Settled bool    // nothing makes it smaller; else the bound on replays, or the context, came first
	Others  []string
	Steps   []shrink.Step // what was left after each success, what was given first
}

// String says how much is left: "2 operations, 1 fault and 0 choices of its own".
func (s *Shrunk) String() string {
	t := s.Tape
	return fmt.Sprintf("%s, %s and %s of its own", counted(len(t.Operations), "operation"), counted(t.Faults(), "fault"), counted(t.Choices(), "choice"))
}

func counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// Lines are the operations and then the decisions of the tape, a line each, these with
// the time at which they were asked.
func (s *Shrunk) Lines() []string {
	var all []string
	for _, o := range s.Tape.Operations {
		all = append(all, o.String())
	}
	for _, d := range s.Result.decisions {
		if IsFault(d.Site) || s.Tape.Setup.Choices == Listed {
			all = append(all, fmt.Sprintf("at %v %s", d.At, FormatDecision(d.Decision)))
		}
	}
	return all
}

// DefaultReplays is how many runs a search for a smaller tape may take unless it is told.
const DefaultReplays = 1000

// Shrink minimises a failing tape: the fewest operations and faults that still lead to
// its first violation, by signature, while the protocol's own choices go on being drawn
// from the seed; and after that the fewest choices: none, or those that the failure
// needs, all others being 0. Where something did not come about ([OracleDone]), choices
// stay drawn: with all of them 0, as where all timeouts are equal, many a sound protocol
// gets nowhere. It takes at most maxReplays runs (0 is [DefaultReplays]).
// Violations of other signatures that it meets on the way are named in Others. Where
// the context ends, the smallest that was found by then is returned.
func (p *Protocol) Shrink(ctx context.Context, t *Tape, maxReplays int) (*Shrunk, error) {
	return p.shrink(ctx, t, maxReplays, math.MaxInt64)
}

// shrink is Shrink, with about so many events over all runs at most.
func (p *Protocol) shrink(ctx context.Context, t *Tape, maxReplays int, maxEvents int64) (*Shrunk, error) {
	if maxReplays < 0 {
		return nil, fmt.Errorf("%w: shrink in %d replays, want 1 or more, or 0 for %d", ErrSetup, maxReplays, DefaultReplays)
	}
	setDefault(&maxReplays, DefaultReplays)
	whole, err := p.Replay(context.WithoutCancel(ctx), t) // so that there is something to keep whenever ctx ends
	if err != nil {
		return nil, err
	}
	if len(whole.Violations) == 0 {
		return nil, fmt.Errorf("%w: there is nothing to shrink", ErrHolds)
	}
	s := &shrinking{
		ctx: ctx, rn: &runner{p: p}, most: maxReplays, events: maxEvents, want: whole.Violations[0].Signature(),
		best: &Tape{Protocol: p.Name, Version: p.Version, Program: p.Program, Setup: t.Setup.clone(), Operations: t.Operations, Decisions: t.Decisions},
	}
	settled, err := s.minimise(true)
	// What does not come about where choices are all alike is no smaller form of what does
	// not come about by a fault.
	if err == nil && s.best.Setup.Choices == Seeded && !strings.HasPrefix(s.want, OracleDone+"/") {
		var also bool
		also, err = s.choices()
		if err == nil && also { // with other choices less may do
			also, err = s.minimise(true)
		}
		settled = settled && also
	}
	spent := errors.Is(err, errSpent)
	if err != nil && ctx.Err() == nil && !spent {
		return nil, fmt.Errorf("campaign: shrink: %w", err)
	}
	res, err := p.Replay(context.WithoutCancel(ctx), s.best)
	if err != nil {
		return nil, err
	}
	return &Shrunk{Tape: p.tapeAs(s.best, res), Result: res, Replays: s.replays, Settled: settled && ctx.Err() == nil && !spent, Others: s.others, Steps: s.steps}, nil
}

// tapeAs is a tape as it was given, with what its replay came to.
func (p *Protocol) tapeAs(t *Tape, res *Result) *Tape {
	c := *t
	c.TraceHash, c.Violations = res.TraceHash, nil
	for _, v := range res.Violations {
		c.Violations = append(c.Violations, v.Signature())
	}
	return &c
}

// errSpent ends a search that has had as many events as it may.
var errSpent = errors.New("no events are left")

// shrinking is a search for a smaller tape in progress.
type shrinking struct {
	ctx     context.Context
	rn      *runner
	want    string // signature
	best    *Tape
	most    int   // replays
	events  int64 // that are left for them
	replays int
	others  []string
	steps   []shrink.Step
}

// run replays a candidate.
func (s *shrinking) run(setup Setup, ops []Op, ds []choice.Decision) (shrink.Outcome, error) {
	if err := s.ctx.Err(); err != nil {
		return shrink.Outcome{}, err
	}
	if s.events <= 0 {
		return shrink.Outcome{}, errSpent
	}
	s.replays++
	t := &Tape{Setup: setup, Operations: ops, Decisions: ds}
	res, err := s.rn.replay(s.ctx, t, keep{decisions: true})
	if err != nil {
		return shrink.Outcome{}, err
	}
	s.events -= res.Deliveries
	return shrink.Outcome{Signature: res.signature(s.want), Asked: res.decisions}, nil
}

// signature is want if the run failed so, else the signature of its first violation, or
// "".
func (res *Result) signature(want string) string {
	for _, v := range res.Violations {
		if v.Signature() == want {
			return want
		}
	}
	if len(res.Violations) > 0 {
		return res.Violations[0].Signature()
	}
	return ""
}

// minimise takes out operations and decisions, or decisions alone.
func (s *shrinking) minimise(operations bool) (settled bool, err error) {
	before := s.replays
	left := s.most - before
	if left <= 0 {
		return false, nil
	}
	at := s.best.Operations
	ops := at
	if !operations {
		ops = nil
	}
	found, err := shrink.Minimise(ops, s.best.Decisions, func(ops []Op, ds []choice.Decision) (shrink.Outcome, error) {
		if !operations {
			ops = at
		}
		return s.run(s.best.Setup, ops, ds)
	}, shrink.Options[Op]{Signature: s.want, MaxReplays: left, Class: classOf, At: func(o Op) sim.Time { return o.At }})
	if found.Replays > 0 && !errors.Is(err, shrink.ErrHolds) && !errors.Is(err, shrink.ErrSignature) {
		if operations {
			s.best.Operations = found.Ops
		}
		s.best.Decisions = found.Decisions
	}
	for i, step := range found.Steps {
		if step.Replays += before; operations && (i > 0 || len(s.steps) == 0) {
			s.steps = append(s.steps, step)
		}
	}
	for _, o := range found.Others {
		if !slices.Contains(s.others, o.Signature) {
			s.others = append(s.others, o.Signature)
		}
	}
	return found.Settled, err
}

// choices does without the protocol's own choices, as far as the failure does. All 0 is
// simplest; else those that were made are listed, and taken out as faults are.
func (s *shrinking) choices() (settled bool, err error) {
	if s.replays >= s.most {
		return false, nil
	}
	out, err := s.run(s.best.Setup, s.best.Operations, s.best.Decisions)
	if err != nil {
		return false, err
	}
	listed := slices.ContainsFunc(out.Asked, func(d sim.TimedDecision) bool { return !IsFault(d.Site) })
	setup := s.best.Setup
	setup.Choices = Listed
	if !listed { // it made none
		s.best.Setup = setup
		return true, nil
	}
	var all []choice.Decision
	for _, d := range out.Asked {
		all = append(all, d.Decision)
	}
	s.best.Setup, s.best.Decisions = setup, all
	return s.minimise(false)
}
