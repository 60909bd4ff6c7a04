package logset

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/joinery-go/joinery/kvs/store/internal/record"
)

// drawSaved draws an index over files, whose slots are not their indices, and saves it.
func drawSaved(t *rapid.T) (x *Index, files []*File, b []byte) {
	x = NewIndex()
	n := rapid.IntRange(1, 4).Draw(t, "files")
	for i := range n {
		files = append(files, &File{number: uint64(i + 3), slot: n - i, salt: uint32(i) * 7, length: record.HeaderBytes})
	}
	for i := range rapid.SampledFrom([]int{0, 1, 5, 200, 1500}).Draw(t, "keys") {
		f := files[i%n]
		key := fmt.Appendf(nil, "key %d", i)
		x.Put(key, placeOf(f.slot, f.length, record.Size(len(key), 9)))
		f.length += int64(record.Size(len(key), 9))
		if i%3 == 1 {
			x.Delete(key)
		}
	}
	require.NoError(t, encodeSaved(x, files, func(piece []byte) error { b = append(b, piece...); return nil }))
	return x, files, b
}

// reopened are the files as the next opening has them.
func reopened(files []*File) []*File {
	var all []*File
	for i, f := range files {
		g := *f
		g.slot = i
		all = append(all, &g)
	}
	return all
}

func TestSavedReadsBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x, files, b := drawSaved(t)
		now := append(reopened(files), &File{number: 99, slot: len(files)})
		got, live, err := decodeSaved(bytes.Clone(b), now)
		require.NoError(t, err)
		require.Len(t, live, len(files))
		m, want := map[string]Place{}, make([]int64, len(files))
		for k, p := range x.All() {
			for i, f := range files {
				if f.slot == p.Slot() {
					m[string(k)] = placeOf(i, p.Offset(), int(p.Size))
					want[i] += int64(p.Size)
				}
			}
		}
		require.Equal(t, want, live)
		checkIndex(t, got, m)
		for i := range 600 { // and it is an index like any
			p := placeOf(0, int64(i)+1, 1)
			got.Put(fmt.Appendf(nil, "other %d", i), p)
			m[fmt.Sprint("other ", i)] = p
		}
		checkIndex(t, got, m)

		other := reopened(files)
		f := other[rapid.IntRange(0, len(other)-1).Draw(t, "file")]
		switch rapid.IntRange(0, 3).Draw(t, "differs") {
		case 0:
			f.number++
		case 1:
			f.salt++
		case 2:
			f.length++
		case 3:
			other = other[:len(other)-1]
		}
		_, _, err = decodeSaved(bytes.Clone(b), other)
		require.ErrorIs(t, err, errSaved)
		bit := rapid.IntRange(0, len(b)*8-1).Draw(t, "bit")
		b[bit/8] ^= 1 << (bit % 8)
		_, _, err = decodeSaved(bytes.Clone(b), now)
		require.ErrorIs(t, err, errSaved)
		b[bit/8] ^= 1 << (bit % 8)
		_, _, err = decodeSaved(b[:rapid.IntRange(0, len(b)-1).Draw(t, "cut")], now)
		require.ErrorIs(t, err, errSaved)
		_, _, err = decodeSaved(append(b, 0), now)
		require.ErrorIs(t, err, errSaved)
	})
}

// resealSaved gives what b has at the places of checksums those that fit.
func resealSaved(b []byte) {
	if len(b) < savedHead {
		return
	}
	copy(b, savedMagic)
	n, pages := int(b[len(savedMagic)]), int(b[len(savedMagic)+4])
	clear(b[len(savedMagic)+1 : len(savedMagic)+4])
	clear(b[len(savedMagic)+5 : len(savedMagic)+8])
	head := savedHead + n*savedFile + pages*savedPage
	if len(b) < head+4 {
		return
	}
	at := head + 4
	for i := range pages {
		d := b[savedHead+n*savedFile+i*savedPage:]
		d[3], d[4] = 0, 0
		clear(d[7:13])
		size := int(binary.LittleEndian.Uint32(d[1:]))*slotBytes + int(binary.LittleEndian.Uint64(d[5:]))
		if size > len(b)-at {
			break
		}
		binary.LittleEndian.PutUint32(d[13:], record.Checksum(b[at:at+size]))
		at += size
	}
	binary.LittleEndian.PutUint32(b[head:], record.Checksum(b[:head]))
}

// FuzzSaved gives bytes checksums that fit, and uses what is read as an index.
func FuzzSaved(f *testing.F) {
	files := []*File{{number: 1, salt: 7, length: 1000}, {number: 2, slot: 1, salt: 8, length: 1000}}
	x := NewIndex()
	for i := range 20 {
		x.Put(fmt.Appendf(nil, "key %d", i), placeOf(i%2, record.HeaderBytes+int64(i)*30, 30))
	}
	var b []byte
	if err := encodeSaved(x, files, func(piece []byte) error { b = append(b, piece...); return nil }); err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	deep := bytes.Clone(b)
	deep[savedHead+2*savedFile] = 30
	f.Add(deep)
	f.Fuzz(func(t *testing.T, b []byte) {
		b = bytes.Clone(b)
		resealSaved(b)
		x, live, err := decodeSaved(b, files)
		if err != nil {
			return
		}
		n, counts := 0, make([]int64, len(live))
		for k, p := range x.All() {
			if n++; p.Slot() >= len(live) || p.Offset() < record.HeaderBytes || p.Offset()+int64(p.Size) > 1000 || len(k) == 0 {
				t.Fatalf("key %q has place %v", k, p)
			}
			counts[p.Slot()] += int64(p.Size)
		}
		if n != x.Len() || fmt.Sprint(counts) != fmt.Sprint(live) {
			t.Fatalf("%d keys for %d, %v bytes for %v", n, x.Len(), counts, live)
		}
		for i := range 400 {
			x.Put(fmt.Appendf(nil, "key %d", i), placeOf(0, int64(i)+1, 1))
			x.Delete(fmt.Appendf(nil, "key %d", i-7))
		}
	})
}
