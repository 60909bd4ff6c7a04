package elastic_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs"
	"github.com/joinery-go/joinery/kvs/elastic"
	"github.com/joinery-go/joinery/kvs/member"
	"github.com/joinery-go/joinery/kvs/policy"
	"github.com/joinery-go/joinery/kvs/ring"
)

// model is a store as a controller sees one: nodes that go by views and tell each other of them, and
// serve a load whose requests take longer the busier a node is. It moves in steps.
type model struct {
	t      *testing.T
	rand   *rand.Rand
	o      elastic.Options
	nodes  []*modelNode
	load   []float64                    // requests a second, by partition
	places map[uint64]*member.Placement // by the name of a view
	bytes  []uint64                     // stored, by partition; nil is 100 of each that was used
	lose   int                          // of ten messages
	now    uint64                       // milliseconds

	controllers []*elastic.Controller
	under       []modelFlight // messages that are under way
	decided     []decided     // by any controller
	asked       member.View   // what nodes were asked for, and took
	most        int           // nodes of memory that there were at once
	mostOnDisk  int
}

type decided struct {
	at uint64
	elastic.Decision
}

// modelNode is a node of a model.
type modelNode struct {
	id       ring.NodeID
	view     member.View
	origin   uint64
	phase    int // steps in the present phase
	up       float64
	busy     float64
	took     float64
	total    float64
	requests []float64 // by partition
}

// modelFlight is a message under way: a sample, or an ask.
type modelFlight struct {
	due    uint64
	to     *elastic.Controller
	sample *elastic.Sample
	ask    *elastic.Ask
}

const (
	stepMS  = 50
	costUS  = 1000 // of a request
	periods = 200  // that a steady load may take

	modelDisks    = 100 // the first number of a node of the disk tier
	modelCapacity = 1 << 20
)

func targets() policy.Targets {
	return policy.Targets{
		LatencyMS: 5, StorageHigh: 0.8, StorageLow: 0.4, BusyHigh: 0.7, BusyLow: 0.2,
		MinFactor: 2, MaxNodes: [2]int{8, 0}, Promote: 2, Demote: 1, Settle: 2, MaxMoves: 16,
	}
}

func newModel(t *testing.T, nodes, partitions int, seed uint64) *model {
	return newTieredModel(t, nodes, partitions, seed, 0)
}

// newTieredModel is newModel with so many nodes on disk at most, of which there are none yet.
func newTieredModel(t *testing.T, nodes, partitions int, seed uint64, onDisk int) *model {
	m := &model{t: t, rand: rand.New(rand.NewPCG(seed, 17)), load: make([]float64, partitions), places: map[uint64]*member.Placement{}}
	var ids []ring.NodeID
	for n := range nodes {
		ids = append(ids, ring.NodeID(n))
	}
	rg, err := ring.Tiered(ids, partitions, 2, modelDisks, nil)
	require.NoError(t, err)
	m.o = elastic.Options{Ring: rg, Targets: targets(), PeriodMS: 500, AskMS: 100}
	m.o.Targets.MaxNodes[policy.Disk] = onDisk
	for _, n := range ids {
		m.nodes = append(m.nodes, &modelNode{id: n, view: member.View{Members: member.Of(rg)}, origin: 1, requests: make([]float64, partitions)})
	}
	m.asked = member.View{Members: member.Of(rg)}
	m.controller()
	return m
}

// controller has one more controller, or another one in place of the first.
func (m *model) controller() *elastic.Controller {
	c, err := elastic.New(m.o)
	require.NoError(m.t, err)
	m.controllers = append(m.controllers, c)
	return c
}

// truth is the join of all that nodes go by.
func (m *model) truth() (v member.View) {
	for _, n := range m.nodes {
		v = v.Raise(n.view)
	}
	return v
}

func (m *model) lost() bool { return m.rand.IntN(10) < m.lose }

// send has a message arrive later, or not, or twice.
func (m *model) send(f modelFlight) {
	for range 2 {
		if f.due = m.now; m.lose > 0 {
			f.due += uint64(m.rand.IntN(20 * stepMS))
		}
		if !m.lost() {
			m.under = append(m.under, f)
		}
		if m.lose == 0 || m.rand.IntN(5) > 0 {
			return
		}
	}
}

// step lets a while pass.
func (m *model) step() {
	m.now += stepMS
	m.serve()
	m.gossip()
	m.live()
	for _, c := range m.controllers {
		for _, n := range m.nodes {
			m.send(modelFlight{to: c, sample: m.sample(n)})
		}
		asks, d, err := c.Tick(m.now)
		require.NoError(m.t, err)
		require.LessOrEqual(m.t, len(asks), elastic.MaxAsks)
		require.Equal(m.t, d.Empty(), len(d.Why) == 0)
		if !d.Empty() {
			m.decided = append(m.decided, decided{m.now, d})
		}
		for i := range asks {
			m.send(modelFlight{ask: &asks[i]})
		}
	}
	var later []modelFlight
	for _, f := range m.under {
		switch {
		case f.due > m.now:
			later = append(later, f)
		case f.sample != nil:
			require.NoError(m.t, f.to.Observe(f.sample))
		default:
			m.take(f.ask)
		}
	}
	m.under = later
	m.bounds()
}

// take has a node take an ask as a replica does.
func (m *model) take(a *elastic.Ask) {
	for _, n := range m.nodes {
		if n.id != a.To || n.view.Members.At(n.id).Phase() == member.Gone {
			continue
		}
		if a.Event.Kind == kvs.EventFactor {
			if f, err := n.view.Factors.With(a.Event.Factor, len(m.load)); err == nil {
				n.view.Factors = f
			}
		} else if s, err := n.view.Members.With(a.Event.Change); err == nil {
			n.view.Members = s
		}
		m.asked = m.asked.Raise(n.view)
	}
}

// serve has nodes serve the load of a step, by the placement that follows from all views.
func (m *model) serve() {
	view := m.truth()
	place := m.place(view)
	const seconds = stepMS / 1000.0
	busy := map[ring.NodeID]float64{}
	for p, rate := range m.load {
		owners := place.Owners(ring.Partition(p))
		for _, n := range owners {
			busy[n] += rate / float64(len(owners)) * costUS / 1e6
		}
	}
	for _, n := range m.nodes {
		b := min(busy[n.id], 1)
		n.up += stepMS * 1000
		n.busy += b * stepMS * 1000
		for p, rate := range m.load {
			if owners := place.Owners(ring.Partition(p)); slices.Contains(owners, n.id) {
				served := rate / float64(len(owners)) * seconds
				n.requests[p] += served
				n.total += served
				n.took += served * costUS / (1 - min(b, 0.98))
			}
		}
	}
}

// place is the placement by a view.
func (m *model) place(v member.View) *member.Placement {
	name := v.Name()
	if m.places[name] == nil {
		place, err := v.PlaceBy(m.o.Ring)
		require.NoError(m.t, err)
		m.places[name] = place
	}
	return m.places[name]
}

func (m *model) sample(n *modelNode) *elastic.Sample {
	s := &elastic.Sample{
		Node: n.id, View: member.View{Members: n.view.Members.Clone(), Factors: n.view.Factors.Clone()}, Settled: !n.view.Members.Moving(),
		UpUS: uint64(n.up), BusyUS: uint64(n.busy), TookUS: uint64(n.took), Capacity: modelCapacity,
		Demand: kvs.Demand{Origin: n.origin},
	}
	place := m.place(n.view)
	for p, x := range n.requests {
		bytes := uint64(100)
		if m.bytes != nil {
			if bytes = m.bytes[p]; !place.Owns(n.id, ring.Partition(p)) {
				bytes = 0
			}
		}
		if x > 0 || m.bytes != nil {
			s.Demand.Partitions = append(s.Demand.Partitions, kvs.PartitionDemand{Partition: ring.Partition(p), Served: uint64(x), Bytes: bytes})
			s.Demand.Served += uint64(x)
		}
	}
	return s
}

// gossip has each node tell another one of its view.
func (m *model) gossip() {
	for _, n := range m.nodes {
		to := m.nodes[m.rand.IntN(len(m.nodes))]
		if !m.lost() && m.rand.IntN(2) == 0 {
			to.view = to.view.Raise(n.view)
		}
	}
}

// live has nodes start that are to join, say that they are active, and that they are gone.
func (m *model) live() {
	for _, e := range m.truth().Members {
		if !slices.ContainsFunc(m.nodes, func(n *modelNode) bool { return n.id == e.Key }) {
			view := member.View{Members: member.Of(m.o.Ring).Raised(e.Key, member.In(1, member.Joining))}
			m.nodes = append(m.nodes, &modelNode{id: e.Key, view: view, origin: 1, requests: make([]float64, len(m.load))})
		}
	}
	for _, n := range m.nodes {
		at := n.view.Members.At(n.id)
		if at.Phase() == member.Joining || at.Phase() == member.Leaving {
			if n.phase++; n.phase > 5 {
				n.view.Members = n.view.Members.Raised(n.id, at+1)
				n.phase = 0
			}
		}
	}
}

// bounds holds the store to the least and the most nodes, and all that nodes go by to what was
// decided.
func (m *model) bounds() {
	m.t.Helper()
	v := m.truth()
	live := v.Members.In(member.Joining, member.Active, member.Leaving)
	inMemory, onDisk := byTier(live)
	m.most, m.mostOnDisk = max(m.most, len(inMemory)), max(m.mostOnDisk, len(onDisk))
	require.LessOrEqual(m.t, len(inMemory), m.o.Targets.MaxNodes[policy.Memory], "%v", v.Members)
	require.LessOrEqual(m.t, len(onDisk), m.o.Targets.MaxNodes[policy.Disk], "%v", v.Members)
	stay, _ := byTier(v.Members.In(member.Active))
	require.GreaterOrEqual(m.t, len(stay), m.o.Targets.MinFactor, "%v", v.Members)
	require.NoError(m.t, v.Factors.Lawful(len(m.load), m.o.Targets.MinFactor))
	for _, f := range v.Factors {
		require.Equal(m.t, m.asked.Factors.At(f.Key), f.Val, "partition %d", f.Key)
		require.GreaterOrEqual(m.t, f.Val.Replicas()+f.Val.Disk(), 1)
		require.LessOrEqual(m.t, f.Val.Replicas(), m.o.Targets.MaxNodes[policy.Memory])
		require.LessOrEqual(m.t, f.Val.Disk(), m.o.Targets.MaxNodes[policy.Disk])
	}
}

// byTier are nodes of either tier.
func byTier(nodes []ring.NodeID) (inMemory, onDisk []ring.NodeID) {
	for _, n := range nodes {
		if n < modelDisks {
			inMemory = append(inMemory, n)
		} else {
			onDisk = append(onDisk, n)
		}
	}
	return inMemory, onDisk
}

// settle lets time pass until nothing was decided for a while, and everything holds.
func (m *model) settle() (lasted uint64) {
	m.t.Helper()
	from, last := m.now, m.now
	for m.now < last+20*m.o.PeriodMS {
		require.Less(m.t, m.now-from, periods*m.o.PeriodMS, "decisions do not come to an end: %+v", m.decided[max(0, len(m.decided)-8):])
		before := len(m.decided)
		m.step()
		if len(m.decided) > before || !m.controllers[0].Holds() || m.truth().Members.Moving() {
			last = m.now
		}
	}
	return last - from
}

// slow is how long requests take at the busiest node.
func (m *model) slow() (ms float64) {
	place := m.place(m.truth())
	busy := map[ring.NodeID]float64{}
	for p, rate := range m.load {
		owners := place.Owners(ring.Partition(p))
		for _, n := range owners {
			busy[n] += rate / float64(len(owners)) * costUS / 1e6
			ms = max(ms, costUS/1000/(1-min(busy[n], 0.98)))
		}
	}
	return ms
}
