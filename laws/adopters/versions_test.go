package adopters_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The table of the README names each library at the version that go.mod pins, and
// every test that judges one.
func TestReadme(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	require.NoError(t, err)
	mod, err := os.ReadFile("go.mod")
	require.NoError(t, err)
	rows := regexp.MustCompile("(?m)^\\| `([^` ]+) (v[^`]+)`").FindAllStringSubmatch(string(readme), -1)
	require.NotEmpty(t, rows)
	for _, row := range rows {
		assert.Contains(t, string(mod), "\t"+row[1]+" "+row[2]+"\n", "the pinned version of %s", row[1])
	}
	files, err := os.ReadDir(".")
	require.NoError(t, err)
	for _, f := range files {
		if !strings.HasSuffix(f.Name(), "_test.go") {
			continue
		}
		source, err := os.ReadFile(f.Name())
		require.NoError(t, err)
		for _, library := range regexp.MustCompile(`(?m)^func Test([A-Z]\w*)\(t \*testing`).FindAllStringSubmatch(string(source), -1) {
			if name := library[1]; name != "Readme" {
				assert.Contains(t, string(readme), "`"+name+"`", "a test without its place in the README")
			}
		}
	}
}
