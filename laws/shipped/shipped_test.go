package shipped_test

import (
	"flag"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/laws"
	"github.com/joinery-go/joinery/laws/shipped"
)

// full has the table checked with the numbers of cases that the project's figures are
// about; without it the tests run a share of them.
var full = flag.Bool("shipped.full", os.Getenv("SHIPPED_FULL") != "", "check the table with 10,000 cases a law")

var update = flag.Bool("update", false, "write golden files instead of comparing with them")

// table is the table of shipped merges, whose proofs take a while.
var table = sync.OnceValue(shipped.Merges)

// No false alarm: every shipped merge, at random and over its universe, each a subtest, so
// that -run has them checked in parts. The matrix of what came of all of them is golden,
// numbers of cases left out but for -shipped.full.
func TestShippedMergesAreLawful(t *testing.T) {
	entries, cases := table(), 75
	if *full {
		cases = 10_000
	}
	var rows []laws.Row
	ran := 0
	for _, e := range entries {
		t.Run(e.Name, func(t *testing.T) {
			ran++
			of := laws.Rows([]laws.Entry{e}, laws.MatrixOptions{Seed: 1, Cases: cases})
			tried, alarms := 0, 0
			for _, r := range of {
				tried += r.Cases
				if !assert.True(t, r.OK, "%s: %s: %s\n%s", r.Merge, r.Law, r.Status, r.Why) {
					alarms++
				}
			}
			t.Logf("%d laws, %d cases, %d alarms", len(of), tried, alarms)
			rows = append(rows, of...)
		})
	}
	if ran < len(entries) {
		t.Logf("%d of %d merges: the documents are compared where all of them are checked", ran, len(entries))
		return
	}
	for file, text := range map[string]string{
		"testdata/matrix.txt": laws.Render(rows),
		"MERGES.md":           merges + laws.Markdown(rows),
	} {
		if *update {
			require.True(t, *full, "the documents tell of the numbers of cases of -shipped.full")
			require.NoError(t, os.WriteFile(file, []byte(text), 0o644))
			continue
		}
		want, err := os.ReadFile(file)
		require.NoError(t, err, "make it with go test -shipped.full -update")
		if *full {
			assert.Equal(t, string(want), text)
		} else {
			assert.Equal(t, unnumbered(string(want)), unnumbered(text))
		}
	}
}

// unnumbered is a document without what only as many cases tell as -shipped.full has: their
// number, and which laws some rare state breaks that no replica comes to.
func unnumbered(text string) string {
	return rarely.ReplaceAllString(sampled.ReplaceAllString(text, "sampled"), "  S")
}

var (
	sampled = regexp.MustCompile(`sampled\(\d+\)|reachable only`)
	rarely  = regexp.MustCompile(`  R\b`)
)

// merges opens the document of the shipped merges.
const merges = `# The shipped merges

Made by the tests of this package from the table of shipped merges; see "go test ./laws/shipped -timeout 60m -shipped.full -update". Each column is a set
of laws, and says of the law in it that is known least well how it holds: proved for all sub-merges (up to keys), over every tuple
of a small universe, on random tuples, or on reachable states only. An empty field is a set that does not apply.

`

// Each merge stands in the table once, each domain is named, and each proof that
// the table claims is one.
func TestShippedTable(t *testing.T) {
	seen := map[string]bool{}
	proofs := 0
	for _, e := range table() {
		assert.False(t, seen[e.Name], "%s stands twice", e.Name)
		seen[e.Name] = true
		assert.NotEmpty(t, e.Domain)
		if e.Proof != nil {
			proofs++
			assert.True(t, e.Proof.OK(), "%s: %s", e.Name, e.Proof.Refused)
		}
	}
	assert.GreaterOrEqual(t, len(seen), 40)
	assert.GreaterOrEqual(t, proofs, 5)
	markdown := laws.Markdown(laws.Rows(table()[:2], laws.MatrixOptions{Cases: 50}))
	assert.True(t, strings.HasPrefix(markdown, "| merge | bounded |"), markdown)
}

// FuzzShipped is every law of every shipped merge as one native fuzz target: the
// first three bytes choose merge, set and law, the rest makes the states.
func FuzzShipped(f *testing.F) { laws.Fuzz(f, table()...) }
