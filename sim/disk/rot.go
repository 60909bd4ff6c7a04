package disk

import (
	"bytes"
	"slices"

	"github.com/joinery-go/joinery/gen/choice"
	"github.com/joinery-go/joinery/sim"
)

// rot decides whether a bit flips in one copy while the machine is down, in a
// record that is intact in the other.
func (l *Log) rot(c *sim.CrashContext) {
	if len(l.durable) == 0 {
		return
	}
	v := c.StorageFault(sim.Rot, "disk.rot", 3, choice.Permille(l.opts.RotPermille))
	ends := frameEnds(l.durable)
	if v == 0 || len(ends) == 0 {
		return
	}
	bit := c.Hash(uint64(v)) % uint64(8*ends[len(ends)-1])
	if !l.intact(2-v, int(bit/8), int(bit/8)+1) {
		return
	}
	c.Struck(sim.Rot)
	l.spoilable()[v-1][bit/8] ^= 1 << (bit % 8)
}

// misdirect has in one copy the record that stands at a position written over
// older ones instead, as far as those are intact in the other copy.
func (l *Log) misdirect(spoiled, at int, frame []byte) {
	ends := frameEnds(l.durable[:at])
	if len(ends) == 0 {
		return
	}
	start := 0
	if i := int(choice.MixBytes(uint64(at), frame) % uint64(len(ends))); i > 0 {
		start = ends[i-1]
	}
	end := min(start+len(frame), at)
	if !l.intact(1-spoiled, start, end) {
		return
	}
	c := l.spoilable()[spoiled]
	copy(c[start:end], frame)
	clear(c[at : at+len(frame)])
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
	from := 0
	for _, to := range frameEnds(l.durable) {
		if from < end && start < to && !bytes.Equal(l.copies[c][from:to], l.durable[from:to]) {
			return false
		}
		from = to
	}
	return true
}

// frameEnds is where each whole frame of b ends.
func frameEnds(b []byte) (ends []int) {
	at := 0
	for n := frameAt(b, 0); n > 0; n = frameAt(b, at) {
		at += n
		ends = append(ends, at)
	}
	return ends
}

// repair reads both copies, frame by frame whichever is whole, and makes both good.
// What neither has whole is the torn end.
func (l *Log) repair() {
	if l.copies == nil {
		return
	}
	var read []byte
	for {
		at := len(read)
		a, b := frameAt(l.copies[0], at), frameAt(l.copies[1], at)
		if a == 0 && b == 0 {
			break
		}
		if a == 0 || b == 0 {
			l.repaired++
		}
		if a > 0 {
			read = append(read, l.copies[0][at:at+a]...)
		} else {
			read = append(read, l.copies[1][at:at+b]...)
		}
	}
	l.durable = append(read, l.durable[min(len(read), len(l.durable)):]...)
	l.copies = nil
}

// Repaired is the number of records found spoiled in one copy and read from the
// other so far.
func (l *Log) Repaired() int64 { return l.repaired }
