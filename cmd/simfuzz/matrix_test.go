package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/laws"
)

// printed is what a view of rows prints.
func printed(t *testing.T, rows []laws.Row, each bool) string {
	t.Helper()
	var out strings.Builder
	c := &cli{ctx: t.Context(), out: &out, err: &out}
	c.printLaws(rows, each)
	return out.String()
}

// The matrix of all merges fits, with a column for every set of laws that there is.
func TestMatrixFits(t *testing.T) {
	var rows []laws.Row
	for _, merge := range mergeNames(shippedOnce()) {
		for _, set := range []string{"bounded", "codec", "coverage", "decomposition", "inplace", "order", "query", "semilattice", "totality", "updates", "one", "two"} {
			rows = append(rows, laws.Row{Merge: merge, Law: set + "/law", Status: "sampled(500)", OK: true})
		}
	}
	out := printed(t, rows, false)
	fits(t, "the matrix", out)
	assert.Equal(t, len(mergeNames(shippedOnce())), strings.Count(out, strings.Repeat("  S", 12)+"\n"))
}

// A set shows the weakest of its laws; what a merge has no law of shows a dot.
func TestMatrixShowsTheWeakest(t *testing.T) {
	rows := []laws.Row{
		{Merge: "a", Law: "order/one", Status: laws.StatusProved, OK: true},
		{Merge: "a", Law: "order/two", Status: "exhausted(7 states)", OK: true},
		{Merge: "a", Law: "bounded/one", Status: laws.StatusAbsent, OK: true, Why: "no top"},
		{Merge: "a", Law: "bounded/two", Status: laws.StatusProved, OK: true},
		{Merge: "longer", Law: "order/one", Status: "exhausted(7 states)", OK: true},
		{Merge: "longer", Law: "order/two", Status: "sampled(500)", OK: true},
		{Merge: "longer", Law: "order/three", Status: laws.StatusReachable, OK: true},
		{Merge: "bad", Law: "order/one", Status: laws.StatusReachable, OK: true},
		{Merge: "bad", Law: "order/two", Status: "failed", Why: "law order/two does not hold\n    a = 1"},
		{Merge: "bad", Law: "bounded/one", Status: laws.StatusAbsent, OK: true},
	}
	out := printed(t, rows, false)
	require.True(t, strings.HasPrefix(out, "        1  2\na       P  E\nlonger  ·  R\nbad     ·  ✗\n\n  1 bounded\n  2 order\n  ✗ does not hold"), out)
	assert.True(t, strings.HasSuffix(out, "\nbad, order/two: failed\nlaw order/two does not hold\n    a = 1\n"), out)
	for _, l := range letters {
		assert.Contains(t, out, "\n  "+l.sign+" "+l.means+"\n")
	}

	each := printed(t, rows, true)
	fits(t, "law by law", each)
	assert.Contains(t, each, "a\n  LAW          CASES  HOW\n  order/one    0      proved up to keys\n")
	assert.Contains(t, each, "  bounded/one  0      does not apply: no top\n")
	for _, merge := range []string{"a", "longer", "bad"} {
		assert.Equal(t, 1, strings.Count(each, merge+"\n  LAW"))
	}
	for _, r := range rows {
		assert.Contains(t, each, "  "+r.Law+" ")
	}
}

func TestLawsList(t *testing.T) {
	code, out, errs := invoke(t, "", "laws", "--list")
	assert.Equal(t, exitOK, code, errs)
	assert.Equal(t, mergeNames(shippedOnce()), strings.Split(strings.TrimSpace(out), "\n"))
	_, out, _ = invoke(t, "", "laws", "--list", "--json", "Or")
	assert.Equal(t, `{"kind":"merge","name":"Or"}`+"\n", out)
}
