package catalog

import (
	"regexp"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// TestParseNumbered holds the names of numbered files against a regular expression, those that
// nearly are some among them.
func TestParseNumbered(t *testing.T) {
	want := regexp.MustCompile(`^([0-9]{8,19})\.([a-z]+)$`)
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.OneOf(
			rapid.StringMatching(`[0-9]{6,21}\.[a-z]{0,3}`), rapid.StringMatching(`[0-9a:/]{7,9}[.]{0,2}[a-z{`+"`"+`A0]{0,3}`), rapid.String(),
		).Draw(t, "name")
		number, ext, ok := parseNumbered(name)
		m := want.FindStringSubmatch(name)
		require.Equal(t, m != nil, ok, name)
		if ok {
			n, err := strconv.ParseUint(m[1], 10, 64)
			require.NoError(t, err)
			require.Equal(t, n, number)
			require.Equal(t, m[2], ext)
		}
	})
}
