package deep

import (
	"hash/maphash"
	"math"
	"reflect"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// plainHash is what fingerprints are, by reflection alone: the twin of what is
// compiled. It knows no cycles.
func plainHash(v reflect.Value, h uint64) uint64 {
	switch v.Kind() {
	case reflect.String:
		return mix(h, maphash.String(stringSeed, v.String()))
	case reflect.Bool:
		if v.Bool() {
			return mix(h, 1)
		}
		return mix(h, 0)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return mix(h, uint64(v.Int())&(math.MaxUint64>>(64-v.Type().Bits())))
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		return mix(h, v.Uint())
	case reflect.Float32:
		return mix(h, uint64(math.Float32bits(float32(v.Float()))))
	case reflect.Float64:
		return mix(h, math.Float64bits(v.Float()))
	case reflect.Struct:
		for i := range v.NumField() {
			h = plainHash(v.Field(i), h)
		}
		return h
	case reflect.Array:
		return plainHashes(v, h)
	case reflect.Slice:
		h = plainHashes(v, mix(h, uint64(v.Len())))
		if v.Cap() == v.Len() {
			return h
		}
		return plainHashes(v.Slice(v.Len(), v.Cap()), mix(h, math.MaxUint64))
	case reflect.Pointer:
		if v.IsNil() {
			return mix(h, 0)
		}
		return plainHash(v.Elem(), mix(h, 1))
	case reflect.Interface:
		if v.IsNil() {
			return mix(h, 0)
		}
		return plainHash(v.Elem(), mix(h, maphash.String(stringSeed, v.Elem().Type().String())))
	case reflect.Map:
		h = mix(h, uint64(v.Len()))
		if v.Len() == 0 {
			return h
		}
		var sum uint64
		for it := v.MapRange(); it.Next(); {
			sum += plainHash(it.Value(), plainHash(it.Key(), 1))
		}
		return mix(h, sum)
	}
	panic("no twin for " + v.Type().String())
}

func plainHashes(v reflect.Value, h uint64) uint64 {
	for i := range v.Len() {
		h = plainHash(v.Index(i), h)
	}
	return h
}

// plainEqual is the twin of what equality is compiled to.
func plainEqual(a, b reflect.Value) bool {
	if hasEqual(a.Type()) {
		m, _ := a.Type().MethodByName("Equal")
		return m.Func.Call([]reflect.Value{a, b})[0].Bool()
	}
	switch a.Kind() {
	case reflect.Float32, reflect.Float64:
		x, y := a.Float(), b.Float()
		return x == y || math.IsNaN(x) && math.IsNaN(y)
	case reflect.Struct:
		for i := range a.NumField() {
			if !plainEqual(a.Field(i), b.Field(i)) {
				return false
			}
		}
		return true
	case reflect.Array, reflect.Slice:
		if a.Len() != b.Len() {
			return false
		}
		for i := range a.Len() {
			if !plainEqual(a.Index(i), b.Index(i)) {
				return false
			}
		}
		return true
	case reflect.Pointer, reflect.Interface:
		if a.IsNil() || b.IsNil() {
			return a.IsNil() == b.IsNil()
		}
		return a.Elem().Type() == b.Elem().Type() && plainEqual(a.Elem(), b.Elem())
	case reflect.Map:
		if a.Len() != b.Len() {
			return false
		}
		for it := a.MapRange(); it.Next(); {
			v := b.MapIndex(it.Key())
			if !v.IsValid() || !plainEqual(it.Value(), v) {
				return false
			}
		}
		return true
	}
	return a.Interface() == b.Interface()
}

type (
	mode   uint8
	title  string
	weight float64
	mark   struct{}
	wide   struct{ _ [0]uint64 } // no bytes, but aligned as a word
	parity int                   // equal where both are even or both odd
)

func (p parity) Equal(q parity) bool { return p&1 == q&1 }

var scalars = []reflect.Type{
	reflect.TypeFor[string](), reflect.TypeFor[int](), reflect.TypeFor[bool](), reflect.TypeFor[float64](),
	reflect.TypeFor[int8](), reflect.TypeFor[int16](), reflect.TypeFor[int32](), reflect.TypeFor[int64](),
	reflect.TypeFor[uint](), reflect.TypeFor[uint8](), reflect.TypeFor[uint16](), reflect.TypeFor[uint32](),
	reflect.TypeFor[uint64](), reflect.TypeFor[uintptr](), reflect.TypeFor[float32](), reflect.TypeFor[mode](),
	reflect.TypeFor[title](), reflect.TypeFor[weight](), reflect.TypeFor[mark](), reflect.TypeFor[wide](),
	reflect.TypeFor[parity](),
}

var fieldNames = []string{"A", "B", "C"}

// anyType draws a type; one that can be a key of a map if key is set.
func anyType(t *rapid.T, depth int, key bool) reflect.Type {
	form := "scalar"
	if depth > 0 {
		forms := []string{"scalar", "array", "struct", "any", "map", "slice", "pointer"}
		if key {
			forms = forms[:3]
		}
		form = rapid.SampledFrom(forms).Draw(t, "form")
	}
	switch form {
	case "array":
		return reflect.ArrayOf(rapid.IntRange(0, 2).Draw(t, "len"), anyType(t, depth-1, key))
	case "struct":
		fields := make([]reflect.StructField, rapid.IntRange(0, len(fieldNames)).Draw(t, "fields"))
		for i := range fields {
			fields[i] = reflect.StructField{Name: fieldNames[i], Type: anyType(t, depth-1, key)}
		}
		return reflect.StructOf(fields)
	case "any":
		return reflect.TypeFor[any]()
	case "map":
		return reflect.MapOf(anyType(t, 1, true), anyType(t, depth-1, false))
	case "slice":
		return reflect.SliceOf(anyType(t, depth-1, false))
	case "pointer":
		return reflect.PointerTo(anyType(t, depth-1, false))
	}
	return rapid.SampledFrom(scalars).Draw(t, "scalar")
}

// fill draws a value from few, so that equal ones are met.
func fill(t *rapid.T, v reflect.Value) {
	few := rapid.IntRange(-1, 2)
	switch v.Kind() {
	case reflect.String:
		v.SetString(rapid.SampledFrom([]string{"", "a", "b"}).Draw(t, "string"))
	case reflect.Bool:
		v.SetBool(rapid.Bool().Draw(t, "bool"))
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		v.SetInt(int64(few.Draw(t, "int")))
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		v.SetUint(uint64(few.Draw(t, "uint")+1) << (v.Type().Bits() - 2))
	case reflect.Float32, reflect.Float64:
		v.SetFloat(rapid.SampledFrom([]float64{0, math.Copysign(0, -1), 1.5, math.NaN(), math.Inf(1)}).Draw(t, "float"))
	case reflect.Struct:
		for i := range v.NumField() {
			fill(t, v.Field(i))
		}
	case reflect.Array:
		for i := range v.Len() {
			fill(t, v.Index(i))
		}
	case reflect.Interface:
		fillNew(t, v, rapid.SampledFrom(scalars).Draw(t, "dynamic"))
	case reflect.Pointer:
		if rapid.Bool().Draw(t, "nil") {
			return
		}
		v.Set(reflect.New(v.Type().Elem()))
		fill(t, v.Elem())
	case reflect.Slice:
		n := few.Draw(t, "len")
		if n < 0 {
			return
		}
		v.Set(reflect.MakeSlice(v.Type(), n, n+rapid.IntRange(0, 1).Draw(t, "spare")))
		whole := v.Slice(0, v.Cap())
		for i := range whole.Len() {
			fill(t, whole.Index(i))
		}
	case reflect.Map:
		n := few.Draw(t, "len")
		if n < 0 {
			return
		}
		v.Set(reflect.MakeMap(v.Type()))
		for range 3 * n {
			key, val := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
			fill(t, key)
			fill(t, val)
			v.SetMapIndex(key, val)
		}
	}
}

func fillNew(t *rapid.T, v reflect.Value, dynamic reflect.Type) {
	held := reflect.New(dynamic).Elem()
	fill(t, held)
	v.Set(held)
}

// Law: what types are compiled to agrees with plain reflection, on values of types
// drawn at random: fingerprints to the bit, equality in both directions and of a
// value with its copies. One walk serves all values of a type, as in a check.
func TestCompiledAgreesWithReflection(t *testing.T) {
	compared, equal, maps := 0, 0, 0
	rapid.Check(t, func(t *rapid.T) {
		typ := anyType(t, 3, false)
		if rapid.Bool().Draw(t, "map") {
			typ = reflect.MapOf(anyType(t, 0, true), anyType(t, 0, false))
			maps++
		}
		hash, eq, w := hashOf(typ), equalOf(typ), new(walk)
		for range 8 {
			a, b := reflect.New(typ).Elem(), reflect.New(typ).Elem()
			fill(t, a)
			fill(t, b)
			pa, pb := a.Addr().UnsafePointer(), b.Addr().UnsafePointer()
			w.begin()
			require.Equal(t, plainHash(a, 0), hash(w, pa, 0), "hash of a %v: %#v", typ, a)
			for _, pair := range [][2]reflect.Value{{a, b}, {b, a}, {a, a}} {
				w.begin()
				want := plainEqual(pair[0], pair[1])
				got := eq(w, pair[0].Addr().UnsafePointer(), pair[1].Addr().UnsafePointer())
				require.Equal(t, want, got, "%v: %#v = %#v", typ, pair[0], pair[1])
				compared++
				if got {
					equal++
				}
			}
			w.begin()
			require.Equal(t, plainHash(b, 0), hash(w, pb, 0))
		}
	})
	assert.Greater(t, equal*10, compared, "equal values are met")
	assert.Greater(t, maps, 0)
}

// Every scalar as the key and the value of a map: what is read as a map of other
// types must be laid out as one.
func TestMapsOfAllScalars(t *testing.T) {
	for _, key := range scalars {
		for _, val := range scalars {
			typ := reflect.MapOf(key, val)
			t.Run(typ.String(), func(t *testing.T) {
				hash, eq, w := hashOf(typ), equalOf(typ), new(walk)
				rapid.Check(quiet{t}, func(t *rapid.T) {
					a, b := reflect.New(typ).Elem(), reflect.New(typ).Elem()
					fill(t, a)
					fill(t, b)
					_ = rapid.Bool().Draw(t, "so that rapid has a draw")
					pa, pb := a.Addr().UnsafePointer(), b.Addr().UnsafePointer()
					require.Equal(t, plainHash(a, 0), hash(w, pa, 0))
					require.Equal(t, plainEqual(a, b), eq(w, pa, pb))
					require.Equal(t, plainEqual(a, a), eq(w, pa, pa))
				})
			})
		}
	}
}

// quiet drops what rapid logs about each passed run.
type quiet struct{ *testing.T }

func (quiet) Logf(string, ...any) {}
