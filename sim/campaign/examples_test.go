package campaign_test

import (
	"bufio"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/sim/campaign"
	"github.com/joinery-go/joinery/sim/campaign/examples/chain"
	"github.com/joinery-go/joinery/sim/campaign/examples/lease"
	"github.com/joinery-go/joinery/sim/campaign/examples/primarybackup"
)

// example is a whole protocol with faults seeded into it.
type example struct {
	name   string
	with   func(fault int) campaign.Protocol
	faults []string // by number, from 1
}

var examples = []example{
	{"lease", func(f int) campaign.Protocol { return lease.With(lease.Fault(f)) }, []string{"by wall", "from now", "forgets"}},
	{"chain", func(f int) campaign.Protocol { return chain.With(chain.Fault(f)) }, []string{"eager", "any order", "dirty read", "no repeat"}},
	{
		"primarybackup", func(f int) campaign.Protocol { return primarybackup.With(primarybackup.Fault(f)) },
		[]string{"local reads", "no transfer", "no dedup", "any view", "forgets lives"},
	},
}

// TestFaultsOfExamples: every fault seeded into an example is found, and shrunk. That the
// examples as they should be hold is for their own tests.
func TestFaultsOfExamples(t *testing.T) {
	var operations, faults, needed []int
	for _, e := range examples {
		for i, name := range e.faults {
			p := e.with(i + 1)
			r := fuzz(t, p, campaign.Options{Seeds: 4000, Failures: 1, Workers: 2, TwiceEvery: -1})
			require.Len(t, r.Failures, 1, "%s: %s", e.name, name)
			tape, _, err := p.Record(t.Context(), r.Failures[0])
			require.NoError(t, err)
			s, err := p.Shrink(t.Context(), tape, 0)
			require.NoError(t, err)
			require.Zero(t, s.Tape.Choices(), "%s: %s needs no choice", e.name, name)
			t.Logf("%-14s %-14s seed %4d: %2d operations and %3d faults to %d and %d in %3d replays: %s",
				e.name, name, r.Seeds, len(tape.Operations), tape.Faults(), len(s.Tape.Operations), s.Tape.Faults(), s.Replays, s.Result.Violations[0].Signature())
			operations, faults = append(operations, len(s.Tape.Operations)), append(faults, s.Tape.Faults())
			needed = append(needed, int(r.Seeds))
		}
	}
	for what, v := range map[string]struct {
		got           []int
		median, worst int
	}{"operations": {operations, 2, 6}, "faults": {faults, 2, 7}, "seeds": {needed, 150, 2000}} {
		slices.Sort(v.got)
		t.Logf("%s: median %d, worst %d", what, v.got[len(v.got)/2], v.got[len(v.got)-1])
		assert.LessOrEqual(t, v.got[len(v.got)/2], v.median, what)
		assert.LessOrEqual(t, v.got[len(v.got)-1], v.worst, what)
	}
}

// TestGlueOfExamples: beside the protocol itself, an example takes fewer than 60 lines to
// be fuzzed, shrunk, replayed, kept and drawn, clients and what is judged among them.
func TestGlueOfExamples(t *testing.T) {
	for _, e := range examples {
		f, err := os.Open(filepath.Join("examples", e.name, "campaign.go"))
		require.NoError(t, err)
		defer f.Close()
		lines := 0
		for s := bufio.NewScanner(f); s.Scan(); {
			lines++
		}
		t.Logf("%s: %d lines", e.name, lines)
		assert.Less(t, lines, 60, e.name)
	}
}
