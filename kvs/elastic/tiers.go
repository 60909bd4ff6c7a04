package elastic

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"

	"github.com/joinery-go/joinery/kvs/member"
	"github.com/joinery-go/joinery/kvs/policy"
	"github.com/joinery-go/joinery/kvs/ring"
)

// vectors are the decisions about partitions that follow from what the policy has decided: how many
// replicas each has in its tier, and, of one that moves, that it has some in both.
func (c *Controller) vectors(d *policy.Decision) (out []member.Decision) {
	least := c.o.Targets.MinFactor
	for _, f := range d.Factors {
		p, n := partitionOf(f.Key), max(f.Replicas, least)
		if _, disk := c.goal.Factors.Vector(p); disk > 0 {
			out = c.decided(out, p, 0, n)
		} else {
			out = c.decided(out, p, n, 0)
		}
	}
	for _, x := range d.Moves {
		p := partitionOf(x.Key)
		memory, disk := c.goal.Factors.Vector(p)
		if x.To == policy.Disk {
			out = c.decided(out, p, max(memory, least), least)
		} else {
			out = c.decided(out, p, max(disk, least), disk)
		}
	}
	return out
}

// partitionOf is the partition that a key of the policy stands for, see [Controller.keys].
func partitionOf(name string) ring.Partition {
	p, err := strconv.ParseUint(name, 10, 32)
	if err != nil {
		panic("elastic: the policy names a key that it was not given: " + err.Error())
	}
	return ring.Partition(p)
}

// decided appends a decision about p with the number after the last one, unless there is none, or it
// says what that says.
func (c *Controller) decided(out []member.Decision, p ring.Partition, memory, disk int) []member.Decision {
	at := c.goal.Factors.At(p)
	d := member.Decision{Partition: p, Epoch: at.Epoch() + 1, Replicas: min(memory, member.MaxReplicas), Disk: min(disk, member.MaxDisk)}
	is := at.Replicas()
	if at.Disk() == 0 {
		is = max(is, c.o.Targets.MinFactor)
	}
	if at.Epoch() == member.MaxEpoch || is == d.Replicas && at.Disk() == d.Disk {
		return out
	}
	return append(out, d)
}

// heads is the tier that a partition in both goes to: memory if it was used more than what is
// demoted. It takes no memory of which way it was on, so that a controller that starts anew ends what
// another has begun; one whose use has changed meanwhile goes back.
func (c *Controller) heads(p ring.Partition) policy.Tier {
	if c.used[p] > c.o.Targets.Demote {
		return policy.Memory
	}
	return policy.Disk
}

// bytes is what a node that reports stores of the partitions that are in its tier, or go there. Those
// that leave it do not count: else others would be moved for their sake, or nodes added.
func (c *Controller) bytes(of ring.NodeID) (sum uint64) {
	at, _ := slices.BinarySearchFunc(c.nodes, of, func(n *node, id ring.NodeID) int { return cmp.Compare(n.id, id) })
	for _, p := range c.nodes[at].last.Demand.Partitions {
		memory, disk := c.goal.Factors.Vector(p.Partition)
		tier := policy.Memory
		switch {
		case memory > 0 && disk > 0:
			tier = c.heads(p.Partition)
		case disk > 0:
			tier = policy.Disk
		}
		if tier == c.tierOf(of) {
			sum += p.Bytes
		}
	}
	return sum
}

// arrive has partitions that are in both tiers be in the one that they go to, once all that have come
// to own them hold and serve them.
func (c *Controller) arrive(out *Decision) {
	stay, went := 0, 0
	for _, e := range c.goal.Factors {
		memory, disk := e.Val.Replicas(), e.Val.Disk()
		if memory == 0 || disk == 0 {
			continue
		}
		before := len(out.Factors)
		if c.heads(e.Key) == policy.Memory {
			out.Factors = c.decided(out.Factors, e.Key, max(memory, c.o.Targets.MinFactor), 0)
			stay += len(out.Factors) - before
		} else {
			out.Factors = c.decided(out.Factors, e.Key, 0, max(disk, c.o.Targets.MinFactor))
			went += len(out.Factors) - before
		}
	}
	if stay > 0 {
		out.Why = append(out.Why, fmt.Sprintf("partitions in both tiers were used more than %d times, and are to be in memory: %d", c.o.Targets.Demote, stay))
	}
	if went > 0 {
		out.Why = append(out.Why, fmt.Sprintf("partitions in both tiers were used at most %d times, and are to be on disk: %d", c.o.Targets.Demote, went))
	}
}

// agreed reports whether each active node has said that it goes by all factors of the goal, and knows
// of no change under way: then all owners by them hold what they own and serve it, and what was
// measured was so under them.
func (c *Controller) agreed() bool {
	agree := 0
	for _, n := range c.nodes {
		if c.goal.Members.At(n.id).Phase() != member.Active {
			continue
		}
		v := member.View{Factors: n.last.View.Factors}
		if !n.last.Settled || !v.Includes(member.View{Factors: c.goal.Factors}) {
			return false
		}
		agree++
	}
	return agree == len(c.goal.Members.In(member.Active))
}
