package flow_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/lattice"
	"github.com/joinery-go/joinery/lattice/flow"
)

type (
	road  struct{ from, to, length int }
	cost  = lattice.Pair[int, int] // a place, and the length of a way to it
	costs = map[int]int
)

// fromPlace has roads in a form that can be joined with places.
func fromPlace(r road) lattice.Pair[int, road] {
	return lattice.Pair[int, road]{First: r.from, Second: r}
}

func along(_ int, so int, r road) cost { return cost{First: r.to, Second: so + r.length} }

// onwards is the ways that are a road longer.
func onwards(c costs) costs {
	roads := []road{{0, 1, 4}, {0, 2, 1}, {2, 1, 2}, {1, 0, 1}}
	longer := costs{}
	for _, r := range roads {
		if so, ok := c[r.from]; ok {
			known, ok := longer[r.to]
			if !ok || so+r.length < known {
				longer[r.to] = so + r.length
			}
		}
	}
	return longer
}

// Ways around a circle get longer for ever. The cycle comes to rest nevertheless, because it
// leads through a Fold of which only growth goes around: a way that is no shorter than a known
// one is none. The function on the cycle is given what has grown, joined in one way or
// another, and so it has to be a morphism.
func ExampleLoop() {
	least := lattice.MapOf[int](lattice.Min[int]())
	g := flow.New("shortest ways", flow.Options{})
	loop, longer := flow.NewLoop[costs](g)
	shortest := flow.Fold(flow.Union(flow.Once(g, costs{0: 0}), longer), least)
	loop.Close(flow.Convert(flow.Changes(shortest), lattice.Function[costs, costs]{F: onwards, From: least, To: least}))
	s, err := flow.Start(g)
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := s.Run(context.Background()); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(flow.Read(shortest))
	// Output: map[0:0 1:3 2:1] true
}

// TestWithoutEnd: where a cycle makes elements without end, the error says what helps, and
// where there is no cycle it does not.
func TestWithoutEnd(t *testing.T) {
	const remedy = "lead it through a Fold"
	for name, build := range map[string]func(g *flow.Graph){
		"hash-join": func(g *flow.Graph) {
			loop, around := flow.NewLoop[cost](g)
			ways := flow.Union(flow.Once(g, cost{}), around)
			loop.Close(flow.HashJoin(ways, flow.Map(flow.FromSlice(g, []road{{0, 1, 1}, {1, 0, 1}}), fromPlace), along))
		},
		"unique": func(g *flow.Graph) {
			loop, around := flow.NewLoop[int](g)
			loop.Close(flow.Map(flow.Unique(flow.Union(flow.Once(g, 1), around)), func(v int) int { return v + 1 }))
		},
	} {
		g := flow.New("endless", flow.Options{Held: 100})
		build(g)
		s, err := flow.Start(g)
		require.NoError(t, err)
		err = s.Run(context.Background())
		require.ErrorIs(t, err, flow.ErrBound)
		require.ErrorContains(t, err, name+"#")
		require.ErrorContains(t, err, remedy)
	}
	g := flow.New("ends", flow.Options{Held: 3})
	flow.ForEach(flow.Unique(fives(g)), func(int) {})
	s, err := flow.Start(g)
	require.NoError(t, err)
	err = s.Run(context.Background())
	require.ErrorIs(t, err, flow.ErrBound)
	require.NotContains(t, err.Error(), remedy)
}
