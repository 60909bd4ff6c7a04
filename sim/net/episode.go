package net

import (
	"fmt"

	"github.com/joinery-go/joinery/gen/choice"
	"github.com/joinery-go/joinery/sim"
)

// An episode is trouble on some links for a while, beyond plain partitions. Each
// class is asked once a grid tick, under sim.NetworkKey(tick, class); an answer v
// other than 0 is
//
//	net.burst   1 + duration·burstDetails + detail           which link is in its bad state
//	net.clog    1 + (duration·details + detail)·shapes + shape   which links hold their messages
//	net.bridge  1 + (duration·details + detail)·shapes + shape   how the nodes fall apart
//	net.flap    1 + (duration·details + detail)·shapes + shape   what comes and goes
//	net.filter  1 + duration·kinds + position                which kind of message is lost
//
// It begins within the tick and lasts between one and two times the grid, doubled
// for each step of duration, by lineage.
type episode struct {
	class  sim.Class
	key    sim.Key
	links  []int       // concerned, as from·nodes + to
	kind   sim.MsgKind // of a filter
	length sim.Time
	end    sim.Time
	on     bool // a flapping cut is down at present
	note   string
}

const burstDetails = 64

// Shapes of clogs.
const (
	clogLink    = iota // one link
	clogInto           // all links into a node
	clogSwizzle        // the links of half the nodes, each released at a moment of its own
	clogShapes
)

// Shapes of bridges.
const (
	bridgeTwo    = iota // two sides that only one node in between hears and is heard by
	bridgeMajors        // each node hears a majority, no two the same
	bridgeShapes
)

// Shapes of flapping.
const (
	flapNode = iota // one node is cut off and back
	flapPair        // two nodes are
	flapShapes
)

// episodeClasses are asked in this order at each tick.
var episodeClasses = [...]sim.Class{sim.Burst, sim.Clog, sim.Bridge, sim.Flap, sim.Filter}

var episodeSites = map[sim.Class]string{
	sim.Burst: "net.burst", sim.Clog: "net.clog", sim.Bridge: "net.bridge", sim.Flap: "net.flap", sim.Filter: "net.filter",
}

// Tokens of episodes have 0 in the bits that tell the ticks of partitions, above
// them what is due, and then the tick or the position of the episode.
const (
	epTick = iota
	epBegin
	epEnd
	epFlip
	epBits = 2
)

func epToken(i, due int) uint64 { return (uint64(i)<<epBits | uint64(due)) << dueBits }

// answers is the number of answers of a class.
func (n *Net) answers(c sim.Class) uint64 {
	switch c {
	case sim.Burst:
		return 1 + durations*burstDetails
	case sim.Clog:
		return 1 + durations*details*clogShapes
	case sim.Bridge:
		return 1 + durations*details*bridgeShapes
	case sim.Flap:
		return 1 + durations*details*flapShapes
	}
	return 1 + durations*uint64(len(n.opts.Kinds))
}

// scheduleEpisodes asks for the next tick if any class is in force.
func (n *Net) scheduleEpisodes(t int64) {
	for _, c := range episodeClasses {
		if n.episodeRare[c] != 0 {
			n.fabric.Schedule(sim.Time(t)*n.opts.Grid-n.fabric.Now(), epToken(int(t), epTick), sim.NetworkKey(t, 0))
			return
		}
	}
}

// episodeTick decides, begins, flips or ends episodes.
func (n *Net) episodeTick(token uint64, key sim.Key) {
	i, due := int(token>>epBits), token&(1<<epBits-1)
	if due == epTick {
		for _, c := range episodeClasses {
			if n.episodeRare[c] == 0 || n.partitionable() < 2 {
				continue
			}
			k := sim.NetworkKey(int64(i), uint64(c))
			if v := n.fabric.Choose(episodeSites[c], k, n.answers(c), n.episodeRare[c]); v != 0 {
				n.fabric.Decided(c)
				n.plan(c, k, v-1)
			}
		}
		n.scheduleEpisodes(int64(i) + 1)
		return
	}
	e := &n.episodes[i]
	switch due {
	case epBegin:
		e.end = n.fabric.Now() + e.length
		n.apply(e, 1)
		n.fabric.Trace(key, uint64(e.class), func() string { return e.note })
		n.fabric.Schedule(e.length, epToken(i, epEnd), choice.Mix(e.key, branchEnd))
		n.flip(i, 1)
	case epFlip:
		if n.fabric.Now() < e.end {
			e.on = !e.on
			n.apply(e, map[bool]int32{true: 1, false: -1}[e.on])
			n.flip(i, uint64(n.fabric.Now()))
		}
	case epEnd:
		if e.on {
			n.apply(e, -1)
		}
		n.fabric.Trace(key, uint64(e.class), func() string { return "links restored: " + e.note })
	}
}

// flip schedules the next change of a flapping cut, within a quarter of the grid.
func (n *Net) flip(i int, salt uint64) {
	if e := &n.episodes[i]; e.class == sim.Flap {
		after := 1 + sim.Time(choice.Mix(e.key, salt)%uint64(max(n.opts.Grid/4, 1)))
		n.fabric.Schedule(after, epToken(i, epFlip), e.key)
	}
}

// plan turns answer v+1 of a class into an episode and schedules its beginning.
func (n *Net) plan(c sim.Class, key sim.Key, v uint64) {
	e := episode{class: c, key: key}
	var duration uint64
	count := n.partitionable()
	switch c {
	case sim.Burst:
		duration = v / burstDetails
		from, to := n.pair(v % burstDetails)
		e.links, e.note = []int{from*n.nodes + to}, fmt.Sprintf("burst of loss n%d→n%d", from, to)
	case sim.Filter:
		duration = v / uint64(len(n.opts.Kinds))
		e.kind = n.opts.Kinds[v%uint64(len(n.opts.Kinds))]
		e.note = fmt.Sprintf("loss of every message of kind %d", e.kind)
	case sim.Clog:
		shape, rest := v%clogShapes, v/clogShapes
		duration = rest / details
		e.links, e.note = n.clog(shape, rest%details, key)
	case sim.Bridge:
		shape, rest := v%bridgeShapes, v/bridgeShapes
		duration = rest / details
		e.links, e.note = n.bridge(shape, choice.Mix(key, 16+rest%details))
	case sim.Flap:
		shape, rest := v%flapShapes, v/flapShapes
		duration = rest / details
		a, b := n.pair(rest % details)
		e.note = fmt.Sprintf("flapping n%d≁n%d", a, b)
		for other := range count {
			if other == b || shape == flapNode && other != a {
				e.links = append(e.links, a*n.nodes+other, other*n.nodes+a)
			}
		}
		if shape == flapNode {
			e.note = fmt.Sprintf("flapping n%d≁all", a)
		}
	}
	length := uint64(n.opts.Grid) << duration
	e.length = sim.Time(length + choice.Mix(key, 1)%length)
	e.note = fmt.Sprintf("%s for %v", e.note, e.length)
	n.episodes = append(n.episodes, e)
	n.fabric.Schedule(sim.Time(choice.Mix(key, 2)%uint64(n.opts.Grid)), epToken(len(n.episodes)-1, epBegin), key)
}

// pair is ordered pair number i of different nodes, wrapping around.
func (n *Net) pair(i uint64) (from, to int) {
	count := uint64(n.partitionable())
	i %= count * (count - 1)
	from, to = int(i/(count-1)), int(i%(count-1))
	if to >= from {
		to++
	}
	return from, to
}

func (n *Net) clog(shape, detail uint64, key sim.Key) ([]int, string) {
	count := n.partitionable()
	switch shape {
	case clogLink:
		from, to := n.pair(detail)
		return []int{from*n.nodes + to}, fmt.Sprintf("clogged n%d→n%d", from, to)
	case clogInto:
		to := int(detail) % count
		return n.where(func(from, at int) bool { return at == to && from != to }), fmt.Sprintf("clogged all→n%d", to)
	}
	h := choice.Mix(key, 16+detail)
	in := func(i int) bool { return choice.Mix(h, uint64(i))&1 == 1 || i == int(h%uint64(count)) }
	return n.where(func(from, to int) bool { return from != to && (in(from) || in(to)) }), "clogged and swizzled"
}

// bridge is the links to cut. Which nodes are where is by the hash h.
func (n *Net) bridge(shape uint64, h uint64) ([]int, string) {
	count := n.partitionable()
	place := make([]int, count) // of each node in a line, shuffled by h
	for i := range place {
		j := int(choice.Mix(h, uint64(i)) % uint64(i+1))
		place[i] = place[j]
		place[j] = i
	}
	if shape == bridgeTwo {
		middle := count / 2
		return n.where(func(from, to int) bool {
			return place[from] < middle && place[to] > middle || place[from] > middle && place[to] < middle
		}), "two sides and a bridge"
	}
	majority := count/2 + 1
	return n.where(func(from, to int) bool {
		return (place[from]-place[to]+count)%count >= majority
	}), "overlapping majorities"
}

// where lists the links between partitionable nodes that hold.
func (n *Net) where(hold func(from, to int) bool) (links []int) {
	for from := range n.partitionable() {
		for to := range n.partitionable() {
			if hold(from, to) {
				links = append(links, from*n.nodes+to)
			}
		}
	}
	return links
}

// apply puts an episode in force (by 1) or ends it (by -1).
func (n *Net) apply(e *episode, by int32) {
	e.on = by > 0
	if e.class == sim.Filter {
		n.filtered[e.kind] += by
		return
	}
	for _, at := range e.links {
		l := &n.links[at]
		switch e.class {
		case sim.Burst:
			l.bursts += by
		case sim.Bridge:
			l.bridged += by
			l.cuts += by
		case sim.Flap:
			l.flapped += by
			l.cuts += by
		case sim.Clog:
			if by > 0 {
				l.clogged = max(l.clogged, n.release(e, at))
			}
		}
	}
}

// release is when a clogged link lets go of what it holds: all links at the end,
// but those of a swizzled clog each at a moment of the second half.
func (n *Net) release(e *episode, at int) sim.Time {
	if len(e.links) < 2 {
		return e.end
	}
	return e.end - sim.Time(choice.Mix(e.key, 64+uint64(at))%uint64(max(e.length/2, 1)))
}

// CutBy names the class of fault that closes a link that is not open.
func (n *Net) CutBy(from, to sim.NodeID) sim.Class {
	switch l := n.link(from, to); {
	case l.cuts > l.bridged+l.flapped:
		return sim.Partition
	case l.bridged > 0:
		return sim.Bridge
	}
	return sim.Flap
}

// lostTo is the class of episode that a message is lost to, if one is. In a burst
// three messages in four are lost, by their lineage.
func (n *Net) lostTo(l *link, m sim.Envelope) (sim.Class, bool) {
	switch {
	case n.filtered[m.Kind] > 0:
		return sim.Filter, true
	case l.bursts > 0 && choice.Mix(m.Key, burstSeed)&3 != 0:
		return sim.Burst, true
	}
	return 0, false
}

const burstSeed = 0x62757273

// A corruption answer is odd for cutting the message short, even for flipping
// bits.
const corruptions = 16

// finish does to the arrivals of one message what does not depend on how they
// came about: clogged links hold them, bits flip, and order and queues are kept.
func (n *Net) finish(l *link, m sim.Envelope, out []sim.Delivery) {
	now := n.fabric.Now()
	for i := range out {
		d := &out[i]
		if l.clogged > now {
			held := l.clogged - now
			d.After = held + l.latency + sim.Time(choice.Mix(m.Key, uint64(d.Copy))%uint64(n.opts.Latency))
			d.Causes = d.Causes.With(sim.Clog)
		}
		if n.corrupt != 0 && m.Size > 0 {
			k := sim.CopyKey(m.Key, d.Copy)
			if v := n.fabric.Choose("net.corrupt", k, 1+corruptions, n.corrupt); v != 0 {
				n.fabric.Decided(sim.Corrupt)
				d.Damage = max(choice.Mix(k, v)<<1, 2) | v&1
				d.Causes = d.Causes.With(sim.Corrupt)
			}
		}
		if n.opts.FIFO && d.Copy == 0 {
			d.After = max(d.After, l.last-now+1)
			l.last = now + d.After
		}
		if n.opts.Queue > 0 && !l.admit(now, now+d.After, n.opts.Queue) {
			d.Lost, d.Causes = true, d.Causes.With(sim.Queue)
			n.fabric.Decided(sim.Queue)
		}
	}
}

// admit takes a message that will arrive at a time into the queue of the link, if
// fewer than bound are under way.
func (l *link) admit(now, arrival sim.Time, bound int) bool {
	keep := l.queue[:0]
	for _, at := range l.queue {
		if at > now {
			keep = append(keep, at)
		}
	}
	l.queue = keep
	if len(keep) >= bound {
		return false
	}
	l.queue = append(keep, arrival)
	return true
}
