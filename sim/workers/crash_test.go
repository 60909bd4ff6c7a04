package workers

import (
	"flag"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/gen/choice"
	kw "github.com/joinery-go/joinery/kvs/workers"
	"github.com/joinery-go/joinery/sim"
	"github.com/joinery-go/joinery/sim/campaign"
)

var (
	everySet = flag.Bool("workers-every-set", false, "crash every set of nodes at every step, not only single ones, or all where there is a rescale")
	midCrash = flag.Int("workers-mid-crash", 0, "engine effects: so many schedules with a crash between two effects of a step")
)

// small is a system of two workers, a coordinator and a source.
var small = layout{2, 1, 1}

// smallOps are its operations: on one key, across workers, one that is rolled back, and a
// change of the number of workers.
func smallOps(rescale bool) []campaign.Op {
	at := func(ms int, node sim.NodeID, name, keys, arg string) campaign.Op {
		return campaign.Op{At: sim.Time(ms) * sim.Millisecond, Node: node, Func: name, Key: keys, Arg: arg}
	}
	src := small.source(0)
	ops := []campaign.Op{
		at(25, src, "add", "k0", "5"), at(26, src, "move", "k0,k1,k2", "2"), at(40, src, "scale", "k1", "1"),
		at(41, src, "move", "k2,k0", "9"), at(60, src, "rotate", "k0,k1,k3", "3"),
	}
	if rescale {
		ops = append(ops, at(75, small.coordinator(0), "rescale", "", "1"))
	}
	for i := range ops {
		ops[i].ID = uint64(i + 1)
	}
	return ops
}

// smallRun is a run of the small system, on a network without faults.
type smallRun struct {
	t testing.TB
	s *system
	w *sim.World
}

func newSmallRun(t testing.TB, ops []campaign.Op) *smallRun {
	s, err := newSystem(small, kw.Config{Partitions: 4, Sources: 1, Interval: 1, Pending: 2, Window: 2, Retain: 1, CollectEvery: 1}, "memory", 2, 4,
		func(id uint64) campaign.Op { return ops[id-1] })
	require.NoError(t, err)
	s.point = func(string) {}
	w, err := sim.New(sim.Options{Nodes: small.nodes(), Factory: s.actor, Device: s.device, Source: choice.Benign})
	require.NoError(t, err)
	for _, o := range ops {
		require.NoError(t, w.Inject(o.At, o.Node, o.ID))
	}
	return &smallRun{t, s, w}
}

// finish runs on until all has come about that must.
func (r *smallRun) finish(what string) {
	ops := sim.Time(80) * sim.Millisecond
	for r.w.Now() < 4*sim.Second {
		more, err := r.w.Step()
		require.NoError(r.t, err, what)
		require.True(r.t, more, what)
		require.NoError(r.t, r.s.wrong, what)
		if r.w.Now() > ops && r.s.done(r.w) {
			require.NoError(r.t, r.s.checkTwin(r.w), what)
			return
		}
	}
	r.t.Fatalf("%s: not done after 4s", what)
}

// TestCrashAtEveryStep: at every step of a small run each node crashes, and at every step of
// one in which the number of workers changes, all; with -workers-every-set every set of them
// in both.
func TestCrashAtEveryStep(t *testing.T) {
	for _, rescale := range []bool{false, true} {
		ops := smallOps(rescale)
		r := newSmallRun(t, ops)
		r.finish("without a crash")
		steps := r.w.Events()
		sets := []int{1, 2, 4, 8} // one node
		if rescale {
			sets = []int{15} // all
		}
		if *everySet {
			sets = nil
			for set := 1; set < 1<<small.nodes(); set++ {
				sets = append(sets, set)
			}
		}
		runs := 0
		for _, set := range sets {
			for step := int64(1); step < steps; step++ {
				r := newSmallRun(t, ops)
				for range step {
					_, err := r.w.Step()
					require.NoError(t, err)
				}
				for n := range small.nodes() {
					if set>>n&1 == 1 {
						require.NoError(t, r.w.Crash(sim.NodeID(n)))
					}
				}
				require.NoError(t, r.w.RunUntil(r.w.Now()+15*sim.Millisecond))
				for n := range small.nodes() {
					require.NoError(t, r.w.Restart(sim.NodeID(n)))
				}
				r.finish(fmt.Sprintf("rescale %v: nodes %b crash after step %d", rescale, set, step))
				runs++
			}
		}
		t.Logf("rescale %v: %d crashes at %d steps", rescale, runs, steps-1)
	}
}

// TestCrashWithinEveryStep is for -workers-mid-crash: every schedule of a plan with one crash
// between two effects of a step, such as writes to a disk or the object store, and messages.
func TestCrashWithinEveryStep(t *testing.T) {
	if *midCrash == 0 {
		return
	}
	p := Protocol("memory")
	p.Setup.Faults = campaign.Bears(sim.MidCrash)
	p.Setup.Horizon = 200 * sim.Millisecond
	p.Plan = func(p *campaign.Plan) {
		for i, o := range smallOps(false) {
			o.Node = whole.source(i % maxSources)
			p.Add(o)
		}
	}
	p.Vary = func(s *campaign.Setup, _ *campaign.Draw) {
		for name, v := range map[string]int{"workers": 2, "partitions": 4, "interval": 1, "pending": 2, "window": 2, "retain": 1, "collect": 1} {
			s.SetParam(name, v)
		}
	}
	x, err := p.Explore(t.Context(), campaign.ExploreOptions{Faults: 1, MaxSchedules: *midCrash})
	require.NoError(t, err)
	t.Logf("%d schedules, %d points, complete: %v", x.Schedules, x.Points, x.Complete)
	for _, res := range x.Failures {
		t.Fatalf("%v", res.Violations[0])
	}
}
