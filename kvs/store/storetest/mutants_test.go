package storetest

import (
	"encoding/json"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var mutants = flag.Bool("storetest.mutants", false, "build each of the thesis's defects into the engines and run their tests on it")

// defects are those that the code of Gavalas's thesis had, put into the engines here:
// text of a file below kvs/store that stands there once, what the defect has in its
// place, and the packages below kvs/store whose tests must each fail on it.
var defects = []struct {
	name, file, text, defect string
	packages                 []string
}{
	{
		"a merge above the bottom drops tombstones", "lsm/merge.go",
		"if rec.Kind == record.Value || !m.bottom {", "if rec.Kind == record.Value {", []string{"lsm"},
	},
	{
		"a merge of logs above the bottom drops tombstones", "internal/logset/merge.go",
		"if live || m.bottom || m.tombs[string(r.Key)] {", "if live || len(r.Value) == 0 {", []string{"appendlog", "hybridlog"},
	},
	{
		"the append log logs no deletes", "appendlog/engine.go",
		"	e.buf = record.Append(e.buf, e.log.Salt(), off, r)\n	e.log.Grow(size)\n",
		"	if len(value) > 0 {\n		e.buf = record.Append(e.buf, e.log.Salt(), off, r)\n		e.log.Grow(size)\n	}\n",
		[]string{"appendlog"},
	},
	{
		"an idle snapshot publishes", "internal/catalog/publish.go",
		"return s.Parent, true, nil", "return s.Parent, false, nil",
		[]string{"memory", "appendlog", "hybridlog", "lsm"},
	},
	{
		"the published active file takes more, which is never uploaded", "appendlog/engine.go",
		"Sealed: none,", "Sealed: func() {},", []string{"appendlog"},
	},
	{
		"addresses of files that are gone are not used again", "internal/logset/file.go",
		"	v.free = append(v.free, f.slot)\n", "", []string{"internal/logset"},
	},
	{
		"the append log is buffered past a group", "appendlog/engine.go",
		"e.waiting >= e.opts.GroupWrites", "e.waiting > e.opts.GroupWrites", []string{"appendlog"},
	},
	{
		"the append log is buffered past a write", "appendlog/engine.go",
		"case e.opts.Durability == store.EveryWrite,\n		e.opts", "case e.opts", []string{"appendlog"},
	},
	{
		"a log is not folded over by a snapshot", "internal/logset/engine.go",
		"	if err := e.hooks.Harden(); err != nil {\n		return 0, fmt.Errorf(\"snapshot: %w\", err)\n	}\n", "", []string{"appendlog", "hybridlog"},
	},
	{
		"the write-ahead log is buffered past a group", "lsm/wal.go",
		"w.waiting >= e.opts.GroupWrites", "w.waiting > e.opts.GroupWrites", []string{"lsm"},
	},
	{
		"a clean close loses the memtable", "lsm/engine.go",
		"if err = e.spill(); err != nil && e.harden() == nil {", "if false {", []string{"lsm"},
	},
	{
		"a clean close of a log loses what is in memory", "internal/logset/engine.go",
		"	if e.Set.Ready(\"close\") == nil {\n		err = e.hooks.Harden()\n	}\n", "", []string{"appendlog", "hybridlog"},
	},
}

// TestDefects looks each defect's place up, and with -storetest.mutants runs the
// engines' tests on it, one defect at a time.
func TestDefects(t *testing.T) {
	base, err := filepath.Abs("..")
	require.NoError(t, err)
	for _, d := range defects {
		t.Run(d.name, func(t *testing.T) {
			path := filepath.Join(base, filepath.FromSlash(d.file))
			source, err := os.ReadFile(path)
			require.NoError(t, err)
			require.Equal(t, 1, strings.Count(string(source), d.text), "%s has its place in %s once", d.text, d.file)
			if *mutants {
				changed := strings.Replace(string(source), d.text, d.defect, 1)
				for _, p := range d.packages {
					requireKilled(t, path, changed, filepath.Join(base, filepath.FromSlash(p)))
				}
			}
		})
	}
}

// requireKilled runs a package's tests with one file changed; they must build, and fail.
func requireKilled(t *testing.T, path, changed, dir string) {
	t.Helper()
	tmp := t.TempDir()
	mutant, overlay, binary := filepath.Join(tmp, "mutant.go"), filepath.Join(tmp, "overlay.json"), filepath.Join(tmp, "mutant.test")
	require.NoError(t, os.WriteFile(mutant, []byte(changed), 0o600))
	b, err := json.Marshal(map[string]map[string]string{"Replace": {path: mutant}})
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(overlay, b, 0o600))
	build := exec.Command("go", "test", "-c", "-overlay", overlay, "-o", binary, ".")
	build.Dir = dir
	out, err := build.CombinedOutput()
	require.NoError(t, err, "a mutant that does not build shows nothing: %s", out)
	run := exec.Command(binary, "-test.failfast", "-rapid.nofailfile", "-rapid.shrinktime=0s")
	run.Dir = dir
	out, err = run.CombinedOutput()
	require.Error(t, err, "%s survives", dir)
	for _, line := range strings.Split(string(out), "\n") {
		if strings.Contains(line, "--- FAIL") || strings.HasPrefix(line, "panic:") {
			t.Logf("%s: %s", filepath.Base(dir), strings.TrimSpace(line))
		}
	}
}
