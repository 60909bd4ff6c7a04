package deep

import (
	"bytes"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"unsafe"
)

// equalMethod is a method Equal, or Equals, of a type that is its equality.
type equalMethod struct {
	index     int  // among the methods of the type, or of pointers to it
	onPointer bool // it has a pointer receiver
	pointer   bool // it takes a pointer
	takes     reflect.Type
	locks     bool // it may lock both values, so that it must not be given one twice
	stands    standIn
}

// standIn is what stands for a method Equal where types of the standard library have none
// and are one value in many forms.
type standIn uint8

const (
	itself   standIn = iota // Equal
	byCmp                   // Cmp, which returns 0 for equal values: numbers of package math/big
	byString                // String, of what was written and not yet read: buffers
)

// standInOf returns what stands for Equal of values of t. Of a type of somebody else's, a
// method Cmp may look at a part of the values, as that of timestamps does.
func standInOf(t reflect.Type) (m equalMethod, ok bool) {
	p := reflect.PointerTo(t)
	switch {
	case t.PkgPath() == "math/big" && t.Kind() == reflect.Struct:
		found, ok := p.MethodByName("Cmp")
		return equalMethod{index: found.Index, onPointer: true, pointer: true, takes: p, stands: byCmp}, ok
	case t == reflect.TypeFor[strings.Builder]() || t == reflect.TypeFor[bytes.Buffer]():
		found, ok := p.MethodByName("String")
		return equalMethod{index: found.Index, onPointer: true, takes: t, stands: byString}, ok
	}
	return equalMethod{}, false
}

// equalNames are the names of methods that may be the equality of their type; the first
// that is counts.
var equalNames = [...]string{"Equal", "Equals"}

// equalMethodOf returns the method that is the equality of values of t: what stands for
// such a method, or Equal, or Equals if that is not one.
func equalMethodOf(t reflect.Type) (m equalMethod, ok bool) {
	if t.Kind() == reflect.Interface || t.Kind() == reflect.Pointer || isWord(t) {
		return equalMethod{}, false
	}
	if m, ok := standInOf(t); ok {
		return m, true
	}
	for _, name := range equalNames {
		if m, ok := namedEqual(t, name); ok {
			return m, true
		}
	}
	return equalMethod{}, false
}

// namedEqual returns the method of that name if it is an equality: with
// one result of kind bool, on t or on *t, that takes a t, a *t, or an interface that
// one of them implements. A method that takes an interface may be that of an embedded
// field, promoted: where an embedded field has one that takes the same, it is left
// alone.
func namedEqual(t reflect.Type, name string) (m equalMethod, ok bool) {
	p := reflect.PointerTo(t)
	found, ok := p.MethodByName(name)
	if !ok || found.Type.NumIn() != 2 || found.Type.IsVariadic() ||
		found.Type.NumOut() != 1 || found.Type.Out(0).Kind() != reflect.Bool {
		return equalMethod{}, false
	}
	m = equalMethod{index: found.Index, onPointer: true, takes: found.Type.In(1), locks: locks(t)}
	if onValue, ok := t.MethodByName(name); ok {
		m.index, m.onPointer = onValue.Index, false
	}
	switch {
	case m.takes == t:
	case m.takes == p:
		m.pointer = true
	case m.takes.Kind() != reflect.Interface || promotes(t, name, m.takes):
		return equalMethod{}, false
	case !m.onPointer && t.Implements(m.takes):
	case p.Implements(m.takes):
		m.pointer = true
	default:
		return equalMethod{}, false
	}
	return m, true
}

// promotes reports whether an embedded field of t has a method of that name that takes
// the same.
func promotes(t reflect.Type, name string, takes reflect.Type) bool {
	if t.Kind() != reflect.Struct {
		return false
	}
	for i := range t.NumField() {
		f := t.Field(i)
		if !f.Anonymous {
			continue
		}
		methods, first := f.Type, 0
		switch f.Type.Kind() {
		case reflect.Interface:
		case reflect.Pointer:
			first = 1
		default:
			methods, first = reflect.PointerTo(f.Type), 1
		}
		if m, ok := methods.MethodByName(name); ok && m.Type.NumIn() == first+1 && m.Type.In(first) == takes {
			return true
		}
	}
	return false
}

// locks reports whether values of t hold a lock.
func locks(t reflect.Type) bool {
	return anyPart(t, func(part reflect.Type) bool { return part.PkgPath() == "sync" })
}

// equalByMethod compares values by their own method; keys of maps are compared by
// structure, as maps do.
func equalByMethod(made *Type, m equalMethod) equalFunc {
	t := made.t
	return func(w *walk, a, b unsafe.Pointer) bool {
		switch {
		case w.keys || w.structural:
			return made.same(w, a, b)
		case a == b && m.locks:
			return true
		}
		equal, ok := m.call(reflect.NewAt(t, a), reflect.NewAt(t, b))
		if !ok {
			return made.same(w, a, b)
		}
		if equal && w.record && len(made.slots) > 0 {
			w.relate(made, func(w *walk, a, b unsafe.Pointer, _ int) bool { return made.same(w, a, b) }, a, b, -1)
		}
		return equal
	}
}

// call compares what two pointers point to. It reports whether that could be done: what
// stands for Equal may panic on values that are none of their type's.
func (m *equalMethod) call(x, y reflect.Value) (equal, ok bool) {
	if m.stands != itself {
		defer func() {
			if !ok {
				_ = recover()
			}
		}()
	}
	switch m.stands {
	case byCmp:
		return x.Method(m.index).Call([]reflect.Value{y})[0].Int() == 0, true
	case byString:
		return x.Method(m.index).Call(nil)[0].String() == y.Method(m.index).Call(nil)[0].String(), true
	}
	if !m.pointer {
		y = y.Elem()
	}
	if !m.onPointer {
		x = x.Elem()
	}
	return x.Method(m.index).Call([]reflect.Value{y})[0].Bool(), true
}

// IgnoredEquals lists the types in t that have a method Equal or Equals which does not take
// part in the equality of t, each with the type of its method, in order: "Equal of pkg.T:
// func(string) bool". What interfaces hold is not known from t.
func IgnoredEquals(t reflect.Type) []string {
	var found []string
	// It never stops, and so there is no error.
	_ = inspect(t, "", map[reflect.Type]bool{}, func(part reflect.Type, _ string) (bool, error) {
		if _, ok := equalMethodOf(part); ok {
			return true, nil
		}
		if part.Kind() == reflect.Interface || part.Kind() == reflect.Pointer || isWord(part) {
			return false, nil
		}
		for _, name := range equalNames {
			if m, ok := reflect.PointerTo(part).MethodByName(name); ok {
				x := reflect.New(part)
				found = append(found, fmt.Sprintf("%s of %s: %s", name, TypeName(part), TypeName(x.Method(m.Index).Type())))
			}
		}
		return false, nil
	})
	slices.Sort(found)
	return found
}
