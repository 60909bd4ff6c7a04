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

// frame is where a whole frame stands, and in which of several images.
type frame struct{ from, to, image int }

// frames finds the whole frames that stand in one of the images from a position on, and
// counts the stretches between them in which there is none in any: behind one it goes
// on at the next position where there is. A frame names its length and position under
// its sum, so that none is found where it was not written.
func frames(at int, images ...[]byte) (found []frame, gaps int) {
	end := 0
	for _, b := range images {
		end = max(end, len(b))
	}
	in := func(at int) (image, n int) {
		for i, b := range images {
			if n := frameAt(b, at); n > 0 {
				return i, n
			}
		}
		return 0, 0
	}
	for at < end {
		from := at
		image, n := in(at)
		for n == 0 && at < end {
			at++
			image, n = in(at)
		}
		if n == 0 {
			break
		}
		if at > from {
			gaps++
		}
		found = append(found, frame{at, at + n, image})
		at += n
	}
	return found, gaps
}
