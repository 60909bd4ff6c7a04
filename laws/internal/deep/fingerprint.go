package deep

import (
	"hash/maphash"
	"math"
	"math/bits"
	"reflect"
	"unsafe"
)

// hashFunc folds the value at an address into a hash.
type hashFunc func(w *walk, p unsafe.Pointer, h uint64) uint64

// runHash folds n adjacent values into a hash.
type runHash func(w *walk, p unsafe.Pointer, h uint64, n int) uint64

// hashMode is what references count as.
type hashMode uint8

const (
	unfold    hashMode = iota // what they refer to
	number                    // the number of the memory that they refer to, and where in it
	addresses                 // where they refer to
)

// FingerprintFunc returns a hash of everything a T holds: two fingerprints of
// one value differ if it was written into in between (a write that keeps the
// hash apart, with odds of 2^-64). Nil and empty collections hash alike. The
// part of a slice between its length and its capacity counts too: appending into
// it is a write into memory of the owner. Memory that is kept by identity counts as
// the package says. Fingerprints are for comparison of one value with itself, within
// one process: equal values have equal fingerprints only where they hold no pointers
// in keys, no memory kept by identity, and are small and not cyclic. The returned
// function is not for use by several goroutines.
//
// Values are unfolded like trees. Where that takes too long, since memory is shared
// or cyclic, each piece of memory counts once, in the order in which it is met; then
// a change in what is shared counts too. The time is linear in the size of the value.
func FingerprintFunc[T any]() func(v *T) uint64 {
	t := Of(reflect.TypeFor[T]())
	w := new(walk)
	return func(v *T) uint64 { return t.fingerprintAt(w, unsafe.Pointer(v)) }
}

// Fingerprint is the fingerprint of a boxed value; see [FingerprintFunc].
func (t *Type) Fingerprint(v any) uint64 { return t.FingerprintAt(t.at(v)) }

// FingerprintAt is the fingerprint of the value at an address; see
// [FingerprintFunc].
func (t *Type) FingerprintAt(p unsafe.Pointer) uint64 {
	w := newWalk()
	h := t.fingerprintAt(w, p)
	w.end()
	return h
}

// The work that unfolding may take: references, and elements of slices by 64. Values
// that cannot be cyclic are given much more, since only sharing makes them large.
const (
	tangledBudget = 1 << 14
	plainBudget   = 1 << 22
)

func (t *Type) fingerprintAt(w *walk, p unsafe.Pointer) uint64 {
	// What a walk keeps of comparisons is of no concern here.
	w.depth, w.work, w.over, w.mode, w.canon = 0, 0, false, unfold, nil
	w.budget = plainBudget
	if t.tangled {
		w.budget = tangledBudget
	}
	h := t.hash(w, p, 0)
	if w.over {
		return t.canonical(w, p)
	}
	return h
}

// enter reports whether a reference to n elements is to be unfolded.
func (w *walk) enter(n int) bool {
	w.work += 1 + n>>6
	if w.over || w.work > w.budget || w.depth >= maxDepth {
		w.over = true
		return false
	}
	w.depth++
	return true
}

func (w *walk) leave() { w.depth-- }

// mix folds v into h by a 128-bit product. The constants keep small and equal
// words, which states are full of, from cancelling out.
func mix(h, v uint64) uint64 {
	hi, lo := bits.Mul64(h^0x9e3779b97f4a7c15, v^0xe7037ed1a0b428db)
	return hi ^ lo
}

func hash8(_ *walk, p unsafe.Pointer, h uint64) uint64  { return mix(h, uint64(*(*uint8)(p))) }
func hash16(_ *walk, p unsafe.Pointer, h uint64) uint64 { return mix(h, uint64(*(*uint16)(p))) }
func hash32(_ *walk, p unsafe.Pointer, h uint64) uint64 { return mix(h, uint64(*(*uint32)(p))) }
func hash64(_ *walk, p unsafe.Pointer, h uint64) uint64 { return mix(h, *(*uint64)(p)) }

func hashNothing(_ *walk, _ unsafe.Pointer, h uint64) uint64 { return h }

var stringSeed = maphash.MakeSeed()

func hashString(_ *walk, p unsafe.Pointer, h uint64) uint64 {
	return mix(h, maphash.String(stringSeed, *(*string)(p)))
}

func (c *compiler) compileHash(made *Type) hashFunc {
	t := made.t
	switch t.Kind() {
	case reflect.String:
		return hashString
	case reflect.Struct:
		return c.hashStruct(t)
	case reflect.Array:
		n, run := t.Len(), c.of(t.Elem()).hashRun
		return func(w *walk, p unsafe.Pointer, h uint64) uint64 { return run(w, p, h, n) }
	case reflect.Slice:
		return hashSlice(c.behind(t.Elem()))
	case reflect.Pointer:
		return c.hashPointer(t)
	case reflect.Interface:
		return hashInterface(t)
	case reflect.Map:
		if hash := hashMapByKind(made); hash != nil {
			return hash
		}
		return hashMapByReflection(made.entries)
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

func (c *compiler) hashStruct(t reflect.Type) hashFunc {
	switch p, ok := atomicPointee(t); {
	case isSync(t):
		return hashNothing
	case isSyncMap(t):
		return hashSynced(c.behind(syncedType))
	case isWord(t):
		return hashWords(t)
	case ok:
		hash, offset := c.of(p).hash, atomicWord(t)
		return func(w *walk, p unsafe.Pointer, h uint64) uint64 { return hash(w, unsafe.Add(p, offset), h) }
	}
	type field struct {
		offset uintptr
		hash   hashFunc
	}
	var fields []field
	for i := range t.NumField() {
		if f := t.Field(i); !ignored(t, f) {
			fields = append(fields, field{f.Offset, c.of(f.Type).hash})
		}
	}
	return func(w *walk, p unsafe.Pointer, h uint64) uint64 {
		for i := range fields {
			f := &fields[i]
			h = f.hash(w, unsafe.Add(p, f.offset), h)
		}
		return h
	}
}

// hashWords hashes structs that are words whatever they hold.
func hashWords(t reflect.Type) hashFunc {
	return func(_ *walk, p unsafe.Pointer, h uint64) uint64 {
		return mix(h, maphash.Bytes(stringSeed, unsafe.Slice((*byte)(p), t.Size())))
	}
}

func hashRun(elem *Type) runHash {
	switch kindOf(elem.t) {
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
	return hashRunByElement(elem.size, elem.hash)
}

// hashRunByElement takes elements of any type; [hashRun] must agree with it.
func hashRunByElement(size uintptr, hash hashFunc) runHash {
	if size == 0 {
		return func(_ *walk, _ unsafe.Pointer, h uint64, _ int) uint64 { return h }
	}
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

func hashSlice(elem *Type) hashFunc {
	return func(w *walk, p unsafe.Pointer, h uint64) uint64 {
		s := (*sliceHeader)(p)
		h = mix(h, uint64(s.len))
		if s.cap == 0 {
			return h
		}
		if w.mode != unfold {
			return w.refer(mix(h, uint64(s.cap)), s.data)
		}
		if elem.size == 0 {
			return h
		}
		if !w.enter(s.cap) {
			return h
		}
		h = elem.hashRun(w, s.data, h, s.len)
		if s.cap > s.len {
			h = elem.hashRun(w, unsafe.Add(s.data, uintptr(s.len)*elem.size), mix(h, math.MaxUint64), s.cap-s.len)
		}
		w.leave()
		return h
	}
}

func (c *compiler) hashPointer(t reflect.Type) hashFunc {
	switch tenureOf(t.Elem()) {
	case machine, derived, lent:
		return func(_ *walk, p unsafe.Pointer, h uint64) uint64 { return mix(h, uint64(*(*uintptr)(p))) }
	case nowhere:
		return func(_ *walk, p unsafe.Pointer, h uint64) uint64 {
			if *(*unsafe.Pointer)(p) == nil {
				return mix(h, 0)
			}
			return mix(h, 1)
		}
	}
	elem := c.behind(t.Elem())
	return func(w *walk, p unsafe.Pointer, h uint64) uint64 {
		x := *(*unsafe.Pointer)(p)
		switch {
		case x == nil:
			return mix(h, 0)
		case w.mode != unfold:
			return w.refer(h, x)
		case !w.enter(0):
			return h
		}
		h = elem.hash(w, x, mix(h, 1))
		w.leave()
		return h
	}
}

func hashInterface(t reflect.Type) hashFunc {
	return func(w *walk, p unsafe.Pointer, h uint64) uint64 {
		held, x := heldBy(t, p)
		if held == nil {
			return mix(h, 0)
		}
		h = mix(h, held.id())
		switch {
		case held.direct || len(held.slots) == 0:
			return held.hash(w, x, h)
		case w.mode != unfold:
			return w.refer(h, x)
		case !w.enter(0):
			return h
		}
		h = held.hash(w, x, h)
		w.leave()
		return h
	}
}

// hashMapByReflection takes maps of any type. It is what [hashMapByKind] must agree
// with, hash by hash.
func hashMapByReflection(m *mapType) hashFunc {
	return func(w *walk, p unsafe.Pointer, h uint64) uint64 {
		x := *(*unsafe.Pointer)(p)
		n := m.t.value(p).Len()
		h = mix(h, uint64(n))
		switch {
		case n == 0:
			return h
		case w.mode != unfold:
			return w.referMap(h, x)
		case !w.enter(0):
			return h
		}
		h = m.hashEntries(w, x, h)
		w.leave()
		return h
	}
}

// hashEntries adds the hashes of the entries of the map x up: their order does not
// matter.
func (m *mapType) hashEntries(w *walk, x unsafe.Pointer, h uint64) uint64 {
	at := w.borrow(m)
	at.over(x)
	var sum uint64
	for !w.over && at.next() {
		key := uint64(1)
		if len(m.key.slots) > 0 {
			// Pointers in keys count by their addresses, too.
			mode := w.mode
			w.mode = addresses
			key = m.key.hash(w, at.keyAt(), key)
			w.mode = mode
		}
		sum += m.val.hash(w, at.valAt(), m.key.hash(w, at.keyAt(), key))
	}
	w.giveBack(m, at)
	return mix(h, sum)
}

// hashSynced hashes sync.Maps as the maps that they stand for. They are part of the
// memory that they lie in, and so have no number.
func hashSynced(entries *Type) hashFunc {
	return func(w *walk, p unsafe.Pointer, h uint64) uint64 {
		x := snapshot(p)
		m := *(*unsafe.Pointer)(unsafe.Pointer(&x))
		switch w.mode {
		case number:
			return w.canonicalMap(entries.entries, m, h)
		case addresses:
			return entries.entries.hashEntries(w, m, h)
		}
		return entries.hash(w, unsafe.Pointer(&x), h)
	}
}
