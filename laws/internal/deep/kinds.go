package deep

import (
	"hash/maphash"
	"maps"
	"math"
	"reflect"
	"unsafe"
)

// kind is how a value of a type lies in memory and is compared there, for types
// that have nothing to be looked into. Maps and slices of types of equal kinds are
// laid out alike, whatever the types are called, so a map[key]value is read as the
// map of plain types that it looks like, and costs no reflection.
type kind uint8

const (
	otherwise kind = iota
	nothing        // no bytes, aligned as such: the values of a set
	bits8
	bits16
	bits32
	bits64
	float32s
	float64s
	texts
)

func kindOf(t reflect.Type) kind {
	switch t.Kind() {
	case reflect.String:
		return texts
	case reflect.Float32:
		return float32s
	case reflect.Float64:
		return float64s
	case reflect.Bool, reflect.Uintptr,
		reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		switch t.Size() {
		case 1:
			return bits8
		case 2:
			return bits16
		case 4:
			return bits32
		case 8:
			return bits64
		}
	case reflect.Struct:
		if t.Size() == 0 && t.Align() == 1 {
			return nothing
		}
	}
	return otherwise
}

// bitsOf are words that equal each other exactly where their bits do.
type bitsOf interface {
	uint8 | uint16 | uint32 | uint64
}

func mixWord[U bitsOf](h uint64, v U) uint64     { return mix(h, uint64(v)) }
func mixFloat32(h uint64, v float32) uint64      { return mix(h, uint64(math.Float32bits(v))) }
func mixFloat64(h uint64, v float64) uint64      { return mix(h, math.Float64bits(v)) }
func mixString(h uint64, v string) uint64        { return mix(h, maphash.String(stringSeed, v)) }
func mixNothing(h uint64, _ struct{}) uint64     { return h }
func sameWord[U comparable](a, b U) bool         { return a == b }
func sameFloat[F float32 | float64](a, b F) bool { return a == b || a != a && b != b }

// hashMapByKind hashes maps of scalars to scalars, and sets of scalars; nil for
// others.
func hashMapByKind(made *Type) hashFunc {
	v := kindOf(made.t.Elem())
	switch kindOf(made.t.Key()) {
	case bits8:
		return hashMapTo(v, mixWord[uint8])
	case bits16:
		return hashMapTo(v, mixWord[uint16])
	case bits32:
		return hashMapTo(v, mixWord[uint32])
	case bits64:
		return hashMapTo(v, mixWord[uint64])
	case float32s:
		return hashMapTo(v, mixFloat32)
	case float64s:
		return hashMapTo(v, mixFloat64)
	case texts:
		return hashMapTo(v, mixString)
	}
	return nil
}

func hashMapTo[K comparable](v kind, key func(uint64, K) uint64) hashFunc {
	switch v {
	case nothing:
		return hashEntries(key, mixNothing)
	case bits8:
		return hashEntries(key, mixWord[uint8])
	case bits16:
		return hashEntries(key, mixWord[uint16])
	case bits32, float32s:
		return hashEntries(key, mixWord[uint32])
	case bits64, float64s:
		return hashEntries(key, mixWord[uint64])
	case texts:
		return hashEntries(key, mixString)
	}
	return nil
}

func hashEntries[K comparable, V any](key func(uint64, K) uint64, val func(uint64, V) uint64) hashFunc {
	return func(w *walk, p unsafe.Pointer, h uint64) uint64 {
		m := *(*map[K]V)(p)
		h = mix(h, uint64(len(m)))
		if len(m) == 0 {
			return h
		}
		if w.mode != unfold {
			return w.referMap(h, *(*unsafe.Pointer)(p))
		}
		if !w.enter(0) {
			return h
		}
		w.leave()
		var sum uint64
		//joinery:anyorder the hashes of the entries are added
		for k, v := range m {
			sum += val(key(1, k), v)
		}
		return mix(h, sum)
	}
}

// equalMapByKind compares maps of scalars to scalars, and sets of scalars; nil for
// others, and where the values have an equality of their own.
func equalMapByKind(made *Type) equalFunc {
	if _, own := equalMethodOf(made.t.Elem()); own {
		return nil
	}
	v := kindOf(made.t.Elem())
	switch kindOf(made.t.Key()) {
	case bits8:
		return equalMapTo[uint8](made, v)
	case bits16:
		return equalMapTo[uint16](made, v)
	case bits32:
		return equalMapTo[uint32](made, v)
	case bits64:
		return equalMapTo[uint64](made, v)
	case float32s:
		return equalMapTo[float32](made, v)
	case float64s:
		return equalMapTo[float64](made, v)
	case texts:
		return equalMapTo[string](made, v)
	}
	return nil
}

func equalMapTo[K comparable](made *Type, v kind) equalFunc {
	switch v {
	case nothing:
		return equalEntries[K](made, sameWord[struct{}])
	case bits8:
		return equalEntries[K](made, sameWord[uint8])
	case bits16:
		return equalEntries[K](made, sameWord[uint16])
	case bits32:
		return equalEntries[K](made, sameWord[uint32])
	case bits64:
		return equalEntries[K](made, sameWord[uint64])
	case float32s:
		return equalEntries[K](made, sameFloat[float32])
	case float64s:
		return equalEntries[K](made, sameFloat[float64])
	case texts:
		return equalEntries[K](made, sameWord[string])
	}
	return nil
}

// equalEntries compares maps that hold no references, and so are not remembered.
func equalEntries[K comparable, V any](made *Type, same func(a, b V) bool) equalFunc {
	m := made.entries
	return func(w *walk, a, b unsafe.Pointer) bool {
		x, y := *(*map[K]V)(a), *(*map[K]V)(b)
		if len(x) != len(y) {
			return false
		}
		if w.work > rememberFrom || w.record {
			// Maps that are held often are compared once.
			xs, ys := *(*unsafe.Pointer)(a), *(*unsafe.Pointer)(b)
			if w.remember(pair{a: xs, b: ys, n: -1, t: made}) {
				return true
			}
		}
		w.work++
		rest := false
		//joinery:anyorder all entries must be equal
		for k, v := range x {
			u, ok := y[k]
			if !ok {
				if k == k {
					return false
				}
				rest = true
				continue
			}
			if !same(v, u) {
				return false
			}
		}
		if rest {
			w.putOff(m, *(*unsafe.Pointer)(a), *(*unsafe.Pointer)(b))
		}
		return true
	}
}

// cloneMapByKind copies maps of scalars to scalars, and sets of scalars; nil for
// others.
func cloneMapByKind(t reflect.Type) func(src unsafe.Pointer) unsafe.Pointer {
	v := kindOf(t.Elem())
	switch kindOf(t.Key()) {
	case bits8:
		return cloneMapTo[uint8](v)
	case bits16:
		return cloneMapTo[uint16](v)
	case bits32:
		return cloneMapTo[uint32](v)
	case bits64:
		return cloneMapTo[uint64](v)
	case float32s:
		return cloneMapTo[float32](v)
	case float64s:
		return cloneMapTo[float64](v)
	case texts:
		return cloneMapTo[string](v)
	}
	return nil
}

func cloneMapTo[K comparable](v kind) func(src unsafe.Pointer) unsafe.Pointer {
	switch v {
	case nothing:
		return cloneEntries[K, struct{}]
	case bits8:
		return cloneEntries[K, uint8]
	case bits16:
		return cloneEntries[K, uint16]
	case bits32, float32s:
		return cloneEntries[K, uint32]
	case bits64, float64s:
		return cloneEntries[K, uint64]
	case texts:
		return cloneEntries[K, string]
	}
	return nil
}

// cloneEntries copies the map src.
func cloneEntries[K comparable, V any](src unsafe.Pointer) unsafe.Pointer {
	m := maps.Clone(*(*map[K]V)(unsafe.Pointer(&src)))
	return *(*unsafe.Pointer)(unsafe.Pointer(&m))
}
