package archtest_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/cmd/internal/archtest"
)

func tree(t *testing.T) (root string, packages []archtest.Package) {
	t.Helper()
	root, err := archtest.Root(".")
	require.NoError(t, err)
	// The go command remembers a passing test by the files that the test opened.
	// Those that "go list" opens it does not see, so open every folder here: else a
	// new violation would hide behind a remembered pass.
	require.NoError(t, filepath.WalkDir(root, func(_ string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() && d.Name() == ".git" {
			return filepath.SkipDir
		}
		return err
	}))
	packages, err = archtest.List(root)
	require.NoError(t, err)
	require.NotEmpty(t, packages)
	return root, packages
}

// TestArchitectureImports holds the import table over every package of the module.
func TestArchitectureImports(t *testing.T) {
	_, packages := tree(t)
	report(t, archtest.CheckTable(archtest.Rooms))
	report(t, archtest.CheckImports(archtest.Module, archtest.Rooms, archtest.InTests, packages))
	t.Logf("%d packages held against %d rows", len(packages), len(archtest.Rooms))
}

// TestArchitectureDeterminism runs the determinism check over every package below the
// outer ring.
func TestArchitectureDeterminism(t *testing.T) {
	root, packages := tree(t)
	var inner []string
	for _, p := range packages {
		rel := strings.TrimPrefix(p.ImportPath, archtest.Module+"/")
		if archtest.Judged(rel) && len(p.GoFiles) > 0 {
			inner = append(inner, p.ImportPath)
		}
	}
	require.NotEmpty(t, inner)
	found, err := archtest.Findings(root, inner)
	require.NoError(t, err)
	report(t, archtest.Excuse(found, archtest.Exceptions))
	t.Logf("%d packages are deterministic but for %d exceptions", len(inner), len(archtest.Exceptions))
}

// TestArchitectureDeterminismSeesViolations runs the same door over this package, which
// starts processes and so must be reported.
func TestArchitectureDeterminismSeesViolations(t *testing.T) {
	root, _ := tree(t)
	found, err := archtest.Findings(root, []string{archtest.Module + "/cmd/internal/archtest"})
	require.NoError(t, err)
	require.NotEmpty(t, found)
	assert.Contains(t, found[0].String(), "cmd/internal/archtest/")
	_, err = archtest.Findings(root, []string{archtest.Module + "/no/such/package"})
	require.Error(t, err)
}

// TestArchitectureLayout holds the table of the top level.
func TestArchitectureLayout(t *testing.T) {
	root, _ := tree(t)
	entries, err := os.ReadDir(root)
	require.NoError(t, err)
	report(t, archtest.CheckLayout(entries, archtest.TopLevel))
	ignored, err := os.ReadFile(filepath.Join(root, ".gitignore"))
	require.NoError(t, err)
	assert.Contains(t, strings.Split(string(ignored), "\n"), "/runs/", "what simfuzz leaves behind is never committed")
}

func TestRootWithoutModule(t *testing.T) {
	_, err := archtest.Root(t.TempDir())
	require.ErrorContains(t, err, "no go.mod")
}

// report fails once a line, so that the log shows each as its own message.
func report(t *testing.T, violations []string) {
	t.Helper()
	for _, v := range violations {
		t.Error(v)
	}
}
