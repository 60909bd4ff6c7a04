package campaign

import (
	"fmt"
	"strconv"

	"github.com/joinery-go/joinery/linearizability/history"
	"github.com/joinery-go/joinery/sim"
)

// Call records that a node issues an operation now. What is not planned, or was called
// before, is not recorded. Until Return its outcome is unknown. The session is the
// node's number, and typ is of what the operation addresses. The argument is that of the
// plan: of [history.Inc] an integer, if it is one, else a string; a read has none.
func (r *Run) Call(c *sim.Context, id uint64, typ history.Type) {
	o := r.Op(id)
	var arg history.Value
	switch history.Func(o.Func) {
	case history.Read:
	case history.Inc:
		n, err := strconv.ParseInt(o.Arg, 10, 64)
		if arg = history.Int(n); err != nil {
			arg = history.Str(o.Arg)
		}
	default:
		arg = history.Str(o.Arg)
	}
	r.CallWith(c, id, typ, arg)
}

// CallWith is Call with an argument of any kind, such as the list of two values that a
// [history.CAS] has.
func (r *Run) CallWith(c *sim.Context, id uint64, typ history.Type, arg history.Value) {
	o := r.Op(id)
	if _, called := r.returned[id]; called || o.ID == 0 {
		return
	}
	h := history.Op{
		Index: len(r.history), Session: int(c.Self()), Node: -1, Type: typ, Func: history.Func(o.Func), Key: o.Key,
		Call: int64(c.Now()), Return: history.Pending, Outcome: history.Unknown, Arg: arg,
	}
	r.returned[id] = len(r.history)
	r.history = append(r.history, h)
}

// Return records that the operation has come back with an answer, now. Only the first
// answer of one that was called counts.
func (r *Run) Return(c *sim.Context, id uint64, out history.Value) {
	i, called := r.returned[id]
	if !called || r.history[i].Outcome != history.Unknown {
		return
	}
	r.history[i].Return, r.history[i].Outcome, r.history[i].Out = int64(c.Now()), history.OK, out
}

// Refuse records that the operation is known not to have happened.
func (r *Run) Refuse(c *sim.Context, id uint64) {
	i, called := r.returned[id]
	if !called || r.history[i].Outcome != history.Unknown {
		return
	}
	r.history[i].Return, r.history[i].Outcome = int64(c.Now()), history.Failed
}

// History is what has been recorded so far, for the checkers of package linearizability.
// It must not be changed.
func (r *Run) History() *history.History { return historyOf(r.Setup.Seed, r.history) }

func historyOf(seed uint64, ops []history.Op) *history.History {
	return &history.History{Name: fmt.Sprintf("seed %d", seed), Ops: ops}
}

// maxPending bounds the operations that wait for a client to be free.
const maxPending = maxOps

// Client is an actor that issues the operations of its node one after the other, asks
// again where no answer comes, and records a history. An operation without an answer in
// the end has an unknown outcome, and the next one is issued. While a client has an
// operation under way, [Instance.Done] is not asked.
type Client struct {
	Run *Run
	// Send sends the request of an operation; attempt counts from 0.
	Send func(c *sim.Context, o Op, attempt int)
	// Answer reads a message: of which operation it is the answer, and what a read saw. ok
	// is false for messages that are none.
	Answer func(c *sim.Context, from sim.NodeID, msg []byte) (id uint64, out history.Value, ok bool)
	// Timeout is how long an answer is waited for, 50 ms by default, and Attempts how
	// often the operation is sent, once by default.
	Timeout  sim.Time
	Attempts int
	// Type is of the object that operations address, history.Register by default.
	Type history.Type
	// Arg is the argument of an operation as the history has it; nil takes that of the plan,
	// see [Run.Call].
	Arg func(o Op) history.Value

	pending []uint64
	busy    Op // being served; ID 0 for none
	attempt int
}

const clientTimer sim.TimerID = 1

// Start has defaults filled in. A client that starts again has forgotten what it asked.
func (a *Client) Start(c *sim.Context) {
	delete(a.Run.asking, c.Self())
	setDefault(&a.Timeout, 50*sim.Millisecond)
	setDefault(&a.Attempts, 1)
	setDefault(&a.Type, history.Register)
	a.pending, a.busy = nil, Op{}
}

// Input issues an operation, or has it wait for the one before.
func (a *Client) Input(c *sim.Context, id uint64) {
	if len(a.pending) == maxPending {
		c.Fail(fmt.Errorf("%w: more than %d operations wait for client %v", ErrProtocol, maxPending, c.Self()))
		return
	}
	a.pending = append(a.pending, id)
	if a.busy.ID == 0 {
		a.next(c)
	}
}

// next issues what has waited longest.
func (a *Client) next(c *sim.Context) {
	a.busy, a.attempt = Op{}, 0
	if len(a.pending) == 0 {
		delete(a.Run.asking, c.Self())
		c.Cancel(clientTimer)
		return
	}
	a.busy = a.Run.Op(a.pending[0])
	a.pending = a.pending[1:]
	a.Run.asking[c.Self()] = struct{}{}
	if a.Arg != nil {
		a.Run.CallWith(c, a.busy.ID, a.Type, a.Arg(a.busy))
	} else {
		a.Run.Call(c, a.busy.ID, a.Type)
	}
	a.Send(c, a.busy, 0)
	c.After(a.Timeout, clientTimer)
}

// Timer asks again, or gives up.
func (a *Client) Timer(c *sim.Context, _ sim.TimerID) {
	if a.busy.ID == 0 {
		return
	}
	if a.attempt++; a.attempt >= a.Attempts {
		a.next(c)
		return
	}
	a.Send(c, a.busy, a.attempt)
	c.After(a.Timeout, clientTimer)
}

// Receive takes the answer of the operation being served; others come too late.
func (a *Client) Receive(c *sim.Context, from sim.NodeID, msg []byte) {
	id, out, ok := a.Answer(c, from, msg)
	if !ok || id != a.busy.ID || id == 0 {
		return
	}
	a.Run.Return(c, id, out)
	a.next(c)
}
