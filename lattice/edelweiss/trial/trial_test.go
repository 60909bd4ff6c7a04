package trial_test

import (
	"flag"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/lattice/edelweiss/certify"
	"github.com/joinery-go/joinery/lattice/edelweiss/programs"
	"github.com/joinery-go/joinery/lattice/edelweiss/reclaim"
	"github.com/joinery-go/joinery/lattice/edelweiss/trial"
)

var (
	seeds = flag.Int("trial-seeds", 5, "fault seeds a program")
	first = flag.Uint64("trial-first", 1, "first fault seed")
	every = flag.Uint64("trial-worlds", 1, "one in how many seeds is also run by a world of originals")
)

// TestPrograms takes every shipped program through its workload under faults:
// rewritten and original equal in every timestep, worlds equal at the end,
// storage given back.
func TestPrograms(t *testing.T) {
	require.Len(t, trial.Workloads, len(programs.Names()))
	for _, name := range programs.Names() {
		t.Run(name, func(t *testing.T) {
			p, err := programs.Load(name)
			require.NoError(t, err)
			r, err := reclaim.Rewrite(p, reclaim.All)
			require.NoError(t, err)
			require.NoError(t, certify.Check(p, r.Program, r.Certificate))
			var sum trial.Report
			converged := 0
			for seed := *first; seed < *first+uint64(*seeds); seed++ {
				report, err := trial.Run(p, r, trial.Workloads[name], trial.Options{
					Seed: seed, Faults: seed > 1, Alone: seed%*every != 0,
				})
				require.NoError(t, err)
				if report.Converged {
					converged++
				}
				sum.Ticks += report.Ticks
				sum.Messages += report.Messages
				sum.Corrupt += report.Corrupt
				sum.Tuples += report.Tuples
				sum.Intervals += report.Intervals
				sum.Original += report.Original
			}
			t.Logf("%d worlds compared, %d timesteps, %d messages, %d corrupt; at the end %d tuples and %d intervals instead of %d",
				converged, sum.Ticks, sum.Messages, sum.Corrupt, sum.Tuples, sum.Intervals, sum.Original)
			require.Positive(t, sum.Original-sum.Tuples)
		})
	}
}
