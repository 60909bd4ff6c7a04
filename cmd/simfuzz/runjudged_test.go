package main

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/cmd/internal/layout"
	"github.com/joinery-go/joinery/kvs/session"
	"github.com/joinery-go/joinery/sim/scenario"
)

// ownCheckers judge the promise of a level, beside convergence, which all are held to.
var ownCheckers = map[string][]string{
	"eventual": {"eventual"}, "ryw": {"lattice-ryw", "ryw"}, "mr": {"lattice-mr", "mr"}, "mw": {"lattice-mw"},
	"wfr": {"lattice-wfr", "wfr"}, "pram": {"lattice-pram", "ryw+mr", "pipelined"}, "causal": {"lattice-causal", "cc", "ccv", "causal"},
	"read-committed": {"pl-2"}, "item-cut": {"pl-2", "item-cut"},
}

// TestRunTellsCheckers: after some thousand seeds each level of the store is in the summary,
// with histories that the checkers of its own promise, and porcupine, have decided; the table
// says the same as the objects for scripts, within the width of a screen.
func TestRunTellsCheckers(t *testing.T) {
	k := &storeCampaign{cfg: scenario.Config{Engine: drawnEngine, Base: 1710000000}, first: 1710000000, seeds: 2000, workers: 1}
	require.NoError(t, k.run(t.Context()))
	s := k.summary()
	require.Equal(t, int64(2000), s.Seeds)
	require.Zero(t, s.Violations)
	decided, searched, converged := make(map[string]int64), make(map[string]int64), int64(0)
	for _, x := range s.Judged {
		assert.Equal(t, x.Histories, x.Decided+x.Undecided+x.Inconclusive, "%+v", x)
		decided[x.Level+" "+x.Model] = x.Decided
		if x.Porcupine {
			searched[x.Level] += x.Decided
		}
		if x.Model == "convergence" {
			converged += x.Histories
		}
	}
	assert.Equal(t, s.Seeds, converged, "each seed is of one level, and its history is judged once for convergence")
	porcupine := int64(0)
	for _, level := range session.Levels() {
		require.NotEmpty(t, ownCheckers[level], "%s: a level without a checker of its own", level)
		for _, model := range append([]string{"convergence"}, ownCheckers[level]...) {
			assert.Positive(t, decided[level+" "+model], "%s by %s", level, model)
		}
		assert.Positive(t, searched[level], level)
		porcupine += searched[level]
	}
	assert.Equal(t, s.Porcupine, porcupine)

	var printed strings.Builder
	(&cli{ctx: t.Context(), out: &printed}).printSummary(k)
	out := printed.String()
	_, table, found := strings.Cut(out, "\n\nLEVEL ")
	require.True(t, found, out)
	table, _, found = strings.Cut("LEVEL "+table, "\n\nviolations   0\n")
	require.True(t, found, out)
	lines := strings.Split(table, "\n")
	assert.Equal(t, []string{"LEVEL", "CHECKER", "JUDGED", "DECIDED", "UNDECIDED", "INCONCLUSIVE"}, strings.Fields(lines[0]))
	require.Len(t, lines, 1+len(s.Judged))
	for i, line := range lines {
		assert.LessOrEqual(t, layout.Columns(line), layout.Width, line)
		if i > 0 {
			assert.Equal(t, rowOf(s.Judged[i-1]), strings.Fields(line))
		}
	}
}

// rowOf is what the table says of a checker and a level, by word.
func rowOf(x byCheckerJSON) []string {
	row := []string{x.Level, x.Model}
	if x.Porcupine {
		row = []string{x.Level, "porcupine", x.Model}
	}
	for _, n := range []int64{x.Histories, x.Decided, x.Undecided, x.Inconclusive} {
		row = append(row, strconv.FormatInt(n, 10))
	}
	return row
}

// TestCheckersShape: the table as it is printed, levels in their order, and what is decided
// however it was.
func TestCheckersShape(t *testing.T) {
	k := &storeCampaign{totals: totals{Effective: make([]int64, len(scenario.FaultClasses())), Judged: map[judged]tally{
		{"causal", "causal"}:           {OK: 3, Undecided: 1, Inconclusive: 2, Operations: 90},
		{"eventual", "eventual"}:       {OK: 10},
		{"pram", "pipelined"}:          {OK: 50_000_000, Violated: 1, Inconclusive: 4},
		{"read-committed", "item-cut"}: {Undecided: 99_999_999},
	}}}
	assert.Equal(t, []byCheckerJSON{
		{"eventual", "eventual", true, 10, 10, 0, 0}, {"pram", "pipelined", true, 50_000_005, 50_000_001, 0, 4},
		{"causal", "causal", true, 6, 3, 1, 2}, {"read-committed", "item-cut", false, 99_999_999, 0, 99_999_999, 0},
	}, k.summary().Judged)
	var out strings.Builder
	c := &cli{ctx: t.Context(), out: &out}
	c.printByChecker(k.summary().Judged)
	want := "LEVEL           CHECKER              JUDGED    DECIDED   UNDECIDED  INCONCLUSIVE\n" +
		"eventual        porcupine eventual   10        10        0          0\n" +
		"pram            porcupine pipelined  50000005  50000001  0          4\n" +
		"causal          porcupine causal     6         3         1          2\n" +
		"read-committed  item-cut             99999999  0         99999999   0\n"
	assert.Equal(t, fmt.Sprintf("\n%s\n", want), out.String())
	for line := range strings.Lines(want) {
		assert.LessOrEqual(t, layout.Columns(strings.TrimRight(line, "\n")), layout.Width)
	}
	out.Reset()
	c.printByChecker(nil)
	assert.Empty(t, out.String())
}
