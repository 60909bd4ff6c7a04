package lease

import (
	"errors"

	"github.com/joinery-go/joinery/sim"
	"github.com/joinery-go/joinery/sim/campaign"
)

// Protocol is the lease as it should be.
func Protocol() campaign.Protocol { return With(None) }

// With is the lease with a fault in it.
func With(f Fault) campaign.Protocol {
	return campaign.Protocol{
		Name: "lease",
		Setup: campaign.Setup{
			Nodes: 3, Faults: campaign.Bears(sim.Drop, sim.Duplicate, sim.Delay, sim.Partition, sim.Crash, sim.Clock, sim.Pause, sim.Slow),
		},
		Kinds:  []string{msgAsk: "ask", msgGrant: "grant"},
		Points: []string{"asked in vain", "lease used"},
		Import: "github.com/joinery-go/joinery/sim/campaign/examples/lease.Protocol()",
		Plan: func(p *campaign.Plan) {
			p.Spread(4, 16, func(_ int, o *campaign.Op) { o.Func, o.Node = "ask", sim.NodeID(p.N("holder", 2)) })
		},
		New: func(*campaign.Run) campaign.Instance {
			guards := &register{}
			return campaign.Instance{
				Actor: func(n sim.NodeID) sim.Actor {
					if n == granter {
						return &server{fault: f}
					}
					return &holder{fault: f, guards: guards}
				},
				Always: func(*campaign.Run) error {
					if guards.stale != "" {
						return errors.New(guards.stale)
					}
					return nil
				},
			}
		},
	}
}
