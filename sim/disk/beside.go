package disk

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"syscall"

	"github.com/joinery-go/joinery/gen/choice"
	"github.com/joinery-go/joinery/sim"
)

// Errors of the files beside a log.
var (
	// ErrNoFile reports that there is no file of a name.
	ErrNoFile = errors.New("sim/disk: no such file")
	// ErrUnreadable reports a file that is whole in neither copy.
	ErrUnreadable = errors.New("sim/disk: file is unreadable")
)

// beside is the files beside a log, by name.
type beside struct {
	files   []whole   // as a reader sees them
	durable []whole   // as a crash leaves them, but for changes that survive
	under   []replace // on their way, oldest first
	changes []renamed // of names that no sync of the directory followed, oldest first
	changed int       // how many there were ever
	ready   sim.Time  // when the last of those on their way completes
	past    []image   // ascending
	failed  uint64    // token of the replacement that failed
	broken  bool      // that has happened since the last crash
}

// whole is a file: its frame in each of two copies, which are one until something is
// spoiled.
type whole struct {
	name   string
	copies [2][]byte
}

// replace is a file on its way.
type replace struct {
	token  uint64
	file   whole
	fails  int // the step that will fail, of those below; 0 for none
	covers int // how many of all changes of names are durable with it
}

// The steps of a replacement that fail when it completes. Those before fail at once.
const (
	syncFails    = writeErrors + 1 + iota // the new file is not durable, nor renamed
	renameFails                           // it is durable and has not its name
	dirSyncFails                          // it has its name, for as long as the machine runs
	replaceSteps = dirSyncFails
)

// renamed is a change of a name, the number-th that there was.
type renamed struct {
	number int
	name   string
	file   *whole // what it stands for from then on; nil for nothing
}

// image is what was durable from the time on when so much of the log was.
type image struct {
	written int
	files   []whole
}

// find is where the file of a name is, or would be.
func find(files []whole, name string) (int, bool) {
	return slices.BinarySearchFunc(files, name, func(f whole, n string) int { return cmp.Compare(f.name, n) })
}

// set has a name stand for a file, or for none.
func set(files []whole, name string, f *whole) []whole {
	i, found := find(files, name)
	switch {
	case f != nil && found:
		files[i] = *f
	case f != nil:
		files = slices.Insert(files, i, *f)
	case found:
		files = slices.Delete(files, i, i+1)
	}
	return files
}

// change has a name stand for a file, or for none, until a sync of the directory has that
// survive a crash.
func (b *beside) change(name string, f *whole) {
	b.changed++
	b.changes = append(b.changes, renamed{b.changed, name, f})
	b.files = set(b.files, name, f)
}

// make ends a replacement: the sync of the directory makes what came before it durable, and
// nothing of that name before it counts any more.
func (b *beside) make(r *replace) {
	for len(b.changes) > 0 && b.changes[0].number <= r.covers {
		b.durable = set(b.durable, b.changes[0].name, b.changes[0].file)
		b.changes = b.changes[1:]
	}
	b.changes = slices.DeleteFunc(b.changes, func(c renamed) bool { return c.name == r.file.name })
	b.files = set(b.files, r.file.name, &r.file)
	b.durable = set(b.durable, r.file.name, &r.file)
}

func (b *beside) note(written int) {
	b.past = append(b.past, image{written, slices.Clone(b.durable)})
}

// bytes is how much the files have, and those on their way.
func (b *beside) bytes() (n int) {
	if b == nil {
		return 0
	}
	for _, f := range b.files {
		n += len(f.copies[0])
	}
	for _, r := range b.under {
		n += len(r.file.copies[0])
	}
	return n
}

// Replace makes a copy of data the whole content of the file name, which lies beside the
// log: a snapshot, a checkpoint. A new file is written, synced, renamed to name, and the
// directory synced. Until that is over, [Log.File] reads what was there before, and a
// crash leaves that or, if it comes late, the new one, and never a part of it. When the
// new one is durable, the actor's Persisted is called with token, unless a step failed:
// see [Log.Synced]. Then the old one is there, or, after the last step, the new one until
// the next crash, which leaves either.
//
// Replacements are made in the order of their requests, and neither they nor the records
// of the log wait for the others: what a snapshot stands in for must not be truncated
// before Persisted. No two requests under way may have one token. Should the disk be full,
// the world stops with ErrFull. An error wraps ErrWrite: nothing has changed, and the
// caller must not go on ([sim.Context.Abort]).
func (l *Log) Replace(c *sim.Context, token uint64, name string, data []byte) error {
	if !c.Effect() {
		return nil
	}
	if l.beside == nil {
		l.beside = new(beside)
	}
	b := l.beside
	frame := appendFrame(make([]byte, 0, frameHeader+len(data)), 0, data)
	if held := l.Size() + l.waiting + b.bytes(); held+len(frame) > l.opts.MaxBytes {
		c.Fail(fmt.Errorf("%w: a file of %d bytes beside %d at %v, the bound is %d", ErrFull, len(frame), held, c.Self(), l.opts.MaxBytes))
		return nil
	}
	r := replace{token: token, file: whole{name, [2][]byte{frame, frame}}, covers: b.changed}
	r.fails = c.StorageFault(sim.DiskError, "disk.replace", 1+replaceSteps, choice.Permille(l.opts.ErrorPermille))
	switch r.fails {
	case writeEIO, writeShort:
		return fmt.Errorf("%w: replace %s at %v: %w", ErrWrite, name, c.Self(), syscall.EIO)
	case writeENOSPC:
		return fmt.Errorf("%w: replace %s at %v: %w", ErrWrite, name, c.Self(), syscall.ENOSPC)
	}
	latency := replaceRequests * l.opts.Latency
	if v := c.DiskFault("disk.slow", 1+slowSteps, choice.Permille(l.opts.SlowPermille)); v > 0 {
		latency += l.opts.Latency << v
	}
	b.ready = max(b.ready, c.Now()+latency)
	b.under = append(b.under, r)
	c.Complete(b.ready-c.Now(), token)
	return nil
}

// replaceRequests is how many latencies a replacement takes, a step each.
const replaceRequests = 4

// Remove removes a file beside the log. A crash may bring it back, unless a replacement
// that was asked for later has become durable. One that is under way is not undone. Should
// it fail, the file stays until it is removed again.
func (l *Log) Remove(c *sim.Context, name string) {
	b := l.beside
	if b == nil || !c.Effect() {
		return
	}
	if _, found := find(b.files, name); !found || c.StorageFault(sim.DiskError, "disk.unlink", 2, choice.Permille(l.opts.ErrorPermille)) != 0 {
		return
	}
	b.change(name, nil)
}

// Files lists the names of the files beside the log, ascending.
func (l *Log) Files() (names []string) {
	if l.beside != nil {
		for _, f := range l.beside.files {
			names = append(names, f.name)
		}
	}
	return names
}

// File returns a copy of a file beside the log. A spoiled copy is made good from the
// other. An error wraps ErrNoFile, or ErrUnreadable if both are spoiled.
func (l *Log) File(name string) ([]byte, error) {
	b := l.beside
	if b == nil {
		return nil, fmt.Errorf("%w: %s", ErrNoFile, name)
	}
	i, found := find(b.files, name)
	if !found {
		return nil, fmt.Errorf("%w: %s", ErrNoFile, name)
	}
	f := &b.files[i]
	for k, frame := range f.copies {
		if frameAt(frame, 0) == len(frame) {
			if other := f.copies[1-k]; frameAt(other, 0) != len(other) {
				l.repaired++
				f.copies[1-k] = frame
			}
			return slices.Clone(frame[frameHeader:]), nil
		}
	}
	return nil, fmt.Errorf("%w: %s", ErrUnreadable, name)
}

// complete ends the replacement named token, if there is one. With one that fails, all
// behind it are lost.
func (b *beside) complete(token uint64, written int) bool {
	i := slices.IndexFunc(b.under, func(r replace) bool { return r.token == token })
	if i < 0 {
		return false
	}
	for k := range b.under[:i+1] {
		r := &b.under[k]
		if r.fails == 0 {
			b.make(r)
			b.note(written)
			continue
		}
		if r.fails == dirSyncFails {
			b.change(r.file.name, &r.file)
		}
		b.failed, b.broken, b.under = r.token, true, b.under[:0]
		return true
	}
	b.under = slices.Delete(b.under, 0, i+1)
	return true
}

// crash decides which changes of names survive that no sync followed, and how many of the
// replacements under way, which come after them.
func (b *beside) crash(c *sim.CrashContext, written int, rare, rot uint32) {
	can := 0 // whose renaming may survive
	for can < len(b.under) && b.under[can].fails == 0 {
		can++
	}
	if can < len(b.under) && b.under[can].fails == dirSyncFails {
		can++
	}
	for _, ch := range b.changes {
		if c.Choose("disk.unlinked", 2, rare) != 0 {
			b.durable = set(b.durable, ch.name, ch.file)
			c.Survived()
		}
	}
	for _, r := range b.under[:c.Choose("disk.renamed", 1+can, rare)] {
		b.durable = set(b.durable, r.file.name, &r.file)
		c.Survived()
	}
	b.under, b.changes, b.ready, b.broken = b.under[:0], b.changes[:0], 0, false
	b.note(written)
	for i := range b.durable {
		b.rot(c, &b.durable[i], rot)
	}
	b.files = slices.Clone(b.durable)
}

// rot decides whether a bit of a file flips: in one copy, if the other is intact, or in
// both.
func (b *beside) rot(c *sim.CrashContext, f *whole, rare uint32) {
	v := c.StorageFault(sim.Rot, "disk.fileRot", 1+bothCopies, rare)
	if v == 0 || v != bothCopies && frameAt(f.copies[2-v], 0) != len(f.copies[2-v]) {
		return
	}
	c.Struck(sim.Rot)
	bit := c.Hash(uint64(v)) % uint64(8*len(f.copies[0]))
	for i := range f.copies {
		if v == bothCopies || v == i+1 {
			f.copies[i] = slices.Clone(f.copies[i])
			f.copies[i][bit/8] ^= 1 << (bit % 8)
		}
	}
}

// rewind is what the files were when so much of the log was durable.
func (b *beside) rewind(written int) {
	for len(b.past) > 0 && b.past[len(b.past)-1].written > written {
		b.past = b.past[:len(b.past)-1]
	}
	b.durable = nil
	if n := len(b.past); n > 0 {
		b.durable = slices.Clone(b.past[n-1].files)
	}
	b.files = slices.Clone(b.durable)
	b.under, b.changes, b.ready, b.broken = b.under[:0], b.changes[:0], 0, false
}
