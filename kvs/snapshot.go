package kvs

import (
	"fmt"
	"hash/crc32"
	"maps"
	"slices"

	"github.com/joinery-go/joinery/kvs/gossip"
	"github.com/joinery-go/joinery/kvs/internal/varint"
	"github.com/joinery-go/joinery/kvs/ring"
	"github.com/joinery-go/joinery/kvs/session"
)

// A peer whose disk was lost, or taken back in time, lacks writes whose deltas
// every owner had reclaimed. It is brought up by a snapshot: all that is held of
// the partition, each value with its writes and what they depend on, the dots that are
// in all of it, and the requests that were served. Joining it in is safe at any time. It travels, and lies on the
// disk, in pieces, and counts when all of one and the same state have come: values
// without their dots would be read by sessions that do not learn what they saw.

// piece is a part of a snapshot. Sender, dots, number of pieces and a sum of the
// requests served name the snapshot that it is of: replicas go on serving while
// their dots of one partition stay what they are, and pieces of two states would
// leave requests out.
type piece struct {
	partition ring.Partition
	origin    uint64 // the sender's incarnation
	at, of    uint32 // which piece of how many, from 0
	sum       uint32 // of all requests served
	clock     uint64 // greatest hybrid time that the sender had met
	applied   gossip.Dots
	values    []heldValue
	clients   []served
}

// heldValue is the value of a kind under a key, encoded.
type heldValue struct {
	key, kind    string
	value        []byte
	writes, deps session.Matrix
}

// served is the last write of a session.
type served struct{ client, req uint64 }

const (
	servedSize = 12      // bytes of a session in a message, about
	markSize   = 4       // and of a mark
	maxPieces  = 1 << 20 // of a snapshot
)

// snapshotOf takes the partition apart in pieces of about BatchBytes, or one value
// where that is larger.
func (r *Replica) snapshotOf(p *partition) []piece {
	head := piece{partition: p.id, origin: r.cfg.Origin, clock: r.clock.last, applied: p.applied}
	pieces, size := []piece{head}, 0
	last := func(more int) *piece {
		if size > 0 && size+more > r.cfg.BatchBytes {
			pieces, size = append(pieces, head), 0
		}
		size += more
		return &pieces[len(pieces)-1]
	}
	for _, c := range p.cells.ascending() {
		for _, s := range c.slots {
			v := heldValue{c.key, s.kind, s.val.Append(nil), s.writes, s.deps}
			x := last(len(v.key) + len(v.kind) + len(v.value) + markSize*(len(v.writes)+len(v.deps)))
			x.values = append(x.values, v)
		}
	}
	var all []byte
	for _, client := range slices.Sorted(maps.Keys(r.clients)) {
		s := served{client, r.clients[client]}
		all = s.append(all)
		x := last(servedSize)
		x.clients = append(x.clients, s)
	}
	for i := range pieces {
		x := &pieces[i]
		x.at, x.of, x.sum = uint32(i), uint32(len(pieces)), crc32.Checksum(all, castagnoli)
	}
	return pieces
}

// sendSnapshot sends all that is held of p and returns about how many bytes that is.
func (r *Replica) sendSnapshot(to ring.NodeID, p *partition) (size int) {
	for _, x := range r.snapshotOf(p) {
		from := len(r.wire)
		b := begin(r.wire, MsgSnapshot)
		b = varint.Append(b, uint64(r.cfg.Self))
		r.wire = seal(x.append(b), from)
		size += len(r.wire) - from
		r.emit(Effect{Kind: EffectSend, To: to, Sends: MsgSnapshot, Msg: r.written(from)})
	}
	return size
}

func (x *piece) append(b []byte) []byte {
	b = varint.Append(b, uint64(x.partition))
	b = varint.Append(b, x.origin)
	b = varint.Append(b, uint64(x.at))
	b = varint.Append(b, uint64(x.of))
	b = varint.Append(b, uint64(x.sum))
	b = varint.Append(b, x.clock)
	b = x.applied.Append(b)
	b = varint.Append(b, uint64(len(x.values)))
	for _, v := range x.values {
		b = appendString(appendString(appendString(b, v.key), v.kind), v.value)
		b = v.deps.Append(session.Row(v.writes).Append(b))
	}
	b = varint.Append(b, uint64(len(x.clients)))
	for _, s := range x.clients {
		b = s.append(b)
	}
	return b
}

func (s served) append(b []byte) []byte { return varint.Append(varint.Append(b, s.client), s.req) }

// decodePiece reads a piece that shares the memory of body, but for its dots.
func (in *inbox) decodePiece(body []byte) (piece, error) {
	r := reader{b: body}
	in.marks = in.marks[:0]
	x := piece{partition: ring.Partition(r.uint32()), origin: r.uvarint(), at: r.uint32(), of: r.uint32(), sum: r.uint32(), clock: r.clock()}
	x.applied = r.dots(nil)
	for range r.count(5) {
		v := heldValue{key: in.keys.of(r.bytes(MaxKey)), kind: in.kinds.of(r.bytes(maxKindName)), value: r.bytes(MaxMessage)}
		v.writes = session.Matrix(r.row(&in.marks, x.partition))
		v.deps = r.matrix(&in.marks)
		x.values = append(x.values, v)
	}
	for range r.count(2) {
		x.clients = append(x.clients, served{r.uvarint(), r.uvarint()})
	}
	if r.err == nil && (x.at >= x.of || x.of > maxPieces) {
		r.fail(fmt.Sprintf("piece %d of %d", x.at, x.of))
	}
	return x, r.end("snapshot")
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
func (a *assembly) add(x *piece, encoded []byte) [][]byte {
	if a.of != x.of || a.sum != x.sum || a.partition != x.partition || a.origin != x.origin || !slices.Equal(a.applied, x.applied) {
		*a = assembly{partition: x.partition, origin: x.origin, applied: x.applied, of: x.of, sum: x.sum, pieces: make(map[uint32][]byte)}
	}
	a.pieces[x.at] = slices.Clone(encoded)
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
	clock   uint64
	values  []keptValue
	clients []served
}

type keptValue struct {
	key, kind    string
	value        Value
	writes, deps session.Matrix
}

// whole puts the pieces of a snapshot of partition id together.
func (r *Replica) whole(id ring.Partition, pieces [][]byte) (*snapshot, error) {
	s := new(snapshot)
	for _, encoded := range pieces {
		x, err := r.in.decodePiece(encoded)
		if err != nil {
			return nil, err
		}
		s.applied, s.clock = x.applied, max(s.clock, x.clock)
		s.clients = append(s.clients, x.clients...)
		for _, v := range x.values {
			k, known := r.cfg.Kinds.Find(v.kind)
			if !known || r.cfg.Ring.PartitionOf(v.key) != id {
				return nil, fmt.Errorf("%w: unknown kind %q, or key %q in partition %d", ErrMessage, v.kind, v.key, id)
			}
			value, err := k.Decode(v.value)
			if err != nil {
				return nil, err
			}
			s.values = append(s.values, keptValue{v.key, v.kind, value, v.writes.Clone(), v.deps.Clone()})
		}
	}
	return s, nil
}

// receivePiece takes in a piece of a snapshot; false rejects it. Like deltas, the
// whole becomes durable first and visible then, and then its sender is told.
func (r *Replica) receivePiece(from int, body []byte) bool {
	head := reader{b: body}
	sender := ring.NodeID(head.uint32())
	encoded := head.rest()
	x, err := r.in.decodePiece(encoded)
	if err != nil || sender != r.peers[from].id || int(x.partition) >= r.cfg.Ring.Partitions() {
		return false
	}
	p := r.partition(x.partition)
	if !p.owned || !p.shared[from] {
		return false
	}
	if !p.wrote(r.cfg.Origin, x.applied) {
		return false
	}
	if r.clock.ahead(x.clock, r.now, r.cfg.MaxAheadMS) {
		r.stats.Ahead++ // it is sent again, and taken once this host's clock has come near
		return true
	}
	r.peers[from].gap, r.peers[from].next = 1, 0
	if r.has(p, x.applied) {
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
	r.learn(s)
	b := r.newBatch(p)
	b.snap = s
	for _, encoded := range pieces {
		r.token++
		from := len(r.wire)
		r.wire = append(append(r.wire, pieceVersion), encoded...)
		r.emit(Effect{Kind: EffectPersist, Token: r.token, Msg: r.written(from)})
	}
	b.token = r.token
	r.batches = append(r.batches, b)
	p.pending++
}

// learn takes in what of a snapshot concerns all of the replica.
func (r *Replica) learn(s *snapshot) {
	r.clock.Observe(s.clock)
	for _, c := range s.clients {
		r.remember(c.client, c.req)
	}
}

// absorb makes a durable snapshot visible. Its deltas are not in the log, so peers
// may be short of them now.
func (r *Replica) absorb(p *partition, s *snapshot) {
	if !p.applied.MergeIn(s.applied) {
		return
	}
	p.rev++
	for _, v := range s.values {
		held, _ := p.slot(v.key, v.kind)
		if held != nil {
			held.val.MergeIn(v.value)
		} else {
			held = p.place(v.key, v.kind, v.value.Clone())
		}
		held.writes.MergeIn(v.writes)
		held.deps.MergeIn(v.deps)
	}
	r.stats.Snapshots++
	p.bare = true
	for at := range r.peers {
		switch id := r.peers[at].id; {
		case !p.shared[at] || p.need[at] == needWord:
		case p.log.Heard(id) == 0:
			p.needs(at, needWord)
		default:
			p.reckon(at, id)
		}
	}
}

// recoverPiece reads back a piece that was persisted.
func (r *Replica) recoverPiece(encoded []byte, past *assembly) error {
	x, err := r.in.decodePiece(encoded)
	if err != nil {
		return err
	}
	if int(x.partition) >= r.cfg.Ring.Partitions() {
		return fmt.Errorf("%w: partition %d of %d", ErrMessage, x.partition, r.cfg.Ring.Partitions())
	}
	pieces := past.add(&x, encoded)
	if pieces == nil {
		return nil
	}
	s, err := r.whole(x.partition, pieces)
	if err != nil {
		return err
	}
	r.learn(s)
	r.absorb(r.partition(x.partition), s)
	return nil
}
