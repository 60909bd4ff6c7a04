package pebble

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"math/bits"
	"strconv"
	"strings"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/joinery-go/joinery/kvs/store"
	"github.com/joinery-go/joinery/kvs/store/internal/catalog"
)

// Pebble's log is chunks in blocks, none across a border of blocks. Those of the format that the
// engine asks for say how much of the log was synced before they were written:
//
//	chunk  checksum 4 | length 2 | kind 1 | number of the log 4 | synced 8 | bytes
//
// Those of before it lack synced. The checksum covers all behind the length. (See the package
// record of Pebble.)
const (
	walBlock     = 32 << 10
	walOldHead   = 11
	walHead      = 19
	walOldKind   = 5 // the first of four
	walKind      = 9 // the first of four
	walKindsEnd  = 13
	maxWALBytes  = 1 << 32
	walSumShift  = 15 // of the CRC-32C that the checksum is
	walSumAddend = 0xa282ead8
	walSector    = 512 // the least that a disk writes as one
)

var walTable = crc32.MakeTable(crc32.Castagnoli)

// walChunk is the length of the whole chunk with which b, the rest of a block, begins, and what
// it says was synced; ok is false if that is no chunk of the log with that number.
func walChunk(b []byte, number uint32) (size int, synced uint64, ok bool) {
	head, size, ok := walShape(b, number)
	if !ok || walDiff(b[:size]) != 0 {
		return 0, 0, false
	}
	if head == walHead {
		synced = binary.LittleEndian.Uint64(b[walOldHead:])
	}
	return size, synced, true
}

// walShape is the lengths of a chunk's head and of all of it, whatever its checksum says.
func walShape(b []byte, number uint32) (head, size int, ok bool) {
	if len(b) < walOldHead || b[6] < walOldKind || b[6] >= walKindsEnd || binary.LittleEndian.Uint32(b[7:]) != number {
		return 0, 0, false
	}
	head = walOldHead
	if b[6] >= walKind {
		head = walHead
	}
	size = head + int(binary.LittleEndian.Uint16(b[4:]))
	return head, size, head <= len(b) && size <= len(b)
}

// walDiff is the checksum of a chunk, and that which it should have, exclusive or: 0 if it is whole.
func walDiff(chunk []byte) uint32 {
	is := binary.LittleEndian.Uint32(chunk) - walSumAddend
	return bits.RotateLeft32(is, walSumShift) ^ crc32.Checksum(chunk[6:], walTable)
}

// walFlipped looks for the one bit of the chunk with which b begins that, turned back, makes it
// whole. What bits behind the head change in the checksum depends on how far from the end they
// are, and not on the rest. O(length of the chunk), for its head a few times that.
func walFlipped(b []byte, number uint32) (at int, ok bool) {
	for bit := range min(walHead, len(b)) * 8 {
		b[bit/8] ^= 1 << (bit % 8)
		_, _, ok := walChunk(b, number)
		b[bit/8] ^= 1 << (bit % 8)
		if ok {
			return bit / 8, true
		}
	}
	_, size, ok := walShape(b, number)
	if !ok {
		return 0, false
	}
	diff := walDiff(b[:size])
	var effect [8]uint32
	for bit := range effect {
		effect[bit] = walTable[1<<bit]
	}
	for at := size - 1; at >= walOldHead; at-- {
		for bit, e := range effect {
			if e == diff {
				return at, true
			}
			effect[bit] = walTable[byte(e)] ^ e>>8
		}
	}
	return 0, false
}

// walRest is what b has of the block in which offset at lies, from there on.
func walRest(b []byte, at int) []byte { return b[at:min(len(b), (at/walBlock+1)*walBlock)] }

// checkWAL tells damage from where a log ends or was torn: of its first bytes that are no chunk no
// chunk behind says that they were synced, nor makes turning one bit back a chunk of them. A
// write that is torn before the last bit set in a sector is taken for torn, as is a flip of that
// bit. O(len(b)), but for bytes made to look like chunks.
func checkWAL(b []byte, number uint32) error {
	at := 0
	for at < len(b) {
		rest := walRest(b, at)
		if size, _, ok := walChunk(rest, number); ok {
			at += size
			continue
		}
		if len(rest) >= walHead || at%walBlock == 0 || !blank(rest) {
			break
		}
		at += len(rest) // too few bytes of the block were left
	}
	rest := walRest(b, at)
	if i, ok := walFlipped(rest, number); ok && !blank(rest[i:min(len(rest), i+walSector-(at+i)%walSector)]) {
		return fmt.Errorf("%w: a bit has flipped at offset %d", store.ErrCorrupt, at+i)
	}
	for i := at + 1; i < len(b); i++ {
		if _, synced, ok := walChunk(walRest(b, i), number); ok && synced > uint64(at) {
			return fmt.Errorf("%w: offset %d was synced before the chunk at %d and is no chunk", store.ErrCorrupt, at, i)
		}
	}
	return nil
}

func blank(b []byte) bool { return len(bytes.Trim(b, "\x00")) == 0 }

// checkLog is [checkWAL] of the last log in a directory of Pebble's, if there is one. Pebble itself
// looks for chunks in later blocks only, and takes some bits for the end of a log. Logs before
// the last end cleanly, which Pebble sees to.
func checkLog(fsys vfs.FS, dir string) error {
	name, number, err := newestLog(fsys, dir)
	if err != nil || name == "" {
		return err
	}
	b, err := catalog.ReadFile(fsys, name, maxWALBytes)
	if err == nil {
		err = checkWAL(b, number)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// newestLog is the path of the last log in a directory, "" for none, and its number, of which
// chunks have the low bits.
func newestLog(fsys vfs.FS, dir string) (path string, number uint32, err error) {
	names, err := fsys.List(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", 0, err
	}
	last := uint64(0)
	for _, name := range names {
		digits, is := strings.CutSuffix(name, logExt)
		if n, err := strconv.ParseUint(digits, 10, 64); is && err == nil && n >= last {
			path, last = fsys.PathJoin(dir, name), n
		}
	}
	return path, uint32(last), nil
}
