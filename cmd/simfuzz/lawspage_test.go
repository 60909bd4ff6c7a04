package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/gen"
	"github.com/joinery-go/joinery/lattice"
	"github.com/joinery-go/joinery/laws"
)

// timed is a value with a time; of two with one time the one that was there stays.
type timed struct {
	Time  uint8
	Value string
}

type keepsTies struct{}

func (keepsTies) MergeIn(target *timed, delta timed) bool {
	if delta.Time <= target.Time {
		return false
	}
	*target = delta
	return true
}

func (keepsTies) Compare(a, b timed) lattice.Order {
	var o lattice.Order
	if a.Time <= b.Time {
		o |= lattice.Less
	}
	if a.Time >= b.Time {
		o |= lattice.Greater
	}
	return o
}

func (keepsTies) Clone(v timed) timed { return v }

// TestLawsPage: a failed law has a page that draws the states which refute it, and says
// in what way their order is none.
func TestLawsPage(t *testing.T) {
	page := filepath.Join(t.TempDir(), "page.html")
	source := func(d *gen.Draw) timed {
		return timed{uint8(d.Index("time", 3)), []string{"a", "b"}[d.Index("value", 2)]}
	}
	check := func(args ...string) (int, string) {
		var out, errs strings.Builder
		c := &cli{ctx: t.Context(), in: strings.NewReader(""), out: &out, err: &errs, merges: func() []laws.Entry {
			return []laws.Entry{laws.Register("keeps ties", lattice.Merge[timed](keepsTies{}), gen.Independent(source))}
		}}
		return c.main(append([]string{"laws", "--html", page}, args...)), errs.String()
	}
	code, errs := check("--cases", "200")
	require.Equal(t, exitViolated, code, errs)
	read, err := os.ReadFile(page)
	require.NoError(t, err)
	for _, want := range []string{
		"keeps ties: ", " laws fail</title>", "keeps ties: semilattice/commutative", `<section id="orders"`, "<svg class=\"hasse\"", "The order calls A and B equal, and they are not",
		"simfuzz laws --seed 1 --cases 200",
	} {
		assert.True(t, strings.Contains(string(read), want), want) // the page itself is long
	}
	code, errs = check("--only", "semilattice/associative")
	assert.Equal(t, exitOK, code, errs)
	read, err = os.ReadFile(page)
	require.NoError(t, err)
	assert.Contains(t, string(read), "Every law that applies holds")
	assert.Regexp(t, `<dt>keeps ties holds</dt><dd>semilattice/associative: [a-z0-9() ]+, \d+ cases</dd>`, string(read), "which, and in how many cases")

	require.NoError(t, os.Remove(page))
	code, errs = check("--list")
	assert.Equal(t, exitFailed, code)
	assert.Contains(t, errs, "--list checks nothing, so there is no page for --html "+page)
	assert.NoFileExists(t, page)

	notes := filepath.Join(t.TempDir(), "notes.txt")
	require.NoError(t, os.WriteFile(notes, []byte("mine"), 0o600))
	code, _, errs = invoke(t, "", "laws", "--html", notes, "Or")
	assert.Equal(t, exitFailed, code)
	assert.Contains(t, errs, "is no page that a tool of joinery wrote")
}
