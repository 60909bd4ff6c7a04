package scenario_test

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/sim/scenario"
)

// TestFactorsRiseAndFall: in a share of the seeds partitions come to have more replicas, and fewer
// again, with moves of members and without, and nothing is amiss.
func TestFactorsRiseAndFall(t *testing.T) {
	const seeds = 400
	var rn scenario.Runner
	decided, alone, fall := 0, 0, 0
	for seed := range uint64(seeds) {
		res, err := rn.Run(t.Context(), scenario.Config{}, 10_000+seed)
		require.NoError(t, err)
		s := &res.Setup
		if len(s.Decisions) == 0 {
			continue
		}
		decided++
		if len(s.Moves) == 0 {
			alone++
		}
		for i := range s.Decisions[1:] {
			if s.Decisions[i+1].Partition == s.Decisions[i].Partition && s.Decisions[i+1].Replicas < s.Decisions[i].Replicas {
				fall++
				break
			}
		}
		assert.Empty(t, res.Violations, "seed %d, %+v", 10_000+seed, s.Decisions)
		if t.Failed() {
			return
		}
	}
	assert.InDelta(t, seeds/12+seeds/8/4, decided, seeds/16)
	assert.Positive(t, alone)
	assert.Less(t, alone, decided)
	assert.Positive(t, fall)
}

// TestDecisionsOfATape: what cannot be decided is refused.
func TestDecisionsOfATape(t *testing.T) {
	var rn scenario.Runner
	for seed := uint64(0); ; seed++ {
		res, err := rn.Run(t.Context(), scenario.Config{}, seed)
		require.NoError(t, err)
		if len(res.Setup.Decisions) == 0 {
			continue
		}
		tape, _, err := scenario.Record(t.Context(), res)
		require.NoError(t, err)
		again, err := scenario.Replay(t.Context(), tape)
		require.NoError(t, err)
		assert.Equal(t, res.TraceHash, again.TraceHash)
		for name, spoil := range map[string]func(d *scenario.Decision){
			"no such partition": func(d *scenario.Decision) { d.Partition = tape.Setup.Partitions },
			"before the first":  func(d *scenario.Decision) { d.Partition = -1 },
			"no number":         func(d *scenario.Decision) { d.Epoch = 0 },
			"no replicas":       func(d *scenario.Decision) { d.Replicas = 0 },
			"too many":          func(d *scenario.Decision) { d.Replicas = 1 << 13 },
			"too late":          func(d *scenario.Decision) { d.AtMS = tape.Setup.HorizonMS + 1 },
		} {
			kept := tape.Setup.Decisions[0]
			spoil(&tape.Setup.Decisions[0])
			var b bytes.Buffer
			require.NoError(t, tape.Write(&b))
			_, err = scenario.LoadTape(&b)
			require.ErrorIs(t, err, scenario.ErrConfig, name)
			tape.Setup.Decisions[0] = kept
		}
		return
	}
}
