package primarybackup

import (
	"github.com/joinery-go/joinery/sim"
	"github.com/joinery-go/joinery/sim/campaign"
	"github.com/joinery-go/joinery/sim/campaign/register"
)

// Protocol is the register as it should be.
func Protocol() campaign.Protocol { return With(None) }

// With is the register with a fault in it.
func With(f Fault) campaign.Protocol {
	return campaign.Protocol{
		Name: "primary-backup",
		Setup: campaign.Setup{
			Nodes: servers + 1, Steady: 1, Clients: 3, MaxDown: 1,
			Faults: campaign.Bears(sim.Drop, sim.Duplicate, sim.Delay, sim.Partition, sim.Crash, sim.Pause, sim.Bridge),
		},
		Kinds: []string{
			msgPing: "ping", msgView: "view", msgRequest: "request", msgAnswer: "answer", msgForward: "forward",
			msgConfirm: "confirm", msgTransfer: "transfer", msgSynced: "synced",
		},
		Points: []string{"a backup took over", "an old primary was refused", "the register was lost"},
		Import: "github.com/joinery-go/joinery/sim/campaign/examples/primarybackup.Protocol()",
		Plan:   register.Plan(6, 18),
		New: func(r *campaign.Run) campaign.Instance {
			clients := register.Clients{Kind: msgRequest, To: register.InTurn(servers), Attempts: 12, Timeout: 15 * sim.Millisecond}
			return campaign.Instance{
				Actor: func(n sim.NodeID) sim.Actor {
					switch {
					case n < servers:
						return &server{fault: f}
					case n == service:
						return &viewService{fault: f}
					}
					return clients.Client(r)
				},
				Check: register.Check,
			}
		},
	}
}
