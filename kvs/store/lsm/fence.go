package lsm

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"unsafe"

	"github.com/bits-and-blooms/bloom/v3"

	"github.com/joinery-go/joinery/kvs/store"
	"github.com/joinery-go/joinery/kvs/store/internal/record"
)

// guide is what of a run is in memory: where to look for a key, and where not to.
//
//	"joinery guide 3\n" | salt 4 | length 8 | records 8 | sum 8 | hashes 4 | words 4 | fences 4 |
//	filter 8 a word | fences: offset 8 | end of the key 8 | … | their keys | CRC-32C 4
type guide struct {
	records int
	sum     uint64 // of the hashes of all keys
	fenced  int    // of them before the last fence, while it is made
	fences  fences
	filter  *bloom.BloomFilter
}

// fences say of keys from which offset on the records have keys from there on. They are
// bytes, so that those of a file are used as they are: of each its offset, and where in
// keys its key ends, with which the next one's begins.
type fences struct {
	table []byte
	keys  []byte
}

const fenceBytes = 16

func (f *fences) len() int { return len(f.table) / fenceBytes }

func (f *fences) off(i int) int64 { return int64(binary.LittleEndian.Uint64(f.table[i*fenceBytes:])) }

func (f *fences) key(i int) []byte {
	from := uint64(0)
	if i > 0 {
		from = binary.LittleEndian.Uint64(f.table[i*fenceBytes-8:])
	}
	return f.keys[from:binary.LittleEndian.Uint64(f.table[i*fenceBytes+8:])]
}

func (f *fences) add(key []byte, off int64) {
	f.keys = append(f.keys, key...)
	f.table = binary.LittleEndian.AppendUint64(f.table, uint64(off))
	f.table = binary.LittleEndian.AppendUint64(f.table, uint64(len(f.keys)))
}

const (
	guideMagic    = "joinery guide 3\n"
	maxGuideBytes = 1 << 32
	maxHashes     = 64
)

var errGuide = errors.New("not the guide of the file")

func newFilter(records, bitsPerKey int) *bloom.BloomFilter {
	words := (records*bitsPerKey + 63) / 64
	hashes := max(1, min(maxHashes, bitsPerKey*69/100)) // bits times ln 2 is the best number
	return bloom.From(make([]uint64, max(words, 1)), uint(hashes))
}

// block is where the records lie among which that of key must be; ok is false if its
// run cannot have it.
func (g *guide) block(key []byte, end int64) (from, to int64, ok bool) {
	lo, hi := 0, g.fences.len()
	for lo < hi { // the first fence behind the key
		if mid := (lo + hi) / 2; bytes.Compare(g.fences.key(mid), key) > 0 {
			hi = mid
		} else {
			lo = mid + 1
		}
	}
	if lo == 0 || !g.filter.Test(key) {
		return 0, 0, false
	}
	if lo < g.fences.len() {
		end = g.fences.off(lo)
	}
	return g.fences.off(lo - 1), end, true
}

func (g *guide) encode(salt uint32, length int64) []byte {
	words := g.filter.BitSet().Words()
	b := append([]byte(nil), guideMagic...)
	b = binary.LittleEndian.AppendUint32(b, salt)
	b = binary.LittleEndian.AppendUint64(b, uint64(length))
	b = binary.LittleEndian.AppendUint64(b, uint64(g.records))
	b = binary.LittleEndian.AppendUint64(b, g.sum)
	b = binary.LittleEndian.AppendUint32(b, uint32(g.filter.K()))
	b = binary.LittleEndian.AppendUint32(b, uint32(len(words)))
	b = binary.LittleEndian.AppendUint32(b, uint32(g.fences.len()))
	for _, w := range words {
		b = binary.LittleEndian.AppendUint64(b, w)
	}
	b = append(b, g.fences.table...)
	b = append(b, g.fences.keys...)
	return binary.LittleEndian.AppendUint32(b, record.Checksum(b))
}

// readGuide reads the guide of a file with that salt and length, which is the first size bytes
// of r. Of the format before this one it reads nothing: the guide is then made anew. Errors are
// errGuide or what reading said.
func readGuide(r io.ReaderAt, size int64, salt uint32, length int64) (*guide, error) {
	const head = int64(len(guideMagic) + 4 + 8 + 8 + 8 + 4 + 4 + 4)
	if size < head+4 || size > maxGuideBytes {
		return nil, errGuide
	}
	b := make([]byte, size) // of which all stays
	in := summed{r: r, b: b}
	if err := in.next(head); err != nil {
		return nil, err
	}
	fields := b[len(guideMagic):head]
	g := &guide{records: int(binary.LittleEndian.Uint64(fields[12:])), sum: binary.LittleEndian.Uint64(fields[20:])}
	hashes, words := binary.LittleEndian.Uint32(fields[28:]), int64(binary.LittleEndian.Uint32(fields[32:]))
	n, end := int64(binary.LittleEndian.Uint32(fields[36:]))*fenceBytes, size-4
	if string(b[:len(guideMagic)]) != guideMagic || binary.LittleEndian.Uint32(fields) != salt ||
		binary.LittleEndian.Uint64(fields[4:]) != uint64(length) || uint64(g.records) > uint64(length)/record.MinBytes ||
		hashes < 1 || hashes > maxHashes || words < 1 || words*8+n > end-head {
		return nil, errGuide
	}
	if err := in.next(size); err != nil {
		return nil, err
	}
	if in.sum != binary.LittleEndian.Uint32(b[end:]) {
		return nil, errGuide
	}
	at := head + words*8
	g.filter = bloom.From(wordsOf(b[head:at]), uint(hashes))
	g.fences = fences{b[at : at+n : at+n], b[at+n : end : end]}
	return g, g.fences.check(length)
}

// How much of a log, and of a guide, is read at once: it is looked at while it is in the
// processor's cache.
const (
	readBytes  = 128 << 10
	guideBytes = 256 << 10
)

// summed reads a file into b, whose length the file's is, with the CRC-32C of what it has read but
// for the last four bytes, which are such a sum.
type summed struct {
	r   io.ReaderAt
	b   []byte
	at  int64 // bytes of b that are read
	sum uint32
}

// next reads on, piece by piece, until there are n bytes at least. A file that ends before is no
// guide.
func (s *summed) next(n int64) error {
	for size := int64(len(s.b)); s.at < n; {
		to := min(s.at+guideBytes, size)
		switch err := record.ReadFull(s.r, s.b[s.at:to], s.at); {
		case errors.Is(err, store.ErrCorrupt):
			return errGuide
		case err != nil:
			return err
		}
		s.sum = record.AddChecksum(s.sum, s.b[min(s.at, size-4):min(to, size-4)])
		s.at = to
	}
	return nil
}

// wordsOf are the little-endian words that b holds. Where words are in memory as they are in a
// guide, they are those very bytes, if these begin where a word can.
func wordsOf(b []byte) []uint64 {
	first := unsafe.Pointer(unsafe.SliceData(b))
	if littleEndian && uintptr(first)%unsafe.Alignof(uint64(0)) == 0 {
		return unsafe.Slice((*uint64)(first), len(b)/8)
	}
	words := make([]uint64, len(b)/8)
	for i := range words {
		words[i] = binary.LittleEndian.Uint64(b[8*i:])
	}
	return words
}

var littleEndian = binary.NativeEndian.Uint16([]byte{1, 0}) == 1

// check refuses fences that cannot be those of a file of that length: offsets do not ascend, or
// keys lie outside of what there is. That keys ascend, as they were written, the checksum says.
// What ascends and ends within bounds is within them, so of each fence no more is looked at, and
// no branch is taken for it: opening does this for every fence.
func (f *fences) check(length int64) error {
	if f.len() == 0 {
		if length != record.HeaderBytes || len(f.keys) > 0 {
			return errGuide
		}
		return nil
	}
	at, end, wrong := int64(record.HeaderBytes-1), int64(0), int64(0)
	for rest := f.table; len(rest) >= fenceBytes; rest = rest[fenceBytes:] {
		off, to := int64(binary.LittleEndian.Uint64(rest)), int64(binary.LittleEndian.Uint64(rest[8:fenceBytes]))
		wrong |= (off - at - 1) | (to - end) | off | to // negative if one of them is
		at, end = off, to
	}
	if wrong < 0 || at >= length || end != int64(len(f.keys)) || length == record.HeaderBytes {
		return errGuide
	}
	return nil
}
