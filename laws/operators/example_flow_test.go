package operators_test

import (
	"fmt"

	"github.com/joinery-go/joinery/gen"
	"github.com/joinery-go/joinery/lattice"
	"github.com/joinery-go/joinery/lattice/flow"
	"github.com/joinery-go/joinery/laws"
	"github.com/joinery-go/joinery/laws/operators"
)

// Under go test, operators.CheckFlow(t, build, class, merge, inputs) is the whole check.
func ExampleOfDelta() {
	doubled := func(d flow.Delta[int]) flow.Delta[int] {
		return flow.Map(flow.Unique(d), func(n int) int { return 2 * n })
	}
	op := operators.Operator[int, int, int]{
		Seq:   operators.OfDelta(doubled, flow.Options{Batch: 1}),
		Merge: func(a, b int) int { return max(a, b) }, Once: true,
	}
	source := operators.Source(gen.Int(0, 9))
	fmt.Println(laws.Run(operators.Laws(op), source, laws.RunOptions{Seed: 1}).OK())
	// Output: true
}

func ExampleOfState() {
	largest := func(d flow.Delta[int]) flow.State[int] { return flow.Fold(d, lattice.Max[int]()) }
	op := operators.Operator[int, int, int]{
		Seq: operators.OfState(largest, flow.Options{Batch: 1}), Out: operators.States, Once: true,
		Merge: func(a, b int) int { return max(a, b) },
	}
	report := laws.Run(operators.Laws(op), operators.Source(gen.Int(0, 9)), laws.RunOptions{Seed: 1})
	rises, _ := report.Result("operator/rises")
	fmt.Println(report.OK(), rises.Status)
	// Output: true passed
}

// A threshold is monotone and no more: it may stand behind a state, and late states that
// come again are no harm to it.
func ExampleOfStates() {
	enough := func(s flow.State[int]) flow.State[bool] {
		return flow.MapState(s, lattice.Function[int, bool]{
			F: func(n int) bool { return n > 3 }, From: lattice.Max[int](), To: lattice.Or(),
		}, flow.Monotone(flow.Evidence{}))
	}
	op := operators.Operator[int, bool, bool]{
		Seq:   operators.OfStates(lattice.Max[int](), enough, flow.Options{Batch: 1}),
		Class: lattice.IsTricky, In: operators.States, Out: operators.States,
		Merge: func(a, b bool) bool { return a || b }, Join: func(a, b int) int { return max(a, b) },
	}
	fmt.Println(laws.Run(operators.Laws(op), operators.Source(gen.Int(0, 9)), laws.RunOptions{Seed: 1}).OK())
	// Output: true
}
