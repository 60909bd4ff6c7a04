package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/cmd/storebench/internal/measure"
)

func TestReport(t *testing.T) {
	out := filepath.Join(t.TempDir(), "a", "report")
	line := "report --updates 300 --rounds 1 --out " + out + small + t.TempDir()
	code, said, errs := invoke(t, strings.Fields(line)...)
	require.Equal(t, exitOK, code, errs)
	assert.Equal(t, filepath.Join(out, "index.html")+"\n", said)
	page, err := os.ReadFile(filepath.Join(out, "index.html"))
	require.NoError(t, err)
	assert.Equal(t, 5, strings.Count(string(page), "<h2 "), "five questions")
	assert.Equal(t, 1, strings.Count(string(page), "<main>"), "what a reader of the screen looks for")
	assert.Contains(t, string(page), "prefers-color-scheme: dark")
	assert.NotContains(t, string(page), "Not measured.")
	assert.NotContains(t, string(page), "Interrupted")
	plots, err := filepath.Glob(filepath.Join(out, "*.svg"))
	require.NoError(t, err)
	assert.Equal(t, len(plots), strings.Count(string(page), "<svg"), "each plot is in the page")
	assert.Len(t, plots, len(measure.Kinds())+1+len(measure.Sweeps())+3+3+9)
	for _, p := range plots {
		png, err := os.ReadFile(strings.TrimSuffix(p, "svg") + "png")
		require.NoError(t, err)
		assert.True(t, bytes.HasPrefix(png, []byte("\x89PNG")))
	}
	for name, lines := range map[string]int{
		"compare.csv": len(measure.Kinds()) * len(measure.Names()), "sweep.csv": 4 * len(measure.Sweeps()), "snapshots.csv": 3 * len(measure.Engines()),
		"series.csv": 3, "recovery.csv": 6 * (2*len(measure.Engines()) - 1), "lazy.csv": 2, "global.csv": 2 * len(measure.GlobalEngines()),
	} {
		b, err := os.ReadFile(filepath.Join(out, name))
		require.NoError(t, err)
		assert.Equal(t, 1+lines, bytes.Count(b, []byte("\n")), name)
	}
	table, err := os.ReadFile(filepath.Join(out, "compare.csv"))
	require.NoError(t, err)
	assert.Regexp(t, `(?m)^map,update-heavy,[0-9.]+,[0-9.]+,[0-9.]+,0,,,,,,,[0-9]+$`, string(table), "no zeros for what the map does not have")
	text, err := os.ReadFile(filepath.Join(out, "report.md"))
	require.NoError(t, err)
	for _, engine := range []string{"memory", "appendlog", "hybridlog", "lsm"} {
		assert.Regexp(t, "- "+engine+" opens .* after a crash in ", string(text))
	}
	assert.NotRegexp(t, "larger-than-memory: .*(map|memory) [0-9.]+ and", string(text), "what knows no budget is not compared under one")
	assert.Regexp(t, "update-heavy: 999 of 1000 sets take at most, in microseconds: memory [0-9]", string(text))
	assert.Regexp(t, "- lsm: a restore reads at most [1-9]", string(text))
	assert.Regexp(t, "update-heavy: sets and gets in multiples of Pebble's alone: memory [0-9]", string(text))
	assert.NotRegexp(t, "larger-than-memory: .*pebble-alone", string(text))
	assert.Regexp(t, "merging: 999 of 1000 sets .* Background merges that ended meanwhile: appendlog [0-9]", string(text))
	for _, engine := range []string{"appendlog", "hybridlog", "lsm"} {
		assert.Regexp(t, "- "+engine+": at 1% changed [0-9.]+ \\(worst [0-9.]+\\) of the changed bytes", string(text))
		assert.Regexp(t, "- "+engine+", 20 snapshots with 1% changed before each: .*worst.* is max\\(1, log_r\\(N\\)\\), [0-9.]+ after 21 versions", string(text))
		assert.Regexp(t, "- "+engine+" under workers, 300 keys: .* times a full dump", string(text))
	}
	assert.Regexp(t, "- lsm, opened lazily .* With 3000 keys that takes [0-9.]+ times as long as with 30[.]", string(text))
	assert.Contains(t, string(text), "| map | update-heavy |")
	assert.Regexp(t, `(?m)^\| map \| update-heavy \|.* - \| - \| - \|$`, string(text))
}

// TestReportEngines measures one engine in all parts of a report, and nothing else; the command that
// the report names makes the same.
func TestReportEngines(t *testing.T) {
	read := func(dir, name string) string {
		b, err := os.ReadFile(filepath.Join(dir, name))
		require.NoError(t, err)
		return string(b)
	}
	args := strings.Fields("report --updates 200 --rounds 1 --engines lsm --seed 7 --out " + t.TempDir() + small + t.TempDir())
	code, said, errs := invoke(t, args...)
	require.Equal(t, exitOK, code, errs)
	out := filepath.Dir(strings.TrimSpace(said))
	for _, name := range []string{"compare.csv", "sweep.csv", "snapshots.csv", "series.csv", "recovery.csv", "lazy.csv", "global.csv"} {
		table := read(out, name)
		assert.Contains(t, table, "lsm", name)
		for _, other := range []string{"memory", "appendlog", "hybridlog", "pebble", "pebble-alone", "map"} {
			assert.NotRegexp(t, "(?m)(^|,)"+other+",", table, name)
		}
	}
	text := read(out, "report.md")
	assert.NotContains(t, text, "Not measured.")
	assert.Regexp(t, "- lsm under workers, 300 keys: a snapshot takes .* and writes [0-9.]+ kB", text)
	_, made, found := strings.Cut(text, "Made by `storebench ")
	require.True(t, found)
	made, _, _ = strings.Cut(made, "`")
	assert.Equal(t, "report --keys 300 --updates 200 --value-bytes 20 --seed 7 --rounds 1 --dir "+args[len(args)-1]+" --engines lsm --out "+out, made)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	again := &cli{ctx: ctx, in: strings.NewReader(""), out: new(strings.Builder), err: new(strings.Builder)}
	assert.Equal(t, exitInterrupted, again.main(strings.Fields(made)), "it is a command")
	assert.Contains(t, read(out, "report.md"), "`storebench "+made+"`")

	out = t.TempDir()
	code, _, errs = invoke(t, strings.Fields("report --updates 200 --rounds 1 --engines map --out "+out+small+t.TempDir())...)
	require.Equal(t, exitOK, code, errs)
	assert.Equal(t, 3, strings.Count(read(out, "report.md"), "Not measured."), "the map has neither parameters nor a directory")
	assert.Contains(t, errs, "part 5 of 5")
}
