package laws

import (
	"pgregory.net/rapid"

	"github.com/joinery-go/joinery/gen"
)

// CheckLawTB checks one law of a set against a TB that is no *testing.T, so that
// tests can look at what a failing check prints. It returns why no further law can be
// judged.
func CheckLawTB[S any](t rapid.TB, set Set[S], id string, source gen.Source[S], cases int, opts ...Option) (barred string) {
	for _, law := range set.s.all() {
		if law.ID == id {
			barred = checkLaw(t, set.s.subject, &law, boxSource(source), settingsOf(append(opts, Cases(cases))), seedOfRun())
		}
	}
	return barred
}

// SourceOf is the source that CheckMerge and CheckMergeIn use.
func SourceOf[S any](set Set[S], g gen.Gen[S]) gen.Source[S] {
	boxes := set.s.source(boxGen(g))
	return func(d *gen.Draw, tuple []S) {
		x := make([]any, len(tuple))
		boxes(d, x)
		copy(tuple, unboxAll[S](x))
	}
}

// CheckDrawn checks a set on states of the source that CheckMerge and CheckMergeIn use,
// as these do.
func CheckDrawn[S any](t T, set Set[S], g gen.Gen[S], opts ...Option) {
	checkOn(t, set.s, set.s.source(boxGen(g)), opts)
}

// CasesUntil judges a law of a set until stop, which is asked as the clock is under go
// test, says that time is up, and returns how many cases it judged.
func CasesUntil[S any](set Set[S], id string, source gen.Source[S], stop func() bool) int {
	for _, law := range set.s.all() {
		if law.ID == id {
			run := &seededRun{law: &law, source: boxSource(source), probe: newProbe(set.s.subject), x: make([]any, law.Arity),
				o: RunOptions{Cases: DefaultCases}.withDefaults(), stop: stop}
			if res, err := run.check(); err == nil {
				return res.Cases
			}
		}
	}
	return 0
}
