package trial_test

import (
	"flag"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	el "github.com/joinery-go/joinery/lattice/edelweiss"
	"github.com/joinery-go/joinery/lattice/edelweiss/certify"
	"github.com/joinery-go/joinery/lattice/edelweiss/eval"
	"github.com/joinery-go/joinery/lattice/edelweiss/programs"
	"github.com/joinery-go/joinery/lattice/edelweiss/reclaim"
	"github.com/joinery-go/joinery/lattice/edelweiss/trial"
	"github.com/joinery-go/joinery/sim"
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
				report, err := trial.Run(p, r.Program, trial.Workloads[name], trial.Options{
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

// TestGeneric takes the shipped programs through workloads that know nothing of
// them but their declarations.
func TestGeneric(t *testing.T) {
	for _, name := range programs.Names() {
		p, r := rewritten(t, name)
		load, err := trial.Generic(p, 3)
		require.NoError(t, err)
		for seed := uint64(1); seed <= uint64(*seeds); seed++ {
			_, err := trial.Run(p, r.Program, load, trial.Options{Seed: seed, Faults: seed > 1})
			require.NoError(t, err, name)
		}
	}
	for text, want := range map[string]string{
		".decl a(x: number) table":                            "the program has no input",
		".decl a(x: number) sealed\n.decl i(x: number) input": "sealed a is no set of nodes",
	} {
		p, err := el.Parse(text)
		require.NoError(t, err)
		_, err = trial.Generic(p, 2)
		require.ErrorIs(t, err, trial.ErrWorkload)
		require.ErrorContains(t, err, want)
	}
}

// TestLyingSeal: a seal after which a tuple comes is found, and it is nobody's fault
// but the workload's.
func TestLyingSeal(t *testing.T) {
	p, r := rewritten(t, "broadcast_epoch")
	load := *trial.Workloads["broadcast_epoch"]
	honest := load.Close
	load.Close = func(d *trial.Draw) {
		honest(d)
		d.Feed(2*sim.Second, 0, "join", el.Node(7), el.Number(0))
	}
	_, err := trial.Run(p, r.Program, &load, trial.Options{Seed: 1})
	require.ErrorIs(t, err, eval.ErrSeal)
	require.ErrorIs(t, err, trial.ErrWorkload)
}

// TestReportsAreSmall keeps the reports of many seeds, as a long run does: none may hold on
// to the world that it is of.
func TestReportsAreSmall(t *testing.T) {
	p, r := rewritten(t, "unicast")
	const seeds, each = 100, 4 << 10
	reports := make([]*trial.Report, seeds)
	held := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	run := func(i int) {
		var err error
		reports[i], err = trial.Run(p, r.Program, trial.Workloads["unicast"], trial.Options{Seed: uint64(i) + 1, Faults: true})
		require.NoError(t, err)
	}
	run(0) // what stays of the first is not one more a seed
	before := held()
	for i := range seeds {
		run(i)
	}
	require.Less(t, held(), before+seeds*each)
	runtime.KeepAlive(reports)
}
