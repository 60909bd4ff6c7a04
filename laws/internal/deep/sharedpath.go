package deep

import (
	"reflect"
	"unsafe"
)

// SharedPath returns the path and the type of memory that two boxes both refer to, as
// [Type.Shared] looks for it, and false where there is none. The path is that of the
// reference in the first of them, with [] for any element.
func SharedPath(a, b any) (path, name string, shared bool) {
	t, _ := made(a)
	var x, y graph
	x.discover(t, boxed(a))
	y.discover(t, boxed(b))
	s := sharing{other: &y}
	return s.find(reflect.ValueOf(a).Elem(), "", 0)
}

// sharing looks for references into the memory of another value.
type sharing struct{ other *graph }

func (s sharing) find(v reflect.Value, path string, depth int) (at, name string, shared bool) {
	t := v.Type()
	if depth > partsDepth || Of(t).Plain() {
		return "", "", false
	}
	into := func(p unsafe.Pointer, n uintptr) bool { return p != nil && s.other.block(p, n) >= 0 }
	switch t.Kind() {
	case reflect.Struct:
		for i := range t.NumField() {
			if at, name, shared = s.find(v.Field(i), path+"."+t.Field(i).Name, depth+1); shared {
				return at, name, true
			}
		}
	case reflect.Pointer:
		if v.IsNil() || tenureOf(t.Elem()) != owned {
			return "", "", false
		}
		if into(v.UnsafePointer(), t.Elem().Size()) {
			return path, TypeName(t), true
		}
		return s.find(v.Elem(), path, depth+1)
	case reflect.Interface:
		if !v.IsNil() {
			return s.find(v.Elem(), path, depth+1)
		}
	case reflect.Map:
		if _, both := s.other.mapAt[v.UnsafePointer()]; both {
			return path, TypeName(t), true
		}
		//joinery:anyorder the path is the same whichever element is found
		for it := v.MapRange(); it.Next() && !shared; {
			at, name, shared = s.find(it.Value(), path+"[]", depth+1)
		}
		return at, name, shared
	case reflect.Slice, reflect.Array:
		if t.Kind() == reflect.Slice && v.Cap() > 0 && into(v.UnsafePointer(), t.Elem().Size()) {
			return path, TypeName(t), true
		}
		for i := range min(v.Len(), partsPerPart) {
			if at, name, shared = s.find(v.Index(i), path+"[]", depth+1); shared {
				return at, name, true
			}
		}
	}
	return "", "", false
}

// KeptPath returns the path and the type of the first object in values of t that copies
// keep by identity though it is no mere data: machinery of the standard library, a
// *log.Logger or a *time.Timer for example. It is false where there is none.
func KeptPath(t reflect.Type) (path, name string, kept bool) {
	return keptPath(t, "", map[reflect.Type]bool{})
}

func keptPath(t reflect.Type, path string, seen map[reflect.Type]bool) (at, name string, kept bool) {
	if seen[t] || isWord(t) || isSync(t) {
		return "", "", false
	}
	seen[t] = true
	switch t.Kind() {
	case reflect.Struct:
		for i := range t.NumField() {
			f := t.Field(i)
			if ignored(t, f) {
				continue
			}
			if at, name, kept = keptPath(f.Type, path+"."+f.Name, seen); kept {
				return at, name, true
			}
		}
	case reflect.Pointer:
		if hold := tenureOf(t.Elem()); hold != owned {
			return path, TypeName(t), hold == machine && standard(t.Elem().PkgPath()) && holdsMachinery(t.Elem())
		}
		return keptPath(t.Elem(), path, seen)
	case reflect.Slice, reflect.Array, reflect.Map:
		return keptPath(t.Elem(), path+"[]", seen)
	}
	return "", "", false
}
