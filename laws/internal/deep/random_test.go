//lint:file-ignore U1000 what is never used here is read by reflection

package deep

import (
	"reflect"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// Law: a copy is isomorphic, equal and independent; looking at a value changes
// nothing; what is printed is short and the same for the copy; whatever the type.
func TestAnyValueOfAnyType(t *testing.T) {
	var c counts
	rapid.Check(t, func(t *rapid.T) {
		for range 4 {
			of, v := drawGraph(t)
			checkValue(t, of, v, &c)
		}
	})
	if !testing.Short() {
		assert.Greater(t, c.written, 50, "writes are tried")
		assert.Greater(t, c.unequal, 20, "and seen by equality")
	}
}

// counts are what the values of a test were good for.
type counts struct{ written, unequal int }

func checkValue(t *rapid.T, of *Type, v reflect.Value, c *counts) {
	at := v.Addr().UnsafePointer()
	fp := of.FingerprintAt(at)
	copied := reflect.New(of.t).Elem()
	to := copied.Addr().UnsafePointer()
	of.CloneAt(to, at)
	isomorphic(t, v, copied)
	byGraph := reflect.New(of.t).Elem()
	(&copier{}).copy(of, byGraph.Addr().UnsafePointer(), at)
	isomorphic(t, v, byGraph)
	require.True(t, of.EqualAt(at, to), "%v: equal to its copy", of)
	require.True(t, of.EqualAt(to, at), "%v: its copy equal to it", of)

	text := literal(v, 500)
	require.Less(t, len(text), 20_000, "%v", of)
	require.Equal(t, text, literal(copied, 500), "%v", of)
	require.Equal(t, "no difference", of.DifferencesAt(at, to, DifferenceOptions{}).String(), "%v", of)
	require.Equal(t, "no difference", of.DifferencesAt(at, to, DifferenceOptions{Memory: true}).String(), "%v", of)
	size := of.SizeAt(at, 1000)
	require.Equal(t, size, of.SizeAt(to, 1000), "%v", of)
	require.Equal(t, min(size, 7), of.SizeAt(at, 7), "%v", of)

	varied := reflect.New(of.t).Elem()
	of.VariantAt(varied.Addr().UnsafePointer(), at)
	require.True(t, of.EqualAt(at, varied.Addr().UnsafePointer()), "%v: equal to its variant", of)
	require.True(t, of.EqualAt(varied.Addr().UnsafePointer(), at), "%v: its variant equal to it", of)
	require.Equal(t, fp, of.FingerprintAt(at), "%v: looked at", of)

	checkWrites(t, of, at, copied, c)
	require.Equal(t, fp, of.FingerprintAt(at), "%v: writes into the copy", of)
}

// checkWrites writes into the copy of the value at an address.
func checkWrites(t *rapid.T, of *Type, at unsafe.Pointer, copied reflect.Value, c *counts) {
	to := copied.Addr().UnsafePointer()
	was := of.FingerprintAt(to)
	var places []reflect.Value
	scalarsOf(copied, func(v reflect.Value) { places = append(places, v) })
	for range min(len(places), 6) {
		place := places[rapid.IntRange(0, len(places)-1).Draw(t, "place")]
		before := held(place)
		edit(place)
		require.NotEqual(t, was, of.FingerprintAt(to), "%v: a write into a %v", of, place.Type())
		c.written++
		if !of.EqualAt(at, to) {
			c.unequal++
			require.NotEqual(t, "no difference", of.DifferencesAt(at, to, DifferenceOptions{}).String(), "%v", of)
		}
		require.NotEqual(t, "no difference", of.DifferencesAt(at, to, DifferenceOptions{Memory: true}).String(), "%v: a %v", of, place.Type())
		place.Set(before)
		require.Equal(t, was, of.FingerprintAt(to), "%v", of)
	}
	for _, place := range places {
		edit(place)
	}
}

// edit writes another value into a place that holds a number, a string or a bool.
func edit(v reflect.Value) {
	switch v.Kind() {
	case reflect.Bool:
		v.SetBool(!v.Bool())
	case reflect.String:
		v.SetString(v.String() + "!")
	default: // other bits, and another value
		b := unsafe.Slice((*byte)(v.Addr().UnsafePointer()), v.Type().Size())
		b[0] ^= 0x04
		b[len(b)-1] ^= 0x40
	}
}

// scalarsOf visits every place that v owns and that holds a number, a string or a
// bool, once.
func scalarsOf(v reflect.Value, visit func(reflect.Value)) {
	memory{seen: map[memoryKey]bool{}, scalar: visit}.walk(v)
}

type memoryKey struct {
	p uintptr
	n int
	t reflect.Type
}

// memory is a plain walk over what a value owns, to which the rules of the package
// are known.
type memory struct {
	seen   map[memoryKey]bool
	scalar func(reflect.Value)
}

func (m memory) walk(v reflect.Value) {
	t := v.Type()
	switch {
	case isWord(t) || isSync(t) || isSyncMap(t) || t.Size() == 0:
		return
	case t.PkgPath() == "sync/atomic":
		if p, ok := atomicPointee(t); ok {
			m.walk(reflect.NewAt(p, unsafe.Add(v.Addr().UnsafePointer(), atomicWord(t))).Elem())
			return
		}
	}
	switch t.Kind() {
	case reflect.Struct:
		for i := range t.NumField() {
			if !ignored(t, t.Field(i)) {
				m.walk(settable(v.Field(i)))
			}
		}
	case reflect.Array:
		for i := range v.Len() {
			m.walk(v.Index(i))
		}
	case reflect.Pointer:
		if !v.IsNil() && tenureOf(t.Elem()) == owned && m.first(v.Pointer(), -1, t) {
			m.walk(v.Elem())
		}
	case reflect.Slice:
		whole := v.Slice(0, v.Cap())
		if v.Cap() > 0 && t.Elem().Size() > 0 && m.first(v.Pointer(), v.Cap(), t) {
			for i := range whole.Len() {
				m.walk(whole.Index(i))
			}
		}
	case reflect.Map:
		if !v.IsNil() && m.first(v.Pointer(), -1, t) {
			// In an order of its own, or a case could not be drawn again.
			for _, e := range newPrinter(0, t).sortedKeys(v) {
				m.indirect(e.val)
			}
		}
	case reflect.Interface:
		if !v.IsNil() && !isSentinel(v.Elem().Type()) {
			m.indirect(v.Elem())
		}
	case reflect.Func, reflect.Chan, reflect.UnsafePointer:
	default:
		if m.first(v.Addr().Pointer(), -2, t) {
			m.scalar(v)
		}
	}
}

// indirect walks over what a value that has no place of its own refers to.
func (m memory) indirect(v reflect.Value) {
	if Of(v.Type()).direct || v.Kind() == reflect.Slice {
		m.walk(held(v))
	}
}

func (m memory) first(p uintptr, n int, t reflect.Type) bool {
	key := memoryKey{p, n, t}
	if m.seen[key] {
		return false
	}
	m.seen[key] = true
	return true
}
