package deep

import (
	"hash/maphash"
	"math"
	"math/bits"
	"reflect"
	"sync"
	"unsafe"
)

// hashFunc folds the value at an address into a hash.
type hashFunc func(w *walk, p unsafe.Pointer, h uint64) uint64

var hashFuncs sync.Map // reflect.Type → hashFunc

// FingerprintFunc returns a hash of everything a T holds: two fingerprints of
// one value differ if it was written into in between (a write that keeps the
// hash apart, with odds of 2^-64). Nil and empty collections hash alike. The
// part of a slice between its length and its capacity counts too: appending into
// it is a write into memory of the owner. Fingerprints are for comparison within
// one process. The returned function is not for use by several goroutines.
func FingerprintFunc[T any]() func(v *T) uint64 {
	hash := hashOf(reflect.TypeFor[T]())
	w := new(walk)
	return func(v *T) uint64 {
		w.begin()
		return hash(w, unsafe.Pointer(v), 0)
	}
}

// mix folds v into h by a 128-bit product. The constants keep small and equal
// words, which states are full of, from cancelling out.
func mix(h, v uint64) uint64 {
	hi, lo := bits.Mul64(h^0x9e3779b97f4a7c15, v^0xe7037ed1a0b428db)
	return hi ^ lo
}

func hashOf(t reflect.Type) hashFunc {
	if f, ok := hashFuncs.Load(t); ok {
		return f.(hashFunc)
	}
	var compiled hashFunc
	var ready sync.WaitGroup
	ready.Add(1)
	detour := hashFunc(func(w *walk, p unsafe.Pointer, h uint64) uint64 {
		ready.Wait()
		return compiled(w, p, h)
	})
	if f, loaded := hashFuncs.LoadOrStore(t, detour); loaded {
		return f.(hashFunc)
	}
	compiled = compileHash(t)
	ready.Done()
	hashFuncs.Store(t, compiled)
	return compiled
}

func hash8(_ *walk, p unsafe.Pointer, h uint64) uint64  { return mix(h, uint64(*(*uint8)(p))) }
func hash16(_ *walk, p unsafe.Pointer, h uint64) uint64 { return mix(h, uint64(*(*uint16)(p))) }
func hash32(_ *walk, p unsafe.Pointer, h uint64) uint64 { return mix(h, uint64(*(*uint32)(p))) }
func hash64(_ *walk, p unsafe.Pointer, h uint64) uint64 { return mix(h, *(*uint64)(p)) }

var stringSeed = maphash.MakeSeed()

func hashString(_ *walk, p unsafe.Pointer, h uint64) uint64 {
	return mix(h, maphash.String(stringSeed, *(*string)(p)))
}

func compileHash(t reflect.Type) hashFunc {
	switch t.Kind() {
	case reflect.String:
		return hashString
	case reflect.Struct:
		return hashStruct(t)
	case reflect.Array:
		n, run := t.Len(), hashRun(t.Elem())
		return func(w *walk, p unsafe.Pointer, h uint64) uint64 { return run(w, p, h, n) }
	case reflect.Slice:
		return hashSlice(t)
	case reflect.Pointer:
		return hashPointer(t)
	case reflect.Interface:
		return hashInterface(t)
	case reflect.Map:
		return hashMap(t)
	case reflect.Complex128:
		return func(w *walk, p unsafe.Pointer, h uint64) uint64 {
			return mix(mix(h, *(*uint64)(p)), *(*uint64)(unsafe.Add(p, 8)))
		}
	}
	switch t.Size() {
	case 1:
		return hash8
	case 2:
		return hash16
	case 4:
		return hash32
	}
	return hash64
}

func hashStruct(t reflect.Type) hashFunc {
	type field struct {
		offset uintptr
		hash   hashFunc
	}
	fields := make([]field, t.NumField())
	for i := range fields {
		fields[i] = field{t.Field(i).Offset, hashOf(t.Field(i).Type)}
	}
	return func(w *walk, p unsafe.Pointer, h uint64) uint64 {
		for i := range fields {
			h = fields[i].hash(w, unsafe.Add(p, fields[i].offset), h)
		}
		return h
	}
}

// runHash folds n adjacent values into a hash.
type runHash func(w *walk, p unsafe.Pointer, h uint64, n int) uint64

func hashRun(elem reflect.Type) runHash {
	switch kindOf(elem) {
	case bits8:
		return hashScalars(mixWord[uint8])
	case bits16:
		return hashScalars(mixWord[uint16])
	case bits32, float32s:
		return hashScalars(mixWord[uint32])
	case bits64, float64s:
		return hashScalars(mixWord[uint64])
	case texts:
		return hashScalars(mixString)
	}
	return hashRunByElement(elem.Size(), hashOf(elem))
}

// hashRunByElement takes elements of any type; [hashRun] must agree with it.
func hashRunByElement(size uintptr, hash hashFunc) runHash {
	return func(w *walk, p unsafe.Pointer, h uint64, n int) uint64 {
		for i := range n {
			h = hash(w, unsafe.Add(p, uintptr(i)*size), h)
		}
		return h
	}
}

func hashScalars[E any](fold func(h uint64, v E) uint64) runHash {
	return func(_ *walk, p unsafe.Pointer, h uint64, n int) uint64 {
		for _, v := range unsafe.Slice((*E)(p), n) {
			h = fold(h, v)
		}
		return h
	}
}

func hashSlice(t reflect.Type) hashFunc {
	return hashSliceBy(t.Elem().Size(), hashRun(t.Elem()))
}

func hashSliceBy(size uintptr, run runHash) hashFunc {
	return func(w *walk, p unsafe.Pointer, h uint64) uint64 {
		s := (*sliceHeader)(p)
		h = mix(h, uint64(s.len))
		if w.enter(s.data, nil) {
			return h
		}
		defer w.leave()
		h = run(w, s.data, h, s.len)
		if s.cap == s.len {
			return h
		}
		return run(w, unsafe.Add(s.data, uintptr(s.len)*size), mix(h, math.MaxUint64), s.cap-s.len)
	}
}

func hashPointer(t reflect.Type) hashFunc {
	hash := hashOf(t.Elem())
	return func(w *walk, p unsafe.Pointer, h uint64) uint64 {
		x := *(*unsafe.Pointer)(p)
		if x == nil {
			return mix(h, 0)
		}
		if w.enter(x, nil) {
			return h
		}
		defer w.leave()
		return hash(w, x, mix(h, 1))
	}
}

func hashInterface(t reflect.Type) hashFunc {
	return func(w *walk, p unsafe.Pointer, h uint64) uint64 {
		x := reflect.NewAt(t, p).Elem().Elem()
		if !x.IsValid() {
			return mix(h, 0)
		}
		h = mix(h, maphash.String(stringSeed, x.Type().String()))
		return hashOf(x.Type())(w, addressed(x), h)
	}
}

// hashMap adds the hashes of the entries up: their order does not matter.
func hashMap(t reflect.Type) hashFunc {
	if hash := hashMapByKind(t); hash != nil {
		return hash
	}
	return hashMapByReflection(t, hashOf(t.Key()), hashOf(t.Elem()))
}

// hashMapByReflection takes maps of any type. It is what [hashMapByKind] must agree
// with, hash by hash.
func hashMapByReflection(t reflect.Type, keyHash, valHash hashFunc) hashFunc {
	return func(w *walk, p unsafe.Pointer, h uint64) uint64 {
		m := reflect.NewAt(t, p).Elem()
		h = mix(h, uint64(m.Len()))
		if m.Len() == 0 || w.enter(m.UnsafePointer(), nil) {
			return h
		}
		defer w.leave()
		at := w.borrow(t)
		at.it.Reset(m)
		var sum uint64
		// in any order: the hashes of the entries are added
		for at.it.Next() {
			at.key.SetIterKey(&at.it)
			at.val.SetIterValue(&at.it)
			sum += valHash(w, at.val.Addr().UnsafePointer(), keyHash(w, at.key.Addr().UnsafePointer(), 1))
		}
		w.giveBack(t, at)
		return mix(h, sum)
	}
}
