package main

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/cmd/internal/tapes"
	"github.com/joinery-go/joinery/lattice/edelweiss/trial"
)

var updateEdelweiss = flag.Bool("update-edelweiss", false, "write testdata/edelweiss anew")

func programFile(t *testing.T, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "program.dl")
	require.NoError(t, os.WriteFile(name, []byte(text), 0o600))
	return name
}

// spoiltKVS is the rewritten program kvs without one condition.
func spoiltKVS(t *testing.T) string {
	t.Helper()
	code, out, errs := invoke(t, "", "edelweiss", "kvs", "--print")
	require.Equal(t, exitOK, code, errs)
	const condition = ", ins_log_seen(k1)"
	require.Equal(t, 1, strings.Count(out, condition))
	return strings.Replace(out, condition, "", 1)
}

var seconds = regexp.MustCompile(`in [0-9.]+ s\b`)

const wellFormed = `.decl i(k: number) input
.decl d(k: number) input
.decl x(k: number) table
.decl y(k: number) table
.decl o(k: number) output
x(k) :- i(k).
y(k) :- d(k).
o(k) :- x(k), !y(k).
`

// timedFile is a program of which the end depends on timing: what is finished before it
// has come counts for nothing.
const timedFile = `.decl i(k: number) input
.decl d(k: number) input
.decl x(k: number) table
.decl y(k: number) table
.decl o(k: number) output
x(k) :- i(k).
y(k) :- d(k), x(k).
o(k) :- x(k), !y(k).
`

// TestEdelweissPrints holds all that users see of the command, good and bad. It
// changes with the traces of the simulator: -update-edelweiss writes it anew.
func TestEdelweissPrints(t *testing.T) {
	spoilt := spoiltKVS(t)
	here, err := os.Getwd()
	require.NoError(t, err)
	t.Chdir(t.TempDir())
	require.NoError(t, os.WriteFile("spoilt.dl", []byte(spoilt), 0o600))
	for _, c := range []struct {
		name  string
		stdin string
		code  int
		args  []string
	}{
		{"kvs", "", exitOK, []string{"kvs", "--seeds", "4"}},
		{"two_programs", "", exitOK, []string{"unicast", "kvs_by_key", "--seeds", "2"}},
		{"print", "", exitOK, []string{"unicast", "--print"}},
		{"mermaid", "", exitOK, []string{"unicast", "--mermaid"}},
		{"file", wellFormed, exitOK, []string{"-", "--seeds", "3", "--nodes", "2"}},
		{"timed", timedFile, exitOK, []string{"-", "--seeds", "3", "--nodes", "2"}},
		{"failing", "", exitViolated, []string{"kvs", "--against", "spoilt.dl"}},
		{"not_kept", "", exitViolated, []string{"kvs", "--against", "spoilt.dl", "--keep=false"}},

		{"no_program", "", exitFailed, nil},
		{"no_file", "", exitFailed, []string{"kvz"}},
		{"two_faces", "", exitFailed, []string{"kvs", "--print", "--json"}},
		{"against_two", "", exitFailed, []string{"kvs", "unicast", "--against", "x.dl"}},
		{"nodes", "", exitFailed, []string{"kvs", "--nodes", "65"}},
		{"syntax", wellFormed + "o(k) :- x(k)\n", exitFailed, []string{"-"}},
		{"negation", wellFormed + ".decl s(k: number) scratch\ns(k) :- x(k), !s(k).\n", exitFailed, []string{"-"}},
		{"deletion", wellFormed + "x(k) @delete :- x(k).\n", exitFailed, []string{"-"}},
		{"channel", wellFormed + ".decl s(k: number) scratch\n.decl c(@a: node, k: number) channel\ns(k) :- x(k).\nc(self, k) @async :- s(k).\n",
			exitFailed, []string{"-"}},
		{"type", wellFormed + "x(k) :- i(k), k = \"a\".\ny(a, b) :- i(a).\n", exitFailed, []string{"-"}},
		{"million_lines", strings.Repeat("o(k) :- x(k).\n", 1_000_000), exitFailed, []string{"-"}},
		{"too_long", strings.Repeat("o(k) :- x(k), x(k).\n", 1_000_000), exitFailed, []string{"-"}},
		{"many_faults", strings.Repeat("a(k) :- b(k).\n", 100), exitFailed, []string{"-"}},
		{"no_text", "\x00\xff", exitFailed, []string{"-"}},
		{"one_of_two", "", exitFailed, []string{"none.dl", "unicast", "--seeds", "1"}},

		{"no_input", ".decl x(k: number) table\n", exitUndecided, []string{"-"}},
		{"own_keys", ".decl i(k: number) input\n.decl x(k: number => v: number) table\nx(1, k) :- i(k).\n", exitUndecided, []string{"-", "--seeds", "3"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			code, out, errs := invoke(t, c.stdin, append([]string{"edelweiss"}, c.args...)...)
			assert.Equal(t, c.code, code)
			if c.name != "print" && c.name != "mermaid" { // those are for other programs
				fits(t, c.name, out)
			}
			got := seconds.ReplaceAllString("exit code "+string(rune('0'+code))+"\n"+out+"--\n"+withoutProgress(errs), "in T s")
			golden := filepath.Join(here, "testdata", "edelweiss", c.name+".txt")
			if *updateEdelweiss {
				require.NoError(t, os.MkdirAll(filepath.Dir(golden), 0o755))
				require.NoError(t, os.WriteFile(golden, []byte(got), 0o644))
			}
			want, err := os.ReadFile(golden)
			require.NoError(t, err)
			assert.Equal(t, string(want), got)
		})
	}
}

func TestEdelweissJSON(t *testing.T) {
	code, out, _ := invoke(t, "", "edelweiss", "unicast", "two_phase_commit", "--seeds", "2", "--json")
	assert.Equal(t, exitOK, code)
	d := json.NewDecoder(strings.NewReader(out))
	for _, name := range []string{"unicast", "two_phase_commit"} {
		var got edelweissJSON
		require.NoError(t, d.Decode(&got))
		assert.Equal(t, name, got.Program)
		assert.True(t, got.Equal && got.Certificates)
		assert.Equal(t, ruledEqual, got.Verdict)
		assert.Empty(t, got.Undecided)
		assert.Greater(t, got.Timesteps, got.Seeds)
		assert.Equal(t, 2, got.Seeds)
		assert.Equal(t, 2, got.Compared)
		assert.Equal(t, got.Tuples-got.Live, got.Reclaimed)
		assert.Positive(t, got.Reclaimed)
		assert.Equal(t, "edelweiss", got.Kind)
		assert.Empty(t, got.Error)
	}
	code, out, errs := invoke(t, "x(k)", "edelweiss", "-", "unicast", "--seeds", "1", "--json")
	assert.Equal(t, exitFailed, code)
	lines := strings.Split(strings.TrimSpace(out), "\n")
	require.Len(t, lines, 2)
	assert.Contains(t, lines[0], `"equal":false,"verdict":"failed"`)
	assert.Contains(t, lines[0], "-:1:5: syntax: found the end of the text")
	assert.Contains(t, errs, "-:1:5: syntax")
}

// TestEdelweissVerdicts: a program is equal, by exit code and JSON, only where outputs were
// compared, in the timesteps of seeds that came to their ends.
func TestEdelweissVerdicts(t *testing.T) {
	const head = ".decl i(k: number) input\n.decl x(k: number) table\nx(k) :- i(k).\n"
	const lost = ".decl note(k: number) input\n.decl o(k: number) output\no(k) :- x(k).\n"
	for _, c := range []struct {
		name, text string
		args       []string
		code       int
		verdict    edelweissRuled
		why        string
		compared   bool
	}{
		{"equal", head + lost, nil, exitOK, ruledEqual, "", true},
		{"no output", head, nil, exitUndecided, ruledUndecided, "the program has no output", true},
		{"no end", timedFile, nil, exitOK, ruledEqual, "", true},
		{"not run", ".decl x(k: number) table\n", nil, exitUndecided, ruledUndecided, "the program has no input", false},
		{"own keys", head + ".decl y(k: number => v: number) table\ny(1, k) :- i(k).\n", []string{"--seeds", "9"}, exitUndecided, ruledUndecided, "has (1, ", false},
		{"explain only", head + lost, []string{"--seeds", "0"}, exitOK, ruledNotRun, "", false},
		{"no time", head + lost, []string{"--for", "1ns"}, exitUndecided, ruledUndecided, "no seed was done", false},
		{"no program", "x(k).", nil, exitFailed, ruledFailed, "", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			code, out, errs := invoke(t, c.text, append([]string{"edelweiss", "-", "--seeds", "3", "--json"}, c.args...)...)
			assert.Equal(t, c.code, code, errs)
			var sum edelweissJSON
			require.NoError(t, json.Unmarshal([]byte(out), &sum), out)
			assert.Equal(t, c.verdict, sum.Verdict)
			assert.Equal(t, c.verdict == ruledEqual, sum.Equal)
			assert.Contains(t, sum.Undecided, c.why)
			assert.Equal(t, c.why == "", sum.Undecided == "")
			if c.compared {
				assert.Positive(t, sum.Timesteps)
				assert.Equal(t, 3, sum.Arrived)
			}
			assert.Equal(t, c.name == "equal", sum.Compared > 0)
		})
	}
}

// TestEdelweissKeeps: the folder of a failing seed has all that it takes, replays,
// shrinks, and holds a test that compiles.
func TestEdelweissKeeps(t *testing.T) {
	dir := t.TempDir()
	code, out, _ := invoke(t, "", "edelweiss", "kvs", "--against", programFile(t, spoiltKVS(t)), "--out", dir, "--json", "--workers", "3")
	assert.Equal(t, exitViolated, code)
	var sum edelweissJSON
	require.NoError(t, json.Unmarshal([]byte(out), &sum))
	assert.False(t, sum.Equal)
	assert.Equal(t, ruledDiffers, sum.Verdict)
	assert.False(t, sum.Certificates)
	assert.Equal(t, "outputs differ: view", sum.Signature)
	require.NotNil(t, sum.ShrunkOperations)
	assert.LessOrEqual(t, *sum.ShrunkOperations, 3)
	var names []string
	files, err := os.ReadDir(filepath.Dir(sum.Tape))
	require.NoError(t, err)
	for _, f := range files {
		names = append(names, f.Name())
	}
	assert.Equal(t, []string{"diagram.txt", "ops.txt", "original.dl", "replay_test.go", "rewritten.dl", "shrunk.json", "tape.json", "trace.txt",
		"violations.txt"}, names)

	for _, tape := range []string{sum.Tape, sum.ShrunkTape} {
		code, out, errs := invoke(t, "", "edelweiss", "replay", tape)
		assert.Equal(t, exitViolated, code, errs)
		assert.Contains(t, out, "violated     outputs differ: view")
		assert.Contains(t, out, "ins_chn")
		code, out, _ = invoke(t, "", "edelweiss", "replay", tape, "--json")
		assert.Equal(t, exitViolated, code)
		var again tapes.ReplayLine
		require.NoError(t, json.Unmarshal([]byte(out), &again))
		assert.True(t, again.SameTrace)
		assert.Equal(t, []string{"outputs differ: view"}, again.Violations)
		assert.NotEqual(t, "0000000000000000", again.TraceHash)
	}
	small := filepath.Join(dir, "small.json")
	code, out, _ = invoke(t, "", "edelweiss", "shrink", sum.Tape, "-o", small)
	assert.Equal(t, exitViolated, code)
	assert.Contains(t, out, "replay with:\nsimfuzz edelweiss replay "+small)
	assert.NotContains(t, out, "stopped before it was done")
	fits(t, "shrink", out)
	_, out, _ = invoke(t, "", "edelweiss", "shrink", sum.Tape, "-o", small, "--replays", "2")
	assert.Contains(t, out, "stopped before it was done")
	_, _, _ = invoke(t, "", "edelweiss", "shrink", sum.Tape, "-o", small)
	code, out, _ = invoke(t, "", "edelweiss", "shrink", small, "--json")
	assert.Equal(t, exitViolated, code)
	assert.Contains(t, out, `"kind":"shrink"`)

	_, _, errs := invoke(t, "", "edelweiss", "replay", exampleTape)
	assert.Contains(t, errs, "is this a tape of simfuzz edelweiss?")
	_, _, errs = invoke(t, "", "edelweiss", "shrink", filepath.Join(dir, "none.json"))
	assert.Contains(t, errs, "no such file")

	// Another trace than the tape's says so.
	text, err := os.ReadFile(sum.ShrunkTape)
	require.NoError(t, err)
	other := regexp.MustCompile(`"trace_hash": "[0-9a-f]+"`).ReplaceAll(text, []byte(`"trace_hash": "1"`))
	require.NoError(t, os.WriteFile(small, other, 0o600))
	_, _, errs = invoke(t, "", "edelweiss", "replay", "--quiet", small)
	assert.Contains(t, errs, "not the trace of the tape")

	vet := exec.Command("go", "vet", "-tags", trial.TestTag, "replay_test.go")
	vet.Dir = filepath.Dir(sum.Tape)
	// Its folder is outside the module; what compiles is said by a copy inside.
	inside, err := os.MkdirTemp("testdata", "run-*")
	require.NoError(t, err)
	defer os.RemoveAll(inside)
	test, err := os.ReadFile(filepath.Join(vet.Dir, "replay_test.go"))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(inside, "replay_test.go"), test, 0o600))
	vet.Dir = inside
	said, err := vet.CombinedOutput()
	require.NoError(t, err, "%s", said)
}

// TestEdelweissWorkers: what is counted does not depend on the number of workers.
func TestEdelweissWorkers(t *testing.T) {
	var first edelweissJSON
	for i, workers := range []string{"1", "4"} {
		_, out, _ := invoke(t, "", "edelweiss", "two_phase_commit", "--seeds", "12", "--json", "--workers", workers)
		var sum edelweissJSON
		require.NoError(t, json.Unmarshal([]byte(out), &sum))
		sum.Seconds = 0
		if i == 0 {
			first = sum
		}
		assert.Equal(t, first, sum)
	}
}

// TestEdelweissStops: an interruption and a limit keep what was finished.
func TestEdelweissStops(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	var stdout, stderr bytes.Buffer
	seen := &after{Buffer: &stdout, text: "view", do: cancel}
	c := &cli{ctx: ctx, in: strings.NewReader(""), out: seen, err: &stderr}
	code := c.main([]string{"edelweiss", "kvs", "unicast", "--seeds", "1000000"})
	assert.Equal(t, exitInterrupted, code)
	assert.Contains(t, stdout.String(), "certificate  holds")
	assert.Contains(t, stderr.String(), "interrupted: what was finished stands above")
	assert.NotContains(t, stdout.String(), "unicast\n  send")

	code, out, _ := invoke(t, "", "edelweiss", "unicast", "--for", "300ms", "--json")
	assert.Equal(t, exitOK, code)
	assert.Contains(t, out, `"equal":true`)
}

// after does something once a text was written.
type after struct {
	*bytes.Buffer
	text string
	do   func()
}

func (a *after) Write(b []byte) (int, error) {
	if strings.Contains(string(b), a.text) {
		a.do()
	}
	return a.Buffer.Write(b)
}

func TestEdelweissPlots(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "plots")
	for range 2 {
		code, _, errs := invoke(t, "", "edelweiss", "unicast", "--seeds", "1", "--plot", dir)
		assert.Equal(t, exitOK, code, errs)
	}
	svg, err := os.ReadFile(filepath.Join(dir, "unicast.svg"))
	require.NoError(t, err)
	assert.Contains(t, string(svg), "unicast, seed 1: tuples of node 0")
	code, _, errs := invoke(t, "", "edelweiss", "unicast", "--seeds", "1", "--plot", filepath.Join(dir, "unicast.svg"))
	assert.Equal(t, exitFailed, code)
	assert.Contains(t, errs, "--plot")
	code, _, errs = invoke(t, "", "edelweiss", "kvs", "--against", programFile(t, spoiltKVS(t)), "--out", filepath.Join(dir, "unicast.svg"))
	assert.Equal(t, exitViolated, code)
	assert.Contains(t, errs, "--out")
}

// TestEdelweissEngines: --engine keeps tables on an engine; a failing seed of it is
// replayed and shrunk from its tape.
func TestEdelweissEngines(t *testing.T) {
	spoilt := spoiltKVS(t)
	t.Chdir(t.TempDir())
	require.NoError(t, os.WriteFile("spoilt.dl", []byte(spoilt), 0o600))
	code, out, errs := invoke(t, "", "edelweiss", "unicast", "--engine", "lsm", "--seeds", "3", "--json")
	require.Equal(t, exitOK, code, errs)
	assert.Contains(t, out, `"equal":true,"verdict":"equal","seeds":3`)
	code, out, errs = invoke(t, "", "edelweiss", "kvs", "--engine", "memory", "--against", "spoilt.dl", "--seeds", "20", "--json")
	require.Equal(t, exitViolated, code, errs)
	var sum edelweissJSON
	require.NoError(t, json.Unmarshal([]byte(out), &sum))
	for _, tape := range []string{sum.Tape, sum.ShrunkTape} {
		text, err := os.ReadFile(tape)
		require.NoError(t, err)
		assert.Contains(t, string(text), `"engine": "memory"`)
		code, out, errs = invoke(t, "", "edelweiss", "replay", tape, "--json")
		assert.Equal(t, exitViolated, code, errs)
		assert.Contains(t, out, `"same_trace":true`)
	}
	code, _, errs = invoke(t, "", "edelweiss", "kvs", "--engine", "lsn")
	assert.Equal(t, exitFailed, code)
	assert.Contains(t, errs, `did you mean "lsm"?`)
}

// TestEdelweissFilesEnd: a program from a file ends beside a world of originals, so that
// what is wrongly not sent is found; where none can be compared, that is said.
func TestEdelweissFilesEnd(t *testing.T) {
	code, text, errs := invoke(t, "", "edelweiss", "broadcast_fixed", "--print")
	require.Equal(t, exitOK, code, errs)
	const condition = ", !sbuf_live(k0)"
	require.Equal(t, 1, strings.Count(text, condition))
	bad := programFile(t, strings.Replace(text, condition, "", 1))
	original, err := os.ReadFile("../../lattice/edelweiss/programs/broadcast_fixed.dl")
	require.NoError(t, err)
	file := programFile(t, string(original))

	code, out, errs := invoke(t, "", "edelweiss", file, "--against", bad, "--keep=false")
	assert.Equal(t, exitViolated, code, errs)
	assert.Contains(t, out, "message never arrives: chn")
	code, out, errs = invoke(t, "", "edelweiss", file, "--seeds", "5", "--json")
	assert.Equal(t, exitOK, code, errs)
	assert.Contains(t, out, `"ends":["delivered"],"timed":[]`)
	assert.NotContains(t, out, `"compared":0,`)
}

const endless = `.decl i(a: number) input
.decl t(a: number) table
.decl o(a: number) output
t(x) :- i(x).
o(x) :- t(x).
t(y) :- t(x), y := add(x, 1).
`

// TestEdelweissEndless: a program that derives without end is undecided, with the rule
// that does, and an interruption ends it in the middle of a timestep.
func TestEdelweissEndless(t *testing.T) {
	code, out, errs := invoke(t, endless, "edelweiss", "-", "--seeds", "1", "--json")
	assert.Equal(t, exitUndecided, code, errs)
	assert.Contains(t, out, `"equal":false,"verdict":"undecided"`)
	assert.Contains(t, out, "more than 262144 derivations in one timestep, most of them by the rule at 6:1: t(y) :- t(x), y := add(x, 1).")

	// Explaining comes before the trials, so that these find it interrupted.
	ctx, cancel := context.WithCancel(t.Context())
	var stdout, stderr bytes.Buffer
	p := &edelweissTrials{o: edelweissOptions{seeds: 1, seed: 1}}
	c := &cli{ctx: ctx, in: strings.NewReader(endless), out: &stdout, err: &stderr}
	var err error
	p.program, err = c.loadEdelweiss(edelweissOptions{nodes: 2}, "-")
	require.NoError(t, err)
	load, plan := *p.program.load, p.program.load.Plan
	load.Plan = func(d *trial.Draw) {
		cancel() // once the trial runs
		plan(d)
	}
	p.program.load = &load
	p.run(ctx)
	assert.NoError(t, p.failed)
	assert.Empty(t, p.reports)
}

// A shipped program is meant where its name is also that of a folder, and no file where a
// folder is given.
func TestEdelweissBesideAFolder(t *testing.T) {
	t.Chdir(t.TempDir())
	require.NoError(t, os.Mkdir("kvs", 0o700))
	require.NoError(t, os.Mkdir("other", 0o700))
	code, out, errs := invoke(t, "", "edelweiss", "kvs", "--seeds", "2")
	assert.Equal(t, exitOK, code, errs)
	assert.Contains(t, out, "equal in all timesteps")
	code, _, errs = invoke(t, "", "edelweiss", "other", "--seeds", "2")
	assert.Equal(t, exitFailed, code)
	assert.Contains(t, errs, "is a directory")
}
