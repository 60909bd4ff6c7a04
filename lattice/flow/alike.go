package flow

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/joinery-go/joinery/lattice"
)

// likeness is what came of trying two merges on the same values.
type likeness struct {
	pairs  int    // of values that they join alike
	differ string // a pair that they do not, and what each makes of it
}

// The bounds of what two merges are tried on.
const (
	mostValues = 12
	mostDepth  = 4
)

// alike tries two merges on pairs of values: on what each says is its ⊥ and its ⊤, and on
// small values of their type, where values of that type need no care to be made (see made).
// A pair on which either is not the join of a lattice is none of its domain, and says
// nothing. So does one of which either merge says that the outcomes are equal.
func alike[T any](a, b lattice.Merge[T]) likeness {
	var values []T
	for _, v := range made(reflect.TypeFor[T](), mostDepth) {
		values = append(values, v.Interface().(T))
	}
	for _, m := range []lattice.Merge[T]{a, b} {
		caps := lattice.CapsOf(m)
		for _, f := range []func() T{caps.Bottom, caps.Top} {
			if f != nil {
				if v, ok := attempt(f); ok {
					values = append(values, v)
				}
			}
		}
	}
	var l likeness
	for _, x := range values {
		for _, y := range values {
			byA, okA := joinedWithin(a, x, y)
			byB, okB := joinedWithin(b, x, y)
			if !okA || !okB {
				continue
			}
			equal, ok := attempt(func() bool {
				return a.Compare(byA, byB) == lattice.Equal || b.Compare(byA, byB) == lattice.Equal
			})
			switch {
			case !ok:
			case equal:
				l.pairs++
			default:
				return likeness{differ: fmt.Sprintf("of %v and %v the one makes %v, the other %v", x, y, byA, byB)}
			}
		}
	}
	return l
}

// joinedWithin is the join of two values, if m is the join of a lattice on them.
func joinedWithin[T any](m lattice.Merge[T], x, y T) (joined T, ok bool) {
	holds, ok := attempt(func() bool {
		bottom := lattice.CapsOf(m).Bottom
		for _, v := range []T{x, y} {
			if m.Compare(v, v) != lattice.Equal || m.Compare(lattice.Join(m, v, v), v) != lattice.Equal {
				return false
			}
			if bottom != nil && !m.Compare(bottom(), v).Leq() {
				return false
			}
		}
		joined = lattice.Join(m, x, y)
		return m.Compare(x, joined).Leq() && m.Compare(y, joined).Leq() && m.Compare(joined, lattice.Join(m, y, x)) == lattice.Equal
	})
	return joined, ok && holds
}

// attempt is what f returns, unless it panics: a value may be none that it is for.
func attempt[T any](f func() T) (v T, ok bool) {
	defer func() { _ = recover() }()
	return f(), true
}

// made is a few values of a type: of booleans, numbers and strings, and of maps, slices,
// arrays, pairs and options of such. Slices have at most one element, so that they are in
// order whichever that is. Of other structs, pointers and interfaces there are none, since
// what holds between their parts is not known.
func made(t reflect.Type, depth int) (values []reflect.Value) {
	if depth == 0 {
		return nil
	}
	add := func(v any) { values = append(values, reflect.ValueOf(v).Convert(t)) }
	switch t.Kind() {
	case reflect.Bool:
		add(false)
		add(true)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		for _, v := range []int8{0, 1, 2, -1} {
			add(v)
		}
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		for _, v := range []uint8{0, 1, 2} {
			add(v)
		}
	case reflect.Float32, reflect.Float64:
		for _, v := range []float32{0, 1, 2.5, -1} {
			add(v)
		}
	case reflect.String:
		for _, v := range []string{"", "a", "b"} {
			add(v)
		}
	case reflect.Slice:
		values = append(values, reflect.Zero(t))
		for _, e := range made(t.Elem(), depth-1) {
			values = append(values, reflect.Append(reflect.Zero(t), e))
		}
	case reflect.Map:
		values = madeMaps(t, depth)
	case reflect.Struct:
		values = madeStructs(t, depth)
	}
	return values[:min(len(values), mostValues)]
}

// madeMaps is maps of at most one entry.
func madeMaps(t reflect.Type, depth int) []reflect.Value {
	values := []reflect.Value{reflect.MakeMap(t)}
	for _, e := range made(t.Elem(), depth-1) {
		for i, k := range made(t.Key(), depth-1) {
			if i < 2 {
				m := reflect.MakeMap(t)
				m.SetMapIndex(k, e)
				values = append(values, m)
			}
		}
	}
	return values
}

// madeStructs is pairs and options, and the struct of nothing.
func madeStructs(t reflect.Type, depth int) (values []reflect.Value) {
	own := t.PkgPath() == reflect.TypeFor[lattice.Order]().PkgPath()
	switch {
	case t.NumField() == 0:
		return []reflect.Value{reflect.Zero(t)}
	case own && strings.HasPrefix(t.Name(), "Pair["):
		for i, first := range made(t.Field(0).Type, depth-1) {
			for j, second := range made(t.Field(1).Type, depth-1) {
				if i < 3 && j < 3 {
					v := reflect.New(t).Elem()
					v.Field(0).Set(first)
					v.Field(1).Set(second)
					values = append(values, v)
				}
			}
		}
	case own && strings.HasPrefix(t.Name(), "Option["):
		values = append(values, reflect.Zero(t))
		for _, val := range made(t.Field(1).Type, depth-1) {
			v := reflect.New(t).Elem()
			v.Field(0).SetBool(true)
			v.Field(1).Set(val)
			values = append(values, v)
		}
	}
	return values
}
