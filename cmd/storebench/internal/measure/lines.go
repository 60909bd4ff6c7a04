package measure

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"
)

// ErrWrite reports what was to be kept and could not be written.
var ErrWrite = errors.New("write what is kept")

// lines is a file of JSON, an object a line. A nil one takes everything and keeps
// nothing.
type lines struct {
	f   *os.File
	buf *bufio.Writer
	enc *json.Encoder
}

// createLines makes the file, which must not be there.
func createLines(path string) (*lines, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrWrite, err)
	}
	buf := bufio.NewWriterSize(f, 1<<16)
	return &lines{f, buf, json.NewEncoder(buf)}, nil
}

func (l *lines) add(v any) error {
	if l == nil {
		return nil
	}
	if err := l.enc.Encode(v); err != nil {
		return fmt.Errorf("%w: %w", ErrWrite, err)
	}
	return nil
}

func (l *lines) close() error {
	if err := errors.Join(l.buf.Flush(), l.f.Close()); err != nil {
		return fmt.Errorf("%w: %w", ErrWrite, err)
	}
	return nil
}
