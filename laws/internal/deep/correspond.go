package deep

import (
	"cmp"
	"hash/maphash"
	"math"
	"reflect"
	"slices"
	"unsafe"
)

// regionPair is memory of two values that corresponds, byte by byte.
type regionPair struct {
	a, b unsafe.Pointer
	size uintptr
}

// correspond reports whether the pointers are known to refer to corresponding
// places, as walks that record it know.
func (w *walk) correspond(x, y unsafe.Pointer) bool {
	if !w.record {
		return false
	}
	for p := range w.partners(x) {
		if p == y {
			return true
		}
	}
	return false
}

// partners are the places of the second value that are known to correspond to one
// of the first.
func (w *walk) partners(x unsafe.Pointer) func(yield func(unsafe.Pointer) bool) {
	if !w.sorted {
		slices.SortFunc(w.regions, func(p, q regionPair) int {
			return cmp.Or(cmp.Compare(uintptr(p.a), uintptr(q.a)), cmp.Compare(p.size, q.size), cmp.Compare(uintptr(p.b), uintptr(q.b)))
		})
		w.regions = slices.Compact(w.regions)
		w.ends = slices.Grow(w.ends[:0], len(w.regions))
		var end uintptr
		for _, r := range w.regions {
			end = max(end, uintptr(r.a)+r.size)
			w.ends = append(w.ends, end)
		}
		w.sorted = true
	}
	return func(yield func(unsafe.Pointer) bool) {
		after, _ := slices.BinarySearchFunc(w.regions, uintptr(x), func(r regionPair, x uintptr) int {
			if uintptr(r.a) <= x {
				return -1
			}
			return 1
		})
		// From here back, as far as a region reaches x.
		for i := after - 1; i >= 0 && w.ends[i] > uintptr(x); i-- {
			r := w.regions[i]
			if offset := uintptr(x) - uintptr(r.a); offset < r.size && !yield(unsafe.Add(r.b, offset)) {
				return
			}
		}
	}
}

// keyHash folds a key of a map into a hash such that keys that are equal, or equal
// but for NaN, have one hash. Pointers count by their address, or, if translate is
// set, by that of what is known to correspond.
func (w *walk) keyHash(v reflect.Value, h uint64, translate bool) uint64 {
	switch v.Kind() {
	case reflect.Bool:
		if v.Bool() {
			return mix(h, 1)
		}
		return mix(h, 0)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return mix(h, uint64(v.Int()))
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		return mix(h, v.Uint())
	case reflect.Float32, reflect.Float64:
		return mix(h, keyFloat(v.Float()))
	case reflect.Complex64, reflect.Complex128:
		return mix(mix(h, keyFloat(real(v.Complex()))), keyFloat(imag(v.Complex())))
	case reflect.String:
		return mix(h, maphash.String(stringSeed, v.String()))
	case reflect.Array:
		for i := range v.Len() {
			h = w.keyHash(v.Index(i), h, translate)
		}
		return h
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).Name != "_" {
				h = w.keyHash(v.Field(i), h, translate)
			}
		}
		return h
	case reflect.Interface:
		if v.IsNil() {
			return mix(h, 0)
		}
		return w.keyHash(v.Elem(), mix(h, Of(v.Elem().Type()).id()), translate)
	}
	return mix(h, uint64(w.keyPointer(v.UnsafePointer(), v.Type(), translate)))
}

// keyPointer is the address that a pointer in a key counts by.
func (w *walk) keyPointer(p unsafe.Pointer, t reflect.Type, translate bool) uintptr {
	if t.Kind() == reflect.Pointer && t.Elem().Size() == 0 && p != nil {
		return 1 // all are equal
	}
	if translate && w.record {
		for q := range w.partners(p) {
			return uintptr(q)
		}
	}
	return uintptr(p)
}

// keyFloat are bits that are equal where numbers are, and for all NaNs.
func keyFloat(f float64) uint64 {
	switch {
	case f != f:
		return math.MaxUint64
	case f == 0:
		return 0
	}
	return math.Float64bits(f)
}

// id is a number of t that no other type has in this process.
func (t *Type) id() uint64 { return uint64(uintptr(unsafe.Pointer(t))) }
