package kvs

import (
	"fmt"
	"slices"

	"github.com/joinery-go/joinery/kvs/gossip"
	"github.com/joinery-go/joinery/kvs/kind"
	"github.com/joinery-go/joinery/kvs/session"
	"github.com/joinery-go/joinery/kvs/wire"
	"github.com/joinery-go/joinery/lattice/causal"
)

// A value can grow with every write, and what holds it can not: an answer is one message,
// and a kept value one slot. So a write is refused that would bring the value above
// [Config.MaxValueBytes]. Owners may still come to more together, and then nothing that they
// have acknowledged is lost: records have no such bound, and in a snapshot the value goes in
// parts, see [outgoing.parts]. Only a read of one that no message can hold is refused.

// outgrown is how many bytes the value of s would have with delta, of which r.value has the
// encoding, if that is more than is allowed and more than it has; or 0. What is being
// persisted counts too.
//
// The size that a slot keeps is what was joined to it since it was last encoded, so that it
// is mostly too large and never too small, where values joined have no more bytes than both.
// The value is encoded where that passes the limit, and so no more often than once for that
// many bytes, save where the value is about as large as it may be.
func (r *Replica) outgrown(p *partition, s *slot, q *wire.Request, k kind.Kind, delta kind.Value) int {
	n, size := len(r.value), 0
	if s != nil {
		size = s.size
	} else {
		r.beingPersisted(p, q, func(e *gossip.Entry, _ kind.Value) { size += len(e.Delta) })
	}
	if size+n <= r.cfg.MaxValueBytes {
		if s != nil {
			s.size += n // it counts while it is being persisted, too
		}
		return 0
	}
	joined := k.New()
	if s != nil {
		joined = p.value(s).Clone()
	}
	r.beingPersisted(p, q, func(_ *gossip.Entry, delta kind.Value) { joined.MergeIn(delta) })
	r.value = joined.Append(r.value)
	before := len(r.value) - n
	joined.MergeIn(delta)
	r.value = joined.Append(r.value[:n])
	after := len(r.value) - n
	r.value = r.value[:n]
	if after > r.cfg.MaxValueBytes && after > before {
		if s != nil {
			s.size = before
		}
		return after
	}
	if s != nil {
		s.size = max(before, after)
	}
	return 0
}

// beingPersisted calls visit for the writes under the key of q, of its kind, that are not
// durable yet. O(records being persisted).
func (r *Replica) beingPersisted(p *partition, q *wire.Request, visit func(e *gossip.Entry, delta kind.Value)) {
	if p.pending == 0 {
		return
	}
	for _, b := range r.batches {
		if b.part != p {
			continue
		}
		for i := range b.entries {
			if e := &b.entries[i]; e.Key == q.Key && e.Kind == q.Kind {
				visit(e, b.deltas[i])
			}
		}
	}
}

// sized notes that the value of s has n bytes, encoded, unless there may be more of it that
// is being persisted.
func (p *partition) sized(s *slot, n int) {
	if p.pending == 0 {
		s.size = n
	}
}

// respondValue answers with a value, unless no message can hold it.
func (r *Replica) respondValue(q *wire.Request, p *partition, resp *wire.Response) {
	from, given := len(r.wire), len(r.out)
	r.respond(resp)
	if size := len(r.wire) - from; size > wire.MaxMessage {
		r.wire, r.out = r.wire[:from], r.out[:given]
		r.refuse(q, p, wire.StatusTooLarge, fmt.Sprintf("%s %q has %d bytes, and the answer %d, limit %d: owners have joined what they took apart; write to other keys", q.Kind, q.Key, len(resp.Value), size, wire.MaxMessage))
	}
}

// whole is up to how many bytes of a message a value travels in one piece: a window.
func (c *Config) whole() int { return min(max(c.SnapshotBytes, c.BatchBytes), wire.MaxMessage/2) }

// early is how many pieces may wait for one before them, and of how many bytes. The parts of
// a value may be more than a window.
func (c *Config) early(x *wire.Piece) (pieces, bytes int) {
	if x.Open || x.Rest {
		return max(c.SnapshotPieces, mostParts), max(c.SnapshotBytes, wire.MaxMessage)
	}
	return c.SnapshotPieces, c.SnapshotBytes
}

const (
	mostParts = 16                  // of a value, where they are no larger than
	partBytes = wire.MaxMessage / 4 // this
)

// inParts sends a value that is larger than a window in parts, and reports whether it has:
// only pieces that answer one ask are made at one moment, so the value comes first, and what
// was asked for counts for nothing but itself. Where a part is lost, all are asked for again.
// The last part has the marks of the value.
func (o *outgoing) inParts(v wire.HeldValue) bool {
	x := &o.piece
	if o.full = x.At > 0 || len(x.Values) > 0; o.full {
		return false
	}
	part := min(max(o.r.cfg.BatchBytes, len(v.Value)/mostParts+1), partBytes)
	for len(v.Value) > part {
		x.Values = append(x.Values, wire.HeldValue{Key: v.Key, Kind: v.Kind, Value: v.Value[:part]})
		x.Open, v.Value = true, v.Value[part:]
		o.next()
		x.Rest = true
	}
	o.size += v.Size()
	x.Values = append(x.Values, v)
	return true
}

// dropParts forgets the parts of a value that is not whole: what answers another ask is of
// another moment.
func (x *intake) dropParts() {
	x.pieces, x.open = slices.Clip(x.pieces[:len(x.pieces)-x.open]), 0
}

// goesOn reports whether the piece at that place of the records goes on from what has come:
// it is the next one of the same answer; or the first of another, which comes in place of
// the parts of a value that is not whole.
func (x *intake) goesOn(at int, piece *wire.Piece) bool {
	if piece.At == 0 {
		return at == len(x.pieces)-x.open
	}
	return at == len(x.pieces) && piece.To == x.to && piece.Ask == x.ask && piece.At == x.last+1
}

// takeValues takes in the names of the values of the next piece, if these are what they
// should be.
func (x *intake) takeValues(r *Replica, piece *wire.Piece) error {
	values := slices.Clone(piece.Values)
	last := ownID{x.at.Kind, x.at.Key}
	for i := range values {
		v := &values[i]
		name := ownID{v.Kind, v.Key}
		if x.at.Sessions || (i > 0 || x.at.Kind != "") && inOrder(last, name) >= 0 {
			return fmt.Errorf("%w: %s %q of a snapshot, which has come that far before", wire.ErrMessage, v.Kind, v.Key)
		}
		last = name
	}
	if len(values) == 0 {
		return nil
	}
	if name := (ownID{values[0].Kind, values[0].Key}); piece.Rest && name != x.part {
		return fmt.Errorf("%w: %s %q of a snapshot, behind a part of %s %q", wire.ErrMessage, name.kind, name.key, x.part.kind, x.part.key)
	}
	if piece.Open {
		x.part = ownID{values[0].Kind, values[0].Key}
		return nil
	}
	if piece.Rest {
		before, err := x.parts()
		if err != nil {
			return err
		}
		values[0].Value = append(before, values[0].Value...)
	}
	if _, err := r.keepValues(nil, piece.Partition, values); err != nil {
		return err
	}
	x.stage(values, piece.Clock)
	return nil
}

// stage keeps values, with marks of their own.
func (x *intake) stage(values []wire.HeldValue, clock uint64) {
	n := 0
	for i := range values {
		n += len(values[i].Writes) + len(values[i].Deps)
	}
	marks := make(session.Matrix, 0, n)
	own := func(m session.Matrix) session.Matrix {
		from := len(marks)
		marks = append(marks, m...)
		return marks[from:len(marks):len(marks)]
	}
	of := x.answers[len(x.answers)-1]
	for i := range values {
		v := &values[i]
		v.Writes, v.Deps = own(v.Writes), own(v.Deps)
		for _, m := range v.Writes {
			if d := dotOf(m); !of.Contains(d) {
				x.beyond = x.beyond.Clone()
				x.beyond.Add(d)
			}
		}
	}
	x.staged = append(x.staged, stagedPiece{values: values, answer: len(x.answers) - 1, clock: clock})
}

// dotOf is the dot that a mark names.
func dotOf(m session.Mark) causal.Dot { return causal.Dot{Origin: m.Origin, Seq: m.Seq} }

// parts is what has come of a value that is not whole.
func (x *intake) parts() (value []byte, err error) {
	var in wire.DecodeBuffer // the piece that comes next is in the one of the replica
	for _, encoded := range x.pieces[len(x.pieces)-x.open:] {
		piece, err := in.Piece(encoded)
		if err != nil {
			return nil, err
		}
		value = append(value, piece.Values[0].Value...)
	}
	return value, nil
}
