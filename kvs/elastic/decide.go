package elastic

import (
	"fmt"
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
		for tier := range d.Add {
			d.Add[tier] = min(d.Add[tier], 1)
		}
	}
	calm := whole && !m.Changing
	if calm {
		c.found(&d, m)
	}
	if calm = calm && c.tiered() && c.agreed(); !calm {
		d.Moves = nil // the policy decides about them at any time
	}
	return c.apply(&d, m, calm), nil
}

// found has the disk tier have as many nodes at least as a partition has replicas.
func (c *Controller) found(d *policy.Decision, m *policy.Metrics) {
	if more := c.o.Targets.MinFactor - nodesOf(m, policy.Disk); c.tiered() && more > d.Add[policy.Disk] {
		d.Add[policy.Disk] = more
		d.Why = append(d.Why, fmt.Sprintf("the disk tier is to have %d nodes at least, and lacks %d", c.o.Targets.MinFactor, more))
	}
}

// nodesOf is how many nodes of a tier are measured.
func nodesOf(m *policy.Metrics, tier policy.Tier) (n int) {
	for i := range m.Nodes {
		if m.Nodes[i].Tier == tier {
			n++
		}
	}
	return n
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
		x := policy.Node{ID: n.id, Tier: c.tierOf(n.id), Capacity: n.last.Capacity, Busy: busy}
		for _, p := range n.last.Demand.Partitions {
			before := min(n.from.served(p.Partition), p.Served)
			k, more := &parts[p.Partition], p.Served-before
			k.Bytes = max(k.Bytes, p.Bytes)
			k.Accesses += more
			if more > 0 {
				k.Work += busy * float64(more) / requests
			}
		}
		if x.Tier == policy.Memory || c.tiered() {
			m.Nodes = append(m.Nodes, x)
		}
	}
	if served > 0 {
		m.LatencyMS = took / served / 1000
	}
	whole = known == len(active)
	c.used = c.used[:0]
	for p := range parts {
		c.used = append(c.used, parts[p].Accesses)
	}
	for i := range m.Nodes {
		m.Nodes[i].Bytes = c.bytes(m.Nodes[i].ID)
	}
	m.Keys = c.keys(parts, m, whole)
	return m, whole
}

// keys are the partitions for the policy, with the tier that each is in. One that is in both is on
// its way, and left where it is. To more nodes than are known of its tier one must not seem to be
// spread too far.
func (c *Controller) keys(parts []policy.Key, m *policy.Metrics, whole bool) (keys []policy.Key) {
	for p := range parts {
		k := &parts[p]
		k.Name = strconv.Itoa(p)
		memory, disk := c.goal.Factors.Vector(ring.Partition(p))
		switch {
		case memory > 0 && disk > 0:
			continue
		case disk > 0:
			k.Tier = policy.Disk
		}
		k.Factor = max(memory, disk, c.o.Targets.MinFactor)
		if known := nodesOf(m, k.Tier); !whole || known < c.o.Targets.MinFactor {
			k.Factor = min(k.Factor, max(known, 1))
		}
		keys = append(keys, *k)
	}
	return keys
}

// workedOut is the state of a policy that has come to the factors that there are: a partition was
// given its last replica for more work than the others could bear.
func (c *Controller) workedOut() (s policy.State) {
	for _, e := range c.goal.Factors {
		if n := max(e.Val.Replicas(), e.Val.Disk()); n > c.o.Targets.MinFactor {
			if s.Raised == nil {
				s.Raised = make(map[string]float64)
			}
			s.Raised[strconv.Itoa(int(e.Key))] = float64(n-1) * c.o.Targets.BusyHigh
		}
	}
	return s
}

// apply raises the goal by what the policy has decided, as far as the store can follow, and, where it
// is calm, has partitions arrive that are in both tiers.
func (c *Controller) apply(d *policy.Decision, m *policy.Metrics, calm bool) (out Decision) {
	members, factors := c.goal.Members.Clone(), c.goal.Factors.Clone()
	for tier := range policy.Tier(tiers) {
		for range d.Add[tier] {
			id, ok := c.fresh(members, tier)
			if !ok {
				break
			}
			members = members.Raised(id, member.In(1, member.Joining))
			out.Join = append(out.Join, id)
		}
		leaves := slices.ContainsFunc(d.Remove, func(n ring.NodeID) bool { return c.tierOf(n) == tier })
		if id, ok := c.youngest(m, tier); leaves && ok {
			members = members.Raised(id, member.In(members.At(id).Life(), member.Leaving))
			out.Leave = append(out.Leave, id)
		}
	}
	out.Factors = c.vectors(d)
	out.Why = d.Why
	if calm {
		c.arrive(&out)
	}
	slices.SortFunc(out.Factors, func(a, b member.Decision) int { return int(a.Partition) - int(b.Partition) })
	for _, f := range out.Factors {
		factors.MergeIn(member.Factors{{Key: f.Partition, Val: f.Factor()}})
	}
	c.goal = member.View{Members: members, Factors: factors}
	if out.Empty() {
		out.Why = nil
	}
	return out
}

// fresh is the number of a node that may be added to a tier of members, if one may: the one after
// the greatest.
func (c *Controller) fresh(members member.Set, tier policy.Tier) (ring.NodeID, bool) {
	next, live, used := c.first[tier], 0, 0
	for _, e := range members {
		if c.tierOf(e.Key) != tier {
			continue
		}
		if next = max(next, e.Key+1); e.Key >= c.first[tier] {
			used++
		}
		if e.Val.Phase() != member.Gone {
			live++
		}
	}
	live += int(next-c.first[tier]) - used // numbers below it of which nothing was reported
	ok := live < c.o.Targets.MaxNodes[tier] && next <= c.last[tier] && len(members) < member.MaxMembers
	return next, ok
}

// youngest is the node that leaves where the policy has one of a tier of m leave, and whether it may:
// the one with the greatest number of those that are active, if the others can store what there is.
// The policy has seen to it that there are as many of them as there are to be: m has all that are
// active, since nobody leaves while one is silent.
func (c *Controller) youngest(m *policy.Metrics, tier policy.Tier) (id ring.NodeID, ok bool) {
	for _, n := range c.goal.Members.In(member.Active) {
		if c.tierOf(n) == tier {
			id = n
		}
	}
	bytes, capacity := 0.0, 0.0
	for i := range m.Nodes {
		if m.Nodes[i].Tier != tier {
			continue
		}
		if bytes += float64(m.Nodes[i].Bytes); m.Nodes[i].ID != id {
			capacity += float64(m.Nodes[i].Capacity)
		}
	}
	return id, bytes <= c.o.Targets.StorageHigh*capacity
}
