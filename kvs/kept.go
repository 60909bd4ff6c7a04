package kvs

import (
	"errors"
	"fmt"
	"slices"

	"github.com/joinery-go/joinery/kvs/internal/varint"
	"github.com/joinery-go/joinery/kvs/kind"
	"github.com/joinery-go/joinery/kvs/wire"
)

// A replica can keep the values of keys outside of its memory ([Config.Values]). In
// memory are then, of every key, its name, the dots in its value and what these depend on,
// and of the values those that were used last, of [Config.CacheBytes] bytes.
//
// What is outside never runs ahead of what the log says. Values are kept by checkpoints
// and at no other time: each that has changed since it was last kept is put into a slot
// of its own, one that neither the last whole checkpoint names nor a key has its value in;
// the parts of the checkpoint name the slots in place of the values; then all slots are
// made durable ([EffectHarden]); and only then the sessions are written, which make the
// checkpoint count. So a start finds every slot that its checkpoint names as it was when
// that was written, whatever has been put elsewhere since: shadow paging (Lorie, TODS'77).
// It reads no value. The deltas of the records behind are joined to each other, and to
// what the slot has when the value is next needed: a write does not read the value either,
// but that of a counter where a repeat of the same request may be in it, see [Replica.unify].
// A slot that a whole checkpoint names no more is free, and emptied.
//
// A slot says which one it is, and which checkpoint put its value there. One that cannot be read, is empty or
// says something else has lost its value. Then what the replica tells its peers to hold is
// not true any more, and as an incarnation only ever holds more, it has to end: the loss
// is written down, all that the step did from then on is left out, and once the record is
// durable the host is asked to start again ([EffectRestart]). The next incarnation leaves
// the partition out of its checkpoint, as it does where a record of that cannot be read,
// and has its peers bring it up. Where all that was kept is gone ([Values].ID is another),
// that goes for every partition with a kept value. A value that cannot be read for
// another reason, which may pass, has the host start again and nothing written down.
//
// Reads find what is lost only where they look. So all slots are read, a few with each
// tick, after a start and after each checkpoint.

// ErrValueLost is wrapped by [Values.Get] for a slot that cannot be read and will not be.
var ErrValueLost = errors.New("kvs: kept value lost")

// Values is what keeps values, as its replica asked for by [EffectKeep].
type Values interface {
	// ID names what keeps them. It is another than that of whatever kept values of the
	// node before, and not 0.
	ID() uint64
	// Get returns what is kept in a slot, valid until the next call, durable or not;
	// nothing if nothing is. An error that wraps [ErrValueLost] says that this is for
	// good, others that it may be read yet.
	Get(slot uint64) ([]byte, error)
}

// kept is where the value of a slot is. The value is in memory, or in a place outside, or
// both, or some of it here and the rest there.
type kept struct {
	cell   *cell
	at     uint64    // the place; 0 is none
	rest   bool      // what is in memory lacks what is there
	dirty  bool      // what is in memory is not all there
	used   bool      // since it came up for being dropped
	queued bool      // in the keeper's queue
	size   int       // in memory, in bytes, about
	rows   []owedRow // to be taken back from what is there, see [Replica.takeBack]
}

// place is where a value can be kept.
type place struct {
	origin, number uint64 // of the checkpoint that has put there what is there
	size           uint64 // of the value, encoded
	live           bool   // a key has its value there
	named          bool   // by the last whole checkpoint
	naming         bool   // by the one being written
}

// keeper is what a replica knows of the values that are outside.
type keeper struct {
	r     *Replica
	from  Values
	bytes int // in memory
	dirty int // of these, not kept yet
	queue []*kept
	head  int // of queue

	places  []place // by number, from 1
	free    []uint64
	named   []uint64
	naming  []uint64
	scrubAt uint64 // the next place to be read; 0 while there is no need
	again   bool   // all are to be read once more

	owed   []owing         // to be read for that, some with each tick
	copies map[*kept]*kept // while the replica is being cloned

	starting bool // no value is read
	failure  *failure
	halted   uint64 // the token of the record that says what is lost; 0 while the replica goes on
}

// failure is a value that could not be had.
type failure struct {
	lost wire.Slot
	gone bool // for good
	err  error
	out  int // effects given before
}

const (
	maxPlaces  = 1 << 28
	scrubBytes = 64 << 10 // that are read with each tick to see that they can be
)

// grew notes that n bytes were joined to a value in memory.
func (k *keeper) grew(x *kept, n int) {
	if !x.dirty {
		x.dirty = true
		k.dirty += x.size
	}
	x.size += n
	k.bytes += n
	k.dirty += n
}

// clean notes that a value in memory, of n bytes, is kept.
func (k *keeper) clean(x *kept, n int) {
	if x.dirty {
		k.dirty -= x.size
	}
	k.bytes += n - x.size
	x.dirty, x.size = false, n
	k.enqueue(x)
}

func (k *keeper) enqueue(x *kept) {
	if !x.queued {
		x.queued = true
		k.queue = append(k.queue, x)
	}
}

// forget lets go of a value whose key is no longer held.
func (k *keeper) forget(x *kept) {
	if x.dirty {
		k.dirty -= x.size
	}
	k.bytes -= x.size
	x.size, x.dirty = 0, false
	k.leave(x.at)
	x.cell, x.at = nil, 0
}

// evict drops values from memory, those not used for long first, down to the bound. What
// is dirty stays.
func (k *keeper) evict() {
	for k.bytes > k.r.cfg.CacheBytes && k.head < len(k.queue) {
		x := k.queue[k.head]
		k.queue[k.head] = nil
		k.head++
		s := x.slot()
		switch {
		case s == nil || s.val == nil || x.dirty: // it comes again when it is clean
			x.queued = false
		case x.used:
			x.used = false
			k.queue = append(k.queue, x)
		default:
			k.r.values.give(s.val, s.kind)
			s.val, x.queued = nil, false
			k.bytes -= x.size
			x.size = 0
		}
	}
	if k.head > len(k.queue)/2 {
		n := copy(k.queue, k.queue[k.head:])
		clear(k.queue[n:])
		k.queue, k.head = k.queue[:n], 0
	}
}

// slot is the one that x belongs to; nil once it is gone.
func (x *kept) slot() *slot {
	if x.cell != nil {
		for i := range x.cell.slots {
			if x.cell.slots[i].kept == x {
				return &x.cell.slots[i]
			}
		}
	}
	return nil
}

// value is what s holds, all of it and in memory. If that cannot be had it is something
// else, and nothing that is done from there on counts.
func (p *partition) value(s *slot) kind.Value {
	if s.kept == nil {
		return s.val
	}
	k, x := p.keeper, s.kept
	x.used = true
	if s.val != nil && !x.rest {
		p.settleRows(s)
		return s.val
	}
	k.r.stats.Loaded++
	v, n, err := k.read(x, s.kind)
	if err != nil {
		k.fail(x.at, fmt.Errorf("%s %q of partition %d: %w", s.kind, x.cell.key, p.id, err))
		if v = s.val; v == nil {
			v = k.new(s.kind)
		}
		return v
	}
	if s.val == nil {
		s.val = v
		k.enqueue(x)
	} else {
		s.val.MergeIn(v)
		k.r.values.give(v, s.kind)
	}
	p.settleRows(s)
	x.rest = false
	x.size += n
	k.bytes += n
	if x.dirty {
		k.dirty += n
	}
	return s.val
}

// look is what s holds, for one who must not change anything; nil if it cannot be had.
func (p *partition) look(s *slot) kind.Value {
	switch {
	case s.kept == nil, s.val != nil && !s.kept.rest && len(s.kept.rows) == 0:
		return s.val
	case s.val != nil && !s.kept.rest:
		v := s.val.Clone()
		p.keeper.settle(s.kept, v, s.kind, unheard)
		return v
	}
	v, _, err := p.keeper.read(s.kept, s.kind)
	if err != nil {
		return nil
	}
	if s.val != nil {
		v.MergeIn(s.val)
	}
	p.keeper.settle(s.kept, v, s.kind, unheard)
	return v
}

// encoded is the encoding of what s holds. It does not count as use.
func (p *partition) encoded(s *slot) []byte {
	if s.kept != nil && s.val == nil && len(s.kept.rows) == 0 {
		p.keeper.r.stats.Loaded++
		b, err := p.keeper.get(s.kept.at)
		if err != nil {
			p.keeper.fail(s.kept.at, fmt.Errorf("%s %q of partition %d: %w", s.kind, s.kept.cell.key, p.id, err))
		}
		return append([]byte(nil), b...)
	}
	return p.value(s).Append(nil)
}

func (k *keeper) new(name string) kind.Value {
	known, _ := k.r.cfg.Kinds.Find(name)
	return known.New()
}

// read decodes what is kept of x.
func (k *keeper) read(x *kept, name string) (v kind.Value, n int, err error) {
	b, err := k.get(x.at)
	if err != nil {
		return nil, 0, err
	}
	at := k.r.cfg.Kinds.Number(name)
	v = k.r.values.take(k.r.cfg.Kinds.At(at), at)
	if err := k.r.cfg.Kinds.At(at).DecodeInto(v, b); err != nil {
		return nil, 0, fmt.Errorf("%w: slot %d: %w", ErrValueLost, x.at, err)
	}
	return v, len(b), nil
}

// get is the value in a place, if it is the one that was put there.
func (k *keeper) get(at uint64) ([]byte, error) {
	b, err := k.from.Get(at)
	if err != nil {
		return nil, fmt.Errorf("slot %d: %w", at, err)
	}
	if len(b) == 0 {
		return nil, fmt.Errorf("%w: slot %d is empty", ErrValueLost, at)
	}
	slot, i := varint.Next(b, 0)
	origin, i := varint.Next(b, i)
	number, i := varint.Next(b, i)
	if x := &k.places[at]; i < 0 || slot != at || origin != x.origin || number != x.number {
		return nil, fmt.Errorf("%w: slot %d has not what checkpoint %d of incarnation %d put there", ErrValueLost, at, x.number, x.origin)
	}
	return b[i:], nil
}

// fail notes that a place could not be read, unless something failed before.
func (k *keeper) fail(at uint64, err error) {
	if k.failure == nil {
		x := &k.places[at]
		k.failure = &failure{
			lost: wire.Slot{Number: at, Origin: x.origin, Checkpoint: x.number},
			gone: errors.Is(err, ErrValueLost), err: err, out: len(k.r.out),
		}
	}
}

// halt ends the incarnation over a value that could not be had: nothing that came after
// leaves the replica.
func (r *Replica) halt() {
	k := r.keeper
	r.out = r.out[:k.failure.out]
	if !k.failure.gone {
		k.halted = r.token
		r.emit(Effect{Kind: EffectRestart})
		return
	}
	r.stats.Lost++
	from := len(r.wire)
	r.wire = wire.AppendLost(r.wire, k.failure.lost)
	r.record(from)
	k.halted = r.token
}

// ending takes an event after halt: the restart waits for the record of what was lost.
func (r *Replica) ending(ev Event) {
	if !r.keeper.failure.gone || ev.Kind == EventPersisted && ev.Token >= r.keeper.halted {
		r.emit(Effect{Kind: EffectRestart})
	}
}

// Failed says which value could not be read, once that has ended the incarnation.
func (r *Replica) Failed() error {
	if r.keeper == nil || r.keeper.failure == nil {
		return nil
	}
	return r.keeper.failure.err
}

// scrub reads some of what is kept.
func (k *keeper) scrub() {
	for n := 0; k.scrubAt > 0 && k.failure == nil && n < scrubBytes; {
		if k.scrubAt >= uint64(len(k.places)) {
			if k.scrubAt = 0; k.again {
				k.scrubAt, k.again = 1, false
			}
			return
		}
		if k.places[k.scrubAt].named {
			b, err := k.get(k.scrubAt)
			if err != nil {
				k.fail(k.scrubAt, err)
			}
			n += len(b) + 1
		}
		k.scrubAt++
	}
}

// busy reports whether there is something left to do: what the last step has read is let go of with
// the next one.
func (k *keeper) busy() bool {
	return k != nil && (k.failure != nil || k.scrubAt > 0 || len(k.owed) > 0 || k.bytes > max(k.r.cfg.CacheBytes, k.dirty))
}

// stepKeeping is the rest of Step where values are kept outside.
func (r *Replica) stepKeeping(ev Event) []Effect {
	k := r.keeper
	switch {
	case k.failure == nil:
	case k.failure.gone && k.halted == 0: // it came up while the replica recovered
		k.failure.out = 0
		r.halt()
		return r.out
	default:
		r.ending(ev)
		return r.out
	}
	k.evict() // what the last step gave out is no longer valid, and its effects are carried out
	r.event(ev)
	if ev.Kind == EventTick {
		k.pay()
		k.scrub()
	}
	if k.failure != nil {
		r.halt()
	}
	return r.out
}

// CachedBytes is how many bytes of values, encoded, are in memory beside [Config.Values],
// about.
func (r *Replica) CachedBytes() int {
	if r.keeper == nil {
		return 0
	}
	return r.keeper.bytes
}

// append writes what the keeper goes by, but for what is in memory.
func (k *keeper) append(dst []byte) []byte {
	dst = wire.AppendBool(wire.AppendBool(varint.Append(dst, k.scrubAt), k.again), k.failure != nil)
	for i := range k.places {
		x := &k.places[i]
		dst = wire.AppendBool(wire.AppendBool(wire.AppendBool(dst, x.live), x.named), x.naming)
		dst = varint.Append(varint.Append(dst, x.origin), x.number)
	}
	for _, at := range k.free {
		dst = varint.Append(dst, at)
	}
	return dst
}

// clone is a copy, but for what copyOf and cloned add, which reads from the same Values.
func (k *keeper) clone(r *Replica) *keeper {
	if k == nil {
		return nil
	}
	c := *k
	c.r, c.queue, c.head = r, nil, 0
	c.places, c.free = slices.Clone(k.places), slices.Clone(k.free)
	c.named, c.naming = slices.Clone(k.named), slices.Clone(k.naming)
	c.owed, c.copies = nil, make(map[*kept]*kept)
	return &c
}

// copyOf is x in a copy of its cell.
func (k *keeper) copyOf(x *kept, c *cell) *kept {
	if x == nil {
		return nil
	}
	y := *x
	y.cell, y.rows = c, slices.Clone(x.rows)
	k.copies[x] = &y
	return &y
}

// cloned ends what clone began.
func (k *keeper) cloned(of *keeper) {
	if k == nil {
		return
	}
	for _, x := range of.queue[of.head:] {
		if y := k.copies[x]; y != nil {
			k.queue = append(k.queue, y)
		}
	}
	for _, o := range of.owed {
		if y := k.copies[o.x]; y != nil {
			k.owed = append(k.owed, owing{k.r.byID[o.p.id], y})
		}
	}
	k.copies = nil
}
