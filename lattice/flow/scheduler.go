package flow

import (
	"fmt"
	"sync"
)

// Status is what a step of a scheduler came to.
type Status uint8

// The outcomes of a step.
const (
	Working  Status = iota // an operator ran
	Waiting                // nothing can run until input comes, or a channel has room
	Finished               // nothing will run any more
)

// String names the status.
func (s Status) String() string {
	switch s {
	case Working:
		return "working"
	case Waiting:
		return "waiting"
	case Finished:
		return "finished"
	}
	return "Status(invalid)"
}

// Scheduler runs a graph, one operator at a time, in an order that depends on
// nothing but the graph and its input. Its methods, but for [Scheduler.Do] and
// [Scheduler.Busy], belong to one goroutine.
type Scheduler struct {
	g       *Graph
	queue   []*task // first in, first out; head is the first
	head    int
	resting []*task // debounced, until nothing else can run
	running bool
	rested  bool // it has said that it has nothing to run
	failure error
	feeds   map[*node][]*node // what loops still wait for; nil until one may end

	mu     sync.Mutex
	woken  []*node  // by other goroutines
	calls  []func() // of Do
	signal chan struct{}
}

// task is an operator that pulls: a sink, a fold, an operator on State edges.
type task struct {
	n      *node
	run    func() status
	start  func()
	s      *Scheduler
	queued bool
	done   bool
	atRest bool // it runs because nothing else can
	rests  bool // it is in resting
	at     int  // the operator above whose function runs, where elements go one by one; -1 none
	broke  bool // the operator's own function has panicked
}

func (t *task) wake() {
	if t.s != nil && !t.queued && !t.done {
		t.queued = true
		t.s.queue = append(t.s.queue, t)
	}
}

// rest puts the task aside until nothing else can run.
func (t *task) rest() {
	if !t.rests {
		t.rests = true
		t.s.resting = append(t.s.resting, t)
	}
}

// Start makes a graph runnable, if [Verify] finds nothing against it. A graph is
// started once.
func Start(g *Graph) (*Scheduler, error) {
	if g == nil {
		return nil, fmt.Errorf("flow: start: %w: a nil graph", ErrArgument)
	}
	if g.sched != nil {
		return nil, fmt.Errorf("flow: start graph %q: %w", g.name, ErrStarted)
	}
	if err := Verify(g).Err(); err != nil {
		return nil, fmt.Errorf("flow: start graph %q: %w", g.name, err)
	}
	s := &Scheduler{g: g, signal: make(chan struct{}, 1)}
	for _, n := range g.nodes {
		if t := n.task; t != nil {
			t.s, t.at = s, -1
			if t.start != nil {
				t.start()
			}
			t.wake()
		}
	}
	g.sched = s
	return s, nil
}

// stop ends the step with an error of the operator.
func (n *node) stop(cause error, remedy string) status {
	if s := n.g.sched; s != nil && s.failure == nil {
		s.failure = n.err(cause, remedy)
	}
	return pending
}

// post wakes the operator from any goroutine.
func (n *node) post() {
	s := n.g.sched
	if s == nil {
		return
	}
	s.mu.Lock()
	s.woken = append(s.woken, n)
	s.mu.Unlock()
	s.rouse()
}

func (s *Scheduler) rouse() {
	select {
	case s.signal <- struct{}{}:
	default:
	}
}

// Do has f called by the goroutine that runs the graph, between two steps. It may be
// called from any goroutine; f may subscribe, cancel and read.
func (s *Scheduler) Do(f func()) {
	s.mu.Lock()
	s.calls = append(s.calls, f)
	s.mu.Unlock()
	s.rouse()
}

// mail does what other goroutines asked for; a call that panics is an error, and
// those after it are made by the next step.
func (s *Scheduler) mail() (err error) {
	s.mu.Lock()
	if s.rested && len(s.woken)+len(s.calls) > 0 {
		s.mu.Unlock()
		s.stir()
		s.mu.Lock()
	}
	woken, calls := s.woken, s.calls
	s.woken, s.calls = nil, nil
	s.mu.Unlock()
	for _, n := range woken {
		n.wake()
	}
	defer func() {
		if p := recover(); p != nil {
			s.mu.Lock()
			s.calls = append(calls, s.calls...)
			s.mu.Unlock()
			err = &OperatorError{Operator: "call of Do", Err: panicError(p)}
		}
	}()
	for len(calls) > 0 {
		f := calls[0]
		calls = calls[1:]
		f()
	}
	return nil
}

// Step runs one operator. An error names the operator; the step may be tried again,
// and nothing that the graph accepted is lost meanwhile.
func (s *Scheduler) Step() (Status, error) {
	if s.running {
		return Waiting, fmt.Errorf("flow: step graph %q: %w: called by a function of the graph", s.g.name, ErrArgument)
	}
	if err := s.mail(); err != nil {
		return Working, err
	}
	if s.head == len(s.queue) && !s.revive() {
		if ended, err := s.settled(); ended || err != nil {
			return Working, err
		}
		for _, n := range s.g.nodes {
			if n.external && !n.ends || n.blocked {
				return Waiting, nil
			}
		}
		return Finished, nil
	}
	s.stir()
	t := s.pop()
	s.running = true
	st, err := s.call(t)
	s.running = false
	if err == nil {
		err, s.failure = s.failure, nil
	}
	switch {
	case err != nil || st == ready:
		t.wake()
	case st == done:
		t.done = true
	}
	return Working, err
}

func (s *Scheduler) pop() *task {
	t := s.queue[s.head]
	s.queue[s.head] = nil
	s.head++
	if s.head == len(s.queue) {
		s.queue, s.head = s.queue[:0], 0
	} else if s.head >= 64 && s.head*2 >= len(s.queue) {
		s.queue = append(s.queue[:0], s.queue[s.head:]...)
		s.head = 0
	}
	t.queued = false
	return t
}

// revive finds work where no operator is ready: what was debounced, then loops
// that have come to rest.
func (s *Scheduler) revive() bool {
	if len(s.resting) > 0 {
		for _, t := range s.resting {
			t.rests, t.atRest = false, true
			t.wake()
		}
		s.resting = s.resting[:0]
	}
	return s.head < len(s.queue) || s.endLoops()
}

// endLoops ends the loops that nothing can come to any more: all sources that lead
// to them are at their end, and so are the loops that lead to them without being
// led to. Nothing is on its way, since nothing can run.
func (s *Scheduler) endLoops() bool {
	for _, n := range s.g.nodes {
		if n.blocked {
			return false
		}
	}
	for s.head == len(s.queue) {
		// What ends may let something out, from behind a Seal, that goes into the next
		// loop: that one ends when nothing can run again.
		var over []loopEnd
		for _, l := range s.g.loops {
			if l.n.ends || !s.fedOut(l.n) {
				continue
			}
			over = append(over, l)
		}
		if len(over) == 0 {
			return false
		}
		for _, l := range over {
			l.finish()
		}
	}
	return true
}

// fedOut reports whether all that leads to the loop has ended but what the loop
// itself leads to.
func (s *Scheduler) fedOut(loop *node) bool {
	if s.feeds == nil {
		s.feeds = feedsOfLoops(s.g)
	}
	feeds := s.feeds[loop]
	for len(feeds) > 0 && feeds[len(feeds)-1].ends {
		feeds = feeds[:len(feeds)-1] // what has ended is not looked at again
	}
	s.feeds[loop] = feeds
	return len(feeds) == 0
}

// feedsOfLoops is, for each loop, what leads to it: sources, receivers, and loops that it
// does not lead to itself.
func feedsOfLoops(g *Graph) map[*node][]*node {
	up := make(map[*node]map[*node]bool) // of each loop, the loops that lead to it
	feeds := make(map[*node][]*node)
	for _, l := range g.loops {
		loops, leading := make(map[*node]bool), []*node{}
		for _, n := range ordered(l.n) {
			switch n.rule {
			case loopRule:
				loops[n] = true
				leading = append(leading, n)
			case sourceRule, receiveRule:
				leading = append(leading, n)
			}
		}
		up[l.n], feeds[l.n] = loops, leading
	}
	for _, l := range g.loops {
		others := feeds[l.n][:0]
		for _, n := range feeds[l.n] {
			if n.rule != loopRule || !up[n][l.n] {
				others = append(others, n)
			}
		}
		feeds[l.n] = others
	}
	return feeds
}

// upstream is the set of what leads to n, in its graph; n is in it if it is on a cycle.
func upstream(n *node) map[*node]bool { return leadingTo(n, false) }

// leadingTo is upstream, where told to also through channels.
func leadingTo(n *node, across bool) map[*node]bool {
	set := make(map[*node]bool)
	stack := []*node{n}
	for len(stack) > 0 {
		n := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		for _, up := range n.before() {
			if !set[up] && (across || n.rule != receiveRule) {
				set[up] = true
				stack = append(stack, up)
			}
		}
	}
	return set
}

// call runs a task, and makes an error of a panic.
func (s *Scheduler) call(t *task) (st status, err error) {
	defer func() {
		t.atRest = false
		if p := recover(); p != nil {
			st, err = pending, t.blame(p)
		}
	}()
	return t.run(), nil
}

// blame names the operator whose function panicked: the one that runs, at t or
// above it.
func (t *task) blame(p any) error {
	culprit := t.n
	if t.at >= 0 {
		culprit = t.n.g.nodes[t.at]
	}
	for _, n := range append([]*node{t.n}, ordered(t.n)...) {
		if n.busy.Load() {
			culprit = n
			break
		}
	}
	culprit.busy.Store(false)
	cause := panicError(p)
	t.broke = culprit == t.n && !culprit.telling
	if culprit.telling {
		culprit.telling = false
		cause = fmt.Errorf("subscriber: %w", cause)
	}
	return culprit.err(cause, "the element is kept; a run that follows tries it again")
}

func panicError(p any) error {
	if e, ok := p.(error); ok {
		return fmt.Errorf("%w: %w", ErrPanic, e)
	}
	return fmt.Errorf("%w: %v", ErrPanic, p)
}

// ordered is upstream in the order of construction.
func ordered(n *node) []*node {
	set := upstream(n)
	var nodes []*node
	for _, m := range n.g.nodes {
		if set[m] {
			nodes = append(nodes, m)
		}
	}
	return nodes
}

// Busy is an error that names the operator whose function runs at this moment, or
// nil. A function that does not return keeps its scheduler from running; whoever
// waits for it asks here, from another goroutine. Where Options.Batch is 1, it
// knows only with Options.Watch.
func (s *Scheduler) Busy() error {
	for _, n := range s.g.nodes {
		if n.busy.Load() {
			return n.err(ErrBusy, "a function of the graph must return; what waits belongs in front of an Input")
		}
	}
	return nil
}

// Close ends the iterators that the graph reads. It is needed where a graph with
// [FromSeq] is given up before its end. It is an io.Closer, whose error is nil.
func (s *Scheduler) Close() error {
	for _, stop := range s.g.closers {
		stop()
	}
	s.g.closers = nil
	return nil
}
