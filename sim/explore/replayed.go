package explore

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
)

// ErrReplay reports a node that does not come to the same again by the same events.
var ErrReplay = errors.New("sim/explore: a node does not repeat")

// Running is a node that runs and cannot be copied, as that of a library which keeps its
// state to itself: it is changed by each event.
type Running struct {
	// Step is what the node makes of an event.
	Step func(ev Event) ([]Message, error)
	// Crash has the node crash and start again at once, and says what it sends; it is needed
	// where the scope has crashes.
	Crash func() ([]Message, error)
	// Timers lists the timers that are armed; nil has none.
	Timers func() []uint64
	// Append writes the state in canonical bytes. nil is for a node that shows too little of
	// itself: each of its histories counts as a state of its own then, which is safe, and makes
	// scopes smaller than they could be.
	Append func(dst []byte) []byte
	// View is what checks of ends need of the node, a value that the node does not change
	// afterwards; nil shows nothing.
	View func() any
	// Check names what is wrong with the node, "" if nothing; nil checks nothing.
	Check func() string
}

// Past is a state of a node that was run there from its start, as a value.
type Past struct {
	View any // what Running.View gave

	before *Past
	event  Event
	self   int
	depth  int
	bytes  []byte
	timers []uint64
	wrong  string
	sent   []Message
}

// crashed is the event of a crash in a past; no node is given it.
var crashed = Event{Kind: Crash}

// Replayed is a cluster of nodes that run and cannot be copied. A state of one is what has
// happened to it, and is come back to by running a new node through that again, so a step
// costs as many as the node has taken before; states that Append writes alike are one, and a
// step of each is taken once.
//
// Start, Step, Timers, Crashed, Append and CheckNode of what it returns are set; the rest is
// the caller's: how many nodes, what they are told, the scope, and what must hold in the end,
// of which [Past.View] is what there is to look at. What a node does by itself, without an event,
// and what it draws by chance, must not be: a replay that comes to something else is an
// error that wraps [ErrReplay].
func Replayed(start func(self int) (Running, []Message, error)) Cluster[*Past] {
	r := &replayer{start: start, live: make(map[int]lived)}
	return Cluster[*Past]{
		Start: r.begin, Step: r.step,
		Crashed: func(self int, n *Past) (*Past, []Message, error) { return r.step(self, n, crashed) },
		Timers:  func(_ int, n *Past) []uint64 { return n.timers },
		Append:  func(dst []byte, n *Past) []byte { return append(dst, n.bytes...) },
		CheckNode: func(_ int, n *Past) string {
			return n.wrong
		},
	}
}

// replayer runs nodes to where they are needed.
type replayer struct {
	start func(self int) (Running, []Message, error)
	live  map[int]lived // the node that ran last, by its number
}

// lived is a node, and where it is.
type lived struct {
	node Running
	at   *Past
}

// begin is a node at its start. An error there is one of its first step, and of all others.
func (r *replayer) begin(self int) (*Past, []Message) {
	node, sent, err := r.start(self)
	if err != nil {
		return &Past{self: self, bytes: []byte{0}, wrong: fmt.Sprintf("it does not start: %v", err)}, nil
	}
	p := pastOf(nil, Event{}, self, &node, sent)
	r.live[self] = lived{node, p}
	return p, sent
}

// step is what a node in a state makes of an event.
func (r *replayer) step(self int, n *Past, ev Event) (*Past, []Message, error) {
	node, err := r.at(self, n)
	if err != nil {
		return nil, nil, err
	}
	delete(r.live, self)
	sent, err := take(&node, ev)
	if err != nil {
		return nil, nil, err
	}
	next := pastOf(n, ev, self, &node, sent)
	r.live[self] = lived{node, next}
	return next, sent, nil
}

// at is a node in a state: the one that ran last, if it is there, or a new one that goes
// through what led to it.
func (r *replayer) at(self int, n *Past) (Running, error) {
	if l, ok := r.live[self]; ok && l.at == n {
		return l.node, nil
	}
	var way []*Past
	for p := n; p.before != nil; p = p.before {
		way = append(way, p)
	}
	node, sent, err := r.start(n.self)
	if err != nil {
		return Running{}, fmt.Errorf("%w: n%d does not start again: %w", ErrReplay, n.self, err)
	}
	was := n
	if len(way) > 0 {
		was = way[len(way)-1].before
	}
	if err := was.same(pastOf(nil, Event{}, n.self, &node, sent)); err != nil {
		return Running{}, err
	}
	for _, p := range slices.Backward(way) {
		sent, err := take(&node, p.event)
		if err != nil {
			return Running{}, fmt.Errorf("%w: n%d after %d events: %w", ErrReplay, n.self, p.depth, err)
		}
		if err := p.same(pastOf(p.before, p.event, n.self, &node, sent)); err != nil {
			return Running{}, err
		}
	}
	return node, nil
}

// take has a node take an event.
func take(node *Running, ev Event) ([]Message, error) {
	if ev.Kind != Crash {
		return node.Step(ev)
	}
	if node.Crash == nil {
		return nil, fmt.Errorf("%w: crashes of a node without Crash", ErrModel)
	}
	return node.Crash()
}

// pastOf is where a node is now.
func pastOf(before *Past, ev Event, self int, node *Running, sent []Message) *Past {
	p := &Past{before: before, event: ev, self: self, sent: slices.Clone(sent)}
	if before != nil {
		p.depth = before.depth + 1
	}
	switch {
	case node.Append != nil:
		p.bytes = node.Append(nil)
	case before != nil:
		p.bytes = appendEvent(slices.Clone(before.bytes), ev)
	}
	if node.Timers != nil {
		p.timers = slices.Clone(node.Timers())
	}
	if node.View != nil {
		p.View = node.View()
	}
	if node.Check != nil {
		p.wrong = node.Check()
	}
	return p
}

// appendEvent writes an event such that different histories are different bytes.
func appendEvent(dst []byte, ev Event) []byte {
	dst = append(dst, byte(ev.Kind))
	dst = binary.AppendUvarint(dst, uint64(ev.From))
	dst = binary.AppendUvarint(dst, ev.ID)
	dst = binary.AppendUvarint(dst, uint64(len(ev.Payload)))
	return append(dst, ev.Payload...)
}

// same refuses another outcome of the same events.
func (p *Past) same(again *Past) error {
	what := ""
	switch {
	case string(p.bytes) != string(again.bytes):
		what = fmt.Sprintf("its state is %.80q, and was %.80q", again.bytes, p.bytes)
	case !slices.Equal(p.timers, again.timers):
		what = fmt.Sprintf("its timers are %v, and were %v", again.timers, p.timers)
	case !slices.Equal(p.sent, again.sent):
		what = fmt.Sprintf("it sends %v, and sent %v", again.sent, p.sent)
	case p.wrong != again.wrong:
		what = fmt.Sprintf("what is wrong is %q, and was %q", again.wrong, p.wrong)
	default:
		return nil
	}
	return fmt.Errorf("%w: n%d, run again through %d events: %s; time, chance, goroutines or the order of a map reach it", ErrReplay, p.self, p.depth, what)
}
