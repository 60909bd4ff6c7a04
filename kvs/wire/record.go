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

// A record is what the core asks to be persisted: a version, and either a
// partition and the entries written there together, or a piece of a snapshot that a
// peer sent, or a part of a checkpoint, with its values or with where they are kept, or
// the name of a value that was kept and is lost, or those of values that are marked anew, or
// who the members are, or which floors nodes have promised.
const (
	lostVersion       = 9
	touchedVersion    = 11
	recordVersion     = 17
	pieceVersion      = 18
	checkpointVersion = 19
	keptVersion       = 20
	membersVersion    = 21
	movedVersion      = 22 // of a part of a checkpoint with Moved, and
	movedKeptVersion  = 23
	floorsVersion     = 24
)

// AppendRecord appends the record of entries that are written together.
func AppendRecord(dst []byte, p ring.Partition, entries []gossip.Entry) []byte {
	return AppendEntries(varint.Append(append(dst, recordVersion), uint64(p)), entries)
}

// StoredPiece is what the record of a piece says: the piece, and its place among those
// that were taken in one behind the other. Begun and Number name the snapshot for whoever
// takes it in: the incarnation that began to, and which of its snapshots it is.
type StoredPiece struct {
	Begun, Number uint64
	At            uint32      // which piece of the snapshot, from 0
	Held          gossip.Dots // what the receiver held then: a sender leaves out what is in that
	Own           causal.Dot  // by which the receiver has others fetch some of the values, see kvs; zero for none
	Encoded       []byte      // the piece
}

// Append appends the record of x.
func (x *StoredPiece) Append(dst []byte) []byte {
	dst = varint.Append(varint.Append(append(dst, pieceVersion), x.Begun), x.Number)
	dst = varint.Append(varint.Append(varint.Append(dst, uint64(x.At)), x.Own.Origin), x.Own.Seq)
	return append(x.Held.Append(dst), x.Encoded...)
}

// IsPiece reports whether the record is one of a piece.
func IsPiece(record []byte) bool { return len(record) > 0 && record[0] == pieceVersion }

// StoredPiece reads the record of a piece, which shares its memory but for its dots.
func (in *DecodeBuffer) StoredPiece(record []byte) (s StoredPiece, x Piece, err error) {
	if !IsPiece(record) {
		return s, x, fmt.Errorf("%w: no piece of a snapshot", ErrMessage)
	}
	r := reader{b: record[1:]}
	s.Begun, s.Number, s.At = r.uvarint(), r.uvarint(), r.uint32()
	s.Own = causal.Dot{Origin: r.uvarint(), Seq: r.uvarint()}
	s.Held = r.dots(nil)
	if r.err != nil {
		return s, x, r.err
	}
	s.Encoded = r.rest()
	if x, err = in.Piece(s.Encoded); err == nil && x.First != (s.At == 0) {
		err = fmt.Errorf("%w: piece %d of a snapshot begins it, or does not", ErrMessage, s.At)
	}
	return s, x, err
}

// Record reads a record whose entries share the memory of b, and are valid until the next
// one is read.
func (in *DecodeBuffer) Record(b []byte) (ring.Partition, []gossip.Entry, error) {
	if len(b) == 0 || b[0] != recordVersion {
		return 0, nil, fmt.Errorf("%w: a record of another version", ErrMessage)
	}
	r := reader{b: b[1:]}
	in.marks = in.marks[:0]
	p := ring.Partition(r.uint32())
	in.entries = r.entries(in.entries[:0], in)
	return p, in.entries, r.end("record")
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
	Gap            gossip.Dots    // of the partition, as of [Piece]
	Doubt          session.Matrix // of the partition, as of [Piece]
	Buried         uint64         // of the partition, as of [Piece]
	BuriedWrites   session.Matrix // of the partition, as of [Piece]
	BuriedDeps     session.Matrix // of the partition, as of [Piece]
	Floors         []NodeFloor    // of the sessions: what nodes have promised
	Values         []HeldValue
	Clients        []Served

	// Moved says that members had come or gone, and that of what a replica held no more that was
	// no owner nothing is in Applied.
	Moved bool

	Keeper uint64 // what keeps the values of this part, if they are not in Values; or 0
	Kept   []KeptValue
}

// KeptValue is a value of a checkpoint that is kept elsewhere.
type KeptValue struct {
	Key, Kind    string
	At           Slot
	Bytes        uint64         // of the value, encoded
	Writes, Deps session.Matrix // as of [HeldValue]
}

// Slot is where a value is kept, and which checkpoint of which incarnation has put it
// there.
type Slot struct{ Number, Origin, Checkpoint uint64 }

// Size is about how many bytes the value takes in a record.
func (v *KeptValue) Size() int {
	const mark, slot = 4, 9
	return len(v.Key) + len(v.Kind) + slot + mark*(len(v.Writes)+len(v.Deps))
}

// What the flags of a part say.
const (
	partSessions  = 1 << iota
	partForgotten // what is said of tombstones that were forgotten follows
	partEnd
)

// AppendCheckpoint appends the record of x.
func AppendCheckpoint(b []byte, x *CheckpointPart) []byte {
	version := byte(checkpointVersion)
	switch {
	case x.Keeper != 0 && x.Moved:
		version = movedKeptVersion
	case x.Keeper != 0:
		version = keptVersion
	case x.Moved:
		version = movedVersion
	}
	b = varint.Append(varint.Append(append(b, version), x.Origin), x.Number)
	flags := byte(0)
	if x.Sessions {
		flags |= partSessions
	}
	if x.Buried > 0 || len(x.Floors) > 0 {
		flags |= partForgotten
	}
	b = append(varint.Append(b, uint64(x.Of)), flags)
	b = AppendBool(varint.Append(b, uint64(x.At)), x.Last)
	b = session.Row(x.Cuts).Append(x.Applied.Append(varint.Append(varint.Append(b, x.Clock), x.Forgotten)))
	b = session.Row(x.Doubt).Append(x.Gap.Append(b))
	if flags&partForgotten != 0 {
		b = x.BuriedDeps.Append(session.Row(x.BuriedWrites).Append(varint.Append(b, x.Buried)))
		b = appendFloors(b, x.Floors)
	}
	if x.Keeper != 0 {
		b = appendKept(varint.Append(b, x.Keeper), x.Kept)
	} else {
		b = appendValues(b, x.Values)
	}
	return appendServed(b, x.Clients)
}

func appendKept(b []byte, values []KeptValue) []byte {
	b = varint.Append(b, uint64(len(values)))
	for i := range values {
		v := &values[i]
		b = varint.Append(v.At.append(AppendString(AppendString(b, v.Key), v.Kind)), v.Bytes)
		b = v.Deps.Append(session.Row(v.Writes).Append(b))
	}
	return b
}

func (s Slot) append(b []byte) []byte {
	return varint.Append(varint.Append(varint.Append(b, s.Number), s.Origin), s.Checkpoint)
}

func (r *reader) slot() Slot { return Slot{r.uvarint(), r.uvarint(), r.uvarint()} }

// kept reads the values of partition p that are kept elsewhere.
func (r *reader) kept(in *DecodeBuffer, p ring.Partition) (values []KeptValue) {
	for range r.count(8) {
		v := KeptValue{Key: in.keys.of(r.bytes(MaxKey)), Kind: in.kinds.of(r.bytes(kind.MaxName)), At: r.slot(), Bytes: r.uvarint()}
		v.Writes = session.Matrix(r.row(&in.marks, p))
		v.Deps = r.matrix(&in.marks)
		values = append(values, v)
	}
	return values
}

// IsCheckpoint reports whether the record is one of a part of a checkpoint.
func IsCheckpoint(record []byte) bool {
	if len(record) == 0 {
		return false
	}
	switch record[0] {
	case checkpointVersion, keptVersion, movedVersion, movedKeptVersion:
		return true
	}
	return false
}

// AppendLost appends the record that says that what was put in a slot is lost.
func AppendLost(b []byte, s Slot) []byte { return s.append(append(b, lostVersion)) }

// IsLost reports whether the record says that a value is lost.
func IsLost(record []byte) bool { return len(record) > 0 && record[0] == lostVersion }

// Lost reads the record of a lost value.
func Lost(record []byte) (Slot, error) {
	if !IsLost(record) {
		return Slot{}, fmt.Errorf("%w: no record of a lost value", ErrMessage)
	}
	r := reader{b: record[1:]}
	s := r.slot()
	return s, r.end("lost value")
}

// Touched is what the record says by which a replica has its peers fetch values of a
// partition: their names, and the dot of its own by which they are marked as written.
type Touched struct {
	Of    ring.Partition
	Dot   causal.Dot
	Names []ValueName
}

// ValueName names a value.
type ValueName struct{ Key, Kind string }

// Append appends the record of x.
func (x *Touched) Append(b []byte) []byte {
	b = varint.Append(varint.Append(varint.Append(append(b, touchedVersion), uint64(x.Of)), x.Dot.Origin), x.Dot.Seq)
	b = varint.Append(b, uint64(len(x.Names)))
	for _, n := range x.Names {
		b = AppendString(AppendString(b, n.Key), n.Kind)
	}
	return b
}

// IsTouched reports whether the record is one of values that are marked.
func IsTouched(record []byte) bool { return len(record) > 0 && record[0] == touchedVersion }

// Touched reads the record of values that are marked.
func (in *DecodeBuffer) Touched(record []byte) (x Touched, err error) {
	if !IsTouched(record) {
		return x, fmt.Errorf("%w: no record of marked values", ErrMessage)
	}
	r := reader{b: record[1:]}
	x.Of, x.Dot = ring.Partition(r.uint32()), causal.Dot{Origin: r.uvarint(), Seq: r.uvarint()}
	for range r.count(2) {
		x.Names = append(x.Names, ValueName{in.keys.of(r.bytes(MaxKey)), in.kinds.of(r.bytes(kind.MaxName))})
	}
	if x.Dot.Seq == 0 {
		r.fail("a dot that is none")
	}
	return x, r.end("marked values")
}

// Checkpoint reads the record of a part of a checkpoint. The part shares the memory of
// b, but for its dots.
func (in *DecodeBuffer) Checkpoint(b []byte) (CheckpointPart, error) {
	if !IsCheckpoint(b) {
		return CheckpointPart{}, fmt.Errorf("%w: no part of a checkpoint", ErrMessage)
	}
	r := reader{b: b[1:]}
	in.marks = in.marks[:0]
	x := CheckpointPart{Origin: r.uvarint(), Number: r.uvarint(), Of: ring.Partition(r.uint32())}
	flags := r.byte()
	x.Sessions, x.At, x.Last, x.Clock, x.Forgotten = flags&partSessions != 0, r.uint32(), r.bool(), r.clock(), r.clock()
	x.Applied = r.dots(nil)
	x.Cuts = session.Matrix(r.row(&in.marks, x.Of))
	x.Gap = r.dots(nil)
	x.Doubt = session.Matrix(r.row(&in.marks, x.Of))
	if flags&partForgotten != 0 {
		x.Buried = r.clock()
		x.BuriedWrites = session.Matrix(r.row(&in.marks, x.Of))
		x.BuriedDeps = r.matrix(&in.marks)
		x.Floors = r.floors()
	}
	if r.err == nil && (flags >= partEnd || (flags&partForgotten != 0) != (x.Buried > 0 || len(x.Floors) > 0)) {
		r.fail("a part of a checkpoint that contradicts itself")
	}
	x.Moved = b[0] == movedVersion || b[0] == movedKeptVersion
	if b[0] == keptVersion || b[0] == movedKeptVersion {
		if x.Keeper = r.uvarint(); x.Keeper == 0 {
			r.fail("values kept by nothing")
		}
		x.Kept = r.kept(in, x.Of)
	} else {
		x.Values = r.values(in, x.Of, len(b)) // replicas may come to hold more together than a message can
	}
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
	if IsPiece(b) {
		_, x, err := in.StoredPiece(b)
		return Contents{Of: x.Partition, Whole: true}, err
	}
	if IsCheckpoint(b) {
		x, err := in.Checkpoint(b)
		return Contents{Of: x.Of, Whole: !x.Sessions, Sessions: x.Sessions}, err
	}
	if IsLost(b) {
		_, err := Lost(b)
		return c, err
	}
	if IsFloors(b) {
		_, err := in.ReadFloors(b)
		return c, err
	}
	if IsTouched(b) {
		x, err := in.Touched(b)
		return Contents{Of: x.Of}, err
	}
	if IsMembersRecord(b) {
		_, _, err := MembersRecord(b)
		return c, err
	}
	c.Of, c.Entries, err = in.Record(b)
	return c, err
}
