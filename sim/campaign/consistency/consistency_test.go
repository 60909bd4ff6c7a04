package consistency_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/linearizability/history"
	"github.com/joinery-go/joinery/sim"
	"github.com/joinery-go/joinery/sim/campaign"
	"github.com/joinery-go/joinery/sim/campaign/consistency"
)

// register is node 0, which answers at once; what a read sees is up to see.
type register struct {
	value string
	see   func(value string) history.Value
}

func (*register) Start(*sim.Context)              {}
func (*register) Timer(*sim.Context, sim.TimerID) {}
func (a *register) Receive(c *sim.Context, from sim.NodeID, msg []byte) {
	if len(msg) > 1 {
		a.value = string(msg[1:])
	}
	c.Send(from, 1, append(msg[:1], a.value...))
}

// protocol has a client write, and then read, by a model.
func protocol(model string, see func(value string) history.Value) campaign.Protocol {
	return campaign.Protocol{
		Name: "register", Setup: campaign.Setup{Nodes: 1, Clients: 1},
		Plan: func(p *campaign.Plan) {
			for i, arg := range []string{"a", "b", "", ""} {
				o := campaign.Op{At: sim.Time(i) * 10 * sim.Millisecond, Node: 1, Func: "write", Arg: arg}
				if arg == "" {
					o.Func = "read"
				}
				p.Add(o)
			}
		},
		New: func(r *campaign.Run) campaign.Instance {
			return campaign.Instance{
				Actor: func(n sim.NodeID) sim.Actor {
					if n == 0 {
						return &register{see: see}
					}
					return &campaign.Client{
						Run:  r,
						Send: func(c *sim.Context, o campaign.Op, _ int) { c.Send(0, 1, append([]byte{byte(o.ID)}, o.Arg...)) },
						Answer: func(_ *sim.Context, _ sim.NodeID, msg []byte) (uint64, history.Value, bool) {
							return uint64(msg[0]), see(string(msg[1:])), true
						},
					}
				},
				Check: func(r *campaign.Run) error { return consistency.Check(r, model) },
			}
		},
	}
}

// TestCheck: what was seen is judged, by the model that was asked for.
func TestCheck(t *testing.T) {
	honest := func(value string) history.Value { return history.Str(value) }
	for signature, p := range map[string]campaign.Protocol{
		"":                           protocol("linearizable", honest),
		"linearizable/history//-1":   protocol("linearizable", func(string) history.Value { return history.Str("a") }),
		"check/cannot be judged//-1": protocol("no such model", honest),
		"sequential/history//-1":     protocol("sequential", func(string) history.Value { return history.Str("never written") }),
	} {
		r, err := p.Fuzz(t.Context(), campaign.Options{Seeds: 2, Failures: 1})
		require.NoError(t, err)
		assert.Zero(t, r.Undecided)
		if signature == "" {
			assert.Empty(t, r.Failures)
			assert.Equal(t, int64(8), r.Answered)
			continue
		}
		require.Len(t, r.Failures, 1, signature)
		assert.Equal(t, signature, r.Failures[0].Violations[0].Signature())
	}
	p := protocol("linearizable", honest)
	p.Plan = nil
	r, err := p.Fuzz(t.Context(), campaign.Options{Seeds: 2})
	require.NoError(t, err)
	assert.Empty(t, r.Failures)
}

// TestWitnessIsMarked: the page of a run that fails marks the operations that show it, and no
// others.
func TestWitnessIsMarked(t *testing.T) {
	p := protocol("linearizable", func(string) history.Value { return history.Str("a") })
	r, err := p.Fuzz(t.Context(), campaign.Options{Seeds: 1, Failures: 1})
	require.NoError(t, err)
	require.Len(t, r.Failures, 1)
	tape, _, err := p.Record(t.Context(), r.Failures[0])
	require.NoError(t, err)
	page, err := p.Report(t.Context(), tape, campaign.PageOptions{Draws: 1})
	require.NoError(t, err)
	marked := 0
	for _, s := range page.Page.History.Spans {
		if s.Mark {
			marked++
		}
	}
	assert.Positive(t, marked)
	assert.Less(t, marked, len(page.Page.History.Spans))
}
