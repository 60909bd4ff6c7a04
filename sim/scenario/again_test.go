package scenario_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/sim/scenario"
)

// TestAgain: a seed that is run again, with clones of replicas going on by themselves, is
// the same run, on storage engines too, and of the exhaustive strategy.
func TestAgain(t *testing.T) {
	var rn scenario.Runner
	onEngine := 0
	for _, cfg := range []scenario.Config{{}, {Engine: scenario.DrawnEngine}, {Operations: 200}, {Strategy: "exhaustive", Base: 3}} {
		for seed := uint64(3); seed < 19; seed++ {
			first, err := rn.Run(t.Context(), cfg, seed)
			require.NoError(t, err)
			again, err := rn.Again(t.Context(), cfg, seed)
			require.NoError(t, err)
			assert.Equal(t, first.TraceHash, again.TraceHash, "%+v, seed %d", cfg, seed)
			assert.Empty(t, again.Violations)
			if first.Setup.Engine != "" {
				onEngine++
			}
		}
	}
	assert.Equal(t, 2, onEngine, "one in eight")
}

// TestAgainReadsNothing: what is held against a replica on the way reads nothing from its
// engine. In this run, where it did, a merge that had failed was tried again at another time.
func TestAgainReadsNothing(t *testing.T) {
	var rn scenario.Runner
	cfg, seed := scenario.Config{Engine: "lsm"}, uint64(1832003921)
	first, err := rn.Run(t.Context(), cfg, seed)
	require.NoError(t, err)
	again, err := rn.Again(t.Context(), cfg, seed)
	require.NoError(t, err)
	assert.Equal(t, first.TraceHash, again.TraceHash)
}
