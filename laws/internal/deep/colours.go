package deep

import (
	"cmp"
	"hash/maphash"
	"maps"
	"reflect"
	"slices"
	"unsafe"
)

// colours are hashes of what values lead to such that equal values have equal colours: those
// of a refinement (R. Paige, R. E. Tarjan: Three partition refinement algorithms, 1987), by
// rounds, over the pieces of memory that the values refer to. Maps count by the sum of their
// entries, so that it does not matter which of them belong together. Where two values differ in
// colour they are unequal, with odds of 2^-64 that they do so and do not show it; the
// converse holds but for what colours leave out: methods Equal, of whose values only the
// type counts, and which of several alike pieces of memory a pointer in a key points to.
type colours struct {
	structural bool // methods Equal are not asked
	index      map[piece]int
	nodes      []coloured
	compared   spans // memory that equality looks at
	opaque     spans // what in it equality leaves to methods, or out
	hidden     spans // memory that equality does not look at, but keys may refer to
	sealed     bool  // nothing is added any more
}

// piece is memory that a reference refers to: n adjacent values of t, or one value, or a map.
type piece struct {
	at unsafe.Pointer
	t  *Type
	n  int // or one of the following
}

const (
	oneValue = -1
	aMap     = -2
)

// coloured is a piece of memory: what it holds, and its entries if it is a map.
type coloured struct {
	piece
	facet
	entries [][2]facet
}

// facet is the content of values: a hash of what lies in them, and the references, in order.
type facet struct {
	words  uint64
	refs   []ref
	asType bool // something in it counts by its type alone
}

// whole reports that values with this hash are equal, whatever is known of other memory.
func (f *facet) whole() bool { return len(f.refs) == 0 && !f.asType }

type ref struct {
	node int
	key  bool // in a key of a map: what is there may have no colour
	at   unsafe.Pointer
}

// colourRounds is the number of rounds after which a refinement ends even if it would go
// on: what lies deeper than that is told apart by the search alone.
const colourRounds = 64

func newColours(structural bool) *colours {
	return &colours{structural: structural, index: make(map[piece]int)}
}

// add takes in the value at p, and all that it refers to.
func (c *colours) add(t *Type, p unsafe.Pointer) {
	from := len(c.nodes)
	c.node(piece{p, t, oneValue}, false)
	for i := from; i < len(c.nodes); i++ {
		n := c.nodes[i]
		switch n.n {
		case aMap:
			n.words = uint64(n.t.value(unsafe.Pointer(&n.at)).Len())
			for _, e := range n.t.entries.items(n.at) {
				n.entries = append(n.entries, [2]facet{c.facet(n.t.entries.key, e.key, true), c.facet(n.t.entries.val, e.val, false)})
			}
		case oneValue:
			n.facet = c.facet(n.t, n.at, false)
		default:
			f := faceting{c: c}
			for j := range n.n {
				f.value(n.t, unsafe.Add(n.at, uintptr(j)*n.t.size))
			}
			n.facet = f.facet
		}
		c.nodes[i] = n
	}
}

// node is the number of a piece of memory.
func (c *colours) node(p piece, key bool) int {
	if !key && !c.sealed {
		c.compared.add(p.at, p.t.size*uintptr(max(p.n, 1)))
	}
	i, known := c.index[p]
	switch {
	case !known && c.sealed:
		return -1
	case !known:
		i = len(c.nodes)
		c.index[p] = i
		c.nodes = append(c.nodes, coloured{piece: p})
	}
	return i
}

// refine finds the colours of all pieces. Those with a mark start with one of their own. It
// reports the rounds that it took.
func (c *colours) refine(marks map[int]uint64) (now []uint64, rounds int) {
	c.sealed = true
	now, next := make([]uint64, len(c.nodes)), make([]uint64, len(c.nodes))
	classes := 0
	for rounds = 1; rounds <= colourRounds; rounds++ {
		for i := range c.nodes {
			next[i] = c.colour(i, marks[i], now)
		}
		now, next = next, now
		different := make(map[uint64]struct{}, classes)
		for _, h := range now {
			different[h] = struct{}{}
		}
		if len(different) == classes {
			break
		}
		classes = len(different)
	}
	return now, rounds
}

// colour is the colour of a piece after one more round.
func (c *colours) colour(i int, mark uint64, now []uint64) uint64 {
	n := &c.nodes[i]
	h := c.fold(&n.facet, mix(mix(n.t.id(), uint64(int64(n.n))), mark), now)
	var sum uint64
	for j := range n.entries {
		sum += c.entry(&n.entries[j], now)
	}
	return mix(h, sum)
}

// entry is the colour of an entry of a map, given its key and its value.
func (c *colours) entry(e *[2]facet, now []uint64) uint64 {
	return mix(c.fold(&e[1], c.fold(&e[0], 1, now), now), 2)
}

// fold is the hash of values by the colours of what they refer to.
func (c *colours) fold(f *facet, h uint64, now []uint64) uint64 {
	h = mix(h, f.words)
	for _, r := range f.refs {
		if c.plain(r) {
			h = mix(h, now[r.node])
		} else {
			h = mix(h, 3)
		}
	}
	return h
}

// plain reports whether what is referred to has a colour of use.
func (c *colours) plain(r ref) bool {
	return r.node >= 0 && (!r.key || c.compared.hold(r.at) && !c.opaque.hold(r.at))
}

// reached reports whether something else than keys refers to p.
func (c *colours) reached(p unsafe.Pointer) bool { return c.compared.hold(p) || c.hidden.hold(p) }

// of is the colour of a value that was added.
func (c *colours) of(t *Type, p unsafe.Pointer, now []uint64) uint64 {
	return now[c.index[piece{p, t, oneValue}]]
}

// facets are the key and the value of an entry of a map that was added.
func (c *colours) facets(m *mapType, e *item) *[2]facet {
	if e.facets == nil {
		e.facets = &[2]facet{c.facet(m.key, e.key, true), c.facet(m.val, e.val, false)}
	}
	return e.facets
}

// marked are marks in addition to which what two entries refer to, each in its place, has one in
// common. There are none to add if the entries refer to nothing.
func (c *colours) marked(marks map[int]uint64, l, r *[2]facet) (more map[int]uint64, ok bool) {
	more = maps.Clone(marks)
	for side := range l {
		if len(l[side].refs) != len(r[side].refs) {
			return nil, false
		}
		for i, at := range l[side].refs {
			with := r[side].refs[i]
			if !c.plain(at) || !c.plain(with) {
				continue
			}
			if more == nil {
				more = make(map[int]uint64)
			}
			fresh := uint64(len(more) + 1)
			if more[at.node] != more[with.node] {
				return nil, false
			}
			more[at.node] = mix(fresh, more[at.node])
			more[with.node] = more[at.node]
		}
	}
	return more, true
}

func (c *colours) facet(t *Type, p unsafe.Pointer, key bool) facet {
	f := faceting{c: c, key: key}
	f.value(t, p)
	return f.facet
}

// faceting finds the content of values. What it counts as the same must include all that equality
// takes for equal.
type faceting struct {
	c   *colours
	key bool
	facet
}

func (f *faceting) word(v uint64) { f.words = mix(f.words, v) }

func (f *faceting) refer(p piece) {
	f.word(1)
	f.refs = append(f.refs, ref{f.c.node(p, f.key), f.key, p.at})
}

func (f *faceting) value(t *Type, p unsafe.Pointer) {
	if _, own := equalMethodOf(t.t); own && !f.key && !f.c.structural {
		f.byType(t, p)
		return
	}
	v := t.value(p)
	switch t.t.Kind() {
	case reflect.Struct:
		f.fields(t, p)
	case reflect.Array:
		for i := range t.length {
			f.value(t.elem, unsafe.Add(p, uintptr(i)*t.elem.size))
			if t.elem.size == 0 {
				return
			}
		}
	case reflect.Slice:
		f.word(uint64(v.Len()))
		if elem := Of(t.t.Elem()); elem.size > 0 {
			if v.Len() > 0 {
				f.refer(piece{v.UnsafePointer(), elem, v.Len()})
			}
			f.spare((*sliceHeader)(p), elem)
		}
	case reflect.Pointer:
		f.pointer(Of(t.t.Elem()), *(*unsafe.Pointer)(p))
	case reflect.Interface:
		held, at := heldBy(t.t, p)
		switch {
		case held == nil:
			f.word(0)
		case held.direct || len(held.slots) == 0 || f.key:
			f.word(held.id())
			f.value(held, at)
		default:
			f.word(held.id())
			f.refer(piece{at, held, oneValue})
		}
	case reflect.Map:
		f.word(uint64(v.Len()))
		if v.Len() > 0 {
			f.refer(piece{*(*unsafe.Pointer)(p), t, aMap})
		}
	case reflect.Float32, reflect.Float64:
		f.word(keyFloat(v.Float()))
	case reflect.Complex64, reflect.Complex128:
		f.word(keyFloat(real(v.Complex())))
		f.word(keyFloat(imag(v.Complex())))
	case reflect.String:
		f.word(maphash.String(stringSeed, v.String()))
	default:
		f.word(maphash.Bytes(stringSeed, unsafe.Slice((*byte)(p), t.size)))
	}
}

func (f *faceting) fields(t *Type, p unsafe.Pointer) {
	switch pointer, ok := atomicPointee(t.t); {
	case isSync(t.t):
		return
	case isSyncMap(t.t):
		f.byType(t, p) // its entries lie in memory of its own
		return
	case ok:
		f.value(Of(pointer), unsafe.Add(p, atomicWord(t.t)))
		return
	case isWord(t.t):
		f.word(maphash.Bytes(stringSeed, unsafe.Slice((*byte)(p), t.size)))
		return
	}
	for i := range t.t.NumField() {
		field := t.t.Field(i)
		if ignored(t.t, field) {
			f.leaveOut(Of(field.Type), unsafe.Add(p, field.Offset))
			continue
		}
		f.value(Of(field.Type), unsafe.Add(p, field.Offset))
	}
}

func (f *faceting) pointer(elem *Type, x unsafe.Pointer) {
	switch hold := tenureOf(elem.t); {
	case x == nil:
		f.word(0)
	case hold == machine || hold == derived:
		f.word(uint64(uintptr(x)))
	case hold == nowhere:
		f.word(1)
	default:
		f.refer(piece{x, elem, oneValue})
	}
}

// byType is for values that count by their types alone.
func (f *faceting) byType(t *Type, p unsafe.Pointer) {
	f.word(t.id())
	f.facet.asType = true
	f.leaveOut(t, p)
}

func (f *faceting) leaveOut(t *Type, p unsafe.Pointer) {
	if !f.c.sealed {
		f.c.opaque.add(p, t.size)
		f.hide(t, p, 1)
	}
}

// spare hides what a slice has beyond its length.
func (f *faceting) spare(s *sliceHeader, elem *Type) {
	if s.cap > s.len && !f.c.sealed {
		f.hide(elem, unsafe.Add(s.data, uintptr(s.len)*elem.size), s.cap-s.len)
	}
}

// hide notes n values that equality does not look at, and what they refer to.
func (f *faceting) hide(t *Type, p unsafe.Pointer, n int) {
	var g graph
	g.discoverAll(t, p, n)
	for _, b := range g.blocks {
		f.c.hidden.add(b.at, b.size)
	}
}

// spans are stretches of memory.
type spans struct {
	all    []span
	ends   []uintptr // how far any of the spans up to here reaches
	sorted bool
}

func (s *spans) add(p unsafe.Pointer, size uintptr) {
	s.all, s.sorted = append(s.all, span{uintptr(p), uintptr(p) + size}), false
}

// hold reports whether p lies in one of the spans.
func (s *spans) hold(p unsafe.Pointer) bool {
	if !s.sorted {
		slices.SortFunc(s.all, func(a, b span) int { return cmp.Compare(a.from, b.from) })
		s.ends = s.ends[:0]
		var end uintptr
		for _, one := range s.all {
			end = max(end, one.to)
			s.ends = append(s.ends, end)
		}
		s.sorted = true
	}
	after, _ := slices.BinarySearchFunc(s.all, uintptr(p), func(one span, p uintptr) int {
		if one.from <= p {
			return -1
		}
		return 1
	})
	return after > 0 && s.ends[after-1] > uintptr(p)
}
