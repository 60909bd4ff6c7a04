package workload_test

import (
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs/store/workload"
)

func draw(t *testing.T, o workload.Options, n int) []workload.Op {
	t.Helper()
	w, err := workload.New(o)
	require.NoError(t, err)
	return w.Draw(n)
}

// counts is how often each key was drawn, most often first.
func counts(ops []workload.Op, keys int) []int {
	n := make([]int, keys)
	for _, op := range ops {
		n[op.Key]++
	}
	slices.Sort(n)
	slices.Reverse(n)
	return n
}

// TestZipf holds frequencies of ranks against the formula.
func TestZipf(t *testing.T) {
	const keys, draws = 1000, 200_000
	n := counts(draw(t, workload.Options{Keys: keys, Theta: 0.99, Seed: 1}, draws), keys)
	sum := 0.0
	for r := range keys {
		sum += math.Pow(float64(r+1), -0.99)
	}
	for _, r := range []int{1, 2, 4, 10} {
		want := draws / math.Pow(float64(r), 0.99) / sum
		require.InEpsilon(t, want, n[r-1], 0.1, "rank %d", r)
	}
	flat := counts(draw(t, workload.Options{Keys: keys, Seed: 1}, draws), keys)
	require.Less(t, flat[0], 2*flat[keys-1], "uniform without an exponent")
}

func TestOneSeedOneSequence(t *testing.T) {
	o := workload.Options{Keys: 500, Theta: 0.99, Reads: 0.5, Drift: 7, Seed: 3}
	ops := draw(t, o, 2000)
	require.Equal(t, ops, draw(t, o, 2000))
	o.Seed++
	require.NotEqual(t, ops, draw(t, o, 2000))
	reads := 0
	for _, op := range ops {
		if op.Read {
			reads++
		}
	}
	require.InDelta(t, 1000, reads, 150)
}

// TestDrift finds the hottest key of the first and the last draws: the same one only
// where nothing drifts.
func TestDrift(t *testing.T) {
	hottest := func(ops []workload.Op) int {
		n := map[int]int{}
		best := ops[0].Key
		for _, op := range ops {
			if n[op.Key]++; n[op.Key] > n[best] {
				best = op.Key
			}
		}
		return best
	}
	for _, drift := range []int{0, 100} {
		ops := draw(t, workload.Options{Keys: 1000, Theta: 1.2, Drift: drift, Seed: 5}, 100_000)
		require.Equal(t, drift == 0, hottest(ops[:2000]) == hottest(ops[98_000:]), "drift %d", drift)
	}
}

func TestKeysAndValues(t *testing.T) {
	keys := workload.Keys(3)
	for i, k := range keys {
		require.Len(t, k, workload.KeyBytes)
		require.Equal(t, workload.Key(nil, i), k)
	}
	v, err := workload.NewValues(1, 100)
	require.NoError(t, err)
	seen := map[string]bool{}
	for range 1000 {
		b := v.Next()
		require.Len(t, b, 100)
		seen[string(b)] = true
	}
	require.Len(t, seen, 1000)
}

func TestOptions(t *testing.T) {
	for _, o := range []workload.Options{
		{}, {Keys: workload.MaxKeys + 1}, {Keys: 1, Theta: -1}, {Keys: 1, Theta: math.NaN()}, {Keys: 1, Theta: math.Inf(1)},
		{Keys: 1, Reads: 1.1}, {Keys: 1, Reads: -0.1}, {Keys: 1, Reads: math.NaN()}, {Keys: 1, Drift: -1},
	} {
		_, err := workload.New(o)
		require.ErrorIs(t, err, workload.ErrOptions, "%+v", o)
	}
	_, err := workload.NewValues(1, 0)
	require.ErrorIs(t, err, workload.ErrOptions)
}
