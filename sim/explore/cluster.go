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
	Nodes int
	// Start makes a node and says what it sends at once.
	Start func(self int) (N, []Message)
	// Step is what a node makes of an event. It must change nothing reachable from n.
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
	// crashes there may be in all, and how many timers may fire at each node.
	Drops, Duplicates, Crashes, Firings int

	// Check and CheckEnd judge the states of all nodes, see [Model].
	Check, CheckEnd func(s *Global[N]) string

	// Rename makes of n what it would be with nodes renamed by p, and RenameMessage
	// the same of a payload. With Rename, all renamings are a symmetry, but for
	// those that move a node named by an input.
	Rename        func(n N, p []int) N
	RenameMessage func(payload string, p []int) string

	// Memo takes each step of a node once, however many states of the cluster it
	// occurs in, which is faster and takes less memory. It needs nodes with equal
	// encodings to behave alike in every company, where without it they need to
	// only within states that are equal as a whole.
	Memo bool

	memory *memory[N] // nil without Memo
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

	ids []uint32 // of Nodes, see memory
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

var actionNames = [...]string{Deliver: "deliver", Fire: "fire", Take: "take", Drop: "drop", Duplicate: "duplicate", Crash: "crash"}

// String names the kind in lower case.
func (k ActionKind) String() string {
	if int(k) < len(actionNames) && actionNames[k] != "" {
		return actionNames[k]
	}
	return "action(invalid)"
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

// maxInputs is how many inputs the bits of Global.Taken name.
const maxInputs = 64

// Model is the transition system of c. Actions at different nodes that draw on no
// common bound are declared to commute.
func (c *Cluster[N]) Model() (Model[*Global[N], Action], error) {
	m := Model[*Global[N], Action]{
		Init: c.init, Actions: c.actions, Apply: c.apply, Append: c.append,
		Check: c.Check, CheckEnd: c.CheckEnd,
		Independent: independent, Class: func(a Action) string { return a.Kind.String() },
	}
	switch {
	case c.Nodes < 1 || c.Start == nil || c.Step == nil || c.Append == nil:
		return m, fmt.Errorf("%w: cluster of %d nodes: Nodes, Start, Step and Append are needed", ErrModel, c.Nodes)
	case len(c.Inputs) > maxInputs:
		return m, fmt.Errorf("%w: %d inputs, at most %d", ErrModel, len(c.Inputs), maxInputs)
	case c.Crashes > 0 && c.Crashed == nil:
		return m, fmt.Errorf("%w: crashes without Crashed", ErrModel)
	case c.Drops < 0 || c.Duplicates < 0 || c.Crashes < 0 || c.Firings < 0:
		return m, fmt.Errorf("%w: a bound of the scope is negative", ErrModel)
	case (c.Rename == nil) != (c.RenameMessage == nil):
		return m, fmt.Errorf("%w: Rename and RenameMessage are needed together", ErrModel)
	}
	fixed := make([]bool, c.Nodes)
	for i, in := range c.Inputs {
		if in.Node < -1 || in.Node >= c.Nodes {
			return m, fmt.Errorf("%w: input %d is for node %d of %d", ErrModel, i, in.Node, c.Nodes)
		}
		if in.Node >= 0 {
			fixed[in.Node] = true
		}
	}
	c.memory = nil
	if c.Memo {
		c.memory = newMemory(c)
	}
	if c.Rename != nil {
		m.Permute, m.PermuteAction = c.permute, c.permuteAction
		m.Symmetry = slices.DeleteFunc(Permutations(c.Nodes), func(p []int) bool {
			return slices.ContainsFunc(p, func(i int) bool { return fixed[i] && p[i] != i })
		})
	}
	return m, nil
}

func (c *Cluster[N]) init() []*Global[N] {
	g := &Global[N]{Fired: make([]int, c.Nodes), Drops: c.Drops, Duplicates: c.Duplicates, Crashes: c.Crashes}
	for i := range c.Nodes {
		n, sends := c.Start(i)
		n, id := c.memory.intern(i, n)
		g.Nodes, g.ids = append(g.Nodes, n), append(g.ids, id)
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
func (c *Cluster[N]) actions(g *Global[N]) []Action {
	var out []Action
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
	out, err := c.memory.step(c, a.Node, g.Nodes[a.Node], g.ids[a.Node], ev)
	if err != nil {
		return nil, err
	}
	next.Nodes, next.ids = slices.Clone(g.Nodes), slices.Clone(g.ids)
	next.Nodes[a.Node], next.ids[a.Node] = out.state, out.id
	if len(out.sends) > 0 {
		next.Net = append(slices.Clone(next.Net), out.sends...)
		slices.SortFunc(next.Net, compareMessages)
	}
	return &next, nil
}

// append writes the nodes, each with its length, or by their numbers in the memory,
// which are equal exactly for equal nodes, and all else as it is.
func (c *Cluster[N]) append(dst []byte, g *Global[N]) []byte {
	for i, id := range g.ids {
		if c.memory != nil {
			dst = binary.LittleEndian.AppendUint32(dst, id)
		} else {
			at := len(dst)
			dst = c.Append(append(dst, 0, 0, 0, 0), g.Nodes[i])
			binary.LittleEndian.PutUint32(dst[at:], uint32(len(dst)-at-4))
		}
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

func (c *Cluster[N]) permute(g *Global[N], p []int) *Global[N] {
	next := *g
	next.Nodes, next.ids, next.Fired = make([]N, c.Nodes), make([]uint32, c.Nodes), make([]int, c.Nodes)
	for i := range g.Nodes {
		next.Nodes[p[i]], next.ids[p[i]] = c.memory.intern(p[i], c.Rename(g.Nodes[i], p))
		next.Fired[p[i]] = g.Fired[i]
	}
	next.Net = make([]Message, len(g.Net))
	for i, m := range g.Net {
		next.Net[i] = c.renamed(m, p)
	}
	slices.SortFunc(next.Net, compareMessages)
	return &next
}

func (c *Cluster[N]) renamed(m Message, p []int) Message {
	return Message{From: p[m.From], To: p[m.To], Payload: c.RenameMessage(m.Payload, p)}
}

func (c *Cluster[N]) permuteAction(a Action, p []int) Action {
	a.Node = p[a.Node]
	switch a.Kind {
	case Deliver, Drop, Duplicate:
		a.Message = c.renamed(a.Message, p)
	}
	return a
}
