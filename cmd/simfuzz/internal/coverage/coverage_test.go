package coverage_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/cmd/simfuzz/internal/coverage"
)

// module writes a program that reaches the branch of a package that its argument names.
func module(t *testing.T, store string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"go.mod":                 "module example.org/counted\n\ngo 1.26\n",
		"store/store.go":         store,
		"store/unused/unused.go": "package unused\n\nfunc F() int { return 1 }\n",
		"cmd/tool/main.go": "package main\n\nimport (\n\t\"os\"\n\n\t\"example.org/counted/store\"\n)\n\n" +
			"func main() {\n\tif store.Do(os.Args[1]) {\n\t\tos.Exit(3)\n\t}\n}\n",
	} {
		require.NoError(t, os.MkdirAll(filepath.Join(dir, filepath.Dir(name)), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	return dir
}

const store = `package store

func Do(what string) bool {
	switch what {
	case "a":
		return true
	case "b":
		what += "c"
		return what == ""
	}
	return false
}
`

func TestCount(t *testing.T) {
	if testing.Short() {
		t.Skip("builds programs; skipped by -short")
	}
	p, err := coverage.Build(t.Context(), module(t, store), "./cmd/tool", "./store/...")
	require.NoError(t, err)
	defer func() { assert.NoError(t, p.Close()) }()
	run := func(what string, code int) coverage.Count {
		cmd := exec.Command(p.Path, what)
		cmd.Env = append(os.Environ(), p.Variable())
		if err := cmd.Run(); code == 0 {
			require.NoError(t, err)
		}
		assert.Equal(t, code, cmd.ProcessState.ExitCode())
		c, err := p.Count(t.Context())
		require.NoError(t, err)
		assert.Equal(t, []string{"store"}, c.Packages, "the program's own statements do not count, nor packages that it does not contain")
		assert.Equal(t, 5, c.Statements)
		return c
	}
	c := run("", 0)
	assert.Equal(t, 2, c.Reached)
	assert.Equal(t, []coverage.Block{{File: "store/store.go", Func: "Do", First: 5, Last: 6, Statements: 1}, {File: "store/store.go", Func: "Do", First: 7, Last: 9, Statements: 2}}, c.Never)
	c = run("a", 3)
	assert.Equal(t, 3, c.Reached, "runs add up, also those that fail")
	c = run("b", 0)
	assert.Equal(t, 5, c.Reached)
	assert.Empty(t, c.Never)
}

func TestBuildFails(t *testing.T) {
	_, err := coverage.Build(t.Context(), module(t, "package store\n\nfunc Do(string) bool { return 1 }\n"), "./cmd/tool", "./store/...")
	require.ErrorIs(t, err, coverage.ErrBuild)
}
