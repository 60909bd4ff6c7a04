package main

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/cmd/simfuzz/internal/mutants"
	"github.com/joinery-go/joinery/sim/scenario"
)

// seeded are faults of the store for runs that misbehave, one program for all of them:
// the environment variable SEEDED says which one is in force.
var seeded = []mutants.Mutant{{
	// A replica's ticks are late by what a map of delays is ranged over first: hundreds
	// of times a run, so that no two runs are alike.
	Name: "jitter", File: "kvs/replica.go",
	Search:  "		r.beginCheckpoint()\n		r.emit(Effect{Kind: EffectTimer, AfterMS: r.cfg.TickMS})\n",
	Replace: "		r.beginCheckpoint()\n		for late := range map[uint64]bool{0: true, 1: true, 2: true, 3: true} {\n			if seeded != \"jitter\" {\n				late = 0\n			}\n			r.emit(Effect{Kind: EffectTimer, AfterMS: r.cfg.TickMS + late})\n			break\n		}\n",
}, {
	Name: "panics-on-request", File: "kvs/request.go",
	Search:  "	r.clock.Observe(q.Clock)\n",
	Replace: "	r.clock.Observe(q.Clock)\n	if q.Req == 7 && seeded == \"panics-on-request\" {\n		panic(\"seven\")\n	}\n	for q.Req == 7 && seeded == \"loops-on-request\" {\n	}\n",
}, {
	Name: "panics-on-look", File: "kvs/state.go",
	Search:  "	v, _ := r.seen(key, kind)\n",
	Replace: "	v, _ := r.seen(key, kind)\n	if r.tick > 20 && seeded == \"panics-on-look\" {\n		panic(\"late\")\n	}\n",
}}

const unsteadySeed = "19" // is run twice, as every nineteenth is

// TestSeededPrograms builds a store with faults and looks at what its runs leave.
func TestSeededPrograms(t *testing.T) {
	if testing.Short() {
		t.Skip("builds a program; skipped by -short")
	}
	program := overlaid(t, seeded)
	with := func(fault string) func(args ...string) (int, string, string) {
		return func(args ...string) (code int, out, errs string) {
			var stdout, stderr bytes.Buffer
			cmd := exec.CommandContext(t.Context(), program, args...)
			cmd.Env = append(os.Environ(), "SEEDED="+fault)
			cmd.Stdout, cmd.Stderr = &stdout, &stderr
			if err := cmd.Run(); cmd.ProcessState == nil {
				require.NoError(t, err)
			}
			return cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()
		}
	}
	t.Run("jitter", func(t *testing.T) { twoTraces(t, with("jitter")) })
	for _, fault := range []string{"panics-on-request", "panics-on-look"} {
		t.Run(fault, func(t *testing.T) { panicIsKept(t, with(fault)) })
	}
	t.Run("loops-on-request", func(t *testing.T) { loopIsKept(t, with("loops-on-request")) })
}

// loopIsKept: a run that does not end is given up, as a violation that names the line in which
// it is, and has a tape, whose replay is given up as well.
func loopIsKept(t *testing.T, program func(args ...string) (int, string, string)) {
	dir := t.TempDir()
	code, out, errs := program("run", "--seed", "3", "--seeds", "50", "--workers", "1", "--patience", "2s", "--out", dir)
	assert.Equal(t, exitViolated, code, "%s%s", out, errs)
	assert.Contains(t, out, "seed 3\n  time: the run has not ended after 2s, and goes on, in ")
	assert.Contains(t, out, "kvs/request.go:")
	assert.Contains(t, out, "ended early  after 1 of 50 seeds: seed 3 does not end; --patience gives a run")
	folder := filepath.Join(dir, "seed-3")
	tape := filepath.Join(folder, "tape.json")
	require.FileExists(t, tape, "%s%s", out, errs)
	for _, name := range []string{"shrunk.json", "report.html", "trace.txt"} {
		assert.NoFileExists(t, filepath.Join(folder, name))
	}
	code, out, errs = program("replay", "--patience", "1s", tape)
	assert.Equal(t, exitViolated, code, "%s%s", out, errs)
	assert.Contains(t, out, "violated     time/does not end//-1")
	for _, command := range []string{"shrink", "report"} {
		code, out, errs = program(command, tape, "-o", filepath.Join(dir, "out"))
		assert.Equal(t, exitFailed, code, "%s%s", out, errs)
		assert.Contains(t, errs, "it is of a run that does not end")
	}
}

// twoTraces: a store that the order of a map reaches is caught by running seeds twice,
// shown where two runs part, and kept, though nothing repeats it.
func twoTraces(t *testing.T, program func(args ...string) (int, string, string)) {
	run := func(dir string, flags ...string) (code int, out, errs string) {
		return program(append([]string{"run", "--seed", unsteadySeed, "--seeds", "1", "--out", dir}, flags...)...)
	}
	dir := t.TempDir()
	code, out, errs := run(dir)
	assert.Equal(t, exitViolated, code, "%s%s", out, errs)
	assert.Empty(t, errs, "it is a finding, and no failure of the tool")
	folder := filepath.Join(dir, "seed-"+unsteadySeed)
	said, err := os.ReadFile(filepath.Join(folder, "violations.txt"))
	require.NoError(t, err)
	for what, text := range map[string]string{"printed": out, "kept": string(said)} {
		assert.Regexp(t, `one seed, two traces: [0-9a-f]{16} and [0-9a-f]{16}\n`, text, what)
		assert.Regexp(t, `the traces part at line \d+\n( +both   .*\n( {6,}[][0-9a-f ]+\n)?)+( +first  .*\n( {6,}[][0-9a-f ]+\n)?)+( +second .*\n( {6,}[][0-9a-f ]+\n)?)+`, text, what)
	}
	assert.Contains(t, out, "0 run twice with one trace")
	assert.Contains(t, out, "kept in "+folder)
	for _, name := range []string{"tape.json", "ops.txt", "history.jsonl", "trace.txt"} {
		assert.FileExists(t, filepath.Join(folder, name))
	}
	assert.NoFileExists(t, filepath.Join(folder, "shrunk.json"), "what does not repeat has no smaller form")

	code, out, _ = run(t.TempDir(), "--json")
	assert.Equal(t, exitViolated, code)
	assert.Contains(t, out, `"oracle":"determinism","signature":"determinism/trace//-1"`)

	code, out, _ = invoke(t, "", "run", "--seed", unsteadySeed, "--seeds", "1", "--out", t.TempDir())
	assert.Equal(t, exitOK, code, out)
	assert.Contains(t, out, "1 run twice with one trace")
}

// panicIsKept: a panic of the store is a violation like any other, with a tape that
// replays it.
func panicIsKept(t *testing.T, program func(args ...string) (int, string, string)) {
	dir := t.TempDir()
	code, out, errs := program("run", "--seed", "3", "--seeds", "1", "--out", dir)
	assert.Equal(t, exitViolated, code, "%s%s", out, errs)
	assert.Contains(t, out+errs, "panic: ")
	assert.NotContains(t, out+errs, "goroutine ", "the program itself has panicked")
	tape := filepath.Join(dir, "seed-3", "tape.json")
	require.FileExists(t, tape, "%s%s", out, errs)
	code, out, errs = program("replay", tape)
	assert.Equal(t, exitViolated, code, "%s%s", out, errs)
	assert.Contains(t, out+errs, "panic: ")

	bucket, seeds, small := filepath.Join(dir, "bucket"), filepath.Join(dir, "seeds"), filepath.Join(dir, "tapes")
	code, out, errs = program("campaign", "--bucket", bucket, "--seed", "3", "--seeds", "2", "--out", dir, "--export-seeds", seeds)
	assert.Equal(t, exitViolated, code, "%s%s", out, errs)
	exported, err := filepath.Glob(filepath.Join(seeds, "seed-*"))
	require.NoError(t, err)
	assert.NotEmpty(t, exported, "%s%s", out, errs)
	code, out, errs = program("merge", bucket, "--tapes", small)
	assert.Equal(t, exitViolated, code, "%s%s", out, errs)
	written, err := filepath.Glob(filepath.Join(small, "*.json"))
	require.NoError(t, err)
	require.NotEmpty(t, written)
	code, out, errs = program("replay", written[0])
	assert.Equal(t, exitViolated, code, "%s%s", out, errs)
}

// overlaid builds this program with faults in the store.
func overlaid(t *testing.T, faults []mutants.Mutant) (program string) {
	t.Helper()
	root, err := mutants.Checkout(".", modulePath)
	require.NoError(t, err)
	dir := t.TempDir()
	replace := map[string]string{}
	put := func(file, text string) {
		path := filepath.Join(dir, filepath.Base(file))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		replace[filepath.Join(root, filepath.FromSlash(file))] = path
	}
	put("kvs/seeded.go", "package kvs\n\nimport \"os\"\n\nvar seeded = os.Getenv(\"SEEDED\")\n")
	for _, m := range faults {
		patched, err := m.Apply(root)
		require.NoError(t, err)
		put(m.File, string(patched))
	}
	overlay := filepath.Join(dir, "overlay.json")
	text, err := json.Marshal(map[string]any{"Replace": replace})
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(overlay, text, 0o600))
	program = filepath.Join(dir, "mutant")
	said, err := exec.CommandContext(t.Context(), "go", "build", "-buildvcs=false", "-overlay", overlay, "-o", program, ".").CombinedOutput()
	require.NoError(t, err, "%s", said)
	return program
}

// TestWhatDoesNotFailAgainHasAPage: the page of a seed whose tape holds says what the seed
// violated when it was found.
func TestWhatDoesNotFailAgainHasAPage(t *testing.T) {
	res, err := scenario.Run(t.Context(), scenario.Config{}, 11)
	require.NoError(t, err)
	res.Violations = []scenario.Violation{{Oracle: "convergence", Kind: "counter", Node: 1, Message: "two values"}}
	dir := t.TempDir()
	c := &cli{ctx: t.Context(), out: io.Discard, err: io.Discard}
	all, err := c.keep(&storeCampaign{failed: []*scenario.Result{res}}, runFlags{out: dir, keep: true})
	require.NoError(t, err)
	require.Equal(t, filepath.Join(dir, "seed-11", "tape.json"), all[0].Tape)
	page, err := os.ReadFile(filepath.Join(dir, "seed-11", "report.html"))
	require.NoError(t, err)
	require.True(t, strings.Contains(string(page), "When it was found") && strings.Contains(string(page), "two values"), "the page does not pass over it")
}
