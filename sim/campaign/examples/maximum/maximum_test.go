package maximum_test

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/sim/campaign/examples/maximum"
	"github.com/joinery-go/joinery/sim/simtest"
)

func TestMaximum(t *testing.T) { simtest.Fuzz(t, maximum.Protocol(), simtest.Seeds(1, 2000)) }

// TestDocShowsIt: the doc of package campaign begins with this protocol, as it is.
func TestDocShowsIt(t *testing.T) {
	code, err := os.ReadFile("maximum.go")
	require.NoError(t, err)
	doc, err := os.ReadFile("../../doc.go")
	require.NoError(t, err)
	_, whole, found := strings.Cut(string(code), "package maximum\n\n")
	require.True(t, found)
	var shown strings.Builder
	for line := range strings.Lines(strings.TrimSpace(whole) + "\n") {
		if line != "\n" {
			line = "//\t" + line
		} else {
			line = "//\n"
		}
		shown.WriteString(line)
	}
	assert.Contains(t, string(doc), shown.String(), "copy it there, each line behind // and a tab")
}
