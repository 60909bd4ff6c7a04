// Package lease is a lease as a simulated protocol: an example of how package campaign is
// used. Node 2 grants the lease to nodes 0 and 1, to one at a time, and a holder uses
// what it guards while it believes that it holds it. What must not happen is a use under
// an older lease after one under a newer. The granter remembers nothing over a crash, so
// after one it waits for as long as a lease that it may have granted lasts.
package lease

import (
	"encoding/binary"

	"github.com/joinery-go/joinery/sim"
)

// Fault is a fault seeded into the protocol.
type Fault int

// The faults. None is the protocol as it should be.
const (
	None    Fault = iota
	ByWall        // a holder measures its lease by the wall clock, and a step back lengthens it
	FromNow       // it counts from the arrival of the grant, and not from its asking: a delay lengthens it
	Forgets       // the granter grants at once after a crash
)

const (
	granter = 2
	term    = 100 * sim.Millisecond // by the granter's clock
	usable  = 70 * sim.Millisecond  // by the holder's: clocks drift
	use     = 3 * sim.Millisecond
	jitter  = 8 // milliseconds by which holders spread their asking

	useTimer sim.TimerID = 1
	askTimer sim.TimerID = 2

	msgAsk   sim.MsgKind = 1
	msgGrant sim.MsgKind = 2
)

// register is what the lease guards. It knows the youngest lease it was used under.
type register struct {
	youngest uint64
	uses     int
	stale    string // "" as long as all is well
}

// server grants leases, by numbers that rise over crashes too: a fencing token takes its
// high bits from the incarnation.
type server struct {
	fault  Fault
	free   sim.Time // when the lease may be granted again, by its monotonic clock
	number uint64
}

func (s *server) Start(c *sim.Context) {
	if c.Incarnation() > 1 && s.fault != Forgets {
		s.free = c.Monotonic() + term
	}
	s.number = c.Incarnation() << 32
}

func (s *server) Timer(*sim.Context, sim.TimerID) {}

func (s *server) Receive(c *sim.Context, from sim.NodeID, msg []byte) {
	if c.Monotonic() < s.free {
		c.Mark("asked in vain")
		return
	}
	s.free = c.Monotonic() + term
	s.number++
	c.Send(from, msgGrant, binary.LittleEndian.AppendUint64(msg, s.number))
}

// holder is node 0 or 1. A lease is lost with its memory.
type holder struct {
	fault  Fault
	guards *register
	asking uint64
	asked  map[uint64]sim.Time // by operation: when
	lease  uint64
	until  sim.Time
}

func (h *holder) clock(c *sim.Context) sim.Time {
	if h.fault == ByWall {
		return c.Wall()
	}
	return c.Monotonic()
}

func (h *holder) Start(c *sim.Context) {
	h.asked = map[uint64]sim.Time{}
	c.After(use, useTimer)
}

// Input asks for the lease, a little later than it is told to.
func (h *holder) Input(c *sim.Context, id uint64) {
	h.asking = id
	c.After(sim.Time(c.Choose("jitter", jitter))*sim.Millisecond, askTimer)
}

func (h *holder) Timer(c *sim.Context, id sim.TimerID) {
	if id == askTimer {
		h.asked[h.asking] = h.clock(c)
		c.Send(granter, msgAsk, binary.LittleEndian.AppendUint64(nil, h.asking))
		return
	}
	if h.lease > 0 && h.clock(c) < h.until {
		if h.lease < h.guards.youngest {
			h.guards.stale = "used under an older lease after a newer one"
		}
		h.guards.youngest = max(h.guards.youngest, h.lease)
		h.guards.uses++
		c.Mark("lease used")
	}
	c.After(use, useTimer)
}

func (h *holder) Receive(c *sim.Context, _ sim.NodeID, msg []byte) {
	at, asked := h.asked[binary.LittleEndian.Uint64(msg)]
	if h.fault == FromNow {
		at = h.clock(c)
	}
	if lease := binary.LittleEndian.Uint64(msg[8:]); asked && lease > h.lease {
		h.lease, h.until = lease, at+usable
	}
}
