package deep

import "reflect"

// A box is a value of some type at an address of its own: an any that holds a *T.
// The functions below are those of this package for boxes of a type that is known
// when the program runs, so that who calls them is compiled once for all types.

// EqualBoxes is [EqualFunc] for boxes of t.
func EqualBoxes(t reflect.Type) func(a, b any) bool {
	eq := equalOf(t)
	w := new(walk)
	return func(a, b any) bool {
		w.begin()
		return eq(w, reflect.ValueOf(a).UnsafePointer(), reflect.ValueOf(b).UnsafePointer())
	}
}

// FingerprintBoxes is [FingerprintFunc] for boxes of t.
func FingerprintBoxes(t reflect.Type) func(v any) uint64 {
	hash := hashOf(t)
	w := new(walk)
	return func(v any) uint64 {
		w.begin()
		return hash(w, reflect.ValueOf(v).UnsafePointer(), 0)
	}
}

// CloneBox is [Clone] for a box.
func CloneBox(v any) any { return copyBox(v, cloner{}) }

// VariantBox is [Variant] for a box.
func VariantBox(v any) any { return copyBox(v, cloner{vary: true}) }

func copyBox(v any, c cloner) any {
	src := reflect.ValueOf(v).Elem()
	dst := reflect.New(src.Type())
	c.copy(dst.Elem(), src)
	return dst.Interface()
}

// LiteralBox is [Literal] for a box.
func LiteralBox(v any) string {
	p := printer{}
	p.value(reflect.ValueOf(v).Elem(), false)
	return p.b.String()
}
