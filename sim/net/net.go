// Package net is the faulty network of the simulator: for each directed link
// messages are dropped, duplicated and delayed, and partitions cut links for a
// while (semantics of the design, section 4; the fault model follows the practice
// of deterministic simulation testing).
//
// Every fault is one decision under a lineage key, 0 being benign: without
// decisions each link is a FIFO of fixed latency. What an answer means does not
// depend on the [sim.Level] of its class, which sets only how often a random
// source gives one; so a recorded run replays with every class at [sim.Low], see
// [AskAll].
//
//	site           key             answer other than 0
//	net.drop       message         lost
//	net.duplicate  message         how many further copies, and how far they spread
//	net.delay      message, copy   which of twelve doubling delays is added
//	net.partition  grid tick       which links are cut, and for how long
//
// The package refuses to invent messages, to alter their bytes or to keep one
// that is cut off: a message gets through only if its link is open both when it is
// sent and when it arrives.
package net

import (
	"errors"
	"fmt"

	"github.com/joinery-go/joinery/gen/choice"
	"github.com/joinery-go/joinery/sim"
)

// ErrOptions reports options that describe no network.
var ErrOptions = errors.New("sim/net: invalid options")

// Faults is the level of each class of network fault.
type Faults struct {
	Drop, Duplicate, Delay, Partition sim.Level
}

// AskAll asks every class, for sources that take no notice of levels: replay,
// shrinking, exhaustive enumeration.
var AskAll = Faults{sim.Low, sim.Low, sim.Low, sim.Low}

// Swarm draws a level for each class, see [sim.SwarmLevel].
func Swarm(src choice.Source) Faults {
	return Faults{
		Drop:      sim.SwarmLevel(src, sim.Drop),
		Duplicate: sim.SwarmLevel(src, sim.Duplicate),
		Delay:     sim.SwarmLevel(src, sim.Delay),
		Partition: sim.SwarmLevel(src, sim.Partition),
	}
}

// Rates are the chances of a fault in thousandths, by level: for drops and
// duplicates per message, for delays per copy, for partitions per grid tick. The
// entry of sim.Off is not used.
type Rates struct {
	Drop, Duplicate, Delay, Partition [sim.NumLevels]int
}

// DefaultRates are the rates of Options that give none.
func DefaultRates() Rates {
	return Rates{
		Drop:      [sim.NumLevels]int{sim.Low: 20, sim.Extreme: 250},
		Duplicate: [sim.NumLevels]int{sim.Low: 20, sim.Extreme: 200},
		Delay:     [sim.NumLevels]int{sim.Low: 50, sim.Extreme: 300},
		Partition: [sim.NumLevels]int{sim.Low: 60, sim.Extreme: 350},
	}
}

// Options describe a network. The zero value of a field stands for its default.
type Options struct {
	// Faults is the level of each class; the zero value has none.
	Faults Faults
	// Rates are how often a level strikes, by default DefaultRates.
	Rates Rates
	// Latency is the least time a message takes, 1 ms by default. Delays and the
	// spread of copies are multiples of it.
	Latency sim.Time
	// Spread is how far links differ: each has a latency of its own, fixed, in
	// [Latency, Latency+Spread). By default it is Latency; negative is none.
	Spread sim.Time
	// Grid is the distance of the ticks at which partitions are asked for, 50 ms
	// by default. A partition begins within the tick after.
	Grid sim.Time
	// Partitionable is how many nodes, counted from node 0, partitions tear
	// apart; links of the others are never cut. 0 is all, 1 is none.
	Partitionable int
	// Reliable excepts links from drops, duplicates and delays; nil excepts none.
	// It is asked once for each link.
	Reliable func(from, to sim.NodeID) bool
}

// Net is a network for one world at a time; attaching it again resets it.
type Net struct {
	opts   Options
	fabric *sim.Fabric
	nodes  int
	links  []link
	parts  []partition

	drop, duplicate, delay, partition uint32 // rates as choice.Point wants them; 0 is not asked
}

// link is one directed link, at index from·nodes + to.
type link struct {
	latency  sim.Time
	cuts     int32 // partitions in force that cut it
	reliable bool
}

// New returns a network, or ErrOptions.
func New(o Options) (*Net, error) {
	levels := []sim.Level{o.Faults.Drop, o.Faults.Duplicate, o.Faults.Delay, o.Faults.Partition}
	for _, l := range levels {
		if l >= sim.NumLevels {
			return nil, fmt.Errorf("%w: Faults has level %d, need off, low or extreme", ErrOptions, l)
		}
	}
	if o.Latency < 0 || o.Latency > maxLatency || o.Grid < 0 || o.Spread > maxLatency || o.Partitionable < 0 {
		return nil, fmt.Errorf("%w: Latency %v, Spread %v, Grid %v, Partitionable %d: need 0 or more, latencies at most %v",
			ErrOptions, o.Latency, o.Spread, o.Grid, o.Partitionable, maxLatency)
	}
	if o.Rates == (Rates{}) {
		o.Rates = DefaultRates()
	}
	if o.Latency == 0 {
		o.Latency = sim.Millisecond
	}
	if o.Spread == 0 {
		o.Spread = o.Latency
	}
	if o.Grid == 0 {
		o.Grid = 50 * sim.Millisecond
	}
	return &Net{
		opts:      o,
		drop:      rare(o.Faults.Drop, o.Rates.Drop),
		duplicate: rare(o.Faults.Duplicate, o.Rates.Duplicate),
		delay:     rare(o.Faults.Delay, o.Rates.Delay),
		partition: rare(o.Faults.Partition, o.Rates.Partition),
	}, nil
}

// maxLatency keeps the longest delay, 2^12 latencies, far from overflow.
const maxLatency = 1000 * sim.Second

// rare is the rate of a level. A level in force with a rate of nothing is still
// asked, so that replay can answer.
func rare(l sim.Level, permille [sim.NumLevels]int) uint32 {
	if l == sim.Off {
		return 0
	}
	return max(choice.Permille(permille[l]), 1)
}

// Attach readies the network for a world.
func (n *Net) Attach(f *sim.Fabric) error {
	n.fabric, n.nodes = f, f.Nodes()
	if n.opts.Partitionable > n.nodes {
		return fmt.Errorf("%w: Partitionable is %d of %d nodes", ErrOptions, n.opts.Partitionable, n.nodes)
	}
	n.parts = n.parts[:0]
	n.links = make([]link, n.nodes*n.nodes)
	for i := range n.links {
		l := &n.links[i]
		l.latency = n.opts.Latency
		if n.opts.Spread > 0 {
			l.latency += sim.Time(choice.Mix(linkSeed, uint64(i)) % uint64(n.opts.Spread))
		}
		l.reliable = n.opts.Reliable != nil && n.opts.Reliable(sim.NodeID(i/n.nodes), sim.NodeID(i%n.nodes))
	}
	if n.partition != 0 && n.partitionable() > 1 {
		n.scheduleTick(1)
	}
	return nil
}

// linkSeed spreads latencies over links, alike in every run.
const linkSeed = 0x6c696e6b

func (n *Net) partitionable() int {
	if n.opts.Partitionable == 0 {
		return n.nodes
	}
	return n.opts.Partitionable
}

func (n *Net) link(from, to sim.NodeID) *link { return &n.links[int(from)*n.nodes+int(to)] }

// Latency is the time a message takes from one node to another without faults.
func (n *Net) Latency(from, to sim.NodeID) sim.Time { return n.link(from, to).latency }

// Open reports whether the link is not cut.
func (n *Net) Open(from, to sim.NodeID) bool { return n.link(from, to).cuts == 0 }

// A duplicate answer is 1 + spread·maxCopies + copies-1: copies further copies,
// each later than the first by up to latency·4^spread, by its lineage.
const (
	maxCopies = 3
	spreads   = 6 // up to 4^5 latencies, about a second: long after, across restarts
	delays    = 12
)

// Send decides what becomes of one message.
func (n *Net) Send(m sim.Envelope, out []sim.Delivery) []sim.Delivery {
	l := n.link(m.From, m.To)
	if l.cuts > 0 {
		return append(out, sim.Delivery{After: l.latency, Causes: sim.Classes(0).With(sim.Partition), Lost: true})
	}
	if l.reliable || !n.fabric.Faulty() {
		return append(out, sim.Delivery{After: l.latency})
	}
	if n.drop != 0 && n.fabric.Choose("net.drop", m.Key, 2, n.drop) != 0 {
		n.fabric.Decided(sim.Drop)
		return append(out, sim.Delivery{After: l.latency, Causes: sim.Classes(0).With(sim.Drop), Lost: true})
	}
	out = append(out, n.late(m.Key, sim.Delivery{After: l.latency}))
	if n.duplicate == 0 {
		return out
	}
	v := n.fabric.Choose("net.duplicate", m.Key, 1+maxCopies*spreads, n.duplicate)
	if v == 0 {
		return out
	}
	n.fabric.Decided(sim.Duplicate)
	span := uint64(n.opts.Latency) << (2 * ((v - 1) / maxCopies))
	for i := range uint16(1 + (v-1)%maxCopies) {
		key := sim.CopyKey(m.Key, i+1)
		after := l.latency + sim.Time(choice.Mix(key, span)%span)
		out = append(out, n.late(key, sim.Delivery{After: after, Copy: i + 1, Causes: sim.Classes(0).With(sim.Duplicate)}))
	}
	return out
}

// late decides whether an arrival is delayed. Answer v adds at least 2^(v-1) half
// latencies and less than twice that, by lineage; all answers being equally
// likely, the delay has a heavy tail, up to about four thousand latencies.
func (n *Net) late(key sim.Key, d sim.Delivery) sim.Delivery {
	if n.delay == 0 {
		return d
	}
	v := n.fabric.Choose("net.delay", key, 1+delays, n.delay)
	if v == 0 {
		return d
	}
	n.fabric.Decided(sim.Delay)
	span := max(uint64(n.opts.Latency)/2, 1) << (v - 1)
	d.After += sim.Time(span + choice.Mix(key, v)%span)
	d.Causes = d.Causes.With(sim.Delay)
	return d
}
