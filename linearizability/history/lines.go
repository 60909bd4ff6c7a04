package history

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
)

// lineReader yields lines without their terminator and counts them. Its memory
// is bounded by the longest line it may return.
type lineReader struct {
	src  *bufio.Reader
	most int
	line int  // 1-based number of the line last returned
	open bool // the line last returned had no terminator: it was the last one
	buf  []byte
}

func newLineReader(r io.Reader, most int) *lineReader {
	return &lineReader{src: bufio.NewReaderSize(r, 64<<10), most: most}
}

// next returns the next line, valid until the following call, or io.EOF.
func (l *lineReader) next() ([]byte, error) {
	l.buf = l.buf[:0]
	l.line++
	for {
		part, err := l.src.ReadSlice('\n')
		if len(l.buf)+len(part) > l.most+1 { // the terminator is not counted
			return nil, fmt.Errorf("%w: line of more than %d bytes", ErrTooLong, l.most)
		}
		l.buf = append(l.buf, part...)
		switch {
		case err == nil:
			return bytes.TrimRight(l.buf, "\r\n"), nil
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case errors.Is(err, io.EOF) && len(l.buf) > 0:
			l.open = true
			return l.buf, nil
		default:
			return nil, err
		}
	}
}
