package deep

import (
	"slices"
	"unsafe"
)

// choose finds the slices and maps whose representation a variant may change: those
// that one reference leads to, and no unexported field on the way. What a slice has to spare is
// kept where keys of maps may point there, or to what it refers to.
func (c *copier) choose(root int) {
	v := chooser{g: &c.g, counting: true}
	v.keyed = slices.ContainsFunc(c.g.maps, func(m mapRef) bool { return len(m.m.key.slots) > 0 })
	c.g.blocks[root].refs++
	for i := range len(c.g.blocks) + len(c.g.maps) {
		v.through(i, false)
	}
	v.counting = false
	for len(v.todo) > 0 {
		last := len(v.todo) - 1
		i := v.todo[last]
		v.todo = v.todo[:last]
		v.through(i, true)
	}
	for i := range c.g.blocks {
		b := &c.g.blocks[i]
		b.varied = b.varied && !b.fixed
	}
}

// chooser goes over the references of a graph. It numbers the blocks, and after them
// the maps.
type chooser struct {
	g        *graph
	keyed    bool  // keys of maps hold references
	counting bool  // of references, which are met once
	todo     []int // what is not to be varied, and so nor is what it refers to
}

// through goes over the references in a block or map.
func (v *chooser) through(i int, fixed bool) {
	if i >= len(v.g.blocks) {
		v.throughMap(&v.g.maps[i-len(v.g.blocks)], fixed)
		return
	}
	b := &v.g.blocks[i]
	for i := range b.n {
		v.slots(b.t.slots, unsafe.Add(b.at, uintptr(i)*b.t.size), fixed)
	}
}

func (v *chooser) throughMap(m *mapRef, fixed bool) {
	if len(m.m.val.slots) == 0 {
		return
	}
	at := newEntry(m.m)
	at.over(m.at)
	// In any order: what is noted of the entries adds up.
	for at.next() {
		v.slots(m.m.val.slots, at.valAt(), fixed)
	}
}

// refer notes a reference: by a slice, if it is one, of elements of type elem.
func (v *chooser) refer(i int, by *sliceHeader, elem *Type, fixed bool) {
	if i < 0 {
		return
	}
	if v.counting {
		v.count(i, by, elem)
	}
	known := v.known(i)
	if fixed && !*known {
		*known = true
		v.todo = append(v.todo, i)
	}
}

// known is whether the block or map is known not to be varied.
func (v *chooser) known(i int) *bool {
	if i >= len(v.g.blocks) {
		return &v.g.maps[i-len(v.g.blocks)].fixed
	}
	return &v.g.blocks[i].fixed
}

// count notes a reference, and of a slice that is the whole of its memory, how long
// it is.
func (v *chooser) count(i int, by *sliceHeader, elem *Type) {
	if i >= len(v.g.blocks) {
		v.g.maps[i-len(v.g.blocks)].refs++
		return
	}
	b := &v.g.blocks[i]
	b.refs++
	b.varied = b.refs == 1 && by != nil && by.data == b.at && b.t == elem && by.cap == b.n &&
		(by.len == by.cap || !v.keyed)
	if b.varied {
		b.length = by.len
	}
}

// slots goes over the references of the value at p.
func (v *chooser) slots(slots []slot, p unsafe.Pointer, fixed bool) {
	for i := range slots {
		s := &slots[i]
		at, fixed := unsafe.Add(p, s.offset), fixed || s.hidden
		switch s.kind {
		case toValue:
			if x := *(*unsafe.Pointer)(at); x != nil {
				v.refer(v.g.block(x, s.t.size), nil, nil, fixed)
			}
		case toSlice:
			if h := (*sliceHeader)(at); h.cap > 0 && s.t.size > 0 {
				elem, n := s.t, h.cap
				for elem.elem != nil {
					elem, n = elem.elem, n*elem.length
				}
				whole := h
				if elem != s.t {
					whole = nil // its elements are arrays, and their elements the block's
				}
				v.refer(v.g.block(h.data, uintptr(n)*elem.size), whole, elem, fixed)
			}
		case toMap:
			if i, ok := v.g.mapAt[*(*unsafe.Pointer)(at)]; ok {
				v.refer(len(v.g.blocks)+i, nil, nil, fixed)
			}
		case toAny:
			v.any(s.t, at, fixed)
		case inArray:
			for i := range s.n {
				v.slots(s.t.slots, unsafe.Add(at, uintptr(i)*s.t.size), fixed)
			}
		case inSynced:
			box := Of(anyType)
			//joinery:anyorder what is noted of the entries adds up
			for _, held := range snapshot(at) {
				v.any(box, unsafe.Pointer(&held), true)
			}
		}
	}
}

func (v *chooser) any(t *Type, p unsafe.Pointer, fixed bool) {
	held, x := heldBy(t.t, p)
	switch {
	case held == nil || len(held.slots) == 0:
	case held.direct:
		v.slots(held.slots, x, fixed)
	default:
		v.refer(v.g.block(x, held.size), nil, nil, fixed)
	}
}
