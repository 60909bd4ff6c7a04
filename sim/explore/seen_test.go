package explore

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/gen/choice"
)

// TestListsHaveOneNumber holds numbers to a map, over growing tables and more than
// one chunk.
func TestListsHaveOneNumber(t *testing.T) {
	var l lists
	twin := map[string]uint32{}
	var all [][]uint32
	for i := range uint64(40_000) {
		n := choice.Mix(1, i) % 9
		words := make([]uint32, n)
		for j := range words {
			words[j] = uint32(choice.Mix(i, uint64(j)) % 5)
		}
		id := l.intern(words)
		want, known := twin[fmt.Sprint(words)]
		if !known {
			want = uint32(len(all))
			twin[fmt.Sprint(words)] = want
			all = append(all, words)
		}
		require.Equal(t, want, id)
	}
	require.Greater(t, len(all), 10_000)
	long := make([]uint32, listChunk-1)
	require.Equal(t, uint32(len(all)), l.intern(long))
	require.Equal(t, twin["[]"], l.intern(nil))
	for i, words := range all {
		require.True(t, slices.Equal(words, l.at(uint32(i))))
	}
	require.Equal(t, long, l.at(uint32(len(all))))
}

// TestKeysAreExactOfShortEncodings: no two short encodings share a key, nor does
// one that is filled up with zeros with one that has them.
func TestKeysAreExactOfShortEncodings(t *testing.T) {
	var s seen
	keys := map[key]string{}
	for n := range 20 {
		for i := range 3 {
			enc := make([]byte, n)
			if n > 0 {
				enc[n-1] = byte(i)
			}
			k := keyOf(enc)
			if n > 0 || i == 0 {
				require.NotContains(t, keys, k, "%v and %s", enc, keys[k])
				keys[k] = fmt.Sprint(enc)
				require.False(t, s.has(k))
				s.add()
			}
			require.True(t, s.has(k))
		}
	}
	for i := range uint64(10_000) { // through all sizes of the table
		k := key{choice.Mix(7, i), i}
		require.False(t, s.has(k))
		s.add()
		require.True(t, s.has(k))
	}
	for k := range keys {
		require.True(t, s.has(k))
	}
}

// TestWhatIsTriedAsASymmetry counts the groups by where inputs are.
func TestWhatIsTriedAsASymmetry(t *testing.T) {
	for _, tc := range []struct {
		nodes int
		at    []int
		sizes []int
	}{
		{3, nil, []int{6, 0}},
		{3, []int{0, 1}, []int{2, 0}},
		{3, []int{0, 1, 2}, []int{6, 0}},
		{3, []int{0, 1, 2, 0}, []int{4, 2, 0}},
		{3, []int{-1, -1}, []int{12, 6, 0}},
		{2, []int{0, 0}, []int{2, 0}},
		{2, []int{0, 1, 0, 1, 0, 1}, []int{72, 2, 0}},
		{2, []int{0, 1, 0, 1, 0, 1, 0, 1}, []int{2, 0}}, // 1152 are too many
		{5, []int{0, 1, 2, 3, 4}, []int{120, 0}},
		{6, nil, []int{0}},
		{9, []int{0}, []int{0}},
		{1, []int{0}, []int{0}},
	} {
		c := Cluster[int]{Nodes: tc.nodes}
		for _, at := range tc.at {
			c.Inputs = append(c.Inputs, Input{Node: at})
		}
		var sizes []int
		for _, g := range c.groups() {
			sizes = append(sizes, len(g))
			closed, err := group(g)
			require.NoError(t, err)
			require.Equal(t, g, closed, "sorted, with the identity first")
		}
		require.Equal(t, tc.sizes, sizes, "%d nodes, inputs at %v", tc.nodes, tc.at)
	}
}
