package gen_test

import (
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/joinery-go/joinery/gen"
	"github.com/joinery-go/joinery/gen/choice"
	"github.com/joinery-go/joinery/lattice"
	"github.com/joinery-go/joinery/lattice/causal"
)

// drawn is what comes of a generator from so many seeds.
func drawn[T any](g gen.Gen[T], seeds int) []T {
	all := make([]T, seeds)
	for i := range all {
		all[i] = g(gen.NewDraw(choice.Seeded(uint64(i))))
	}
	return all
}

// Law: timestamps are of three walls and three counts, every pair of which is drawn.
func TestHybrids(t *testing.T) {
	met := map[causal.Hybrid]bool{}
	for _, h := range drawn(gen.Hybrids(), 300) {
		met[h] = true
		assert.Less(t, h.Wall, uint64(3))
		assert.Less(t, h.Logical, uint32(3))
	}
	assert.Len(t, met, 9)
}

// Law: every set of the dots of two origins, of two events each, is drawn, and no other dot.
func TestDots(t *testing.T) {
	all := []causal.Dot{{Origin: 1, Seq: 1}, {Origin: 1, Seq: 2}, {Origin: 2, Seq: 1}, {Origin: 2, Seq: 2}}
	met := map[int]bool{}
	for _, v := range drawn(gen.Dots(2, 2), 400) {
		mask, n := 0, 0
		for i, d := range all {
			if v.Contains(d) {
				mask |= 1 << i
				n++
			}
		}
		met[mask] = true
		assert.False(t, v.Contains(causal.Dot{Origin: 3, Seq: 1}))
		assert.False(t, v.Contains(causal.Dot{Origin: 1, Seq: 3}))
	}
	assert.Len(t, met, 16)
}

// Law: slices ascend strictly, are no longer than asked, and come of every length.
func TestAscendingOf(t *testing.T) {
	lengths := map[int]bool{}
	for _, s := range drawn(gen.AscendingOf(gen.Int(0, 9), 3), 300) {
		assert.True(t, slices.IsSorted(s))
		assert.Equal(t, slices.Compact(slices.Clone(s)), s)
		lengths[len(s)] = true
	}
	assert.Equal(t, map[int]bool{0: true, 1: true, 2: true, 3: true}, lengths)
}

func TestValues(t *testing.T) {
	assert.Equal(t, gen.Universe[string]{"b", "a"}, gen.Values("b", "a"))
}

// bare is a merge that says nothing of itself.
type bare struct{ lattice.Merge[int] }

// Law: the ends that a merge has come in about a tenth of the tuples, in every place, both as
// often; a merge that has none leaves tuples as they are.
func TestWithEnds(t *testing.T) {
	zeros := func(_ *gen.Draw, tuple []int) { clear(tuple) }
	known, unknown := gen.WithEnds(lattice.Max[int](), zeros), gen.WithEnds(lattice.Merge[int](bare{lattice.Max[int]()}), zeros)
	const of = 4000
	met := map[[2]int]int{}
	for seed := range uint64(of) {
		tuple := make([]int, 2)
		known(gen.NewDraw(choice.Seeded(seed)), tuple)
		met[[2]int(tuple)]++
		unknown(gen.NewDraw(choice.Seeded(seed)), tuple)
		assert.Equal(t, []int{0, 0}, tuple)
	}
	assert.Len(t, met, 5)
	for _, ends := range [][2]int{{math.MinInt, 0}, {math.MaxInt, 0}, {0, math.MinInt}, {0, math.MaxInt}} {
		assert.InDelta(t, of/40, met[ends], 40, "%v", ends)
	}
}
