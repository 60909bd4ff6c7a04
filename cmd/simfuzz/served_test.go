package main

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/joinery-go/joinery/sim/scenario"
)

// TestTooFewServed: a long campaign with the faults of swarm is held to the share of
// operations that it serves, by level; any other is not.
func TestTooFewServed(t *testing.T) {
	k := &storeCampaign{totals: totals{
		Seeds: longCampaign, Effective: make([]int64, len(scenario.FaultClasses())), Asked: map[string]int64{"eventual": 1000, "causal": 1000}, NotServed: map[string]int64{"eventual": 360, "causal": 361},
	}}
	assert.Equal(t, []string{"36.1% of the causal operations under faults were not served, at most 36% may be"}, k.tooFewServed())
	assert.Equal(t, "of which not served: 36.0% at level eventual, 36.1% at level causal", k.notServed(k.summary()))
	k.totals.Seeds--
	assert.Empty(t, k.tooFewServed())
	k.totals.Seeds++
	for _, cfg := range []scenario.Config{{Faults: "extreme"}, {Strategy: "pct"}, {Nodes: 9}, {Operations: 400}} {
		k.cfg = cfg
		assert.Empty(t, k.tooFewServed(), "%v", cfg)
	}
}
