package lattice

import (
	"encoding/binary"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"unsafe"
)

// ErrDecode is wrapped by every decoding error of this package.
var ErrDecode = errors.New("lattice: cannot decode")

func decodeErr(what string) error { return fmt.Errorf("%w: %s", ErrDecode, what) }

// scalar knows how to order and code a type by its kind, so that named types
// (type ID uint32) work like the types they are made of. The zero kind stands
// for a type without such knowledge. What needs no more than the kind is done by
// kindOf, which is compiled once, where a scalar is compiled for each type.
type scalar[T any] struct{ kind kindOf }

func newScalar[T any]() scalar[T] { return scalar[T]{kind: knownKind(reflect.TypeFor[T]())} }

func (s *scalar[T]) known() bool { return s.kind.known() }

// compare is a total order on T: the natural one, false before true.
func (s *scalar[T]) compare(a, b T) int {
	return s.kind.compare(unsafe.Pointer(&a), unsafe.Pointer(&b))
}

// sort orders values by compare. The kinds that keys mostly are of are sorted as
// what they are, which takes half the time.
func (s *scalar[T]) sort(v []T) {
	if !s.kind.sort(unsafe.Pointer(&v)) {
		slices.SortFunc(v, s.compare)
	}
}

// least returns the least value of the type in the order of cmp.Compare.
func (s *scalar[T]) least() (v T, ok bool) {
	ok = s.kind.setLeast(unsafe.Pointer(&v))
	return v, ok
}

// greatest returns the greatest value of the type; strings have none.
func (s *scalar[T]) greatest() (v T, ok bool) {
	ok = s.kind.setGreatest(unsafe.Pointer(&v))
	return v, ok
}

// codec returns the coder of the type, or two nils. Integers are varints,
// floats eight bytes with one NaN and one zero, strings length-prefixed.
func (s *scalar[T]) codec() (func([]byte, T) []byte, func([]byte) (T, []byte, error)) {
	if !s.known() {
		return nil, nil
	}
	return s.append, s.decode
}

func (s *scalar[T]) append(dst []byte, v T) []byte { return s.kind.append(dst, unsafe.Pointer(&v)) }

func (s *scalar[T]) decode(src []byte) (v T, rest []byte, err error) {
	rest, err = s.kind.decode(src, unsafe.Pointer(&v))
	return v, rest, err
}

// minimal rejects varints padded with zero groups, so that a value has one
// encoding only.
func minimal(b []byte) bool { return len(b) == 1 || b[len(b)-1] != 0 }

func decodeBytes(src []byte) (b, rest []byte, err error) {
	n, rest, err := decodeLen(src)
	if err != nil {
		return nil, src, err
	}
	return rest[:n], rest[n:], nil
}

// decodeLen reads a count whose items take at least a byte each, so a count
// beyond the bytes at hand is an error before anything is allocated for it.
func decodeLen(src []byte) (int, []byte, error) {
	n, w := binary.Uvarint(src)
	if w <= 0 || !minimal(src[:w]) {
		return 0, src, decodeErr("not a length")
	}
	if n > uint64(len(src)-w) {
		return 0, src, decodeErr("length exceeds the input")
	}
	return int(n), src[w:], nil
}

// ascending reports whether the encoding cur follows prev in the order in which
// collections are encoded.
func ascending[T any](s scalar[T], prev, cur T) bool { return s.compare(prev, cur) < 0 }

// Decode decodes exactly one value from src with the codec of m: bytes left over
// are an error, as is a merge without a codec.
func Decode[T any](m Merge[T], src []byte) (T, error) {
	var zero T
	c := CapsOf(m)
	if c.Decode == nil {
		return zero, decodeErr("the merge has no codec")
	}
	v, rest, err := c.Decode(src)
	if err != nil {
		return zero, err
	}
	if len(rest) != 0 {
		return zero, decodeErr("bytes left over")
	}
	return v, nil
}

// Encode is the encoding of v by the codec of m, or nil if m has none; an empty
// encoding is not nil.
func Encode[T any](m Merge[T], v T) []byte {
	c := CapsOf(m)
	if c.Append == nil {
		return nil
	}
	return c.Append([]byte{}, v)
}
