package simtool_test

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/cmd/internal/command"
	"github.com/joinery-go/joinery/cmd/internal/tapes"
	"github.com/joinery-go/joinery/cmd/simtool"
	"github.com/joinery-go/joinery/sim"
	"github.com/joinery-go/joinery/sim/campaign"
	"github.com/joinery-go/joinery/sim/campaign/examples/chain"
	"github.com/joinery-go/joinery/sim/campaign/examples/lease"
)

var broken = []campaign.Protocol{lease.With(lease.FromNow), chain.With(chain.AnyOrder)}

// invoke runs one command line of a program of two protocols.
func invoke(ctx context.Context, protocols []campaign.Protocol, args ...string) (code int, stdout, stderr string) {
	var out, errs bytes.Buffer
	code = simtool.Run(ctx, append([]string{"mytool"}, args...), simtool.Streams{In: strings.NewReader(""), Out: &out, Err: &errs}, protocols...)
	return code, out.String(), errs.String()
}

func lastJSON(t *testing.T, out string, v any) {
	t.Helper()
	lines := strings.Split(strings.TrimSpace(out), "\n")
	require.NoError(t, json.Unmarshal([]byte(lines[len(lines)-1]), v), "%s", out)
}

// found is a folder with a run of a broken lease, and the path of its tape.
func found(t *testing.T) (dir, tape string) {
	t.Helper()
	dir = t.TempDir()
	code, out, errs := invoke(t.Context(), broken, "run", "--seed", "20", "--seeds", "30", "--failures", "1", "--workers", "2", "--out", dir)
	require.Equal(t, command.ExitViolated, code, "%s%s", out, errs)
	tape = filepath.Join(dir, "lease", "seed-27", "tape.json")
	require.FileExists(t, tape)
	return dir, tape
}

// TestRunHolds: a campaign that finds nothing, whatever its workers.
func TestRunHolds(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "runs")
	run := func(workers string) string {
		code, out, errs := invoke(t.Context(), []campaign.Protocol{lease.Protocol()}, "--seed", "1", "--seeds", "300", "--workers", workers, "--out", dir)
		require.Equal(t, command.ExitOK, code, errs)
		_, out, _ = strings.Cut(out, "\n")
		return regexp.MustCompile(`(?m)^simulated.*\n( .*\n)*`).ReplaceAllString(out, "")
	}
	assert.Equal(t, run("1"), run("3"))
	assert.Contains(t, run("2"), "points       2 of 2 reached")
	assert.Contains(t, run("2"), "violations   0")
	assert.NoDirExists(t, dir, "nothing failed, nothing is left behind")

	code, out, _ := invoke(t.Context(), []campaign.Protocol{chain.Protocol()}, "run", "--seed", "1", "--seeds", "50", "--json", "--out", dir)
	require.Equal(t, command.ExitOK, code)
	var s campaign.SummaryLine
	lastJSON(t, out, &s)
	assert.Equal(t, "summary", s.Kind)
	assert.Equal(t, "chain", s.Protocol)
	assert.Equal(t, int64(50), s.Seeds)
	assert.Positive(t, s.Answered)
	assert.Len(t, s.FaultEffective, 8)
}

// TestRunReplayShrinkBisect: what a campaign found is told, kept, replayed by the command
// that it printed, shrunk, and taken apart.
func TestRunReplayShrinkBisect(t *testing.T) {
	dir := t.TempDir()
	code, out, errs := invoke(t.Context(), broken, "run", "--seed", "20", "--seeds", "30", "--failures", "1", "--out", dir)
	require.Equal(t, command.ExitViolated, code, errs)
	assert.Contains(t, out, "seed 27\n  always: used under an older lease after a newer one\n")
	assert.Contains(t, out, "shrunk to 2 operations, 1 fault and 0 choices of its own")
	assert.Contains(t, out, "──▶│")
	hint := regexp.MustCompile(`replay with:\nmytool replay (\S+/shrunk.json)\n$`).FindStringSubmatch(out)
	require.NotNil(t, hint, out)

	code, out, _ = invoke(t.Context(), broken, "replay", hint[1])
	assert.Equal(t, command.ExitViolated, code)
	assert.Contains(t, out, "msg from n1 ask")
	assert.Contains(t, out, "violated     always/used under an older lease after a newer one//-1")
	code, out, _ = invoke(t.Context(), broken, "replay", "--json", hint[1])
	assert.Equal(t, command.ExitViolated, code)
	assert.Contains(t, out, `"same_trace":true`)

	tape := filepath.Join(filepath.Dir(hint[1]), "tape.json")
	small := filepath.Join(dir, "small.json")
	code, out, _ = invoke(t.Context(), broken, "shrink", tape, "-o", small)
	assert.Equal(t, command.ExitViolated, code)
	assert.Contains(t, out, "mytool replay ")
	assert.FileExists(t, small)
	code, out, _ = invoke(t.Context(), broken, "shrink", "--json", "--replays", "5", tape, "-o", small)
	assert.Equal(t, command.ExitViolated, code)
	assert.Contains(t, out, `"settled":false`)

	code, out, _ = invoke(t.Context(), broken, "bisect", tape)
	assert.Equal(t, command.ExitViolated, code)
	assert.Regexp(t, `faults       the first \d+ of 3 suffice, and not without the last of these: at\n +\S+ net\.delay`, out)
	assert.Contains(t, out, "classes      needed: net.delay")
	code, out, _ = invoke(t.Context(), broken, "bisect", "--json", tape)
	assert.Equal(t, command.ExitViolated, code)
	assert.Contains(t, out, `"kind":"bisect"`)

	code, out, _ = invoke(t.Context(), broken, "run", "--seed", "20", "--seeds", "30", "--json", "--out", dir)
	assert.Equal(t, command.ExitViolated, code)
	var v campaign.ViolationLine
	require.NoError(t, json.Unmarshal([]byte(strings.SplitN(out, "\n", 2)[0]), &v))
	assert.Equal(t, uint64(27), v.Seed)
	assert.Equal(t, []int{2, 1, 0}, []int{*v.ShrunkOperations, *v.ShrunkExceptions, *v.ShrunkChoices})
}

// TestReport: a tape has a page, of its small form unless it is told otherwise, and over
// nothing but a page.
func TestReport(t *testing.T) {
	dir, tape := found(t)
	page := filepath.Join(dir, "page.html")
	read := func() string {
		text, err := os.ReadFile(page)
		require.NoError(t, err)
		return string(text)
	}
	code, out, errs := invoke(t.Context(), broken, "report", tape, "-o", page)
	require.Equal(t, command.ExitViolated, code, errs)
	assert.Contains(t, out, "used under an older lease after a newer one")
	assert.Contains(t, out, "wrote "+page)
	text := read()
	for _, want := range []string{"<title>lease: seed 27 fails", `<section id="run"`, `<section id="choices"`, `<section id="rewind"`, `<section id="shrink"`, "mytool replay " + tape, "of 40"} {
		assert.True(t, strings.Contains(text, want), want) // the page itself is long
	}
	_, _, _ = invoke(t.Context(), broken, "report", tape, "-o", page)
	assert.Equal(t, text, read(), "the same page each time")

	code, out, _ = invoke(t.Context(), broken, "report", tape, "--json", "--replays", "0", "--draws", "0")
	assert.Equal(t, command.ExitViolated, code)
	var line tapes.ReportLine
	lastJSON(t, out, &line)
	assert.Equal(t, filepath.Join(filepath.Dir(tape), "report.html"), line.File)
	assert.Greater(t, line.Operations, 2, "the tape as it is")
	assert.True(t, line.SameTrace)

	mended := []campaign.Protocol{lease.With(lease.None)}
	code, out, errs = invoke(t.Context(), mended, "report", tape, "-o", page)
	assert.Equal(t, command.ExitUndecided, code)
	assert.Contains(t, errs, "recorded by other code")
	assert.Contains(t, out, "does not: this page is of the run that holds")

	code, _, errs = invoke(t.Context(), broken, "report", tape, "-o", tape)
	assert.Equal(t, command.ExitFailed, code)
	assert.Contains(t, errs, "is no page that a tool of joinery wrote")
}

// TestMendedCode: a tape whose trace does not come about any more repeats nothing, and
// that is neither a pass nor a failure of the tool.
func TestMendedCode(t *testing.T) {
	_, tape := found(t)
	mended := []campaign.Protocol{lease.With(lease.None)}
	code, _, errs := invoke(t.Context(), mended, "replay", "--quiet", tape)
	assert.Equal(t, command.ExitUndecided, code)
	assert.Contains(t, errs, "recorded by other code")
	code, _, _ = invoke(t.Context(), mended, "replay", "--quiet", "--any-trace", tape)
	assert.Equal(t, command.ExitOK, code)
	code, _, errs = invoke(t.Context(), mended, "shrink", tape)
	assert.Equal(t, command.ExitFailed, code)
	assert.Contains(t, errs, "the tape does not fail")
	code, _, errs = invoke(t.Context(), mended, "bisect", tape)
	assert.Equal(t, command.ExitFailed, code)
	assert.Contains(t, errs, "the tape does not fail")
}

func TestExplore(t *testing.T) {
	dir := t.TempDir()
	code, out, errs := invoke(t.Context(), broken, "explore", "--seed", "27", "--out", dir)
	require.Equal(t, command.ExitViolated, code, "%s%s", out, errs)
	assert.Contains(t, out, "complete     no: stopped at the first that fails")
	tape := regexp.MustCompile(`shrink (\S+/explored/seed-27/tape.json)\n$`).FindStringSubmatch(out)
	require.NotNil(t, tape, out)
	code, _, _ = invoke(t.Context(), broken, "replay", "--quiet", tape[1])
	assert.Equal(t, command.ExitViolated, code)

	right := []campaign.Protocol{lease.Protocol()}
	code, out, _ = invoke(t.Context(), right, "explore", "--schedules", "200", "--out", dir)
	assert.Equal(t, command.ExitUndecided, code)
	assert.Contains(t, out, "complete     no: the bound of --schedules, 200, was met before all were run")
	points := regexp.MustCompile(`comes to (\d+)\s+decisions`)
	all := points.FindStringSubmatch(out)
	require.NotNil(t, all, out)
	_, out, _ = invoke(t.Context(), right, "explore", "--schedules", "10", "--out", dir)
	few := points.FindStringSubmatch(out)
	require.NotNil(t, few, out)
	assert.Equal(t, all[1], few[1], "what a run without faults comes to hangs on no bound")
	assert.NotEqual(t, "10", few[1])
	p := lease.Protocol()
	p.Setup.Faults = campaign.Bears(sim.Delay)
	code, out, _ = invoke(t.Context(), []campaign.Protocol{p}, "explore", "--json", "--out", dir)
	assert.Equal(t, command.ExitOK, code)
	assert.Contains(t, out, `"complete":true`)
}

// TestNeverReached: a long campaign that never came to a point is not a pass, a short one
// is.
func TestNeverReached(t *testing.T) {
	p := lease.Protocol()
	p.Points = append(p.Points, "the moon was full")
	for seeds, want := range map[string]int{"100": command.ExitOK, "2000": command.ExitUndecided} {
		code, out, _ := invoke(t.Context(), []campaign.Protocol{p}, "run", "--seed", "1", "--seeds", seeds, "--keep=false")
		assert.Equal(t, want, code)
		assert.Contains(t, out, "never        the moon was full")
	}
}

func TestInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, args := range [][]string{{"run", "--for", "1h", "--out", t.TempDir()}, {"explore", "--out", t.TempDir()}} {
		code, out, errs := invoke(ctx, broken, args...)
		assert.Equal(t, command.ExitInterrupted, code, "%v", args)
		assert.Contains(t, out, "interrupted")
		assert.Contains(t, out, "violations   0")
		assert.Contains(t, errs, "mytool: interrupted")
	}
}

// TestRefusals: what cannot be is one clear line, says what would be right, and has the
// exit code of a failure of the tool.
func TestRefusals(t *testing.T) {
	dir, tape := found(t)
	blocked := filepath.Join(dir, "file")
	require.NoError(t, os.WriteFile(blocked, nil, 0o600))
	for want, args := range map[string][]string{
		`unknown command "nonsense"`:            {"nonsense"},
		"want one tape, got 0":                  {"replay"},
		"no such file":                          {"replay", filepath.Join(dir, "none")},
		`--protocol leas: want one of lease`:    {"run", "--protocol", "leas"},
		`did you mean "lease"`:                  {"run", "--protocol", "leas"},
		`--faults "up": "up" is not one of`:     {"run", "--faults", "up"},
		`"gravity=low" is not one of [drawn`:    {"run", "--faults", "drawn,gravity=low"},
		"--seed 0: want 1 or more":              {"run", "--seed", "0"},
		"--out " + blocked:                      {"run", "--seeds", "1", "--out", blocked},
		"explore: --out " + blocked:             {"explore", "--out", blocked},
		"from --seed 18446744073709551615 on t": {"run", "--seed", "18446744073709551615", "--seeds", "2"},
		"shrink: ":                              {"shrink", tape, "-o", filepath.Join(dir, "no", "such", "s.json")},
	} {
		code, out, errs := invoke(t.Context(), broken, args...)
		assert.Equal(t, command.ExitFailed, code, "%v", args)
		assert.Empty(t, out, "%v", args)
		assert.Contains(t, errs, want)
		assert.Regexp(t, `^mytool: .+\n(see ".*--help"\n)?$`, errs, "%v: one clear line and perhaps a hint", args)
	}
	code, _, errs := invoke(t.Context(), []campaign.Protocol{chain.Protocol()}, "replay", tape)
	assert.Equal(t, command.ExitFailed, code)
	assert.Contains(t, errs, `it is of protocol "lease", this program replays "chain"`)
	for what, protocols := range map[string][]campaign.Protocol{
		"no protocol was given": nil, `two protocols have the name "lease"`: {lease.Protocol(), lease.Protocol()}, "New is nil": {{Name: "x"}},
	} {
		code, _, errs := invoke(t.Context(), protocols)
		assert.Equal(t, command.ExitFailed, code)
		assert.Contains(t, errs, what)
	}
}

// TestWidth: everything that is listed fits into 80 columns, but for lines of traces, and
// for what must be pasted as it stands.
func TestWidth(t *testing.T) {
	dir := t.TempDir()
	_, tape := found(t)
	for _, args := range [][]string{
		{"--help"}, {"run", "--help"}, {"replay", "--help"}, {"shrink", "--help"}, {"report", "--help"}, {"bisect", "--help"}, {"explore", "--help"},
		{"run", "--seed", "1", "--seeds", "30", "--out", dir}, {"bisect", tape}, {"shrink", tape}, {"explore", "--seed", "27", "--out", dir}, {"replay", "--quiet", tape},
	} {
		_, out, _ := invoke(t.Context(), broken, args...)
		require.NotEmpty(t, out, "%v", args)
		for line := range strings.Lines(out) {
			if strings.Contains(line, t.TempDir()[:5]) || strings.ContainsAny(line, "│┊") {
				continue
			}
			assert.LessOrEqual(t, utf8.RuneCountInString(strings.TrimRight(line, "\n")), 80, "%v: %s", args, line)
		}
	}
}

// TestExample: the program of the examples is one of a line, and says of itself how to
// call it again.
func TestExample(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), "go", "run", "./example", "run", "--seed", "1", "--seeds", "40", "--protocol", "primary-backup", "--out", t.TempDir())
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	assert.Contains(t, string(out), "fuzzing primary-backup from seed 1")
	assert.Contains(t, string(out), "violations   0")
	out, err = exec.CommandContext(t.Context(), "go", "run", "./example", "--help").CombinedOutput()
	require.NoError(t, err)
	assert.Contains(t, string(out), "example explore --most 1")
}
