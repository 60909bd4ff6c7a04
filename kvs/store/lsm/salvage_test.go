package lsm

import (
	"testing"

	"github.com/cespare/xxhash/v2"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// TestAmong has a run lose some keys, and suspects all of those and some others, or others
// in place of one: only with all are they among the suspects, and with more than two others
// nobody says so.
func TestAmong(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		keys := rapid.SliceOfNDistinct(rapid.String(), 1, 12, rapid.ID).Draw(t, "keys")
		n := rapid.IntRange(0, len(keys)).Draw(t, "lost")
		s := salvaged{lost: n}
		var all []uint64
		for i, k := range keys {
			h := xxhash.Sum64([]byte(k))
			all = append(all, h)
			if i < n {
				s.sum += h
			}
		}
		require.Equal(t, len(keys)-n <= 2, s.among(all))
		if n > 0 {
			require.False(t, s.among(all[1:]), "one that was lost is not among them")
		}
	})
}

// TestGap holds the keys of a gap: between records that can be read, from a fence on, and to
// the end.
func TestGap(t *testing.T) {
	for _, c := range []struct {
		gap  gap
		want string
	}{
		{gap{after: "b", before: "d"}, "bc"},
		{gap{after: "b", open: true, before: "d"}, "c"},
		{gap{after: "c", last: true}, "cde"},
		{gap{after: "c", open: true, last: true}, "de"},
	} {
		got := ""
		for _, k := range "abcde" {
			if c.gap.holds(string(k)) {
				got += string(k)
			}
		}
		require.Equal(t, c.want, got, "%+v", c.gap)
	}
}
