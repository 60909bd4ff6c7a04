package adopters_test

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The README names each library at the version that go.mod pins, and the tests that
// there are.
func TestReadme(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	require.NoError(t, err)
	mod, err := os.ReadFile("go.mod")
	require.NoError(t, err)
	rows := regexp.MustCompile("(?m)^\\| `([^` ]+) (v[^`]+)`").FindAllStringSubmatch(string(readme), -1)
	require.Len(t, rows, 12, "libraries")
	for _, row := range rows {
		assert.Contains(t, string(mod), "\t"+row[1]+" "+row[2]+"\n", "the pinned version of %s", row[1])
	}

	files, err := filepath.Glob("*_test.go")
	require.NoError(t, err)
	tests := map[string]bool{}
	for _, f := range files {
		source, err := os.ReadFile(f)
		require.NoError(t, err)
		for _, name := range regexp.MustCompile(`(?m)^func (Test[A-Z]\w*)\(t \*testing\.T\)`).FindAllSubmatch(source, -1) {
			tests[string(name[1])] = true
		}
	}
	delete(tests, "TestReadme")
	named := map[string]bool{}
	for _, name := range regexp.MustCompile("`(Test\\w+)`").FindAllSubmatch(readme, -1) {
		named[string(name[1])] = true
	}
	assert.Equal(t, tests, named)
}
