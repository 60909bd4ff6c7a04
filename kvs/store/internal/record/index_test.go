package record_test

import (
	"bytes"
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/joinery-go/joinery/kvs/store"
	"github.com/joinery-go/joinery/kvs/store/internal/record"
)

func indexOf(image []byte, end int64, reads *int) *record.Index {
	return &record.Index{Length: int64(len(image)), End: end, Read: func(off, n int64) ([]byte, error) {
		if reads != nil {
			*reads++
		}
		return bytes.Clone(image[off : off+n]), nil
	}}
}

func fenced(keys []string, offs []int64) func(func(string, int64) bool) {
	return func(yield func(string, int64) bool) {
		for i, k := range keys {
			if !yield(k, offs[i]) {
				return
			}
		}
	}
}

// TestIndexFinds holds Find against a walk over all fences.
func TestIndexFinds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.SampledFrom([]int{1, 2, 3, 50, 900, 3000}).Draw(t, "n")
		pad := rapid.SampledFrom([]int{1, 30, 3000}).Draw(t, "pad")
		var keys []string
		var offs []int64
		off := int64(record.HeaderBytes)
		for i := range n {
			keys, offs = append(keys, fmt.Sprintf("%0*d", pad, 2*i+1)), append(offs, off)
			off += int64(1 + i%7)
		}
		if pad == 3000 {
			n = min(n, 50)
			keys, offs = keys[:n], offs[:n]
			off = offs[n-1] + 3
		}
		if pad == 1 {
			slices.Sort(keys)
			keys = slices.Compact(keys)
			offs = offs[:len(keys)]
		}
		image := record.AppendIndex([]byte("x"), 7, off, fenced(keys, offs))[1:]
		reads := 0
		x := indexOf(image, off, &reads)
		require.NoError(t, x.Open())
		require.Equal(t, uint32(7), x.Salt())
		for range 20 {
			key := fmt.Sprintf("%0*d", pad, rapid.IntRange(0, 2*n+1).Draw(t, "key"))
			if rapid.Bool().Draw(t, "odd") {
				key += "x"
			}
			i, exact := slices.BinarySearch(keys, key)
			if !exact {
				i--
			}
			reads = 0
			from, to, ok, err := x.Find([]byte(key))
			require.NoError(t, err)
			require.Equal(t, i >= 0, ok)
			if pad == 3000 {
				require.LessOrEqual(t, reads, 16, "two entries a block")
			} else {
				require.LessOrEqual(t, reads, 2, "the root is at the end")
			}
			if ok {
				want := off
				if i+1 < len(offs) {
					want = offs[i+1]
				}
				require.Equal(t, []int64{offs[i], want}, []int64{from, to})
			}
		}
	})
}

// TestIndexFlips spoils every bit of an index of several levels: what is found is right,
// or an error.
func TestIndexFlips(t *testing.T) {
	require.Empty(t, record.AppendIndex(nil, 7, 24, fenced(nil, nil)))
	var keys []string
	var offs []int64
	for i := range 40 {
		keys, offs = append(keys, fmt.Sprintf("%0700d", i)), append(offs, int64(24+i))
	}
	image := record.AppendIndex(nil, 7, 64, fenced(keys, offs))
	look := func(b []byte) error {
		x := indexOf(b, 64, nil)
		if err := x.Open(); err != nil {
			return err
		}
		from, to, ok, err := x.Find([]byte(keys[17]))
		if err == nil {
			require.True(t, ok)
			require.Equal(t, []int64{offs[17], offs[18]}, []int64{from, to})
			require.Equal(t, uint32(7), x.Salt())
		}
		return err
	}
	require.NoError(t, look(image))
	found := 0
	for bit := 0; bit < len(image)*8; bit += 5 {
		spoiled := bytes.Clone(image)
		spoiled[bit/8] ^= 1 << (bit % 8)
		if err := look(spoiled); err != nil {
			require.ErrorIs(t, err, store.ErrCorrupt)
			found++
		}
	}
	require.Positive(t, found)
	for n := range image {
		require.Error(t, look(image[:n]), "%d bytes", n)
	}
}

func FuzzIndex(f *testing.F) {
	f.Add(record.AppendIndex(nil, 7, 64, fenced([]string{"a", "b"}, []int64{24, 30})), []byte("a"), true)
	f.Fuzz(func(t *testing.T, b, key []byte, seal bool) {
		if seal && len(b) > 4 { // past the checksum of the end, at least
			b = record.ResealIndex(bytes.Clone(b))
		}
		x := indexOf(b, 1<<20, nil)
		if err := x.Open(); err != nil {
			return
		}
		from, to, ok, err := x.Find(key)
		if err == nil && ok && (from < record.HeaderBytes || to <= from || to > 1<<20) {
			t.Fatalf("records from %d to %d", from, to)
		}
	})
}

// TestIndexEndIsReadOnce counts what finding keys reads of an index that is not longer than
// what opening it reads: nothing more. Of a longer one, a block a level at most.
func TestIndexEndIsReadOnce(t *testing.T) {
	for _, c := range []struct{ fences, most int }{{300, 0}, {3000, 1}} {
		var keys []string
		var offs []int64
		for i := range c.fences {
			keys, offs = append(keys, fmt.Sprintf("key %08d", i)), append(offs, int64(record.HeaderBytes+10*i))
		}
		end := offs[len(offs)-1] + 10
		image := record.AppendIndex(nil, 7, end, fenced(keys, offs))
		reads := 0
		x := indexOf(image, end, &reads)
		require.NoError(t, x.Open())
		require.Equal(t, 1, reads)
		require.Equal(t, c.most == 0, len(image) <= 16<<10, "%d bytes", len(image))
		for i, k := range keys {
			reads = 0
			from, to, ok, err := x.Find([]byte(k))
			require.NoError(t, err)
			require.True(t, ok)
			require.Equal(t, [2]int64{offs[i], offs[i] + 10}, [2]int64{from, to})
			require.LessOrEqual(t, reads, c.most)
		}
	}
}
