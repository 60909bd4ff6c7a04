package sim_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/gen/choice"
	"github.com/joinery-go/joinery/sim"
	simnet "github.com/joinery-go/joinery/sim/net"
)

// relay passes what it gets on to the next node; two tokens a node start at once.
type relay struct{}

func (relay) Start(c *sim.Context) {
	for kind := range sim.MsgKind(2) {
		c.Send(next(c), kind, make([]byte, 32))
	}
}
func (relay) Receive(c *sim.Context, _ sim.NodeID, msg []byte) { c.Send(next(c), c.Kind(), msg) }
func (relay) Timer(*sim.Context, sim.TimerID)                  {}

func next(c *sim.Context) sim.NodeID { return (c.Self() + 1) % sim.NodeID(c.Nodes()) }

func relays(t testing.TB, net sim.Network, src choice.Source) *sim.World {
	w, err := sim.New(sim.Options{Nodes: 5, Source: src, Net: net,
		Factory: func(sim.NodeID) sim.Actor { return relay{} }, Limits: sim.Limits{Events: 1 << 60}})
	require.NoError(t, err)
	require.NoError(t, w.RunUntil(100*sim.Millisecond)) // let slabs and pools grow
	return w
}

func network(t testing.TB, f simnet.Faults) *simnet.Net {
	n, err := simnet.New(simnet.Options{Faults: f})
	require.NoError(t, err)
	return n
}

// BenchmarkMessages is one message of 32 bytes among five trivial actors: network,
// lineage, payload pool and trace hash included.
func BenchmarkMessages(b *testing.B) {
	// Drops would end the relay and copies flood it: with faults asked for but
	// answered benignly, the cost of asking shows.
	for _, bc := range []struct {
		name string
		net  sim.Network
		src  choice.Source
	}{
		{"perfect", nil, nil},
		{"faults-off", network(b, simnet.Faults{}), nil},
		{"delay-low", network(b, simnet.Faults{Delay: sim.Low}), choice.Seeded(1)},
		{"all-asked", network(b, simnet.AskAll), choice.Benign},
	} {
		b.Run(bc.name, func(b *testing.B) {
			w := relays(b, bc.net, bc.src)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := w.Step(); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds()/1e6, "Mevents/s")
		})
	}
}

// TestSteadyStateAllocatesNothing holds the hot path to no allocation a message.
func TestSteadyStateAllocatesNothing(t *testing.T) {
	for name, f := range map[string]simnet.Faults{"off": {}, "delay": {Delay: sim.Extreme}} {
		w := relays(t, network(t, f), choice.Seeded(1))
		require.NoError(t, w.RunUntil(20*sim.Second)) // the rarest delay is four seconds
		got := testing.AllocsPerRun(2000, func() {
			if _, err := w.Step(); err != nil {
				t.Fatal(err)
			}
		})
		require.Zero(t, got, name)
	}
}

// BenchmarkWorld is the cost of a fresh run in memory that is reused.
func BenchmarkWorld(b *testing.B) {
	w := new(sim.World)
	o := sim.Options{Nodes: 5, Factory: func(sim.NodeID) sim.Actor { return relay{} }}
	b.ReportAllocs()
	for b.Loop() {
		if err := w.Reset(o); err != nil {
			b.Fatal(err)
		}
	}
}
