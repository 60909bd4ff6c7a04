package scenario

import (
	"fmt"
	"slices"

	"github.com/joinery-go/joinery/kvs"
	"github.com/joinery-go/joinery/kvs/member"
	"github.com/joinery-go/joinery/kvs/ring"
	"github.com/joinery-go/joinery/sim"
)

// In a share of the seeds partitions come to have more replicas than the others, and fewer again,
// while clients write and faults last, be it that members come and go too or not. Like moves of
// members, decisions are a part of the plan, are asked for again at another replica until some time
// after the faults have ended, and are what clients and oracles go by in the end.

// Decision is that a partition has so many replicas, and no fewer than the others.
type Decision struct {
	AtMS      uint64 `json:"at_ms"`
	Partition int    `json:"partition"`
	Epoch     uint32 `json:"epoch"`    // the greatest counts, and of equal ones the one for more replicas on disk, then in memory
	Replicas  int    `json:"replicas"` // in memory
	Disk      int    `json:"disk,omitempty"`
}

func (d *Decision) decision() member.Decision {
	return member.Decision{Partition: ring.Partition(d.Partition), Epoch: d.Epoch, Replicas: d.Replicas, Disk: d.Disk}
}

const maxDecisions = 16

// drawDecisions draws what is decided, and has partitions mostly begin with few replicas, so that
// there are nodes to come to.
func (s *Setup) drawDecisions(c Config, pick func(site string, n int) int) {
	often := 12
	if len(s.Moves) > 0 {
		often = 4
	}
	if pick("factors", often) != often-1 || c.Nodes != 0 || c.Faults == "off" {
		return
	}
	if pick("few owners", 4) > 0 {
		s.Replicas = fewReplicas
	}
	decide := func(partition int, epoch uint32, replicas int) {
		i := len(s.Decisions)
		at := s.HorizonMS * uint64(10+15*i+pick(fmt.Sprint("decision", i), 15)) / 100
		s.Decisions = append(s.Decisions, Decision{AtMS: at, Partition: partition, Epoch: epoch, Replicas: replicas})
	}
	first, more := pick("partition", s.Partitions), s.Replicas+1+pick("more", 2)
	decide(first, 1, more)
	switch pick("decisions", 5) {
	case 0: // it rises, and stays so
	case 1:
		decide(first, 2, 1)
	case 2:
		decide(first, 2, s.Replicas)
		decide(first, 3, more)
	case 3:
		decide(first, 2, s.Nodes)
		decide(first, 3, s.Replicas)
		decide((first+1)%s.Partitions, 4, s.Nodes+1)
	case 4: // two decide at once
		decide(first, 1, more+1)
		decide(first, 2, s.Replicas+1)
		decide(first, 2, 1)
	}
	s.drawTiers(c, pick)
}

// vectorOf is how many replicas a partition is to have in each tier in the end; 0 and 0 if nobody
// decides.
func (s *Setup) vectorOf(p ring.Partition) (memory, disk int) {
	last := [3]int{}
	for i := range s.Decisions {
		d := &s.Decisions[i]
		if now := [3]int{int(d.Epoch), d.Disk, d.Replicas}; d.Partition == int(p) && slices.Compare(now[:], last[:]) > 0 {
			last = now
		}
	}
	return last[2], last[1]
}

// validateDecisions checks what a tape brought.
func (s *Setup) validateDecisions() error {
	for i, d := range s.Decisions {
		if d.Partition < 0 || d.Partition >= s.Partitions || d.Epoch == 0 || min(d.Replicas, d.Disk) < 0 || d.Replicas+d.Disk < 1 || d.Replicas > member.MaxReplicas || d.Disk > member.MaxDisk || d.AtMS > s.HorizonMS ||
			d.Disk > 0 && max(d.Replicas, d.Disk) < s.Replicas {
			return fmt.Errorf("%w: decision %d: %d replicas in memory and %d on disk, where there are %d, of partition %d of %d, number %d, at %d ms of %d", ErrConfig, i, d.Replicas, d.Disk, s.Replicas, d.Partition, s.Partitions, d.Epoch, d.AtMS, s.HorizonMS)
		}
	}
	if len(s.Decisions) > maxDecisions {
		return fmt.Errorf("%w: %d decisions, want at most %d", ErrConfig, len(s.Decisions), maxDecisions)
	}
	return nil
}

// asked is what an operator asks for by the number of an input: a move, or a decision behind those.
func (s *Setup) asked(at int) (ev kvs.Event, known bool) {
	decision := at - len(s.Moves)
	absurd := s.absurd()
	switch more := decision - len(s.Decisions); {
	case at < 0 || more >= len(absurd):
		return ev, false
	case more >= 0:
		return absurd[more], true
	case decision >= 0:
		return kvs.Event{Kind: kvs.EventFactor, Factor: s.Decisions[decision].decision()}, true
	}
	return kvs.Event{Kind: kvs.EventMember, Change: s.change(at)}, true
}

// absurd is what operators ask for that is refused whoever the members are, and changes nothing.
func (s *Setup) absurd() (asked []kvs.Event) {
	if !s.Absurd {
		return nil
	}
	for _, c := range []member.Change{
		{Node: ring.MaxNode + 1, To: member.Joining}, {Node: ring.MaxNode, To: member.Leaving}, {Node: ring.MaxNode, To: member.Gone},
		{Node: 0, To: member.Active},
	} {
		asked = append(asked, kvs.Event{Kind: kvs.EventMember, Change: c})
	}
	for _, d := range []member.Decision{
		{Partition: ring.Partition(s.Partitions), Epoch: 1, Replicas: 1}, {Replicas: 1}, {Epoch: 1},
		{Epoch: 1, Replicas: member.MaxReplicas + 1},
	} {
		asked = append(asked, kvs.Event{Kind: kvs.EventFactor, Factor: d})
	}
	if s.Disks > 0 {
		for _, d := range []member.Decision{
			{Epoch: 1, Disk: member.MaxDisk + 1}, {Epoch: 1, Replicas: s.Replicas - 1, Disk: s.Replicas - 1}, // fewer in either tier than there are to be
		} {
			asked = append(asked, kvs.Event{Kind: kvs.EventFactor, Factor: d})
		}
	}
	return asked
}

// operate has an operator ask for a move or a decision, at one of the nodes after the other.
func (r *run) operate(w *sim.World, nodes []sim.NodeID, i int, at, horizon sim.Time) error {
	for k := 0; len(nodes) > 0 && at <= horizon+movingMore; k++ {
		if err := w.Inject(at, nodes[(i+k)%len(nodes)], moving+uint64(i*movingEach+k)); err != nil {
			return err
		}
		at += movingGap
	}
	return nil
}

// VectorOf is how many replicas a partition is to have in each tier in the end, 0 and 0 if nobody has
// decided, and how many it has at least.
func (r *run) VectorOf(p ring.Partition) (memory, disk, least int) {
	if memory, disk = r.setup.vectorOf(p); r.setup.Elastic != nil {
		memory, disk = r.decided.Factors.Vector(p)
	}
	return memory, disk, r.setup.Replicas
}
