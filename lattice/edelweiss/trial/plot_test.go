package trial_test

import (
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/lattice/edelweiss/trial"
)

// TestPlotTitles: a title reads in a plot as it was written, whatever file it names.
func TestPlotTitles(t *testing.T) {
	const title = "a&b<c>d &amp; &lt;e&gt;"
	var b strings.Builder
	require.NoError(t, trial.WriteSVG(&b, title, []trial.Sample{{At: 0, Tables: 1, Original: 2}, {At: 5, Tables: 1, Original: 3}}))
	var texts []string
	for d := xml.NewDecoder(strings.NewReader(b.String())); ; {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err)
		if text, ok := token.(xml.CharData); ok {
			texts = append(texts, string(text))
		}
	}
	assert.Contains(t, texts, title)
}
