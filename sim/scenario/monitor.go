package scenario

import (
	"fmt"
	"slices"

	"github.com/joinery-go/joinery/kvs"
	"github.com/joinery-go/joinery/kvs/elastic"
	"github.com/joinery-go/joinery/kvs/member"
	"github.com/joinery-go/joinery/kvs/ring"
	"github.com/joinery-go/joinery/sim"
)

// monitor is the node that decides about members and factors. It does not crash as others do: its
// controllers start anew as the setup says.
type monitor struct {
	run         *run
	controllers []*elastic.Controller
	nodes       []monitored
	polled      sim.Time
	anew        int      // how often the first controller has started anew
	last        sim.Time // of the last decision, or when a node was last behind with its requests
	added       uint64   // nodes that were started, as bits
}

// monitored is the load of a node that clients bring who are not simulated: counted since its
// incarnation began.
type monitored struct {
	origin uint64
	begun  sim.Time
	meter  elastic.Meter
	core   uint64    // requests of the plan that it has served
	owed   []float64 // by partition: requests that have not come whole
	served []uint64
}

// monitorOne is the monitor of a run.
func (m *memory) monitorOne(r *run) *monitor {
	x := &monitor{run: r, nodes: make([]monitored, r.setup.Nodes)}
	x.begin(0)
	return x
}

// begin has a controller start that knows nothing.
func (m *monitor) begin(at int) {
	s := &m.run.setup
	c, err := elastic.New(elastic.Options{Ring: m.run.begins, Targets: s.targets(), PeriodMS: periodMS, AskMS: askMS, Last: ring.NodeID(s.Nodes - s.Disks - 1), LastDisk: ring.NodeID(s.Nodes - 1)})
	if err != nil {
		m.run.err = err
		return
	}
	m.controllers = slices.Replace(m.controllers, at, min(at+1, len(m.controllers)), c)
}

// Start begins to poll.
func (m *monitor) Start(c *sim.Context) { c.After(pollGap, monitorTimer) }

// Receive takes nothing: what replicas report it is told by the host.
func (m *monitor) Receive(*sim.Context, sim.NodeID, []byte) {}

// Timer polls replicas, and decides.
func (m *monitor) Timer(c *sim.Context, _ sim.TimerID) {
	c.After(pollGap, monitorTimer)
	e, ms := m.run.setup.Elastic, uint64(c.Now()/sim.Millisecond)
	if m.anew < len(e.Anew) && ms >= e.Anew[m.anew] {
		m.begin(0)
		m.anew++
		c.Mark(markMonitorAnew)
	}
	if e.Two > 0 && ms >= e.Two && len(m.controllers) == 1 {
		m.begin(1)
		c.Mark(markMonitors)
	}
	if m.run.err != nil {
		return
	}
	m.poll(c)
	m.run.settled()
	m.provide(c)
	m.bounds()
	if m.run.fenced && m.run.setup.Disks > 0 {
		return // the reads after the fence are no load for which something is promoted
	}
	for _, x := range m.controllers {
		m.decide(c, x, ms)
	}
}

// poll has nodes bear the load since the last time, and controllers told of what they measure, if
// the network lets a question and its answer through.
func (m *monitor) poll(c *sim.Context) {
	now, r := c.Now(), m.run
	for n := range m.nodes {
		x, _ := r.world.Actor(sim.NodeID(n)).(*replica)
		if x == nil || x.core == nil {
			continue
		}
		m.bear(n, x, now)
		if !r.hears(c.Self(), sim.NodeID(n)) {
			continue
		}
		s := m.sample(n, x, now)
		for _, to := range m.controllers {
			if err := to.Observe(s); err != nil {
				r.fail(Violation{Oracle: "elastic", Kind: "sample", Node: n, Message: err.Error()})
			}
		}
	}
	m.polled = now
}

// bear has a node serve its share of the load: of each partition that it serves, as much as others
// that do.
func (m *monitor) bear(n int, x *replica, now sim.Time) {
	s, of := &m.run.setup, &m.nodes[n]
	if of.origin != x.origin {
		*of = monitored{origin: x.origin, begun: now, meter: elastic.Meter{CostUS: requestUS}, owed: make([]float64, s.Partitions), served: make([]uint64, s.Partitions)}
		return
	}
	at, gap := uint64((now-of.begun)/sim.Microsecond), uint64((now-m.polled)/sim.Microsecond)
	sum := uint64(0)
	for p := range ring.Partition(s.Partitions) {
		if !x.core.Serves(p) {
			continue
		}
		share := 0
		for i := range m.nodes {
			if core := m.run.Running(ring.NodeID(i)); core != nil && core.Serves(p) {
				share++
			}
		}
		of.owed[p] += s.Elastic.load(now, p) * float64(gap) / requestUS / float64(share)
		came := uint64(of.owed[p])
		if of.owed[p] -= float64(came); of.meter.Waiting(at) > givenUp {
			continue // nobody waits for so long
		}
		of.served[p] += came
		sum += came
	}
	var d kvs.Demand
	x.core.Demand(&d)
	sum, of.core = sum+d.Served-of.core, d.Served
	for i := range sum { // one after the other since the last time
		of.meter.Serve(at-gap+gap*(i+1)/sum, 1)
	}
	if of.meter.Waiting(at) > tooLate {
		m.last = now
	}
}

// sample is what a node reports, with the load that it has borne.
func (m *monitor) sample(n int, x *replica, now sim.Time) *elastic.Sample {
	of := &m.nodes[n]
	s := elastic.Measure(x.id, x.core)
	s.Capacity = nodeBytes
	for p, came := range of.served {
		at, found := slices.BinarySearchFunc(s.Demand.Partitions, ring.Partition(p), func(d kvs.PartitionDemand, p ring.Partition) int { return int(d.Partition) - int(p) })
		if !found {
			s.Demand.Partitions = slices.Insert(s.Demand.Partitions, at, kvs.PartitionDemand{Partition: ring.Partition(p)})
		}
		s.Demand.Partitions[at].Served += came
		s.Demand.Served += came
		if x.core.Keeps(ring.Partition(p)) {
			s.Demand.Partitions[at].Bytes += m.run.setup.Elastic.bytes(now)
		}
	}
	of.meter.Read(uint64((now-of.begun)/sim.Microsecond), s)
	return s
}

// provide starts nodes that replicas have taken for such that join.
func (m *monitor) provide(c *sim.Context) {
	for _, n := range m.run.decided.Members.In(member.Joining) {
		if m.added>>n&1 == 1 {
			continue
		}
		m.added |= 1 << n
		if err := m.run.world.Join(c.Now()+sim.Millisecond, sim.NodeID(n)); err != nil {
			m.run.err = err
		}
	}
}

// decide has a controller decide, and ask.
func (m *monitor) decide(c *sim.Context, x *elastic.Controller, ms uint64) {
	r := m.run
	goal := x.Goal()
	asks, d, err := x.Tick(ms)
	if !x.Goal().Includes(goal) && !r.lost.Lossy() {
		r.fail(Violation{Oracle: "elastic", Kind: "given up", Node: -1, Message: "a monitor has given up what it had decided, which nobody takes"})
	}
	if err != nil {
		r.fail(Violation{Oracle: "elastic", Kind: "policy", Node: -1, Message: err.Error()})
	}
	if !d.Empty() {
		m.last = c.Now()
		c.Note("decides: %v join, %v leave, %v, since %v", d.Join, d.Leave, d.Factors, d.Why)
		m.mark(c, &d)
		for _, f := range d.Factors {
			m.early(f)
		}
	}
	for i := range asks {
		if !r.net.Open(c.Self(), sim.NodeID(asks[i].To)) {
			continue
		}
		r.asks = append(r.asks, asks[i])
		at := len(r.asks) - 1
		if err := r.world.Inject(c.Now()+r.delayed(at), sim.NodeID(asks[i].To), asking+uint64(at)); err != nil {
			r.err = err
		}
	}
}

// mark notes what is decided.
func (m *monitor) mark(c *sim.Context, d *elastic.Decision) {
	c.Mark(markActed)
	if len(d.Join) > 0 {
		c.Mark(markAdds)
	}
	if len(d.Leave) > 0 {
		c.Mark(markRemoves)
	}
	for _, f := range d.Factors {
		switch {
		case f.Replicas > 0 && f.Disk > 0:
			c.Mark(markBothTiers)
		case max(f.Replicas, f.Disk) > m.run.setup.Replicas:
			c.Mark(markSpreads)
		case f.Disk > 0:
			c.Mark(markDemoted)
		default:
			c.Mark(markGathers)
		}
	}
}

// bounds holds the nodes that there are, by all that replicas go by, or went by before they stopped,
// to the least and the most: that a node is gone may be known to none that runs. Where
// the only disk was lost that had a decision, one of two monitors remembers it, and the other one may
// have decided otherwise by then: neither can know.
func (m *monitor) bounds() {
	r, all := m.run, member.Of(m.run.begins)
	if r.lost.Lossy() && len(m.controllers) > 1 {
		return
	}
	for n := range r.setup.Nodes {
		if core := r.Store(ring.NodeID(n)); core != nil {
			all = all.Raise(core.View())
		}
	}
	t := r.setup.targets()
	for tier, live := range r.setup.byTier(all.In(member.Joining, member.Active, member.Leaving)) {
		if len(live) > t.MaxNodes[tier] {
			r.fail(Violation{Oracle: "elastic", Kind: "most", Node: -1, Message: fmt.Sprintf("there are nodes %v, of at most %d", live, t.MaxNodes[tier])})
		}
	}
	if stay := r.setup.byTier(all.In(member.Active))[0]; len(stay) < t.MinFactor {
		r.fail(Violation{Oracle: "elastic", Kind: "least", Node: -1, Message: fmt.Sprintf("nodes %v stay, of at least %d", stay, t.MinFactor)})
	}
}

// deciding reports whether a monitor has something left to do.
func (r *run) deciding() bool {
	if r.monitor == nil {
		return false
	}
	return r.world.Now() < r.monitor.last+decidedBefore || r.changing() || r.monitor.between() ||
		slices.ContainsFunc(r.monitor.controllers, func(c *elastic.Controller) bool { return !c.Holds() })
}

// changing reports whether a running replica knows of a node that joins or leaves.
func (r *run) changing() bool {
	for n := range r.setup.Nodes {
		if core := r.Running(ring.NodeID(n)); core != nil && core.View().Moving() && core.View().At(ring.NodeID(n)).Phase() != member.Gone {
			return true
		}
	}
	return false
}

// usedUp reports whether no node can be added to a tier: it has had the one of the greatest number, or
// one of a lesser number was decided and never taken, which a monitor that has started anew counts for
// one all the same (package elastic).
func (r *run) usedUp(tier int) bool {
	known := r.setup.byTier(r.decided.Members.In(member.Joining, member.Active, member.Leaving, member.Gone))[tier]
	first, last := ring.NodeID(0), r.setup.disks()-1
	if tier == 1 {
		first, last = r.setup.disks(), ring.NodeID(r.setup.Nodes-1)
	}
	return len(known) > 0 && (slices.Max(known) >= last || len(known) <= int(slices.Max(known)-first))
}

// atRest holds what monitors have decided to what has come of it: all of it holds, no partition that
// nobody wants has more replicas than others, and nodes that have nothing to do are gone.
func (m *monitor) atRest() {
	r := m.run
	for i, c := range m.controllers {
		goal := c.Goal()
		for _, f := range goal.Factors {
			if got := r.decided.Factors.At(f.Key); got != f.Val {
				r.fail(Violation{Oracle: "elastic", Kind: "factor", Node: i, Message: fmt.Sprintf("at rest, monitor %d goes by %v of partition %d, and replicas took %v", i, f.Val, f.Key, got)})
			}
		}
	}
	calm := r.setup.Elastic.load(r.horizonTime()+1, 0) == 0
	for p := range ring.Partition(r.setup.Partitions) {
		memory, disk := r.decided.Factors.Vector(p)
		if memory > 0 && disk > 0 {
			r.fail(Violation{Oracle: "elastic", Kind: "both", Node: -1, Message: fmt.Sprintf("at rest, partition %d has %d replicas in memory and %d on disk", p, memory, disk)})
		}
		if n := max(memory, disk); calm && n > r.setup.Replicas {
			r.fail(Violation{Oracle: "elastic", Kind: "gathered", Node: -1, Message: fmt.Sprintf("at rest, nobody wants partition %d, which has %d replicas", p, n)})
		}
	}
	for tier, nodes := range r.setup.byTier(r.ring.Nodes()) {
		if calm && len(nodes) > r.setup.Replicas {
			r.fail(Violation{Oracle: "elastic", Kind: "idle", Node: -1, Message: fmt.Sprintf("at rest, nodes %v have nothing to do, and %d are enough", nodes, r.setup.Replicas)})
		}
		if r.setup.targets().MaxNodes[tier] > 0 && len(nodes) < r.setup.Replicas && !r.usedUp(tier) {
			r.fail(Violation{Oracle: "elastic", Kind: "few", Node: -1, Message: fmt.Sprintf("at rest, there are nodes %v of a tier, and are to be %d", nodes, r.setup.Replicas)})
		}
	}
}
