package smallscope_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/sim/scenario/smallscope"
)

// TestExplore searches small scopes through, with and without the reduction: both
// must see the same states.
func TestExplore(t *testing.T) {
	for _, kind := range smallscope.Kinds() {
		for _, s := range []smallscope.Scope{
			{Nodes: 2, Writes: 2, Ticks: 2}, {Nodes: 2, Writes: 2, Ticks: 1, Drops: 1, Duplicates: 1, Crashes: 1},
			{Nodes: 3, Writes: 2},
		} {
			s.Kind = kind
			reduced := explore(t, s)
			assert.Empty(t, reduced.Violation, "%v: %v", s, reduced.Path)
			assert.Equal(t, 2, reduced.Renamings, "two replicas with a write each")
			assert.InEpsilon(t, 2, float64(reduced.Renamed)/float64(reduced.States), 0.1)
			s.NoSymmetry = true
			concrete := explore(t, s)
			assert.Equal(t, concrete.States, reduced.Renamed, "%v: the orbits of the reduced search are not the states", s)
			assert.Equal(t, concrete.Depth, reduced.Depth)
			s.NoCommute = true
			assert.Equal(t, concrete.States, explore(t, s).States, "%v", s)
			s.EarlyDrops = true
			whole := explore(t, s)
			if s.Drops == 0 {
				assert.Equal(t, concrete.States, whole.States)
			} else {
				assert.Less(t, concrete.States, whole.States*3/4)
			}
			assert.Less(t, concrete.Transitions, whole.Transitions)
			s.NoSymmetry = false
			assert.Equal(t, whole.States, explore(t, s).Renamed, "%v", s)
			if s.Crashes > 0 || s.Ticks > 1 { // the scopes that ask most of what equal replicas have in common
				plain := explore(t, smallscope.Plain(s))
				assert.Equal(t, whole.States, plain.States, "%v: replicas in equal states do not behave alike", s)
				assert.Equal(t, whole.Transitions, plain.Transitions)
			}
		}
	}
}

// explore searches a scope through.
func explore(t *testing.T, s smallscope.Scope) *smallscope.Explored {
	t.Helper()
	r, err := smallscope.Explore(t.Context(), s, nil)
	require.NoError(t, err)
	require.True(t, r.Complete)
	return r
}

// TestExploreRenames: nodes can be renamed where each writes once, be it sets or
// registers: of these the greatest wins, but what a replica remembers of the requests
// that were served tells which writes it has met, and when they were made. All states
// are found with a sixth of them.
func TestExploreRenames(t *testing.T) {
	s := smallscope.Scope{Nodes: 3, Writes: 3, Kind: "register"}
	r := explore(t, s)
	assert.Equal(t, 6, r.Renamings)
	assert.Empty(t, r.Asymmetry)
	s.NoSymmetry = true
	assert.Equal(t, explore(t, s).States, r.Renamed)
	s.Kind, s.NoSymmetry = "set", false
	r = explore(t, s)
	assert.Equal(t, 6, r.Renamings)
	assert.Empty(t, r.Asymmetry)
	assert.InEpsilon(t, 6, float64(r.Renamed)/float64(r.States), 0.1)
	// Two replicas with two writes each: either pair may change places.
	r = explore(t, smallscope.Scope{Nodes: 2, Writes: 4, Kind: "set"})
	assert.Equal(t, 8, r.Renamings, r.Asymmetry)
}

func TestExploreBounds(t *testing.T) {
	r, err := smallscope.Explore(t.Context(), smallscope.Scope{Nodes: 3, Writes: 3, Kind: "set", MaxStates: 500}, nil)
	require.NoError(t, err)
	assert.False(t, r.Complete)
	assert.NotEmpty(t, r.Stopped)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	states := 0
	r, err = smallscope.Explore(ctx, smallscope.Scope{Nodes: 3, Writes: 3, Kind: "set"}, func(n int) { states = n })
	require.NoError(t, err)
	assert.Regexp(t, "^interrupted after 1000 states, at depth [1-9]", r.Stopped)
	assert.False(t, r.Complete)
	assert.Positive(t, states)
	for _, s := range []smallscope.Scope{
		{Nodes: 1, Writes: 1, Kind: "set"}, {Nodes: 2, Writes: 9, Kind: "set"}, {Nodes: 2, Writes: 1, Kind: "queue"},
		{Nodes: 2, Writes: 1, Kind: "set", Drops: -1},
	} {
		_, err := smallscope.Explore(t.Context(), s, nil)
		assert.ErrorIs(t, err, smallscope.ErrScope)
	}
}

// TestExploreCheckpoints: with checkpoints, and logs cut at them, and with values outside of
// memory, whatever a crash meets.
func TestExploreCheckpoints(t *testing.T) {
	for _, s := range []smallscope.Scope{
		{Nodes: 2, Writes: 3, Ticks: 1, Crashes: 1}, {Nodes: 2, Writes: 2, Ticks: 1, Crashes: 2},
	} {
		s.Kind, s.Checkpoints = "set", true
		cut := explore(t, s)
		assert.Empty(t, cut.Violation, "%v: %v", s, cut.Path)
		s.Checkpoints = false
		assert.NotEqual(t, explore(t, s).States, cut.States)
		s.Outside = true
		outside := explore(t, s)
		assert.Empty(t, outside.Violation, "%v: %v", s, outside.Path)
		assert.True(t, outside.Complete)
		assert.NotEqual(t, outside.States, cut.States)
	}
}
