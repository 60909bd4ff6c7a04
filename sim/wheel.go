package sim

import "math/bits"

// The wheel's geometry. A bucket spans 2^bucketShift ns, about 65 µs, below the
// usual latency of a simulated link, so that a bucket seldom grows while it is
// being emptied; the wheel spans 4096 buckets, about 268 ms, beyond which only
// rare events lie. 4096 = 64·64 lets two levels of 64-bit words find the next
// bucket in use in a few instructions.
const (
	bucketShift = 16
	bucketCount = 4096
	bucketMask  = bucketCount - 1
)

// wheel is a priority queue of events in the order (at, ord). Events of the open
// bucket sit in a small heap, those of the next 4095 buckets in unordered lists,
// and those farther away in a heap of their own. Push and pop are O(1) but for
// the open bucket and the far heap, which are O(log of their size).
type wheel struct {
	slots []event
	free  int32 // head of the free list in slots, -1 if none
	size  int
	ord   uint64

	open   int64 // absolute number of the open bucket; all earlier ones are empty
	near   entryHeap
	far    entryHeap
	heads  [bucketCount]int32 // 1 + slot, 0 if empty
	used   [bucketCount / 64]uint64
	usedUp uint64 // bit i: used[i] is not 0
}

// reset empties the wheel and keeps its memory.
func (q *wheel) reset() {
	q.slots = q.slots[:0]
	q.free = -1
	q.size, q.ord, q.open = 0, 0, 0
	q.near, q.far = q.near[:0], q.far[:0]
	q.heads = [bucketCount]int32{}
	q.used = [bucketCount / 64]uint64{}
	q.usedUp = 0
}

// len is the number of pending events.
func (q *wheel) len() int { return q.size }

// add reserves a slot for an event at the given time, puts it in order and
// returns it for the caller to fill in; at and ord are set. The pointer is valid
// until the next add.
func (q *wheel) add(at Time) *event {
	slot := q.free
	if slot >= 0 {
		q.free = q.slots[slot].next
	} else {
		slot = int32(len(q.slots))
		q.slots = append(q.slots, event{})
	}
	ev := &q.slots[slot]
	ev.at, ev.ord = at, q.ord
	q.ord++
	q.size++
	b := int64(at) >> bucketShift
	switch {
	case b <= q.open:
		q.near.push(entry{at, ev.ord, slot})
	case b-q.open < bucketCount:
		i := b & bucketMask
		ev.next = q.heads[i] - 1
		q.heads[i] = slot + 1
		q.used[i>>6] |= 1 << (i & 63)
		q.usedUp |= 1 << (i >> 6)
	default:
		q.far.push(entry{at, ev.ord, slot})
	}
	return ev
}

// peek returns the time of the next event, or false if there is none.
func (q *wheel) peek() (Time, bool) {
	if len(q.near) == 0 && !q.advance() {
		return 0, false
	}
	return q.near[0].at, true
}

// pop copies the next event into ev and frees its slot, or reports false if
// there is none.
func (q *wheel) pop(ev *event) bool {
	if len(q.near) == 0 && !q.advance() {
		return false
	}
	var slot int32
	if len(q.near) == 1 {
		slot = q.near[0].slot
		q.near = q.near[:0]
	} else {
		slot = q.near.pop().slot
	}
	s := &q.slots[slot]
	*ev = *s
	s.next = q.free
	q.free = slot
	q.size--
	return true
}

// advance opens the next bucket that holds an event.
func (q *wheel) advance() bool {
	b, ok := q.nextUsed()
	if len(q.far) > 0 {
		if f := int64(q.far[0].at) >> bucketShift; !ok || f < b {
			b, ok = f, true
		}
	}
	if !ok {
		return false
	}
	// Whatever the list holds belongs to this very bucket: lists reach less than
	// one turn ahead, and b is the first in use.
	i := b & bucketMask
	near := q.near
	for s := q.heads[i]; s != 0; {
		ev := &q.slots[s-1]
		near = append(near, entry{ev.at, ev.ord, s - 1})
		s = ev.next + 1
	}
	q.heads[i] = 0
	q.used[i>>6] &^= 1 << (i & 63)
	if q.used[i>>6] == 0 {
		q.usedUp &^= 1 << (i >> 6)
	}
	q.open = b
	for len(q.far) > 0 && int64(q.far[0].at)>>bucketShift == b {
		near = append(near, q.far.pop())
	}
	q.near = near
	if len(near) > 1 {
		near.order()
	}
	return true
}

// nextUsed finds the first bucket in use after the open one, in turn order.
func (q *wheel) nextUsed() (int64, bool) {
	if q.usedUp == 0 {
		return 0, false
	}
	start := uint64(q.open+1) & bucketMask
	w, bit := start>>6, start&63
	if m := q.used[w] >> bit; m != 0 {
		return q.open + 1 + int64(bits.TrailingZeros64(m)), true
	}
	// Rotated so that word w+1 comes first and the head of word w last.
	turn := bits.RotateLeft64(q.usedUp, -int(w+1)&63)
	step := uint64(bits.TrailingZeros64(turn))
	i := (w + 1 + step) & 63
	slot := i<<6 + uint64(bits.TrailingZeros64(q.used[i]))
	return q.open + 1 + int64((slot-start)&bucketMask), true
}
