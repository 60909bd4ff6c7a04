package wire

import (
	"fmt"
	"slices"

	"github.com/joinery-go/joinery/kvs/gossip"
	"github.com/joinery-go/joinery/kvs/internal/varint"
	"github.com/joinery-go/joinery/kvs/kind"
	"github.com/joinery-go/joinery/kvs/ring"
	"github.com/joinery-go/joinery/kvs/session"
)

// Limits on what is asked of several keys at once.
const (
	MaxKeys     = 64       // keys
	MaxKeysSize = 16 << 10 // bytes of their names and kinds
)

// MultiGet asks one replica for the values of several keys, of any partitions. Each key is
// answered for itself: one that the replica does not own, or that has another kind, does not
// keep the others from being answered. What is shown is shown of one moment. At a level
// whose reads wait, none is answered before the replica has, of each key, what the session
// must see and what the values of all of them depend on, as the level asks for either: so at
// causal no value is older than the session's past, nor than what another one depends on.
type MultiGet struct {
	Client uint64 // the session
	Req    uint64 // numbers the session's requests, as that of [Request] does
	Level  session.Level
	Clock  uint64 // greatest hybrid time the session has met
	Wait   uint64 // ticks after which it gives up, at a level whose reads wait
	Keys   []ValueName
	Deps   session.Matrix // the session's past
	Own    session.Matrix // its own writes, where the level keeps them apart
	Proof  session.Proof  // of both
}

// MultiAnswer answers a MultiGet. Where Status is not StatusOK nothing is answered, and there
// are no results; else there is one for each key, in their order.
type MultiAnswer struct {
	Client, Req uint64
	Status      Status
	Clock       uint64 // hybrid time met by the replica
	Results     []Result
	Deps        session.Matrix // at a level whose reads wait: the session's past from here on
	Own         session.Matrix
	Proof       session.Proof
	Detail      string
}

// Result is what a MultiGet is answered for one key; see [Response].
type Result struct {
	Status    Status
	Found     bool
	Deleted   bool
	Partition ring.Partition
	Value     []byte
	Detail    string
}

// Encode returns the message.
func (m *MultiGet) Encode() []byte { return m.Append(make([]byte, 0, 256)) }

// Append appends the message.
func (m *MultiGet) Append(dst []byte) []byte {
	from := len(dst)
	b := begin(dst, MsgMultiGet)
	b = append(varint.Append(varint.Append(b, m.Client), m.Req), how(m.Level, 0))
	b = varint.Append(varint.Append(b, m.Clock), m.Wait)
	b = varint.Append(b, uint64(len(m.Keys)))
	for _, k := range m.Keys {
		b = AppendString(AppendString(b, k.Key), k.Kind)
	}
	return seal(appendOwn(session.AppendPast(b, m.Deps, m.Proof), m.Own), from)
}

// MultiGet reads a message that shares the memory of body.
func (in *DecodeBuffer) MultiGet(body []byte) (*MultiGet, error) {
	r := reader{b: body}
	in.marks = in.marks[:0]
	m := &MultiGet{Client: r.uvarint(), Req: r.uvarint()}
	var ack session.Ack
	m.Level, ack = r.how()
	m.Clock, m.Wait = r.uvarint(), r.uvarint()
	n, size := r.count(2), 0
	if r.err == nil && (n == 0 || n > MaxKeys || m.Req > gossip.MaxReq || ack != 0) {
		r.fail("no keys, or too many, or the number of a request out of range")
	}
	for range n {
		k := ValueName{in.keys.of(r.bytes(MaxKey)), in.kinds.of(r.bytes(kind.MaxName))}
		if size += len(k.Key) + len(k.Kind); size > MaxKeysSize {
			r.fail("keys that are too large")
		}
		if r.err != nil {
			break
		}
		m.Keys = append(m.Keys, k)
	}
	m.Deps, m.Proof = r.past(&in.marks)
	m.Own = r.own(&in.marks)
	return m, r.end("request of several keys")
}

// Clone is a copy that shares nothing with the message that m was read from.
func (m *MultiGet) Clone() *MultiGet {
	c := *m
	c.Keys, c.Deps, c.Own = slices.Clone(m.Keys), m.Deps.Clone(), m.Own.Clone()
	return &c
}

// Encode returns the message.
func (a *MultiAnswer) Encode() []byte { return a.Append(make([]byte, 0, 256)) }

// Append appends the message.
func (a *MultiAnswer) Append(dst []byte) []byte {
	from := len(dst)
	b := begin(dst, MsgMultiAnswer)
	b = append(varint.Append(varint.Append(b, a.Client), a.Req), byte(a.Status))
	b = varint.Append(varint.Append(b, a.Clock), uint64(len(a.Results)))
	for i := range a.Results {
		x := &a.Results[i]
		found := Response{Found: x.Found, Deleted: x.Deleted}
		b = varint.Append(append(b, byte(x.Status), found.found()), uint64(x.Partition))
		b = AppendString(AppendString(b, x.Value), x.Detail)
	}
	return seal(appendOwn(session.AppendPast(AppendString(b, a.Detail), a.Deps, a.Proof), a.Own), from)
}

// DecodeMultiAnswer verifies and reads a message, whose memory the values share. Arbitrary
// bytes give an error that wraps [ErrMessage].
func DecodeMultiAnswer(msg []byte) (*MultiAnswer, error) {
	k, body, err := Open(msg)
	if err != nil {
		return nil, err
	}
	if k != MsgMultiAnswer {
		return nil, fmt.Errorf("%w: kind %d, want an answer for several keys", ErrMessage, k)
	}
	r := reader{b: body}
	a := &MultiAnswer{Client: r.uvarint(), Req: r.uvarint(), Status: Status(r.byte()), Clock: r.clock()}
	n := r.count(5)
	if r.err == nil && (n > MaxKeys || (n == 0) != (a.Status != StatusOK)) {
		r.fail("an answer without results, or a refusal with some, or too many")
	}
	for range n {
		x := Result{Status: Status(r.byte())}
		x.Found, x.Deleted = r.found()
		x.Partition = ring.Partition(r.uint32())
		x.Value, x.Detail = r.bytes(MaxMessage), string(r.bytes(MaxMessage))
		if r.err != nil {
			break
		}
		a.Results = append(a.Results, x)
	}
	a.Detail = string(r.bytes(MaxMessage))
	var marks []session.Mark
	a.Deps, a.Proof = r.past(&marks)
	a.Own = r.own(&marks)
	return a, r.end("answer for several keys")
}

// Response is what a read of key number i alone would have been answered with the same past.
func (a *MultiAnswer) Response(i int) Response {
	p := Response{Client: a.Client, Req: a.Req, Status: a.Status, Clock: a.Clock, Detail: a.Detail, Deps: a.Deps, Own: a.Own, Proof: a.Proof}
	if i < len(a.Results) {
		x := &a.Results[i]
		p.Status, p.Found, p.Deleted, p.Partition, p.Value, p.Detail = x.Status, x.Found, x.Deleted, x.Partition, x.Value, x.Detail
	}
	return p
}
