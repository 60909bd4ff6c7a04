package wire

import (
	"github.com/joinery-go/joinery/kvs/gossip"
	"github.com/joinery-go/joinery/kvs/internal/varint"
	"github.com/joinery-go/joinery/kvs/kind"
	"github.com/joinery-go/joinery/kvs/session"
)

// MaxPutsSize is how many bytes the keys, kinds and arguments of a [MultiPut] have together.
const MaxPutsSize = kind.MaxArg

// MultiPut asks one replica for several writes, of any keys. They are requests of their own,
// with numbers and times of their own, served in their order as if their session had asked
// for one after the other: a later one depends on those before as far as the level says.
// Each has its own dot and record, and is answered by a [Response] of its own, in any order.
// There is no more to it: some may be seen, and survive a crash, without the others. One that
// is refused ends it, and those behind it are answered by [StatusSkipped]. A session that
// repeats it repeats all of it. What a session depends on from there on is what the answer to
// the last one says that is served: those before are in it, and their answers may be of
// another incarnation.
type MultiPut struct {
	Client uint64        // the session
	Again  bool          // it was asked for before, and not answered in whole
	Level  session.Level // of the session
	Ack    session.Ack   // when each is answered
	Clock  uint64        // greatest hybrid time the session has met
	Wait   uint64        // as of [Request]
	Puts   []Put         // 1 to [MaxKeys], their numbers ascending
	Deps   session.Matrix
	Own    session.Matrix
	Proof  session.Proof
}

// Put is one write of several; see [Request].
type Put struct {
	Req, Stamp uint64
	Key, Kind  string
	Arg        []byte
}

// Encode returns the message.
func (m *MultiPut) Encode() []byte { return m.Append(make([]byte, 0, 256)) }

// Append appends the message.
func (m *MultiPut) Append(dst []byte) []byte {
	from := len(dst)
	b := varint.Append(begin(dst, MsgMultiPut), m.Client)
	b = append(AppendBool(b, m.Again), how(m.Level, m.Ack))
	b = varint.Append(varint.Append(b, m.Clock), m.Wait)
	b = varint.Append(b, uint64(len(m.Puts)))
	for i := range m.Puts {
		x := &m.Puts[i]
		b = varint.Append(varint.Append(b, x.Req), x.Stamp)
		b = AppendString(AppendString(AppendString(b, x.Key), x.Kind), x.Arg)
	}
	return seal(appendOwn(session.AppendPast(b, m.Deps, m.Proof), m.Own), from)
}

// MultiPut reads a message that shares the memory of body.
func (in *DecodeBuffer) MultiPut(body []byte) (*MultiPut, error) {
	r := reader{b: body}
	in.marks = in.marks[:0]
	m := &MultiPut{Client: r.uvarint(), Again: r.bool()}
	m.Level, m.Ack = r.how()
	m.Clock, m.Wait = r.uvarint(), r.uvarint()
	n, size, last := r.count(5), 0, uint64(0)
	if r.err == nil && (n == 0 || n > MaxKeys) {
		r.fail("no writes, or too many")
	}
	for range n {
		x := Put{Req: r.uvarint(), Stamp: r.uvarint(), Key: in.keys.of(r.bytes(MaxKey)), Kind: in.kinds.of(r.bytes(kind.MaxName)), Arg: r.bytes(kind.MaxArg)}
		size += len(x.Key) + len(x.Kind) + len(x.Arg)
		if r.err == nil && (x.Req <= last || x.Req > gossip.MaxReq || size > MaxPutsSize) {
			r.fail("the number of a write out of range or order, or writes that are too large")
		}
		if r.err != nil {
			break
		}
		last = x.Req
		m.Puts = append(m.Puts, x)
	}
	m.Deps, m.Proof = r.past(&in.marks)
	m.Own = r.own(&in.marks)
	return m, r.end("request of several writes")
}
