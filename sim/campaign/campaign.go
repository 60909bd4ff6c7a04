package campaign

import (
	"context"
	"fmt"
	"slices"

	"github.com/joinery-go/joinery/sim"
)

// Options steer a campaign. The zero value of a field stands for its default.
type Options struct {
	Seed     uint64 // the first seed, 1 by default
	Seeds    uint64 // how many seeds, 1000 by default
	Workers  int    // how many run at once, 1 by default
	Failures int    // failing seeds after which it stops, 10 by default
	// TwiceEvery has one seed of so many, those that it divides, run twice to see that
	// they have one trace; 20 by default, negative is none.
	TwiceEvery int
	Strategy   string  // how choices are made, see Strategies; "" is the first
	Faults     *Levels // instead of those of the protocol; nil leaves them
	// Progress is told after each seed, in their order; nil is not told.
	Progress func(r *Report)
}

func (o *Options) validate() error {
	setDefault(&o.Seed, 1)
	setDefault(&o.Seeds, 1000)
	setDefault(&o.Workers, 1)
	setDefault(&o.Failures, 10)
	setDefault(&o.TwiceEvery, 20)
	switch {
	case o.Workers < 0 || o.Failures < 0:
		return fmt.Errorf("%w: %d workers, stop after %d failures, want 1 or more", ErrSetup, o.Workers, o.Failures)
	case o.Strategy != "" && !slices.Contains(strategies, o.Strategy):
		return fmt.Errorf("%w: strategy %q, want one of %v", ErrSetup, o.Strategy, strategies)
	}
	return nil
}

// Report is what a campaign came to. It does not depend on the number of workers.
type Report struct {
	Protocol   string
	First      uint64 // seed
	Seeds      int64  // finished and counted
	Deliveries int64
	Operations int64
	Answered   int64 // operations with an answer in a history
	Violating  int64 // seeds with at least one violation
	Undecided  int64 // checks that could not decide
	Twice      int64 // seeds run twice, with one trace
	Effective  [sim.AllClasses]int64
	Faultless  int64            // seeds in which no fault changed anything
	Points     map[string]int64 // seeds that reached a situation
	Longest    sim.Time         // virtual time of the longest run
	Failures   []*Result        // the violating ones, by seed, as many as were asked for

	protocol *Protocol
	levels   Levels
}

// Fuzz runs a campaign. With an error of a seed, or a context that ended, the report
// is of what had been finished.
func (p *Protocol) Fuzz(ctx context.Context, o Options) (*Report, error) {
	if err := o.validate(); err != nil {
		return nil, err
	}
	if err := p.Validate(); err != nil {
		return nil, err
	}
	r := &Report{Protocol: p.Name, First: o.Seed, Points: make(map[string]int64), protocol: p, levels: p.Setup.Faults}
	if o.Faults != nil {
		r.levels = *o.Faults
	}
	watch := p.watch()
	pool := &Pool[*Result]{
		First: o.Seed, Seeds: o.Seeds, Workers: o.Workers,
		Worker: func() func(context.Context, uint64) (*Result, error) {
			rn := &runner{p: p, pooled: true}
			return func(ctx context.Context, seed uint64) (*Result, error) {
				defer watch.end(watch.begin(p.Name, seed))
				return rn.judged(ctx, seed, o)
			}
		},
		Patience: watch.patience(),
		Late: func(seed uint64, l Late) (*Result, error) {
			s, ops, err := p.begin(seed, o.Strategy, o.Faults, false)
			if err != nil {
				return nil, err // it is there that it does not end
			}
			res := lateResult(s, ops, l)
			res.strategy = o.Strategy
			return res, nil
		},
		Count: func(_ uint64, res *Result) bool {
			r.add(res)
			if o.Progress != nil {
				o.Progress(r)
			}
			return len(r.Failures) < o.Failures && !res.late // what does not end takes a processor from the others
		},
	}
	return r, pool.Run(ctx)
}

// judged runs a seed, and once more if it is its turn.
func (rn *runner) judged(ctx context.Context, seed uint64, o Options) (*Result, error) {
	res, err := rn.seed(ctx, seed, o, keep{})
	if err != nil || res.late || o.TwiceEvery <= 0 || seed%uint64(o.TwiceEvery) != 0 {
		return res, err
	}
	again, err := rn.seed(ctx, seed, o, keep{})
	if err != nil {
		return nil, err
	}
	if res.Twice = again.same(res); res.Twice {
		return res, nil
	}
	v, err := rn.divergence(ctx, res, again, o)
	if err != nil {
		return nil, err
	}
	res.Violations = append(res.Violations, v)
	return res, nil
}

// same reports whether two runs are one: by trace, and by what was found.
func (res *Result) same(other *Result) bool {
	return res.TraceHash == other.TraceHash && slices.EqualFunc(res.Violations, other.Violations, func(a, b Violation) bool {
		return a.Signature() == b.Signature()
	})
}

func (r *Report) add(res *Result) {
	r.Seeds++
	r.Deliveries += res.Deliveries
	r.Operations += res.Operations
	r.Answered += res.Answered
	r.Undecided += int64(res.Undecided)
	r.Twice += count(res.Twice)
	r.Longest = max(r.Longest, res.Took)
	for c, yes := range res.Effective {
		r.Effective[c] += count(yes)
	}
	r.Faultless += count(!slices.Contains(res.Effective[:], true))
	for _, point := range res.Points {
		r.Points[point]++
	}
	if len(res.Violations) > 0 {
		r.Violating++
		r.Failures = append(r.Failures, res)
	}
}

func count(yes bool) int64 {
	if yes {
		return 1
	}
	return 0
}

// Classes are the fault classes that the campaign's seeds could have.
func (r *Report) Classes() []sim.Class { return r.levels.Classes() }

// NeverReached lists what the campaign has never come to: the protocol's points, and the
// fault classes that it could have but that changed no run, as "drop faults".
func (r *Report) NeverReached() []string {
	var never []string
	for _, point := range r.protocol.Points {
		if r.Points[point] == 0 {
			never = append(never, point)
		}
	}
	for _, c := range r.Classes() {
		if r.Effective[c] == 0 {
			never = append(never, c.String()+" faults")
		}
	}
	return never
}
