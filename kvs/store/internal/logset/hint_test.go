package logset

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/joinery-go/joinery/kvs/store/internal/record"
)

func hintOf(salt uint32, length int64, entries []hintEntry) []byte {
	b, end := appendHintHead(nil, salt, length), int64(record.HeaderBytes)
	for _, e := range entries {
		b = appendHintEntry(b, end, e)
		end = e.off + int64(e.size)
	}
	return binary.LittleEndian.AppendUint32(b, record.Checksum(b))
}

func drawEntries(t *rapid.T) (entries []hintEntry, length int64) {
	length = record.HeaderBytes
	for range rapid.IntRange(0, 20).Draw(t, "n") {
		length += rapid.Int64Range(0, 300).Draw(t, "gap")
		key := bytes.Repeat([]byte("k"), rapid.IntRange(1, 200).Draw(t, "key"))
		e := hintEntry{kind: record.Tombstone, key: key, off: length, size: record.Size(len(key), 0)}
		if rapid.Bool().Draw(t, "value") {
			e.kind, e.size = record.Value, record.Size(len(key), rapid.IntRange(1, 5000).Draw(t, "value length"))
		}
		length += int64(e.size)
		entries = append(entries, e)
	}
	return entries, length
}

func TestHintReadsBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		entries, length := drawEntries(t)
		b := hintOf(7, length, entries)
		n, all, err := decodeHint(b, 7, length)
		require.NoError(t, err)
		got := slices.Collect(all)
		require.Len(t, got, n)
		require.Equal(t, fmt.Sprint(entries), fmt.Sprint(got))
		_, _, err = decodeHint(b, 8, length)
		require.ErrorIs(t, err, errHint, "another file's")
		_, _, err = decodeHint(b, 7, length+1)
		require.ErrorIs(t, err, errHint, "of the file as it was")
		bit := rapid.IntRange(0, len(b)*8-1).Draw(t, "bit")
		b[bit/8] ^= 1 << (bit % 8)
		_, _, err = decodeHint(b, 7, length)
		require.ErrorIs(t, err, errHint)
	})
}

// FuzzHint gives bodies a checksum that fits, so that the entries are looked at.
func FuzzHint(f *testing.F) {
	f.Add([]byte{1, 0, 40, 3, 'k', 'e', 'y'}, int64(100))
	f.Add([]byte{1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 1, 1}, int64(1<<40))
	f.Fuzz(func(t *testing.T, body []byte, length int64) {
		if length < record.HeaderBytes {
			return
		}
		b := append(appendHintHead(nil, 7, length), body...)
		b = binary.LittleEndian.AppendUint32(b, record.Checksum(b))
		end := int64(record.HeaderBytes)
		n, all, err := decodeHint(b, 7, length)
		if err != nil {
			return
		}
		for e := range all {
			n--
			if e.off < end || e.size <= len(e.key) || e.off+int64(e.size) > length {
				t.Fatalf("entry at %d of %d bytes after %d in a file of %d", e.off, e.size, end, length)
			}
			end = e.off + int64(e.size)
		}
		if n != 0 {
			t.Fatalf("%d entries more were announced", n)
		}
	})
}
