package scenario_test

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/sim"
	"github.com/joinery-go/joinery/sim/scenario"
)

// TestPartitionsChangeTheirTier: in a share of the seeds in which somebody decides about partitions
// there is a disk tier, and nothing is amiss: by a plan, and by a monitor, which has partitions demoted
// and promoted.
func TestPartitionsChangeTheirTier(t *testing.T) {
	for name, c := range map[string]struct {
		cfg   scenario.Config
		from  uint64
		seeds uint64
	}{
		"plan":    {scenario.Config{Engine: scenario.DrawnEngine}, 70_000, 2500},
		"monitor": {scenario.Config{Engine: scenario.DrawnEngine, Elastic: true}, 80_000, 300},
	} {
		t.Run(name, func(t *testing.T) {
			var rn scenario.Runner
			tiered, onEngine, marks := 0, 0, map[string]int{}
			for seed := c.from; seed < c.from+c.seeds; seed++ {
				setup, err := rn.SetupOf(c.cfg, seed)
				require.NoError(t, err)
				if setup.Disks == 0 {
					continue
				}
				res, err := rn.Run(t.Context(), c.cfg, seed)
				require.NoError(t, err)
				if res.Setup.Disks == 0 { // the seed was drawn again
					continue
				}
				tiered++
				if res.Setup.EngineOnDisk {
					onEngine++
				}
				for _, m := range res.Marks {
					marks[m]++
				}
				require.Empty(t, res.Violations, "seed %d, %+v", seed, res.Setup)
			}
			t.Logf("%d with a disk tier, %d with an engine there, %v", tiered, onEngine, marks)
			assert.Greater(t, tiered, 30)
			assert.Greater(t, onEngine, tiered/4)
			if c.cfg.Elastic {
				assert.Greater(t, marks[scenario.MarkBothTiers], tiered/4)
				assert.Greater(t, marks[scenario.MarkDemoted], tiered/8)
			}
		})
	}
}

// TestTiersOfATape: a run with a disk tier comes again from its tape, and a tape of what cannot be is
// refused.
func TestTiersOfATape(t *testing.T) {
	var rn scenario.Runner
	replayed := map[bool]int{}
	for seed := uint64(0); replayed[false] < 3 || replayed[true] < 3; seed++ {
		cfg := scenario.Config{Engine: scenario.DrawnEngine, Elastic: seed%2 == 0}
		setup, err := rn.SetupOf(cfg, seed)
		require.NoError(t, err)
		if setup.Disks == 0 || replayed[setup.Elastic != nil] == 3 {
			continue
		}
		replayed[setup.Elastic != nil]++
		res, err := rn.Run(t.Context(), cfg, seed)
		require.NoError(t, err)
		require.Positive(t, res.Setup.Disks)
		tape, _, err := scenario.Record(t.Context(), res) // which fails unless it comes again
		require.NoError(t, err)
		again, err := scenario.Replay(t.Context(), tape)
		require.NoError(t, err)
		assert.Equal(t, res.TraceHash, again.TraceHash)
		for name, spoil := range map[string]func(s *scenario.Setup){
			"all on disk":               func(s *scenario.Setup) { s.Disks = s.Nodes },
			"fewer than none":           func(s *scenario.Setup) { s.Disks = -1 },
			"an engine of nobody":       func(s *scenario.Setup) { s.Disks, s.EngineOnDisk = 0, true },
			"an engine of none":         func(s *scenario.Setup) { s.EngineOnDisk, s.Engine, s.EngineBytes, s.CacheBytes = true, "", 0, 0 },
			"an older program":          func(s *scenario.Setup) { s.Faults[sim.Version] = sim.Extreme },
			"few replicas on disk":      func(s *scenario.Setup) { s.Decisions = []scenario.Decision{{Epoch: 1, Disk: 1}} },
			"too many on disk":          func(s *scenario.Setup) { s.Decisions = []scenario.Decision{{Epoch: 1, Disk: 99}} },
			"fewer than none in memory": func(s *scenario.Setup) { s.Decisions = []scenario.Decision{{Epoch: 1, Disk: 3, Replicas: -1}} },
		} {
			spoilt := *tape
			spoil(&spoilt.Setup)
			var b bytes.Buffer
			require.NoError(t, spoilt.Write(&b))
			_, err = scenario.LoadTape(&b)
			require.ErrorIs(t, err, scenario.ErrConfig, name)
		}
	}
}
