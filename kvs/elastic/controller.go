package elastic

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/joinery-go/joinery/kvs"
	"github.com/joinery-go/joinery/kvs/member"
	"github.com/joinery-go/joinery/kvs/policy"
	"github.com/joinery-go/joinery/kvs/ring"
)

// Options are what a controller goes by.
type Options struct {
	Ring *ring.Ring // with which the store began
	// Targets are the policy's. MinFactor is the number of replicas of the ring, and the least number
	// of nodes of a tier; MaxNodes is the greatest of each. Where that of [policy.Disk] is 0, there is one
	// tier: nothing is moved to the other, nor are nodes of it added or removed.
	Targets  policy.Targets
	PeriodMS uint64      // between decisions: nodes are to report several times in it; above 0
	AskMS    uint64      // between two asks for the same thing; above 0
	Last     ring.NodeID // the greatest number that a node of the memory tier may be given, for which there is a machine; 0 is the greatest of the tier
	LastDisk ring.NodeID // likewise of the disk tier
}

const (
	tiers = len(policy.Targets{}.MaxNodes)

	// MaxAsks is how many asks there are at once at most.
	MaxAsks = 32
	// maxTries is how often the goal is asked for, before what does not hold of it is given up.
	maxTries = 64
)

// ErrOptions is wrapped by every refusal of [New].
var ErrOptions = errors.New("elastic: invalid options")

// Ask is an event for the replica of a node.
type Ask struct {
	To    ring.NodeID
	Event kvs.Event // EventMember or EventFactor, without a time
}

// Decision is what a controller has decided, and why.
type Decision struct {
	Join    []ring.NodeID // in their first life
	Leave   []ring.NodeID
	Factors []member.Decision // ascending by partition
	Why     []string
}

// Empty reports whether nothing was decided.
func (d *Decision) Empty() bool { return len(d.Join)+len(d.Leave)+len(d.Factors) == 0 }

// Controller decides about one store. It is not safe for concurrent use.
type Controller struct {
	o           Options
	first, last [tiers]ring.NodeID // the least number of a node that joins, and the greatest

	goal  member.View // all that was reported, and what is to be
	nodes []*node     // those that have reported, ascending
	state policy.State
	begun bool     // state is of this controller's, or was worked out
	used  []uint64 // by partition: accesses in the period that was measured last

	nextMS uint64 // when to decide
	askMS  uint64 // when to ask again
	tries  int    // how often the goal was asked for
	turn   int    // of the node that is asked next
}

// node is what is known of one that has reported.
type node struct {
	id    ring.NodeID
	from  *Sample // with which the period began; nil if it began without one
	last  *Sample
	fresh bool // last has come in this period
}

// New returns the controller of a store of which nothing is known but the ring with which it began.
func New(o Options) (*Controller, error) {
	if o.Ring == nil || o.PeriodMS == 0 || o.AskMS == 0 {
		return nil, fmt.Errorf("%w: no ring, or a period of %d ms, and %d ms between asks", ErrOptions, o.PeriodMS, o.AskMS)
	}
	most := o.Targets.MaxNodes
	split, _ := slices.BinarySearch(o.Ring.Nodes(), o.Ring.Disks())
	inMemory, onDisk := o.Ring.Nodes()[:split], o.Ring.Nodes()[split:]
	switch {
	case o.Targets.MinFactor != o.Ring.Replicas():
		return nil, fmt.Errorf("%w: %d replicas at least, and %d on the ring", ErrOptions, o.Targets.MinFactor, o.Ring.Replicas())
	case len(inMemory) < o.Targets.MinFactor || len(inMemory) > most[policy.Memory]:
		return nil, fmt.Errorf("%w: %d nodes on the ring, want %d to %d", ErrOptions, len(inMemory), o.Targets.MinFactor, most[policy.Memory])
	case len(onDisk) > most[policy.Disk]:
		return nil, fmt.Errorf("%w: %d nodes of the disk tier on the ring, want at most %d", ErrOptions, len(onDisk), most[policy.Disk])
	case most[policy.Disk] > 0 && o.Targets.MinFactor > member.MaxDisk:
		return nil, fmt.Errorf("%w: %d replicas at least, and at most %d on disk", ErrOptions, o.Targets.MinFactor, member.MaxDisk)
	}
	if most[policy.Disk] == 0 {
		o.Targets.Promote, o.Targets.Demote = math.MaxUint64, 0
	}
	if err := o.Targets.Validate(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrOptions, err)
	}
	c := &Controller{o: o, goal: member.View{Members: member.Of(o.Ring)}}
	c.first = [tiers]ring.NodeID{slices.Max(inMemory) + 1, o.Ring.Disks()}
	if len(onDisk) > 0 {
		c.first[policy.Disk] = slices.Max(onDisk) + 1
	}
	c.last = [tiers]ring.NodeID{min(o.Ring.Disks()-1, ring.MaxNode), ring.MaxNode}
	for tier, last := range []ring.NodeID{o.Last, o.LastDisk} {
		if last > 0 {
			c.last[tier] = min(c.last[tier], last)
		}
	}
	return c, nil
}

// tierOf is the tier of a node.
func (c *Controller) tierOf(n ring.NodeID) policy.Tier {
	if c.o.Ring.OnDisk(n) {
		return policy.Disk
	}
	return policy.Memory
}

// tiered reports whether there is a disk tier.
func (c *Controller) tiered() bool { return c.o.Targets.MaxNodes[policy.Disk] > 0 }

// Goal is all that was reported to the controller, and what it has decided. It is not to be changed.
func (c *Controller) Goal() member.View { return c.goal }

// Holds reports whether all of the goal holds that can be asked for.
func (c *Controller) Holds() bool { return len(c.due()) == 0 }

// Observe takes what a node reports. Errors wrap [ErrSample]; then nothing is taken.
func (c *Controller) Observe(s *Sample) error {
	if err := s.validate(c.o.Ring.Partitions()); err != nil {
		return err
	}
	c.goal = c.goal.Raise(s.View)
	if c.goal.Members.At(s.Node).Phase() == member.Gone {
		return nil
	}
	at, found := slices.BinarySearchFunc(c.nodes, s.Node, func(n *node, id ring.NodeID) int { return cmp.Compare(n.id, id) })
	if !found {
		c.nodes = slices.Insert(c.nodes, at, &node{id: s.Node})
	}
	n := c.nodes[at]
	if last := n.last; last != nil && (s.Demand.Origin < last.Demand.Origin || s.Demand.Origin == last.Demand.Origin && s.UpUS <= last.UpUS) {
		return nil // it is late, or has come twice
	}
	n.last, n.fresh = s, true
	return nil
}

// Tick decides, where a period is over, and gives what is to be asked now. The time is in
// milliseconds, by a clock that does not go back. An error is one of the policy; nothing was decided
// then.
func (c *Controller) Tick(nowMS uint64) (asks []Ask, d Decision, err error) {
	c.nodes = slices.DeleteFunc(c.nodes, func(n *node) bool { return c.goal.Members.At(n.id).Phase() == member.Gone })
	if nowMS >= c.nextMS {
		c.nextMS = nowMS + c.o.PeriodMS
		if d, err = c.decide(); !d.Empty() {
			c.tries, c.askMS = 0, 0
		}
	}
	due := c.due()
	if len(due) == 0 {
		c.tries = 0
		return nil, d, err
	}
	if nowMS < c.askMS {
		return nil, d, err
	}
	c.askMS = nowMS + c.o.AskMS
	if c.tries++; c.tries > maxTries {
		c.giveUp()
		return nil, d, err
	}
	return c.asks(due), d, err
}

// giveUp has the goal be what was reported: nobody takes the rest of it, and it is decided anew.
func (c *Controller) giveUp() {
	c.goal, c.tries = c.held(), 0
}

// held is the join of what nodes go by that are heard by others: those of the ring, and those of
// which one that is heard knows. Who has joined by the word of one that has lost it with its disk
// is not heard, whatever it says of itself.
func (c *Controller) held() member.View {
	held, _ := c.heard()
	return held
}

func (c *Controller) heard() (held member.View, by []ring.NodeID) {
	held.Members = member.Of(c.o.Ring)
	for more := true; more; {
		more = false
		for _, n := range c.nodes {
			if held.Members.At(n.id) != 0 && !slices.Contains(by, n.id) {
				held, by, more = held.Raise(n.last.View), append(by, n.id), true
			}
		}
	}
	slices.Sort(by)
	return held, by
}

// due is what of the goal no node goes by, as events: at first of members, in the order of their
// numbers, then of factors, in that of partitions. A node says itself that it is active and gone; that
// is not asked for. One that has said that it is gone, and that others take for active, has lost with
// its disk that it was to leave, and is to leave again.
func (c *Controller) due() (due []kvs.Event) {
	held := c.held()
	for _, e := range c.goal.Members {
		switch is := held.Members.At(e.Key); {
		case is >= e.Val || is.Life() < e.Val.Life() && e.Val.Phase() == member.Gone:
		case is.Life() < e.Val.Life():
			due = append(due, kvs.Event{Kind: kvs.EventMember, Change: member.Change{Node: e.Key, To: member.Joining, Life: e.Val.Life()}})
		case is.Phase() == member.Active && e.Val.Phase() >= member.Leaving:
			due = append(due, kvs.Event{Kind: kvs.EventMember, Change: member.Change{Node: e.Key, To: member.Leaving, Life: e.Val.Life()}})
		}
	}
	for _, e := range c.goal.Factors {
		if held.Factors.At(e.Key) < e.Val {
			due = append(due, kvs.Event{Kind: kvs.EventFactor, Factor: member.Decision{Partition: e.Key, Epoch: e.Val.Epoch(), Replicas: e.Val.Replicas(), Disk: e.Val.Disk()}})
		}
	}
	return due
}

// asks has one node asked for what is due, and the next one the next time.
func (c *Controller) asks(due []kvs.Event) (asks []Ask) {
	_, heard := c.heard()
	if len(heard) == 0 {
		return nil
	}
	to := heard[c.turn%len(heard)]
	c.turn++
	for _, ev := range due[:min(len(due), MaxAsks)] {
		asks = append(asks, Ask{To: to, Event: ev})
	}
	return asks
}
