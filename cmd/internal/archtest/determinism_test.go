package archtest_test

import (
	"testing"

	"golang.org/x/tools/go/analysis/analysistest"

	"github.com/joinery-go/joinery/cmd/internal/archtest"
)

// Each package of testdata holds mutants of one rule, marked with the diagnostic
// they must get, beside innocent twins that must get none.
func TestDeterminismAnalyzer(t *testing.T) {
	for _, name := range []string{
		"clock", "goroutine", "random", "environment", "socket", "selects", "maporder", "mapsafe", "annotation",
	} {
		t.Run(name, func(t *testing.T) {
			analysistest.Run(t, analysistest.TestData(), archtest.Determinism, name)
		})
	}
}
