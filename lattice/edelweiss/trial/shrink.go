package trial

import (
	"context"
	"fmt"

	"github.com/joinery-go/joinery/gen/choice"
	"github.com/joinery-go/joinery/sim"
	"github.com/joinery-go/joinery/sim/shrink"
)

// Shrunk is a minimised tape.
type Shrunk struct {
	Tape     *Tape
	Replayed *Replayed
	Replays  int  // trials that the search took
	Settled  bool // nothing makes it smaller; else the bound on replays came first
}

// Shrink looks for the fewest operations and decisions that still lead to the tape's
// failure, in at most so many trials. A context that ends stops the search at the
// smallest found.
func (t *Tape) Shrink(ctx context.Context, replays int) (*Shrunk, error) {
	try := func(ops []Operation, ds []choice.Decision) (shrink.Outcome, error) {
		if err := ctx.Err(); err != nil {
			return shrink.Outcome{}, err
		}
		src := choice.NewReplay(ds)
		_, err := play(t.Original, t.Rewritten, t.Load, ops, src, t.Options)
		idle := map[choice.Decision]bool{}
		for _, d := range src.Unasked(ds) {
			idle[d] = true
		}
		asked := []sim.TimedDecision{}
		for _, d := range ds {
			if !idle[d] {
				asked = append(asked, sim.TimedDecision{Decision: d})
			}
		}
		return shrink.Outcome{Signature: Signature(err), Asked: asked}, nil
	}
	found, err := shrink.Minimise(t.Operations, t.Decisions, try, shrink.Options[Operation]{
		Signature: t.Signature, MaxReplays: replays, At: func(o Operation) sim.Time { return o.At },
	})
	if err != nil && (found.Ops == nil || ctx.Err() == nil) {
		return nil, fmt.Errorf("trial: shrink: %w", err)
	}
	small := *t
	small.Operations, small.Decisions = found.Ops, found.Decisions
	again := small.Replay()
	small.Hash = again.Report.Hash
	return &Shrunk{Tape: &small, Replayed: again, Replays: found.Replays, Settled: found.Settled}, nil
}
