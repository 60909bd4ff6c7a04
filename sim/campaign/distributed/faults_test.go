package distributed

import (
	"flag"
	"testing"

	"github.com/joinery-go/joinery/sim/internal/seeded"
)

var seededFaults = flag.String("distributed-faults", "", "pattern of the seeded faults to be found, such as '*'; each takes some seconds")

// TestFaultsApply: the seeded faults are of the source as it is.
func TestFaultsApply(t *testing.T) { seeded.Apply(t, 22) }

// TestFaultsFound: the tests of the package notice each.
func TestFaultsFound(t *testing.T) {
	if *seededFaults != "" {
		seeded.Found(t, *seededFaults, ".")
	}
}
