package trial

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"slices"

	el "github.com/joinery-go/joinery/lattice/edelweiss"
	"github.com/joinery-go/joinery/lattice/edelweiss/eval"
	"github.com/joinery-go/joinery/sim"
)

const (
	soonTimer   sim.TimerID = 1 // the next timestep, where the last one left something to do
	resendTimer sim.TimerID = 2 // what is sent until it is acknowledged
	soon                    = sim.Millisecond
	// maxDerived is far above what a few operations lead to.
	maxDerived = 1 << 18
)

// host is a node of the world: an actor that outlives its crashes as far as what is
// durable does.
type host struct {
	run *run
	id  sim.NodeID
	m   *eval.Machine // of the program that is in the network
	ref *eval.Machine // of the original, fed alike; nil if that is the one in the network
	// resending says that the timer for it is armed: to arm it again would put it off.
	resending bool
	// Where a disk keeps what is durable: the last timestep known to be, and one that
	// was being kept when the node crashed.
	disk   Disk
	kept   state
	trying *state
	ran    int // timesteps that the node has taken, lost ones not counted
	told   int // the last of them from which something was sent
}

// start makes the machines anew from what was durable.
func (h *host) start() error {
	options := eval.Options{Self: int64(h.id), Sealed: h.run.load.Sealed, MaxDerived: maxDerived, Stop: h.run.options.Stop}
	switch {
	case h.disk != nil:
		if err := h.recover(); err != nil {
			return err
		}
		options.Stored = h.kept.facts
	case h.m != nil:
		options.Stored = h.m.Durable()
	}
	m, err := eval.New(h.run.program, options)
	if err != nil {
		return err
	}
	if h.run.original != nil {
		options.Stored = h.kept.ref
		if h.ref != nil && h.disk == nil {
			options.Stored = h.ref.Durable()
		}
		options.WatchSeals = true
		if h.ref, err = eval.New(h.run.original, options); err != nil {
			return err
		}
	}
	h.m, h.resending = m, false
	return nil
}

// Start implements [sim.Actor].
func (h *host) Start(c *sim.Context) {
	if err := h.start(); err != nil {
		c.Fail(err)
		return
	}
	h.step(c, eval.Events{}, noOperation)
}

// noOperation is a timestep's that takes none of the plan.
const noOperation = -1

// Receive implements [sim.Actor]. What does not decode is dropped, as a datagram
// with a wrong checksum is.
func (h *host) Receive(c *sim.Context, from sim.NodeID, msg []byte) {
	f, ok := h.run.decode(c.Kind(), msg)
	if !ok {
		h.run.report.Corrupt++
		return
	}
	h.run.report.Messages++
	if h.step(c, eval.Events{Messages: []eval.Message{{From: int64(from), Fact: f}}}, noOperation) && !h.run.acks[f.Collection] {
		h.run.received[arrival(int64(h.id), f)] = true
	}
}

// Input implements [sim.Inputter]: the operation of the plan with that number.
func (h *host) Input(c *sim.Context, id uint64) {
	i := slices.IndexFunc(h.run.plan, func(o Operation) bool { return o.ID == id })
	if h.step(c, eval.Events{Inputs: h.run.plan[i].Facts}, i) {
		h.run.done[i] = true
	}
}

// Timer implements [sim.Actor].
func (h *host) Timer(c *sim.Context, id sim.TimerID) {
	if id == soonTimer {
		h.step(c, eval.Events{}, noOperation)
		return
	}
	h.resending = false
	for _, f := range h.m.Sends() {
		h.send(c, f)
	}
	h.rearm(c)
}

// step runs a timestep, compares, has it made durable, and then sends what is new.
// Without a disk what the timestep changes is durable when it ends; a crash in the
// middle of the event is before it or after it. It reports whether the timestep took
// place.
func (h *host) step(c *sim.Context, e eval.Events, operation int) bool {
	if !c.Effect() {
		return false
	}
	h.run.report.Ticks++
	if err := h.tick(e); err != nil {
		c.Fail(err)
		return false
	}
	h.ran++
	if !h.keep(c, operation) {
		return false
	}
	defer h.settleKept()
	h.run.sample(h)
	sends := h.m.NewSends()
	if len(h.run.acks) > 0 && len(e.Messages) > 0 {
		for _, f := range h.m.Sends() {
			if h.run.acks[f.Collection] && !slices.ContainsFunc(sends, func(g eval.Fact) bool { return f.Compare(g) == 0 }) {
				sends = append(sends, f) // an acknowledgement answers each arrival
			}
		}
	}
	for _, f := range sends {
		h.send(c, f)
	}
	h.rearm(c)
	return true
}

func (h *host) rearm(c *sim.Context) {
	if !h.m.Idle() {
		c.After(soon, soonTimer)
	}
	if h.m.Sending() && !h.resending {
		h.resending = true
		c.After(h.run.resend(), resendTimer)
	}
}

// tick runs the timestep in both machines, first in the original: what fails there
// is no fault of the rewrite.
func (h *host) tick(e eval.Events) error {
	if h.ref == nil {
		if err := h.m.Tick(e); err != nil {
			return fmt.Errorf("%w: the original: %w", ErrWorkload, err)
		}
		return nil
	}
	same := e
	same.Messages = slices.DeleteFunc(slices.Clone(e.Messages), func(m eval.Message) bool { return h.run.acks[m.Collection] })
	if err := h.ref.Tick(same); err != nil {
		return fmt.Errorf("%w: the original: %w", ErrWorkload, err)
	}
	switch err := h.m.Tick(e); {
	case errors.Is(err, eval.ErrStop):
		return err
	case err != nil:
		return &Failure{Kind: ErrUnequal, Node: int64(h.id), Detail: fmt.Sprintf("the original goes on, the rewritten program does not: %v", err)}
	}
	return h.compare()
}

// compare compares the outputs of both after the same timestep.
func (h *host) compare() error {
	for _, c := range h.run.original.Collections {
		if c.Kind != el.Output {
			continue
		}
		got, want := h.m.Contents(c.Name), h.ref.Contents(c.Name)
		if !slices.EqualFunc(got, want, func(a, b el.Tuple) bool { return a.Compare(b) == 0 }) {
			return &Failure{ErrUnequal, c.Name, int64(h.id), fmt.Sprintf("at %s: rewritten %v, original %v", h.ref, got, want)}
		}
	}
	return nil
}

// send puts a tuple of a channel into a message: the tuple and a checksum.
func (h *host) send(c *sim.Context, f eval.Fact) {
	decl := h.run.program.Collection(f.Collection)
	to := sim.NodeID(f.Tuple[decl.Location()].Int())
	if int(to) < 0 || int(to) >= c.Nodes() {
		c.Fail(fmt.Errorf("message %s for a node that does not exist", f))
		return
	}
	if !c.Dead() {
		h.told = h.ran
	}
	msg := f.Tuple.Append(nil)
	c.Send(to, h.run.kinds[f.Collection], binary.BigEndian.AppendUint32(msg, crc32.ChecksumIEEE(msg)))
}

func (r *run) decode(kind sim.MsgKind, msg []byte) (eval.Fact, bool) {
	if int(kind) < 1 || int(kind) > len(r.program.Collections) || len(msg) < 4 {
		return eval.Fact{}, false
	}
	c := &r.program.Collections[kind-1]
	body := msg[:len(msg)-4]
	if c.Kind != el.Channel || crc32.ChecksumIEEE(body) != binary.BigEndian.Uint32(msg[len(body):]) {
		return eval.Fact{}, false
	}
	t, err := el.DecodeTuple(c.Columns, body)
	return eval.Fact{Collection: c.Name, Tuple: t}, err == nil
}
