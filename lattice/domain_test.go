package lattice_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/lattice"
	"github.com/joinery-go/joinery/lattice/internal/lawtest"
)

func TestLexPairNeedsABottom(t *testing.T) {
	assert.PanicsWithValue(t, "lattice.LexPairOf: the merge of values over string has no ⊥; wrap it in WithBottom",
		func() { lattice.LexPairOf(lattice.Max[int](), lattice.Min[string]()) })
	m := lattice.LexPairOf(lattice.Min[string](), lattice.WithBottom(lattice.Min[string]()))
	assert.Nil(t, lattice.CapsOf(m).Bottom, "the keys have none")
}

// The triple on which DominatingPairOf is not associative (see its documentation)
// is none of LexPairOf's concern.
func TestLexPairOnTheTripleOfDominatingPair(t *testing.T) {
	type versioned = lattice.Pair[map[string]int, map[string]struct{}]
	clock := lattice.MapOf[string](lattice.Max[int]())
	value := func(s string) map[string]struct{} { return map[string]struct{}{s: {}} }
	a := versioned{First: map[string]int{"p": 1}, Second: value("x")}
	b := versioned{First: map[string]int{"q": 1}, Second: value("y")}
	c := versioned{First: map[string]int{"p": 2}, Second: value("z")}
	both := func(m lattice.Merge[versioned]) (l, r versioned) {
		return lattice.Join(m, lattice.Join(m, a, b), c), lattice.Join(m, a, lattice.Join(m, b, c))
	}
	l, r := both(lattice.DominatingPairOf(clock, lattice.SetOf[string]()))
	assert.NotEqual(t, l, r)
	lex := lattice.LexPairOf(clock, lattice.SetOf[string]())
	l, r = both(lex)
	assert.Equal(t, l, r)
	assert.Empty(t, lattice.Join(lex, a, b).Second, "the values of concurrent keys are forgotten")
}

func TestAsRefusesOtherTypes(t *testing.T) {
	assert.Panics(t, func() { lattice.As[string](lattice.Max[int]()) })
	assert.Panics(t, func() { lattice.As[int32](lattice.Max[int64]()) })
	assert.Panics(t, func() { lattice.As[map[string]uint](lattice.MapOf[string](lattice.Max[int]())) })
	assert.Panics(t, func() { lattice.As[any](lattice.Merge[any](hidden[any]{})) })
	assert.NotPanics(t, func() { lattice.As[id](lattice.Max[uint16]()) })
}

func TestBottomsLieBelow(t *testing.T) {
	option := lattice.WithBottom(lattice.Max[uint8]())
	assert.Equal(t, lattice.Less, option.Compare(lattice.None[uint8](), lattice.Some[uint8](0)), "∅ below the ⊥ of the values")
	slices := lattice.SliceOf(lattice.Max[uint8]())
	assert.Equal(t, lattice.Less, slices.Compare(nil, []uint8{0}), "a missing position below one at ⊥")
	topped := lattice.WithTop(lattice.Max[uint8]())
	assert.Equal(t, lattice.Less, topped.Compare(lattice.Some[uint8](255), lattice.None[uint8]()), "∅ above the ⊤ of the values")
}

func TestStrings(t *testing.T) {
	assert.Equal(t, "∅ 3", lattice.None[int]().String()+" "+lattice.Some(3).String())
	assert.Equal(t, "⊥ x ⊤", lattice.Point[string]{}.String()+" "+lattice.PointAt("x").String()+" "+lattice.Point[string]{State: lattice.Conflict}.String())
}

// A pair (⊥, x) of units encodes to nothing: a count of such elements must still be
// backed by bytes.
func TestElementsWithoutEncoding(t *testing.T) {
	m := lattice.SliceOf(lattice.PairOf(lattice.Unit(), lattice.Unit()))
	v := make([]lattice.Pair[struct{}, struct{}], 3)
	assert.Equal(t, []byte{3, 0, 0, 0}, lattice.Encode(m, v))
	for _, b := range [][]byte{{3, 0, 0}, {3, 0, 0, 1}, {3}, {0xff, 0xff, 0xff, 0xff, 0x0f}} {
		_, err := lattice.Decode(m, b)
		assert.ErrorIs(t, err, lattice.ErrDecode, "%v", b)
	}
}

func TestDecodeRefusesWhatIsNotOfTheDomain(t *testing.T) {
	nan := lattice.Encode(lattice.Max[float64](), math.NaN())
	refuses(t, lattice.SetOf[float64](), append([]byte{1}, nan...), "NaN in a hash set")
	refuses(t, lattice.MapOf[float64](lattice.Unit()), append([]byte{1}, nan...), "NaN as a key")
	refuses(t, lattice.PointOf[float64](), append([]byte{1}, nan...), "NaN as a point")
	refuses(t, lattice.PartitionOf[float64](), append([]byte{1}, append(nan, nan...)...), "NaN in a class")
	refuses(t, lattice.PointOf[uint8](), []byte{3}, "no such state")
	refuses(t, lattice.WithBottom(lattice.Unit()), []byte{2}, "neither there nor not")
	refuses(t, lattice.PartitionOf[uint8](), []byte{1, 4, 4}, "an element that names itself")
	refuses(t, lattice.PartitionOf[uint8](), []byte{1, 4, 5}, "a name that is not the least")
	refuses(t, lattice.PartitionOf[uint8](), []byte{2, 4, 3, 5, 4}, "a name of a name")
	refuses(t, lattice.TombstoneSetOf[uint8](), []byte{1, 4, 1, 4}, "live and dead")
	values, err := lattice.Decode(lattice.OrderedSetOf[float64](), append([]byte{1}, nan...))
	require.NoError(t, err, "ordered sets have a place for NaN")
	assert.True(t, math.IsNaN(values[0]))
}

func refuses[T any](t *testing.T, m lattice.Merge[T], b []byte, why string) {
	t.Helper()
	_, err := lattice.Decode(m, b)
	assert.ErrorIs(t, err, lattice.ErrDecode, why)
}

// A root is found even where a map that is no partition runs in a circle.
func TestPartitionsEndOnAnyMap(t *testing.T) {
	circle := lattice.Partition[int]{1: 2, 2: 3, 3: 1}
	assert.Equal(t, 1, circle.Find(3))
	m := lattice.PartitionOf[int]()
	p := lattice.Partition[int]{}
	m.MergeIn(&p, circle)
	assert.Equal(t, lattice.Partition[int]{2: 1, 3: 1}, p, "a delta is read as pairs")
}

func FuzzDecodeCompounds(f *testing.F) {
	f.Add([]byte{0, 1, 4, 1, 5})
	f.Add([]byte{1, 2, 4, 3, 5, 3})
	f.Add([]byte{2, 1, 1, 1, 97})
	f.Add([]byte{3, 2, 0, 0})
	f.Add([]byte{4, 1, 1, 2, 1, 97})
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) == 0 {
			return
		}
		switch kind, b := b[0]%6, b[1:]; kind {
		case 0:
			lawtest.Decoded(t, lattice.TombstoneMapOf[int16](lattice.SetOf[uint8]()), b)
		case 1:
			lawtest.Decoded(t, lattice.PartitionOf[float32](), b)
		case 2:
			lawtest.Decoded(t, lattice.WithTop(lattice.WithBottom(lattice.PointOf[string]())), b)
		case 3:
			lawtest.Decoded(t, lattice.SliceOf(lattice.Unit()), b)
		case 4:
			lawtest.Decoded(t, lattice.SliceOf(lattice.LexPairOf(lattice.Max[float64](), lattice.SetOf[string]())), b)
		case 5:
			lawtest.Decoded(t, lattice.OrderedMapOf[float64](lattice.SliceOf(lattice.And())), b)
		}
	})
}
