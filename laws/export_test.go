package laws

import (
	"pgregory.net/rapid"

	"github.com/joinery-go/joinery/gen"
)

// CheckLawTB checks one law of a set against a TB that is no *testing.T, so that
// tests can look at what a failing check prints.
func CheckLawTB[S any](t rapid.TB, set Set[S], id string, source gen.Source[S], cases int, opts ...Option) {
	for _, law := range set.s.all() {
		if law.ID == id {
			checkLaw(t, set.s.subject, &law, boxSource(source), settingsOf(append(opts, Cases(cases))), seedOfRun())
		}
	}
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
