package flow_test

import (
	"context"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/lattice"
	"github.com/joinery-go/joinery/lattice/flow"
)

func run(t *testing.T, g *flow.Graph) *flow.Scheduler {
	t.Helper()
	s, err := flow.Start(g)
	require.NoError(t, err)
	for range restless {
		st, err := s.Step()
		require.NoError(t, err)
		if st == flow.Finished {
			return s
		}
		require.NotEqual(t, flow.Waiting, st, "waits for what cannot come")
	}
	t.Fatal("the graph does not come to rest")
	return nil
}

// settle runs s until nothing can run, and fails where that takes for ever.
func settle(t *testing.T, s *flow.Scheduler) flow.Status {
	t.Helper()
	for range restless {
		st, err := s.Step()
		require.NoError(t, err)
		if st != flow.Working {
			return st
		}
	}
	t.Fatal("the graph does not come to rest")
	return flow.Working
}

// restless is how many steps no graph of these tests needs.
const restless = 200_000

func numbers(n int) []int {
	vs := make([]int, n)
	for i := range vs {
		vs[i] = i
	}
	return vs
}

func pair[A, B any](a A, b B) lattice.Pair[A, B] { return lattice.Pair[A, B]{First: a, Second: b} }

func TestMapFilterFold(t *testing.T) {
	for _, batch := range []int{1, 2, 1000} {
		g := flow.New("t", flow.Options{Batch: batch})
		d := flow.Map(flow.FromSlice(g, numbers(10_000)), func(v int) int { return v * 3 })
		max := flow.Fold(flow.Filter(d, func(v int) bool { return v%2 == 0 }), lattice.Max[int]())
		var seen []int
		_, err := flow.Subscribe(max, func(v int) { seen = append(seen, v) })
		require.NoError(t, err)
		run(t, g)
		v, ok := flow.Read(max)
		require.True(t, ok)
		require.Equal(t, 9998*3, v)
		require.True(t, slices.IsSorted(seen))
		require.Equal(t, len(slices.Compact(slices.Clone(seen))), len(seen))
		if batch == 1 {
			require.Len(t, seen, 5001)
		}
	}
}

func TestTransitiveClosure(t *testing.T) {
	type edge = lattice.Pair[int, int]
	g := flow.New("closure", flow.Options{Batch: 3})
	edges := flow.Tee(flow.FromSlice(g, []edge{pair(1, 2), pair(2, 3), pair(3, 4), pair(4, 2)}), 2)
	loop, again := flow.NewLoop[edge](g)
	paths := flow.Tee(flow.Unique(flow.Union(edges[0], again)), 2)
	byEnd := flow.Map(paths[0], func(e edge) edge { return pair(e.Second, e.First) })
	loop.Close(flow.HashJoin(byEnd, edges[1], func(_, from, to int) edge { return pair(from, to) }))
	out := flow.Collect(paths[1])
	run(t, g)
	require.ElementsMatch(t, []edge{pair(1, 2), pair(1, 3), pair(1, 4), pair(2, 2), pair(2, 3), pair(2, 4), pair(3, 2), pair(3, 3), pair(3, 4), pair(4, 2), pair(4, 3), pair(4, 4)}, out.Take())
}

func TestTwoSchedulers(t *testing.T) {
	ch := flow.NewChannel[int]("c", 10)
	a, b := flow.New("a", flow.Options{Batch: 7}), flow.New("b", flow.Options{Batch: 3})
	flow.Send(flow.FromSlice(a, numbers(5000)), ch)
	max := flow.Fold(flow.Receive(b, ch), lattice.Max[int]())
	sa, err := flow.Start(a)
	require.NoError(t, err)
	sb, err := flow.Start(b)
	require.NoError(t, err)
	errs := make(chan error, 2)
	for _, s := range []*flow.Scheduler{sa, sb} {
		go func() { errs <- s.Run(context.Background()) }()
	}
	require.NoError(t, <-errs)
	require.NoError(t, <-errs)
	v, _ := flow.Read(max)
	require.Equal(t, 4999, v)
	require.True(t, flow.Complete(max))
}

func TestSealAndVerify(t *testing.T) {
	build := func(seal bool) *flow.Graph {
		g := flow.New("g", flow.Options{})
		s := flow.Fold(flow.FromSlice(g, numbers(10)), lattice.Max[int]()).Named("best")
		if seal {
			s = flow.Seal(s)
		}
		flow.MapState(s, lattice.Function[int, int]{F: func(v int) int { return -v }, From: lattice.Max[int](), To: lattice.Max[int]()}, flow.NonMonotone()).Named("neg")
		return g
	}
	_, err := flow.Start(build(false))
	require.ErrorIs(t, err, flow.ErrNonMonotone)
	require.ErrorContains(t, err, `map-state#2 "neg"`)
	run(t, build(true))
}

func TestOutputAll(t *testing.T) {
	g := flow.New("g", flow.Options{Batch: 4})
	out := flow.Collect(flow.FromSeq(g, slices.Values(numbers(10))))
	_, err := flow.Start(g)
	require.NoError(t, err)
	var got []int
	for v, err := range out.All(context.Background()) {
		require.NoError(t, err)
		got = append(got, v)
	}
	require.Equal(t, numbers(10), got)
}

// TestMapFilterFoldOfSlice: predicates next to a source and next to each other, in every
// grouping.
func TestMapFilterFoldOfSlice(t *testing.T) {
	for _, batch := range []int{1, 2, 1000} {
		g := flow.New("t", flow.Options{Batch: batch})
		even := flow.Filter(flow.FromSlice(g, numbers(100)), func(v int) bool { return v%2 == 0 })
		least := flow.Fold(flow.Filter(even, func(v int) bool { return v%5 == 3 }), lattice.Min[int]())
		run(t, g)
		require.Equal(t, 8, must(flow.Read(least)))
	}
}
