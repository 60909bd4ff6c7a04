package flow_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/lattice"
	"github.com/joinery-go/joinery/lattice/flow"
)

// noBottom is the union of sets without a ⊥, so that a fold begins with a delta.
type noBottom struct{ lattice.Merge[ints] }

// TestUnchanged: what an operator is given, others may hold too, so that it must not
// change.
func TestUnchanged(t *testing.T) {
	for _, batch := range []int{1, 2, 100} {
		g := flow.New("g", flow.Options{Batch: batch})
		values := []ints{setOf(1), setOf(2), setOf(3)}
		ways := flow.Tee(flow.FromSlice(g, values), 5)
		m := lattice.Merge[ints](noBottom{sets})
		flow.Fold(ways[0], m)
		flow.Fold(flow.Batch(ways[1], m, 3), m)
		second, third := flow.Bimorphism(ways[2], ways[3], m, m, products), flow.Fold(ways[4], sets)
		flow.Fold(second, m)
		flow.Fold(flow.Convert(flow.Changes(third), asSets(sets, m)), m)
		constant := setOf(9)
		flow.Seal(flow.Const(g, constant, sets))
		run(t, g)
		require.Equal(t, []ints{setOf(1), setOf(2), setOf(3)}, values)
		require.Equal(t, setOf(9), constant)
	}
}
