package wire

import (
	"encoding/binary"
	"fmt"

	"github.com/joinery-go/joinery/kvs/internal/varint"
	"github.com/joinery-go/joinery/kvs/member"
	"github.com/joinery-go/joinery/kvs/ring"
)

// Members is what a replica tells a peer of who the members are, and how many replicas partitions
// are to have.
type Members struct {
	From    ring.NodeID
	Origin  uint64     // the sender's incarnation
	Ask     bool       // the sender does not know the receiver to go by the same
	Set     member.Set // which is durable at the sender, and which it goes by
	Factors member.Factors
}

// View is what the sender goes by.
func (m *Members) View() member.View { return member.View{Members: m.Set, Factors: m.Factors} }

// Append appends the message.
func (m *Members) Append(dst []byte) []byte {
	start := len(dst)
	b := varint.Append(varint.Append(beginAs(dst, membersForm(len(m.Factors) > 0), MsgMembers), uint64(m.From)), m.Origin)
	return seal(m.View().Append(AppendBool(b, m.Ask)), start)
}

// DecodeMembers reads the body of a message of a version, and shares no memory with it.
func DecodeMembers(v Version, body []byte) (m Members, err error) {
	r := reader{b: body}
	m.From, m.Origin, m.Ask = ring.NodeID(r.uint32()), r.uvarint(), r.bool()
	view := r.view()
	if m.Set, m.Factors = view.Members, view.Factors; r.err == nil && v != membersForm(len(m.Factors) > 0) {
		r.fail("factors under a version that has none, or none under one that has")
	}
	return m, r.end("members")
}

// AppendMembersRecord appends the record of a view, written in that life of the node.
func AppendMembersRecord(dst []byte, life uint32, v member.View) []byte {
	return v.Append(varint.Append(append(dst, membersVersion), uint64(life)))
}

// IsMembersRecord reports whether the record is one of a view.
func IsMembersRecord(record []byte) bool { return len(record) > 0 && record[0] == membersVersion }

// MembersRecord reads the record of a view.
func MembersRecord(record []byte) (life uint32, v member.View, err error) {
	if !IsMembersRecord(record) {
		return 0, v, fmt.Errorf("%w: no record of members", ErrMessage)
	}
	r := reader{b: record[1:]}
	life, v = r.uint32(), r.view()
	return life, v, r.end("record of members")
}

// view reads a view, which is all that is left.
func (r *reader) view() member.View {
	if r.err != nil {
		return member.View{}
	}
	v, err := member.DecodeView(r.rest())
	if err != nil {
		r.fail(err.Error())
		return member.View{}
	}
	r.at = len(r.b)
	return v
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
