package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// regexpFind is the first group of an expression that must match a text.
func regexpFind(t *testing.T, expression, text string) string {
	t.Helper()
	found := regexp.MustCompile(expression).FindStringSubmatch(text)
	require.Len(t, found, 2, "%s in\n%s", expression, text)
	return found[1]
}

func TestProgramName(t *testing.T) {
	root, err := filepath.Abs("../..")
	require.NoError(t, err)
	hash := strings.Repeat("0123456789abcdef", 4)
	for _, c := range []struct{ called, executable, dir, want string }{
		{"simfuzz", "/usr/local/bin/simfuzz", root, "simfuzz"},
		{"./simfuzz", "/home/me/simfuzz", "/home/me", "./simfuzz"},
		{"/a b/simfuzz", "/a b/simfuzz", root, "'/a b/simfuzz'"},
		{"simfuzz", "/home/me/go-build/bin/simfuzz", root, "simfuzz"},
		{"/tmp/go-build123/b001/exe/simfuzz", "/tmp/go-build123/b001/exe/simfuzz", root, "go run ./cmd/simfuzz"},
		{"x", "/home/me/.cache/go-build/04/" + hash + "-d/simfuzz", root, "go run ./cmd/simfuzz"},
		{"x", "/tmp/go-build123/b001/exe/simfuzz", filepath.Join(root, "cmd"), "go run ./simfuzz"},
		{"x", "/tmp/go-build123/b001/exe/simfuzz", filepath.Join(root, "cmd", "simfuzz"), "go run ."},
		{"x", "/tmp/go-build123/b001/exe/simfuzz", filepath.Join(root, "laws", "zoo"), "go run ../../cmd/simfuzz"},
		{"x", "/tmp/go-build123/b001/exe/simfuzz", t.TempDir(), "go run github.com/joinery-go/joinery/cmd/simfuzz"},
	} {
		assert.Equal(t, c.want, programName(c.called, c.executable, c.dir), "%+v", c)
	}
}

// The last line of a failing run is a command that runs the failure again, by the
// program that printed it, however that was called.
func TestReplayHint(t *testing.T) {
	program := built(t)
	here, err := os.Getwd()
	require.NoError(t, err)
	for name, c := range map[string]struct {
		dir  string
		run  []string
		hint string
	}{
		"installed": {t.TempDir(), []string{program}, regexp.QuoteMeta(program)},
		"go run":    {here, []string{"go", "run", "-buildvcs=false", "."}, `go run \.`},
	} {
		t.Run(name, func(t *testing.T) {
			out := filepath.Join(t.TempDir(), "failing runs") // a path that needs quotes
			args := append(c.run, "run", "--seed", failingSeed, "--seeds", "1", "--faults", unexcusedFaults, "--out", out)
			cmd := exec.CommandContext(t.Context(), args[0], args[1:]...)
			cmd.Dir = c.dir
			var errs bytes.Buffer
			cmd.Stderr = &errs
			text, err := cmd.Output()
			require.Error(t, err, "it fails")
			hint := regexpFind(t, `replay with:\n(`+c.hint+` replay '.*/failing runs/seed-59/shrunk\.json')\n$`, string(text))
			again := exec.CommandContext(t.Context(), "sh", "-c", hint+" --quiet")
			again.Dir = c.dir
			text, err = again.Output()
			require.Error(t, err, "the pasted command fails alike")
			assert.Equal(t, 1, again.ProcessState.ExitCode())
			assert.Contains(t, string(text), "violations   1\n")
		})
	}
}

func TestVersion(t *testing.T) {
	code, out, errs := invoke(t, "", "--version")
	assert.Equal(t, exitOK, code, errs)
	assert.Regexp(t, `^simfuzz .*, go1\.\d+.* \w+/\w+\n$`, out)
	short, _, _ := invoke(t, "", "-v")
	assert.Equal(t, exitOK, short)
}
