package laws_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/gen"
	"github.com/joinery-go/joinery/laws"
)

// TestStateOrder: a failure has the order of its states as data, each state once under
// all its names, as merging orders them where there is no Compare.
func TestStateOrder(t *testing.T) {
	type pair struct{ A, B int }
	merge := func(a, b pair) pair { return pair{max(a.A, b.A), a.B} } // the second part keeps what it has
	source := gen.Independent(func(d *gen.Draw) pair { return pair{d.Index("a", 3), d.Index("b", 3)} })
	report := laws.Run(laws.Func(merge), source, laws.RunOptions{Seed: 1, Cases: 200, Only: "semilattice/commutative"})
	res, ok := report.Result("semilattice/commutative")
	require.True(t, ok)
	require.NotNil(t, res.Failure)
	o := res.Failure.Order
	require.NotNil(t, o)
	require.Len(t, o.Below, len(o.States))
	seen, values := map[string]bool{}, map[string]bool{}
	for i, s := range o.States {
		for _, n := range s.Names {
			assert.False(t, seen[n], "%s twice", n)
			seen[n] = true
		}
		assert.False(t, values[s.Value], s.Value)
		values[s.Value] = true
		require.Len(t, o.Below[i], len(o.States))
		assert.True(t, o.Below[i][i])
		assert.Contains(t, res.Failure.Picture, strings.Join(s.Names, " = "))
	}
	assert.Equal(t, map[string]bool{"a": true, "b": true, "a⊔b": true, "b⊔a": true}, seen)
}
