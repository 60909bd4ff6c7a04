package oracle

import (
	"slices"

	"github.com/joinery-go/joinery/kvs/ring"
	"github.com/joinery-go/joinery/kvs/wire"
	"github.com/joinery-go/joinery/linearizability/history"
	"github.com/joinery-go/joinery/sim/scenario/workload"
)

// Clocks is the oracle of hybrid clocks: the time of a write is later than all that its
// session had met and than every earlier write of its replica's incarnation, whatever
// the wall clock there does; and a register that is read was written at a time that its
// replica has met.
type Clocks struct {
	base
	last []uint64 // by node: the time of its incarnation's last write
}

// Begin forgets the times of an earlier run.
func (o *Clocks) Begin(c Cluster) {
	o.base.Begin(c)
	o.last = slices.Grow(o.last[:0], c.Nodes())[:c.Nodes()]
	clear(o.last)
}

// Restarted begins anew: a write that the disk has lost has lost its time.
func (o *Clocks) Restarted(n ring.NodeID, _ Missing) { o.last[n] = 0 }

// Accepted compares the times of a replica's writes.
func (o *Clocks) Accepted(w *Write) {
	o.follows(w.Node, w.Operation, w.Entry.Clock, o.last[w.Node])
	o.last[w.Node] = w.Entry.Clock
}

// Answered compares the time of an answer with what its session had met.
func (o *Clocks) Answered(a *Answer) {
	switch {
	case a.Response.Status != wire.StatusOK:
	case a.Operation.Func != history.Read:
		o.follows(a.Node, a.Operation, a.Response.Clock, a.Met)
	case a.Over: // the time is that of what was forgotten, by replicas which may have lost their disks since
	case a.Operation.Type == history.Register && a.Recorded.Outcome == history.OK && a.Recorded.Stamp.Clock > a.Response.Clock:
		o.Fail(at("clock", a.Node, a.Operation, "#%d of %q was answered with a value of the time %d by a replica that had met no time after %d",
			a.Operation.ID, a.Operation.Key, a.Recorded.Stamp.Clock, a.Response.Clock))
	}
}

func (o *Clocks) follows(n ring.NodeID, x *workload.Operation, clock, before uint64) {
	if clock <= before {
		o.Fail(at("clock", n, x, "write #%d has the hybrid time %d, not later than %d, which came before it", x.ID, clock, before))
	}
}
