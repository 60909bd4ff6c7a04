package sim

import (
	"fmt"

	"github.com/joinery-go/joinery/gen/choice"
)

// ProcessFaultOptions set the faults of processes, clocks and disks beyond crashes and
// slow disks. All are off by default. Those of the first line are asked for each
// live node at each tick of the grid, under a key of class, node and tick:
//
//	site          answer v other than 0
//	sim.clock     1 + (kind·magnitudes + magnitude)·2 + sign: a step, a drift, a
//	              freeze or jitter; at tick 0 a step is the offset to begin with
//	sim.pause     1 + length: the node does nothing for Grid/8, doubled so often
//	sim.slow      1 + length·4 + cost: each event costs 1 ms, doubled so often
//	sim.outage    1 + length·8 + group: nodes drawn by lineage crash at one instant
//	sim.midcrash  under the event's key, 1 + pause·8 + effects: the node crashes
//	              after so many effects of the event
//	sim.restore   under the crash's key, 1 the disk is lost, 1+k three quarters of
//	              its history are left, or two, or one
//	sim.version   under the crash's key, when the node starts again, 1+v: it does so
//	              with version v of its program, of those in [Options.Programs]
//
// DiskError and Rot are for devices to ask, see [Context.StorageFault].
type ProcessFaultOptions struct {
	Clock, Pause, Slow, Outage        Level
	MidCrash, Restore, DiskError, Rot Level
	Version                           Level
	// Grid is the distance of the ticks, 50 ms by default.
	Grid Time
	// Nodes is how many nodes, counted from node 0, have such faults; 0 is all.
	Nodes int
	// Permille is the chance of each by level; zero is 0, 15, 120. A crash within
	// an event has a twentieth of it, a disk lost at a crash, or another version after
	// it, four times as much.
	Permille [NumLevels]int
}

const (
	clockSteps   = iota // the wall clock jumps by 1 ms, quadrupled so often
	clockDrifts         // both clocks run 10 ppm wrong, times ten so often
	clockFreezes        // the wall clock stands for 1 ms, quadrupled so often
	clockJitters        // timers are late by up to 1 ms, quadrupled so often
	clockKinds
	clockMagnitudes = 5

	pauseLengths = 6
	slowLengths  = 4
	slowCosts    = 4

	outageLengths = 5
	outageGroups  = 8

	midEffects = 8
	restores   = 4
)

func (o *ProcessFaultOptions) valid() bool {
	for _, l := range []Level{o.Clock, o.Pause, o.Slow, o.Outage, o.MidCrash, o.Restore, o.DiskError, o.Rot, o.Version} {
		if l >= NumLevels {
			return false
		}
	}
	return o.Grid >= 0 && o.Nodes >= 0
}

// ticks reports whether something is asked at the grid.
func (o *ProcessFaultOptions) ticks() bool {
	return o.Clock != Off || o.Pause != Off || o.Slow != Off || o.Outage != Off
}

func (o *ProcessFaultOptions) rare(l Level) uint32 { return max(choice.Permille(o.Permille[l]), 1) }

// faultyNodes is how many nodes can have process faults.
func (w *World) faultyNodes() int {
	if n := w.opts.ProcessFaults.Nodes; n > 0 {
		return min(n, len(w.nodes))
	}
	return len(w.nodes)
}

// processFaultTick asks what befalls processes and clocks in the coming tick.
func (w *World) processFaultTick(tick int64) {
	if !w.faulty {
		return
	}
	o := &w.opts.ProcessFaults
	ask := func(c Class, l Level, site string, i NodeID, n uint64, act func(i NodeID, key Key, v uint64)) {
		if l == Off {
			return
		}
		key := processFaultKey(c, i, tick)
		if v := w.choose(choice.Point{Site: site, Key: key, N: 1 + n, Rare: o.rare(l)}); v != 0 {
			w.stats.Decided[c]++
			act(i, key, v-1)
		}
	}
	for i := range NodeID(w.faultyNodes()) {
		ask(Clock, o.Clock, "sim.clock", i, clockKinds*clockMagnitudes*2, w.clockFault)
		if tick > 0 && w.nodes[i].up {
			ask(Pause, o.Pause, "sim.pause", i, pauseLengths, w.pauseFault)
			ask(Slow, o.Slow, "sim.slow", i, slowLengths*slowCosts, w.slowFault)
		}
	}
	if tick > 0 {
		ask(Outage, o.Outage, "sim.outage", 0, outageLengths*outageGroups, w.outage)
	}
	if ev := w.schedule(Time(tick+1)*o.Grid, evProcessFaultTick); ev != nil {
		ev.aux = uint64(tick + 1)
	}
}

func (w *World) clockFault(i NodeID, key Key, v uint64) {
	c := &w.nodes[i].clock
	sign, magnitude, kind := Time(1), v/2%clockMagnitudes, v/2/clockMagnitudes
	if v%2 == 1 {
		sign = -1
	}
	size := Millisecond << (2 * magnitude)
	switch kind {
	case clockSteps:
		c.offset += sign * size
	case clockDrifts:
		ppm := int64(10)
		for range magnitude {
			ppm *= 10
		}
		c.drift(w.now, int64(sign)*ppm)
	case clockFreezes:
		c.freeze(w.now, size)
	case clockJitters:
		c.jitter, c.key = size, key
	}
	w.noteNode(i, "clock: %s of size %d", [...]string{"step", "drift", "freeze", "jitter"}[kind], int64(sign)*int64(1+magnitude))
}

func (w *World) pauseFault(i NodeID, _ Key, v uint64) {
	n := &w.nodes[i]
	d := w.opts.ProcessFaults.Grid / 8 << v
	n.paused = w.now + d
	n.stalled = max(n.stalled, n.paused)
	w.noteNode(i, "paused for %v", d)
}

func (w *World) slowFault(i NodeID, _ Key, v uint64) {
	n := &w.nodes[i]
	n.slow = w.now + w.opts.ProcessFaults.Grid<<(v/slowCosts)
	n.work = Millisecond << (v % slowCosts)
	w.noteNode(i, "slow until %v: %v an event", n.slow, n.work)
}

// outage crashes the nodes of a group, at least two if so many are live, at once.
func (w *World) outage(_ NodeID, key Key, v uint64) {
	h := choice.Mix(key, v%outageGroups)
	count, struck := NodeID(w.faultyNodes()), 0
	first := NodeID(h % uint64(count))
	for j := range count {
		i := (first + j) % count
		if !w.nodes[i].up || struck >= 2 && choice.Mix(h, uint64(i))&1 == 0 {
			continue
		}
		struck++
		w.stats.Effective[Outage]++
		k := choice.Mix(key, 1<<32|uint64(i))
		w.crashNow(i, k)
		pause := w.opts.Crash.Pause << (2 * (v / outageGroups))
		w.restartAt(i, w.now+pause+Time(choice.Mix(k, 2)%uint64(pause)), branch(k, branchRestart))
	}
}

func (w *World) noteNode(i NodeID, format string, args ...any) {
	if w.trace.recording {
		w.trace.note(w.now, i, fmt.Sprintf(format, args...))
	}
}

// held puts an event off whose node is paused or at work, or has others put off
// that came before it, and reports whether it did.
func (w *World) held(ev *event) bool {
	switch ev.kind {
	case EventMessage, EventTimer, EventInput, EventCompleted:
	default:
		return false
	}
	n := &w.nodes[ev.node]
	was := ev.held
	if was {
		n.waiting--
	}
	if !n.up || w.now >= n.stalled && (was || n.waiting == 0) {
		if n.up && w.now < n.slow {
			n.stalled = w.now + n.work
			w.stats.Effective[Slow]++
		}
		return false
	}
	if w.now < n.paused {
		w.stats.Effective[Pause]++
	}
	// What comes while others wait waits behind them, however the pause that they
	// wait for has been drawn out or cut short since: a device, for one, promises
	// its completions in order.
	until := n.stalled
	if !was && n.waiting > 0 {
		until = n.heldUntil
	}
	n.heldUntil = max(until, w.now)
	old := *ev
	again := w.schedule(n.heldUntil, ev.kind)
	if again == nil {
		return true
	}
	at, ord, next := again.at, again.ord, again.next
	*again = old
	again.at, again.ord, again.next, again.held = at, ord, next, true
	n.waiting++
	for i := range n.timers {
		if n.timers[i].ord == old.ord && old.kind == EventTimer {
			n.timers[i].ord = ord
		}
	}
	return true
}

// midCrash asks whether the node of an event crashes within it, and after how many
// effects.
func (w *World) midCrash(c *Context) {
	if !w.faulty || int(c.node) >= w.faultyNodes() {
		return
	}
	rare := max(w.opts.ProcessFaults.rare(w.opts.ProcessFaults.MidCrash)/20, 1)
	key := branch(c.key, branchMidCrash)
	v := w.choose(choice.Point{Site: "sim.midcrash", Key: key, N: 1 + midEffects*crashPauses, Rare: rare})
	if v == 0 {
		return
	}
	w.stats.Decided[MidCrash]++
	c.crashAfter, c.pause = int((v-1)%midEffects), int((v-1)/midEffects)
	c.dead = c.crashAfter == 0
}

// Effect is for devices: it counts something that the acting node does to the
// world outside, and reports whether it still does: a node that crashes within
// an event (see [ProcessFaultOptions]) does no more from then on.
func (c *Context) Effect() bool {
	if c.dead {
		return false
	}
	if c.crashAfter > 0 {
		c.crashAfter--
		c.dead = c.crashAfter == 0
	}
	return true
}

// Dead reports whether the acting node has crashed within this event: what it
// still does has no effect, and a host must not take note of it either.
func (c *Context) Dead() bool { return c.dead }

// Abort stops the acting process, as one must that cannot trust its storage any
// more: it does no more within this event, crashes at its end, and starts again
// soon after on what its device then holds. It is no fault of its own and works
// in a healed world too.
func (c *Context) Abort() {
	if !c.dead {
		c.crashAfter, c.pause, c.dead = 0, aborted, true
	}
}

// aborted stands for the pause of a process that stopped by itself.
const aborted = -1

// leave ends an event. A node that was to crash within it does so, even if it did less.
func (w *World) leave() {
	c := &w.ctx
	if c.crashAfter < 0 {
		return
	}
	c.crashAfter = -1
	key := branch(c.key, branchMidCrash)
	w.crashNow(c.node, key)
	pause := w.opts.Crash.Pause
	if c.pause != aborted {
		w.stats.Effective[MidCrash]++
		pause <<= 2 * c.pause
	}
	w.restartAt(c.node, w.now+pause+Time(choice.Mix(key, 2)%uint64(pause)), branch(key, branchRestart))
}

// restore asks whether a node that crashed finds its disk again.
func (w *World) restore(i NodeID, crash Key) {
	l := w.opts.ProcessFaults.Restore
	if l == Off || !w.faulty || int(i) >= w.faultyNodes() {
		return
	}
	r, ok := w.nodes[i].device.(Rewinder)
	if !ok {
		return
	}
	rare := w.opts.ProcessFaults.atCrash(l)
	v := w.choose(choice.Point{Site: "sim.restore", Key: branch(crash, branchRestore), N: 1 + restores, Rare: rare})
	if v == 0 {
		return
	}
	w.stats.Decided[Restore]++
	w.stats.Effective[Restore]++
	keep := 0
	if v > 1 {
		keep = restores + 1 - int(v)
	}
	r.Rewind(keep, restores)
	w.noteNode(i, "disk taken back to %d of %d parts of its history", keep, restores)
}
