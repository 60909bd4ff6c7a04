package wire

import (
	"fmt"

	"github.com/joinery-go/joinery/kvs/gossip"
	"github.com/joinery-go/joinery/kvs/internal/varint"
	"github.com/joinery-go/joinery/kvs/ring"
	"github.com/joinery-go/joinery/kvs/session"
)

// A record is what the core asks to be persisted: a version, and either a
// partition and the entries written there together, or a piece of a snapshot that a
// peer sent, or a part of a checkpoint.
const (
	recordVersion     = 5
	pieceVersion      = 6
	checkpointVersion = 7
)

// AppendRecord appends the record of entries that are written together.
func AppendRecord(dst []byte, p ring.Partition, entries []gossip.Entry) []byte {
	return AppendEntries(varint.Append(append(dst, recordVersion), uint64(p)), entries)
}

// AppendPieceRecord appends the record of a piece, encoded.
func AppendPieceRecord(dst, encoded []byte) []byte {
	return append(append(dst, pieceVersion), encoded...)
}

// PieceOf is the piece in a record, encoded, if it is the record of one.
func PieceOf(record []byte) (encoded []byte, ok bool) {
	if len(record) == 0 || record[0] != pieceVersion {
		return nil, false
	}
	return record[1:], true
}

// Record reads a record whose entries share the memory of b.
func (in *DecodeBuffer) Record(b []byte) (ring.Partition, []gossip.Entry, error) {
	if len(b) == 0 || b[0] != recordVersion {
		return 0, nil, fmt.Errorf("%w: a record of another version", ErrMessage)
	}
	r := reader{b: b[1:]}
	in.marks = in.marks[:0]
	p := ring.Partition(r.uint32())
	entries := r.entries(nil, in)
	return p, entries, r.end("record")
}

// CheckpointPart is a part of a checkpoint. The parts of one partition lie together,
// those of the sessions behind all partitions: only with them is a checkpoint complete.
// The deltas that a partition still offers are no part of its own kind, but records as
// when they were first written, before the parts of the partition.
type CheckpointPart struct {
	Origin, Number uint64 // the incarnation, and which of its checkpoints
	Of             ring.Partition
	Sessions       bool   // it is of the sessions and of no partition
	At             uint32 // which one of its partition, or of the sessions, from 0
	Last           bool
	Clock          uint64         // greatest hybrid time met
	Forgotten      uint64         // of the sessions: latest hybrid time of a write of one that was forgotten
	Applied        gossip.Dots    // of the partition
	Cuts           session.Matrix // of the partition: which barriers are held
	Values         []HeldValue
	Clients        []Served
}

// AppendCheckpoint appends the record of x.
func AppendCheckpoint(b []byte, x *CheckpointPart) []byte {
	b = varint.Append(varint.Append(append(b, checkpointVersion), x.Origin), x.Number)
	b = AppendBool(varint.Append(b, uint64(x.Of)), x.Sessions)
	b = AppendBool(varint.Append(b, uint64(x.At)), x.Last)
	b = session.Row(x.Cuts).Append(x.Applied.Append(varint.Append(varint.Append(b, x.Clock), x.Forgotten)))
	return appendServed(appendValues(b, x.Values), x.Clients)
}

// IsCheckpoint reports whether the record is one of a part of a checkpoint.
func IsCheckpoint(record []byte) bool { return len(record) > 0 && record[0] == checkpointVersion }

// Checkpoint reads the record of a part of a checkpoint. The part shares the memory of
// b, but for its dots.
func (in *DecodeBuffer) Checkpoint(b []byte) (CheckpointPart, error) {
	if !IsCheckpoint(b) {
		return CheckpointPart{}, fmt.Errorf("%w: no part of a checkpoint", ErrMessage)
	}
	r := reader{b: b[1:]}
	in.marks = in.marks[:0]
	x := CheckpointPart{Origin: r.uvarint(), Number: r.uvarint(), Of: ring.Partition(r.uint32()), Sessions: r.bool(), At: r.uint32(), Last: r.bool(), Clock: r.clock(), Forgotten: r.clock()}
	x.Applied = r.dots(nil)
	x.Cuts = session.Matrix(r.row(&in.marks, x.Of))
	x.Values = r.values(in, x.Of)
	x.Clients = r.served()
	return x, r.end("part of a checkpoint")
}

// Contents is what a record holds: entries of a partition, or a part of all of it, or a
// part of the sessions.
type Contents struct {
	Of       ring.Partition
	Entries  []gossip.Entry // which share the memory of the record
	Whole    bool           // it is a part of all that is held of the partition
	Sessions bool
}

// Contents reads a record of any kind.
func (in *DecodeBuffer) Contents(b []byte) (c Contents, err error) {
	if encoded, ok := PieceOf(b); ok {
		x, err := in.Piece(encoded)
		return Contents{Of: x.Partition, Whole: true}, err
	}
	if IsCheckpoint(b) {
		x, err := in.Checkpoint(b)
		return Contents{Of: x.Of, Whole: !x.Sessions, Sessions: x.Sessions}, err
	}
	c.Of, c.Entries, err = in.Record(b)
	return c, err
}
