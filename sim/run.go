package sim

import (
	"fmt"
	"math/bits"
)

// Inject hands operation id to a node at an absolute time. The id is the root of
// the lineage of all that follows from it, so it must be the operation's own in
// the run and survive the removal of other operations: no list position. If the
// node is down then, the operation is lost and counted in [World.InputsLost].
func (w *World) Inject(at Time, n NodeID, id uint64) error {
	if w.err != nil {
		return w.err
	}
	switch {
	case n < 0 || int(n) >= len(w.nodes):
		return fmt.Errorf("%w: inject: node %d of %d", ErrNode, int32(n), len(w.nodes))
	case at < w.now:
		return fmt.Errorf("%w: inject operation %d at %v, now %v", ErrPast, id, at, w.now)
	case at > Forever:
		return fmt.Errorf("%w: inject operation %d at %v, the latest is %v", ErrBound, id, at, Forever)
	}
	ev := w.schedule(at, EventInput)
	if ev == nil {
		return w.err
	}
	ev.node, ev.aux, ev.key = n, id, OperationKey(id)
	w.inflight++
	return nil
}

// InputsLost is the number of operations injected at nodes that were down.
func (w *World) InputsLost() int64 { return w.inputsLost }

// Step handles the next queued event and reports whether there was one.
func (w *World) Step() (bool, error) {
	if w.err != nil {
		return false, w.err
	}
	if !w.q.pop(&w.ev) {
		return false, nil
	}
	w.now = w.ev.at
	w.events++
	if w.events > w.opts.Limits.Events {
		w.fail(fmt.Errorf("%w: events of a run: at most %d", ErrBound, w.opts.Limits.Events))
		return false, w.err
	}
	if w.stalls && w.held(&w.ev) {
		return true, w.err
	}
	w.dispatch(&w.ev)
	return true, w.err
}

// RunUntil handles all events up to and including time t and makes t the present.
func (w *World) RunUntil(t Time) error {
	if w.err == nil && t < w.now {
		return fmt.Errorf("%w: run until %v, now %v", ErrPast, t, w.now)
	}
	for w.err == nil {
		at, ok := w.q.peek()
		if !ok || at > t {
			w.now = t
			return nil
		}
		if _, err := w.Step(); err != nil {
			return err
		}
	}
	return w.err
}

// RunUntilQuiet runs until, for [Options.Quiet] on end, no message, operation,
// device request or restart was pending or begun, and returns since when. Timers
// that do none of that are no business. A world still busy at time bound gives
// ErrNotQuiet and can be run on.
func (w *World) RunUntilQuiet(bound Time) (since Time, err error) {
	for w.err == nil {
		end := w.lastBusy + w.opts.Quiet
		at, ok := w.q.peek()
		if w.inflight == 0 && (!ok || at > end) && end <= bound {
			w.now = max(w.now, end)
			return w.lastBusy, nil
		}
		if !ok || at > bound {
			w.now = max(w.now, bound)
			return 0, fmt.Errorf("%w: at %v: %d messages, operations or requests pending, last one at %v, need %v without",
				ErrNotQuiet, bound, w.inflight, w.lastBusy, w.opts.Quiet)
		}
		if _, err := w.Step(); err != nil {
			return 0, err
		}
	}
	return 0, w.err
}

// dispatch handles one event.
func (w *World) dispatch(ev *event) {
	switch ev.kind {
	case EventMessage:
		w.inflight--
		w.arrive(ev)
		w.bufs.release(ev.buf)
	case EventTimer:
		w.fire(ev)
	case EventInput:
		w.inflight--
		w.input(ev)
	case EventCompleted:
		w.inflight--
		w.completed(ev)
	case EventStart:
		w.start(ev)
	case EventCrash:
		if w.faulty && w.nodes[ev.node].up {
			w.crashNow(ev.node, ev.key)
			w.stats.Effective[Crash]++
			w.restartAt(ev.node, w.now+Time(ev.aux), branch(ev.key, branchRestart))
		}
	case EventHeal:
		w.healNow(ev)
	case EventJoin, EventLeave, EventReturn, EventWipe:
		w.member(ev)
	case evCrashTick:
		w.crashTick(int64(ev.aux))
	case evDropped:
		if w.nodes[ev.node].up && (ev.fate&cutters != 0 || w.net.Open(ev.from, ev.node)) {
			w.countEffective(ev.fate)
		}
	case evProcessFaultTick:
		w.processFaultTick(int64(ev.aux))
	case evNetTick:
		if w.faulty {
			w.net.Tick(ev.aux, ev.key)
		}
	}
}

// enter prepares the context for a call to the actor of ev.
func (w *World) enter(ev *event) *Context {
	w.traced(ev)
	c := &w.ctx
	c.node, c.from, c.key, c.kind = ev.node, ev.from, ev.key, ev.msg
	c.kids.reset()
	c.crashAfter, c.dead = -1, false
	if w.opts.ProcessFaults.MidCrash != Off {
		w.midCrash(c)
	}
	return c
}

// post queues one arrival of a message; the payload gains a reference for it.
func (w *World) post(from, to NodeID, kind MsgKind, key Key, buf int32, d Delivery) {
	k := EventMessage
	if d.Lost {
		k = evDropped
	}
	ev := w.schedule(w.now+max(d.After, 1), k)
	if ev == nil {
		return
	}
	ev.node, ev.from, ev.msg, ev.key, ev.extra = to, from, kind, CopyKey(key, d.Copy), d.Copy
	ev.fate = d.Causes
	if d.Lost {
		if w.trace.recording {
			w.trace.lost(Loss{w.now, from, to, kind, ev.key, d.Causes.String()})
		}
		return
	}
	w.trace.sending(ev.key, w.now)
	w.inflight++
	if d.Damage != 0 {
		ev.buf = w.bufs.put(damaged(w.bufs.get(buf), d.Damage))
		return
	}
	w.bufs.share(buf)
	ev.buf = buf
}

// arrive delivers a message if its link is open and its target up.
func (w *World) arrive(ev *event) {
	n := &w.nodes[ev.node]
	if !n.up {
		w.stats.Lost++
		w.trace.lost(Loss{w.now, ev.from, ev.node, ev.msg, ev.key, "down"})
		return
	}
	if ev.from != ev.node && !w.net.Open(ev.from, ev.node) {
		by := w.cutBy(ev.from, ev.node)
		w.stats.Effective[by]++
		if w.trace.recording {
			w.trace.lost(Loss{w.now, ev.from, ev.node, ev.msg, ev.key, ev.fate.With(by).String()})
		}
		return
	}
	w.busy()
	if ev.fate != 0 {
		w.countEffective(ev.fate)
	}
	msg := w.bufs.get(ev.buf)
	w.stats.Messages++
	w.stats.Bytes += int64(len(msg))
	if c := w.enter(ev); !c.dead {
		n.actor.Receive(c, ev.from, msg)
	}
	w.leave()
}

func (w *World) countEffective(f Classes) {
	for ; f != 0; f &= f - 1 {
		w.stats.Effective[bits.TrailingZeros32(uint32(f))]++
	}
}

// fire runs a timer, unless it was cancelled, moved or died with its node.
func (w *World) fire(ev *event) {
	n := &w.nodes[ev.node]
	for i, t := range n.timers {
		if t.ord == ev.ord {
			last := len(n.timers) - 1
			n.timers[i] = n.timers[last]
			n.timers = n.timers[:last]
			if c := w.enter(ev); !c.dead {
				n.actor.Timer(c, TimerID(ev.aux))
			}
			w.leave()
			return
		}
	}
}

func (w *World) input(ev *event) {
	n := &w.nodes[ev.node]
	switch {
	case !n.up:
		w.inputsLost++
	case n.inputter == nil:
		w.fail(fmt.Errorf("%w: operation %d at %v, a %T", ErrNoInput, ev.aux, ev.node, n.actor))
	default:
		w.busy()
		if c := w.enter(ev); !c.dead {
			n.inputter.Input(c, ev.aux)
		}
		w.leave()
	}
}

func (w *World) completed(ev *event) {
	n := &w.nodes[ev.node]
	if !n.up || n.inc != ev.inc {
		return
	}
	w.busy()
	if n.device != nil {
		n.device.Complete(ev.aux)
	}
	c := w.enter(ev)
	if n.persister != nil && !c.dead {
		n.persister.Persisted(c, ev.aux)
	}
	w.leave()
}
