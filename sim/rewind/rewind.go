// Package rewind asks when a failure became likely, and which choices made it so: it
// runs a tape again and again with the decisions before a point of time as they
// were, and those after it drawn anew.
//
// [Points] gives the share of such runs that fail alike, point by point: where it
// rises, what happened just before is what leads to the failure. [Choices] does the
// same right behind each decision other than benign, once with that decision and
// once without, so that what it adds is the difference of the two.
//
// A draw has a seed of its own, by its number alone, and a decision is drawn by its
// lineage key: so two points, or a run with a decision and one without, differ in
// nothing but what is fixed (common random numbers), and the same seed gives the
// same estimates. They are estimates: of n runs with a true share p the standard
// error is √(p(1-p)/n), at most 1/(2√n).
//
// The chance is that of the levels at which classes of faults are asked in the runs,
// so a share is one among runs like these, of these operations, and no rate of the
// wild. The package runs nothing by itself, and takes Draws runs for each number it
// gives, no more. Where runs are long, [Extent.Within] says how much may be asked.
package rewind

import (
	"errors"
	"fmt"
	"slices"

	"github.com/joinery-go/joinery/gen/choice"
	"github.com/joinery-go/joinery/sim"
)

// ErrOptions is wrapped when options or a tape are refused.
var ErrOptions = errors.New("sim/rewind: invalid options")

// MaxDraws bounds the runs behind one estimate.
const MaxDraws = 1_000_000

// Play runs once, under the source that it makes with its world's clock, and reports
// whether the run fails as the tape does. It must be deterministic but for the source.
type Play func(source func(now func() sim.Time) choice.Source) (failed bool, err error)

// Options say how much to draw.
type Options struct {
	Draws int    // runs behind each estimate, 1 to MaxDraws
	Seed  uint64 // of all that is drawn
	// Points and Choices are how many of those that are given are asked; 0 is all of
	// them, negative none. Of points it is an even spread, with the first and the last; of
	// choices the first ones. What is not asked is [Unasked].
	Points, Choices int
	// Progress is told of each question, of [Points] or of [Choices], how many of its runs
	// have been made: at first 0, and at the end all of them. nil is not told.
	Progress func(made, of int)
}

// Unasked stands for a count of failing runs that were not made.
const Unasked = -1

func (o Options) validate() error {
	if o.Draws < 1 || o.Draws > MaxDraws {
		return fmt.Errorf("%w: %d draws, want 1 to %d", ErrOptions, o.Draws, MaxDraws)
	}
	return nil
}

// asked is how many of n are asked where the options say most.
func asked(n, most int) int {
	switch {
	case most < 0:
		return 0
	case most == 0:
		return n
	}
	return min(n, most)
}

// counted is play, and tells of the progress through so many runs.
func (o Options) counted(play Play, of int) Play {
	if o.Progress == nil {
		return play
	}
	made := 0
	o.Progress(made, of)
	return func(source func(now func() sim.Time) choice.Source) (bool, error) {
		failed, err := play(source)
		if made++; err == nil {
			o.Progress(made, of)
		}
		return failed, err
	}
}

// draw is the seed of a draw.
func (o Options) draw(n int) uint64 {
	return choice.Mix(choice.MixString(o.Seed, "rewind"), uint64(n))
}

// Points returns for each time how many of Draws runs fail in which the decisions
// before it are those of the tape, and all from it on are drawn, or [Unasked]. Draws runs a
// point.
func Points(play Play, tape []choice.Decision, at []sim.Time, o Options) ([]int, error) {
	if err := o.validate(); err != nil {
		return nil, err
	}
	failed, most := make([]int, len(at)), asked(len(at), o.Points)
	play = o.counted(play, most*o.Draws)
	for i, until := range at {
		if !spread(i, len(at), most) {
			failed[i] = Unasked
			continue
		}
		n, err := share(play, tape, until, o)
		if err != nil {
			return nil, fmt.Errorf("sim/rewind: point %v: %w", until, err)
		}
		failed[i] = n
	}
	return failed, nil
}

// Effect is what one decision of a tape does to the failure.
type Effect struct {
	// With and Without count the failing runs of Draws in which everything up to the
	// time of the decision is as on the tape, but for the decision itself, which is so
	// too, or is benign; what comes later is drawn. Both are [Unasked] of a decision that
	// was not asked, of which nothing else is known either.
	With, Without int
	// StillFails reports that the run fails alike without the decision, all others
	// being those of the tape.
	StillFails bool
}

// Choices returns the effect of each decision of a tape, whose times are those at which
// its run asked for them. 2·Draws+1 runs a decision that is asked.
func Choices(play Play, tape []sim.TimedDecision, o Options) ([]Effect, error) {
	if err := o.validate(); err != nil {
		return nil, err
	}
	effects, most := make([]Effect, len(tape)), asked(len(tape), o.Choices)
	play = o.counted(play, most*(2*o.Draws+1))
	for i, d := range tape {
		if i >= most {
			effects[i] = Effect{With: Unasked, Without: Unasked}
			continue
		}
		all, less := make([]choice.Decision, 0, len(tape)), make([]choice.Decision, 0, len(tape))
		for j, other := range tape {
			all = append(all, other.Decision)
			if j != i {
				less = append(less, other.Decision)
			}
		}
		e := &effects[i]
		var err error
		if e.With, err = share(play, all, d.At+1, o); err == nil {
			e.Without, err = share(play, less, d.At+1, o)
		}
		if err == nil {
			e.StillFails, err = play(func(func() sim.Time) choice.Source { return choice.NewReplay(less) })
		}
		if err != nil {
			return nil, fmt.Errorf("sim/rewind: decision %s at %v: %w", d.Site, d.At, err)
		}
	}
	return effects, nil
}

// share counts the failing runs.
func share(play Play, tape []choice.Decision, until sim.Time, o Options) (failed int, err error) {
	for n := range o.Draws {
		yes, err := play(func(now func() sim.Time) choice.Source { return Source(tape, until, now, choice.Seeded(o.draw(n))) })
		if err != nil {
			return 0, fmt.Errorf("draw %d: %w", n, err)
		}
		if yes {
			failed++
		}
	}
	return failed, nil
}

// Source answers as a tape does before a time, benign where the tape says nothing,
// and as another source does from then on.
func Source(tape []choice.Decision, until sim.Time, now func() sim.Time, after choice.Source) choice.Source {
	return &source{tape: choice.NewReplay(tape), until: until, now: now, after: after}
}

type source struct {
	tape  *choice.Replay
	until sim.Time
	now   func() sim.Time
	after choice.Source
}

// Choose answers by the time at which it is asked.
func (s *source) Choose(p choice.Point) uint64 {
	if s.now() < s.until {
		return s.tape.Choose(p)
	}
	return s.after.Choose(p)
}

// Times are times worth rewinding to, ascending and each once: the start, each operation's,
// just after each decision, and the horizon, at which faults end. Of more than most, at least
// 2, they are spread evenly.
func Times(horizon sim.Time, operations []sim.Time, decisions []sim.TimedDecision, most int) []sim.Time {
	at := append([]sim.Time{0, horizon}, operations...)
	for _, d := range decisions {
		at = append(at, d.At+1)
	}
	slices.Sort(at)
	return Spread(slices.Compact(at), most)
}

// Spread is at most so many, at least 2, of times that ascend, evenly by their number: the
// first and the last are among them.
func Spread(at []sim.Time, most int) []sim.Time {
	if len(at) <= most {
		return at
	}
	few := make([]sim.Time, most)
	for i := range few {
		few[i] = at[i*(len(at)-1)/(most-1)]
	}
	return few
}
