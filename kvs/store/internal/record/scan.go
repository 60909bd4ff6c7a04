package record

import (
	"errors"
	"fmt"
	"io"

	"github.com/joinery-go/joinery/kvs/store"
)

// chunk is how much of a file is read at once, unless one record is longer.
const chunk = 256 << 10

// Scanner reads the records of a file in order.
type Scanner struct {
	r    io.ReaderAt
	salt uint32
	off  int64 // of the next record
	end  int64 // where the file ends
	buf  []byte
	at   int64 // the offset of buf
}

// NewScanner returns a scanner of the records from offset off to end, the bytes
// before which are r's.
func NewScanner(r io.ReaderAt, salt uint32, off, end int64) *Scanner {
	return &Scanner{r: r, salt: salt, off: off, end: end}
}

// Offset is where the next record begins.
func (s *Scanner) Offset() int64 { return s.off }

var errBatchHere = errors.New("a batch, in a file of single records")

// Next returns the next record, no batch, and its offset and length; [io.EOF] where the file
// ends; an error that wraps [store.ErrCorrupt] where bytes are no record; or what
// reading said. The record is valid until the next call.
func (s *Scanner) Next() (r Record, off int64, size int, err error) {
	if s.off == s.end {
		return Record{}, s.off, 0, io.EOF
	}
	need := int64(MaxHead)
	for {
		if err := s.fill(need); err != nil {
			return Record{}, s.off, 0, err
		}
		b := s.buf[s.off-s.at:]
		r, n, err := Decode(b, s.salt, s.off)
		if err == nil && r.Kind == Batch {
			err = errBatchHere
		}
		if err == nil {
			off, s.off = s.off, s.off+int64(n)
			return r, off, n, nil
		}
		_, _, _, end, shape := Shape(b)
		if shape == nil && end > len(b) && s.off+int64(end) <= s.end {
			need = int64(end)
			continue
		}
		return Record{}, s.off, 0, fmt.Errorf("%w: at offset %d: %w", store.ErrCorrupt, s.off, err)
	}
}

// Placed is a record and where in its file it is.
type Placed struct {
	Record
	Off  int64
	Size int
}

// Some appends to dst the next records, at most n and at least one: those that take no more
// reading than the first. They are valid until the next call. Errors are those of
// [Scanner.Next], and then nothing is appended.
func (s *Scanner) Some(dst []Placed, n int) ([]Placed, error) {
	r, off, size, err := s.Next()
	if err != nil {
		return dst, err
	}
	dst = append(dst, Placed{r, off, size})
	for ; n > 1 && s.off < s.end; n-- {
		r, size, err := Decode(s.buf[s.off-s.at:], s.salt, s.off)
		if err != nil || r.Kind == Batch {
			break // what it is the next call says
		}
		dst = append(dst, Placed{r, s.off, size})
		s.off += int64(size)
	}
	return dst, nil
}

// fill makes the buffer begin at or before the next record and reach need bytes
// beyond its start, or to the end of the file.
func (s *Scanner) fill(need int64) error {
	have := s.at + int64(len(s.buf)) - s.off
	if left := s.end - s.off; need > left {
		need = left
	}
	if s.buf != nil && have >= need {
		return nil
	}
	n := min(max(need, chunk), s.end-s.off)
	if int64(cap(s.buf)) < n {
		s.buf = make([]byte, n)
	}
	s.buf, s.at = s.buf[:n], s.off
	return ReadFull(s.r, s.buf, s.off)
}

// ReadFull reads all of p. A file that ends before is [store.ErrCorrupt].
func ReadFull(r io.ReaderAt, p []byte, off int64) error {
	n, err := r.ReadAt(p, off)
	switch {
	case n == len(p):
		return nil
	case errors.Is(err, io.EOF):
		return fmt.Errorf("%w: the file ends at offset %d, before %d", store.ErrCorrupt, off+int64(n), off+int64(len(p)))
	case err == nil:
		err = io.ErrNoProgress
	}
	return err
}
