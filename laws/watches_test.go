package laws_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/gen"
	"github.com/joinery-go/joinery/laws"
)

// A merge that begins to write into its arguments only after many cases is found out by
// every law that its writes make fail, as one that writes: the laws themselves look for
// writes in some of the later cases, and again where they fail.
func TestLateWritesAreToldAsWrites(t *testing.T) {
	for _, after := range []int{50, 700, 1001, 1002, 1500} {
		for _, id := range []string{"semilattice/commutative", "semilattice/associative", "semilattice/idempotent"} {
			joins := 0
			merge := func(a, b []int) []int {
				if joins++; joins > after {
					a[0]++ // and so a ⊔ b is not b ⊔ a
				}
				return []int{max(a[0], b[0])}
			}
			states := gen.Independent(gen.Map(gen.Int(0, 9), func(n int) []int { return []int{n} }))
			r := laws.Run(laws.Func(merge), states, laws.RunOptions{Seed: 1, Cases: 1000, Replays: 50, Only: id})
			res, ok := r.Result("inplace/arguments-unchanged")
			require.True(t, ok, "%s, after %d joins: %v", id, after, r)
			assert.Equal(t, laws.Failed, res.Status)
			assert.Contains(t, res.Failure.String(), "seen   while judging "+id)
		}
	}
}

// TestOnlyWatchesEachCase: where the law about arguments has been left out, the others look
// for writes into them in each case.
func TestOnlyWatchesEachCase(t *testing.T) {
	for _, after := range []int{1, 301, 700, 1001} {
		joins := 0
		merge := func(a, b []int) []int {
			if joins++; joins == after {
				a[1]++ // which Equal passes over
			}
			return []int{max(a[0], b[0]), 0}
		}
		states := gen.Independent(gen.Map(gen.Int(0, 9), func(n int) []int { return []int{n, 0} }))
		only := laws.Func(merge, laws.Equal(func(a, b []int) bool { return a[0] == b[0] })).Only("semilattice/commutative")
		r := laws.Run(only, states, laws.RunOptions{Seed: 1, Cases: 600, Replays: 50})
		assert.False(t, r.OK(), "after %d joins: %v", after, r)
	}
}
