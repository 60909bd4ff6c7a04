// Package chain is chain replication of a register (van Renesse and Schneider, 2004) as a
// simulated protocol: an example of how package campaign is used. Writes enter at the
// head, go down the chain, each node making them durable before it passes them on, and
// are answered by the tail, which answers reads as well. The chain is fixed: a node that
// crashes comes back with its disk, and catches up.
package chain

import (
	"encoding/binary"

	"github.com/joinery-go/joinery/sim"
	"github.com/joinery-go/joinery/sim/campaign/register"
	"github.com/joinery-go/joinery/sim/disk"
)

// Fault is a fault seeded into the protocol.
type Fault int

// The faults. None is the protocol as it should be.
const (
	None      Fault = iota
	Eager           // a node passes an update on, or answers it, before it is durable
	AnyOrder        // a node takes updates in the order in which they come, with gaps
	DirtyRead       // the head answers reads, of what may not have reached the tail
	NoRepeat        // what is not acknowledged is not sent again
)

const (
	nodes = 3
	retry = 20 * sim.Millisecond

	retryTimer sim.TimerID = 1

	msgRequest sim.MsgKind = 1 // to write, to the head; to read, to the tail
	msgUpdate  sim.MsgKind = 2 // down the chain: sequence, id, value
	msgAck     sim.MsgKind = 3 // up the chain: how many updates the tail has, one after the other
	msgAnswer  sim.MsgKind = 4 // to a client
)

// update is one write in its place.
type update struct {
	id    uint64
	value string
	from  sim.NodeID // the client
}

// node is a node of the chain.
type node struct {
	fault   Fault
	log     []update // in order; those from durable on are not yet on disk
	durable int
	acked   int            // of these, known to be at the tail
	placed  map[uint64]int // by operation: where in the log it is
}

func (n *node) tail(c *sim.Context) bool { return c.Self() == nodes-1 }

func (n *node) Start(c *sim.Context) {
	n.placed = map[uint64]int{}
	for _, r := range disk.Of(c).Records() {
		u := decode(r)
		n.placed[u.id] = len(n.log)
		n.log = append(n.log, u)
	}
	n.durable = len(n.log)
	if n.fault != NoRepeat {
		c.After(retry, retryTimer)
	}
	if c.Incarnation() > 1 && len(n.log) > 0 {
		c.Mark("a node came back with updates")
	}
}

// Timer sends again what is not known to be at the tail, or, at the tail, how far it is.
func (n *node) Timer(c *sim.Context, _ sim.TimerID) {
	if n.tail(c) {
		n.ack(c)
	} else {
		for i := n.acked; i < n.durable; i++ {
			n.pass(c, i)
		}
	}
	c.After(retry, retryTimer)
}

func (n *node) Receive(c *sim.Context, from sim.NodeID, msg []byte) {
	switch c.Kind() {
	case msgRequest:
		n.request(c, from, msg)
	case msgUpdate:
		n.receiveUpdate(c, binary.LittleEndian.Uint64(msg), decode(msg[8:]))
	case msgAck:
		n.acked = min(max(n.acked, int(binary.LittleEndian.Uint64(msg))), n.durable)
		if c.Self() > 0 {
			c.Send(c.Self()-1, msgAck, msg)
		}
	}
}

// request takes a request of a client.
func (n *node) request(c *sim.Context, from sim.NodeID, msg []byte) {
	q, err := register.Parse(msg)
	if err != nil {
		return // damaged on its way
	}
	i, known := n.placed[q.ID]
	switch {
	case q.Read:
		value := ""
		for i := range n.upTo() {
			value = n.log[i].value
		}
		c.Send(from, msgAnswer, register.Answer(q.ID, value))
	case !known:
		n.place(c, update{q.ID, q.Value, from})
	default:
		if c.Mark("a write came again"); i < n.durable {
			n.pass(c, i) // its answer may have been lost: the tail repeats it
		}
	}
}

// upTo is how many updates a read sees.
func (n *node) upTo() int {
	if n.fault == Eager || n.fault == DirtyRead {
		return len(n.log)
	}
	return n.durable
}

func (n *node) receiveUpdate(c *sim.Context, seq uint64, u update) {
	_, known := n.placed[u.id]
	switch {
	case seq == uint64(len(n.log)), n.fault == AnyOrder && !known:
		n.place(c, u)
	case seq < uint64(n.durable) && n.tail(c): // it was acknowledged, and nobody heard
		n.ack(c)
		n.answer(c, int(seq))
	case seq > uint64(len(n.log)):
		c.Mark("an update came before its turn")
	}
}

// place puts an update at the end of the log, and on disk.
func (n *node) place(c *sim.Context, u update) {
	n.placed[u.id] = len(n.log)
	n.log = append(n.log, u)
	disk.Of(c).Append(c, uint64(len(n.log)), encode(u))
	if n.fault == Eager {
		n.forward(c, len(n.log)-1)
	}
}

// Persisted passes on what has become durable.
func (n *node) Persisted(c *sim.Context, token uint64) {
	for n.durable < int(token) {
		n.durable++
		if n.fault != Eager {
			n.forward(c, n.durable-1)
		}
	}
}

// forward passes an update on, or, at the tail, acknowledges it.
func (n *node) forward(c *sim.Context, i int) {
	if !n.tail(c) {
		n.pass(c, i)
		return
	}
	n.ack(c)
	n.answer(c, i)
}

func (n *node) pass(c *sim.Context, i int) {
	if !n.tail(c) {
		c.Send(c.Self()+1, msgUpdate, append(binary.LittleEndian.AppendUint64(nil, uint64(i)), encode(n.log[i])...))
	}
}

func (n *node) ack(c *sim.Context) {
	c.Send(c.Self()-1, msgAck, binary.LittleEndian.AppendUint64(nil, uint64(n.durable)))
}

func (n *node) answer(c *sim.Context, i int) {
	c.Send(n.log[i].from, msgAnswer, register.Answer(n.log[i].id, n.log[i].value))
}

func encode(u update) []byte {
	b := binary.LittleEndian.AppendUint64(nil, u.id)
	return append(append(b, byte(u.from)), u.value...)
}

func decode(b []byte) update {
	return update{binary.LittleEndian.Uint64(b), string(b[9:]), sim.NodeID(b[8])}
}
