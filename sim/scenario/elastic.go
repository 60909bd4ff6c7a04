package scenario

import (
	"fmt"
	"slices"

	"github.com/joinery-go/joinery/gen/choice"
	"github.com/joinery-go/joinery/kvs"
	"github.com/joinery-go/joinery/kvs/elastic"
	"github.com/joinery-go/joinery/kvs/member"
	"github.com/joinery-go/joinery/kvs/policy"
	"github.com/joinery-go/joinery/kvs/ring"
	"github.com/joinery-go/joinery/sim"
)

// In a share of the seeds nobody has planned who comes and goes, and how many replicas partitions
// have: a monitor decides (package elastic), a node of the world that sees what replicas report and
// asks them for changes as far as the network lets it. To what the plan asks of replicas comes a
// load of many clients that are not simulated one by one: requests that a replica is busy with,
// most of them for one partition, and later for another one. Nodes stand by that may be added. The
// monitor may start anew with nothing, and there may be two that do not know of each other.
//
// What clients and oracles go by is what replicas were asked for and took ([run.settled]), which
// changes as the run goes on; who is to own what in the end is known only then. The tape has what
// was drawn, from which the same decisions come again.

// Elastic is what a run has whose members and factors a monitor decides about.
type Elastic struct {
	Spare int      `json:"spare"`            // nodes that stand by, the last of the run's
	Loads []Load   `json:"loads"`            // one after the other
	Anew  []uint64 `json:"anew,omitempty"`   // when the monitor starts anew, in milliseconds
	Two   uint64   `json:"two_ms,omitempty"` // from when there is a second one; 0 is never
}

// Load is one that lasts until the next.
type Load struct {
	AtMS      uint64 `json:"at_ms"`
	Partition int    `json:"partition"` // the hot one
	Hot       int    `json:"hot"`       // of a node's time, in percent, its requests take
	Others    int    `json:"others"`    // and those of each other one

	Bytes uint64 `json:"bytes,omitempty"` // that each partition has beside what the plan writes
}

// Of the monitor, and what it goes by.
const (
	pollGap       = 10 * sim.Millisecond
	periodMS      = 40
	askMS         = 20
	requestUS     = 1000     // a request takes of a node's time
	decidedBefore = quietFor // the last decision was, when the run is at rest
	nodeBytes     = 1 << 20  // that a node can store
	asking        = 1 << 50  // above what operators ask for: what a monitor does
	latestAsk     = 30       // milliseconds that an ask takes at most
	mostAtRest    = 30       // percent of a node's time for a partition, so that none is behind for ever
	givenUp       = 100_000  // microseconds that clients wait at a node, and no longer
	tooLate       = 20_000   // microseconds that a request waits at a node that is behind
	mostLoads     = 16       // of a tape
	mostPercent   = 1000     // of a load of a tape
	mostBytes     = 1 << 40  // of a load of a tape
	spareNodes    = 3        // that stand by
	monitorTimer  = sim.TimerID(1)
)

// drawElastic draws whether a monitor decides, and for what load.
func (s *Setup) drawElastic(c Config, pick func(site string, n int) int) {
	mayDraw := c.Nodes == 0 && c.Faults != "off" && len(s.Moves)+len(s.Decisions) == 0 && !s.mixed() && s.long() == 1
	if !mayDraw || pick("elastic", elasticEvery) != 0 && !c.Elastic {
		return
	}
	if s.Nodes == MinNodes || pick("elastic.few", 4) > 0 {
		s.Replicas = fewReplicas
	}
	e := &Elastic{Spare: spareNodes}
	s.Nodes += e.Spare
	first := pick("elastic.first", s.Partitions)
	part := func(percent int) uint64 { return s.HorizonMS * uint64(percent) / 100 }
	hot := []int{150, 250, 400}[pick("elastic.hot", 3)]
	others := 10 + 20*pick("elastic.others", 3)
	e.Loads = []Load{
		{Others: others},
		{AtMS: part(10), Partition: first, Hot: hot, Others: others},
		{AtMS: part(45 + pick("elastic.shift", 20)), Partition: (first + 1) % s.Partitions, Hot: hot, Others: others},
		{AtMS: s.HorizonMS, Others: min(others*pick("elastic.rest", 3), mostAtRest)},
	}
	if s.Faults[sim.Restore] == sim.Off && s.Faults[sim.Rot] == sim.Off { // else what a disk loses a monitor has to ask for again that remembers
		for i := range pick("elastic.anew", 3) {
			e.Anew = append(e.Anew, part(20+35*i+pick(fmt.Sprint("elastic.anew", i), 35)))
		}
	}
	if pick("elastic.two", 3) == 2 {
		e.Two = 1 + part(pick("elastic.second", 60))
	}
	s.Elastic = e
	s.drawElasticTiers(c, pick)
}

// elasticEvery is in how many seeds there is one with a monitor, of those that may have one.
const elasticEvery = 12

// standsBy reports whether a node is one that a monitor may add.
func (s *Setup) standsBy(n int) bool { return s.Elastic != nil && n >= s.Nodes-s.Elastic.Spare }

// validateElastic checks what a tape brought.
func (s *Setup) validateElastic() error {
	e := s.Elastic
	if e == nil {
		return nil
	}
	if e.Spare < 1 || e.Spare >= s.Nodes || s.Nodes-e.Spare < s.Replicas || len(s.Moves)+len(s.Decisions) > 0 || s.mixed() || len(e.Loads) > mostLoads || len(e.Anew) > mostLoads {
		return fmt.Errorf("%w: a monitor, %d nodes of which %d stand by, %d replicas, %d moves and %d decisions", ErrConfig, s.Nodes, e.Spare, s.Replicas, len(s.Moves), len(s.Decisions))
	}
	for i, l := range e.Loads {
		if l.Partition < 0 || l.Partition >= s.Partitions || min(l.Hot, l.Others) < 0 || max(l.Hot, l.Others) > mostPercent || l.Bytes > mostBytes || l.AtMS > s.HorizonMS || i > 0 && l.AtMS < e.Loads[i-1].AtMS {
			return fmt.Errorf("%w: load %d: partition %d of %d, %d and %d percent, at %d ms", ErrConfig, i, l.Partition, s.Partitions, l.Hot, l.Others, l.AtMS)
		}
	}
	return nil
}

// targets are what the policy of a monitor works towards: one node of those that stand by is too
// many.
func (s *Setup) targets() policy.Targets {
	return policy.Targets{
		LatencyMS: 3, StorageHigh: 0.9, StorageLow: 0.5, BusyHigh: 0.7, BusyLow: 0.25,
		MinFactor: s.Replicas, MaxNodes: [2]int{s.Nodes - s.Disks - 1, s.Disks}, Promote: promoted, Demote: demoted, Settle: 1, MaxMoves: 8,
	}
}

// load is the share of a node's time that the requests for a partition take.
func (e *Elastic) load(now sim.Time, p ring.Partition) float64 {
	for i := len(e.Loads) - 1; i >= 0; i-- {
		switch l := &e.Loads[i]; {
		case sim.Time(l.AtMS)*sim.Millisecond > now:
		case l.Partition == int(p) && l.Hot > 0:
			return float64(l.Hot) / 100
		default:
			return float64(l.Others) / 100
		}
	}
	return 0
}

// monitorNode is the node of the monitor.
func (r *run) monitorNode() sim.NodeID {
	n := r.setup.Nodes + r.setup.Sessions + r.setup.Watchers
	if r.setup.Hostile {
		n++
	}
	return sim.NodeID(n)
}

// took notes what a replica was asked for by a monitor and took.
func (r *run) took(a *elastic.Ask) { r.pending = append(r.pending, askedFor(a)) }

// settled has all go by what was taken, and is gone by.
func (r *run) settled() {
	before := r.decided
	r.pending = slices.DeleteFunc(r.pending, func(v member.View) bool {
		for n := range r.setup.Nodes {
			core := r.Running(ring.NodeID(n))
			if core != nil && (member.View{Members: core.View(), Factors: core.Factors()}).Includes(v) {
				r.decided = r.decided.Raise(v)
				return true
			}
		}
		return false
	})
	if before.Includes(r.decided) {
		return
	}
	ring, err := ring.Tiered(r.decided.Members.In(member.Active, member.Joining), r.setup.Partitions, r.setup.Replicas, r.setup.disks(), r.decided.Factors.Vector)
	if err != nil {
		r.err = err
		return
	}
	r.ring = ring
}

// askedFor is the view that a monitor asks for.
func askedFor(a *elastic.Ask) member.View {
	if c := a.Event.Change; a.Event.Kind == kvs.EventMember {
		return member.View{Members: member.Set{{Key: c.Node, Val: member.In(c.Life, c.To)}}}
	}
	f := a.Event.Factor
	return member.View{Factors: member.Factors{{Key: f.Partition, Val: f.Factor()}}}
}

// delayed is how long an ask takes.
func (r *run) delayed(at int) sim.Time {
	draw := choice.Mix(choice.MixString(r.setup.Seed, "asks"), uint64(at))
	if draw%4 > 0 {
		return sim.Millisecond
	}
	return sim.Time(1+draw>>8%latestAsk) * sim.Millisecond
}
