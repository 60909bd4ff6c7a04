package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs/session"
)

// TestLevelsMeasured: the tables have every level, its own checkers, and what it answers.
func TestLevelsMeasured(t *testing.T) {
	code, out, errs := invoke(t, "", "levels", "--measure", "--seeds", "12", "--json")
	require.Equal(t, exitOK, code, "%s%s", out, errs)
	decided, available, acks := map[string]int64{}, map[string]bool{}, 0
	asked := map[string]int64{}
	var sum struct {
		Kind       string
		Seeds      int
		Levels     int
		Violations int
	}
	for line := range strings.Lines(out) {
		var kind struct {
			Kind string
		}
		require.NoError(t, json.Unmarshal([]byte(line), &kind))
		switch kind.Kind {
		case "judged":
			var j judgedJSON
			require.NoError(t, json.Unmarshal([]byte(line), &j))
			assert.Zero(t, j.Violated, line)
			decided[j.Level+" "+j.Model] += j.Decided
		case "available":
			var a availableJSON
			require.NoError(t, json.Unmarshal([]byte(line), &a))
			available[a.Level] = true
			assert.Len(t, a.Situation, 7)
		case "ack":
			acks++
		case "sides":
			var s sidesJSON
			require.NoError(t, json.Unmarshal([]byte(line), &s))
			assert.LessOrEqual(t, s.Answered, s.Asked, line)
			asked[s.Faults+" "+s.Level+" "+s.Request] += s.Asked
		}
	}
	lastJSON(t, out, &sum)
	assert.Equal(t, "summary", sum.Kind)
	assert.Equal(t, 12, sum.Seeds)
	assert.Zero(t, sum.Violations)
	assert.Equal(t, 5, acks)
	for _, l := range session.Levels() {
		assert.True(t, available[l], l)
		assert.Equal(t, int64(12), decided[l+" convergence"], l)
		for _, request := range requestNames {
			assert.Positive(t, asked["default "+l+" "+request], l)
			assert.Positive(t, asked[partitionsAlone+" "+l+" "+request], l)
		}
	}
	for _, by := range []string{"ryw lattice-ryw", "mr lattice-mr", "mw lattice-mw", "wfr lattice-wfr", "pram lattice-pram", "causal lattice-causal", "read-committed pl-2", "item-cut item-cut"} {
		assert.Positive(t, decided[by], by)
	}

	code, out, _ = invoke(t, "", "levels", "--measure", "--seeds", "2")
	assert.Equal(t, exitOK, code)
	for _, want := range []string{"LEVEL", "lattice-causal", "mr, cache", "unavailable", "a reply", "majority", "cut off"} {
		assert.Contains(t, out, want)
	}
}
