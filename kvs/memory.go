package kvs

import (
	"fmt"
	"slices"

	"github.com/joinery-go/joinery/kvs/gossip"
	"github.com/joinery-go/joinery/kvs/kind"
	"github.com/joinery-go/joinery/kvs/ring"
	"github.com/joinery-go/joinery/kvs/session"
	"github.com/joinery-go/joinery/kvs/wire"
)

// scratch is memory that is used again, and no part of the state.
type scratch struct {
	in         wire.DecodeBuffer
	arena      arena
	values     valuePool
	out        []Effect
	wire       []byte // of the effects' messages
	value      []byte
	past       session.Matrix
	own        session.Matrix
	sealer     *session.Notary
	items      []wire.Item
	offers     []gossip.Entry
	offerTo    gossip.Dots    // what the peer that mayOffer is asked about is known to hold
	offerSince uint64         // since when that peer is heard again
	accepts    []gossip.Entry // of the effects that announce them
	free       []*batch
	spare      []*partition
}

// batch is what one record makes durable.
type batch struct {
	first   uint64 // token of the first of its records, mostly the only one
	token   uint64 // and of the last
	part    *partition
	entries []gossip.Entry
	bytes   int // of these, as in messages
	deltas  []kind.Value
	in      *intake       // of which a piece is persisted; nil mostly
	from    int           // the peer that has sent it
	ask     uint64        // that it answers
	stops   bool          // it is the last one that does
	touched wire.Touched  // values that are marked; its dot is zero mostly
	answers bool          // it is the write of a client, which awaits
	respond wire.Response // this
	past    session.Matrix
	own     session.Matrix
}

func (r *Replica) newBatch(p *partition) *batch {
	n := len(r.free)
	if n == 0 {
		return &batch{part: p}
	}
	b := r.free[n-1]
	r.free = r.free[:n-1]
	b.part = p
	return b
}

const maxFree = 64 // batches, and values of each kind, kept for reuse

func (r *Replica) recycle(b *batch) {
	if len(r.free) >= maxFree {
		return
	}
	for i, v := range b.deltas {
		r.values.give(v, b.entries[i].Kind)
	}
	clear(b.entries)
	clear(b.deltas)
	*b = batch{entries: b.entries[:0], deltas: b.deltas[:0], past: b.past[:0], own: b.own[:0]}
	r.free = append(r.free, b)
}

// values are deltas that have been merged, by number of their kind, whose memory
// is used again. There is a pool a set of kinds.
type valuePool struct {
	kinds *kind.Kinds
	free  [][]kind.Value
	other []valuePool // pools of other kinds, not in use
}

func (vs *valuePool) take(k kind.Kind, at int) kind.Value {
	if n := len(vs.free[at]); n > 0 {
		v := vs.free[at][n-1]
		vs.free[at] = vs.free[at][:n-1]
		return v
	}
	return k.New()
}

func (vs *valuePool) give(v kind.Value, kind string) {
	if at := vs.kinds.Number(kind); at >= 0 && len(vs.free[at]) < maxFree {
		vs.free[at] = append(vs.free[at], v)
	}
}

// copyOf is a value of the pool that equals delta, which is the decoded one of e.
func (vs *valuePool) copyOf(e *gossip.Entry, delta kind.Value) kind.Value {
	at := vs.kinds.Number(e.Kind)
	v := vs.take(vs.kinds.At(at), at)
	if err := vs.kinds.At(at).DecodeInto(v, e.Delta); err != nil {
		return delta.Clone() // unreachable: the same bytes gave delta
	}
	return v
}

// of makes the pool one for these kinds.
func (vs *valuePool) of(kinds *kind.Kinds) {
	if vs.kinds == kinds {
		return
	}
	const maxPools = 4
	fresh, other := valuePool{kinds: kinds}, vs.other
	if at := slices.IndexFunc(other, func(o valuePool) bool { return o.kinds == kinds }); at >= 0 {
		fresh = other[at]
		other = slices.Delete(other, at, at+1)
	} else {
		fresh.free = make([][]kind.Value, kinds.Len())
	}
	if vs.kinds != nil && len(other) < maxPools {
		other = append(other, valuePool{kinds: vs.kinds, free: vs.free})
	}
	fresh.other = other
	*vs = fresh
}

// memory holds what entries of a log point to, in chunks, since each is small and
// all of a time are forgotten at about the same time.
type arena struct {
	bytes []byte
	marks []session.Mark
}

const (
	chunkBytes = 4 << 10
	chunkMarks = 64
)

// rewind forgets all that was kept.
func (m *arena) rewind() { m.bytes, m.marks = m.bytes[:0], m.marks[:0] }

// own has e share nothing which changes.
func (m *arena) own(e *gossip.Entry) {
	e.Delta, e.Deps = m.copy(e.Delta), session.Matrix(m.copyMarks(e.Deps))
}

func (m *arena) copy(b []byte) []byte {
	if len(b) > chunkBytes/4 {
		return slices.Clone(b)
	}
	if len(b) > cap(m.bytes)-len(m.bytes) {
		m.bytes = make([]byte, 0, chunkBytes)
	}
	from := len(m.bytes)
	m.bytes = append(m.bytes, b...)
	return m.bytes[from:len(m.bytes):len(m.bytes)]
}

func (m *arena) copyMarks(marks []session.Mark) []session.Mark {
	switch {
	case len(marks) == 0:
		return nil
	case len(marks) > chunkMarks/4:
		return slices.Clone(marks)
	case len(marks) > cap(m.marks)-len(m.marks):
		m.marks = make([]session.Mark, 0, chunkMarks)
	}
	from := len(m.marks)
	m.marks = append(m.marks, marks...)
	return m.marks[from:len(m.marks):len(m.marks)]
}

// errPartition says that a record is of a partition which the ring does not have.
func errPartition(id ring.Partition, r *ring.Ring) error {
	return fmt.Errorf("%w: partition %d of %d", wire.ErrMessage, id, r.Partitions())
}

// decodeDelta decodes the delta of e into a value of the pool; a barrier has none.
func (r *Replica) decodeDelta(e *gossip.Entry) (kind.Value, error) {
	if e.Kind == barrier {
		return nil, nil
	}
	at := r.cfg.Kinds.Number(e.Kind)
	if at < 0 {
		return nil, fmt.Errorf("%w: unknown kind %q", wire.ErrMessage, e.Kind)
	}
	k := r.cfg.Kinds.At(at)
	v := r.values.take(k, at)
	if err := k.DecodeInto(v, e.Delta); err != nil {
		return nil, fmt.Errorf("%w: %w", wire.ErrMessage, err)
	}
	return v, nil
}
