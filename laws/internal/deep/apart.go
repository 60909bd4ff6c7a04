package deep

import (
	"reflect"
	"unsafe"
)

// fewRefs is the number of references of a value up to which its copy is tried without a
// graph.
const fewRefs = 4

// leadsToLeaves reports that values of t refer to few pieces of memory, and these to nothing
// else: maps of scalars, slices and pointers to values without references. Most states
// are of such types.
func (t *Type) leadsToLeaves() bool {
	if len(t.slots) > fewRefs {
		return false
	}
	for i := range t.slots {
		switch s := &t.slots[i]; s.kind {
		case toMap:
			if s.t.entries.clone == nil {
				return false
			}
		case toSlice, toValue:
			if len(s.t.slots) > 0 || s.t.size == 0 {
				return false
			}
		default:
			return false
		}
	}
	return true
}

// copyApart makes the value at dst a copy of that at src, which is of a leafy type,
// provided that no two of its references lead to the same memory, nor any to the value
// itself; it reports false, and leaves dst alone, where they may. It does what [copier]
// does, which is what it is held against.
func (t *Type) copyApart(dst, src unsafe.Pointer) bool {
	var held [1 + fewRefs]span
	held[0] = span{uintptr(src), uintptr(src) + t.size}
	n := 1
	for i := range t.slots {
		of := t.slots[i].refersTo(src)
		if of.from == of.to {
			continue
		}
		for _, other := range held[:n] {
			if of.from < other.to && other.from < of.to {
				return false
			}
		}
		held[n] = of
		n++
	}
	t.value(dst).Set(t.value(src))
	for i := range t.slots {
		t.slots[i].copyTo(dst)
	}
	return true
}

// refersTo is the memory that the slot of the value at p refers to; an empty span for
// none. Of a map it is the first byte, which no other kind of reference leads to.
func (s *slot) refersTo(p unsafe.Pointer) span {
	at := unsafe.Add(p, s.offset)
	if s.kind == toSlice {
		h := (*sliceHeader)(at)
		return span{uintptr(h.data), uintptr(h.data) + uintptr(h.cap)*s.t.size}
	}
	x := uintptr(*(*unsafe.Pointer)(at))
	switch {
	case x == 0:
		return span{}
	case s.kind == toMap:
		return span{x, x + 1}
	}
	return span{x, x + s.t.size}
}

// copyTo has the slot of the value at p refer to a copy of what it refers to.
func (s *slot) copyTo(p unsafe.Pointer) {
	at := unsafe.Add(p, s.offset)
	switch s.kind {
	case toMap:
		if x := (*unsafe.Pointer)(at); *x != nil {
			*x = s.t.entries.clone(*x)
		}
	case toSlice:
		h := (*sliceHeader)(at)
		if h.cap == 0 {
			return
		}
		whole := sliceHeader{h.data, h.cap, h.cap}
		made := reflect.MakeSlice(s.t.sliceOf, h.cap, h.cap)
		reflect.Copy(made, reflect.NewAt(s.t.sliceOf, unsafe.Pointer(&whole)).Elem())
		h.data = made.UnsafePointer()
	case toValue:
		if x := (*unsafe.Pointer)(at); *x != nil {
			made := reflect.New(s.t.t)
			made.Elem().Set(s.t.value(*x))
			*x = made.UnsafePointer()
		}
	}
}
