package flow_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/gen"
	"github.com/joinery-go/joinery/lattice"
	"github.com/joinery-go/joinery/lattice/flow"
	"github.com/joinery-go/joinery/laws"
)

var minInt = lattice.Min[int]()

func negated(v int) int { return -v }

// TestReadersOfAnotherLattice: what is joined by one merge and read by another depends on
// grouping, and is refused where it is read.
func TestReadersOfAnotherLattice(t *testing.T) {
	three := func(g *flow.Graph) flow.Delta[int] { return flow.FromSlice(g, []int{3, 1, 2}) }
	least := func(g *flow.Graph) flow.Delta[int] { return flow.Batch(three(g), minInt, 2) }
	same := func(m lattice.Merge[int]) lattice.Function[int, int] {
		return lattice.Function[int, int]{F: func(v int) int { return v }, From: m, To: maxInt}
	}
	for name, build := range map[string]func(g *flow.Graph) string{
		"batch, fold": func(g *flow.Graph) string { flow.Fold(least(g), maxInt); return "fold#2" },
		"changes, fold": func(g *flow.Graph) string {
			flow.Fold(flow.Changes(flow.Fold(three(g), minInt)), maxInt)
			return "fold#3"
		},
		"batch, batch": func(g *flow.Graph) string { flow.Collect(flow.Batch(least(g), maxInt, 2)); return "batch#2" },
		"batch, bimorphism": func(g *flow.Graph) string {
			flow.Collect(flow.Bimorphism(least(g), flow.Once(g, 0), maxInt, maxInt, func(a, b int) int { return max(a, b) }))
			return "bimorphism#3"
		},
		"batch, convert": func(g *flow.Graph) string { flow.Collect(flow.Convert(least(g), same(maxInt))); return "convert#2" },
		"convert, fold":  func(g *flow.Graph) string { flow.Fold(flow.Convert(least(g), same(minInt)), minInt); return "fold#3" },
		"fold, map-state": func(g *flow.Graph) string {
			flow.MapState(flow.Fold(three(g), maxInt), same(minInt), flow.Morphism(flow.Evidence{}))
			return "map-state#2"
		},
		"zip, switch": func(g *flow.Graph) string {
			s := flow.Fold(three(g), maxInt)
			flow.Switch(flow.Zip(s, s), maxInt, minInt)
			return "switch#3"
		},
		"intersections, explode": func(g *flow.Graph) string {
			flow.Collect(flow.Explode(flow.Batch(flow.FromSlice(g, fewSets), lattice.IntersectOf[int](), 2)))
			return "explode#2"
		},
		"a condition that falls": func(g *flow.Graph) string {
			flow.SealWhen(flow.Const(g, 1, maxInt), flow.Fold(flow.FromSlice(g, []bool{true}), lattice.And()))
			return "seal#3"
		},
		"through a channel, a union and a unique": func(g *flow.Graph) string {
			c, other := flow.NewChannel[int]("c", 1), flow.New("other", flow.Options{})
			flow.Send(least(other), c)
			flow.Fold(flow.Unique(flow.Union(flow.Receive(g, c), three(g))), maxInt)
			return "fold#4"
		},
	} {
		g := flow.New("g", flow.Options{})
		at := build(g)
		err := flow.Verify(g).Err()
		require.ErrorIs(t, err, flow.ErrClass, name)
		require.ErrorContains(t, err, at+": ", name)
	}
}

// TestReadersOfTheSameLattice: elements are of no merge, one value is read by any, and
// merges that are one are not asked for their names.
func TestReadersOfTheSameLattice(t *testing.T) {
	g := flow.New("g", flow.Options{})
	flow.Fold(flow.FromSlice(g, numbers(3)), minInt)
	s := flow.Fold(flow.Batch(flow.FromSlice(g, numbers(3)), maxInt, 2), lattice.Max[int]())
	flow.MapState(flow.Seal(s), lattice.Function[int, int]{F: negated, From: minInt, To: minInt}, flow.Morphism(flow.Evidence{}))
	m := &counted{Merge: maxInt}
	flow.Fold(flow.Changes(flow.Fold(flow.FromSlice(g, numbers(3)), lattice.Merge[int](m))), lattice.Merge[int](m))
	require.NoError(t, flow.Verify(g).Err())
}

// counted changes what it is made of as it is used.
type counted struct {
	lattice.Merge[int]
	clones int
}

func (c *counted) Clone(v int) int { c.clones++; return v }

// TestEvidenceBetweenLattices: a function that was checked from one lattice to another is
// not by that checked between others, although its name is the same.
func TestEvidenceBetweenLattices(t *testing.T) {
	down := lattice.Function[int, int]{F: negated, From: minInt, To: maxInt}
	joins := laws.Morphism(down).Only("morphism/joins") // the two ⊥ are no mirror images
	checked := laws.Run(joins, gen.For(minInt, gen.Int(-9, 9)), laws.RunOptions{Seed: 1, Cases: 50}).Evidence()
	require.Equal(t, lattice.IsMorphism, checked.Finding().Class)
	examined, _ := flow.Examine(down, numbers(3))
	folded := func(g *flow.Graph, m lattice.Merge[int]) flow.State[int] {
		return flow.Fold(flow.FromSlice(g, numbers(3)), m)
	}
	for _, claim := range []flow.Claim{flow.Checked(checked), examined} {
		g := flow.New("right", flow.Options{})
		flow.MapState(folded(g, minInt), down, claim)
		flow.Fold(flow.Map(flow.Changes(folded(g, minInt)), negated, claim), maxInt)
		r := flow.Verify(g)
		require.NoError(t, r.Err())
		for _, u := range r.Uses[1:2] {
			require.Equal(t, flow.Sampled, u.Evidence.Support)
		}

		g = flow.New("other lattices", flow.Options{})
		flow.MapState(folded(g, maxInt), lattice.Function[int, int]{F: negated, From: maxInt, To: maxInt}, claim)
		require.ErrorIs(t, flow.Verify(g).Err(), flow.ErrEvidence)

		g = flow.New("deltas of another lattice", flow.Options{})
		flow.Collect(flow.Map(flow.Changes(folded(g, maxInt)), negated, claim))
		require.ErrorIs(t, flow.Verify(g).Err(), flow.ErrClass)

		g = flow.New("folded into another lattice", flow.Options{})
		flow.Fold(flow.Map(flow.Changes(folded(g, minInt)), negated, claim), minInt)
		require.ErrorIs(t, flow.Verify(g).Err(), flow.ErrClass)
	}
}
