package scenario_test

import (
	"bytes"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/sim/scenario"
)

// TestAMonitorDecides: where a monitor decides who comes and goes, and how many replicas partitions
// have, it does all that it may, and nothing is amiss, also where it starts anew and where there are
// two.
func TestAMonitorDecides(t *testing.T) {
	var rn scenario.Runner
	marks, decided := map[string]int{}, 0
	for seed := range uint64(400) {
		res, err := rn.Run(t.Context(), scenario.Config{Elastic: true}, 50_000+seed)
		require.NoError(t, err)
		if res.Setup.Elastic == nil {
			continue
		}
		decided++
		for _, m := range res.Marks {
			marks[m]++
		}
		require.Empty(t, res.Violations, "seed %d, %+v", 50_000+seed, res.Setup.Elastic)
	}
	assert.Greater(t, decided, 200)
	for _, m := range scenario.MonitorMarks() {
		assert.Greater(t, marks[m], decided/5, m)
	}
}

// TestSomeSeedsHaveAMonitor, of those in which nobody has planned who comes and goes; the others are
// as they were.
func TestSomeSeedsHaveAMonitor(t *testing.T) {
	const seeds = 1500
	var rn scenario.Runner
	monitors := 0
	for seed := range uint64(seeds) {
		setup, err := rn.SetupOf(scenario.Config{}, seed)
		require.NoError(t, err)
		if setup.Elastic == nil {
			continue
		}
		monitors++
		assert.Empty(t, setup.Moves)
		assert.Empty(t, setup.Decisions)
	}
	assert.InDelta(t, seeds*2/3/12, monitors, seeds/40)
}

// TestMonitorOfATape: a run of which a monitor decides comes again from its tape, and a tape of what
// cannot be is refused.
func TestMonitorOfATape(t *testing.T) {
	var rn scenario.Runner
	replayed := 0
	for seed := uint64(0); replayed < 10; seed++ {
		res, err := rn.Run(t.Context(), scenario.Config{Elastic: true}, seed)
		require.NoError(t, err)
		if res.Setup.Elastic == nil || len(res.Setup.Elastic.Anew) == 0 {
			continue
		}
		replayed++
		tape, _, err := scenario.Record(t.Context(), res) // which fails unless it comes again
		require.NoError(t, err)
		var b bytes.Buffer
		require.NoError(t, tape.Write(&b))
		tape, err = scenario.LoadTape(&b)
		require.NoError(t, err)
		again, err := scenario.Replay(t.Context(), tape)
		require.NoError(t, err)
		assert.Equal(t, res.TraceHash, again.TraceHash)
		for name, spoil := range map[string]func(s *scenario.Setup, e *scenario.Elastic){
			"none stands by":    func(_ *scenario.Setup, e *scenario.Elastic) { e.Spare = 0 },
			"all do":            func(s *scenario.Setup, e *scenario.Elastic) { e.Spare = s.Nodes },
			"few replicas":      func(s *scenario.Setup, _ *scenario.Elastic) { s.Replicas = s.Nodes },
			"a move":            func(s *scenario.Setup, _ *scenario.Elastic) { s.Moves = []scenario.Move{{Node: 0, To: "leaving"}} },
			"no such partition": func(s *scenario.Setup, e *scenario.Elastic) { e.Loads[1].Partition = s.Partitions },
			"too much":          func(_ *scenario.Setup, e *scenario.Elastic) { e.Loads[1].Hot = 1001 },
			"less than nothing": func(_ *scenario.Setup, e *scenario.Elastic) { e.Loads[1].Others = -1 },
			"too late":          func(s *scenario.Setup, e *scenario.Elastic) { e.Loads[1].AtMS = s.HorizonMS + 1 },
			"backwards":         func(_ *scenario.Setup, e *scenario.Elastic) { e.Loads[0].AtMS = e.Loads[1].AtMS + 1 },
		} {
			spoilt := *tape
			e := *tape.Setup.Elastic
			e.Loads = slices.Clone(e.Loads)
			spoilt.Setup.Elastic = &e
			spoil(&spoilt.Setup, &e)
			b.Reset()
			require.NoError(t, spoilt.Write(&b))
			_, err = scenario.LoadTape(&b)
			require.ErrorIs(t, err, scenario.ErrConfig, name)
		}
	}
}
