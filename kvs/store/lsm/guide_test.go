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
