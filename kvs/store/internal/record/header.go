package record

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"

	"github.com/joinery-go/joinery/kvs/store"
)

// Format is the version of the format of files of records.
const Format = 1

// HeaderBytes is the length of a file's header.
const HeaderBytes = 24

const magic = "joinery\n"

// Header begins a file.
type Header struct {
	Type   byte   // of the file, for its engine
	Number uint64 // of the file in the directory in which it was made
}

// AppendHeader appends a header.
func AppendHeader(dst []byte, h Header) []byte {
	at := len(dst)
	dst = append(dst, magic...)
	dst = append(dst, h.Type, Format, 0, 0)
	dst = binary.LittleEndian.AppendUint64(dst, h.Number)
	return binary.LittleEndian.AppendUint32(dst, crc32.Checksum(dst[at:], table))
}

// Salt is what tells the records of the file apart from those of others: the
// header's checksum. (That of the whole header, checksum included, would be the same
// for all.)
func (h Header) Salt() uint32 {
	return binary.LittleEndian.Uint32(AppendHeader(nil, h)[HeaderBytes-4:])
}

// ReadHeader reads the header of a file, as [DecodeHeader] does.
func ReadHeader(r io.ReaderAt, want byte) (Header, error) {
	b := make([]byte, HeaderBytes)
	if err := ReadFull(r, b, 0); err != nil {
		return Header{}, err
	}
	return DecodeHeader(b, want)
}

// CheckHeader refuses a file whose header is no longer the one of its type with that
// salt.
func CheckHeader(r io.ReaderAt, want byte, salt uint32) error {
	h, err := ReadHeader(r, want)
	if err == nil && h.Salt() != salt {
		err = fmt.Errorf("%w: the header is that of another file", store.ErrCorrupt)
	}
	return err
}

// DecodeHeader reads the header with which b begins and checks that the file is of
// the type wanted. Errors wrap [store.ErrForeign], [store.ErrCorrupt] or
// [store.ErrFormat].
func DecodeHeader(b []byte, want byte) (Header, error) {
	if len(b) < HeaderBytes {
		return Header{}, fmt.Errorf("%w: %d bytes are no header", store.ErrCorrupt, len(b))
	}
	b = b[:HeaderBytes]
	whole := crc32.Checksum(b[:HeaderBytes-4], table) == binary.LittleEndian.Uint32(b[HeaderBytes-4:])
	switch {
	case string(b[:8]) == magic && b[9] != Format && whole:
		return Header{}, fmt.Errorf("%w: %d, this is %d", store.ErrFormat, b[9], Format)
	case !whole || string(b[:8]) != magic || b[10] != 0 || b[11] != 0:
		return Header{}, fmt.Errorf("%w: header", store.ErrCorrupt)
	case b[8] != want:
		return Header{}, fmt.Errorf("%w: a file of type %q, want %q", store.ErrForeign, b[8], want)
	}
	return Header{Type: b[8], Number: binary.LittleEndian.Uint64(b[12:])}, nil
}
