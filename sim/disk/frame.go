package disk

import (
	"encoding/binary"
	"hash/crc32"
)

// A frame is the length of the record and the CRC-32C of length and record, four
// bytes each, least significant first, and the record. The sum starts from the
// position in the log, which is not written: it tells a record that landed elsewhere.
const (
	frameLength = 4
	frameHeader = 8
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func frameSum(at int, length, record []byte) uint32 {
	return crc32.Update(crc32.Update(uint32(at), castagnoli, length), castagnoli, record)
}

// appendFrame appends the frame of a record that will stand at a position.
func appendFrame(dst []byte, at int, record []byte) []byte {
	from := len(dst)
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(record)))
	dst = binary.LittleEndian.AppendUint32(dst, frameSum(at, dst[from:], record))
	return append(dst, record...)
}

// frameAt is the length of the whole frame that stands at a position of b, or 0.
func frameAt(b []byte, at int) int {
	b = b[min(at, len(b)):]
	if len(b) < frameHeader {
		return 0
	}
	n := uint64(binary.LittleEndian.Uint32(b))
	if n > uint64(len(b)-frameHeader) || frameSum(at, b[:frameLength], b[frameHeader:frameHeader+n]) != binary.LittleEndian.Uint32(b[frameLength:]) {
		return 0
	}
	return frameHeader + int(n)
}

// parse reads whole frames from the front of b and returns copies of their
// records and where the first frame that is not whole begins.
func parse(b []byte) (records [][]byte, whole int) {
	for {
		n := frameAt(b, whole)
		if n == 0 {
			return records, whole
		}
		records = append(records, append([]byte(nil), b[whole+frameHeader:whole+n]...))
		whole += n
	}
}
