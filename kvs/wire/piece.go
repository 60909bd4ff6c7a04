package wire

import (
	"github.com/joinery-go/joinery/kvs/gossip"
	"github.com/joinery-go/joinery/kvs/internal/varint"
	"github.com/joinery-go/joinery/kvs/kind"
	"github.com/joinery-go/joinery/kvs/ring"
	"github.com/joinery-go/joinery/kvs/session"
	"github.com/joinery-go/joinery/lattice/causal"
)

// Cursor is a place in the order in which a snapshot comes: first the values of a
// partition, ascending by key and kind, then the sessions, ascending by number. The zero
// Cursor is before all of them.
type Cursor struct {
	Key, Kind string // behind this value; no value has the kind ""
	Sessions  bool   // behind all values, and the session
	Client    uint64
}

// Ask is what a replica asks of a peer that has offered a snapshot: the pieces that come
// next, so many of them and so many bytes at most.
type Ask struct {
	Number        uint64 // unlike that of all other asks of the incarnation, and greater than that of earlier ones
	After         Cursor
	Pieces, Bytes uint64
}

// Piece is a part of a snapshot. Pieces that answer one ask are numbered; what is in them
// follows on each other, from where the ask says. A sender goes on serving meanwhile, and
// another one may send the rest: Applied is what was visible when the pieces of an ask were
// made, and what those of all asks have in common is what a snapshot that is whole holds for
// sure. A value that is larger than a piece should be is in several that answer one ask: a
// part in each, and the marks of the value in the last.
type Piece struct {
	Partition ring.Partition
	Origin    uint64         // the sender's incarnation
	To, Ask   uint64         // the incarnation that asked, and the number of its ask
	At        uint32         // which of the pieces that answer it, from 0
	First     bool           // nothing of the snapshot comes before
	More      bool           // others that answer the ask come behind
	Last      bool           // nothing of the snapshot comes behind
	Open      bool           // its value, the only one, goes on in the next piece: it is a part of one
	Rest      bool           // its first value goes on from the piece before
	Clock     uint64         // greatest hybrid time that the sender had met
	Forgotten uint64         // latest hybrid time of a write of a session that the sender has forgotten
	Applied   gossip.Dots    // given with the first piece of an ask
	Cuts      session.Matrix // of this partition: by origin, the last of its cuts whose barrier is in Applied
	Gap       gossip.Dots    // which cuts in Doubt may name, and which the sender had lost
	Doubt     session.Matrix // of this partition: cuts that stand for nothing where some of Gap is not held
	// Where tombstones of the partition have been forgotten, pieces name every value, and a
	// value that the receiver has, and that is not named, is one of those. Buried is the
	// latest time of a write in one of them, 0 where none has been. BuriedWrites are the last
	// writes of each origin in them, and BuriedDeps what these depend on: given with the first
	// piece of an ask.
	Buried       uint64
	BuriedWrites session.Matrix
	BuriedDeps   session.Matrix
	Values       []HeldValue
	Clients      []Served
}

// End is where a piece ends that begins at from. A value of which a part is to come is
// behind that still: whoever asks from there is sent all of it, as it is then.
func (x *Piece) End(from Cursor) Cursor {
	if x.Open {
		return from
	}
	if n := len(x.Clients); n > 0 {
		return Cursor{Sessions: true, Client: x.Clients[n-1].Client}
	}
	if n := len(x.Values); n > 0 {
		return Cursor{Key: x.Values[n-1].Key, Kind: x.Values[n-1].Kind}
	}
	return from
}

// HeldValue is the value of a kind under a key.
type HeldValue struct {
	Key, Kind    string
	Value        []byte         // encoded
	Writes, Deps session.Matrix // the writes in it, of this partition, and what they depend on
	Same         bool           // of a piece: the receiver has it, and no more is told of it than its name
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

// What the flags of a piece say.
const (
	pieceFirst = 1 << iota
	pieceMore
	pieceLast
	pieceDoubt
	pieceOpen
	pieceRest
	pieceBuried
	pieceEnd
)

// Append appends the encoding of x.
func (x *Piece) Append(b []byte) []byte {
	b = varint.Append(varint.Append(b, uint64(x.Partition)), x.Origin)
	b = varint.Append(varint.Append(varint.Append(b, x.To), x.Ask), uint64(x.At))
	flags := byte(0)
	for i, set := range [...]bool{x.First, x.More, x.Last, len(x.Doubt) > 0 && x.At == 0, x.Open, x.Rest, x.Buried > 0} {
		if set {
			flags |= 1 << i
		}
	}
	b = varint.Append(varint.Append(append(b, flags), x.Clock), x.Forgotten)
	if x.At == 0 {
		b = session.Row(x.Cuts).Append(x.Applied.Append(b))
		if len(x.Doubt) > 0 {
			b = session.Row(x.Doubt).Append(x.Gap.Append(b))
		}
	}
	if x.Buried == 0 {
		return appendServed(appendValues(b, x.Values), x.Clients)
	}
	b = varint.Append(b, x.Buried)
	if x.At == 0 {
		b = x.BuriedDeps.Append(session.Row(x.BuriedWrites).Append(b))
	}
	b = varint.Append(b, uint64(len(x.Values)))
	for i := range x.Values {
		v := &x.Values[i]
		if b = AppendBool(b, v.Same); v.Same {
			b = AppendString(AppendString(b, v.Key), v.Kind)
		} else {
			b = v.Append(b)
		}
	}
	return appendServed(b, x.Clients)
}

func appendValues(b []byte, values []HeldValue) []byte {
	b = varint.Append(b, uint64(len(values)))
	for i := range values {
		b = values[i].Append(b)
	}
	return b
}

// Append appends the encoding of v.
func (v *HeldValue) Append(b []byte) []byte {
	b = AppendString(AppendString(AppendString(b, v.Key), v.Kind), v.Value)
	return v.Deps.Append(session.Row(v.Writes).Append(b))
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
	x := Piece{Partition: ring.Partition(r.uint32()), Origin: r.uvarint(), To: r.uvarint(), Ask: r.uvarint(), At: r.uint32()}
	flags := r.byte()
	x.First, x.More, x.Last = flags&pieceFirst != 0, flags&pieceMore != 0, flags&pieceLast != 0
	x.Open, x.Rest = flags&pieceOpen != 0, flags&pieceRest != 0
	x.Clock, x.Forgotten = r.clock(), r.clock()
	if x.At == 0 {
		x.Applied = r.dots(nil)
		x.Cuts = session.Matrix(r.row(&in.marks, x.Partition))
		if flags&pieceDoubt != 0 {
			x.Gap = r.dots(nil)
			x.Doubt = session.Matrix(r.row(&in.marks, x.Partition))
		}
	}
	if flags&pieceBuried == 0 {
		x.Values = r.values(in, x.Partition, MaxMessage)
	} else {
		if x.Buried = r.clock(); x.At == 0 {
			x.BuriedWrites = session.Matrix(r.row(&in.marks, x.Partition))
			x.BuriedDeps = r.matrix(&in.marks)
		}
		x.Values = r.named(in, x.Partition)
	}
	x.Clients = r.served()
	if r.err == nil && (flags >= pieceEnd || (flags&pieceDoubt != 0) != (len(x.Doubt) > 0) || (flags&pieceBuried != 0) != (x.Buried > 0) || x.First && x.At > 0 || x.More && x.Last || x.At >= MaxPieces) {
		r.fail("a piece that contradicts itself")
	}
	if r.err == nil && (len(x.Values) > 0 && (x.Open && x.Values[0].Same || x.Rest && x.Values[0].Same) || x.Open && (!x.More || len(x.Values) != 1 || len(x.Clients) > 0) || x.Rest && (x.At == 0 || len(x.Values) == 0)) {
		r.fail("a part of a value that cannot be one")
	}
	return x, r.end("snapshot")
}

// values reads what is held in a partition, each value of at most limit bytes.
func (r *reader) values(in *DecodeBuffer, p ring.Partition, limit int) (values []HeldValue) {
	for range r.count(5) {
		values = append(values, r.value(in, p, limit))
	}
	return values
}

func (r *reader) value(in *DecodeBuffer, p ring.Partition, limit int) HeldValue {
	v := HeldValue{Key: in.keys.of(r.bytes(MaxKey)), Kind: in.kinds.of(r.bytes(kind.MaxName)), Value: r.bytes(limit)}
	v.Writes = session.Matrix(r.row(&in.marks, p))
	v.Deps = r.matrix(&in.marks)
	return v
}

// named reads the values of a piece that names all of them.
func (r *reader) named(in *DecodeBuffer, p ring.Partition) (values []HeldValue) {
	for range r.count(3) {
		if !r.bool() {
			values = append(values, r.value(in, p, MaxMessage))
			continue
		}
		values = append(values, HeldValue{Key: in.keys.of(r.bytes(MaxKey)), Kind: in.kinds.of(r.bytes(kind.MaxName)), Same: true})
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

// MaxPieces is how many pieces may answer an ask.
const MaxPieces = 1 << 12

func (c Cursor) append(b []byte) []byte {
	switch {
	case c.Sessions:
		return varint.Append(append(b, 2), c.Client)
	case c.Kind != "":
		return AppendString(AppendString(append(b, 1), c.Key), c.Kind)
	}
	return append(b, 0)
}

func (r *reader) cursor(in *DecodeBuffer) (c Cursor) {
	switch r.byte() {
	case 0:
	case 1:
		if c.Key, c.Kind = in.keys.of(r.bytes(MaxKey)), in.kinds.of(r.bytes(kind.MaxName)); c.Kind == "" {
			r.fail("a cursor behind a value of no kind")
		}
	case 2:
		c.Sessions, c.Client = true, r.uvarint()
	default:
		r.fail("a cursor of another form")
	}
	return c
}

func (a *Ask) append(b []byte) []byte {
	b = a.After.append(varint.Append(b, a.Number))
	return varint.Append(varint.Append(b, a.Pieces), a.Bytes)
}

func (r *reader) ask(in *DecodeBuffer) *Ask {
	a := &Ask{Number: r.uvarint(), After: r.cursor(in)}
	a.Pieces, a.Bytes = r.uvarint(), r.uvarint()
	if r.err == nil && (a.Number == 0 || a.Pieces == 0) {
		r.fail("an ask for nothing")
	}
	return a
}

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
