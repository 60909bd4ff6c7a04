package wire

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"slices"

	"github.com/joinery-go/joinery/kvs/gossip"
	"github.com/joinery-go/joinery/kvs/internal/varint"
	"github.com/joinery-go/joinery/kvs/kind"
	"github.com/joinery-go/joinery/kvs/session"
)

// ErrMessage is wrapped by every refusal to decode a message or a record.
var ErrMessage = errors.New("wire: malformed message")

// Limits on what comes from outside. Passing one is an error that names it.
const (
	MaxKey     = 4 << 10 // bytes of a key
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
	MsgSubscribe
	MsgUpdate
	MsgMultiGet
	MsgMultiAnswer
	MsgMultiPut
	MsgMembers
	MsgFloors
)

// A message is magic, version, kind, body and a CRC-32C of all before it.
const (
	magic      = 'J'
	headerSize = 3
	sumSize    = 4
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func begin(dst []byte, kind MessageKind) []byte { return beginAs(dst, Oldest, kind) }

func beginAs(dst []byte, v Version, kind MessageKind) []byte {
	return append(dst, magic, byte(v), byte(kind))
}

// seal ends the message that began at from.
func seal(b []byte, from int) []byte {
	return binary.BigEndian.AppendUint32(b, crc32.Checksum(b[from:], castagnoli))
}

// Open verifies a message and returns its kind and body.
func Open(msg []byte) (MessageKind, []byte, error) {
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
	case !hasForm(Version(body[1]), MessageKind(body[2])):
		return 0, nil, fmt.Errorf("%w: version %d of kind %d, want %d to %d, and one that has a form of its own", ErrMessage, body[1], body[2], Oldest, Newest)
	}
	return MessageKind(body[2]), body[headerSize:], nil
}

// KindOf is the kind of a well-formed message, or 0.
func KindOf(msg []byte) MessageKind {
	k, _, err := Open(msg)
	if err != nil {
		return 0
	}
	return k
}

func AppendString[S string | []byte](b []byte, s S) []byte {
	return append(varint.Append(b, uint64(len(s))), s...)
}

func AppendBool(b []byte, v bool) []byte {
	if v {
		return append(b, 1)
	}
	return append(b, 0)
}

// DecodeBuffer is the memory into which a replica decodes what it gets. Its contents are
// valid until the next message; what is kept longer is copied.
type DecodeBuffer struct {
	keys    interner
	kinds   interner
	request Request
	gossip  Gossip
	entries []gossip.Entry // of a record
	marks   []session.Mark // of rows and matrices, one after the other
}

// interner gives equal bytes one string, so that the same few keys are not
// allocated with each message. It holds a bounded number; the few met first are
// found by looking at each.
type interner struct {
	few  []string
	more map[string]string
}

const (
	fewNames = 8
	maxNames = 1 << 12
	maxName  = 256 // bytes; longer ones are not kept
)

func (n *interner) of(b []byte) string {
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

func AppendEntries(b []byte, entries []gossip.Entry) []byte {
	b = varint.Append(b, uint64(len(entries)))
	for i := range entries {
		e := &entries[i]
		b = varint.Append(b, e.Dot.Origin)
		b = varint.Append(b, e.Dot.Seq)
		b = varint.Append(b, e.Clock)
		b = AppendString(AppendString(AppendString(b, e.Key), e.Kind), e.Delta)
		b = e.Deps.Append(b)
		b = appendReq(varint.Append(b, e.Client), e.Req, e.Again)
	}
	return b
}

// appendReq appends the number of a request, and whether it is a repeat.
func appendReq(b []byte, req uint64, again bool) []byte {
	n := req << 1
	if again {
		n |= 1
	}
	return varint.Append(b, n)
}

func (r *reader) req() (req uint64, again bool) {
	n := r.uvarint()
	if n>>1 > gossip.MaxReq {
		r.fail("the number of a request out of range")
		return 0, false
	}
	return n >> 1, n&1 == 1
}

// entries appends to out entries whose delta and dependencies share the memory of
// message and inbox.
func (r *reader) entries(out []gossip.Entry, in *DecodeBuffer) []gossip.Entry {
	for range r.count(9) {
		if len(out) == cap(out) {
			out = slices.Grow(out, 1)
		}
		out = out[:len(out)+1]
		e := &out[len(out)-1]
		e.Dot.Origin, e.Dot.Seq, e.Clock = r.uvarint(), r.uvarint(), r.clock()
		e.Key, e.Kind = in.keys.of(r.bytes(MaxKey)), in.kinds.of(r.bytes(kind.MaxName))
		e.Delta = r.bytes(MaxMessage)
		e.Deps = r.matrix(&in.marks)
		e.Client = r.uvarint()
		e.Req, e.Again = r.req()
		if r.err == nil && e.Dot.Seq == 0 {
			r.fail("a dot without a number")
		}
		if r.err != nil {
			return out[:0]
		}
	}
	return out
}
