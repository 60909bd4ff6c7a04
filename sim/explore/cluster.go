package explore

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"slices"
)

// Cluster is a message-passing protocol in a small scope. N is the state of one
// node, a value: Step returns a new one. The zero value of a bound allows none of
// what it bounds.
type Cluster[N any] struct {
	Nodes int // 1 to 64
	// Start makes a node and says what it sends at once.
	Start func(self int) (N, []Message)
	// Step is what a node makes of an event. It must change nothing reachable from
	// n, and do the same in nodes with equal encodings.
	Step func(self int, n N, ev Event) (N, []Message, error)
	// Timers lists the timers armed in n, each of which may fire at any moment;
	// nil has none. A timer is spent by firing only if n says so.
	Timers func(self int, n N) []uint64
	// Crashed is what is left of a node that crashes and starts again at once; it
	// is needed with Crashes, and what it returns is sent.
	Crashed func(self int, n N) (N, []Message, error)
	// Append writes n in canonical bytes.
	Append func(dst []byte, n N) []byte

	Inputs []Input
	// The scope: how many messages may be dropped and duplicated and how many
	// crashes there may be in all, at most 1000 each, and how many timers may fire
	// at each node, at most 255.
	Drops, Duplicates, Crashes, Firings int
	// EarlyDrops lets a message be dropped at any moment. Without it a message that
	// is to be lost stays under way until nothing else is left to happen, which
	// leads to the same states of nodes, and the same ends.
	EarlyDrops bool

	// CheckNode names what is wrong with a node, "" if nothing; nil checks nothing.
	CheckNode func(self int, n N) string
	// CheckEnd is asked of the nodes where no input, timer or message is left: a
	// crash may yet happen, but need not. nil checks nothing.
	CheckEnd func(nodes []N) string
	// With Quiet, such nodes first run on without faults until all are quiet, or
	// for so many Rounds: in each, all timers of all nodes fire, and messages arrive
	// in the order of the steps that sent them.
	Quiet  func(n N) bool
	Rounds int
}

// Input is an operation handed to a node, once.
type Input struct {
	Node int // -1 is any node
	ID   uint64
}

// Message is a message under way.
type Message struct {
	From, To int
	Payload  string
}

// Event is what happens at a node.
type Event struct {
	Kind    ActionKind // Deliver (and Duplicate), Fire or Take
	From    int        // of a message
	Payload string     // of a message
	ID      uint64     // of a timer or an input
}

// Global is a state of the whole cluster. It is a value: nothing in it changes.
type Global[N any] struct {
	Nodes []N
	Net   []Message // the multiset under way, sorted
	Taken uint64    // inputs taken, a bit each
	Fired []int     // timers fired, by node
	// Drops, Duplicates and Crashes are what is left of the bounds.
	Drops, Duplicates, Crashes int
}

// ActionKind says what an action of a cluster does.
type ActionKind uint8

// The kinds of actions.
const (
	Deliver   ActionKind = iota + 1 // a message arrives
	Fire                            // a timer fires
	Take                            // a node takes an input
	Drop                            // a message is lost
	Duplicate                       // a message arrives and stays under way
	Crash                           // a node loses what is not kept, and starts again
)

var actionNames = [...]string{0: "action(invalid)", Deliver: "deliver", Fire: "fire", Take: "take", Drop: "drop", Duplicate: "duplicate", Crash: "crash"}

// String names the kind in lower case.
func (k ActionKind) String() string {
	if int(k) < len(actionNames) {
		return actionNames[k]
	}
	return actionNames[0]
}

// Action is one thing that can happen in a cluster.
type Action struct {
	Kind    ActionKind
	Node    int     // the node at which it happens
	Message Message // of Deliver, Drop and Duplicate
	ID      uint64  // of a timer, or the position of an input
}

// String writes the action in a few words.
func (a Action) String() string {
	switch a.Kind {
	case Deliver, Drop, Duplicate:
		return fmt.Sprintf("%v n%d→n%d %q", a.Kind, a.Message.From, a.Message.To, a.Message.Payload)
	case Fire, Take:
		return fmt.Sprintf("%v %d at n%d", a.Kind, a.ID, a.Node)
	}
	return fmt.Sprintf("%v n%d", a.Kind, a.Node)
}

// The most that a state has room for.
const (
	maxNodes   = 64
	maxInputs  = 64
	maxFirings = 255
	maxFaults  = 1000
)

func (c *Cluster[N]) validate() error {
	switch {
	case c.Nodes < 1 || c.Nodes > maxNodes || c.Start == nil || c.Step == nil || c.Append == nil:
		return fmt.Errorf("%w: cluster of %d nodes: 1 to %d, Start, Step and Append are needed", ErrModel, c.Nodes, maxNodes)
	case len(c.Inputs) > maxInputs:
		return fmt.Errorf("%w: %d inputs, at most %d", ErrModel, len(c.Inputs), maxInputs)
	case c.Crashes > 0 && c.Crashed == nil:
		return fmt.Errorf("%w: crashes without Crashed", ErrModel)
	case min(c.Drops, c.Duplicates, c.Crashes, c.Firings, c.Rounds) < 0:
		return fmt.Errorf("%w: a bound of the scope is negative", ErrModel)
	case max(c.Drops, c.Duplicates, c.Crashes) > maxFaults || c.Firings > maxFirings:
		return fmt.Errorf("%w: a bound of the scope is beyond %d faults or %d firings", ErrModel, maxFaults, maxFirings)
	}
	for i, in := range c.Inputs {
		if in.Node < -1 || in.Node >= c.Nodes {
			return fmt.Errorf("%w: input %d is for node %d of %d", ErrModel, i, in.Node, c.Nodes)
		}
	}
	return nil
}

// Model is the transition system of c in the plain: each step of a node is taken
// anew wherever it occurs, messages are dropped at any moment, and nothing is
// renamed. It is what [Cluster.Run] is held to.
func (c *Cluster[N]) Model() (Model[*Global[N], Action], error) {
	return Model[*Global[N], Action]{
		Init: c.init, Actions: c.actions, Apply: c.apply, Append: c.append, Check: c.check,
		Independent: independent, Class: func(a Action) int { return int(a.Kind) }, Classes: actionNames[:],
	}, c.validate()
}

func (c *Cluster[N]) init() []*Global[N] {
	g := &Global[N]{Fired: make([]int, c.Nodes), Drops: c.Drops, Duplicates: c.Duplicates, Crashes: c.Crashes}
	for i := range c.Nodes {
		n, sends := c.Start(i)
		g.Nodes = append(g.Nodes, n)
		g.Net = append(g.Net, from(i, sends)...)
	}
	slices.SortFunc(g.Net, compareMessages)
	return []*Global[N]{g}
}

// from stamps messages with their sender.
func from(i int, ms []Message) []Message {
	out := slices.Clone(ms)
	for j := range out {
		out[j].From = i
	}
	return out
}

func compareMessages(a, b Message) int {
	return cmp.Or(cmp.Compare(a.To, b.To), cmp.Compare(a.From, b.From), cmp.Compare(a.Payload, b.Payload))
}

// actions lists deliveries first, by target: they are what a state has most of,
// and those of different targets commute.
func (c *Cluster[N]) actions(out []Action, g *Global[N]) []Action {
	each := func(kind ActionKind) {
		for i, m := range g.Net {
			if i == 0 || m != g.Net[i-1] {
				out = append(out, Action{Kind: kind, Node: m.To, Message: m})
			}
		}
	}
	each(Deliver)
	for n := range c.Nodes {
		if c.Timers != nil && g.Fired[n] < c.Firings {
			for _, id := range c.Timers(n, g.Nodes[n]) {
				out = append(out, Action{Kind: Fire, Node: n, ID: id})
			}
		}
	}
	for i, in := range c.Inputs {
		if g.Taken>>i&1 == 1 {
			continue
		}
		for n := range c.Nodes {
			if in.Node < 0 || in.Node == n {
				out = append(out, Action{Kind: Take, Node: n, ID: uint64(i)})
			}
		}
	}
	if g.Duplicates > 0 {
		each(Duplicate)
	}
	if g.Drops > 0 {
		each(Drop)
	}
	if g.Crashes > 0 {
		for n := range c.Nodes {
			out = append(out, Action{Kind: Crash, Node: n})
		}
	}
	return out
}

// apply is the state after a.
func (c *Cluster[N]) apply(g *Global[N], a Action) (*Global[N], error) {
	next := *g
	ev := Event{Kind: a.Kind, From: a.Message.From, Payload: a.Message.Payload, ID: a.ID}
	switch a.Kind {
	case Duplicate:
		next.Duplicates--
		ev.Kind = Deliver
	case Deliver, Drop:
		i, ok := slices.BinarySearchFunc(g.Net, a.Message, compareMessages)
		if !ok {
			return nil, fmt.Errorf("%w: %v, which is not under way", ErrModel, a)
		}
		next.Net = slices.Delete(slices.Clone(g.Net), i, i+1)
		if a.Kind == Drop {
			next.Drops--
			return &next, nil
		}
	case Fire:
		next.Fired = slices.Clone(g.Fired)
		next.Fired[a.Node]++
	case Take:
		next.Taken |= 1 << a.ID
		ev.ID = c.Inputs[a.ID].ID
	case Crash:
		next.Crashes--
	}
	if a.Node < 0 || a.Node >= c.Nodes {
		return nil, fmt.Errorf("%w: %v, one of %d nodes", ErrModel, a, c.Nodes)
	}
	n, sends, err := c.step(a.Node, g.Nodes[a.Node], ev)
	if err != nil {
		return nil, err
	}
	next.Nodes = slices.Clone(g.Nodes)
	next.Nodes[a.Node] = n
	if len(sends) > 0 {
		next.Net = append(slices.Clone(next.Net), sends...)
		slices.SortFunc(next.Net, compareMessages)
	}
	return &next, nil
}

// step is what node self makes of an event, of which a crash is one.
func (c *Cluster[N]) step(self int, n N, ev Event) (N, []Message, error) {
	var sends []Message
	var err error
	if ev.Kind == Crash {
		n, sends, err = c.Crashed(self, n)
	} else {
		n, sends, err = c.Step(self, n, ev)
	}
	if err == nil {
		err = c.addressed(self, sends)
	}
	return n, from(self, sends), err
}

// addressed asks that messages be for nodes there are.
func (c *Cluster[N]) addressed(self int, sends []Message) error {
	for _, m := range sends {
		if m.To < 0 || m.To >= c.Nodes {
			return fmt.Errorf("%w: node %d sends to node %d of %d", ErrModel, self, m.To, c.Nodes)
		}
	}
	return nil
}

// check judges each node and, where nothing is left to happen, the end.
func (c *Cluster[N]) check(g *Global[N]) string {
	if c.CheckNode != nil {
		for i, n := range g.Nodes {
			if what := c.CheckNode(i, n); what != "" {
				return what
			}
		}
	}
	if len(g.Net) > 0 || g.Taken != 1<<len(c.Inputs)-1 {
		return ""
	}
	for i, n := range g.Nodes {
		if c.Timers != nil && g.Fired[i] < c.Firings && len(c.Timers(i, n)) > 0 {
			return ""
		}
	}
	what, err := judgeEnd(c, g.Nodes, func(n N) N { return n }, c.step)
	if err != nil {
		return err.Error()
	}
	return what
}

// judgeEnd lets nodes that come to rest run on as [Cluster.Quiet] says, and asks
// CheckEnd. A node is known by a handle, of which state is the node and step the
// next one.
func judgeEnd[N, H any](c *Cluster[N], nodes []H, state func(h H) N, step func(i int, h H, ev Event) (H, []Message, error)) (string, error) {
	if c.CheckEnd == nil {
		return "", nil
	}
	nodes = slices.Clone(nodes)
	states := make([]N, len(nodes))
	for round := 0; ; round++ {
		quiet := true
		for i, h := range nodes {
			states[i] = state(h)
			quiet = quiet && (c.Quiet == nil || c.Quiet(states[i]))
		}
		if quiet {
			return c.CheckEnd(states), nil
		}
		if round == c.Rounds {
			return fmt.Sprintf("without further faults the nodes do not come to rest in %d rounds", c.Rounds), nil
		}
		if err := healRound(c, nodes, states, step); err != nil {
			return "", err
		}
	}
}

// healRound fires the timers armed in states, which are those of nodes, and
// delivers all that comes of it.
func healRound[N, H any](c *Cluster[N], nodes []H, states []N, step func(i int, h H, ev Event) (H, []Message, error)) error {
	var net []Message
	take := func(i int, ev Event) error {
		h, sends, err := step(i, nodes[i], ev)
		nodes[i], net = h, append(net, sends...)
		return err
	}
	if c.Timers != nil {
		for i, n := range states {
			for _, id := range c.Timers(i, n) {
				if err := take(i, Event{Kind: Fire, ID: id}); err != nil {
					return err
				}
			}
		}
	}
	for len(net) > 0 {
		m := net[0]
		net = net[1:]
		if err := take(m.To, Event{Kind: Deliver, From: m.From, Payload: m.Payload}); err != nil {
			return err
		}
	}
	return nil
}

// append writes the nodes, each with its length, and all else as it is.
func (c *Cluster[N]) append(dst []byte, g *Global[N]) []byte {
	for i, n := range g.Nodes {
		at := len(dst)
		dst = c.Append(append(dst, 0, 0, 0, 0), n)
		binary.LittleEndian.PutUint32(dst[at:], uint32(len(dst)-at-4))
		dst = binary.AppendUvarint(dst, uint64(g.Fired[i]))
	}
	for _, v := range []uint64{g.Taken, uint64(g.Drops), uint64(g.Duplicates), uint64(g.Crashes)} {
		dst = binary.AppendUvarint(dst, v)
	}
	for _, m := range g.Net {
		dst = binary.AppendUvarint(dst, uint64(m.From))
		dst = binary.AppendUvarint(dst, uint64(m.To))
		dst = binary.AppendUvarint(dst, uint64(len(m.Payload)))
		dst = append(dst, m.Payload...)
	}
	return dst
}

// independent holds of actions at different nodes that neither draw on one bound
// nor concern one message. Both nodes may take one and the same input, if it is
// for any.
func independent(a, b Action) bool {
	switch {
	case a.Kind == Drop || b.Kind == Drop:
		// A drop touches no node.
		return a.Kind != b.Kind && a.Message != b.Message
	case a.Node == b.Node:
		return false
	case a.Kind == b.Kind && (a.Kind == Duplicate || a.Kind == Crash):
		return false
	case a.Kind == Take && b.Kind == Take:
		return a.ID != b.ID
	}
	return true
}
