package history

import (
	"bufio"
	"errors"
	"fmt"
	"io"
)

// maxEDNDepth bounds the nesting inside one record; reading a value recurses.
const maxEDNDepth = 128

// ednSplitter cuts a stream into its operation maps without understanding them:
// a bare sequence of maps, or one vector or list of them, with comments between; and so
// the lists and lines that stand for maps (see lineEntry).
// It is what makes the decoder stream: a file is often one vector, and a record
// is all of it that is ever held as text.
type ednSplitter struct {
	src     *bufio.Reader
	most    int  // longest record in bytes
	line    int  // current line, 1-based
	closing byte // what closes the outer sequence; 0 if there is none
	closed  bool
	open    bool // the last line has no end
	buf     []byte
}

func newEDNSplitter(r io.Reader, most int) *ednSplitter {
	return &ednSplitter{src: bufio.NewReaderSize(r, 64<<10), most: most, line: 1}
}

func (s *ednSplitter) read() (byte, error) {
	b, err := s.src.ReadByte()
	if b == '\n' {
		s.line++
	}
	return b, err
}

// next returns the next map, valid until the following call, and its first
// line; io.EOF after the last one.
func (s *ednSplitter) next() (form []byte, line int, err error) {
	inTag := false // after #tag, before its map
	for {
		b, err := s.read()
		if errors.Is(err, io.EOF) {
			if s.closing != 0 && !s.closed {
				return nil, s.line, fmt.Errorf("%w: the outer sequence is not closed", ErrTruncated)
			}
			if inTag {
				return nil, s.line, fmt.Errorf("%w: a tag without its map", ErrTruncated)
			}
			return nil, s.line, io.EOF
		}
		if err != nil {
			return nil, s.line, err
		}
		switch {
		case b == ';':
			err = s.skipComment()
		case isEDNSpace(b):
		case s.closed:
			err = fmt.Errorf("%w: %q after the outer sequence", ErrFormat, b)
		case b == '{', (b == '[' || b == '(') && !inTag && s.isTuple():
			line = s.line
			form, err = s.record(b)
			return form, line, err
		case beginsEntry(b) && s.closing == 0 && !inTag:
			line = s.line
			form, err = s.textLine(b)
			return form, line, err
		case inTag && isTagByte(b):
		case b == '#' && !inTag:
			inTag = true // #jepsen.history.Op{…}: the tag says nothing that we need
		case (b == '[' || b == '(') && s.closing == 0 && !inTag:
			s.closing = map[byte]byte{'[': ']', '(': ')'}[b]
		case b == s.closing && s.closing != 0 && !inTag:
			s.closed = true
		default:
			err = fmt.Errorf("%w: %q where an operation map is due", ErrFormat, b)
		}
		if err != nil {
			return nil, s.line, err
		}
	}
}

// record reads on to the bracket that closes the map, or the list, just opened.
func (s *ednSplitter) record(opened byte) ([]byte, error) {
	s.buf = append(s.buf[:0], opened)
	depth := 1
	inString, escaped := false, false
	for depth > 0 {
		b, err := s.read()
		if errors.Is(err, io.EOF) {
			return nil, fmt.Errorf("%w: inside an operation map", ErrTruncated)
		}
		if err != nil {
			return nil, err
		}
		if len(s.buf) >= s.most {
			return nil, fmt.Errorf("%w: operation map of more than %d bytes", ErrTooLong, s.most)
		}
		s.buf = append(s.buf, b)
		switch {
		case escaped: // the byte after \, in a string or as a character literal
			escaped = false
		case b == '\\':
			escaped = true
		case b == '"':
			inString = !inString
		case inString:
		case b == ';':
			s.buf[len(s.buf)-1] = ' '
			if err := s.skipComment(); err != nil {
				return nil, err
			}
		case b == '{' || b == '[' || b == '(':
			if depth++; depth > maxEDNDepth {
				return nil, fmt.Errorf("%w: nested deeper than %d", ErrFormat, maxEDNDepth)
			}
		case b == '}' || b == ']' || b == ')':
			depth--
		}
	}
	return s.buf, nil
}

func (s *ednSplitter) skipComment() error {
	for {
		b, err := s.read()
		if errors.Is(err, io.EOF) {
			return nil // the caller meets the end again and says what it means there
		}
		if err != nil || b == '\n' {
			return err
		}
	}
}

func isEDNSpace(b byte) bool {
	return b == ' ' || b == '\t' || b == '\n' || b == '\r' || b == ',' || b == '\f'
}

func isTagByte(b byte) bool {
	return b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b >= '0' && b <= '9' ||
		b == '.' || b == '/' || b == '-' || b == '_'
}
