package deep

import (
	"reflect"
	"unsafe"
)

// A box is a value at an address of its own: an any that holds a *T. The functions
// below are those of this package for boxes of a type that is known when the program
// runs, so that who calls them is compiled once for all types.

// EqualBoxes is [EqualFunc] for boxes of t.
func EqualBoxes(t reflect.Type) func(a, b any) bool {
	of, w := Of(t), new(walk)
	return func(a, b any) bool { return of.equalAt(w, boxed(a), boxed(b)) }
}

// FingerprintBoxes is [FingerprintFunc] for boxes of t.
func FingerprintBoxes(t reflect.Type) func(v any) uint64 {
	of, w := Of(t), new(walk)
	return func(v any) uint64 { return of.fingerprintAt(w, boxed(v)) }
}

// CloneBox is [Clone] for a box.
func CloneBox(v any) any {
	t, dst := made(v)
	t.CloneAt(dst.UnsafePointer(), boxed(v))
	return dst.Interface()
}

// CloneBoxes is [CloneBox] for boxes of t.
func CloneBoxes(t reflect.Type) func(v any) any {
	of := Of(t)
	return func(v any) any {
		dst := reflect.New(t)
		of.CloneAt(dst.UnsafePointer(), boxed(v))
		return dst.Interface()
	}
}

// VariantBox is [Variant] for a box.
func VariantBox(v any, o VariantOptions) any {
	t, dst := made(v)
	t.varyAt(dst.UnsafePointer(), boxed(v), o)
	return dst.Interface()
}

// LiteralBox is [Literal] for a box.
func LiteralBox(v any) string { return LiteralBoxWithin(v, LiteralLimit) }

// LiteralBoxWithin is [Type.LiteralWithin] for a box.
func LiteralBoxWithin(v any, limit int) string { return literal(reflect.ValueOf(v).Elem(), limit) }

// SizeOfBox is [Type.Size] for a box.
func SizeOfBox(v any, limit int) int {
	t, _ := made(v)
	return t.SizeAt(boxed(v), limit)
}

// DifferencesOfBoxes is [Type.Differences] for boxes.
func DifferencesOfBoxes(a, b any, o DifferenceOptions) Differences {
	t, _ := made(a)
	return t.DifferencesAt(boxed(a), boxed(b), o)
}

// boxed is where the value in a box lies.
func boxed(v any) unsafe.Pointer { return (*eface)(unsafe.Pointer(&v)).data }

// made is the type of what is in a box, and a new box for one.
func made(v any) (*Type, reflect.Value) {
	t := reflect.TypeOf(v).Elem()
	return Of(t), reflect.New(t)
}
