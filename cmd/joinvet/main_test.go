package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const example = "../../laws/example" // a module of its own that checks its merge

// run runs the go command in dir, outside of any workspace.
func run(t *testing.T, dir string, args ...string) (text string, ok bool) {
	t.Helper()
	cmd := exec.Command("go", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOWORK=off")
	out, err := cmd.CombinedOutput()
	return string(out), err == nil
}

// As a tool of go vet it finds a merge whose law check is taken out of an external test,
// which the go command does not look at for what it remembers, and is content when it is
// put back.
func TestGoVet(t *testing.T) {
	if _, err := exec.LookPath("go"); err != nil {
		t.Skip("no go command in PATH")
	}
	dir, err := filepath.Abs(t.TempDir())
	require.NoError(t, err)
	tool := filepath.Join(dir, "joinvet.exe")
	text, ok := run(t, ".", "build", "-o", tool, ".")
	require.True(t, ok, text)

	module := filepath.Join(dir, "bookmarks")
	require.NoError(t, os.CopyFS(module, os.DirFS(example)))
	root, err := filepath.Abs("../..")
	require.NoError(t, err)
	text, ok = run(t, module, "mod", "edit", "-replace", "github.com/joinery-go/joinery="+root)
	require.True(t, ok, text)

	test := filepath.Join(module, "bookmarks_test.go")
	with, err := os.ReadFile(test)
	require.NoError(t, err)
	const check = "laws.CheckMerge(t, bookmarks.Merge, rapid.Custom(drawShelf))"
	without := strings.Replace(string(with), check, "laws.CheckMerge(t, func(a, b int) int { return max(a, b) }, rapid.Int())", 1)
	require.NotEqual(t, string(with), without)

	for _, step := range []struct {
		test string
		ok   bool
	}{{string(with), true}, {without, false}, {string(with), true}} {
		require.NoError(t, os.WriteFile(test, []byte(step.test), 0o644))
		text, ok = run(t, module, "vet", "-mod=readonly", "-vettool="+tool, "./...")
		assert.Equal(t, step.ok, ok, text)
		assert.Equal(t, !step.ok, strings.Contains(text, "Merge merges Shelf, and no test of the package checks its laws"), text)
	}
}
