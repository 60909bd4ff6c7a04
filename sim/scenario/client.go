package scenario

import (
	"fmt"

	"github.com/joinery-go/joinery/kvs/kind"
	"github.com/joinery-go/joinery/kvs/session"
	"github.com/joinery-go/joinery/kvs/wire"
	"github.com/joinery-go/joinery/linearizability/history"
	"github.com/joinery-go/joinery/sim"
	"github.com/joinery-go/joinery/sim/scenario/oracle"
	"github.com/joinery-go/joinery/sim/scenario/workload"
)

// client is a node that runs sessions. Each session issues its operations one
// after the other; one that is not answered in time has an unknown outcome if it
// is a put, and none if it is a read.
type client struct {
	run      *run
	sessions []*sessionState // those at home here
}

type sessionState struct {
	number int // as the history counts, from 0
	state  session.Session
	queue  []int // positions in run.ops of operations taken
	first  int   // how many of them are done
	busy   bool
}

// current is the position of the operation that s is busy with, or about to be.
func (s *sessionState) current() int { return s.queue[s.first] }

const (
	timeout   = 400 * sim.Millisecond
	waitTicks = 10 // a threshold read gives up before the client does
)

// Start has nothing to do: clients do not crash.
func (cl *client) Start(*sim.Context) {}

// issuing marks the input that has an operation issued. An operation is issued by
// an event of its own, whose lineage is the operation's and not that of whatever
// its session had been waiting for, so that its faults stay its own when other
// operations are taken out of the plan.
const issuing = 1 << 40

// Input takes a planned operation, or issues one that was taken before.
func (cl *client) Input(c *sim.Context, id uint64) {
	at := cl.run.at(id &^ issuing)
	s := cl.session(cl.run.ops[at].Session)
	if id&issuing != 0 {
		cl.issue(c, s)
		return
	}
	s.queue = append(s.queue, at)
	if !s.busy {
		cl.next(c, s)
	}
}

// next has the first operation of the queue issued, if there is one.
func (cl *client) next(c *sim.Context, s *sessionState) {
	s.busy = s.first < len(s.queue)
	if !s.busy {
		return
	}
	if err := cl.run.world.Inject(c.Now(), c.Self(), cl.run.ops[s.current()].ID|issuing); err != nil {
		cl.run.err = err
	}
}

func (cl *client) session(number int) *sessionState {
	for _, s := range cl.sessions {
		if s.number == number {
			return s
		}
	}
	level := cl.run.level
	if number >= cl.run.setup.Sessions {
		level = session.Eventual // a reader after the fence takes what there is
	}
	var s *sessionState
	if n := len(cl.sessions); n < cap(cl.sessions) {
		s = cl.sessions[:n+1][n] // of an earlier run
	}
	if s == nil {
		s = new(sessionState)
	}
	cl.sessions = append(cl.sessions, s)
	s.number, s.queue, s.first, s.busy = number, s.queue[:0], 0, false
	s.state.Reset(level)
	return s
}

func (cl *client) issue(c *sim.Context, s *sessionState) {
	r := cl.run
	msg, err := r.ask(s, int64(c.Now()))
	if err != nil {
		r.err = err
		return
	}
	c.Send(sim.NodeID(r.ops[s.current()].Node), sim.MsgKind(wire.MsgRequest), msg)
	c.After(timeout, sim.TimerID(s.number))
}

// ask records that a session issues its current operation, and returns the
// message, valid until the next call.
func (r *run) ask(s *sessionState, now int64) ([]byte, error) {
	at := s.current()
	o := &r.ops[at]
	q := wire.Request{
		Client: uint64(s.number) + 1, Req: o.ID, Put: o.Func != history.Read, Causal: s.state.Level == session.Causal,
		Key: o.Key, Kind: string(o.Type), Clock: s.state.Clock(), Wait: waitTicks,
	}
	q.Deps, q.Proof = s.state.Past()
	h := &r.recorded[at]
	*h = history.Op{
		Session: s.number, Node: o.Node, Type: o.Type, Func: o.Func, Key: o.Key,
		Call: now, Return: history.Pending, Outcome: history.Unknown,
	}
	if q.Put {
		var err error
		if r.arg, err = o.Argument(r.arg[:0], r.setup.Tagged); err != nil {
			return nil, err
		}
		q.Arg = r.arg
		h.Arg = o.Value()
		if r.setup.Tagged {
			h.Tag = o.ID
		}
	}
	r.msg = q.Append(r.msg[:0])
	return r.msg, nil
}

// Receive takes an answer, if it is to the operation that its session awaits.
func (cl *client) Receive(c *sim.Context, from sim.NodeID, msg []byte) {
	r := cl.run
	resp := &r.response
	if err := resp.Decode(msg); err != nil {
		if r.setup.Faults[sim.Corrupt] == sim.Off { // no link spoils messages
			r.fail(Violation{Oracle: "answer", Kind: "message", Node: int(from), Message: err.Error()})
		}
		c.Mark(markRejected)
		return
	}
	if !cl.run.has(resp.Client) {
		return // not for anyone here
	}
	s := cl.session(int(resp.Client) - 1)
	if !s.busy || r.ops[s.current()].ID != resp.Req {
		return // late, or repeated
	}
	r.answered(s, resp, int64(c.Now()))
	if resp.Status == wire.StatusUnavailable {
		c.Mark(markUnavailable)
	}
	c.Cancel(sim.TimerID(s.number))
	cl.done(c, s)
}

// answered records the answer to a session's current operation.
func (r *run) answered(s *sessionState, resp *wire.Response, now int64) {
	o, h := &r.ops[s.current()], &r.recorded[s.current()]
	h.Return = max(now, h.Call+1)
	x := oracle.Answer{Session: s.number, Level: s.state.Level, Operation: o, Recorded: h, Response: resp, Met: s.state.Clock()}
	defer r.tell(func(o oracle.Oracle) { o.Answered(&x) })
	if resp.Status != wire.StatusOK {
		h.Outcome = history.Failed
		return
	}
	h.Outcome = history.OK
	if !s.state.Observe(resp.Deps, resp.Proof, resp.Clock) {
		r.fail(Violation{Oracle: "answer", Kind: string(o.Type), Op: string(o.Func), Node: o.Node, Message: fmt.Sprintf(
			"the answer to #%d leaves out what its session depended on before", o.ID)})
	}
	if o.Func == history.Read {
		r.take(o, h, resp)
	}
}

// take notes what an answered read saw. An answer that is no value of its kind is
// a violation.
func (r *run) take(o *workload.Operation, h *history.Op, resp *wire.Response) {
	var v kind.Value
	var err error
	if resp.Found {
		kind, _ := r.kinds.Find(string(o.Type))
		v = r.value(kind)
		err = kind.DecodeInto(v, resp.Value)
	}
	var got workload.Reading
	if err == nil {
		got, err = workload.ReadingOf(o.Type, v, r.setup.Tagged, &r.elems)
	}
	if err != nil {
		h.Outcome = history.Failed
		r.fail(Violation{Oracle: "answer", Kind: string(o.Type), Op: string(o.Func), Node: o.Node, Message: fmt.Sprintf(
			"read #%d of %q: %v", o.ID, o.Key, err)})
		return
	}
	h.Out, h.Saw, h.Stamp = got.Value, r.tags(got.Saw), got.Stamp
}

// Timer gives up on a session's current operation.
func (cl *client) Timer(c *sim.Context, id sim.TimerID) {
	s := cl.session(int(id))
	if !s.busy {
		return
	}
	if !cl.run.unanswered(s, int64(c.Now())) {
		c.Mark(markUnknown)
	}
	cl.done(c, s)
}

// unanswered records that a session gives up on its current operation, and reports
// whether it is known not to have happened: it is a read.
func (r *run) unanswered(s *sessionState, now int64) bool {
	if r.ops[s.current()].Func != history.Read {
		return false
	}
	h := &r.recorded[s.current()]
	h.Return, h.Outcome = now, history.Failed
	return true
}

// done ends a session's current operation.
func (cl *client) done(c *sim.Context, s *sessionState) {
	s.first++
	cl.next(c, s)
}

// has reports whether there is a client of that number, as messages name it.
func (r *run) has(client uint64) bool {
	return client > 0 && client <= uint64(r.setup.Sessions+r.setup.Nodes) // with the readers after the fence
}
