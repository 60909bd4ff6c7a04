package disk

import (
	"flag"
	"testing"

	"github.com/joinery-go/joinery/sim/internal/seeded"
)

var seededFaults = flag.String("disk-faults", "", "pattern of the seeded faults to be found, such as '*'; each takes some seconds")

// TestFaultsApply: the seeded faults are of the source as it is.
func TestFaultsApply(t *testing.T) { seeded.Apply(t, 15) }

// TestFaultsFound: the tests of files beside a log notice each.
func TestFaultsFound(t *testing.T) {
	if *seededFaults != "" {
		seeded.Found(t, *seededFaults, "Replace|File|Copy")
	}
}
