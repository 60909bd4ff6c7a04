package rules_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/analysis/analysistest"

	"github.com/joinery-go/joinery/cmd/joinvet/internal/rules"
)

// Each package of testdata holds what a rule must report, beside innocent twins that it
// must not.
func TestRules(t *testing.T) {
	for _, c := range []struct {
		rule     *analysis.Analyzer
		packages []string
	}{
		{rules.UncheckedMerge, []string{"merges", "untested"}},
		{rules.UncheckedClass, []string{"classes"}},
		{rules.Unsealed, []string{"reads"}},
		{rules.KeptDelta, []string{"deltas"}},
	} {
		t.Run(c.rule.Name, func(t *testing.T) {
			found := make(map[string]bool) // a file is analysed with and without the tests beside it
			for _, r := range analysistest.Run(t, analysistest.TestData(), c.rule, c.packages...) {
				for _, d := range r.Action.Diagnostics {
					found[r.Action.Package.Fset.Position(d.Pos).String()] = true
				}
			}
			assert.GreaterOrEqual(t, len(found), 10, "true findings")
			t.Logf("%d true findings", len(found))
		})
	}
}

// The rules are for go vet: names, documentation, no facts.
func TestAll(t *testing.T) {
	assert.NoError(t, analysis.Validate(rules.All()))
}
