package kvs

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"slices"

	"github.com/joinery-go/joinery/kvs/gossip"
	"github.com/joinery-go/joinery/kvs/ring"
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
	return binary.BigEndian.AppendUint32(out, crc32.Checksum(out, castagnoli))
}

// Pieces are the messages by which a replica sends what it holds of a partition,
// and the records in which the receiver persists them.
func (r *Replica) Pieces(id ring.Partition) (messages, records [][]byte) {
	r.begin()
	r.sendSnapshot(0, r.partition(id))
	for _, e := range r.out {
		messages = append(messages, bytes.Clone(e.Msg))
	}
	for _, x := range r.snapshotOf(r.partition(id)) {
		records = append(records, wire.AppendPieceRecord(nil, x.Append(nil)))
	}
	return messages, records
}

// RecodePiece decodes the record of a piece and encodes it again.
func RecodePiece(record []byte) ([]byte, error) {
	encoded, ok := wire.PieceOf(record)
	if !ok {
		return nil, wire.ErrMessage
	}
	x, err := new(wire.DecodeBuffer).Piece(encoded)
	return wire.AppendPieceRecord(nil, x.Append(nil)), err
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
		p.bare = true
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
func (r *Replica) HasHanded(id ring.Partition) bool { return r.partition(id).handed }
