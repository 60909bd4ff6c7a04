package kvs

import (
	"fmt"
	"hash/crc32"
	"slices"

	"github.com/joinery-go/joinery/kvs/gossip"
	"github.com/joinery-go/joinery/kvs/kind"
	"github.com/joinery-go/joinery/kvs/ring"
	"github.com/joinery-go/joinery/kvs/session"
	"github.com/joinery-go/joinery/kvs/wire"
)

// A peer whose disk was lost, or taken back in time, lacks writes whose deltas
// every owner had reclaimed. It is brought up by a snapshot: all that is held of
// the partition, each value with its writes and what they depend on, the dots that
// are in all of it, and the requests that were served. Joining it in is safe at any
// time. It travels, and lies on the disk, in pieces, and counts when all of one and
// the same state have come: values without their dots would be read by sessions that
// do not learn what they saw.

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

const servedSize = 14 // bytes of a request in a message, about

// snapshotOf takes the partition apart in pieces of about BatchBytes, or one value
// where that is larger.
func (r *Replica) snapshotOf(p *partition) []wire.Piece {
	head := wire.Piece{Partition: p.id, Origin: r.cfg.Origin, Clock: r.clock.last, Forgotten: r.sessions.forgotten, Applied: p.applied, Cuts: p.cuts}
	pieces, size := []wire.Piece{head}, 0
	last := func(more int) *wire.Piece {
		if size > 0 && size+more > r.cfg.BatchBytes {
			pieces, size = append(pieces, head), 0
		}
		size += more
		return &pieces[len(pieces)-1]
	}
	for _, c := range p.cells.ascending() {
		for i := range c.slots {
			s := &c.slots[i]
			v := wire.HeldValue{Key: c.key, Kind: s.kind, Value: p.encoded(s), Writes: s.writes, Deps: s.deps}
			x := last(v.Size())
			x.Values = append(x.Values, v)
		}
	}
	var all []byte
	var told []wire.Served
	for _, m := range r.sessions.ascending() {
		told = m.told(told[:0])
		for _, s := range told {
			if s.Dot.Seq == 0 || s.Partition == p.id {
				all = s.Append(all)
				x := last(servedSize)
				x.Clients = append(x.Clients, s)
			}
		}
	}
	for i := range pieces {
		x := &pieces[i]
		x.At, x.Of, x.Sum = uint32(i), uint32(len(pieces)), crc32.Checksum(all, castagnoli)
	}
	return pieces
}

// sendSnapshot sends all that is held of p and returns about how many bytes that is.
func (r *Replica) sendSnapshot(to ring.NodeID, p *partition) (size int) {
	for _, x := range r.snapshotOf(p) {
		from := len(r.wire)
		r.wire = wire.AppendSnapshot(r.wire, r.cfg.Self, &x)
		size += len(r.wire) - from
		r.emit(Effect{Kind: EffectSend, To: to, Sends: wire.MsgSnapshot, Msg: r.written(from)})
	}
	return size
}

// assembly is a snapshot of which pieces have come. The zero value has none.
type assembly struct {
	partition ring.Partition
	origin    uint64
	applied   gossip.Dots
	pieces    map[uint32][]byte // encoded, by position
	of, sum   uint32
}

// add takes a piece and returns all of the snapshot, in order, if it was the last
// one. A piece of another snapshot takes the place of what had come before.
func (a *assembly) add(x *wire.Piece, encoded []byte) [][]byte {
	if a.of != x.Of || a.sum != x.Sum || a.partition != x.Partition || a.origin != x.Origin || !slices.Equal(a.applied, x.Applied) {
		*a = assembly{partition: x.Partition, origin: x.Origin, applied: x.Applied, of: x.Of, sum: x.Sum, pieces: make(map[uint32][]byte)}
	}
	a.pieces[x.At] = slices.Clone(encoded)
	if len(a.pieces) < int(a.of) {
		return nil
	}
	whole := make([][]byte, a.of)
	for i := range whole {
		whole[i] = a.pieces[uint32(i)]
	}
	*a = assembly{}
	return whole
}

// snapshot is one that has come whole. It is not changed once made.
type snapshot struct {
	applied gossip.Dots
	cuts    session.Matrix
	clock   uint64
	gone    uint64 // latest hybrid time of a session forgotten
	values  []keptValue
	clients []wire.Served
}

type keptValue struct {
	key, kind    string
	value        kind.Value
	writes, deps session.Matrix
	size         int // encoded
}

// whole puts the pieces of a snapshot of partition id together.
func (r *Replica) whole(id ring.Partition, pieces [][]byte) (*snapshot, error) {
	s := new(snapshot)
	for _, encoded := range pieces {
		x, err := r.in.Piece(encoded)
		if err != nil {
			return nil, err
		}
		s.applied, s.clock, s.gone = x.Applied, max(s.clock, x.Clock), max(s.gone, x.Forgotten)
		s.cuts.MergeIn(x.Cuts)
		s.clients = append(s.clients, x.Clients...)
		if s.values, err = r.keepValues(s.values, id, x.Values); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// keepValues decodes what is held in partition id.
func (r *Replica) keepValues(dst []keptValue, id ring.Partition, values []wire.HeldValue) ([]keptValue, error) {
	for _, v := range values {
		k, known := r.cfg.Kinds.Find(v.Kind)
		if !known || r.cfg.Ring.PartitionOf(v.Key) != id {
			return nil, fmt.Errorf("%w: unknown kind %q, or key %q in partition %d", wire.ErrMessage, v.Kind, v.Key, id)
		}
		value, err := k.Decode(v.Value)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", wire.ErrMessage, err)
		}
		dst = append(dst, keptValue{v.Key, v.Kind, value, v.Writes.Clone(), v.Deps.Clone(), len(v.Value)})
	}
	return dst, nil
}

// receivePiece takes in a piece of a snapshot; false rejects it. Like deltas, the
// whole becomes durable first and visible then, and then its sender is told.
func (r *Replica) receivePiece(from int, body []byte) bool {
	sender, x, encoded, err := r.in.Snapshot(body)
	if err != nil || sender != r.peers[from].id || int(x.Partition) >= r.cfg.Ring.Partitions() {
		return false
	}
	p := r.partition(x.Partition)
	if !p.owned || !p.shared[from] {
		return false
	}
	if r.clock.ahead(x.Clock, r.now, r.cfg.MaxAheadMS) {
		r.stats.Ahead++ // it is sent again, and taken once this host's clock has come near
		return true
	}
	r.peers[from].gap, r.peers[from].next = 1, 0
	applied, lie := p.credible(r.cfg.Origin, x.Applied.Clone())
	if lie {
		r.stats.Rejected++
	}
	if r.has(p, applied) {
		r.stats.Duplicates++
		p.oweTo(from)
		if p.pending == 0 {
			r.payDebts(p)
		}
		return true
	}
	if p.incoming == nil {
		p.incoming = make([]assembly, len(r.peers))
	}
	pieces := p.incoming[from].add(&x, encoded)
	if pieces == nil {
		return true
	}
	s, err := r.whole(p.id, pieces)
	if err != nil {
		return false
	}
	p.oweTo(from)
	r.keep(p, s, pieces)
	return true
}

// has reports whether all of the dots are visible in p, or come with a snapshot
// that is being persisted.
func (r *Replica) has(p *partition, dots gossip.Dots) bool {
	return p.applied.Includes(dots) || slices.ContainsFunc(r.batches, func(b *batch) bool {
		return b.part == p && b.snap != nil && b.snap.applied.Includes(dots)
	})
}

// keep persists the pieces of a snapshot; with the last one it is joined in.
func (r *Replica) keep(p *partition, s *snapshot, pieces [][]byte) {
	var lie bool
	if s.applied, lie = p.credible(r.cfg.Origin, s.applied); lie {
		pieces = r.without(pieces, s.applied)
	}
	r.learn(s)
	b := r.newBatch(p)
	b.snap, b.first = s, r.token+1
	for _, encoded := range pieces {
		from := len(r.wire)
		r.wire = wire.AppendPieceRecord(r.wire, encoded)
		r.record(from)
	}
	b.token = r.token
	r.batches = append(r.batches, b)
	p.pending++
}

// without is the pieces with other dots: what is not believed must not be believed by
// the next incarnation, which reads them before the writes that it is about.
func (r *Replica) without(pieces [][]byte, applied gossip.Dots) [][]byte {
	out := make([][]byte, 0, len(pieces))
	for _, encoded := range pieces {
		x, err := r.in.Piece(encoded)
		if err != nil {
			return pieces // unreachable: all of them have been read
		}
		x.Applied = applied
		out = append(out, x.Append(nil))
	}
	return out
}

// learn takes in what of a snapshot concerns all of the replica.
func (r *Replica) learn(s *snapshot) {
	r.clock.Observe(s.clock)
	for _, x := range s.clients {
		r.note(x)
	}
	r.sessions.forgotten = max(r.sessions.forgotten, s.gone)
}

// absorb makes a durable snapshot visible. Its deltas are not in the log, so peers
// may be short of them now.
func (r *Replica) absorb(p *partition, s *snapshot) {
	before := p.rev
	if !p.applied.MergeIn(s.applied) {
		return
	}
	if p.rev = p.applied.Count(); p.rev <= before {
		p.rev = before + 1 // a set that large is a lie, and the only way to get here
	}
	p.changes.NoteAll(s.applied, p.rev, len(p.applied), r.cfg.MaxKnown)
	p.join(s.values)
	p.cuts.MergeIn(s.cuts)
	r.settleAll(p)
	r.stats.Snapshots++
	p.truncated(r.peers)
}

// join joins in what is held elsewhere, or was once held here.
func (p *partition) join(values []keptValue) {
	for _, v := range values {
		held, _ := p.slot(v.key, v.kind)
		switch {
		case held == nil:
			held = p.place(v.key, v.kind, v.value.Clone(), v.size)
		case held.val == nil:
			held.val, held.kept.rest = v.value.Clone(), true
			p.keeper.grew(held.kept, v.size)
		default:
			held.val.MergeIn(v.value)
			if held.kept != nil {
				p.keeper.grew(held.kept, v.size)
			}
		}
		held.writes.MergeIn(v.writes)
		held.deps.MergeIn(v.deps)
	}
}

// recoverPiece reads back a piece that was persisted.
func (r *Replica) recoverPiece(encoded []byte, past *assembly) error {
	x, err := r.in.Piece(encoded)
	if err != nil {
		return err
	}
	if int(x.Partition) >= r.cfg.Ring.Partitions() {
		return errPartition(x.Partition, r.cfg.Ring)
	}
	pieces := past.add(&x, encoded)
	if pieces == nil {
		return nil
	}
	s, err := r.whole(x.Partition, pieces)
	if err != nil {
		return err
	}
	r.learn(s)
	r.absorb(r.partition(x.Partition), s)
	return nil
}
