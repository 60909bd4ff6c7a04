package flow_test

import (
	"fmt"
	"iter"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/lattice"
	"github.com/joinery-go/joinery/lattice/flow"
)

// hops are operators that a cycle leads through; each hands on the elements that it is
// given, some of them some steps later than it took them from its channel.
var hops = []func(d flow.Delta[int]) flow.Delta[int]{
	func(d flow.Delta[int]) flow.Delta[int] { return d },
	flow.Unique[int],
	func(d flow.Delta[int]) flow.Delta[int] { return elementsOf(gather(d)) },
	func(d flow.Delta[int]) flow.Delta[int] {
		return flow.FlatMap(d, func(v int) iter.Seq[int] { return slices.Values([]int{v, v, v}) })
	},
	func(d flow.Delta[int]) flow.Delta[int] { return elementsOf(flow.Debounce(gather(d), 3)) },
	func(d flow.Delta[int]) flow.Delta[int] {
		loop, again := flow.NewLoop[int](d.Graph())
		ways := flow.Tee(flow.Unique(flow.Union(d, again)), 2)
		loop.Close(ways[0])
		return ways[1]
	},
}

// randomCycle is a cycle through one to three graphs, fed by an input of the first, that
// counts up to limit, the state of what has come round, and the input.
func randomCycle(rng *rand.Rand, limit int) (graphs []*flow.Graph, all flow.State[ints], in *flow.Input[int]) {
	for i := range 1 + rng.IntN(3) {
		graphs = append(graphs, flow.New(fmt.Sprint("g", i), flow.Options{Batch: 1 + rng.IntN(4)}))
	}
	// With less room than all that is on its way at a time, a cycle may be full.
	channel := func() *flow.Channel[int] { return flow.NewChannel[int]("c", 1000+rng.IntN(9)) }
	in, d := flow.NewInput[int](graphs[0], 9)
	back := channel()
	ways := flow.Tee(flow.Unique(flow.Union(d, flow.Receive(graphs[0], back))), 2)
	all, d = gather(ways[0]), ways[1]
	for i := range graphs {
		d = hops[rng.IntN(len(hops))](d)
		if i+1 < len(graphs) {
			ch := channel()
			flow.Send(d, ch)
			d = flow.Receive(graphs[i+1], ch)
		}
	}
	flow.Send(flow.Map(d, func(v int) int { return min(v+1, limit) }), back)
	return graphs, all, in
}

// TestCycleInAnyOrder lets chance choose who steps and when a cycle through channels is
// fed: it ends once nothing more can come out of it, whoever still works on what it took
// from its channel, and what is final then has everything.
func TestCycleInAnyOrder(t *testing.T) {
	const limit = 12
	for seed := range uint64(400) {
		rng := rand.New(rand.NewPCG(seed, 3))
		graphs, all, in := randomCycle(rng, limit)
		ss := started(t, graphs...)
		var feed []int
		for range 1 + rng.IntN(4) {
			feed = append(feed, rng.IntN(limit+1))
		}
		want := ints{}
		for _, v := range feed {
			for ; v <= limit; v++ {
				want[v] = struct{}{}
			}
		}
		finished := 0
		for steps := 0; finished < len(ss); steps++ {
			require.Less(t, steps, restless, "seed %d: the cycle does not end", seed)
			if rng.IntN(40) == 0 {
				if len(feed) > 0 {
					require.NoError(t, in.Push(feed[0]))
					feed = feed[1:]
				}
				if len(feed) == 0 {
					in.Close()
				}
			}
			st, err := ss[rng.IntN(len(ss))].Step()
			require.NoError(t, err)
			if flow.Complete(all) {
				require.Equal(t, sorted(want), sorted(must(flow.Read(all))), "seed %d: final too early", seed)
			}
			if finished = 0; st == flow.Finished {
				for _, s := range ss {
					if st, err := s.Step(); err == nil && st == flow.Finished {
						finished++
					}
				}
			}
		}
		require.True(t, flow.Complete(all))
		require.Empty(t, feed)
	}
}

// chainOfLoops is a graph with loops in a row, each behind the one that was made after it.
func chainOfLoops(t *testing.T, loops int) *flow.Graph {
	g := flow.New("chain", flow.Options{})
	made, back := make([]*flow.Loop[int], loops), make([]flow.Delta[int], loops)
	for i := range loops {
		made[i], back[i] = flow.NewLoop[int](g)
	}
	d := flow.FromSlice(g, []int{1})
	for i := range loops {
		ways := flow.Tee(flow.Unique(flow.Union(d, back[loops-1-i])), 2)
		made[loops-1-i].Close(ways[0])
		d = ways[1]
	}
	out := flow.Collect(d)
	t.Cleanup(func() { require.Equal(t, []int{1}, out.Take()) })
	return g
}

// TestManyLoopsEnd: loops end one after the other, of which one that comes later is made
// first. The log says what that takes of the processor.
func TestManyLoopsEnd(t *testing.T) {
	s := started(t, chainOfLoops(t, 200))[0]
	runtime.LockOSThread() // whose time is measured
	defer runtime.UnlockOSThread()
	before := threadTime()
	require.NoError(t, s.Run(t.Context()))
	t.Logf("200 loops end in %v", threadTime()-before)
}

// TestLoopBehindSealOfLoop: a loop that is fed by what a seal lets out when another loop ends
// does not end with that one.
func TestLoopBehindSealOfLoop(t *testing.T) {
	for _, first := range []int{0, 1} {
		g := flow.New("strata", flow.Options{})
		var loops [2]*flow.Loop[int]
		var back [2]flow.Delta[int]
		for i := range loops {
			at := (i + first) % 2
			loops[at], back[at] = flow.NewLoop[int](g)
		}
		around := func(d flow.Delta[int], i, step, limit int) flow.Delta[int] {
			ways := flow.Tee(flow.Unique(flow.Union(d, back[i])), 2)
			loops[i].Close(flow.Filter(flow.Map(ways[0], func(v int) int { return v + step }), func(v int) bool { return v < limit }))
			return ways[1]
		}
		one := flow.Map(around(flow.FromSlice(g, []int{1}), 0, 1, 4), single)
		sealed := flow.Seal(flow.Fold(one, lattice.SetOf[int]()))
		all := around(flow.Explode(flow.Changes(sealed)), 1, 10, 40)
		out := flow.Fold(flow.Map(all, single), lattice.SetOf[int]())
		require.NoError(t, started(t, g)[0].Run(t.Context()))
		v, ok := flow.Read(out)
		require.True(t, ok && flow.Complete(out))
		require.Len(t, v, 12, "loop %d is made first", first)
	}
}

func single(v int) map[int]struct{} { return map[int]struct{}{v: {}} }
