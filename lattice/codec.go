package lattice

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"unsafe"
)

// ErrDecode is wrapped by every decoding error of this package.
var ErrDecode = errors.New("lattice: cannot decode")

func decodeErr(what string) error { return fmt.Errorf("%w: %s", ErrDecode, what) }

// scalar knows how to order and code a type by its kind, so that named types
// (type ID uint32) work like the types they are made of. The zero kind stands
// for a type without such knowledge.
type scalar[T any] struct{ kind reflect.Kind }

func newScalar[T any]() scalar[T] {
	switch k := reflect.TypeFor[T]().Kind(); k {
	case reflect.Bool, reflect.String, reflect.Float32, reflect.Float64,
		reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		return scalar[T]{kind: k}
	}
	return scalar[T]{}
}

func (s scalar[T]) known() bool { return s.kind != reflect.Invalid }

// read reinterprets v as U; callers have matched the kind of T to U.
func read[U, T any](v *T) U { return *(*U)(unsafe.Pointer(v)) }

func (s scalar[T]) signed(v *T) (int64, bool) {
	switch s.kind {
	case reflect.Int:
		return int64(read[int](v)), true
	case reflect.Int8:
		return int64(read[int8](v)), true
	case reflect.Int16:
		return int64(read[int16](v)), true
	case reflect.Int32:
		return int64(read[int32](v)), true
	case reflect.Int64:
		return read[int64](v), true
	}
	return 0, false
}

func (s scalar[T]) unsigned(v *T) (uint64, bool) {
	switch s.kind {
	case reflect.Uint:
		return uint64(read[uint](v)), true
	case reflect.Uint8:
		return uint64(read[uint8](v)), true
	case reflect.Uint16:
		return uint64(read[uint16](v)), true
	case reflect.Uint32:
		return uint64(read[uint32](v)), true
	case reflect.Uint64:
		return read[uint64](v), true
	case reflect.Uintptr:
		return uint64(read[uintptr](v)), true
	}
	return 0, false
}

func (s scalar[T]) float(v *T) float64 {
	if s.kind == reflect.Float32 {
		return float64(read[float32](v))
	}
	return read[float64](v)
}

// compare is a total order on T: the natural one, false before true.
func (s scalar[T]) compare(a, b T) int {
	switch s.kind {
	case reflect.String:
		return cmp.Compare(read[string](&a), read[string](&b))
	case reflect.Float32, reflect.Float64:
		return cmp.Compare(s.float(&a), s.float(&b))
	case reflect.Bool:
		x, y := read[bool](&a), read[bool](&b)
		switch {
		case x == y:
			return 0
		case y:
			return -1
		}
		return 1
	}
	if x, ok := s.signed(&a); ok {
		y, _ := s.signed(&b)
		return cmp.Compare(x, y)
	}
	x, _ := s.unsigned(&a)
	y, _ := s.unsigned(&b)
	return cmp.Compare(x, y)
}

// write reinterprets v as U; callers have matched the kind of T to U.
func write[U, T any](v *T, u U) { *(*U)(unsafe.Pointer(v)) = u }

// fromInt, fromUint and fromFloat make a T of a number that its kind can hold.
func (s scalar[T]) fromInt(n int64) (v T) {
	switch s.kind {
	case reflect.Int:
		write(&v, int(n))
	case reflect.Int8:
		write(&v, int8(n))
	case reflect.Int16:
		write(&v, int16(n))
	case reflect.Int32:
		write(&v, int32(n))
	case reflect.Int64:
		write(&v, n)
	}
	return v
}

func (s scalar[T]) fromUint(n uint64) (v T) {
	switch s.kind {
	case reflect.Uint:
		write(&v, uint(n))
	case reflect.Uint8:
		write(&v, uint8(n))
	case reflect.Uint16:
		write(&v, uint16(n))
	case reflect.Uint32:
		write(&v, uint32(n))
	case reflect.Uint64:
		write(&v, n)
	case reflect.Uintptr:
		write(&v, uintptr(n))
	}
	return v
}

func (s scalar[T]) fromFloat(f float64) (v T) {
	if s.kind == reflect.Float32 {
		write(&v, float32(f))
	} else {
		write(&v, f)
	}
	return v
}

// sort orders values by compare. The kinds that keys mostly are of are sorted as
// what they are, which takes half the time.
func (s scalar[T]) sort(v []T) {
	switch s.kind {
	case reflect.String:
		slices.Sort(*(*[]string)(unsafe.Pointer(&v)))
	case reflect.Uint64:
		slices.Sort(*(*[]uint64)(unsafe.Pointer(&v)))
	case reflect.Int:
		slices.Sort(*(*[]int)(unsafe.Pointer(&v)))
	default:
		slices.SortFunc(v, s.compare)
	}
}

func (s scalar[T]) bits() int { return reflect.TypeFor[T]().Bits() }

// least returns the least value of the type in the order of cmp.Compare.
func (s scalar[T]) least() (T, bool) {
	var zero T
	switch s.kind {
	case reflect.String, reflect.Bool:
		return zero, true
	case reflect.Float32, reflect.Float64:
		return s.fromFloat(math.NaN()), true
	case reflect.Invalid:
		return zero, false
	}
	if _, ok := s.signed(&zero); ok {
		return s.fromInt(-1 << (s.bits() - 1)), true
	}
	return zero, true
}

// greatest returns the greatest value of the type; strings have none.
func (s scalar[T]) greatest() (T, bool) {
	var zero T
	switch s.kind {
	case reflect.String, reflect.Invalid:
		return zero, false
	case reflect.Bool:
		write(&zero, true)
		return zero, true
	case reflect.Float32, reflect.Float64:
		return s.fromFloat(math.Inf(1)), true
	}
	if _, ok := s.signed(&zero); ok {
		return s.fromInt(1<<(s.bits()-1) - 1), true
	}
	return s.fromUint(math.MaxUint64 >> (64 - s.bits())), true
}

// codec returns the coder of the type, or two nils. Integers are varints,
// floats eight bytes with one NaN and one zero, strings length-prefixed.
func (s scalar[T]) codec() (func([]byte, T) []byte, func([]byte) (T, []byte, error)) {
	if !s.known() {
		return nil, nil
	}
	return s.append, s.decode
}

func (s scalar[T]) append(dst []byte, v T) []byte {
	switch s.kind {
	case reflect.String:
		str := read[string](&v)
		return append(binary.AppendUvarint(dst, uint64(len(str))), str...)
	case reflect.Bool:
		if read[bool](&v) {
			return append(dst, 1)
		}
		return append(dst, 0)
	case reflect.Float32, reflect.Float64:
		return binary.BigEndian.AppendUint64(dst, canonicalBits(s.float(&v)))
	}
	if n, ok := s.signed(&v); ok {
		return binary.AppendVarint(dst, n)
	}
	n, _ := s.unsigned(&v)
	return binary.AppendUvarint(dst, n)
}

// canonicalBits gives all NaNs one encoding, and both zeros one, since they are
// equal in the order of cmp.Compare and equal values must encode equally.
func canonicalBits(f float64) uint64 {
	switch {
	case f != f:
		return math.Float64bits(math.NaN())
	case f == 0:
		return 0
	}
	return math.Float64bits(f)
}

func (s scalar[T]) decode(src []byte) (v T, rest []byte, err error) {
	switch s.kind {
	case reflect.String:
		str, rest, err := decodeBytes(src)
		if err != nil {
			return v, src, err
		}
		write(&v, string(str))
		return v, rest, nil
	case reflect.Bool:
		if len(src) == 0 || src[0] > 1 {
			return v, src, decodeErr("not a boolean")
		}
		write(&v, src[0] == 1)
		return v, src[1:], nil
	case reflect.Float32, reflect.Float64:
		return s.decodeFloat(src)
	}
	if _, ok := s.signed(&v); ok {
		n, w := binary.Varint(src)
		x := s.fromInt(n)
		if back, _ := s.signed(&x); w <= 0 || back != n || !minimal(src[:w]) {
			return v, src, decodeErr("not an integer of the type")
		}
		return x, src[w:], nil
	}
	n, w := binary.Uvarint(src)
	x := s.fromUint(n)
	if back, _ := s.unsigned(&x); w <= 0 || back != n || !minimal(src[:w]) {
		return v, src, decodeErr("not an unsigned integer of the type")
	}
	return x, src[w:], nil
}

func (s scalar[T]) decodeFloat(src []byte) (T, []byte, error) {
	var v T
	if len(src) < 8 {
		return v, src, decodeErr("truncated float")
	}
	b := binary.BigEndian.Uint64(src)
	f := math.Float64frombits(b)
	v = s.fromFloat(f)
	if canonicalBits(s.float(&v)) != b {
		return v, src, decodeErr("not a canonical float of the type")
	}
	return v, src[8:], nil
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
