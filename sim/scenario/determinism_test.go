package scenario_test

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/gen/choice"
	"github.com/joinery-go/joinery/sim/scenario"
)

var withRace = flag.Bool("with-race", false, "also compare with a build under the race detector, which takes a minute to compile")

const hashSeeds = 12

// hashes are the traces of the first seeds, and of one strategy each of the others.
func hashes(t *testing.T) (out []string) {
	var rn scenario.Runner
	for _, s := range scenario.Strategies() {
		seeds := uint64(2)
		if s == "swarm" {
			seeds = hashSeeds
		}
		for seed := range seeds {
			res, err := rn.Run(t.Context(), scenario.Config{Strategy: s}, seed)
			require.NoError(t, err)
			out = append(out, scenario.FormatHash(res.TraceHash))
		}
	}
	return out
}

// TestPrintHashes is what other processes run for TestSameTraceElsewhere.
func TestPrintHashes(t *testing.T) {
	if all := hashes(t); os.Getenv("JOINERY_PRINT_HASHES") != "" {
		fmt.Println("hashes:", strings.Join(all, " "))
	}
}

// TestSameTraceElsewhere: nothing but the seed decides, on any number of
// processors, in another process, and in a build for another purpose.
func TestSameTraceElsewhere(t *testing.T) {
	want := hashes(t)
	assert.NotEqual(t, want[0], want[1])
	for _, procs := range []int{1, 2, 8} {
		before := runtime.GOMAXPROCS(procs)
		assert.Equal(t, want, hashes(t), "%d processors", procs)
		runtime.GOMAXPROCS(before)
	}
	elsewhere := func(program string, args ...string) {
		cmd := exec.CommandContext(t.Context(), program, append(args, "-test.run=^TestPrintHashes$", "-test.count=1")...)
		cmd.Env = append(os.Environ(), "JOINERY_PRINT_HASHES=1")
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, "%s", out)
		assert.Contains(t, string(out), "hashes: "+strings.Join(want, " ")+"\n")
	}
	self, err := os.Executable()
	require.NoError(t, err)
	elsewhere(self)
	if *withRace {
		race := filepath.Join(t.TempDir(), "race.test")
		out, err := exec.CommandContext(t.Context(), "go", "test", "-race", "-c", "-o", race, ".").CombinedOutput()
		require.NoError(t, err, "%s", out)
		elsewhere(race)
	}
}

// fickle is a source that answers otherwise in every second run, once it has been
// asked often enough, which no source may.
type fickle struct {
	choice.Source
	odd   bool
	asked int
}

func (f *fickle) Choose(p choice.Point) uint64 {
	if f.asked++; f.odd && f.asked > 500 && p.Site == "net.delay" {
		return 1
	}
	return f.Source.Choose(p)
}

// TestDivergenceIsShown: two runs of one result that part are shown where they do.
func TestDivergenceIsShown(t *testing.T) {
	runs := 0
	res := scenario.WithSource(t, scenario.Config{Faults: "low"}, 2, func() choice.Source {
		runs++
		return &fickle{Source: choice.Seeded(1), odd: runs%2 == 1}
	})
	where, err := scenario.Divergence(t.Context(), res)
	require.NoError(t, err)
	assert.Contains(t, where, "the traces part at line ")
	assert.Contains(t, where, "  both   ")
	assert.Contains(t, where, "  first  ")
	assert.Contains(t, where, "  second ")
	_, _, err = scenario.Record(t.Context(), res)
	assert.ErrorIs(t, err, scenario.ErrRebase)

	steady, err := scenario.Run(t.Context(), scenario.Config{}, 2)
	require.NoError(t, err)
	where, err = scenario.Divergence(t.Context(), steady)
	require.NoError(t, err)
	assert.Contains(t, where, "two more runs have one trace, "+scenario.FormatHash(steady.TraceHash))
}
