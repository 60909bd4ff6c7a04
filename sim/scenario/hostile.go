package scenario

import (
	"bytes"
	"fmt"

	"github.com/joinery-go/joinery/gen/choice"
	"github.com/joinery-go/joinery/kvs/kind"
	"github.com/joinery-go/joinery/kvs/ring"
	"github.com/joinery-go/joinery/kvs/session"
	"github.com/joinery-go/joinery/kvs/wire"
	"github.com/joinery-go/joinery/lattice/causal"
	"github.com/joinery-go/joinery/linearizability/history"
	"github.com/joinery-go/joinery/sim"
	"github.com/joinery-go/joinery/sim/scenario/workload"
)

// hostile is a node whose client sends what it likes while faults last: requests that are
// in order, of keys of its own, and requests and subscriptions that are not, for one reason
// each; numbers of sessions by the dozen; what is no request; and any of it spoiled behind a
// checksum that fits. It can guess neither the session of an honest client nor the secret
// of replicas. Whatever it sends, honest clients are served as the oracles have it.
//
// What it takes of what they share is counted where it comes ([oracle.Others]), so that the
// bounds of a run with a hostile node are those of another, and beside them: of each replica,
// the reads, and the writes that ask for owners or are repeats, which have come there; of each
// replica and partition, the writes of its that were accepted there; for the bytes until rest,
// each write of its that was accepted, as one of the plan; and of the sessions that are
// remembered, those of which a write was accepted. The first of these remains wide: a read that
// was answered at once counts as one that waits, since from outside of a replica that is not
// told. It is so with those of the plan, of which those count, too, that went elsewhere.
type hostile struct {
	run   *run
	sends int // so far
	req   uint64
	state session.Session // of its first session
	last  wire.Request    // that was in order
}

const (
	hostileSends   = 48 // messages of a run
	firstStranger  = 1<<40 | 1<<21 | 1<<20
	firstStrangely = 1 << 61 // the number of its first request, which no honest client comes to
	strangers      = 40      // sessions that it invents
	crowd          = 4       // of them subscribe at a time
	strangersLease = 20      // ticks that these subscriptions are for
)

// hostileOne is the hostile node of a run.
func (m *memory) hostileOne(r *run) *hostile {
	h := &hostile{run: r, req: firstStrangely}
	h.state.Reset(r.level.Served())
	return h
}

// hostileNode is the number of the hostile node of a run.
func (r *run) hostileNode() sim.NodeID {
	return sim.NodeID(r.setup.Nodes + r.setup.Sessions + r.setup.Watchers)
}

// stranger reports whether a session is one that the hostile node speaks for: those that it
// has invented, and what a bit that it has spoiled makes of their numbers.
func (r *run) stranger(session uint64) bool {
	return r.setup.Hostile && (session == 0 || session > uint64(r.firstWatcher()+r.setup.Watchers))
}

// strange counts what a message of the hostile node may take of the places at a replica to
// which it comes: reads, and deletes that see, may wait, and writes that ask for owners, or are repeats.
func (r *run) strange(n ring.NodeID, msg []byte) {
	kind, body, err := wire.Open(msg)
	if err != nil {
		return
	}
	body = bytes.Clone(body)
	reads, owners := 0, 0
	switch kind {
	case wire.MsgRequest:
		q, err := r.reading.Request(body)
		if err == nil && (!q.Put || q.Delete) {
			reads = 1
		}
		if err == nil && q.Put && (q.Ack.Owners() > 0 || q.Again) {
			owners = 1
		}
	case wire.MsgMultiGet:
		reads = 1
	case wire.MsgMultiPut:
		if m, err := r.reading.MultiPut(body); err == nil && (m.Ack.Owners() > 0 || m.Again) {
			owners = len(m.Puts)
		}
	}
	r.others.Came(n, reads, owners)
}

// Start begins to send.
func (h *hostile) Start(c *sim.Context) { c.After(h.gap(), 1) }

// gap is the time between two messages.
func (h *hostile) gap() sim.Time { return max(h.run.horizonTime()/hostileSends, sim.Millisecond) }

// Input takes nothing: its messages are no operations.
func (h *hostile) Input(*sim.Context, uint64) {}

// Receive goes on with the session that is in order.
func (h *hostile) Receive(_ *sim.Context, _ sim.NodeID, msg []byte) {
	a, err := wire.DecodeResponse(msg)
	if of := wire.KindOf(msg); (err == nil) != (of == wire.MsgResponse) {
		h.run.fail(Violation{Oracle: "answer", Kind: "message", Node: -1, Message: fmt.Sprintf("an answer of kind %d, which is read so: %v", of, err)})
	}
	if err == nil && a.Client == firstStranger && a.Status == wire.StatusOK {
		h.state.ObserveBoth(a.Deps, a.Own, a.Proof, a.Clock)
	}
} // updates are never acknowledged

// Timer sends the next message.
func (h *hostile) Timer(c *sim.Context, _ sim.TimerID) {
	draw := choice.Mix(choice.MixString(h.run.setup.Seed, "hostile"), uint64(h.sends))
	to := sim.NodeID(draw % uint64(h.run.setup.Nodes))
	draw >>= 8
	if h.sends++; h.sends < hostileSends && c.Now()+h.gap() < h.run.horizonTime() {
		c.After(h.gap(), 1)
	}
	c.Mark(markHostile)
	if draw%8 == 0 { // each in the name of another session
		for i := range uint64(crowd) {
			s, _ := h.subscribe(choice.Mix(draw, i))
			c.Send(to, sim.MsgKind(wire.MsgSubscribe), s.Encode())
		}
	}
	draw >>= 3
	msg, what := h.message(draw, uint64(clockBase)+uint64(max(c.Now(), 0)/sim.Millisecond))
	if draw>>40%4 == 0 {
		spoilt := wire.Spoil(msg, draw>>42, draw>>52)
		if session, readable := h.run.read(spoilt, false); !readable || h.run.stranger(session) { // it can guess no other's
			msg = spoilt
		}
	}
	c.Note("sends %s", what)
	c.Send(to, sim.MsgKind(wire.MsgRequest), msg)
}

// message is one that draw says, and what it is.
func (h *hostile) message(draw, nowMS uint64) (msg []byte, what string) {
	how := draw % 5
	draw >>= 4
	switch {
	case how == 0 || h.last.Req == 0:
		return h.inOrder(draw, nowMS), "a request that is in order"
	case how < 3:
		q, what := h.amiss(draw)
		return q.Encode(), what
	case how == 3:
		s, what := h.subscribe(draw)
		return s.Encode(), what
	}
	return h.noRequest(draw)
}

// inOrder is a request of its first session: to write, or to read.
func (h *hostile) inOrder(draw, nowMS uint64) []byte {
	h.req++
	kinds := [...]string{"register", "set", "counter"}
	n := draw % 6
	q := wire.Request{
		Client: firstStranger, Req: h.req, Level: h.state.Level, Key: fmt.Sprint("hostile", n), Kind: kinds[n%3],
		Put: h.last.Req == 0 || draw>>8%3 > 0, Wait: waitTicks, Ack: session.Owners(int(draw >> 12 % 3)), Clock: h.state.Clock(),
	}
	q.Deps, q.Proof = h.state.Past()
	q.Own = h.state.Own()
	if !q.Put {
		q.Ack = 0
	} else {
		q.Stamp = h.state.Stamp(nowMS)
		o := workload.Operation{ID: h.req, Type: history.Type(q.Kind), Arg: fmt.Sprint(draw >> 16 % 9)}
		arg, err := o.Argument(nil, h.run.setup.Tagged, nil)
		if err != nil {
			h.run.err = err
		}
		q.Arg = arg
		h.last = q
	}
	return q.Encode()
}

// amiss is its last write once more, with something wrong.
func (h *hostile) amiss(draw uint64) (q wire.Request, what string) {
	q = h.last
	how := draw % 16
	if draw >>= 8; how > 3 && q.Put {
		h.req++
		q.Req = h.req
	}
	invented := session.Matrix{{Partition: ring.Partition(draw % 5), Origin: draw >> 8 % 64, Seq: 1 + draw>>16%1000}}
	switch how {
	case 0:
		q.Again, what = true, "a repeat"
	case 1:
		q.Key, q.Again, what = "hostile-elsewhere", draw&1 > 0, "another write under the number of one"
	case 2:
		q.Client, what = 0, "a write of no session"
	case 3:
		q.Req, q.Stamp, what = h.last.Req-1-draw%8, 0, "a number of long ago"
	case 4:
		q.Deps, q.Own, q.Proof, what = nil, invented, session.Proof{}, "own writes, and nothing to see"
	case 5:
		q.Deps, q.Own, q.Proof, what = invented, nil, session.Proof{1}, "an invented past"
	case 6:
		q.Req, what = 1<<63|draw, "a number out of range"
	case 7:
		q.Clock, q.Stamp, what = max(q.Clock, 2), 1, "a stamp of before what it has met"
	case 8:
		q.Again, q.Stamp, what = true, 0, "a repeat without a stamp"
	case 9:
		q.Stamp, what = farFuture, "a stamp of a far future"
	case 10:
		q.Wait, q.Ack, what = 1<<40, session.Owners(2), "a wait without end"
	case 11:
		q.Arg, what = []byte{0xff}, "no argument"
	case 12:
		q.Key, what = string(make([]byte, wire.MaxKey+1)), "a key too long"
	case 13:
		q.Kind, what = [...]string{"set", "register"}[draw%2], "maybe another kind"
	case 14:
		q.Client, q.Stamp, what = firstStranger+1+draw%strangers, 0, "a write of one of many sessions"
	default:
		q.Arg, what = kind.Amount(1<<62), "an amount, or not"
	}
	return q, what
}

// subscribe is a subscription that it need not keep to: of an invented session, or with
// something wrong.
func (h *hostile) subscribe(draw uint64) (s wire.Subscribe, what string) {
	key := workload.Key{Name: "hostile0", Type: "register"}
	if keys := workload.Keys(h.run.ops[:h.run.planned]); len(keys) > 0 {
		key = keys[draw%uint64(len(keys))]
	}
	s = wire.Subscribe{
		Client: firstStranger + 1 + draw>>8%strangers, Number: 1 + draw>>16%4, Sent: 1 + draw>>20%4, Level: h.run.level.Served(), Key: key.Name, Kind: string(key.Type), Lease: strangersLease,
	}
	what = "a subscription of one of many sessions"
	switch draw >> 24 % 14 {
	case 0:
		s.Client, what = 0, "a subscription of no session"
	case 1:
		s.Lease, what = 1<<40, "a lease without end"
	case 2:
		s.Lease, what = 0, "no lease"
	case 3:
		s.Kind, what = "unheard of", "a subscription to no kind"
	case 4, 9, 10, 11:
		s.Kind, what = [...]string{"register", "set", "counter"}[draw>>32%3], "maybe another kind"
	case 5:
		s.Clock, what = farFuture, "a time of a far future"
	case 6:
		s.Deps, what = session.Matrix{{Partition: 0, Origin: 17, Seq: 9}}, "an invented past"
	case 7:
		s.End, what = true, "the end of a subscription"
	case 8:
		s.Origin, s.Seen, what = draw>>32%64, 1<<50, "an update that never came"
	}
	if s.Origin == 0 {
		s.Seen = 0
	}
	return s, what
}

// noRequest is a message that no client has to send.
func (h *hostile) noRequest(draw uint64) (msg []byte, what string) {
	node := ring.NodeID(draw >> 8 % uint64(h.run.setup.Nodes))
	switch draw % 5 {
	case 0:
		return wire.AppendGossip(nil, node, draw>>16, []wire.Item{{Pull: true}}), "what a member tells"
	case 1:
		return wire.AppendSnapshot(nil, node, &wire.Piece{First: true, Last: true, Origin: 1, Clock: farFuture}), "a piece of a snapshot"
	case 2:
		return (&wire.Response{Client: 1, Req: 1, Dot: causal.Dot{Origin: 1, Seq: 1}}).Encode(), "an answer"
	case 3:
		return wire.OfVersion(h.last.Encode(), byte(draw>>16)), "a request of another version"
	}
	return []byte("GET / HTTP/1.1\r\nHost: store\r\n\r\n")[:draw>>16%30], "what is of no protocol"
}
