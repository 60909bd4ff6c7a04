package laws

import (
	"fmt"
	"strings"

	"github.com/joinery-go/joinery/gen"
	"github.com/joinery-go/joinery/gen/choice"
)

// RunOptions say how [Run] samples.
type RunOptions struct {
	// Seed makes every case; the same seed gives the same report.
	Seed uint64
	// Cases is how many tuples are judged a law; 0 means 100.
	Cases int
	// Replays bounds how often a failing case is replayed to make it smaller; 0
	// means 2000.
	Replays int
	// Only restricts the run to one law, by its ID, or to the laws of one set, by
	// what stands before the slash; "" is all.
	Only string
	// Again is the command to print below a failure.
	Again string
}

func (o RunOptions) withDefaults() RunOptions {
	if o.Cases <= 0 {
		o.Cases = 100
	}
	if o.Replays <= 0 {
		o.Replays = 2000
	}
	return o
}

// Run checks every law of the set against tuples drawn with seeded choices, and
// makes what refutes a law as small as it can. It works anywhere, where [Check]
// needs go test. A law's cases depend on the seed and its ID alone: checking
// another set with the same law judges the same tuples.
func Run[S any](set Set[S], source gen.Source[S], o RunOptions) Report {
	return set.s.run(boxSource(source), o)
}

func (s set) run(source gen.Source[any], o RunOptions) Report {
	o = o.withDefaults()
	r := Report{Set: s.name, Scope: fmt.Sprintf("%d random cases a law, seed %d", o.Cases, o.Seed), Absent: s.absent()}
	if err := s.usable(); err != nil {
		r.Err = err
		return r
	}
	for _, law := range s.all() {
		if !named(o.Only, law.ID) {
			continue
		}
		run := &seededRun{law: &law, source: source, probe: newProbe(s.subject), x: make([]any, law.Arity), o: o}
		res, err := run.check()
		if err != nil {
			r.Err = err
			return r
		}
		r.Results = append(r.Results, res)
	}
	if len(r.Results) == 0 {
		r.Err = fmt.Errorf("%w: set %s has no law %q", ErrSetup, s.name, o.Only)
	}
	return r
}

// named reports whether only, the name of a law or of a set, names the law id.
func named(only, id string) bool {
	return only == "" || id == only || strings.HasPrefix(id, only+"/")
}

// seededRun is one law under seeded choices.
type seededRun struct {
	law    *law
	source gen.Source[any]
	probe  *probe
	draw   gen.Draw
	x      []any
	o      RunOptions
}

// refutation is a case that refutes the law: a finding, or an error from drawing.
type refutation struct {
	finding finding
	drawErr error
}

func (r refutation) class() string {
	if r.drawErr != nil {
		return "drawing"
	}
	return r.finding.kind.String()
}

// judge draws a tuple from src and judges it.
func (r *seededRun) judge(src choice.Source) refutation {
	r.draw.Reset(src)
	if v := r.fill(); v != nil {
		return refutation{drawErr: fmt.Errorf("source panicked: %s", panicText(v))}
	}
	if err := r.draw.Err(); err != nil {
		return refutation{drawErr: err}
	}
	return refutation{finding: r.probe.judge(r.law, r.x)}
}

func (r *seededRun) fill() (panicked any) {
	defer func() { panicked = recover() }()
	r.source(&r.draw, r.x)
	return nil
}

func (r *seededRun) check() (Result, error) {
	res := Result{Law: r.law.ID, Statement: r.law.Text}
	seed := choice.MixString(r.o.Seed, r.law.ID)
	var tape choice.Tape
	for i := range r.o.Cases {
		tape.Src, tape.Answers = choice.Seeded(choice.Mix(seed, uint64(i))), tape.Answers[:0]
		got := r.judge(&tape)
		res.Cases++
		if got.drawErr == nil && got.finding.kind != vacuous {
			res.Exercised++
		}
		if got.drawErr == nil && !got.finding.kind.bad() {
			continue
		}
		failure, err := r.explain(got, tape.Answers)
		if err != nil {
			return res, err
		}
		failure.Found = fmt.Sprintf("case %d of seed %d", i+1, r.o.Seed)
		failure.Again = r.o.Again
		res.Status, res.Failure = Failed, failure
		return res, nil
	}
	switch {
	case res.Exercised == 0:
		res.Status = NeverExercised
	case r.law.rarely(res.Exercised, res.Cases):
		res.Status, res.AtLeast = TooRare, r.law.AtLeast
	}
	return res, nil
}

// explain makes the case smaller, as long as it fails in the same way, and
// reports what is left.
func (r *seededRun) explain(got refutation, tape []uint64) (*Failure, error) {
	class := got.class()
	if got.finding.kind == stuck {
		// Each replay would take as long as the watchdog waits.
		failure := r.probe.failure(r.law, r.x, got.finding)
		failure.Size = failure.size()
		return failure, nil
	}
	least := choice.Minimise(tape, r.o.Replays, func(src choice.Source) bool { return r.judge(src).class() == class })
	got = r.judge(choice.NewSequence(least.Tape))
	if got.drawErr != nil {
		return r.probe.drawFailure(r.law, got.drawErr)
	}
	// The judged tuple may have been written into: it is drawn again.
	r.draw.Reset(choice.NewSequence(least.Tape))
	if v := r.fill(); v != nil {
		return nil, fmt.Errorf("%w: source of %s is not deterministic: it panicked when drawing a case again: %s", ErrSetup, r.law.ID, panicText(v))
	}
	failure := r.probe.failure(r.law, r.x, got.finding)
	failure.Size, failure.Tape = failure.size(), least.Tape
	return failure, nil
}
