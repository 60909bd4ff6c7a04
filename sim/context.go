package sim

import (
	"fmt"

	"github.com/joinery-go/joinery/gen/choice"
)

// Context is an actor's way to act. It is reused: valid only during the call it
// was given to, and then only for that node.
type Context struct {
	w    *World
	node NodeID
	from NodeID
	key  Key
	kind MsgKind
	kids children
	// Of a crash within the event: after how many effects, negative for none; how
	// long it lasts; and that it has come.
	crashAfter, pause int
	dead              bool
}

// Now is the present in virtual time, which a node cannot know: its own clocks are
// [Context.Monotonic] and [Context.Wall].
func (c *Context) Now() Time { return c.w.now }

// Self is the node that acts.
func (c *Context) Self() NodeID { return c.node }

// Nodes is the number of nodes in the world.
func (c *Context) Nodes() int { return len(c.w.nodes) }

// Incarnation is 1 at a node's first start and strictly larger at each restart.
func (c *Context) Incarnation() uint64 { return uint64(c.w.nodes[c.node].inc) }

// Key is the lineage key of the event being handled.
func (c *Context) Key() Key { return c.key }

// Kind is the kind of the message being received, 0 outside Receive.
func (c *Context) Kind() MsgKind { return c.kind }

// Device is the storage attached to this node, or nil.
func (c *Context) Device() Device { return c.w.nodes[c.node].device }

// Send sends a copy of msg to a node; whether and when it arrives is up to the
// network, but a message to oneself arrives after 1 ns, always. Cost: one copy of
// the bytes, and linear in what this event has sent already.
func (c *Context) Send(to NodeID, kind MsgKind, msg []byte) {
	w := c.w
	if !c.Effect() {
		return
	}
	if !w.nodeOK("send", to) || !w.within("message bytes", len(msg), w.opts.Limits.MessageBytes) ||
		!w.within("children of one event", len(c.kids.bases), w.opts.Limits.Children) {
		return
	}
	key := c.kids.key(c.key, branchMessage<<48|uint64(kind)<<32|uint64(uint32(to)))
	buf := w.bufs.put(msg)
	w.busy()
	if to == c.node {
		w.post(c.node, to, kind, key, buf, Delivery{After: 1})
		w.bufs.release(buf)
		return
	}
	m := Envelope{From: c.node, To: to, Kind: kind, Size: len(msg), Key: key}
	if w.watch != nil {
		w.watch.Observe(m)
	}
	w.out = w.net.Send(m, w.out[:0])
	for _, d := range w.out {
		w.post(c.node, to, kind, key, buf, d)
	}
	w.bufs.release(buf)
}

// After arms timer id to fire once, at the first point of the node's timer grid
// that is at least d and at least 1 ns away. Arming a pending timer moves it.
// Timers die with the incarnation that armed them.
func (c *Context) After(d Time, id TimerID) {
	w := c.w
	n := &w.nodes[c.node]
	if c.dead {
		return
	}
	at, tick := w.gridAfter(c.node, w.now+n.clock.real(min(max(d, 1), Forever)))
	if late := n.clock.lateness(tick); late > 0 {
		at += late
		w.stats.Effective[Clock]++
	}
	ev := w.schedule(at, EventTimer)
	if ev == nil {
		return
	}
	ev.node, ev.inc, ev.aux, ev.key = c.node, n.inc, uint64(id), timerKey(n.timerRoot, id, tick)
	for i := range n.timers {
		if n.timers[i].id == id {
			n.timers[i].ord = ev.ord
			return
		}
	}
	if w.within("timers of one node", len(n.timers), w.opts.Limits.Timers) {
		n.timers = append(n.timers, armed{id, ev.ord})
	}
}

// Cancel disarms timer id if it is pending.
func (c *Context) Cancel(id TimerID) {
	n := &c.w.nodes[c.node]
	for i := range n.timers {
		if n.timers[i].id == id {
			n.timers = append(n.timers[:i], n.timers[i+1:]...)
			return
		}
	}
}

// Choose asks for a decision of the protocol's own, in [0, n), 0 being the plain
// one; it stays in force when faults end. n below 2 is 0 and not asked. At one
// site an event may ask several times.
func (c *Context) Choose(site string, n int) int { return c.ChooseRare(site, n, 0) }

// ChooseRare is Choose with an answer that is 0 but for rare in 2^32 (see
// [choice.Permille]).
func (c *Context) ChooseRare(site string, n int, rare uint32) int {
	if n <= 1 || !c.w.within("children of one event", len(c.kids.bases), c.w.opts.Limits.Children) {
		return 0
	}
	k := c.kids.key(c.key, choice.MixString(branchChoice, site))
	return int(c.w.choose(choice.Point{Site: site, Key: k, N: uint64(n), Rare: rare}))
}

// DiskFault is [Context.StorageFault] of the disk class. For devices.
func (c *Context) DiskFault(site string, n int, rare uint32) int {
	return c.StorageFault(Disk, site, n, rare)
}

// Complete schedules the completion of a device request after d ≥ 1 ns. It does
// not happen if the node crashes before. For devices.
func (c *Context) Complete(d Time, token uint64) {
	w := c.w
	if c.dead || !w.within("children of one event", len(c.kids.bases), w.opts.Limits.Children) {
		return
	}
	ev := w.schedule(w.now+max(d, 1), EventCompleted)
	if ev == nil {
		return
	}
	ev.node, ev.inc, ev.aux = c.node, w.nodes[c.node].inc, token
	ev.key = c.kids.key(c.key, branchDevice<<48)
	w.inflight++
	w.busy()
}

// Mark notes that a named situation was reached ("sometimes" assertions): a
// campaign that never reaches a mark has not tested what it names.
func (c *Context) Mark(name string) { c.w.Mark(name) }

// Fail stops the world with an error that is no finding about the protocol but
// about the simulation itself, such as a device that ran full.
func (c *Context) Fail(err error) { c.w.fail(err) }

// Recording reports whether [Context.Note] is kept, so that a caller can spare
// itself the formatting.
func (c *Context) Recording() bool { return c.w.trace.recording }

// Note adds a line to a recorded trace. It is not part of the trace hash.
func (c *Context) Note(format string, args ...any) {
	if c.w.trace.recording {
		c.w.trace.note(c.w.now, c.node, fmt.Sprintf(format, args...))
	}
}
