// Package net is the faulty network of the simulator: for each directed link
// messages are dropped, duplicated and delayed, and partitions cut links for a
// while. The fault model follows the practice of deterministic simulation testing.
//
// Every fault is one decision under a lineage key, 0 being benign: without
// decisions each link is a FIFO of fixed latency. What an answer means does not
// depend on the [sim.Level] of its class, which sets only how often a random
// source gives one; so a recorded run replays with every class at [sim.Low], see
// [AskEvery].
//
//	site           key             answer other than 0
//	net.drop       message         lost
//	net.duplicate  message         how many further copies, and how far they spread
//	net.delay      message, copy   which of twelve doubling delays is added
//	net.partition  grid tick       which links are cut, and for how long
//	net.corrupt    message, copy   bits flip, or the end is missing
//	net.burst      grid tick       a link is in its bad state and loses three messages in four
//	net.clog       grid tick       links hold their messages, to release them in a burst
//	net.bridge     grid tick       two sides with a bridge, or a majority of its own for each node
//	net.flap       grid tick       a cut that comes and goes
//	net.filter     grid tick       all messages of one kind are lost
//
// A queue of bounded length and FIFO order are properties of the links, no
// decisions. The package refuses to invent messages or to keep one
// that is cut off: a message gets through only if its link is open both when it is
// sent and when it arrives.
package net

import (
	"errors"
	"fmt"
	"slices"

	"github.com/joinery-go/joinery/gen/choice"
	"github.com/joinery-go/joinery/sim"
)

// ErrOptions reports options that describe no network.
var ErrOptions = errors.New("sim/net: invalid options")

// Faults is the level of each class of network fault.
type Faults struct {
	Drop, Duplicate, Delay, Partition          sim.Level
	Burst, Clog, Bridge, Flap, Filter, Corrupt sim.Level
}

// AskAll asks the four classes of [Swarm], and AskEvery all there are, for sources
// that take no notice of levels: replay, shrinking, exhaustive enumeration.
var (
	AskAll   = Faults{Drop: sim.Low, Duplicate: sim.Low, Delay: sim.Low, Partition: sim.Low}
	AskEvery = Faults{
		Drop: sim.Low, Duplicate: sim.Low, Delay: sim.Low, Partition: sim.Low, Burst: sim.Low,
		Clog: sim.Low, Bridge: sim.Low, Flap: sim.Low, Filter: sim.Low, Corrupt: sim.Low,
	}
)

// Swarm draws a level for each of the first four classes, see [sim.SwarmLevel].
func Swarm(src choice.Source) Faults {
	return Faults{
		Drop:      sim.SwarmLevel(src, sim.Drop),
		Duplicate: sim.SwarmLevel(src, sim.Duplicate),
		Delay:     sim.SwarmLevel(src, sim.Delay),
		Partition: sim.SwarmLevel(src, sim.Partition),
	}
}

// SwarmAll draws a level for every class.
func SwarmAll(src choice.Source) Faults {
	f := Swarm(src)
	f.Burst, f.Clog = sim.SwarmLevel(src, sim.Burst), sim.SwarmLevel(src, sim.Clog)
	f.Bridge, f.Flap = sim.SwarmLevel(src, sim.Bridge), sim.SwarmLevel(src, sim.Flap)
	f.Filter, f.Corrupt = sim.SwarmLevel(src, sim.Filter), sim.SwarmLevel(src, sim.Corrupt)
	return f
}

// Rates are the chances of a fault in thousandths, by level: for drops and
// duplicates per message, for delays and corruption per copy, for the others per
// grid tick. The entry of sim.Off is not used.
type Rates struct {
	Drop, Duplicate, Delay, Partition          [sim.NumLevels]int
	Burst, Clog, Bridge, Flap, Filter, Corrupt [sim.NumLevels]int
}

// DefaultRates are the rates of Options that give none.
func DefaultRates() Rates {
	return Rates{
		Drop:      [sim.NumLevels]int{sim.Low: 20, sim.Extreme: 250},
		Duplicate: [sim.NumLevels]int{sim.Low: 20, sim.Extreme: 200},
		Delay:     [sim.NumLevels]int{sim.Low: 50, sim.Extreme: 300},
		Partition: [sim.NumLevels]int{sim.Low: 60, sim.Extreme: 350},
		Burst:     [sim.NumLevels]int{sim.Low: 60, sim.Extreme: 400},
		Clog:      [sim.NumLevels]int{sim.Low: 60, sim.Extreme: 400},
		Bridge:    [sim.NumLevels]int{sim.Low: 40, sim.Extreme: 300},
		Flap:      [sim.NumLevels]int{sim.Low: 40, sim.Extreme: 300},
		Filter:    [sim.NumLevels]int{sim.Low: 30, sim.Extreme: 200},
		Corrupt:   [sim.NumLevels]int{sim.Low: 20, sim.Extreme: 200},
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
	// Reliable excepts links from drops, duplicates, delays and all else that is
	// not a cut; nil excepts none. It is asked once for each link.
	Reliable func(from, to sim.NodeID) bool
	// Spare excepts kinds of messages from the same; nil excepts none.
	Spare func(kind sim.MsgKind) bool
	// Kinds is what a filter can choose from; without any, none is asked for.
	Kinds []sim.MsgKind
	// Queue is how many messages can be under way on a link, 0 any number. One
	// more is lost, while faults last.
	Queue int
	// FIFO keeps the messages of a link in order, copies apart: a delayed one
	// holds up those behind it.
	FIFO bool
}

// Net is a network for one world at a time; attaching it again resets it.
type Net struct {
	opts   Options
	fabric *sim.Fabric
	nodes  int
	links  []link
	parts  []partition

	episodes []episode
	filtered map[sim.MsgKind]int32 // filters in force, by kind
	rich     bool                  // finish has something to do

	drop, duplicate, delay, partition, corrupt uint32 // rates as choice.Point wants them; 0 is not asked
	episodeRare                                [sim.AllClasses]uint32
}

// link is one directed link, at index from·nodes + to.
type link struct {
	latency  sim.Time
	cuts     int32 // partitions, bridges and flaps in force that cut it
	bridged  int32 // bridges among them
	flapped  int32 // flaps among them
	bursts   int32
	reliable bool
	clogged  sim.Time   // until when it holds its messages
	last     sim.Time   // when the last message arrives
	queue    []sim.Time // when what is under way arrives, kept with a bound only
}

// New returns a network, or ErrOptions.
func New(o Options) (*Net, error) {
	n := new(Net)
	if err := n.Reset(o); err != nil {
		return nil, err
	}
	return n, nil
}

// Reset makes n a new network in the memory of what it was. After an error it is
// what it was.
func (n *Net) Reset(o Options) error {
	f := o.Faults
	for _, l := range []sim.Level{f.Drop, f.Duplicate, f.Delay, f.Partition, f.Burst, f.Clog, f.Bridge, f.Flap, f.Filter, f.Corrupt} {
		if l >= sim.NumLevels {
			return fmt.Errorf("%w: Faults has level %d, need off, low or extreme", ErrOptions, l)
		}
	}
	if o.Latency < 0 || o.Latency > maxLatency || o.Grid < 0 || o.Spread > maxLatency || o.Partitionable < 0 || o.Queue < 0 {
		return fmt.Errorf("%w: Latency %v, Spread %v, Grid %v, Partitionable %d, Queue %d: need 0 or more, latencies at most %v",
			ErrOptions, o.Latency, o.Spread, o.Grid, o.Partitionable, o.Queue, maxLatency)
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
	*n = Net{
		links: n.links, parts: n.parts, episodes: n.episodes, filtered: n.filtered,
		opts:      o,
		drop:      rare(f.Drop, o.Rates.Drop),
		duplicate: rare(f.Duplicate, o.Rates.Duplicate),
		delay:     rare(f.Delay, o.Rates.Delay),
		partition: rare(f.Partition, o.Rates.Partition),
		corrupt:   rare(f.Corrupt, o.Rates.Corrupt),
	}
	n.episodeRare[sim.Burst] = rare(f.Burst, o.Rates.Burst)
	n.episodeRare[sim.Clog] = rare(f.Clog, o.Rates.Clog)
	n.episodeRare[sim.Bridge] = rare(f.Bridge, o.Rates.Bridge)
	n.episodeRare[sim.Flap] = rare(f.Flap, o.Rates.Flap)
	if len(o.Kinds) > 0 {
		n.episodeRare[sim.Filter] = rare(f.Filter, o.Rates.Filter)
	}
	n.rich = f.Clog != sim.Off || f.Corrupt != sim.Off || o.Queue > 0 || o.FIFO
	return nil
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
	n.parts, n.episodes = n.parts[:0], n.episodes[:0]
	clear(n.filtered)
	if n.filtered == nil {
		n.filtered = map[sim.MsgKind]int32{}
	}
	n.links = slices.Grow(n.links[:0], n.nodes*n.nodes)[:n.nodes*n.nodes]
	for i := range n.links {
		l := &n.links[i]
		*l = link{queue: l.queue[:0]}
		l.latency = n.opts.Latency
		if n.opts.Spread > 0 {
			l.latency += sim.Time(choice.Mix(linkSeed, uint64(i)) % uint64(n.opts.Spread))
		}
		l.reliable = n.opts.Reliable != nil && n.opts.Reliable(sim.NodeID(i/n.nodes), sim.NodeID(i%n.nodes))
	}
	if n.partition != 0 && n.partitionable() > 1 {
		n.scheduleTick(1)
	}
	n.scheduleEpisodes(1)
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
		return append(out, sim.Delivery{After: l.latency, Causes: sim.Classes(0).With(n.CutBy(m.From, m.To)), Lost: true})
	}
	if l.reliable || !n.fabric.Faulty() || n.opts.Spare != nil && n.opts.Spare(m.Kind) {
		return append(out, sim.Delivery{After: l.latency})
	}
	if len(n.episodes) > 0 {
		if c, lost := n.lostTo(l, m); lost {
			return append(out, sim.Delivery{After: l.latency, Causes: sim.Classes(0).With(c), Lost: true})
		}
	}
	first := len(out)
	out = n.arrivals(l, m, out)
	if n.rich && !out[first].Lost {
		n.finish(l, m, out[first:])
	}
	return out
}

// arrivals decides whether a message is dropped, copied or late.
func (n *Net) arrivals(l *link, m sim.Envelope, out []sim.Delivery) []sim.Delivery {
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
