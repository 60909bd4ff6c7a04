package campaign_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/sim"
	"github.com/joinery-go/joinery/sim/campaign"
)

// counter is a protocol of a few lines: node 0 tells the others to count one, once for
// each operation. It trusts the network, which is its fault, unless it is told to repeat
// itself until it is heard.
type counter struct {
	n      int
	seen   map[string]bool
	repeat bool
	does   func(c *sim.Context, a *counter) // at each message
}

func (a *counter) Start(*sim.Context)              {}
func (a *counter) Timer(*sim.Context, sim.TimerID) {}

func (a *counter) Receive(c *sim.Context, _ sim.NodeID, msg []byte) {
	if a.does != nil {
		a.does(c, a)
	}
	if a.repeat && a.seen[string(msg)] {
		return
	}
	a.seen[string(msg)] = true
	a.n++
}

func (a *counter) Input(c *sim.Context, id uint64) {
	a.n++
	for to := range sim.NodeID(c.Nodes()) {
		if to != c.Self() {
			c.Send(to, 1, fmt.Append(nil, id))
		}
	}
}

var noNet = []sim.Class{sim.Drop, sim.Duplicate, sim.Delay, sim.Partition}

// toy is the counter as a protocol; does is done at each message.
func toy(does func(c *sim.Context, a *counter)) campaign.Protocol {
	return campaign.Protocol{
		Name: "counter", Version: 3, Kinds: []string{1: "count"},
		Setup: campaign.Setup{Nodes: 3, Faults: campaign.Bears(noNet...), Settle: 200 * sim.Millisecond},
		Plan: func(p *campaign.Plan) {
			p.Spread(5, 20, func(_ int, o *campaign.Op) { o.Func, o.Node = "count", 0 })
		},
		New: func(r *campaign.Run) campaign.Instance {
			return campaign.Instance{
				Actor: func(sim.NodeID) sim.Actor { return &counter{seen: map[string]bool{}, does: does} },
				Check: func(r *campaign.Run) error {
					for n := range sim.NodeID(3) {
						if got := r.World().Actor(n).(*counter).n; got != len(r.Ops()) {
							return fmt.Errorf("counted wrongly: %v has %d of %d", n, got, len(r.Ops()))
						}
					}
					return nil
				},
			}
		},
	}
}

// unfailing is toy without a check, in a world without faults.
func unfailing(does func(c *sim.Context, a *counter)) campaign.Protocol {
	p := toy(does)
	inner := p.New
	p.Setup.Faults = campaign.Levels{}
	p.New = func(r *campaign.Run) campaign.Instance {
		in := inner(r)
		in.Check = nil
		return in
	}
	return p
}

func fuzz(t *testing.T, p campaign.Protocol, o campaign.Options) *campaign.Report {
	t.Helper()
	r, err := p.Fuzz(t.Context(), o)
	require.NoError(t, err)
	return r
}

// firstFailure is the first failing seed, recorded.
func firstFailure(t *testing.T, p campaign.Protocol, seeds uint64) (*campaign.Result, *campaign.Tape) {
	t.Helper()
	r := fuzz(t, p, campaign.Options{Seeds: seeds, Failures: 1, Workers: 2})
	require.Len(t, r.Failures, 1, "%d seeds fail", seeds)
	tape, _, err := p.Record(t.Context(), r.Failures[0])
	require.NoError(t, err)
	return r.Failures[0], tape
}

var errToy = errors.New("toy")
