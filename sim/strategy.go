package sim

import (
	"fmt"

	"github.com/joinery-go/joinery/gen/choice"
)

// FromRapid is [choice.FromRapid]: a source whose answers rapid draws and shrinks,
// so that a property test searches schedules.
var FromRapid = choice.FromRapid

// Observer is a source that wants to see each message before the network asks
// about it, for strategies that treat links and not single messages.
type Observer interface {
	choice.Source
	// Observe is told of a message between different nodes that is being sent.
	Observe(m Envelope)
}

// PCTOptions describe a PCT source. The zero value of a field stands for its default.
type PCTOptions struct {
	// Depth is the number of ordering constraints a bug may need, 3 by default:
	// one is met by the priorities, each further one by a change of them.
	Depth int
	// Steps is how many messages the run is expected to send, 200 by default; the
	// changes are spread over so many.
	Steps int
	// Slowest bounds the delays of priorities, 9 by default: an answer of v at
	// net.delay is about 2^v half latencies.
	Slowest int
	// Site is the site whose answers are delays, "net.delay" by default.
	Site string
	// Rest answers everything else, such as drops; nil is [choice.Benign].
	Rest choice.Source
}

// PCT is probabilistic concurrency testing (Burckhardt and others, ASPLOS 2010; for
// messages, Ozkan and others, OOPSLA 2018) as a source: each link gets a random
// priority, all its messages are the slower the lower it is, and at Depth-1 random
// messages the priority of their link falls below all others. Where a uniform
// source must delay message after message by chance, one draw here holds back a
// whole link. What it answers is recorded and replayed like any answer.
type PCT struct {
	opts    PCTOptions
	seed    uint64
	changes []uint64 // numbers of the messages at which a priority changes
	sent    uint64
	lowered map[link]int // how low a link has fallen, from 1
	now     link
}

type link struct{ from, to NodeID }

// NewPCT returns a source for one run, or [ErrOptions].
func NewPCT(seed uint64, o PCTOptions) (*PCT, error) {
	if o.Depth < 0 || o.Depth > 64 || o.Steps < 0 || o.Slowest < 0 {
		return nil, fmt.Errorf("%w: PCT with Depth %d, Steps %d, Slowest %d: need 0 or more, Depth at most 64", ErrOptions, o.Depth, o.Steps, o.Slowest)
	}
	setDefault(&o.Depth, 3)
	setDefault(&o.Steps, 200)
	setDefault(&o.Slowest, 9)
	setDefault(&o.Site, "net.delay")
	if o.Rest == nil {
		o.Rest = choice.Benign
	}
	p := &PCT{opts: o, seed: choice.MixString(seed, "pct"), lowered: map[link]int{}}
	for i := range uint64(o.Depth - 1) {
		p.changes = append(p.changes, 1+choice.Mix(p.seed, i)%uint64(o.Steps))
	}
	return p, nil
}

// Observe counts the message and lowers the priority of its link if this is the
// moment.
func (p *PCT) Observe(m Envelope) {
	p.now = link{m.From, m.To}
	p.sent++
	for _, at := range p.changes {
		if at == p.sent {
			p.lowered[p.now] = len(p.lowered) + 1
		}
	}
}

// Choose answers delays by the priority of the link observed last.
func (p *PCT) Choose(at choice.Point) uint64 {
	if at.Site != p.opts.Site {
		return p.opts.Rest.Choose(at)
	}
	h := choice.Mix(choice.Mix(p.seed, 1<<32|uint64(p.now.from)), uint64(p.now.to))
	v := h % uint64(p.opts.Slowest)
	if fallen := p.lowered[p.now]; fallen > 0 {
		v = uint64(p.opts.Slowest - 1 + fallen)
	}
	return min(v, at.N-1)
}
