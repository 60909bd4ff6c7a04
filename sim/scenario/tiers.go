package scenario

import (
	"fmt"

	"github.com/joinery-go/joinery/kvs/member"
	"github.com/joinery-go/joinery/kvs/ring"
	"github.com/joinery-go/joinery/sim"
	"github.com/joinery-go/joinery/sim/engines"
)

// In a share of the seeds in which somebody decides about partitions, be it the plan or a monitor,
// some nodes are of the disk tier: the last of the run's, most of which join on the way. Partitions
// are demoted to them and promoted again. In half of these runs the nodes of
// the disk tier keep their values by a storage engine, with a small cache, and the others in memory.
//
// Package member says what decisions are to keep to if a partition is to be served all along: of those
// that own it somebody stays, or the one before has settled. A monitor waits for that, and there is one of
// them then. A plan does not wait: by the decisions of half of them the same node of the memory tier
// stays, and by those of the others nobody does.

// Of what a monitor's policy promotes and demotes.
const (
	promoted   = 20  // accesses in a period from which a partition on disk is promoted
	demoted    = 8   // up to which one in memory is demoted
	overfull   = 120 // percent of what the first nodes can store, that there is for a while
	tiersEvery = 4   // in how many seeds there is one with a disk tier, of those that may have one
)

// disks is the least number of a node of the disk tier.
func (s *Setup) disks() ring.NodeID {
	if s.Disks == 0 {
		return ring.FirstDisk
	}
	return ring.NodeID(s.Nodes - s.Disks)
}

// byTier are nodes of the memory tier, and of the disk tier.
func (s *Setup) byTier(nodes []ring.NodeID) (tiers [2][]ring.NodeID) {
	for _, n := range nodes {
		tier := 0
		if n >= s.disks() {
			tier = 1
		}
		tiers[tier] = append(tiers[tier], n)
	}
	return tiers
}

// onEngine reports whether an engine keeps the values of a node.
func (s *Setup) onEngine(n sim.NodeID) bool {
	return s.Engine != "" && (!s.EngineOnDisk || ring.NodeID(n) >= s.disks())
}

// tiers says which nodes are of the disk tier.
func (s *Setup) tiers() string {
	text := fmt.Sprintf("nodes from %d on", s.disks())
	if s.EngineOnDisk {
		text += ", which alone have the engine"
	}
	return text
}

// drawTiers draws whether a plan that decides about partitions has a disk tier, and what becomes of
// two partitions beside what was drawn.
func (s *Setup) drawTiers(c Config, pick func(site string, n int) int) {
	if pick("tiers", tiersEvery) != tiersEvery-1 {
		return
	}
	s.Disks = min(1+pick("tiers.nodes", 3), MaxNodes-s.Nodes)
	part := func(percent int) uint64 { return s.HorizonMS * uint64(percent) / 100 }
	for range s.Disks {
		switch n := s.Nodes; pick(fmt.Sprint("tiers.node", n), 5) {
		case 0: // it is there from the beginning
		case 1: // and leaves
			s.Moves = append(s.Moves, Move{AtMS: part(40 + pick(fmt.Sprint("tiers.leaves", n), 40)), Node: n, To: member.Leaving.String()})
		default:
			s.Moves = append(s.Moves, Move{AtMS: part(5 + pick(fmt.Sprint("tiers.joins", n), 30)), Node: n, To: member.Joining.String()})
		}
		s.Nodes++
	}
	first, epoch := pick("tiers.partition", s.Partitions), uint32(4) // after what was drawn
	decide := func(partition, percent, memory, disk int) {
		epoch++
		at := part(percent + pick(fmt.Sprint("tiers.decision", epoch), 10))
		s.Decisions = append(s.Decisions, Decision{AtMS: at, Partition: partition % s.Partitions, Epoch: epoch, Replicas: memory, Disk: disk})
	}
	rf, stay := s.Replicas, pick("tiers.stay", 2)
	switch pick("tiers.moves", 5) {
	case 0: // demoted
		decide(first, 25, rf, rf)
		decide(first, 50, stay, rf)
	case 1: // and promoted again
		decide(first, 15, rf, rf)
		decide(first, 35, stay, rf)
		decide(first, 55, rf, rf)
		decide(first, 75, rf, 0)
	case 2: // in one step
		decide(first, 30, stay, rf)
		decide(first, 60, rf+1, 0)
		decide(first+1, 40, stay, rf+1)
	case 3: // some in memory, some on disk
		decide(first, 20, stay, rf)
		decide(first, 70, stay, rf+1)
		decide(first+1, 50, rf, 1)
	case 4: // two decide at once
		decide(first, 20, rf, rf)
		decide(first, 50, rf+2, 0)
		epoch--
		decide(first, 50, stay, rf)
	}
	s.drawDiskEngine(c, pick)
}

// drawElasticTiers draws whether a monitor has a disk tier to decide about. Then memory is full for a
// while, and what nobody wants may be demoted; later another partition is wanted, and mostly there is room.
func (s *Setup) drawElasticTiers(c Config, pick func(site string, n int) int) {
	if pick("elastic.tiers", tiersEvery) != tiersEvery-1 {
		return
	}
	e, first := s.Elastic, s.Nodes-s.Elastic.Spare
	e.Two = 0
	s.Disks = min(s.Replicas+pick("elastic.disks", 2), MaxNodes-first-1)
	e.Spare = s.Disks + min(spareNodes, MaxNodes-first-s.Disks)
	s.Nodes = first + e.Spare
	s.Partitions = max(s.Partitions, 2)
	full := uint64(first * nodeBytes * overfull / 100 / (s.Partitions * s.Replicas))
	others, later := 5*pick("elastic.cold", 3), full/2
	if pick("elastic.room", 3) == 2 {
		later = full
	}
	for i, bytes := range []uint64{0, full, later, 0} {
		if e.Loads[i].Bytes = bytes; i < 3 {
			e.Loads[i].Others = others
		}
	}
	e.Loads[2].Partition = (e.Loads[1].Partition + 1) % s.Partitions
	s.drawDiskEngine(c, pick)
}

// drawDiskEngine draws whether the disk tier alone has an engine.
func (s *Setup) drawDiskEngine(c Config, pick func(site string, n int) int) {
	if c.Engine != DrawnEngine || pick("tiers.engine", 2) == 0 {
		return
	}
	s.EngineOnDisk = true
	if s.Engine == "" {
		names := engines.Names()
		s.Engine = names[pick("tiers.engine.name", len(names))]
		s.EngineBytes = engineFiles[pick("tiers.engine.bytes", len(engineFiles))]
		s.CacheBytes = caches[pick("tiers.engine.cache", 2)] // little
	}
}

// validateTiers checks what a tape brought.
func (s *Setup) validateTiers() error {
	if s.Disks < 0 || s.Disks >= s.Nodes || s.EngineOnDisk && (s.Disks == 0 || s.Engine == "") || s.Disks > 0 && s.mixed() {
		return fmt.Errorf("%w: %d nodes of %d on disk, an engine there alone %v", ErrConfig, s.Disks, s.Nodes, s.EngineOnDisk)
	}
	if e := s.Elastic; e != nil && s.Disks > 0 && (s.Disks < s.Replicas || s.Disks >= e.Spare || s.Nodes-e.Spare < s.Replicas) {
		return fmt.Errorf("%w: a monitor, %d nodes on disk, %d that stand by, %d replicas", ErrConfig, s.Disks, e.Spare, s.Replicas)
	}
	return nil
}

// bytes is what each partition has of clients that are not simulated.
func (e *Elastic) bytes(now sim.Time) uint64 {
	for i := len(e.Loads) - 1; i >= 0; i-- {
		if l := &e.Loads[i]; sim.Time(l.AtMS)*sim.Millisecond <= now {
			return l.Bytes
		}
	}
	return 0
}

// early holds a decision by which a partition leaves a tier to what is to be by then: it is in the
// other one too, and all nodes there that own it, and run, serve it. Where there are two monitors, the
// other one may have decided otherwise meanwhile; and a disk may have lost that its node is an owner.
func (m *monitor) early(f member.Decision) {
	r, at := m.run, m.run.decided.Factors.At(f.Partition)
	if len(m.controllers) > 1 || f.Epoch != at.Epoch()+1 || r.lost.Lossy() || f.Replicas > 0 && f.Disk > 0 {
		return
	}
	if inMemory := at.Replicas() > 0 || at.Disk() == 0; f.Disk > 0 && at.Disk() == 0 || f.Disk == 0 && !inMemory {
		r.fail(Violation{Oracle: "elastic", Kind: "at once", Node: -1, Message: fmt.Sprintf("a monitor decides for %v, which has %v, in one step", f, at)})
	}
	if at.Replicas() == 0 || at.Disk() == 0 {
		return
	}
	for _, n := range r.setup.byTier(r.ring.Owners(f.Partition))[min(f.Disk, 1)] {
		if core := r.Running(n); core != nil && !core.Serves(f.Partition) {
			r.fail(Violation{Oracle: "elastic", Kind: "early", Node: int(n), Message: fmt.Sprintf(
				"a monitor decides for %v, which has %v, and node %d does not serve it yet", f, at, n)})
		}
	}
}

// between reports whether a partition is in both tiers, by what replicas have taken.
func (m *monitor) between() bool {
	for _, f := range m.run.decided.Factors {
		if f.Val.Replicas() > 0 && f.Val.Disk() > 0 {
			return true
		}
	}
	return false
}
