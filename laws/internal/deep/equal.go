package deep

import (
	"reflect"
	"slices"
	"unsafe"
)

// equalFunc compares two values of one type at their addresses.
type equalFunc func(w *walk, a, b unsafe.Pointer) bool

// runEqual compares n adjacent values.
type runEqual func(w *walk, a, b unsafe.Pointer, n int) bool

// bodyFunc compares what two references refer to: n adjacent values, or, where n is
// negative, one value or a map.
type bodyFunc func(w *walk, a, b unsafe.Pointer, n int) bool

// EqualFunc returns the structural equality of T: nil and empty collections are
// equal, NaN equals NaN, pointers are equal where what they point to is, cyclic
// values where no path tells them apart, and a type with a method Equal or Equals is compared by it (see
// [IgnoredEquals] for which methods are not). A panic of such a method is the
// caller's. Entries of maps are equal where their keys are by ==; keys that are not
// equal to themselves (NaN) are so where their parts are, one to one; pointers in keys are equal if they
// are the same, or if what they point to corresponds elsewhere in the two values.
//
// It reads both values through their addresses and allocates only for maps with
// unusual keys or values, and for Equal methods. Its time is linear in the sizes of
// the values, but for maps with keys that only the values of their entries tell apart; where
// these make it too long, the comparison panics with an [*Undecided]. The returned function is not for
// use by several goroutines: it keeps the state of its walks between calls.
func EqualFunc[T any]() func(a, b *T) bool {
	t := Of(reflect.TypeFor[T]())
	w := new(walk)
	return func(a, b *T) bool { return t.equalAt(w, unsafe.Pointer(a), unsafe.Pointer(b)) }
}

// Equal compares two boxed values; see [EqualFunc].
func (t *Type) Equal(a, b any) bool { return t.EqualAt(t.at(a), t.at(b)) }

// EqualAt compares the values at two addresses; see [EqualFunc].
func (t *Type) EqualAt(a, b unsafe.Pointer) bool {
	w := newWalk()
	equal := t.equalAt(w, a, b)
	w.end()
	return equal
}

func (t *Type) equalAt(w *walk, a, b unsafe.Pointer) bool {
	w.begin()
	if equal := t.equal(w, a, b) && w.finish(); !equal || !w.unknown {
		return equal
	}
	// Which entries of maps belong together is asked of another walk, which records what
	// corresponds.
	s := &search{t: t, a: a, b: b, marking: true}
	equal := t.equalMatched(w, s, a, b)
	if !equal && s.marked {
		s.marking, s.steps, s.spent = false, 0, false
		equal = t.equalMatched(w, s, a, b)
	}
	if !equal && s.spent {
		panic(&Undecided{t})
	}
	return equal
}

// equalMatched compares two values by a walk that matches entries of maps.
func (t *Type) equalMatched(w *walk, s *search, a, b unsafe.Pointer) bool {
	w.begin()
	w.record, w.search = true, s
	w.regions = append(w.regions, regionPair{a, b, t.size})
	return t.equal(w, a, b) && w.settle()
}

// pair is a place in each of two values, with their type: n adjacent values of t.
type pair struct {
	a, b unsafe.Pointer
	n    int
	t    *Type

	aside bool // it was not compared, but for what corresponds
}

// task is a comparison that was put off.
type task struct {
	body bodyFunc
	a, b unsafe.Pointer
	n    int
}

// compare compares what two references refer to. What is being compared already is
// taken for equal, and so for now is what lies too deep: if it is not, the whole is
// not.
func (w *walk) compare(t *Type, body bodyFunc, a, b unsafe.Pointer, n int) bool {
	w.work++
	if w.chosen && !w.search.step(1) {
		return false
	}
	if w.record || w.work > rememberFrom {
		if w.remember(pair{a: a, b: b, n: n, t: t}) {
			return true
		}
	}
	if w.depth >= maxDepth {
		w.pending = append(w.pending, task{body, a, b, n})
		return true
	}
	w.depth++
	same := body(w, a, b, n)
	w.depth--
	return same
}

// remember reports whether the pair was met before.
func (w *walk) remember(p pair) (again bool) {
	p.aside = w.aside
	if _, again = w.seen[p]; again {
		return true
	}
	if w.seen == nil {
		w.seen = make(map[pair]struct{})
	}
	w.seen[p] = struct{}{}
	if w.record {
		w.regions = append(w.regions, regionPair{p.a, p.b, p.t.size * uintptr(max(p.n, 1))})
		w.sorted = false
	}
	return false
}

func word[U comparable](_ *walk, a, b unsafe.Pointer) bool { return *(*U)(a) == *(*U)(b) }

func float[F float32 | float64](_ *walk, a, b unsafe.Pointer) bool {
	x, y := *(*F)(a), *(*F)(b)
	return x == y || x != x && y != y
}

func always(*walk, unsafe.Pointer, unsafe.Pointer) bool { return true }

func (c *compiler) compileEqual(made *Type) equalFunc {
	t := made.t
	switch t.Kind() {
	case reflect.Bool, reflect.Int8, reflect.Uint8:
		return word[uint8]
	case reflect.Int16, reflect.Uint16:
		return word[uint16]
	case reflect.Int32, reflect.Uint32:
		return word[uint32]
	case reflect.Int64, reflect.Uint64:
		return word[uint64]
	case reflect.Int, reflect.Uint, reflect.Uintptr, reflect.Func, reflect.Chan, reflect.UnsafePointer:
		return word[uintptr]
	case reflect.Float32:
		return float[float32]
	case reflect.Float64:
		return float[float64]
	case reflect.Complex64:
		return both(float[float32], 4)
	case reflect.Complex128:
		return both(float[float64], 8)
	case reflect.String:
		return word[string]
	case reflect.Struct:
		return c.equalStruct(t)
	case reflect.Array:
		return equalArray(c.of(t.Elem()), t.Len())
	case reflect.Slice:
		return equalSlice(c.behind(t.Elem()))
	case reflect.Pointer:
		return c.equalPointer(t)
	case reflect.Interface:
		return equalInterface(t)
	case reflect.Map:
		if eq := equalMapByKind(made); eq != nil {
			return eq
		}
		return equalMapByReflection(made.entries)
	}
	panic("deep: unknown kind " + t.Kind().String())
}

func both(part equalFunc, size uintptr) equalFunc {
	return func(w *walk, a, b unsafe.Pointer) bool {
		return part(w, a, b) && part(w, unsafe.Add(a, size), unsafe.Add(b, size))
	}
}

func (c *compiler) equalStruct(t reflect.Type) equalFunc {
	switch p, ok := atomicPointee(t); {
	case isSync(t):
		return always
	case isSyncMap(t):
		return equalSynced(c.behind(syncedType))
	case isWord(t):
		return equalWords(t)
	case ok:
		eq, offset := c.of(p).equal, atomicWord(t)
		return func(w *walk, a, b unsafe.Pointer) bool { return eq(w, unsafe.Add(a, offset), unsafe.Add(b, offset)) }
	}
	type field struct {
		offset uintptr
		eq     equalFunc
	}
	var fields []field
	for i := range t.NumField() {
		if f := t.Field(i); !ignored(t, f) {
			fields = append(fields, field{f.Offset, c.of(f.Type).equal})
		}
	}
	return func(w *walk, a, b unsafe.Pointer) bool {
		for i := range fields {
			f := &fields[i]
			if !f.eq(w, unsafe.Add(a, f.offset), unsafe.Add(b, f.offset)) {
				return false
			}
		}
		return true
	}
}

// equalWords compares structs that are words whatever they hold.
func equalWords(t reflect.Type) equalFunc {
	return func(_ *walk, a, b unsafe.Pointer) bool {
		return string(unsafe.Slice((*byte)(a), t.Size())) == string(unsafe.Slice((*byte)(b), t.Size()))
	}
}

func equalArray(elem *Type, n int) equalFunc {
	run := elem.run
	return func(w *walk, a, b unsafe.Pointer) bool { return run(w, a, b, n) }
}

// equalSlice compares slices. Their elements may be of a type that is not finished.
func equalSlice(elem *Type) equalFunc {
	body := func(w *walk, a, b unsafe.Pointer, n int) bool { return elem.run(w, a, b, n) }
	return equalSliceBy(elem, body)
}

func equalSliceBy(elem *Type, body bodyFunc) equalFunc {
	return func(w *walk, a, b unsafe.Pointer) bool {
		x, y := (*sliceHeader)(a), (*sliceHeader)(b)
		if x.len != y.len {
			return false
		}
		if w.record {
			w.relateSpare(elem, x, y)
		}
		if x.len == 0 || w.spanned(elem, x.data, y.data, x.len) {
			return true
		}
		return w.compare(elem, body, x.data, y.data, x.len)
	}
}

// spanFrom is the number of elements of slices from which on a walk remembers
// stretches of memory that it compares, so that slices that overlap (all suffixes
// of a text) are not compared each from its beginning.
const spanFrom = 1 << 20

// spanKey tells stretches apart by how far what they are compared with lies away.
type spanKey struct {
	apart uintptr
	t     *Type
}

type span struct{ from, to uintptr }

// spanned reports whether n elements at a and b are part of stretches that are being
// compared already, and else remembers them.
func (w *walk) spanned(t *Type, a, b unsafe.Pointer, n int) bool {
	w.compared += n
	if w.compared < spanFrom || t.size == 0 {
		return false
	}
	key := spanKey{uintptr(b) - uintptr(a), t}
	s, from, to := w.spans[key], uintptr(a), uintptr(a)+uintptr(n)*t.size
	if s.from <= from && to <= s.to {
		return true
	}
	if w.spans == nil {
		w.spans = make(map[spanKey]span)
	}
	w.spans[key] = span{from, to}
	return false
}

func equalRun(elem *Type) runEqual {
	if _, own := equalMethodOf(elem.t); !own {
		switch kindOf(elem.t) {
		case bits8:
			return equalScalars[uint8]
		case bits16:
			return equalScalars[uint16]
		case bits32:
			return equalScalars[uint32]
		case bits64:
			return equalScalars[uint64]
		case texts:
			return equalScalars[string]
		}
	}
	return equalRunByElement(elem.size, elem.equal)
}

// equalRunByElement takes elements of any type; [equalRun] must agree with it.
func equalRunByElement(size uintptr, eq equalFunc) runEqual {
	if size == 0 {
		return func(w *walk, a, b unsafe.Pointer, n int) bool { return n == 0 || eq(w, a, b) }
	}
	return func(w *walk, a, b unsafe.Pointer, n int) bool {
		for i := range n {
			at := uintptr(i) * size
			if !eq(w, unsafe.Add(a, at), unsafe.Add(b, at)) {
				return false
			}
		}
		return true
	}
}

func equalScalars[E comparable](_ *walk, a, b unsafe.Pointer, n int) bool {
	return slices.Equal(unsafe.Slice((*E)(a), n), unsafe.Slice((*E)(b), n))
}

func (c *compiler) equalPointer(t reflect.Type) equalFunc {
	elem := c.behind(t.Elem())
	body := func(w *walk, a, b unsafe.Pointer, _ int) bool { return elem.equal(w, a, b) }
	hold := tenureOf(t.Elem())
	switch hold {
	case machine, derived:
		return word[uintptr]
	}
	return func(w *walk, a, b unsafe.Pointer) bool {
		x, y := *(*unsafe.Pointer)(a), *(*unsafe.Pointer)(b)
		switch {
		case x == nil || y == nil:
			return x == y
		case w.keys:
			return x == y || hold == nowhere || w.correspond(x, y) || w.supposing && w.mayCorrespond(x, y)
		}
		return w.compare(elem, body, x, y, -1)
	}
}

func equalInterface(t reflect.Type) equalFunc {
	return func(w *walk, a, b unsafe.Pointer) bool {
		of, x := heldBy(t, a)
		other, y := heldBy(t, b)
		switch {
		case of != other:
			return false
		case of == nil:
			return true
		case of.direct || len(of.slots) == 0 || w.keys:
			return of.equal(w, x, y)
		}
		// Boxes may hold boxes, each twice.
		return w.compare(of, of.single, x, y, -1)
	}
}

// equalSynced compares sync.Maps as the maps that they stand for.
func equalSynced(entries *Type) equalFunc {
	return func(w *walk, a, b unsafe.Pointer) bool {
		x, y := snapshot(a), snapshot(b)
		return entries.equal(w, unsafe.Pointer(&x), unsafe.Pointer(&y))
	}
}
