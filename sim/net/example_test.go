package net_test

import (
	"fmt"

	"github.com/joinery-go/joinery/gen/choice"
	"github.com/joinery-go/joinery/sim"
	simnet "github.com/joinery-go/joinery/sim/net"
)

// ping sends one message a millisecond to node 1, which prints what it hears.
type ping struct{ sent byte }

func (p *ping) Start(c *sim.Context) {
	if c.Self() == 0 {
		c.After(sim.Millisecond, 1)
	}
}

func (p *ping) Timer(c *sim.Context, _ sim.TimerID) {
	p.sent++
	c.Send(1, 1, []byte{p.sent})
	if p.sent < 5 {
		c.After(sim.Millisecond, 1)
	}
}

func (p *ping) Receive(c *sim.Context, from sim.NodeID, msg []byte) {
	fmt.Println(c.Now(), "from", from, "number", msg[0])
}

// Messages on a faulty link, with the decisions that made it so.
func ExampleNew() {
	net, err := simnet.New(simnet.Options{
		Faults: simnet.Faults{Drop: sim.Extreme, Duplicate: sim.Extreme, Delay: sim.Extreme},
		Spread: -1, // all links alike
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	w, err := sim.New(sim.Options{Nodes: 2, Net: net, Source: choice.Seeded(4), Decisions: true,
		Factory: func(sim.NodeID) sim.Actor { return new(ping) }})
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := w.RunUntil(sim.Second); err != nil {
		fmt.Println(err)
		return
	}
	for _, d := range w.Decisions() {
		fmt.Println("decided at", d.At, d.Site, "=", d.Value)
	}
	// Output:
	// 3ms from n0 number 2
	// 4ms from n0 number 3
	// 4.18037ms from n0 number 1
	// decided at 1ms net.delay = 3
	// decided at 4ms net.drop = 1
	// decided at 5ms net.drop = 1
}
