package wire

import (
	"encoding/binary"
	"fmt"

	"github.com/joinery-go/joinery/kvs/internal/varint"
	"github.com/joinery-go/joinery/kvs/member"
	"github.com/joinery-go/joinery/kvs/ring"
)

// Members is what a replica tells a peer of who the members are.
type Members struct {
	From   ring.NodeID
	Origin uint64     // the sender's incarnation
	Ask    bool       // the sender does not know the receiver to go by the same
	Set    member.Set // which is durable at the sender, and which it goes by
}

// Append appends the message.
func (m *Members) Append(dst []byte) []byte {
	start := len(dst)
	b := varint.Append(varint.Append(begin(dst, MsgMembers), uint64(m.From)), m.Origin)
	return seal(m.Set.Append(AppendBool(b, m.Ask)), start)
}

// DecodeMembers reads the body of a message, and shares no memory with it.
func DecodeMembers(body []byte) (m Members, err error) {
	r := reader{b: body}
	m.From, m.Origin, m.Ask = ring.NodeID(r.uint32()), r.uvarint(), r.bool()
	m.Set = r.members()
	return m, r.end("members")
}

// AppendMembersRecord appends the record of who the members are, written in that life of the
// node.
func AppendMembersRecord(dst []byte, life uint32, s member.Set) []byte {
	return s.Append(varint.Append(append(dst, membersVersion), uint64(life)))
}

// IsMembersRecord reports whether the record is one of members.
func IsMembersRecord(record []byte) bool { return len(record) > 0 && record[0] == membersVersion }

// MembersRecord reads the record of members.
func MembersRecord(record []byte) (life uint32, s member.Set, err error) {
	if !IsMembersRecord(record) {
		return 0, nil, fmt.Errorf("%w: no record of members", ErrMessage)
	}
	r := reader{b: record[1:]}
	life, s = r.uint32(), r.members()
	return life, s, r.end("record of members")
}

func (r *reader) members() member.Set {
	if r.err != nil {
		return nil
	}
	s, rest, err := member.Decode(r.rest())
	if err != nil {
		r.fail(err.Error())
		return nil
	}
	r.at = len(r.b) - len(rest)
	return s
}

// name reads the name of members, which is not 0.
func (r *reader) name() uint64 {
	const size = 8
	if r.left() < size {
		r.fail("truncated")
		return 0
	}
	n := binary.BigEndian.Uint64(r.rest())
	if r.at += size; n == 0 {
		r.fail("a name that is none")
	}
	return n
}
