package elastic_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs"
	"github.com/joinery-go/joinery/kvs/elastic"
	"github.com/joinery-go/joinery/kvs/member"
	"github.com/joinery-go/joinery/kvs/policy"
	"github.com/joinery-go/joinery/kvs/ring"
)

// desk is a controller whose reports are written by hand: three nodes, two partitions, a period of a
// second.
type desk struct {
	t       *testing.T
	c       *elastic.Controller
	ring    *ring.Ring
	views   map[ring.NodeID]member.View
	origin  map[ring.NodeID]uint64
	seconds uint64
	decided elastic.Decision // in the last period
}

func newDesk(t *testing.T, nodes int, change func(o *elastic.Options)) *desk {
	var ids []ring.NodeID
	for n := range nodes {
		ids = append(ids, ring.NodeID(n))
	}
	rg, err := ring.New(ids, 2, 2)
	require.NoError(t, err)
	o := elastic.Options{Ring: rg, Targets: targets(), PeriodMS: 1000, AskMS: 1000}
	if change != nil {
		change(&o)
	}
	c, err := elastic.New(o)
	require.NoError(t, err)
	d := &desk{t: t, c: c, ring: rg, views: map[ring.NodeID]member.View{}, origin: map[ring.NodeID]uint64{}}
	for _, n := range ids {
		d.views[n] = member.View{Members: member.Of(rg)}
	}
	return d
}

// period has nodes report that are busy for so many percent, all with the first partition and in so
// many milliseconds a request, and the controller be asked; -1 is a node that is silent.
func (d *desk) period(ms uint64, busy ...int) []elastic.Ask {
	d.t.Helper()
	for n, percent := range busy {
		if percent >= 0 {
			require.NoError(d.t, d.c.Observe(d.report(ring.NodeID(n), ms, uint64(percent))))
		}
	}
	asks, decided, err := d.c.Tick(d.seconds * 1000)
	require.NoError(d.t, err)
	d.decided = decided
	d.seconds++
	return asks
}

// report is of a node that was so from the start of its incarnation on.
func (d *desk) report(n ring.NodeID, ms, percent uint64) *elastic.Sample {
	up := d.seconds + 1
	served := up * percent * 10
	s := &elastic.Sample{
		Node: n, View: d.views[n], Settled: true, Capacity: 1000,
		UpUS: up * 1e6, BusyUS: up * percent * 1e4, TookUS: served * ms * 1000, Demand: kvs.Demand{Origin: 1 + d.origin[n], Served: served},
	}
	if served > 0 {
		s.Demand.Partitions = []kvs.PartitionDemand{{Partition: 0, Served: served, Keys: 1, Bytes: 10}}
	}
	return s
}

func factor(p ring.Partition, epoch uint32, replicas int) member.Factors {
	return member.Factors{{Key: p, Val: member.FactorOf(epoch, replicas)}}
}

// to names who is asked for what.
func to(asks []elastic.Ask) (out []string) {
	for _, a := range asks {
		what := fmt.Sprint(a.Event.Factor)
		if a.Event.Kind == kvs.EventMember {
			what = fmt.Sprintf("%v in life %d", a.Event.Change, a.Event.Change.Life)
		}
		out = append(out, fmt.Sprintf("node %d: %s", a.To, what))
	}
	return out
}

// TestAskedUntilItHolds: what is decided is asked of one node after the other, until one of them goes
// by it; nothing else is decided before. It is asked for again once the only node that did has lost
// it.
func TestAskedUntilItHolds(t *testing.T) {
	d := newDesk(t, 3, nil)
	require.Empty(t, d.period(9, 95, 60, 30))
	assert.Equal(t, []string{"node 0: partition 0: 3 replicas by decision 1"}, to(d.period(9, 95, 60, 30)))
	assert.Equal(t, []member.Decision{{Partition: 0, Epoch: 1, Replicas: 3}}, d.decided.Factors)
	assert.NotEmpty(t, d.decided.Why)
	for i := range 7 {
		assert.Equal(t, []string{fmt.Sprintf("node %d: partition 0: 3 replicas by decision 1", (1+i)%3)}, to(d.period(9, 95, 95, 95)))
		assert.True(t, d.decided.Empty(), "more nodes, but not now")
		assert.False(t, d.c.Holds())
	}
	v := d.views[2]
	d.views[2] = member.View{Members: v.Members, Factors: factor(0, 1, 3)}
	assert.Empty(t, d.period(1, 50, 50, 50))
	assert.True(t, d.c.Holds())
	d.views[2] = v
	d.origin[2]++
	assert.Equal(t, []string{"node 2: partition 0: 3 replicas by decision 1"}, to(d.period(1, 50, 50, 50)))
	d.views[0] = member.View{Members: v.Members, Factors: factor(0, 2, 2)} // somebody else has decided
	assert.Empty(t, d.period(1, 50, 50, 50))
	assert.True(t, d.c.Holds())
}

// TestWhoJoinsIsNotHeard: that a node joins, or has joined, does not hold for its own saying so, nor is
// it asked, before another one knows.
func TestWhoJoinsIsNotHeard(t *testing.T) {
	d := newDesk(t, 3, func(o *elastic.Options) { o.Last = 3 })
	d.views[0] = member.View{Members: d.views[0].Members, Factors: factor(0, 1, 3)}
	d.period(9, 95, 95, 95)
	asked := []string{"node 0: node 3 joining in life 1"}
	require.Equal(t, asked, to(d.period(9, 95, 95, 95)))
	d.views[3] = member.View{Members: member.Of(d.ring).Raised(3, member.In(1, member.Joining))}
	for i := range 6 {
		assert.Equal(t, []string{fmt.Sprintf("node %d: node 3 joining in life 1", (1+i)%3)}, to(d.period(9, 95, 95, 95, 0)))
		if i == 2 {
			d.views[3] = member.View{Members: d.views[3].Members.Raised(3, member.In(1, member.Active))}
		}
	}
	d.views[1] = member.View{Members: d.views[3].Members}
	assert.NotContains(t, fmt.Sprint(to(d.period(9, 95, 95, 95, 0))), "joining")
}

// TestGivenUp: what no node takes, however often it is asked for, is not in the way of what is to be
// decided later.
func TestGivenUp(t *testing.T) {
	d := newDesk(t, 3, nil)
	d.period(9, 95, 60, 30)
	n := 0
	for !d.c.Holds() || n == 0 {
		n += len(d.period(9, 95, 60, 30))
		require.Less(t, n, 100)
	}
	assert.Equal(t, 64, n)
	assert.Empty(t, d.c.Goal().Factors)
	assert.Len(t, d.period(9, 95, 60, 30), 1, "it is still due")
}

// TestNumberAfterTheGreatest: a decision has the number after the greatest that was reported.
func TestNumberAfterTheGreatest(t *testing.T) {
	d := newDesk(t, 3, nil)
	d.views[1] = member.View{Members: d.views[1].Members, Factors: factor(0, 41, 2)}
	d.views[2] = member.View{Members: d.views[2].Members, Factors: factor(0, 7, 2)}
	d.period(9, 95, 60, 30)
	assert.Equal(t, []string{"node 0: partition 0: 3 replicas by decision 42"}, to(d.period(9, 95, 60, 30)))
	last := newDesk(t, 3, nil)
	last.views[1] = member.View{Members: last.views[1].Members, Factors: factor(0, member.MaxEpoch, 2)}
	last.period(9, 95, 60, 30)
	assert.Empty(t, last.period(9, 95, 60, 30), "there is no number after it")
}

// TestNodesJoin: nodes that are added have the numbers after the greatest that was used, and a number
// of which nothing was reported counts as a node.
func TestNodesJoin(t *testing.T) {
	d := newDesk(t, 3, nil)
	d.period(9, 95, 95, 95)
	assert.Equal(t, []string{
		"node 0: node 3 joining in life 1", "node 0: node 4 joining in life 1", "node 0: node 5 joining in life 1", "node 0: partition 0: 3 replicas by decision 1",
	}, to(d.period(9, 95, 95, 95)))
	assert.Equal(t, []ring.NodeID{3, 4, 5}, d.decided.Join)
	for most := range 5 { // each counts once, also those of the same decision
		d = newDesk(t, 3, func(o *elastic.Options) { o.Targets.MaxNodes[policy.Memory] = 3 + most })
		d.period(9, 95, 95, 95)
		d.period(9, 95, 95, 95)
		assert.Len(t, d.decided.Join, min(most, 3))
	}

	for gone, want := range map[ring.NodeID][]ring.NodeID{3: {8}, 6: {8}, 9: nil} {
		d = newDesk(t, 3, nil)
		v := d.views[1]
		v.Members = v.Members.Raised(7, member.In(1, member.Active))
		if gone < 7 {
			v.Members = v.Members.Raised(gone, member.In(1, member.Gone))
		}
		v.Factors = factor(0, 1, 8) // nothing is left to be done but to add nodes
		d.views[1] = v
		d.period(9, 95, 95, 95, -1, -1, -1, -1, 95)
		d.period(9, 95, 95, 95, -1, -1, -1, -1, 95)
		assert.Equal(t, want, d.decided.Join, "node %d is gone: of 0 to 7, where 8 may be at once", gone)
	}
}

// TestNoMachine: a node that there is no machine for is not added.
func TestNoMachine(t *testing.T) {
	d := newDesk(t, 3, func(o *elastic.Options) { o.Last = 4 })
	d.period(9, 95, 95, 95)
	d.period(9, 95, 95, 95)
	assert.Equal(t, []ring.NodeID{3, 4}, d.decided.Join)
}

// TestNobodyJoinsOrLeavesMeanwhile: while a node joins or leaves, or a replica has not settled,
// nothing is decided.
func TestNobodyJoinsOrLeavesMeanwhile(t *testing.T) {
	for _, phase := range []member.Phase{member.Joining, member.Leaving} {
		d := newDesk(t, 4, nil)
		v := d.views[0]
		v.Members = v.Members.Raised(3, member.In(2, phase))
		d.views[0] = v
		for range 5 {
			assert.Empty(t, d.period(9, 95, 95, 95, 95))
			assert.Empty(t, d.period(1, 1, 1, 1, 1))
		}
	}
	d := newDesk(t, 3, nil)
	for range 3 {
		s := d.report(1, 9, 95)
		s.Settled = false
		require.NoError(t, d.c.Observe(s))
		assert.Empty(t, d.period(9, 95, -1, 95))
	}
}

// TestTheYoungestLeaves: whoever has least to do, the node with the greatest number leaves; there are
// no fewer than a partition has replicas, and no two leave at once.
func TestTheYoungestLeaves(t *testing.T) {
	d := newDesk(t, 4, nil)
	d.period(1, 1, 2, 3, 9)
	assert.Equal(t, []string{"node 0: node 3 leaving in life 1"}, to(d.period(1, 1, 2, 3, 9)))
	assert.Equal(t, []ring.NodeID{3}, d.decided.Leave)
	v := d.views[0]
	v.Members = v.Members.Raised(3, member.In(1, member.Leaving))
	for n := range d.views {
		d.views[n] = v
	}
	for range 5 {
		assert.Empty(t, d.period(1, 1, 2, 3, 9))
	}
	v.Members = v.Members.Raised(3, member.In(1, member.Gone))
	for n := range d.views {
		d.views[n] = v
	}
	var left []ring.NodeID
	for range 9 {
		d.period(1, 1, 2, 3)
		left = append(left, d.decided.Leave...)
	}
	assert.Equal(t, []ring.NodeID{2}, left)
	v.Members = v.Members.Raised(2, member.In(1, member.Gone))
	for n := range d.views {
		d.views[n] = v
	}
	for range 9 {
		assert.Empty(t, d.period(1, 1, 2), "two remain")
	}
}

// TestLeavesAgain: a node that has left, and has lost with its disk that it did before another one
// knew, is to leave again.
func TestLeavesAgain(t *testing.T) {
	d := newDesk(t, 3, nil)
	d.period(1, 1, 1, 1)
	require.Equal(t, []string{"node 0: node 2 leaving in life 1"}, to(d.period(1, 1, 1, 1)))
	v := d.views[2]
	d.views[2] = member.View{Members: v.Members.Raised(2, member.In(1, member.Gone))}
	asked := []string{}
	for range 3 {
		asked = append(asked, to(d.period(1, 1, 1, 1))...)
		d.views[2] = v
	}
	assert.Equal(t, []string{"node 1: node 2 leaving in life 1", "node 0: node 2 leaving in life 1", "node 1: node 2 leaving in life 1"}, asked)
	d.views[0] = member.View{Members: d.views[0].Members.Raised(2, member.In(1, member.Leaving))}
	assert.Empty(t, d.period(1, 1, 1, 1))
	assert.Empty(t, d.period(1, 1, 1, 1))
}

// TestTheYoungestStays: where the others could not store what there is, no node leaves, whether or not
// they could do without the one with least to do.
func TestTheYoungestStays(t *testing.T) {
	for leaves, capacities := range [][3]uint64{{8, 15, 60}, {20, 20, 60}} {
		d := newDesk(t, 3, nil)
		for range 4 {
			for n := range ring.NodeID(3) {
				s := d.report(n, 1, uint64(1+n)) // the first has least to do
				s.Demand.Partitions[0].Bytes, s.Capacity = 10, capacities[n]
				require.NoError(t, d.c.Observe(s))
			}
			d.period(1)
		}
		assert.Len(t, d.c.Goal().Members.In(member.Leaving), leaves, "%v", capacities)
	}
}

// TestWorkOfAnEarlierController: one that starts anew takes a partition to have its replicas for the
// work that the last of them takes, and takes them back once there is half of that.
func TestWorkOfAnEarlierController(t *testing.T) {
	for busy, want := range map[int][]member.Decision{33: nil, 27: {{Partition: 0, Epoch: 2, Replicas: 2}}} { // 1.65 and 1.35 nodes' worth, of 2.8
		d := newDesk(t, 5, nil)
		d.views[0] = member.View{Members: d.views[0].Members, Factors: factor(0, 1, 5)}
		d.period(1, busy, busy, busy, busy, busy)
		d.period(1, busy, busy, busy, busy, busy)
		assert.Equal(t, want, d.decided.Factors, "%d percent", busy)
	}
}

// TestSilence: what a silent member does is not known, so nothing is taken away while there is one;
// where requests are slow, a node and replicas are added.
func TestSilence(t *testing.T) {
	d := newDesk(t, 4, nil)
	for range 4 {
		assert.Empty(t, d.period(1, 1, 1, 1, -1))
	}
	d = newDesk(t, 4, nil)
	d.period(9, 95, 95, 95, -1)
	assert.Equal(t, []string{"node 0: node 4 joining in life 1", "node 0: partition 0: 3 replicas by decision 1"}, to(d.period(9, 95, 95, 95, -1)))
	d = newDesk(t, 3, nil)
	d.views[0] = member.View{Members: d.views[0].Members, Factors: factor(0, 1, 3)}
	for range 4 {
		d.period(9, 60, 60, -1)
		assert.Empty(t, d.decided.Factors, "three replicas are not too many for two nodes that report")
	}
	again := newDesk(t, 3, nil)
	again.period(9, 95, 60, 30)
	again.origin[1]++
	assert.Empty(t, again.period(1, 1, 1, 1), "a node that has started again is silent for a period")
}

// TestSamples: what cannot be of a node is refused, and what is late or comes twice counts once.
func TestSamples(t *testing.T) {
	d := newDesk(t, 3, nil)
	for name, spoil := range map[string]func(s *elastic.Sample){
		"no capacity":       func(s *elastic.Sample) { s.Capacity = 0 },
		"no incarnation":    func(s *elastic.Sample) { s.Demand.Origin = 0 },
		"busier than time":  func(s *elastic.Sample) { s.BusyUS = s.UpUS + 1 },
		"no such partition": func(s *elastic.Sample) { s.Demand.Partitions[0].Partition = 2 },
		"out of order": func(s *elastic.Sample) {
			s.Demand.Partitions = []kvs.PartitionDemand{{Partition: 1}, {Partition: 0}}
		},
		"no such factor": func(s *elastic.Sample) { s.View = member.View{Members: s.View.Members, Factors: factor(2, 1, 1)} },
	} {
		s := d.report(0, 9, 50)
		require.NoError(t, d.c.Observe(s))
		spoil(s)
		assert.ErrorIs(t, d.c.Observe(s), elastic.ErrSample, name)
	}
	d = newDesk(t, 3, nil)
	early := d.report(0, 9, 95)
	d.period(9, 95, 60, 30)
	for n := range ring.NodeID(3) {
		require.NoError(t, d.c.Observe(d.report(n, 9, []uint64{95, 60, 30}[n])))
	}
	require.NoError(t, d.c.Observe(early))
	assert.Len(t, d.period(9), 1)
}

// TestPartitionHasWhatItsKeysNeed: a partition is given at least as many replicas as the policy gives
// the one of its keys that it gives most.
func TestPartitionHasWhatItsKeysNeed(t *testing.T) {
	raised := 0
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 3))
		g := targets()
		const nodes = 7
		m := &policy.Metrics{LatencyMS: 9}
		for n := range nodes {
			m.Nodes = append(m.Nodes, policy.Node{ID: ring.NodeID(n), Capacity: 1000, Busy: 0.3 + 0.3*r.Float64()})
		}
		for k := range 1 + r.IntN(8) {
			m.Keys = append(m.Keys, policy.Key{Name: fmt.Sprint(k), Factor: 2, Work: 2 * r.Float64()})
		}
		most, whole := 2, policy.Key{Name: "partition", Factor: 2}
		keys, _, err := policy.Decide(m, &g, policy.State{})
		require.NoError(t, err)
		for _, f := range keys.Factors {
			most = max(most, f.Replicas)
		}
		for _, k := range m.Keys {
			whole.Work += k.Work
		}
		m.Keys = []policy.Key{whole}
		one, _, err := policy.Decide(m, &g, policy.State{})
		require.NoError(t, err)
		got := 2
		for _, f := range one.Factors {
			got = f.Replicas
		}
		require.GreaterOrEqual(t, got, most, "seed %d", seed)
		if most > 2 {
			raised++
		}
	}
	assert.Greater(t, raised, 100)
}

// TestMeter: requests that come at once wait for each other, and a server that is not done has not
// been busy for longer than there was time.
func TestMeter(t *testing.T) {
	m := elastic.Meter{CostUS: 100}
	m.Serve(1000, 3) // done after 100, 200 and 300
	m.Serve(1100, 1) // after 300
	var s elastic.Sample
	m.Read(1100, &s)
	assert.Equal(t, elastic.Sample{UpUS: 1100, BusyUS: 100, TookUS: 900}, s)
	assert.Equal(t, uint64(300), m.Waiting(1100))
	assert.Zero(t, m.Waiting(1500))
	m.Read(1500, &s)
	assert.Equal(t, elastic.Sample{UpUS: 1500, BusyUS: 400, TookUS: 900}, s)
	m.Serve(2000, 1)
	m.Read(2100, &s)
	assert.Equal(t, elastic.Sample{UpUS: 2100, BusyUS: 500, TookUS: 1000}, s)
}
