package scenario_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/linearizability/history"
	"github.com/joinery-go/joinery/sim"
	"github.com/joinery-go/joinery/sim/scenario"
)

// TestLostDisks: the store holds where disks are lost at every second crash, with
// all that else can happen and alone. What is forgiven for it is little, shows in
// the history, and is no more than the seeds need: without it some fail.
func TestLostDisks(t *testing.T) {
	const seeds = 300
	for faults, most := range map[string]int{ // seeds in which writes may be lost
		"swarm,restore=extreme":             seeds / 4,
		"off,restore=extreme,crash=extreme": seeds / 6,
		"extreme":                           seeds * 3 / 5, // disks rot at every crash, too
	} {
		var rn scenario.Runner
		effective, lost, unjudged, strict := 0, 0, 0, 0
		marks := map[string]int{}
		for seed := range uint64(seeds) {
			res, err := rn.Run(t.Context(), scenario.Config{Faults: faults}, seed)
			require.NoError(t, err)
			require.Empty(t, res.Violations, "%s, seed %d", faults, seed)
			if res.FaultEffective[sim.Restore] {
				effective++
			}
			if !res.FaultEffective[sim.Restore] && !slices.Contains(res.Marks, "spoiled record cut out") {
				assert.Zero(t, res.Lost, "%s, seed %d: nothing to forgive", faults, seed)
			}
			for _, m := range res.Marks {
				marks[m]++
			}
			if res.Unjudged > 0 {
				unjudged++
			}
			if res.Lost == 0 && res.Unjudged == 0 {
				continue
			}
			if res.Lost > 0 {
				lost++
			}
			again, err := rn.Run(t.Context(), scenario.Config{Faults: faults + ",unexcused"}, seed)
			require.NoError(t, err)
			if len(again.Violations) > 0 {
				strict++
			}
		}
		t.Logf("%s: disks were lost in %d of %d seeds; writes with them in %d, keys not judged in %d; unforgiven, %d fail",
			faults, effective, seeds, lost, unjudged, strict)
		assert.Greater(t, effective, seeds/4)
		assert.Less(t, lost, most)
		assert.Less(t, unjudged, seeds/20)
		assert.Positive(t, strict)
		assert.Greater(t, marks["snapshot taken in after a lost disk"], seeds/20)
	}
}

// TestForgivenShows: a write that a lost disk may have undone has an unknown
// outcome in the history.
func TestForgivenShows(t *testing.T) {
	var rn scenario.Runner
	for seed := range uint64(200) {
		cfg := scenario.Config{Faults: "off,crash=extreme,restore=extreme"}
		forgiven, err := rn.Run(t.Context(), cfg, seed)
		require.NoError(t, err)
		unknown := unknownPuts(forgiven)
		cfg.Faults += ",unexcused"
		strict, err := rn.Run(t.Context(), cfg, seed)
		require.NoError(t, err)
		require.Equal(t, forgiven.TraceHash, strict.TraceHash, "what is forgiven does not change a run")
		if forgiven.Lost == 0 {
			assert.Equal(t, unknownPuts(strict), unknown)
		} else if len(strict.Violations) > 0 && strict.Violations[0].Oracle == "convergence" {
			assert.Greater(t, unknown, unknownPuts(strict))
			return
		}
	}
	t.Fatal("no seed lost an acknowledged write")
}

func unknownPuts(res *scenario.Result) (n int) {
	for _, o := range res.History().Ops {
		if o.IsPut() && o.Outcome == history.Unknown {
			n++
		}
	}
	return n
}

// TestUnexcusedIsSpelled: the word may stand anywhere behind the first part.
func TestUnexcusedIsSpelled(t *testing.T) {
	for faults, want := range map[string]bool{"swarm": false, "unexcused": true, "off,unexcused,crash=low": true, "": false} {
		res, err := scenario.Run(t.Context(), scenario.Config{Faults: faults}, 1)
		require.NoError(t, err)
		assert.Equal(t, want, res.Setup.Unexcused, faults)
	}
	assert.True(t, slices.Contains(scenario.FaultClasses(), "restore"))
}
