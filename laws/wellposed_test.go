package laws_test

import (
	"maps"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/joinery-go/joinery/gen"
	"github.com/joinery-go/joinery/laws"
)

// shaded is a state of which Shade is no part of what it says.
type shaded struct{ N, Shade int }

// Each law of what every other law takes for granted is broken by what is named.
func TestWellPosedFaults(t *testing.T) {
	numbers := rapid.IntRange(0, 9)
	greatest := func(a, b int) int { return max(a, b) }
	shades := rapid.Custom(func(t *rapid.T) shaded {
		return shaded{rapid.IntRange(0, 3).Draw(t, "n"), rapid.IntRange(0, 3).Draw(t, "shade")}
	})
	t.Run("equal-reflexive", func(t *testing.T) {
		foundIn(t, laws.Func(greatest, laws.Equal(func(a, b int) bool { return a == b && a != 3 })), numbers, "wellposed/equal-reflexive")
	})
	t.Run("equal-symmetric", func(t *testing.T) {
		foundIn(t, laws.Func(greatest, laws.Equal(func(a, b int) bool { return a <= b })), numbers, "wellposed/equal-symmetric")
	})
	t.Run("equal-transitive", func(t *testing.T) {
		foundIn(t, laws.Func(greatest, laws.Equal(func(a, b int) bool { return max(a, b)-min(a, b) <= 1 })), numbers, "wellposed/equal-transitive")
	})
	t.Run("clone", func(t *testing.T) {
		foundIn(t, laws.Func(union[string], laws.Clone(func(m map[string]int) map[string]int {
			c := maps.Clone(m)
			delete(c, "a")
			return c
		})), keyed("a", "b"), "wellposed/clone")
	})
	t.Run("congruence", func(t *testing.T) {
		foundIn(t, laws.Func(func(a, b shaded) shaded {
			if a.Shade > b.Shade || a.Shade == b.Shade && a.N >= b.N {
				return a
			}
			return b
		}, laws.Equal(func(a, b shaded) bool { return a.N == b.N })), shades, "wellposed/congruence")
	})
	t.Run("deterministic", func(t *testing.T) {
		foundIn(t, laws.Func(func(a, b map[string]int) map[string]int {
			j := union(a, b)
			for k := range j {
				if len(j) > 2 {
					delete(j, k) // whichever comes first
				}
			}
			return j
		}), keyed("a", "b", "c", "d"), "wellposed/deterministic")
	})
}

// One line each: what adds, what fills up, methods, codecs, morphisms, orders and
// replicas. The right ones pass, and of the wrong ones the door says which law it was.
func TestDoorsFindTheirFaults(t *testing.T) {
	numbers := rapid.IntRange(0, 99)
	sum := func(a, b int) int { return a + b }
	laws.CheckMonoid(t, sum, 0, numbers, laws.Cases(*doorCases))
	foundIn(t, laws.Monoid(func(a, b int) int { return a - b }, 0), numbers, "monoid/associative")
	foundIn(t, laws.Monoid(func(a, b int) int { return b }, 0), numbers, "monoid/identity")
	foundIn(t, laws.Monoid(func(a, b int) int { return b }, 0), numbers, "monoid/commutative")

	fill := func(a, b map[string]int) map[string]int {
		j := map[string]int{}
		maps.Copy(j, b)
		maps.Copy(j, a)
		return j
	}
	laws.CheckBand(t, fill, keyed("a", "b", "c"), laws.Cases(*doorCases))
	foundIn(t, laws.Band(func(a, b map[string]int) map[string]int {
		j := map[string]int{}
		maps.Copy(j, a)
		for k, n := range b {
			j[k] += n
		}
		return j
	}), keyed("a", "b", "c"), "band/idempotent")

	r := laws.Run(laws.Monoid(sum, 1), laws.SourceOf(laws.Monoid(sum, 1), gen.FromRapid(numbers)), laws.RunOptions{})
	require.NoError(t, r.Err)
	assert.Equal(t, []string{"monoid/identity"}, r.Failing())
}
