package lattice_test

import (
	"bytes"
	"fmt"
	"maps"
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/joinery-go/joinery/lattice"
)

func TestOrderBits(t *testing.T) {
	for _, o := range []lattice.Order{lattice.Incomparable, lattice.Less, lattice.Greater, lattice.Equal} {
		assert.Equal(t, o, o.Dual().Dual())
		assert.Equal(t, o.Leq(), o.Dual().Geq())
	}
	assert.Equal(t, lattice.Greater, lattice.Less.Dual())
	assert.Equal(t, lattice.Equal, lattice.Equal.Dual())
	assert.Equal(t, lattice.Incomparable, lattice.Less&lattice.Greater, "product order is AND")
	assert.Equal(t, "Order(invalid)", lattice.Order(7).String())
}

type celsius float32
type id uint16

func TestExtremesOfTypes(t *testing.T) {
	assert.Equal(t, int8(-128), lattice.CapsOf(lattice.Max[int8]()).Bottom())
	assert.Equal(t, int64(math.MaxInt64), lattice.CapsOf(lattice.Max[int64]()).Top())
	assert.Equal(t, id(65535), lattice.CapsOf(lattice.Max[id]()).Top())
	assert.Equal(t, id(0), lattice.CapsOf(lattice.Max[id]()).Bottom())
	assert.Equal(t, uint64(math.MaxUint64), lattice.CapsOf(lattice.Min[uint64]()).Bottom())
	assert.True(t, math.IsNaN(float64(lattice.CapsOf(lattice.Max[celsius]()).Bottom())))
	assert.Equal(t, celsius(math.Inf(1)), lattice.CapsOf(lattice.Max[celsius]()).Top())
	assert.Empty(t, lattice.CapsOf(lattice.Max[string]()).Bottom())
	assert.Nil(t, lattice.CapsOf(lattice.Max[string]()).Top, "there is no greatest string")
	assert.Nil(t, lattice.CapsOf(lattice.Min[string]()).Bottom, "so Min over strings has no ⊥")
	assert.Nil(t, lattice.CapsOf(lattice.IntersectOf[int]()).Bottom)
	pair := lattice.PairOf(lattice.Min[string](), lattice.Max[int]())
	assert.Nil(t, lattice.CapsOf(pair).Bottom, "a pair has ⊥ only if both parts do")
	assert.NotNil(t, lattice.CapsOf(pair).Append)
	type opaque [2]int
	assert.Nil(t, lattice.CapsOf(lattice.SetOf[opaque]()).Append, "elements without a codec give none to the set")
}

func TestNaNIsBelowEverything(t *testing.T) {
	m := lattice.Max[float64]()
	v := math.NaN()
	assert.False(t, m.MergeIn(&v, math.NaN()))
	assert.Equal(t, lattice.Equal, m.Compare(v, math.NaN()))
	assert.Equal(t, lattice.Less, m.Compare(v, math.Inf(-1)))
	assert.True(t, m.MergeIn(&v, math.Inf(-1)))
	assert.Equal(t, math.Inf(-1), v)
}

// TestMapPathsAgree holds the by-value path of map merges to the general one.
func TestMapPathsAgree(t *testing.T) {
	type m = map[uint8]int16
	fast := lattice.MapOf[uint8](lattice.Max[int16]())
	plain := lattice.MapOf[uint8](hidden[int16]{lattice.Max[int16]()})
	states := rapid.MapOf(rapid.Uint8Range(0, 5), rapid.Int16Range(-2, 2))
	rapid.Check(t, func(rt *rapid.T) {
		a, b := states.Draw(rt, "a"), states.Draw(rt, "b")
		x, y := fast.Clone(a), plain.Clone(a)
		gx, gy := fast.MergeIn(&x, b), plain.MergeIn(&y, b)
		if gx != gy || !maps.Equal(x, y) {
			rt.Fatalf("%v ⊔ %v: by value %v %v, by address %v %v", a, b, gx, x, gy, y)
		}
	})
	var nilMap m
	assert.False(t, fast.MergeIn(&nilMap, nil))
	assert.Nil(t, nilMap)
	assert.True(t, fast.MergeIn(&nilMap, m{1: 1}))
}

// hidden has the methods of Merge and nothing else.
type hidden[T any] struct{ lattice.Merge[T] }

// TestOrderedTwins holds the ordered collections to the hash ones.
func TestOrderedTwins(t *testing.T) {
	sets, twins := lattice.SetOf[int](), lattice.OrderedSetOf[int]()
	cuts, cutTwins := lattice.IntersectOf[int](), lattice.OrderedIntersectOf[int]()
	dicts, dictTwins := lattice.MapOf[int](lattice.SetOf[int]()), lattice.OrderedMapOf[int](lattice.SetOf[int]())
	set := rapid.MapOf(rapid.IntRange(0, 6), rapid.Just(struct{}{}))
	dict := rapid.MapOf(rapid.IntRange(0, 4), set)
	rapid.Check(t, func(rt *rapid.T) {
		a, b := set.Draw(rt, "a"), set.Draw(rt, "b")
		compareTwins(rt, sets, twins, a, b, ascending)
		compareTwins(rt, cuts, cutTwins, a, b, ascending)
		compareTwins(rt, dicts, dictTwins, dict.Draw(rt, "c"), dict.Draw(rt, "d"), entries)
	})
}

func ascending(v map[int]struct{}) []int { return slices.Sorted(maps.Keys(v)) }

func entries(v map[int]map[int]struct{}) []lattice.Entry[int, map[int]struct{}] {
	out := make([]lattice.Entry[int, map[int]struct{}], 0, len(v))
	for _, k := range slices.Sorted(maps.Keys(v)) {
		out = append(out, lattice.Entry[int, map[int]struct{}]{Key: k, Val: maps.Clone(v[k])})
	}
	return out
}

func compareTwins[A, B any](rt *rapid.T, m lattice.Merge[A], twin lattice.Merge[B], a, b A, to func(A) B) {
	x, y := m.Clone(a), to(a)
	if o, p := m.Compare(a, b), twin.Compare(to(a), to(b)); o != p {
		rt.Fatalf("compare %v %v: %v, its twin %v", a, b, o, p)
	}
	d, e := to(a), to(b)
	if lattice.CapsOf(m).Diff != nil {
		if p, q := to(lattice.CapsOf(m).Diff(a, b)), lattice.CapsOf(twin).Diff(d, e); fmt.Sprint(p) != fmt.Sprint(q) {
			rt.Fatalf("diff %v %v: %v, its twin %v", a, b, p, q)
		}
	}
	if g, h := m.MergeIn(&x, b), twin.MergeIn(&y, to(b)); g != h || fmt.Sprint(to(x)) != fmt.Sprint(y) {
		rt.Fatalf("%v ⊔ %v: %v %v, its twin %v %v", a, b, g, to(x), h, y)
	}
}

// TestCodec checks every shape of codec: equal states encode equally, whatever
// follows is left over, and any cut is an error.
func TestCodec(t *testing.T) {
	codec(t, lattice.Max[int16](), -300, 0, 32767)
	codec(t, lattice.Min[uint64](), 0, math.MaxUint64)
	codec(t, lattice.Max[string](), "", "héllo")
	codec(t, lattice.Max[float32](), 0, 1.5, float32(math.Inf(-1)))
	codec(t, lattice.Or(), true, false)
	codec(t, lattice.SetOf[bool](), map[bool]struct{}{true: {}, false: {}})
	codec(t, lattice.SetOf[id](), nil, map[id]struct{}{1: {}, 900: {}, 3: {}})
	codec(t, lattice.OrderedSetOf[string](), nil, []string{"", "a", "b"})
	codec(t, lattice.MapOf[string](lattice.PairOf(lattice.Max[int](), lattice.SetOf[int]())),
		map[string]lattice.Pair[int, map[int]struct{}]{"k": {First: 2, Second: map[int]struct{}{7: {}}}, "a": {First: 1}})
	codec(t, lattice.OrderedMapOf[int](lattice.Max[string]()), []lattice.Entry[int, string]{{Key: -1, Val: "x"}, {Key: 4, Val: ""}})
}

func codec[T any](t *testing.T, m lattice.Merge[T], values ...T) {
	t.Helper()
	c := lattice.CapsOf(m)
	for _, v := range values {
		b := lattice.Encode(m, v)
		assert.Equal(t, b, lattice.Encode(m, m.Clone(v)))
		got, rest, err := c.Decode(append(slices.Clone(b), 0xAA))
		require.NoError(t, err, "%v", v)
		assert.Equal(t, []byte{0xAA}, rest)
		assert.Equal(t, lattice.Equal, m.Compare(v, got), "%v", v)
		assert.Equal(t, b, lattice.Encode(m, got))
		for i := range b {
			_, err := lattice.Decode(m, b[:i])
			assert.ErrorIs(t, err, lattice.ErrDecode, "%v cut to %d of %d bytes", v, i, len(b))
		}
	}
}

func TestDecodeRefusesOtherEncodings(t *testing.T) {
	set := lattice.SetOf[uint8]()
	for name, b := range map[string][]byte{
		"descending": {2, 5, 4}, "repeated": {2, 4, 4}, "count beyond input": {200, 1}, "padded varint": {1, 0x80, 0x00},
		"left over": {0, 0}, "out of range": {1, 0x80, 0x02}, "huge count": bytes.Repeat([]byte{0xff}, 9),
	} {
		_, err := lattice.Decode(set, b)
		assert.ErrorIs(t, err, lattice.ErrDecode, name)
	}
	_, err := lattice.Decode(lattice.Max[float32](), []byte{0x3f, 0xf0, 0, 0, 0, 0, 0, 1})
	assert.ErrorIs(t, err, lattice.ErrDecode, "more precision than a float32 has")
	_, err = lattice.Decode(lattice.Max[float64](), []byte{0x80, 0, 0, 0, 0, 0, 0, 0})
	assert.ErrorIs(t, err, lattice.ErrDecode, "−0 encodes as 0, its equal")
	type opaque [1]int
	_, err = lattice.Decode(lattice.SetOf[opaque](), nil)
	assert.ErrorIs(t, err, lattice.ErrDecode, "no codec")
}

func FuzzDecode(f *testing.F) {
	m := lattice.MapOf[string](lattice.DominatingPairOf(lattice.Max[uint32](), lattice.SetOf[int16]()))
	f.Add(lattice.Encode(m, map[string]lattice.Pair[uint32, map[int16]struct{}]{"k": {First: 1, Second: map[int16]struct{}{3: {}}}}))
	f.Fuzz(func(t *testing.T, b []byte) {
		v, err := lattice.Decode(m, b)
		if err == nil {
			assert.Equal(t, b, lattice.Encode(m, v), "one value has one encoding")
		}
	})
}
