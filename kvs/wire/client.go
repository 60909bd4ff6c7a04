package wire

import (
	"fmt"
	"slices"

	"github.com/joinery-go/joinery/kvs/gossip"
	"github.com/joinery-go/joinery/kvs/internal/varint"
	"github.com/joinery-go/joinery/kvs/kind"
	"github.com/joinery-go/joinery/kvs/ring"
	"github.com/joinery-go/joinery/kvs/session"
	"github.com/joinery-go/joinery/lattice/causal"
)

// Request is what a client asks of a replica.
type Request struct {
	Client uint64         // the session
	Req    uint64         // numbers the session's requests, ascending from 1, at most [gossip.MaxReq]
	Put    bool           // write, else read
	Delete bool           // of a write: it takes away what is there, as the kind has it; Arg may say which part
	Again  bool           // a write that was asked for before, and not answered
	Level  session.Level  // of the session; one whose reads wait gets its past in the answer
	Ack    session.Ack    // of a write: when it is answered
	Key    string         // at most MaxKey bytes
	Kind   string         // name of the kind
	Arg    []byte         // for a write, in the encoding of the kind
	Clock  uint64         // greatest hybrid time the session has met
	Stamp  uint64         // of a write: the session's time for it, the same in each repeat; see [session.Session.Stamp]. 0 is none
	Wait   uint64         // a threshold read gives up after so many ticks, as does a write that asks for owners
	Deps   session.Matrix // the session's past; the level says what it is for
	Own    session.Matrix // its own writes, where the level keeps them apart
	Proof  session.Proof  // of both
}

// Status says how a request ended. All but StatusOK mean that this request did nothing; an
// earlier one of the same number, which it repeats, may have. One is an exception: a write
// that is unavailable stays, on the disk of the replica that says so, as it would of one
// that was asked to answer by itself; it has not come to as many owners as it asked for. A
// delete at a level whose reads wait may also have waited as these do, and then did nothing.
type Status uint8

// The statuses of responses.
const (
	StatusOK           Status = iota
	StatusNotOwner            // the replica does not hold the key's partition
	StatusKindMismatch        // the key holds another kind, named in Detail
	StatusUnavailable         // the deadline passed before the replica had caught up, or enough owners had the write, which stays
	StatusBusy                // a bound was met, on waiting reads, writes or repeats, on writes to be handed over, or on those that are not durable yet
	StatusBadRequest          // the request is invalid; Detail says why
	StatusClockAhead          // the session's Clock, or Stamp, is too far ahead of the replica's; see kvs.Config.MaxAheadMS
	StatusForgotten           // the write may have been served and forgotten: its outcome cannot be told any more; or it comes so late that what was deleted since may be forgotten
	StatusTooLarge            // the value would become larger than a write may make it, or is larger than an answer can be; Detail says by how much
	StatusSkipped             // of several writes: an earlier one was refused
)

// String names the status.
func (s Status) String() string {
	names := [...]string{"ok", "not owner", "kind mismatch", "unavailable", "busy", "bad request", "clock ahead", "forgotten", "too large", "skipped"}
	if int(s) < len(names) {
		return names[s]
	}
	return fmt.Sprintf("Status(%d)", uint8(s))
}

// Response answers a request.
type Response struct {
	Client    uint64
	Req       uint64
	Status    Status
	Found     bool           // a read found the key
	Deleted   bool           // a read found nothing, since what was there is deleted; Value is what is left, for who joins values
	Clock     uint64         // hybrid time: of the write, or met by the replica
	Partition ring.Partition // the key's partition
	Dot       causal.Dot     // of a write
	Value     []byte         // a read's value, in the encoding of the kind
	Deps      session.Matrix // at a level whose reads wait: the session's past from here on
	Own       session.Matrix // and its own writes, where the level keeps them apart
	Proof     session.Proof  // of both
	Detail    string

	marks []session.Mark // the memory of Deps and Own, once decoded into
}

// Encode returns the message for the request.
func (q *Request) Encode() []byte { return q.Append(make([]byte, 0, 128)) }

// Append appends the message for the request.
func (q *Request) Append(dst []byte) []byte {
	from := len(dst)
	b := begin(dst, MsgRequest)
	b = varint.Append(b, q.Client)
	b = varint.Append(b, q.Req)
	b = append(AppendBool(append(b, q.does()), q.Again), how(q.Level, q.Ack))
	b = AppendString(AppendString(AppendString(b, q.Key), q.Kind), q.Arg)
	b = varint.Append(varint.Append(b, q.Clock), q.Stamp)
	b = varint.Append(b, q.Wait)
	return seal(appendOwn(session.AppendPast(b, q.Deps, q.Proof), q.Own), from)
}

// What a request does.
const (
	doesRead = iota
	doesPut
	doesDelete
)

func (q *Request) does() byte {
	switch {
	case q.Delete:
		return doesDelete
	case q.Put:
		return doesPut
	}
	return doesRead
}

// does reads what a request does.
func (r *reader) does() (put, del bool) {
	b := r.byte()
	if b > doesDelete {
		r.fail("neither a read nor a write")
	}
	return b != doesRead, b == doesDelete
}

// how is the byte of a level and an acknowledgement: three bits of the level, one that says
// that memory will do, and four of how many owners must have the write.
func how(l session.Level, a session.Ack) byte {
	b := byte(l)&7 | byte(a.Owners())<<4
	if a == session.AckMemory {
		b |= 1 << 3
	}
	return b
}

// how reads such a byte.
func (r *reader) how() (l session.Level, a session.Ack) {
	b := r.byte()
	l, a = session.Level(b&7), session.Owners(int(b>>4))
	if b&(1<<3) != 0 {
		a |= session.AckMemory
	}
	if !l.Known() || !a.Known() {
		r.fail("no level, or no acknowledgement")
	}
	return l, a
}

// appendOwn appends a past of own writes, which stands at the end or not at all.
func appendOwn(dst []byte, own session.Matrix) []byte {
	if len(own) == 0 {
		return dst
	}
	return own.Append(dst)
}

// own reads what appendOwn has appended.
func (r *reader) own(marks *[]session.Mark) session.Matrix {
	if r.left() == 0 {
		return nil
	}
	m := r.matrix(marks)
	if len(m) == 0 {
		r.fail("an empty past of own writes")
	}
	return m
}

// Request reads a request that shares the memory of body.
func (in *DecodeBuffer) Request(body []byte) (*Request, error) {
	r := reader{b: body}
	in.marks = in.marks[:0]
	q := &in.request
	*q = Request{Client: r.uvarint(), Req: r.uvarint()}
	q.Put, q.Delete = r.does()
	q.Again = r.bool()
	q.Level, q.Ack = r.how()
	q.Key, q.Kind, q.Arg = in.keys.of(r.bytes(MaxKey)), in.kinds.of(r.bytes(kind.MaxName)), r.bytes(kind.MaxArg)
	q.Clock, q.Stamp, q.Wait = r.uvarint(), r.uvarint(), r.uvarint() // the replica answers that a clock is out of range
	if q.Req > gossip.MaxReq {
		r.fail("the number of a request out of range")
	}
	q.Deps, q.Proof = r.past(&in.marks)
	q.Own = r.own(&in.marks)
	return q, r.end("request")
}

// Encode returns the message for the response.
func (p *Response) Encode() []byte { return p.Append(make([]byte, 0, 128)) }

// Append appends the message for the response.
func (p *Response) Append(dst []byte) []byte {
	from := len(dst)
	return seal(p.append(begin(dst, MsgResponse)), from)
}

// append appends what stands between the kind of the message and its checksum.
func (p *Response) append(b []byte) []byte {
	b = varint.Append(b, p.Client)
	b = varint.Append(b, p.Req)
	b = append(b, byte(p.Status), p.found())
	b = varint.Append(b, p.Clock)
	b = varint.Append(b, uint64(p.Partition))
	b = varint.Append(b, p.Dot.Origin)
	b = varint.Append(b, p.Dot.Seq)
	b = AppendString(AppendString(b, p.Value), p.Detail)
	return appendOwn(session.AppendPast(b, p.Deps, p.Proof), p.Own)
}

// What a read finds.
const (
	foundNothing = iota
	foundValue
	foundDeleted
)

func (p *Response) found() byte {
	switch {
	case p.Deleted:
		return foundDeleted
	case p.Found:
		return foundValue
	}
	return foundNothing
}

// found reads what a read finds.
func (r *reader) found() (found, deleted bool) {
	b := r.byte()
	if b > foundDeleted {
		r.fail("neither found, nor not")
	}
	return b == foundValue, b == foundDeleted
}

// Held reports whether the answer has a value of the kind to be joined with others, be it of
// something deleted.
func (p *Response) Held() bool { return p.Found || p.Deleted }

// DecodeResponse verifies and reads a response message. Arbitrary bytes give an
// error that wraps [ErrMessage].
func DecodeResponse(msg []byte) (*Response, error) {
	p := new(Response)
	if err := p.Decode(msg); err != nil {
		return nil, err
	}
	p.Value, p.marks = slices.Clone(p.Value), nil
	return p, nil
}

// Decode is [DecodeResponse] into memory that is used again: p.Value shares the
// memory of msg, and Deps and Own use that of what p held before.
func (p *Response) Decode(msg []byte) error {
	kind, body, err := Open(msg)
	if err != nil {
		return err
	}
	if kind != MsgResponse {
		return fmt.Errorf("%w: kind %d, want a response", ErrMessage, kind)
	}
	r := reader{b: body}
	p.read(&r)
	return r.end("response")
}

// read reads what append has appended.
func (p *Response) read(r *reader) {
	marks := p.marks[:0]
	*p = Response{Client: r.uvarint(), Req: r.uvarint(), Status: Status(r.byte())}
	p.Found, p.Deleted = r.found()
	p.Clock, p.Partition = r.clock(), ring.Partition(r.uint32())
	p.Dot = causal.Dot{Origin: r.uvarint(), Seq: r.uvarint()}
	p.Value, p.Detail = r.bytes(MaxMessage), string(r.bytes(MaxMessage))
	p.Deps, p.Proof = r.past(&marks)
	p.Own = r.own(&marks)
	p.marks = marks
}
