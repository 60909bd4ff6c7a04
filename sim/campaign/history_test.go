package campaign_test

import (
	"cmp"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/gen/choice"
	"github.com/joinery-go/joinery/linearizability/history"
	"github.com/joinery-go/joinery/sim"
	"github.com/joinery-go/joinery/sim/campaign"
)

// slow is node 0, which answers the request numbered n after n·10 ms, twice, and the
// request numbered 3 only when it is asked a second time.
type slow struct{ asked map[byte]int }

func (*slow) Start(*sim.Context) {}
func (s *slow) Receive(c *sim.Context, _ sim.NodeID, msg []byte) {
	if s.asked[msg[0]]++; msg[0] != 3 || s.asked[3] == 2 {
		c.After(sim.Time(msg[0])*10*sim.Millisecond, sim.TimerID(msg[0]))
	}
}

func (s *slow) Timer(c *sim.Context, id sim.TimerID) {
	c.Send(1, 1, []byte{byte(id)})
	c.Send(1, 1, []byte{byte(id)})
}

// clientHistory is what one client records of operations that are all given at once.
func clientHistory(t *testing.T, funcs []string, attempts int) []history.Op {
	t.Helper()
	p := campaign.Protocol{
		Name: "slow", Setup: campaign.Setup{Nodes: 1, Clients: 1},
		Plan: func(p *campaign.Plan) {
			for _, f := range funcs {
				p.Add(campaign.Op{At: 10 * sim.Millisecond, Node: 1, Func: f, Arg: "v"})
			}
		},
		New: func(r *campaign.Run) campaign.Instance {
			return campaign.Instance{Actor: func(n sim.NodeID) sim.Actor {
				if n == 0 {
					return &slow{map[byte]int{}}
				}
				return &campaign.Client{
					Run: r, Attempts: attempts, Timeout: 50 * sim.Millisecond,
					Send: func(c *sim.Context, o campaign.Op, _ int) { c.Send(0, 1, []byte{byte(o.ID)}) },
					Answer: func(_ *sim.Context, _ sim.NodeID, msg []byte) (uint64, history.Value, bool) {
						return uint64(msg[0]), history.Int(int64(msg[0])), true
					},
				}
			}}
		},
	}
	_, res, err := p.RunWith(t.Context(), 1, choice.Benign)
	require.NoError(t, err)
	require.Empty(t, res.Violations)
	h := res.History()
	require.NoError(t, h.Validate())
	return h.Ops
}

// TestClient: operations given at once are issued one after the other, an answer counts
// once and for its own operation, what is not answered is asked again, or is unknown.
func TestClient(t *testing.T) {
	ops := clientHistory(t, []string{"write", "read", "write", "read"}, 2)
	require.Len(t, ops, 4)
	for i, o := range ops {
		assert.Equal(t, history.OK, o.Outcome, "%d", i)
		assert.Equal(t, history.Int(int64(i+1)), o.Out)
		if i > 0 {
			assert.GreaterOrEqual(t, o.Call, ops[i-1].Return, "one after the other")
		}
	}
	assert.Equal(t, history.Str("v"), ops[0].Arg)
	assert.True(t, ops[1].Arg.IsNil(), "a read has none")
	assert.Greater(t, ops[2].Return-ops[2].Call, int64(75*sim.Millisecond), "it was asked again after 50 ms")

	ops = clientHistory(t, []string{"write", "write", "write", "write", "write", "write", "write"}, 1)
	require.Len(t, ops, 7)
	assert.Equal(t, history.Unknown, ops[2].Outcome)
	assert.Equal(t, history.Pending, ops[2].Return)
	assert.Equal(t, history.OK, ops[3].Outcome)
	assert.Equal(t, history.Unknown, ops[5].Outcome, "its answer comes when the next one has begun")
	assert.Equal(t, history.Unknown, ops[6].Outcome)
}

// recorder is node 0, which records by hand.
type recorder struct {
	run *campaign.Run
	as  string
}

func (*recorder) Start(*sim.Context)                       {}
func (*recorder) Receive(*sim.Context, sim.NodeID, []byte) {}
func (a *recorder) Input(c *sim.Context, id uint64) {
	a.run.Call(c, id, history.Register)
	a.run.Call(c, id, history.Register)
	a.run.Call(c, 99, history.Register)
	c.After(10*sim.Millisecond, 1)
}

func (a *recorder) Timer(c *sim.Context, id sim.TimerID) {
	switch a.as {
	case "refused":
		a.run.Refuse(c, 1)
		a.run.Return(c, 1, history.Int(1))
	case "answered":
		a.run.Return(c, 99, history.Int(9))
		a.run.Return(c, 1, history.Int(int64(id)))
		a.run.Refuse(c, 1)
		if id == 1 {
			c.After(10*sim.Millisecond, 2)
		}
	}
}

// TestRecording: what is not planned is not recorded, an operation is recorded once, and
// its first outcome stands.
func TestRecording(t *testing.T) {
	for as, want := range map[string]history.Op{
		"refused":  {Outcome: history.Failed, Out: history.Value{}},
		"answered": {Outcome: history.OK, Out: history.Int(1)},
		"neither":  {Outcome: history.Unknown},
	} {
		p := campaign.Protocol{
			Name: "recorder", Plan: func(p *campaign.Plan) { p.Add(campaign.Op{At: sim.Millisecond, Func: "read"}) },
			New: func(r *campaign.Run) campaign.Instance {
				return campaign.Instance{Actor: func(sim.NodeID) sim.Actor { return &recorder{r, as} }}
			},
		}
		_, res, err := p.RunWith(t.Context(), 1, choice.Benign)
		require.NoError(t, err)
		h := res.History()
		require.NoError(t, h.Validate())
		require.Len(t, h.Ops, 1)
		assert.Equal(t, want.Outcome, h.Ops[0].Outcome, as)
		assert.Equal(t, want.Out, h.Ops[0].Out, as)
		if want.Outcome != history.Unknown {
			assert.Less(t, h.Ops[0].Return, int64(15*sim.Millisecond), as)
		}
	}
}

// adder is node 0, which adds what it is sent to a counter, and answers with the sum.
type adder struct{ sum int64 }

func (*adder) Start(*sim.Context)              {}
func (*adder) Timer(*sim.Context, sim.TimerID) {}
func (a *adder) Receive(c *sim.Context, from sim.NodeID, msg []byte) {
	a.sum += int64(msg[1])
	c.Send(from, 2, []byte{msg[0], byte(a.sum)})
}

// counting is a protocol of a counter, whose clients give what they add as arg says.
func counting(add string, arg func(campaign.Op) history.Value) campaign.Protocol {
	return campaign.Protocol{
		Name: "counting", Setup: campaign.Setup{Nodes: 1, Clients: 1}, Kinds: []string{1: "add", 2: "sum"},
		Plan: func(p *campaign.Plan) {
			p.Add(campaign.Op{At: 10 * sim.Millisecond, Node: 1, Func: "inc", Key: "k", Arg: add})
			p.Add(campaign.Op{At: 20 * sim.Millisecond, Node: 1, Func: "read", Key: "k"})
		},
		New: func(r *campaign.Run) campaign.Instance {
			return campaign.Instance{Actor: func(n sim.NodeID) sim.Actor {
				if n == 0 {
					return &adder{}
				}
				return &campaign.Client{
					Run: r, Type: history.Counter, Arg: arg,
					Send: func(c *sim.Context, o campaign.Op, _ int) {
						n, err := strconv.Atoi(cmp.Or(o.Arg, "0"))
						if err != nil {
							n = 0
						}
						c.Send(0, 1, []byte{byte(o.ID), byte(n)})
					},
					Answer: func(_ *sim.Context, _ sim.NodeID, msg []byte) (uint64, history.Value, bool) {
						return uint64(msg[0]), history.Int(int64(msg[1])), true
					},
				}
			}}
		},
	}
}

// TestClientOfACounter: what a client adds to a counter is an integer in its history, and
// anything where the protocol says what.
func TestClientOfACounter(t *testing.T) {
	p := counting("5", nil)
	_, res, err := p.RunWith(t.Context(), 1, choice.Benign)
	require.NoError(t, err)
	h := res.History()
	require.NoError(t, h.Validate())
	require.Len(t, h.Ops, 2)
	assert.Equal(t, history.Int(5), h.Ops[0].Arg)
	assert.Equal(t, history.Int(5), h.Ops[1].Out)

	p = counting("five", nil)
	_, res, err = p.RunWith(t.Context(), 1, choice.Benign)
	require.NoError(t, err)
	require.ErrorContains(t, res.History().Validate(), "inc needs an integer")

	p = counting("five", func(campaign.Op) history.Value { return history.Int(5) })
	_, res, err = p.RunWith(t.Context(), 1, choice.Benign)
	require.NoError(t, err)
	assert.Equal(t, history.Int(5), res.History().Ops[0].Arg)
}

// TestKindsAreNamed: a message of a kind that Kinds does not name is an error of the
// protocol, unless it names none.
func TestKindsAreNamed(t *testing.T) {
	p := counting("5", nil)
	p.Kinds = []string{1: "add"}
	_, _, err := p.RunWith(t.Context(), 1, choice.Benign)
	require.ErrorIs(t, err, campaign.ErrProtocol)
	require.ErrorContains(t, err, `n0 sends a message of kind 2, which Kinds does not name: ["" "add"]`)
	p.Kinds = nil
	_, _, err = p.RunWith(t.Context(), 1, choice.Benign)
	require.NoError(t, err)

	for want, change := range map[string]func(){
		`Kinds names 1 and 3 alike, "add"`: func() { p.Kinds = []string{1: "add", 3: "add"} },
		`Points names "a sum" twice`:       func() { p.Kinds, p.Points = nil, []string{"a sum", "b", "a sum"} },
	} {
		change()
		require.ErrorContains(t, p.Validate(), want)
		p.Points = nil
	}
	_, err = p.Shrink(t.Context(), &campaign.Tape{}, -1)
	require.ErrorContains(t, err, "shrink in -1 replays")
}
