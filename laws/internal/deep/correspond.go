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

// relate records what corresponds in memory that equality does not look into, as far as its
// structure agrees: copies copy it, and so keys of maps may point there.
func (w *walk) relate(t *Type, body bodyFunc, a, b unsafe.Pointer, n int) {
	if w.seen == nil {
		w.seen = make(map[pair]struct{})
	}
	inner := w
	if !w.aside {
		inner = &walk{record: true, structural: true, aside: true, seen: w.seen}
	}
	if inner.remember(pair{a: a, b: b, n: n, t: t}) {
		return
	}
	inner.pending = append(inner.pending, task{body, a, b, n})
	if w.aside {
		return
	}
	for len(inner.pending) > 0 {
		last := len(inner.pending) - 1
		next := inner.pending[last]
		inner.pending, inner.depth = inner.pending[:last], 0
		next.body(inner, next.a, next.b, next.n) // as far as it agrees
	}
	w.regions, w.sorted = append(w.regions, inner.regions...), false
}

// relateSpare does so for what two slices have beyond their length.
func (w *walk) relateSpare(elem *Type, x, y *sliceHeader) {
	if spare := min(x.cap, y.cap) - x.len; spare > 0 && elem.size > 0 {
		skip := uintptr(x.len) * elem.size
		body := func(w *walk, a, b unsafe.Pointer, n int) bool { return elem.run(w, a, b, n) }
		w.relate(elem, body, unsafe.Add(x.data, skip), unsafe.Add(y.data, skip), spare)
	}
}

// mayCorrespond reports whether the pointers can yet be found to refer to corresponding places:
// nothing is known of the first, and something else than keys refers to both.
func (w *walk) mayCorrespond(x, y unsafe.Pointer) bool {
	for range w.partners(x) {
		return false
	}
	c := w.colouring()
	return c.reached(x) && c.reached(y)
}

// ambiguous reports whether a pointer in a key is known to correspond to several places.
func (w *walk) ambiguous(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Pointer:
		n := 0
		for range w.partners(v.UnsafePointer()) {
			n++
		}
		return n > 1
	case reflect.Array:
		for i := range v.Len() {
			if w.ambiguous(v.Index(i)) {
				return true
			}
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if w.ambiguous(v.Field(i)) {
				return true
			}
		}
	case reflect.Interface:
		return !v.IsNil() && w.ambiguous(v.Elem())
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
