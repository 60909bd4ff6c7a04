package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/cmd/storebench/internal/measure"
)

// TestGlobal: every engine is measured for every number of keys, what a worker holds comes
// back after it has lost its state, and an engine with incremental snapshots writes less than
// the full dump.
func TestGlobal(t *testing.T) {
	dir, out := t.TempDir(), filepath.Join(t.TempDir(), "a", "global")
	line := "global --keys 600,3000 --value-bytes 50 --rounds 4 --recoveries 2 --workers 3 --dir " + dir
	code, said, errs := invoke(t, strings.Fields(line+" --out "+out)...)
	require.Equal(t, exitOK, code, errs)
	fits(t, "global", said)
	emptyDir(t, dir)
	for _, e := range measure.GlobalEngines() {
		assert.Regexp(t, `(?m)^`+e+` +600 `, said)
		assert.Regexp(t, `(?m)^`+e+` +3000 `, said)
	}
	assert.Contains(t, said, "÷ full dump")
	assert.Contains(t, said, filepath.Join(out, "index.html"))
	page, err := os.ReadFile(filepath.Join(out, "index.html"))
	require.NoError(t, err)
	plots, err := filepath.Glob(filepath.Join(out, "*.svg"))
	require.NoError(t, err)
	assert.Len(t, plots, 9)
	assert.Equal(t, len(plots), strings.Count(string(page), "<svg"))
	assert.Contains(t, string(page), "full dump")
	assert.Contains(t, string(page), "storebench global --keys 600,3000 --value-bytes 50 --workers 3 --rounds 4 --recoveries 2 --percent 1 --dir "+dir+" --out "+out)
	table, err := os.ReadFile(filepath.Join(out, "global.csv"))
	require.NoError(t, err)
	assert.Equal(t, 1+2*len(measure.GlobalEngines()), bytes.Count(table, []byte("\n")))

	code, said, errs = invoke(t, strings.Fields(line+" --json")...)
	require.Equal(t, exitOK, code, errs)
	written := make(map[string]float64)
	for _, o := range objects(t, said) {
		if o["keys"] == 3000.0 {
			written[o["engine"].(string)] = o["snapshot_bytes"].(float64)
		}
		for _, what := range []string{"snapshot", "recovery", "transaction", "transaction_of_three"} {
			s := o[what+"_seconds"].(map[string]any)
			assert.Positive(t, s["p50"])
			assert.GreaterOrEqual(t, s["p99"], s["p50"])
		}
		assert.Positive(t, o["recovery_bytes"])
	}
	require.Len(t, written, len(measure.GlobalEngines()))
	for e, bytes := range written {
		if e != measure.DumpName {
			assert.Less(t, bytes, written[measure.DumpName]/2, e)
		}
	}
}

// TestGlobalNumbers: with as many keys as a transaction takes, and as the step from one to the next,
// no transaction has a key twice.
func TestGlobalNumbers(t *testing.T) {
	code, out, errs := invoke(t, strings.Fields("global --keys 3,7919 --engines lsm --rounds 1 --recoveries 1 --workers 2 --json --dir "+t.TempDir())...)
	require.Equal(t, exitOK, code, errs)
	assert.Len(t, objects(t, out), 2)
}

func TestGlobalUsage(t *testing.T) {
	for line, want := range map[string]string{
		"global --keys 10,5":         "want ascending numbers",
		"global --keys 2":            "want ascending numbers with commas between them, 3 to",
		"global --engines pebble":    `"pebble" is not one of memory`,
		"global --value-bytes 7":     "want a whole number, 8 to",
		"global --workers 1":         "want a whole number, 2 to 64",
		"global --percent 0":         "want a whole number, 1 to 100",
		"global --dir /nowhere/else": "not a directory",
	} {
		code, out, errs := invoke(t, strings.Fields(line)...)
		assert.Equal(t, exitUsage, code, line)
		assert.Empty(t, out, line)
		assert.Contains(t, errs, want, line)
	}
	code, out, _ := invoke(t, "global", "--help")
	assert.Equal(t, exitOK, code)
	fits(t, "global --help", out)
}
