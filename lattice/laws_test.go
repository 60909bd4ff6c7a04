package lattice_test

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/joinery-go/joinery/lattice"
	"github.com/joinery-go/joinery/lattice/internal/lawtest"
)

// lawful checks a merge over joins of the states drawn.
func lawful[T any](t *testing.T, name string, m lattice.Merge[T], states *rapid.Generator[T]) {
	t.Helper()
	t.Run(name, func(t *testing.T) { lawtest.Check(t, m, lawtest.Joins(m, states)) })
}

var (
	ints    = rapid.IntRange(-2, 2)
	words   = rapid.SampledFrom([]string{"", "a", "b"})
	floats  = rapid.SampledFrom([]float64{math.NaN(), math.Inf(-1), -1, 0, math.Copysign(0, -1), 2, math.Inf(1)})
	intSets = rapid.MapOfN(rapid.IntRange(0, 3), rapid.Just(struct{}{}), 0, 3)
)

func pairs[A, B any](a *rapid.Generator[A], b *rapid.Generator[B]) *rapid.Generator[lattice.Pair[A, B]] {
	return rapid.Custom(func(rt *rapid.T) lattice.Pair[A, B] {
		return lattice.Pair[A, B]{First: a.Draw(rt, "first"), Second: b.Draw(rt, "second")}
	})
}

func options[T any](g *rapid.Generator[T]) *rapid.Generator[lattice.Option[T]] {
	return rapid.OneOf(rapid.Just(lattice.None[T]()), rapid.Map(g, lattice.Some[T]))
}

func points[T comparable](g *rapid.Generator[T]) *rapid.Generator[lattice.Point[T]] {
	return rapid.OneOf(rapid.Map(g, lattice.PointAt[T]),
		rapid.SampledFrom([]lattice.Point[T]{{}, {State: lattice.Conflict}}))
}

func TestScalarsAreLawful(t *testing.T) {
	lawful(t, "Max", lattice.Max[int](), ints)
	lawful(t, "Max over floats", lattice.Max[float64](), floats)
	lawful(t, "MaxFrom", lattice.MaxFrom(-2), ints)
	lawful(t, "Min over strings", lattice.Min[string](), words)
	lawful(t, "Or", lattice.Or(), rapid.Bool())
	lawful(t, "And", lattice.And(), rapid.Bool())
	lawful(t, "Unit", lattice.Unit(), rapid.Just(struct{}{}))
	lawful(t, "Point", lattice.PointOf[int](), points(ints))
	lawful(t, "Point of floats", lattice.PointOf[float64](), points(rapid.SampledFrom([]float64{0, math.Copysign(0, -1), 1})))
}

func TestCollectionsAreLawful(t *testing.T) {
	lawful(t, "Set", lattice.SetOf[int](), intSets)
	lawful(t, "Intersect", lattice.IntersectOf[int](), intSets)
	lawful(t, "OrderedSet", lattice.OrderedSetOf[int](), rapid.Map(intSets, ascending))
	lawful(t, "OrderedIntersect", lattice.OrderedIntersectOf[int](), rapid.Map(intSets, ascending))
	lawful(t, "Map of scalars", lattice.MapOf[string](lattice.Max[int]()), rapid.MapOfN(words, ints, 0, 3))
	lawful(t, "Map of sets", lattice.MapOf[string](lattice.SetOf[int]()), rapid.MapOfN(words, intSets, 0, 3))
	lawful(t, "Map of units", lattice.MapOf[bool](lattice.Unit()), rapid.MapOf(rapid.Bool(), rapid.Just(struct{}{})))
	lawful(t, "OrderedMap", lattice.OrderedMapOf[int](lattice.SetOf[int]()),
		rapid.Map(rapid.MapOfN(rapid.IntRange(0, 3), intSets, 0, 3), entries))
	lawful(t, "Slice", lattice.SliceOf(lattice.SetOf[int]()), rapid.SliceOfN(intSets, 0, 3))
	lawful(t, "Slice without fillers", lattice.SliceOf(lattice.Min[string]()), rapid.SliceOfN(words, 0, 3))
	lawful(t, "Slice of units", lattice.SliceOf(lattice.Unit()), rapid.SliceOfN(rapid.Just(struct{}{}), 0, 3))
	lawful(t, "Partition", lattice.PartitionOf[int](), partitions)
}

var partitions = rapid.Custom(func(rt *rapid.T) lattice.Partition[int] {
	p, m := lattice.Partition[int]{}, lattice.PartitionOf[int]()
	for range rapid.IntRange(0, 3).Draw(rt, "unions") {
		m.MergeIn(&p, lattice.Unite(rapid.IntRange(0, 5).Draw(rt, "x"), rapid.IntRange(0, 5).Draw(rt, "y")))
	}
	return p
})

func TestCompoundsAreLawful(t *testing.T) {
	lawful(t, "Pair", lattice.PairOf(lattice.Max[int](), lattice.SetOf[int]()), pairs(ints, intSets))
	lawful(t, "DominatingPair over a chain", lattice.DominatingPairOf(lattice.Max[int](), lattice.SetOf[int]()), pairs(ints, intSets))
	lawful(t, "LexPair over a chain", lattice.LexPairOf(lattice.Max[int](), lattice.Max[int]()), pairs(ints, ints))
	lawful(t, "LexPair over a partial order", lattice.LexPairOf(lattice.SetOf[int](), lattice.SetOf[int]()), pairs(intSets, intSets))
	lawful(t, "LexPair of points", lattice.LexPairOf(lattice.PointOf[int](), lattice.PointOf[int]()), pairs(points(ints), points(ints)))
	lawful(t, "WithBottom", lattice.WithBottom(lattice.IntersectOf[int]()), options(intSets))
	lawful(t, "WithBottom over ⊥", lattice.WithBottom(lattice.Max[uint8]()), options(rapid.Uint8Range(0, 3)))
	lawful(t, "WithTop", lattice.WithTop(lattice.SetOf[int]()), options(intSets))
	lawful(t, "WithTop over ⊤", lattice.WithTop(lattice.Or()), options(rapid.Bool()))
	lawful(t, "WithTop without ⊥", lattice.WithTop(lattice.Min[string]()), options(words))
	lawful(t, "Map of options", lattice.MapOf[bool](lattice.WithBottom(lattice.WithTop(lattice.Max[int]()))),
		rapid.MapOf(rapid.Bool(), options(options(ints))))
	lawful(t, "As", lattice.As[scores](lattice.MapOf[string](lattice.Max[int]())),
		rapid.Map(rapid.MapOfN(words, ints, 0, 3), func(m map[string]int) scores { return m }))
}

type scores map[string]int

func TestTombstonesAreLawful(t *testing.T) {
	lawful(t, "TombstoneSet", lattice.TombstoneSetOf[int](), rapid.Custom(func(rt *rapid.T) lattice.TombstoneSet[int] {
		s := lattice.TombstoneSet[int]{Live: intSets.Draw(rt, "live"), Dead: intSets.Draw(rt, "dead")}
		maps.DeleteFunc(s.Live, func(e int, _ struct{}) bool { _, dead := s.Dead[e]; return dead })
		return s
	}))
	lawful(t, "TombstoneMap", lattice.TombstoneMapOf[int](lattice.SetOf[int]()),
		rapid.Custom(func(rt *rapid.T) lattice.TombstoneMap[int, map[int]struct{}] {
			s := lattice.TombstoneMap[int, map[int]struct{}]{
				Live: rapid.MapOfN(rapid.IntRange(0, 3), intSets, 0, 3).Draw(rt, "live"), Dead: intSets.Draw(rt, "dead"),
			}
			maps.DeleteFunc(s.Live, func(e int, _ map[int]struct{}) bool { _, dead := s.Dead[e]; return dead })
			return s
		}))
}

// Law: merging by value and by address are one merge, for every compound that has
// both ways.
func TestEveryPathOfMapsAgrees(t *testing.T) {
	agree(t, "Min", lattice.Min[int](), ints)
	agree(t, "Or", lattice.Or(), rapid.Bool())
	agree(t, "And", lattice.And(), rapid.Bool())
	agree(t, "Point", lattice.PointOf[int](), points(ints))
	agree(t, "Pair", lattice.PairOf(lattice.Max[int](), lattice.Min[string]()), pairs(ints, words))
	for name, m := range map[string]lattice.Merge[lattice.Pair[uint64, string]]{
		"register":               lattice.DominatingPairOf(lattice.Max[uint64](), lattice.Max[string]()),
		"register, least value":  lattice.DominatingPairOf(lattice.Max[uint64](), lattice.Min[string]()),
		"register, earliest key": lattice.DominatingPairOf(lattice.Min[uint64](), lattice.Max[string]()),
	} {
		agree(t, name, m, pairs(rapid.Uint64Range(0, 2), words))
	}
	agree(t, "register, 32 bits", lattice.DominatingPairOf(lattice.Max[uint32](), lattice.Max[string]()), pairs(rapid.Uint32Range(0, 2), words))
	agree(t, "register, signed", lattice.DominatingPairOf(lattice.Max[int64](), lattice.Max[string]()), pairs(rapid.Int64Range(-1, 1), words))
	agree(t, "stamped", lattice.DominatingPairOf(lattice.Max[uint32](), lattice.DominatingPairOf(lattice.Max[int64](), lattice.Max[string]())),
		pairs(rapid.Uint32Range(0, 2), pairs(rapid.Int64Range(-1, 1), words)))
	agree(t, "floats", lattice.Max[float64](), floats)
	agree(t, "strings", lattice.Min[string](), words)
	agree(t, "small integers", lattice.Min[int8](), rapid.Int8Range(-1, 1))
	agree(t, "DominatingPair", lattice.DominatingPairOf(lattice.Max[int](), lattice.Max[string]()), pairs(ints, words))
	agree(t, "DominatingPair over points", lattice.DominatingPairOf(lattice.PointOf[int](), lattice.Max[int]()), pairs(points(ints), ints))
	agree(t, "LexPair", lattice.LexPairOf(lattice.PointOf[int](), lattice.Max[int]()), pairs(points(ints), ints))
	agree(t, "WithBottom", lattice.WithBottom(lattice.Max[int]()), options(ints))
	agree(t, "WithTop", lattice.WithTop(lattice.Max[int]()), options(ints))
	agree(t, "As", lattice.As[celsius](lattice.Max[float32]()), rapid.Map(rapid.Float32Range(-1, 1), func(f float32) celsius { return celsius(f) }))
}

func agree[V any](t *testing.T, name string, m lattice.Merge[V], values *rapid.Generator[V]) {
	t.Helper()
	fast, plain := lattice.MapOf[int](m), lattice.MapOf[int](lattice.Merge[V](hidden[V]{m}))
	states := rapid.MapOfN(rapid.IntRange(0, 2), values, 0, 3)
	t.Run(name, func(t *testing.T) {
		rapid.Check(t, func(rt *rapid.T) {
			a, b := states.Draw(rt, "a"), states.Draw(rt, "b")
			x, y := fast.Clone(a), plain.Clone(a)
			gx, gy := fast.MergeIn(&x, b), plain.MergeIn(&y, b)
			if gx != gy || fast.Compare(x, y) != lattice.Equal {
				rt.Fatalf("%v ⊔ %v: by value %v %v, by address %v %v", a, b, gx, x, gy, y)
			}
		})
	})
}

// TestPartitionsAreEquivalences holds union-find to the transitive closure of the
// pairs that were united.
func TestPartitionsAreEquivalences(t *testing.T) {
	const n = 6
	rapid.Check(t, func(rt *rapid.T) {
		var same [n][n]bool
		for i := range same {
			same[i][i] = true
		}
		p, m := lattice.Partition[int]{}, lattice.PartitionOf[int]()
		for range rapid.IntRange(0, 6).Draw(rt, "unions") {
			x, y := rapid.IntRange(0, n-1).Draw(rt, "x"), rapid.IntRange(0, n-1).Draw(rt, "y")
			if m.MergeIn(&p, lattice.Unite(x, y)) == same[x][y] {
				rt.Fatalf("uniting %d and %d: growth is wrong", x, y)
			}
			old := same
			for i := range n {
				for j := range n {
					same[i][j] = same[i][j] || old[i][x] && old[y][j] || old[i][y] && old[x][j]
				}
			}
		}
		for i := range n {
			least := slices.Index(same[i][:], true)
			if p.Find(i) != least {
				rt.Fatalf("%v: find %d gives %d, want %d", p, i, p.Find(i), least)
			}
			for j := range n {
				if p.Same(i, j) != same[i][j] {
					rt.Fatalf("%v: %d and %d the same: %v", p, i, j, p.Same(i, j))
				}
			}
		}
		for _, class := range p.Classes() {
			if len(class) < 2 || !slices.IsSortedFunc(class, cmp.Compare) {
				rt.Fatalf("%v: class %v", p, class)
			}
		}
	})
}
