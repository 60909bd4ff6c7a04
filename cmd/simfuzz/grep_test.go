package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestGrep: rows of kept runs are found by what they say and by what is around them.
func TestGrep(t *testing.T) {
	dir := filepath.Dir(filepath.Dir(failingTape(t)))
	code, out, errs := invoke(t, "", "grep", "crash$", dir)
	require.Equal(t, exitOK, code, errs)
	assert.Regexp(t, `(?m)^.*/seed-59: [0-9.]+m?s n\d crash$`, out)
	assert.Regexp(t, `\n\d+ rows in 1 of 1 runs\n$`, out)

	code, out, _ = invoke(t, "", "grep", "crash$", "--json", "--most", "1000", dir)
	assert.Equal(t, exitOK, code)
	var all grepSummaryJSON
	lastJSON(t, out, &all)
	assert.Equal(t, all.Rows+1, strings.Count(out, "\n"), "a line each, and the summary")
	count := func(args ...string) int {
		_, out, _ := invoke(t, "", append([]string{"grep", "crash$", "--json", dir, "--same-node"}, args...)...)
		var sum grepSummaryJSON
		lastJSON(t, out, &sum)
		return sum.Rows
	}
	up, down := count("--followed-by", "start, life"), count("--not-followed-by", "start, life")
	assert.Positive(t, up, "nodes come back")
	assert.Equal(t, all.Rows, up+down, "either it is followed by a start or not")
	assert.Equal(t, all.Rows, count("--preceded-by", "gossip|request|durable")+count("--not-preceded-by", "gossip|request|durable"))
	assert.LessOrEqual(t, count("--followed-by", "start, life", "--within", "1ms"), up)

	code, out, _ = invoke(t, "", "grep", "no such thing", dir)
	assert.Equal(t, exitUndecided, code)
	assert.Equal(t, "0 rows in 0 of 1 runs\n", out)
	code, out, _ = invoke(t, "", "grep", "gossip", "--most", "1", dir)
	assert.Equal(t, exitOK, code)
	assert.Regexp(t, `: and \d+ more\n`, out)
}

func TestGrepRefuses(t *testing.T) {
	empty := t.TempDir()
	bad := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(bad, "diagram.txt"), []byte("my notes"), 0o600))
	for line, want := range map[string]string{
		"grep":                          "grep: want a pattern",
		"grep (":                        `grep: "(" is no regular expression`,
		"grep x --same-node":            "want --preceded-by or the like too",
		"grep x " + empty + "/none":     "no such file or directory",
		"grep x " + empty:               "want folders that hold diagram.txt",
		"grep x " + bad:                 "diagram.txt: faultlist: read diagram: no head",
		"grep x --preceded-by ( " + bad: "no regular expression",
	} {
		code, _, errs := invoke(t, "", strings.Fields(line)...)
		assert.Equal(t, exitFailed, code, line)
		assert.Contains(t, errs, want, line)
	}
}
