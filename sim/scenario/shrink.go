package scenario

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/joinery-go/joinery/gen/choice"
	"github.com/joinery-go/joinery/sim"
	"github.com/joinery-go/joinery/sim/scenario/workload"
	"github.com/joinery-go/joinery/sim/shrink"
)

// ErrHolds is wrapped when a tape that is to be shrunk does not fail.
var ErrHolds = errors.New("scenario: the tape does not fail, there is nothing to shrink")

// Shrunk is a minimised tape.
type Shrunk struct {
	Tape    *Tape
	Result  *Result // its replay
	Replays int     // runs that the search took
	Settled bool    // nothing makes it smaller; else the bound on replays came first
	Others  []string
	Steps   []shrink.Step // what was left after each success, what was given first
}

// Shrink minimises a failing tape: the fewest operations and decisions other than
// benign that still lead to its first violation, by signature. It takes at most
// maxReplays runs (0 is 1000). Violations of other signatures that it meets on the
// way are named in Others.
func Shrink(ctx context.Context, t *Tape, maxReplays int) (*Shrunk, error) {
	whole, err := Replay(context.WithoutCancel(ctx), t) // so that there is something to keep whenever ctx ends
	if err != nil {
		return nil, err
	}
	if len(whole.Violations) == 0 {
		return nil, ErrHolds
	}
	want := whole.Violations[0].Signature()
	var rn Runner
	base := t.Setup
	replay := func(ops []workload.Operation, ds []choice.Decision) (shrink.Outcome, error) {
		if err := ctx.Err(); err != nil {
			return shrink.Outcome{}, err
		}
		setup := base
		setup.Operations = len(ops)
		res, err := rn.run(ctx, setup, ops, choice.NewReplay(ds), options{decisions: true})
		if err != nil {
			return shrink.Outcome{}, err
		}
		return shrink.Outcome{Signature: signatureOf(res, want), Asked: res.world.Decisions()}, nil
	}
	plan := t.Operations
	if pinned := whole.pinned(); signatureOfRun(replay, pinned, t.Decisions) == want {
		plan = pinned
	}
	if base.Queue > 0 || base.FIFO { // links without bound and order are simpler
		base.Queue, base.FIFO = 0, false
		if signatureOfRun(replay, plan, t.Decisions) != want {
			base = t.Setup
		}
	}
	for base.Watchers > 0 { // what subscribers are told fills the picture
		before := base
		if base.Watchers--; signatureOfRun(replay, plan, t.Decisions) != want {
			base = before
			break
		}
	}
	found, err := shrink.Minimise(plan, t.Decisions, replay, shrink.Options[workload.Operation]{
		Signature: want, MaxReplays: maxReplays, At: func(o workload.Operation) sim.Time { return o.At },
	})
	if err != nil && (found.Ops == nil || ctx.Err() == nil) {
		return nil, fmt.Errorf("scenario: shrink: %w", err)
	}
	small := &Tape{Setup: base, Operations: found.Ops, Decisions: found.Decisions}
	small.Setup.Operations = len(found.Ops)
	res, err := Replay(context.WithoutCancel(ctx), small)
	if err != nil {
		return nil, err
	}
	small = res.tape()
	s := &Shrunk{Tape: small, Result: res, Replays: found.Replays, Settled: found.Settled, Steps: found.Steps}
	for _, o := range found.Others {
		s.Others = append(s.Others, o.Signature)
	}
	return s, nil
}

// pinned is the plan with each operation at the time at which it was issued, so
// that it no longer hangs on what its session had to wait for.
func (r *Result) pinned() []workload.Operation {
	issued := make(map[uint64]int64)
	for i := range r.history.Ops {
		o := &r.history.Ops[i]
		issued[r.planned[i]] = o.Call
	}
	plan := slices.Clone(r.ops)
	for i := range plan {
		if at, ok := issued[plan[i].ID]; ok {
			plan[i].At = sim.Time(at)
		}
	}
	return plan
}

// signatureOfRun is the signature of a replay, or "" if it came to none.
func signatureOfRun(replay shrink.Run[workload.Operation], plan []workload.Operation, ds []choice.Decision) string {
	out, err := replay(plan, ds)
	if err != nil {
		return ""
	}
	return out.Signature
}

// signatureOf is want if the run failed so, else the signature of its first
// violation, or "".
func signatureOf(r *Result, want string) string {
	for _, v := range r.Violations {
		if v.Signature() == want {
			return want
		}
	}
	if len(r.Violations) > 0 {
		return r.Violations[0].Signature()
	}
	return ""
}
