package history

import (
	"bufio"
	"bytes"
	"compress/flate"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
)

// unpack looks through gzip and a byte order mark, of which neither can begin a
// history of any format.
func unpack(src io.Reader) (io.Reader, error) {
	in := bufio.NewReader(src)
	// An error is not lost: whoever reads on meets it again.
	if magic, _ := in.Peek(2); bytes.Equal(magic, []byte{0x1f, 0x8b}) {
		z, err := gzip.NewReader(in)
		if err != nil {
			return nil, at(1, gzipError(err))
		}
		in = bufio.NewReader(&gzipReader{z})
	}
	if mark, _ := in.Peek(3); bytes.Equal(mark, []byte("\ufeff")) {
		if _, err := in.Discard(len(mark)); err != nil {
			return nil, err
		}
	}
	return in, nil
}

// gzipReader gives the errors of compressed data the names that others have.
type gzipReader struct{ z *gzip.Reader }

func (g *gzipReader) Read(p []byte) (int, error) {
	n, err := g.z.Read(p)
	return n, gzipError(err)
}

func gzipError(err error) error {
	var corrupt flate.CorruptInputError
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("%w: inside compressed data: %w", ErrTruncated, err)
	case errors.Is(err, gzip.ErrHeader), errors.Is(err, gzip.ErrChecksum), errors.As(err, &corrupt):
		return fmt.Errorf("%w: compressed data: %w", ErrFormat, err)
	}
	return err
}
