package chain

import (
	"slices"

	"github.com/joinery-go/joinery/sim"
	"github.com/joinery-go/joinery/sim/campaign"
	"github.com/joinery-go/joinery/sim/campaign/register"
	"github.com/joinery-go/joinery/sim/disk"
)

// Protocol is the chain as it should be.
func Protocol() campaign.Protocol { return With(None) }

// With is the chain with a fault in it.
func With(f Fault) campaign.Protocol {
	return campaign.Protocol{
		Name: "chain",
		Setup: campaign.Setup{
			Nodes: nodes, Clients: 3, Faults: campaign.Bears(sim.Drop, sim.Duplicate, sim.Delay, sim.Partition, sim.Crash, sim.Disk, sim.Pause, sim.Burst),
		},
		Kinds:  []string{msgRequest: "request", msgUpdate: "update", msgAck: "ack", msgAnswer: "answer"},
		Points: []string{"a node came back with updates", "a write came again", "an update came before its turn"},
		Import: "github.com/joinery-go/joinery/sim/campaign/examples/chain.Protocol()",
		Plan:   register.Plan(6, 18),
		New: func(r *campaign.Run) campaign.Instance {
			clients := register.Clients{Kind: msgRequest, Attempts: 4, To: f.asked}
			return campaign.Instance{
				Actor: func(n sim.NodeID) sim.Actor {
					if n < nodes {
						return &node{fault: f}
					}
					return clients.Client(r)
				},
				Device: func(sim.NodeID) sim.Device { return disk.NewLog(disk.Options{Latency: 2 * sim.Millisecond}) },
				Done:   converged,
				Check:  register.Check,
			}
		},
	}
}

// asked is who is asked: the head to write, and the tail to read.
func (f Fault) asked(q register.Request, _ int) sim.NodeID {
	if q.Read && f != DirtyRead {
		return nodes - 1
	}
	return 0
}

// converged reports whether all nodes have all updates on disk, and know it.
func converged(r *campaign.Run) bool {
	all, whole := campaign.Actors[*node](r, nodes)
	return whole && !slices.ContainsFunc(all, func(n *node) bool {
		return n.durable != len(n.log) || len(n.log) != len(all[0].log) || n != all[nodes-1] && n.acked != n.durable
	})
}
