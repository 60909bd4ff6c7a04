package laws

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/joinery-go/joinery/gen"
	"github.com/joinery-go/joinery/gen/choice"
	"github.com/joinery-go/joinery/lattice"
)

// RunOptions say how [Run] samples.
type RunOptions struct {
	// Seed makes every case; the same seed gives the same report.
	Seed uint64
	// Cases is how many tuples are judged a law; 0 means 100.
	Cases int
	// Replays bounds how often a failing case is replayed to make it smaller; 0
	// means 4000.
	Replays int
	// Only restricts the run to one law, by its ID, or to the laws of one set, by
	// what stands before the slash; "" is all.
	Only string
	// Again is the command to print below a failure.
	Again string
	// Lone is what a report says can be done where all states that were drawn are equal;
	// "" names the option [OneState].
	Lone string
}

func (o RunOptions) withDefaults() RunOptions {
	if o.Cases <= 0 {
		o.Cases = 100
	}
	if o.Replays <= 0 {
		o.Replays = 4000
	}
	return o
}

// Run checks every law of the set against tuples drawn with seeded choices, and
// makes what refutes a law as small as it can. It works anywhere, where [Check]
// needs go test. A law's cases depend on the seed and its ID alone: checking
// another set with the same law judges the same tuples.
func Run[S any](set Set[S], source gen.Source[S], o RunOptions) Report {
	return set.s.value().run(boxSource(source), o)
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
	r.evidence = s.attest(&r, lattice.Sampled, "")
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

	*watchdog                                 // nil outside of go test
	noting    bool                            // the operands of joins, while states are drawn
	stop      func() bool                     // says that time is up; nil outside of go test
	shrink    func(time.Duration) func() bool // a clock for shrinking; nil outside of go test
	stopped   bool                            // stop said so
	unwatched bool                            // writes into the states are not looked for; see watches
}

// refutation is a case that refutes the law: a finding, or an error from drawing.
type refutation struct {
	finding finding
	drawErr error
}

func (r refutation) class() string { return r.classOf("merge") }

// classOf is the class in words about what is checked.
func (r refutation) classOf(thing string) string {
	if r.drawErr != nil {
		return "drawing"
	}
	return r.finding.kind.of(thing)
}

// judge draws a tuple from src and judges it.
func (r *seededRun) judge(src choice.Source) refutation {
	r.draw.Reset(src)
	if r.noting {
		r.joining.Store(nil)
		r.draw.OnJoin(func(a, b any) { r.joining.Store(&[2]any{a, b}) })
	}
	r.step()
	v := r.fill()
	r.step()
	if v != nil {
		return refutation{drawErr: fmt.Errorf("source panicked: %s", panicText(v))}
	}
	if err := r.draw.Err(); err != nil {
		return refutation{drawErr: err}
	}
	var f refutation
	if r.unwatched {
		f.finding = r.probe.eval(r.law, r.x)
	} else {
		f.finding = r.probe.judge(r.law, r.x)
	}
	r.stay()
	return f
}

// In how many cases of a law writes into the states are looked for: in all of the first
// ones, and in one of so many after that.
const (
	watchedFirst = 100
	watchedOf    = 8
)

// watches reports that writes into the states of a case are looked for. Looking takes as
// long as a small merge. Where the set has a law that arguments stay as they were, that one
// looks in every case, so that the others need not: a case that refutes one of them is
// judged again, with an eye on them.
func (r *seededRun) watches(i int) bool {
	return !r.probe.s.guarded || i < watchedFirst || i%watchedOf == 0
}

func (r *seededRun) fill() (panicked any) {
	defer func() { panicked = recover() }()
	r.source(&r.draw, r.x)
	return nil
}

func (r *seededRun) check() (Result, error) {
	res := r.law.counted(0, 0)
	seed := choice.MixString(r.o.Seed, r.law.ID)
	var src choice.Source
	const first, between = 4, 16 // cases, looks at the clock: at first after each, since states may be large
	for i := range r.o.Cases {
		if r.stop != nil && (first <= i && i < between || i%between == between-1) && r.stop() {
			r.stopped = true
			break
		}
		caseSeed := choice.Mix(seed, uint64(i))
		src = choice.Reseeded(src, caseSeed)
		r.unwatched = !r.watches(i)
		got := r.judge(src)
		if r.unwatched && got.finding.kind == refuted {
			r.unwatched = false
			got = r.judge(choice.Seeded(caseSeed))
		}
		res.Cases++
		if got.drawErr == nil && got.finding.kind != vacuous && (res.Exercised > 0 || r.tells()) {
			res.Exercised++
		}
		if got.drawErr == nil && !got.finding.kind.bad() {
			continue
		}
		r.unwatched = false
		failure, err := r.explain(got, r.taped(got, caseSeed))
		if err != nil {
			return res, err
		}
		failure.Found = fmt.Sprintf("case %d of seed %d", i+1, r.o.Seed)
		failure.Again = r.o.Again
		res.Status, res.Failure = Failed, failure
		return res, nil
	}
	res = r.law.counted(res.Cases, res.Exercised)
	res.lone = r.o.Lone
	return res, nil
}

// taped is the answers that made a case, which is drawn once more for them: few cases
// fail. Of a merge that does not return nothing is made smaller, and it might be drawn with.
func (r *seededRun) taped(got refutation, caseSeed uint64) []uint64 {
	if got.finding.kind == stuck {
		return nil
	}
	tape := choice.Tape{Src: choice.Seeded(caseSeed)}
	r.draw.Reset(&tape)
	r.fill()
	return tape.Answers
}

// counted is the result of a law that so many cases did not refute, of which some
// exercised it.
func (l *law) counted(cases, exercised int) Result {
	r := Result{Law: l.ID, Statement: l.Text, Cases: cases, Exercised: exercised, AtLeast: l.AtLeast, distinct: l.distinct}
	switch {
	case exercised == 0 && l.optional:
		r.Status = Impossible
	case exercised == 0:
		r.Status = NeverExercised
	case exercised*1000 < l.AtLeast*cases:
		r.Status = TooRare
	}
	return r
}

// tells reports that the tuple just judged can tell a law: where all states are equal,
// some laws hold of any merge. It is asked until it says so once.
func (r *seededRun) tells() (tells bool) {
	s := r.probe.s
	if !r.law.distinct || s.single || s.typ.Size() == 0 {
		return true
	}
	defer func() { _ = recover() }() // an Equal that panics does so under a law
	for i := range r.x[1:] {
		if !r.probe.Equal(r.x[0], r.x[i+1]) {
			return true
		}
	}
	return false
}

// plain is the tape of a failing case as one of states drawn apart from each other, if
// that fails in the same way: where one state is made of another's choices, what makes
// the one smaller changes the other.
func (r *seededRun) plain(tape []uint64, class string) []uint64 {
	r.draw.Reset(choice.NewSequence(tape))
	r.draw.KeepPlain()
	if r.fill() != nil || r.draw.Err() != nil {
		return tape
	}
	if apart := slices.Clone(r.draw.Plain()); r.judge(choice.NewSequence(apart)).class() == class {
		return apart
	}
	return tape
}

// explain makes the case smaller, as long as it fails in the same way, and
// reports what is left.
func (r *seededRun) explain(got refutation, tape []uint64) (*Failure, error) {
	if got.finding.kind == unequated {
		return nil, fmt.Errorf("%w: law %s was not judged: %s", ErrSetup, r.law.ID, panicText(got.finding.panic))
	}
	class := got.class()
	if got.finding.kind == stuck {
		// Each replay would take as long as the watchdog waits.
		failure := r.probe.failure(r.law, r.x, got.finding)
		failure.Size = failure.size()
		return failure, nil
	}
	least := r.minimise(tape, class)
	got = r.judge(choice.NewSequence(least))
	if got.drawErr != nil {
		return r.probe.drawFailure(r.law, got.drawErr)
	}
	// The judged tuple may have been written into: it is drawn again.
	r.draw.Reset(choice.NewSequence(least))
	if v := r.fill(); v != nil {
		return nil, fmt.Errorf("%w: source of %s is not deterministic: it panicked when drawing a case again: %s", ErrSetup, r.law.ID, panicText(v))
	}
	failure := r.probe.failure(r.law, r.x, got.finding)
	failure.Size, failure.Tape = failure.size(), least
	failure.Note = r.note(r.law, got.finding, failure)
	return failure, nil
}

// minimise is the tape made smaller, as long as what it makes fails in the same way. On
// the way down a state may have become one of another's choices, which asks for less
// than both apart but lets neither get smaller without the other: such a tape is written
// out and made smaller once more.
func (r *seededRun) minimise(tape []uint64, class string) []uint64 {
	late := func() bool { return false }
	if r.shrink != nil {
		late = r.shrink(shrinkTime)
	}
	keep := func(src choice.Source) bool { return !late() && r.judge(src).class() == class }
	least := choice.Minimise(r.plain(tape, class), r.o.Replays, keep)
	for left := r.o.Replays - least.Replays; left > 0; {
		apart := r.plain(least.Tape, class)
		if slices.Equal(apart, least.Tape) {
			break
		}
		again := choice.Minimise(apart, left, keep)
		if left -= again.Replays; !r.simpler(again.Tape, least.Tape) {
			break
		}
		least = again
	}
	return least.Tape
}

// simpler reports that the case of a tape asks for fewer answers than that of another,
// or for as many that are lower.
func (r *seededRun) simpler(a, b []uint64) bool {
	r.judge(choice.NewSequence(a))
	n := r.draw.Asked()
	r.judge(choice.NewSequence(b))
	return n < r.draw.Asked() || n == r.draw.Asked() && choice.Smaller(a, b)
}
