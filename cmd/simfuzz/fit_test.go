package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/cmd/internal/layout"
	"github.com/joinery-go/joinery/cmd/simfuzz/internal/mutants"
	"github.com/joinery-go/joinery/kvs/session"
	"github.com/joinery-go/joinery/linearizability"
	"github.com/joinery-go/joinery/sim/scenario"
)

// tapeVersion is what a tape of this program says.
var tapeVersion = fmt.Sprintf(`"joinery_tape": %d`, scenario.TapeVersion)

// unexcusedFaults have disks go back in time, which makes seeds fail if nothing is
// forgiven for them.
const unexcusedFaults = "off,crash=extreme,restore=extreme,unexcused"

// failingSeed fails under them.
const failingSeed = "59"

// failingTape is the tape of a run that fails, as it was found.
func failingTape(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	code, out, errs := invoke(t, "", "run", "--seed", failingSeed, "--seeds", "1", "--faults", unexcusedFaults, "--out", dir)
	require.Equal(t, exitViolated, code, "%s%s", out, errs)
	return filepath.Join(dir, "seed-"+failingSeed, "tape.json")
}

// fits fails for each line that is wider than the width. A picture of a run is as
// wide as the run has nodes, and no list.
func fits(t *testing.T, what, text string) {
	t.Helper()
	picture := false
	for line := range strings.SplitSeq(text, "\n") {
		switch {
		case strings.HasPrefix(strings.TrimLeft(line, " "), "time  n0"):
			picture = true
		case strings.TrimSpace(line) == "":
			picture = false
		}
		if n := layout.Columns(line); n > layout.Width && !picture {
			t.Errorf("%s: %d columns: %s", what, n, line)
		}
	}
}

// everyCommand are the command lines of the root and of all commands below it.
func everyCommand() [][]string {
	all := [][]string{{}}
	for _, cmd := range new(cli).root().Commands() {
		all = append(all, []string{cmd.Name()})
	}
	return all
}

func TestHelpFits(t *testing.T) {
	commands := everyCommand()
	assert.Greater(t, len(commands), 10)
	for _, command := range commands {
		code, out, errs := invoke(t, "", append(command, "--help")...)
		assert.Equal(t, exitOK, code, "%v", command)
		assert.Empty(t, errs)
		assert.Contains(t, out, "Usage:\n  simfuzz")
		fits(t, strings.Join(command, " ")+" --help", out)
		_, same, _ := invoke(t, "", append([]string{"help"}, command...)...)
		if len(command) > 0 {
			assert.Equal(t, out, same)
		}
	}
	code, out, _ := invoke(t, "", "--version")
	assert.Equal(t, exitOK, code)
	fits(t, "--version", out)
}

// Everything that a command lists fits, whether it holds or not.
func TestListsFit(t *testing.T) {
	t.Chdir(t.TempDir()) // the paths printed are short
	require.NoError(t, os.WriteFile("history.jsonl", []byte(encoded(t, 7)), 0o600))
	for _, args := range [][]string{
		{"run", "--seed", "7", "--seeds", "30"},
		{"run", "--seed", failingSeed, "--seeds", "1", "--faults", unexcusedFaults},
		{"run", "--seed", "3", "--strategy", "exhaustive", "--seeds", "4", "--faults", "disk=low"},
		{"shrink", "runs/seed-" + failingSeed + "/tape.json", "-o", "small.json"},
		{"replay", "--quiet", "small.json"},
		{"report", "small.json", "-o", "small.html", "--draws", "2"},
		{"explore", "--nodes", "2", "--writes", "2", "--drops", "1", "--compare"},
		{"explore", "--writes", "2", "--kind", "register", "--states", "100"},
		{"check", "--list"}, {"check", "--list", "linearizable"}, {"check", "--list", "lattice-wfr", "cm"},
		{"laws", "--list"}, {"laws", "--cases", "2", "Or"}, // too few: not all is exercised
		{"zoo", "--cases", "50", "L1", "L2", "H1"}, {"zoo", "--cases", "1", "L1"},
		{"mutants", "--list"}, {"levels"},
	} {
		what := strings.Join(args, " ")
		code, out, errs := invoke(t, "", args...)
		assert.NotEqual(t, exitFailed, code, "%s: %s", what, errs)
		assert.NotEmpty(t, out, what)
		fits(t, what, out)
		fits(t, what+" (standard error)", errs)
		assert.NotContains(t, out+errs, "\x1b", "%s: no control characters where nothing is a terminal", what)
	}
}

// The rows that only long campaigns against mutants print fit as well.
func TestMutantRowsFit(t *testing.T) {
	shipped, err := mutants.Shipped()
	require.NoError(t, err)
	operations, exceptions, took := 56, 40, 1000
	var out strings.Builder
	c := &cli{ctx: t.Context(), out: &out, err: &out}
	for _, m := range shipped {
		require.NoError(t, c.printMutant(mutantsOptions{}, m, mutants.Campaign{
			Found: true, Oracle: "lattice-causal", Seeds: 2000, Replays: true, CleanHold: true, Seconds: 12345.6,
			ShrunkOperations: &operations, ShrunkExceptions: &exceptions, ShrunkReplays: &took, KeptFails: new(bool),
		}, nil))
		require.NoError(t, c.printMutant(mutantsOptions{}, m, mutants.Campaign{Oracle: "liveness"}, nil))
	}
	fits(t, "mutants", out.String())
	assert.Regexp(t, `(?m)^canary +killed +2000 12345.6 56 \+ 40 +1000\n    lattice-causal, but`, out.String())
}

// Who looks for the name of a level finds it in the help.
func TestLevelsAreListed(t *testing.T) {
	_, help, _ := invoke(t, "", "levels", "--help")
	_, list, _ := invoke(t, "", "levels")
	_, run, _ := invoke(t, "", "run", "--help")
	for _, name := range session.Levels() {
		assert.Contains(t, run, name)
	}
	for _, name := range []string{"eventual", "ryw", "mr", "mw", "wfr", "pram", "causal", "read-committed", "item-cut"} {
		assert.Contains(t, strings.FieldsFunc(help, func(r rune) bool { return strings.ContainsRune(" ,.\n", r) }), name)
	}
	for _, m := range linearizability.Models() {
		assert.Contains(t, help, m.Name)
		assert.Regexp(t, `(?m)^`+strings.ReplaceAll(m.Name, "+", `\+`)+` `, list)
	}
}

// A shell completes commands, the values of flags, and names.
func TestCompletion(t *testing.T) {
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		code, out, errs := invoke(t, "", "completion", shell)
		assert.Equal(t, exitOK, code, errs)
		assert.Contains(t, out, "simfuzz", shell)
		assert.Greater(t, strings.Count(out, "\n"), 50, shell)
	}
	for line, want := range map[string]string{
		"ex":              "explore",
		"run --lev":       "--level",
		"run --level ":    "causal",
		"run --strategy ": "exhaustive",
		"explore --kind ": "counter",
		"laws ":           "Max[int]",
		"zoo ":            "H21",
		"mutants ":        "canary",
		"check --list ":   "cas-register",
		"help ":           "shrink",
		"completion ":     "powershell",
	} {
		words := strings.Split(line, " ")
		_, out, _ := invoke(t, "", append([]string{cobra.ShellCompRequestCmd}, words...)...)
		assert.Contains(t, strings.FieldsFunc(out, func(r rune) bool { return r == '\n' || r == '\t' }), want, "%q", line)
	}
}
