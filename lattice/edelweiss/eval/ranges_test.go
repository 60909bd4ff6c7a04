package eval_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	el "github.com/joinery-go/joinery/lattice/edelweiss"
	"github.com/joinery-go/joinery/lattice/edelweiss/eval"
)

// TestRangesAreASet holds Ranges against a map, and its intervals against a count
// of the gaps.
func TestRangesAreASet(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r, plain := eval.NewRanges(), map[[2]int64]bool{}
		edges := rapid.OneOf(rapid.Int64Range(-6, 6), rapid.Just(int64(math.MinInt64)), rapid.Just(int64(math.MinInt64+1)),
			rapid.Just(int64(math.MaxInt64)), rapid.Just(int64(math.MaxInt64-1)))
		for range rapid.IntRange(0, 40).Draw(t, "n") {
			prefix, n := rapid.Int64Range(0, 2).Draw(t, "prefix"), edges.Draw(t, "id")
			require.Equal(t, !plain[[2]int64{prefix, n}], r.Add(el.Tuple{el.Number(prefix), el.Number(n)}))
			plain[[2]int64{prefix, n}] = true
		}
		intervals := 0
		for m := range plain {
			if m[1] == math.MinInt64 || !plain[[2]int64{m[0], m[1] - 1}] {
				intervals++
			}
		}
		require.Equal(t, intervals, r.Intervals())
		members := slices.Collect(r.All())
		require.Len(t, members, len(plain))
		for _, m := range members {
			require.True(t, plain[[2]int64{m[0].Int(), m[1].Int()}])
			require.True(t, r.Contains(m))
			if m[1].Int() < math.MaxInt64 && m[1].Int() > math.MinInt64 {
				for _, d := range []int64{-1, 1} {
					at := [2]int64{m[0].Int(), m[1].Int() + d}
					require.Equal(t, plain[at], r.Contains(el.Tuple{el.Number(at[0]), el.Number(at[1])}))
				}
			}
		}
		require.False(t, r.Contains(el.Tuple{el.Number(9), el.Number(0)}))
	})
}

// shuffled is n ids in random order, of which a share of holes in a hundred is
// left out.
func shuffled(n, holes int) []int64 {
	d := rand.New(rand.NewPCG(uint64(n), uint64(holes)))
	var ids []int64
	for _, i := range d.Perm(n) {
		if d.IntN(100) >= holes {
			ids = append(ids, int64(i))
		}
	}
	return ids
}

// TestRangeCompression states what ids cost, in intervals, with few and with many
// holes: an interval for each run of ids, and nothing else.
func TestRangeCompression(t *testing.T) {
	for _, holes := range []int{0, 1, 10} {
		ids := shuffled(20_000, holes)
		r := eval.NewRanges()
		for _, id := range ids {
			r.Add(el.Tuple{el.Number(id)})
		}
		slices.Sort(ids)
		runs := 0
		for i, id := range ids {
			if i == 0 || ids[i-1] != id-1 {
				runs++
			}
		}
		require.Equal(t, runs, r.Intervals())
		require.GreaterOrEqual(t, r.Bytes(), 16*runs)
		at := 0
		for m := range r.All() {
			require.Equal(t, ids[at], m[0].Int())
			require.True(t, r.Contains(m))
			require.False(t, r.Add(m))
			at++
		}
		require.Equal(t, len(ids), at)
		for i := 1; i < len(ids); i++ {
			require.Equal(t, ids[i] == ids[i-1]+1, r.Contains(el.Tuple{el.Number(ids[i-1] + 1)}))
		}
		t.Logf("%d ids, %d%% holes: %d intervals, %d bytes", len(ids), holes, r.Intervals(), r.Bytes())
	}
}

// BenchmarkRanges inserts a million shuffled ids into ranges and into a map, and
// reports the bytes that either keeps for an id.
func BenchmarkRanges(b *testing.B) {
	for _, holes := range []int{0, 1, 10} {
		ids := shuffled(1_000_000, holes)
		name := map[int]string{0: "holes=0", 1: "holes=1%", 10: "holes=10%"}[holes]
		b.Run("ranges/"+name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				r := eval.NewRanges()
				for _, id := range ids {
					r.Add(el.Tuple{el.Number(id)})
				}
				b.ReportMetric(float64(r.Bytes())/float64(len(ids)), "kept-B/id")
				b.ReportMetric(float64(r.Intervals()), "intervals")
			}
		})
		b.Run("map/"+name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				m := map[int64]struct{}{}
				for _, id := range ids {
					m[id] = struct{}{}
				}
				b.ReportMetric(9*float64(len(m))/0.875/float64(len(m)), "kept-B/id") // key and control byte at the fullest
			}
		})
	}
}
