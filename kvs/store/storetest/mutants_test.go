package storetest

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var mutants = flag.Bool("storetest.mutants", false, "build each of the thesis's defects into the engines and run a test that must fail on it; without, a few of them")

// kill is a test that must fail on a defect.
type kill struct {
	pkg  string // below kvs/store
	test string // and tests within, after slashes
}

// defect is what the code of Gavalas's thesis did, put into the engines here.
type defect struct {
	name string
	// file is below kvs/store; text stands there once, and is what the defect has another in place of.
	file, text, instead string
	kills               []kill
	// always has it built in each run of the package's tests.
	always bool
}

const (
	durability = "TestDamage/durability"
	smallOnes  = "TestSuite/small"
	onMerging  = "TestSuite/small merging"
)

var defects = []defect{
	{
		"a merge above the bottom drops tombstones", "lsm/merge.go",
		"if rec.Kind == record.Value || !m.bottom {", "if rec.Kind == record.Value {",
		[]kill{{"lsm", "TestSuite/seeded"}}, false,
	},
	{
		"a merge of logs above the bottom drops tombstones", "internal/logset/merge.go",
		"if live || m.bottom || m.tombs[string(r.Key)] {", "if live || len(r.Value) == 0 {",
		[]kill{{"appendlog", onMerging}, {"hybridlog", onMerging}}, false,
	},
	{
		"the append log logs no deletes", "appendlog/engine.go",
		"	e.buf = record.Append(e.buf, e.log.Salt(), off, r)\n	e.log.Grow(size)\n",
		"	if len(value) > 0 {\n		e.buf = record.Append(e.buf, e.log.Salt(), off, r)\n		e.log.Grow(size)\n	}\n",
		[]kill{{"appendlog", smallOnes}}, false,
	},
	{
		"an idle snapshot publishes", "internal/catalog/publish.go",
		"return s.Parent, true, nil", "return s.Parent, false, nil",
		[]kill{{"memory", smallOnes}, {"appendlog", smallOnes}, {"hybridlog", smallOnes}, {"lsm", smallOnes}}, false,
	},
	{
		"the append log's published active file takes more, which is never uploaded", "appendlog/engine.go",
		"Sealed: none,", "Sealed: func() {},", []kill{{"appendlog", durability}}, false,
	},
	{
		"the hybrid log's published active file takes more, which is never uploaded", "hybridlog/engine.go",
		"return g.made && !e.core.Set.Growing(g.file)", "return false", []kill{{"hybridlog", "TestSuite/failing"}}, true,
	},
	{
		"the LSM tree's active table is never uploaded", "lsm/versions.go",
		"	if err := e.spillNoted(); err != nil { // then there is no log: one is begun with its first record\n		return 0, err\n	}\n", "",
		[]kill{{"lsm", durability}}, false,
	},
	{
		"addresses of files that are gone are not used again", "internal/logset/file.go",
		"	v.free = append(v.free, f.slot)\n", "", []kill{{"internal/logset", "TestSlotsAreUsedAgain"}}, false,
	},
	{
		"the append log is buffered past a group", "appendlog/engine.go",
		"e.waiting >= e.opts.GroupWrites", "e.waiting > e.opts.GroupWrites", []kill{{"appendlog", durability}}, false,
	},
	{
		"the append log is buffered past a write", "appendlog/engine.go",
		"case e.opts.Durability == store.EveryWrite,\n		e.opts", "case e.opts", []kill{{"appendlog", durability}}, false,
	},
	{
		"the hybrid log is buffered past a group", "hybridlog/engine.go",
		"e.waiting >= e.opts.GroupWrites", "e.waiting > e.opts.GroupWrites", []kill{{"hybridlog", durability}}, true,
	},
	{
		"the hybrid log is buffered past a write", "hybridlog/engine.go",
		"e.opts.Durability == store.EveryWrite || e.opts", "e.opts", []kill{{"hybridlog", durability}}, false,
	},
	{
		"the write-ahead log is buffered past a group", "lsm/wal.go",
		"w.waiting >= e.opts.GroupWrites", "w.waiting > e.opts.GroupWrites", []kill{{"lsm", durability}}, false,
	},
	{
		"the write-ahead log is buffered past a write", "lsm/wal.go",
		"case e.opts.Durability == store.EveryWrite,\n		e.opts", "case e.opts", []kill{{"lsm", durability}}, false,
	},
	{
		"a log is not folded over by a snapshot", "internal/logset/engine.go",
		"	if err := e.hooks.Harden(); err != nil {\n		return 0, fmt.Errorf(\"snapshot: %w\", err)\n	}\n", "",
		[]kill{{"appendlog", durability}, {"hybridlog", durability}}, false,
	},
	{
		"a clean close loses the memtable", "lsm/engine.go",
		"if err = e.spill(); err != nil && e.harden() == nil {", "if false {", []kill{{"lsm", smallOnes}}, true,
	},
	{
		"a clean close of a log loses what is in memory", "internal/logset/engine.go",
		"	if e.Set.Ready(\"close\") == nil {\n		err = e.hooks.Harden()\n	}\n", "",
		[]kill{{"appendlog", smallOnes}, {"hybridlog", smallOnes}}, false,
	},
}

// TestDefects looks each defect's place up, and builds some of them, or with -storetest.mutants
// all, one at a time. A defect is killed if the engine's package builds with it, and a test fails
// on it that passes without.
func TestDefects(t *testing.T) {
	base, err := filepath.Abs("..")
	require.NoError(t, err)
	right := rightly{base: base, passed: map[kill]bool{}, binaries: map[string]string{}, dir: t.TempDir()}
	killed := 0
	for _, d := range defects {
		t.Run(d.name, func(t *testing.T) {
			file := filepath.Join(base, filepath.FromSlash(d.file))
			source, err := os.ReadFile(file)
			require.NoError(t, err)
			require.Equal(t, 1, strings.Count(string(source), d.text), "%s has its place in %s once", d.text, d.file)
			if !*mutants && (!d.always || testing.Short()) {
				return
			}
			changed := strings.Replace(string(source), d.text, d.instead, 1)
			for _, k := range d.kills {
				right.requirePass(t, k)
				requireKilled(t, base, file, changed, k)
			}
			killed++
		})
	}
	t.Logf("%d of %d defects were built, and killed", killed, len(defects))
}

// rightly builds and runs tests on the engines as they are, each once.
type rightly struct {
	base, dir string
	passed    map[kill]bool
	binaries  map[string]string // by package
}

// requirePass runs a test on the engine as it is, which it must pass.
func (r *rightly) requirePass(t *testing.T, k kill) {
	t.Helper()
	if r.passed[k] {
		return
	}
	binary := r.binaries[k.pkg]
	if binary == "" {
		binary = filepath.Join(r.dir, strings.ReplaceAll(k.pkg, "/", "-")+".test")
		requireBuilt(t, filepath.Join(r.base, filepath.FromSlash(k.pkg)), binary)
		r.binaries[k.pkg] = binary
	}
	out, err := runTest(t, binary, filepath.Join(r.base, filepath.FromSlash(k.pkg)), k.test)
	require.NoError(t, passes(k.test, string(out), err), "a test that fails anyway kills nothing")
	r.passed[k] = true
}

// requireKilled builds a package's tests with one file changed, and runs one, which must fail.
func requireKilled(t *testing.T, base, file, changed string, k kill) {
	t.Helper()
	dir, tmp := filepath.Join(base, filepath.FromSlash(k.pkg)), t.TempDir()
	mutant, overlay, binary := filepath.Join(tmp, "mutant.go"), filepath.Join(tmp, "overlay.json"), filepath.Join(tmp, "mutant.test")
	require.NoError(t, os.WriteFile(mutant, []byte(changed), 0o600))
	b, err := json.Marshal(map[string]map[string]string{"Replace": {file: mutant}})
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(overlay, b, 0o600))
	requireBuilt(t, dir, binary, "-overlay", overlay)
	out, err := runTest(t, binary, dir, k.test)
	require.NoError(t, kills(k.test, string(out), err), "in %s", k.pkg)
	t.Logf("killed by %s of %s", k.test, k.pkg)
}

// requireBuilt builds the tests of the package in dir.
func requireBuilt(t *testing.T, dir, binary string, flags ...string) {
	t.Helper()
	build := exec.CommandContext(t.Context(), "go", append(append([]string{"test", "-c", "-o", binary}, flags...), ".")...)
	build.Dir = dir
	out, err := build.CombinedOutput()
	require.NoError(t, err, "what does not build shows nothing: %s", out)
}

const patience = 5 * time.Minute

// runTest runs one test of a binary, with all within.
func runTest(t *testing.T, binary, dir, test string) ([]byte, error) {
	t.Helper()
	var only []string
	for _, name := range strings.Split(marked(test), "/") {
		only = append(only, "^"+regexp.QuoteMeta(name)+"$")
	}
	run := exec.CommandContext(t.Context(), binary, "-test.v", "-test.failfast", "-test.run", strings.Join(only, "/"),
		"-test.timeout", patience.String(), "-rapid.nofailfile", "-rapid.shrinktime=0s", "-rapid.seed=1")
	run.Dir = dir
	return run.CombinedOutput()
}

// marked is a test's name as it stands in the output.
func marked(test string) string { return strings.ReplaceAll(test, " ", "_") }

// The ways in which a run of a test is no kill.
var (
	errSurvives  = errors.New("the test passes")
	errOtherwise = errors.New("the run ended otherwise than by the test's failure")
)

// passes returns nil if a run that ended with err is one in which the test was run, and passed.
func passes(test, out string, err error) error {
	if err != nil || !strings.Contains(out, "--- PASS: "+marked(test)+" (") {
		return fmt.Errorf("%s was not run, or did not pass: %w\n%s", test, err, tail(out))
	}
	return nil
}

// kills returns nil if a run that ended with err is one in which the test failed: what ended it was
// neither the time, nor a signal, nor another test.
func kills(test, out string, err error) error {
	var exit *exec.ExitError
	switch {
	case err == nil:
		return fmt.Errorf("%w: %s\n%s", errSurvives, test, tail(out))
	case !errors.As(err, &exit) || !exit.Exited() || strings.Contains(out, "panic: test timed out"),
		!strings.Contains(out, "--- FAIL: "+marked(test)+" ("):
		return fmt.Errorf("%w: %s: %w\n%s", errOtherwise, test, err, tail(out))
	}
	return nil
}

// tail is the end of an output.
func tail(out string) string { return out[max(0, len(out)-2000):] }

// TestKills tells a kill from what is none.
func TestKills(t *testing.T) {
	exit := func(code string) error { return exec.CommandContext(t.Context(), "sh", "-c", code).Run() }
	const failed = "--- FAIL: TestA (0.00s)\n    --- FAIL: TestA/b_c (0.00s)\nFAIL\n"
	require.NoError(t, kills("TestA/b c", failed, exit("exit 1")))
	require.NoError(t, kills("TestA/b c", failed+"panic: index out of range\n", exit("exit 2")))
	require.ErrorIs(t, kills("TestA/b c", "--- PASS: TestA/b_c (0.00s)\n", nil), errSurvives)
	require.ErrorIs(t, kills("TestA/b c", "testing: warning: no tests to run\nPASS\n", nil), errSurvives)
	for _, other := range []string{
		"", "FAIL\n", "--- FAIL: TestA/b (0.00s)\nFAIL\n", "--- FAIL: TestA/b_c/d (0.00s)\nFAIL\n", failed + "panic: test timed out after 1s\n",
	} {
		require.ErrorIs(t, kills("TestA/b c", other, exit("exit 1")), errOtherwise, other)
	}
	require.ErrorIs(t, kills("TestA/b c", failed, exit("kill -9 $$")), errOtherwise)
	require.ErrorIs(t, kills("TestA/b c", failed, os.ErrNotExist), errOtherwise)
	require.NoError(t, passes("TestA/b c", "    --- PASS: TestA/b_c (0.00s)\nPASS\n", nil))
	require.Error(t, passes("TestA/b c", "testing: warning: no tests to run\nPASS\n", nil), "it was not run")
	require.Error(t, passes("TestA/b c", failed, exit("exit 1")))
}
