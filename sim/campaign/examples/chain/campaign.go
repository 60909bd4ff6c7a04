package chain

import (
	"fmt"

	"github.com/joinery-go/joinery/sim"
	"github.com/joinery-go/joinery/sim/campaign"
	"github.com/joinery-go/joinery/sim/campaign/consistency"
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
		Kinds:  []string{msgWrite: "write", msgRead: "read", msgUpdate: "update", msgAck: "ack", msgAnswer: "answer"},
		Points: []string{"a node came back with updates", "a write came again", "an update came before its turn"},
		Import: "github.com/joinery-go/joinery/sim/campaign/examples/chain.Protocol()",
		Plan: func(p *campaign.Plan) {
			p.Spread(6, 18, func(n int, o *campaign.Op) {
				if o.Func = p.Pick("func", "write", "read"); o.Func == "write" {
					o.Arg = fmt.Sprint("v", n)
				}
			})
			p.EachClient(p.Setup.Horizon+sim.Second, func(o *campaign.Op) { o.Func = "read" })
		},
		New: func(r *campaign.Run) campaign.Instance {
			return campaign.Instance{
				Actor: func(n sim.NodeID) sim.Actor {
					if n < nodes {
						return &node{fault: f}
					}
					return client(f, r)
				},
				Device: func(sim.NodeID) sim.Device { return disk.NewLog(disk.Options{Latency: 2 * sim.Millisecond}) },
				Done:   func(r *campaign.Run) bool { return converged(r.World()) },
				Check:  func(r *campaign.Run) error { return consistency.Check(r, "linearizable") },
			}
		},
	}
}

// converged reports whether all nodes have all updates on disk, and know it.
func converged(w *sim.World) bool {
	head := w.Actor(0).(*node)
	for i := range sim.NodeID(nodes) {
		n, ok := w.Actor(i).(*node)
		if !ok || n.durable != len(n.log) || len(n.log) != len(head.log) || i < nodes-1 && n.acked != n.durable {
			return false
		}
	}
	return true
}
