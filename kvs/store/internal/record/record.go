// Package record is the format of files of records, which the engines share: a
// header, then records one behind the other, each with a checksum that also covers
// which file it is in and where, so that no copy of a record passes for one at
// another place.
//
//	header  "joinery\n" | type 1 | format 1 | reserved 2 | number 8 | CRC-32C 4
//	record  CRC-32C 4 | body
//	body    meta 1 | uvarint key length | uvarint value length | key | value
//
// A record may be a batch: the bodies of several records under one checksum, which are
// written and count together or not at all.
//
//	batch   CRC-32C 4 | meta 1 | 0 | uvarint length | uvarint records | body | body | …
//
// Numbers are little endian. The package reads whole records or says why not; what
// a file means is for its engine.
package record

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"math"

	"github.com/joinery-go/joinery/kvs/store"
)

// Kind is what a record says.
type Kind uint8

// The kinds of records.
const (
	Value     Kind = 1 // the key has the value from here on
	Tombstone Kind = 2 // the key has no value from here on
	Commit    Kind = 3 // all before it in the file counts; its value is how much of the file was synced
	Batch     Kind = 4 // records; its value is how many, and their bodies
)

const (
	kindMask = 0x0f
	synced   = 0x80 // all before the record was synced before it was written
	crcBytes = 4
	minBody  = 3

	// MinBytes is the least that a record takes.
	MinBytes = crcBytes + minBody
	// MaxHead is the most that a record takes beside key and value.
	MaxHead = crcBytes + 1 + 2*binary.MaxVarintLen32
	// MaxBytes is the most that a record takes.
	MaxBytes = MaxHead + store.MaxKeyBytes + store.MaxValueBytes
	// MaxBatchBytes is the most that the records of a batch take together.
	MaxBatchBytes = 1 << 30
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
	return appendBody(append(dst, 0, 0, 0, 0), r)
}

func appendBody(dst []byte, r Record) []byte {
	meta := byte(r.Kind)
	if r.Synced {
		meta |= synced
	}
	dst = append(dst, meta)
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
	kind, key, value, end, err = shapeBody(b[crcBytes:])
	if err != nil {
		return 0, 0, 0, 0, err
	}
	return kind, crcBytes + key, crcBytes + value, crcBytes + end, nil
}

// shapeBody is [Shape] of a body, which is of minBody bytes at least.
func shapeBody(b []byte) (kind Kind, key, value, end int, err error) {
	meta := b[0]
	kind = Kind(meta & kindMask)
	if meta&^(kindMask|synced) != 0 || kind < Value || kind > Batch {
		return 0, 0, 0, 0, errShape
	}
	// Most lengths are of one byte, and then nothing is called for them.
	keys, at := int(b[1]), 2
	if keys >= 0x80 {
		if keys, at, err = length(b, 1); err != nil {
			return 0, 0, 0, 0, err
		}
	}
	if at == len(b) {
		return 0, 0, 0, 0, errShort
	}
	values, from := int(b[at]), at+1
	if values >= 0x80 {
		if values, from, err = length(b, at); err != nil {
			return 0, 0, 0, 0, err
		}
	}
	if !fits(kind, keys, values) {
		return 0, 0, 0, 0, errShape
	}
	return kind, from, from + keys, from + keys + values, nil
}

// length reads a length at a place of b, and returns the place behind it.
func length(b []byte, at int) (n, end int, err error) {
	v, w := binary.Uvarint(b[at:])
	switch {
	case w == 0:
		return 0, 0, errShort
	case w < 0 || v > math.MaxInt32 || w != uvarintLen(int(v)):
		return 0, 0, errShape
	}
	return int(v), at + w, nil
}

// fits reports that a record of that kind may have a key and a value of these lengths.
func fits(kind Kind, key, value int) bool {
	switch kind {
	case Value:
		return key > 0 && key <= store.MaxKeyBytes && value > 0 && value <= store.MaxValueBytes
	case Tombstone:
		return key > 0 && key <= store.MaxKeyBytes && value == 0
	case Commit:
		return key == 0 && value == 8
	}
	return key == 0 && value > minBody && value <= MaxBatchBytes
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
