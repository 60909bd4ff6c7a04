// Package shipped is the table of the merges that this module ships, with what each is
// checked by: its sources of states, small universes, proofs, updates and models.
//
// The matrix of laws, fuzz targets and the document MERGES.md are made from it. It
// refuses to hold faulty merges: those are in laws/zoo.
package shipped

import (
	"math"
	"slices"

	"github.com/joinery-go/joinery/gen"
	"github.com/joinery-go/joinery/lattice"
	"github.com/joinery-go/joinery/lattice/roaring"
	"github.com/joinery-go/joinery/laws"
)

// Merges is the table, each merge once. Making it evaluates the proofs in it.
func Merges() []laws.Entry {
	return slices.Concat(scalarMerges(), setMerges(), mapMerges(), pairMerges(), extendedMerges(), contextMerges(), replicatedTypes())
}

// registered is laws.Register with states correlated by the merge itself.
func registered[T any](name string, m lattice.Merge[T], g gen.Gen[T], u gen.Universe[T], with ...laws.With) laws.Entry {
	return laws.Register(name, m, gen.For(m, g), append(with, laws.WithUniverse(u))...)
}

// chain registers a merge whose order is total.
func chain[T any](name string, m lattice.Merge[T], g gen.Gen[T], u gen.Universe[T]) laws.Entry {
	return registered(name, m, g, u, laws.WithOptions(laws.TotalOrder()))
}

func scalarMerges() []laws.Entry {
	floats := gen.Values(0, 1.5, -2, math.Inf(1), math.Inf(-1), math.NaN())
	return []laws.Entry{
		chain("Max[int]", lattice.Max[int](), gen.Int(-50, 50), gen.Range(-3, 3)),
		chain("Max[float64]", lattice.Max[float64](), gen.Float64Any(), floats),
		chain("Max[string]", lattice.Max[string](), gen.String("ab", 3), gen.Values("", "a", "b", "ab")),
		chain("MaxFrom(3)", lattice.MaxFrom(3), gen.Int(3, 40), gen.Range(3, 7)),
		chain("Min[int]", lattice.Min[int](), gen.Int(-50, 50), gen.Range(-3, 3)),
		chain("Min[float64]", lattice.Min[float64](), gen.Float64Any(), floats),
		chain("Min[string]", lattice.Min[string](), gen.String("ab", 3), gen.Values("", "a", "b", "ab")),
		chain("Or", lattice.Or(), gen.Bool(), gen.Bools()),
		chain("And", lattice.And(), gen.Bool(), gen.Bools()),
		registered("Unit", lattice.Unit(), gen.Just(struct{}{}), gen.Values(struct{}{}), laws.WithOptions(laws.OneState())),
		registered("PointOf[int]", lattice.PointOf[int](), gen.PointOf(gen.Int(0, 5)), gen.Values(
			lattice.Point[int]{}, lattice.PointAt(1), lattice.PointAt(2), lattice.PointAt(3), lattice.Point[int]{State: lattice.Conflict}),
			laws.WithOptions(laws.NoLeastDiff("any two values join to the conflict"))),
	}
}

// every is all values of a small generator.
func every[T any](g gen.Gen[T]) gen.Universe[T] {
	u, complete := gen.Every(g, 2000)
	if !complete {
		panic("shipped: internal: a universe is not small")
	}
	return u
}

func setMerges() []laws.Entry {
	few := gen.Int[uint32](0, 5)
	bits := gen.Map(gen.AscendingOf(few, 4), func(s []uint32) roaring.Set { return roaring.Of(s...) })
	dead := gen.Map(gen.TombstoneSetOf[uint32](1, 2, 1<<20), func(s lattice.TombstoneSet[uint32]) roaring.TombstoneSet {
		pick := func(of map[uint32]struct{}) roaring.Set {
			var in []uint32
			for _, n := range []uint32{1, 2, 1 << 20} {
				if _, ok := of[n]; ok {
					in = append(in, n)
				}
			}
			return roaring.Of(in...)
		}
		return roaring.TombstoneSet{Live: pick(s.Live), Dead: pick(s.Dead)}
	})
	return []laws.Entry{
		registered("SetOf[string]", lattice.SetOf[string](), gen.SubsetOf("a", "b", "c", "d"), gen.Subsets("a", "b", "c")),
		registered("IntersectOf[int]", lattice.IntersectOf[int](), gen.SetOf(gen.Int(0, 5), 4), gen.Subsets(1, 2, 3)),
		registered("OrderedSetOf[int]", lattice.OrderedSetOf[int](), gen.AscendingOf(gen.Int(0, 5), 4), gen.AscendingSubsets(1, 2, 3)),
		registered("OrderedIntersectOf[int]", lattice.OrderedIntersectOf[int](), gen.AscendingOf(gen.Int(0, 5), 4), gen.AscendingSubsets(1, 2, 3)),
		registered("TombstoneSetOf[string]", lattice.TombstoneSetOf[string](), gen.TombstoneSetOf("a", "b", "c"), every(gen.TombstoneSetOf("a", "b"))),
		registered("roaring.Set", roaring.SetMerge(), bits, every(gen.Map(gen.SubsetOf[uint32](1, 2, 1<<20), func(s map[uint32]struct{}) roaring.Set {
			return roaring.Of(slices.Sorted(keysOf(s))...)
		}))),
		registered("roaring.TombstoneSet", roaring.TombstoneSetMerge(), dead, every(dead)[:9]),
		registered("PartitionOf[int]", lattice.PartitionOf[int](), gen.PartitionOf(gen.Int(0, 5), 3), allPartitions(),
			laws.WithOptions(laws.NoLeastDiff("partitions are not distributive"))),
	}
}

// keysOf yields the keys of a set, in any order.
func keysOf[E comparable](s map[E]struct{}) func(yield func(E) bool) {
	return func(yield func(E) bool) {
		for e := range s { //joinery:anyorder whoever asks sorts them
			if !yield(e) {
				return
			}
		}
	}
}

// allPartitions is the 15 partitions of four elements.
func allPartitions() gen.Universe[lattice.Partition[int]] {
	m := lattice.PartitionOf[int]()
	var u gen.Universe[lattice.Partition[int]]
	for _, p := range every(gen.PartitionOf(gen.Int(0, 3), 2)) {
		u = addNew(u, p, m)
	}
	for _, p := range slices.Clone(u) {
		u = addNew(u, lattice.Join(m, p, lattice.Unite(0, 3)), m)
		u = addNew(u, lattice.Join(m, p, lattice.Unite(1, 2)), m)
	}
	return u
}

func addNew[T any](u gen.Universe[T], v T, m lattice.Merge[T]) gen.Universe[T] {
	if slices.ContainsFunc(u, func(w T) bool { return m.Compare(v, w) == lattice.Equal }) {
		return u
	}
	return append(u, v)
}

// present makes the shape of a collection over keys 0 and 1: which of them are in.
func present[T any](empty func() T, put func(t *T, key int, v laws.Free)) func(i int, value func(int) laws.Free) T {
	return func(i int, value func(int) laws.Free) T {
		t := empty()
		for k := range 2 {
			if i>>k&1 == 1 {
				put(&t, k, value(k))
			}
		}
		return t
	}
}

func mapMerges() []laws.Entry {
	type free = laws.Free
	mapProof := func() laws.Proof {
		return laws.ProveUpToKeys(func(m lattice.Merge[free]) lattice.Merge[map[int]free] { return lattice.MapOf[int](m) }, 4,
			present(func() map[int]free { return map[int]free{} }, func(t *map[int]free, k int, v free) { (*t)[k] = v }))
	}
	orderedProof := func() laws.Proof {
		type entries = []lattice.Entry[int, free]
		return laws.ProveUpToKeys(func(m lattice.Merge[free]) lattice.Merge[entries] { return lattice.OrderedMapOf[int](m) }, 4,
			present(func() entries { return nil }, func(t *entries, k int, v free) { *t = append(*t, lattice.Entry[int, free]{Key: k, Val: v}) }))
	}
	sliceProof := func() laws.Proof {
		return laws.ProveUpToKeys(lattice.SliceOf[free], 3, func(i int, value func(int) free) []free {
			var s []free
			for at := range i {
				s = append(s, value(at))
			}
			return s
		})
	}
	ofSets := gen.MapOf(gen.OneOf("a", "b"), gen.SubsetOf(1, 2, 3), 2)
	return []laws.Entry{
		registered("MapOf[string](Max[uint])", lattice.MapOf[string](lattice.Max[uint]()), gen.MapOf(gen.String("ab", 1), gen.Int[uint](0, 3), 3),
			gen.Maps([]string{"a", "b"}, gen.Range[uint](1, 2)), laws.WithProof(mapProof),
			laws.WithOptions(laws.BottomParts(laws.AboveAbsent, func(v map[string]uint) (map[string]uint, bool) {
				if _, ok := v["a"]; ok {
					return v, false
				}
				w := map[string]uint{"a": 0}
				for k, n := range v { //joinery:anyorder a copy
					w[k] = n
				}
				return w, true
			}))),
		registered("MapOf[string](SetOf[int])", lattice.MapOf[string](lattice.SetOf[int]()), ofSets,
			gen.Maps([]string{"a", "b"}, gen.Subsets(1, 2)), laws.WithProof(mapProof)),
		registered("OrderedMapOf[string](SetOf[int])", lattice.OrderedMapOf[string](lattice.SetOf[int]()),
			gen.AscendingMapOf(gen.OneOf("a", "b"), gen.SubsetOf(1, 2, 3), 2), gen.AscendingMaps([]string{"a", "b"}, gen.Subsets(1, 2)),
			laws.WithProof(orderedProof)),
		registered("TombstoneMapOf[string](SetOf[int])", lattice.TombstoneMapOf[string](lattice.SetOf[int]()),
			gen.TombstoneMapOf(gen.SubsetOf(1, 2, 3), "a", "b"), every(gen.TombstoneMapOf(gen.SubsetOf(1, 2, 3), "a"))),
		registered("SliceOf(SetOf[int])", lattice.SliceOf(lattice.SetOf[int]()), gen.SliceOf(gen.SubsetOf(1, 2), 3),
			every(gen.SliceOf(gen.SubsetOf(1, 2), 2)), laws.WithProof(sliceProof)),
	}
}

func pairMerges() []laws.Entry {
	type both = lattice.Pair[laws.Free, laws.Free]
	proof := func() laws.Proof {
		return laws.ProveUpToKeys(func(m lattice.Merge[laws.Free]) lattice.Merge[both] { return lattice.PairOf(m, m) }, 1,
			func(_ int, value func(int) laws.Free) both { return both{First: value(0), Second: value(1)} })
	}
	sets := gen.PairOf(gen.SubsetOf(1, 2), gen.SubsetOf(3, 4))
	return []laws.Entry{
		registered("PairOf(SetOf[int], Max[uint])", lattice.PairOf(lattice.SetOf[int](), lattice.Max[uint]()),
			gen.PairOf(gen.SubsetOf(1, 2, 3), gen.Int[uint](0, 9)), gen.Pairs(gen.Subsets(1, 2), gen.Range[uint](0, 2)),
			laws.WithProof(proof)),
		chain("DominatingPairOf(Max[uint32], Max[string])", lattice.DominatingPairOf(lattice.Max[uint32](), lattice.Max[string]()),
			gen.PairOf(gen.Int[uint32](0, 1000), gen.String("ab", 2)), gen.Pairs(gen.Range[uint32](0, 2), gen.Values("", "a", "b"))),
		registered("DominatingPairOf(Max[int], SetOf[int])", lattice.DominatingPairOf(lattice.Max[int](), lattice.SetOf[int]()),
			gen.PairOf(gen.Int(0, 20), gen.SubsetOf(1, 2, 3, 4)), gen.Pairs(gen.Range(0, 2), gen.Subsets(1, 2)),
			laws.WithOptions(laws.NoLeastDiff("the difference is the whole pair"))),
		registered("LexPairOf(SetOf[int], SetOf[int])", lattice.LexPairOf(lattice.SetOf[int](), lattice.SetOf[int]()), sets, every(sets),
			laws.WithOptions(laws.NoLeastDiff("incomparable keys forget values, so the pair is not distributive"))),
	}
}

func extendedMerges() []laws.Entry {
	few := gen.SubsetOf(1, 2, 3)
	return []laws.Entry{
		registered("WithBottom(IntersectOf[int])", lattice.WithBottom(lattice.IntersectOf[int]()), gen.OptionOf(few), options(gen.Subsets(1, 2, 3)),
			laws.WithOptions(laws.NoLeastDiff("the difference is the whole value"))),
		chain("WithBottom(Min[string])", lattice.WithBottom(lattice.Min[string]()), gen.OptionOf(gen.String("ab", 2)), options(gen.Values("", "a", "b"))),
		registered("WithTop(SetOf[int])", lattice.WithTop(lattice.SetOf[int]()), gen.OptionOf(few), options(gen.Subsets(1, 2, 3)),
			laws.WithOptions(laws.NoLeastDiff("⊤ is the join of any two large enough states"))),
		registered("As[named](MapOf[string](Max[int]))", lattice.As[named](lattice.MapOf[string](lattice.Max[int]())),
			gen.Map(gen.MapOf(gen.OneOf("a", "b"), gen.Int(0, 3), 2), func(m map[string]int) named { return m }),
			gen.Product(gen.Maps([]string{"a", "b"}, gen.Range(1, 2)), gen.Values(0), func(m map[string]int, _ int) named { return m })),
	}
}

// named is a type with the domain of a map.
type named map[string]int

// options is nothing, and every value of a universe.
func options[T any](vs gen.Universe[T]) gen.Universe[lattice.Option[T]] {
	u := gen.Values(lattice.None[T]())
	for _, v := range vs {
		u = append(u, lattice.Some(v))
	}
	return u
}
