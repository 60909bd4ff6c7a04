package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/cmd/internal/layout"
	"github.com/joinery-go/joinery/cmd/storebench/internal/measure"
)

// small is work that takes little time.
const small = " --keys 300 --value-bytes 20 --dir "

func invoke(t *testing.T, args ...string) (code int, out, errs string) {
	t.Helper()
	var stdout, stderr strings.Builder
	c := &cli{ctx: t.Context(), in: strings.NewReader(""), out: &stdout, err: &stderr}
	code = c.main(args)
	return code, stdout.String(), stderr.String()
}

// fits requires that every line fits into the width.
func fits(t *testing.T, what, text string) {
	t.Helper()
	for line := range strings.SplitSeq(text, "\n") {
		assert.LessOrEqual(t, layout.Columns(line), layout.Width, "%s: %q", what, line)
	}
}

// objects are the objects of an output of one a line.
func objects(t *testing.T, out string) []map[string]any {
	t.Helper()
	var all []map[string]any
	for line := range strings.Lines(out) {
		var o map[string]any
		require.NoError(t, json.Unmarshal([]byte(line), &o), line)
		all = append(all, o)
	}
	return all
}

// emptyDir requires that a directory holds nothing.
func emptyDir(t *testing.T, dir string) {
	t.Helper()
	names, err := os.ReadDir(dir)
	require.NoError(t, err)
	assert.Empty(t, names, "temporary directories are removed")
}

func TestCompare(t *testing.T) {
	for _, kind := range measure.KindNames() {
		dir := t.TempDir()
		line := "compare --workload " + kind + " --updates 2000 --rounds 2" + small + dir
		code, out, errs := invoke(t, strings.Fields(line+" --json")...)
		require.Equal(t, exitOK, code, errs)
		all := objects(t, out)
		require.Len(t, all, len(measure.Names()))
		for i, name := range measure.Names() {
			assert.Equal(t, name, all[i]["engine"])
			assert.Equal(t, kind, all[i]["workload"])
			for _, field := range []string{"sets_per_second", "gets_per_second", "p999_set_us"} {
				assert.Positive(t, all[i][field], "%s %s", name, field)
			}
			disk, ok := all[i]["disk_bytes"].(float64)
			require.True(t, ok)
			assert.Equal(t, name == measure.MapName, disk == 0, "%s: %v", name, disk)
			// What is no engine has no figures of merges and memory, rather than zeros.
			engine := slices.Contains(measure.Engines(), name)
			for _, field := range []string{"memory_bytes", "merges", "tail_merges", "merged_bytes", "refused"} {
				require.Contains(t, all[i], field)
				assert.Equal(t, engine, all[i][field] != nil, "%s %s", name, field)
			}
			bounded := kind == "larger-than-memory" && slices.Contains([]string{"appendlog", "hybridlog", "lsm", "pebble"}, name)
			assert.Equal(t, bounded, all[i]["budget_bytes"] != nil, "%s under %s", name, kind)
			assert.GreaterOrEqual(t, all[i]["written_bytes"], 36.0*300, "%s: keys and values that were set", name)
		}
		emptyDir(t, dir)
	}
	code, out, errs := invoke(t, strings.Fields("compare --engines hybridlog,pebble,map --updates 1000"+small+t.TempDir())...)
	require.Equal(t, exitOK, code, errs)
	fits(t, "compare", out)
	assert.Contains(t, out, "in multiples of pebble\n")
	assert.Contains(t, out, "in multiples of map\n")
	assert.Regexp(t, `(?m)^map +[0-9]+ +[0-9]+ +[0-9.]+ +- +0 +-$`, out, "no zeros for what the map does not have")
	assert.NotContains(t, out, "lsm")
	assert.NotContains(t, out, "pebble-alone")
	code, out, errs = invoke(t, strings.Fields("compare --engines lsm,pebble-alone --updates 1000"+small+t.TempDir())...)
	require.Equal(t, exitOK, code, errs)
	fits(t, "compare", out)
	assert.Contains(t, out, "in multiples of pebble-alone\n")
}

// TestMergesRun: under the workload for that, background merges run where there are none under
// another one, with as much work.
func TestMergesRun(t *testing.T) {
	merges := func(kind string) map[any]float64 {
		line := "compare --engines appendlog,hybridlog,lsm --keys 10000 --updates 30000 --rounds 1 --json --workload " + kind + " --dir " + t.TempDir()
		code, out, errs := invoke(t, strings.Fields(line)...)
		require.Equal(t, exitOK, code, errs)
		all := map[any]float64{}
		for _, o := range objects(t, out) {
			all[o["engine"]] = o["merges"].(float64)
			assert.LessOrEqual(t, o["tail_merges"], o["merges"], "the tail is a part of the work")
		}
		return all
	}
	for engine, n := range merges(measure.MergingName) {
		assert.Positive(t, n, engine)
	}
	for engine, n := range merges("update-heavy") {
		assert.Zero(t, n, engine)
	}
}

// TestBothHaveARate: of a workload that draws but one operation sets and gets have a rate.
func TestBothHaveARate(t *testing.T) {
	code, out, errs := invoke(t, strings.Fields("compare --engines memory --workload read-heavy --updates 1 --rounds 1 --json"+small+t.TempDir())...)
	require.Equal(t, exitOK, code, errs)
	for _, field := range []string{"sets_per_second", "gets_per_second", "p999_set_us"} {
		assert.Positive(t, objects(t, out)[0][field], field)
	}
}

// TestSnapshots computes from what is kept how much changed before each version, and
// holds it against what was printed.
func TestSnapshots(t *testing.T) {
	dir, keep := t.TempDir(), filepath.Join(t.TempDir(), "kept")
	line := "snapshots --rounds 1 --fractions 0.01,0.5 --json --keep " + keep + small + dir
	code, out, errs := invoke(t, strings.Fields(line)...)
	require.Equal(t, exitOK, code, errs)
	emptyDir(t, dir)
	all := objects(t, out)
	require.Len(t, all, 2*len(measure.Engines()))
	for i, o := range all {
		engine := measure.Engines()[i/2]
		assert.Equal(t, engine, o["engine"])
		assert.Equal(t, []float64{0.01, 0.5}[i%2], o["changed_fraction"])
		assert.Equal(t, []float64{3 * 36, 150 * 36}[i%2], o["changed_bytes"])
		assert.GreaterOrEqual(t, o["new_bytes"], o["changed_bytes"])
		assert.GreaterOrEqual(t, o["uploaded_bytes"], o["new_bytes"])
		assert.Equal(t, []float64{303 * 36, 453 * 36}[i%2], o["all_changed_bytes"], "the first version is of all keys")
		assert.GreaterOrEqual(t, o["all_uploaded_bytes"], o["uploaded_bytes"].(float64)+300*36)
		if r := map[string]float64{"appendlog": 4, "hybridlog": 8, "lsm": 4}[engine]; r > 0 {
			assert.InDelta(t, max(1, math.Log(float64(2+i%2))/math.Log(r))*o["all_changed_bytes"].(float64), o["bound_bytes"], 0.1)
		} else {
			require.Contains(t, o, "bound_bytes")
			assert.Nil(t, o["bound_bytes"])
		}
		for _, field := range []string{"seconds", "full_dump_seconds", "segments_read_by_restore"} {
			assert.Positive(t, o[field], "%s %s", engine, field)
		}
		changed := loggedChanges(t, filepath.Join(keep, engine, "log.jsonl"))
		require.Len(t, changed, 3)
		assert.InDelta(t, changed[i%2+1], o["changed_bytes"], 0, "%s: the log says the same", engine)
		names, err := os.ReadDir(filepath.Join(keep, engine, "bucket"))
		require.NoError(t, err)
		assert.NotEmpty(t, names)
	}
	// What is kept is not written over.
	code, _, errs = invoke(t, strings.Fields(line)...)
	assert.Equal(t, exitWrite, code)
	assert.Contains(t, errs, "is not empty")

	code, out, errs = invoke(t, strings.Fields("snapshots --rounds 1 --updates 900 --engines lsm"+small+dir)...)
	require.Equal(t, exitOK, code, errs)
	fits(t, "snapshots", out)
	assert.Len(t, strings.Split(strings.TrimSpace(out), "\n"), 5+3)
	assert.Contains(t, out, "bound: max(1, log_r(N)) after N versions")
	assert.NotRegexp(t, "(?m)^lsm .* 0[.][0-9]{2} +[0-9.]+ +[0-9.]+ +[0-9.]+ +[0-9]+ +[0-9.]+$", out, "no bound is below 1")
}

// TestBound goes on where the logarithm is above 1.
func TestBound(t *testing.T) {
	for n, want := range map[int]float64{1: 100, 3: 100, 4: 100, 16: 200, 64: 300} {
		assert.InDelta(t, want, *measure.Bound("lsm", n, 100), 1e-9, "%d versions", n)
	}
	assert.InDelta(t, 200.0, *measure.Bound("hybridlog", 64, 100), 1e-9)
	assert.Nil(t, measure.Bound("memory", 64, 100))
}

// loggedChanges are the bytes of distinct keys and their last values before each
// version of a log.
func loggedChanges(t *testing.T, path string) []int {
	t.Helper()
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	var all []int
	since := map[string][]byte{}
	for line := range bytes.Lines(b) {
		var l struct {
			Key     string
			Value   []byte
			Version int
		}
		require.NoError(t, json.Unmarshal(line, &l))
		if l.Version == 0 {
			since[l.Key] = l.Value
			continue
		}
		n := 0
		for k, v := range since {
			n += len(k) + len(v)
		}
		all, since = append(all, n), map[string][]byte{}
		require.Len(t, all, l.Version)
	}
	return all
}

func TestRecoveryAndSweep(t *testing.T) {
	dir := t.TempDir()
	line := "recovery --keys 100,300 --value-bytes 20,200 --dir " + dir
	code, out, errs := invoke(t, strings.Fields(line+" --json")...)
	require.Equal(t, exitOK, code, errs)
	assert.Len(t, objects(t, out), 4*len(measure.Engines()))
	code, out, errs = invoke(t, strings.Fields(line+" --engines lsm")...)
	require.Equal(t, exitOK, code, errs)
	fits(t, "recovery", out)
	// After a close log engines read the index that it saved, and after a crash there is none.
	index := map[any]float64{}
	for _, crashed := range []string{"", " --crashed"} {
		code, out, errs = invoke(t, strings.Fields("recovery --keys 300 --value-bytes 200 --json --dir "+dir+crashed)...)
		require.Equal(t, exitOK, code, errs)
		all := objects(t, out)
		assert.Len(t, all, len(measure.Engines())-len(crashed)/len(" --crashed"), "Pebble after a close only")
		for _, o := range all {
			assert.Equal(t, crashed != "", o["crashed"])
			switch n := o["index_bytes"]; o["engine"] {
			case "memory", "pebble":
				assert.Nil(t, n, "%s has no such files", o["engine"])
			default:
				index[o["engine"].(string)+crashed] = n.(float64)
			}
		}
	}
	assert.Positive(t, index["appendlog"])
	assert.Zero(t, index["appendlog --crashed"])
	line = "sweep --updates 500 --parameters max-runs,threshold,flush-interval" + small + dir
	code, out, errs = invoke(t, strings.Fields(line+" --json")...)
	require.Equal(t, exitOK, code, errs)
	all := objects(t, out)
	assert.Len(t, all, 12)
	assert.Equal(t, "max-runs", all[0]["parameter"])
	assert.Equal(t, "lsm", all[0]["engine"])
	code, out, errs = invoke(t, strings.Fields(line)...)
	require.Equal(t, exitOK, code, errs)
	fits(t, "sweep", out)
	code, out, errs = invoke(t, strings.Fields("sweep --engines appendlog --updates 100 --json"+small+dir)...)
	require.Equal(t, exitOK, code, errs)
	all = objects(t, out)
	assert.Len(t, all, 8, "two parameters with four values each")
	for _, o := range all {
		assert.Equal(t, "appendlog", o["engine"])
	}
	emptyDir(t, dir)
}

func TestLazy(t *testing.T) {
	dir := t.TempDir()
	line := "lazy --keys 30,3000 --value-bytes 20 --rounds 3 --dir " + dir
	code, out, errs := invoke(t, strings.Fields(line+" --json")...)
	require.Equal(t, exitOK, code, errs)
	all := objects(t, out)
	require.Len(t, all, 2)
	for i, o := range all {
		assert.Equal(t, "lsm", o["engine"])
		assert.Equal(t, []float64{30, 3000}[i], o["keys"])
		assert.Equal(t, 3.0, o["rounds"])
		assert.Positive(t, o["lazy_first_get_seconds"])
		assert.GreaterOrEqual(t, o["worst_lazy_first_get_seconds"], o["lazy_first_get_seconds"])
		assert.Positive(t, o["eager_first_get_seconds"])
	}
	code, out, errs = invoke(t, strings.Fields(line)...)
	require.Equal(t, exitOK, code, errs)
	fits(t, "lazy", out)
	assert.Regexp(t, `(?m)^lsm +3000 +3 `, out)
	emptyDir(t, dir)
}

func TestUsage(t *testing.T) {
	for line, want := range map[string]string{
		"comapre":                                             `unknown command "comapre" for "storebench"; did you mean "compare"?`,
		"compare more":                                        `compare: takes no arguments, got "more"`,
		"compare --keys 0":                                    "compare: --keys 0: want a whole number, 1 to 100000000",
		"compare --keys many":                                 "want a whole number",
		"compare --updates 0":                                 "--updates 0: want a whole number, 1 to",
		"compare --rounds 0":                                  "--rounds 0: want a whole number, 1 to 1000",
		"compare --value-bytes 0":                             "--value-bytes 0: want a whole number, 1 to 1048576",
		"compare --engines lsn":                               `"lsn" is not one of memory, appendlog, hybridlog, lsm, pebble, map, pebble-alone; did you mean "lsm"?`,
		"compare --engines lsm,lsm":                           `"lsm" stands twice`,
		"compare --engines ":                                  "--engines: want a value",
		"compare --workload heavy":                            "want one of update-heavy, read-heavy, larger-than-memory, drifting, merging",
		"compare --dir /nowhere/at/all":                       "compare: --dir /nowhere/at/all: not a directory",
		"compare --kyes 3":                                    `unknown flag --kyes; did you mean "--keys"?`,
		"compare --json=maybe":                                "want true or false",
		"snapshots --engines map":                             `"map" is not one of memory`,
		"snapshots --fractions 0.5,0.1":                       "want ascending numbers with commas between them, 0 to 1",
		"snapshots --fractions 2":                             "want ascending numbers",
		"snapshots --fractions NaN":                           "want ascending numbers",
		"snapshots --rounds 0":                                "--rounds 0: want a whole number",
		"snapshots --keep":                                    "--keep: want a value",
		"recovery --crashed --engines pebble":                 "do not go together",
		"recovery --keys 10,5":                                "want ascending numbers",
		"recovery --value-bytes 0":                            "want ascending numbers",
		"sweep --parameters max-runz":                         `did you mean "max-runs"?`,
		"sweep --engines memory":                              `"memory" is not one of appendlog, hybridlog, lsm`,
		"sweep --engines lsm --parameters max-runs,threshold": "--parameters max-runs,threshold and --engines lsm do not go together",
		"lazy --engines appendlog":                            `"appendlog" is not one of lsm`,
		"lazy --keys 10,5":                                    "want ascending numbers",
		"lazy --rounds 0":                                     "want a whole number, 1 to",
		"report --engines pebbel-alone":                       `did you mean "pebble-alone"?`,
		"report --out":                                        "--out: want a value",
		"completion tcsh":                                     "unknown shell",
		"help nosuch":                                         `help: no command "nosuch"`,
		"snapshots --updates 1000000001":                      "or 0: each once",
	} {
		code, out, errs := invoke(t, strings.Fields(line)...)
		assert.Equal(t, exitUsage, code, line)
		assert.Empty(t, out, line)
		assert.Contains(t, errs, want, line)
		assert.Contains(t, errs, "--help\"\n", line)
	}
}

func TestHelp(t *testing.T) {
	for _, name := range []string{"", "compare", "snapshots", "recovery", "lazy", "sweep", "global", "report", "completion"} {
		code, out, errs := invoke(t, strings.Fields(name+" --help")...)
		assert.Equal(t, exitOK, code, errs)
		assert.Contains(t, out, "Usage:\n  storebench")
		fits(t, name+" --help", out)
	}
	code, out, _ := invoke(t, "--version")
	assert.Equal(t, exitOK, code)
	assert.Regexp(t, `^storebench .*go1`, out)
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		code, out, _ = invoke(t, "completion", shell)
		assert.Equal(t, exitOK, code)
		assert.Contains(t, out, "storebench")
	}
}

// interrupting is written to once something is printed, and then interrupts.
type interrupting struct {
	strings.Builder
	cancel context.CancelFunc
}

func (w *interrupting) Write(b []byte) (int, error) {
	w.cancel()
	return w.Builder.Write(b)
}

// TestInterrupted interrupts when the first result stands: it is kept, and the rest of
// work for hours is not done.
func TestInterrupted(t *testing.T) {
	for _, line := range []string{
		"snapshots --rounds 10000 --json", "recovery --keys 100,90000000 --json", "sweep --updates 20000 --json",
	} {
		dir := t.TempDir()
		ctx, cancel := context.WithCancel(t.Context())
		out, errs := &interrupting{cancel: cancel}, new(strings.Builder)
		c := &cli{ctx: ctx, in: strings.NewReader(""), out: out, err: errs}
		if !strings.HasPrefix(line, "recovery") {
			line += " --keys 300"
		}
		assert.Equal(t, exitInterrupted, c.main(strings.Fields(line+" --dir "+dir)), errs.String())
		assert.Len(t, objects(t, out.String()), 1, line)
		assert.Contains(t, errs.String(), "storebench: interrupted", line)
		emptyDir(t, dir)
	}
	// A report is written of what was measured.
	ctx, cancel := context.WithCancel(t.Context())
	dir := t.TempDir()
	told := &interrupting{cancel: cancel}
	part := &cli{ctx: ctx, in: strings.NewReader(""), out: new(strings.Builder), err: told}
	assert.Equal(t, exitInterrupted, part.main(strings.Fields("report --updates 300 --rounds 1 --out "+dir+small+t.TempDir())))
	assert.Contains(t, told.String(), "storebench: report: update-heavy, part 1 of 12, is measured")
	assert.NotContains(t, told.String(), "part 2 of 8")
	table, err := os.ReadFile(filepath.Join(dir, "compare.csv"))
	require.NoError(t, err)
	assert.Equal(t, len(measure.Names()), bytes.Count(table, []byte(",update-heavy,")))
	assert.NotContains(t, string(table), "drifting")
	// What is interrupted at once leaves nothing behind.
	for _, line := range []string{"compare", "snapshots", "recovery", "lazy", "sweep", "global"} {
		dir := t.TempDir()
		c := &cli{ctx: ctx, in: strings.NewReader(""), out: new(strings.Builder), err: new(strings.Builder)}
		assert.Equal(t, exitInterrupted, c.main(strings.Fields(line+" --keys 3000 --dir "+dir)), line)
		emptyDir(t, dir)
	}
	// Of nothing, where nothing was.
	dir = t.TempDir()
	var out, errs strings.Builder
	c := &cli{ctx: ctx, in: strings.NewReader(""), out: &out, err: &errs}
	assert.Equal(t, exitInterrupted, c.main([]string{"report", "--out", dir}))
	page, err := os.ReadFile(filepath.Join(dir, "index.html"))
	require.NoError(t, err)
	assert.Contains(t, string(page), "Interrupted")
	assert.Contains(t, string(page), "Not measured.")
}

// TestFullSizes has a full report take sizes of its own, but for those that are given, and a
// report name a command with all that is given and differs from the defaults.
func TestFullSizes(t *testing.T) {
	for line, want := range map[string]string{
		"report --full":                              "--keys 100000 --updates 1000000 ",
		"report --full --keys 300":                   "--keys 300 --updates 1000000 ",
		"report --full --updates 20000":              "--keys 100000 --updates 20000 ",
		"report":                                     "--keys 20000 --updates 100000 ",
		"report --full --rounds 5 --engines lsm,map": "--keys 100000 --updates 1000000 --value-bytes 100 --seed 1 --rounds 5 --engines lsm,map --full --out ",
		"report --engines memory,appendlog,hybridlog,lsm,pebble,map,pebble-alone": "--keys 20000 --updates 100000 --value-bytes 100 --seed 1 --rounds 3 --out ",
		"report --value-bytes 9 --full=false":                                     "--keys 20000 --updates 100000 --value-bytes 9 --seed 1 --rounds 3 --out ",
	} {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		dir := t.TempDir()
		c := &cli{ctx: ctx, in: strings.NewReader(""), out: new(strings.Builder), err: new(strings.Builder)}
		require.Equal(t, exitInterrupted, c.main(append(strings.Fields(line), "--out", dir)), line)
		text, err := os.ReadFile(filepath.Join(dir, "report.md"))
		require.NoError(t, err)
		assert.Contains(t, string(text), "storebench report "+want, line)
	}
}

// TestRepeats: a full report takes as many snapshots in a row as the worst of them is given for.
func TestRepeats(t *testing.T) {
	assert.Equal(t, 200, reported{full: true}.repeats().series)
	assert.Less(t, reported{}.repeats().series, 200)
	code, help, _ := invoke(t, "report", "--help")
	assert.Equal(t, exitOK, code)
	assert.Regexp(t, `200\s+snapshots\s+in\s+a\s+row\s+in\s+place\s+of\s+20,`, help)
}

// full is an output without room, or without a reader.
type full struct{ why error }

func (f full) Write([]byte) (int, error) { return 0, f.why }

// TestNoRoom has no room for standard output, for what is kept, and for a report.
func TestNoRoom(t *testing.T) {
	run := func(why error, line string) (int, string) {
		var errs strings.Builder
		c := &cli{ctx: t.Context(), in: strings.NewReader(""), out: full{why}, err: &errs}
		return c.main(strings.Fields(line)), errs.String()
	}
	for _, line := range []string{
		"compare --engines memory --updates 100" + small + t.TempDir(), "snapshots --rounds 5000 --json" + small + t.TempDir(),
		"sweep --updates 100" + small + t.TempDir(), "recovery --keys 100 --dir " + t.TempDir(), "--help", "--version",
	} {
		code, errs := run(syscall.ENOSPC, line)
		assert.Equal(t, exitWrite, code, line)
		assert.Equal(t, 1, strings.Count(errs, "storebench:"), errs)
		assert.Contains(t, errs, "write standard output: no space left on device", line)
		code, _ = run(syscall.EPIPE, line)
		assert.Equal(t, exitClosedPipe, code, line)
	}
	blocked := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(blocked, nil, 0o600))
	for _, line := range []string{
		"report --out " + filepath.Join(blocked, "report"), "snapshots --keep " + filepath.Join(blocked, "kept"),
	} {
		code, out, errs := invoke(t, strings.Fields(line)...)
		assert.Equal(t, exitWrite, code, line)
		assert.Empty(t, out)
		assert.Contains(t, errs, "not a directory", line)
	}
}

func TestWorsen(t *testing.T) {
	c := &cli{}
	for _, code := range []int{exitInterrupted, exitClosedPipe, exitWrite, exitFailed} {
		c.worsen(code)
		require.Equal(t, code, c.code)
		c.worsen(exitOK)
		require.Equal(t, code, c.code)
	}
	var errs strings.Builder
	c = &cli{ctx: t.Context(), err: &errs}
	require.EqualError(t, c.ended(errors.New("an engine's")), "an engine's")
	require.NoError(t, c.ended(measure.ErrWrite))
	require.Equal(t, exitWrite, c.code)
	c.code = exitOK
	require.NoError(t, c.ended(fmt.Errorf("set: %w", syscall.ENOSPC)), "an engine on a full disk")
	require.Equal(t, exitWrite, c.code)
}
