package scenario

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/joinery-go/joinery/gen/choice"
	"github.com/joinery-go/joinery/kvs/kind"
	"github.com/joinery-go/joinery/kvs/ring"
	"github.com/joinery-go/joinery/kvs/session"
	"github.com/joinery-go/joinery/kvs/wire"
	"github.com/joinery-go/joinery/linearizability/history"
	"github.com/joinery-go/joinery/sim"
)

// Violation is one thing that must not have happened. Oracle, Kind, Op and Node
// are its signature: a replay must fail alike.
type Violation struct {
	Oracle  string `json:"oracle"` // what noticed: convergence, causal, monotonic, liveness, …
	Kind    string `json:"kind"`   // the type of the object, or what went wrong
	Op      string `json:"op"`     // the function of the operation at fault, if one is
	Node    int    `json:"node"`   // the replica at fault, or -1
	Message string `json:"message"`
}

// Signature identifies the violation up to its wording.
func (v Violation) Signature() string {
	return fmt.Sprintf("%s/%s/%s/%d", v.Oracle, v.Kind, v.Op, v.Node)
}

// String is the violation in a line.
func (v Violation) String() string { return v.Oracle + ": " + v.Message }

// Result is what came of one seed.
type Result struct {
	Seed           uint64 // as given to Run
	Setup          Setup
	TraceHash      uint64
	Deliveries     int64 // events that reached a node
	Operations     int64 // client operations issued
	Violations     []Violation
	Porcupine      int    // histories of this run decided by porcupine
	Undecided      int    // histories of this run that porcupine, or another check, left open
	Concurrent     int    // reads that saw, or should have seen, writes concurrent with each other
	FaultEffective []bool // by class, in the order of FaultClasses
	Marks          []string
	Lost           int      // writes that lost disks may have undone
	Unjudged       int      // keys whose history is not judged: lost disks had a request served twice
	Rest           sim.Time // from the end of faults to rest; 0 if there was none
	RestBytes      int64    // of messages between replicas delivered in that time: what it took to converge

	source    func() (choice.Source, error) // of its choices once more; nil if decisions says it all
	ops       []Operation
	all       []Operation // with the reads after the fence
	planned   []uint64    // by position in the history: the id of the planned operation
	history   *history.History
	decisions []choice.Decision
	world     *sim.World
}

// Runner runs seeds one after the other and keeps memory between them. It is not
// safe for concurrent use; have one a worker.
type Runner struct {
	world      *sim.World
	exhaustion *exhaustion // of the strategy exhaustive
	memory
}

// run is one run in the making.
type run struct {
	*memory
	setup     Setup
	level     session.Level
	ring      *ring.Ring
	kinds     *kind.Kinds
	planned   int // operations of the plan
	world     *sim.World
	watching  bool
	atRest    sim.Time // how long it took, and in how many bytes
	exchanged int64    // bytes of messages that replicas got from each other
	restBytes int64
	perDelta  int64
	failed    []Violation
	err       error
}

const maxViolations = 16 // kept of one run; the first ones say it all

func (r *run) fail(v Violation) {
	if len(r.failed) < maxViolations {
		r.failed = append(r.failed, v)
	}
}

// home is the client node of a session.
func (r *run) home(session int) sim.NodeID {
	return sim.NodeID(r.setup.Nodes + session%r.setup.Sessions)
}

// Run runs one seed of a campaign. Should no fault take effect, or no read come
// after concurrent writes, it draws the seed's plan and faults again, with more
// faults unless the configuration forbids them; the result is that of the last
// attempt. A violation is a result, not an error.
func (rn *Runner) Run(ctx context.Context, cfg Config, seed uint64) (*Result, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if cfg.Strategy == "exhaustive" {
		return rn.exhaust(ctx, cfg, seed)
	}
	for attempt := 0; ; attempt++ {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		setup, plan, err := rn.planOf(cfg, seed, attempt)
		if err != nil {
			return nil, err
		}
		source := chooser(cfg, &setup)
		src, err := source()
		if err != nil {
			return nil, fmt.Errorf("scenario: seed %d: %w", seed, err)
		}
		res, err := rn.run(ctx, setup, plan, src, options{})
		if err != nil {
			return nil, fmt.Errorf("scenario: seed %d: %w", seed, err)
		}
		res.source = source
		harmless := cfg.Faults != "off" && !slices.Contains(res.FaultEffective, true)
		if attempt == maxAttempts || len(res.Violations) > 0 || !harmless && res.Concurrent > 0 {
			return res, nil
		}
	}
}

// planOf draws the setup and the operations of a seed.
func (m *memory) planOf(cfg Config, seed uint64, attempt int) (Setup, []Operation, error) {
	setup := draw(cfg, seed, attempt)
	rg, err := m.ring(&setup)
	if err != nil {
		return setup, nil, err
	}
	plan := newPlan(choice.Seeded(choice.Mix(choice.MixString(seed, "plan"), uint64(attempt))), &setup, rg, &m.plan)
	setup.Operations = len(plan)
	return setup, plan, nil
}

// Run is [Runner.Run] by a runner of its own.
func Run(ctx context.Context, cfg Config, seed uint64) (*Result, error) {
	return new(Runner).Run(ctx, cfg, seed)
}

// options of a run that leave its course as it is.
type options struct {
	decisions bool  // keep the decisions, for a tape
	records   int   // keep so many records of the trace
	assert    bool  // check that lineage keys are unique
	perDelta  int64 // bytes that converging may take, see mostBytes; 0 is bytesPerDelta
}

const (
	settleBound = 20 * sim.Second // from the horizon to rest, for each UsualOperations of the run
	quietFor    = 500 * sim.Millisecond
	finalGap    = 5 * sim.Millisecond
	firstFinal  = 1 << 20 // id of the first read after the fence
)

// run runs a plan under a source of choices.
func (rn *Runner) run(ctx context.Context, s Setup, plan []Operation, src choice.Source, o options) (*Result, error) {
	r, err := newRun(&rn.memory, s, plan)
	if err != nil {
		return nil, err
	}
	fences, err := rn.play(r, src, o)
	if err != nil {
		return nil, err
	}
	return r.judge(ctx, fences, o)
}

// play runs a run until it has come to rest, and returns when it had.
func (rn *Runner) play(r *run, src choice.Source, o options) (fences []int64, err error) {
	world, err := rn.prepare(r, src, o)
	if err != nil {
		return nil, err
	}
	r.world = world
	r.perDelta = cmp.Or(o.perDelta, bytesPerDelta)
	for i := range r.ops {
		if err := world.Inject(r.ops[i].At, r.home(r.ops[i].Session), r.ops[i].ID); err != nil {
			return nil, err
		}
	}
	horizon := sim.Time(r.setup.HorizonMS) * sim.Millisecond
	if err := world.Heal(horizon); err != nil {
		return nil, err
	}
	if err := world.RunUntil(horizon); err != nil {
		return nil, err
	}
	if fences, err = r.settle(); err != nil {
		return nil, err
	}
	return fences, r.err
}

// add adds an operation, and room for what is recorded of it.
func (r *run) add(o Operation) {
	r.ops = append(r.ops, o)
	r.recorded = append(r.recorded, history.Op{})
}

// at is the position of an operation, or -1.
func (r *run) at(id uint64) int { return position(r.ops, r.planned, id) }

// position is that of an operation in a plan of so many operations with the reads
// after the fence behind them, or -1. Mostly ids count from 1.
func position(ops []Operation, planned int, id uint64) int {
	if id >= firstFinal {
		if i := planned + int(id-firstFinal); i < len(ops) {
			return i
		}
		return -1
	}
	if i := int(id) - 1; i >= 0 && i < planned && ops[i].ID == id {
		return i
	}
	i, found := slices.BinarySearchFunc(ops[:planned], id, func(o Operation, id uint64) int { return cmp.Compare(o.ID, id) })
	if !found {
		return -1
	}
	return i
}

func newRun(m *memory, s Setup, plan []Operation) (*run, error) {
	r := &run{memory: m, setup: s, planned: len(plan)}
	r.saw = r.saw[:0]
	r.losses.reset()
	r.watching = s.Seed%4 == 0
	r.ops = append(r.ops[:0], plan...)
	r.recorded = append(r.recorded[:0], make([]history.Op, len(plan))...)
	var err error
	if r.level, err = s.level(); err != nil {
		return nil, err
	}
	if r.ring, err = m.ring(&s); err != nil {
		return nil, err
	}
	r.kinds, err = m.kinds(s.Tagged)
	return r, err
}

// prepare makes the world of a run.
func (rn *Runner) prepare(r *run, src choice.Source, o options) (*sim.World, error) {
	s := &r.setup
	if err := rn.net.Reset(s.links()); err != nil {
		return nil, err
	}
	opts := sim.Options{
		Nodes:  s.Nodes + s.Sessions,
		Source: src,
		Net:    &rn.net,
		Factory: func(n sim.NodeID) sim.Actor {
			if int(n) < s.Nodes {
				return rn.replica(r, n, rn.logs[n].Log)
			}
			return rn.client(r, int(n)-s.Nodes)
		},
		Device: func(n sim.NodeID) sim.Device {
			if int(n) < s.Nodes {
				return rn.log(r, n)
			}
			return nil
		},
		Crash:         sim.CrashOptions{Level: s.Faults[sim.Crash], Nodes: s.Nodes},
		DiskFaults:    s.Faults[sim.Disk],
		ProcessFaults: s.trouble(),
		Quiet:         quietFor,
		Trace:         sim.TraceOptions{Records: o.records},
		Decisions:     o.decisions,
		AssertKeys:    o.assert,
		KindName:      kindName,
	}
	if rn.world == nil {
		rn.world = new(sim.World)
	}
	return rn.world, rn.world.Reset(opts)
}

func kindName(k sim.MsgKind) string {
	switch wire.MessageKind(k) {
	case wire.MsgRequest:
		return "request"
	case wire.MsgResponse:
		return "response"
	case wire.MsgGossip:
		return "gossip"
	case wire.MsgSnapshot:
		return "snapshot"
	}
	return ""
}

// messageKinds are the kinds of messages that a filter can single out.
func messageKinds() []sim.MsgKind {
	return []sim.MsgKind{sim.MsgKind(wire.MsgRequest), sim.MsgKind(wire.MsgResponse), sim.MsgKind(wire.MsgGossip), sim.MsgKind(wire.MsgSnapshot)}
}

// settle waits for the cluster to come to rest, which it must, and then has every
// replica read once more. It returns the time of the fence, if there was rest.
func (r *run) settle() ([]int64, error) {
	healed, before := r.world.Now(), r.exchanged
	if !r.rest() {
		return nil, r.err
	}
	fence := int64(r.world.Now())
	r.atRest, r.restBytes = r.world.Now()-healed, r.exchanged-before
	if most := r.mostBytes(); r.restBytes > most {
		r.fail(Violation{Oracle: "liveness", Kind: "bytes", Node: -1, Message: fmt.Sprintf(
			"replicas got %d bytes from each other to converge after the faults ended, at most %d may be", r.restBytes, most)})
	}
	r.compareReplicas()
	id := uint64(firstFinal)
	at := r.world.Now() + finalGap
	for _, k := range planKeys(r.ops) {
		for i, owner := range r.ring.Owners(r.ring.PartitionOf(k.name)) {
			o := Operation{
				ID: id, At: at, Session: r.setup.Sessions + i, Node: int(owner), Func: history.Read, Type: k.typ, Key: k.name,
			}
			id++
			r.add(o)
			if err := r.world.Inject(at, r.home(o.Session), o.ID); err != nil {
				return nil, err
			}
		}
		at += finalGap
	}
	r.rest()
	return []int64{fence}, nil
}

// mostBytes bounds what replicas may get from each other between the end of faults
// and rest: each operation to each replica a few times over, with what it depends
// on, and the same again for what is told of it. What clients ask and get does not
// count: how long a value read is says nothing of how replicas converge. In a long
// run replicas restart more often, and each incarnation has a place in every set of
// dots that is told.
func (r *run) mostBytes() int64 {
	return int64(len(r.ops)+8) * int64(r.setup.Nodes) * r.perDelta * int64(r.setup.long()+3) / 4
}

// bytesPerDelta is over three times the worst that was seen in 32,000 seeds of the
// strategies swarm, uniform and pct: 70. The mutant gossip-eightfold shows what it
// catches.
const bytesPerDelta = 256

// rest runs until nothing is under way and no replica has anything left to do,
// and reports whether that came about in time. If not, it is a liveness violation.
func (r *run) rest() bool {
	within := settleBound * sim.Time(r.setup.long())
	bound := r.world.Now() + within
	for {
		_, err := r.world.RunUntilQuiet(bound)
		busy := r.busyReplica()
		switch {
		case err == nil && busy < 0:
			return true
		case err == nil && r.world.Now() < bound:
			// Quiet for a while, but a backed-off offer is still to come.
			if err := r.world.RunUntil(r.world.Now() + quietFor); err != nil {
				r.err = err
				return false
			}
		case isNotQuiet(err) || err == nil:
			r.fail(Violation{Oracle: "liveness", Kind: "no rest", Node: busy, Message: fmt.Sprintf(
				"%v after the faults ended, replica %d still has deltas to offer, records to persist or reads to answer", within, busy)})
			return false
		default:
			r.err = err
			return false
		}
	}
}

// busyReplica is a replica that has something left to do, or -1.
func (r *run) busyReplica() int {
	for n := range r.setup.Nodes {
		if a, ok := r.world.Actor(sim.NodeID(n)).(*replica); ok && a.core != nil && !a.core.Quiet() {
			return n
		}
	}
	return -1
}

// planKeys lists the keys of a plan in order of their first use.
func planKeys(ops []Operation) []keySpec {
	var keys []keySpec
	for i := range ops {
		if !slices.ContainsFunc(keys, func(k keySpec) bool { return k.name == ops[i].Key }) {
			keys = append(keys, keySpec{name: ops[i].Key, typ: ops[i].Type})
		}
	}
	return keys
}
