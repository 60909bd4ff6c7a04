package oracle

import (
	"fmt"

	"github.com/joinery-go/joinery/kvs/kind"
	"github.com/joinery-go/joinery/kvs/ring"
	"github.com/joinery-go/joinery/lattice"
	"github.com/joinery-go/joinery/lattice/causal"
	"github.com/joinery-go/joinery/linearizability/history"
)

// Forgetting is the oracle of when a tombstone is forgotten, whatever comes of it: no earlier
// write of the key may be on its way to an owner that lacks it, and from then on none is taken
// anywhere that is as early. It goes by every write that was accepted, and by what replicas hold.
type Forgetting struct {
	base
	Lost   *LostWrites
	Clocks bool // those of hosts may go back, so that nothing may be counted on

	early  []earlyWrite
	latest uint64 // the latest stamp of a tombstone that was forgotten
}

// earlyWrite is a write to a register.
type earlyWrite struct {
	key       string
	partition ring.Partition
	at        int // the position of its operation
	dot       causal.Dot
	node      ring.NodeID
	stamp     kind.Register
}

// Tombstone is one that a replica forgets.
type Tombstone struct {
	Node      ring.NodeID
	Key, Kind string
	Value     kind.Value
}

// Begin forgets an earlier run.
func (o *Forgetting) Begin(c Cluster) {
	o.base.Begin(c)
	o.early, o.latest = o.early[:0], 0
}

// Accepted notes a write to a register, which must be later than all that was forgotten.
func (o *Forgetting) Accepted(w *Write) {
	if w.Operation.Type != history.Register {
		return
	}
	k, _ := o.Kinds().Find(w.Entry.Kind)
	v, err := k.Decode(w.Entry.Delta)
	if err != nil {
		return // which others tell
	}
	written, _ := registerOf(v)
	if o.latest > 0 && written.First <= o.latest && !o.Clocks {
		o.Fail(at("forgetting", w.Node, w.Operation, "write #%d of the time %d is accepted by node %d, though a tombstone of the time %d was forgotten", w.Operation.ID, written.First, w.Node, o.latest))
	}
	o.early = append(o.early, earlyWrite{w.Entry.Key, w.Partition, w.At, w.Entry.Dot, w.Node, written})
}

// Forgot looks for earlier writes that an owner lacks, and may get yet.
func (o *Forgetting) Forgot(t *Tombstone) {
	gone, ok := registerOf(t.Value)
	if !ok {
		return
	}
	o.latest = max(o.latest, gone.First)
	for i := range o.early {
		w := &o.early[i]
		if w.key != t.Key || kind.RegisterMerge().Compare(w.stamp, gone) != lattice.Less || !o.mayCome(w) {
			continue
		}
		for _, n := range o.Store(t.Node).Placement().Owners(w.partition) { // all go by the view by which it forgets
			if store := o.Store(n); store == nil || store.Has(w.partition, w.dot) || o.Lost.lostBy(n, w.partition, w.dot) {
				continue
			}
			o.Fail(Violation{Oracle: "forgetting", Kind: t.Kind, Node: int(t.Node), Message: fmt.Sprintf(
				"node %d forgets that %q was deleted, while write #%d, which is earlier, is yet to come to node %d", t.Node, t.Key, o.Operations()[w.at].ID, n)})
		}
	}
}

// mayCome reports whether a replica has a write, or is about to, so that others may get it.
func (o *Forgetting) mayCome(w *earlyWrite) bool {
	for i := range o.Nodes() {
		n := ring.NodeID(i)
		if store := o.Store(n); store != nil && store.Holds(w.partition, w.dot) {
			return true
		}
	}
	core := o.Running(w.node)
	return core != nil && core.Origin() == w.dot.Origin && !core.Has(w.partition, w.dot)
}
