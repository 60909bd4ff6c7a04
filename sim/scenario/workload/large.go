package workload

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/joinery-go/joinery/kvs/kind"
)

// Large values stand in plans and histories by their size: "v12~3000" is given to the
// store as that and filler behind it, 3,000 bytes in all. What comes back is held
// against it, byte by byte, and shortened again.

// mark stands before the size of a large value.
const mark = "~"

const filler = "abcdefghijklmnopqrstuvwxyz0123456789"

// errFiller says that a large value has come back as another one.
var errFiller = errors.New("workload: a large value is not what was written")

// padding is what is to stand behind a value that is to have so many bytes.
func padding(size int) string { return mark + strconv.Itoa(size) }

// sizeOf is the size of a large value, or 0.
func sizeOf(value string) int {
	_, digits, large := strings.Cut(value, mark)
	if !large {
		return 0
	}
	if end := strings.IndexByte(digits, filler[0]); end >= 0 {
		digits = digits[:end]
	}
	n, err := strconv.Atoi(digits)
	if err != nil {
		return 0
	}
	return n
}

// expand appends a value as the store is given it.
func expand(dst []byte, value string) ([]byte, error) {
	size := sizeOf(value)
	if size > kind.MaxArg/2 {
		return nil, fmt.Errorf("%w: a value of %d bytes, want at most %d", ErrPlan, size, kind.MaxArg/2)
	}
	dst = append(dst, value...)
	for left := size - len(value); left > 0; left -= len(filler) {
		dst = append(dst, filler[:min(left, len(filler))]...)
	}
	return dst, nil
}

// shorten is the inverse of expand.
func shorten(value string) (string, error) {
	size := sizeOf(value)
	if size == 0 {
		return value, nil
	}
	head := strings.IndexByte(value[strings.Index(value, mark):], filler[0])
	if head < 0 {
		return value, nil // as short as its name
	}
	short, rest := value[:strings.Index(value, mark)+head], value[strings.Index(value, mark)+head:]
	if len(value) != size {
		return "", fmt.Errorf("%w: %q has %d bytes", errFiller, short, len(value))
	}
	for len(rest) > 0 {
		n := min(len(rest), len(filler))
		if rest[:n] != filler[:n] {
			return "", fmt.Errorf("%w: %q is spoilt before its last %d bytes", errFiller, short, len(rest))
		}
		rest = rest[n:]
	}
	return short, nil
}

// unreadable is an argument that no kind can read: it has no tag, and is no amount.
var unreadable = []byte{0xff, 0xff}
