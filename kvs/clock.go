package kvs

import (
	"fmt"

	"github.com/joinery-go/joinery/kvs/wire"
)

// clock is a hybrid logical clock (Kulkarni et al., OPODIS'14): milliseconds of
// the physical clock in the upper 48 bits, a counter in the lower 16. It follows
// the physical clock while that runs ahead, and never stands still or goes back
// when that does.
type clock struct{ last uint64 }

const (
	logicalBits   = 16
	maxPhysicalMS = wire.MaxClock >> (logicalBits + 1) // which leaves as much room again
)

// next returns a time greater than any it returned or met before.
func (c *clock) next(physicalMS uint64) uint64 {
	c.last = max(c.last+1, physicalMS<<logicalBits)
	return c.last
}

// Observe makes every later time greater than t.
func (c *clock) Observe(t uint64) { c.last = max(c.last, t) }

// ahead reports whether t is further ahead of the physical clock than aheadMS, and of
// every time met before. Observing it would push this clock, and with each answer and
// delta all others, as far ahead as its sender likes, up to where no time is left.
func (c *clock) ahead(t, physicalMS, aheadMS uint64) bool {
	return t > c.last && t>>logicalBits > physicalMS+aheadMS
}

// tooFarAhead says so of a time.
func tooFarAhead(t, physicalMS, aheadMS uint64) string {
	return fmt.Sprintf("hybrid time %d ms, this replica's clock is at %d ms and follows others by at most %d ms; begin a new session, or set the clocks right",
		t>>logicalBits, physicalMS, aheadMS)
}
