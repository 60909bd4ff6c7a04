package scenario

import (
	"slices"

	"github.com/joinery-go/joinery/kvs/ring"
	"github.com/joinery-go/joinery/kvs/wire"
	"github.com/joinery-go/joinery/linearizability/history"
	"github.com/joinery-go/joinery/sim"
	"github.com/joinery-go/joinery/sim/scenario/workload"
)

// Side is how many owners of a key the replica that is asked for it can exchange messages
// with when it is asked, itself counted if it is one.
type Side uint8

// The sides of a partition, as seen by a client that reaches one replica.
const (
	SideNone     Side = iota // not looked at
	SideWhole                // all owners
	SideMajority             // more than half of them, and not all
	SideMinority             // at most half of them, and more than one
	SideAlone                // itself
	SideCut                  // none: it is no owner, and hears none
	NumSides
)

// String is the side's name.
func (s Side) String() string {
	return [...]string{"none", "whole", "majority", "minority", "alone", "cut off"}[s]
}

// Answered counts requests of one replica, and those of them that were answered as their
// level promises.
type Answered struct{ Asked, Answered int64 }

// BySide are the requests of a run that were issued while faults lasted, by how the replica
// stood that was asked: reads and then writes that wait for no owner but it, of sessions that
// have asked that replica alone and then of others. Not among them is what was asked again
// elsewhere, answered from a cache, asked together with other keys, or refused for what it is; nor what a client asked, or gave up,
// while it could not reach the replica, or gave up when that stood otherwise than before.
type BySide [2][2][NumSides]Answered

// Of a request: whether it is counted, and how.
type sided struct {
	side  Side
	moved bool // its session has asked another replica before
}

// sidesOf notes how a replica stands that a client asks for the current operation of a session.
func (r *run) sidesOf(client sim.NodeID, s *sessionState, to int, kind wire.MessageKind) {
	s.moved = s.moved || s.home > 0 && s.home != to+1
	s.home = to + 1
	at := s.current()
	o := &r.ops[at]
	if kind != wire.MsgRequest || s.tries > 0 || len(o.Retries) > 0 || o.Amiss != "" || o.Ack.Owners() > 0 || at >= r.planned || r.setup.Cache || !r.world.Up(sim.NodeID(to)) || !r.hears(client, sim.NodeID(to)) {
		return
	}
	r.sides[at] = sided{r.side(to, r.ring.PartitionOf(o.Key)), s.moved}
}

// side is how node to stands towards the owners of a partition.
func (r *run) side(to int, p ring.Partition) Side {
	owners := r.ring.Owners(p)
	n := 0
	for _, o := range owners {
		if int(o) == to || r.world.Up(sim.NodeID(o)) && r.hears(sim.NodeID(to), sim.NodeID(o)) {
			n++
		}
	}
	switch {
	case n == len(owners):
		return SideWhole
	case 2*n > len(owners):
		return SideMajority
	case n > 1:
		return SideMinority
	case slices.Contains(owners, ring.NodeID(to)):
		return SideAlone
	case n == 1:
		return SideMinority
	}
	return SideCut
}

// hears reports whether two nodes can exchange messages.
func (r *run) hears(a, b sim.NodeID) bool { return r.net.Open(a, b) && r.net.Open(b, a) }

// gaveUpOn leaves an operation out whose client gives up, and cannot reach the replica then, or
// which stands otherwise by then.
func (r *run) gaveUpOn(client sim.NodeID, s *sessionState) {
	at := s.current()
	if r.sides[at].side == SideNone {
		return
	}
	o := &r.ops[at]
	if !r.world.Up(sim.NodeID(o.Node)) || !r.hears(client, sim.NodeID(o.Node)) || r.side(o.Node, r.ring.PartitionOf(o.Key)) != r.sides[at].side {
		r.sides[at].side = SideNone
	}
}

// refusedAs leaves an operation out that was refused for what it is, and not for want of
// replicas.
func (r *run) refusedAs(at int, s wire.Status) {
	if s != wire.StatusOK && s != wire.StatusUnavailable {
		r.sides[at].side = SideNone
	}
}

// bySide counts what was answered.
func (r *run) bySide() (by BySide) {
	for at := range r.sides[:r.planned] {
		x, h := r.sides[at], &r.recorded[at]
		if x.side == SideNone || h.Return == 0 || h.Call >= r.horizon() || r.fates[at] != fateNone {
			continue
		}
		if o := &r.ops[at]; h.Outcome != history.OK && o.Type == history.Counter && workload.Huge(r.ops, o.Key) {
			continue // it may have been answered with a number that no history shows
		}
		put, moved := 0, 0
		if r.ops[at].Func != history.Read {
			put = 1
		}
		if x.moved {
			moved = 1
		}
		n := &by[put][moved][x.side]
		n.Asked++
		if h.Outcome == history.OK {
			n.Answered++
		}
	}
	return by
}
