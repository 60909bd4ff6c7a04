package wire

import (
	"fmt"
	"slices"

	"github.com/joinery-go/joinery/kvs/gossip"
	"github.com/joinery-go/joinery/kvs/internal/varint"
	"github.com/joinery-go/joinery/kvs/kind"
	"github.com/joinery-go/joinery/kvs/session"
)

// Subscribe begins a subscription, goes on with it, or ends it. Which of these it does
// follows from what the replica has: one that it does not know begins.
type Subscribe struct {
	Client uint64 // the session, which is of the subscription alone
	Number uint64 // of the subscription, from 1 to [gossip.MaxReq]; a session has one at a time
	Sent   uint64 // numbers the messages of the session, of all its subscriptions, from 1 to [gossip.MaxReq]
	End    bool   // no more updates are wanted
	Level  session.Level
	Key    string         // at most MaxKey bytes
	Kind   string         // name of the kind
	Clock  uint64         // greatest hybrid time the session has met
	Lease  uint64         // ticks after which the replica forgets the subscription unless it is gone on with; none is made shorter
	Origin uint64         // the incarnation of the replica whose update came last; 0 if none has
	Seen   uint64         // the number of that update, which acknowledges it and all before
	Deps   session.Matrix // the session's past: an update must show all of it, as the level has it
	Own    session.Matrix // its own writes, where the level keeps them apart
	Proof  session.Proof  // of both
}

// Encode returns the message.
func (s *Subscribe) Encode() []byte { return s.Append(make([]byte, 0, 128)) }

// Append appends the message.
func (s *Subscribe) Append(dst []byte) []byte {
	from := len(dst)
	b := begin(dst, MsgSubscribe)
	b = varint.Append(varint.Append(varint.Append(b, s.Client), s.Number), s.Sent)
	b = append(AppendBool(b, s.End), how(s.Level, 0))
	b = AppendString(AppendString(b, s.Key), s.Kind)
	b = varint.Append(varint.Append(b, s.Clock), s.Lease)
	b = varint.Append(varint.Append(b, s.Origin), s.Seen)
	return seal(appendOwn(session.AppendPast(b, s.Deps, s.Proof), s.Own), from)
}

// Subscribe reads a message that shares the memory of body.
func (in *DecodeBuffer) Subscribe(body []byte) (*Subscribe, error) {
	r := reader{b: body}
	in.marks = in.marks[:0]
	s := &Subscribe{Client: r.uvarint(), Number: r.uvarint(), Sent: r.uvarint(), End: r.bool()}
	var ack session.Ack
	s.Level, ack = r.how()
	s.Key, s.Kind = in.keys.of(r.bytes(MaxKey)), in.kinds.of(r.bytes(kind.MaxName))
	s.Clock, s.Lease, s.Origin, s.Seen = r.uvarint(), r.uvarint(), r.uvarint(), r.uvarint()
	if min(s.Number, s.Sent) == 0 || max(s.Number, s.Sent, s.Seen) > gossip.MaxReq || ack != 0 || s.Origin == 0 && s.Seen > 0 {
		r.fail("the number of a subscription, of its message, or of an update, out of range")
	}
	s.Deps, s.Proof = r.past(&in.marks)
	s.Own = r.own(&in.marks)
	return s, r.end("subscription")
}

// Update tells a subscriber the value that its key has, or that it gets none. It is what a
// read would be answered at that moment, its Req the number of the subscription. Since and
// Sent are 0 in a refusal.
type Update struct {
	Origin  uint64 // the incarnation of the replica
	Version uint64 // numbers the updates of that incarnation to any subscriber, from 1; 0 tells of a refusal
	Since   uint64 // the last such number when the replica began the subscription: between the two are no updates to the session but of this life of it
	Sent    uint64 // the greatest number of a message of the subscription that this life of it has had
	Response
}

// Append appends the message for the update.
func (u *Update) Append(dst []byte) []byte {
	from := len(dst)
	b := varint.Append(varint.Append(begin(dst, MsgUpdate), u.Origin), u.Version)
	b = varint.Append(varint.Append(b, u.Since), u.Sent)
	return seal(u.Response.append(b), from)
}

// Encode returns the message for the update.
func (u *Update) Encode() []byte { return u.Append(make([]byte, 0, 128)) }

// Decode verifies and reads an update, into memory that is used again as that of
// [Response.Decode]. Arbitrary bytes give an error that wraps [ErrMessage].
func (u *Update) Decode(msg []byte) error {
	kind, body, err := Open(msg)
	if err != nil {
		return err
	}
	if kind != MsgUpdate {
		return fmt.Errorf("%w: kind %d, want an update", ErrMessage, kind)
	}
	r := reader{b: body}
	u.Origin, u.Version, u.Since, u.Sent = r.uvarint(), r.uvarint(), r.uvarint(), r.uvarint()
	u.Response.read(&r)
	switch refusal := u.Status != StatusOK; {
	case r.err != nil:
	case refusal && max(u.Version, u.Since, u.Sent) > 0:
		r.fail("a refusal with the numbers of an update")
	case !refusal && (u.Version <= u.Since || u.Sent == 0):
		r.fail("an update without its numbers")
	}
	return r.end("update")
}

// DecodeUpdate is [Update.Decode] into memory of its own.
func DecodeUpdate(msg []byte) (*Update, error) {
	u := new(Update)
	if err := u.Decode(msg); err != nil {
		return nil, err
	}
	u.Value, u.marks = slices.Clone(u.Value), nil
	return u, nil
}
