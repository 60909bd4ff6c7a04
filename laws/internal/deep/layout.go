package deep

import (
	"reflect"
	"unsafe"
)

// slotKind is what a slot refers to memory with.
type slotKind uint8

const (
	toValue  slotKind = iota // a pointer, or an atomic.Pointer
	toSlice                  // a slice
	toMap                    // a map
	toAny                    // an interface
	inArray                  // an array of values with slots, too many to be flattened
	inFresh                  // memory that copies make anew
	inSynced                 // a sync.Map
)

// slot is a place in a value that refers to other memory, or that copies treat in
// its own way.
type slot struct {
	kind   slotKind
	hidden bool // in an unexported field
	offset uintptr
	t      *Type // of what is referred to; of toMap and toAny the type itself; of inArray the elements
	n      int   // elements of inArray
}

// flattenUpTo is the number of elements up to which the slots of an array are those
// of its elements.
const flattenUpTo = 4

// layout finds the slots of made. What lies within made is laid out first, so that
// only what is behind references can be unfinished.
func (c *compiler) layout(made *Type) {
	t := made.t
	switch t.Kind() {
	case reflect.String:
		made.texts = true
	case reflect.Pointer:
		if tenureOf(t.Elem()) == owned {
			made.slots = []slot{{kind: toValue, t: c.behind(t.Elem())}}
		}
	case reflect.Slice:
		made.slots = []slot{{kind: toSlice, t: c.behind(t.Elem())}}
	case reflect.Map:
		made.slots = []slot{{kind: toMap, t: made}}
		made.entries = c.mapType(made)
	case reflect.Interface:
		made.slots = []slot{{kind: toAny, t: made}}
	case reflect.Array:
		c.layoutArray(made)
	case reflect.Struct:
		c.layoutStruct(made)
	}
}

func (c *compiler) layoutArray(made *Type) {
	elem, n := c.of(made.t.Elem()), made.t.Len()
	made.elem, made.length = elem, n
	if n == 0 {
		return
	}
	made.texts = elem.texts
	switch {
	case len(elem.slots) == 0:
	case n > flattenUpTo:
		made.slots = []slot{{kind: inArray, t: elem, n: n}}
	default:
		for i := range n {
			made.embed(elem, uintptr(i)*elem.size, false)
		}
	}
}

func (c *compiler) layoutStruct(made *Type) {
	t := made.t
	if isWord(t) {
		return
	}
	if isSyncMap(t) {
		made.slots = []slot{{kind: inSynced, t: c.behind(syncedType)}}
		return
	}
	if p, ok := atomicPointee(t); ok {
		if pointer := c.of(p); len(pointer.slots) > 0 {
			made.embed(pointer, atomicWord(t), true)
		}
		return
	}
	fresh := isFresh(t)
	for i := range t.NumField() {
		f := t.Field(i)
		if fresh && !f.IsExported() {
			made.slots = append(made.slots, slot{kind: inFresh, hidden: true, offset: f.Offset, t: c.of(f.Type)})
			continue
		}
		field := c.of(f.Type)
		made.embed(field, f.Offset, !f.IsExported())
		if !ignored(t, f) {
			made.texts = made.texts || field.texts
		}
	}
}

// embed takes over the slots of part, which lies at offset.
func (t *Type) embed(part *Type, offset uintptr, hidden bool) {
	for _, s := range part.slots {
		s.offset += offset
		s.hidden = s.hidden || hidden
		t.slots = append(t.slots, s)
	}
}

// Plain reports whether values of t hold no memory that copies share: copying by
// assignment is then a deep copy. Strings are immutable and so plain, and so is what
// is kept by identity.
func Plain(t reflect.Type) bool { return Of(t).Plain() }

// Plain is [Plain].
func (t *Type) Plain() bool { return len(t.slots) == 0 }

// mapType is how maps of one type are walked.
type mapType struct {
	t         *Type
	key, val  *Type
	clone     func(unsafe.Pointer) unsafe.Pointer // copies maps of scalars; else nil
	uncertain bool                                // keys can be unequal to themselves, or hold pointers
}

func (c *compiler) mapType(made *Type) *mapType {
	key, val := c.behind(made.t.Key()), c.behind(made.t.Elem())
	return &mapType{
		t: made, key: key, val: val,
		clone:     cloneMapByKind(made.t),
		uncertain: uncertainKey(made.t.Key()),
	}
}

// uncertainKey reports whether looking a key of t up in a copy of its map may fail:
// it can be NaN, or hold pointers.
func uncertainKey(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Float32, reflect.Float64, reflect.Complex64, reflect.Complex128, reflect.Interface:
		return true
	case reflect.Pointer:
		return tenureOf(t.Elem()) == owned
	case reflect.Array:
		return uncertainKey(t.Elem())
	case reflect.Struct:
		if isWord(t) {
			return false
		}
		for i := range t.NumField() {
			if uncertainKey(t.Field(i).Type) {
				return true
			}
		}
	}
	return false
}

// entry is where reflection puts the entries of a map of some type, one by one.
type entry struct {
	x, y     unsafe.Pointer // the maps
	xs, ys   reflect.Value  // likewise, as reflection has them
	key, val reflect.Value
	other    reflect.Value
	it       reflect.MapIter
}

func newEntry(m *mapType) *entry {
	e := &entry{
		key: reflect.New(m.key.t).Elem(), val: reflect.New(m.val.t).Elem(), other: reflect.New(m.val.t).Elem(),
	}
	e.xs, e.ys = m.t.value(unsafe.Pointer(&e.x)), m.t.value(unsafe.Pointer(&e.y))
	return e
}

// over starts the iteration over the map x.
func (e *entry) over(x unsafe.Pointer) {
	e.x = x
	e.it.Reset(e.xs)
}

// next puts the next entry where key and val are.
func (e *entry) next() bool {
	if !e.it.Next() {
		return false
	}
	e.key.SetIterKey(&e.it)
	e.val.SetIterValue(&e.it)
	return true
}

func (e *entry) keyAt() unsafe.Pointer { return e.key.Addr().UnsafePointer() }
func (e *entry) valAt() unsafe.Pointer { return e.val.Addr().UnsafePointer() }

// clear lets go of what the entry held.
func (e *entry) clear() {
	e.it.Reset(reflect.Value{})
	e.key.SetZero()
	e.val.SetZero()
	e.other.SetZero()
	e.x, e.y = nil, nil
}
