package deep

import (
	"reflect"
	"slices"
	"sync"
	"unsafe"
)

// equalFunc compares two values of one type at their addresses.
type equalFunc func(w *walk, a, b unsafe.Pointer) bool

var equalFuncs sync.Map // reflect.Type → equalFunc

// EqualFunc returns the structural equality of T: nil and empty collections are
// equal, NaN equals NaN, pointers are equal where what they point to is, and a
// nested type with a method Equal(T) bool is compared by it. Map keys that do
// not equal themselves (NaN) match nothing. It reads both values through their
// addresses and allocates only for maps with unusual keys or values, for
// interfaces, and for Equal methods. The returned function is not for use by
// several goroutines: it keeps the state of its walks between calls.
func EqualFunc[T any]() func(a, b *T) bool {
	eq := equalOf(reflect.TypeFor[T]())
	w := new(walk)
	return func(a, b *T) bool {
		w.begin()
		return eq(w, unsafe.Pointer(a), unsafe.Pointer(b))
	}
}

func equalOf(t reflect.Type) equalFunc {
	if f, ok := equalFuncs.Load(t); ok {
		return f.(equalFunc)
	}
	// A recursive type meets itself while it is being compiled and then goes
	// through this detour.
	var compiled equalFunc
	var ready sync.WaitGroup
	ready.Add(1)
	detour := equalFunc(func(w *walk, a, b unsafe.Pointer) bool {
		ready.Wait()
		return compiled(w, a, b)
	})
	if f, loaded := equalFuncs.LoadOrStore(t, detour); loaded {
		return f.(equalFunc)
	}
	compiled = compileEqual(t)
	ready.Done()
	equalFuncs.Store(t, compiled)
	return compiled
}

func word[U comparable](_ *walk, a, b unsafe.Pointer) bool { return *(*U)(a) == *(*U)(b) }

func float[F float32 | float64](_ *walk, a, b unsafe.Pointer) bool {
	x, y := *(*F)(a), *(*F)(b)
	return x == y || x != x && y != y
}

func compileEqual(t reflect.Type) equalFunc {
	if hasEqual(t) {
		return equalByMethod(t)
	}
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
		return equalStruct(t)
	case reflect.Array:
		return equalArray(t)
	case reflect.Slice:
		return equalSlice(t)
	case reflect.Pointer:
		return equalPointer(t)
	case reflect.Interface:
		return equalInterface(t)
	case reflect.Map:
		return equalMap(t)
	}
	panic("deep: unknown kind " + t.Kind().String())
}

func both(part equalFunc, size uintptr) equalFunc {
	return func(w *walk, a, b unsafe.Pointer) bool {
		return part(w, a, b) && part(w, unsafe.Add(a, size), unsafe.Add(b, size))
	}
}

func equalByMethod(t reflect.Type) equalFunc {
	m, _ := t.MethodByName("Equal")
	index := m.Index
	return func(_ *walk, a, b unsafe.Pointer) bool {
		x, y := reflect.NewAt(t, a).Elem(), reflect.NewAt(t, b).Elem()
		if t.Kind() == reflect.Pointer && (x.IsNil() || y.IsNil()) {
			return x.IsNil() && y.IsNil()
		}
		return x.Method(index).Call([]reflect.Value{y})[0].Bool()
	}
}

func equalStruct(t reflect.Type) equalFunc {
	type field struct {
		offset uintptr
		eq     equalFunc
	}
	fields := make([]field, t.NumField())
	for i := range fields {
		fields[i] = field{t.Field(i).Offset, equalOf(t.Field(i).Type)}
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

func equalArray(t reflect.Type) equalFunc {
	n, run := t.Len(), equalRun(t.Elem())
	return func(w *walk, a, b unsafe.Pointer) bool { return run(w, a, b, n) }
}

func equalSlice(t reflect.Type) equalFunc { return equalSliceBy(equalRun(t.Elem())) }

func equalSliceBy(run runEqual) equalFunc {
	return func(w *walk, a, b unsafe.Pointer) bool {
		x, y := (*sliceHeader)(a), (*sliceHeader)(b)
		if x.len != y.len {
			return false
		}
		if w.enter(x.data, y.data) {
			return true
		}
		defer w.leave()
		return run(w, x.data, y.data, x.len)
	}
}

// runEqual compares n adjacent values.
type runEqual func(w *walk, a, b unsafe.Pointer, n int) bool

func equalRun(elem reflect.Type) runEqual {
	if !hasEqual(elem) {
		switch kindOf(elem) {
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
	return equalRunByElement(elem.Size(), equalOf(elem))
}

// equalRunByElement takes elements of any type; [equalRun] must agree with it.
func equalRunByElement(size uintptr, eq equalFunc) runEqual {
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

func equalPointer(t reflect.Type) equalFunc {
	eq := equalOf(t.Elem())
	return func(w *walk, a, b unsafe.Pointer) bool {
		x, y := *(*unsafe.Pointer)(a), *(*unsafe.Pointer)(b)
		if x == nil || y == nil {
			return x == y
		}
		if w.enter(x, y) {
			return true
		}
		defer w.leave()
		return eq(w, x, y)
	}
}

func equalInterface(t reflect.Type) equalFunc {
	return func(w *walk, a, b unsafe.Pointer) bool {
		x, y := reflect.NewAt(t, a).Elem().Elem(), reflect.NewAt(t, b).Elem().Elem()
		if !x.IsValid() || !y.IsValid() {
			return x.IsValid() == y.IsValid()
		}
		if x.Type() != y.Type() {
			return false
		}
		return equalOf(x.Type())(w, addressed(x), addressed(y))
	}
}

// addressed copies v to where it has an address.
func addressed(v reflect.Value) unsafe.Pointer {
	p := reflect.New(v.Type())
	p.Elem().Set(v)
	return p.UnsafePointer()
}

func equalMap(t reflect.Type) equalFunc {
	if eq := equalMapByKind(t); eq != nil {
		return eq
	}
	return equalMapByReflection(t, equalOf(t.Elem()))
}

// equalMapByReflection takes maps of any type. It is what [equalMapByKind] must
// agree with.
func equalMapByReflection(t reflect.Type, eq equalFunc) equalFunc {
	return func(w *walk, a, b unsafe.Pointer) bool {
		x, y := reflect.NewAt(t, a).Elem(), reflect.NewAt(t, b).Elem()
		if x.Len() != y.Len() {
			return false
		}
		if x.Len() == 0 {
			return true
		}
		if w.enter(x.UnsafePointer(), y.UnsafePointer()) {
			return true
		}
		defer w.leave()
		at := w.borrow(t)
		at.it.Reset(x)
		same := true
		// in any order: all entries must be equal
		for same && at.it.Next() {
			at.key.SetIterKey(&at.it)
			v := y.MapIndex(at.key)
			if same = v.IsValid(); same {
				at.val.SetIterValue(&at.it)
				at.other.Set(v)
				same = eq(w, at.val.Addr().UnsafePointer(), at.other.Addr().UnsafePointer())
			}
		}
		w.giveBack(t, at)
		return same
	}
}
