package sim

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/joinery-go/joinery/gen/choice"
)

// World is one simulated run: nodes, the network between them and the queue of
// what is to happen. It is not safe for concurrent use, and starts no goroutine.
type World struct {
	opts   Options
	src    choice.Source
	watch  Observer // src, if it is one
	net    Network
	fabric Fabric
	q      wheel
	bufs   buffers
	nodes  []node
	ctx    Context
	ev     event
	out    []Delivery

	now        Time
	faulty     bool
	stalls     bool // nodes may be paused or slow
	events     int64
	inflight   int  // pending messages, operations, completions and restarts
	lastBusy   Time // when one was last added or handled
	down       int
	inputsLost int64
	stats      Stats
	marks      []Mark         // in the order in which they were first reached
	marked     map[string]int // position in marks of those that come after a few
	trace      traceState
	kept       []TimedDecision
	asked      map[asked]struct{} // nil unless AssertKeys
	err        error
}

// node is one node's place in the world.
type node struct {
	actor     Actor
	inputter  Inputter  // actor, if it is one
	persister Persister // actor, if it is one
	device    Device
	inc       uint32
	up        bool
	starting  bool // down, and a start is queued
	down      Key  // lineage of the crash the node is down from
	timers    []armed
	phase     Time // of its timer grid
	timerRoot Key
	clock     clock
	stalled   Time // until when nothing is handled here
	paused    Time // as far as that is a pause
	waiting   int  // events put off
	heldUntil Time // when the last of them comes again
	slow      Time // until when each event costs work
	work      Time // by which the next event waits after each one
	version   uint16
	absent    bool // no member: not started by Heal or Restart
}

// armed is a pending timer and the order number of the event that is to fire it;
// an event with another number is one the timer was moved away from.
type armed struct {
	id  TimerID
	ord uint64
}

type asked struct {
	site string
	key  Key
}

// TimedDecision is a decision other than 0, and when it was asked.
type TimedDecision struct {
	choice.Decision
	At Time
}

// New makes a world in which all nodes but those of [Options.Absent] start at time 0.
func New(o Options) (*World, error) {
	w := &World{}
	if err := w.Reset(o); err != nil {
		return nil, err
	}
	return w, nil
}

// Reset makes w a new world, keeping its memory. What accessors returned before
// is no longer valid.
func (w *World) Reset(o Options) error {
	if err := o.validate(); err != nil {
		return err
	}
	w.opts, w.src, w.net = o, o.Source, o.Net
	w.watch, _ = o.Source.(Observer)
	w.fabric.w, w.ctx.w = w, w
	w.q.reset()
	w.bufs.reset()
	w.nodes = slices.Grow(w.nodes[:0], o.Nodes)[:o.Nodes]
	w.now, w.faulty, w.events, w.inflight, w.lastBusy, w.down = 0, true, 0, 0, 0, 0
	w.stats, w.err, w.kept, w.inputsLost = Stats{}, nil, w.kept[:0], 0
	w.marks = w.marks[:0]
	clear(w.marked)
	w.trace.reset(o.Trace)
	w.stalls = o.ProcessFaults.Pause != Off || o.ProcessFaults.Slow != Off
	w.asked = nil
	if o.AssertKeys {
		w.asked = make(map[asked]struct{})
	}
	for i := range w.nodes {
		w.nodes[i] = node{
			timers: w.nodes[i].timers[:0], phase: o.TimerGrid * Time(i) / Time(o.Nodes), timerRoot: choice.Mix(rootTimer, uint64(i)),
		}
		if o.Device != nil {
			w.nodes[i].device = o.Device(NodeID(i))
		}
		if w.nodes[i].absent = slices.Contains(o.Absent, NodeID(i)); !w.nodes[i].absent {
			w.restartAt(NodeID(i), 0, choice.Mix(rootStart, uint64(i)))
		}
	}
	if err := w.net.Attach(&w.fabric); err != nil {
		return fmt.Errorf("sim: attach network: %w", err)
	}
	if o.Crash.Level != Off {
		w.scheduleCrashTick(1)
	}
	if o.ProcessFaults.ticks() {
		w.processFaultTick(0)
	}
	return w.err
}

// Now is the present in virtual time.
func (w *World) Now() Time { return w.now }

// Nodes is the number of nodes.
func (w *World) Nodes() int { return len(w.nodes) }

// Actor returns the running actor of a node, or nil if it is down or unknown.
func (w *World) Actor(n NodeID) Actor {
	if n < 0 || int(n) >= len(w.nodes) || !w.nodes[n].up {
		return nil
	}
	return w.nodes[n].actor
}

// Device returns the device of a node, or nil if it has none or is unknown.
func (w *World) Device(n NodeID) Device {
	if n < 0 || int(n) >= len(w.nodes) {
		return nil
	}
	return w.nodes[n].device
}

// Up reports whether a node is running.
func (w *World) Up(n NodeID) bool { return n >= 0 && int(n) < len(w.nodes) && w.nodes[n].up }

// Faulty reports whether faults are still in force.
func (w *World) Faulty() bool { return w.faulty }

// Stats returns the counts so far.
func (w *World) Stats() Stats { return w.stats }

// Events is the number of events delivered so far, those that the trace hash
// is made of.
func (w *World) Events() int64 { return w.trace.events }

// Hash is the trace hash: equal for two runs exactly if, but for a collision of
// 64 bits, they delivered the same events with the same bytes in the same order.
func (w *World) Hash() uint64 { return w.trace.hash }

// Hashes returns the trace hash after each event, as far as kept.
func (w *World) Hashes() []uint64 { return w.trace.hashes }

// Records returns the recorded trace and the number of records beyond its bound.
func (w *World) Records() (kept []Record, cut int64) { return w.trace.records, w.trace.cut }

// Losses returns the messages that did not arrive, in order, as far as the trace
// was recorded.
func (w *World) Losses() []Loss { return w.trace.losses }

// Decisions returns the decisions other than 0 in the order they were asked, if
// [Options.Decisions] was set.
func (w *World) Decisions() []TimedDecision { return w.kept }

// Mark is a situation an actor or the host reached, and how often.
type Mark struct {
	Name  string
	Count int64
}

// Mark notes a situation the host saw, as [Context.Mark] does for actors.
func (w *World) Mark(name string) {
	for i := range min(len(w.marks), fewMarks) {
		if w.marks[i].Name == name {
			w.marks[i].Count++
			return
		}
	}
	if i, known := w.marked[name]; known {
		w.marks[i].Count++
		return
	}
	if len(w.marks) >= fewMarks {
		if w.marked == nil {
			w.marked = make(map[string]int)
		}
		w.marked[name] = len(w.marks)
	}
	w.marks = append(w.marks, Mark{name, 1})
}

const fewMarks = 16 // are found by looking at each

// Marks returns the marks reached, by name.
func (w *World) Marks() []Mark {
	ms := slices.Clone(w.marks)
	slices.SortFunc(ms, func(a, b Mark) int { return strings.Compare(a.Name, b.Name) })
	return ms
}

// WriteTrace writes the recorded trace, one line a record (see [Record.Line]),
// and how many records were beyond the bound.
func (w *World) WriteTrace(out io.Writer) error {
	for _, r := range w.trace.records {
		if _, err := fmt.Fprintln(out, r.Line(w.opts.KindName)); err != nil {
			return fmt.Errorf("sim: write trace: %w", err)
		}
	}
	if w.trace.cut > 0 {
		if _, err := fmt.Fprintf(out, "… and %d more records, beyond the bound of %d\n", w.trace.cut, w.trace.max); err != nil {
			return fmt.Errorf("sim: write trace: %w", err)
		}
	}
	return nil
}

// fail stops the world with its first error.
func (w *World) fail(err error) {
	if w.err == nil {
		w.err = fmt.Errorf("%w (at %v, event key %016x)", err, w.now, w.ev.key)
	}
}

// within reports whether have is below the bound, or stops the world.
func (w *World) within(what string, have, bound int) bool {
	return have <= bound || w.beyond(what, have, bound)
}

// beyond is apart from within so that the latter costs no call.
func (w *World) beyond(what string, have, bound int) bool {
	w.fail(fmt.Errorf("%w: %s: %d of at most %d", ErrBound, what, have, bound))
	return false
}

func (w *World) nodeOK(op string, n NodeID) bool {
	return n >= 0 && int(n) < len(w.nodes) || w.noNode(op, n)
}

func (w *World) noNode(op string, n NodeID) bool {
	w.fail(fmt.Errorf("%w: %s: node %d of %d", ErrNode, op, int32(n), len(w.nodes)))
	return false
}

// schedule queues an event of a kind, or returns nil once the queue is full.
func (w *World) schedule(at Time, kind EventKind) *event {
	if !w.within("pending events", w.q.len()+1, w.opts.Limits.Queue) {
		return nil
	}
	ev := w.q.add(at)
	ev.kind, ev.node, ev.from, ev.buf = kind, None, None, -1
	ev.key, ev.aux, ev.inc, ev.fate, ev.msg, ev.extra, ev.held = 0, 0, 0, 0, 0, 0, false
	return ev
}

// busy notes that something happens that keeps the world from being quiet.
func (w *World) busy() { w.lastBusy = w.now }

// choose asks the source and holds it to its range.
func (w *World) choose(p choice.Point) uint64 {
	if p.N <= 1 {
		return 0
	}
	w.once(p.Site, p.Key)
	v := w.src.Choose(p)
	if v == 0 {
		return 0
	}
	if v >= p.N {
		w.fail(fmt.Errorf("%w: site %s: %d of %d", ErrAnswer, p.Site, v, p.N))
		return 0
	}
	if w.opts.Decisions && w.within("kept decisions", len(w.kept)+1, w.opts.Limits.Decisions) {
		w.kept = append(w.kept, TimedDecision{choice.Decision{Site: p.Site, Key: p.Key, Value: v}, w.now})
	}
	return v
}

// once holds keys to being unique, if asked to.
func (w *World) once(site string, key Key) {
	if w.asked == nil {
		return
	}
	k := asked{site, key}
	if _, twice := w.asked[k]; twice {
		w.fail(fmt.Errorf("%w: %s, key %016x", ErrKeyTwice, site, key))
	}
	w.asked[k] = struct{}{}
}

// traced folds ev into the trace.
func (w *World) traced(ev *event) {
	if w.asked != nil {
		w.once(ev.kind.String(), ev.key)
	}
	w.trace.deliver(ev, w.bufs.get(ev.buf))
}
