package flow_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/lattice/flow"
)

// TestUnaryFed feeds one element after the other: whatever has come by now is handed on by
// now, and what was taken of an output is who took it's.
func TestUnaryFed(t *testing.T) {
	for _, op := range unaryOperators() {
		for _, input := range inputs() {
			g := flow.New("g", flow.Options{Batch: 2})
			in, d := flow.NewInput[int](g, 1)
			out := flow.Collect(op.build(d))
			s, err := flow.Start(g)
			require.NoError(t, err)
			var taken, copies [][]int
			for k, v := range input {
				require.NoError(t, in.Push(v))
				settle(t, s)
				taken = append(taken, out.Take())
				copies = append(copies, slices.Clone(taken[k]))
				got, want := setOf(slices.Concat(taken...)...), imageOf(input[:k+1], op.means)
				if !maps.Equal(got, want) {
					t.Fatalf("%s of %v: got %v, want %v", op.name, input[:k+1], sorted(got), sorted(want))
				}
			}
			if !slices.EqualFunc(taken, copies, slices.Equal) {
				t.Fatalf("%s of %v: what was taken as %v has become %v", op.name, input, copies, taken)
			}
		}
	}
}

// TestOrder: sources hand on their elements in order, and Explode those of each set in
// ascending order.
func TestOrder(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, batch := range []int{1, 3, 100} {
		vs := rng.Perm(40)
		var lines strings.Builder
		var inSets []ints
		var want []int
		for part := range slices.Chunk(vs, 8) {
			for _, v := range part {
				fmt.Fprintln(&lines, v)
			}
			inSets = append(inSets, setOf(part...))
			want = append(want, slices.Sorted(slices.Values(part))...)
		}
		shown := func(build func(g *flow.Graph) flow.Delta[int]) []int {
			g := flow.New("g", flow.Options{Batch: batch})
			out := flow.Collect(build(g))
			run(t, g)
			return out.Take()
		}
		require.Equal(t, vs, shown(func(g *flow.Graph) flow.Delta[int] { return flow.FromSlice(g, vs) }))
		require.Equal(t, vs, shown(func(g *flow.Graph) flow.Delta[int] { return flow.FromSeq(g, slices.Values(vs)) }))
		require.Equal(t, vs, shown(func(g *flow.Graph) flow.Delta[int] {
			in, d := flow.NewInput[int](g, len(vs))
			for _, v := range vs[:7] {
				require.NoError(t, in.Push(v))
			}
			_, err := in.PushAll(vs[7:]...)
			require.NoError(t, err)
			in.Close()
			return d
		}))
		require.Equal(t, vs, shown(func(g *flow.Graph) flow.Delta[int] {
			return flow.Map(flow.FromReader(g, strings.NewReader(lines.String()), 9), func(line string) (v int) {
				_, err := fmt.Sscan(line, &v)
				require.NoError(t, err)
				return v
			})
		}))
		require.Equal(t, want, shown(func(g *flow.Graph) flow.Delta[int] { return flow.Explode(flow.FromSlice(g, inSets)) }))
	}
}

// TestBatchBound: a batch joins what it may and no more, and each delta goes into one.
func TestBatchBound(t *testing.T) {
	for size := 1; size <= 5; size++ {
		for _, o := range []flow.Options{{Batch: 1}, {Batch: 2}, {Batch: 3}, {}} {
			for n := range 12 {
				g := flow.New("g", o)
				out := flow.Collect(flow.Batch(flow.Map(flow.FromSlice(g, numbers(n)), func(v int) ints { return setOf(v) }), sets, size))
				run(t, g)
				all, sum := ints{}, 0
				for _, d := range out.Take() {
					require.LessOrEqual(t, len(d), size)
					sum += len(d)
					sets.MergeIn(&all, d)
				}
				require.Equal(t, numbers(n), sorted(all))
				require.Equal(t, n, sum, "a delta went into two joins")
			}
		}
	}
}
