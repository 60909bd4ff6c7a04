package zoo

import (
	"maps"
	"slices"

	"github.com/joinery-go/joinery/gen"
	"github.com/joinery-go/joinery/lattice"
	"github.com/joinery-go/joinery/laws"
	"github.com/joinery-go/joinery/laws/operators"
)

// operated holds the defects from public issues that are of operators, in front of a
// merge that is right.
func operated() []Entry { return []Entry{emittedTwice(), replayedForEver()} }

// operatorSuite is the suite of an operator that is called with each element.
func operatorSuite[A, B, S any](name string, o operators.Operator[A, B, S], fresh func() func(A, func(B)), elements gen.Gen[A], few ...A) laws.Suite {
	o.Emit = fresh
	return laws.NewSuite(name, operators.Laws(o), operators.Source(elements), operators.Feeds(few, 2))
}

// tick is what the two inputs of an operator got at one time; 0 is nothing.
type tick struct{ Left, Right int }

// crossed pairs all that the two inputs got. twice is the defect: what both got at one
// time is paired from either side.
func crossed(twice bool) func() func(tick, func(tick)) {
	return func() func(tick, func(tick)) {
		var lefts, rights []int
		return func(t tick, emit func(tick)) {
			met := rights
			if t.Right != 0 && !slices.Contains(rights, t.Right) {
				rights = append(rights[:len(rights):len(rights)], t.Right)
			} else {
				t.Right = 0
			}
			if twice {
				met = rights
			}
			if t.Left != 0 && !slices.Contains(lefts, t.Left) {
				lefts = append(lefts[:len(lefts):len(lefts)], t.Left)
				for _, r := range met {
					emit(tick{t.Left, r})
				}
			}
			if t.Right != 0 {
				for _, l := range lefts {
					emit(tick{l, t.Right})
				}
			}
		}
	}
}

func emittedTwice() Entry {
	e := Entry{ID: "H3", Where: "hydro #1522", Law: "operator/once", Defect: "an operator of two inputs pairs what both get at one time twice"}
	o := operators.Operator[tick, tick, map[tick]struct{}]{
		Class: lattice.IsTricky, Once: true, Merge: united[tick], Lift: only[tick],
	}
	elements := gen.Gen[tick](func(d *gen.Draw) tick { return tick{d.Index("left", 3), d.Index("right", 3)} })
	few := []tick{{1, 0}, {0, 1}, {1, 1}, {2, 1}}
	e.Faulty = operatorSuite("cross, as published", o, crossed(true), elements, few...)
	e.Correct = operatorSuite("cross, correct", o, crossed(false), elements, few...)
	return e
}

// remembered hands on what is new. replays is the defect: run without anything new, it
// hands on all that it remembers.
func remembered(replays bool) func() func(int, func(int)) {
	return func() func(int, func(int)) {
		var seen []int
		return func(n int, emit func(int)) {
			switch {
			case !slices.Contains(seen, n):
				seen = append(seen, n)
				emit(n)
			case replays:
				for _, old := range seen {
					emit(old)
				}
			}
		}
	}
}

func replayedForEver() Entry {
	e := Entry{ID: "H4", Where: "hydro #1050", Law: "operator/quiet", Defect: "an operator with memory hands it on again whenever it is run: a cycle through it never rests"}
	o := operators.Operator[int, int, map[int]struct{}]{
		Once: true, Merge: united[int], Lift: only[int], Feedback: func(n int) (int, bool) { return n, true }, Within: 50,
	}
	e.Faulty = operatorSuite("unique, as published", o, remembered(true), gen.Int(0, 3), 0, 1, 2)
	e.Correct = operatorSuite("unique, correct", o, remembered(false), gen.Int(0, 3), 0, 1, 2)
	return e
}

func only[T comparable](v T) map[T]struct{} { return map[T]struct{}{v: {}} }

func united[T comparable](a, b map[T]struct{}) map[T]struct{} {
	m := maps.Clone(a)
	maps.Copy(m, b)
	return m
}
