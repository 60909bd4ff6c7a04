package kvs

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"slices"

	"github.com/joinery-go/joinery/kvs/gossip"
	"github.com/joinery-go/joinery/kvs/ring"
	"github.com/joinery-go/joinery/kvs/session"
	"github.com/joinery-go/joinery/kvs/wire"
	"github.com/joinery-go/joinery/lattice/causal"
)

// Reseal turns arbitrary bytes into a message with a fitting header and
// checksum, so that tests reach the decoders behind them.
func Reseal(b []byte) []byte {
	const headerSize, sumSize = 3, 4
	out := bytes.Clone(new(wire.Request).Encode()[:headerSize])
	out[2] = byte(wire.MsgGossip)
	if len(b) > headerSize+sumSize {
		out[2] = b[2]
		b = b[headerSize : len(b)-sumSize]
	}
	out = append(out, b...)
	return binary.BigEndian.AppendUint32(out, crc32.Checksum(out, crc32.MakeTable(crc32.Castagnoli)))
}

// Held is the set of dots of p that are visible.
func (r *Replica) Held(id ring.Partition) gossip.Dots { return r.partition(id).applied.Clone() }

// Searched is how many partitions are sourceless.
func (r *Replica) Searched() (n int) {
	for _, p := range r.parts {
		if p.searches() {
			n++
		}
	}
	return n
}

// Serve are the messages that answer a peer's ask.
func (r *Replica) Serve(id ring.Partition, to ring.NodeID, asker uint64, a wire.Ask) (messages [][]byte) {
	r.begin()
	r.serve(r.partition(id), r.peer(to), asker, &a)
	for _, e := range r.out {
		messages = append(messages, bytes.Clone(e.Msg))
	}
	return messages
}

// Staged is how many pieces have come of the snapshot that is being taken in, and how many
// bytes they have.
func (r *Replica) Staged(id ring.Partition) (pieces, size int) {
	if p := r.held(id); p != nil && p.intake != nil {
		for _, x := range p.intake.pieces {
			size += len(x)
		}
		return len(p.intake.pieces), size
	}
	return 0, 0
}

// RecodePiece decodes the record of a piece and encodes it again.
func RecodePiece(record []byte) ([]byte, error) {
	s, x, err := new(wire.DecodeBuffer).StoredPiece(record)
	s.Encoded = x.Append(nil)
	return s.Append(nil), err
}

// Level makes r, which has started on a whole log, what one would be that has started
// from a checkpoint: it forgets the deltas that cut, which has, holds no more, and returns
// their dots by partition; it forgets the requests that cut had forgotten; and its clock
// goes as far.
func (r *Replica) Level(cut *Replica) map[ring.Partition]causal.Dots {
	forgotten := make(map[ring.Partition]causal.Dots)
	r.clock.Observe(cut.clock.last)
	for client, less := range cut.sessions.of {
		if m := r.sessions.of[client]; m != nil {
			before := len(m.requests)
			m.requests = slices.DeleteFunc(m.requests, func(x wire.Served) bool { return x.Req <= less.low && len(less.served(x.Req)) == 0 })
			r.sessions.requests -= before - len(m.requests)
			m.distinct = len(slices.CompactFunc(slices.Clone(m.requests), func(x, y wire.Served) bool { return x.Req == y.Req }))
			m.low = max(m.low, less.low)
		}
	}
	for _, p := range r.parts {
		q := cut.held(p.id)
		if q == nil {
			continue
		}
		var keep []gossip.Entry
		var gone gossip.Dots
		for e := range p.log.All() {
			if q.log.Has(e.Dot) {
				keep = append(keep, e)
			} else {
				gone.Add(e.Dot)
			}
		}
		if len(gone) == 0 {
			continue
		}
		forgotten[p.id] = gone.Causal()
		p.logTruncated = true
		p.log.Reset(r.cfg.Self, r.cfg.Ring.Owners(p.id))
		for i := range keep {
			p.log.Add(&keep[i], 0)
		}
	}
	return forgotten
}

// Logged is how many deltas of a partition wait to be acknowledged.
func (r *Replica) Logged(id ring.Partition) int { return r.partition(id).log.Len() }

// Visited is how many deltas of a partition its log has looked at.
func (r *Replica) Visited(id ring.Partition) uint64 { return r.partition(id).log.Visited() }

// HasHanded reports whether the disk may still have what was handed over of a partition.
func (r *Replica) HasHanded(id ring.Partition) bool {
	return r.partition(id).handed.and(r.partition(id).handedBefore).gone
}

// NamedByCut reports whether a cut of node self, made where so many cuts of an incarnation
// of node other were held in each partition that this owns, stands for the mark of its cut
// number asked.
func NamedByCut(rg *ring.Ring, self, other ring.NodeID, held, asked uint64) bool {
	const origin = 2
	r := &Replica{cfg: Config{Ring: rg, Self: self, Origin: 1}, cut: &cut{number: 1}}
	for id := range ring.Partition(rg.Partitions()) {
		if rg.Owns(other, id) {
			r.cut.parts = append(r.cut.parts, cutPart{id: id, other: session.Matrix{{Partition: id, Origin: origin, Seq: held}}})
		}
	}
	return r.named(session.Mark{Partition: session.CutsOf(other), Origin: origin, Seq: asked})
}

// WithDefaults is the configuration that a replica would have.
func (c Config) WithDefaults() (Config, error) {
	err := c.setDefaults()
	return c, err
}

// InBoth is of each origin the lesser mark of those that both have.
func InBoth(a, b session.Matrix) session.Matrix { return inBoth(a, b) }

// Owed is how many rows have yet to be taken back from values that are kept outside.
func (r *Replica) Owed() (rows int) {
	for _, p := range r.parts {
		for c := range p.cells.from("") {
			for _, s := range c.slots {
				if s.kept != nil {
					rows += len(s.kept.rows)
				}
			}
		}
	}
	return rows
}

// Open is how many parts have come of a value that is not whole, of a snapshot of p.
func (r *Replica) Open(id ring.Partition) int {
	if p := r.held(id); p != nil && p.intake != nil {
		return p.intake.open
	}
	return 0
}

// MarksBeyond is how many marks of values of p name a write of it that is not visible.
func (r *Replica) MarksBeyond(id ring.Partition) (n int) {
	p := r.held(id)
	for c := range p.cells.from("") {
		for _, s := range c.slots {
			for _, m := range s.writes {
				if m.Partition == id && !p.applied.Contains(causal.Dot{Origin: m.Origin, Seq: m.Seq}) {
					n++
				}
			}
		}
	}
	return n
}
