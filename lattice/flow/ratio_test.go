package flow_test

import (
	"context"
	"fmt"
	"math"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/joinery-go/joinery/lattice"
	"github.com/joinery-go/joinery/lattice/flow"
)

// fastest runs its cases in turn, b.N times, and is the least time of each.
func fastest(b *testing.B, cases ...func()) []float64 {
	least := make([]float64, len(cases))
	for i := range least {
		least[i] = math.Inf(1)
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for b.Loop() {
		for i, run := range cases {
			start := threadTime()
			run()
			least[i] = min(least[i], float64(threadTime()-start))
		}
	}
	return least
}

// BenchmarkRatios has what the package promises, each as a ratio of two times of one
// run:
//
//	go test -run xxx -bench Ratios -benchtime 15x ./lattice/flow
func BenchmarkRatios(b *testing.B) {
	vs := numbers(million10)
	m := lattice.Max[int]()
	b.Run("pipeline", func(b *testing.B) {
		t := fastest(b,
			func() { fused(vs, m, triple, odd) },
			func() { unfused(vs, m, triple, odd) },
			func() { chain(vs, m, triple, odd) },
			func() { pipeline(b, vs, flow.Options{}) },
			func() { pipeline(b, vs, flow.Options{Batch: 1}) },
			func() { assembled(vs, m, triple, odd) },
		)
		b.ReportMetric(t[3]/t[1], "batched/unfused")
		b.ReportMetric(t[3]/t[0], "batched/fused")
		b.ReportMetric(t[4]/t[2], "single/chain")
		b.ReportMetric(t[4]/t[5], "single/assembled")
		b.ReportMetric(t[3]/million10, "batched-ns/element")
		b.ReportMetric(t[4]/million10, "single-ns/element")
	})
	// A scheduler's share of the work takes as long as its thread computes; on a
	// machine with a core for each, the slower of the two is how long both take.
	b.Run("schedulers", func(b *testing.B) {
		one, two, wallOne, wallTwo := math.Inf(1), math.Inf(1), math.Inf(1), math.Inf(1)
		part := numbers(100_000)
		both := append(slices.Clone(part), part...)
		for b.Loop() {
			start := time.Now()
			one = min(one, heavy(b, both))
			wallOne = min(wallOne, float64(time.Since(start)))
			start = time.Now()
			two = min(two, heavy(b, part, part))
			wallTwo = min(wallTwo, float64(time.Since(start)))
		}
		b.ReportMetric(one/two, "one/two")
		b.ReportMetric(wallOne/wallTwo, "wall-one/two")
	})
}

// heavy maps each part on a scheduler of its own; the first also folds what the
// others send it. It is the longest time that a scheduler computed.
func heavy(b *testing.B, parts ...[]int) float64 {
	work := func(v int) uint64 {
		h := uint64(v)
		for range 200 {
			h = h*6364136223846793005 + 1442695040888963407
			h ^= h >> 29
		}
		return h
	}
	first := flow.New("first", flow.Options{})
	graphs := []*flow.Graph{first}
	edges := []flow.Delta[uint64]{flow.Map(flow.FromSlice(first, parts[0]), work)}
	for i, vs := range parts[1:] {
		g := flow.New(fmt.Sprint("other", i), flow.Options{})
		ch := flow.NewChannel[uint64]("results", 1<<14)
		flow.Send(flow.Map(flow.FromSlice(g, vs), work), ch)
		edges = append(edges, flow.Receive(first, ch))
		graphs = append(graphs, g)
	}
	best := flow.Fold(flow.Union(edges...), lattice.Max[uint64]())
	var all sync.WaitGroup
	times := make([]float64, len(graphs))
	for i, g := range graphs {
		s, err := flow.Start(g)
		if err != nil {
			b.Fatal(err)
		}
		all.Go(func() {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			start := threadTime()
			if err := s.Run(context.Background()); err != nil {
				b.Error(err)
			}
			times[i] = float64(threadTime() - start)
		})
	}
	all.Wait()
	if !flow.Complete(best) {
		b.Error("not complete")
	}
	return slices.Max(times)
}

// BenchmarkFanOut publishes one growth to many subscribers.
func BenchmarkFanOut(b *testing.B) {
	for _, n := range []int{1, 100, 10_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			g := flow.New("g", flow.Options{Batch: 1})
			in, d := flow.NewInput[int](g, 4)
			s := flow.Fold(d, lattice.MaxFrom(0))
			told := 0
			for range n {
				if _, err := flow.Subscribe(s, func(int) { told++ }); err != nil {
					b.Fatal(err)
				}
			}
			r, err := flow.Start(g)
			if err != nil {
				b.Fatal(err)
			}
			v := 0
			b.ReportAllocs()
			for b.Loop() {
				v++
				if err := in.Push(v); err != nil {
					b.Fatal(err)
				}
				if _, err := r.Settle(context.Background()); err != nil {
					b.Fatal(err)
				}
			}
			if told != n*(v+1) {
				b.Fatal(told, n, v)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(v)/float64(n), "ns/subscriber")
		})
	}
}

// BenchmarkSubscribe subscribes and cancels on graphs of different sizes: the cost is
// one.
func BenchmarkSubscribe(b *testing.B) {
	for _, size := range []int{1, 100, 10_000} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			g := flow.New("g", flow.Options{})
			s := flow.Const(g, 1, maxInt)
			f := lattice.Function[int, int]{F: func(v int) int { return v }, From: maxInt, To: maxInt}
			for range size {
				s = flow.MapState(s, f, flow.Morphism(flow.Evidence{}))
			}
			for range size {
				if _, err := flow.Subscribe(s, func(int) {}); err != nil {
					b.Fatal(err)
				}
			}
			r, err := flow.Start(g)
			if err != nil {
				b.Fatal(err)
			}
			if _, err := r.Settle(context.Background()); err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				sub, err := flow.Subscribe(s, func(int) {})
				if err != nil {
					b.Fatal(err)
				}
				sub.Cancel()
			}
		})
	}
}
