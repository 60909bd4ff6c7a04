package scenario

import (
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"syscall"

	"github.com/joinery-go/joinery/gen/choice"
	"github.com/joinery-go/joinery/kvs"
	"github.com/joinery-go/joinery/kvs/host"
	"github.com/joinery-go/joinery/kvs/store"
	"github.com/joinery-go/joinery/sim"
	"github.com/joinery-go/joinery/sim/disk"
	"github.com/joinery-go/joinery/sim/engines"
)

// engine is what keeps the values of a replica where Config.Engine names one: a storage
// engine in a directory of its own on a file system with faults. The file system outlives
// crashes, the engine does not. Its decisions are made under the lineage of the event or
// the crash at hand, by the classes of the disk:
//
//	disk        what of unsynced writes and names a crash leaves (fs.crash.write,
//	            fs.crash.name); how long it takes until the engine is durable (engine.slow)
//	disk-error  creating, writing, reading, renaming, removing and syncing fail; or the
//	            disk is full for a while (engine.full)
//	rot         bits flip while the machine is down; writes land elsewhere in their file
//	restore     the files are what they were when last synced before the old log ended
//
// A crash within an event may come before any operation that changes a file, that of an
// engine which is being opened included. Operations of the engine take no time but
// Harden: it syncs the engine 400 µs after it was asked to, or more where a fault has it
// slow, and until then nothing of what it was to make durable is sure to be.
//
// Where Setup.Background says so, merges stand between events: each of their steps is an
// event of its own, 400 µs after the one before, or more, until faults end, as other work
// may keep the machine (engine.step). So a crash may come between two of them, and an engine
// have so much to merge that it refuses a value, until that is done. Elsewhere merges are
// part of the event that gave rise to them.
//
// An engine that cannot be opened since its files are damaged is replaced by an empty one,
// in another directory; it is a violation where nothing has damaged them.
type engine struct {
	device *device
	fs     *disk.FS
	slots  *host.Slots
	engine store.Engine // of slots
	queue  *store.Queue // of engine, nil if merges do not wait

	stepping bool  // a step of what is in the queue is to come
	midway   bool  // what is in the queue has begun
	refused  int64 // values that engine has refused, when last looked at

	context *sim.Context      // of the event at hand; outside of one nothing fails
	crash   *sim.CrashContext // or of the crash

	hurt   bool // something has spoiled what the node had written, or failed
	images []image

	fullUntil sim.Time // there is no more room than for so many bytes
	fullAt    int64
	fullLate  bool  // which syncs find out, and not writes
	found     int64 // operations of fs that had found no room, when last looked at
	wasFull   bool  // some have, since something was made durable
}

// image is a file system as it was when so much of the log had been written.
type image struct {
	written int
	fs      *disk.FS
}

const (
	engineLatency = 400 * sim.Microsecond
	engineSlow    = 8  // doublings of it
	slowPermille  = 50 // how often it is slow
	hardenToken   = 1 << 63
	engineDirs    = "values-" // a number follows
)

// Of merges between events.
const (
	stepBehind     = 10  // doublings of engineLatency
	behindPermille = 500 // how often a step comes later
	stepToken      = 1 << 62
	jobs           = 1 // of an engine at a time
)

// Of a full disk.
const (
	fullPermille  = 2                   // how often it is full from an operation on
	fullFor       = 4 * sim.Millisecond // at least
	fullDoublings = 7                   // lengths, each twice the one before
	fullWays      = 4                   // whether some bytes are left, and whether writes or syncs find out
	fullLeft      = 600                 // bytes
)

func newEngine(d *device) (*engine, error) {
	e := &engine{device: d}
	var err error
	e.fs, err = disk.NewFS(e.options())
	return e, err
}

func (e *engine) options() disk.FSOptions {
	low := func(permille int) (rates [sim.NumLevels]int) {
		rates[sim.Low] = permille
		return rates
	}
	return disk.FSOptions{ // whether a class is in force at all, and how much, the world knows
		Source: e, Alive: e.alive, Room: e.room, Disk: int(e.device.node),
		Crash: sim.Low, Errors: sim.Low, Rot: sim.Low, Misdirect: sim.Low,
		CrashPermille: low(300), ErrorsPermille: low(3), RotPermille: low(100), MisdirectPermille: low(10),
	}
}

var _ choice.Source = (*engine)(nil)

// Choose implements [choice.Source] for the file system: its decisions are the world's.
func (e *engine) Choose(p choice.Point) uint64 {
	class := sim.DiskError
	switch {
	case p.Site == "fs.rot" || p.Site == "fs.misdirect":
		class = sim.Rot
	case strings.HasPrefix(p.Site, "fs.crash."):
		class = sim.Disk
	}
	v := 0
	switch {
	case e.crash != nil && class == sim.Disk:
		v = e.crash.Choose(p.Site, int(p.N), p.Rare)
	case e.crash != nil:
		if v = e.crash.StorageFault(class, p.Site, int(p.N), p.Rare); v != 0 {
			e.crash.Struck(class)
		}
	case e.context != nil:
		v = e.context.StorageFault(class, p.Site, int(p.N), p.Rare)
	}
	e.hurt = e.hurt || v != 0 && class != sim.Disk
	return uint64(v)
}

// alive counts an operation that changes a file as an effect of the event at hand.
func (e *engine) alive() bool { return e.context == nil || e.context.Effect() }

// room is how many bytes the files may have for now. That there are no more is none of the
// faults that excuse a loss.
func (e *engine) room(used int64) (bytes int64, late bool) {
	c := e.context
	if c == nil || !e.device.run.world.Faulty() {
		return math.MaxInt64, false
	}
	if c.Now() >= e.fullUntil {
		v := c.StorageFault(sim.DiskError, "engine.full", 1+fullDoublings*fullWays, choice.Permille(fullPermille))
		if v == 0 {
			return math.MaxInt64, false
		}
		way := (v - 1) % fullWays
		e.fullUntil = c.Now() + fullFor<<((v-1)/fullWays)
		e.fullAt, e.fullLate = used+fullLeft*int64(way%2), way/2 == 1
	}
	return e.fullAt, e.fullLate
}

// crashed loses the engine, and of its files what was not durable.
func (e *engine) crashed(c *sim.CrashContext) {
	if e.midway {
		e.device.run.world.Mark(markMidway)
	}
	e.slots, e.engine, e.queue, e.context, e.crash = nil, nil, nil, nil, c
	e.stepping, e.midway, e.refused = false, false, 0
	e.fs.Crash(c)
	e.crash = nil
}

// rewind makes the files what they were when so much of the log had been written.
func (e *engine) rewind(written int) error {
	for len(e.images) > 0 && e.images[len(e.images)-1].written > written {
		e.images = e.images[:len(e.images)-1]
	}
	if n := len(e.images); n > 0 {
		e.fs = e.images[n-1].fs.Clone()
		e.fs.PowerCut()
		return nil
	}
	var err error
	e.fs, err = disk.NewFS(e.options())
	return err
}

// sync makes what is kept durable.
func (e *engine) sync() error {
	err := e.slots.Sync()
	if err == nil && e.device.run.setup.Faults[sim.Restore] != sim.Off && e.device.run.world.Faulty() {
		e.images = append(e.images, image{e.device.Log.Written(), e.fs.Clone()})
	}
	return err
}

// look opens a copy of the files, to look into what a node that is down has there.
func (e *engine) look(origin uint64) (*host.Slots, error) {
	copied := *e
	copied.context, copied.fs = nil, e.fs.Clone()
	copied.fs.PowerCut()
	return copied.open(origin)
}

// open opens the engine for an incarnation.
func (e *engine) open(origin uint64) (*host.Slots, error) {
	dir, number, err := e.newest()
	if err != nil {
		return nil, err
	}
	err = e.openIn(dir, origin)
	if err == nil || !damaged(err) {
		return e.slots, err
	}
	if !e.hurt {
		return nil, fmt.Errorf("nothing has damaged the engine's files, and yet: %w", err)
	}
	if e.context != nil {
		e.context.Mark(markEngineReplaced)
		e.context.Note("replaces its engine: %v", err)
	}
	if err := e.openIn(engineDirs+strconv.Itoa(number+1), origin); err != nil {
		return nil, err
	}
	return e.slots, e.fs.RemoveAll(dir)
}

// newest is the directory of the engine that was made last.
func (e *engine) newest() (dir string, number int, err error) {
	names, err := e.fs.List(".")
	if err != nil {
		return "", 0, err
	}
	for _, name := range names {
		if n, err := strconv.Atoi(strings.TrimPrefix(name, engineDirs)); err == nil {
			number = max(number, n)
		}
	}
	return engineDirs + strconv.Itoa(number), number, nil
}

func (e *engine) openIn(dir string, origin uint64) error {
	s := &e.device.run.setup
	o := store.Options{Dir: dir, FS: e.fs, Durability: store.None}
	open := engines.Open
	e.queue = nil
	if s.Background {
		open = engines.OpenBehind
		var err error
		if e.queue, err = store.NewQueue(jobs); err != nil {
			return err
		}
		o.Scheduler = e.queue
	}
	opened, err := open(s.Engine, o, s.EngineBytes)
	if err != nil {
		return fmt.Errorf("open the engine: %w", err)
	}
	if e.slots, err = host.NewSlots(opened, e.queue, origin); err != nil {
		if closed := opened.Close(); closed != nil {
			return fmt.Errorf("%w; and then: %w", err, closed)
		}
		return err
	}
	e.engine = opened
	return nil
}

// damaged reports whether an error says that files are not what was written.
func damaged(err error) bool {
	for _, what := range []error{store.ErrCorrupt, store.ErrMissing, store.ErrFormat, store.ErrForeign} {
		if errors.Is(err, what) {
			return true
		}
	}
	return false
}

// passing reports whether an error is one of an operation that may succeed another time.
func passing(err error) bool {
	return errors.Is(err, store.ErrBackpressure) || errors.Is(err, syscall.EIO) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.ErrShortWrite) || errors.Is(err, syscall.ENOSPC) || errors.Is(err, store.ErrFailed)
}

// during has the file operations of the engine be those of an event, until leave.
func (r *replica) during(c *sim.Context) (leave func()) {
	if r.engine == nil {
		return func() {}
	}
	r.engine.context = c
	return func() {
		r.engine.context = nil
		r.engine.after(c)
	}
}

// after notes what came about in an event, and sees to a step of what it left to be done.
func (e *engine) after(c *sim.Context) {
	if full := e.fs.Stats().Full; full != e.found {
		c.Mark(markFull)
		e.found, e.wasFull = full, true
	}
	if e.engine == nil || e.queue == nil || c.Dead() {
		return
	}
	if e.stepping || e.queue.Len() == 0 {
		return
	}
	wait := engineLatency
	if v := c.ChooseRare("engine.step", 1+stepBehind, choice.Permille(behindPermille)); e.device.run.world.Faulty() {
		wait <<= v
	}
	c.Complete(wait, stepToken)
	e.stepping = true
}

// worked does a step of what the engine has left to be done.
func (r *replica) worked(c *sim.Context) {
	e := r.engine
	if r.core == nil {
		return
	}
	leave := r.during(c)
	_, err := e.slots.Step()
	e.stepping, e.midway = false, e.queue.Len() > 0
	leave()
	switch {
	case err == nil || c.Dead() || passing(err) || damaged(err) && e.hurt:
		if err != nil {
			c.Note("does not merge: %v", err)
		}
	default:
		r.run.fail(Violation{Oracle: "recovery", Kind: "background", Node: int(r.id), Message: fmt.Sprintf(
			"node %d: nothing has damaged the engine's files, and yet: %v", r.id, err)})
	}
}

var _ host.Keeper = (*replica)(nil)

// Keep is [host.Keeper.Keep].
func (r *replica) Keep(slot uint64, value []byte) error {
	if !r.context.Effect() {
		return nil
	}
	err := r.engine.slots.Keep(slot, value)
	if r.context.Dead() {
		return nil
	}
	if n := r.engine.engine.Stats().Refused; err == nil && n != r.engine.refused {
		r.context.Mark(markBehind)
		r.engine.refused = n
	}
	return err
}

// Harden is [host.Keeper.Harden].
func (r *replica) Harden(token uint64) error {
	if !r.context.Effect() {
		return nil
	}
	wait := engineLatency
	if v := r.context.DiskFault("engine.slow", 1+engineSlow, choice.Permille(slowPermille)); v > 0 {
		wait += engineLatency << v
	}
	r.context.Complete(wait, hardenToken+token)
	return nil
}

// hardened makes durable what the engine keeps, and tells the core.
func (r *replica) hardened(c *sim.Context, token uint64) {
	if r.core == nil {
		return
	}
	leave := r.during(c)
	err := r.engine.sync()
	leave()
	switch {
	case c.Dead():
	case err != nil:
		r.giveUp(c, err)
	default:
		if r.engine.wasFull {
			c.Mark(markRoom)
			r.engine.wasFull = false
		}
		r.step(c, kvs.Event{Kind: kvs.EventHardened, NowMS: r.nowMS(c), Token: token})
	}
}
