package laws_test

import (
	"flag"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/joinery-go/joinery/gen"
	"github.com/joinery-go/joinery/laws"
)

var (
	doorSeeds = flag.Int("door.seeds", 3, "from how many seeds each fault of a door must be found")
	doorCases = flag.Int("door.cases", 200, "on how many cases a law the right types of doors are checked")
)

// killAlone checks faults by law: over its universe and from every seed, each breaks
// this law of its set and no other, so that no law is redundant and none fails for
// another's reason.
func killAlone(t *testing.T, faults map[string]laws.Suite) {
	t.Helper()
	for _, name := range slices.Sorted(maps.Keys(faults)) {
		t.Run(name, func(t *testing.T) {
			law, _, _ := strings.Cut(name, ": ")
			s := faults[name]
			require.Contains(t, s.IDs, law)
			if s.Exhaust != nil {
				r := s.Exhaust()
				require.NoError(t, r.Err)
				assert.Equal(t, []string{law}, r.Failing(), "%v", r)
			}
			for seed := range uint64(*doorSeeds) {
				r := s.Run(laws.RunOptions{Seed: seed, Cases: 300, Replays: 300})
				require.NoError(t, r.Err)
				require.Equal(t, []string{law}, r.Failing(), "seed %d: %v", seed, r)
			}
		})
	}
}

// found checks that a fault is found by a law from every seed; it may break others too.
func found(t *testing.T, law string, s laws.Suite) {
	t.Helper()
	t.Run(law, func(t *testing.T) {
		d := laws.Detect(law, s, law, laws.DetectOptions{Seeds: *doorSeeds, Cases: 300, Replays: 100})
		assert.True(t, d.OK(), "%v", d)
	})
}

// refusedSetup checks that a set cannot be checked, and that the reason holds the words.
func refusedSetup[S any](t *testing.T, set laws.Set[S], words ...string) {
	t.Helper()
	var none S
	r := laws.Run(set, gen.Independent(gen.Just(none)), laws.RunOptions{})
	require.ErrorIs(t, r.Err, laws.ErrSetup)
	for _, w := range words {
		assert.ErrorContains(t, r.Err, w)
	}
}

// ofInts is a suite over the numbers from 0 to hi.
func ofInts(set laws.Set[int], hi int) laws.Suite {
	return suite(set, gen.Range(0, hi), same[int])
}

func texts() *rapid.Generator[string] { return rapid.StringMatching("[abc]{0,3}") }
