// Package deep compares, fingerprints, copies and prints values of any plain Go
// type by looking inside them, unexported fields included.
//
// It exists for law checking: states are compared structurally unless their type
// says otherwise, writes into arguments are found by fingerprints, and
// counterexamples are printed as Go literals. It refuses what cannot be looked
// into: functions, channels and unsafe pointers are an error of [Check]. Types
// are taken apart once, into closures over addresses, so that comparing a value
// many times costs no reflection where the type allows it.
package deep

import (
	"errors"
	"fmt"
	"reflect"
	"unsafe"
)

// ErrOpaque is wrapped by the error of [Check].
var ErrOpaque = errors.New("has no structural equality")

// Check reports whether values of t can be compared structurally; the error
// names the first field that cannot. Types with an Equal method of their own are
// taken at their word.
func Check(t reflect.Type) error { return check(t, t.String(), map[reflect.Type]bool{}) }

func check(t reflect.Type, path string, seen map[reflect.Type]bool) error {
	if seen[t] || hasEqual(t) {
		return nil
	}
	seen[t] = true
	switch t.Kind() {
	case reflect.Func, reflect.Chan, reflect.UnsafePointer:
		return fmt.Errorf("%s is a %s, which %w", path, t.Kind(), ErrOpaque)
	case reflect.Struct:
		for i := range t.NumField() {
			if err := check(t.Field(i).Type, path+"."+t.Field(i).Name, seen); err != nil {
				return err
			}
		}
	case reflect.Slice, reflect.Array:
		return check(t.Elem(), path+"[]", seen)
	case reflect.Pointer:
		return check(t.Elem(), "(*"+path+")", seen)
	case reflect.Map:
		if err := check(t.Key(), path+"[key]", seen); err != nil {
			return err
		}
		return check(t.Elem(), path+"[]", seen)
	}
	return nil
}

// hasEqual reports a method Equal(t) bool on t.
func hasEqual(t reflect.Type) bool {
	m, ok := t.MethodByName("Equal")
	if !ok || t.Kind() == reflect.Interface {
		return false
	}
	f := m.Type
	return f.NumIn() == 2 && f.In(1) == t && f.NumOut() == 1 && f.Out(0).Kind() == reflect.Bool && !f.IsVariadic()
}

// Plain reports whether values of t hold no memory that copies share: copying by
// assignment is then a deep copy. Strings are immutable and so plain.
func Plain(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Pointer, reflect.Map, reflect.Slice, reflect.Interface,
		reflect.Func, reflect.Chan, reflect.UnsafePointer:
		return false
	case reflect.Array:
		return t.Len() == 0 || Plain(t.Elem())
	case reflect.Struct:
		for i := range t.NumField() {
			if !Plain(t.Field(i).Type) {
				return false
			}
		}
	}
	return true
}

// sliceHeader is the memory of a slice of any type.
type sliceHeader struct {
	data     unsafe.Pointer
	len, cap int
}

// walk carries what keeps walks over cyclic values finite, and from one walk to the
// next where the entries of maps are put.
type walk struct {
	depth int
	seen  map[[2]unsafe.Pointer]bool
	idle  map[reflect.Type][]*entry
}

func (w *walk) begin() { w.depth, w.seen = 0, nil }

// entry is where reflection puts the entries of a map of some type, one by one.
type entry struct {
	key, val, other reflect.Value
	it              reflect.MapIter
}

// borrow returns a place for the entries of a map of type t. Maps of one type may
// hold each other, so there can be several at a time.
func (w *walk) borrow(t reflect.Type) *entry {
	idle := w.idle[t]
	if last := len(idle) - 1; last >= 0 {
		w.idle[t] = idle[:last]
		return idle[last]
	}
	return &entry{key: reflect.New(t.Key()).Elem(), val: reflect.New(t.Elem()).Elem(), other: reflect.New(t.Elem()).Elem()}
}

// giveBack ends the use of a place; it holds on to nothing that was put there.
func (w *walk) giveBack(t reflect.Type, e *entry) {
	e.key.SetZero()
	e.val.SetZero()
	e.other.SetZero()
	e.it.Reset(reflect.Value{})
	if w.idle == nil {
		w.idle = make(map[reflect.Type][]*entry)
	}
	w.idle[t] = append(w.idle[t], e)
}

// deepEnough is the depth of pointers from which on a walk remembers where it was.
const deepEnough = 100

// enter reports whether the pair of pointers was met on this walk before.
func (w *walk) enter(a, b unsafe.Pointer) (again bool) {
	w.depth++
	if w.depth <= deepEnough {
		return false
	}
	if w.seen == nil {
		w.seen = make(map[[2]unsafe.Pointer]bool)
	}
	key := [2]unsafe.Pointer{a, b}
	if w.seen[key] {
		return true
	}
	w.seen[key] = true
	return false
}

func (w *walk) leave() { w.depth-- }

// settable makes a field that reflection refuses to touch touchable. v must be
// addressable.
func settable(v reflect.Value) reflect.Value {
	return reflect.NewAt(v.Type(), v.Addr().UnsafePointer()).Elem()
}
