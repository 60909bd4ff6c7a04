package lsm

import (
	"bytes"
	"encoding/binary"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/joinery-go/joinery/kvs/store/internal/record"
)

// drawGuide makes the guide of some sorted records, as a writer does, and where each
// of them is.
func drawGuide(t *rapid.T) (g *guide, keys []string, offsets []int64, length int64) {
	keys = rapid.SliceOfNDistinct(rapid.StringN(1, 8, 12), 0, 60, rapid.ID).Draw(t, "keys")
	slices.Sort(keys)
	density := rapid.IntRange(1, 9).Draw(t, "density")
	g = &guide{filter: newFilter(len(keys), rapid.IntRange(1, 20).Draw(t, "bits"))}
	length = record.HeaderBytes
	for _, k := range keys {
		g.note([]byte(k), length, density)
		offsets = append(offsets, length)
		length += int64(record.Size(len(k), rapid.IntRange(0, 300).Draw(t, "value")))
	}
	return g, keys, offsets, length
}

// TestGuideLeadsToTheKey looks every key up, and holds a key that is not there against
// a walk over all fences.
func TestGuideLeadsToTheKey(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g, keys, offsets, length := drawGuide(t)
		require.Equal(t, len(keys), g.records)
		for i, k := range keys {
			from, to, ok := g.block([]byte(k), length)
			require.True(t, ok, "no key is filtered out")
			require.True(t, from <= offsets[i] && offsets[i] < to && to <= length)
		}
		other := rapid.StringN(1, 8, 12).Draw(t, "other")
		from, to, ok := g.block([]byte(other), length)
		if !ok {
			require.NotContains(t, keys, other)
			return
		}
		want := [2]int64{-1, length}
		for i := range g.fences.len() {
			if string(g.fences.key(i)) <= other {
				want = [2]int64{g.fences.off(i), length}
				if i+1 < g.fences.len() {
					want[1] = g.fences.off(i + 1)
				}
			}
		}
		require.Equal(t, want, [2]int64{from, to})
	})
}

func decodeGuide(b []byte, salt uint32, length int64) (*guide, error) {
	return readGuide(bytes.NewReader(b), int64(len(b)), salt, length)
}

func TestGuideReadsBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g, _, _, length := drawGuide(t)
		b := g.encode(7, length)
		got, err := decodeGuide(b, 7, length)
		require.NoError(t, err)
		require.Equal(t, g.records, got.records)
		require.Equal(t, g.sum, got.sum)
		require.Equal(t, g.fences.table, append([]byte(nil), got.fences.table...))
		require.Equal(t, string(g.fences.keys), string(got.fences.keys))
		require.True(t, g.filter.Equal(got.filter))
		_, err = decodeGuide(b, 8, length)
		require.ErrorIs(t, err, errGuide, "another file's")
		_, err = decodeGuide(b, 7, length+1)
		require.ErrorIs(t, err, errGuide, "of the file as it was")
		bit := rapid.IntRange(0, len(b)*8-1).Draw(t, "bit")
		spoiled := bytes.Clone(b)
		spoiled[bit/8] ^= 1 << (bit % 8)
		_, err = decodeGuide(spoiled, 7, length)
		require.ErrorIs(t, err, errGuide)
		_, err = decodeGuide(b[:rapid.IntRange(0, len(b)-1).Draw(t, "cut")], 7, length)
		require.ErrorIs(t, err, errGuide)
	})
}

// FuzzGuide gives bodies a checksum that fits, so that what is in them is looked at.
func FuzzGuide(f *testing.F) {
	g := &guide{filter: newFilter(3, 10)}
	g.note([]byte("a"), record.HeaderBytes, 1)
	g.note([]byte("b"), record.HeaderBytes+40, 1)
	b := g.encode(7, 100)
	f.Add(b[len(guideMagic)+12:len(b)-4], int64(100))
	f.Fuzz(func(t *testing.T, body []byte, length int64) {
		if length < record.HeaderBytes {
			return
		}
		b := binary.LittleEndian.AppendUint32([]byte(guideMagic), 7)
		b = binary.LittleEndian.AppendUint64(b, uint64(length))
		b = append(b, body...)
		b = binary.LittleEndian.AppendUint32(b, record.Checksum(b))
		g, err := decodeGuide(b, 7, length)
		if err != nil {
			return
		}
		for _, key := range []string{"", "a", "m", "\xff"} {
			if from, to, ok := g.block([]byte(key), length); ok && (from < record.HeaderBytes || to <= from || to > length) {
				t.Fatalf("key %q leads to %d to %d of a file of %d bytes", key, from, to, length)
			}
		}
	})
}

// TestGuideOfOtherSizes has a filter that is longer than the file, or of no words, under a
// checksum that fits.
func TestGuideOfOtherSizes(t *testing.T) {
	g := &guide{filter: newFilter(3, 10)}
	g.note([]byte("a"), record.HeaderBytes, 1)
	at := len(guideMagic) + 4 + 8 + 8 + 8 + 4
	for _, words := range []uint32{0, 100, 1 << 31} {
		b := g.encode(7, 100)
		b = b[:len(b)-4]
		binary.LittleEndian.PutUint32(b[at:], words)
		_, err := decodeGuide(binary.LittleEndian.AppendUint32(b, record.Checksum(b)), 7, 100)
		require.ErrorIs(t, err, errGuide, "%d words", words)
	}
}

// TestWordsOf has bytes begin where a word can, and where none can and they are copied.
func TestWordsOf(t *testing.T) {
	b := make([]byte, 8*5+8)
	for i := range b {
		b[i] = byte(i * 37)
	}
	for from := range 8 {
		words := wordsOf(b[from : from+8*5])
		require.Len(t, words, 5)
		for i, w := range words {
			require.Equal(t, binary.LittleEndian.Uint64(b[from+8*i:]), w, "word %d from %d", i, from)
		}
	}
}

// plainCheck is what fences.check says, fence by fence.
func plainCheck(f *fences, length int64) bool {
	at, end := int64(record.HeaderBytes-1), int64(0)
	for i := range f.len() {
		off, to := int64(binary.LittleEndian.Uint64(f.table[i*fenceBytes:])), int64(binary.LittleEndian.Uint64(f.table[i*fenceBytes+8:]))
		if off <= at || off >= length || to < end || to > int64(len(f.keys)) {
			return false
		}
		at, end = off, to
	}
	return end == int64(len(f.keys)) && (f.len() == 0) == (length == record.HeaderBytes)
}

// TestFencesAreChecked draws fences that ascend, most of them with a number or two changed, and
// holds the check against one that looks at each fence by itself.
func TestFencesAreChecked(t *testing.T) {
	odd := rapid.SampledFrom([]uint64{0, 1, record.HeaderBytes - 1, record.HeaderBytes, 40, 1 << 62, 1<<63 - 1, 1 << 63, 1<<64 - 1, 1<<63 + 30})
	right := 0
	rapid.Check(t, func(t *rapid.T) {
		f := fences{}
		off := int64(record.HeaderBytes)
		for range rapid.IntRange(0, 5).Draw(t, "fences") {
			f.add(make([]byte, rapid.IntRange(0, 3).Draw(t, "key")), off)
			off += rapid.Int64Range(1, 20).Draw(t, "records")
		}
		length := rapid.SampledFrom([]int64{off, off - 1, off + 1, record.HeaderBytes}).Draw(t, "length")
		for range rapid.IntRange(0, 2).Draw(t, "changes") {
			if f.len() > 0 {
				at := 8 * rapid.IntRange(0, 2*f.len()-1).Draw(t, "at")
				binary.LittleEndian.PutUint64(f.table[at:], odd.Draw(t, "number"))
			}
		}
		f.keys = f.keys[:max(0, len(f.keys)-rapid.IntRange(0, 1).Draw(t, "cut"))]
		want := plainCheck(&f, length)
		require.Equal(t, want, f.check(length) == nil)
		if want {
			right++
		}
	})
	require.Positive(t, right, "some fences were right")
}
