// Package disk is the faulty storage of the simulator: a log device for each node
// that outlives the node's crashes.
//
// A record appended is pending until the device reports it durable, in order of
// appending. A crash keeps all that is durable and, of the pending tail, what the
// decision disk.crash says: nothing (0), a whole prefix, or a prefix and a torn
// record after it. Records are framed with length and CRC-32C, so that a torn one
// is found when the log is read, and cut off.
//
//	site            key       class       answer other than 0
//	disk.slow       append    disk        which of eight doubling latencies is added
//	disk.crash      crash     disk        how much of the pending tail survives
//	disk.names      crash     disk        how many of the files removed last are there again
//	disk.write      append    disk-error  1 EIO, 2 ENOSPC, 3 half of the record is written, then EIO
//	disk.sync       append    disk-error  its completion fails; it never becomes durable
//	disk.remove     truncate  disk-error  no file is removed
//	disk.rot        crash     rot         1 or 2: the copy in which a bit flips; 3: it flips in both
//	disk.misdirect  append    rot         1 or 2: the copy in which the record lands on older ones; 3: in both
//	disk.replace    replace   disk-error  writing the file fails as disk.write (1 to 3); 4 its sync, 5 its renaming, 6 the sync of the directory
//	disk.unlink     remove    disk-error  the file is not removed
//	disk.renamed    crash     disk        how many of the replacements under way are made
//	disk.unlinked   crash     disk        a change of a name survives that no sync of the directory followed
//	disk.fileRot    crash     rot         as disk.rot, of a file
//
// Each class is asked only while it is in force. After a failed write or sync a
// process can only stop, as databases have learnt ([sim.Context.Abort]). What rots
// is one of two copies, and never both of one record, so that reading finds and
// repairs it; or it is both, and then reading cuts out what it finds in neither. [FS] is a whole file system with faults of its own, as an interface
// on which real engines run.
//
// Which of the two has which faults:
//
//	fault                                          Log  FS
//	unsynced data lost, in part, or torn           yes  yes; of each write, in any order
//	failed or short write, no space, failed sync   yes  yes
//	flipped bit, misdirected write                 yes  yes
//	slow sync                                      yes  no: it has no time of its own
//	old or empty disk                              yes  no
//	failed or short read, failed open              no   yes
//	removal of a file lost                         yes  yes; in any order
//	failed removal                                 yes  yes
//	rename lost, or failed                         yes, of files beside it  yes
//	rename or link reordered                       no   yes
//
// A log is a row of files, each named by the position at which it begins. A record goes
// to the last one; when that has [Options].SegmentBytes, it begins another, and is
// durable no sooner than the name of that. [Log.Truncate] removes whole files, oldest
// first, whose names are durably gone with the first record durable in a file that was
// begun later. A crash before that may bring files back. Where one is back and a later
// one is not, reading begins behind the gap, so that what counts is how many of the last
// ones are back. Names of files that were begun and are not durable are lost with their
// records, which the answer to disk.crash decides. None of them is ever renamed. A log is
// read but once, when the node starts, where an error would be no more than a later start.
//
// Beside a log, in a directory of their own, lie whole files that [Log.Replace] replaces
// atomically, for snapshots and checkpoints: once one is durable, what of the log it stands
// in for can be truncated. Of the four steps of that nothing shows but whether all were
// made; that this is so of a file system with the faults of [FS], whatever of unsynced
// bytes and names it loses, tears or keeps, a test holds at every point of a crash.
//
// The package refuses to lose what it reported durable: a log only when told to
// [Log.Rewind] or [Log.Truncate], and to what spoils both copies, which it tells
// ([Log.Unreadable], [ErrUnreadable]); a file system only to rot and misdirected writes, within a
// [Budget] that can keep a copy intact.
package disk

import (
	"errors"
	"fmt"
	"syscall"

	"github.com/joinery-go/joinery/gen/choice"
	"github.com/joinery-go/joinery/sim"
)

// Errors of a log.
var (
	// ErrFull reports a log that would grow beyond [Options.MaxBytes]. It stops the
	// world: a bound of the simulation was chosen too small.
	ErrFull = errors.New("sim/disk: log is full")
	// ErrWrite reports an append that failed by a fault, wholly or in part.
	ErrWrite = errors.New("sim/disk: write failed")
	// ErrSync reports a record that will never be durable.
	ErrSync = errors.New("sim/disk: sync failed")
)

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
	// ErrorPermille is how often a random source fails an append, or its sync, 10 by
	// default; RotPermille how often it spoils a copy at a crash, 300 by default, and
	// a twentieth of that at an append.
	ErrorPermille, RotPermille int
	// MaxBytes bounds the log and the files beside it, frames included, 64 MiB by default.
	MaxBytes int
	// SegmentBytes is how much a file of the log has before the next one is begun, 1 KiB
	// by default.
	SegmentBytes int
}

// Log is the device of one node: a sequence of records.
type Log struct {
	opts    Options
	durable []byte    // frames that a crash cannot touch, those before base included
	pending []pending // appended, not yet durable, in order
	waiting int       // bytes of pending frames
	ready   sim.Time  // when the last pending append completes
	dirty   bool      // a torn record ends durable, not yet cut off
	torn    int64

	files
	beside *beside // nil until a file is made

	copies     *[2][]byte // what is on disk where it differs from durable; nil if nowhere
	repaired   int64
	unreadable int      // stretches that the last reading left out
	lost       [][]byte // the records in them
	failed     uint64   // token of the append whose sync failed
	broken     bool     // failed has happened since the last crash

	frames []byte // where pending frames lie; what was made durable is not reclaimed before Reset
}

type pending struct {
	token uint64
	frame []byte
	part  bool // only a part of the record was written
	fails bool // its sync will fail
	stray int  // 1 or 2: the copy in which it lands elsewhere; 3: both
	drops int  // how many files that were removed before it are gone for good with it
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
	if o.ErrorPermille <= 0 {
		o.ErrorPermille = 10
	}
	if o.RotPermille <= 0 {
		o.RotPermille = 300
	}
	if o.MaxBytes <= 0 {
		o.MaxBytes = 64 << 20
	}
	if o.SegmentBytes <= 0 {
		o.SegmentBytes = 1 << 10
	}
	*l = Log{opts: o, durable: l.durable[:0], pending: l.pending[:0], frames: l.frames[:0], files: l.files.reset()}
}

// Of returns the log attached to the acting node, or nil if it has none.
func Of(c *sim.Context) *Log {
	l, _ := c.Device().(*Log)
	return l
}

const slowSteps = 8

// Append adds a copy of record to the log. When it is durable, with everything
// before it, the actor's Persisted is called with token, unless its sync fails: see
// [Log.Synced]. Should the log be full, the world stops with ErrFull. An error
// wraps ErrWrite: the caller must not go on ([sim.Context.Abort]).
func (l *Log) Append(c *sim.Context, token uint64, record []byte) error {
	if !c.Effect() {
		return nil
	}
	l.cutTorn()
	size, at := frameHeader+len(record), len(l.durable)+l.waiting
	if held := at - l.base + l.beside.bytes(); held+size > l.opts.MaxBytes {
		c.Fail(fmt.Errorf("%w: append %d bytes to %d at %v, the bound is %d",
			ErrFull, size, held, c.Self(), l.opts.MaxBytes))
		return nil
	}
	from := len(l.frames)
	l.frames = appendFrame(l.frames, at, record)
	p := pending{token: token, frame: l.frames[from:len(l.frames):len(l.frames)]}
	p.drops = l.files.append(token, at, l.opts.SegmentBytes)
	err := l.write(c, &p)
	if err != nil && !p.part {
		return err
	}
	latency := l.opts.Latency
	if v := c.DiskFault("disk.slow", 1+slowSteps, choice.Permille(l.opts.SlowPermille)); v > 0 {
		latency += l.opts.Latency << v
	}
	l.ready = max(l.ready, c.Now()+latency)
	l.pending = append(l.pending, p)
	l.waiting += len(p.frame)
	c.Complete(l.ready-c.Now(), token)
	return err
}

// The ways in which a write fails.
const (
	writeEIO = 1 + iota
	writeENOSPC
	writeShort
	writeErrors = writeShort
)

// write decides what goes wrong with an append.
func (l *Log) write(c *sim.Context, p *pending) error {
	rare := choice.Permille(l.opts.ErrorPermille)
	switch c.StorageFault(sim.DiskError, "disk.write", 1+writeErrors, rare) {
	case writeEIO:
		return fmt.Errorf("%w: append at %v: %w", ErrWrite, c.Self(), syscall.EIO)
	case writeENOSPC:
		return fmt.Errorf("%w: append at %v: %w", ErrWrite, c.Self(), syscall.ENOSPC)
	case writeShort:
		p.frame, p.part = p.frame[:len(p.frame)/2], true
		return fmt.Errorf("%w: append at %v: %d bytes written: %w", ErrWrite, c.Self(), len(p.frame), syscall.EIO)
	}
	p.fails = c.StorageFault(sim.DiskError, "disk.sync", 2, rare) != 0
	if len(l.durable) > 0 {
		p.stray = c.StorageFault(sim.Rot, "disk.misdirect", 4, choice.Permille(max(l.opts.RotPermille/20, 1)))
	}
	return nil
}

// Complete makes the oldest pending appends up to the one named token durable.
// Completions come in the order of appends, so it is the first of that name. With
// one whose sync fails, it and all behind it are lost.
func (l *Log) Complete(token uint64) {
	if l.beside != nil && l.beside.complete(token, len(l.durable)) {
		return
	}
	for i, p := range l.pending {
		if p.token != token {
			continue
		}
		if p.fails || p.part {
			l.failed, l.broken = token, true
			l.drop(i)
			return
		}
		l.sync(i + 1)
		return
	}
}

// Synced is nil, or wraps ErrSync for a record whose sync failed, or a file of which a
// step did: it is not durable, nor is any asked for after it, and none will be until the
// node has crashed. It is for Persisted to ask first.
func (l *Log) Synced(token uint64) error {
	if b := l.beside; b != nil && b.broken && token == b.failed {
		return fmt.Errorf("%w: file of request %d: %w", ErrSync, token, syscall.EIO)
	}
	if l.broken && token == l.failed {
		return fmt.Errorf("%w: record %d: %w", ErrSync, token, syscall.EIO)
	}
	return nil
}

// drop forgets the pending records from i on.
func (l *Log) drop(i int) {
	for _, p := range l.pending[i:] {
		l.waiting -= len(p.frame)
	}
	l.pending = l.pending[:i]
}

// sync makes the first n pending records durable.
func (l *Log) sync(n int) {
	for _, p := range l.pending[:n] {
		at := len(l.durable)
		l.durable = append(l.durable, p.frame...)
		l.waiting -= len(p.frame)
		l.dirty = l.dirty || p.part
		if l.copies != nil {
			for c := range l.copies {
				l.copies[c] = append(l.copies[c], p.frame...)
			}
		}
		if p.stray > 0 {
			l.misdirect(p.stray, at, p.frame)
		}
		l.files.synced(p.drops)
	}
	l.pending = append(l.pending[:0], l.pending[n:]...)
}

// Crash loses the pending tail but for what a decision keeps: with m records
// pending the answer 2i-1 keeps i-1 of them and a torn part of the next, and 2i
// keeps i whole.
func (l *Log) Crash(c *sim.CrashContext) {
	m, whole := len(l.pending), len(l.durable)
	v := c.Choose("disk.crash", 1+2*m, choice.Permille(l.opts.SurvivePermille))
	if v > 0 {
		c.Survived()
		l.sync(v / 2)
		whole = len(l.durable)
		if v%2 == 1 && len(l.pending[0].frame) > 1 {
			frame := l.pending[0].frame
			l.tear(frame[:1+c.Hash(uint64(v))%uint64(len(frame)-1)])
		}
	}
	l.pending, l.waiting, l.ready, l.broken = l.pending[:0], 0, 0, false
	if l.files.crash(c, len(l.durable), choice.Permille(l.opts.SurvivePermille)) {
		c.Survived()
	}
	if l.beside != nil {
		l.beside.crash(c, whole, choice.Permille(l.opts.SurvivePermille), choice.Permille(l.opts.RotPermille))
	}
	l.rot(c)
}

// tear leaves a part of a record behind what is durable.
func (l *Log) tear(part []byte) {
	l.durable = append(l.durable, part...)
	if l.copies != nil {
		for c := range l.copies {
			l.copies[c] = append(l.copies[c], part...)
		}
	}
	l.dirty = true
}

// Rewind takes the log back to what it was after keep of of parts of all records that
// were ever written to it, those that have been cut off by then, and no others, left out.
// The files beside it are what they were then.
func (l *Log) Rewind(keep, of int) {
	l.read()
	all, _ := frames(0, l.durable)
	end := 0
	if n := len(all) * keep / max(of, 1); n > 0 {
		end = all[n-1].to
	}
	l.durable, l.copies = l.durable[:end], nil
	l.files.rewind(end)
	switch {
	case end == 0:
		l.beside = nil
	case l.beside != nil:
		l.beside.rewind(end)
	}
	l.pending, l.waiting, l.ready, l.broken = l.pending[:0], 0, 0, false
}

// Records returns copies of the records that are in the log, durable or pending,
// oldest first. A torn record at the end is cut off for good, a spoiled copy
// made good from the other, and what is whole in neither copy left out; see
// [Log.Unreadable].
func (l *Log) Records() [][]byte {
	found := l.read()
	records := make([][]byte, 0, len(found)+len(l.pending))
	for _, f := range found {
		records = append(records, append([]byte(nil), l.durable[f.from+frameHeader:f.to]...))
	}
	for _, p := range l.pending {
		if !p.part {
			records = append(records, append([]byte(nil), p.frame[frameHeader:]...))
		}
	}
	return records
}

// cutTorn finds by its frame where a torn record begins and cuts there, before
// anything is appended behind it.
func (l *Log) cutTorn() {
	if l.dirty {
		l.read()
	}
}

// Torn is the number of torn records found and cut off so far.
func (l *Log) Torn() int64 { return l.torn }

// Size is the number of durable bytes that have not been cut off, frames included.
func (l *Log) Size() int { return len(l.durable) - l.base }

// Written is the number of durable bytes with those that have been cut off.
func (l *Log) Written() int { return len(l.durable) }
