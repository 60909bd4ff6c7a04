package history

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"
)

// ErrEnded is reported by a Recorder for a call that was ended twice.
var ErrEnded = errors.New("call ended twice")

// Recorder records the operations of a live system, from any number of
// goroutines at once. Sessions are numbered by the caller; a session has one
// call open at a time, until that ends or turns out indeterminate.
//
//	r := history.NewRecorder("store", nil)
//	c := r.Begin(0, history.Register, history.Write, "x", history.Int(1))
//	if err := store.Put("x", 1); err != nil {
//		c.Unknown() // a timeout: it may have happened, or may yet
//	} else {
//		c.OK(history.Nil)
//	}
type Recorder struct {
	mu     sync.Mutex
	name   string
	clock  func() int64
	tagged bool
	read   int64 // the clock, when last read
	now    int64 // the time of the last event
	tags   uint64
	ops    []Op
	fences []int64
	open   map[int]int // session -> its open call
	err    error
}

// NewRecorder returns an empty recorder. The clock gives the time in any unit,
// from one source for all sessions, and must not run backwards; nil stands for
// one that counts the events, which loses durations and keeps their order.
func NewRecorder(name string, clock func() int64) *Recorder {
	return &Recorder{name: name, clock: clock, open: make(map[int]int), read: math.MinInt64}
}

// NewTaggedRecorder is NewRecorder for a system whose reads can tell which puts
// they saw: each put gets a tag, see Call.Tag, to be stored with its value.
func NewTaggedRecorder(name string, clock func() int64) *Recorder {
	r := NewRecorder(name, clock)
	r.tagged = true
	return r
}

// Call is an operation that has begun.
type Call struct {
	r   *Recorder
	at  int
	tag uint64
}

// fail keeps the first error.
func (r *Recorder) fail(err error) {
	if r.err == nil {
		r.err = err
	}
}

// tick returns the time of an event, at least that of the event before it and no
// less than least: a clock too coarse to tell events apart must not make them
// look simultaneous, as the recorder has seen them in turn.
func (r *Recorder) tick(least int64) int64 {
	t := r.now + 1
	if r.clock != nil {
		if t = r.clock(); t < r.read {
			r.fail(fmt.Errorf("%w: from %d to %d", ErrClock, r.read, t))
		}
		r.read = t
	}
	r.now = max(r.now, t, least)
	return r.now
}

// Begin records the invocation of an operation; arg is Nil for a read. To be
// called before the request is sent.
func (r *Recorder) Begin(session int, typ Type, fn Func, key string, arg Value) *Call {
	r.mu.Lock()
	defer r.mu.Unlock()
	if i, busy := r.open[session]; busy {
		r.fail(fmt.Errorf("%w: session %d, in a %s", ErrOverlap, session, r.ops[i].Func))
	}
	o := Op{
		Session: session, Node: -1, Type: typ, Func: fn, Key: key, Arg: arg,
		Call: r.tick(r.now), Return: Pending, Outcome: Unknown,
	}
	if r.tagged && o.IsPut() {
		r.tags++
		o.Tag = r.tags
	}
	r.open[session] = len(r.ops)
	r.ops = append(r.ops, o)
	return &Call{r: r, at: len(r.ops) - 1, tag: o.Tag}
}

// Tag is the put's tag, 0 for reads and in an untagged recording.
func (c *Call) Tag() uint64 { return c.tag }

// end records the response.
func (c *Call) end(outcome Outcome, change func(o *Op)) {
	r := c.r
	r.mu.Lock()
	defer r.mu.Unlock()
	o := &r.ops[c.at]
	if i, open := r.open[o.Session]; !open || i != c.at {
		r.fail(fmt.Errorf("%w: the %s of %q by session %d", ErrEnded, o.Func, o.Key, o.Session))
		return
	}
	delete(r.open, o.Session)
	o.Outcome = outcome
	if outcome != Unknown {
		o.Return = r.tick(o.Call + 1)
	}
	change(o)
}

// OK records that the operation succeeded: what a read returned (Nil for a put)
// and, in a tagged recording, the tags of the puts that a read saw, in any order.
func (c *Call) OK(out Value, saw ...uint64) {
	c.end(OK, func(o *Op) {
		if o.Out = out; c.r.tagged && !o.IsPut() {
			o.Saw = slices.Compact(slices.Sorted(slices.Values(saw)))
			if o.Saw == nil {
				o.Saw = []uint64{}
			}
		}
	})
}

// StampedOK is OK for a register whose writes carry stamps: that of the write,
// or of the value read.
func (c *Call) StampedOK(out Value, stamp Stamp, saw ...uint64) {
	c.OK(out, saw...)
	c.r.mu.Lock()
	defer c.r.mu.Unlock()
	c.r.ops[c.at].Stamp = stamp
}

// Failed records that the operation surely did not happen (of a CAS: that it
// found another value).
func (c *Call) Failed() { c.end(Failed, func(*Op) {}) }

// Unknown records that nothing is known, as after a timeout: the operation may
// have happened, or may yet. The session may go on.
func (c *Call) Unknown() { c.end(Unknown, func(*Op) {}) }

// Fence records that the system has settled: every acknowledged put has reached
// every replica.
func (r *Recorder) Fence() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.fences = append(r.fences, r.tick(r.now))
}

// History returns what was recorded so far; calls still open are indeterminate.
// The first misuse or fault of the clock is an error, as is a history that
// breaks an invariant (ErrInvalid). The recorder may go on.
func (r *Recorder) History() (*History, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err != nil {
		return nil, fmt.Errorf("recording %s: %w", r.name, r.err)
	}
	h := &History{Name: r.name, Tagged: r.tagged, Ops: slices.Clone(r.ops), Fences: slices.Clone(r.fences)}
	slices.SortStableFunc(h.Ops, func(a, b Op) int { return cmp.Compare(a.Call, b.Call) })
	for i := range h.Ops {
		h.Ops[i].Index = i
	}
	if err := h.Validate(); err != nil {
		return nil, fmt.Errorf("recording %s: %w", r.name, err)
	}
	return h, nil
}
