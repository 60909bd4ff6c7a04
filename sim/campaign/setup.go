package campaign

import (
	"fmt"
	"maps"
	"slices"

	"github.com/joinery-go/joinery/gen/choice"
	"github.com/joinery-go/joinery/sim"
	simnet "github.com/joinery-go/joinery/sim/net"
)

// Setup is everything about a run but its operations and its choices. A protocol gives
// it once, with what is drawn left to the seed, and a tape carries it as it was
// drawn. The zero value of a field stands for its default.
type Setup struct {
	Seed    uint64 `json:"seed"`    // given by the campaign
	Nodes   int    `json:"nodes"`   // servers: nodes 0 to Nodes-1, which faults of processes and partitions befall; 1 by default
	Clients int    `json:"clients"` // nodes behind them, which only the network troubles
	Faults  Levels `json:"faults"`

	// Horizon is when faults end, 500 ms by default, and Settle how long the run goes on
	// after that at most, 2 s by default.
	Horizon sim.Time `json:"horizon_ns"`
	Settle  sim.Time `json:"settle_ns"`
	// Rest has the run end as soon as nothing has been under way for a while, and fail
	// unless that comes within Settle. It is for protocols that send nothing unasked.
	Rest bool `json:"rest,omitempty"`

	// Latency is the least time of a message, 1 ms by default, and Spread how far links
	// differ, Latency by default; negative is none.
	Latency sim.Time `json:"latency_ns"`
	Spread  sim.Time `json:"spread_ns"`
	// FIFO keeps the messages of a link in order. Queue is how many can be under way on
	// one, 0 any number; by default it is 6 or 2 by the level of the class queue.
	FIFO  bool `json:"fifo,omitempty"`
	Queue int  `json:"queue,omitempty"`
	// Grid is the distance of the instants at which crashes, partitions and what
	// befalls processes are asked for, 50 ms by default.
	Grid sim.Time `json:"grid_ns"`
	// MaxDown is how many nodes a crash can have down at once, 0 any number.
	MaxDown int `json:"max_down,omitempty"`
	// Steady is how many of the servers, the last ones, neither crash nor have any other
	// fault of processes.
	Steady int `json:"steady,omitempty"`
	// TimerGrid is the distance of the instants at which timers fire, 1 ms by default.
	TimerGrid sim.Time `json:"timer_grid_ns"`
	// Events is how many events a run can have, 1 million by default.
	Events int64 `json:"events"`

	// Params are the protocol's own, set by Protocol.Vary: "pipeline": 3.
	Params map[string]int `json:"params,omitempty"`
	// Choices says where the protocol's own choices come from.
	Choices Choices `json:"choices,omitempty"`
}

// Choices says where the choices of the protocol's own come from.
type Choices string

const (
	// Seeded choices are drawn from the seed, under their lineage keys, unless the tape
	// lists them.
	Seeded Choices = "seeded"
	// Listed choices are 0 unless the tape lists them.
	Listed Choices = "listed"
)

// Bounds of a setup.
const (
	MaxNodes  = 256                // servers and clients together
	MaxTime   = 3600 * sim.Second  // of Horizon, and of Settle
	MaxEvents = int64(100_000_000) // of a run
	MaxParams = 64
)

func (s *Setup) defaults() {
	setDefault(&s.Nodes, 1)
	setDefault(&s.Horizon, 500*sim.Millisecond)
	setDefault(&s.Settle, 2*sim.Second)
	setDefault(&s.Latency, sim.Millisecond)
	setDefault(&s.Spread, s.Latency)
	setDefault(&s.Grid, 50*sim.Millisecond)
	setDefault(&s.TimerGrid, sim.Millisecond)
	setDefault(&s.Events, 1_000_000)
	setDefault(&s.Choices, Seeded)
}

func setDefault[T comparable](v *T, d T) {
	var zero T
	if *v == zero {
		*v = d
	}
}

// queueBounds are how many messages may be under way on a link, by level of the class
// queue: a bound is no decision, so the setup holds it.
var queueBounds = [sim.NumLevels]int{sim.Low: 6, sim.Extreme: 2}

// validate checks what a seed drew or a tape brought, with defaults filled in.
func (s *Setup) validate() error {
	bad := func(what string, v any, need string) error {
		return fmt.Errorf("%w: %s is %v, want %s", ErrSetup, what, v, need)
	}
	switch {
	case s.Nodes < 1 || s.Clients < 0 || s.Nodes > MaxNodes || s.Clients > MaxNodes || s.Nodes+s.Clients > MaxNodes:
		return bad("the number of nodes and clients", fmt.Sprintf("%d and %d", s.Nodes, s.Clients), fmt.Sprintf("at least 1 node, and at most %d of both", MaxNodes))
	case s.Faults.drawn():
		return bad("Faults", s.Faults, "levels off, low or extreme")
	case s.Horizon < 1 || s.Horizon > MaxTime || s.Settle < 1 || s.Settle > MaxTime:
		return bad("Horizon or Settle", fmt.Sprintf("%v and %v", s.Horizon, s.Settle), fmt.Sprintf("above 0 and at most %v", MaxTime))
	case s.Latency < 1 || s.Latency > sim.Second || s.Spread > sim.Second:
		return bad("Latency or Spread", fmt.Sprintf("%v and %v", s.Latency, s.Spread), "at most 1 s, and a latency above 0")
	case s.Queue < 0 || s.Queue > 1<<20:
		return bad("Queue", s.Queue, "0 to 1048576")
	case s.Grid < sim.Microsecond || s.TimerGrid < sim.Microsecond || s.Grid > MaxTime || s.TimerGrid > MaxTime:
		return bad("Grid or TimerGrid", fmt.Sprintf("%v and %v", s.Grid, s.TimerGrid), "at least 1 µs")
	case s.MaxDown < 0 || s.MaxDown > s.Nodes:
		return bad("MaxDown", s.MaxDown, "0 to Nodes")
	case s.Steady < 0 || s.Steady > s.Nodes:
		return bad("Steady", s.Steady, "0 to Nodes")
	case s.Events < 1 || s.Events > MaxEvents:
		return bad("Events", s.Events, fmt.Sprintf("1 to %d", MaxEvents))
	case len(s.Params) > MaxParams:
		return bad("the number of Params", len(s.Params), fmt.Sprintf("at most %d", MaxParams))
	case s.Choices != Seeded && s.Choices != Listed:
		return bad("Choices", fmt.Sprintf("%q", s.Choices), fmt.Sprintf("%q or %q", Seeded, Listed))
	}
	return nil
}

// clone is a setup that shares nothing with s.
func (s *Setup) clone() Setup {
	c := *s
	c.Params = maps.Clone(s.Params)
	return c
}

// Param is one of the protocol's own parameters, 0 if it is not set.
func (s *Setup) Param(name string) int { return s.Params[name] }

// SetParam sets one of the protocol's own parameters.
func (s *Setup) SetParam(name string, v int) {
	if s.Params == nil {
		s.Params = make(map[string]int)
	}
	s.Params[name] = v
}

// links are the options of a setup's network.
func (s *Setup) links(kinds []string) simnet.Options {
	f := &s.Faults
	o := simnet.Options{
		Faults: simnet.Faults{
			Drop: f[sim.Drop], Duplicate: f[sim.Duplicate], Delay: f[sim.Delay], Partition: f[sim.Partition],
			Burst: f[sim.Burst], Clog: f[sim.Clog], Bridge: f[sim.Bridge], Flap: f[sim.Flap],
			Filter: f[sim.Filter], Corrupt: f[sim.Corrupt],
		},
		Latency: s.Latency, Spread: s.Spread, Grid: s.Grid, Partitionable: s.Nodes, Queue: s.Queue, FIFO: s.FIFO,
	}
	for k, name := range kinds {
		if name != "" {
			o.Kinds = append(o.Kinds, sim.MsgKind(k))
		}
	}
	return o
}

// troubled is how many nodes, from node 0, process faults befall.
func (s *Setup) troubled() int { return s.Nodes - s.Steady }

// crashes are the options of crash faults.
func (s *Setup) crashes() sim.CrashOptions {
	if s.troubled() == 0 {
		return sim.CrashOptions{}
	}
	return sim.CrashOptions{Level: s.Faults[sim.Crash], Grid: s.Grid, Nodes: s.troubled(), MaxDown: s.MaxDown}
}

// processFaults are the options of what else befalls processes, clocks and disks.
func (s *Setup) processFaults() sim.ProcessFaultOptions {
	if s.troubled() == 0 {
		return sim.ProcessFaultOptions{}
	}
	f := &s.Faults
	return sim.ProcessFaultOptions{
		Clock: f[sim.Clock], Pause: f[sim.Pause], Slow: f[sim.Slow], Outage: f[sim.Outage], MidCrash: f[sim.MidCrash],
		Restore: f[sim.Restore], DiskError: f[sim.DiskError], Rot: f[sim.Rot], Version: f[sim.Version],
		Grid: s.Grid, Nodes: s.troubled(),
	}
}

// Draw answers draws from a seed, each under a name and its number among those of the
// name, so that one more moves no other.
type Draw struct {
	src   choice.Source
	asked map[string]uint64
}

func newDraw(seed uint64, stream string) *Draw {
	return &Draw{choice.Seeded(choice.MixString(seed, stream)), make(map[string]uint64)}
}

// N draws a number in [0, n); n below 2 gives 0.
func (d *Draw) N(name string, n int) int {
	k := d.asked[name]
	d.asked[name]++
	if n < 2 {
		return 0
	}
	return int(d.src.Choose(choice.Point{Site: name, Key: k, N: uint64(n)}))
}

// Between draws a number from least to most, both of which it can be.
func (d *Draw) Between(name string, least, most int) int { return least + d.N(name, most-least+1) }

// Pick draws one of some words, "" of none.
func (d *Draw) Pick(name string, of ...string) string {
	if len(of) == 0 {
		return ""
	}
	return of[d.N(name, len(of))]
}

// Time draws a time in [from, until) in whole milliseconds, from where there is none.
func (d *Draw) Time(name string, from, until sim.Time) sim.Time {
	return from + sim.Time(d.N(name, int((until-from)/sim.Millisecond)))*sim.Millisecond
}

// strategies are the ways to make choices.
var strategies = []string{"swarm", "uniform", "pct"}

// Strategies names the ways to make choices:
//
//	swarm    levels drawn for each fault class and seed, then every choice by chance
//	uniform  every class that the protocol bears at its low level
//	pct      each link has a priority by chance, and some fall below all others
//	         ([sim.PCT]); classes but delays as in swarm
func Strategies() []string { return slices.Clone(strategies) }
