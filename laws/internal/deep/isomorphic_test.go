package deep

import (
	"reflect"
	"sync"
	"unsafe"

	"github.com/stretchr/testify/require"
)

// isomorphism compares a value with its copy, reference by reference, by reflection
// alone.
type isomorphism struct {
	t       require.TestingT
	pairs   map[[2]memoryKey]bool
	regions [][3]uintptr // an address, that of the copy, and how many bytes
}

// isomorphic fails if the copy is not of the shape of v: if memory that is shared,
// or part of other memory, is not likewise in the copy, and if they share memory that
// v owns.
func isomorphic(t require.TestingT, v, copied reflect.Value) {
	m := &isomorphism{t: t, pairs: map[[2]memoryKey]bool{}}
	m.region(v.Addr().Pointer(), copied.Addr().Pointer(), v.Type().Size())
	m.value(v, copied)
	for i, r := range m.regions {
		for _, s := range m.regions[:i] {
			require.Equal(t, overlap(r[0], r[2], s[0], s[2]), overlap(r[1], r[2], s[1], s[2]), "memory is shared as in the original")
			if overlap(r[0], r[2], s[0], s[2]) {
				require.Equal(t, r[0]-s[0], r[1]-s[1], "and lies likewise")
			}
		}
		for _, s := range m.regions {
			require.False(t, overlap(r[0], r[2], s[1], s[2]), "the copy shares memory")
		}
	}
}

func overlap(p, n, q, m uintptr) bool { return p < q+m && q < p+n }

func (m *isomorphism) region(p, q, size uintptr) {
	m.regions = append(m.regions, [3]uintptr{p, q, size})
}

// again reports whether the pair was met.
func (m *isomorphism) again(p, q uintptr, n int, t reflect.Type) bool {
	key := [2]memoryKey{{p, n, t}, {q, n, t}}
	if m.pairs[key] {
		return true
	}
	m.pairs[key] = true
	return false
}

func (m *isomorphism) value(v, c reflect.Value) {
	t := v.Type()
	switch {
	case t.Size() == 0 || isSync(t):
		return
	case isSyncMap(t):
		m.synced(v.Addr().Interface().(*sync.Map), c.Addr().Interface().(*sync.Map))
		return
	}
	if p, ok := atomicPointee(t); ok {
		at := atomicWord(t)
		m.value(reflect.NewAt(p, unsafe.Add(v.Addr().UnsafePointer(), at)).Elem(), reflect.NewAt(p, unsafe.Add(c.Addr().UnsafePointer(), at)).Elem())
		return
	}
	if isWord(t) {
		size := t.Size()
		require.Equal(m.t, unsafe.Slice((*byte)(v.Addr().UnsafePointer()), size), unsafe.Slice((*byte)(c.Addr().UnsafePointer()), size))
		return
	}
	switch t.Kind() {
	case reflect.Struct:
		for i := range t.NumField() {
			m.value(settable(v.Field(i)), settable(c.Field(i)))
		}
	case reflect.Array:
		for i := range v.Len() {
			m.value(v.Index(i), c.Index(i))
		}
	case reflect.Pointer:
		m.pointer(v, c)
	case reflect.Slice:
		m.slice(v, c)
	case reflect.Map:
		m.maps(v, c)
	case reflect.Interface:
		require.Equal(m.t, v.IsNil(), c.IsNil())
		if !v.IsNil() {
			require.Equal(m.t, v.Elem().Type(), c.Elem().Type())
			m.held(v.Elem(), c.Elem())
		}
	case reflect.Chan, reflect.Func, reflect.UnsafePointer:
		require.Equal(m.t, v.Pointer(), c.Pointer())
	case reflect.Float32, reflect.Float64:
		require.True(m.t, plainEqual(v, c))
	default:
		require.Equal(m.t, v.Interface(), c.Interface())
	}
}

// held compares what interfaces hold, by the box if it is one.
func (m *isomorphism) held(v, c reflect.Value) {
	if isSentinel(v.Type()) {
		return // kept, or part of the graph: see the tests of errors
	}
	if Of(v.Type()).direct {
		m.value(held(v), held(c))
		return
	}
	// Boxes are values: that they are shared matters for time alone.
	p, q := held(v), held(c)
	if len(Of(v.Type()).slots) > 0 && m.again(boxOf(v), boxOf(c), 0, v.Type()) {
		return
	}
	m.value(p, q)
}

// boxOf is where the box is that holds v.
func boxOf(v reflect.Value) uintptr {
	i := v.Interface()
	return uintptr((*eface)(unsafe.Pointer(&i)).data)
}

func (m *isomorphism) pointer(v, c reflect.Value) {
	require.Equal(m.t, v.IsNil(), c.IsNil())
	if v.IsNil() {
		return
	}
	if tenureOf(v.Type().Elem()) != owned {
		require.Equal(m.t, v.Pointer(), c.Pointer(), "a %v is kept", v.Type())
		return
	}
	if m.again(v.Pointer(), c.Pointer(), -1, v.Type()) {
		return
	}
	m.region(v.Pointer(), c.Pointer(), v.Type().Elem().Size())
	m.value(v.Elem(), c.Elem())
}

func (m *isomorphism) slice(v, c reflect.Value) {
	require.Equal(m.t, v.IsNil(), c.IsNil())
	require.Equal(m.t, v.Len(), c.Len())
	require.Equal(m.t, v.Cap(), c.Cap())
	if v.Cap() == 0 || v.Type().Elem().Size() == 0 || m.again(v.Pointer(), c.Pointer(), v.Cap(), v.Type()) {
		return
	}
	m.region(v.Pointer(), c.Pointer(), v.Type().Elem().Size()*uintptr(v.Cap()))
	for i := range v.Cap() {
		m.value(v.Slice(0, v.Cap()).Index(i), c.Slice(0, v.Cap()).Index(i))
	}
}

func (m *isomorphism) maps(v, c reflect.Value) {
	require.Equal(m.t, v.IsNil(), c.IsNil())
	if v.IsNil() || m.again(v.Pointer(), c.Pointer(), -1, v.Type()) {
		return
	}
	require.Equal(m.t, v.Len(), c.Len())
	m.region(v.Pointer(), c.Pointer(), 1)
	for it := v.MapRange(); it.Next(); {
		if other := c.MapIndex(it.Key()); other.IsValid() {
			m.value(held(it.Value()), held(other))
		}
		// Keys that are not found correspond: equality says so.
	}
}

func (m *isomorphism) synced(v, c *sync.Map) {
	v.Range(func(key, val any) bool {
		if other, ok := c.Load(key); ok {
			p, q := reflect.ValueOf(&val).Elem(), reflect.ValueOf(&other).Elem()
			m.value(p, q)
		}
		return true
	})
}
