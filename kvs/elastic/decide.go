package elastic

import (
	"slices"
	"strconv"

	"github.com/joinery-go/joinery/kvs/member"
	"github.com/joinery-go/joinery/kvs/policy"
	"github.com/joinery-go/joinery/kvs/ring"
)

// decide asks the policy what to do about the period that is over, and begins the next one.
func (c *Controller) decide() (Decision, error) {
	m, whole := c.measure()
	c.roll()
	if len(m.Nodes) == 0 || !whole && m.LatencyMS <= c.o.Targets.LatencyMS {
		return Decision{}, nil // what is not known might be needed
	}
	if !c.begun {
		c.begun, c.state = true, c.workedOut()
	}
	d, state, err := policy.Decide(m, &c.o.Targets, c.state)
	if err != nil {
		return Decision{}, err
	}
	c.state = state
	if !whole { // the policy does not know how many there are
		d.Add[policy.Memory] = min(d.Add[policy.Memory], 1)
	}
	return c.apply(&d, m), nil
}

// roll begins a period with what was reported last.
func (c *Controller) roll() {
	for _, n := range c.nodes {
		n.from, n.fresh = n.last, false
	}
}

// reports reports whether what is known of a node is known of this period.
func (n *node) reports() bool { return n.fresh && n.from != nil && n.last.follows(n.from) }

// measure is what was measured in this period, and whether that is of all members.
func (c *Controller) measure() (m *policy.Metrics, whole bool) {
	m = &policy.Metrics{Changing: c.goal.Members.Moving() || !c.Holds()}
	parts := make([]policy.Key, c.o.Ring.Partitions())
	active := c.goal.Members.In(member.Active)
	took, served, known := 0.0, 0.0, 0
	for _, n := range c.nodes {
		m.Changing = m.Changing || n.fresh && !n.last.Settled
		if !n.reports() || !slices.Contains(active, n.id) {
			continue
		}
		known++
		up, requests := float64(n.last.UpUS-n.from.UpUS), float64(n.last.Demand.Served-n.from.Demand.Served)
		busy := min(float64(n.last.BusyUS-n.from.BusyUS)/up, 1)
		took, served = took+float64(n.last.TookUS-n.from.TookUS), served+requests
		x := policy.Node{ID: n.id, Capacity: n.last.Capacity, Busy: busy}
		for _, p := range n.last.Demand.Partitions {
			x.Bytes += p.Bytes
			before := min(n.from.served(p.Partition), p.Served)
			k, more := &parts[p.Partition], p.Served-before
			k.Bytes = max(k.Bytes, p.Bytes)
			k.Accesses += more
			if more > 0 {
				k.Work += busy * float64(more) / requests
			}
		}
		m.Nodes = append(m.Nodes, x)
	}
	if served > 0 {
		m.LatencyMS = took / served / 1000
	}
	whole = known == len(active)
	for p := range parts {
		k := &parts[p]
		k.Name, k.Factor = strconv.Itoa(p), max(c.goal.Factors.Replicas(ring.Partition(p)), c.o.Targets.MinFactor)
		if !whole { // to more nodes than are known of it must not seem to be spread too far
			k.Factor = min(k.Factor, max(known, 1))
		}
	}
	m.Keys = parts
	return m, whole
}

// workedOut is the state of a policy that has come to the factors that there are: a partition was
// given its last replica for more work than the others could bear.
func (c *Controller) workedOut() (s policy.State) {
	for _, e := range c.goal.Factors {
		if n := e.Val.Replicas(); n > c.o.Targets.MinFactor {
			if s.Raised == nil {
				s.Raised = make(map[string]float64)
			}
			s.Raised[strconv.Itoa(int(e.Key))] = float64(n-1) * c.o.Targets.BusyHigh
		}
	}
	return s
}

// apply raises the goal by what the policy has decided, as far as the store can follow.
func (c *Controller) apply(d *policy.Decision, m *policy.Metrics) (out Decision) {
	members, factors := c.goal.Members.Clone(), c.goal.Factors.Clone()
	for range d.Add[policy.Memory] {
		id, ok := c.fresh(members)
		if !ok {
			break
		}
		members = members.Raised(id, member.In(1, member.Joining))
		out.Join = append(out.Join, id)
	}
	if len(d.Remove) > 0 {
		if id, ok := c.youngest(m); ok {
			members = members.Raised(id, member.In(members.At(id).Life(), member.Leaving))
			out.Leave = append(out.Leave, id)
		}
	}
	for _, f := range d.Factors {
		at, err := strconv.Atoi(f.Key)
		p := ring.Partition(at)
		epoch := factors.At(p).Epoch()
		if err != nil || epoch == member.MaxEpoch {
			continue
		}
		out.Factors = append(out.Factors, member.Decision{Partition: p, Epoch: epoch + 1, Replicas: min(f.Replicas, member.MaxReplicas)})
	}
	slices.SortFunc(out.Factors, func(a, b member.Decision) int { return int(a.Partition) - int(b.Partition) })
	for _, f := range out.Factors {
		factors.MergeIn(member.Factors{{Key: f.Partition, Val: member.FactorOf(f.Epoch, f.Replicas)}})
	}
	c.goal = member.View{Members: members, Factors: factors}
	if !out.Empty() {
		out.Why = d.Why
	}
	return out
}

// fresh is the number of a node that may be added to members, if one may: the one after the
// greatest.
func (c *Controller) fresh(members member.Set) (ring.NodeID, bool) {
	next, live := c.first, 0
	for _, e := range members {
		next = max(next, e.Key+1)
	}
	for _, e := range members {
		if e.Val.Phase() != member.Gone {
			live++
		}
	}
	live += c.unheard(members, next)
	ok := live < c.o.Targets.MaxNodes[policy.Memory] && next <= c.o.Last && len(members) < member.MaxMembers
	return next, ok
}

// unheard is how many numbers below next are in use of which nothing was reported.
func (c *Controller) unheard(members member.Set, next ring.NodeID) int {
	n := int(next - c.first)
	for _, e := range members {
		if e.Key >= c.first {
			n--
		}
	}
	return n
}

// youngest is the node that leaves where the policy has one of m leave, and whether it may: the one
// with the greatest number of those that are active, if the others can store what there is. The
// policy has seen to it that there are as many of them as there are to be: m has all that are active,
// since nobody leaves while one is silent.
func (c *Controller) youngest(m *policy.Metrics) (ring.NodeID, bool) {
	active := c.goal.Members.In(member.Active)
	id := active[len(active)-1]
	bytes, capacity := 0.0, 0.0
	for i := range m.Nodes {
		if bytes += float64(m.Nodes[i].Bytes); m.Nodes[i].ID != id {
			capacity += float64(m.Nodes[i].Capacity)
		}
	}
	return id, bytes <= c.o.Targets.StorageHigh*capacity
}
