package net

import (
	"fmt"
	"strings"

	"github.com/joinery-go/joinery/gen/choice"
	"github.com/joinery-go/joinery/sim"
)

// A partition answer is 1 + (duration·details + detail)·shapes + shape.
const (
	shapes    = 5
	details   = 16
	durations = 4
)

// The shapes of partitions. Detail names the node alone, or which split.
const (
	isolate = iota // one node and the rest do not hear each other
	split          // two sides do not hear each other
	deaf           // one node hears nobody
	mute           // nobody hears one node
	oneWay         // one side does not hear the other
)

// PartitionAnswers is the number of answers to net.partition, for whoever writes
// tapes by hand or enumerates them.
const PartitionAnswers = 1 + shapes*details*durations

// Tokens of ticks: what is due, and for which tick or partition.
const (
	dueTick = iota + 1
	dueBegin
	dueEnd
	dueBits = 2
)

// branchEnd makes the lineage of a partition's end from that of the partition.
const branchEnd = 2

// partition is one decided partition.
type partition struct {
	key    sim.Key
	shape  int
	side   []bool // nodes that are on the named side
	length sim.Time
}

// scheduleTick asks for the call at grid tick t, which lies ahead.
func (n *Net) scheduleTick(t int64) {
	n.fabric.Schedule(sim.Time(t)*n.opts.Grid-n.fabric.Now(), uint64(t)<<dueBits|dueTick, sim.NetworkKey(t, 0))
}

// Tick decides, begins or ends a partition.
func (n *Net) Tick(token uint64, key sim.Key) {
	i := int(token >> dueBits)
	if token&(1<<dueBits-1) == 0 {
		n.episodeTick(uint64(i), key)
		return
	}
	switch token & (1<<dueBits - 1) {
	case dueTick:
		n.decide(key)
		n.scheduleTick(int64(i) + 1)
	case dueBegin:
		p := &n.parts[i]
		n.cut(p, 1)
		n.fabric.Trace(p.key, uint64(i), func() string { return p.describe() })
		n.fabric.Schedule(p.length, uint64(i)<<dueBits|dueEnd, choice.Mix(p.key, branchEnd))
	case dueEnd:
		n.cut(&n.parts[i], -1)
		n.fabric.Trace(key, uint64(i), func() string { return "links restored: " + n.parts[i].describe() })
	}
}

// decide asks whether a partition begins within the coming tick. It begins, and
// how long exactly it lasts, by lineage: between one and two times the
// duration, which is the grid, doubled once for each step.
func (n *Net) decide(key sim.Key) {
	v := n.fabric.Choose("net.partition", key, PartitionAnswers, n.partition)
	if v == 0 {
		return
	}
	n.fabric.Decided(sim.Partition)
	shape, rest := int((v-1)%shapes), (v-1)/shapes
	detail, duration := rest%details, rest/details
	length := uint64(n.opts.Grid) << duration
	p := partition{key: key, shape: shape, length: sim.Time(length + choice.Mix(key, 1)%length)}
	p.side = n.side(shape, detail, key)
	n.parts = append(n.parts, p)
	begin := sim.Time(choice.Mix(key, 2) % uint64(n.opts.Grid))
	n.fabric.Schedule(begin, uint64(len(n.parts)-1)<<dueBits|dueBegin, key)
}

// side names the nodes of one side: the node alone, or a split by lineage in
// which neither side is empty.
func (n *Net) side(shape int, detail uint64, key sim.Key) []bool {
	count := n.partitionable()
	side := make([]bool, count)
	if shape != split && shape != oneWay {
		side[detail%uint64(count)] = true
		return side
	}
	h, members := choice.Mix(key, 16+detail), 0
	for i := range side {
		if choice.Mix(h, uint64(i))&1 == 1 {
			side[i] = true
			members++
		}
	}
	if members == 0 || members == count {
		i := h % uint64(count)
		side[i] = !side[i]
	}
	return side
}

// cut adds by to the cuts of the links that p concerns.
func (n *Net) cut(p *partition, by int32) {
	for from := range p.side {
		for to := range p.side {
			if p.cuts(p.side[from], p.side[to]) {
				n.link(sim.NodeID(from), sim.NodeID(to)).cuts += by
			}
		}
	}
}

// cuts reports whether the link between nodes on, or not on, the named side is cut.
func (p *partition) cuts(from, to bool) bool {
	switch p.shape {
	case isolate, split:
		return from != to
	case deaf:
		return to && !from
	default: // mute, oneWay
		return from && !to
	}
}

// describe pictures the partition: the named side, how messages are stopped, and
// the other side.
func (p *partition) describe() string {
	var in, out []string
	for i, named := range p.side {
		s := sim.NodeID(i).String()
		if named {
			in = append(in, s)
		} else {
			out = append(out, s)
		}
	}
	sign := map[int]string{isolate: "≁", split: "≁", deaf: "hears nothing from", mute: "is not heard by", oneWay: "is not heard by"}[p.shape]
	return fmt.Sprintf("partition {%s} %s {%s} for %v", strings.Join(in, " "), sign, strings.Join(out, " "), p.length)
}

// Heal opens all links. Ticks are no longer due once the world is healed.
func (n *Net) Heal() {
	for i := range n.links {
		l := &n.links[i]
		l.cuts, l.bridged, l.flapped, l.bursts, l.clogged = 0, 0, 0, 0, 0
	}
}
