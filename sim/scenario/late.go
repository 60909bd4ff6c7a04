package scenario

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/joinery-go/joinery/gen/choice"
	"github.com/joinery-go/joinery/sim/campaign"
	"github.com/joinery-go/joinery/sim/scenario/workload"
)

// OracleTime finds runs that do not end.
const OracleTime = campaign.OracleTime

// gaveUp is how a run that was given up came about.
type gaveUp struct {
	cfg   Config
	watch *campaign.Watch
}

// Late is the result of a seed that a pool has given up, see [campaign.Pool.Late]: a violation
// of [OracleTime]. Its setup and its plan are known once it is recorded, which gives the run
// as long as the watch has patience.
func (c Config) Late(seed uint64, l campaign.Late, watch *campaign.Watch) Judged {
	res := &Result{
		Seed: seed, Setup: draw(c, seed, 0), Violations: []Violation{l.Violation()},
		FaultEffective: make([]bool, len(FaultClasses())), gaveUp: &gaveUp{c, watch},
	}
	return Judged{Result: res}
}

// noted is the run of a seed that is under way, to be had while it does not end.
type noted struct {
	mu      sync.Mutex
	setup   Setup
	plan    []workload.Operation
	decided func() []choice.Decision
}

// begin notes a run before it begins, and gives the source that it is to ask. A nil noted
// notes nothing.
func (n *noted) begin(s Setup, plan []workload.Operation, src choice.Source) choice.Source {
	if n == nil {
		return src
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.setup, n.plan = s, slices.Clone(plan)
	src, n.decided = campaign.Noted(src)
	return src
}

// result is what is known of the run by now.
func (n *noted) result(seed uint64, g *gaveUp) *Result {
	n.mu.Lock()
	defer n.mu.Unlock()
	res := &Result{Seed: seed, Setup: n.setup, Operations: int64(len(n.plan)), ops: n.plan, gaveUp: g}
	if n.decided != nil {
		res.decisions = n.decided()
	}
	return res
}

// recordLate runs a seed that was given up once more, as long as its watch has patience, and
// makes a tape of what was decided by then. It is not replayed.
func recordLate(ctx context.Context, res *Result) (*Tape, *Result, error) {
	n, g, ended := &noted{setup: res.Setup}, res.gaveUp, make(chan error, 1)
	late, err := g.watch.Await("the store", res.Seed, func() {
		_, err := new(Runner).seed(ctx, g.cfg, res.Seed, options{noted: n})
		ended <- err
	})
	if err == nil && late == nil {
		err = <-ended
	}
	if err != nil {
		return nil, nil, fmt.Errorf("scenario: %w", err)
	}
	again := n.result(res.Seed, g)
	if late == nil {
		again.Violations = res.Violations
		return again.tape(), again, fmt.Errorf("%w: seed %d: it was given up when found, and has ended when recorded: more patience gives it more time", ErrRebase, res.Seed)
	}
	again.Violations = []Violation{late.Violation()}
	return again.tape(), again, nil
}

// GaveUp reports whether the run has not ended, so that there is no trace, and no page, of it.
func (r *Result) GaveUp() bool { return r.gaveUp != nil }

// ReplayFor is [Replay] with the patience of a watch: what does not end is a violation of
// [OracleTime], and goes on by itself.
func ReplayFor(ctx context.Context, t *Tape, watch *campaign.Watch) (*Result, error) {
	type outcome struct {
		res *Result
		err error
	}
	ended := make(chan outcome, 1)
	late, err := watch.Await("the store", t.Setup.Seed, func() {
		res, err := Replay(ctx, t)
		ended <- outcome{res, err}
	})
	switch {
	case err != nil:
		return nil, fmt.Errorf("scenario: %w", err)
	case late != nil:
		return &Result{
			Seed: t.Setup.Seed, Setup: t.Setup, Operations: int64(len(t.Operations)), Violations: []Violation{late.Violation()},
			ops: t.Operations, decisions: t.Decisions, gaveUp: new(gaveUp),
		}, nil
	}
	out := <-ended
	return out.res, out.err
}
