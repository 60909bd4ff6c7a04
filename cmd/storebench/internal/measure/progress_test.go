package measure_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/cmd/storebench/internal/measure"
)

// TestProgressEnds: what is told of a measurement goes up step by step, and ends with all of them.
func TestProgressEnds(t *testing.T) {
	ctx, small := t.Context(), measure.Work{Dir: t.TempDir(), Keys: 30, Updates: 30, ValueBytes: 20}
	for name, run := range map[string]func(measure.Progress) error{
		"lazy": func(p measure.Progress) error {
			w := measure.LazyWork{Work: small, EachKeys: []int{10, 30}, Rounds: 2}
			return measure.Lazies(ctx, w, measure.LazyEngines(), p, func(measure.Lazied) error { return nil })
		},
		"series": func(p measure.Progress) error {
			return measure.SnapshotSeries(ctx, small, 0.1, 3, measure.Tiered()[:2], p, func(measure.Series) error { return nil })
		},
		"global": func(p measure.Progress) error {
			w := measure.GlobalWork{Dir: small.Dir, EachKeys: []int{30}, ValueBytes: 20, Workers: 2, Rounds: 1, Recoveries: 1, Fraction: 0.1}
			return measure.Globals(ctx, w, measure.GlobalEngines()[:2], p, func(measure.Globaled) error { return nil })
		},
	} {
		last, all := 0, 0
		require.NoError(t, run(func(done, total int) {
			assert.Equal(t, last+1, done, name)
			last, all = done, total
		}))
		assert.Equal(t, all, last, name)
	}
}

// TestSeries: many snapshots are counted and added up as one after the other.
func TestSeries(t *testing.T) {
	w := measure.Work{Dir: t.TempDir(), Keys: 1000, ValueBytes: 100}
	var all []measure.Series
	err := measure.SnapshotSeries(t.Context(), w, 0.1, 12, []string{"hybridlog", "lsm"}, func(int, int) {}, func(s measure.Series) error {
		all = append(all, s)
		return nil
	})
	require.NoError(t, err)
	require.Len(t, all, 2)
	for i, s := range all {
		assert.Equal(t, []string{"hybridlog", "lsm"}[i], s.Engine)
		assert.Equal(t, 12, s.Snapshots)
		assert.Equal(t, int64((1000+12*100)*116), s.Changes, "the first version is of all keys")
		assert.Greater(t, s.MeanNew, 1.0, "what changed is uploaded")
		assert.GreaterOrEqual(t, s.WorstNew, s.MeanNew)
		assert.Less(t, s.WorstNew, 1.5)
		assert.Greater(t, s.WorstBeside, 1.0)
		assert.Greater(t, s.WorstNew-s.WorstBeside, 12*50.0/11600, "the head names each version in more than 50 bytes")
		assert.Greater(t, s.All, s.Changes)
		assert.InDelta(t, *measure.Bound(s.Engine, 13, s.Changes), *s.Bound, 1e-6)
		assert.Positive(t, s.Seconds)
		assert.GreaterOrEqual(t, s.WorstSeconds, s.Seconds)
		assert.Positive(t, s.FullDump)
		assert.Greater(t, s.Segments, 1)
	}
	require.ErrorIs(t, measure.SnapshotSeries(t.Context(), w, 0.1, 1, []string{"memory"}, nil, nil), measure.ErrName)
}
