package campaign

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/joinery-go/joinery/gen/choice"
	"github.com/joinery-go/joinery/linearizability/history"
	"github.com/joinery-go/joinery/sim"
	simnet "github.com/joinery-go/joinery/sim/net"
)

// Run is one run under way, as the functions of a [Protocol] and its actors see it.
type Run struct {
	Setup Setup // as the seed drew it

	ops        []Op
	world      *sim.World
	history    []history.Op
	returned   map[uint64]int // by operation: its place in history
	violations []Violation
	undecided  int
	witness    map[int]bool            // operations of the history, by index
	asking     map[sim.NodeID]struct{} // clients that have an operation under way
	unnamed    error                   // a message of a kind that Kinds does not name
}

// World is the simulated world, for checks; nil until New has returned.
func (r *Run) World() *sim.World { return r.world }

// Ops are the planned operations, in order of time. They must not be changed.
func (r *Run) Ops() []Op { return r.ops }

// Actors are the actors of nodes 0 to n-1 that are of type A, in order, and whether that is
// all of them. A node that is down has none.
func Actors[A sim.Actor](r *Run, n int) (all []A, whole bool) {
	for i := range sim.NodeID(n) {
		if a, ok := r.world.Actor(i).(A); ok {
			all = append(all, a)
		}
	}
	return all, len(all) == n
}

// Op is the operation named id, in O(log n). One that is not planned is the zero Op.
func (r *Run) Op(id uint64) Op {
	i, found := slices.BinarySearchFunc(r.ops, id, func(o Op, id uint64) int {
		switch {
		case o.ID < id:
			return -1
		case o.ID > id:
			return 1
		}
		return 0
	})
	if !found {
		return Op{}
	}
	return r.ops[i]
}

// Mark notes that a situation was reached, as [sim.Context.Mark] does for actors.
func (r *Run) Mark(point string) { r.world.Mark(point) }

// maxViolations are kept of one run; the first ones say it all.
const maxViolations = 16

// Fail says that something must not have happened, from within a run. The run goes on.
func (r *Run) Fail(v Violation) {
	if v.Oracle == "" {
		v.Oracle = OracleCheck
	}
	r.fail(v)
}

func (r *Run) fail(v Violation) {
	if len(r.violations) < maxViolations {
		r.violations = append(r.violations, v)
	}
}

// Witness says which operations of the history, by their index, show a violation. The page of
// the run marks them.
func (r *Run) Witness(indices ...int) {
	if r.witness == nil {
		r.witness = make(map[int]bool)
	}
	for _, i := range indices {
		r.witness[i] = true
	}
}

// Undecided says that a check could not decide, such as one whose budget ran out.
func (r *Run) Undecided() { r.undecided++ }

// Result is what came of a run.
type Result struct {
	Seed       uint64
	Setup      Setup
	TraceHash  uint64
	Deliveries int64 // events that were delivered
	Operations int64 // planned
	Answered   int64 // of these, in the history with an answer
	Violations []Violation
	Undecided  int // checks that could not decide
	// Effective says of each fault class whether it changed the run.
	Effective [sim.AllClasses]bool
	Points    []string // situations that were reached
	Took      sim.Time // virtual time until the end
	Twice     bool     // it was run twice, with one trace

	ops       []Op
	strategy  string // of its choices; "" if the decisions say it all
	decisions []sim.TimedDecision
	world     *sim.World
	history   []history.Op
	witness   map[int]bool
	kinds     []string
	panicked  bool
	late      bool // it was given up
}

// runner runs seeds of a protocol one after the other and keeps memory between them.
type runner struct {
	p      *Protocol
	memory *memory // nil if the next run is to have its own
	pooled bool    // its goroutine is a worker of a [Pool], which gives up what does not end
}

// memory is what a run leaves to the next.
type memory struct {
	world *sim.World
	net   simnet.Net
}

// keep says what of a run is kept besides its outcome.
type keep struct {
	decisions bool
	records   int
}

const traceRecords = 200_000 // of a run that is kept

// seed runs one seed.
func (rn *runner) seed(ctx context.Context, seed uint64, o Options, k keep) (*Result, error) {
	s, ops, err := rn.p.begin(seed, o.Strategy, o.Faults, rn.pooled)
	if err != nil {
		return nil, err
	}
	src, err := drawnSource(&s, o.Strategy)
	if err != nil {
		return nil, err
	}
	res, err := rn.run(ctx, s, ops, src, k)
	if err != nil {
		return nil, err
	}
	res.strategy = o.Strategy
	return res, nil
}

// ran is what came of guarded.
type ran struct {
	res *Result
	err error
}

// run runs a plan under a source of choices, unless it takes too long: then the run is
// left to itself, with all that it works on.
func (rn *runner) run(ctx context.Context, s Setup, ops []Op, src choice.Source, k keep) (*Result, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	m := rn.memory
	if m == nil || k != (keep{}) {
		m = new(memory)
	}
	out, gaveUp, err := watched(rn.p.watch(), rn.p.Name, s.Seed, rn.pooled, func() ran {
		r := &Run{Setup: s.clone(), ops: ops, returned: make(map[uint64]int), asking: make(map[sim.NodeID]struct{})}
		panicked, err := guarded(rn.p, m, r, src, k)
		if err != nil {
			return ran{nil, err}
		}
		res := r.result(k)
		res.panicked = panicked
		return ran{res, nil}
	})
	rn.memory = nil
	switch {
	case err != nil:
		return nil, fmt.Errorf("campaign: %s: %w", rn.p.Name, err)
	case gaveUp != nil:
		return lateResult(s, ops, *gaveUp), nil
	case out.err != nil:
		return nil, fmt.Errorf("campaign: %s: seed %d: %w", rn.p.Name, s.Seed, out.err)
	}
	out.res.kinds = rn.p.Kinds
	if !out.res.panicked && k == (keep{}) { // else the result keeps it, or it may be in any state
		rn.memory = m
	}
	return out.res, nil
}

// lateResult is what is known of a run that was given up.
func lateResult(s Setup, ops []Op, l Late) *Result {
	return &Result{Seed: s.Seed, Setup: s, Operations: int64(len(ops)), Violations: []Violation{lateViolation(l)}, ops: ops, late: true}
}

// guarded is play, with a panic of the protocol made a violation. The world does not go
// on after one, nor is it used again.
func guarded(p *Protocol, m *memory, r *Run, src choice.Source, k keep) (panicked bool, err error) {
	defer func() {
		if what := recover(); what != nil {
			r.fail(panicViolation(what))
			panicked, err = true, nil
		}
	}()
	return false, m.play(p, r, src, k)
}

// play runs a run to its end and judges it. An error is none of the protocol's doing.
func (m *memory) play(p *Protocol, r *Run, src choice.Source, k keep) error {
	in := p.New(r)
	if in.Actor == nil {
		return fmt.Errorf("%w: New gives no Actor", ErrProtocol)
	}
	if err := m.prepare(p, r, in, src, k); err != nil {
		return err
	}
	for i := range r.ops {
		if err := r.world.Inject(r.ops[i].At, r.ops[i].Node, r.ops[i].ID); err != nil {
			return err
		}
	}
	if err := r.world.Heal(r.Setup.Horizon); err != nil {
		return err
	}
	err := r.until(in)
	if v, ours := worldViolation(err); ours {
		r.fail(v)
		err = nil
	}
	if r.unnamed != nil {
		return r.unnamed
	}
	if err != nil || len(r.violations) > 0 && r.violations[0].Oracle != OracleDone {
		return err // a run that went wrong on the way has no end to be judged
	}
	for _, check := range []struct {
		oracle string
		of     func(*Run) error
	}{{OracleAlways, in.Always}, {OracleCheck, in.Check}} {
		if check.of == nil {
			continue
		}
		if err := check.of(r); err != nil {
			r.fail(violationOf(check.oracle, err))
			return nil
		}
	}
	return nil
}

// prepare makes the world of a run.
func (m *memory) prepare(p *Protocol, r *Run, in Instance, src choice.Source, k keep) error {
	s := &r.Setup
	if err := m.net.Reset(s.links(p.Kinds)); err != nil {
		return err
	}
	if m.world == nil {
		m.world = new(sim.World)
	}
	if timed, ok := src.(interface{ asks(*sim.World) }); ok {
		timed.asks(m.world)
	}
	if err := m.world.Reset(sim.Options{
		Nodes: s.Nodes + s.Clients, Factory: in.Actor, Programs: in.Programs, Source: src, Net: &namedNet{&m.net, p, r}, Device: in.Device,
		Crash: s.crashes(), DiskFaults: s.Faults[sim.Disk], ProcessFaults: s.processFaults(), TimerGrid: s.TimerGrid,
		Limits:    sim.Limits{Events: s.Events},
		Trace:     sim.TraceOptions{Records: k.records},
		Decisions: k.decisions, KindName: p.kindName,
	}); err != nil {
		return err
	}
	r.world = m.world
	return nil
}

// namedNet is a network that sees to it that every kind of message is named, if any is.
type namedNet struct {
	*simnet.Net
	p *Protocol
	r *Run
}

func (n *namedNet) Send(m sim.Envelope, out []sim.Delivery) []sim.Delivery {
	if len(n.p.Kinds) > 0 && n.r.unnamed == nil && n.p.kindName(m.Kind) == "" {
		n.r.unnamed = fmt.Errorf("%w: %v sends a message of kind %d, which Kinds does not name: %q", ErrProtocol, m.From, m.Kind, n.p.Kinds)
	}
	return n.Net.Send(m, out)
}

// until runs the world until what must come about has, or its time is up.
func (r *Run) until(in Instance) error {
	end := r.Setup.Horizon + r.Setup.Settle
	if in.Always == nil && in.Done == nil {
		if err := r.world.RunUntil(r.Setup.Horizon); err != nil || len(r.violations) > 0 {
			return err
		}
		return r.rest(end)
	}
	done := false
	stop := func() bool {
		if in.Always != nil {
			if err := in.Always(r); err != nil {
				r.fail(violationOf(OracleAlways, err))
			}
		}
		done = in.Done != nil && !r.world.Faulty() && r.world.Now() > r.lastOp() && len(r.asking) == 0 && in.Done(r)
		return done || len(r.violations) > 0
	}
	until := end
	if r.Setup.Rest && in.Done == nil {
		until = r.Setup.Horizon
	}
	if err := RunUntil(r.world, until, stop); err != nil || len(r.violations) > 0 {
		return err
	}
	switch {
	case in.Done != nil && !done:
		r.fail(Violation{
			Oracle: OracleDone, Kind: "not done", Node: -1,
			Message: fmt.Sprintf("what must come about has not, %v after the faults ended", r.world.Now()-r.Setup.Horizon),
		})
		return nil
	case in.Done != nil:
		return nil
	}
	return r.rest(end)
}

// lastOp is when the last operation is injected.
func (r *Run) lastOp() sim.Time {
	if len(r.ops) == 0 {
		return -1
	}
	return r.ops[len(r.ops)-1].At
}

// rest runs to the end of the run, or to the rest that it must come to.
func (r *Run) rest(end sim.Time) error {
	if !r.Setup.Rest {
		return r.world.RunUntil(max(end, r.world.Now()))
	}
	_, err := r.world.RunUntilQuiet(end)
	if !errors.Is(err, sim.ErrNotQuiet) {
		return err
	}
	r.fail(Violation{
		Oracle: OracleDone, Kind: "no rest", Node: -1,
		Message: fmt.Sprintf("something is still under way %v after the faults ended", r.Setup.Settle),
	})
	return nil
}

// RunUntil handles the events of a world one by one until stop says so, which is asked
// after each, or there are none, or the present is at or beyond a time. It is for hosts
// that run worlds themselves as well.
func RunUntil(w *sim.World, bound sim.Time, stop func() bool) error {
	for w.Now() < bound {
		more, err := w.Step()
		if err != nil {
			return err
		}
		if stop() || !more {
			return nil
		}
	}
	return nil
}

// result is what came of the run.
func (r *Run) result(k keep) *Result {
	res := &Result{
		Seed: r.Setup.Seed, Setup: r.Setup, Operations: int64(len(r.ops)),
		Violations: r.violations, Undecided: r.undecided, ops: r.ops, history: r.history, witness: r.witness,
	}
	if r.world == nil { // New panicked
		return res
	}
	res.TraceHash, res.Deliveries, res.Took = r.world.Hash(), r.world.Events(), r.world.Now()
	stats := r.world.Stats()
	for c := range res.Effective {
		res.Effective[c] = stats.Effective[c] > 0
	}
	for _, m := range r.world.Marks() {
		res.Points = append(res.Points, m.Name)
	}
	for i := range r.history {
		if r.history[i].Outcome == history.OK {
			res.Answered++
		}
	}
	if k != (keep{}) {
		res.world = r.world
		if k.decisions {
			res.decisions = r.world.Decisions()
		}
	}
	return res
}
