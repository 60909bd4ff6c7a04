package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestCheckPage: a verdict has a page with its history, the witness marked, whether it
// is by one model or by all levels.
func TestCheckPage(t *testing.T) {
	dir := folder(t, "bad.jsonl", encoded(t, 7), "good.jsonl", encoded(t, 1))
	page := filepath.Join(t.TempDir(), "page.html")
	read := func() string {
		text, err := os.ReadFile(page)
		require.NoError(t, err)
		return string(text)
	}
	bad := filepath.Join(dir, "bad.jsonl")
	code, out, errs := invoke(t, "", append(judge, "--html", page, bad)...)
	require.Equal(t, exitViolated, code, errs)
	assert.Contains(t, out, "violation")
	text := read()
	for _, want := range []string{"bad.jsonl: violation", `<section id="history"`, "By the model linearizable-register this is a violation", "★ witness", "(line 2)", "read x → 7", "check --model linearizable-register"} {
		assert.True(t, strings.Contains(text, want), want) // the page itself is long
	}
	assert.NotContains(t, text, `<section id="run"`)

	code, _, errs = invoke(t, "", "check", "--html", page, bad)
	require.Equal(t, exitViolated, code, errs)
	text = read()
	assert.Contains(t, text, "<dt>broken</dt>")
	assert.Contains(t, text, `<section id="violations"`)
	assert.Contains(t, text, "★ witness")

	code, _, errs = invoke(t, encoded(t, 1), "check", "--html", page, "-")
	require.Equal(t, exitOK, code, errs)
	text = read()
	assert.Contains(t, text, "The history is allowed.")
	assert.NotContains(t, text, "★ witness")

	code, _, errs = invoke(t, "", "check", "--html", page, dir)
	assert.Equal(t, exitFailed, code)
	assert.Contains(t, errs, "--html is of one history, not 2")
	code, _, errs = invoke(t, "", "check", "--html", bad, bad)
	assert.Equal(t, exitFailed, code)
	assert.Contains(t, errs, "is no page that a tool of joinery wrote")
}
