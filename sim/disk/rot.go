package disk

import (
	"bytes"
	"slices"

	"github.com/joinery-go/joinery/gen/choice"
	"github.com/joinery-go/joinery/sim"
)

// rot decides whether a bit flips while the machine is down: in one copy, in a record
// that is intact in the other, or in both.
func (l *Log) rot(c *sim.CrashContext) {
	if l.Size() == 0 {
		return
	}
	v := c.StorageFault(sim.Rot, "disk.rot", 1+bothCopies, choice.Permille(l.opts.RotPermille))
	if v == 0 {
		return
	}
	found, _ := frames(l.base, l.durable)
	if len(found) == 0 {
		return
	}
	end := found[len(found)-1].to
	bit := 8*uint64(l.base) + c.Hash(uint64(v))%uint64(8*(end-l.base))
	if v != bothCopies && !l.intact(2-v, int(bit/8), int(bit/8)+1) {
		return
	}
	c.Struck(sim.Rot)
	for i, b := range l.spoilable() {
		if v == bothCopies || v == i+1 {
			b[bit/8] ^= 1 << (bit % 8)
		}
	}
}

// bothCopies is the answer, of those to what is spoiled, that stands for both of the
// copies and not for one.
const bothCopies = 3

// misdirect has the record that stands at a position written over older ones instead:
// in one copy, as far as those are intact in the other, or in both.
func (l *Log) misdirect(spoiled, at int, written []byte) {
	found, _ := frames(l.base, l.durable[:at])
	if len(found) == 0 {
		return
	}
	start := found[choice.MixBytes(uint64(at), written)%uint64(len(found))].from
	end := min(start+len(written), at)
	if spoiled != bothCopies && !l.intact(2-spoiled, start, end) {
		return
	}
	for i, b := range l.spoilable() {
		if spoiled == bothCopies || spoiled == i+1 {
			copy(b[start:end], written)
			clear(b[at : at+len(written)])
		}
	}
}

// spoilable is the two copies, told apart from now on.
func (l *Log) spoilable() *[2][]byte {
	if l.copies == nil {
		l.copies = &[2][]byte{slices.Clone(l.durable), slices.Clone(l.durable)}
	}
	return l.copies
}

// intact reports whether a copy holds, whole, every record that overlaps the bytes
// from start to end: the budget that leaves a copy of each.
func (l *Log) intact(c, start, end int) bool {
	if l.copies == nil {
		return true
	}
	found, _ := frames(l.base, l.durable)
	for _, f := range found {
		if f.from < end && start < f.to && !bytes.Equal(l.copies[c][f.from:f.to], l.durable[f.from:f.to]) {
			return false
		}
	}
	return true
}

// read finds what stands whole in either copy, makes both good with that, and cuts off
// what is behind the last of it. What is whole in neither, and not behind all that is,
// remains unreadable.
func (l *Log) read() []frame {
	var found []frame
	end := l.base
	if l.copies == nil {
		found, l.unreadable = frames(l.base, l.durable)
	} else {
		found, l.unreadable = frames(l.base, l.copies[0], l.copies[1])
		l.mend(found)
	}
	if n := len(found); n > 0 {
		end = found[n-1].to
	}
	l.durable = l.durable[:end]
	if l.dirty {
		l.torn++
		l.dirty = false
	}
	return found
}

// mend makes both copies what has been found, and notes the records that have not.
func (l *Log) mend(found []frame) {
	was, _ := frames(l.base, l.durable)
	at := 0
	for _, f := range was {
		for at < len(found) && found[at].from < f.from {
			at++
		}
		if at == len(found) || found[at].from != f.from {
			l.lost = append(l.lost, slices.Clone(l.durable[f.from+frameHeader:f.to]))
			clear(l.durable[f.from:f.to])
		}
	}
	for _, f := range found {
		if frameAt(l.copies[0], f.from) == 0 || frameAt(l.copies[1], f.from) == 0 {
			l.repaired++
		}
	}
	l.copies = nil
}

// Repaired is the number of records found spoiled in one copy and read from the
// other so far.
func (l *Log) Repaired() int64 { return l.repaired }

// Unreadable is the number of stretches, of a record or more each, that the last
// [Log.Records] left out since they were spoiled in both copies. Where nothing can be
// read behind one it does not count: it cannot be told from a torn end.
func (l *Log) Unreadable() int { return l.unreadable }

// TakeLost is what only the simulator can know: the records found unreadable since it
// was last called, as they were written.
func (l *Log) TakeLost() [][]byte {
	lost := l.lost
	l.lost = nil
	return lost
}
