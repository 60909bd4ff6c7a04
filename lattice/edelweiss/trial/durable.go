package trial

import (
	"errors"
	"fmt"
	"slices"

	"github.com/joinery-go/joinery/gen/choice"
	"github.com/joinery-go/joinery/lattice/edelweiss/eval"
	"github.com/joinery-go/joinery/sim"
)

// ErrLost says that a node came back without what it had told others that it has.
var ErrLost = errors.New("what was acknowledged is lost")

// Disk keeps what is durable of a node. It is the node's device: the world tells it of
// crashes.
type Disk interface {
	sim.Device
	// Load reads what is durable, in any order, when the node starts.
	Load() ([]eval.Fact, error)
	// Keep makes what a timestep took away and added durable, all or nothing, before
	// it returns. Each thing that it does to the disk is an effect of the node
	// ([sim.Context.Effect]); after the node's last one it does no more, and what it
	// returns counts for nothing. After an error the process stops, and either
	// outcome may be found when it starts again.
	Keep(c *sim.Context, gone, added []eval.Fact) error
}

// Disks makes the empty disk of a node, with the source of its faults' decisions, which
// are for before a time, and none where faulty is unset.
type Disks func(n sim.NodeID, src choice.Source, faulty bool, until sim.Time) (Disk, error)

// state is what a node has after a timestep.
type state struct {
	tick      int
	facts     []eval.Fact // of the program in the network
	ref       []eval.Fact // of the original beside it
	operation int         // that the timestep took, or noOperation
	reached   bool        // it is known to be durable
}

// keep makes the timestep that has just run durable, and reports whether it is: then,
// and not before, may anybody hear of it.
func (h *host) keep(c *sim.Context, operation int) bool {
	if h.disk == nil {
		return true
	}
	next := state{tick: h.ran, facts: h.m.Durable(), operation: operation}
	if h.ref != nil {
		next.ref = h.ref.Durable()
	}
	h.trying = &next
	gone, added := difference(h.kept.facts, next.facts)
	if len(gone)+len(added) > 0 {
		if err := h.disk.Keep(c, gone, added); err != nil {
			c.Note("stops: %v", err)
			c.Abort()
		}
	}
	if c.Dead() {
		return false
	}
	next.reached = true
	return true
}

// settleKept makes what was tried what is kept, at the end of a timestep.
func (h *host) settleKept() {
	if h.trying != nil && h.trying.reached {
		h.kept, h.trying = *h.trying, nil
	}
}

// recover reads the disk and finds out which of the timesteps it has: the last one
// that was kept, or the one at which the node crashed.
func (h *host) recover() error {
	facts, err := h.disk.Load()
	if err != nil {
		return &Failure{ErrLost, "", int64(h.id), fmt.Sprintf("the disk cannot be read: %v", err)}
	}
	slices.SortFunc(facts, eval.Fact.Compare)
	same := func(s *state) bool {
		return s != nil && slices.EqualFunc(facts, s.facts, func(a, b eval.Fact) bool { return a.Compare(b) == 0 })
	}
	switch tried := h.trying; {
	case same(tried):
		if tried.operation != noOperation {
			h.run.done[tried.operation] = true
		}
		h.kept = *tried
	case !same(&h.kept):
		return h.lost(&h.kept, facts)
	case h.kept.tick < h.told:
		return &Failure{ErrLost, "", int64(h.id), fmt.Sprintf("it came back as after timestep %d and had sent something in timestep %d", h.kept.tick, h.told)}
	}
	h.trying, h.ran = nil, h.kept.tick
	return nil
}

func (h *host) lost(want *state, facts []eval.Fact) error {
	gone, added := difference(want.facts, facts)
	return &Failure{ErrLost, "", int64(h.id), fmt.Sprintf("of its timestep %d it came back without %v and with %v besides", want.tick, gone, added)}
}

// difference is what is only in a and only in b, both sorted.
func difference(a, b []eval.Fact) (gone, added []eval.Fact) {
	for len(a) > 0 || len(b) > 0 {
		c := 0
		switch {
		case len(a) == 0:
			c = 1
		case len(b) == 0:
			c = -1
		default:
			c = a[0].Compare(b[0])
		}
		switch {
		case c < 0:
			gone, a = append(gone, a[0]), a[1:]
		case c > 0:
			added, b = append(added, b[0]), b[1:]
		default:
			a, b = a[1:], b[1:]
		}
	}
	return gone, added
}
