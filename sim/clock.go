package sim

import "github.com/joinery-go/joinery/gen/choice"

// clock is one node's idea of time. Both its clocks run at the same, possibly
// wrong, rate; the wall clock is moreover off by an offset, and may stand still.
// The zero value is right. It outlives crashes, as the clock of a machine does.
type clock struct {
	base, mono Time  // at time base the monotonic clock showed mono
	ppm        int64 // how much too fast it runs, in millionths
	offset     Time  // of the wall clock against the monotonic one
	frozen     Time  // until when the wall clock stands
	shown      Time  // what it shows meanwhile
	jitter     Time  // timers are late by less than this
	key        Key   // from which the lateness of each follows
}

func (c *clock) monotonic(now Time) Time {
	d := now - c.base
	return c.mono + d + mulPPM(d, c.ppm)
}

func (c *clock) wall(now Time) Time {
	if now < c.frozen {
		return c.shown
	}
	return c.monotonic(now) + c.offset
}

// mulPPM is d·ppm/10^6 without overflow for any time of a run.
func mulPPM(d Time, ppm int64) Time {
	if ppm == 0 {
		return 0
	}
	const million = 1_000_000
	return d/million*Time(ppm) + d%million*Time(ppm)/million
}

// drift changes the rate from now on; no clock jumps.
func (c *clock) drift(now Time, ppm int64) {
	c.mono, c.base, c.ppm = c.monotonic(now), now, ppm
}

// freeze has the wall clock stand for d and then show what it would have.
func (c *clock) freeze(now, d Time) {
	c.shown = c.wall(now)
	c.frozen = now + d
}

// heal makes the clock run right from now on; what it is off by stays.
func (c *clock) heal(now Time) {
	c.drift(now, 0)
	c.frozen, c.jitter = 0, 0
}

// real is how long a timer of d by this clock takes.
func (c *clock) real(d Time) Time {
	if c.ppm == 0 {
		return d
	}
	return max(d-mulPPM(d, c.ppm), 1)
}

// lateness is by how much a timer due at a grid tick is late.
func (c *clock) lateness(tick int64) Time {
	if c.jitter <= 0 {
		return 0
	}
	return Time(choice.Mix(c.key, uint64(tick)) % uint64(c.jitter))
}

// Monotonic is the node's own clock for measuring durations: it never goes back,
// but may run too fast or too slow. Without clock faults it is [Context.Now].
func (c *Context) Monotonic() Time {
	return c.w.shown(c.w.nodes[c.node].clock.monotonic(c.w.now))
}

// Wall is the node's own idea of the time of day, as a time since the start of the
// world: it may be off, jump either way, or stand still, and may be negative.
// Without clock faults it is [Context.Now].
func (c *Context) Wall() Time { return c.w.shown(c.w.nodes[c.node].clock.wall(c.w.now)) }

// shown counts a clock that an actor saw to be wrong.
func (w *World) shown(t Time) Time {
	if t != w.now {
		w.stats.Effective[Clock]++
	}
	return t
}
