package causal_test

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/joinery-go/joinery/lattice"
	"github.com/joinery-go/joinery/lattice/causal"
)

// plainSet is the oracle: numbers in a map.
type plainSet = map[uint64]struct{}

var numbers = rapid.MapOf(rapid.Uint64Range(1, 14), rapid.Just(struct{}{}))

// spansOf adds the numbers in an order that rapid draws.
func spansOf(rt *rapid.T, s plainSet) causal.Spans {
	d := causal.Dots{}
	for _, n := range rapid.Permutation(slices.Sorted(maps.Keys(s))).Draw(rt, "order") {
		if !d.Add(causal.Dot{Origin: 1, Seq: n}) || d.Add(causal.Dot{Origin: 1, Seq: n}) {
			rt.Fatalf("adding %d twice must be news once", n)
		}
	}
	return d[1]
}

func numbersIn(s causal.Spans) []uint64 {
	out := []uint64{}
	for a := range lattice.CapsOf(causal.SpansMerge()).Atoms(s) {
		out = append(out, a[0].Lo)
	}
	return out
}

// TestSpansAreSets holds range-compressed sets to plain ones in every operation.
func TestSpansAreSets(t *testing.T) {
	m, plain := causal.SpansMerge(), lattice.SetOf[uint64]()
	diff, plainDiff := lattice.CapsOf(m).Diff, lattice.CapsOf(plain).Diff
	rapid.Check(t, func(rt *rapid.T) {
		a, b := numbers.Draw(rt, "a"), numbers.Draw(rt, "b")
		x, y := spansOf(rt, a), spansOf(rt, b)
		for i := 1; i < len(x); i++ {
			if x[i].Lo <= x[i-1].Hi+1 {
				rt.Fatalf("%v: spans touch", x)
			}
		}
		for n := range uint64(16) {
			if _, in := a[n]; in != x.Contains(n) {
				rt.Fatalf("%v contains %d: %v", x, n, x.Contains(n))
			}
		}
		if x.Count() != uint64(len(a)) || len(a) > 0 && x.Max() != slices.Max(slices.Collect(maps.Keys(a))) {
			rt.Fatalf("%v: count %d, max %d", x, x.Count(), x.Max())
		}
		if m.Compare(x, y) != plain.Compare(a, b) {
			rt.Fatalf("compare %v %v: %v", x, y, m.Compare(x, y))
		}
		if got, want := numbersIn(diff(x, y)), slices.Sorted(maps.Keys(plainDiff(a, b))); !slices.Equal(got, want) {
			rt.Fatalf("%v less %v: %v, want %v", y, x, got, want)
		}
		u, v := m.Clone(x), plain.Clone(a)
		if m.MergeIn(&u, y) != plain.MergeIn(&v, b) || !slices.Equal(numbersIn(u), slices.Sorted(maps.Keys(v))) {
			rt.Fatalf("%v ⊔ %v = %v, want %v", x, y, u, v)
		}
		full := uint64(0)
		for _, ok := v[full+1]; ok; _, ok = v[full+1] {
			full++
		}
		if !u.Covers(full) || u.Covers(full+1) {
			rt.Fatalf("%v covers 1..%d", u, full)
		}
	})
}

func TestSpansAtTheEdge(t *testing.T) {
	s := causal.Spans{{1, 1}}
	m := causal.SpansMerge()
	assert.True(t, m.MergeIn(&s, causal.Spans{{math.MaxUint64, math.MaxUint64}}))
	assert.False(t, m.MergeIn(&s, causal.Spans{{math.MaxUint64, math.MaxUint64}}))
	assert.True(t, m.MergeIn(&s, causal.Spans{{2, math.MaxUint64 - 1}}))
	assert.Equal(t, causal.Spans{{1, math.MaxUint64}}, s)
	v := lattice.Encode(m, s)
	got, err := lattice.Decode(m, v)
	require.NoError(t, err)
	assert.Equal(t, s, got)
}

func TestDots(t *testing.T) {
	d := causal.Dots{}
	assert.False(t, d.Add(causal.Dot{Origin: 3}), "0 names no event")
	assert.Empty(t, d)
	d.Add(causal.Dot{Origin: 3, Seq: 1})
	d.Add(causal.Dot{Origin: 3, Seq: 4})
	d.Add(causal.Dot{Origin: 1, Seq: 2})
	assert.Equal(t, causal.Version{1: 2, 3: 4}, d.Ceiling())
	assert.False(t, d.Covers(d.Ceiling()), "there are gaps")
	assert.True(t, d.Covers(causal.Version{3: 1}))
	assert.True(t, d.Covers(causal.Version{9: 0}))
	assert.Equal(t, []uint64{1, 3}, d.Origins())
	m := causal.DotsMerge()
	assert.Equal(t, lattice.Equal, m.Compare(causal.Dots{1: nil}, causal.Dots{}), "an origin without events is no origin")
	var zero causal.Dots
	assert.False(t, m.MergeIn(&zero, causal.Dots{1: nil}))
	assert.Empty(t, zero)
}

// TestCodecs round-trips and cuts; every encoding is of one value only.
func TestCodecs(t *testing.T) {
	check(t, causal.DotsMerge(), causal.Dots{}, causal.Dots{7: {{1, 3}, {5, 5}}, 1: {{2, 2}}})
	check(t, causal.VersionMerge(), causal.Version{}, causal.Version{9: 1, 2: 300})
	check(t, causal.SpansMerge(), causal.Spans{}, causal.Spans{{1, 1}, {3, 90}})
	m := causal.VersionMerge()
	assert.Equal(t, lattice.Encode(m, causal.Version{1: 1}), lattice.Encode(m, causal.Version{1: 1, 5: 0}), "equal vectors")
	for name, b := range map[string][]byte{"origin at zero": {1, 4, 0}, "descending": {2, 4, 1, 3, 1}, "count": {9}} {
		_, err := lattice.Decode(m, b)
		assert.ErrorIs(t, err, causal.ErrDecode, name)
	}
}

func check[T any](t *testing.T, m lattice.Merge[T], values ...T) {
	t.Helper()
	for _, v := range values {
		b := lattice.Encode(m, v)
		got, err := lattice.Decode(m, b)
		require.NoError(t, err)
		assert.Equal(t, lattice.Equal, m.Compare(v, got), fmt.Sprint(v))
		for i := range b {
			_, err := lattice.Decode(m, b[:i])
			assert.Error(t, err, "%v cut to %d", v, i)
		}
	}
}

func FuzzDecodeDots(f *testing.F) {
	m := causal.DotsMerge()
	f.Add(lattice.Encode(m, causal.Dots{7: {{1, 3}, {5, 5}}}))
	f.Fuzz(func(t *testing.T, b []byte) {
		if v, err := lattice.Decode(m, b); err == nil {
			assert.Equal(t, b, lattice.Encode(m, v))
			assert.Equal(t, lattice.Equal, m.Compare(v, m.Clone(v)))
		}
	})
}
