package laws

import "github.com/joinery-go/joinery/gen"

// Suite is a set with what it is checked against, its type of states forgotten:
// suites over different states go into one table.
type Suite struct {
	// Name is the merge's, for tables.
	Name string
	// Run checks the set at random; see [Run].
	Run func(RunOptions) Report
	// Exhaust checks the set over its universe; see [Exhaust]. It is nil where no
	// universe was given.
	Exhaust func() Report
	// Check checks the set under go test; see [Check].
	Check func(t T, opts ...Option)
	// IDs are the laws of the set, in order.
	IDs []string
}

// NewSuite binds a set to a source and a universe; an empty universe is none.
func NewSuite[S any](name string, set Set[S], source gen.Source[S], universe gen.Universe[S]) Suite {
	s := Suite{
		Name:  name,
		Run:   func(o RunOptions) Report { return Run(set, source, o) },
		Check: func(t T, opts ...Option) { t.Helper(); Check(t, set, source, opts...) },
	}
	if len(universe) > 0 {
		s.Exhaust = func() Report { return Exhaust(set, universe) }
	}
	for _, l := range set.All() {
		s.IDs = append(s.IDs, l.ID)
	}
	return s
}
