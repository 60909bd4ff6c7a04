package sim_test

import (
	"encoding/binary"

	"github.com/joinery-go/joinery/sim"
)

// A lease: node 2 grants it to nodes 0 and 1, to one at a time; a holder uses what
// it guards every few milliseconds while it believes that it holds it. What must
// not happen is a use under an older lease after one under a newer.
const (
	leaseTerm   = 100 * sim.Millisecond // by the granter's clock
	leaseUsable = 70 * sim.Millisecond  // by the holder's: clocks drift
	leaseUse    = 3 * sim.Millisecond
)

const (
	leaseByWall  bug = iota + 1 // measures its lease by the wall clock: a step back lengthens it
	leaseFromNow                // counts from the arrival of the grant, not from its asking: a delay lengthens it
)

// granter is node 2. It never crashes here.
type granter struct {
	until sim.Time
	lease uint64
}

func (g *granter) Start(*sim.Context)              {}
func (g *granter) Timer(*sim.Context, sim.TimerID) {}
func (g *granter) Receive(c *sim.Context, from sim.NodeID, msg []byte) {
	if c.Monotonic() < g.until {
		return
	}
	g.until = c.Monotonic() + leaseTerm
	g.lease++
	c.Send(from, 2, binary.LittleEndian.AppendUint64(msg, g.lease))
}

// guarded is what the lease guards; it knows the youngest lease it was used under.
type guarded struct {
	youngest uint64
	broken   bool
}

// holder is node 0 or 1. A lease is lost with its memory.
type holder struct {
	bug   bug
	what  *guarded
	asked map[uint64]sim.Time // by operation: when
	lease uint64
	until sim.Time
}

func (h *holder) clock(c *sim.Context) sim.Time {
	if h.bug == leaseByWall {
		return c.Wall()
	}
	return c.Monotonic()
}

func (h *holder) Start(c *sim.Context) {
	h.asked = map[uint64]sim.Time{}
	c.After(leaseUse, 1)
}

func (h *holder) Input(c *sim.Context, id uint64) {
	h.asked[id] = h.clock(c)
	c.Send(2, 1, binary.LittleEndian.AppendUint64(nil, id))
}

func (h *holder) Receive(c *sim.Context, _ sim.NodeID, msg []byte) {
	at, asked := h.asked[binary.LittleEndian.Uint64(msg)]
	if h.bug == leaseFromNow {
		at = h.clock(c)
	}
	if lease := binary.LittleEndian.Uint64(msg[8:]); asked && lease > h.lease {
		h.lease, h.until = lease, at+leaseUsable
	}
}

func (h *holder) Timer(c *sim.Context, _ sim.TimerID) {
	if h.lease > 0 && h.clock(c) < h.until {
		h.what.broken = h.what.broken || h.lease < h.what.youngest
		h.what.youngest = max(h.what.youngest, h.lease)
	}
	c.After(leaseUse, 1)
}

func runLease(b bug, n int) (func(sim.NodeID) sim.Actor, func(*sim.World) string) {
	what := &guarded{}
	return func(i sim.NodeID) sim.Actor {
			if i == 2 {
				return &granter{}
			}
			return &holder{bug: b, what: what}
		}, func(*sim.World) string {
			if what.broken {
				return "two holders"
			}
			return ""
		}
}
