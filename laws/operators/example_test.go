package operators_test

import (
	"fmt"
	"iter"
	"maps"

	"github.com/joinery-go/joinery/gen"
	"github.com/joinery-go/joinery/lattice"
	"github.com/joinery-go/joinery/laws"
	"github.com/joinery-go/joinery/laws/operators"
)

// A consumer that adds up visits is no operator for a log that delivers at least once.
// Under go test, one line says so:
//
//	operators.CheckEmit(t, counter, lattice.IsTricky, largest, rapid.SampledFrom(names))
func Example() {
	type tally = map[string]int
	counter := func() func(name string, emit func(tally)) {
		counts := tally{}
		return func(name string, emit func(tally)) {
			counts[name]++
			emit(tally{name: counts[name]})
		}
	}
	largest := func(a, b tally) tally {
		m := maps.Clone(a)
		for name, n := range b {
			m[name] = max(m[name], n)
		}
		return m
	}
	op := operators.Operator[string, tally, tally]{Emit: counter, Class: lattice.IsTricky, Merge: largest}
	report := laws.Run(operators.Laws(op), operators.Source(gen.OneOf("ann", "bob")), laws.RunOptions{Seed: 1})
	fmt.Println(report.Failing())
	res, _ := report.Result("operator/duplicates")
	fmt.Print(res.Failure)
	// Output:
	// [operator/duplicates operator/resume]
	// law operator/duplicates does not hold
	//     elements that come again, at once or later, leave the fold as it is
	// left   fold of op("ann") = map[string]int{"ann": 1}, of map[string]int{"ann": 1}
	// right  fold of op("ann", "ann") = map[string]int{"ann": 2}, of map[string]int{"ann": 1}, map[string]int{"ann": 2}
	// where
	//     a = []string{
	//         "ann", // gives map[string]int{"ann": 1}
	//     }
	// found  case 1 of seed 1
}

// A function of sequences that holds elements back loses them in a crash, unless its
// consumer knows: the input is replayed from a point that it was thought to be done with.
func ExampleLaws() {
	pairs := func(in iter.Seq[int]) iter.Seq[[]int] {
		return func(yield func([]int) bool) {
			var held []int
			for n := range in {
				if held = append(held, n); len(held) == 2 {
					if !yield(held) {
						return
					}
					held = nil
				}
			}
			if held != nil {
				yield(held)
			}
		}
	}
	op := operators.Operator[int, []int, set[int]]{
		Seq: pairs, Merge: union[int], Lift: func(l []int) set[int] { return setOf(l...) },
	}
	source := operators.Source(gen.Int(0, 9))
	report := laws.Run(operators.Laws(op), source, laws.RunOptions{Seed: 1})
	fmt.Println(report.Failing())
	res, _ := report.Result("operator/resume")
	fmt.Print(res.Failure)

	op.Late = true // now it is said
	fmt.Println(laws.Run(operators.Laws(op), source, laws.RunOptions{Seed: 1}).OK())
	// Output:
	// [operator/resume]
	// law operator/resume does not hold
	//     after a crash, an instance without memory and a replay from any earlier point come to the same fold; an operator that holds elements back is declared Late, in one line by the option operators.Late(), and gets all of its input again
	// left   fold of op(0) = operators_test.set[int]{0: true}, of []int{0}
	// right  fold of op(0) until it crashes, and of op() = nothing: no element is emitted
	// where
	//     a = []int{
	//         0, // gives nothing
	//     } // and the end gives []int{0}
	// found  case 2 of seed 1
	// true
}

// An operator of batches holds elements back, and its one line says so:
//
//	operators.CheckSeq(t, pairs, lattice.IsMorphism, union, rapid.IntRange(0, 9), operators.Late())
//
// Without the option it is taken for one that is done with what it was given: after a
// crash the log begins behind an element that it still held.
func ExampleLate() {
	pairs := func(in iter.Seq[int]) iter.Seq[set[int]] {
		return func(yield func(set[int]) bool) {
			held := set[int]{}
			for n := range in {
				if held[n] = true; len(held) == 2 {
					if !yield(held) {
						return
					}
					held = set[int]{}
				}
			}
			if len(held) > 0 {
				yield(held)
			}
		}
	}
	op := operators.Operator[int, set[int], set[int]]{Seq: pairs, Class: lattice.IsMorphism, Merge: union[int]}
	source := operators.Source(gen.Int(0, 9))
	fmt.Println(laws.Run(operators.Laws(op), source, laws.RunOptions{Seed: 1}).Failing())
	fmt.Println(laws.Run(operators.Laws(op, operators.Late()), source, laws.RunOptions{Seed: 1}).Failing())
	// Output:
	// [operator/resume]
	// []
}

// A function that counts is monotone, and no morphism: it may not be split.
func ExampleOperator() {
	counted := func() func(string, func(int)) {
		seen := map[string]bool{}
		return func(name string, emit func(int)) {
			if !seen[name] {
				seen[name] = true
				emit(len(seen))
			}
		}
	}
	op := operators.Operator[string, int, int]{
		Emit: counted, Merge: func(a, b int) int { return max(a, b) }, Out: operators.States, Once: true,
	}
	source := operators.Source(gen.OneOf("ann", "bob", "cal"))
	for _, op.Class = range []lattice.Class{lattice.IsMorphism, lattice.IsTricky} {
		fmt.Println(op.Class, laws.Run(operators.Laws(op), source, laws.RunOptions{Seed: 1}).Failing())
	}
	// Output:
	// morphism [operator/split operator/resume]
	// monotone tricky []
}

// All that can happen to a few elements.
func ExampleFeeds() {
	op := operators.Operator[int, int, int]{
		Seq:   func(in iter.Seq[int]) iter.Seq[int] { return in },
		Merge: func(a, b int) int { return max(a, b) },
	}
	report := laws.Exhaust(operators.Laws(op), operators.Feeds([]int{1, 2}, 2))
	fmt.Println(report.OK(), report.Scope)
	// Output:
	// true every tuple of 177 states
}
