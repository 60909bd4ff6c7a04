package scenario

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/joinery-go/joinery/kvs/kind"
	"github.com/joinery-go/joinery/kvs/ring"
	"github.com/joinery-go/joinery/kvs/session"
	"github.com/joinery-go/joinery/kvs/wire"
	"github.com/joinery-go/joinery/linearizability/history"
	"github.com/joinery-go/joinery/sim"
	"github.com/joinery-go/joinery/sim/scenario/oracle"
	"github.com/joinery-go/joinery/sim/scenario/workload"
)

// client is a node that runs sessions. Each session issues its operations one after the
// other. One that is not answered in time is asked of the next replica that its plan
// names, by the same request; when none is left, it has an unknown outcome if it is a
// put, and none if it is a read.
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
	tries  int // how often the current operation has been asked again
	txn    txnState
	cache  session.Cache              // of a run that has caches
	read   map[string]*workload.Shown // of multi-value registers: the values that it has read last
	stamp  uint64                     // of the current operation, if it is a put
	batch  []int                      // the operations that are asked for with the current one, and that one first; nil mostly
	asked  int                        // the replica that is asked for these
	stamps []uint64                   // of these, if they are puts
	clock  uint64                     // that the session had met before these
	got    []wire.Response            // the answers of puts; the request of one that has not come is 0
	left   int                        // how many of these have not
	silent bool                       // what it is answered has been taken in, or will be, with another answer
	member int                        // 1 and the one of these that stands for it at the moment; 0 is none

	home  int  // 1 and the replica that was asked last; 0 is none
	moved bool // another one has been asked, too
}

// current is the position of the operation that s is busy with, or about to be: of a
// transaction that commits, the write that is being sent.
func (s *sessionState) current() int {
	if s.member > 0 {
		return s.member - 1
	}
	if len(s.txn.sending) > 0 {
		return s.txn.sending[0]
	}
	return s.queue[s.first]
}

const (
	timeout   = 80 * sim.Millisecond // less than faults last, so that most operations meet some
	waitTicks = 3                    // of 20 ms: a threshold read gives up before the client does
)

// Start has nothing to do: clients do not crash.
func (cl *client) Start(*sim.Context) {}

// issuing marks the input that has an operation issued. An operation is issued by
// an event of its own, whose lineage is the operation's and not that of whatever
// its session had been waiting for, so that its faults stay its own when other
// operations are taken out of the plan.
const issuing = 1 << 40

// committing marks the input that has a write of a transaction sent.
const committing = 1 << 41

// Input takes a planned operation, or issues one that was taken before.
func (cl *client) Input(c *sim.Context, id uint64) {
	at := cl.run.at(id &^ (issuing | committing))
	s := cl.session(cl.run.ops[at].Session)
	switch {
	case id&committing != 0:
		cl.issue(c, s)
		return
	case id&issuing != 0:
		if s.state.Level.Transactional() {
			cl.inTxn(c, s)
		} else {
			cl.issue(c, s)
		}
		return
	}
	s.queue = append(s.queue, at)
	if !s.busy {
		cl.next(c, s)
	}
}

// next has the first operation of the queue issued, if there is one.
func (cl *client) next(c *sim.Context, s *sessionState) {
	cl.skip(s)
	s.busy, s.tries, s.batch = s.first < len(s.queue), 0, nil
	if !s.busy {
		return
	}
	cl.inject(c, s, issuing)
}

// inject has the current operation of a session dealt with by an event of its own.
func (cl *client) inject(c *sim.Context, s *sessionState, how uint64) {
	at := c.Now()
	if s.state.Level.Transactional() || cl.run.setup.Cache {
		at++ // what it has done by itself has taken a moment
	}
	if err := cl.run.world.Inject(at, c.Self(), cl.run.ops[s.current()].ID|how); err != nil {
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
	s.number, s.queue, s.first, s.busy, s.tries, s.batch, s.member = number, s.queue[:0], 0, false, 0, nil, 0
	clear(s.read)
	s.home, s.moved = 0, false
	s.txn.reset()
	s.cache.MaxAgeMS, s.cache.Max = cacheAgeMS, cacheMax
	s.cache.Reset()
	s.state.Reset(level)
	return s
}

func (cl *client) issue(c *sim.Context, s *sessionState) {
	r := cl.run
	if s.batch = r.batch(s.current()); s.batch != nil {
		cl.issueBatch(c, s)
		return
	}
	if r.ops[s.current()].Batch != 0 {
		if r.alone == nil {
			r.alone = make(map[int]bool)
		}
		r.alone[s.current()] = true
	}
	if r.caches(s) && r.cached(s, int64(c.Now())) {
		c.Mark(markCached)
		cl.done(c, s)
		return
	}
	msg, err := r.ask(s, int64(c.Now()))
	if err != nil {
		r.err = err
		return
	}
	cl.send(c, s, r.ops[s.current()].Node, msg)
}

// send sends a request, and begins to wait for the answer.
func (cl *client) send(c *sim.Context, s *sessionState, to int, msg []byte) {
	cl.sendAs(c, s, to, wire.MsgRequest, msg)
}

func (cl *client) sendAs(c *sim.Context, s *sessionState, to int, kind wire.MessageKind, msg []byte) {
	cl.run.sidesOf(c.Self(), s, to, kind)
	c.Send(sim.NodeID(to), sim.MsgKind(kind), msg)
	c.After(timeout, sim.TimerID(s.number))
}

// ask records that a session issues its current operation, and returns the
// message, valid until the next call.
func (r *run) ask(s *sessionState, now int64) ([]byte, error) {
	o := &r.ops[s.current()]
	r.begin(s, now)
	if o.Func != history.Read {
		s.stamp = s.state.Stamp(r.hostMS(s, now))
	}
	return r.request(s, o)
}

// begin records that a session begins its current operation.
func (r *run) begin(s *sessionState, now int64) {
	at := s.current()
	o, h := &r.ops[at], &r.recorded[at]
	if h.Type != "" { // a transaction has held it back
		h.Return, h.Outcome, r.fates[at] = history.Pending, history.Unknown, fateNone
		return
	}
	*h = history.Op{
		Session: s.number, Node: o.Node, Type: o.Type, Func: shownAs(o), Key: o.Key,
		Call: now, Return: history.Pending, Outcome: history.Unknown, Txn: o.Txn,
	}
	if o.Func != history.Read {
		h.Arg = o.Value()
		if r.setup.Tagged {
			h.Tag = o.ID
		}
	}
	if now < r.horizon() {
		r.underFaults++
	}
}

// request is the message by which a session asks for its current operation, and asks
// again: nothing that it is made of changes before there is an answer.
func (r *run) request(s *sessionState, o *workload.Operation) (msg []byte, err error) {
	q := wire.Request{
		Client: uint64(s.number) + 1, Req: o.ID, Put: o.Func != history.Read, Delete: o.Func == workload.Delete, Level: s.state.Level.Served(),
		Ack: o.Ack, Key: o.Key, Kind: o.Kind(), Clock: s.state.Clock(), Wait: waitTicks,
	}
	q.Deps, q.Proof = s.state.Past()
	q.Own = s.state.Own()
	if q.Put {
		q.Stamp, q.Again = s.stamp, s.tries > 0
		if r.arg, err = o.Argument(r.arg[:0], r.setup.Tagged, r.names(s, s.current())); err != nil {
			return nil, err
		}
		q.Arg = r.arg
	}
	switch o.Amiss {
	case workload.BadKind:
		q.Kind = unheardOf
	case workload.BadDeps:
		q.Deps, q.Own, q.Proof = r.invented(o), nil, session.Proof{}
	case workload.BadClock:
		q.Clock = farFuture
	case workload.BadWait:
		q.Wait = 1 << 20
		if !q.Level.Waits() {
			q.Level = session.Causal
		}
	}
	r.msg = q.Append(r.msg[:0])
	return r.msg, nil
}

// names are the values that a put replaces, those that its session has read last: nothing is
// read before it is answered or given up, so that they are the same each time it is asked for.
func (r *run) names(s *sessionState, at int) []byte {
	shown := s.read[r.ops[at].Key]
	if shown == nil || !r.ops[at].Replaces() {
		return nil
	}
	if r.named == nil {
		r.named = make(map[int][]workload.Name)
	}
	r.named[at] = shown.Names
	return shown.Arg
}

// farFuture is a hybrid time that no replica will come to, and unheardOf a kind that none
// has.
const (
	farFuture = 1 << 62
	unheardOf = "unheard of"
)

// invented is a past that no replica vouches for.
func (r *run) invented(o *workload.Operation) session.Matrix {
	return session.Matrix{{Partition: r.ring.PartitionOf(o.Key), Origin: 1, Seq: 1 << 40}}
}

// Receive takes an answer, if it is to the operation that its session awaits.
func (cl *client) Receive(c *sim.Context, from sim.NodeID, msg []byte) {
	r := cl.run
	if wire.KindOf(msg) == wire.MsgMultiAnswer {
		cl.receiveBatch(c, from, msg)
		return
	}
	resp := &r.response
	if err := resp.Decode(msg); err != nil {
		cl.garbled(c, from, err)
		return
	}
	if !cl.run.has(resp.Client) {
		return // not for anyone here
	}
	s := cl.session(int(resp.Client) - 1)
	if s.busy && s.batch != nil {
		cl.receivePart(c, s, int(from), resp)
		return
	}
	if !s.busy || r.ops[s.current()].ID != resp.Req {
		return // late, or repeated
	}
	r.answered(s, int(from), resp, int64(c.Now()))
	switch resp.Status {
	case wire.StatusOK:
	case wire.StatusUnavailable:
		c.Mark(markUnavailable)
	default:
		c.Mark(markRefused + resp.Status.String())
	}
	c.Cancel(sim.TimerID(s.number))
	cl.done(c, s)
}

// garbled notes an answer that cannot be read.
func (cl *client) garbled(c *sim.Context, from sim.NodeID, err error) {
	if cl.run.setup.Faults[sim.Corrupt] == sim.Off { // no link spoils messages
		cl.run.fail(Violation{Oracle: "answer", Kind: "message", Node: int(from), Message: err.Error()})
	}
	c.Mark(markRejected)
}

// answered records the answer of a replica to a session's current operation.
func (r *run) answered(s *sessionState, from int, resp *wire.Response, now int64) {
	o, h := &r.ops[s.current()], &r.recorded[s.current()]
	h.Return, h.Node = max(now, h.Call+1), from
	x := oracle.Answer{Node: ring.NodeID(from), Session: s.number, Level: s.state.Level, Operation: o, Recorded: h, Response: resp, Met: s.met()}
	defer r.tell(func(o oracle.Oracle) { o.Answered(&x) })
	if resp.Status == wire.StatusUnavailable && r.caches(s) && !r.fenced { // what is read then is to be new
		if value, found, ok := s.cache.Stale(&s.state, o.Key, o.Kind()); ok {
			h.Outcome = history.OK
			r.take(s, value, found)
			return
		}
	}
	r.refusedAs(s.current(), resp.Status)
	if resp.Status != wire.StatusOK {
		h.Outcome = history.Failed
		stays := resp.Status == wire.StatusUnavailable        // with fewer owners than it asked for
		if o.Func != history.Read && (s.tries > 0 || stays) { // or the replica asked before may have served it
			h.Return, h.Outcome = history.Pending, history.Unknown
		}
		return
	}
	h.Outcome = history.OK
	if !s.silent && !s.state.ObserveBoth(resp.Deps, resp.Own, resp.Proof, resp.Clock) {
		r.fail(Violation{Oracle: "answer", Kind: string(o.Type), Op: string(o.Func), Node: o.Node, Message: fmt.Sprintf(
			"the answer to #%d leaves out what its session depended on before", o.ID)})
	}
	if o.Func != history.Read {
		return
	}
	value, held := r.over(o, resp.Value, resp.Held())
	x.Over = held != resp.Held() || !bytes.Equal(value, resp.Value)
	if s.state.Level.Transactional() && o.Amiss == "" {
		if err := s.txn.Learn(o.Key, o.Kind(), value, held); err != nil {
			r.err = err
		}
	}
	if r.take(s, value, held); r.cacheKeeps(s) && h.Outcome == history.OK {
		s.cache.Keep(&s.state, resp.Partition, o.Key, o.Kind(), value, held, uint64(now/int64(sim.Millisecond)))
	}
}

// The cache of a session, where there is one.
const (
	cacheAgeMS = 60 // less than a run takes to come to rest, so that what is read then is asked for
	cacheMax   = 4
)

// caches reports whether the current operation of a session may be answered from its cache.
func (r *run) caches(s *sessionState) bool {
	return r.cacheKeeps(s) && r.ops[s.current()].Amiss == ""
}

// cacheKeeps reports whether the current operation of a session is a read whose answer its cache
// keeps. One that is planned to ask no owner is not answered from there, but a replica may have
// come to own the key by then: the session has seen what that shows, as any other answer.
func (r *run) cacheKeeps(s *sessionState) bool {
	return r.setup.Cache && r.ops[s.current()].Func == history.Read && s.number < r.setup.Sessions
}

// cached answers the current read of a session from its cache, if that can be.
func (r *run) cached(s *sessionState, now int64) bool {
	o := &r.ops[s.current()]
	value, found, ok := s.cache.Get(&s.state, o.Key, o.Kind(), uint64(now/int64(sim.Millisecond)))
	if !ok {
		return false
	}
	r.begin(s, now)
	h := &r.recorded[s.current()]
	h.Return, h.Outcome = now+1, history.OK
	r.take(s, value, found)
	return true
}

// take notes what an answered read saw. An answer that is no value of its kind is
// a violation.
func (r *run) take(s *sessionState, value []byte, found bool) {
	o, h := &r.ops[s.current()], &r.recorded[s.current()]
	var v kind.Value
	var err error
	k, _ := r.kinds.Find(o.Kind())
	if found {
		v = r.value(k)
		err = k.DecodeInto(v, value)
	}
	var got workload.Reading
	switch {
	case err != nil:
	case s.txn.number != 0:
		v, got, err = r.readInTxn(s, k, v)
	default:
		got, err = r.readingOf(o, v)
	}
	if errors.Is(err, kind.ErrOverflow) && workload.Huge(r.ops, o.Key) {
		h.Outcome = history.Failed // it has a value, but none that a history can show
		return
	}
	if err != nil {
		h.Outcome = history.Failed
		r.fail(Violation{Oracle: "answer", Kind: string(o.Type), Op: string(o.Func), Node: o.Node, Message: fmt.Sprintf(
			"read #%d of %q: %v", o.ID, o.Key, err)})
		return
	}
	if v != nil && o.Replaceable() {
		if s.read == nil {
			s.read = make(map[string]*workload.Shown)
		}
		s.read[o.Key] = workload.ShownBy(v)
	}
	if r.fates[s.current()] == fateOwn {
		got.Stamp = history.Stamp{} // it has none yet
	}
	h.Out, h.Saw, h.Stamp = got.Value, r.tags(got.Saw), got.Stamp
}

// Timer gives up on a session's current operation, or has it asked again.
func (cl *client) Timer(c *sim.Context, id sim.TimerID) {
	s := cl.session(int(id))
	if !s.busy {
		return
	}
	if o := &cl.run.ops[s.current()]; s.tries < len(o.Retries) {
		cl.again(c, s, o)
		return
	}
	cl.run.gaveUpOn(c.Self(), s)
	if !cl.run.unansweredBatch(s, int64(c.Now())) {
		c.Mark(markUnknown)
	}
	cl.done(c, s)
}

// again asks the next replica.
func (cl *client) again(c *sim.Context, s *sessionState, o *workload.Operation) {
	to := o.Retries[s.tries]
	c.Mark(markRetried)
	if s.tries++; to != o.Node {
		c.Mark(markElsewhere)
	}
	if s.batch != nil {
		cl.askBatch(c, s, to)
		return
	}
	msg, err := cl.run.request(s, o)
	if err != nil {
		cl.run.err = err
		return
	}
	cl.send(c, s, to, msg)
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
	if cl.goesOn(c, s) {
		return
	}
	s.first++
	cl.run.lastDone = c.Now()
	cl.next(c, s)
}

// has reports whether there is a client of that number, as messages name it.
func (r *run) has(client uint64) bool {
	return client > 0 && client <= uint64(r.firstWatcher()+r.setup.Watchers) // with the readers after the fence
}
