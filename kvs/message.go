package kvs

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"slices"

	"github.com/joinery-go/joinery/kvs/gossip"
	"github.com/joinery-go/joinery/kvs/internal/varint"
	"github.com/joinery-go/joinery/kvs/ring"
	"github.com/joinery-go/joinery/kvs/session"
	"github.com/joinery-go/joinery/lattice/causal"
)

// ErrMessage is wrapped by every refusal to decode a message or a record.
var ErrMessage = errors.New("kvs: malformed message")

// Limits on what comes from outside. Passing one is an error that names it.
const (
	MaxKey     = 4 << 10 // bytes of a key
	MaxArg     = 1 << 20 // bytes of an argument
	MaxMessage = 8 << 20 // bytes of a message
)

// MessageKind tells messages apart; it is the third byte of each.
type MessageKind uint8

// The kinds of messages.
const (
	MsgRequest MessageKind = 1 + iota
	MsgResponse
	MsgGossip
	MsgSnapshot
)

// A message is magic, version, kind, body and a CRC-32C of all before it.
const (
	magic       = 'J'
	wireVersion = 3
	headerSize  = 3
	sumSize     = 4
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func begin(dst []byte, kind MessageKind) []byte { return append(dst, magic, wireVersion, byte(kind)) }

// seal ends the message that began at from.
func seal(b []byte, from int) []byte {
	return binary.BigEndian.AppendUint32(b, crc32.Checksum(b[from:], castagnoli))
}

// open verifies a message and returns its kind and body.
func open(msg []byte) (MessageKind, []byte, error) {
	switch {
	case len(msg) > MaxMessage:
		return 0, nil, fmt.Errorf("%w: %d bytes, limit %d", ErrMessage, len(msg), MaxMessage)
	case len(msg) < headerSize+sumSize:
		return 0, nil, fmt.Errorf("%w: truncated at %d bytes", ErrMessage, len(msg))
	}
	body, sum := msg[:len(msg)-sumSize], msg[len(msg)-sumSize:]
	switch {
	case binary.BigEndian.Uint32(sum) != crc32.Checksum(body, castagnoli):
		return 0, nil, fmt.Errorf("%w: checksum does not match", ErrMessage)
	case body[0] != magic:
		return 0, nil, fmt.Errorf("%w: not of this protocol", ErrMessage)
	case body[1] != wireVersion:
		return 0, nil, fmt.Errorf("%w: version %d, want %d", ErrMessage, body[1], wireVersion)
	}
	return MessageKind(body[2]), body[headerSize:], nil
}

// KindOf is the kind of a well-formed message, or 0.
func KindOf(msg []byte) MessageKind {
	k, _, err := open(msg)
	if err != nil {
		return 0
	}
	return k
}

// Request is what a client asks of a replica.
type Request struct {
	Client uint64         // the session
	Req    uint64         // numbers the session's requests, ascending from 1
	Put    bool           // write, else read
	Causal bool           // threshold read; the answer carries the session's past
	Key    string         // at most MaxKey bytes
	Kind   string         // name of the kind
	Arg    []byte         // for a write, in the encoding of the kind
	Clock  uint64         // greatest hybrid time the session has met
	Wait   uint64         // a threshold read gives up after so many ticks
	Deps   session.Matrix // the session's past: what the write depends on, or the read must find applied
	Proof  session.Proof  // of Deps
}

// Status says how a request ended. All but StatusOK mean that nothing happened.
type Status uint8

// The statuses of responses.
const (
	StatusOK           Status = iota
	StatusNotOwner            // the replica does not hold the key's partition
	StatusKindMismatch        // the key holds another kind, named in Detail
	StatusUnavailable         // the deadline passed before the replica had caught up
	StatusBusy                // a bound on waiting reads or sessions was met
	StatusBadRequest          // the request is invalid; Detail says why
	StatusClockAhead          // the session's Clock is too far ahead of the replica's; see [Config.MaxAheadMS]
)

// String names the status.
func (s Status) String() string {
	names := [...]string{"ok", "not owner", "kind mismatch", "unavailable", "busy", "bad request", "clock ahead"}
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
	Clock     uint64         // hybrid time: of the write, or met by the replica
	Partition ring.Partition // the key's partition
	Dot       causal.Dot     // of a write
	Value     []byte         // a read's value, in the encoding of the kind
	Deps      session.Matrix // causal requests: the session's past from here on
	Proof     session.Proof  // of Deps
	Detail    string

	marks []session.Mark // the memory of Deps, once decoded into
}

// item is what a gossip message says of one partition.
type item struct {
	partition ring.Partition
	pull      bool        // the sender wants to be told what the receiver has
	heard     uint64      // the incarnation of the receiver whose word the sender goes by; 0 has none
	known     gossip.Dots // what the sender holds, durably
	entries   []gossip.Entry
}

func appendString[S string | []byte](b []byte, s S) []byte {
	return append(varint.Append(b, uint64(len(s))), s...)
}

func appendBool(b []byte, v bool) []byte {
	if v {
		return append(b, 1)
	}
	return append(b, 0)
}

// Encode returns the message for the request.
func (q *Request) Encode() []byte { return q.Append(make([]byte, 0, 128)) }

// Append appends the message for the request.
func (q *Request) Append(dst []byte) []byte {
	from := len(dst)
	b := begin(dst, MsgRequest)
	b = varint.Append(b, q.Client)
	b = varint.Append(b, q.Req)
	b = appendBool(appendBool(b, q.Put), q.Causal)
	b = appendString(appendString(appendString(b, q.Key), q.Kind), q.Arg)
	b = varint.Append(b, q.Clock)
	b = varint.Append(b, q.Wait)
	return seal(session.AppendPast(b, q.Deps, q.Proof), from)
}

// inbox is the memory into which a replica decodes what it gets. Its contents are
// valid until the next message; what is kept longer is copied.
type inbox struct {
	keys    names
	kinds   names
	request Request
	gossip  gossipMessage
	marks   []session.Mark // of rows and matrices, one after the other
}

// gossipMessage is what a replica tells a peer.
type gossipMessage struct {
	from   ring.NodeID
	origin uint64 // the sender's incarnation
	items  []received
}

// received is an item as it came: it shares the memory of message and inbox.
type received struct {
	partition ring.Partition
	pull      bool
	heard     uint64
	known     gossip.Dots
	entries   []gossip.Entry
}

// names gives equal bytes one string, so that the same few keys are not
// allocated with each message. It holds a bounded number; the few met first are
// found by looking at each.
type names struct {
	few  []string
	more map[string]string
}

const (
	fewNames = 8
	maxNames = 1 << 12
	maxName  = 256 // bytes; longer ones are not kept
)

func (n *names) of(b []byte) string {
	for _, s := range n.few {
		if s == string(b) {
			return s
		}
	}
	if s, ok := n.more[string(b)]; ok {
		return s
	}
	s := string(b)
	switch {
	case len(b) > maxName:
	case len(n.few) < fewNames:
		n.few = append(n.few, s)
	case n.more == nil:
		n.more = map[string]string{s: s}
	case len(n.more) < maxNames:
		n.more[s] = s
	}
	return s
}

// decodeRequest reads a request that shares the memory of body.
func (in *inbox) decodeRequest(body []byte) (*Request, error) {
	r := reader{b: body}
	in.marks = in.marks[:0]
	q := &in.request
	*q = Request{
		Client: r.uvarint(), Req: r.uvarint(), Put: r.bool(), Causal: r.bool(),
		Key: in.keys.of(r.bytes(MaxKey)), Kind: in.kinds.of(r.bytes(maxKindName)), Arg: r.bytes(MaxArg),
		Clock: r.uvarint(), Wait: r.uvarint(), // the replica answers that a clock is out of range
	}
	q.Deps, q.Proof = r.past(&in.marks)
	return q, r.end("request")
}

// Encode returns the message for the response.
func (p *Response) Encode() []byte { return p.Append(make([]byte, 0, 128)) }

// Append appends the message for the response.
func (p *Response) Append(dst []byte) []byte {
	from := len(dst)
	b := begin(dst, MsgResponse)
	b = varint.Append(b, p.Client)
	b = varint.Append(b, p.Req)
	b = appendBool(append(b, byte(p.Status)), p.Found)
	b = varint.Append(b, p.Clock)
	b = varint.Append(b, uint64(p.Partition))
	b = varint.Append(b, p.Dot.Origin)
	b = varint.Append(b, p.Dot.Seq)
	b = appendString(appendString(b, p.Value), p.Detail)
	return seal(session.AppendPast(b, p.Deps, p.Proof), from)
}

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
// memory of msg, and Deps uses that of what p held before.
func (p *Response) Decode(msg []byte) error {
	kind, body, err := open(msg)
	if err != nil {
		return err
	}
	if kind != MsgResponse {
		return fmt.Errorf("%w: kind %d, want a response", ErrMessage, kind)
	}
	r := reader{b: body}
	marks := p.marks[:0]
	*p = Response{
		Client: r.uvarint(), Req: r.uvarint(), Status: Status(r.byte()), Found: r.bool(),
		Clock: r.clock(), Partition: ring.Partition(r.uint32()),
		Dot:   causal.Dot{Origin: r.uvarint(), Seq: r.uvarint()},
		Value: r.bytes(MaxMessage), Detail: string(r.bytes(MaxMessage)),
	}
	p.Deps, p.Proof = r.past(&marks)
	p.marks = marks
	return r.end("response")
}

func appendGossip(dst []byte, from ring.NodeID, origin uint64, items []item) []byte {
	start := len(dst)
	b := begin(dst, MsgGossip)
	b = varint.Append(b, uint64(from))
	b = varint.Append(b, origin)
	b = varint.Append(b, uint64(len(items)))
	for i := range items {
		it := &items[i]
		b = varint.Append(b, uint64(it.partition))
		b = varint.Append(appendBool(b, it.pull), it.heard)
		b = it.known.Append(b)
		b = appendEntries(b, it.entries)
	}
	return seal(b, start)
}

// decodeGossip reads a gossip message whose entries share the memory of body.
func (in *inbox) decodeGossip(body []byte) (*gossipMessage, error) {
	r := reader{b: body}
	in.marks = in.marks[:0]
	g := &in.gossip
	g.from, g.origin = ring.NodeID(r.uint32()), r.uvarint()
	g.items = g.items[:0]
	for range r.count(5) {
		if len(g.items) < cap(g.items) {
			g.items = g.items[:len(g.items)+1]
		} else {
			g.items = append(g.items, received{})
		}
		it := &g.items[len(g.items)-1]
		it.partition, it.pull, it.heard = ring.Partition(r.uint32()), r.bool(), r.uvarint()
		it.known = r.dots(it.known)
		it.entries = r.entries(it.entries[:0], in)
		if r.err != nil {
			break
		}
	}
	return g, r.end("gossip")
}

func (r *reader) dots(memory gossip.Dots) gossip.Dots {
	if r.err != nil {
		return memory[:0]
	}
	v, rest, err := gossip.DecodeDots(memory, r.rest())
	if err != nil {
		r.fail(err.Error())
		return memory[:0]
	}
	r.at = len(r.b) - len(rest)
	return v
}

func appendEntries(b []byte, entries []gossip.Entry) []byte {
	b = varint.Append(b, uint64(len(entries)))
	for i := range entries {
		e := &entries[i]
		b = varint.Append(b, e.Dot.Origin)
		b = varint.Append(b, e.Dot.Seq)
		b = varint.Append(b, e.Clock)
		b = appendString(appendString(appendString(b, e.Key), e.Kind), e.Delta)
		b = e.Deps.Append(b)
		b = varint.Append(b, e.Client)
		b = varint.Append(b, e.Req)
	}
	return b
}

// entries appends to out entries whose delta and dependencies share the memory of
// message and inbox.
func (r *reader) entries(out []gossip.Entry, in *inbox) []gossip.Entry {
	for range r.count(9) {
		if len(out) == cap(out) {
			out = slices.Grow(out, 1)
		}
		out = out[:len(out)+1]
		e := &out[len(out)-1]
		e.Dot.Origin, e.Dot.Seq, e.Clock = r.uvarint(), r.uvarint(), r.clock()
		e.Key, e.Kind = in.keys.of(r.bytes(MaxKey)), in.kinds.of(r.bytes(maxKindName))
		e.Delta = r.bytes(MaxMessage)
		e.Deps = r.matrix(&in.marks)
		e.Client, e.Req = r.uvarint(), r.uvarint()
		if r.err == nil && e.Dot.Seq == 0 {
			r.fail("a dot without a number")
		}
		if r.err != nil {
			return out[:0]
		}
	}
	return out
}

// A record is what the core asks to be persisted: a version, and either a
// partition and the entries written there together, or a piece of a snapshot.
const (
	recordVersion = 1
	pieceVersion  = 3
)

func appendRecord(dst []byte, p ring.Partition, entries []gossip.Entry) []byte {
	return appendEntries(varint.Append(append(dst, recordVersion), uint64(p)), entries)
}

// decodeRecord reads a record whose entries share the memory of b.
func (in *inbox) decodeRecord(b []byte) (ring.Partition, []gossip.Entry, error) {
	if len(b) == 0 || b[0] != recordVersion {
		return 0, nil, fmt.Errorf("%w: a record of another version", ErrMessage)
	}
	r := reader{b: b[1:]}
	in.marks = in.marks[:0]
	p := ring.Partition(r.uint32())
	entries := r.entries(nil, in)
	return p, entries, r.end("record")
}
