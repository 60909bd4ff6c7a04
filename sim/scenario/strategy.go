package scenario

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/joinery-go/joinery/gen/choice"
	"github.com/joinery-go/joinery/sim"
	"github.com/joinery-go/joinery/sim/scenario/workload"
)

// Strategies names the ways to make choices, all behind one [choice.Source]:
//
//	swarm       levels drawn for each fault class and seed, then every choice by chance
//	uniform     every class at its low level always
//	pct         each link has a priority by chance, and Config.Depth-1 times one falls
//	            below all others ([sim.PCT]); classes but delays as in swarm
//	bytes       a string of bytes by chance, read as go test -fuzz would (see [RunBytes])
//	exhaustive  every schedule of one seed that departs from the benign one in one
//	            choice at most, one after the other, until there are no more
//
// Replay is [Replay]; rapid and any other source come by [RunWith].
func Strategies() []string { return []string{"swarm", "uniform", "pct", "bytes", "exhaustive"} }

// ErrExhausted is returned by the strategy exhaustive for seeds beyond its last.
var ErrExhausted = errors.New("scenario: every schedule has been run")

const (
	pctSteps  = 400      // messages between different nodes that a run sends, about
	tapeBytes = 32 << 10 // of the strategy bytes; what is asked beyond is benign
)

// chooser makes the sources of choices of a run. It may be called several times:
// each source answers alike.
func chooser(c Config, s *Setup) func() (choice.Source, error) {
	seed := choice.Mix(choice.MixString(s.Seed, "faults"), uint64(s.Attempt))
	switch c.Strategy {
	case "pct":
		return func() (choice.Source, error) {
			return sim.NewPCT(seed, sim.PCTOptions{Depth: c.Depth, Steps: pctSteps, Rest: choice.Seeded(seed)})
		}
	case "bytes":
		return func() (choice.Source, error) {
			data := make([]byte, 0, tapeBytes)
			for i := uint64(0); len(data) < tapeBytes; i++ {
				data = binary.LittleEndian.AppendUint64(data, choice.Mix(seed, i))
			}
			return choice.FromBytes(data), nil
		}
	}
	return func() (choice.Source, error) { return choice.Seeded(seed), nil }
}

// RunWith runs the plan of a seed under choices from src, such as [sim.FromRapid],
// once. The result can be recorded without asking src again.
func RunWith(ctx context.Context, cfg Config, seed uint64, src choice.Source) (*Result, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	setup, plan, err := new(memory).planOf(cfg, seed, 0)
	if err != nil {
		return nil, err
	}
	res, err := new(Runner).run(ctx, setup, plan, src, options{decisions: true})
	if err != nil {
		return nil, fmt.Errorf("scenario: seed %d: %w", seed, err)
	}
	return res, nil
}

// RunBytes is a run as a fuzzing engine writes it: the first eight bytes are the
// seed of the plan and of the levels, the others answer the choices in the order
// in which they are asked ([choice.FromBytes]). Every input is a valid run.
func RunBytes(ctx context.Context, cfg Config, data []byte) (*Result, error) {
	var head [8]byte
	n := copy(head[:], data)
	return RunWith(ctx, cfg, binary.LittleEndian.Uint64(head[:]), choice.FromBytes(data[n:]))
}

// exhaustion goes through the schedules of one plan that depart from the benign
// one in one choice at most.
type exhaustion struct {
	cfg    Config
	setup  Setup
	plan   []workload.Operation
	points []choice.Point // asked by the benign run
	until  []uint64       // by point: how many exceptions there are up to and including it
	stride uint64
}

// asker answers 0 to everything and remembers what was asked.
type asker struct{ points []choice.Point }

func (a *asker) Choose(p choice.Point) uint64 {
	a.points = append(a.points, p)
	return 0
}

// exhaust runs schedule number seed - cfg.Base.
func (rn *Runner) exhaust(ctx context.Context, cfg Config, seed uint64, o options) (*Result, error) {
	if rn.exhaustion == nil || rn.exhaustion.cfg != cfg {
		x, err := rn.enumerate(ctx, cfg)
		if err != nil {
			return nil, err
		}
		rn.exhaustion = x
	}
	x := rn.exhaustion
	n := seed - cfg.Base
	if n >= x.schedules() {
		return nil, ErrExhausted
	}
	var ds []choice.Decision
	if n > 0 {
		ds = append(ds, x.exception(n-1))
	}
	source := func() (choice.Source, error) { return choice.NewReplay(ds), nil }
	res, err := rn.run(ctx, x.setup, x.plan, o.noted.begin(x.setup, x.plan, choice.NewReplay(ds)), o)
	if err != nil {
		return nil, fmt.Errorf("scenario: schedule %d of seed %d: %w", n, cfg.Base, err)
	}
	res.Seed, res.source = seed, source
	return res, nil
}

// enumerate runs the benign schedule and lists what could be otherwise.
func (rn *Runner) enumerate(ctx context.Context, cfg Config) (*exhaustion, error) {
	setup, plan, err := new(memory).planOf(cfg, cfg.Base, 0)
	if err != nil {
		return nil, err
	}
	var a asker
	if _, err := rn.run(ctx, setup, plan, &a, options{}); err != nil {
		return nil, fmt.Errorf("scenario: benign schedule of seed %d: %w", cfg.Base, err)
	}
	x := &exhaustion{cfg: cfg, setup: setup, plan: plan, points: a.points}
	total := uint64(0)
	for _, p := range x.points {
		total += p.N - 1
		x.until = append(x.until, total)
	}
	// A stride without a common divisor with the total comes by every exception,
	// spread over the whole run from the start.
	for x.stride = total*5/8 | 1; gcd(x.stride, total) > 1; x.stride++ {
	}
	return x, nil
}

func gcd(a, b uint64) uint64 {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// schedules is how many there are.
func (x *exhaustion) schedules() uint64 {
	if len(x.until) == 0 {
		return 1
	}
	return 1 + x.until[len(x.until)-1]
}

// exception is the n-th one by stride.
func (x *exhaustion) exception(n uint64) choice.Decision {
	at := n * x.stride % (x.schedules() - 1)
	i, found := slices.BinarySearch(x.until, at)
	if found {
		i++ // at is the first exception behind point i
	}
	for x.points[i].N <= 1 {
		i++
	}
	p := x.points[i]
	return choice.Decision{Site: p.Site, Key: p.Key, Value: x.until[i] - at}
}
