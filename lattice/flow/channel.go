package flow

import (
	"fmt"
	"sync"
)

// Channel joins two graphs that different goroutines may run: what [Send] puts into
// it comes out of [Receive]. It has one of each. Elements are not copied; as
// everywhere on a Delta edge, nobody may change them.
type Channel[T any] struct {
	name string
	room int

	mu       sync.Mutex
	back     []T  // what was sent and not taken
	taken    int  // what was taken last and may still be in use
	closed   bool // nothing will be sent
	short    bool // the sender waits for room
	asleep   bool // the receiver waits for elements
	sender   *node
	receiver *node

	front, spare []T // the receiver's
}

// NewChannel is a channel with room for that many elements. On a cycle, the channels
// together need room for all that may be on it at a time: where all of them are full, each
// sender waits for the next, and none of them goes on, which ends the runs of their
// schedulers with [ErrDeadlock].
func NewChannel[T any](name string, room int) *Channel[T] {
	return &Channel[T]{name: name, room: max(room, 1)}
}

// Send puts the elements of d into c. Where there is no room it waits, and so does
// what feeds it.
func Send[T any](d Delta[T], c *Channel[T]) {
	n := lost(d.Graph()).add("send", sendRule)
	n.g.ends = append(n.g.ends, n)
	o := &sendOp[T]{n: n, intake: take(d, n), c: c}
	n.task = &task{n: n, run: o.run}
	if c == nil {
		n.need(false, "a nil channel")
		return
	}
	n.label = c.name
	if c.sender != nil {
		n.fail(fmt.Errorf("%w: %v sends into it", ErrConsumed, c.sender), "use Union, or a channel each")
		return
	}
	c.sender, n.far = n, c.receiver
	if c.receiver != nil {
		c.receiver.far = n
	}
}

// Receive is the edge that comes out of c. It ends when what is sent has ended.
func Receive[T any](g *Graph, c *Channel[T]) Delta[T] {
	n := lost(g).add("receive", receiveRule)
	n.g.ends = append(n.g.ends, n)
	n.external = true
	if c == nil {
		n.need(false, "a nil channel")
		return delta(n, nothing[T]{})
	}
	n.label, n.channel = c.name, c
	if c.receiver != nil {
		n.fail(fmt.Errorf("%w: %v receives from it", ErrConsumed, c.receiver), "use Tee")
		return delta(n, nothing[T]{})
	}
	c.receiver, n.far = n, c.sender
	if c.sender != nil {
		c.sender.far = n
	}
	return delta(n, &receiveOp[T]{n: n, c: c})
}

type sendOp[T any] struct {
	n *node
	intake[T]
	c *Channel[T]
}

func (o *sendOp[T]) run() status {
	o.n.blocked = false
	st := o.fill()
	if st == done {
		o.c.end()
	}
	if st != ready {
		return st
	}
	c := o.c
	c.mu.Lock()
	k := min(len(o.rest), max(0, c.room-len(c.back)-c.taken))
	c.back = append(c.back, o.rest[:k]...)
	o.rest = o.rest[k:]
	wake := k > 0 && c.asleep
	c.asleep = c.asleep && !wake
	c.short = len(o.rest) > 0
	o.n.blocked = c.short
	c.mu.Unlock()
	if wake {
		c.receiver.post()
	}
	if o.n.blocked {
		return pending
	}
	return ready
}

// end says that nothing will be sent, and reports whether it was not said before.
func (c *Channel[T]) end() (was bool) {
	c.mu.Lock()
	was = !c.closed
	c.closed = true
	wake := c.asleep
	c.asleep = false
	c.mu.Unlock()
	if wake {
		c.receiver.post()
	}
	return was
}

// quiet reports that nothing is in the channel. Both ends must be at rest.
func (c *Channel[T]) quiet() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.back) == 0 && len(c.front) == 0
}

// full reports that the sender waits for room, and was not told of any.
func (c *Channel[T]) full() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.short
}

type receiveOp[T any] struct {
	n *node
	c *Channel[T]
}

func (o *receiveOp[T]) pull() ([]T, status) {
	c := o.c
	if len(c.front) == 0 && !o.take() {
		if o.n.ends {
			return nil, done
		}
		return nil, pending
	}
	k := min(len(c.front), o.n.g.opt.Batch)
	vs := c.front[:k:k]
	c.front = c.front[k:]
	return vs, ready
}

// take takes all that was sent.
func (o *receiveOp[T]) take() bool {
	c := o.c
	c.mu.Lock()
	c.front, c.back = c.back, c.spare[:0]
	c.spare = c.front
	c.taken = len(c.front)
	if len(c.front) == 0 {
		o.n.ends = c.closed
		c.asleep = !c.closed
	}
	wake := c.short
	c.short = false
	c.mu.Unlock()
	if wake {
		c.sender.post()
	}
	return len(c.front) > 0
}
