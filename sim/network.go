package sim

import (
	"bytes"
	"fmt"

	"github.com/joinery-go/joinery/gen/choice"
)

// Envelope is what a network sees of a message.
type Envelope struct {
	From, To NodeID
	Kind     MsgKind
	Size     int // bytes
	Key      Key
}

// Delivery is one arrival that a network grants a message.
type Delivery struct {
	// After is the time from now to the arrival, at least 1 ns.
	After Time
	// Copy numbers the arrivals of one message from 0.
	Copy uint16
	// Causes are the fault classes that made this arrival what it is: Duplicate
	// for further copies, Delay for a late one, for a lost one why it is lost.
	Causes Classes
	// Damage, if not 0, spoils the bytes: an odd one cuts the end off, an even one
	// flips one to eight bits; which, follows from the rest of it.
	Damage uint64
	// Lost marks an arrival that does not happen; After is when it would have.
	Lost bool
}

// Network decides what becomes of messages between different nodes; a message to
// oneself does not touch it. Implementations draw every decision from the
// [Fabric] they were attached to, and are used by one world at a time.
type Network interface {
	// Attach is called once for each world, before any event.
	Attach(f *Fabric) error
	// Send appends to out the arrivals of m and returns it.
	Send(m Envelope, out []Delivery) []Delivery
	// Open reports whether a message from one node to another, arriving now, gets through.
	Open(from, to NodeID) bool
	// Tick is a call that the network asked for with [Fabric.Schedule].
	Tick(token uint64, key Key)
	// Heal ends all faults; from then on Send and Open are benign.
	Heal()
}

// Cutter is a network that says which class of fault closes a link; of others it
// is taken to be Partition.
type Cutter interface {
	// CutBy is asked of links that are not open.
	CutBy(from, to NodeID) Class
}

// cutBy is the class of fault that closes a link.
func (w *World) cutBy(from, to NodeID) Class {
	if c, ok := w.net.(Cutter); ok {
		return c.CutBy(from, to)
	}
	return Partition
}

// cutters are the classes that close links.
const cutters = Classes(1<<Partition | 1<<Bridge | 1<<Flap)

// damaged is a spoiled copy of msg, see [Delivery], and never equal to it.
func damaged(msg []byte, damage uint64) []byte {
	out := append([]byte(nil), msg...)
	if len(msg) == 0 {
		return out
	}
	if damage&1 == 1 {
		return out[:choice.Mix(damage, 1)%uint64(len(out))]
	}
	for i := range 1 + choice.Mix(damage, 2)%8 {
		bit := choice.Mix(damage, 16+i) % (8 * uint64(len(out)))
		out[bit/8] ^= 1 << (bit % 8)
	}
	if bytes.Equal(out, msg) { // a bit flipped twice
		out[0] ^= 1
	}
	return out
}

// Fabric is what a network may do to its world.
type Fabric struct{ w *World }

// Now is the present.
func (f *Fabric) Now() Time { return f.w.now }

// Nodes is the number of nodes.
func (f *Fabric) Nodes() int { return len(f.w.nodes) }

// Faulty reports whether faults may be decided: false once the world is healed.
func (f *Fabric) Faulty() bool { return f.w.faulty }

// Choose asks for a decision in [0, n) at a site under a key. A random source
// answers 0 but for rare in 2^32 (see [choice.Point]).
func (f *Fabric) Choose(site string, key Key, n uint64, rare uint32) uint64 {
	return f.w.choose(choice.Point{Site: site, Key: key, N: n, Rare: rare})
}

// Decided counts a fault of class c as decided.
func (f *Fabric) Decided(c Class) { f.w.stats.Decided[c]++ }

// Schedule asks for a call of Tick after d ≥ 1 ns.
func (f *Fabric) Schedule(d Time, token uint64, key Key) {
	if ev := f.w.schedule(f.w.now+max(d, 1), evNetTick); ev != nil {
		ev.aux, ev.key = token, key
	}
}

// Trace records a change of the network, such as a partition, in the trace.
func (f *Fabric) Trace(key Key, detail uint64, note func() string) {
	ev := event{at: f.w.now, key: key, aux: detail, kind: EventNetwork, node: None, from: None, buf: -1}
	f.w.traced(&ev)
	if f.w.trace.recording {
		f.w.trace.note(f.w.now, None, note())
	}
}

// Perfect is a network without faults in which every message takes Latency.
type Perfect struct{ Latency Time }

// Attach checks the latency.
func (p *Perfect) Attach(*Fabric) error {
	if p.Latency < 1 {
		return fmt.Errorf("%w: perfect network: latency %d ns, need at least 1", ErrOptions, p.Latency)
	}
	return nil
}

// Send grants one arrival.
func (p *Perfect) Send(_ Envelope, out []Delivery) []Delivery {
	return append(out, Delivery{After: p.Latency})
}

// Open is always true.
func (p *Perfect) Open(NodeID, NodeID) bool { return true }

// Tick is never asked for.
func (p *Perfect) Tick(uint64, Key) {}

// Heal has nothing to end.
func (p *Perfect) Heal() {}
