// Package disk is the faulty storage of the simulator: a log device for each node
// that outlives the node's crashes (semantics of the design, section 4).
//
// A record appended is pending until the device reports it durable, in order of
// appending. A crash keeps all that is durable and, of the pending tail, what the
// decision disk.crash says: nothing (0), a whole prefix, or a prefix and a torn
// record after it. Records are framed with length and CRC-32C, so that a torn one
// is found when the log is read, and cut off.
//
//	site        key              answer other than 0
//	disk.slow   append           which of eight doubling latencies is added
//	disk.crash  crash            how much of the pending tail survives
//
// Both are asked only with [sim.Options.DiskFaults] in force. [FS] is a whole file
// system with faults of its own, as an interface on which real engines run.
//
// The package refuses to lose what it reported durable: a log only when told to
// [Log.Rewind], a file system only to rot and misdirected writes, within a
// [Budget] that can keep a copy intact.
package disk

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"

	"github.com/joinery-go/joinery/gen/choice"
	"github.com/joinery-go/joinery/sim"
)

// ErrFull reports a log that would grow beyond [Options.MaxBytes]. It stops the
// world: a bound of the simulation was chosen too small.
var ErrFull = errors.New("sim/disk: log is full")

// Options describe a log device. The zero value of a field stands for its default.
type Options struct {
	// Latency is the time from an append to its completion, 200 µs by default.
	// Completions keep the order of appends, so a slow one holds up the next.
	Latency sim.Time
	// SlowPermille is how often a random source makes an append slow, 50 by default.
	SlowPermille int
	// SurvivePermille is how often a random source lets some of the pending tail
	// survive a crash, 500 by default.
	SurvivePermille int
	// MaxBytes bounds the log, frames included, 64 MiB by default.
	MaxBytes int
}

// Log is the device of one node: a sequence of records.
type Log struct {
	opts    Options
	frames  []byte    // all frames: the durable ones, then the pending ones
	durable int       // bytes of frames that a crash cannot touch
	pending []pending // appended, not yet durable, in order
	ready   sim.Time  // when the last pending append completes
	dirty   bool      // a torn record ends the durable frames, not yet cut off
	torn    int64
}

type pending struct {
	token uint64
	size  int // of its frame
}

// NewLog returns an empty log. Negative options are taken for their defaults.
func NewLog(o Options) *Log {
	l := new(Log)
	l.Reset(o)
	return l
}

// Reset makes l an empty log in the memory of what it was.
func (l *Log) Reset(o Options) {
	if o.Latency <= 0 {
		o.Latency = 200 * sim.Microsecond
	}
	if o.SlowPermille <= 0 {
		o.SlowPermille = 50
	}
	if o.SurvivePermille <= 0 {
		o.SurvivePermille = 500
	}
	if o.MaxBytes <= 0 {
		o.MaxBytes = 64 << 20
	}
	*l = Log{opts: o, frames: l.frames[:0], pending: l.pending[:0]}
}

// Of returns the log attached to the acting node, or nil if it has none.
func Of(c *sim.Context) *Log {
	l, _ := c.Device().(*Log)
	return l
}

const slowSteps = 8

// Append adds a copy of record to the log. When it is durable, with everything
// before it, the actor's Persisted is called with token. Should the log be full,
// the world stops with ErrFull.
func (l *Log) Append(c *sim.Context, token uint64, record []byte) {
	if !c.Effect() {
		return
	}
	l.cutTorn()
	size := frameHeader + len(record)
	if len(l.frames)+size > l.opts.MaxBytes {
		c.Fail(fmt.Errorf("%w: append %d bytes to %d at %v, the bound is %d",
			ErrFull, size, len(l.frames), c.Self(), l.opts.MaxBytes))
		return
	}
	latency := l.opts.Latency
	if v := c.DiskFault("disk.slow", 1+slowSteps, choice.Permille(l.opts.SlowPermille)); v > 0 {
		latency += l.opts.Latency << v
	}
	l.ready = max(l.ready, c.Now()+latency)
	l.pending = append(l.pending, pending{token, size})
	l.frames = appendFrame(l.frames, record)
	c.Complete(l.ready-c.Now(), token)
}

// Complete makes the oldest pending appends up to the one named token durable.
// Completions come in the order of appends, so it is the first of that name.
func (l *Log) Complete(token uint64) {
	for i, p := range l.pending {
		if p.token == token {
			l.sync(i + 1)
			return
		}
	}
}

// sync makes the first n pending records durable.
func (l *Log) sync(n int) {
	for _, p := range l.pending[:n] {
		l.durable += p.size
	}
	l.pending = append(l.pending[:0], l.pending[n:]...)
}

// Crash loses the pending tail but for what a decision keeps: with m records
// pending the answer 2i-1 keeps i-1 of them and a torn part of the next, and 2i
// keeps i whole.
func (l *Log) Crash(c *sim.CrashContext) {
	m := len(l.pending)
	v := c.Choose("disk.crash", 1+2*m, choice.Permille(l.opts.SurvivePermille))
	if v > 0 {
		c.Survived()
		l.sync(v / 2)
		if v%2 == 1 {
			l.durable += 1 + int(c.Hash(uint64(v))%uint64(l.pending[0].size-1))
			l.dirty = true
		}
	}
	l.lose()
}

// lose forgets all that is not durable.
func (l *Log) lose() {
	l.frames, l.pending, l.ready = l.frames[:l.durable], l.pending[:0], 0
}

// Rewind takes the log back to what it was after keep of of parts of its records.
func (l *Log) Rewind(keep, of int) {
	l.cutTorn()
	records, _ := parse(l.frames[:l.durable])
	end := 0
	for _, r := range records[:len(records)*keep/max(of, 1)] {
		end += frameHeader + len(r)
	}
	l.durable = end
	l.lose()
}

// Records returns copies of the records that are in the log, durable or pending,
// oldest first. A torn record at the end is cut off for good.
func (l *Log) Records() [][]byte {
	l.cutTorn()
	records, _ := parse(l.frames)
	return records
}

// cutTorn finds by its frame where a torn record begins and cuts there, before
// anything is appended behind it.
func (l *Log) cutTorn() {
	if !l.dirty {
		return
	}
	_, l.durable = parse(l.frames[:l.durable])
	l.frames = l.frames[:l.durable]
	l.torn++
	l.dirty = false
}

// Torn is the number of torn records found and cut off so far.
func (l *Log) Torn() int64 { return l.torn }

// Size is the number of durable bytes, frames included.
func (l *Log) Size() int { return l.durable }

// A frame is the length of the record and the CRC-32C of length and record, each
// four bytes, least significant first, and the record.
const frameHeader = 8

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func appendFrame(dst, record []byte) []byte {
	from := len(dst)
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(record)))
	sum := crc32.Update(crc32.Checksum(dst[from:], castagnoli), castagnoli, record)
	dst = binary.LittleEndian.AppendUint32(dst, sum)
	return append(dst, record...)
}

// parse reads whole frames from the front of b and returns copies of their
// records and where the first frame that is not whole begins.
func parse(b []byte) (records [][]byte, whole int) {
	for {
		rest := b[whole:]
		if len(rest) < frameHeader {
			return records, whole
		}
		n := uint64(binary.LittleEndian.Uint32(rest))
		if n > uint64(len(rest)-frameHeader) {
			return records, whole
		}
		record := rest[frameHeader : frameHeader+n]
		sum := crc32.Update(crc32.Checksum(rest[:4], castagnoli), castagnoli, record)
		if sum != binary.LittleEndian.Uint32(rest[4:]) {
			return records, whole
		}
		records = append(records, append([]byte(nil), record...))
		whole += frameHeader + int(n)
	}
}
