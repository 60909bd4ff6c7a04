package coverage

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestExplanations holds the table to the source: each function is there, and in one place of
// a reason.
func TestExplanations(t *testing.T) {
	list, err := Explanations()
	require.NoError(t, err)
	require.NotEmpty(t, list)
	known, seen := map[string]functions{}, map[Explanation]bool{}
	for _, x := range list {
		if known[x.File] == nil {
			known[x.File], err = functionsOf("../../../..", x.File)
			require.NoError(t, err)
		}
		found := false
		for _, f := range known[x.File] {
			found = found || f.name == x.Func
		}
		assert.True(t, found, "%s has no function %s", x.File, x.Func)
		x.Statements = 0
		assert.False(t, seen[x], "%s %s twice for one reason", x.File, x.Func)
		seen[x] = true
	}
}

func TestParseExplanations(t *testing.T) {
	list, err := parseExplanations("# about\n\nwhy: one\na/b.go T.f 3\na/b.go g 1\n\nwhy: two\na/c.go h 2\n")
	require.NoError(t, err)
	assert.Equal(t, []Explanation{{"a/b.go", "T.f", 3, "one"}, {"a/b.go", "g", 1, "one"}, {"a/c.go", "h", 2, "two"}}, list)
	for _, bad := range []string{"a/b.go f 1\n", "why: x\n\na/b.go f 1\n", "why: x\na/b.go f\n", "why: x\na/b.go f 0\n", "why: x\na/b.go f many\n"} {
		_, err := parseExplanations(bad)
		assert.ErrorIs(t, err, ErrUnreached, bad)
	}
}
