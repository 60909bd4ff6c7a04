package record

import (
	"encoding/binary"
	"hash/crc32"
)

// ResealIndex gives the end of an index, and the block before it, the checksums that
// they should have, so that what is behind checksums is tried too.
func ResealIndex(b []byte) []byte {
	if len(b) < indexEndBytes+10 {
		return b
	}
	end := len(b) - indexEndBytes
	copy(b[end:], indexMagic)
	off := int(b[end-5]) % (end - 5)
	f := b[end+len(indexMagic):]
	binary.LittleEndian.PutUint64(f, uint64(off))
	binary.LittleEndian.PutUint64(f[8:], uint64(end-off))
	binary.LittleEndian.PutUint32(b[len(b)-4:], crc32.Checksum(b[end:len(b)-4], table))
	binary.LittleEndian.PutUint32(b[end-4:], crc32.Checksum(b[off:end-4], table))
	return b
}

// PlaceSum is the checksum of where a record is.
func PlaceSum(salt uint32, off int64) uint32 { return placeSum(salt, off) }
