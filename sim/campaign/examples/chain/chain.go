// Package chain is chain replication of a register (van Renesse and Schneider, 2004) as a
// simulated protocol: an example of how package campaign is used. Writes enter at the
// head, go down the chain, each node making them durable before it passes them on, and
// are answered by the tail, which answers reads as well. The chain is fixed: a node that
// crashes comes back with its disk, and catches up.
package chain

import (
	"encoding/binary"

	"github.com/joinery-go/joinery/linearizability/history"
	"github.com/joinery-go/joinery/sim"
	"github.com/joinery-go/joinery/sim/campaign"
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

	msgWrite  sim.MsgKind = 1 // client to head: id, value
	msgRead   sim.MsgKind = 2 // client to tail: id
	msgUpdate sim.MsgKind = 3 // down the chain: sequence, id, value
	msgAck    sim.MsgKind = 4 // up the chain: how many updates the tail has, one after the other
	msgAnswer sim.MsgKind = 5 // to a client: id, value
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
	case msgWrite:
		u := update{binary.LittleEndian.Uint64(msg), string(msg[8:]), from}
		if i, known := n.placed[u.id]; !known {
			n.place(c, u)
		} else if c.Mark("a write came again"); i < n.durable {
			n.pass(c, i) // its answer may have been lost: the tail repeats it
		}
	case msgRead:
		value := ""
		for i := range n.upTo() {
			value = n.log[i].value
		}
		c.Send(from, msgAnswer, append(msg, value...))
	case msgUpdate:
		n.receiveUpdate(c, binary.LittleEndian.Uint64(msg), decode(msg[8:]))
	case msgAck:
		n.acked = min(max(n.acked, int(binary.LittleEndian.Uint64(msg))), n.durable)
		if c.Self() > 0 {
			c.Send(c.Self()-1, msgAck, msg)
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
	c.Send(n.log[i].from, msgAnswer, binary.LittleEndian.AppendUint64(nil, n.log[i].id))
}

func encode(u update) []byte {
	b := binary.LittleEndian.AppendUint64(nil, u.id)
	return append(append(b, byte(u.from)), u.value...)
}

func decode(b []byte) update {
	return update{binary.LittleEndian.Uint64(b), string(b[9:]), sim.NodeID(b[8])}
}

// client asks the head to write, and the tail to read.
func client(f Fault, r *campaign.Run) *campaign.Client {
	return &campaign.Client{
		Run: r, Attempts: 4,
		Send: func(c *sim.Context, o campaign.Op, _ int) {
			id := binary.LittleEndian.AppendUint64(nil, o.ID)
			switch {
			case o.Func == string(history.Write):
				c.Send(0, msgWrite, append(id, o.Arg...))
			case f == DirtyRead:
				c.Send(0, msgRead, id)
			default:
				c.Send(nodes-1, msgRead, id)
			}
		},
		Answer: func(_ *sim.Context, _ sim.NodeID, msg []byte) (uint64, history.Value, bool) {
			out := history.Value{}
			if len(msg) > 8 {
				out = history.Str(string(msg[8:]))
			}
			return binary.LittleEndian.Uint64(msg), out, true
		},
	}
}
