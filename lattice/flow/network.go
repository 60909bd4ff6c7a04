package flow

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"sync"

	"github.com/joinery-go/joinery/lattice"
)

// castagnoli is the polynomial of the checksums of packets.
var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Outbox is the sending end of a channel between machines. Whatever carries its
// packets may drop, duplicate and reorder them: every packet holds the whole value,
// and the other end keeps the largest it has seen. Its methods belong to the
// goroutine that runs the graph; others use [Scheduler.Do].
type Outbox[T any] struct {
	cell        *cell[T]
	incarnation uint64
	codec       lattice.Caps[T]
	acked       uint64 // the greatest number the other end has
}

// Publish is an outbox of s. The merge of s must have a codec. A sender that starts
// anew takes an incarnation that it never had before, so that acknowledgements meant
// for another life of it are not taken for its own.
func Publish[T any](s State[T], incarnation uint64) *Outbox[T] {
	n := lost(s.Graph()).add("publish", publishRule)
	o := &Outbox[T]{cell: readState(s, n, ""), incarnation: incarnation}
	o.codec = lattice.CapsOf(o.cell.m)
	n.need(o.codec.Append != nil, "a merge without a codec")
	n.onWake = func() {}
	return o
}

// number grows with the value and with its becoming final.
func (o *Outbox[T]) number() uint64 {
	number := 2 * o.cell.ver
	if o.cell.done {
		number++
	}
	return number
}

// Pending reports that the other end has not acknowledged the value there is.
func (o *Outbox[T]) Pending() bool {
	return (o.cell.has || o.cell.done) && o.codec.Append != nil && o.acked < o.number()
}

// Packet is what to send: the newest value, or nothing where it is acknowledged.
// Since packets may be lost, it is asked for again, on a timer, while it is pending.
func (o *Outbox[T]) Packet() ([]byte, bool) {
	if !o.Pending() {
		return nil, false
	}
	p := make([]byte, 4, 32)
	p = binary.AppendUvarint(p, o.incarnation)
	p = binary.AppendUvarint(p, o.number())
	if o.cell.has {
		p = o.codec.Append(append(p, 1), o.cell.val)
	} else {
		p = append(p, 0)
	}
	return seal4(p), true
}

// Acknowledge takes an acknowledgement of the other end, in any order and any number.
func (o *Outbox[T]) Acknowledge(ack []byte) error {
	h, rest, err := header(ack)
	switch {
	case err != nil:
		return o.cell.n.err(err, "")
	case len(rest) != 0:
		return o.cell.n.err(fmt.Errorf("%w: %d bytes after an acknowledgement", ErrPacket, len(rest)), "")
	case h.incarnation == o.incarnation && h.number <= o.number():
		o.acked = max(o.acked, h.number)
	}
	return nil
}

// Reset forgets what was acknowledged, for another end that has lost what it had.
func (o *Outbox[T]) Reset() { o.acked = 0 }

// Inbox is the receiving end of a channel between machines. It is used from any
// goroutine.
type Inbox[T any] struct {
	n     *node
	m     lattice.Merge[T]
	codec lattice.Caps[T]
	limit int

	mu     sync.Mutex
	val    T
	has    bool
	final  bool
	asleep bool // the graph has all of val
}

// Subscribed is the state that one [Outbox] publishes elsewhere, and the inbox its
// packets are delivered to. Packets of more than limit bytes are refused.
func Subscribed[T any](g *Graph, m lattice.Merge[T], limit int) (*Inbox[T], State[T]) {
	n := lost(g).add("subscribed", sourceRule)
	n.external = true
	n.need(m != nil, "a nil merge")
	m = orNone(m)
	in := &Inbox[T]{n: n, m: m, codec: lattice.CapsOf(m), limit: limit}
	n.need(in.codec.Decode != nil, "a merge without a codec")
	n.need(limit > 0, "a limit that is not positive")
	s := newState(n, m)
	if b := in.codec.Bottom; b != nil {
		s.cell.begin(b())
	}
	n.task = &task{n: n, run: func() status { return in.run(s.cell) }}
	return in, s
}

// Deliver takes a packet and is the acknowledgement to send back. A packet that is
// malformed changes nothing. Values that are not above what was seen are ignored. A value
// that would raise one that is final already, as of another life of the sender, is
// [ErrSealBroken]: it changes nothing and is not acknowledged.
func (in *Inbox[T]) Deliver(packet []byte) (ack []byte, err error) {
	if len(packet) > in.limit {
		return nil, in.n.err(fmt.Errorf("%w: a packet of %d bytes, more than %d", ErrBound, len(packet), in.limit), "")
	}
	h, rest, err := header(packet)
	if err != nil {
		return nil, in.n.err(err, "")
	}
	v, has, err := in.decode(rest)
	if err != nil {
		return nil, in.n.err(err, "")
	}
	if err := in.accept(v, has, h.number%2 == 1); err != nil {
		return nil, err
	}
	ack = binary.AppendUvarint(make([]byte, 4, 24), h.incarnation)
	return seal4(binary.AppendUvarint(ack, h.number)), nil
}

// accept merges a value, and keeps that it is the last.
func (in *Inbox[T]) accept(v T, has, last bool) error {
	in.mu.Lock()
	defer in.mu.Unlock()
	switch {
	case has && in.final && (!in.has || !in.m.Compare(v, in.val).Leq()):
		return in.n.err(fmt.Errorf("%w: a packet raises a value that is final", ErrSealBroken), "publish what is not final, or subscribe anew")
	case has && in.has:
		in.m.MergeIn(&in.val, v)
	case has:
		in.val, in.has = v, true
	}
	in.final = in.final || last
	if in.asleep {
		in.asleep = false
		in.n.post()
	}
	return nil
}

func (in *Inbox[T]) decode(src []byte) (v T, has bool, err error) {
	if len(src) == 0 || src[0] > 1 || src[0] == 0 && len(src) > 1 {
		return v, false, fmt.Errorf("%w: no value", ErrPacket)
	}
	if src[0] == 0 {
		return v, false, nil
	}
	v, rest, err := in.codec.Decode(src[1:])
	if err != nil {
		return v, false, fmt.Errorf("%w: %w", ErrPacket, err)
	}
	if len(rest) > 0 {
		return v, false, fmt.Errorf("%w: %d bytes after the value", ErrPacket, len(rest))
	}
	return v, true, nil
}

func (in *Inbox[T]) run(c *cell[T]) status {
	c.resume()
	in.mu.Lock()
	var v T
	has, final := in.has, in.final
	if has {
		v = in.m.Clone(in.val)
	}
	in.asleep = true
	in.mu.Unlock()
	if has {
		if st := c.rise(v); st != ready {
			return st
		}
	}
	in.n.ends = final
	return follow(final, c)
}

// packetHeader is what packets and acknowledgements begin with, after a checksum.
type packetHeader struct{ incarnation, number uint64 }

func header(p []byte) (h packetHeader, rest []byte, err error) {
	if len(p) < 4 {
		return h, nil, fmt.Errorf("%w: %d bytes", ErrPacket, len(p))
	}
	if binary.LittleEndian.Uint32(p) != crc32.Checksum(p[4:], castagnoli) {
		return h, nil, fmt.Errorf("%w: its checksum differs", ErrPacket)
	}
	rest = p[4:]
	for _, field := range []*uint64{&h.incarnation, &h.number} {
		v, k := binary.Uvarint(rest)
		if k <= 0 {
			return h, nil, fmt.Errorf("%w: its header ends early", ErrPacket)
		}
		*field, rest = v, rest[k:]
	}
	return h, rest, nil
}

// seal4 writes the checksum of p into its first four bytes.
func seal4(p []byte) []byte {
	binary.LittleEndian.PutUint32(p, crc32.Checksum(p[4:], castagnoli))
	return p
}
