package archtest_test

import (
	"testing"

	"golang.org/x/tools/go/analysis/analysistest"

	"github.com/joinery-go/joinery/cmd/internal/archtest"
)

// Each package of testdata holds mutants of one rule, marked with the diagnostic
// they must get, beside innocent twins that must get none. They are loaded at once,
// since each load checks the types of what they import from source.
func TestDeterminismAnalyzer(t *testing.T) {
	analysistest.Run(t, analysistest.TestData(), archtest.Determinism,
		"clock", "goroutine", "random", "environment", "socket", "selects", "maporder", "mapsafe", "annotation")
}
