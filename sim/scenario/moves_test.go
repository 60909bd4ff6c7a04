package scenario_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/sim/scenario"
)

// TestMembersComeAndGo: in a share of the seeds nodes join, leave and are replaced, each in some,
// and nothing is amiss.
func TestMembersComeAndGo(t *testing.T) {
	var rn scenario.Runner
	moved, to := 0, map[string]int{}
	for seed := range uint64(moveSeeds) {
		res, err := rn.Run(t.Context(), scenario.Config{}, seed)
		require.NoError(t, err)
		if len(res.Setup.Moves) == 0 {
			continue
		}
		moved++
		for _, m := range res.Setup.Moves {
			to[m.To]++
		}
		assert.Empty(t, res.Violations, "seed %d, %+v", seed, res.Setup.Moves)
		if t.Failed() {
			return
		}
	}
	assert.InDelta(t, moveSeeds/8, moved, moveSeeds/16)
	for _, what := range []string{"joining", "leaving", "gone"} {
		assert.Positive(t, to[what], what)
	}
}

const moveSeeds = 400
