package scenario_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/sim/scenario"
)

// TestExplore searches small scopes through, with and without the reduction: both
// must see the same states.
func TestExplore(t *testing.T) {
	for _, kind := range scenario.ExploreKinds() {
		for _, s := range []scenario.Scope{
			{Nodes: 2, Writes: 2, Ticks: 2}, {Nodes: 2, Writes: 2, Ticks: 1, Drops: 1, Duplicates: 1, Crashes: 1},
			{Nodes: 3, Writes: 2},
		} {
			s.Kind = kind
			reduced, err := scenario.Explore(t.Context(), s, nil)
			require.NoError(t, err)
			assert.True(t, reduced.Complete)
			assert.Empty(t, reduced.Violation, "%v: %v", s, reduced.Path)
			if s.Crashes > 0 || s.Ticks > 1 { // the scopes that ask most of what equal replicas have in common
				plain, err := scenario.Explore(t.Context(), scenario.Plain(s), nil)
				require.NoError(t, err)
				assert.Equal(t, reduced.States, plain.States, "%v: replicas in equal states do not behave alike", s)
				assert.Equal(t, reduced.Transitions, plain.Transitions)
			}
			s.Unreduced = true
			whole, err := scenario.Explore(t.Context(), s, nil)
			require.NoError(t, err)
			assert.Equal(t, whole.States, reduced.States, "%v", s)
			assert.Less(t, reduced.Transitions, whole.Transitions)
		}
	}
}

func TestExploreBounds(t *testing.T) {
	r, err := scenario.Explore(t.Context(), scenario.Scope{Nodes: 3, Writes: 3, Kind: "set", MaxStates: 500}, nil)
	require.NoError(t, err)
	assert.False(t, r.Complete)
	assert.NotEmpty(t, r.Stopped)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	states := 0
	r, err = scenario.Explore(ctx, scenario.Scope{Nodes: 3, Writes: 3, Kind: "set"}, func(n int) { states = n })
	require.NoError(t, err)
	assert.Equal(t, "interrupted", r.Stopped)
	assert.False(t, r.Complete)
	assert.Positive(t, states)
	for _, s := range []scenario.Scope{
		{Nodes: 1, Writes: 1, Kind: "set"}, {Nodes: 2, Writes: 9, Kind: "set"}, {Nodes: 2, Writes: 1, Kind: "queue"},
		{Nodes: 2, Writes: 1, Kind: "set", Drops: -1},
	} {
		_, err := scenario.Explore(t.Context(), s, nil)
		assert.ErrorIs(t, err, scenario.ErrConfig)
	}
}
