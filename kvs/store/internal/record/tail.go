package record

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"

	"github.com/joinery-go/joinery/kvs/store"
)

// CheckTail tells a torn tail from damage. The bytes of r from off, up to end,
// begin with no record. If a record behind them says that off was synced before it
// was written, or if turning one bit back makes a record of them, they were whole
// once, and the error wraps [store.ErrCorrupt]. Else they are what a crash left of
// writes that were never promised: nil.
//
// A write may also be torn where all that it lacks is one bit, the only one set in
// the rest of a sector. Nothing tells that from a flip of the same bit, and it is
// taken for torn. O(end-off), but for bytes made to look like records.
func CheckTail(r io.ReaderAt, salt uint32, off, end int64) error {
	if off >= end {
		return nil
	}
	b := make([]byte, end-off)
	if err := ReadFull(r, b, off); err != nil {
		return err
	}
	if at, ok := flipped(b, salt, off); ok && !blank(b, at, off) {
		return fmt.Errorf("%w: a bit has flipped at offset %d", store.ErrCorrupt, off+int64(at))
	}
	for i := 1; i+MinBytes <= len(b); i++ {
		rec, _, err := Decode(b[i:], salt, off+int64(i))
		if err == nil && rec.Covers(off+int64(i)) > off {
			return fmt.Errorf("%w: offset %d was synced before the record at %d and is no record",
				store.ErrCorrupt, off, off+int64(i))
		}
	}
	return nil
}

// sector is the least that a disk writes as one.
const sector = 512

// blank reports whether b is zero from index at to the end of that sector, as where
// a torn write did not reach.
func blank(b []byte, at int, off int64) bool {
	rest := sector - int((off+int64(at))%sector)
	for _, c := range b[at:min(at+rest, len(b))] {
		if c != 0 {
			return false
		}
	}
	return true
}

// flipped looks for the one bit of the record with which b begins that, turned
// back, makes it whole. O(length of the record), for its head a few times that.
func flipped(b []byte, salt uint32, off int64) (at int, ok bool) {
	if at, ok := flippedBody(b, salt, off); ok {
		return at, true
	}
	head := min(len(b), MaxHead)
	trial := append([]byte(nil), b[:head]...)
	for bit := crcBytes * 8; bit < head*8; bit++ {
		trial[bit/8] ^= 1 << (bit % 8)
		if _, _, _, end, err := Shape(trial); err == nil && end <= len(b) && end > bit/8 {
			whole := b[:end]
			whole[bit/8] ^= 1 << (bit % 8)
			_, _, err := Decode(whole, salt, off)
			whole[bit/8] ^= 1 << (bit % 8)
			if err == nil {
				return bit / 8, true
			}
		}
		trial[bit/8] ^= 1 << (bit % 8)
	}
	return 0, false
}

// flippedBody takes the lengths for right. A checksum is linear: what a flipped bit
// changes in it depends on how far from the end the bit is, and not on the rest.
func flippedBody(b []byte, salt uint32, off int64) (at int, ok bool) {
	_, _, _, end, err := Shape(b)
	if err != nil || end > len(b) {
		return 0, false
	}
	diff := checksum(b[crcBytes:end], salt, off) ^ binary.LittleEndian.Uint32(b)
	if diff == 0 {
		return 0, false // whole
	}
	if diff&(diff-1) == 0 {
		return 0, true // in the checksum itself
	}
	for bit := range 8 {
		if table[1<<bit] == diff {
			return end - 1, true
		}
	}
	effect := [8]uint32{}
	for bit := range effect {
		effect[bit] = table[1<<bit]
	}
	for i := end - 2; i >= crcBytes; i-- {
		for bit := range effect {
			e := effect[bit]
			effect[bit] = table[byte(e)] ^ e>>8
			if effect[bit] == diff {
				return i, true
			}
		}
	}
	return 0, false
}

// Checksum is the CRC-32C of b, for files that are not of records.
func Checksum(b []byte) uint32 { return AddChecksum(0, b) }

// AddChecksum is the CRC-32C of the bytes with that one and b behind them.
func AddChecksum(sum uint32, b []byte) uint32 { return crc32.Update(sum, table, b) }
