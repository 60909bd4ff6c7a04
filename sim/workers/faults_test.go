package workers

import (
	"flag"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/sim/campaign"
	"github.com/joinery-go/joinery/sim/internal/seeded"
)

var (
	faults     = flag.String("workers-faults", "", "pattern of the seeded faults to be found, such as '*'; each is built and fuzzed, which takes seconds")
	faultSeeds = flag.Uint64("workers-fault-seeds", 2000, "seeds after which a fault counts as not found")
	hunt       = flag.String("workers-hunt", "", "engine on which to look for the first failing seed")
)

var seededFaults = seeded.Faults{
	Root: "../..", // of the rooms whose code the workers run
	Args: []string{"-test.run", "^TestHunt$", "-test.timeout", "10m", "-workers-hunt", "memory", "-workers-fault-seeds"},
}

// TestFaultsApply: the seeded faults are of the code as it is.
func TestFaultsApply(t *testing.T) { seededFaults.Apply(t, 25) }

// TestHunt is what the binary of a fault runs.
func TestHunt(t *testing.T) {
	if *hunt == "" {
		return
	}
	p := Protocol(*hunt)
	r, err := p.Fuzz(t.Context(), campaign.Options{Seed: *first, Seeds: *faultSeeds, Failures: 1, TwiceEvery: -1})
	require.NoError(t, err)
	for _, res := range r.Failures {
		t.Fatalf("seed %d: %v", res.Seed, res.Violations[0])
	}
}

// TestFaultsFound builds the campaign with each of the seeded faults, and has it find them.
func TestFaultsFound(t *testing.T) {
	if *faults == "" {
		return
	}
	s := seededFaults
	s.Args = append(s.Args, fmt.Sprint(*faultSeeds))
	s.Found(t, *faults)
}
