package scenario

import (
	"context"
	"fmt"
	"slices"

	"github.com/joinery-go/joinery/gen/choice"
	"github.com/joinery-go/joinery/sim"
	"github.com/joinery-go/joinery/sim/rewind"
)

// Likelihood is how likely the first violation of a tape is, from which point of the
// run on, and with which of its choices.
type Likelihood struct {
	Signature  string // of the violation
	Draws      int
	Points     []LikelyAt
	Decisions  []DecisionEffect  // of the tape's, in the order in which they are asked
	Operations []OperationEffect // in the order of the plan
	Left       int               // decisions that were not looked into, beyond the bound
	LeftOps    int               // and operations
}

// LikelyAt is how many of Draws runs fail whose decisions before a time are the tape's.
type LikelyAt struct {
	At     sim.Time
	Failed int
}

// DecisionEffect is a decision other than benign, and what it does to the violation.
type DecisionEffect struct {
	sim.TimedDecision
	rewind.Effect
}

// OperationEffect reports whether the tape fails alike without one of its operations.
type OperationEffect struct {
	ID         uint64
	At         sim.Time
	StillFails bool
}

// Bounds of a likelihood: they bound the runs that it takes.
const (
	mostPoints    = 16
	mostDecisions = 40
	mostRemoved   = 60 // operations taken away
)

// Likely rewinds a failing tape, see package rewind: to the time of each operation and
// decision, to what is between them, and with each decision and operation taken away.
// It takes about (16 + 2 for each decision) · Draws runs.
func Likely(ctx context.Context, t *Tape, o rewind.Options) (*Likelihood, error) {
	whole, err := Replay(ctx, t)
	if err != nil {
		return nil, err
	}
	if len(whole.Violations) == 0 {
		return nil, ErrHolds
	}
	l := &Likelihood{Signature: whole.Violations[0].Signature(), Draws: o.Draws}
	var rn Runner
	play := func(source func(now func() sim.Time) choice.Source) (bool, error) {
		if err := ctx.Err(); err != nil {
			return false, err
		}
		return l.fails(ctx, &rn, t, source(func() sim.Time { return rn.world.Now() }))
	}
	decisions := slices.Clone(whole.world.Decisions())
	at := pointsOf(t, decisions)
	failed, err := rewind.Points(play, t.Decisions, at, o)
	if err != nil {
		return nil, fmt.Errorf("scenario: how likely: %w", err)
	}
	for i, n := range failed {
		l.Points = append(l.Points, LikelyAt{at[i], n})
	}
	l.Left = max(len(decisions)-mostDecisions, 0)
	decisions = decisions[:len(decisions)-l.Left]
	effects, err := rewind.Choices(play, decisions, o)
	if err != nil {
		return nil, fmt.Errorf("scenario: how likely: %w", err)
	}
	for i, e := range effects {
		l.Decisions = append(l.Decisions, DecisionEffect{decisions[i], e})
	}
	return l, l.withoutOperations(ctx, &rn, t)
}

// Extent is how much [Likely] asks of a tape with so many draws, beside the operations that it
// takes away.
func Extent(t *Tape, draws int) rewind.Extent {
	return rewind.Extent{Draws: draws, Points: mostPoints, Choices: min(len(t.Decisions), mostDecisions)}
}

// LikelyRuns is how many runs [Likely] takes of a tape, at most.
func LikelyRuns(t *Tape, draws int) int64 {
	return Extent(t, draws).Runs() + int64(min(len(t.Operations), mostRemoved)) + 1
}

// fails runs the plan of a tape under a source, and reports whether it fails alike.
func (l *Likelihood) fails(ctx context.Context, rn *Runner, t *Tape, src choice.Source) (bool, error) {
	setup := t.Setup
	setup.Operations = len(t.Operations)
	res, err := rn.run(ctx, setup, t.Operations, src, options{})
	if err != nil {
		return false, err
	}
	return slices.ContainsFunc(res.Violations, func(v Violation) bool { return v.Signature() == l.Signature }), nil
}

func (l *Likelihood) withoutOperations(ctx context.Context, rn *Runner, t *Tape) error {
	l.LeftOps = max(len(t.Operations)-mostRemoved, 0)
	for i, o := range t.Operations[:len(t.Operations)-l.LeftOps] {
		if err := ctx.Err(); err != nil {
			return err
		}
		less := *t
		less.Operations = slices.Delete(slices.Clone(t.Operations), i, i+1)
		still, err := l.fails(ctx, rn, &less, choice.NewReplay(t.Decisions))
		if err != nil {
			return fmt.Errorf("scenario: without operation %d: %w", o.ID, err)
		}
		l.Operations = append(l.Operations, OperationEffect{o.ID, o.At, still})
	}
	return nil
}

// pointsOf are the times to rewind to, see [rewind.Times], and, while there is room, the middle
// of the widest gaps.
func pointsOf(t *Tape, decisions []sim.TimedDecision) []sim.Time {
	var operations []sim.Time
	for _, o := range t.Operations {
		operations = append(operations, o.At)
	}
	at := rewind.Times(sim.Time(t.Setup.HorizonMS)*sim.Millisecond, operations, decisions, mostPoints)
	for len(at) < mostPoints {
		widest := 1
		for i := 2; i < len(at); i++ {
			if at[i]-at[i-1] > at[widest]-at[widest-1] {
				widest = i
			}
		}
		gap := at[widest] - at[widest-1]
		if gap < 2*sim.Millisecond {
			break
		}
		at = slices.Insert(at, widest, at[widest-1]+gap/2)
	}
	return at
}
