package adopters_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/syncthing/syncthing/lib/protocol"
	"pgregory.net/rapid"

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

// LesserEqual is the order that Merge induces.
func TestSyncthingOrderHolds(t *testing.T) {
	laws.CheckOrder(t, protocol.Vector.LesserEqual, rapid.Custom(drawVector), laws.MergedBy(mergeVectors), cases())
}

// What a merge leaves in its receiver may be neither the result nor what it was.
func TestSyncthingReceiver(t *testing.T) {
	set := laws.Method[protocol.Vector](protocol.Vector.Merge, laws.Clone(protocol.Vector.Copy))
	fails(t, set, drawn(rapid.Custom(drawVector), mergeVectors, protocol.Vector.Copy), "method/receiver")

	v := protocol.Vector{Counters: []protocol.Counter{{ID: 1, Value: 1}}}
	v.Merge(protocol.Vector{Counters: []protocol.Counter{{ID: 1, Value: 2}, {ID: 2, Value: 1}}})
	assert.Equal(t, protocol.Vector{Counters: []protocol.Counter{{ID: 1, Value: 2}}}, v)
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
