package lsm

import (
	"encoding/binary"
	"errors"

	"github.com/bits-and-blooms/bloom/v3"

	"github.com/joinery-go/joinery/kvs/store/internal/record"
)

// guide is what of a run is in memory: where to look for a key, and where not to.
//
//	"joinery guide 1\n" | salt 4 | length 8 | records 8 | hashes 4 | words 4 | filter 8 a word |
//	fences: uvarint offset from the one before | uvarint key length | key | … | CRC-32C 4
type guide struct {
	records int
	fences  []fence
	filter  *bloom.BloomFilter
}

// fence says that the records from off on have keys from key on.
type fence struct {
	key string
	off int64
}

const (
	guideMagic    = "joinery guide 1\n"
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
	lo, hi := 0, len(g.fences)
	for lo < hi { // the first fence behind the key
		if mid := (lo + hi) / 2; g.fences[mid].key > string(key) {
			hi = mid
		} else {
			lo = mid + 1
		}
	}
	if lo == 0 || !g.filter.Test(key) {
		return 0, 0, false
	}
	if lo < len(g.fences) {
		end = g.fences[lo].off
	}
	return g.fences[lo-1].off, end, true
}

func (g *guide) encode(salt uint32, length int64) []byte {
	words := g.filter.BitSet().Words()
	b := append([]byte(nil), guideMagic...)
	b = binary.LittleEndian.AppendUint32(b, salt)
	b = binary.LittleEndian.AppendUint64(b, uint64(length))
	b = binary.LittleEndian.AppendUint64(b, uint64(g.records))
	b = binary.LittleEndian.AppendUint32(b, uint32(g.filter.K()))
	b = binary.LittleEndian.AppendUint32(b, uint32(len(words)))
	for _, w := range words {
		b = binary.LittleEndian.AppendUint64(b, w)
	}
	at := int64(0)
	for _, f := range g.fences {
		b = binary.AppendUvarint(b, uint64(f.off-at))
		b = binary.AppendUvarint(b, uint64(len(f.key)))
		b = append(b, f.key...)
		at = f.off
	}
	return binary.LittleEndian.AppendUint32(b, record.Checksum(b))
}

// decodeGuide reads the guide of a file with that salt and length.
func decodeGuide(b []byte, salt uint32, length int64) (*guide, error) {
	const head = len(guideMagic) + 4 + 8 + 8 + 4 + 4
	if len(b) < head+4 || string(b[:len(guideMagic)]) != guideMagic ||
		record.Checksum(b[:len(b)-4]) != binary.LittleEndian.Uint32(b[len(b)-4:]) {
		return nil, errGuide
	}
	fields := b[len(guideMagic):head]
	records, hashes := binary.LittleEndian.Uint64(fields[12:]), binary.LittleEndian.Uint32(fields[20:])
	words := binary.LittleEndian.Uint32(fields[24:])
	rest := b[head : len(b)-4]
	if binary.LittleEndian.Uint32(fields) != salt || binary.LittleEndian.Uint64(fields[4:]) != uint64(length) ||
		records > uint64(length)/record.MinBytes || hashes < 1 || hashes > maxHashes || words < 1 || uint64(words)*8 > uint64(len(rest)) {
		return nil, errGuide
	}
	bits := make([]uint64, words)
	for i := range bits {
		bits[i] = binary.LittleEndian.Uint64(rest[8*i:])
	}
	g := &guide{records: int(records), filter: bloom.From(bits, uint(hashes))}
	return g, g.decodeFences(rest[8*words:], length)
}

// decodeFences reads fences, whose keys share one piece of memory.
func (g *guide) decodeFences(b []byte, length int64) error {
	at, keys := int64(0), string(b)
	for len(b) > 0 {
		off, w := binary.Uvarint(b)
		if w <= 0 || off > uint64(length-at) {
			return errGuide
		}
		b = b[w:]
		n, w := binary.Uvarint(b)
		if w <= 0 || n > uint64(len(b)-w) {
			return errGuide
		}
		from := len(keys) - len(b) + w
		key := keys[from : from+int(n)]
		b, at = b[w+int(n):], at+int64(off)
		if last := len(g.fences) - 1; at < record.HeaderBytes || at >= length || last >= 0 && (off == 0 || g.fences[last].key >= key) {
			return errGuide
		}
		g.fences = append(g.fences, fence{key, at})
	}
	if (len(g.fences) == 0) != (length == record.HeaderBytes) {
		return errGuide
	}
	return nil
}
