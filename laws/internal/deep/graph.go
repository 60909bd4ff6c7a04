package deep

import (
	"cmp"
	"slices"
	"unsafe"
)

// graph is the memory that a value refers to: blocks of adjacent values of one type,
// which do not overlap, and maps.
type graph struct {
	blocks []block
	maps   []mapRef
	mapAt  map[unsafe.Pointer]int

	all     bool // what keys and kept errors refer to is part of it
	found   []block
	known   map[foundKey]struct{}
	todo    []work
	scanned map[*Type]*scans
}

// block is n adjacent values of t.
type block struct {
	at     unsafe.Pointer
	size   uintptr
	t      *Type
	n      int
	copied unsafe.Pointer
	refs   int  // how often it is referred to
	fixed  bool // its representation is not to be varied
	varied bool // the copy is of the elements below length, with capacity to spare
	length int
}

// mapRef is a map.
type mapRef struct {
	at     unsafe.Pointer // what the variable holds
	m      *mapType
	copied unsafe.Pointer
	refs   int
	fixed  bool
}

type foundKey struct {
	at unsafe.Pointer
	t  *Type
	n  int
}

// work is memory that is to be looked through, or a map.
type work struct {
	at unsafe.Pointer
	t  *Type
	n  int
	m  int // the map's index where t is nil
}

// discover finds the memory that the value of t at p refers to. It is a block itself.
func (g *graph) discover(t *Type, p unsafe.Pointer) { g.discoverAll(t, p, 1) }

// discoverAll does so for n adjacent values.
func (g *graph) discoverAll(t *Type, p unsafe.Pointer, n int) {
	g.add(t, p, n)
	for len(g.todo) > 0 {
		last := len(g.todo) - 1
		next := g.todo[last]
		g.todo = g.todo[:last]
		if next.t == nil {
			g.throughMap(g.maps[next.m])
			continue
		}
		g.through(next.t, next.at, next.n)
	}
	g.unite()
}

// add notes n values of t at p.
func (g *graph) add(t *Type, p unsafe.Pointer, n int) {
	for t.elem != nil {
		t, n = t.elem, n*t.length
	}
	if n == 0 || t.size == 0 {
		return
	}
	if g.again(foundKey{p, t, n}) {
		return
	}
	g.found = append(g.found, block{at: p, size: t.size * uintptr(n), t: t, n: n})
	if len(t.slots) > 0 {
		g.todo = append(g.todo, work{at: p, t: t, n: n})
	}
}

// again reports whether the memory was noted before. A few pieces need no table.
func (g *graph) again(key foundKey) bool {
	if len(g.found) < 8 {
		return slices.ContainsFunc(g.found, func(b block) bool { return foundKey{b.at, b.t, b.n} == key })
	}
	if g.known == nil {
		g.known = make(map[foundKey]struct{})
		for _, b := range g.found {
			g.known[foundKey{b.at, b.t, b.n}] = struct{}{}
		}
	}
	if _, ok := g.known[key]; ok {
		return true
	}
	g.known[key] = struct{}{}
	return false
}

// scans are the last few stretches of memory that were looked through, so that
// slices that overlap do not each take the time for all of their elements.
type scans struct {
	last [4]span
	next int
}

// through looks through n values of t at p.
func (g *graph) through(t *Type, p unsafe.Pointer, n int) {
	from, to := uintptr(p), uintptr(p)+uintptr(n)*t.size
	if n > 1 {
		if g.scanned == nil {
			g.scanned = make(map[*Type]*scans)
		}
		s := g.scanned[t]
		if s == nil {
			s = new(scans)
			g.scanned[t] = s
		}
		done := s.within(from, to)
		for i := range n {
			if at := from + uintptr(i)*t.size; at < done.from || at >= done.to {
				g.follow(t.slots, unsafe.Add(p, uintptr(i)*t.size))
			}
		}
		return
	}
	g.follow(t.slots, p)
}

// within notes a stretch, and returns the part of it that was looked through before.
func (s *scans) within(from, to uintptr) (done span) {
	for i := range s.last {
		l := &s.last[i]
		if l.to <= from || to <= l.from {
			continue
		}
		done = span{max(from, l.from), min(to, l.to)}
		l.from, l.to = min(from, l.from), max(to, l.to)
		return done
	}
	s.last[s.next] = span{from, to}
	s.next = (s.next + 1) % len(s.last)
	return span{}
}

// follow notes what the slots of the value at p refer to.
func (g *graph) follow(slots []slot, p unsafe.Pointer) {
	for i := range slots {
		s := &slots[i]
		at := unsafe.Add(p, s.offset)
		switch s.kind {
		case toValue:
			if x := *(*unsafe.Pointer)(at); x != nil {
				g.add(s.t, x, 1)
			}
		case toSlice:
			if h := (*sliceHeader)(at); h.cap > 0 {
				g.add(s.t, h.data, h.cap)
			}
		case toMap:
			if x := *(*unsafe.Pointer)(at); x != nil {
				g.addMap(mapRef{at: x, m: s.t.entries})
			}
		case toAny:
			g.followAny(s.t, at)
		case inArray:
			for i := range s.n {
				g.follow(s.t.slots, unsafe.Add(at, uintptr(i)*s.t.size))
			}
		case inSynced:
			g.followSynced(at)
		}
	}
}

// followAny notes what the interface at p refers to.
func (g *graph) followAny(t *Type, p unsafe.Pointer) {
	held, x := heldBy(t.t, p)
	switch {
	case held == nil || len(held.slots) == 0:
	case !g.all && isSentinel(held.t):
	case held.direct:
		g.follow(held.slots, x)
	default:
		g.add(held, x, 1)
	}
}

// followSynced notes what the entries of the sync.Map at p refer to.
func (g *graph) followSynced(p unsafe.Pointer) {
	box := Of(anyType)
	//joinery:anyorder what is noted is sorted, or numbered in another order
	for k, v := range snapshot(p) {
		g.followAny(box, unsafe.Pointer(&v))
		if g.all {
			g.followAny(box, unsafe.Pointer(&k))
		}
	}
}

func (g *graph) addMap(m mapRef) {
	if _, again := g.mapAt[m.at]; again {
		return
	}
	if g.mapAt == nil {
		g.mapAt = make(map[unsafe.Pointer]int)
	}
	g.mapAt[m.at] = len(g.maps)
	g.maps = append(g.maps, m)
	if len(m.m.val.slots) > 0 || g.all && len(m.m.key.slots) > 0 {
		g.todo = append(g.todo, work{m: len(g.maps) - 1})
	}
}

// throughMap notes what the values of a map refer to, and if all is asked for, what
// its keys do.
func (g *graph) throughMap(m mapRef) {
	at := newEntry(m.m)
	at.over(m.at)
	// In any order: what is noted is sorted, or numbered in another order.
	for at.next() {
		g.follow(m.m.val.slots, at.valAt())
		if g.all {
			g.follow(m.m.key.slots, at.keyAt())
		}
	}
}

// unite makes blocks of what was found: what lies within another piece of memory is
// part of it, and pieces that overlap, windows of one array, are one.
func (g *graph) unite() {
	if len(g.found) > 1 {
		slices.SortFunc(g.found, func(a, b block) int {
			return cmp.Or(
				cmp.Compare(uintptr(a.at), uintptr(b.at)),
				cmp.Compare(b.size, a.size),
				cmp.Compare(a.t.t.Kind(), b.t.t.Kind())*-1, // structs, which say most, first
			)
		})
	}
	g.blocks = g.found[:0]
	for _, next := range g.found {
		if len(g.blocks) > 0 {
			last := &g.blocks[len(g.blocks)-1]
			switch offset := uintptr(next.at) - uintptr(last.at); {
			case offset+next.size <= last.size:
				continue
			case offset < last.size && next.t == last.t && offset%last.t.size == 0:
				last.size = offset + next.size
				last.n = int(last.size / last.t.size)
				continue
			}
		}
		g.blocks = append(g.blocks, next)
	}
	g.found, g.known, g.scanned = nil, nil, nil
}

// block returns the index of the block that n bytes at p, one at least, lie in, or -1.
func (g *graph) block(p unsafe.Pointer, n uintptr) int {
	i, exact := slices.BinarySearchFunc(g.blocks, uintptr(p), func(b block, p uintptr) int {
		return cmp.Compare(uintptr(b.at), p)
	})
	if !exact {
		i--
	}
	if i < 0 {
		return -1
	}
	if b := &g.blocks[i]; uintptr(p)-uintptr(b.at)+max(n, 1) > b.size {
		return -1
	}
	return i
}
