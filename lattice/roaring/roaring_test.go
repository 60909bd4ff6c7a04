package roaring_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	bitmap "github.com/RoaringBitmap/roaring/v2"

	"github.com/joinery-go/joinery/lattice"
	"github.com/joinery-go/joinery/lattice/internal/lawtest"
	"github.com/joinery-go/joinery/lattice/roaring"
)

// blocks are ranges that make bitmaps use each of their containers, and meet at
// the ends of chunks and of the domain.
var blocks = [][2]uint64{
	{0, 1}, {1, 2}, {5, 9}, {65_534, 65_536}, {65_536, 65_538}, {65_536, 131_072},
	{1 << 20, 1<<20 + 5000}, {math.MaxUint32 - 3, math.MaxUint32 + 1}, {math.MaxUint32, math.MaxUint32 + 1},
}

// sets draws unions of blocks, and of every other number of one, less blocks.
var sets = rapid.Custom(func(rt *rapid.T) roaring.Set {
	s := roaring.Of()
	for range rapid.IntRange(0, 3).Draw(rt, "blocks") {
		b := rapid.SampledFrom(blocks).Draw(rt, "block")
		switch rapid.IntRange(0, 3).Draw(rt, "how") {
		case 0, 1:
			s.Bits.AddRange(b[0], b[1])
		case 2:
			for n := b[0]; n < min(b[1], b[0]+9000); n += 2 {
				s.Bits.Add(uint32(n))
			}
		case 3:
			s.Bits.RemoveRange(b[0], b[1])
		}
	}
	if rapid.Bool().Draw(rt, "compress") {
		s.Bits.RunOptimize()
	}
	return s
})

// few draws sets of few numbers, so that the laws about each number stay quick.
var few = rapid.Map(rapid.SliceOfN(rapid.SampledFrom([]uint32{0, 1, 2, 65_535, 65_536, math.MaxUint32}), 0, 4),
	func(ns []uint32) roaring.Set { return roaring.Of(ns...) })

func TestSetsAreLawful(t *testing.T) {
	m := roaring.SetMerge()
	lawtest.Check(t, m, lawtest.Joins(m, few))
}

func TestTombstonesAreLawful(t *testing.T) {
	m := roaring.TombstoneSetMerge()
	lawtest.Check(t, m, lawtest.Joins(m, rapid.Custom(func(rt *rapid.T) roaring.TombstoneSet {
		s := roaring.TombstoneSet{Live: few.Draw(rt, "live"), Dead: few.Draw(rt, "dead")}
		s.Live.Bits.AndNot(s.Dead.Bits)
		return s
	})))
}

// TestLargeSets repeats on bitmaps with all kinds of containers the laws that do
// not look at single numbers.
func TestLargeSets(t *testing.T) {
	m := roaring.SetMerge()
	c := lattice.CapsOf(m)
	rapid.Check(t, func(rt *rapid.T) {
		a, b := sets.Draw(rt, "a"), sets.Draw(rt, "b")
		was, wasB := a.Bits.Clone(), b.Bits.Clone()
		j := lattice.Join(m, a, b)
		require.True(rt, j.Bits.Equals(bitmap.Or(was, wasB)))
		require.True(rt, j.Equal(lattice.Join(m, b, a)))
		require.Equal(rt, m.Compare(a, b).Leq(), j.Equal(b))
		require.True(rt, lattice.Join(m, a, c.Diff(a, b)).Equal(j))
		j.Bits.AddRange(0, 200_000)
		j.Bits.RemoveRange(0, 1<<32)
		require.True(rt, a.Bits.Equals(was) && b.Bits.Equals(wasB), "the join shares with an operand")
		enc := lattice.Encode(m, a)
		got, err := lattice.Decode(m, enc)
		require.NoError(rt, err)
		require.True(rt, got.Equal(a))
		was.RunOptimize()
		require.Equal(rt, enc, lattice.Encode(m, roaring.Set{Bits: was}), "the encoding is of the numbers, not of their containers")
		require.Equal(rt, enc, lattice.Encode(m, got))
	})
}

// TestTombstonesAgreeWithHashSets holds the bitmaps to lattice.TombstoneSetOf.
func TestTombstonesAgreeWithHashSets(t *testing.T) {
	m, plain := roaring.TombstoneSetMerge(), lattice.TombstoneSetOf[uint32]()
	rapid.Check(t, func(rt *rapid.T) {
		var states [2]roaring.TombstoneSet
		var plains [2]lattice.TombstoneSet[uint32]
		for range rapid.IntRange(1, 12).Draw(rt, "steps") {
			i, n := rapid.IntRange(0, 1).Draw(rt, "replica"), rapid.Uint32Range(65_534, 65_537).Draw(rt, "number")
			d, e := states[i].Add(n), plains[i].Add(n)
			switch rapid.IntRange(0, 2).Draw(rt, "op") {
			case 1:
				d, e = states[i].Remove(n), plains[i].Remove(n)
			case 2:
				d, e = states[1-i], plains[1-i]
			}
			if g, h := m.MergeIn(&states[i], d), plain.MergeIn(&plains[i], e); g != h {
				rt.Fatalf("growth is %v, %v in hash sets", g, h)
			}
			if o, p := m.Compare(states[0], states[1]), plain.Compare(plains[0], plains[1]); o != p {
				rt.Fatalf("%v and %v: %v, %v in hash sets", states[0], states[1], o, p)
			}
			for n := uint32(65_534); n <= 65_537; n++ {
				if states[i].Contains(n) != plains[i].Contains(n) {
					rt.Fatalf("%v contains %d: %v", states[i], n, states[i].Contains(n))
				}
			}
		}
	})
}

func TestWholeDomain(t *testing.T) {
	m := roaring.SetMerge()
	all := roaring.Of()
	all.Bits.AddRange(0, 1<<32)
	b := lattice.Encode(m, all)
	got, err := lattice.Decode(m, b)
	require.NoError(t, err)
	assert.True(t, got.Equal(all))
	assert.Equal(t, uint64(1)<<32, got.Len())
}

func TestDecodersRefuse(t *testing.T) {
	m := roaring.SetMerge()
	for name, b := range map[string][]byte{
		"a count beyond the input":  {9, 0, 0},
		"a run across a chunk":      {1, 1, 0xff, 0xff, 3},
		"a run longer than a chunk": {1, 0, 0x80, 0x80, 4},
		"beyond 32 bits":            {1, 0x80, 0x80, 0x80, 0x80, 0x10, 0},
		"a run that ends beyond":    {2, 0xff, 0xff, 0xff, 0xff, 0x0f, 0, 0, 0},
		"a padded number":           {1, 0x80, 0, 0},
		"cut":                       {1, 0},
	} {
		_, err := lattice.Decode(m, b)
		assert.ErrorIs(t, err, roaring.ErrDecode, name)
	}
	_, err := lattice.Decode(roaring.TombstoneSetMerge(), []byte{1, 4, 0, 1, 4, 0})
	assert.ErrorIs(t, err, roaring.ErrDecode, "live and dead")
}

func TestNilIsEmpty(t *testing.T) {
	var none roaring.Set
	assert.Equal(t, "{} {}", fmt.Sprint(none, roaring.Of()))
	assert.True(t, none.Equal(roaring.Of()))
	assert.False(t, none.Contains(0))
	m := roaring.SetMerge()
	assert.False(t, m.MergeIn(&none, roaring.Set{}))
	delta := roaring.Of(3)
	assert.True(t, m.MergeIn(&none, delta))
	none.Bits.Add(4)
	assert.False(t, delta.Contains(4))
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte{2, 3, 4, 0, 1, 1, 0, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		lawtest.Decoded(t, roaring.TombstoneSetMerge(), b)
	})
}

func ExampleSetMerge() {
	m := roaring.SetMerge()
	s := roaring.Of(1, 2, 3)
	fmt.Println(m.MergeIn(&s, roaring.Of(3, 1_000_000)), s)
	// Output: true {1,2,3,1000000}
}

func ExampleTombstoneSetMerge() {
	m := roaring.TombstoneSetMerge()
	var s roaring.TombstoneSet
	m.MergeIn(&s, s.Add(7, 8))
	m.MergeIn(&s, s.Remove(7))
	fmt.Println(m.MergeIn(&s, s.Add(7)), s.Live, s.Dead)
	// Output: false {8} {7}
}
