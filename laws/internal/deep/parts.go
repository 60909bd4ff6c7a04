package deep

import (
	"reflect"
	"strconv"
)

// Parts compares two boxes part by part and tells visit of each pair of parts whether
// they are equal. A part is a field, an element that both have at one key or index, or
// how many there are; path names it as an expression on the state, with [] for any
// element: ".Title", ".Docs[].Rev", "len(.Docs)". Values that have no parts, or an Equal
// method of their own, are compared as a whole. Of large values a share is looked at:
// enough to see what varies.
func Parts(a, b any, visit func(path string, equal bool)) {
	p := parts{visit: visit, left: partsAtMost}
	p.compare(reflect.ValueOf(a).Elem(), reflect.ValueOf(b).Elem(), "", 0)
}

const (
	partsAtMost  = 1000 // of one pair of states
	partsPerPart = 32   // elements of one collection
	partsDepth   = 8
)

type parts struct {
	visit func(path string, equal bool)
	left  int
}

// compare visits the parts of a and b, which are addressable and of one type.
func (p *parts) compare(a, b reflect.Value, path string, depth int) {
	if p.left--; p.left < 0 {
		return
	}
	t := a.Type()
	if _, own := equalMethodOf(t); own || depth == partsDepth {
		p.whole(a, b, path)
		return
	}
	switch t.Kind() {
	case reflect.Struct:
		for i := range t.NumField() {
			p.compare(settable(a.Field(i)), settable(b.Field(i)), path+"."+t.Field(i).Name, depth+1)
		}
	case reflect.Pointer:
		p.visit("*"+path+" is there", a.IsNil() == b.IsNil())
		if !a.IsNil() && !b.IsNil() {
			p.compare(a.Elem(), b.Elem(), path, depth+1)
		}
	case reflect.Interface:
		same := a.IsNil() == b.IsNil() && (a.IsNil() || a.Elem().Type() == b.Elem().Type())
		if path == "" {
			p.visit("the type of the state", same)
		} else {
			p.visit("the type in "+path, same)
		}
		if !same || a.IsNil() {
			return
		}
		p.compare(held(a.Elem()), held(b.Elem()), path, depth+1)
	case reflect.Array:
		for i := range min(t.Len(), partsPerPart) {
			p.compare(a.Index(i), b.Index(i), path+"["+strconv.Itoa(i)+"]", depth+1)
		}
	case reflect.Slice:
		p.visit("len("+path+")", a.Len() == b.Len())
		for i := range min(a.Len(), b.Len(), partsPerPart) {
			p.compare(a.Index(i), b.Index(i), path+"[]", depth+1)
		}
	case reflect.Map:
		p.entries(a, b, path, depth)
	default:
		p.whole(a, b, path)
	}
}

func (p *parts) whole(a, b reflect.Value, path string) {
	p.visit(path, Of(a.Type()).EqualAt(a.Addr().UnsafePointer(), b.Addr().UnsafePointer()))
}

func (p *parts) entries(a, b reflect.Value, path string, depth int) {
	shared := 0
	//joinery:anyorder what differs is counted, and small maps are looked at in full
	for it := a.MapRange(); it.Next(); {
		other := b.MapIndex(it.Key())
		if !other.IsValid() {
			continue
		}
		if shared++; shared <= partsPerPart {
			p.compare(held(it.Value()), held(other), path+"[]", depth+1)
		}
	}
	p.visit("the keys of "+path, shared == a.Len() && shared == b.Len())
}
