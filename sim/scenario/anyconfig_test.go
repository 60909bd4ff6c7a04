package scenario_test

import (
	"flag"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/joinery-go/joinery/sim/scenario"
)

var anyConfigs = flag.Int("anyconfigs", 40, "configurations of TestAnyConfig")

// TestAnyConfig runs configurations that nobody chose: any faults, alone or together, with
// any number of nodes and operations, level, strategy and engine. The store must hold, and the
// oracles must accuse nobody.
func TestAnyConfig(t *testing.T) {
	var rn scenario.Runner
	for i := range *anyConfigs {
		cfg := rapid.Custom(anyConfig).Example(i)
		t.Run(fmt.Sprintf("%+v", cfg), func(t *testing.T) {
			seeds := uint64(4)
			if cfg.Operations > 100 {
				seeds = 1
			}
			for seed := range seeds {
				seed += 1000 * uint64(i)
				res, err := rn.Run(t.Context(), cfg, seed)
				require.NoError(t, err)
				require.Empty(t, res.Violations, "seed %d", seed)
			}
		})
	}
}

func anyConfig(t *rapid.T) scenario.Config {
	levels := []string{"off", "low", "extreme"}
	faults := []string{rapid.SampledFrom(append(levels, "swarm")).Draw(t, "faults")}
	for range rapid.IntRange(0, 4).Draw(t, "classes") {
		class := rapid.SampledFrom(scenario.FaultClasses()).Draw(t, "class")
		if strings.Contains(strings.Join(faults, ","), class+"=") {
			continue
		}
		faults = append(faults, class+"="+rapid.SampledFrom(levels).Draw(t, "level of "+class))
	}
	return scenario.Config{
		Nodes: rapid.SampledFrom([]int{0, 3, 4, 5, 7, 9}).Draw(t, "nodes"), Faults: strings.Join(faults, ","),
		Level:      rapid.SampledFrom([]string{"", "eventual", "causal"}).Draw(t, "level"),
		Strategy:   rapid.SampledFrom([]string{"swarm", "uniform", "pct", "bytes"}).Draw(t, "strategy"),
		Engine:     rapid.SampledFrom([]string{"", "memory", "lsm", "appendlog", "hybridlog"}).Draw(t, "engine"),
		Operations: rapid.SampledFrom([]int{0, 0, 0, 20, 57, 250}).Draw(t, "operations"),
	}
}
