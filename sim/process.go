package sim

import (
	"fmt"

	"github.com/joinery-go/joinery/gen/choice"
)

func branch(parent Key, b uint64) Key { return choice.Mix(parent, b) }

// Crash stops a live node now, as a crash fault would; it stays down until
// [World.Restart] or [World.Heal]. Stopping a node that is down does nothing. It is
// for the host, between steps, not for use from within an actor.
func (w *World) Crash(n NodeID) error {
	if w.err != nil {
		return w.err
	}
	if n < 0 || int(n) >= len(w.nodes) {
		return fmt.Errorf("%w: crash: node %d of %d", ErrNode, int32(n), len(w.nodes))
	}
	if w.nodes[n].up {
		w.crashNow(n, crashKey(rootHostCrash, n, int64(w.now)))
	}
	return w.err
}

// Restart starts a node that is down, now but after what is already queued for
// this instant. Starting a live node does nothing, nor does starting one that is
// absent, see [World.Leave].
func (w *World) Restart(n NodeID) error {
	if w.err != nil {
		return w.err
	}
	if n < 0 || int(n) >= len(w.nodes) {
		return fmt.Errorf("%w: restart: node %d of %d", ErrNode, int32(n), len(w.nodes))
	}
	if nd := &w.nodes[n]; !nd.up && !nd.absent {
		w.restartAt(n, w.now, branch(nd.down, branchRestart))
	}
	return w.err
}

// Heal ends all faults at time at: links open, no fault is decided any more,
// members that are down start, with the version of their program that they had,
// what is under way still arrives. From then on a protocol that is live must come
// to rest.
func (w *World) Heal(at Time) error {
	if w.err != nil {
		return w.err
	}
	if at < w.now {
		return fmt.Errorf("%w: heal at %v, now %v", ErrPast, at, w.now)
	}
	if ev := w.schedule(at, EventHeal); ev != nil {
		ev.key = choice.Mix(rootHeal, uint64(at))
	}
	return w.err
}

func (w *World) healNow(ev *event) {
	if !w.faulty {
		return
	}
	w.traced(ev)
	w.faulty = false
	w.net.Heal()
	for i := range w.nodes {
		w.nodes[i].stalled, w.nodes[i].slow, w.nodes[i].paused = 0, 0, 0
		w.nodes[i].clock.heal(w.now)
		if n := &w.nodes[i]; !n.up && !n.absent {
			w.restartAt(NodeID(i), w.now, branch(n.down, branchRestart))
		}
	}
	w.busy()
}

// crashNow stops a live node: its actor, its timers and its pending device
// requests are gone; messages under way to it may meet its next incarnation.
func (w *World) crashNow(i NodeID, key Key) {
	n := &w.nodes[i]
	n.up, n.actor, n.inputter, n.persister = false, nil, nil, nil
	n.timers = n.timers[:0]
	n.stalled, n.slow, n.paused, n.heldUntil = 0, 0, 0, 0
	n.down = key
	w.down++
	w.traced(&event{at: w.now, key: key, kind: EventCrash, node: i, from: None, buf: -1})
	if n.device != nil {
		n.device.Crash(&CrashContext{w: w, node: i, key: key})
		w.restore(i, key)
	}
}

// restartAt queues a start of node i, which is idle if another comes first.
func (w *World) restartAt(i NodeID, at Time, key Key) {
	n := &w.nodes[i]
	if ev := w.schedule(at, EventStart); ev != nil {
		ev.node, ev.key, ev.inc = i, key, n.inc
		if !n.starting {
			n.starting = true
			w.inflight++
		}
	}
}

func (w *World) start(ev *event) {
	n := &w.nodes[ev.node]
	if n.up || n.inc != ev.inc {
		return
	}
	n.starting = false
	w.inflight--
	if n.inc > 0 {
		w.down--
	}
	a := w.program(ev.node)
	if a == nil {
		w.fail(fmt.Errorf("%w: version %d of the program made no actor for %v", ErrOptions, n.version, ev.node))
		return
	}
	n.up = true
	n.inc++
	n.actor = a
	n.inputter, _ = a.(Inputter)
	n.persister, _ = a.(Persister)
	w.busy()
	ev.aux = uint64(n.inc)
	if c := w.enter(ev); !c.dead {
		a.Start(c)
	}
	w.leave()
}

// gridAfter returns the first instant of node n's timer grid at or after t, and
// the number of that instant.
func (w *World) gridAfter(n NodeID, t Time) (at Time, tick int64) {
	g, phase := w.opts.TimerGrid, w.nodes[n].phase
	k := t - phase + g - 1
	if g == Millisecond {
		k /= Millisecond // by a constant, which takes no division
	} else {
		k /= g
	}
	return k*g + phase, int64(k)
}

func (w *World) scheduleCrashTick(tick int64) {
	if ev := w.schedule(Time(tick)*w.opts.Crash.Grid, evCrashTick); ev != nil {
		ev.aux = uint64(tick)
	}
}

// crashTick asks each live node that can crash whether it does.
func (w *World) crashTick(tick int64) {
	if !w.faulty {
		return
	}
	o := &w.opts.Crash
	rare := choice.Permille(o.Permille[o.Level])
	planned := w.down
	for i := range o.Nodes {
		if !w.nodes[i].up {
			continue
		}
		if o.MaxDown > 0 && planned >= o.MaxDown {
			break
		}
		key := crashKey(rootCrash, NodeID(i), tick)
		v := w.choose(choice.Point{Site: "sim.crash", Key: key, N: 1 + crashOffsets*crashPauses, Rare: rare})
		if v == 0 {
			continue
		}
		planned++
		w.stats.Decided[Crash]++
		w.scheduleCrash(NodeID(i), key, int(v-1))
	}
	w.scheduleCrashTick(tick + 1)
}

// scheduleCrash queues the crash that answer v+1 describes. A crash falls within
// its eighth of the tick, and lasts, by lineage alone, so that nodes asked at one
// tick are not struck at one instant.
func (w *World) scheduleCrash(n NodeID, key Key, v int) {
	o := &w.opts.Crash
	eighth := max(o.Grid/crashOffsets, 1)
	offset := eighth*Time(v%crashOffsets) + Time(choice.Mix(key, 1)%uint64(eighth))
	pause := o.Pause << (2 * (v / crashOffsets))
	pause += Time(choice.Mix(key, 2) % uint64(pause))
	if ev := w.schedule(w.now+max(offset, 1), EventCrash); ev != nil {
		ev.node, ev.key, ev.aux = n, key, uint64(pause)
	}
}
