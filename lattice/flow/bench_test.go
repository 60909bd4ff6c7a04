package flow_test

import (
	"context"
	"iter"
	"slices"
	"testing"

	"github.com/joinery-go/joinery/lattice"
	"github.com/joinery-go/joinery/lattice/flow"
)

// The functions of the benchmarks are values that the compiler cannot see through,
// on both sides.
var (
	triple = func(v int) int { return 3*v + 1 }
	odd    = func(v int) bool { return v&1 == 1 }
)

const million10 = 10_000_000

func pipeline(b *testing.B, vs []int, o flow.Options) int {
	g := flow.New("bench", o)
	best := flow.Fold(flow.Filter(flow.Map(flow.FromSlice(g, vs), triple), odd), lattice.Max[int]())
	s, err := flow.Start(g)
	if err != nil {
		b.Fatal(err)
	}
	if err := s.Run(context.Background()); err != nil {
		b.Fatal(err)
	}
	v, _ := flow.Read(best)
	return v
}

// fused is one loop over the three function values.
func fused(vs []int, m lattice.Merge[int], f func(int) int, keep func(int) bool) int {
	acc := lattice.CapsOf(m).Bottom()
	for _, v := range vs {
		if u := f(v); keep(u) {
			m.MergeIn(&acc, u)
		}
	}
	return acc
}

// unfused is a loop a function, over buffers of a batch.
func unfused(vs []int, m lattice.Merge[int], f func(int) int, keep func(int) bool) int {
	acc := lattice.CapsOf(m).Bottom()
	mapped, kept := make([]int, 1024), make([]int, 1024)
	for len(vs) > 0 {
		chunk := vs[:min(1024, len(vs))]
		vs = vs[len(chunk):]
		for i, v := range chunk {
			mapped[i] = f(v)
		}
		k := 0
		for _, v := range mapped[:len(chunk)] {
			if keep(v) {
				kept[k] = v
				k++
			}
		}
		for _, v := range kept[:k] {
			m.MergeIn(&acc, v)
		}
	}
	return acc
}

func mapSeq[A, B any](seq iter.Seq[A], f func(A) B) iter.Seq[B] {
	return func(yield func(B) bool) {
		for v := range seq {
			if !yield(f(v)) {
				return
			}
		}
	}
}

func filterSeq[T any](seq iter.Seq[T], keep func(T) bool) iter.Seq[T] {
	return func(yield func(T) bool) {
		for v := range seq {
			if keep(v) && !yield(v) {
				return
			}
		}
	}
}

// chain is written in one function: the compiler makes one loop of it.
func chain(vs []int, m lattice.Merge[int], f func(int) int, keep func(int) bool) int {
	acc := lattice.CapsOf(m).Bottom()
	for v := range filterSeq(mapSeq(slices.Values(vs), f), keep) {
		m.MergeIn(&acc, v)
	}
	return acc
}

// assembled is chain of sequences that are made elsewhere, as a library makes them: each
// element goes through a call a function.
func assembled(vs []int, m lattice.Merge[int], f func(int) int, keep func(int) bool) int {
	acc := lattice.CapsOf(m).Bottom()
	for v := range assemble(vs, f, keep) {
		m.MergeIn(&acc, v)
	}
	return acc
}

//go:noinline
func assemble(vs []int, f func(int) int, keep func(int) bool) iter.Seq[int] {
	return filterSeq(mapSeq(slices.Values(vs), f), keep)
}

func BenchmarkPipeline(b *testing.B) {
	vs := numbers(million10)
	for _, bench := range []struct {
		name string
		run  func() int
	}{
		{"fused", func() int { return fused(vs, lattice.Max[int](), triple, odd) }},
		{"unfused", func() int { return unfused(vs, lattice.Max[int](), triple, odd) }},
		{"batched", func() int { return pipeline(b, vs, flow.Options{}) }},
		{"chain", func() int { return chain(vs, lattice.Max[int](), triple, odd) }},
		{"assembled", func() int { return assembled(vs, lattice.Max[int](), triple, odd) }},
		{"single", func() int { return pipeline(b, vs, flow.Options{Batch: 1}) }},
	} {
		b.Run(bench.name, func(b *testing.B) {
			want := fused(vs, lattice.Max[int](), triple, odd)
			for b.Loop() {
				if got := bench.run(); got != want {
					b.Fatal(got, want)
				}
			}
		})
	}
}
