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

// renamed is a merge under another name.
type renamed[T any] struct{ lattice.Merge[T] }

// picked joins by a function that a literal has made.
type picked struct {
	lattice.Merge[int]
	pick func(a, b int) int
}

func (p picked) MergeIn(target *int, delta int) bool {
	was := *target
	*target = p.pick(was, delta)
	return *target != was
}

func (p picked) Compare(a, b int) lattice.Order {
	switch {
	case a == b:
		return lattice.Equal
	case p.pick(a, b) == b:
		return lattice.Less
	}
	return lattice.Greater
}

func picking(greatest bool) lattice.Merge[int] {
	return picked{maxInt, func(a, b int) int {
		if (a > b) == greatest {
			return a
		}
		return b
	}}
}

// register is a state of which Verify makes no values: it does not know what holds between
// its fields.
type register struct{ Time, Value int }

type later struct{ lattice.Merge[register] }

// TestReadersByAnotherName: a merge under another name is an error only where values show
// that it is another one, and those are in the error.
func TestReadersByAnotherName(t *testing.T) {
	verified := func(o flow.Options, build func(g *flow.Graph)) flow.Report {
		g := flow.New("g", o)
		build(g)
		return flow.Verify(g)
	}
	ints := func(a, b lattice.Merge[int]) func(g *flow.Graph) {
		return func(g *flow.Graph) { flow.Fold(flow.Batch(flow.FromSlice(g, numbers(3)), a, 2), b) }
	}
	for name, c := range map[string]struct {
		build func(g *flow.Graph)
		shown string // of the values that differ, or what the last use rests on
		err   error
	}{
		"the same under another name": {ints(maxInt, renamed[int]{maxInt}), "assumed, and that lattice.maxMerge[int]", nil},
		"above a bound":               {ints(lattice.MaxFrom(0), maxInt), "which sampled(36) shows", nil},
		"the dual under another name": {ints(renamed[int]{minInt}, maxInt), "of 0 and 1 the one makes 0, the other 1", flow.ErrClass},
		"two closures of one literal": {ints(picking(false), picking(true)), "of 0 and 1 the one makes 0, the other 1", flow.ErrClass},
		"one closure, made twice":     {ints(picking(true), picking(true)), "which sampled(", nil},
		"sets": {func(g *flow.Graph) {
			flow.Fold(flow.Batch(flow.FromSlice(g, fewSets), lattice.Merge[map[int]struct{}](renamed[map[int]struct{}]{lattice.IntersectOf[int]()}), 2), lattice.SetOf[int]())
		}, "the one makes map[]", flow.ErrClass},
		"pairs": {func(g *flow.Graph) {
			s := flow.Fold(flow.FromSlice(g, numbers(3)), maxInt)
			flow.Switch(flow.Zip(s, s), maxInt, renamed[int]{maxInt})
		}, "sampled(", nil},
		"structs of the user": {func(g *flow.Graph) {
			m := lattice.Merge[register](later{})
			flow.Fold(flow.Batch(flow.FromSlice(g, []register{{1, 2}}), m, 2), lattice.Merge[register](renamed[register]{m}))
		}, "assumed, and that flow_test.later{nil} and flow_test.renamed", nil},
	} {
		r := verified(flow.Options{}, c.build)
		require.ErrorIs(t, r.Err(), c.err, name)
		last := r.Uses[len(r.Uses)-1]
		if c.err == nil {
			require.Contains(t, last.Evidence.String(), c.shown, name)
		} else {
			require.ErrorContains(t, r.Err(), c.shown, name)
		}
		if name == "one closure, made twice" {
			continue // its name is the same
		}
		require.ErrorIs(t, verified(flow.Options{Strict: true}, c.build).Err(), flow.ErrClass, name)
	}
}

// TestEvidenceByAnotherName: what was checked between merges of other names is none, and an
// error only where it is asked for.
func TestEvidenceByAnotherName(t *testing.T) {
	f := lattice.Function[int, int]{F: negated, From: minInt, To: maxInt}
	claim, _ := flow.Examine(f, numbers(3))
	checked := laws.Run(laws.Lattice(maxInt), gen.For(maxInt, gen.Int(-9, 9)), laws.RunOptions{Seed: 1, Cases: 50}).Evidence()
	for _, strict := range []bool{false, true} {
		g := flow.New("g", flow.Options{Strict: strict})
		s := flow.Fold(flow.FromSlice(g, numbers(3)), lattice.Merge[int](renamed[int]{minInt}))
		flow.MapState(s, lattice.Function[int, int]{F: negated, From: renamed[int]{minInt}, To: maxInt}, claim)
		r := flow.Verify(g)
		if strict {
			require.ErrorIs(t, r.Err(), flow.ErrEvidence)
			continue
		}
		require.NoError(t, r.Err())
		require.Equal(t, flow.Assumed, r.Uses[1].Evidence.Support)
		require.Contains(t, r.Uses[1].Evidence.String(), "from lattice.minMerge[int]")
	}
	// Evidence that a merge is a lattice is worth no more than that it is the one before.
	g := flow.New("g", flow.Options{})
	flow.Fold(flow.Batch(flow.FromSlice(g, numbers(3)), lattice.Merge[int](renamed[int]{maxInt}), 2), maxInt, flow.ByCheck(checked))
	last := flow.Verify(g).Uses[1].Evidence
	require.Equal(t, flow.Sampled, last.Support)
	require.Regexp(t, `^sampled\(\d+\) that flow_test\.renamed\[int\].* and lattice\.maxMerge\[int\].* are one; and sampled\(\d+\) of lattice`, last.String())
}
