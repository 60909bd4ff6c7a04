package flow_test

import (
	"context"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/lattice/flow"
)

// across is a cycle through two graphs, fed by d, that counts up to 50.
func across(a, b *flow.Graph, d flow.Delta[int]) flow.State[int] {
	best, elements := acrossToo(a, b, d)
	flow.Collect(elements)
	return best
}

// acrossToo is across with its elements too.
func acrossToo(a, b *flow.Graph, d flow.Delta[int]) (flow.State[int], flow.Delta[int]) {
	there, back := flow.NewChannel[int]("there", 4), flow.NewChannel[int]("back", 4)
	ways := flow.Tee(flow.Unique(flow.Union(d, flow.Receive(a, back))), 3)
	flow.Send(ways[0], there)
	flow.Send(flow.Map(flow.Receive(b, there), func(v int) int { return min(v+1, 50) }), back)
	return flow.Fold(ways[1], maxInt), ways[2]
}

// settled runs schedulers in turn until none of them works any more.
func settled(t *testing.T, ss ...*flow.Scheduler) (last []flow.Status) {
	for range 300 {
		last = nil
		for _, s := range ss {
			st, err := s.Settle(context.Background())
			require.NoError(t, err)
			last = append(last, st)
		}
	}
	return last
}

// TestCycleAcrossSchedulers: a cycle through two schedulers comes to rest, which whoever
// is the last to run sees, and then its states are final. It does so whoever runs first,
// and on goroutines.
func TestCycleAcrossSchedulers(t *testing.T) {
	for _, turned := range []bool{false, true} {
		a, b := flow.New("a", flow.Options{Batch: 2}), flow.New("b", flow.Options{Batch: 3})
		best := across(a, b, flow.Once(a, 1))
		ss := started(t, a, b)
		if turned {
			slices.Reverse(ss)
		}
		require.Equal(t, []flow.Status{flow.Finished, flow.Finished}, settled(t, ss...))
		require.Equal(t, 50, must(flow.Read(best)))
		require.True(t, flow.Complete(best))
	}
	for range 20 {
		a, b := flow.New("a", flow.Options{Batch: 2}), flow.New("b", flow.Options{Batch: 1})
		best := across(a, b, flow.FromSlice(a, []int{1, 7, 3}))
		ended := make(chan error)
		for _, s := range started(t, a, b) {
			go func() { ended <- s.Run(context.Background()) }()
		}
		require.NoError(t, <-ended)
		require.NoError(t, <-ended)
		require.Equal(t, 50, must(flow.Read(best)))
		require.True(t, flow.Complete(best))
	}
}

// TestCycleWaits: a cycle through channels does not end while something may still come to
// it, or one of its schedulers has not run; and what it feeds ends after it.
func TestCycleWaits(t *testing.T) {
	a, b, c := flow.New("a", flow.Options{Batch: 2}), flow.New("b", flow.Options{}), flow.New("c", flow.Options{})
	in, d := flow.NewInput[int](a, 10)
	best, elements := acrossToo(a, b, d)
	first := flow.NewChannel[int]("first", 4)
	flow.Send(elements, first)
	// A second cycle, fed by the first.
	second := across(b, c, flow.Receive(b, first))
	ss := started(t, a, b, c)
	require.NoError(t, in.Push(40))
	waits := []flow.Status{flow.Waiting, flow.Waiting, flow.Waiting}
	require.Equal(t, waits[:2], settled(t, ss[:2]...))
	require.Equal(t, waits, settled(t, ss...))
	require.Equal(t, 50, must(flow.Read(best)))
	require.False(t, flow.Complete(best))
	in.Close()
	require.Equal(t, []flow.Status{flow.Finished, flow.Finished, flow.Finished}, settled(t, ss...))
	require.True(t, flow.Complete(best))
	require.True(t, flow.Complete(second))
}

// TestCycleWaitsForAll: a scheduler that was never run keeps the cycle from ending.
func TestCycleWaitsForAll(t *testing.T) {
	a, b := flow.New("a", flow.Options{}), flow.New("b", flow.Options{})
	best, elements := acrossToo(a, b, flow.Once(a, 48))
	aside := flow.NewChannel[int]("aside", 100)
	flow.Send(elements, aside)
	c := flow.New("c", flow.Options{})
	out := flow.Collect(flow.Receive(c, aside))
	ss := started(t, a, b, c)
	require.Equal(t, []flow.Status{flow.Waiting, flow.Waiting}, settled(t, ss[:2]...))
	require.False(t, flow.Complete(best))
	require.Equal(t, []flow.Status{flow.Finished, flow.Finished, flow.Finished}, settled(t, ss...))
	require.Equal(t, []int{48, 49, 50}, out.Take())
	require.True(t, flow.Complete(best))
}

// TestCycleOfOneGraph: a channel may lead back to the graph that sends into it.
func TestCycleOfOneGraph(t *testing.T) {
	g := flow.New("g", flow.Options{})
	best := across(g, g, flow.Once(g, 3))
	require.Equal(t, []flow.Status{flow.Finished}, settled(t, started(t, g)...))
	require.True(t, flow.Complete(best))
	require.Equal(t, 50, must(flow.Read(best)))
}

// TestCycleWithoutMergeAcross: a cycle on which nothing merges is refused although it leads
// through channels, and so is a seal that waits for itself there.
func TestCycleWithoutMergeAcross(t *testing.T) {
	a, b := flow.New("a", flow.Options{}), flow.New("b", flow.Options{})
	there, back := flow.NewChannel[int]("there", 4), flow.NewChannel[int]("back", 4)
	flow.Send(flow.Union(flow.Once(a, 1), flow.Receive(a, back)), there)
	flow.Send(flow.Receive(b, there), back)
	err := flow.Verify(a).Err()
	require.ErrorIs(t, err, flow.ErrCycle)
	require.ErrorContains(t, err, `receive#1 "back" → union#2 → send#3 "there" → receive#0 "there" → send#1 "back"`)

	a, b = flow.New("a", flow.Options{}), flow.New("b", flow.Options{})
	there, back = flow.NewChannel[int]("there", 4), flow.NewChannel[int]("back", 4)
	flow.Send(flow.Changes(flow.Seal(flow.Fold(flow.Receive(a, back), maxInt))), there)
	flow.Send(flow.Receive(b, there), back)
	require.ErrorIs(t, flow.Verify(a).Err(), flow.ErrCycle)
}

// TestLoopWaits: a loop that is at rest is not at its end while what feeds it is open.
func TestLoopWaits(t *testing.T) {
	g := flow.New("g", flow.Options{})
	in, d := flow.NewInput[int](g, 10)
	loop, again := flow.NewLoop[int](g)
	ways := flow.Tee(flow.Unique(flow.Union(d, again)), 2)
	loop.Close(flow.Filter(flow.Map(ways[0], func(v int) int { return v + 1 }), func(v int) bool { return v%10 != 0 }))
	out := flow.Collect(ways[1])
	s, err := flow.Start(g)
	require.NoError(t, err)
	for _, v := range []int{7, 17} {
		require.NoError(t, in.Push(v))
		st, err := s.Settle(context.Background())
		require.NoError(t, err)
		require.Equal(t, flow.Waiting, st)
		require.Equal(t, []int{v, v + 1, v + 2}, out.Take())
	}
	in.Close()
	st, err := s.Settle(context.Background())
	require.NoError(t, err)
	require.Equal(t, flow.Finished, st)
	require.Empty(t, out.Take())
}
