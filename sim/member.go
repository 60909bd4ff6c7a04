package sim

import (
	"fmt"

	"github.com/joinery-go/joinery/gen/choice"
)

// Join has a node that is absent become a member at time at: one that never was
// (see [Options.Absent]) starts for the first time, on the device it was given; one
// that left starts with its device emptied, which is an id used again. For a member
// it does nothing.
//
// Join, [World.Leave], [World.Return] and [World.Wipe] are for plans of hosts. Like
// operations they are given at an absolute time, before the run or between steps,
// take effect in the order given where they share an instant, work in a healed
// world too, and keep the world from being quiet until their time has come. Each
// has a lineage key of its kind, node and time, so that leaving one out moves no
// other; the same order given twice for one instant is what [Options.AssertKeys]
// looks for. A protocol learns of them only by what its operations tell it.
func (w *World) Join(at Time, n NodeID) error { return w.order(EventJoin, at, n) }

// Leave has a member be gone at time at: its process stops as in a crash, if it
// runs, and neither a restart that is queued, nor [World.Restart], nor [World.Heal]
// brings it back. Its device stays as the crash left it, for [World.Return]. For a
// node that is absent it does nothing.
func (w *World) Leave(at Time, n NodeID) error { return w.order(EventLeave, at, n) }

// Return has a node that left come back at time at as a zombie, with the device it
// left with, whatever the others have done about it in the meantime. For a node
// that is a member, or never was, it does nothing.
func (w *World) Return(at Time, n NodeID) error { return w.order(EventReturn, at, n) }

// Wipe empties the device of a node at time at: the same id with an empty disk. A
// process that runs crashes first and starts again at once; a node that is down, or
// absent, stays so. The device must be a [Rewinder], or the world stops with
// [ErrWipe], as it does where Join has one to empty; a node without a device loses
// its memory alone.
func (w *World) Wipe(at Time, n NodeID) error { return w.order(EventWipe, at, n) }

// Member reports whether a node is a member: running, or down and to start again.
func (w *World) Member(n NodeID) bool { return n >= 0 && int(n) < len(w.nodes) && !w.nodes[n].absent }

// order queues an event of membership.
func (w *World) order(kind EventKind, at Time, n NodeID) error {
	if w.err != nil {
		return w.err
	}
	switch {
	case n < 0 || int(n) >= len(w.nodes):
		return fmt.Errorf("%w: %v: node %d of %d", ErrNode, kind, int32(n), len(w.nodes))
	case at < w.now:
		return fmt.Errorf("%w: %v of %v at %v, now %v", ErrPast, kind, n, at, w.now)
	case at > Forever:
		return fmt.Errorf("%w: %v of %v at %v, the latest is %v", ErrBound, kind, n, at, Forever)
	}
	if ev := w.schedule(at, kind); ev != nil {
		ev.node, ev.key = n, memberKey(kind, n, at)
		w.inflight++
	}
	return w.err
}

// memberKey is the key of an event of membership.
func memberKey(kind EventKind, n NodeID, at Time) Key {
	return choice.Mix(choice.Mix(choice.Mix(rootMember, uint64(kind)), uint64(n)), uint64(at))
}

// member handles an event of membership, unless it finds its node such that it
// means nothing.
func (w *World) member(ev *event) {
	w.inflight--
	n := &w.nodes[ev.node]
	switch {
	case ev.kind == EventLeave && n.absent,
		ev.kind == EventJoin && !n.absent,
		ev.kind == EventReturn && (!n.absent || n.inc == 0):
		return
	}
	w.traced(ev)
	w.busy()
	switch ev.kind {
	case EventLeave:
		w.dismiss(ev.node, ev.key)
	case EventWipe:
		up := n.up
		if up {
			w.crashNow(ev.node, branch(ev.key, branchStop))
		}
		w.empty(ev.node)
		if up {
			w.restartAt(ev.node, w.now, branch(ev.key, branchRestart))
		}
	default:
		n.absent = false
		if n.inc > 0 {
			w.down++ // until it starts
			if ev.kind == EventJoin {
				w.empty(ev.node)
			}
		}
		w.restartAt(ev.node, w.now, branch(ev.key, branchRestart))
	}
}

// dismiss stops a member and makes it absent.
func (w *World) dismiss(i NodeID, key Key) {
	n := &w.nodes[i]
	if n.up {
		w.crashNow(i, branch(key, branchStop))
	} else {
		n.down = key
	}
	if n.inc > 0 {
		w.down-- // it is no more to be waited for
	}
	if n.starting {
		n.starting = false
		w.inflight--
		n.inc++ // so that the start that is queued is of a life that is over
	}
	n.absent = true
}

// empty takes all that a node's device holds.
func (w *World) empty(i NodeID) {
	switch d := w.nodes[i].device.(type) {
	case nil:
	case Rewinder:
		d.Rewind(0, 1)
		w.noteNode(i, "disk emptied")
	default:
		w.fail(fmt.Errorf("%w: %v has a %T", ErrWipe, i, d))
	}
}
