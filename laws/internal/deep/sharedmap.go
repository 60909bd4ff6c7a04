package deep

import "reflect"

// SharedMap returns the path of a map that two boxes both hold, as the same memory: a
// map that is a field of them, through structs, arrays and pointers. Maps inside of
// elements are not looked at: values that are put into collections are often never
// written again.
func SharedMap(a, b any) (path string, shared bool) {
	return sharedMap(reflect.ValueOf(a).Elem(), reflect.ValueOf(b).Elem(), "", 0)
}

func sharedMap(a, b reflect.Value, path string, depth int) (string, bool) {
	t := a.Type()
	if depth > partsDepth || Plain(t) {
		return "", false
	}
	switch t.Kind() {
	case reflect.Map:
		return path, !a.IsNil() && a.UnsafePointer() == b.UnsafePointer()
	case reflect.Pointer:
		if !a.IsNil() && !b.IsNil() {
			return sharedMap(a.Elem(), b.Elem(), path, depth+1)
		}
	case reflect.Struct:
		for i := range t.NumField() {
			if at, ok := sharedMap(a.Field(i), b.Field(i), path+"."+t.Field(i).Name, depth+1); ok {
				return at, true
			}
		}
	case reflect.Array:
		for i := range t.Len() {
			if at, ok := sharedMap(a.Index(i), b.Index(i), path, depth+1); ok {
				return at, true
			}
		}
	}
	return "", false
}
