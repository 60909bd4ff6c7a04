package sim_test

import (
	"fmt"

	"github.com/joinery-go/joinery/gen/choice"
	"github.com/joinery-go/joinery/sim"
	simnet "github.com/joinery-go/joinery/sim/net"
	"github.com/joinery-go/joinery/sim/shrink"
)

// counter is a ten-line protocol: node 0 tells the others to count one, once for
// each operation. It trusts the network.
type counter struct{ n int }

func (a *counter) Start(*sim.Context)                       {}
func (a *counter) Timer(*sim.Context, sim.TimerID)          {}
func (a *counter) Receive(*sim.Context, sim.NodeID, []byte) { a.n++ }
func (a *counter) Input(c *sim.Context, _ uint64) {
	a.n++
	for to := range sim.NodeID(c.Nodes()) {
		if to != c.Self() {
			c.Send(to, 1, []byte("count one"))
		}
	}
}

// count runs operations under choices and says how the run failed, if it did.
func count(ops []uint64, src choice.Source, f simnet.Faults) (string, *sim.World, error) {
	net, err := simnet.New(simnet.Options{Faults: f})
	if err != nil {
		return "", nil, err
	}
	w, err := sim.New(sim.Options{Nodes: 3, Source: src, Net: net, Decisions: true,
		Factory: func(sim.NodeID) sim.Actor { return new(counter) }})
	if err != nil {
		return "", nil, err
	}
	for _, id := range ops {
		if err := w.Inject(sim.Time(id)*sim.Millisecond, 0, id); err != nil {
			return "", nil, err
		}
	}
	if _, err := w.RunUntilQuiet(10 * sim.Second); err != nil {
		return "", nil, err
	}
	for n := range sim.NodeID(3) {
		if got := w.Actor(n).(*counter).n; got != len(ops) {
			return fmt.Sprintf("%v counted wrongly", n), w, nil
		}
	}
	return "", w, nil
}

// Example finds the bug of a ten-line protocol and shrinks the run to what the bug
// needs.
func Example() {
	ops := []uint64{10, 20, 30, 40, 50, 60, 70, 80}
	for seed := uint64(1); ; seed++ {
		failed, w, err := count(ops, choice.Seeded(seed), simnet.AskAll)
		if err != nil {
			fmt.Println(err)
			return
		}
		if failed == "" {
			continue
		}
		var tape []choice.Decision
		for _, d := range w.Decisions() {
			tape = append(tape, d.Decision)
		}
		least, err := shrink.Minimise(ops, tape, func(ops []uint64, tape []choice.Decision) (shrink.Outcome, error) {
			failed, w, err := count(ops, choice.NewReplay(tape), simnet.AskAll)
			if err != nil {
				return shrink.Outcome{}, err
			}
			return shrink.Outcome{Signature: failed, Asked: w.Decisions()}, nil
		}, shrink.Options[uint64]{At: func(id uint64) sim.Time { return sim.Time(id) * sim.Millisecond }})
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Printf("seed %d: %s\n", seed, least.Signature)
		fmt.Printf("%d operations and %d faults shrunk to operation %v and %s\n",
			len(ops), len(tape), least.Ops, least.Decisions[0].Site)
		return
	}
	// Output:
	// seed 1: n2 counted wrongly
	// 8 operations and 2 faults shrunk to operation [20] and net.duplicate
}

// echo passes the operations it gets on to the other node.
type echo struct{}

func (echo) Start(c *sim.Context) { fmt.Println(c.Now(), "starts, incarnation", c.Incarnation()) }
func (echo) Input(c *sim.Context, id uint64) {
	c.Send((c.Self()+1)%2, 1, fmt.Appendf(nil, "operation %d", id))
}
func (echo) Timer(*sim.Context, sim.TimerID) {}
func (echo) Receive(c *sim.Context, from sim.NodeID, msg []byte) {
	fmt.Println(c.Now(), c.Self(), "hears from", from, string(msg))
}

// The host injects an operation, and crashes and restarts a node.
func ExampleNew() {
	w, err := sim.New(sim.Options{Nodes: 2, Factory: func(sim.NodeID) sim.Actor { return echo{} }})
	if err != nil {
		fmt.Println(err)
		return
	}
	steps := []func() error{
		func() error { return w.Inject(10*sim.Millisecond, 0, 42) },
		func() error { return w.RunUntil(20 * sim.Millisecond) },
		func() error { return w.Crash(0) },
		func() error { return w.Restart(0) },
		func() error { return w.RunUntil(30 * sim.Millisecond) },
	}
	for _, step := range steps {
		if err := step(); err != nil {
			fmt.Println(err)
			return
		}
	}
	// Output:
	// 0s starts, incarnation 1
	// 0s starts, incarnation 1
	// 11ms n1 hears from n0 operation 42
	// 20ms starts, incarnation 2
}
