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
		if v.Cap() == v.Len() || v.Type().Elem().Size() == 0 {
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
		return plainHash(v.Elem(), mix(h, Of(v.Elem().Type()).id()))
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
	if a.Type() == reflect.TypeFor[parity]() {
		return a.Interface().(parity).Equal(b.Interface().(parity))
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
		return a.Len() == b.Len() && plainMapEqual(a, b)
	}
	return a.Interface() == b.Interface()
}

// plainMapEqual matches entries one by one: their keys are equal by ==, or else
// alike in their parts.
func plainMapEqual(a, b reflect.Value) bool {
	used := map[int]bool{}
	var keys, vals []reflect.Value
	for it := b.MapRange(); it.Next(); {
		keys, vals = append(keys, it.Key()), append(vals, it.Value())
	}
	for it := a.MapRange(); it.Next(); {
		found := false
		for i, k := range keys {
			alike := it.Key().Interface() == k.Interface()
			if it.Key().Interface() != it.Key().Interface() {
				alike = plainKeyEqual(it.Key(), k)
			}
			if !used[i] && alike && plainEqual(it.Value(), vals[i]) {
				used[i], found = true, true
				break
			}
		}
		if !found {
			return false
		}
	}
	return true
}

// plainKeyEqual is == but for NaN, which equals itself.
func plainKeyEqual(a, b reflect.Value) bool {
	switch a.Kind() {
	case reflect.Float32, reflect.Float64:
		x, y := a.Float(), b.Float()
		return x == y || x != x && y != y
	case reflect.Array:
		for i := range a.Len() {
			if !plainKeyEqual(a.Index(i), b.Index(i)) {
				return false
			}
		}
		return true
	case reflect.Struct:
		for i := range a.NumField() {
			if !plainKeyEqual(a.Field(i), b.Field(i)) {
				return false
			}
		}
		return true
	case reflect.Interface:
		if a.IsNil() || b.IsNil() {
			return a.IsNil() == b.IsNil()
		}
		return a.Elem().Type() == b.Elem().Type() && plainKeyEqual(a.Elem(), b.Elem())
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

// drawType draws a type; one that can be a key of a map if key is set.
func drawType(t *rapid.T, depth int, key bool) reflect.Type {
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
		return reflect.ArrayOf(rapid.IntRange(0, 2).Draw(t, "len"), drawType(t, depth-1, key))
	case "struct":
		fields := make([]reflect.StructField, rapid.IntRange(0, len(fieldNames)).Draw(t, "fields"))
		for i := range fields {
			fields[i] = reflect.StructField{Name: fieldNames[i], Type: drawType(t, depth-1, key)}
		}
		return reflect.StructOf(fields)
	case "any":
		return reflect.TypeFor[any]()
	case "map":
		return reflect.MapOf(drawType(t, 1, true), drawType(t, depth-1, false))
	case "slice":
		return reflect.SliceOf(drawType(t, depth-1, false))
	case "pointer":
		return reflect.PointerTo(drawType(t, depth-1, false))
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
		typ := drawType(t, 3, false)
		if rapid.Bool().Draw(t, "map") {
			typ = reflect.MapOf(drawType(t, 0, true), drawType(t, 0, false))
			maps++
		}
		of, w := Of(typ), new(walk)
		for range 8 {
			a, b := reflect.New(typ).Elem(), reflect.New(typ).Elem()
			fill(t, a)
			fill(t, b)
			pa, pb := a.Addr().UnsafePointer(), b.Addr().UnsafePointer()
			require.Equal(t, plainHash(a, 0), of.fingerprintAt(w, pa), "hash of a %v: %#v", typ, a)
			for _, pair := range [][2]reflect.Value{{a, b}, {b, a}, {a, a}} {
				want := plainEqual(pair[0], pair[1])
				got := of.equalAt(w, pair[0].Addr().UnsafePointer(), pair[1].Addr().UnsafePointer())
				require.Equal(t, want, got, "%v: %#v = %#v", typ, pair[0], pair[1])
				compared++
				if got {
					equal++
				}
			}
			require.Equal(t, plainHash(b, 0), of.fingerprintAt(w, pb))
		}
	})
	if !testing.Short() {
		assert.Greater(t, equal*10, compared, "equal values are met")
		assert.Positive(t, maps)
	}
}

// Every scalar as the key and the value of a map: what is read as a map of other
// types must be laid out as one.
func TestMapsOfAllScalars(t *testing.T) {
	for _, key := range scalars {
		for _, val := range scalars {
			typ := reflect.MapOf(key, val)
			t.Run(typ.String(), func(t *testing.T) {
				of, w := Of(typ), new(walk)
				rapid.Check(quiet{t}, func(t *rapid.T) {
					a, b := reflect.New(typ).Elem(), reflect.New(typ).Elem()
					fill(t, a)
					fill(t, b)
					_ = rapid.Bool().Draw(t, "so that rapid has a draw")
					pa, pb := a.Addr().UnsafePointer(), b.Addr().UnsafePointer()
					require.Equal(t, plainHash(a, 0), of.fingerprintAt(w, pa))
					require.Equal(t, plainEqual(a, b), of.equalAt(w, pa, pb))
					require.Equal(t, plainEqual(a, a), of.equalAt(w, pa, pa))
					c := of.Clone(a.Interface())
					require.Equal(t, a.IsNil(), reflect.ValueOf(c).IsNil())
					require.True(t, plainEqual(a, reflect.ValueOf(c)), "%#v and its copy %#v", a, c)
				})
			})
		}
	}
}

// quiet drops what rapid logs about each passed run.
type quiet struct{ *testing.T }

func (quiet) Logf(string, ...any) {}
