package etcdraft

import (
	"bufio"
	"crypto/rand"
	"os"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/sim/campaign"
	"github.com/joinery-go/joinery/sim/simtest"
)

// TestRaft: the library, under a host as it should be, holds in every seed, reaches every
// point, and every fault that it bears takes effect.
func TestRaft(t *testing.T) { simtest.Fuzz(t, Protocol(), simtest.Seeds(1, 1500)) }

// TestSlips: every slip of the host is found, and shrunk. Of a slip that several seeds
// fail by, the smallest form of the first three counts.
func TestSlips(t *testing.T) {
	var operations, faults, choices, decisions []int
	for slip := None + 1; slip < Slips; slip++ {
		p := With(slip)
		r, err := p.Fuzz(t.Context(), campaign.Options{Seeds: 1500, Failures: 3, Workers: 2, TwiceEvery: -1})
		require.NoError(t, err)
		require.NotEmpty(t, r.Failures, "%v", slip)
		var best *campaign.Shrunk
		for _, res := range r.Failures {
			tape, again, err := p.Record(t.Context(), res)
			require.NoError(t, err, "%v, seed %d", slip, res.Seed)
			require.Equal(t, res.TraceHash, again.TraceHash)
			s, err := p.Shrink(t.Context(), tape, 0)
			require.NoError(t, err)
			if best == nil || size(s) < size(best) {
				best = s
			}
		}
		t.Logf("%-16s %d of %4d seeds, shrunk to %v: %s", slip, len(r.Failures), r.Seeds, best, best.Result.Violations[0].Signature())
		operations, faults = append(operations, len(best.Tape.Operations)), append(faults, best.Tape.Faults())
		choices, decisions = append(choices, best.Tape.Choices()), append(decisions, len(best.Tape.Decisions))
	}
	for what, v := range map[string]struct {
		got           []int
		median, worst int
	}{"operations": {operations, 3, 7}, "faults": {faults, 6, 30}, "choices": {choices, 3, 10}, "decisions": {decisions, 6, 30}} {
		slices.Sort(v.got)
		t.Logf("%s: median %d, worst %d", what, v.got[len(v.got)/2], v.got[len(v.got)-1])
		assert.LessOrEqual(t, v.got[len(v.got)/2], v.median, what)
		assert.LessOrEqual(t, v.got[len(v.got)-1], v.worst, what)
	}
}

func size(s *campaign.Shrunk) int { return len(s.Tape.Operations) + len(s.Tape.Decisions) }

// TestReaderIsGivenBack: crypto/rand reads what it read before, whatever runs did.
func TestReaderIsGivenBack(t *testing.T) {
	was := rand.Reader
	p := With(SendsEarly) // the library panics in some of these
	r, err := p.Fuzz(t.Context(), campaign.Options{Seeds: 60, Failures: 100, Workers: 4})
	require.NoError(t, err)
	require.NotEmpty(t, r.Failures)
	assert.Equal(t, was, rand.Reader)
	var two [2][16]byte
	for i := range two {
		_, err := rand.Read(two[i][:])
		require.NoError(t, err)
	}
	assert.NotEqual(t, two[0], two[1])
}

// TestGlue: beside the host of the library, all that a campaign needs takes fewer than 60
// lines, clients and what is judged among them, as with the smaller protocols.
func TestGlue(t *testing.T) {
	f, err := os.Open("campaign.go")
	require.NoError(t, err)
	defer f.Close()
	lines := 0
	for s := bufio.NewScanner(f); s.Scan(); {
		lines++
	}
	assert.Less(t, lines, 60)
}
