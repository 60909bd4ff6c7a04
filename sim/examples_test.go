package sim_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/gen/choice"
	"github.com/joinery-go/joinery/sim"
	"github.com/joinery-go/joinery/sim/disk"
	simnet "github.com/joinery-go/joinery/sim/net"
	"github.com/joinery-go/joinery/sim/shrink"
)

// example is a small protocol of three nodes with faults seeded into it.
type example struct {
	name   string
	nodes  func(b bug, operations int) (make func(sim.NodeID) sim.Actor, verdict func(*sim.World) string)
	at     func(id uint64) sim.NodeID // where an operation goes
	crash  int                        // how many nodes, from node 0, may crash
	seeded map[bug]string             // the faults, and what each leads to
	sound  bool                       // what is on its disks stays, for nobody has a copy
}

var examples = []example{
	{"lease", runLease, func(id uint64) sim.NodeID { return sim.NodeID(id % 2) }, 2,
		map[bug]string{leaseByWall: "two holders", leaseFromNow: "two holders"}, false},
	{"two-phase commit", runCommit, func(uint64) sim.NodeID { return 0 }, 1,
		map[bug]string{commitSendsFirst: "split", commitImpatient: "split"}, true},
}

// levels are those of all classes of a run of an example.
type levels struct {
	net           simnet.Faults
	crash, disk   sim.Level
	processFaults sim.ProcessFaultOptions
}

func drawLevels(seed uint64) levels {
	src := choice.Seeded(choice.MixString(seed, "swarm"))
	l := func(c sim.Class) sim.Level { return sim.SwarmLevel(src, c) }
	out := levels{net: simnet.SwarmAll(src), crash: l(sim.Crash), disk: l(sim.Disk)}
	out.net.Corrupt = sim.Off // the examples check no sums
	out.processFaults = sim.ProcessFaultOptions{
		Clock: l(sim.Clock), Pause: l(sim.Pause), Slow: l(sim.Slow), DiskError: l(sim.DiskError), Rot: l(sim.Rot),
	}
	return out
}

func askLevels() levels {
	low := sim.Low
	out := levels{net: simnet.AskEvery, crash: low, disk: low}
	out.net.Corrupt = sim.Off
	out.processFaults = sim.ProcessFaultOptions{Clock: low, Pause: low, Slow: low, DiskError: low, Rot: low}
	return out
}

// run runs an example and says how it failed, if it did.
func (e example) run(b bug, ops []operation, src choice.Source, l levels) (string, *sim.World, error) {
	last := uint64(0)
	for _, op := range ops {
		last = max(last, op.ID)
	}
	if e.sound {
		l.processFaults.Rot = sim.Off
	}
	makes, verdict := e.nodes(b, int(last))
	net, err := simnet.New(simnet.Options{Faults: l.net, Kinds: []sim.MsgKind{1, 2, 3, 4}})
	if err != nil {
		return "", nil, err
	}
	w, err := sim.New(sim.Options{
		Nodes: 3, Source: src, Net: net, Decisions: true, AssertKeys: true, Factory: makes,
		Crash: sim.CrashOptions{Level: l.crash, Nodes: e.crash, Grid: 20 * sim.Millisecond}, DiskFaults: l.disk, ProcessFaults: l.processFaults,
		Device: func(sim.NodeID) sim.Device { return disk.NewLog(disk.Options{Latency: 5 * sim.Millisecond}) },
	})
	if err != nil {
		return "", nil, err
	}
	for _, op := range ops {
		if err := w.Inject(op.At, e.at(op.ID), op.ID); err != nil {
			return "", nil, err
		}
	}
	if err := w.Heal(500 * sim.Millisecond); err != nil {
		return "", nil, err
	}
	if err := w.RunUntil(6 * sim.Second); err != nil {
		return "", nil, err
	}
	return verdict(w), w, nil
}

// examplePlan is a dozen operations, half a second apart at most.
func examplePlan(seed uint64) (ops []operation) {
	src := choice.Seeded(choice.MixString(seed, "plan"))
	at := sim.Time(0)
	for i := range uint64(12) {
		at += sim.Time(1+src.Choose(choice.Point{Site: "gap", Key: i, N: 60})) * sim.Millisecond
		ops = append(ops, operation{at, i + 1})
	}
	return ops
}

// TestFaultsOfExamples: each fault seeded into an example is found, repeated from
// its tape to the same trace, and shrunk, and none is found in the examples as they
// should be.
func TestFaultsOfExamples(t *testing.T) {
	var operations, exceptions, replays []int
	for _, e := range examples {
		for b, want := range e.seeded {
			found := false
			for seed := uint64(0); seed < 2000 && !found; seed++ {
				failed, w, err := e.run(b, examplePlan(seed), choice.Seeded(seed), drawLevels(seed))
				require.NoError(t, err)
				if failed == "" {
					continue
				}
				require.Equal(t, want, failed)
				found = true
				r := e.shrink(t, b, seed, failed, w)
				operations, exceptions = append(operations, len(r.Ops)), append(exceptions, len(r.Decisions))
				replays = append(replays, r.Replays)
				t.Logf("%s, fault %d: %s at seed %d, shrunk to %d operations and %v in %d replays",
					e.name, b, failed, seed, len(r.Ops), r.Decisions, r.Replays)
			}
			require.True(t, found, "%s, fault %d", e.name, b)
		}
	}
	for what, v := range map[string]struct {
		got           []int
		median, worst int
	}{"operations": {operations, 3, 6}, "exceptions": {exceptions, 2, 5}, "replays": {replays, 200, 400}} {
		slices.Sort(v.got)
		require.LessOrEqual(t, v.got[len(v.got)/2], v.median, what)
		require.LessOrEqual(t, v.got[len(v.got)-1], v.worst, what)
	}
}

func (e example) shrink(t *testing.T, b bug, seed uint64, failed string, w *sim.World) shrink.Result[operation] {
	t.Helper()
	var ds []choice.Decision
	for _, d := range w.Decisions() {
		ds = append(ds, d.Decision)
	}
	again, w2, err := e.run(b, examplePlan(seed), choice.NewReplay(ds), askLevels())
	require.NoError(t, err)
	require.Equal(t, failed, again)
	require.Equal(t, w.Hash(), w2.Hash())
	r, err := shrink.Minimise(examplePlan(seed), ds, func(ops []operation, ds []choice.Decision) (shrink.Outcome, error) {
		failed, w, err := e.run(b, ops, choice.NewReplay(ds), askLevels())
		if err != nil {
			return shrink.Outcome{}, err
		}
		return shrink.Outcome{Signature: failed, Asked: w.Decisions()}, nil
	}, shrink.Options[operation]{At: func(o operation) sim.Time { return o.At }})
	require.NoError(t, err)
	require.True(t, r.Settled)
	return r
}

// TestExamplesHold is the control of the test above.
func TestExamplesHold(t *testing.T) {
	var effective [sim.AllClasses]int
	for _, e := range examples {
		for seed := range uint64(400) {
			failed, w, err := e.run(none, examplePlan(seed), choice.Seeded(seed), drawLevels(seed))
			require.NoError(t, err)
			require.Empty(t, failed, "%s, seed %d", e.name, seed)
			for c, n := range w.Stats().Effective {
				effective[c] += min(int(n), 1)
			}
		}
	}
	for _, c := range []sim.Class{sim.Drop, sim.Duplicate, sim.Delay, sim.Partition, sim.Crash, sim.Disk, sim.Clock, sim.DiskError, sim.Pause} {
		require.Greater(t, effective[c], 20, c)
	}
}
