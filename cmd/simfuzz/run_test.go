package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/cmd/internal/tapes"
	"github.com/joinery-go/joinery/laws/shipped"
	"github.com/joinery-go/joinery/sim/campaign"
	"github.com/joinery-go/joinery/sim/scenario"
)

// withoutProgress is standard error without what tells, on a slow machine, that failing
// seeds are being kept.
func withoutProgress(errs string) string {
	return regexp.MustCompile(`(?m)^(run|edelweiss): keeping failing seed .*\n`).ReplaceAllString(errs, "")
}

// invoke runs one command line in this process.
func invoke(t *testing.T, stdin string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	c := &cli{ctx: t.Context(), in: strings.NewReader(stdin), out: &out, err: &errs, merges: shippedOnce}
	code = c.main(args)
	return code, out.String(), errs.String()
}

// shippedOnce are the merges shipped, built once for all tests.
var shippedOnce = sync.OnceValue(shipped.Merges)

// lastJSON decodes the last line of an output into v.
func lastJSON(t *testing.T, out string, v any) {
	t.Helper()
	lines := strings.Split(strings.TrimSpace(out), "\n")
	require.NoError(t, json.Unmarshal([]byte(lines[len(lines)-1]), v), "%s", out)
}

func TestRunHolds(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "runs")
	code, out, errs := invoke(t, "", "run", "--seed", "7", "--seeds", "60", "--json", "--out", dir)
	assert.Equal(t, exitOK, code, "%s%s", out, errs)
	var s summaryJSON
	lastJSON(t, out, &s)
	assert.Equal(t, "summary", s.Kind)
	assert.Equal(t, int64(60), s.Seeds)
	assert.Equal(t, uint64(7), s.Seed)
	assert.Zero(t, s.Violations)
	assert.Positive(t, s.Deliveries)
	assert.GreaterOrEqual(t, s.Untagged, int64(12), "a fifth, and those of transactions")
	assert.Equal(t, int64(8), s.OnEngine, "an eighth")
	assert.Equal(t, int64(10), s.PorcupineSeeds, "a sixth")
	assert.GreaterOrEqual(t, s.FewestNodes, 3)
	assert.GreaterOrEqual(t, s.FewestOps, int64(20))
	assert.Zero(t, s.NoConcurrent)
	assert.Zero(t, s.NoFault)
	assert.Len(t, s.FaultEffective, len(scenario.FaultClasses()))
	assert.NoDirExists(t, dir, "nothing failed, nothing is left behind")

	text := func(workers string) string {
		_, out, _ := invoke(t, "", "--seed", "7", "--seeds", "60", "--workers", workers, "--out", dir)
		before, rest, found := strings.Cut(out, "\nsimulated ")
		require.True(t, found, out)
		speed, after, found := strings.Cut(rest, "\nevery seed ")
		require.True(t, found, out)
		require.Contains(t, strings.Join(strings.Fields(speed), " "), "M deliveries/s")
		_, before, _ = strings.Cut(before, "\n")
		return before + after // less the workers and the speed
	}
	assert.Contains(t, text("1"), "violations   0")
	assert.Equal(t, text("1"), text("3"), "what is found does not depend on the workers")
}

func TestRunRefusals(t *testing.T) {
	blocked := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(blocked, nil, 0o600))
	for _, args := range [][]string{
		{"run", "--bogus"}, {"--bogus"}, {"nonsense"}, {"run", "extra"}, {"run", "--out", filepath.Join(blocked, "x"), "--seeds", "1"},
	} {
		code, out, errs := invoke(t, "", args...)
		assert.Equal(t, exitFailed, code, "%v", args)
		assert.Empty(t, out, "%v", args)
		assert.Regexp(t, `^simfuzz: .+\n(see ".*--help"\n)?$`, errs, "%v: one clear line and perhaps a hint", args)
	}
}

func TestInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var out, errs bytes.Buffer
	c := &cli{ctx: ctx, out: &out, err: &errs}
	assert.Equal(t, exitInterrupted, c.main([]string{"run", "--for", "1h", "--out", t.TempDir()}))
	assert.Contains(t, out.String(), "interrupted")
	assert.Contains(t, out.String(), "violations   0")
}

const exampleTape = "../../sim/scenario/testdata/example/tape.json"

func TestReplay(t *testing.T) {
	code, out, errs := invoke(t, "", "replay", exampleTape)
	assert.Equal(t, exitOK, code, errs)
	f, err := os.Open(exampleTape)
	require.NoError(t, err)
	defer f.Close()
	tape, err := scenario.LoadTape(f)
	require.NoError(t, err)
	assert.True(t, strings.HasSuffix(out, "trace hash   "+scenario.FormatHash(tape.TraceHash)+"\n"))
	assert.Contains(t, out, "gossip")

	code, out, _ = invoke(t, "", "replay", "--json", exampleTape)
	assert.Equal(t, exitOK, code)
	var r tapes.ReplayLine
	lastJSON(t, out, &r)
	assert.Equal(t, tapes.ReplayLine{Kind: "replay", TraceHash: scenario.FormatHash(tape.TraceHash), SameTrace: true, Violations: []string{}}, r)
}

func TestReplayRefusals(t *testing.T) {
	whole, err := os.ReadFile(exampleTape)
	require.NoError(t, err)
	dir := t.TempDir()
	file := func(name, content string) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
		return path
	}
	for what, path := range map[string]string{
		"no such file":        filepath.Join(dir, "missing"),
		"empty":               file("empty", ""),
		"unexpected end":      file("cut", string(whole[:len(whole)-3])),
		"invalid character":   file("garbage", "\x00\x01garbage"),
		"tape of another":     file("version", strings.Replace(string(whole), tapeVersion, `"joinery_tape": 999`, 1)),
		"want one tape, got":  "",
		"is a directory":      dir,
		"no joinery_tape ver": file("other", "{}"),
	} {
		args := []string{"replay", "--quiet"}
		if path != "" {
			args = append(args, path)
		}
		code, _, errs := invoke(t, "", args...)
		assert.Equal(t, exitFailed, code, what)
		assert.Contains(t, errs, what)
	}
}

// TestReplayOfOtherCode: a tape whose trace does not come about again repeats
// nothing, and that is neither a pass nor a failure of the tool.
func TestReplayOfOtherCode(t *testing.T) {
	path := otherTrace(t)
	code, _, errs := invoke(t, "", "replay", "--quiet", path)
	assert.Equal(t, exitUndecided, code)
	assert.Contains(t, errs, "recorded by other code")
	code, out, errs := invoke(t, "", "replay", "--json", "--any-trace", path)
	assert.Equal(t, exitOK, code)
	assert.Empty(t, errs)
	assert.Contains(t, out, `"same_trace":false`)
}

// otherTrace is a tape whose trace does not come about again.
func otherTrace(t *testing.T) string {
	t.Helper()
	whole, err := os.ReadFile(exampleTape)
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), "tape.json")
	other := regexp.MustCompile(`"trace_hash": "[0-9a-f]+"`).ReplaceAll(whole, []byte(`"trace_hash": "0123456789abcdef"`))
	require.NoError(t, os.WriteFile(path, other, 0o600))
	return path
}

// TestRunFolder: the folder of a run is private, complete, and there whole or
// not at all.
func TestRunFolder(t *testing.T) {
	res, err := scenario.Run(t.Context(), scenario.Config{}, 11)
	require.NoError(t, err)
	tape, again, err := scenario.Record(t.Context(), res)
	require.NoError(t, err)
	dir := filepath.Join(t.TempDir(), "runs")
	for range 2 { // the second replaces the first
		path, err := new(cli).folder(dir).WriteRun(11, scenario.Files(tape, again))
		require.NoError(t, err)
		assert.Equal(t, filepath.Join(dir, "seed-11", "tape.json"), path)
	}
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	assert.Len(t, entries, 1, "no half-written folder is left")
	for _, name := range []string{"tape.json", "ops.txt", "history.jsonl", "trace.txt", "diagram.txt", "replay_test.go", "violations.txt"} {
		info, err := os.Stat(filepath.Join(dir, "seed-11", name))
		require.NoError(t, err)
		assert.Equal(t, campaign.FileMode, info.Mode().Perm(), name)
	}
	code, _, errs := invoke(t, "", "replay", "--quiet", filepath.Join(dir, "seed-11", "tape.json"))
	assert.Equal(t, exitOK, code, errs)
}

func TestExitCodesByGravity(t *testing.T) {
	c := &cli{}
	for _, step := range []struct{ code, want int }{
		{exitOK, exitOK}, {exitUndecided, exitUndecided}, {exitOK, exitUndecided}, {exitInterrupted, exitInterrupted},
		{exitUndecided, exitInterrupted}, {exitClosedPipe, exitClosedPipe}, {exitInterrupted, exitClosedPipe}, {exitFailed, exitFailed}, {exitUndecided, exitFailed}, {exitViolated, exitViolated}, {exitFailed, exitViolated},
	} {
		c.worsen(step.code)
		assert.Equal(t, step.want, c.code)
	}
}

func TestExploreCommand(t *testing.T) {
	code, out, errs := invoke(t, "", "explore", "--nodes", "2", "--writes", "2", "--kind", "register", "--drops", "1", "--json")
	assert.Equal(t, exitOK, code, errs)
	var e exploreJSON
	lastJSON(t, out, &e)
	assert.Equal(t, "explore", e.Kind)
	assert.Equal(t, "register", e.Value)
	assert.True(t, e.Complete)
	assert.Greater(t, e.States, 50)
	assert.Contains(t, e.Scope, "2 replicas, 2 writes of one register")

	code, out, _ = invoke(t, "", "explore", "--nodes", "2", "--writes", "2", "--ticks", "3", "--compare", "--json")
	assert.Equal(t, exitOK, code)
	lastJSON(t, out, &e)
	assert.Greater(t, e.Factor, 1.2, "what the reduction is worth")
	assert.Greater(t, e.Unreduced, e.Transitions)
	assert.Equal(t, 2, e.Renamings)
	assert.Greater(t, e.Renamed, e.States)
	_, out, _ = invoke(t, "", "explore", "--nodes", "2", "--writes", "2", "--drops", "1", "--compare")
	for _, reduction := range []string{"none", "commuting", "renaming", "late drops", "all"} {
		assert.Regexp(t, "(?m)^reduction    "+reduction+" .*factor", out)
	}
	code, _, _ = invoke(t, "", "explore", "--nodes", "2", "--writes", "2", "--drops", "1", "--unreduced", "--json")
	assert.Equal(t, exitOK, code)
	_, out, _ = invoke(t, "", "explore", "--nodes", "3", "--writes", "3", "--kind", "register")
	assert.Contains(t, out, "symmetry     6 renamings of replicas and writes")
	code, _, _ = invoke(t, "", "explore", "--compare", "--unreduced")
	assert.Equal(t, exitFailed, code)

	code, out, _ = invoke(t, "", "explore", "--states", "100")
	assert.Equal(t, exitUndecided, code, "a bound was met")
	assert.Contains(t, out, "complete     no")
	code, _, errs = invoke(t, "", "explore", "--kind", "queue")
	assert.Equal(t, exitFailed, code)
	assert.Contains(t, errs, `--kind queue: want one of set, register, counter`)
}

// TestLongCampaigns: one that never came to a situation, or to a fault, is not a
// pass; a short one is, and so is one whose faults were chosen.
func TestLongCampaigns(t *testing.T) {
	k := &storeCampaign{totals: totals{Seeds: longCampaign, Marks: map[string]int64{}, Effective: make([]int64, len(scenario.FaultClasses()))}}
	for _, m := range scenario.Marks() {
		k.totals.Marks[m] = 1
	}
	for c := range k.totals.Effective {
		k.totals.Effective[c] = 1
	}
	assert.Empty(t, k.notReached())
	k.totals.Marks[scenario.Marks()[0]] = 0
	k.totals.Effective[2] = 0
	assert.Equal(t, []string{scenario.Marks()[0], scenario.FaultClasses()[2] + " faults"}, k.notReached())
	assert.Equal(t, k.notReached(), k.summary().NotReached)
	k.totals.Marks["threshold read waited"] = 0
	assert.Len(t, k.notReached(), 3)
	k.cfg.Level = "eventual"
	assert.Len(t, k.notReached(), 2, "no read waits at that level")
	k.cfg.Faults = "off"
	assert.Empty(t, k.notReached())
	k.cfg.Faults, k.totals.Seeds = "", longCampaign-1
	assert.Empty(t, k.notReached())
}

// TestFailingCampaign: what a failing seed leaves behind and prints. Disks that go
// back in time make seeds fail if nothing is forgiven for them.
func TestFailingCampaign(t *testing.T) {
	dir := t.TempDir()
	args := []string{"run", "--seed", "100", "--seeds", "100", "--failures", "2", "--faults", unexcusedFaults, "--out", dir}
	code, out, errs := invoke(t, "", args...)
	assert.Equal(t, exitViolated, code, errs)
	assert.Regexp(t, `\nended early  after \d+ of 100 seeds: 2 have failed, as many as --failures\s+allows\n`, out)
	assert.Contains(t, out, "shrunk to 1 operations and 2 faults in ")
	assert.Contains(t, out, "faults end", "the picture of a short run")
	assert.Regexp(t, `replay with:\nsimfuzz replay .*/shrunk.json\n$`, out)
	assert.Regexp(t, `(?m)^    crash n\d at [0-9.]+ms \(comes back at [0-9.]+ms\)\n    take back the disk of n\d at [0-9.]+ms \(to 0 of`, out)
	tapes, err := filepath.Glob(filepath.Join(dir, "seed-*", "shrunk.json"))
	require.NoError(t, err)
	require.Len(t, tapes, 2)
	code, out, _ = invoke(t, "", "replay", tapes[0])
	assert.Equal(t, exitViolated, code)
	assert.Contains(t, out, "◯")
	assert.Contains(t, out, "violated     ")

	none := filepath.Join(t.TempDir(), "none")
	code, out, _ = invoke(t, "", append(args[:len(args)-1], none, "--keep=false", "--json")...)
	assert.Equal(t, exitViolated, code)
	assert.Equal(t, 2, strings.Count(out, `"kind":"violation"`))
	assert.NoDirExists(t, none)
	var s summaryJSON
	lastJSON(t, out, &s)
	assert.Equal(t, int64(2), s.Violations)
	assert.Positive(t, s.FaultEffective["restore"])
}

// TestExhaustiveCampaignEnds: it says so when there are no more schedules.
func TestExhaustiveCampaignEnds(t *testing.T) {
	code, out, errs := invoke(t, "", "run", "--strategy", "exhaustive", "--seed", "3", "--faults", "disk=low", "--nodes", "3", "--for", "1m", "--out", t.TempDir())
	assert.Equal(t, exitOK, code, errs)
	assert.Contains(t, out, "exhausted    every schedule with one exception from the benign one of seed 3")
}
