package laws_test

import (
	"maps"
	"reflect"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/joinery-go/joinery/gen"
	"github.com/joinery-go/joinery/laws"
)

// constructed is a state whose maps are made when it is: they are empty, and never nil.
type constructed struct {
	Live map[string]int
	Log  []string
}

// joinConstructed writes into clones of the maps it finds. The log is of no matter, but for
// how it is joined.
func joinConstructed(a, b constructed, log func(a, b []string) []string) constructed {
	j := constructed{maps.Clone(a.Live), log(a.Log, b.Log)}
	for k, n := range b.Live {
		j.Live[k] = max(j.Live[k], n)
	}
	return j
}

func constructedStates(absent map[string]int) *rapid.Generator[constructed] {
	counts := rapid.MapOfN(rapid.SampledFrom([]string{"a", "b"}), rapid.IntRange(1, 9), 0, 2)
	return rapid.Custom(func(t *rapid.T) constructed {
		s := constructed{Live: counts.Draw(t, "live"), Log: rapid.SliceOfN(rapid.Just("x"), 0, 2).Draw(t, "log")}
		if len(s.Live) == 0 {
			s.Live = absent
		}
		return s
	})
}

// A nil map is no state to a merge that writes into the maps it finds, unless states are
// drawn that have one: then the laws meet it by themselves.
func TestNilMapsAreStatesIfDrawn(t *testing.T) {
	longer := func(a, b []string) []string {
		if len(a) >= len(b) {
			return a
		}
		return b
	}
	merge := func(a, b constructed) constructed { return joinConstructed(a, b, longer) }
	laws.CheckMerge(t, merge, constructedStates(map[string]int{}), laws.Cases(2000))
	laws.CheckBand(t, merge, constructedStates(map[string]int{}), laws.Cases(2000))
	laws.CheckMethod[constructed](t, func(s *constructed, o constructed) { *s = merge(*s, o) }, constructedStates(map[string]int{}), laws.Cases(2000), laws.AllowSharing())

	for seed := range uint64(scaledRuns) {
		o := laws.RunOptions{Seed: seed, Cases: laws.DefaultCases}
		r := laws.Run(laws.Func(merge), nilSource(constructedStates(nil)), o)
		require.NoError(t, r.Err)
		res, ok := r.Result("semilattice/associative")
		require.True(t, ok)
		require.NotNil(t, res.Failure)
		assert.Contains(t, res.Failure.String(), "assignment to entry in nil map")
	}
}

const scaledRuns = 5

func nilSource(g *rapid.Generator[constructed]) gen.Source[constructed] {
	return gen.Independent(gen.FromRapid(g))
}

// Capacity to spare is tried also where nil maps are no states.
func TestSpareCapacityBesideMaps(t *testing.T) {
	merge := func(a, b constructed) constructed {
		return joinConstructed(a, b, func(a, b []string) []string {
			if cap(a) > len(a)+2 && len(a) > 0 {
				return a[:0] // capacity decides
			}
			if len(a) >= len(b) {
				return a
			}
			return b
		})
	}
	for seed := range uint64(scaledRuns) {
		for name, set := range map[string]laws.Set[constructed]{"inplace/equals-alike": laws.Func(merge), "wellposed/congruence": laws.Band(merge)} {
			r := laws.Run(set, nilSource(constructedStates(map[string]int{})), laws.RunOptions{Seed: seed, Cases: laws.DefaultCases, Only: name})
			require.NoError(t, r.Err)
			assert.False(t, r.OK(), "%s of seed %d", name, seed)
		}
	}
}

// patch leaves alone what is nil, and clears what is empty.
type patch struct{ Tags []string }

func patched(a, b patch) patch {
	if b.Tags != nil {
		return b
	}
	return a
}

// Where nil means something of its own, the failure says what is equal, and how to say
// otherwise; and that holds.
func TestNilOfItsOwn(t *testing.T) {
	patches := rapid.Custom(func(t *rapid.T) patch {
		if rapid.Bool().Draw(t, "unset") {
			return patch{}
		}
		return patch{rapid.SliceOfN(rapid.SampledFrom([]string{"x", "y"}), 0, 2).Draw(t, "tags")}
	})
	for id, set := range map[string]laws.Set[patch]{"wellposed/congruence": laws.Band(patched), "inplace/equals-alike": laws.Func(patched)} {
		source := laws.SourceOf(set, gen.FromRapid(patches))
		res, ok := laws.Run(set, source, laws.RunOptions{Seed: 1, Cases: laws.DefaultCases, Only: id}).Result(id)
		require.True(t, ok)
		require.NotNil(t, res.Failure)
		assert.Contains(t, res.Failure.Note, "laws.Equal says so (reflect.DeepEqual tells them apart)")
	}
	laws.CheckBand(t, patched, patches, laws.Equal(func(a, b patch) bool { return reflect.DeepEqual(a, b) }), laws.Cases(2000))
}

// What a source varies is said of what is state.
func TestSurveyOfStates(t *testing.T) {
	type cached struct {
		Items []int
		hash  uint64
	}
	states := rapid.Map(rapid.SliceOfN(rapid.IntRange(0, 3), 1, 3), func(items []int) cached { return cached{items, 7} })
	longest := func(a, b cached) cached {
		if len(a.Items) > len(b.Items) || len(a.Items) == len(b.Items) && slices.Compare(a.Items, b.Items) > 0 {
			return a
		}
		return b
	}
	assert.Contains(t, laws.Remarks(longest, states), "never different in 200 pairs of states: .hash; a fault that shows in it is not found")
	assert.Empty(t, laws.Remarks(longest, states, laws.State(func(c cached) any { return c.Items })))
}
