package oracle

import (
	"github.com/joinery-go/joinery/kvs/member"
	"github.com/joinery-go/joinery/kvs/ring"
	"github.com/joinery-go/joinery/sim/scenario/workload"
)

// Deadlines is the oracle that whoever waits at a replica is answered, by its deadline in the
// ticks of that replica: a read, and a write that asks for owners. What asks for no more than
// the replica itself, or for memory, waits for a disk and has no deadline.
type Deadlines struct {
	base
	ticks   []uint64 // by node, of its incarnation
	waiting []asked
}

// asked is an operation that a replica has yet to answer.
type asked struct {
	node ring.NodeID
	op   uint64
	due  uint64 // tick of the node
}

// Begin forgets an earlier run.
func (o *Deadlines) Begin(c Cluster) {
	o.base.Begin(c)
	o.ticks = append(o.ticks[:0], make([]uint64, c.Nodes())...)
	o.waiting = o.waiting[:0]
}

// Asked notes what may wait. What is asked again while it waits keeps its deadline.
func (o *Deadlines) Asked(a *Asked) {
	q := a.Request
	if q.Delete || q.Put && q.Ack.Owners() == 0 {
		return
	}
	for i := range o.waiting {
		if w := &o.waiting[i]; w.node == a.Node && w.op == a.Operation.ID {
			return
		}
	}
	o.waiting = append(o.waiting, asked{a.Node, a.Operation.ID, o.ticks[a.Node] + q.Wait})
}

// Responded strikes an operation off.
func (o *Deadlines) Responded(s *Sent) { o.strike(s.Node, s.Operation.ID) }

func (o *Deadlines) strike(n ring.NodeID, op uint64) {
	for i := range o.waiting {
		if w := &o.waiting[i]; w.node == n && w.op == op {
			o.waiting[i] = o.waiting[len(o.waiting)-1]
			o.waiting = o.waiting[:len(o.waiting)-1]
			return
		}
	}
}

// Ticked looks for what is overdue.
func (o *Deadlines) Ticked(n ring.NodeID) {
	core := o.Running(n)
	if core == nil || core.Failed() != nil { // it waits to be started again, and does nothing else
		return
	}
	if core.View().At(n).Phase() == member.Gone { // whoever waits there is to ask another one
		o.forget(n)
		return
	}
	o.ticks[n]++
	for i := 0; i < len(o.waiting); i++ {
		w := o.waiting[i]
		if w.node != n || o.ticks[n] <= w.due {
			continue
		}
		if x := o.operation(w.op); x != nil {
			o.Fail(at("deadline", n, x, "#%d of %q is not answered by node %d, %d ticks after it should have been", x.ID, x.Key, n, o.ticks[n]-w.due))
		}
		o.strike(n, w.op)
		i--
	}
}

func (o *Deadlines) operation(id uint64) *workload.Operation {
	ops := o.Operations()
	for i := range ops {
		if ops[i].ID == id {
			return &ops[i]
		}
	}
	return nil
}

// Restarted forgets who waited: an answer is gone with the incarnation.
func (o *Deadlines) Restarted(n ring.NodeID, _ Missing) {
	o.ticks[n] = 0
	o.forget(n)
}

func (o *Deadlines) forget(n ring.NodeID) {
	for i := 0; i < len(o.waiting); i++ {
		if o.waiting[i].node == n {
			o.strike(n, o.waiting[i].op)
			i--
		}
	}
}
