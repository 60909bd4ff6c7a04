package workers

import (
	"errors"

	kw "github.com/joinery-go/joinery/kvs/workers"
	"github.com/joinery-go/joinery/sim"
	"github.com/joinery-go/joinery/sim/disk"
)

const (
	tick      = 10 * sim.Millisecond
	tickTimer = sim.TimerID(1)
)

// layout says which node is what: first workers, then coordinators, then sources.
type layout struct{ workers, coordinators, sources int }

func (l layout) nodes() int { return l.workers + l.coordinators + l.sources }

// role is what a node is.
func (l layout) role(n sim.NodeID) kw.Address {
	i := int(n)
	switch {
	case i < l.workers:
		return kw.Address{Role: kw.WorkerRole, N: uint32(i)}
	case i < l.workers+l.coordinators:
		return kw.Address{Role: kw.CoordinatorRole, N: uint32(i - l.workers)}
	}
	return kw.Address{Role: kw.SourceRole, N: uint32(i - l.workers - l.coordinators)}
}

func (l layout) coordinator(i int) sim.NodeID { return sim.NodeID(l.workers + i) }
func (l layout) source(i int) sim.NodeID      { return sim.NodeID(l.workers + l.coordinators + i) }

// send hands messages to the network, each status to every coordinator.
func (l layout) send(c *sim.Context, messages []kw.Message) {
	for i := range messages {
		m := &messages[i]
		b := m.Append(nil)
		switch {
		case m.To.Role == kw.WorkerRole && int(m.To.N) < l.workers:
			c.Send(sim.NodeID(m.To.N), sim.MsgKind(m.Kind+1), b)
		case m.To.Role == kw.SourceRole && int(m.To.N) < l.sources:
			c.Send(l.source(int(m.To.N)), sim.MsgKind(m.Kind+1), b)
		case m.To.Role == kw.CoordinatorRole:
			for k := range l.coordinators {
				c.Send(l.coordinator(k), sim.MsgKind(m.Kind+1), b)
			}
		}
	}
}

// workerNode runs a worker.
type workerNode struct {
	sys  *system
	w    *kw.Worker
	disk *workerDisk
}

func (n *workerNode) within(c *sim.Context, do func() ([]kw.Message, error)) {
	n.disk.c = c
	defer func() { n.disk.c = nil }()
	out, err := do()
	if err != nil {
		n.sys.mark(c, "an engine failed")
		if !c.Dead() && errors.Is(err, kw.ErrProcedure) {
			c.Fail(err)
		}
		c.Abort()
		return
	}
	n.sys.layout.send(c, out)
}

// Start implements [sim.Actor].
func (n *workerNode) Start(c *sim.Context) {
	n.disk = c.Device().(*workerDisk)
	w, err := kw.NewWorker(n.sys.cfg, uint32(c.Self()), c.Incarnation(), newSpace(n.sys, n.disk))
	if err != nil {
		c.Fail(err)
		return
	}
	n.w = w
	c.After(tick, tickTimer)
}

// Receive implements [sim.Actor].
func (n *workerNode) Receive(c *sim.Context, _ sim.NodeID, b []byte) {
	m, err := kw.DecodeMessage(b)
	if err != nil {
		c.Fail(err)
		return
	}
	line, version := n.w.Line(), n.w.Version()
	n.within(c, func() ([]kw.Message, error) { return n.w.Receive(m) })
	switch {
	case n.w.Line() != line && line > 0:
		n.sys.mark(c, "a worker rolled back")
	case n.w.Line() == line && n.w.Version() > version:
		n.sys.mark(c, "a worker caught up with a message")
	}
	if m.Kind == kw.ItemKind && m.Line != line {
		n.sys.mark(c, "a message of another line came")
	}
}

// Timer implements [sim.Actor].
func (n *workerNode) Timer(c *sim.Context, _ sim.TimerID) {
	n.within(c, n.w.Tick)
	if !c.Dead() {
		n.sys.checkWorker(n.w)
	}
	c.After(tick, tickTimer)
}

// coordinatorNode runs a coordinator.
type coordinatorNode struct {
	sys *system
	k   *kw.Coordinator
	at  attached
}

// Start implements [sim.Actor].
func (n *coordinatorNode) Start(c *sim.Context) {
	k, err := kw.NewCoordinator(n.sys.cfg, n.sys.layout.role(c.Self()).N, c.Incarnation(), n.sys.begin,
		client{n.sys.catalog, &n.at}, kw.Archives{Bucket: client{n.sys.segments, &n.at}})
	if err != nil {
		c.Fail(err)
		return
	}
	n.k = k
	c.After(tick, tickTimer)
}

// Receive implements [sim.Actor].
func (n *coordinatorNode) Receive(c *sim.Context, _ sim.NodeID, b []byte) {
	m, err := kw.DecodeMessage(b)
	if err != nil {
		c.Fail(err)
		return
	}
	n.sys.layout.send(c, n.k.Receive(m))
}

// Timer implements [sim.Actor].
func (n *coordinatorNode) Timer(c *sim.Context, _ sim.TimerID) {
	n.at.c = c
	n.k.Tick()
	n.at.c = nil
	c.After(tick, tickTimer)
}

// Input implements [sim.Inputter]: a command of an operator.
func (n *coordinatorNode) Input(c *sim.Context, id uint64) {
	n.at.c = c
	defer func() { n.at.c = nil }()
	n.sys.command(c, n.k, id)
}

// sourceNode runs a source on a log.
type sourceNode struct {
	sys *system
	s   *kw.Source
	n   uint32
}

// Start implements [sim.Actor].
func (n *sourceNode) Start(c *sim.Context) {
	n.n = n.sys.layout.role(c.Self()).N
	s, err := kw.NewSource(n.sys.cfg, n.n, disk.Of(c).Records())
	if err != nil {
		c.Fail(err)
		return
	}
	n.s = s
	n.sys.restarted(s, n.n)
	c.After(tick, tickTimer)
}

func (n *sourceNode) step(c *sim.Context, step kw.Step) {
	for _, r := range step.Records {
		if err := disk.Of(c).Append(c, r.Number, r.Bytes); err != nil {
			c.Abort()
			return
		}
	}
	if step.Keep > 0 {
		disk.Of(c).Truncate(c, step.Keep)
	}
	n.sys.layout.send(c, step.Messages)
	if !c.Dead() {
		n.sys.delivered(c, n.n, n.s, step.Deliveries)
	}
}

// Persisted implements [sim.Persister].
func (n *sourceNode) Persisted(c *sim.Context, token uint64) {
	if disk.Of(c).Synced(token) != nil {
		c.Abort()
		return
	}
	n.step(c, n.s.Persisted(token))
}

// Input implements [sim.Inputter]: an operation is submitted.
func (n *sourceNode) Input(c *sim.Context, id uint64) {
	o, level, err := n.sys.operation(id)
	if err != nil {
		c.Fail(err)
		return
	}
	name, step, err := n.s.Submit(o, level)
	switch {
	case errors.Is(err, kw.ErrFull):
		n.sys.mark(c, "a source was full")
	case err != nil:
		c.Fail(err)
		return
	default:
		n.sys.submitted(n.s, name, o, level)
	}
	n.step(c, step)
}

// Receive implements [sim.Actor].
func (n *sourceNode) Receive(c *sim.Context, _ sim.NodeID, b []byte) {
	m, err := kw.DecodeMessage(b)
	if err != nil {
		c.Fail(err)
		return
	}
	n.step(c, n.s.Receive(m))
}

// Timer implements [sim.Actor].
func (n *sourceNode) Timer(c *sim.Context, _ sim.TimerID) {
	n.step(c, n.s.Tick())
	c.After(tick, tickTimer)
}
