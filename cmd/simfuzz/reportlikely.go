package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/joinery-go/joinery/cmd/simfuzz/internal/faultlist"
	"github.com/joinery-go/joinery/sim/report"
	"github.com/joinery-go/joinery/sim/rewind"
	"github.com/joinery-go/joinery/sim/scenario"
)

// shrinkFor shrinks a tape for a page, in so much time of this process at most.
func (c *cli) shrinkFor(t *scenario.Tape, o reportOptions) (*scenario.Shrunk, error) {
	ctx, enough := context.WithCancel(c.ctx)
	defer enough()
	if o.shrinking > 0 {
		go endAfter(ctx, enough, o.shrinking)
	}
	s, err := scenario.Shrink(ctx, t, o.replays)
	if err != nil && ctx.Err() != nil {
		return nil, nil // not even a first replay was made: the page is of the tape as it is
	}
	return s, err
}

// endAfter ends a context once the process has used so much time of its processors.
func endAfter(ctx context.Context, end func(), most time.Duration) {
	from := processorTime()
	for tick := time.NewTicker(20 * time.Millisecond); ; {
		select {
		case <-ctx.Done():
			tick.Stop()
			return
		case <-tick.C:
			if processorTime()-from > most {
				end()
			}
		}
	}
}

// slow is how long a run takes that is not only long: one whose history is hard to judge.
const slow = 300 * time.Millisecond

// cost is that of a run in deliveries, or, of a slow one, in as many as others make in the
// time that it took.
func cost(deliveries int64, took time.Duration) int64 {
	each := max(deliveries, 1)
	if took > slow {
		each = max(each, int64(took.Seconds()*deliveriesPerSecond))
	}
	return each
}

// addChoices says what the run is made of, and, with draws, what that does.
func (r *reported) addChoices(o reportOptions) error {
	if len(r.res.Violations) == 0 || r.cli.ctx.Err() != nil {
		return nil
	}
	said := r.said()
	r.addWhat(said)
	if o.draws == 0 {
		return nil
	}
	l, err := r.likely(o)
	switch {
	case err != nil && r.cli.ctx.Err() != nil:
		r.page.Notes = append(r.page.Notes, "How likely the failure is was not found out: that was interrupted.")
		return nil
	case err != nil || l == nil:
		return err
	}
	choices := &report.Choices{Draws: l.Draws}
	var fixed []report.Choice
	for i, x := range l.Operations {
		fixed = append(fixed, report.Choice{What: r.res.Tell(&r.tape.Operations[i]), At: int64(x.At), StillFails: x.StillFails, Operation: true})
	}
	for _, d := range l.Decisions {
		fixed = append(fixed, report.Choice{
			What: r.says(said, d.TimedDecision), At: int64(d.At), Drawn: true, With: d.With, Without: d.Without, StillFails: d.StillFails,
		})
	}
	slices.SortStableFunc(fixed, func(a, b report.Choice) int { return cmp.Compare(a.At, b.At) })
	for _, x := range fixed {
		if x.With != rewind.Unasked {
			choices.Rows = append(choices.Rows, x)
		}
	}
	if l.LeftOps > 0 {
		r.page.Notes = append(r.page.Notes, fmt.Sprintf("%d of %d operations were not taken away one by one.", l.LeftOps, len(r.tape.Operations)))
	}
	var at []int64
	var failed []int
	for _, p := range l.Points {
		at, failed = append(at, int64(p.At)), append(failed, p.Failed)
	}
	r.page.AddLikelihood(choices, report.NewRewind(l.Draws, o.seed, fixed, at, failed))
	return nil
}

// said is what each fault does, in words, or what was decided where a run is long.
func (r *reported) said() []string {
	if r.each*int64(min(len(r.tape.Decisions), faultlist.Most)) <= wordsBudget {
		return r.cli.faultsOf(&scenario.Shrunk{Tape: r.tape, Result: r.res})
	}
	r.page.Notes = append(r.page.Notes, "Faults are named by the sites that decide them: it takes a replay for each to tell what it does, and this run is long.")
	return nil
}

// likely asks how likely the failure is, within the budget of deliveries: all of it with
// fewer draws, or else some of the points and faults and no operation. It gives nil where
// there is no room for that either.
func (r *reported) likely(o reportOptions) (*scenario.Likelihood, error) {
	each := r.each
	draws := o.draws
	for draws > rewind.FewestDraws && o.budget > 0 && scenario.LikelyRuns(r.tape, draws)*each > o.budget {
		draws--
	}
	all := scenario.Extent(r.tape, draws)
	whole := rewind.Extent{Draws: o.draws, Points: all.Points, Choices: len(r.tape.Decisions)}
	if o.budget == 0 || scenario.LikelyRuns(r.tape, draws)*each <= o.budget {
		r.page.Notes = append(r.page.Notes, all.Left(whole)...)
		return scenario.Likely(r.cli.ctx, r.tape, rewind.Options{Draws: draws, Seed: o.seed})
	}
	some := all.Within(o.budget / each)
	r.page.Notes = append(r.page.Notes, some.Left(whole)...)
	if some.Draws == 0 {
		return nil, nil
	}
	// Behind both questions come runs without each operation, for which there is no room.
	ctx, enough := context.WithCancel(r.cli.ctx)
	defer enough()
	questions := 0
	l, err := scenario.Likely(ctx, r.tape, rewind.Options{
		Draws: some.Draws, Seed: o.seed, Points: some.Points, Choices: cmp.Or(some.Choices, -1), Progress: func(made, of int) {
			if made < of {
				return
			}
			if questions++; questions == 2 {
				enough()
			}
		},
	})
	if l != nil && questions == 2 && r.cli.ctx.Err() == nil {
		l.LeftOps, err = len(r.tape.Operations)-len(l.Operations), nil
	}
	return l, err
}
