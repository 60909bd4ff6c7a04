package history

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sort"
	"unicode/utf8"
)

// jsonStream reads JSON of any length a value at a time, each of which is bounded, and
// knows at which line it stands.
type jsonStream struct {
	src    *jsonSource
	dec    *json.Decoder
	before int // lines in front of it
}

// jsonSource bounds what is read for one value, and remembers where lines end.
type jsonSource struct {
	src        io.Reader
	most, room int
	read       int64
	ends       []int64
}

// newJSONStream begins behind the space in front of the first value, and returns the byte
// with which that begins; 0 if there is none.
func newJSONStream(src io.Reader, most int) (s *jsonStream, first byte, err error) {
	in := bufio.NewReader(src)
	s = &jsonStream{src: &jsonSource{src: in, most: most, room: most}}
	for {
		if first, err = in.ReadByte(); errors.Is(err, io.EOF) {
			return s, 0, ErrEmpty
		}
		if err != nil {
			return s, 0, err
		}
		if !isSpace(first) {
			break
		}
		if first == '\n' {
			s.before++
		}
	}
	s.dec = json.NewDecoder(s.src)
	return s, first, in.UnreadByte()
}

// Read implements io.Reader.
func (s *jsonSource) Read(p []byte) (int, error) {
	if s.room == 0 {
		return 0, fmt.Errorf("%w: a value of more than %d bytes", ErrTooLong, s.most)
	}
	n, err := s.src.Read(p[:min(len(p), s.room)])
	for i, c := range p[:n] {
		if c == '\n' {
			s.ends = append(s.ends, s.read+int64(i))
		}
	}
	s.read, s.room = s.read+int64(n), s.room-n
	return n, err
}

// lineOf is the line of a byte of the input.
func (s *jsonStream) lineOf(offset int64) int {
	return 1 + s.before + sort.Search(len(s.src.ends), func(i int) bool { return s.src.ends[i] >= offset })
}

// line is the line at which the stream stands.
func (s *jsonStream) line() int { return s.lineOf(s.dec.InputOffset()) }

// fail gives an error of the decoder its name and its place.
func (s *jsonStream) fail(err error) error {
	var syntax *json.SyntaxError
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		err = fmt.Errorf("%w: inside a value", ErrTruncated)
	case errors.As(err, &syntax):
		err = fmt.Errorf("%w: %w", ErrFormat, err)
	}
	return at(s.line(), err)
}

// open takes what begins a list or an object.
func (s *jsonStream) open(d json.Delim) error {
	s.src.room = s.src.most
	token, err := s.dec.Token()
	if err != nil {
		return s.fail(err)
	}
	if token != d {
		return at(s.line(), fmt.Errorf("%w: %v where %v is due", ErrFormat, token, d))
	}
	return nil
}

// more reports whether the list or object goes on; if not, what ends it is taken.
func (s *jsonStream) more() (bool, error) {
	s.src.room = s.src.most
	if s.dec.More() {
		return true, nil
	}
	if _, err := s.dec.Token(); err != nil {
		return false, s.fail(err)
	}
	return false, nil
}

// key takes the name of a field.
func (s *jsonStream) key() (string, error) {
	token, err := s.dec.Token()
	if err != nil {
		return "", s.fail(err)
	}
	name, isName := token.(string)
	if !isName {
		return "", at(s.line(), fmt.Errorf("%w: %v where the name of a field is due", ErrFormat, token))
	}
	return name, nil
}

// fields reads an object, calling do for each field, which takes its value.
func (s *jsonStream) fields(do func(name string) error) error {
	if err := s.open('{'); err != nil {
		return err
	}
	for {
		more, err := s.more()
		if err != nil || !more {
			return err
		}
		name, err := s.key()
		if err != nil {
			return err
		}
		if err := do(name); err != nil {
			return err
		}
	}
}

// each reads a list, calling do for each element, which takes it.
func (s *jsonStream) each(do func() error) error {
	if err := s.open('['); err != nil {
		return err
	}
	for {
		more, err := s.more()
		if err != nil || !more {
			return err
		}
		if err := do(); err != nil {
			return err
		}
	}
}

// value takes a value whole, and says at which line it begins.
func (s *jsonStream) value() (raw json.RawMessage, line int, err error) {
	s.src.room = s.src.most
	if err := s.dec.Decode(&raw); err != nil {
		return nil, 0, s.fail(err)
	}
	line = s.lineOf(s.dec.InputOffset() - int64(len(raw)))
	if !utf8.Valid(raw) {
		return nil, 0, at(line, fmt.Errorf("%w: invalid UTF-8", ErrFormat))
	}
	return raw, line, nil
}

// end takes it that nothing follows but space.
func (s *jsonStream) end() error {
	s.src.room = s.src.most
	token, err := s.dec.Token()
	switch {
	case errors.Is(err, io.EOF):
		return nil
	case err != nil:
		return s.fail(err)
	}
	return at(s.line(), fmt.Errorf("%w: %v after the end", ErrFormat, token))
}

// strictly reads a value whose fields must all be known.
func strictly(raw []byte, into any) error {
	if err := plainJSON(raw); err != nil {
		return err
	}
	if err := strictJSON(raw, into); err != nil {
		return fmt.Errorf("%w: %w", ErrFormat, err)
	}
	return nil
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\n' }
