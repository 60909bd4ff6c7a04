package lsm

import (
	"bytes"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/joinery-go/joinery/kvs/store"
	"github.com/joinery-go/joinery/kvs/store/internal/record"
)

// drawLog is a log of sets and deletes of few keys, in batches of any size, and the map that they
// make; a key that was deleted has no value.
func drawLog(t *rapid.T, salt uint32, into map[string][]byte) []byte {
	b := make([]byte, record.HeaderBytes)
	var batch record.Batcher
	write := func() {
		if batch.Size() > 0 {
			b = append(b, batch.Seal(salt, int64(len(b)))...)
			batch.Reset()
		}
	}
	for range rapid.IntRange(0, 200).Draw(t, "records") {
		r := record.Record{Kind: record.Value, Key: fmt.Append(nil, rapid.IntRange(0, 30).Draw(t, "key"))}
		if n := rapid.IntRange(0, 300).Draw(t, "value"); n > 0 {
			r.Value = bytes.Repeat([]byte{byte(batch.Size())}, n)
		} else {
			r.Kind = record.Tombstone
		}
		into[string(r.Key)] = r.Value
		batch.Add(r)
		if rapid.Bool().Draw(t, "write") {
			write()
		}
	}
	write()
	return b
}

// TestFrozenIsTheLog holds what is found in logs against a map, whatever the bytes that it may
// take, and with a tail that is torn.
func TestFrozenIsTheLog(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var f frozen
		want := map[string][]byte{}
		limit := rapid.SampledFrom([]int{0, 100, 2000, 1 << 20}).Draw(t, "limit")
		for i := range rapid.IntRange(1, 3).Draw(t, "logs") {
			b := drawLog(t, uint32(i), want)
			tail := rapid.SliceOfN(rapid.Byte(), 0, 40).Draw(t, "tail")
			end, err := f.read(bytes.NewReader(append(bytes.Clone(b), tail...)), uint32(i), record.HeaderBytes, int64(len(b)+len(tail)), limit)
			require.Equal(t, int64(len(b)), end)
			require.Equal(t, len(tail) > 0, errors.Is(err, store.ErrCorrupt))
			f.index(len(f.arena))
			require.LessOrEqual(t, len(f.arena), max(limit, 2*f.live))
			require.Len(t, want, f.keys)
		}
		live := 0
		for k := range 40 {
			key := fmt.Append(nil, k)
			value, found := f.get(key)
			w, has := want[string(key)]
			require.Equal(t, has, found)
			require.Equal(t, w, value)
			if has {
				live += record.Size(len(key), len(w)) - 4 // without a checksum of its own
			}
		}
		require.Equal(t, live, f.live)
	})
}

// TestFrozenRefuses finds a record that has no place in a log, and a batch that is not what it says
// though its checksum fits.
func TestFrozenRefuses(t *testing.T) {
	for _, r := range []record.Record{
		record.CommitOf(24),
		{Kind: record.Value, Key: []byte("key"), Value: []byte("value")},
		{Kind: record.Batch, Value: []byte{0, 2, 1, 0, 'k'}},                        // of none
		{Kind: record.Batch, Value: []byte{2, 2, 1, 0, 'k'}},                        // of fewer than two
		{Kind: record.Batch, Value: append([]byte{1, 3, 0, 8}, make([]byte, 8)...)}, // of a commit
	} {
		var f frozen
		b := record.Append(make([]byte, record.HeaderBytes), 1, record.HeaderBytes, r)
		end, err := f.read(bytes.NewReader(b), 1, record.HeaderBytes, int64(len(b)), 100)
		require.ErrorIs(t, err, store.ErrCorrupt)
		require.Zero(t, end)
	}
}

// BenchmarkFrozen reads a log of distinct keys beside reading it once and checking a CRC-32C of
// it, one after the other.
func BenchmarkFrozen(b *testing.B) {
	for _, valueBytes := range []int{100, 1000} {
		log := make([]byte, record.HeaderBytes)
		var batch record.Batcher
		for i := 0; len(log) < 3<<20; i++ {
			batch.Add(record.Record{Kind: record.Value, Key: fmt.Appendf(nil, "%016d", i*7919%1_000_000), Value: make([]byte, valueBytes)})
			if batch.Size() >= 64<<10 {
				log = append(log, batch.Seal(1, int64(len(log)))...)
				batch.Reset()
			}
		}
		b.Run(fmt.Sprint("frozen/", valueBytes), func(b *testing.B) {
			b.SetBytes(int64(len(log)))
			for b.Loop() {
				var f frozen
				_, err := f.read(bytes.NewReader(log), 1, record.HeaderBytes, int64(len(log)), 4<<20)
				require.NoError(b, err)
			}
		})
		b.Run(fmt.Sprint("once/", valueBytes), func(b *testing.B) {
			b.SetBytes(int64(len(log)))
			for b.Loop() {
				text := make([]byte, len(log))
				require.NoError(b, record.ReadFull(bytes.NewReader(log), text, 0))
				record.Checksum(text)
			}
		})
	}
}
