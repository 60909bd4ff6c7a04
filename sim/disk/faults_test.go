package disk

import (
	"flag"
	"testing"

	"github.com/joinery-go/joinery/sim/internal/seeded"
)

var seededFaults = flag.String("disk-faults", "", "pattern of the seeded faults to be found, such as '*'; each takes some seconds")

var faults = seeded.Faults{Args: []string{"-test.run", "Replace|File|Copy"}}

// TestFaultsApply: the seeded faults are of the source as it is.
func TestFaultsApply(t *testing.T) { faults.Apply(t, 15) }

// TestFaultsFound: the tests of files beside a log notice each.
func TestFaultsFound(t *testing.T) {
	if *seededFaults != "" {
		faults.Found(t, *seededFaults)
	}
}
