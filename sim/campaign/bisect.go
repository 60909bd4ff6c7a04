package campaign

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/joinery-go/joinery/gen/choice"
	"github.com/joinery-go/joinery/sim"
)

// Bisected says where a failure comes about.
type Bisected struct {
	Signature string // of the failure
	// Faults is how many of the tape's faults, in the order in which they were decided,
	// lead to the failure, where one less does not, and Decided the last of them; 0
	// where the failure needs no fault.
	Faults  int
	Decided sim.TimedDecision
	// Operations is the same of the operations, all faults given, and Last the last.
	Operations int
	Last       Op
	// Classes are the fault classes, by the sites of their decisions, of which none can be
	// left out whole, all others being left out.
	Classes []string
	Replays int
}

// Bisect says of a failing tape with which fault its first violation, by signature, comes
// about, with which operation, and which fault classes it takes. It looks for a place where
// one decision more makes the difference by halving, and both sides of that place have
// been run; where faults cancel each other out there may be other such places. The
// protocol's own choices stay what they are.
func (p *Protocol) Bisect(ctx context.Context, t *Tape) (*Bisected, error) {
	whole, err := p.Replay(ctx, t)
	if err != nil {
		return nil, err
	}
	if len(whole.Violations) == 0 {
		return nil, fmt.Errorf("%w: there is nothing to bisect", ErrHolds)
	}
	s := &shrinking{ctx: ctx, rn: &runner{p: p}, events: math.MaxInt64, want: whole.Violations[0].Signature()}
	b := &Bisected{Signature: s.want}
	var faults []sim.TimedDecision
	var own []choice.Decision
	for _, d := range t.Decisions {
		if !IsFault(d.Site) {
			own = append(own, d)
		}
	}
	for _, d := range whole.decisions {
		if IsFault(d.Site) {
			faults = append(faults, d)
		}
	}
	fails := func(ops []Op, faults []sim.TimedDecision) (bool, error) {
		ds := slices.Clone(own)
		for _, d := range faults {
			ds = append(ds, d.Decision)
		}
		out, err := s.run(t.Setup, ops, ds)
		return out.Signature == s.want, err
	}
	if b.Faults, err = boundary(len(faults), func(n int) (bool, error) { return fails(t.Operations, faults[:n]) }); err != nil {
		return nil, err
	}
	if b.Faults > 0 {
		b.Decided = faults[b.Faults-1]
	}
	if b.Operations, err = boundary(len(t.Operations), func(n int) (bool, error) { return fails(t.Operations[:n], faults) }); err != nil {
		return nil, err
	}
	if b.Operations > 0 {
		b.Last = t.Operations[b.Operations-1]
	}
	b.Classes, err = neededClasses(faults, func(faults []sim.TimedDecision) (bool, error) { return fails(t.Operations, faults) })
	b.Replays = s.replays + 1
	return b, err
}

// boundary is a number from 0 to most such that so many fail and one less does not, or 0;
// most are known to fail. It asks about log2(most) times.
func boundary(most int, fails func(n int) (bool, error)) (int, error) {
	if yes, err := fails(0); err != nil || yes {
		return 0, err
	}
	lo, hi := 0, most // lo holds, hi fails
	for hi-lo > 1 {
		mid := lo + (hi-lo)/2
		yes, err := fails(mid)
		if err != nil {
			return 0, err
		}
		if yes {
			hi = mid
		} else {
			lo = mid
		}
	}
	return hi, nil
}

// neededClasses leaves out one class after the other, for good where the failure stays.
func neededClasses(faults []sim.TimedDecision, fails func([]sim.TimedDecision) (bool, error)) ([]string, error) {
	var classes []string
	for _, d := range faults {
		if !slices.Contains(classes, d.Site) {
			classes = append(classes, d.Site)
		}
	}
	slices.Sort(classes)
	needed := []string{}
	for _, class := range classes {
		less := slices.DeleteFunc(slices.Clone(faults), func(d sim.TimedDecision) bool { return d.Site == class })
		yes, err := fails(less)
		switch {
		case err != nil:
			return nil, err
		case yes:
			faults = less
		default:
			needed = append(needed, class)
		}
	}
	return needed, nil
}
