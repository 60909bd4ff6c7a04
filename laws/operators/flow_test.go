package operators_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/joinery-go/joinery/lattice"
	"github.com/joinery-go/joinery/lattice/flow"
	"github.com/joinery-go/joinery/laws"
	"github.com/joinery-go/joinery/laws/operators"
)

var oneByOne = flow.Options{Batch: 1}

// ofFlow is an operator of flow that hands on numbers, into a set.
func ofFlow[A comparable](build func(flow.Delta[A]) flow.Delta[int], inputs *rapid.Generator[A]) operators.Operator[A, int, set[int]] {
	return operators.Operator[A, int, set[int]]{
		Seq: operators.OfDelta(build, oneByOne), Lift: lift[int], Merge: union[int], Inputs: inputs,
	}
}

// shipped are some operators of flow; see table for all.
func shipped() map[string]laws.Suite {
	s := map[string]laws.Suite{}
	half := func(n int) int { return n / 2 }
	s["map"] = suite(ofFlow(func(d flow.Delta[int]) flow.Delta[int] { return flow.Map(d, half) }, numbers()), 1, 2, 3)
	s["filter"] = suite(ofFlow(func(d flow.Delta[int]) flow.Delta[int] {
		return flow.Filter(d, func(n int) bool { return n%3 > 0 })
	}, numbers()), 1, 2, 3)
	s["filter map"] = suite(ofFlow(func(d flow.Delta[int]) flow.Delta[int] {
		return flow.FilterMap(d, func(n int) (int, bool) { return n / 2, n > 1 })
	}, numbers()), 1, 2, 3)
	s["flat map"] = suite(ofFlow(func(d flow.Delta[string]) flow.Delta[int] {
		return flow.Map(flow.FlatMap(d, strings.FieldsSeq), func(s string) int { return len(s) })
	}, rapid.StringMatching(`a{1,2}( a{1,3}){0,1}`)), "a", "a aa", "aa")
	s["tee and union"] = suite(ofFlow(func(d flow.Delta[int]) flow.Delta[int] {
		two := flow.Tee(d, 2)
		return flow.Union(flow.Map(two[0], half), two[1])
	}, numbers()), 1, 2, 3)
	split := ofFlow(func(d flow.Delta[int]) flow.Delta[int] {
		return flow.Union(flow.Split(d, 2, func(n int) uint64 { return uint64(n) })...)
	}, numbers())
	split.Late = true // one edge asks for more while the other waits for what was taken
	s["split and union"] = suite(split, 1, 2, 3)

	unique := ofFlow(flow.Unique[int], numbers())
	unique.Once, unique.Feedback = true, func(n int) (int, bool) { return n, true }
	s["unique"] = suite(unique, 1, 2, 3)
	closed := ofFlow(func(d flow.Delta[int]) flow.Delta[int] {
		loop, back := flow.NewLoop[int](d.Graph())
		two := flow.Tee(flow.Unique(flow.Union(d, back)), 2)
		loop.Close(flow.Filter(flow.Map(two[0], func(n int) int { return n - 3 }), func(n int) bool { return n > 0 }))
		return two[1]
	}, numbers())
	closed.Late = true // what goes around is on its way when the next is taken
	s["a loop through unique"] = suite(closed, 1, 4, 7)

	s["join"] = suite(operators.Operator[side, match, set[match]]{
		Seq:   operators.OfDelta(selfJoin, oneByOne),
		Class: lattice.IsTricky, Late: true, Once: true, Lift: lift[match], Merge: union[match], Inputs: sides(),
	}, side{false, 0, 1}, side{true, 0, 2}, side{true, 0, 3})
	s["fold"] = suite(operators.Operator[int, int, int]{
		Seq: operators.OfState(func(d flow.Delta[int]) flow.State[int] { return flow.Fold(d, lattice.Max[int]()) }, oneByOne),
		Out: operators.States, Once: true, Merge: larger, Join: larger, Inputs: numbers(),
	}, 1, 2, 3)
	s["threshold"] = suite(operators.Operator[int, bool, bool]{
		Seq: operators.OfStates(lattice.Max[int](), func(s flow.State[int]) flow.State[bool] {
			return flow.MapState(s, lattice.Function[int, bool]{
				F: func(n int) bool { return n > 1 }, From: lattice.Max[int](), To: lattice.Or(),
			}, flow.Monotone(flow.Evidence{}))
		}, oneByOne),
		Class: lattice.IsTricky, In: operators.States, Out: operators.States, Once: true,
		Merge: func(a, b bool) bool { return a || b }, Join: larger, Inputs: numbers(),
	}, 1, 2, 3)
	return s
}

func selfJoin(d flow.Delta[side]) flow.Delta[match] {
	two := flow.Tee(d, 2)
	of := func(d flow.Delta[side], right bool) flow.Delta[lattice.Pair[int, int]] {
		return flow.FilterMap(d, func(e side) (lattice.Pair[int, int], bool) {
			return lattice.Pair[int, int]{First: e.K, Second: e.V}, e.Right == right
		})
	}
	return flow.HashJoin(of(two[0], false), of(two[1], true), func(k, l, r int) match { return match{k, l, r} })
}

// The operators that are shipped hold the laws of their classes.
func TestFlow(t *testing.T) {
	all := allOfFlow()
	for _, name := range slices.Sorted(maps.Keys(all)) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := all[name].Exhaust()
			require.NoError(t, r.Err)
			assert.True(t, r.OK(), "%v", r)
			r = all[name].Run(laws.RunOptions{Seed: 3, Cases: max(1, *cases/10)})
			require.NoError(t, r.Err)
			assert.True(t, r.OK(), "%v", r)
		})
	}
}

func TestCheckFlow(t *testing.T) {
	operators.CheckFlow(t, func(d flow.Delta[int]) flow.Delta[map[int]struct{}] {
		return flow.Map(flow.Unique(d), func(n int) map[int]struct{} { return map[int]struct{}{n: {}} })
	}, lattice.IsMorphism, lattice.SetOf[int](), numbers(), laws.Cases(50))
}

// A function with memory is no function to map, and the laws of the operator say so.
func TestFaultsInFlow(t *testing.T) {
	seen := func() func(int) int {
		n := 0
		return func(int) int { n++; return n }
	}
	counts := ofFlow(func(d flow.Delta[int]) flow.Delta[int] { return flow.Map(d, seen()) }, numbers())
	r := suite(counts).Run(laws.RunOptions{Seed: 1})
	assert.Contains(t, r.Failing(), "operator/duplicates")
	assert.Contains(t, r.Failing(), "operator/split")

	batched := ofFlow(func(d flow.Delta[int]) flow.Delta[int] { return d }, numbers())
	batched.Seq = operators.OfDelta(func(d flow.Delta[int]) flow.Delta[int] { return d }, flow.Options{Batch: 3})
	r = suite(batched).Run(laws.RunOptions{Seed: 1})
	assert.Contains(t, r.Failing(), "operator/resume", "taken ahead, and not declared")

	dangling := ofFlow(func(d flow.Delta[int]) flow.Delta[int] {
		return flow.Tee(d, 2)[0]
	}, numbers())
	r = suite(dangling).Run(laws.RunOptions{Seed: 1, Only: "operator/fresh"})
	res, _ := r.Result("operator/fresh")
	require.NotNil(t, res.Failure)
	assert.Contains(t, res.Failure.Panic, "dangling edge")
}
