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

// TestCheckRunFolder: of the folder of a run the history is judged, and nothing else is
// taken for one; what is passed over is named. A page of it is a page of one history.
func TestCheckRunFolder(t *testing.T) {
	dir := filepath.Dir(failingTape(t))
	for _, name := range []string{"tape.json", "shrunk.json", "diagram.txt", "trace.txt", "ops.txt", "history.jsonl"} {
		require.FileExists(t, filepath.Join(dir, name))
	}
	_, out, errs := invoke(t, "", "check", dir)
	assert.Contains(t, out, "levels: 1 histories: ")
	assert.Contains(t, out, " 0 unreadable, ")
	for _, name := range []string{"tape.json", "shrunk.json", "diagram.txt", "trace.txt", "ops.txt", "violations.txt"} {
		assert.Contains(t, errs, filepath.Join(dir, name)+": skipped, it is of a run folder, whose history is history.jsonl")
	}
	page := filepath.Join(t.TempDir(), "page.html")
	code, _, errs := invoke(t, "", "check", "--html", page, dir)
	assert.NotEqual(t, exitFailed, code, errs)
	assert.FileExists(t, page)

	// Nor is what else lies beside a history.
	mixed := folder(t, "a.jsonl", encoded(t, 1), "notes.txt", "see also", "empty.jsonl", "")
	code, _, errs = invoke(t, "", "check", "--html", page, mixed)
	assert.Equal(t, exitOK, code, errs)
	assert.Contains(t, errs, "notes.txt: skipped, no history of a known format")

	bare := folder(t, "tape.json", `{"joinery_protocol_tape": 1}`, "ops.txt", "1 at 1ms")
	code, _, errs = invoke(t, "", "check", bare)
	assert.Equal(t, exitFailed, code)
	assert.Contains(t, errs, "no .jsonl or .edn")
}
