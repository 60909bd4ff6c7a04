package flow_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/gen"
	"github.com/joinery-go/joinery/lattice"
	"github.com/joinery-go/joinery/lattice/flow"
	"github.com/joinery-go/joinery/laws"
)

func sizeOf(s ints) int { return len(s) }

func doubled(s ints) ints {
	out := ints{}
	for v := range s {
		out[2*v] = struct{}{}
	}
	return out
}

func tripled(s ints) ints {
	out := ints{}
	for v := range s {
		out[3*v] = struct{}{}
	}
	return out
}

func missingOf(s ints) int { return 3 - len(s) }

var (
	sizeFunction    = lattice.Function[ints, int]{F: sizeOf, From: sets, To: maxInt}
	doubledFunction = lattice.Function[ints, ints]{F: doubled, From: sets, To: sets}
	fewSets         = []ints{setOf(), setOf(1), setOf(2), setOf(1, 2)}
)

func subsets() gen.Source[ints] { return gen.For(sets, gen.SubsetOf(1, 2, 3)) }

func classified[B any](f lattice.Function[ints, B]) lattice.Evidence {
	return laws.Classify(f, subsets(), laws.RunOptions{Seed: 1, Cases: 50}).Evidence()
}

// evidences are the evidence that Verify prints, edge by edge.
func evidences(r flow.Report) (printed []string) {
	for _, u := range r.Uses {
		printed = append(printed, fmt.Sprint(u.Class, "; ", u.Evidence))
	}
	return printed
}

// TestEvidenceOfChecks: what checks leave behind is what Verify prints, with what was
// checked, and nothing of it is assumed.
func TestEvidenceOfChecks(t *testing.T) {
	lattices := laws.Exhaust(laws.Lattice(sets), gen.Universe[ints](fewSets))
	require.True(t, lattices.OK())
	morphism := laws.Run(laws.Morphism(doubledFunction), subsets(), laws.RunOptions{Seed: 1, Cases: 50})
	require.True(t, morphism.OK())
	examined, _ := flow.Examine(sizeFunction, fewSets)
	crossed := laws.Run(laws.Bimorphism(products, sets, sets, sets), gen.For(lattice.PairOf(sets, sets), gen.PairOf(gen.SubsetOf(1, 2, 3), gen.SubsetOf(1, 2, 3))), laws.RunOptions{Seed: 1, Cases: 50})
	require.True(t, crossed.OK(), "%v", crossed)

	g := flow.New("g", flow.Options{})
	single := func() flow.Delta[ints] { return flow.FromSlice(g, fewSets) }
	a := flow.Batch(single(), sets, 2, flow.ByCheck(lattices.Evidence()))
	b := flow.Convert(a, doubledFunction, flow.ByCheck(morphism.Evidence()))
	c := flow.Bimorphism(b, single(), sets, sets, products, flow.ByCheck(crossed.Evidence()))
	s := flow.Fold(c, sets, flow.ByCheck(lattices.Evidence()))
	flow.MapState(s, sizeFunction, flow.Checked(classified(sizeFunction)))
	flow.MapState(s, sizeFunction, examined)
	flow.Threshold(s, setOf(1), flow.ByCheck(lattices.Evidence()))
	r := flow.Verify(g)
	require.NoError(t, r.Err())
	require.Empty(t, r.Assumed())
	require.Equal(t, []string{
		"morphism; exhausted(every tuple of 4 states) of lattice.setMerge[int]",
		"morphism; sampled(50) of flow_test.doubled",
		"morphism; sampled(100) of flow_test.products",
		"morphism; sampled(100) of flow_test.products",
		"morphism; exhausted(every tuple of 4 states) of lattice.setMerge[int]",
		"monotone tricky; sampled(50) of flow_test.sizeOf",
		"monotone tricky; sampled(16) of flow_test.sizeOf",
		"monotone tricky; exhausted(every tuple of 4 states) of lattice.setMerge[int]",
	}, evidences(r))
}

// TestEvidenceOfProof: a proof is of a merge over any other, and says nothing of its order.
func TestEvidenceOfProof(t *testing.T) {
	type free = map[string]laws.Free
	proof := laws.ProveUpToKeys(func(m lattice.Merge[laws.Free]) lattice.Merge[free] { return lattice.MapOf[string](m) }, 2,
		func(i int, value func(int) laws.Free) free {
			if i == 0 {
				return free{}
			}
			return free{"k": value(0)}
		})
	require.True(t, proof.OK())
	m := lattice.MapOf[string](maxInt)
	build := func(threshold bool) flow.Report {
		g := flow.New("g", flow.Options{})
		s := flow.Fold(flow.Once(g, map[string]int{"a": 1}), m, flow.ByCheck(proof.Evidence()))
		if threshold {
			flow.Threshold(s, map[string]int{"a": 1}, flow.ByCheck(proof.Evidence()))
		}
		return flow.Verify(g)
	}
	r := build(false)
	require.NoError(t, r.Err())
	require.Equal(t, []string{"morphism; proved up to keys of lattice.mapMerge[string,github.com/joinery-go/joinery/laws.Free]"}, evidences(r))
	require.ErrorIs(t, build(true).Err(), flow.ErrEvidence)
}

// TestEvidenceOfSomethingElse: evidence counts for what was checked and for nothing else.
func TestEvidenceOfSomethingElse(t *testing.T) {
	semilattice := laws.Exhaust(laws.Semilattice(sets), gen.Universe[ints](fewSets)).Evidence()
	doubles, size := classified(doubledFunction), classified(sizeFunction)
	for name, c := range map[string]struct {
		build func(g *flow.Graph, s flow.State[ints])
		is    error
		text  string
	}{
		"another function": {func(_ *flow.Graph, s flow.State[ints]) {
			flow.MapState(s, lattice.Function[ints, ints]{F: tripled, From: sets, To: sets}, flow.Checked(doubles))
		}, flow.ErrEvidence, "tripled"},
		"a stronger class than was found": {func(_ *flow.Graph, s flow.State[ints]) {
			flow.MapState(s, sizeFunction, flow.Morphism(flow.ByCheck(size)))
		}, flow.ErrEvidence, "checked as monotone tricky"},
		"of a function, for a merge": {func(g *flow.Graph, _ flow.State[ints]) {
			flow.Fold(flow.FromSlice(g, fewSets), sets, flow.ByCheck(doubles))
		}, flow.ErrEvidence, "doubled"},
		"no order was checked": {func(_ *flow.Graph, s flow.State[ints]) {
			flow.Threshold(s, setOf(1), flow.ByCheck(semilattice))
		}, flow.ErrEvidence, "semilattice"},
		"of another merge": {func(g *flow.Graph, _ flow.State[ints]) {
			flow.Fold(flow.FromSlice(g, numbers(3)), maxInt, flow.ByCheck(semilattice))
		}, flow.ErrEvidence, "setMerge"},
		"a function on elements": {func(g *flow.Graph, _ flow.State[ints]) {
			flow.Collect(flow.Map(flow.FromSlice(g, fewSets), tripled, flow.Checked(doubles)))
		}, flow.ErrEvidence, "tripled"},
		"a weaker class": {func(_ *flow.Graph, s flow.State[ints]) {
			flow.MapState(s, doubledFunction, flow.Monotone(flow.ByCheck(doubles)))
		}, nil, ""},
		"the right merge": {func(g *flow.Graph, _ flow.State[ints]) {
			flow.Fold(flow.FromSlice(g, fewSets), sets, flow.ByCheck(semilattice))
		}, nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			g := flow.New("g", flow.Options{})
			c.build(g, flow.Fold(flow.FromSlice(g, fewSets), sets))
			err := flow.Verify(g).Err()
			require.ErrorIs(t, err, c.is)
			if c.is != nil {
				require.ErrorContains(t, err, c.text)
			}
		})
	}
}

// TestNoEvidence: checks that fail, or check too little, leave nothing behind, and nothing
// can be made of nothing.
func TestNoEvidence(t *testing.T) {
	missing := lattice.Function[ints, int]{F: missingOf, From: sets, To: maxInt}
	claim, _ := flow.Examine(missing, fewSets)
	nobody, _ := flow.Examine(sizeFunction, nil)
	o := laws.RunOptions{Seed: 1, Cases: 50}
	o.Only = "semilattice/idempotent"
	some := laws.Run(laws.Lattice(sets), subsets(), o)
	require.True(t, some.OK())
	for name, e := range map[string]lattice.Evidence{
		"non-monotone":      classified(missing),
		"no morphism":       laws.Run(laws.Morphism(sizeFunction), subsets(), laws.RunOptions{Seed: 1}).Evidence(),
		"one law of many":   some.Evidence(),
		"a failed proof":    laws.Proof{}.Evidence(),
		"a report by hand":  laws.Report{Results: some.Results}.Evidence(),
		"a class by hand":   laws.Classification{Cases: 9}.Evidence(),
		"another algebra":   laws.Run(laws.Order(sets), subsets(), laws.RunOptions{Seed: 1}).Evidence(),
		"nothing to choose": {},
	} {
		require.Equal(t, lattice.Evidence{}, e, name)
		require.Equal(t, flow.NonMonotone(), flow.Checked(e), name)
		require.Equal(t, flow.Evidence{}, flow.ByCheck(e), name)
	}
	require.Equal(t, flow.NonMonotone(), claim)
	require.Equal(t, flow.NonMonotone(), nobody)
	lattices := laws.Exhaust(laws.Lattice(sets), gen.Universe[ints](fewSets)).Evidence()
	require.Equal(t, flow.NonMonotone(), flow.Checked(lattices), "evidence of a merge is not of a function")

	// The exported fields of evidence can be written, and say nothing.
	e := flow.ByCheck(classified(sizeFunction))
	e.Support, e.Cases = flow.Proved, 1_000_000
	g := flow.New("g", flow.Options{})
	s := flow.Fold(flow.FromSlice(g, fewSets), sets, flow.Evidence{Support: flow.Proved})
	flow.MapState(s, sizeFunction, flow.Monotone(e))
	printed := evidences(flow.Verify(g))
	require.Equal(t, "morphism; assumed, though stated as proved up to keys", printed[0])
	require.Equal(t, "monotone tricky; sampled(50) of flow_test.sizeOf", printed[1])
	require.True(t, slices.ContainsFunc(flow.Verify(g).Assumed(), func(u flow.Use) bool { return u.To == "fold#1" }))
}

// shifted is a closure: what it does is not in its name.
//
//go:noinline
func shifted(by int) lattice.Function[ints, ints] {
	return lattice.Function[ints, ints]{From: sets, To: sets, F: func(s ints) ints {
		out := ints{}
		for v := range s {
			if by < 0 && len(s) > 1 {
				continue // no morphism, and not monotone
			}
			out[v+by] = struct{}{}
		}
		return out
	}}
}

type halving struct{ drop bool }

func (h halving) half(s ints) ints {
	if h.drop && len(s) > 1 {
		return ints{}
	}
	return s
}

func firstOf[T comparable](s map[T]struct{}) int { return min(1, len(s)) }

// TestEvidenceOfAnother: a right function lends its evidence to no wrong one that has its
// name, and a right merge to no other of its type. What cannot be told apart is assumed.
func TestEvidenceOfAnother(t *testing.T) {
	right, wrong := shifted(1), shifted(-1)
	require.Equal(t, lattice.NameOf(right.F), lattice.NameOf(wrong.F))
	method := func(drop bool) lattice.Function[ints, ints] {
		return lattice.Function[ints, ints]{F: halving{drop}.half, From: sets, To: sets}
	}
	generic := lattice.Function[ints, int]{F: firstOf[int], From: sets, To: maxInt}
	for name, c := range map[string]struct {
		checked lattice.Evidence
		build   func(s flow.State[ints], c flow.Claim)
	}{
		"a closure": {classified(right), func(s flow.State[ints], c flow.Claim) { flow.MapState(s, wrong, c) }},
		"a method":  {classified(method(false)), func(s flow.State[ints], c flow.Claim) { flow.MapState(s, method(true), c) }},
		"a generic": {classified(generic), func(s flow.State[ints], c flow.Claim) { flow.MapState(s, generic, c) }},
	} {
		require.NotEqual(t, lattice.Evidence{}, c.checked, name)
		require.True(t, c.checked.Shared(), name)
		g := flow.New("g", flow.Options{})
		c.build(flow.Fold(flow.FromSlice(g, fewSets), sets), flow.Checked(c.checked))
		r := flow.Verify(g)
		require.NoError(t, r.Err(), name)
		require.Len(t, r.Assumed(), 2, name)
		require.Regexp(t, `assumed, though stated as sampled\(50\) of \S+, which others share`, evidences(r)[1], name)
	}
	require.False(t, classified(doubledFunction).Shared())

	// Maps of one type, by the greatest and by the least of each key.
	most, least := lattice.MapOf[string](maxInt), lattice.MapOf[string](lattice.Min[int]())
	m := []map[string]int{{}, {"a": 1}, {"a": 2}}
	checked := laws.Exhaust(laws.Lattice(most), gen.Universe[map[string]int](m)).Evidence()
	require.NotEqual(t, lattice.Evidence{}, checked)
	require.False(t, checked.Shared())
	for _, c := range []struct {
		m  lattice.Merge[map[string]int]
		is error
	}{{most, nil}, {least, flow.ErrEvidence}} {
		g := flow.New("g", flow.Options{})
		flow.Fold(flow.FromSlice(g, m), c.m, flow.ByCheck(checked))
		require.ErrorIs(t, flow.Verify(g).Err(), c.is)
	}
}
