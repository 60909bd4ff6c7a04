package kvs

import (
	"math"
	"slices"
	"strings"

	"github.com/joinery-go/joinery/kvs/gossip"
	"github.com/joinery-go/joinery/kvs/wire"
)

// stagedPiece is what has come whole with a piece. Its values are not changed once made.
type stagedPiece struct {
	values []wire.HeldValue // at least one, ascending by key and kind; they share the memory of pieces
	answer int              // to which ask, by order
	clock  uint64           // no write in them is later
}

// stagedValue is one of the values of a piece.
type stagedValue struct {
	v     *wire.HeldValue
	piece *stagedPiece
}

func (s *stagedPiece) last() string { return s.values[len(s.values)-1].Key }

// from is the first key of the piece that is not before key; the last one is not.
func (s *stagedPiece) from(key string) string { return s.values[s.search(key)].Key }

func (s *stagedPiece) search(key string) int {
	at, _ := slices.BinarySearchFunc(s.values, key, func(v wire.HeldValue, key string) int { return strings.Compare(v.Key, key) })
	return at
}

// pieceOf is the first piece that may have a value whose key is not before key.
func (x *intake) pieceOf(key string) int {
	at, _ := slices.BinarySearchFunc(x.staged, key, func(s stagedPiece, key string) int { return strings.Compare(s.last(), key) })
	return at
}

// stagedOf are the values that have come under key, ascending by kind. Those of one key may be
// in more than one piece.
func (x *intake) stagedOf(key string) (values []stagedValue) {
	for at := x.pieceOf(key); at < len(x.staged); at++ {
		s := &x.staged[at]
		i := s.search(key)
		for ; i < len(s.values) && s.values[i].Key == key; i++ {
			values = append(values, stagedValue{&s.values[i], s})
		}
		if i < len(s.values) {
			break
		}
	}
	return values
}

// stagedFrom is the first key that has come and is not before key.
func (x *intake) stagedFrom(key string) (string, bool) {
	if at := x.pieceOf(key); at < len(x.staged) {
		return x.staged[at].from(key), true
	}
	return "", false
}

// named reports whether a snapshot names a value.
func (x *intake) named(key, kind string) bool {
	return slices.ContainsFunc(x.stagedOf(key), func(s stagedValue) bool { return s.v.Kind == kind })
}

// otherKind is the kind of a value under key among the pieces that have come, but not that
// one; "" if there is none.
func (x *intake) otherKind(key, kind string) string {
	if x == nil {
		return ""
	}
	for _, s := range x.stagedOf(key) {
		if s.v.Kind != kind {
			return s.v.Kind
		}
	}
	return ""
}

// A snapshot may have writes of which it does not say so, since they came to a sender after
// earlier pieces were made, or a later sender did not have them: they are hidden in the values
// of the pieces of that time. Were these lost elsewhere, nobody would get them from here, and
// replicas would differ for ever. So the receiver marks the values that may have some as
// written by a dot of its own, which others lack and therefore fetch. A value has no write that
// was not in the state its piece was made of. What the receiver has got otherwise is not
// hidden, nor is a value's last write of an origin whose request has come: without that it
// cannot be said to be held, since a repeat of it would be served again.
//
// Whether there is such a value is to be in the record of the last piece. Where some write is
// hidden, all values are looked through for that, some with each step, before the piece is
// persisted; mostly none is.
type sifting struct {
	any          gossip.Dots // hidden in some
	served, last gossip.Dots // of these: whose request has come; and that are the last of a value
	pass, at     int
	touched      bool // there is such a value
	from         int  // the peer that has sent the last piece
	ask          uint64
}

// beginSifting works out what is hidden, by what was answered to each ask.
func (x *intake) beginSifting() *sifting {
	s := new(sifting)
	x.hidden = make([]gossip.Dots, len(x.answers))
	for i, of := range x.answers {
		x.hidden[i] = of.Without(x.base).Without(x.held)
		s.any.MergeIn(x.hidden[i])
	}
	return s
}

// step looks at so many values, or requests, and at those of their piece, and reports whether
// that was all.
func (s *sifting) step(x *intake, room int) (done bool) {
	for len(s.any) > 0 && room > 0 {
		switch {
		case s.pass == 0 && s.at < len(x.served):
			if d := x.served[s.at]; s.any.Contains(d) {
				s.served.Add(d)
			}
			s.at++
			room--
		case s.pass == 1 && s.at < len(x.staged):
			for _, v := range x.staged[s.at].values {
				for _, m := range v.Writes {
					if d := dotOf(m); s.served.Contains(d) {
						s.last.Add(d)
					}
				}
			}
			room -= len(x.staged[s.at].values)
			s.at++
		case s.pass == 1:
			for i := range x.hidden {
				x.hidden[i] = x.hidden[i].Without(s.last)
			}
			s.pass, s.at = 2, 0
		case s.pass == 0:
			s.pass, s.at = 1, 0
		case s.at < len(x.staged):
			piece := &x.staged[s.at]
			hidden := x.hidden[piece.answer]
			if s.touched = slices.ContainsFunc(piece.values, func(v wire.HeldValue) bool { return !v.Same && touches(hidden, v.Writes, v.Deps) }); s.touched {
				return true
			}
			room -= len(piece.values)
			s.at++
		default:
			return true
		}
	}
	return len(s.any) == 0
}

// sifted ends what beginSifting began.
func (x *intake) sifted(s *sifting) { x.sift, x.extra, x.marks = nil, s.last, s.touched }

// siftAll does so at once.
func (x *intake) siftAll() {
	s := x.beginSifting()
	for !s.step(x, math.MaxInt) {
	}
	x.sifted(s)
}

// siftOn goes on to look through a snapshot of p that has come whole, and persists its last
// piece once that is done.
func (r *Replica) siftOn(p *partition) {
	x := p.intake
	s := x.sift
	if !s.step(x, r.cfg.SnapshotValues) {
		return
	}
	x.sifted(s)
	if s.touched { // only for a value to be marked with: one that none is would be a gap for good
		p.seq++
		x.own.Origin, x.own.Seq = r.cfg.Origin, p.seq
	}
	r.persistPiece(p, x, s.from, s.ask, true)
}
