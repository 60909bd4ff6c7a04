package scenario_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs/session"
	"github.com/joinery-go/joinery/linearizability"
	"github.com/joinery-go/joinery/sim/scenario"
)

// TestEveryLevelIsJudged: no level has a violation, and each has histories decided by
// checkers of its own.
func TestEveryLevelIsJudged(t *testing.T) {
	own := map[string][]string{
		"eventual": {"eventual"}, "ryw": {"lattice-ryw", "ryw"}, "mr": {"lattice-mr", "mr"}, "mw": {"lattice-mw"}, "wfr": {"lattice-wfr", "wfr"},
		"pram": {"lattice-pram", "ryw+mr", "pipelined"}, "causal": {"lattice-causal", "cc", "ccv", "causal"},
		"read-committed": {"pl-2"}, "item-cut": {"pl-2", "item-cut"},
	}
	var rn scenario.Runner
	for _, level := range session.Levels() {
		decided := map[string]int{"convergence": 0}
		for seed := range uint64(60) {
			res, err := rn.Run(t.Context(), scenario.Config{Level: level}, seed)
			require.NoError(t, err)
			require.Empty(t, res.Violations, "%s, seed %d", level, seed)
			for _, j := range res.Judged {
				assert.NotEqual(t, linearizability.Violation, j.Status)
				if j.Status == linearizability.OK {
					decided[j.Model]++
				}
			}
		}
		for _, model := range append(own[level], "convergence") {
			assert.Greater(t, decided[model], 5, "%s by %s", level, model)
		}
	}
	assert.Len(t, own, len(session.Levels()))
}

// TestLevelsReachTheirSituations: what is particular to levels, acknowledgements and caches
// comes about.
func TestLevelsReachTheirSituations(t *testing.T) {
	var rn scenario.Runner
	for level, mark := range map[string]string{
		"item-cut": "read again by a transaction, and not asked for", "causal": "read answered by the session's own cache", "eventual": "write answered from memory and lost in a crash",
	} {
		seed := uint64(0)
		for ; ; seed++ {
			require.Less(t, seed, uint64(400), mark)
			res, err := rn.Run(t.Context(), scenario.Config{Level: level}, seed)
			require.NoError(t, err)
			if slices.Contains(res.Marks, mark) {
				break
			}
		}
		tape, again, err := scenario.Record(t.Context(), must(t, &rn, level, seed))
		require.NoError(t, err)
		assert.Empty(t, again.Violations)
		assert.Equal(t, level, tape.Setup.Level)
	}
}

func must(t *testing.T, rn *scenario.Runner, level string, seed uint64) *scenario.Result {
	res, err := rn.Run(t.Context(), scenario.Config{Level: level}, seed)
	require.NoError(t, err)
	return res
}
