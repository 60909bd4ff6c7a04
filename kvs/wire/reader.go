package wire

import (
	"fmt"
	"math"

	"github.com/joinery-go/joinery/kvs/internal/varint"
	"github.com/joinery-go/joinery/kvs/ring"
	"github.com/joinery-go/joinery/kvs/session"
)

// reader takes a message apart. The first failure sticks, and everything read
// after it is zero, so a decoder checks once, at the end.
type reader struct {
	b   []byte
	at  int // where to read on
	err error
}

func (r *reader) fail(what string) {
	if r.err == nil {
		r.err = fmt.Errorf("%w: %s", ErrMessage, what)
	}
	r.b, r.at = nil, 0
}

func (r *reader) left() int { return len(r.b) - r.at }

func (r *reader) rest() []byte { return r.b[r.at:] }

func (r *reader) uvarint() uint64 {
	if r.at < len(r.b) && r.b[r.at] < 0x80 { // most numbers are small
		r.at++
		return uint64(r.b[r.at-1])
	}
	return r.long()
}

func (r *reader) long() uint64 {
	n, end := varint.Next(r.b, r.at)
	if end < 0 {
		r.fail("not a number, or one in an encoding that is not its own")
		return 0
	}
	r.at = end
	return n
}

// MaxClock is above every hybrid time of a replica, and leaves room above itself.
const MaxClock = 1 << 62

func (r *reader) clock() uint64 {
	n := r.uvarint()
	if n > MaxClock {
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
	if r.at == len(r.b) {
		r.fail("truncated")
		return 0
	}
	r.at++
	return r.b[r.at-1]
}

func (r *reader) bool() bool {
	b := r.byte()
	if b > 1 {
		r.fail("neither true nor false")
	}
	return b == 1
}

// bytes returns a length-prefixed string that shares the message's memory.
func (r *reader) bytes(limit int) []byte {
	n := r.uvarint()
	switch {
	case n > uint64(limit):
		r.fail(fmt.Sprintf("%d bytes where at most %d may stand", n, limit))
		return nil
	case n > uint64(r.left()):
		r.fail("truncated")
		return nil
	}
	r.at += int(n)
	return r.b[r.at-int(n) : r.at]
}

// count reads how many items of at least size bytes follow.
func (r *reader) count(size int) int {
	n := r.uvarint()
	if n > uint64(r.left()/size) {
		r.fail("more items than bytes")
		return 0
	}
	return int(n)
}

// row reads a row of p and appends it to marks; the row is the part appended.
func (r *reader) row(marks *[]session.Mark, p ring.Partition) session.Row {
	before := len(*marks)
	all, rest, err := session.DecodeRow(*marks, p, r.rest())
	return session.Row(r.took(marks, before, all, rest, err))
}

// matrix reads a matrix and appends it to marks; the matrix is the part appended.
func (r *reader) matrix(marks *[]session.Mark) session.Matrix {
	if r.at < len(r.b) && r.b[r.at] == 0 { // most depend on nothing
		r.at++
		return nil
	}
	before := len(*marks)
	all, rest, err := session.Decode(*marks, r.rest())
	return session.Matrix(r.took(marks, before, all, rest, err))
}

// past reads a matrix, and its proof if it is not empty.
func (r *reader) past(marks *[]session.Mark) (m session.Matrix, p session.Proof) {
	if m = r.matrix(marks); len(m) > 0 && r.left() < len(p) {
		r.fail("truncated")
	}
	if len(m) == 0 || r.err != nil {
		return nil, p
	}
	r.at += copy(p[:], r.rest())
	return m, p
}

func (r *reader) took(marks *[]session.Mark, before int, all []session.Mark, rest []byte, err error) []session.Mark {
	if r.err != nil {
		return nil
	}
	if err != nil {
		r.fail(err.Error())
		return nil
	}
	r.at, *marks = len(r.b)-len(rest), all
	if len(all) == before {
		return nil
	}
	return all[before:len(all):len(all)]
}

func (r *reader) end(what string) error {
	if r.err == nil && r.left() > 0 {
		r.fail("bytes left over")
	}
	if r.err != nil {
		return fmt.Errorf("decode %s: %w", what, r.err)
	}
	return nil
}
