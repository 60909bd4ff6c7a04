package scenario

import (
	"fmt"
	"slices"

	"github.com/joinery-go/joinery/kvs/ring"
	"github.com/joinery-go/joinery/kvs/session"
	"github.com/joinery-go/joinery/kvs/wire"
	"github.com/joinery-go/joinery/linearizability/history"
	"github.com/joinery-go/joinery/sim"
	"github.com/joinery-go/joinery/sim/scenario/oracle"
	"github.com/joinery-go/joinery/sim/scenario/workload"
)

// Operations of a plan that are of one batch, all reads or all writes, are asked for at once,
// by the first of them that is left in the plan. Each is an operation, and stands in the
// history by itself: one after the other. Reads do so at the end of the time that the request
// took, forwards or backwards, since each may have come first for all that anybody can tell;
// writes in their order at its beginning, since others may have seen them from then on. Writes are
// answered one by one. What is answered is taken in when all is, or when the session gives up.

// batch is the positions of the operations that are asked for together with the one at a
// position, which is the first of them; nil if it is asked for by itself. One of a smaller plan
// may come before the first of its batch: then it has been asked for by itself.
func (r *run) batch(at int) (all []int) {
	o := &r.ops[at]
	if o.Batch == 0 {
		return nil
	}
	for i := at; i < r.planned; i++ {
		if x := &r.ops[i]; x.Session == o.Session && x.Batch == o.Batch && !r.alone[i] {
			all = append(all, i)
		}
	}
	if len(all) < 2 {
		return nil
	}
	return all
}

// skip passes over operations that an earlier one of their batch has been asked for with.
func (cl *client) skip(s *sessionState) {
	for s.first < len(s.queue) {
		at := s.queue[s.first]
		if cl.run.ops[at].Batch == 0 || cl.run.recorded[at].Return == 0 {
			return
		}
		s.first++
	}
}

// each does something for each operation of the batch of a session's current one, which
// stands in for that one meanwhile; or for that one alone.
func (r *run) each(s *sessionState, do func(i int)) {
	all := s.batch
	if all == nil {
		do(0)
		return
	}
	for i, at := range all {
		s.member = 1 + at
		do(i)
	}
	s.member = 0
}

// issueBatch has a session ask for a batch.
func (cl *client) issueBatch(c *sim.Context, s *sessionState) {
	r := cl.run
	now := int64(c.Now())
	puts := r.ops[s.current()].Func != history.Read
	s.stamps, s.clock = s.stamps[:0], s.state.Clock()
	r.each(s, func(i int) {
		at := now
		if puts {
			at += 2 * int64(i)
			s.stamps = append(s.stamps, s.state.Stamp(r.hostMS(s, now)))
		}
		r.begin(s, at)
	})
	if puts {
		c.Mark(markBatchPut)
	} else {
		c.Mark(markBatch)
	}
	cl.askBatch(c, s, r.ops[s.current()].Node)
}

// met is the hybrid time that a session had met when it asked for its current operation. Of
// several writes that is the time of the write itself: those behind it have theirs already.
func (s *sessionState) met() uint64 {
	if i := slices.Index(s.batch, s.current()); i >= 0 && len(s.stamps) > 0 {
		return s.stamps[i]
	}
	return s.state.Clock()
}

// askBatch asks a replica for the current batch of a session.
func (cl *client) askBatch(c *sim.Context, s *sessionState, node int) {
	r := cl.run
	s.asked, s.got, s.left = node, make([]wire.Response, len(s.batch)), len(s.batch)
	if r.ops[s.current()].Func == history.Read {
		cl.sendAs(c, s, node, wire.MsgMultiGet, r.multiGet(s))
		return
	}
	msg, err := r.multiPut(s)
	if err != nil {
		r.err = err
		return
	}
	cl.sendAs(c, s, node, wire.MsgMultiPut, msg)
}

// multiPut is the message by which a session asks for its current batch of writes.
func (r *run) multiPut(s *sessionState) ([]byte, error) {
	first := &r.ops[s.current()]
	m := wire.MultiPut{
		Client: uint64(s.number) + 1, Again: s.tries > 0, Level: s.state.Level.Served(), Ack: first.Ack, Clock: s.clock, Wait: waitTicks, Own: s.state.Own(),
	}
	m.Deps, m.Proof = s.state.Past()
	for i, at := range s.batch {
		o := &r.ops[at]
		arg, err := o.Argument(nil, r.setup.Tagged, r.names(s, at))
		if err != nil {
			return nil, err
		}
		m.Puts = append(m.Puts, wire.Put{Req: o.ID, Stamp: s.stamps[i], Key: o.Key, Kind: askedAs(o), Arg: arg})
	}
	switch first.Amiss {
	case workload.BadDeps:
		m.Deps, m.Own, m.Proof = r.invented(first), nil, session.Proof{}
	case workload.BadClock:
		m.Clock = farFuture
	}
	r.msg = m.Append(r.msg[:0])
	return r.msg, nil
}

// askedAs is the kind that one of several keys is asked for as.
func askedAs(o *workload.Operation) string {
	if o.Amiss == workload.BadKind {
		return unheardOf
	}
	return o.Kind()
}

// receivePart takes the answer to one write of a batch. That of a replica which is not asked
// any more is left: what comes from another one does not contain it.
func (cl *client) receivePart(c *sim.Context, s *sessionState, from int, resp *wire.Response) {
	i := slices.IndexFunc(s.batch, func(at int) bool { return cl.run.ops[at].ID == resp.Req })
	if i < 0 || from != s.asked || s.got[i].Req != 0 || cl.run.ops[s.batch[0]].Func == history.Read {
		return
	}
	s.got[i] = *resp
	s.got[i].Deps, s.got[i].Own, s.got[i].Value = resp.Deps.Clone(), resp.Own.Clone(), nil
	if s.left--; s.left > 0 {
		return
	}
	cl.run.takeParts(s, int64(c.Now()))
	c.Cancel(sim.TimerID(s.number))
	cl.done(c, s)
}

// takeParts takes in what the writes of a batch were answered, as far as they were. What the
// session depends on from there on, the last one that was served says. Where the request may
// have come twice, a write may be served then that was refused before, and so may those behind
// it.
func (r *run) takeParts(s *sessionState, now int64) {
	last, ended := -1, false
	for i := range s.got {
		x := &s.got[i]
		switch {
		case x.Req == 0:
		case x.Status == wire.StatusOK && ended && s.tries == 0 && r.setup.Faults[sim.Duplicate] == sim.Off: // asked once
			r.fail(Violation{Oracle: "answer", Kind: "batch", Op: string(r.ops[s.batch[i]].Func), Node: s.asked, Message: fmt.Sprintf(
				"write #%d is served behind one of the same request that was refused", x.Req)})
		case x.Status == wire.StatusOK:
			last = i
		default: // one that is busy, or unavailable, may have been served
			ended = ended || x.Status != wire.StatusBusy && x.Status != wire.StatusUnavailable
		}
	}
	defer func() { s.silent = false }()
	r.each(s, func(i int) {
		if s.got[i].Req == 0 {
			return
		}
		s.silent = i != last
		r.answered(s, s.asked, &s.got[i], now)
		if h := &r.recorded[s.current()]; h.Return != history.Pending {
			h.Return = h.Call + 1
		}
	})
}

// multiGet is the message by which a session asks for its current batch.
func (r *run) multiGet(s *sessionState) []byte {
	m := wire.MultiGet{
		Client: uint64(s.number) + 1, Req: r.ops[s.current()].ID, Level: s.state.Level.Served(), Clock: s.state.Clock(), Wait: waitTicks, Own: s.state.Own(),
	}
	m.Deps, m.Proof = s.state.Past()
	for _, at := range s.batch {
		m.Keys = append(m.Keys, wire.ValueName{Key: r.ops[at].Key, Kind: askedAs(&r.ops[at])})
	}
	switch first := &r.ops[s.current()]; first.Amiss {
	case workload.BadDeps:
		m.Deps, m.Own, m.Proof = r.invented(first), nil, session.Proof{}
	case workload.BadClock:
		m.Clock = farFuture
	case workload.BadWait:
		if m.Wait = 1 << 20; !m.Level.Waits() {
			m.Level = session.Causal
		}
	}
	r.msg = m.Append(r.msg[:0])
	return r.msg
}

// receiveBatch takes an answer for several keys.
func (cl *client) receiveBatch(c *sim.Context, from sim.NodeID, msg []byte) {
	r := cl.run
	a, err := wire.DecodeMultiAnswer(msg)
	if err != nil {
		cl.garbled(c, from, err)
		return
	}
	if !r.has(a.Client) {
		return
	}
	s := cl.session(int(a.Client) - 1)
	if !s.busy || r.ops[s.current()].ID != a.Req || s.batch == nil {
		return // late, or repeated
	}
	if a.Status == wire.StatusOK && len(a.Results) != len(s.batch) {
		r.fail(Violation{Oracle: "answer", Kind: "batch", Node: int(from), Message: "an answer for several keys has more results or fewer"})
		return
	}
	r.each(s, func(i int) {
		resp := a.Response(i)
		r.answered(s, int(from), &resp, int64(c.Now()))
	})
	r.inTurn(s)
	if a.Status == wire.StatusUnavailable {
		c.Mark(markUnavailable)
	}
	c.Cancel(sim.TimerID(s.number))
	cl.done(c, s)
}

// inTurn has the reads of a batch come one after the other, in an order that the seed says.
func (r *run) inTurn(s *sessionState) {
	order := slices.Clone(s.batch)
	if (r.setup.Seed+r.ops[order[0]].ID)%2 == 1 {
		slices.Reverse(order)
	}
	n := int64(len(order))
	for i, at := range order {
		h := &r.recorded[at]
		end := h.Return
		if h.Return = end - 2*(n-1-int64(i)); i > 0 {
			h.Call = h.Return - 1
		}
		h.Return = max(h.Return, h.Call+1)
	}
}

// respondedBatch tells of an answer for several keys that a replica sends.
func (r *run) respondedBatch(n ring.NodeID, msg []byte) {
	a, err := wire.DecodeMultiAnswer(msg)
	if err != nil {
		r.fail(Violation{Oracle: "answer", Kind: "message", Node: int(n), Message: err.Error()})
		return
	}
	at := r.at(a.Req)
	if at < 0 {
		r.fail(Violation{Oracle: "answer", Kind: "request", Node: int(n), Message: "an answer for several keys that nobody has asked for"})
		return
	}
	all := r.batch(at)
	var refused []ring.Partition
	if a.Status != wire.StatusOK {
		for _, at := range all {
			refused = append(refused, r.ring.PartitionOf(r.ops[at].Key))
		}
	}
	for i, at := range all {
		resp := a.Response(i)
		if refused != nil {
			resp.Partition = refused[i]
		}
		resp.Req = r.ops[at].ID
		x := oracle.Sent{Node: n, Operation: &r.ops[at], Response: &resp, Batch: refused}
		r.tell(func(o oracle.Oracle) { o.Responded(&x) })
	}
}

// unansweredBatch records that a session gives up on its current operation, or its batch.
func (r *run) unansweredBatch(s *sessionState, now int64) (known bool) {
	if s.batch != nil && r.ops[s.batch[0]].Func != history.Read {
		r.takeParts(s, now)
		return false
	}
	r.each(s, func(int) { known = r.unanswered(s, now) })
	if s.batch != nil {
		r.inTurn(s)
	}
	return known
}
