package flow

import (
	"fmt"
	"strings"
	"sync/atomic"
)

// Options are the bounds of a graph. The zero value of a field is its default.
type Options struct {
	// Batch bounds how many elements an operator hands on at a time; 1024 by
	// default. 1 moves each element through the whole chain before the next is
	// taken, and a [Fold] publishes each growth, which the operators that read it see
	// before the next; otherwise it publishes one growth a batch.
	Batch int
	// Held bounds how many elements one operator may keep: what [Unique] and the
	// joins remember, what one element may flatten to, what waits in a loop.
	// 16,777,216 by default. Passing it is [ErrBound].
	Held int
	// Watch has each operator mark its calls in a way that [Scheduler.Busy] may
	// read from another goroutine even where Batch is 1. That costs some
	// nanoseconds an element.
	Watch bool
	// Strict takes no merge for another: an edge whose reader merges by a merge of another
	// name than that by which what comes is joined is an error of [Verify], [ErrClass],
	// also where nothing shows that the two differ; so is evidence of a function between
	// merges of other names than those it stands between, [ErrEvidence].
	Strict bool
}

const (
	defaultBatch = 1024
	defaultHeld  = 1 << 24
)

// Graph is a graph of operators under construction. Operators are added by the
// functions of this package; [Start] makes a graph runnable. A Graph must not be
// used from several goroutines.
type Graph struct {
	name  string
	opt   Options
	nodes []*node
	edges []*edge
	errs  []error
	sched *Scheduler

	loops   []loopEnd
	ends    []*node  // of channels
	cycles  *around  // through channels; set once all graphs of them run
	atRest  bool     // nothing can run until something comes; see settled
	closers []func() // what iterators hold until the graph is closed
}

// loopEnd lets the scheduler end a loop.
type loopEnd struct {
	n      *node
	finish func()
}

// New returns an empty graph. Its name is for messages and drawings.
func New(name string, o Options) *Graph {
	if o.Batch <= 0 {
		o.Batch = defaultBatch
	}
	if o.Held <= 0 {
		o.Held = defaultHeld
	}
	return &Graph{name: name, opt: o}
}

// Name is the graph's name.
func (g *Graph) Name() string { return g.name }

// node is an operator, without the types of its elements.
type node struct {
	g     *Graph
	id    int
	op    string // what it is: "map", "fold"
	label string // what the user calls it
	rule  rule   // what it does to what its edges carry
	claim Claim  // what is claimed of its function
	outs  []*outlet
	ins   []*edge

	task    *task             // of what runs by itself: sinks, and operators on State edges
	onWake  func()            // of what fans out; nil passes a wake on
	claimed bool              // the user gave the claim
	by      map[string]reader // by which merge it reads its inputs, by port; see asks
	into    any               // the merge of the deltas that it makes, or its mergeName; nil where nobody says
	image   bool              // it makes f of each delta: evidence of f is evidence of the operator
	busy    atomic.Bool       // a function of the user runs
	telling bool              // that function is a subscriber's
	ends    bool              // a source has nothing more
	blocked bool              // a channel has no room for what the node holds

	far      *node // the other end of a channel
	channel  pipe  // of its receiving end
	external bool  // a source that is fed while the graph runs
}

// outlet is one output of a node.
type outlet struct {
	n      *node
	port   int
	label  string
	reader *node // what consumes it; State outlets may have several
	state  bool
	typ    string
	merge  any // of a State edge
}

// edge is one use of an outlet.
type edge struct {
	from *outlet
	to   *node
	port string
}

func (g *Graph) add(op string, r rule) *node {
	n := &node{g: g, id: len(g.nodes), op: op, rule: r}
	g.nodes = append(g.nodes, n)
	if g.sched != nil {
		n.fail(ErrStarted, "build the whole graph before Start; only subscriptions may come later")
	}
	return n
}

// String names the node: its kind, its place in the graph, and its label.
func (n *node) String() string {
	if n.label != "" {
		return fmt.Sprintf("%s#%d %q", n.op, n.id, n.label)
	}
	return fmt.Sprintf("%s#%d", n.op, n.id)
}

func (n *node) err(cause error, remedy string) error {
	return &OperatorError{Operator: n.String(), Err: cause, Remedy: remedy}
}

// fail records an error of construction.
func (n *node) fail(cause error, remedy string) { n.g.errs = append(n.g.errs, n.err(cause, remedy)) }

// need records an error where an argument is missing.
func (n *node) need(ok bool, what string) {
	if !ok {
		n.fail(fmt.Errorf("%w: %s", ErrArgument, what), "")
	}
}

func (n *node) reads(port string, r reader) {
	if n.by == nil {
		n.by = make(map[string]reader)
	}
	n.by[port] = r
}

// wake tells whoever reads the node that it may have something.
func (n *node) wake() {
	switch {
	case n.task != nil:
		n.task.wake()
	case n.onWake != nil:
		n.onWake()
	case len(n.outs) > 0:
		n.outs[0].wake()
	}
}

// before are the operators that lead to n, through channels too.
func (n *node) before() []*node {
	var nodes []*node
	for _, e := range n.ins {
		nodes = append(nodes, e.from.n)
	}
	if n.rule == receiveRule && n.far != nil {
		nodes = append(nodes, n.far)
	}
	return nodes
}

// joins are the operators of other graphs that channels join n to.
func (n *node) joins() []*node {
	if n.far == nil {
		return nil
	}
	return []*node{n.far}
}

// String names the outlet, and its place where the operator has several.
func (o *outlet) String() string {
	if len(o.n.outs) == 1 {
		return o.n.String()
	}
	return fmt.Sprintf("%v[%d]", o.n, o.port)
}

func (o *outlet) err(cause error, remedy string) error {
	return &OperatorError{Operator: o.String(), Err: cause, Remedy: remedy}
}

func (o *outlet) wake() {
	if o.reader != nil {
		o.reader.wake()
	}
}

func newOutlet[T any](n *node, state bool) *outlet {
	o := &outlet{n: n, port: len(n.outs), state: state, typ: typeName[T]()}
	n.outs = append(n.outs, o)
	return o
}

func typeName[T any]() string {
	return strings.ReplaceAll(fmt.Sprintf("%T", (*T)(nil))[1:], "github.com/joinery-go/joinery/", "")
}

// connect makes n read o; port names the input where n has several.
func connect(o *outlet, n *node, port string) bool {
	switch {
	case o == nil || o.n.g != n.g:
		n.fail(ErrForeign, "edges join graphs only through a Channel")
		return false
	case !o.state && o.reader != nil:
		n.fail(fmt.Errorf("%w: %v reads the edge of %v", ErrConsumed, o.reader, o.n), "use Tee")
		return false
	}
	if !o.state {
		o.reader = n
	}
	e := &edge{from: o, to: n, port: port}
	n.ins = append(n.ins, e)
	n.g.edges = append(n.g.edges, e)
	return true
}

// lost is the graph of operators that were given the zero value of an edge.
func lost(g *Graph) *Graph {
	if g == nil {
		g = New("lost", Options{})
		g.errs = append(g.errs, fmt.Errorf("flow: %w: the zero value of an edge belongs to no graph", ErrForeign))
	}
	return g
}
