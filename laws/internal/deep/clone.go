package deep

import (
	"reflect"
	"unsafe"
)

// Clone returns a copy of v that shares no memory with it but what is kept by
// identity, as the package says: a graph of the same shape. Slices keep their
// capacities, and what lies between length and capacity. The time is that of sorting
// the addresses of what v refers to.
func Clone[T any](v T) T {
	t := Of(reflect.TypeFor[T]())
	if t.Plain() {
		return v
	}
	var dst T
	t.CloneAt(unsafe.Pointer(&dst), unsafe.Pointer(&v))
	return dst
}

// Clone copies a boxed value; see [Clone].
func (t *Type) Clone(v any) any {
	if t.Plain() {
		return v
	}
	dst := reflect.New(t.t)
	t.CloneAt(dst.UnsafePointer(), t.at(v))
	return dst.Elem().Interface()
}

// CloneAt makes the zero value at dst a copy of that at src; see [Clone]. Pointers
// into the original point into the copy, if only in place: a struct in a box is a copy of
// the struct that it was made from, and pointers to that do not point into the box.
func (t *Type) CloneAt(dst, src unsafe.Pointer) {
	if t.leafy && t.copyApart(dst, src) {
		return
	}
	c := copier{}
	c.copy(t, dst, src)
}

// Variant is Clone with another representation where the type has a choice of
// them: empty maps and slices become nil, nil ones empty, and other slices get
// capacity to spare. What is shared, and what unexported fields lead to, is copied as it is: a
// type may rely on how it fills them.
func Variant[T any](v T) T {
	var dst T
	Of(reflect.TypeFor[T]()).VariantAt(unsafe.Pointer(&dst), unsafe.Pointer(&v))
	return dst
}

// Variant varies a boxed value; see [Variant].
func (t *Type) Variant(v any) any {
	dst := reflect.New(t.t)
	t.VariantAt(dst.UnsafePointer(), t.at(v))
	return dst.Elem().Interface()
}

// VariantAt makes the zero value at dst a variant of that at src; see [Variant].
func (t *Type) VariantAt(dst, src unsafe.Pointer) { t.varyAt(dst, src, VariantOptions{}) }

func (t *Type) varyAt(dst, src unsafe.Pointer, o VariantOptions) {
	c := copier{vary: true, o: o}
	c.copy(t, dst, src)
}

// copier copies one value.
type copier struct {
	g    graph
	vary bool
	o    VariantOptions
}

func (c *copier) copy(t *Type, dst, src unsafe.Pointer) {
	t.value(dst).Set(t.value(src))
	if len(t.slots) == 0 {
		return
	}
	c.g.discover(t, src)
	root := c.g.block(src, t.size)
	whole := c.g.blocks[root].at == src && c.g.blocks[root].size == t.size
	if whole {
		c.g.blocks[root].copied = dst
	}
	if c.vary {
		c.choose(root)
	}
	c.allocate()
	if !whole { // it is part of what it refers to
		c.fix(t.slots, dst, src, c.vary && !c.g.blocks[root].fixed)
	}
	for i := range c.g.blocks {
		c.fixBlock(&c.g.blocks[i])
	}
	for i := range c.g.maps {
		c.fillMap(&c.g.maps[i])
	}
}

// spare is the capacity beyond the length that variants of slices have.
const spare = 4

// allocate makes copies of the blocks and the maps. What these refer to is as it was.
func (c *copier) allocate() {
	for i := range c.g.blocks {
		b := &c.g.blocks[i]
		switch {
		case b.copied != nil:
		case b.varied:
			s := reflect.MakeSlice(b.t.sliceOf, b.length, b.length+spare)
			b.copied = s.UnsafePointer()
			b.n = b.length
			reflect.Copy(s, b.slice())
		case b.n == 1:
			p := reflect.New(b.t.t)
			p.Elem().Set(b.t.value(b.at))
			b.copied = p.UnsafePointer()
		default:
			s := reflect.MakeSlice(b.t.sliceOf, b.n, b.n)
			b.copied = s.UnsafePointer()
			reflect.Copy(s, b.slice())
		}
	}
	for i := range c.g.maps {
		m := &c.g.maps[i]
		if clone := m.m.clone; clone != nil {
			m.copied = clone(m.at)
			continue
		}
		n := m.m.t.value(unsafe.Pointer(&m.at)).Len()
		m.copied = reflect.MakeMapWithSize(m.m.t.t, n).UnsafePointer()
	}
}

// slice is the memory of a block.
func (b *block) slice() reflect.Value {
	h := sliceHeader{b.at, b.n, b.n}
	return reflect.NewAt(b.t.sliceOf, unsafe.Pointer(&h)).Elem()
}

func (c *copier) fixBlock(b *block) {
	if len(b.t.slots) == 0 {
		return
	}
	vary := c.vary && !b.fixed
	for i := range b.n {
		at := uintptr(i) * b.t.size
		c.fix(b.t.slots, unsafe.Add(b.copied, at), unsafe.Add(b.at, at), vary)
	}
}

// fillMap copies the entries of a map. Its keys are hashed as they are put in, and so
// must be fixed before; what they refer to need not be.
func (c *copier) fillMap(ref *mapRef) {
	if ref.m.clone != nil {
		return
	}
	m, at := ref.m, newEntry(ref.m)
	at.over(ref.at)
	at.y = ref.copied
	vary := c.vary && !ref.fixed
	// In any order: entries are copied independently of each other.
	for at.next() {
		at.other.Set(at.val)
		c.fix(m.val.slots, at.other.Addr().UnsafePointer(), at.valAt(), vary)
		c.fix(m.key.slots, at.keyAt(), at.keyAt(), false)
		at.ys.SetMapIndex(at.key, at.other)
	}
}

// fix makes the slots of the value at p, which is a copy of that at src word by
// word, refer to the copies of what they refer to.
func (c *copier) fix(slots []slot, p, src unsafe.Pointer, vary bool) {
	for i := range slots {
		s := &slots[i]
		at := unsafe.Add(p, s.offset)
		vary := vary && !s.hidden
		switch s.kind {
		case toValue:
			if x := (*unsafe.Pointer)(at); *x != nil {
				*x = c.moved(*x, s.t.size)
			}
		case toSlice:
			c.fixSlice(s.t, (*sliceHeader)(at), vary)
		case toMap:
			c.fixMap(s.t, (*unsafe.Pointer)(at), vary)
		case toAny:
			c.fixAny(s.t, at, vary)
		case inArray:
			for i := range s.n {
				offset := uintptr(i) * s.t.size
				c.fix(s.t.slots, unsafe.Add(at, offset), unsafe.Add(src, s.offset+offset), vary)
			}
		case inFresh:
			s.t.value(at).SetZero()
		case inSynced:
			c.fixSynced(at, unsafe.Add(src, s.offset))
		}
	}
}

// moved is where the n bytes at x are in the copy; x itself if they are not copied.
func (c *copier) moved(x unsafe.Pointer, n uintptr) unsafe.Pointer {
	i := c.g.block(x, n)
	if i < 0 {
		return x
	}
	b := &c.g.blocks[i]
	offset := uintptr(x) - uintptr(b.at)
	if b.varied && offset+n > uintptr(b.length)*b.t.size {
		return x
	}
	return unsafe.Add(b.copied, offset)
}

func (c *copier) fixSlice(elem *Type, h *sliceHeader, vary bool) {
	swap := vary && h.len == 0 && c.o.swaps(elem.sliceOf, h.data == nil)
	switch {
	case swap && h.data == nil:
		h.data = unsafe.Pointer(&nothingAt)
	case swap && h.cap == 0:
		h.data = nil
	case h.cap == 0 || elem.size == 0:
	default:
		n := uintptr(h.cap) * elem.size
		i := c.g.block(h.data, n)
		switch {
		case i < 0 || !c.g.blocks[i].varied:
			h.data = c.moved(h.data, n)
		case swap:
			*h = sliceHeader{}
		default:
			h.data, h.cap = c.g.blocks[i].copied, h.len+spare
		}
	}
}

// nothingAt is where slices without elements are.
var nothingAt struct{}

func (c *copier) fixMap(t *Type, x *unsafe.Pointer, vary bool) {
	vary = vary && !c.o.KeepMaps
	if *x == nil {
		if vary && c.o.swaps(t.t, true) {
			*x = reflect.MakeMap(t.t).UnsafePointer()
		}
		return
	}
	m := &c.g.maps[c.g.mapAt[*x]]
	if vary && !m.fixed && m.refs == 1 && t.value(unsafe.Pointer(&m.at)).Len() == 0 && c.o.swaps(t.t, false) {
		*x = nil
		return
	}
	*x = m.copied
}

func (c *copier) fixAny(t *Type, p unsafe.Pointer, vary bool) {
	held, x := heldBy(t.t, p)
	if held == nil || len(held.slots) == 0 {
		return
	}
	if held.direct {
		c.fix(held.slots, x, x, vary)
		return
	}
	word := &(*eface)(p).data
	if c.g.block(x, held.size) >= 0 {
		*word = c.moved(x, held.size)
		return
	}
	// A box in a key: boxes are values, and may be copied.
	box := reflect.New(held.t)
	box.Elem().Set(held.value(x))
	c.fix(held.slots, box.UnsafePointer(), x, false)
	*word = box.UnsafePointer()
}
