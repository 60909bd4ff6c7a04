package lattice_test

import (
	"flag"
	"math"
	"testing"

	"github.com/joinery-go/joinery/lattice"
	"github.com/joinery-go/joinery/lattice/internal/lawtest"
)

var update = flag.Bool("update", false, "write the golden files")

func TestEncodingsAreKept(t *testing.T) {
	var g lawtest.Golden
	abc := map[string]struct{}{"c": {}, "a": {}, "b": {}}
	lawtest.Encoding(t, &g, "Max int", lattice.Max[int](), -300)
	lawtest.Encoding(t, &g, "Max string", lattice.Max[string](), "héllo")
	lawtest.Encoding(t, &g, "Min float32", lattice.Min[float32](), -1.5)
	lawtest.Encoding(t, &g, "Max float64 NaN", lattice.Max[float64](), math.NaN())
	lawtest.Encoding(t, &g, "Or", lattice.Or(), true)
	lawtest.Encoding(t, &g, "Unit", lattice.Unit(), struct{}{})
	lawtest.Encoding(t, &g, "Point", lattice.PointOf[uint8](), lattice.PointAt(uint8(7)))
	lawtest.Encoding(t, &g, "Point conflict", lattice.PointOf[uint8](), lattice.Point[uint8]{State: lattice.Conflict})
	lawtest.Encoding(t, &g, "Set", lattice.SetOf[string](), abc)
	lawtest.Encoding(t, &g, "OrderedSet", lattice.OrderedSetOf[string](), []string{"a", "b", "c"})
	lawtest.Encoding(t, &g, "Map", lattice.MapOf[uint16](lattice.SetOf[string]()), map[uint16]map[string]struct{}{300: abc, 2: nil})
	lawtest.Encoding(t, &g, "OrderedMap", lattice.OrderedMapOf[int](lattice.Or()), []lattice.Entry[int, bool]{{Key: -1, Val: true}, {Key: 1}})
	lawtest.Encoding(t, &g, "Pair", lattice.PairOf(lattice.Max[uint32](), lattice.Max[string]()), lattice.Pair[uint32, string]{First: 1, Second: "x"})
	lawtest.Encoding(t, &g, "LexPair", lattice.LexPairOf(lattice.Max[uint32](), lattice.Max[string]()), lattice.Pair[uint32, string]{First: 1, Second: "x"})
	lawtest.Encoding(t, &g, "WithBottom", lattice.WithBottom(lattice.Max[uint32]()), lattice.Some(uint32(5)))
	lawtest.Encoding(t, &g, "WithTop", lattice.WithTop(lattice.Max[uint32]()), lattice.None[uint32]())
	lawtest.Encoding(t, &g, "Slice", lattice.SliceOf(lattice.Max[uint32]()), []uint32{3, 1, 2})
	lawtest.Encoding(t, &g, "Slice of units", lattice.SliceOf(lattice.Unit()), make([]struct{}, 2))
	lawtest.Encoding(t, &g, "Partition", lattice.PartitionOf[uint8](), lattice.Partition[uint8]{3: 1, 9: 4, 5: 4})
	lawtest.Encoding(t, &g, "TombstoneSet", lattice.TombstoneSetOf[string](), lattice.TombstoneSet[string]{Live: abc, Dead: map[string]struct{}{"d": {}}})
	lawtest.Encoding(t, &g, "TombstoneMap", lattice.TombstoneMapOf[string](lattice.Or()),
		lattice.TombstoneMap[string, bool]{Live: map[string]bool{"a": true}, Dead: map[string]struct{}{"d": {}}})
	g.Check(t, *update)
}
