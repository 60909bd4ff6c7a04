package logset

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"slices"
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
		if i < 200 && i%7 == 0 {
			key = []byte{byte(i)} // the shortest there are
		}
		x.Put(key, placeOf(f.slot, f.length, record.Size(len(key), 9)))
		f.length += int64(record.Size(len(key), 9))
		if i%3 == 1 {
			x.Delete(key)
		}
	}
	return x, files, encodeSaved(x, files)
}

// encodeSaved is a saved index of the files.
func encodeSaved(x *Index, files []*File) []byte {
	table, p := newSavedTable(x, files), savedPart{bytes: []byte(savedMagic)}
	x.beginImage(func(prefix uint64, g *page) { table.add(&p, prefix, g) })
	for !x.copyPages(1) {
	}
	table.finish(p)
	return table.end(p.bytes)
}

// decodeAll reads a saved index with all of its pages.
func decodeAll(b []byte, files []*File) (*decoded, error) {
	d, err := decodeSaved(bytes.NewReader(b), int64(len(b)), files)
	if err == nil {
		err = d.read(^uint64(0))
	}
	if err == nil && d.n != d.keys {
		err = errSaved
	}
	return d, err
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
		got, err := decodeAll(b, now)
		require.NoError(t, err)
		require.Len(t, got.known, len(files))
		require.Zero(t, got.lost)
		m, want := map[string]Place{}, make([]knownFile, len(files))
		for i, f := range files {
			want[i] = knownFile{slot: i, length: f.length}
		}
		for k, p := range x.All() {
			for i, f := range files {
				if f.slot == p.Slot() {
					m[string(k)] = placeOf(i, p.Offset(), int(p.Size))
					want[i].live += int64(p.Size)
				}
			}
		}
		require.Equal(t, want, got.known)
		checkIndex(t, got.index, m)
		for i := range 600 { // and it is an index like any
			p := placeOf(0, int64(i)+1, 1)
			got.index.Put(fmt.Appendf(nil, "other %d", i), p)
			m[fmt.Sprint("other ", i)] = p
		}
		checkIndex(t, got.index, m)
	})
}

// TestSavedOfOtherFiles reads a saved index where a file is another one, where one ends before
// what the index knows of it, and where they stand in another order.
func TestSavedOfOtherFiles(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		_, files, b := drawSaved(t)
		other := reopened(files)
		f := other[rapid.IntRange(0, len(other)-1).Draw(t, "file")]
		switch rapid.IntRange(0, 2).Draw(t, "differs") {
		case 0:
			f.salt++
		case 1:
			f.length--
		case 2:
			if len(other) > 1 {
				other[0].number, other[1].number, other[0].salt, other[1].salt = other[1].number, other[0].number, other[1].salt, other[0].salt
				other[0].length, other[1].length = 1<<30, 1<<30
			} else {
				f.salt++
			}
		}
		_, err := decodeAll(b, other)
		require.ErrorIs(t, err, errSaved)
	})
}

// TestSavedOfGoneFiles reads a saved index some of whose files are gone, and one is longer.
func TestSavedOfGoneFiles(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x, files, b := drawSaved(t)
		stays, now := map[int]int{}, []*File(nil)
		for _, f := range files {
			if rapid.Bool().Draw(t, "stays") {
				g := *f
				g.slot, g.length = len(now), g.length+rapid.Int64Range(0, 9).Draw(t, "more")
				stays[f.slot] = g.slot
				now = append(now, &g)
			}
		}
		got, err := decodeAll(b, now)
		require.NoError(t, err)
		m, lost := map[string]Place{}, 0
		for k, p := range x.All() {
			slot, ok := stays[p.Slot()]
			if !ok {
				slot, lost = goneSlot, lost+1
			}
			m[string(k)] = placeOf(slot, p.Offset(), int(p.Size))
		}
		require.Equal(t, lost, got.lost)
		checkIndex(t, got.index, m)
	})
}

// TestSavedSpoiled flips a bit, cuts the end off and appends.
func TestSavedSpoiled(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		_, files, b := drawSaved(t)
		now := reopened(files)
		bit := rapid.IntRange(0, len(b)*8-1).Draw(t, "bit")
		b[bit/8] ^= 1 << (bit % 8)
		_, err := decodeAll(b, now)
		require.ErrorIs(t, err, errSaved)
		b[bit/8] ^= 1 << (bit % 8)
		_, err = decodeAll(bytes.Clone(b[:rapid.IntRange(0, len(b)-1).Draw(t, "cut")]), now)
		require.ErrorIs(t, err, errSaved)
		_, err = decodeAll(append(b, 0), now)
		require.ErrorIs(t, err, errSaved)
	})
}

// TestImageIsOfOneMoment changes an index while an image of it is taken: the image has what
// was there when it was begun.
func TestImageIsOfOneMoment(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x, files, _ := drawSaved(t)
		m := map[string]Place{}
		for k, p := range x.All() {
			m[string(k)] = placeOf(slices.IndexFunc(files, func(f *File) bool { return f.slot == p.Slot() }), p.Offset(), int(p.Size))
		}
		table, b, part := newSavedTable(x, files), []byte(savedMagic), savedPart{}
		x.beginImage(func(prefix uint64, g *page) { table.add(&part, prefix, g) })
		finish := func() {
			table.finish(part)
			b, part = append(b, part.bytes...), savedPart{}
		}
		outside := placeOf(77, 1, 1) // what comes later may be in any file
		for i := 0; !x.copyPages(1); i++ {
			if rapid.Bool().Draw(t, "finish") {
				finish()
			}
			for j := range rapid.SampledFrom([]int{0, 1, 300}).Draw(t, "changes") {
				key := fmt.Appendf(nil, "key %d", rapid.IntRange(0, 1500).Draw(t, "key"))
				switch p, ok := x.Get(key); {
				case j%3 == 0:
					x.Put(fmt.Appendf(nil, "new %d %d", i, j), outside)
				case j%3 == 1:
					x.Delete(key)
				case ok:
					require.True(t, x.Move(hashOf(key), p, outside))
				}
			}
		}
		finish()
		got, err := decodeAll(table.end(b), reopened(files))
		require.NoError(t, err)
		checkIndex(t, got.index, m)
	})
}

// resealSaved gives what b has at the places of checksums those that fit.
func resealSaved(b []byte) {
	if len(b) < len(savedMagic)+savedEnd {
		return
	}
	copy(b, savedMagic)
	end := b[len(b)-savedEnd:]
	clear(end[1:4])
	clear(end[5:8])
	pages, n := int(end[0]), int(end[4])
	size := pages*savedPage + n*savedFile + savedEnd
	if size > len(b)-len(savedMagic) {
		return
	}
	table, at := b[len(b)-size:], len(savedMagic)
	for i := range pages {
		d := table[i*savedPage:]
		d[11], d[12] = 0, 0
		clear(d[15:21])
		keys := int(binary.LittleEndian.Uint64(d[13:]))
		n := int(binary.LittleEndian.Uint32(d[9:]))*slotBytes + keys + keys/savedSlack
		if n > len(b)-size-at {
			break
		}
		binary.LittleEndian.PutUint32(d[21:], record.Checksum(b[at:at+n]))
		at += n
	}
	binary.LittleEndian.PutUint32(table[size-4:], record.Checksum(table[:size-4]))
}

// FuzzSaved gives bytes checksums that fit, and uses what is read as an index.
func FuzzSaved(f *testing.F) {
	files := []*File{{number: 1, salt: 7, length: 1000}, {number: 2, slot: 1, salt: 8, length: 1000}}
	x := NewIndex()
	for i := range 20 {
		x.Put(fmt.Appendf(nil, "key %d", i), placeOf(i%2, record.HeaderBytes+int64(i)*30, 30))
	}
	b := encodeSaved(x, files)
	f.Add(b)
	deep := bytes.Clone(b)
	deep[len(b)-savedEnd-2*savedFile-savedPage+8] = 30
	f.Add(deep)
	f.Fuzz(func(t *testing.T, b []byte) {
		b = bytes.Clone(b)
		resealSaved(b)
		d, err := decodeAll(b, files)
		if err != nil {
			return
		}
		n, lost, counts := 0, 0, make([]int64, len(files))
		for k, p := range d.index.All() {
			n++
			if p.Slot() == goneSlot {
				lost++
				continue
			}
			if p.Slot() >= len(files) || p.Offset() < record.HeaderBytes || p.Offset()+int64(p.Size) > 1000 || len(k) == 0 {
				t.Fatalf("key %q has place %v", k, p)
			}
			counts[p.Slot()] += int64(p.Size)
		}
		live := make([]int64, len(files))
		for _, k := range d.known {
			if k.slot != goneSlot {
				live[k.slot] += k.live
			}
		}
		if n != d.index.Len() || lost != d.lost || fmt.Sprint(counts) != fmt.Sprint(live) {
			t.Fatalf("%d keys for %d, %d lost for %d, %v bytes for %v", n, d.index.Len(), lost, d.lost, counts, live)
		}
		for i := range 400 {
			d.index.Put(fmt.Appendf(nil, "key %d", i), placeOf(0, int64(i)+1, 1))
			d.index.Delete(fmt.Appendf(nil, "key %d", i-7))
		}
	})
}

// TestSavedInTheBackground has background work save an index of several parts, between whose steps
// keys are set: what is on the disk is the index as it was when that was begun.
func TestSavedInTheBackground(t *testing.T) {
	d := newDisk(t)
	s := openSet(t, d)
	for i := range 2 {
		addLog(t, s, i)
	}
	f := s.NewLog()
	require.NoError(t, s.Create(f, nil))
	set := func(i int) {
		key, off := fmt.Appendf(nil, "key %d", i), f.Length()
		b := record.Append(nil, f.Salt(), off, record.Record{Kind: record.Value, Key: key, Value: []byte("value")})
		require.NoError(t, s.Write(f, b))
		f.Grow(len(b))
		s.Noted(f, record.Value, key, off, len(b))
	}
	for i := range 15_000 {
		set(i)
	}
	for s.check == nil {
		_, err := s.step()
		require.NoError(t, err)
	}
	files, want := reopened(s.files), map[string]Place{}
	for k, p := range s.index.All() {
		at := slices.IndexFunc(s.files, func(f *File) bool { return f.slot == p.Slot() })
		want[string(k)] = placeOf(at, p.Offset(), int(p.Size))
	}
	steps := 0
	for ; s.saved.number == 0; steps++ {
		set(steps * 7919 % 18_000)
		_, err := s.step()
		require.NoError(t, err)
	}
	require.Greater(t, steps, 10)
	b, err := s.home.ReadPart(s.saved.number, savedExt, maxSavedBytes)
	require.NoError(t, err)
	require.Greater(t, len(b), 2*checkpointBuffer)
	got, err := decodeAll(b, files)
	require.NoError(t, err)
	checkIndex(t, got.index, want)
	closeSet(t, s)
}

// asked is a file of which nothing can be read, that counts who tries.
type asked int

func (a *asked) ReadAt([]byte, int64) (int, error) {
	*a++
	return 0, io.ErrUnexpectedEOF
}

// TestSavedBounds has files that are too short, as long as can be, and longer, which are not read.
func TestSavedBounds(t *testing.T) {
	for size, reads := range map[int64]asked{
		int64(len(savedMagic)+savedEnd) - 1: 0, int64(len(savedMagic) + savedEnd): 1, maxSavedBytes: 1, maxSavedBytes + 1: 0,
	} {
		var a asked
		_, err := decodeSaved(&a, size, nil)
		require.Error(t, err)
		require.Equal(t, reads, a, "%d bytes", size)
	}
}
