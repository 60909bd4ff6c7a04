package kvs

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
)

// reader takes a message apart. The first failure sticks, and everything read
// after it is zero, so a decoder checks once, at the end.
type reader struct {
	rest []byte
	err  error
}

func (r *reader) fail(what string) {
	if r.err == nil {
		r.err = fmt.Errorf("%w: %s", ErrMessage, what)
	}
	r.rest = nil
}

func (r *reader) uvarint() uint64 {
	n, w := binary.Uvarint(r.rest)
	if w <= 0 {
		r.fail("not a number")
		return 0
	}
	r.rest = r.rest[w:]
	return n
}

// maxClock leaves room above every hybrid time that is accepted: a sender with a
// mad clock cannot push the receiver's to overflow.
const maxClock = 1 << 62

func (r *reader) clock() uint64 {
	n := r.uvarint()
	if n > maxClock {
		r.fail("a hybrid time out of range")
		return 0
	}
	return n
}

func (r *reader) uint32() uint32 {
	n := r.uvarint()
	if n > math.MaxUint32 {
		r.fail("a number out of range")
		return 0
	}
	return uint32(n)
}

func (r *reader) byte() byte {
	if len(r.rest) == 0 {
		r.fail("truncated")
		return 0
	}
	b := r.rest[0]
	r.rest = r.rest[1:]
	return b
}

func (r *reader) bool() bool { return r.byte() != 0 }

// bytes returns a length-prefixed string that shares the message's memory.
func (r *reader) bytes(limit int) []byte {
	n := r.uvarint()
	switch {
	case n > uint64(limit):
		r.fail(fmt.Sprintf("%d bytes where at most %d may stand", n, limit))
		return nil
	case n > uint64(len(r.rest)):
		r.fail("truncated")
		return nil
	}
	b := r.rest[:n]
	r.rest = r.rest[n:]
	return b
}

func (r *reader) copy(limit int) []byte { return slices.Clone(r.bytes(limit)) }

// count reads how many items of at least size bytes follow.
func (r *reader) count(size int) int {
	n := r.uvarint()
	if n > uint64(len(r.rest)/size) {
		r.fail("more items than bytes")
		return 0
	}
	return int(n)
}

func decodeWith[T any](r *reader, decode func([]byte) (T, []byte, error)) T {
	var zero T
	if r.err != nil {
		return zero
	}
	v, rest, err := decode(r.rest)
	if err != nil {
		r.fail(err.Error())
		return zero
	}
	r.rest = rest
	return v
}

func (r *reader) end(what string) error {
	if r.err == nil && len(r.rest) > 0 {
		r.fail("bytes left over")
	}
	if r.err != nil {
		return fmt.Errorf("decode %s: %w", what, r.err)
	}
	return nil
}
