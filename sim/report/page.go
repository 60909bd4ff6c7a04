package report

import (
	"errors"
	"fmt"
	"math"
)

// ErrPage is wrapped by every refusal to write a page.
var ErrPage = errors.New("report: invalid page")

// Bounds of a page. What is beyond is left out, and the page says how much that is.
const (
	MaxEvents     = 500_000
	MaxOperations = 500_000
	MaxStates     = 200_000 // changes of state
	MaxBands      = 2_000
	MaxText       = 4_000 // bytes of one label or text; of a state too
	MaxOrder      = 64    // states of one Hasse diagram, since it takes the cube of them
	MaxLanes      = 256
	maxRows       = 1_000 // rows of a table written without a script
	maxOrders     = 16
)

// Page is what a page shows. Only Title must be there.
type Page struct {
	Title      string
	Verdict    string // in a word or two, such as "violated"
	Bad        bool   // whether the verdict is bad news
	Summary    []string
	Facts      []Fact
	Commands   []Fact // Value is a command line that can be pasted
	Violations []Fact // Name is a signature, Value says what happened
	Run        *Diagram
	History    *Diagram
	Orders     []Order
	Choices    *Choices
	Rewind     *Rewind
	Shrink     *Shrink
	Notes      []string // what this page does not show, and why
}

// Fact is a name and what stands beside it.
type Fact struct{ Name, Value string }

// Lane is a node, a client or a session: a vertical line of a diagram.
type Lane struct {
	Name string
	What string // what kind of lane: replica, client, session
}

// Kind says what an event is. It decides the sign that is drawn, and which events
// a reader can leave out.
type Kind uint8

// The kinds of events.
const (
	Message Kind = iota // arrives
	Lost                // a message does not arrive
	Operation
	Return // of an operation
	Storage
	Timer
	Start
	Crash
	Network // links fail or are restored, faults end
	Note
	numKinds
)

var kindNames = [numKinds]string{"message", "lost", "operation", "return", "storage", "timer", "start", "crash", "network", "note"}

// String names the kind in lower case.
func (k Kind) String() string {
	if k < numKinds {
		return kindNames[k]
	}
	return "kind(invalid)"
}

// None is no lane.
const None = -1

// Event is one thing that happens, a row of a diagram. Events are in the order in
// which they happened; At never falls.
type Event struct {
	At    int64
	Lane  int // where it happens, of a lost message where it does not; or None
	Kind  Kind
	Label string
	From  int    // the sender of a message, else None
	Sent  int64  // when it was sent
	Fate  string // faults that had a hand in a message, or in its loss
	Mark  bool   // of the witness
}

// Span is an interval on a lane: an operation from its call to its return.
type Span struct {
	Name    string // by which text refers to it, such as #4
	Lane    int
	From    int64
	Until   int64 // as From or later; the end of the run where Open
	Open    bool  // it never returned
	Label   string
	Outcome string
	Mark    bool // of the witness
}

// Band is a fault in force for a while.
type Band struct {
	From, Until int64
	Lanes       []int // that it strikes; none is all
	Label       string
}

// State is a change of what a lane holds under a key.
type State struct {
	At            int64
	Lane          int
	Key           string
	Before, After string // "" is nothing
}

// Diagram is a space-time diagram.
type Diagram struct {
	Lanes  []Lane
	Events []Event
	Spans  []Span
	Bands  []Band
	States []State // in order of time
	// Clock says that times are nanoseconds of a clock that starts at 0. Else they are
	// numbers that grow, and only their order and distance is shown.
	Clock bool
	// Untimed says that times are an order alone, so none are shown.
	Untimed bool
	// Cut is how many events the source of the diagram had no room for.
	Cut int64
}

// Rewind is how likely the bug is if everything before a point is as it was, and
// all from there on is drawn anew.
type Rewind struct {
	Points []RewindPoint
	Draws  int    // runs at each point
	Seed   uint64 // of what was drawn
}

// RewindPoint is one point of rewind.
type RewindPoint struct {
	At     int64  // in virtual nanoseconds
	What   string // the last thing that is fixed
	Failed int    // of Draws runs
}

// Choices is what the bug takes: each fault and operation, and what becomes of the
// bug without it.
type Choices struct {
	Rows  []Choice
	Draws int // runs behind With, and behind Without
}

// Choice is one fault or operation.
type Choice struct {
	What          string
	At            int64
	Drawn         bool // With and Without were found out
	With, Without int  // failing runs of Draws, if all after it is drawn anew
	StillFails    bool // the run fails alike if it alone is taken away, and the rest stays
	Operation     bool
}

// Shrink is how a run got small.
type Shrink struct {
	Steps   []ShrinkStep // falling
	Replays int          // that the search took in all
	Settled bool         // nothing makes it smaller
}

// ShrinkStep is what was left after so many replays.
type ShrinkStep struct{ Replay, Operations, Faults int }

// check refuses what cannot be drawn.
func (p *Page) check() error {
	if p.Title == "" {
		return fmt.Errorf("%w: no title", ErrPage)
	}
	if err := p.Run.check(); err != nil {
		return fmt.Errorf("%w: run: %w", ErrPage, err)
	}
	if err := p.History.check(); err != nil {
		return fmt.Errorf("%w: history: %w", ErrPage, err)
	}
	for i := range p.Orders {
		if err := p.Orders[i].check(); err != nil {
			return fmt.Errorf("%w: order %q: %w", ErrPage, p.Orders[i].Title, err)
		}
	}
	if r := p.Rewind; r != nil {
		for _, x := range r.Points {
			if x.Failed < 0 || x.Failed > r.Draws {
				return fmt.Errorf("%w: rewind: %d failing runs of %d", ErrPage, x.Failed, r.Draws)
			}
		}
	}
	if c := p.Choices; c != nil {
		for _, x := range c.Rows {
			if x.Drawn && (x.With < 0 || x.With > c.Draws || x.Without < 0 || x.Without > c.Draws) {
				return fmt.Errorf("%w: choice %q: %d and %d failing runs of %d", ErrPage, x.What, x.With, x.Without, c.Draws)
			}
		}
	}
	return nil
}

func (d *Diagram) check() error {
	if d == nil {
		return nil
	}
	lane := func(n int) error {
		if n < None || n >= len(d.Lanes) {
			return fmt.Errorf("lane %d of %d", n, len(d.Lanes))
		}
		return nil
	}
	if len(d.Lanes) > MaxLanes {
		return fmt.Errorf("%d lanes, at most %d can be drawn", len(d.Lanes), MaxLanes)
	}
	last := int64(math.MinInt64)
	for i := range d.Events {
		e := &d.Events[i]
		if err := errors.Join(lane(e.Lane), lane(e.From)); err != nil {
			return fmt.Errorf("event %d: %w", i, err)
		}
		if e.At < last || e.Kind >= numKinds {
			return fmt.Errorf("event %d: at %d after %d, of kind %d", i, e.At, last, e.Kind)
		}
		last = e.At
	}
	for i := range d.Spans {
		s := &d.Spans[i]
		if err := lane(s.Lane); err != nil || s.Lane == None || s.Until < s.From {
			return fmt.Errorf("interval %d: lane %d of %d, from %d to %d", i, s.Lane, len(d.Lanes), s.From, s.Until)
		}
	}
	for i := range d.Bands {
		for _, n := range d.Bands[i].Lanes {
			if err := lane(n); err != nil {
				return fmt.Errorf("band %d: %w", i, err)
			}
		}
	}
	last = math.MinInt64
	for i := range d.States {
		s := &d.States[i]
		if err := lane(s.Lane); err != nil || s.Lane == None || s.At < last {
			return fmt.Errorf("change of state %d: lane %d of %d, at %d after %d", i, s.Lane, len(d.Lanes), s.At, last)
		}
		last = s.At
	}
	return nil
}
