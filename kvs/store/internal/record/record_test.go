package record_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/joinery-go/joinery/kvs/store"
	"github.com/joinery-go/joinery/kvs/store/internal/record"
)

var header = record.Header{Type: 'T', Number: 7}

func draw(t *rapid.T) record.Record {
	r := record.Record{Kind: record.Kind(rapid.IntRange(1, 3).Draw(t, "kind")), Synced: rapid.Bool().Draw(t, "synced")}
	size := rapid.SampledFrom([]int{1, 2, 20, 127, 128, 600, 20000})
	if r.Kind == record.Commit {
		c := record.CommitOf(int64(rapid.Uint32().Draw(t, "covers")))
		c.Synced = r.Synced
		return c
	}
	r.Key = bytes.Repeat([]byte{rapid.Byte().Draw(t, "k")}, size.Draw(t, "key"))
	if r.Kind == record.Value {
		r.Value = bytes.Repeat([]byte{rapid.Byte().Draw(t, "v")}, size.Draw(t, "value"))
	}
	return r
}

func file(records ...record.Record) (b []byte, offsets []int64) {
	b = record.AppendHeader(nil, header)
	for _, r := range records {
		offsets = append(offsets, int64(len(b)))
		b = record.Append(b, header.Salt(), int64(len(b)), r)
	}
	return b, offsets
}

func equal(t require.TestingT, want, got record.Record) {
	require.Equal(t, want.Kind, got.Kind)
	require.Equal(t, want.Synced, got.Synced)
	require.True(t, bytes.Equal(want.Key, got.Key) && bytes.Equal(want.Value, got.Value))
}

// TestScanReadsWhatAppendWrote also holds Size against what Append wrote.
func TestScanReadsWhatAppendWrote(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var records []record.Record
		for range rapid.IntRange(0, 40).Draw(t, "n") {
			records = append(records, draw(t))
		}
		b, offsets := file(records...)
		scan := record.NewScanner(bytes.NewReader(b), header.Salt(), record.HeaderBytes, int64(len(b)))
		for i, want := range records {
			got, off, size, err := scan.Next()
			require.NoError(t, err)
			equal(t, want, got)
			require.Equal(t, offsets[i], off)
			require.Equal(t, record.Size(len(want.Key), len(want.Value)), size)
			require.Equal(t, off+int64(size), scan.Offset())
		}
		_, _, _, err := scan.Next()
		require.Equal(t, io.EOF, err)
	})
}

// TestSomeIsNext holds what Some reads against what Next does, of files that are longer than what is
// read at once, and of some that end in bytes that are no record.
func TestSomeIsNext(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var records []record.Record
		for range rapid.IntRange(0, 60).Draw(t, "n") {
			records = append(records, draw(t))
		}
		b, _ := file(records...)
		b = append(b, rapid.SliceOfN(rapid.Byte(), 0, 3).Draw(t, "tail")...)
		one := record.NewScanner(bytes.NewReader(b), header.Salt(), record.HeaderBytes, int64(len(b)))
		scan := record.NewScanner(bytes.NewReader(b), header.Salt(), record.HeaderBytes, int64(len(b)))
		most, calls := rapid.IntRange(1, 9).Draw(t, "most"), 0
		for {
			some, err := scan.Some(nil, most)
			calls++
			require.LessOrEqual(t, len(some), most)
			for _, got := range some {
				want, off, size, err := one.Next()
				require.NoError(t, err)
				equal(t, want, got.Record)
				require.Equal(t, []int64{off, int64(size)}, []int64{got.Off, int64(got.Size)})
			}
			require.Equal(t, one.Offset(), scan.Offset())
			if err != nil {
				require.Empty(t, some)
				_, _, _, want := one.Next()
				require.Equal(t, want, err)
				break
			}
			require.NotEmpty(t, some)
		}
		require.LessOrEqual(t, calls, 1+(len(records)+most-1)/most+len(b)/(200<<10), "as many as were read at once")
	})
}

// TestFlipIsFound flips every bit of small files: the scan ends at the record that
// was hit, and its tail is known for damage. Of the places where a torn write would
// look the same, none is in these files.
func TestFlipIsFound(t *testing.T) {
	b, offsets := file(
		record.Record{Kind: record.Value, Key: []byte("key"), Value: bytes.Repeat([]byte("value"), 30)},
		record.Record{Kind: record.Tombstone, Key: []byte("other")},
		record.CommitOf(30),
		record.Record{Kind: record.Value, Key: []byte("a"), Value: []byte("last")},
	)
	for bit := record.HeaderBytes * 8; bit < len(b)*8; bit++ {
		spoiled := bytes.Clone(b)
		spoiled[bit/8] ^= 1 << (bit % 8)
		r := bytes.NewReader(spoiled)
		scan := record.NewScanner(r, header.Salt(), record.HeaderBytes, int64(len(b)))
		var err error
		for err == nil {
			_, _, _, err = scan.Next()
		}
		require.ErrorIs(t, err, store.ErrCorrupt, "bit %d", bit)
		require.Contains(t, offsets, scan.Offset())
		require.LessOrEqual(t, scan.Offset(), int64(bit/8))
		before := bytes.Clone(spoiled)
		require.ErrorIs(t, record.CheckTail(r, header.Salt(), scan.Offset(), int64(len(b))), store.ErrCorrupt, "bit %d", bit)
		require.Equal(t, before, spoiled, "looking changes nothing")
	}
}

// TestFlipInALongRecord flips every bit of one long record, behind which nothing says that it was
// synced: the error names the byte, which is not among those of the head that are tried one by one.
// A record that is whole is no damage.
func TestFlipInALongRecord(t *testing.T) {
	b, offsets := file(record.Record{Kind: record.Value, Key: []byte("key"), Value: bytes.Repeat([]byte("value"), 30)})
	for bit := int(offsets[0]) * 8; bit < len(b)*8; bit++ {
		b[bit/8] ^= 1 << (bit % 8)
		err := record.CheckTail(bytes.NewReader(b), header.Salt(), offsets[0], int64(len(b)))
		require.ErrorIs(t, err, store.ErrCorrupt, "bit %d", bit)
		if bit/8 >= int(offsets[0])+4 { // before, it is the checksum
			require.ErrorContains(t, err, fmt.Sprintf("flipped at offset %d", bit/8))
		}
		b[bit/8] ^= 1 << (bit % 8)
	}
	require.NoError(t, record.CheckTail(bytes.NewReader(b), header.Salt(), offsets[0], int64(len(b))))
}

// TestTornIsNotDamage cuts files anywhere, and loses sectors: what no later record
// says was synced is torn.
func TestTornIsNotDamage(t *testing.T) {
	b, offsets := file(
		record.Record{Kind: record.Value, Key: []byte("key"), Value: bytes.Repeat([]byte("value"), 300)},
		record.Record{Kind: record.Value, Key: []byte("key"), Value: bytes.Repeat([]byte("other"), 300)},
	)
	for n := offsets[1]; n < int64(len(b)); n++ {
		require.NoError(t, record.CheckTail(bytes.NewReader(b[:n]), header.Salt(), offsets[1], n), "cut at %d", n)
		zeroed := append(bytes.Clone(b[:n]), make([]byte, int64(len(b))-n)...)
		require.NoError(t, record.CheckTail(bytes.NewReader(zeroed), header.Salt(), offsets[1], int64(len(b))), "zero from %d", n)
	}
	hole := bytes.Clone(b)
	clear(hole[512:1024])
	require.NoError(t, record.CheckTail(bytes.NewReader(hole), header.Salt(), offsets[0], int64(len(b))),
		"the second record survived and says nothing of the first")
	last := record.Append(bytes.Clone(hole), header.Salt(), int64(len(hole)), record.Record{Kind: record.Tombstone, Synced: true, Key: []byte("k")})
	require.ErrorIs(t, record.CheckTail(bytes.NewReader(last), header.Salt(), offsets[0], int64(len(last))), store.ErrCorrupt)
	for _, covers := range []int64{offsets[0], offsets[0] + 1} {
		last = record.Append(bytes.Clone(hole), header.Salt(), int64(len(hole)), record.CommitOf(covers))
		err := record.CheckTail(bytes.NewReader(last), header.Salt(), offsets[0], int64(len(last)))
		require.Equal(t, covers > offsets[0], errors.Is(err, store.ErrCorrupt))
	}
}

// TestOneBitTorn is the case that nothing tells from a flip: taken for torn.
func TestOneBitTorn(t *testing.T) {
	value := make([]byte, 1000)
	value[len(value)-1] = ' ' // one bit, in a sector of its own
	b, offsets := file(record.Record{Kind: record.Value, Key: []byte("k"), Value: value})
	b[len(b)-1] = 0
	require.NoError(t, record.CheckTail(bytes.NewReader(b), header.Salt(), offsets[0], int64(len(b))))
	b[len(b)-1] = ' ' | 1 // but this bit came from nowhere
	require.ErrorIs(t, record.CheckTail(bytes.NewReader(b), header.Salt(), offsets[0], int64(len(b))), store.ErrCorrupt)
}

// TestPlaceMatters copies a record to other places and files.
func TestPlaceMatters(t *testing.T) {
	r := record.Record{Kind: record.Value, Key: []byte("key"), Value: []byte("value")}
	b := record.Append(nil, header.Salt(), 100, r)
	_, n, err := record.Decode(b, header.Salt(), 100)
	require.NoError(t, err)
	require.Equal(t, len(b), n)
	for _, off := range []int64{99, 101, 100 + 1<<32} {
		_, _, err = record.Decode(b, header.Salt(), off)
		require.Error(t, err)
	}
	_, _, err = record.Decode(b, record.Header{Type: 'T', Number: 8}.Salt(), 100)
	require.Error(t, err)
}

func TestHeader(t *testing.T) {
	b := record.AppendHeader(nil, header)
	require.Len(t, b, record.HeaderBytes)
	h, err := record.DecodeHeader(append(b, 1, 2, 3), 'T')
	require.NoError(t, err)
	require.Equal(t, header, h)
	_, err = record.DecodeHeader(b, 'U')
	require.ErrorIs(t, err, store.ErrForeign)
	_, err = record.DecodeHeader(b[:record.HeaderBytes-1], 'T')
	require.ErrorIs(t, err, store.ErrCorrupt)
	next := bytes.Clone(b)
	next[9]++
	binary.LittleEndian.PutUint32(next[record.HeaderBytes-4:], record.Checksum(next[:record.HeaderBytes-4]))
	_, err = record.DecodeHeader(next, 'T')
	require.ErrorIs(t, err, store.ErrFormat)
	require.ErrorContains(t, err, "2, this is 1")
	for bit := range len(b) * 8 {
		spoiled := bytes.Clone(b)
		spoiled[bit/8] ^= 1 << (bit % 8)
		_, err = record.DecodeHeader(spoiled, 'T')
		require.ErrorIs(t, err, store.ErrCorrupt, "bit %d", bit)
	}
}

func TestLimitsOfShapes(t *testing.T) {
	for _, c := range []struct {
		r  record.Record
		ok bool
	}{
		{record.Record{Kind: record.Value, Key: make([]byte, store.MaxKeyBytes), Value: []byte("v")}, true},
		{record.Record{Kind: record.Value, Key: make([]byte, store.MaxKeyBytes+1), Value: []byte("v")}, false},
		{record.Record{Kind: record.Value, Key: []byte("k")}, false},
		{record.Record{Kind: record.Value, Value: []byte("v")}, false},
		{record.Record{Kind: record.Tombstone, Key: []byte("k"), Value: []byte("v")}, false},
		{record.Record{Kind: record.Tombstone}, false},
		{record.Record{Kind: record.Commit, Key: []byte("k"), Value: make([]byte, 8)}, false},
		{record.Record{Kind: record.Commit, Value: make([]byte, 7)}, false},
		{record.Record{Kind: 4, Key: []byte("k"), Value: []byte("v")}, false},
		{record.Record{Kind: 0, Key: []byte("k"), Value: []byte("v")}, false},
	} {
		_, _, err := record.Decode(record.Append(nil, 0, 0, c.r), 0, 0)
		require.Equal(t, c.ok, err == nil, "%d %d %d", c.r.Kind, len(c.r.Key), len(c.r.Value))
	}
}

func FuzzDecode(f *testing.F) {
	b, _ := file(record.Record{Kind: record.Value, Key: []byte("key"), Value: []byte("value")}, record.CommitOf(24))
	f.Add(b[record.HeaderBytes:], int64(record.HeaderBytes))
	f.Add([]byte{0, 0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff, 0xff}, int64(0))
	f.Fuzz(func(t *testing.T, b []byte, off int64) {
		r, n, err := record.Decode(b, header.Salt(), off)
		if err == nil {
			again := record.Append(nil, header.Salt(), off, r)
			if !bytes.Equal(again, b[:n]) {
				t.Fatalf("%x decodes, and encodes as %x", b[:n], again)
			}
		}
		if off >= 0 && off < 1<<40 {
			_ = record.CheckTail(offset{bytes.NewReader(b), off}, header.Salt(), off, off+int64(len(b)))
		}
	})
}

// offset is a file that holds its bytes from an offset on.
type offset struct {
	r   *bytes.Reader
	off int64
}

func (o offset) ReadAt(p []byte, off int64) (int, error) { return o.r.ReadAt(p, off-o.off) }

// TestPlaceSum holds the checksum of where a record is against package crc32, and that to decode
// a record takes no memory.
func TestPlaceSum(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		salt, off := rapid.Uint32().Draw(t, "salt"), rapid.Int64().Draw(t, "offset")
		b := binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint32(nil, salt), uint64(off))
		require.Equal(t, record.Checksum(b), record.PlaceSum(salt, off))
	})
	b := record.Append(nil, 7, 9, record.Record{Kind: record.Value, Key: []byte("key"), Value: []byte("value")})
	require.Zero(t, testing.AllocsPerRun(10, func() {
		_, _, err := record.Decode(b, 7, 9)
		require.NoError(t, err)
	}))
}
