package snapshot

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/joinery-go/joinery/kvs/store"
)

// says is the plain meaning of segments for a key: the hashes that count, the youngest
// last.
func says(segments []store.Segment, key string) (hashes []store.Hash) {
	for _, s := range segments {
		if s.Range.Holds([]byte(key)) {
			hashes = append(hashes, s.Hash)
		}
	}
	return hashes
}

var edges = []store.Key{"", "b", "d", "f", "h"}

// drawManifest makes a manifest of segments with ranges and indexes. A hash may come
// twice.
func drawManifest(t *rapid.T) manifest {
	m := manifest{Manifest: store.Manifest{Version: 1, Engine: "e", Format: 1}}
	for range rapid.IntRange(0, 6).Draw(t, "segments") {
		s := store.Segment{Hash: store.Hash{byte(rapid.IntRange(1, 4).Draw(t, "hash"))}, Length: 7}
		from := rapid.IntRange(0, len(edges)-1).Draw(t, "from")
		s.Range.From = edges[from]
		if to := rapid.IntRange(from, len(edges)-1).Draw(t, "to"); to > from {
			s.Range.To = edges[to]
		}
		index := uint64(0)
		if s.Hash[0]%2 == 0 {
			s.Index, s.IndexLength, index = store.Hash{9, s.Hash[0]}, 3, 5
		}
		m.add(s, uint64(s.Hash[0]), index)
	}
	return m
}

// cut are ranges that do not overlap and together are all keys.
func cut(t *rapid.T) []store.KeyRange {
	var rs []store.KeyRange
	from := store.Key("")
	for _, e := range edges[1:] {
		if rapid.Bool().Draw(t, "cut") {
			rs, from = append(rs, store.KeyRange{From: from, To: e}), e
		}
	}
	return append(rs, store.KeyRange{From: from})
}

// TestTakeAndJoin cuts a manifest, changes the pieces as workers do, joins them, and
// holds what counts for each key against the pieces. Pieces that nobody changed are the
// manifest again.
func TestTakeAndJoin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := drawManifest(t)
		ranges := cut(t)
		changed := rapid.Bool().Draw(t, "changed")
		var pieces []manifest
		for i, r := range ranges {
			var p, own manifest
			p.take(&m, r)
			if changed {
				n := drawManifest(t)
				for j := range n.Segments {
					n.Segments[j].Hash[1] = byte(i * rapid.IntRange(0, 1).Draw(t, "own"))
				}
				own.take(&n, r)
				if rapid.Bool().Draw(t, "replaced") {
					p = manifest{}
				}
			}
			p.take(&own, r)
			pieces = append(pieces, p)
		}
		var out manifest
		out.join(pieces)
		require.Len(t, out.Epochs, len(out.Segments))
		require.True(t, len(out.IndexEpochs) == 0 || len(out.IndexEpochs) == len(out.Segments))
		out.Version = 1
		b, err := out.encode()
		require.NoError(t, err)
		_, err = decodeManifest(b)
		require.NoError(t, err)
		most := 0
		for i, r := range ranges {
			most += len(pieces[i].Segments)
			for _, key := range []string{"\x00", "a", "b", "c", "d", "e", "f", "g", "h", "i", "\xff"} {
				if r.Holds([]byte(key)) {
					require.Equal(t, says(pieces[i].Segments, key), says(out.Segments, key), "key %q", key)
				}
			}
		}
		require.LessOrEqual(t, len(out.Segments), most)
		if !changed && !twice(m.Segments) {
			require.Len(t, out.Segments, len(m.Segments))
			for _, s := range m.Segments {
				require.Contains(t, out.Segments, s)
			}
		}
	})
}

func twice(segments []store.Segment) bool {
	seen := map[store.Hash]bool{}
	return slices.ContainsFunc(segments, func(s store.Segment) bool {
		was := seen[s.Hash]
		seen[s.Hash] = true
		return was
	})
}

// TestJoinBacktracks joins pieces that name two segments in opposite orders: no order
// fits both if each goes in once.
func TestJoinBacktracks(t *testing.T) {
	seg := func(h byte, from, to store.Key) store.Segment {
		return store.Segment{Hash: store.Hash{h}, Length: 1, Range: store.KeyRange{From: from, To: to}}
	}
	var a, b, out manifest
	a.add(seg(1, "", "m"), 1, 0)
	a.add(seg(2, "", "m"), 1, 0)
	b.add(seg(2, "m", ""), 1, 0)
	b.add(seg(1, "m", ""), 1, 0)
	out.join([]manifest{a, b})
	require.Equal(t, says(a.Segments, "a"), says(out.Segments, "a"))
	require.Equal(t, says(b.Segments, "z"), says(out.Segments, "z"))
	require.Len(t, out.Segments, 3, "one of the two can be named once")
}

// TestAdjoinInAnyOrder joins the pieces of one segment from the last one on too: those without
// an end or a beginning have no border in common for that.
func TestAdjoinInAnyOrder(t *testing.T) {
	whole := manifest{Manifest: store.Manifest{Version: 1, Engine: "e", Format: 1}}
	whole.add(store.Segment{Hash: store.Hash{1}, Length: 7}, 3, 0)
	ranges := []store.KeyRange{{To: "d"}, {From: "d", To: "h"}, {From: "h"}}
	for _, order := range [][]int{{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}} {
		var of []manifest
		for _, i := range order {
			var m manifest
			m.take(&whole, ranges[i])
			of = append(of, m)
		}
		var out manifest
		out.join(of)
		require.Equal(t, whole.Segments, out.Segments, "%v", order)
		require.Equal(t, whole.Epochs, out.Epochs)
	}
}
