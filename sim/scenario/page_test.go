package scenario_test

import (
	"context"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/sim/engines"
	"github.com/joinery-go/joinery/sim/report"
	"github.com/joinery-go/joinery/sim/rewind"
	"github.com/joinery-go/joinery/sim/scenario"
)

func exampleTape(t *testing.T) *scenario.Tape {
	t.Helper()
	f, err := os.Open("testdata/example/tape.json")
	require.NoError(t, err)
	defer f.Close()
	tape, err := scenario.LoadTape(f)
	require.NoError(t, err)
	return tape
}

// TestWatchChangesNothing: who watches what replicas show sees the run that there is.
func TestWatchChangesNothing(t *testing.T) {
	for name, tape := range map[string]*scenario.Tape{"example": exampleTape(t), "failing": failing(t)} {
		plain, err := scenario.Replay(t.Context(), tape)
		require.NoError(t, err)
		watched, err := scenario.Watch(t.Context(), tape)
		require.NoError(t, err)
		assert.Equal(t, plain.TraceHash, watched.TraceHash, name)
		assert.Equal(t, plain.Violations, watched.Violations, name)
	}
}

// TestWatchOnEngines: nor does it where values lie in an engine, and looking at one may
// have it read.
func TestWatchOnEngines(t *testing.T) {
	for i, name := range engines.Names() {
		res, err := scenario.Run(t.Context(), scenario.Config{Engine: name}, uint64(40+i))
		require.NoError(t, err)
		tape, _, err := scenario.Record(t.Context(), res)
		require.NoError(t, err)
		watched, err := scenario.Watch(t.Context(), tape)
		require.NoError(t, err)
		assert.Equal(t, res.TraceHash, watched.TraceHash, name)
		assert.Equal(t, res.Violations, watched.Violations, name)
		assert.NotEmpty(t, watched.Page().Run.States, name)
	}
}

// TestPage: the page of a failing run can be written, and what it says hangs together.
func TestPage(t *testing.T) {
	for name, tape := range map[string]*scenario.Tape{"example": exampleTape(t), "failing": failing(t)} {
		res, err := scenario.Watch(t.Context(), tape)
		require.NoError(t, err)
		p := res.Page()
		require.NoError(t, p.Write(new(strings.Builder)), name)
		assert.Equal(t, len(res.Violations) > 0, p.Bad, name)
		assert.Len(t, p.Violations, len(res.Violations), name)
		assert.Len(t, p.History.Spans, len(res.History().Ops), name)
		assert.Len(t, p.Run.Spans, len(res.History().Ops), "%s: each operation is on the lane of its client", name)
		assert.NotEmpty(t, p.Run.States, name)
		type at struct {
			lane int
			key  string
		}
		shown := map[at]string{}
		for _, s := range p.Run.States {
			k := at{s.Lane, s.Key}
			assert.Equal(t, shown[k], s.Before, "%s: %v: a change begins where the one before ended", name, k)
			assert.NotEqual(t, s.Before, s.After, "%s: %v", name, k)
			shown[k] = s.After
		}
		kinds := map[report.Kind]int{}
		for _, e := range p.Run.Events {
			kinds[e.Kind]++
		}
		assert.GreaterOrEqual(t, kinds[report.Operation], len(res.History().Ops), name)
		if name == "failing" {
			assert.NotEmpty(t, p.Summary)
			assert.Positive(t, kinds[report.Crash])
		}
	}
	res, err := scenario.Replay(t.Context(), failing(t))
	require.NoError(t, err)
	p := res.Page()
	assert.Empty(t, p.Run.States, "a replay that nobody watched has no states")
	require.NoError(t, p.Write(new(strings.Builder)))
}

// TestLikely: with everything fixed the run is itself, and of a tape that nothing makes
// smaller nothing can be taken away.
func TestLikely(t *testing.T) {
	tape := failing(t)
	small, err := scenario.Shrink(t.Context(), tape, 0)
	require.NoError(t, err)
	require.True(t, small.Settled)
	require.NotEmpty(t, small.Steps)
	assert.Equal(t, len(small.Tape.Operations), small.Steps[len(small.Steps)-1].Operations)
	assert.Equal(t, len(small.Tape.Decisions), small.Steps[len(small.Steps)-1].Decisions)

	o := rewind.Options{Draws: 6, Seed: 3}
	l, err := scenario.Likely(t.Context(), small.Tape, o)
	require.NoError(t, err)
	assert.Equal(t, small.Tape.Violations[0], l.Signature)
	last := l.Points[len(l.Points)-1]
	assert.Equal(t, 6, last.Failed, "with all fixed up to %v", last.At)
	for i, p := range l.Points {
		assert.True(t, p.Failed >= 0 && p.Failed <= 6)
		assert.True(t, i == 0 || l.Points[i-1].At < p.At, "they ascend")
	}
	assert.Len(t, l.Decisions, len(small.Tape.Decisions))
	for _, d := range l.Decisions {
		assert.False(t, d.StillFails, "%s at %v", d.Site, d.At)
		assert.LessOrEqual(t, d.Without, 6)
	}
	assert.Len(t, l.Operations, len(small.Tape.Operations))
	for _, op := range l.Operations {
		assert.False(t, op.StillFails, "operation %d", op.ID)
	}
	again, err := scenario.Likely(t.Context(), small.Tape, o)
	require.NoError(t, err)
	assert.Equal(t, l, again, "one seed, one answer")

	_, err = scenario.Likely(t.Context(), exampleTape(t), o)
	require.ErrorIs(t, err, scenario.ErrHolds)
	_, err = scenario.Likely(t.Context(), small.Tape, rewind.Options{})
	require.ErrorIs(t, err, rewind.ErrOptions)
	ctx, stop := context.WithCancel(t.Context())
	stop()
	_, err = scenario.Likely(ctx, small.Tape, o)
	require.ErrorIs(t, err, context.Canceled)
}
