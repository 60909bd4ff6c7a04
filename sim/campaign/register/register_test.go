package register_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/gen/choice"
	"github.com/joinery-go/joinery/linearizability/history"
	"github.com/joinery-go/joinery/sim"
	"github.com/joinery-go/joinery/sim/campaign"
	"github.com/joinery-go/joinery/sim/campaign/register"
	"github.com/joinery-go/joinery/sim/simtest"
)

const (
	msgRequest sim.MsgKind = 1
	msgAnswer  sim.MsgKind = 2
)

// server is one server that nothing happens to. It answers from the attempt on that it is
// told to, or, as a faulty one, reads with what was first written.
type server struct {
	from  int
	stale bool

	value  string
	asked  map[uint64]int
	damage bool // its first answer to each request is too short to be one
}

func (s *server) Start(*sim.Context)            { s.asked = map[uint64]int{} }
func (*server) Timer(*sim.Context, sim.TimerID) {}
func (s *server) Receive(c *sim.Context, from sim.NodeID, msg []byte) {
	q, err := register.Parse(msg)
	if err != nil {
		panic(err)
	}
	s.asked[q.ID]++
	if s.damage && s.asked[q.ID] == 1 {
		c.Send(from, msgAnswer, []byte{1})
	}
	if s.asked[q.ID] <= s.from {
		return
	}
	if !q.Read && !(s.stale && s.value != "") {
		s.value = q.Value
	}
	c.Send(from, msgAnswer, register.Answer(q.ID, s.value))
}

func protocol(s server) campaign.Protocol {
	return campaign.Protocol{
		Name:  "one-server",
		Setup: campaign.Setup{Nodes: 1, Clients: 2},
		Kinds: []string{msgRequest: "request", msgAnswer: "answer"},
		Plan:  register.Plan(10, 20),
		New: func(r *campaign.Run) campaign.Instance {
			clients := register.Clients{Kind: msgRequest, To: register.InTurn(1), Attempts: 3}
			return campaign.Instance{
				Actor: func(n sim.NodeID) sim.Actor {
					if n == 0 {
						one := s
						return &one
					}
					return clients.Client(r)
				},
				Done:  func(*campaign.Run) bool { return true },
				Check: register.Check,
			}
		},
	}
}

// TestOneServer: a server alone is linearizable, every operation is answered, those of the
// end as well, reads among them have values, and a server that does not take a second write
// is found.
func TestOneServer(t *testing.T) {
	simtest.Fuzz(t, protocol(server{}), simtest.Seeds(1, 200))
	for what, s := range map[string]server{"at once": {}, "the third time": {from: 2}, "damaged first": {from: 1, damage: true}} {
		p := protocol(s)
		_, res, err := p.RunWith(t.Context(), 3, choice.Benign)
		require.NoError(t, err)
		require.Empty(t, res.Violations)
		ops := res.History().Ops
		require.GreaterOrEqual(t, len(ops), 12)
		for _, o := range ops {
			assert.Equal(t, history.OK, o.Outcome, "%s: %v", what, o)
		}
		ends := ops[len(ops)-2:]
		assert.ElementsMatch(t, []int{1, 2}, []int{ends[0].Session, ends[1].Session}, "each client reads in the end")
		assert.False(t, ends[0].Out.IsNil())
		assert.Equal(t, ends[0].Out, ends[1].Out)
	}
	p := protocol(server{stale: true})
	r, err := p.Fuzz(t.Context(), campaign.Options{Seeds: 100, Failures: 1})
	require.NoError(t, err)
	require.Len(t, r.Failures, 1)
	assert.Equal(t, "linearizable/history//-1", r.Failures[0].Violations[0].Signature())
}

// TestPlan: writes have values of their own, and operations of both functions are there.
func TestPlan(t *testing.T) {
	p := protocol(server{})
	seen := map[string]int{}
	for seed := range uint64(20) {
		_, res, err := p.RunWith(t.Context(), seed, choice.Benign)
		require.NoError(t, err)
		var values []string
		for _, o := range res.History().Ops {
			seen[string(o.Func)]++
			if o.Func == history.Write {
				values = append(values, o.Arg.String())
			}
		}
		slices.Sort(values)
		assert.Equal(t, len(values), len(slices.Compact(values)))
	}
	assert.Len(t, seen, 2)
	assert.Greater(t, seen["write"], 60)
}

// TestInTurn: attempts go round, and operations begin at different servers.
func TestInTurn(t *testing.T) {
	to := register.InTurn(3)
	for id := range uint64(6) {
		for attempt := range 5 {
			assert.Equal(t, sim.NodeID((int(id)+attempt)%3), to(register.Request{ID: id}, attempt))
		}
	}
}

// FuzzParse: what is a request is written as it was read, and nothing else is taken.
func FuzzParse(f *testing.F) {
	for _, q := range []register.Request{{ID: 1, Read: true}, {ID: 1 << 40, Value: "v"}, {}} {
		b := q.Append(nil)
		f.Add(b)
		f.Add(b[:len(b)-1])
		f.Add(append(b, 2))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		q, err := register.Parse(b)
		if err != nil {
			assert.ErrorIs(t, err, register.ErrMessage)
			assert.Zero(t, q)
			return
		}
		assert.Equal(t, b, q.Append(nil))
	})
}
