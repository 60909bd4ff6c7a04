// Package record is the format of files of records, which the engines share: a
// header, then records one behind the other, each with a checksum that also covers
// which file it is in and where, so that no copy of a record passes for one at
// another place.
//
//	header  "joinery\n" | type 1 | format 1 | reserved 2 | number 8 | CRC-32C 4
//	record  CRC-32C 4 | meta 1 | uvarint key length | uvarint value length | key | value
//
// Numbers are little endian. The package reads whole records or says why not; what
// a file means is for its engine.
package record

import (
	"encoding/binary"
	"errors"
	"hash/crc32"

	"github.com/joinery-go/joinery/kvs/store"
)

// Kind is what a record says.
type Kind uint8

// The kinds of records.
const (
	Value     Kind = 1 // the key has the value from here on
	Tombstone Kind = 2 // the key has no value from here on
	Commit    Kind = 3 // all before it in the file counts; its value is how much of the file was synced
)

const (
	kindMask = 0x0f
	synced   = 0x80 // all before the record was synced before it was written
	crcBytes = 4

	// MinBytes is the least that a record takes.
	MinBytes = crcBytes + 3
	// MaxHead is the most that a record takes beside key and value.
	MaxHead = crcBytes + 1 + 2*binary.MaxVarintLen32
	// MaxBytes is the most that a record takes.
	MaxBytes = MaxHead + store.MaxKeyBytes + store.MaxValueBytes
)

var table = crc32.MakeTable(crc32.Castagnoli)

// Record is one record, decoded. Key and Value point into what it was decoded from.
type Record struct {
	Kind Kind
	// Synced says that everything before the record in its file was synced before
	// the record was written.
	Synced     bool
	Key, Value []byte
}

var (
	errShort = errors.New("record ends beyond what is there")
	errCheck = errors.New("checksum does not fit")
	errShape = errors.New("not the shape of a record")
)

func uvarintLen(n int) int {
	l := 1
	for ; n >= 0x80; n >>= 7 {
		l++
	}
	return l
}

// Size is the bytes of a record with a key and a value of these lengths.
func Size(key, value int) int {
	return crcBytes + 1 + uvarintLen(key) + uvarintLen(value) + key + value
}

// Append appends the record, as it stands at offset off of the file with that salt.
func Append(dst []byte, salt uint32, off int64, r Record) []byte {
	at := len(dst)
	dst = AppendUnsealed(dst, r)
	Seal(dst[at:], salt, off)
	return dst
}

// AppendUnsealed appends the record without its checksum, for [Seal].
func AppendUnsealed(dst []byte, r Record) []byte {
	meta := byte(r.Kind)
	if r.Synced {
		meta |= synced
	}
	dst = append(dst, 0, 0, 0, 0, meta)
	dst = binary.AppendUvarint(dst, uint64(len(r.Key)))
	dst = binary.AppendUvarint(dst, uint64(len(r.Value)))
	dst = append(dst, r.Key...)
	return append(dst, r.Value...)
}

// Seal puts the checksum into a record that is whole but for it.
func Seal(image []byte, salt uint32, off int64) {
	binary.LittleEndian.PutUint32(image, checksum(image[crcBytes:], salt, off))
}

func checksum(body []byte, salt uint32, off int64) uint32 {
	return crc32.Update(placeSum(salt, off), table, body)
}

// behind are the effects of a byte on the checksum with 0 to 7 bytes behind it (slicing by
// eight; Kounavis and Berry, 2005).
var behind = func() (t [8][256]uint32) {
	t[0] = *table
	for n := range 7 {
		for i, v := range t[n] {
			t[n+1][i] = table[byte(v)] ^ v>>8
		}
	}
	return t
}()

// placeSum is the CRC-32C of a salt and an offset, little endian. It takes no memory, as giving
// bytes of its own to package crc32 would.
func placeSum(salt uint32, off int64) uint32 {
	a := ^salt
	a = behind[3][byte(a)] ^ behind[2][byte(a>>8)] ^ behind[1][byte(a>>16)] ^ behind[0][byte(a>>24)]
	a ^= uint32(off)
	b := uint32(off >> 32)
	return ^(behind[7][byte(a)] ^ behind[6][byte(a>>8)] ^ behind[5][byte(a>>16)] ^ behind[4][byte(a>>24)] ^
		behind[3][byte(b)] ^ behind[2][byte(b>>8)] ^ behind[1][byte(b>>16)] ^ behind[0][byte(b>>24)])
}

// Shape reads lengths only: where in b, which begins with a record, its key and
// value begin and where it ends, which may be beyond b.
func Shape(b []byte) (kind Kind, key, value, end int, err error) {
	if len(b) < MinBytes {
		return 0, 0, 0, 0, errShort
	}
	meta := b[crcBytes]
	kind = Kind(meta & kindMask)
	if meta&^(kindMask|synced) != 0 || kind < Value || kind > Commit {
		return 0, 0, 0, 0, errShape
	}
	at := crcBytes + 1
	var lens [2]int
	for i, limit := range [2]uint64{store.MaxKeyBytes, store.MaxValueBytes} {
		n, w := binary.Uvarint(b[at:])
		if w == 0 {
			return 0, 0, 0, 0, errShort
		}
		if w < 0 || n > limit || w != uvarintLen(int(n)) {
			return 0, 0, 0, 0, errShape
		}
		lens[i], at = int(n), at+w
	}
	switch kind {
	case Value:
		if lens[0] == 0 || lens[1] == 0 {
			return 0, 0, 0, 0, errShape
		}
	case Tombstone:
		if lens[0] == 0 || lens[1] != 0 {
			return 0, 0, 0, 0, errShape
		}
	case Commit:
		if lens[0] != 0 || lens[1] != 8 {
			return 0, 0, 0, 0, errShape
		}
	}
	return kind, at, at + lens[0], at + lens[0] + lens[1], nil
}

// Decode reads the record with which b begins and returns its length. b may hold
// more.
func Decode(b []byte, salt uint32, off int64) (Record, int, error) {
	kind, key, value, end, err := Shape(b)
	switch {
	case err != nil:
		return Record{}, 0, err
	case end > len(b):
		return Record{}, 0, errShort
	case checksum(b[crcBytes:end], salt, off) != binary.LittleEndian.Uint32(b):
		return Record{}, 0, errCheck
	}
	return Record{kind, b[crcBytes]&synced != 0, b[key:value], b[value:end]}, end, nil
}

// Covers is the offset below which, by what the record at off says, the file was
// synced before the record was written; 0 says nothing.
func (r Record) Covers(off int64) int64 {
	switch {
	case r.Synced:
		return off
	case r.Kind == Commit:
		return int64(binary.LittleEndian.Uint64(r.Value))
	}
	return 0
}

// CommitOf is the commit record that says that the file was synced up to offset
// covers.
func CommitOf(covers int64) Record {
	return Record{Kind: Commit, Value: binary.LittleEndian.AppendUint64(nil, uint64(covers))}
}
