package scenario

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/joinery-go/joinery/gen/choice"
	"github.com/joinery-go/joinery/kvs/elastic"
	"github.com/joinery-go/joinery/kvs/kind"
	"github.com/joinery-go/joinery/kvs/member"
	"github.com/joinery-go/joinery/kvs/ring"
	"github.com/joinery-go/joinery/kvs/session"
	"github.com/joinery-go/joinery/kvs/wire"
	"github.com/joinery-go/joinery/linearizability"
	"github.com/joinery-go/joinery/linearizability/history"
	"github.com/joinery-go/joinery/sim"
	"github.com/joinery-go/joinery/sim/scenario/oracle"
	"github.com/joinery-go/joinery/sim/scenario/workload"
)

// Violation is one thing that must not have happened.
type Violation = oracle.Violation

// Result is what came of one seed.
type Result struct {
	Seed           uint64 // as given to Run
	Setup          Setup
	TraceHash      uint64
	Deliveries     int64 // events that reached a node
	Operations     int64 // client operations issued
	UnderFaults    int64 // of these, issued before the faults ended
	BySide         BySide
	NotServed      int64 // and of those, requests that are not amiss and were refused or not answered
	Violations     []Violation
	Judged         []Judgement // by which models its histories were judged
	Porcupine      int         // histories of this run decided by porcupine
	Undecided      int         // histories of this run that porcupine, or another check, left open
	Concurrent     int         // reads that saw, or should have seen, writes concurrent with each other
	FaultEffective []bool      // by class, in the order of FaultClasses
	Marks          []string
	Lost           int      // writes that lost disks may have undone
	Unjudged       int      // keys whose history is not judged: lost disks had a request served twice
	Rest           sim.Time // from the end of faults to rest; 0 if there was none
	RestBytes      int64    // of messages between replicas sent in that time: what it took to converge

	source    func() (choice.Source, error) // of its choices once more; nil if decisions says it all
	ops       []workload.Operation
	all       []workload.Operation // with the reads after the fence
	planned   []uint64             // by position in the history: the id of the planned operation
	history   *history.History
	ring      *ring.Ring // in the end
	decisions []choice.Decision
	world     *sim.World
	chronicle *oracle.Chronicle // of [Watch]
	witnesses []witness
	gaveUp    *gaveUp // it has not ended
}

// Judgement is what a model came to of a history of a run.
type Judgement struct {
	Model      string
	Status     linearizability.Status
	Operations int // of the history
}

// Runner runs seeds one after the other and keeps memory between them, but for what long
// ones have needed. It is not safe for concurrent use; have one a worker.
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
	shrinking []workload.Key // of which the plan has deletes
	ring      *ring.Ring     // in the end
	begins    *ring.Ring     // at first; the same one if nobody comes or goes
	kinds     *kind.Kinds
	planned   int  // operations of the plan
	cloning   bool // see [replica.stray]
	world     *sim.World
	atRest    sim.Time // how long it took, and in how many bytes
	lastDone  sim.Time // when a session was done with an operation
	exchanged int64    // bytes of messages that replicas sent each other
	restBytes int64
	failed    []Violation
	witnesses []witness
	chronicle *oracle.Chronicle // if it is asked for
	err       error

	hostile *hostile                // if the run has a hostile node
	monitor *monitor                // if one decides about members and factors
	asks    []elastic.Ask           // that it has sent
	pending []member.View           // of these, what replicas took, and none goes by yet
	decided member.View             // and what was gone by
	others  oracle.Others           // what came of it
	alone   map[int]bool            // by position, of operations of batches: asked for by themselves
	named   map[int][]workload.Name // by position, of puts that replace values: which
	reading wire.DecodeBuffer       // what was sent is read with, to see whether it can be
	sends   int                     // messages of members while faults lasted, if it has

	underFaults int64                       // operations issued before the faults ended
	fenced      bool                        // the reads after the fence are under way, or over
	forgotten   map[forgottenKey]kind.Value // what replicas have forgotten of keys that were deleted
	stopped     []int                       // nodes that stopped over their disks after that
}

const maxViolations = 16 // kept of one run; the first ones say it all

func (r *run) fail(v Violation) {
	if len(r.failed) < maxViolations {
		r.failed = append(r.failed, v)
	}
}

// home is the client node of a session.
func (r *run) home(session int) sim.NodeID {
	if first := r.firstWatcher(); session >= first {
		return sim.NodeID(r.setup.Nodes + r.setup.Sessions + session - first)
	}
	return sim.NodeID(r.setup.Nodes + session%r.setup.Sessions)
}

// Run runs one seed of a campaign. Should no fault take effect, or no read come
// after concurrent writes, it draws the seed's plan and faults again, with more
// faults unless the configuration forbids them; the result is that of the last
// attempt. A violation is a result, not an error.
func (rn *Runner) Run(ctx context.Context, cfg Config, seed uint64) (*Result, error) {
	return rn.seed(ctx, cfg, seed, options{})
}

// Again is Run, with the same trace, while clones of the replicas that are made on the way
// go on by themselves. It finds what depends on more than the seed, and what a clone
// shares with its original.
func (rn *Runner) Again(ctx context.Context, cfg Config, seed uint64) (*Result, error) {
	return rn.seed(ctx, cfg, seed, options{cloning: true})
}

func (rn *Runner) seed(ctx context.Context, cfg Config, seed uint64, o options) (*Result, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if cfg.Strategy == "exhaustive" {
		return rn.exhaust(ctx, cfg, seed, o)
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
		src = o.noted.begin(setup, plan, src)
		res, err := rn.run(ctx, setup, plan, src, o)
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
func (m *memory) planOf(cfg Config, seed uint64, attempt int) (Setup, []workload.Operation, error) {
	setup := draw(cfg, seed, attempt)
	rg, err := m.ring(&setup)
	if err != nil {
		return setup, nil, err
	}
	plan := workload.Draw(choice.Seeded(choice.Mix(choice.MixString(seed, "plan"), uint64(attempt))), setup.workload(), rg, &m.plan)
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
	cloning   bool  // have clones of replicas go on by themselves, see [replica.stray]
	perDelta  int64 // bytes that converging may take, see [oracle.Liveness]
	chronicle bool  // keep what replicas show as it changes
	noted     *noted
}

const (
	quietFor = 500 * sim.Millisecond
	finalGap = 5 * sim.Millisecond
)

// run runs a plan under a source of choices.
func (rn *Runner) run(ctx context.Context, s Setup, plan []workload.Operation, src choice.Source, o options) (*Result, error) {
	r, err := newRun(&rn.memory, s, plan)
	if err != nil {
		return nil, err
	}
	fences, err := rn.guarded(r, src, o)
	if err != nil {
		return nil, err
	}
	res, err := r.judge(ctx, fences, o)
	if s.long() > 1 {
		rn.letGo()
	}
	return res, err
}

// guarded is play, and makes a panic of the code under test that comes while an oracle
// looks into it a violation too. The world does not go on after that, nor is it used again.
func (rn *Runner) guarded(r *run, src choice.Source, o options) (fences []int64, err error) {
	defer func() {
		what := recover()
		if what == nil {
			return
		}
		from := origin()
		if r.world == nil || !underTest(from) {
			panic(what)
		}
		r.fail(Violation{Oracle: "panic", Kind: "looking", Node: -1, Message: fmt.Sprintf("the store panics while it is looked into: %v%s", what, from)})
		rn.world, fences, err = nil, nil, nil
	}()
	return rn.play(r, src, o)
}

// play runs a run until it has come to rest, and returns when it had.
func (rn *Runner) play(r *run, src choice.Source, o options) (fences []int64, err error) {
	world, err := rn.prepare(r, src, o)
	if err != nil {
		return nil, err
	}
	r.world = world
	r.liveness.PerDelta, r.cloning = o.perDelta, o.cloning
	if r.liveness.PerByte = 0; r.setup.Log > 0 && r.setup.long() > 1 { // snapshots go both ways, and once more
		r.liveness.PerByte = oracle.BytesPerByteOfShortLogs
	}
	if r.setup.Persist > 0 && o.perDelta == 0 { // deltas beyond that are put off, and offered again with each round
		r.liveness.PerDelta = oracle.BytesPerDelta * int64(r.setup.long())
	}
	if o.chronicle {
		r.chronicle = &oracle.Chronicle{Now: world.Now}
		r.chronicle.Begin(r)
		r.oracles = append(r.oracles, r.chronicle)
	}
	for i := range r.ops {
		if err := world.Inject(r.ops[i].At, r.home(r.ops[i].Session), r.ops[i].ID); err != nil {
			return nil, err
		}
	}
	horizon := sim.Time(r.setup.HorizonMS) * sim.Millisecond
	if err := r.move(world, horizon); err != nil {
		return nil, err
	}
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
func (r *run) add(o workload.Operation) {
	r.ops = append(r.ops, o)
	r.recorded, r.fates, r.sides = append(r.recorded, history.Op{}), append(r.fates, fateNone), append(r.sides, sided{})
}

// at is the position of an operation, or -1.
func (r *run) at(id uint64) int { return position(r.ops, r.planned, id) }

// position is that of an operation in a plan of so many operations with the reads
// after the fence behind them, or -1. Mostly ids count from 1.
func position(ops []workload.Operation, planned int, id uint64) int {
	if id >= workload.FirstFinal {
		if i := planned + int(id-workload.FirstFinal); i < len(ops) {
			return i
		}
		return -1
	}
	if i := int(id) - 1; i >= 0 && i < planned && ops[i].ID == id {
		return i
	}
	i, found := slices.BinarySearchFunc(ops[:planned], id, func(o workload.Operation, id uint64) int { return cmp.Compare(o.ID, id) })
	if !found {
		return -1
	}
	return i
}

func newRun(m *memory, s Setup, plan []workload.Operation) (*run, error) {
	r := &run{memory: m, setup: s, planned: len(plan)}
	r.saw = r.saw[:0]
	r.ops = append(r.ops[:0], plan...)
	r.recorded = append(r.recorded[:0], make([]history.Op, len(plan))...)
	r.fates, r.sides = append(r.fates[:0], make([]fate, len(plan))...), append(r.sides[:0], make([]sided, len(plan))...)
	var err error
	r.shrinking, m.deletes.Tagged = workload.Deletes(plan), s.Tagged
	if r.level, err = s.level(); err != nil {
		return nil, err
	}
	if r.ring, err = m.ring(&s); err != nil {
		return nil, err
	}
	if r.begins = r.ring; r.Moves() {
		if r.begins, err = s.first(); err != nil {
			return nil, err
		}
	}
	r.decided = member.View{Members: member.Of(r.begins)}
	if r.kinds, err = m.kinds(&s); err != nil {
		return nil, err
	}
	m.storage.Log, m.storage.Waiting, m.storage.CheckpointBytes = s.Log, s.Waiting, s.CheckpointBytes
	m.availability.Waiting, m.availability.HandOver, m.availability.ValueBytes = s.Waiting, s.HandOver, s.ValueBytes
	m.availability.Persist, m.storage.CacheBytes = s.Persist, s.CacheBytes
	m.monotonic.Every = s.long()
	m.storage.Forgets, m.forgetting.Clocks = s.forgets(), s.Faults[sim.Clock] != sim.Off
	m.refused.Spoiled = s.Hostile || s.mixed() || s.Faults[sim.Corrupt] != sim.Off
	r.oracles = m.watchers.always(r.oracles[:0])
	if s.Seed%4 == 0 && !r.Moves() { // it looks at every value whenever something has become visible
		r.oracles = append(r.oracles, &m.monotonic)
	}
	r.tell(func(o oracle.Oracle) { o.Begin(r) })
	return r, nil
}

// prepare makes the world of a run.
func (rn *Runner) prepare(r *run, src choice.Source, o options) (*sim.World, error) {
	s := &r.setup
	nodes := s.Nodes + s.Sessions + s.Watchers
	if s.Hostile {
		nodes, r.hostile = nodes+1, rn.hostileOne(r)
	}
	if s.Elastic != nil {
		nodes, r.monitor = nodes+1, rn.monitorOne(r)
	}
	if err := rn.net.Reset(s.links()); err != nil {
		return nil, err
	}
	factory := func(n sim.NodeID) sim.Actor {
		if int(n) < s.Nodes {
			return rn.replica(r, n, rn.logs[n])
		}
		if s.Hostile && n == r.hostileNode() {
			return r.hostile
		}
		if r.monitor != nil && n == r.monitorNode() {
			return r.monitor
		}
		if i := int(n) - s.Nodes - s.Sessions; i >= 0 {
			return rn.watcher(r, i)
		}
		return rn.client(r, int(n)-s.Nodes)
	}
	opts := sim.Options{
		Nodes:    nodes,
		Source:   src,
		Net:      &rn.net,
		Factory:  factory,
		Programs: s.programs(factory),
		Device: func(n sim.NodeID) sim.Device {
			if int(n) < s.Nodes {
				return rn.log(r, n)
			}
			return nil
		},
		Absent:        s.absent(),
		Crash:         sim.CrashOptions{Level: s.Faults[sim.Crash], Nodes: s.Nodes},
		DiskFaults:    s.Faults[sim.Disk],
		ProcessFaults: s.trouble(),
		Quiet:         quietFor,
		Limits:        sim.Limits{MessageBytes: wire.MaxMessage}, // an answer for several keys may have half as much
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

// settle waits for the cluster to come to rest, which it must, and then has every
// replica read once more, and every session of which reads wait. It returns the time of the fence, if
// there was rest.
func (r *run) settle() ([]int64, error) {
	if !r.rest(false) {
		return nil, r.err
	}
	fence := int64(r.world.Now())
	r.fenced = true
	keys := workload.Keys(r.ops)
	at := r.world.Now() + finalGap
	for _, k := range keys {
		for i, owner := range r.ring.Owners(r.ring.PartitionOf(k.Name)) {
			if err := r.readOnce(at, r.setup.Sessions+i, int(owner), k); err != nil {
				return nil, err
			}
		}
		at += finalGap
	}
	if r.level.Waits() {
		if err := r.readPasts(at, keys); err != nil {
			return nil, err
		}
	}
	r.rest(true)
	return []int64{fence}, nil
}

// readPasts has each session read a key of each partition, at one of its owners: what the
// session depends on there must have come.
func (r *run) readPasts(at sim.Time, keys []workload.Key) error {
	of := make([][]workload.Key, r.ring.Partitions())
	for _, k := range keys {
		p := r.ring.PartitionOf(k.Name)
		of[p] = append(of[p], k)
	}
	for s := range r.setup.Sessions {
		for p, keys := range of {
			if len(keys) == 0 {
				continue
			}
			owners := r.ring.Owners(ring.Partition(p))
			if err := r.readOnce(at, s, int(owners[(s+p)%len(owners)]), keys[s%len(keys)]); err != nil {
				return err
			}
		}
	}
	return nil
}

// readOnce has a session read a key after the fence.
func (r *run) readOnce(at sim.Time, session, node int, k workload.Key) error {
	o := workload.Operation{
		ID: workload.FirstFinal + uint64(len(r.ops)-r.planned), At: at, Session: session, Node: node, Func: history.Read, Type: k.Type, Key: k.Name,
	}
	r.add(o)
	return r.world.Inject(at, r.home(session), o.ID)
}
