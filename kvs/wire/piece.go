package wire

import (
	"fmt"

	"github.com/joinery-go/joinery/kvs/gossip"
	"github.com/joinery-go/joinery/kvs/internal/varint"
	"github.com/joinery-go/joinery/kvs/kind"
	"github.com/joinery-go/joinery/kvs/ring"
	"github.com/joinery-go/joinery/kvs/session"
	"github.com/joinery-go/joinery/lattice/causal"
)

// Piece is a part of a snapshot. Sender, dots, number of pieces and a sum of the
// requests served name the snapshot that it is of: replicas go on serving while
// their dots of one partition stay what they are, and pieces of two states would
// leave requests out.
type Piece struct {
	Partition ring.Partition
	Origin    uint64 // the sender's incarnation
	At, Of    uint32 // which piece of how many, from 0
	Sum       uint32 // of all requests served
	Clock     uint64 // greatest hybrid time that the sender had met
	Forgotten uint64 // latest hybrid time of a write of a session that the sender has forgotten
	Applied   gossip.Dots
	Cuts      session.Matrix // of this partition: by origin, the last of its cuts whose barrier is in Applied
	Values    []HeldValue
	Clients   []Served
}

// HeldValue is the value of a kind under a key.
type HeldValue struct {
	Key, Kind    string
	Value        []byte         // encoded
	Writes, Deps session.Matrix // the writes in it, of this partition, and what they depend on
}

// Size is about how many bytes the value takes in a message.
func (v *HeldValue) Size() int {
	const mark = 4
	return len(v.Key) + len(v.Kind) + len(v.Value) + mark*(len(v.Writes)+len(v.Deps))
}

// Served is a request of a session that was served, and by which write. Where that is
// none, those up to the request may have been, and are forgotten.
type Served struct {
	Client, Req uint64
	Again       bool // it was served as one that may have been served elsewhere before
	Partition   ring.Partition
	Dot         causal.Dot
	Clock       uint64
}

// Append appends the encoding of x.
func (x *Piece) Append(b []byte) []byte {
	b = varint.Append(b, uint64(x.Partition))
	b = varint.Append(b, x.Origin)
	b = varint.Append(b, uint64(x.At))
	b = varint.Append(b, uint64(x.Of))
	b = varint.Append(b, uint64(x.Sum))
	b = varint.Append(varint.Append(b, x.Clock), x.Forgotten)
	b = session.Row(x.Cuts).Append(x.Applied.Append(b))
	return appendServed(appendValues(b, x.Values), x.Clients)
}

func appendValues(b []byte, values []HeldValue) []byte {
	b = varint.Append(b, uint64(len(values)))
	for _, v := range values {
		b = AppendString(AppendString(AppendString(b, v.Key), v.Kind), v.Value)
		b = v.Deps.Append(session.Row(v.Writes).Append(b))
	}
	return b
}

func appendServed(b []byte, clients []Served) []byte {
	b = varint.Append(b, uint64(len(clients)))
	for _, s := range clients {
		b = s.Append(b)
	}
	return b
}

// Append appends the encoding of s.
func (s Served) Append(b []byte) []byte {
	b = appendReq(varint.Append(b, s.Client), s.Req, s.Again)
	b = varint.Append(varint.Append(varint.Append(b, uint64(s.Partition)), s.Dot.Origin), s.Dot.Seq)
	return varint.Append(b, s.Clock)
}

// Piece reads a piece that shares the memory of body, but for its dots.
func (in *DecodeBuffer) Piece(body []byte) (Piece, error) {
	r := reader{b: body}
	in.marks = in.marks[:0]
	x := Piece{Partition: ring.Partition(r.uint32()), Origin: r.uvarint(), At: r.uint32(), Of: r.uint32(), Sum: r.uint32(), Clock: r.clock(), Forgotten: r.clock()}
	x.Applied = r.dots(nil)
	x.Cuts = session.Matrix(r.row(&in.marks, x.Partition))
	x.Values, x.Clients = r.values(in, x.Partition), r.served()
	if r.err == nil && (x.At >= x.Of || x.Of > MaxPieces) {
		r.fail(fmt.Sprintf("piece %d of %d", x.At, x.Of))
	}
	return x, r.end("snapshot")
}

// values reads what is held in a partition.
func (r *reader) values(in *DecodeBuffer, p ring.Partition) (values []HeldValue) {
	for range r.count(5) {
		v := HeldValue{Key: in.keys.of(r.bytes(MaxKey)), Kind: in.kinds.of(r.bytes(kind.MaxName)), Value: r.bytes(MaxMessage)}
		v.Writes = session.Matrix(r.row(&in.marks, p))
		v.Deps = r.matrix(&in.marks)
		values = append(values, v)
	}
	return values
}

func (r *reader) served() (clients []Served) {
	for range r.count(6) {
		s := Served{Client: r.uvarint()}
		s.Req, s.Again = r.req()
		s.Partition = ring.Partition(r.uint32())
		s.Dot.Origin, s.Dot.Seq, s.Clock = r.uvarint(), r.uvarint(), r.clock()
		clients = append(clients, s)
	}
	return clients
}

// MaxPieces is how many pieces a snapshot may have.
const MaxPieces = 1 << 20

// AppendSnapshot appends the message in which a replica sends a piece.
func AppendSnapshot(dst []byte, from ring.NodeID, x *Piece) []byte {
	start := len(dst)
	return seal(x.Append(varint.Append(begin(dst, MsgSnapshot), uint64(from))), start)
}

// Snapshot reads the body of a snapshot message: who says to have sent it, the piece,
// and its encoding.
func (in *DecodeBuffer) Snapshot(body []byte) (from ring.NodeID, x Piece, encoded []byte, err error) {
	r := reader{b: body}
	from = ring.NodeID(r.uint32())
	encoded = r.rest()
	if r.err != nil {
		return 0, x, nil, r.err
	}
	x, err = in.Piece(encoded)
	return from, x, encoded, err
}
