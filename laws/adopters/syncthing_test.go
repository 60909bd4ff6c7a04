package adopters_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/syncthing/syncthing/lib/protocol"
	"pgregory.net/rapid"

	"github.com/joinery-go/joinery/gen"
	"github.com/joinery-go/joinery/lattice"
	"github.com/joinery-go/joinery/laws"
)

// drawVector draws a version vector in its normal form: counters by device, each at
// least one.
func drawVector(t *rapid.T) protocol.Vector {
	var v protocol.Vector
	for id := range 5 {
		if n := rapid.Uint64Range(0, 3).Draw(t, "counter"); n > 0 {
			v.Counters = append(v.Counters, protocol.Counter{ID: protocol.ShortID(id + 1), Value: n})
		}
	}
	return v
}

// mergeVectors is Merge as a function: Merge may write into its receiver, and says so.
func mergeVectors(a, b protocol.Vector) protocol.Vector { return a.Copy().Merge(b) }

func TestSyncthingHolds(t *testing.T) {
	laws.CheckMerge(t, mergeVectors, rapid.Custom(drawVector), cases())
}

func TestSyncthingInPlaceHolds(t *testing.T) {
	mergeIn := func(dst *protocol.Vector, delta protocol.Vector) { *dst = dst.Merge(delta) }
	laws.CheckMergeIn(t, mergeIn, rapid.Custom(drawVector), laws.Clone(protocol.Vector.Copy), cases())
}

// vectors are version vectors with the order that Compare states.
type vectors struct{}

func (vectors) MergeIn(target *protocol.Vector, delta protocol.Vector) bool {
	grew := !delta.LesserEqual(*target)
	*target = target.Merge(delta)
	return grew
}

func (vectors) Compare(a, b protocol.Vector) lattice.Order {
	o := lattice.Incomparable
	if a.LesserEqual(b) {
		o |= lattice.Less
	}
	if a.GreaterEqual(b) {
		o |= lattice.Greater
	}
	return o
}

func (vectors) Clone(v protocol.Vector) protocol.Vector { return v.Copy() }

// Compare, LesserEqual and GreaterEqual are the order that Merge induces, and Copy is
// independent.
func TestSyncthingOrderHolds(t *testing.T) {
	source := gen.For(vectors{}, gen.FromRapid(rapid.Custom(drawVector)))
	laws.Check(t, laws.Lattice[protocol.Vector](vectors{}), source, cases())
}

// The two ways of being concurrent are a strict order: if a is the lesser, b is the
// greater.
func TestSyncthingConcurrentIsStrict(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := rapid.Custom(drawVector).Draw(t, "a"), rapid.Custom(drawVector).Draw(t, "b")
		dual := map[protocol.Ordering]protocol.Ordering{
			protocol.Equal: protocol.Equal, protocol.Lesser: protocol.Greater, protocol.Greater: protocol.Lesser,
			protocol.ConcurrentLesser: protocol.ConcurrentGreater, protocol.ConcurrentGreater: protocol.ConcurrentLesser,
		}
		assert.Equal(t, dual[a.Compare(b)], b.Compare(a))
	})
}
