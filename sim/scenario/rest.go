package scenario

import (
	"slices"

	"github.com/joinery-go/joinery/kvs/member"
	"github.com/joinery-go/joinery/kvs/ring"
	"github.com/joinery-go/joinery/sim"
	"github.com/joinery-go/joinery/sim/scenario/oracle"
)

// rest runs until nothing is under way and no replica has anything left to do,
// and reports whether that came about in time. final says that it is for the reads after
// the fence.
func (r *run) rest(final bool) bool {
	x := oracle.Rest{Final: final, Within: r.liveness.Within(r.setup.long())}
	from, before := r.world.Now(), r.exchanged
	bound := from + x.Within
	for {
		_, err := r.world.RunUntilQuiet(bound)
		x.Busy = r.busyReplica()
		switch {
		case err == nil && x.Busy < 0 && !r.deciding():
			x.Came, x.Took, x.Bytes = true, r.world.Now()-from, r.exchanged-before
			if !final {
				r.atRest, r.restBytes = x.Took, x.Bytes
			}
			r.tell(func(o oracle.Oracle) { o.AtRest(&x) })
			if r.monitor != nil {
				r.monitor.atRest()
			}
			for _, w := range r.watching[:r.setup.Watchers] {
				w.atRest()
			}
			return true
		case err == nil && r.world.Now() < bound:
			// Quiet for a while, but a backed-off offer is still to come.
			if err := r.world.RunUntil(r.world.Now() + quietFor); err != nil {
				r.err = err
				return false
			}
		case isNotQuiet(err) && (x.Busy < 0 || r.lost.Lossy()) && !final && r.sessionsGoOn() && r.liveness.More(bound-from, r.setup.long()) > 0:
			bound += r.liveness.More(bound-from, r.setup.long())
		case (isNotQuiet(err) || err == nil) && r.stopUnaware():
			from = r.world.Now()
			bound = from + x.Within
		case isNotQuiet(err) || err == nil:
			r.tell(func(o oracle.Oracle) { o.AtRest(&x) })
			return false
		default:
			r.err = err
			return false
		}
	}
}

// sessionsGoOn reports whether some session has operations that are not done, or was done with one
// too lately for the run to be quiet.
func (r *run) sessionsGoOn() bool {
	for _, c := range r.clients[:r.setup.Sessions] {
		if slices.ContainsFunc(c.sessions, func(s *sessionState) bool { return s.busy || s.first < len(s.queue) }) {
			return true
		}
	}
	return r.world.Now() < r.lastDone+quietFor
}

// busyReplica is a replica that has something left to do, or -1.
func (r *run) busyReplica() int {
	for n := range r.setup.Nodes {
		if a, ok := r.world.Actor(sim.NodeID(n)).(*replica); ok && a.core != nil && (!a.core.Quiet() || r.setup.forgets() && !r.lost.Lossy() && a.core.Unburied() > 0) {
			return n
		}
	}
	return -1
}

// stopUnaware has an operator stop the nodes whose life is over, as one that stays goes by, and that
// have lost with their disk that it is, and reports whether there was one. Such a node may have nobody
// to speak to but nodes that are gone, too, and tell these for ever what it takes to be news.
func (r *run) stopUnaware() (stopped bool) {
	if !r.Moves() {
		return false
	}
	for n := range ring.NodeID(r.setup.Nodes) {
		core := r.Running(n)
		if core == nil || !r.lost.LostDisk(n) || slices.Contains(r.ring.Nodes(), n) || core.View().At(n).Phase() == member.Gone {
			continue
		}
		knows := func(m ring.NodeID) bool {
			other := r.Running(m)
			return other != nil && other.View().At(n).Phase() == member.Gone
		}
		if slices.ContainsFunc(r.ring.Nodes(), knows) {
			stopped = true
			if err := r.world.Leave(r.world.Now()+sim.Millisecond, sim.NodeID(n)); err != nil {
				r.err = err
			}
		}
	}
	return stopped
}
