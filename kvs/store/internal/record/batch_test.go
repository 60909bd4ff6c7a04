package record_test

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/joinery-go/joinery/kvs/store"
	"github.com/joinery-go/joinery/kvs/store/internal/record"
)

func drawBatch(t *rapid.T) (records []record.Record) {
	for range rapid.IntRange(1, 200).Draw(t, "records") {
		if r := draw(t); r.Kind != record.Commit {
			records = append(records, r)
		}
	}
	return records
}

// TestBatch holds what is read of batches against what was added, their sizes against what Size
// said before, and the salt and place that each is sealed with.
func TestBatch(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var b record.Batcher
		for range rapid.IntRange(1, 3).Draw(t, "batches") {
			require.Zero(t, b.Size())
			records := drawBatch(t)
			if len(records) == 0 {
				continue
			}
			for _, r := range records {
				b.Add(r)
			}
			size, off := b.Size(), int64(rapid.Uint32().Draw(t, "offset"))
			image := bytes.Clone(b.Seal(header.Salt(), off))
			require.Len(t, image, size)
			b.Reset()
			r, n, err := record.Decode(append(bytes.Clone(image), 1, 2, 3), header.Salt(), off)
			require.NoError(t, err)
			require.Equal(t, size, n)
			require.Equal(t, record.Batch, r.Kind)
			require.Equal(t, records[0].Synced, r.Synced)
			require.Empty(t, r.Key)
			require.Equal(t, image, record.Append(nil, header.Salt(), off, r))
			_, _, err = record.Decode(image, header.Salt(), off+1)
			require.Error(t, err)

			count, bodies, err := record.Bodies(r.Value)
			require.NoError(t, err)
			require.Len(t, records, count)
			require.NoError(t, record.CheckBodies(bodies, count))
			for _, want := range records {
				key, value, tombstone, size := record.Body(bodies)
				require.Equal(t, want.Key, key)
				require.True(t, bytes.Equal(want.Value, value))
				require.Equal(t, want.Kind == record.Tombstone, tombstone)
				bodies = bodies[size:]
			}
			require.Empty(t, bodies)
		}
	})
}

// TestBodiesAreChecked has batches that are not what they say.
func TestBodiesAreChecked(t *testing.T) {
	for _, value := range [][]byte{
		nil, {0}, {0, 2, 1, 0, 'k'}, {0x80}, {0x81, 0}, {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1}, {2, 2, 1, 0, 'k'},
	} {
		_, _, err := record.Bodies(value)
		require.ErrorIs(t, err, store.ErrCorrupt, "%x", value)
	}
	n, bodies, err := record.Bodies([]byte{1, 2, 1, 0, 'k'})
	require.NoError(t, err)
	require.Equal(t, 1, n)
	require.NoError(t, record.CheckBodies(bodies, n))
	for _, c := range []struct {
		bodies  []byte
		records int
	}{
		{nil, 1}, {bodies, 0}, {bodies, 2}, {bodies[:3], 1}, {bodies[:2], 1},
		{[]byte{2, 0x81, 0, 0, 'k'}, 1},                  // a length that is longer than it need be
		{[]byte{0x82, 1, 0, 'k'}, 1},                     // what is said of a batch alone
		{append([]byte{3, 0, 8}, make([]byte, 8)...), 1}, // a commit
		{[]byte{4, 0, 5, 1, 2, 1, 0, 'k'}, 1},            // a batch
		{[]byte{1, 1, 0, 'k'}, 1},                        // a value of nothing
		{append(bytes.Clone(bodies), 0), 1},
		{append(bytes.Clone(bodies), bodies[:3]...), 2},
	} {
		require.ErrorIs(t, record.CheckBodies(c.bodies, c.records), store.ErrCorrupt, "%x", c.bodies)
	}
}

// TestBatchFlipsAreFound flips every bit of a batch of which nothing says that it was synced.
func TestBatchFlipsAreFound(t *testing.T) {
	var batch record.Batcher
	for range 3 {
		batch.Add(record.Record{Kind: record.Value, Key: []byte("key"), Value: bytes.Repeat([]byte("value"), 30)})
	}
	b := append(record.AppendHeader(nil, header), batch.Seal(header.Salt(), record.HeaderBytes)...)
	for bit := record.HeaderBytes * 8; bit < len(b)*8; bit++ {
		b[bit/8] ^= 1 << (bit % 8)
		_, _, err := record.Decode(b[record.HeaderBytes:], header.Salt(), record.HeaderBytes)
		require.Error(t, err)
		err = record.CheckTail(bytes.NewReader(b), header.Salt(), record.HeaderBytes, int64(len(b)))
		require.ErrorIs(t, err, store.ErrCorrupt, "bit %d", bit)
		b[bit/8] ^= 1 << (bit % 8)
	}
}

// TestScanRefusesBatches holds that a batch is none of a file of single records.
func TestScanRefusesBatches(t *testing.T) {
	var batch record.Batcher
	batch.Add(record.Record{Kind: record.Tombstone, Key: []byte("key")})
	b := append(record.AppendHeader(nil, header), batch.Seal(header.Salt(), record.HeaderBytes)...)
	_, _, _, err := record.NewScanner(bytes.NewReader(b), header.Salt(), record.HeaderBytes, int64(len(b))).Next()
	require.ErrorIs(t, err, store.ErrCorrupt)
	require.ErrorContains(t, err, "batch")
}

func FuzzBodies(f *testing.F) {
	f.Add([]byte{1, 2, 1, 0, 'k'})
	f.Add([]byte{2, 1, 1, 1, 'k', 'v', 2, 1, 0, 'k'})
	f.Fuzz(func(t *testing.T, value []byte) {
		n, bodies, err := record.Bodies(value)
		if err != nil || record.CheckBodies(bodies, n) != nil {
			return
		}
		var b record.Batcher
		for range n {
			key, v, tombstone, size := record.Body(bodies)
			r := record.Record{Kind: record.Value, Key: key, Value: v}
			if tombstone {
				r.Kind = record.Tombstone
			}
			b.Add(r)
			bodies = bodies[size:]
		}
		if r, _, err := record.Decode(b.Seal(1, 2), 1, 2); err != nil || !bytes.Equal(r.Value, value) {
			t.Fatalf("%x is written again as %x, %v", value, r.Value, err)
		}
	})
}
