// Package maximum is the smallest of the examples: nodes that agree on the highest number
// that any of them was told, by telling each other again and again. The doc of package
// campaign shows it whole.
package maximum

import (
	"github.com/joinery-go/joinery/sim"
	"github.com/joinery-go/joinery/sim/campaign"
)

// node knows the highest number that it was told, or has heard of.
type node struct{ highest byte }

func (n *node) Start(c *sim.Context)                             { c.After(20*sim.Millisecond, 1) }
func (n *node) Input(_ *sim.Context, id uint64)                  { n.highest = max(n.highest, byte(id)) }
func (n *node) Receive(_ *sim.Context, _ sim.NodeID, msg []byte) { n.highest = max(n.highest, msg[0]) }

func (n *node) Timer(c *sim.Context, _ sim.TimerID) {
	for to := range sim.NodeID(c.Nodes()) {
		if to != c.Self() {
			c.Send(to, 1, []byte{n.highest})
		}
	}
	c.After(20*sim.Millisecond, 1)
}

// Protocol is three such nodes, whose messages are lost, doubled and delayed.
func Protocol() campaign.Protocol {
	return campaign.Protocol{
		Name:  "maximum",
		Setup: campaign.Setup{Nodes: 3, Faults: campaign.Bears(sim.Drop, sim.Duplicate, sim.Delay, sim.Partition)},
		Kinds: []string{1: "highest"},
		Plan: func(p *campaign.Plan) { // a node at a time is told a number, that of the operation
			p.Spread(3, 10, func(_ int, o *campaign.Op) { o.Func = "tell" })
		},
		New: func(*campaign.Run) campaign.Instance {
			return campaign.Instance{
				Actor: func(sim.NodeID) sim.Actor { return new(node) },
				Done: func(r *campaign.Run) bool { // what must come about once the faults have ended
					want := byte(0)
					for _, o := range r.Ops() {
						want = max(want, byte(o.ID))
					}
					for n := range sim.NodeID(r.Setup.Nodes) {
						if r.World().Actor(n).(*node).highest != want {
							return false
						}
					}
					return true
				},
			}
		},
	}
}
