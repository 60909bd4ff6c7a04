package scenario

import (
	"fmt"
	"slices"

	"github.com/joinery-go/joinery/kvs"
	"github.com/joinery-go/joinery/kvs/gossip"
	"github.com/joinery-go/joinery/kvs/ring"
	"github.com/joinery-go/joinery/lattice/causal"
	"github.com/joinery-go/joinery/linearizability/history"
	"github.com/joinery-go/joinery/sim"
	"github.com/joinery-go/joinery/sim/disk"
)

// What a lost disk voids is worked out at the moment of the loss, by looking into
// every replica, so that no more is forgiven than no store could have saved:
//
//   - A write that was on that disk and that no other replica holds durably may be
//     lost: its outcome becomes unknown. A message under way does not count, since
//     it may be lost too. A replica that is no owner counts as long as some owner
//     has never held the write, for only then is it sure to keep it.
//   - A request that is repeated to a replica which has served it, lost it with its
//     disk, and not got it back yet, is served a second time. A register or counter
//     then counts the operation twice, and its history is judged no more; that its
//     replicas agree still is.
//
// Reads that depend on a lost write stay bound by the causal models: they may fail,
// but not be answered as if it had not been.

// acceptance is a write that a replica accepted.
type acceptance struct {
	partition ring.Partition
	dot       causal.Dot
	at        int    // the position of the operation
	lost      uint16 // by node, as bits: its disk had the write and has lost it
	had       bool   // scratch
}

// losses is what a run knows of the writes accepted in it.
type losses struct {
	accepted []acceptance
	lost     []int    // positions of operations that lost disks may have undone
	twice    []string // keys of which an operation was served twice
}

func (l *losses) reset() {
	*l = losses{accepted: l.accepted[:0], lost: l.lost[:0], twice: l.twice[:0]}
}

// accept takes note of a write to partition p that h accepts. It is the oracle that
// a request is served once by a replica that has it.
func (r *run) accept(h *replica, p ring.Partition, e *gossip.Entry) {
	at := r.at(e.Req)
	if at < 0 {
		return
	}
	for i := range r.accepted {
		a := &r.accepted[i]
		switch {
		case a.at != at:
		case h.has(a):
			r.fail(Violation{Oracle: "request", Kind: e.Kind, Op: string(r.ops[at].Func), Node: int(h.id), Message: fmt.Sprintf(
				"write #%d is served again by node %d, which holds it", e.Req, h.id)})
		case a.lost&(1<<h.id) != 0 && e.Kind != string(history.Set) && !slices.Contains(r.twice, e.Key):
			r.twice = append(r.twice, e.Key)
		}
	}
	r.accepted = append(r.accepted, acceptance{partition: p, dot: e.Dot, at: at})
	r.stamp(h, at, e)
}

// holding notes which writes the store of a node has, so that [run.without] can
// tell which it has no more.
func (r *run) holding(h *replica) {
	for i := range r.accepted {
		a := &r.accepted[i]
		a.had = h.has(a)
	}
}

// without calls visit for each write that the store of a node had and has no more.
func (r *run) without(h *replica, visit func(a *acceptance)) {
	for i := range r.accepted {
		if a := &r.accepted[i]; a.had && !h.has(a) {
			visit(a)
		}
	}
}

// device is the disk of a replica, which the host watches go back in time.
type device struct {
	*disk.Log
	run  *run
	node sim.NodeID
}

var _ sim.Rewinder = (*device)(nil)

// Rewind takes the disk back, and notes what may be lost by that. The store of the
// node, which is down, becomes what it would recover from what is left.
func (d *device) Rewind(keep, of int) {
	r, h := d.run, d.run.replicas[d.node]
	r.holding(h)
	d.Log.Rewind(keep, of)
	if err := h.recover(inspecting); err != nil {
		r.fail(Violation{Oracle: "recovery", Kind: "error", Node: int(h.id), Message: err.Error()})
		return
	}
	r.without(h, func(a *acceptance) {
		a.lost |= 1 << h.id
		if !r.held(a) {
			r.world.Mark(markLost)
			r.lost = append(r.lost, a.at)
		}
	})
}

// inspecting is the incarnation, of none that runs, that looks into a disk.
const inspecting = 1 << 32

// held reports whether some replica is sure to bring the write back to the owners.
// The store of a node that is down is what it was at the crash: its disk has that
// and maybe more.
func (r *run) held(a *acceptance) bool {
	stranger, all := false, true // all owners have had it, and lost it
	for n := range r.setup.Nodes {
		h := r.replicas[n]
		if h.run != r {
			continue // it is yet to start
		}
		_, up := r.world.Actor(sim.NodeID(n)).(*replica)
		switch {
		case r.ring.Owns(h.id, a.partition):
			if h.has(a) {
				return true
			}
			all = all && a.lost&(1<<n) != 0
		case up:
			stranger = stranger || h.store.Holds(a.partition, a.dot)
		default: // it recovers what it had handed over, too
			stranger = stranger || h.has(a)
		}
	}
	return stranger && !all
}

// recovered is the oracle that a replica that starts again on a disk that is whole
// has what it had shown.
func (r *run) recovered(h *replica) {
	r.without(h, func(a *acceptance) {
		o := &r.ops[a.at]
		r.fail(Violation{Oracle: "recovery", Kind: string(o.Type), Op: string(o.Func), Node: int(h.id), Message: fmt.Sprintf(
			"node %d had write #%d and does not find it on its disk", h.id, o.ID)})
	})
}

// forgiven reports whether the operation at a position may have been undone.
func (r *run) forgiven(at int) bool { return !r.setup.Unexcused && slices.Contains(r.lost, at) }

// unjudged reports whether the history of a key is judged no more.
func (r *run) unjudged(key string) bool { return !r.setup.Unexcused && slices.Contains(r.twice, key) }

// has reports whether the node has the write, or had it before it handed it over.
// The store of one that has not run yet is that of an earlier run.
func (r *replica) has(a *acceptance) bool {
	return r.stored == r.run && r.store.Has(a.partition, a.dot)
}

// recover makes the store what an incarnation finds on the disk.
func (r *replica) recover(incarnation uint64) (err error) {
	defer func() {
		if what := recover(); what != nil {
			err = fmt.Errorf("panic: %v%s", what, origin())
		}
	}()
	r.stored = r.run
	return r.store.Reset(r.config(incarnation), r.disk.Records())
}

// config is that of a replica's incarnation.
func (r *replica) config(incarnation uint64) kvs.Config {
	known := 0
	if r.run.setup.Log > 0 {
		known = 1 // and what is held is told in parts
	}
	return kvs.Config{
		Self: r.id, Origin: originOf(r.id, incarnation), First: incarnation == 1,
		Ring: r.run.ring, Kinds: r.run.kinds, Secret: secret, BatchBytes: r.run.setup.BatchBytes, MaxLog: r.run.setup.Log, MaxKnown: known,
	}
}

// secret is that of the replicas of every run: the clients here do not guess.
var secret = []byte("the replicas of a simulated store")

// originOf names an incarnation of a node, the later the greater. A small number: it
// stands in every message and dot, there mostly as one byte.
func originOf(n ring.NodeID, incarnation uint64) uint64 {
	return incarnation<<4 | uint64(n) + 1 // MaxNodes is below 16
}
