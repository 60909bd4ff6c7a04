package house_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/cmd/internal/house"
)

func tree(t *testing.T) (root string, packages []house.Package) {
	t.Helper()
	root, err := house.Root(".")
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
	packages, err = house.List(root)
	require.NoError(t, err)
	require.NotEmpty(t, packages)
	return root, packages
}

// TestHouseImports holds the import table over every package of the module.
func TestHouseImports(t *testing.T) {
	_, packages := tree(t)
	report(t, house.CheckTable(house.Rooms))
	report(t, house.CheckImports(house.Module, house.Rooms, house.InTests, packages))
	t.Logf("%d packages held against %d rows", len(packages), len(house.Rooms))
}

// TestHouseDeterminism runs the determinism check over every package below the
// outer ring.
func TestHouseDeterminism(t *testing.T) {
	root, packages := tree(t)
	var inner []string
	for _, p := range packages {
		rel := strings.TrimPrefix(p.ImportPath, house.Module+"/")
		if house.Judged(rel) && len(p.GoFiles) > 0 {
			inner = append(inner, p.ImportPath)
		}
	}
	require.NotEmpty(t, inner)
	found, err := house.Findings(root, inner)
	require.NoError(t, err)
	report(t, house.Excuse(found, house.Exceptions))
	t.Logf("%d packages are deterministic but for %d exceptions", len(inner), len(house.Exceptions))
}

// TestHouseDeterminismSeesViolations runs the same door over this package, which
// starts processes and so must be reported.
func TestHouseDeterminismSeesViolations(t *testing.T) {
	root, _ := tree(t)
	found, err := house.Findings(root, []string{house.Module + "/cmd/internal/house"})
	require.NoError(t, err)
	require.NotEmpty(t, found)
	assert.Contains(t, found[0].String(), "cmd/internal/house/")
	_, err = house.Findings(root, []string{house.Module + "/no/such/package"})
	require.Error(t, err)
}

// TestHouseLayout holds the table of the top level.
func TestHouseLayout(t *testing.T) {
	root, _ := tree(t)
	entries, err := os.ReadDir(root)
	require.NoError(t, err)
	report(t, house.CheckLayout(entries, house.TopLevel))
	ignored, err := os.ReadFile(filepath.Join(root, ".gitignore"))
	require.NoError(t, err)
	assert.Contains(t, strings.Split(string(ignored), "\n"), "/runs/", "what simfuzz leaves behind is never committed")
}

func TestRootWithoutModule(t *testing.T) {
	_, err := house.Root(t.TempDir())
	require.ErrorContains(t, err, "no go.mod")
}

// report fails once a line, so that the log shows each as its own message.
func report(t *testing.T, violations []string) {
	t.Helper()
	for _, v := range violations {
		t.Error(v)
	}
}
