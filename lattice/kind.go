package lattice

import (
	"cmp"
	"encoding/binary"
	"math"
	"math/bits"
	"reflect"
	"slices"
	"unsafe"
)

// kindOf is a kind of boolean, number or string, and 0 for all other kinds. Its methods
// take pointers to values of types of that kind.
type kindOf reflect.Kind

func knownKind(t reflect.Type) kindOf {
	switch k := t.Kind(); k {
	case reflect.Bool, reflect.String, reflect.Float32, reflect.Float64,
		reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		return kindOf(k)
	}
	return 0
}

func (k kindOf) known() bool { return k != 0 }

// read takes what p points at for a U; callers have matched the kind to U.
func read[U any](p unsafe.Pointer) U { return *(*U)(p) }

// write sets what p points at; callers have matched the kind to U.
func write[U any](p unsafe.Pointer, u U) { *(*U)(p) = u }

func (k kindOf) signed(p unsafe.Pointer) (int64, bool) {
	switch reflect.Kind(k) {
	case reflect.Int:
		return int64(read[int](p)), true
	case reflect.Int8:
		return int64(read[int8](p)), true
	case reflect.Int16:
		return int64(read[int16](p)), true
	case reflect.Int32:
		return int64(read[int32](p)), true
	case reflect.Int64:
		return read[int64](p), true
	}
	return 0, false
}

func (k kindOf) unsigned(p unsafe.Pointer) uint64 {
	switch reflect.Kind(k) {
	case reflect.Uint:
		return uint64(read[uint](p))
	case reflect.Uint8:
		return uint64(read[uint8](p))
	case reflect.Uint16:
		return uint64(read[uint16](p))
	case reflect.Uint32:
		return uint64(read[uint32](p))
	case reflect.Uint64:
		return read[uint64](p)
	case reflect.Uintptr:
		return uint64(read[uintptr](p))
	}
	return 0
}

func (k kindOf) float(p unsafe.Pointer) float64 {
	if reflect.Kind(k) == reflect.Float32 {
		return float64(read[float32](p))
	}
	return read[float64](p)
}

// compare is the natural order, false before true.
func (k kindOf) compare(a, b unsafe.Pointer) int {
	switch reflect.Kind(k) {
	case reflect.String:
		return cmp.Compare(read[string](a), read[string](b))
	case reflect.Float32, reflect.Float64:
		return cmp.Compare(k.float(a), k.float(b))
	case reflect.Bool:
		x, y := read[bool](a), read[bool](b)
		switch {
		case x == y:
			return 0
		case y:
			return -1
		}
		return 1
	}
	if x, ok := k.signed(a); ok {
		y, _ := k.signed(b)
		return cmp.Compare(x, y)
	}
	return cmp.Compare(k.unsigned(a), k.unsigned(b))
}

// sort orders the slice that p points at, if it is of one of the kinds that keys mostly
// are of.
func (k kindOf) sort(p unsafe.Pointer) bool {
	switch reflect.Kind(k) {
	case reflect.String:
		slices.Sort(*(*[]string)(p))
	case reflect.Uint64:
		slices.Sort(*(*[]uint64)(p))
	case reflect.Int:
		slices.Sort(*(*[]int)(p))
	default:
		return false
	}
	return true
}

// setInt, setUint and setFloat set what p points at to a number that its kind can hold, or
// to what its kind makes of it.
func (k kindOf) setInt(p unsafe.Pointer, n int64) {
	switch reflect.Kind(k) {
	case reflect.Int:
		write(p, int(n))
	case reflect.Int8:
		write(p, int8(n))
	case reflect.Int16:
		write(p, int16(n))
	case reflect.Int32:
		write(p, int32(n))
	case reflect.Int64:
		write(p, n)
	}
}

func (k kindOf) setUint(p unsafe.Pointer, n uint64) {
	switch reflect.Kind(k) {
	case reflect.Uint:
		write(p, uint(n))
	case reflect.Uint8:
		write(p, uint8(n))
	case reflect.Uint16:
		write(p, uint16(n))
	case reflect.Uint32:
		write(p, uint32(n))
	case reflect.Uint64:
		write(p, n)
	case reflect.Uintptr:
		write(p, uintptr(n))
	}
}

func (k kindOf) setFloat(p unsafe.Pointer, f float64) {
	if reflect.Kind(k) == reflect.Float32 {
		write(p, float32(f))
	} else {
		write(p, f)
	}
}

// bits is how many bits an integer of the kind has.
func (k kindOf) bits() int {
	switch reflect.Kind(k) {
	case reflect.Int8, reflect.Uint8:
		return 8
	case reflect.Int16, reflect.Uint16:
		return 16
	case reflect.Int32, reflect.Uint32:
		return 32
	case reflect.Int64, reflect.Uint64:
		return 64
	}
	return bits.UintSize
}

// setLeast sets what p points at, a zero value, to the least of its kind in the order of
// cmp.Compare.
func (k kindOf) setLeast(p unsafe.Pointer) bool {
	switch reflect.Kind(k) {
	case reflect.Invalid:
		return false
	case reflect.Float32, reflect.Float64:
		k.setFloat(p, math.NaN())
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		k.setInt(p, -1<<(k.bits()-1))
	}
	return true
}

// setGreatest sets what p points at to the greatest of its kind; strings have none.
func (k kindOf) setGreatest(p unsafe.Pointer) bool {
	switch reflect.Kind(k) {
	case reflect.String, reflect.Invalid:
		return false
	case reflect.Bool:
		write(p, true)
	case reflect.Float32, reflect.Float64:
		k.setFloat(p, math.Inf(1))
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		k.setInt(p, 1<<(k.bits()-1)-1)
	default:
		k.setUint(p, math.MaxUint64>>(64-k.bits()))
	}
	return true
}

func (k kindOf) append(dst []byte, p unsafe.Pointer) []byte {
	switch reflect.Kind(k) {
	case reflect.String:
		str := read[string](p)
		return append(binary.AppendUvarint(dst, uint64(len(str))), str...)
	case reflect.Bool:
		if read[bool](p) {
			return append(dst, 1)
		}
		return append(dst, 0)
	case reflect.Float32, reflect.Float64:
		return binary.BigEndian.AppendUint64(dst, canonicalBits(k.float(p)))
	}
	if n, ok := k.signed(p); ok {
		return binary.AppendVarint(dst, n)
	}
	return binary.AppendUvarint(dst, k.unsigned(p))
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

// decode sets what p points at, a zero value, to what was encoded. After an error it is
// a zero value still.
func (k kindOf) decode(src []byte, p unsafe.Pointer) (rest []byte, err error) {
	switch reflect.Kind(k) {
	case reflect.String:
		str, rest, err := decodeBytes(src)
		if err != nil {
			return src, err
		}
		write(p, string(str))
		return rest, nil
	case reflect.Bool:
		if len(src) == 0 || src[0] > 1 {
			return src, decodeErr("not a boolean")
		}
		write(p, src[0] == 1)
		return src[1:], nil
	case reflect.Float32, reflect.Float64:
		return k.decodeFloat(src, p)
	}
	if _, ok := k.signed(p); ok {
		n, w := binary.Varint(src)
		k.setInt(p, n)
		if back, _ := k.signed(p); w <= 0 || back != n || !minimal(src[:w]) {
			k.setInt(p, 0)
			return src, decodeErr("not an integer of the type")
		}
		return src[w:], nil
	}
	n, w := binary.Uvarint(src)
	k.setUint(p, n)
	if w <= 0 || k.unsigned(p) != n || !minimal(src[:w]) {
		k.setUint(p, 0)
		return src, decodeErr("not an unsigned integer of the type")
	}
	return src[w:], nil
}

func (k kindOf) decodeFloat(src []byte, p unsafe.Pointer) (rest []byte, err error) {
	if len(src) < 8 {
		return src, decodeErr("truncated float")
	}
	b := binary.BigEndian.Uint64(src)
	k.setFloat(p, math.Float64frombits(b))
	if canonicalBits(k.float(p)) != b {
		k.setFloat(p, 0)
		return src, decodeErr("not a canonical float of the type")
	}
	return src[8:], nil
}
