package operators_test

import (
	"reflect"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/joinery-go/joinery/gen"
	"github.com/joinery-go/joinery/lattice"
	"github.com/joinery-go/joinery/lattice/flow"
	"github.com/joinery-go/joinery/laws"
	"github.com/joinery-go/joinery/laws/operators"
)

// TestOptionsAreFields: each option of the package says what the field of its name does:
// the report under the one is that under the other.
func TestOptionsAreFields(t *testing.T) {
	type op = operators.Operator[int, int, int]
	zero := func() int { return 0 }
	back := func(n int) (int, bool) { return n - 1, true }
	most := func(ns []int) int {
		best := 0
		for _, n := range ns {
			best = max(best, n)
		}
		return best
	}
	falling := func() func(int, func(int)) {
		return func(n int, emit func(int)) { emit(n); emit(n - 1) }
	}
	for name, c := range map[string]struct {
		field  func(*op)
		option []operators.Option
		law    string // that is asked by it, or not
	}{
		"Late":      {func(o *op) { o.Late = true }, []operators.Option{operators.Late()}, "operator/resume"},
		"Once":      {func(o *op) { o.Once = true }, []operators.Option{operators.Once()}, "operator/once"},
		"Lent":      {func(o *op) { o.Lent = true }, []operators.Option{operators.Lent()}, "operator/lent"},
		"Out":       {func(o *op) { o.Out = operators.States }, []operators.Option{operators.StatesOut()}, "operator/rises"},
		"In":        {func(o *op) { o.In, o.Join = operators.States, larger }, []operators.Option{operators.StatesIn(larger)}, "operator/batches"},
		"Join":      {func(o *op) { o.Join = larger }, []operators.Option{operators.Join(larger)}, "operator/batches"},
		"Feedback":  {func(o *op) { o.Feedback, o.Within = back, 5 }, []operators.Option{operators.Feedback(back, 5)}, "operator/quiet"},
		"Recompute": {func(o *op) { o.Start, o.Recompute = zero, most }, []operators.Option{operators.Start(zero), operators.Recompute(most)}, "operator/delta"},
		"none":      {func(*op) {}, []operators.Option{nil, laws.Show(func(int) string { return "n" })}, ""},
	} {
		plain := op{Emit: falling, Merge: larger, Inputs: numbers()}
		with := plain
		c.field(&with)
		run := func(o op, opts ...operators.Option) (ids, failing []string) {
			r := laws.Run(operators.Laws(o, opts...), operators.Source(gen.Int(0, 9)), laws.RunOptions{Seed: 1})
			require.NoError(t, r.Err, name)
			for _, res := range r.Results {
				ids = append(ids, res.Law+": "+res.Statement)
			}
			return ids, r.Failing()
		}
		wantIDs, wantFailing := run(with)
		ids, failing := run(plain, c.option...)
		require.Equal(t, wantIDs, ids, name)
		require.Equal(t, wantFailing, failing, name)
		if c.law != "" {
			without, _ := run(plain)
			require.NotEqual(t, without, ids, name)
		}
	}
}

// TestOptionOfLongest: the option decides how many elements the doors feed.
func TestOptionOfLongest(t *testing.T) {
	longest := 0
	count := func() func(int, func(int)) {
		taken := 0
		return func(n int, emit func(int)) {
			taken++
			longest = max(longest, taken)
			emit(n)
		}
	}
	operators.CheckEmit(t, count, lattice.IsMorphism, larger, rapid.IntRange(0, 9999), operators.Longest(3), laws.Cases(40))
	require.LessOrEqual(t, longest, 11, "three, of which one comes again eight times")
	operators.CheckEmit(t, count, lattice.IsMorphism, larger, rapid.IntRange(0, 9999), operators.Longest(90), laws.Cases(40))
	require.Greater(t, longest, 30)
}

// TestLateInOneLine: an operator that holds elements back is checked by one line.
func TestLateInOneLine(t *testing.T) {
	operators.CheckSeq(t, chunks(2), lattice.IsMorphism, union, numbers(), operators.Late(), operators.Start(none[int]), laws.Cases(50))
	back := func(n int) (int, bool) { return n, true }
	operators.CheckFlow(t, func(d flow.Delta[int]) flow.Delta[int] { return d }, lattice.IsMorphism, lattice.Max[int](), numbers(), operators.Feedback(back, 0), laws.Cases(30))
}

// foreign is an option of nobody.
type foreign struct{}

func (foreign) Of() reflect.Type { return nil }

// TestOptionsRefuse: options for other types, and of others, are errors of the set-up.
func TestOptionsRefuse(t *testing.T) {
	right := operators.Operator[int, int, int]{Emit: stateless(func(n int, emit func(int)) { emit(n) }), Merge: larger, Inputs: numbers()}
	for words, opt := range map[string]operators.Option{
		"func() int for Start, not a func() string":                 operators.Start(func() string { return "" }),
		"for Join, not a func(string, string)":                      operators.Join(func(a, b string) string { return a + b }),
		"for Recompute, not a func([]string) int":                   operators.Recompute(func([]string) int { return 0 }),
		"for Feedback, not a func(int) (string, bool)":              operators.Feedback(func(int) (string, bool) { return "", true }, 0),
		"an option of type operators_test.foreign is neither":       foreign{},
		"an option is for values of type string":                    laws.Show(func(string) string { return "" }),
		"that is Late cannot have Feedback: a cycle waits for it":   both{},
		"an Operator needs a Longest that feeds can have":           operators.Longest(-1),
		"an Operator with Recompute needs Start":                    operators.Recompute(func([]int) int { return 0 }),
		"an Operator that takes States needs Join, to make them":    operators.StatesIn[int](nil),
		"an Operator has nothing to be quiet Within without Feedba": operators.Feedback[int, int](nil, 3),
	} {
		opts := []operators.Option{opt}
		if opt == (both{}) {
			opts = []operators.Option{operators.Late(), operators.Feedback(func(n int) (int, bool) { return n, true }, 0)}
		}
		r := laws.Run(operators.Laws(right, opts...), operators.Source(gen.Int(0, 3)), laws.RunOptions{})
		require.ErrorIs(t, r.Err, laws.ErrSetup, words)
		require.ErrorContains(t, r.Err, words)
	}
}

// both stands for two options that contradict each other.
type both struct{ foreign }
