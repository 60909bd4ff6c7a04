package campaign

import (
	"context"
	"fmt"

	"github.com/joinery-go/joinery/gen/choice"
)

// ExploreOptions bound a search of all schedules. The zero value of a field stands for
// its default.
type ExploreOptions struct {
	Seed uint64 // whose plan, and whose choices of the protocol's own; 1 by default
	// Faults is how many faults a schedule has at most, 1 by default.
	Faults int
	// MaxSchedules bounds the search, 1 million by default.
	MaxSchedules int
	Workers      int // 1 by default
	Failures     int // failing schedules after which it stops, 1 by default
	// Progress is told how many schedules have been run, in their order; nil is not told.
	Progress func(schedules int)
}

// Explored is what a search of all schedules came to.
type Explored struct {
	Schedules int       // that were run
	Points    int       // decisions about faults that the schedule without any comes to, however few were gone into
	Faults    int       // in the schedules run, at most
	Complete  bool      // every schedule with so many faults was run; else a bound, or failures, came first
	Failures  []*Result // of failing schedules, in order
	Tapes     []*Tape   // theirs
}

// schedule is a tape's worth of faults, as the last of them and those before.
type schedule struct {
	before *schedule
	last   choice.Decision
	faults int
}

func (s *schedule) decisions() []choice.Decision {
	if s == nil {
		return nil
	}
	return append(s.before.decisions(), s.last)
}

func (s *schedule) depth() int {
	if s == nil {
		return 0
	}
	return s.faults
}

// asker answers from a tape and remembers the faults that were asked after the last one
// that is on it.
type asker struct {
	src    choice.Source
	last   siteKey
	listen bool
	most   int
	points []choice.Point
	asked  int // points that there were, more than most of them too
}

func (a *asker) Choose(p choice.Point) uint64 {
	v := a.src.Choose(p)
	switch {
	case !IsFault(p.Site):
	case a.listen && p.N > 1:
		if a.asked++; len(a.points) < a.most {
			a.points = append(a.points, p)
		}
	case !a.listen:
		a.listen = a.last == siteKey{p.Site, p.Key}
	}
	return v
}

// scheduled is a schedule that has run, with what could come after it.
type scheduled struct {
	res    *Result
	tape   *Tape
	points []choice.Point
	asked  int // points
}

// Explore runs every schedule of one seed's plan that departs from the one without faults
// in so many decisions at most: first that one, then all with one fault, and so on, each
// set of faults once. Every class that the protocol bears is asked, at all its values;
// the protocol's own choices are drawn from the seed. So the first failing schedule has
// the fewest faults that this plan needs. The number of schedules grows as the power
// that Faults is of some thousands.
func (p *Protocol) Explore(ctx context.Context, o ExploreOptions) (*Explored, error) {
	setDefault(&o.Seed, 1)
	setDefault(&o.Faults, 1)
	setDefault(&o.MaxSchedules, 1_000_000)
	setDefault(&o.Workers, 1)
	setDefault(&o.Failures, 1)
	if o.Faults < 0 || o.MaxSchedules < 1 || o.Workers < 1 || o.Failures < 1 {
		return nil, fmt.Errorf("%w: explore with %d faults, %d schedules, %d workers: want 1 or more", ErrSetup, o.Faults, o.MaxSchedules, o.Workers)
	}
	if err := p.Validate(); err != nil {
		return nil, err
	}
	setup, ops, err := p.begin(o.Seed, "uniform", nil, false)
	if err != nil {
		return nil, err
	}
	x := &exploration{p: p, o: o, setup: setup, ops: ops, out: &Explored{Complete: true}}
	for level := []*schedule{nil}; len(level) > 0; level = x.next {
		x.level, x.next = level, nil
		if err := x.run(ctx); err != nil || !x.more() {
			x.out.Complete = x.out.Complete && err == nil && len(x.out.Failures) < o.Failures && ctx.Err() == nil
			return x.out, err
		}
	}
	x.out.Complete = x.out.Complete && ctx.Err() == nil
	return x.out, nil
}

// exploration is a search in progress.
type exploration struct {
	p           *Protocol
	o           ExploreOptions
	setup       Setup
	ops         []Op
	level, next []*schedule // of as many faults each
	out         *Explored
}

func (x *exploration) more() bool {
	n := len(x.out.Failures)
	if n > 0 && x.out.Failures[n-1].late {
		return false // it goes on, and takes a processor from the others
	}
	return n < x.o.Failures && x.out.Schedules < x.o.MaxSchedules
}

// run runs the schedules of one level.
func (x *exploration) run(ctx context.Context) error {
	watch := x.p.watch()
	pool := &Pool[scheduled]{
		Seeds: uint64(len(x.level)), Workers: x.o.Workers,
		Worker: func() func(context.Context, uint64) (scheduled, error) {
			rn := &runner{p: x.p, pooled: true}
			return func(ctx context.Context, i uint64) (scheduled, error) {
				defer watch.end(watch.begin(x.p.Name, x.setup.Seed))
				return x.one(ctx, rn, x.level[i])
			}
		},
		Patience: watch.patience(),
		Late: func(i uint64, l Late) (scheduled, error) {
			return x.scheduled(lateResult(x.setup, x.ops, l), x.level[i], &asker{}), nil
		},
		Count: func(i uint64, s scheduled) bool {
			x.count(x.level[i], s)
			return x.more()
		},
	}
	return pool.Run(ctx)
}

func (x *exploration) one(ctx context.Context, rn *runner, s *schedule) (scheduled, error) {
	ds := s.decisions()
	a := &asker{src: tapeSource(&x.setup, ds), listen: s == nil}
	if s != nil {
		a.last = siteKey{s.last.Site, s.last.Key}
	}
	if s.depth() < x.o.Faults {
		a.most = x.o.MaxSchedules
	}
	res, err := rn.run(ctx, x.setup, x.ops, a, keep{})
	if err != nil {
		return scheduled{}, err
	}
	return x.scheduled(res, s, a), nil
}

func (x *exploration) scheduled(res *Result, s *schedule, a *asker) scheduled {
	tape := &Tape{Protocol: x.p.Name, Version: x.p.Version, Program: x.p.Program, Setup: x.setup, Operations: x.ops, Decisions: s.decisions()}
	return scheduled{res, x.p.tapeAs(tape, res), a.points, a.asked}
}

// count takes a schedule that has run, and lists those that follow from it.
func (x *exploration) count(s *schedule, ran scheduled) {
	x.out.Schedules++
	x.out.Faults = s.depth()
	if s == nil {
		x.out.Points = ran.asked
	}
	if x.o.Progress != nil {
		x.o.Progress(x.out.Schedules)
	}
	if len(ran.res.Violations) > 0 {
		x.out.Failures, x.out.Tapes = append(x.out.Failures, ran.res), append(x.out.Tapes, ran.tape)
		return // what follows from a failing one needs no more faults to fail
	}
	for _, p := range ran.points {
		for v := uint64(1); v < p.N; v++ {
			if x.out.Schedules+len(x.next) >= x.o.MaxSchedules {
				x.out.Complete = false
				return
			}
			x.next = append(x.next, &schedule{s, choice.Decision{Site: p.Site, Key: p.Key, Value: v}, s.depth() + 1})
		}
	}
}
