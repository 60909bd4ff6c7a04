package laws

import (
	"time"

	"pgregory.net/rapid"

	"github.com/joinery-go/joinery/gen"
)

// CheckLawTB checks one law of a set against a TB that is no *testing.T, so that
// tests can look at what a failing check prints. It returns why no further law can be
// judged.
func CheckLawTB[S any](t rapid.TB, set Set[S], id string, source gen.Source[S], cases int, opts ...Option) (barred string) {
	for _, law := range set.s.value().all() {
		if law.ID == id {
			barred = checkLaw(t, set.s.value().subject, &law, boxSource(source), settingsOf(append(opts, Cases(cases))), seedOfRun())
		}
	}
	return barred
}

// Alone is a set with one law of those of s, judged as it is beside all of them.
func Alone[S any](s Set[S], id string) Set[S] {
	few := s.s.value().only([]string{id})
	few.subject = s.s.value().subject
	return Set[S]{pin(few)}
}

// EqualityOf is the equality of states under options.
func EqualityOf[S any](opts ...Option) func(a, b S) bool {
	s := bind[S](settingsOf(opts))
	return func(a, b S) bool { return s.equality()(box(a), box(b)) }
}

// SourceOf is the source that CheckMerge and CheckMergeIn use.
func SourceOf[S any](set Set[S], g gen.Gen[S]) gen.Source[S] {
	boxes := set.s.value().source(boxGen(g))
	return func(d *gen.Draw, tuple []S) {
		x := make([]any, len(tuple))
		boxes(d, x)
		copy(tuple, unboxAll[S](x))
	}
}

// CheckDrawn checks a set on states of the source that CheckMerge and CheckMergeIn use,
// as these do.
func CheckDrawn[S any](t T, set Set[S], g gen.Gen[S], opts ...Option) {
	checkOn(t, set.s.value(), set.s.value().source(boxGen(g)), opts)
}

// ScopeFailures is which laws of a replicated type fail on the schedules of a scope, each
// judged whole, and judged as [Converge] does, which takes what a schedule without its
// last step has in common with it as judged.
func ScopeFailures[S, O any](r Replicated[S, O], schedules []Schedule[O], opts ...Option) (whole, last []string) {
	o := settingsOf(opts)
	b := bindReplicated(r, bind[Schedule[O]](settings{}), o)
	failing := func(s set) (ids []string) {
		p := newProbe(s.subject)
		for _, l := range s.only([]string{s.name}).all() {
			for i := range schedules {
				if p.judge(&l, []any{&schedules[i]}).kind.bad() {
					ids = append(ids, l.ID)
					break
				}
			}
		}
		return ids
	}
	return failing(b.convergence(o)), failing(b.extending().convergence(o))
}

// CasesUntil judges a law of a set until stop, which is asked as the clock is under go
// test, says that time is up, and returns how many cases it judged.
func CasesUntil[S any](set Set[S], id string, source gen.Source[S], stop func() bool) int {
	for _, law := range set.s.value().all() {
		if law.ID == id {
			run := &seededRun{law: &law, source: boxSource(source), probe: newProbe(set.s.value().subject), x: make([]any, law.Arity),
				o: RunOptions{Cases: DefaultCases}.withDefaults(), stop: stop}
			if res, err := run.check(); err == nil {
				return res.Cases
			}
		}
	}
	return 0
}

// Remarks is what CheckMerge says of the states that it draws.
func Remarks[S any](merge func(a, b S) S, states *rapid.Generator[S], opts ...Option) []string {
	set := Func(merge, opts...).s.value()
	seen, _ := survey(set.subject, set.source(boxGen(gen.FromRapid(states))), 1, func() bool { return false }, time.Minute)
	return seen.remarks()
}

// SurveyBeforeStates is what a survey says whose patience ends before a state was drawn.
func SurveyBeforeStates[S any](merge func(a, b S) S, states *rapid.Generator[S]) *Failure {
	set := Func(merge).s.value()
	busy := func() bool {
		time.Sleep(100 * time.Millisecond)
		return true
	}
	_, failure := survey(set.subject, set.source(boxGen(gen.FromRapid(states))), 1, busy, time.Millisecond)
	return failure
}

// IgnoredBy is what a check says of methods Equal that take no part in the equality of states.
func IgnoredBy[S any](set Set[S]) []string { return set.s.value().subject.ignored() }

// Unsteady is what a door says of a generator that does not draw a state again.
func Unsteady[S any](t rapid.TB, set Set[S], states *rapid.Generator[S]) {
	set.s.value().subject.sayUnsteady(t, ofRapid(states), nil)
}
