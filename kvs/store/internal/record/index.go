package record

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"iter"

	"github.com/joinery-go/joinery/kvs/store"
)

// An index of a file whose records are in the order of their keys says where to look
// for one without reading all of the file, nor all of the index: it is a tree of blocks,
// its root last, so that its end and as many blocks as it has levels lead to the place.
//
//	block   level 1 | uvarint end | entries | CRC-32C 4
//	entry   uvarint key length | key | uvarint offset | uvarint length, above level 0
//	end     "joinery index 1\n" | root's offset 8 | its length 8 | file's salt 4 | CRC-32C 4
//
// An entry of level 0 is the key of the record at that offset of the file, and those
// behind it come before the next entry, or the block's end. An entry above is the first
// key of a block of the index.
const (
	indexMagic     = "joinery index 1\n"
	indexEndBytes  = len(indexMagic) + 8 + 8 + 4 + 4
	indexBlock     = 4 << 10
	indexTail      = 16 << 10 // read at once
	maxIndexBlock  = 4 << 20
	maxIndexLevels = 16
	// MaxIndexBytes bounds an index.
	MaxIndexBytes = 1 << 32
)

var errIndex = fmt.Errorf("%w: not an index of records", store.ErrCorrupt)

// indexEntry is an entry of a block.
type indexEntry struct {
	key    string
	off, n int64
}

// AppendIndex appends the index of a file with that salt, whose records end at end. The
// fences are keys and offsets of records, both ascending, the first record's first.
// Without any there is no index, and nothing is appended.
func AppendIndex(dst []byte, salt uint32, end int64, fences iter.Seq2[string, int64]) []byte {
	base := len(dst)
	var level []indexEntry
	for key, off := range fences {
		level = append(level, indexEntry{key: key, off: off})
	}
	if len(level) == 0 {
		return dst
	}
	for depth := byte(0); ; depth++ {
		var above []indexEntry
		for len(level) > 0 {
			n, size := 0, 0
			for n < len(level) && (n < 2 || size < indexBlock) {
				size += len(level[n].key) + 8
				n++
			}
			stop := end
			if depth == 0 && n < len(level) {
				stop = level[n].off
			}
			at := len(dst)
			dst = appendIndexBlock(dst, depth, stop, level[:n])
			above = append(above, indexEntry{level[0].key, int64(at - base), int64(len(dst) - at)})
			level = level[n:]
		}
		if level = above; len(level) == 1 {
			break
		}
	}
	at := len(dst)
	dst = append(dst, indexMagic...)
	dst = binary.LittleEndian.AppendUint64(dst, uint64(level[0].off))
	dst = binary.LittleEndian.AppendUint64(dst, uint64(level[0].n))
	dst = binary.LittleEndian.AppendUint32(dst, salt)
	return binary.LittleEndian.AppendUint32(dst, crc32.Checksum(dst[at:], table))
}

func appendIndexBlock(dst []byte, depth byte, end int64, entries []indexEntry) []byte {
	at := len(dst)
	dst = append(dst, depth)
	dst = binary.AppendUvarint(dst, uint64(end))
	for _, e := range entries {
		dst = binary.AppendUvarint(dst, uint64(len(e.key)))
		dst = append(dst, e.key...)
		dst = binary.AppendUvarint(dst, uint64(e.off))
		if depth > 0 {
			dst = binary.AppendUvarint(dst, uint64(e.n))
		}
	}
	return binary.LittleEndian.AppendUint32(dst, crc32.Checksum(dst[at:], table))
}

// Index reads an index piece by piece.
type Index struct {
	// Read reads n bytes of the index from offset off on. It may keep them.
	Read func(off, n int64) ([]byte, error)
	// Length is that of the index, End that of the file.
	Length, End int64

	salt uint32
	root indexEntry
	tail []byte // the last bytes of the index
}

// Open reads the end of the index.
func (x *Index) Open() error {
	if x.Length < int64(indexEndBytes) || x.Length > MaxIndexBytes {
		return fmt.Errorf("%w: %d bytes", errIndex, x.Length)
	}
	var err error
	if x.tail, err = x.Read(x.Length-min(x.Length, indexTail), min(x.Length, indexTail)); err != nil {
		return err
	}
	if int64(len(x.tail)) != min(x.Length, indexTail) {
		return fmt.Errorf("%w: its end is %d bytes", errIndex, len(x.tail))
	}
	b := x.tail[len(x.tail)-indexEndBytes:]
	if string(b[:len(indexMagic)]) != indexMagic || crc32.Checksum(b[:len(b)-4], table) != binary.LittleEndian.Uint32(b[len(b)-4:]) {
		return fmt.Errorf("%w: its end", errIndex)
	}
	f := b[len(indexMagic):]
	off, n := binary.LittleEndian.Uint64(f), binary.LittleEndian.Uint64(f[8:])
	if n > maxIndexBlock || off > uint64(x.Length) || off+n != uint64(x.Length-int64(indexEndBytes)) {
		return fmt.Errorf("%w: a root of %d bytes at %d of %d", errIndex, n, off, x.Length)
	}
	x.root, x.salt = indexEntry{off: int64(off), n: int64(n)}, binary.LittleEndian.Uint32(f[16:])
	return nil
}

// Salt is that of the file's records.
func (x *Index) Salt() uint32 { return x.salt }

// Find returns where the records lie among which that of key must be; ok is false if
// there is none. It reads a block a level.
func (x *Index) Find(key []byte) (from, to int64, ok bool, err error) {
	at, limit := x.root, byte(maxIndexLevels)
	for {
		b, err := x.block(at.off, at.n)
		if err != nil {
			return 0, 0, false, err
		}
		level, e, next, end, err := searchIndexBlock(b, key)
		if err != nil || level >= limit {
			return 0, 0, false, errors.Join(err, badLevel(level, limit))
		}
		if e == nil {
			return 0, 0, false, nil // before the first key
		}
		if level == 0 {
			if next < 0 {
				next = end
			}
			if e.off < HeaderBytes || next <= e.off || next > x.End {
				return 0, 0, false, fmt.Errorf("%w: records from %d to %d of %d", errIndex, e.off, next, x.End)
			}
			return e.off, next, true, nil
		}
		if e.off < 0 || e.n > maxIndexBlock || e.off > at.off-e.n {
			return 0, 0, false, fmt.Errorf("%w: a block of %d bytes at %d, before %d", errIndex, e.n, e.off, at.off)
		}
		at, limit = *e, level
	}
}

func badLevel(level, limit byte) error {
	if level >= limit {
		return fmt.Errorf("%w: a block of level %d below %d", errIndex, level, limit)
	}
	return nil
}

// block reads a block and checks it.
func (x *Index) block(off, n int64) ([]byte, error) {
	if n < 6 {
		return nil, fmt.Errorf("%w: a block of %d bytes", errIndex, n)
	}
	var b []byte
	if at := off - (x.Length - int64(len(x.tail))); at >= 0 {
		b = x.tail[at : at+n]
	} else {
		var err error
		if b, err = x.Read(off, n); err != nil {
			return nil, err
		}
	}
	if int64(len(b)) != n || crc32.Checksum(b[:n-4], table) != binary.LittleEndian.Uint32(b[n-4:]) {
		return nil, fmt.Errorf("%w: the block at %d", errIndex, off)
	}
	return b[:n-4], nil
}

// searchIndexBlock returns the last entry of a block whose key is not above key, nil if
// none is, and the offset of the one behind it, -1 if it is the last.
func searchIndexBlock(b []byte, key []byte) (level byte, found *indexEntry, next, end int64, err error) {
	level, b = b[0], b[1:]
	take := func() int64 {
		n, w := binary.Uvarint(b)
		if w <= 0 || n > 1<<62 {
			err = errIndex
			return 0
		}
		b = b[w:]
		return int64(n)
	}
	end = take()
	next = -1
	for len(b) > 0 && err == nil {
		n := take()
		if err != nil || n > int64(len(b)) {
			return level, nil, 0, 0, errIndex
		}
		e := indexEntry{key: string(b[:n])}
		b = b[n:]
		if e.off = take(); level > 0 {
			e.n = take()
		}
		if e.key > string(key) {
			return level, found, e.off, end, err
		}
		found = &e
	}
	return level, found, next, end, err
}
