package scenario

import (
	"github.com/joinery-go/joinery/kvs"
	"github.com/joinery-go/joinery/kvs/wire"
	"github.com/joinery-go/joinery/sim"
)

// Where the class version is on, nodes run an older program or a newer one, and some start again
// with the other one. The older program is the same code that reads and writes the oldest version
// of the protocol and nothing newer, as that of then did; the newer one is told that there may be
// such. Without the class all run the newer one, and write its version at once.

// mixed reports whether nodes run two programs.
func (s *Setup) mixed() bool { return s.Faults[sim.Version] != sim.Off }

// programs are the versions that [sim.Context.Version] may name beyond 0, with which a node begins:
// the one, of the other program than it began with.
func (s *Setup) programs(f func(sim.NodeID) sim.Actor) []func(sim.NodeID) sim.Actor {
	if !s.mixed() {
		return nil
	}
	return []func(sim.NodeID) sim.Actor{f}
}

// older reports whether a node runs the older program as a version of what it began with.
func (s *Setup) older(n sim.NodeID, version int) bool {
	return s.mixed() && (s.Old>>n&1 == 1) != (version == 1)
}

// speaks are the versions of the protocol that a program uses.
func (s *Setup) speaks(older bool) kvs.Versions {
	switch {
	case !s.mixed():
		return kvs.Versions{}
	case older:
		return kvs.Versions{Oldest: wire.Oldest, Newest: wire.Oldest}
	}
	return kvs.Versions{Oldest: wire.Oldest, Newest: wire.Newest}
}

// markMixed is the situation that two programs run at once.
const markMixed = "replicas of two versions at once"

// deployed notes which program a node starts with.
func (r *replica) deployed(c *sim.Context) {
	r.older = r.run.setup.older(c.Self(), c.Version())
	for _, x := range r.run.replicas {
		if x.run == r.run && x.core != nil && x.older != r.older {
			c.Mark(markMixed)
			return
		}
	}
}
