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
		e := hintEntry{kind: record.Tombstone, key: string(key), off: length, size: record.Size(len(key), 0)}
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

// TestIndexIsAMap holds the index against a map, and what it keeps against the most
// keys that it held at once.
func TestIndexIsAMap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x, m, most := NewIndex(), map[string]Place{}, 0
		for i := range rapid.IntRange(0, 200).Draw(t, "n") {
			k := []byte{'k', byte(rapid.IntRange(0, 9).Draw(t, "key"))}
			want, has := m[string(k)]
			var old Place
			var had bool
			if rapid.Bool().Draw(t, "put") {
				p, put := placeOf(i%5, int64(i)+1, i+1), x.Put
				if rapid.Bool().Draw(t, "string") {
					put = func(k []byte, p Place) (Place, bool) { return x.PutString(string(k), p) }
				}
				if rapid.Bool().Draw(t, "grow") {
					x.Grow(i)
				}
				old, had = put(k, p)
				m[string(k)] = p
			} else {
				old, had = x.Delete(k)
				delete(m, string(k))
			}
			require.Equal(t, has, had)
			require.Equal(t, want, old)
			most = max(most, len(m))
		}
		require.Equal(t, len(m), x.Len())
		require.LessOrEqual(t, len(x.places), most, "ids of keys that are gone are used again")
		for k, want := range m {
			p, ok := x.Get([]byte(k))
			require.True(t, ok)
			require.Equal(t, want, p)
			id, ok := x.Find([]byte(k))
			require.True(t, ok)
			require.Equal(t, want, x.At(id))
			require.Equal(t, int64(want.Addr&(1<<offsetBits-1)), p.Offset())
		}
	})
}
