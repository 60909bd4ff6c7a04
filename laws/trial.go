package laws

import (
	"github.com/joinery-go/joinery/gen"
	"github.com/joinery-go/joinery/gen/choice"
)

// Trial is one law of a set together with a source of states, for runners of
// properties other than those of this package: whoever has choices to draw from
// has the law judged exactly as [Run] and [Check] judge it. A Trial is for one
// goroutine at a time.
type Trial struct {
	law law
	run seededRun
}

// Trials binds every law of the set to the source, parents first, and says which
// laws do not apply. The error is one of the set-up.
func Trials[S any](set Set[S], source gen.Source[S]) ([]*Trial, []Absence, error) {
	return trials(set.s.value(), boxSource(source))
}

//go:noinline
func trials(set set, source gen.Source[any]) ([]*Trial, []Absence, error) {
	if err := set.usable(); err != nil {
		return nil, nil, err
	}
	var trials []*Trial
	for _, law := range set.all() {
		t := &Trial{law: law}
		t.run = seededRun{law: &t.law, source: source, probe: newProbe(set.subject), x: make([]any, law.Arity)}
		trials = append(trials, t)
	}
	return trials, set.absent(), nil
}

// Law returns the law that is tried.
func (t *Trial) Law() Statement { return t.law.Statement }

// Verdict is what came of judging one case.
type Verdict struct {
	// Outcome is Fails also where the law could not be judged: the merge panicked,
	// wrote into its arguments or did not return, or no states could be drawn.
	Outcome Outcome

	got refutation
}

// Judge draws a tuple with the choices of src and judges the law on it.
func (t *Trial) Judge(src choice.Source) Verdict {
	return verdictOf(t.run.judge(src))
}

func verdictOf(got refutation) Verdict {
	v := Verdict{got: got}
	switch {
	case v.got.drawErr != nil || v.got.finding.kind.bad():
		v.Outcome = Fails
	case v.got.finding.kind == vacuous:
		v.Outcome = Vacuous
	}
	return v
}

// Apart is the tape of a failing case in the form that is best made smaller: of states
// drawn apart from each other, where they were made of each other's choices. It is the
// same tape where that would not fail in the same way.
func (t *Trial) Apart(v Verdict, tape []uint64) []uint64 {
	if v.got.finding.kind == stuck {
		return tape
	}
	return t.run.plain(tape, v.got.class())
}

// FailsLike returns what [choice.Minimise] asks of smaller cases: whether one fails
// in the same way as the case of v did. Of a merge that does not return nothing is
// judged again, because each case would take as long as the watchdog waits.
func (t *Trial) FailsLike(v Verdict) func(choice.Source) bool {
	if v.got.finding.kind == stuck {
		return func(choice.Source) bool { return false }
	}
	class := v.got.class()
	return func(src choice.Source) bool { return t.run.judge(src).class() == class }
}

// Explain explains the failing case that the answers on the tape make. v is how it
// failed, or how the case did that it was made smaller from, which must be the last
// one this trial judged but for those of [Trial.FailsLike]. The error is one of the
// set-up: the source cannot draw.
func (t *Trial) Explain(v Verdict, tape []uint64) (*Failure, error) {
	return t.run.explain(v.got, tape)
}

// Shortfall says why so many cases, in some of which the premise of the law held,
// do not count as a check of it; "" if they do.
func (t *Trial) Shortfall(cases, exercised int) string {
	return t.law.counted(cases, exercised).shortfall()
}
