package deep

import (
	"reflect"
	"slices"
	"unsafe"
)

// Size returns how large the boxed value is, in words of eight bytes: what it holds
// itself, and all memory that it refers to, once, and its strings. What only pointers in keys of
// maps refer to does not count: copies keep it. It stops at limit, which makes its time O(limit) whatever the value, and returns that.
func (t *Type) Size(v any, limit int) int { return t.SizeAt(t.at(v), limit) }

// SizeAt is Size of the value at an address.
func (t *Type) SizeAt(p unsafe.Pointer, limit int) int {
	m := measure{limit: limit}
	m.add(t, p, 1)
	for len(m.todo) > 0 && m.sum < limit {
		last := len(m.todo) - 1
		next := m.todo[last]
		m.todo = m.todo[:last]
		if next.of != nil {
			m.entries(next.of, next.at)
		} else {
			m.through(next.t, next.at, next.n)
		}
	}
	return max(0, min(m.sum, limit))
}

// Size is [Type.Size] of a value of type T.
func Size[T any](v T, limit int) int {
	return Of(reflect.TypeFor[T]()).SizeAt(unsafe.Pointer(&v), limit)
}

// measure adds up sizes. What is left to be looked through is no more than what was
// added.
type measure struct {
	sum, limit int
	todo       []portion
	seen       map[foundKey]struct{}
	windows    map[*Type]*union
}

// portion is n values of t, or a map.
type portion struct {
	at unsafe.Pointer
	t  *Type
	n  int
	of *mapType
}

// words is the size of n values of t, but for what they refer to; at most limit.
func (m *measure) words(t *Type, n int) int {
	const most = 1 << 31 // of either, so that their product fits
	bytes := min(uint64(t.size), most) * min(uint64(n), most)
	return int(min((bytes+7)/8, uint64(max(m.limit, 0))))
}

// add counts n values of t at p, if it did not yet, and notes that what they refer
// to is to be counted.
func (m *measure) add(t *Type, p unsafe.Pointer, n int) {
	if n == 0 || t.size == 0 || m.again(foundKey{p, t, n}) {
		return
	}
	if n > 1 {
		m.window(t, p, n)
		return
	}
	m.sum += m.words(t, n)
	if t.refers() {
		m.todo = append(m.todo, portion{at: p, t: t, n: n})
	}
}

// window counts a slice, which may overlap with others: what they have in common counts once, in
// whichever order they are met.
func (m *measure) window(t *Type, p unsafe.Pointer, n int) {
	if m.windows == nil {
		m.windows = make(map[*Type]*union)
	}
	u := m.windows[t]
	if u == nil {
		u = new(union)
		m.windows[t] = u
	}
	before := u.elements
	for _, fresh := range u.add(uintptr(p), uintptr(p)+uintptr(n)*t.size, t.size) {
		if t.refers() {
			m.todo = append(m.todo, portion{at: unsafe.Add(p, fresh.from-uintptr(p)), t: t, n: int((fresh.to - fresh.from) / t.size)})
		}
	}
	m.sum += m.words(t, u.elements) - m.words(t, before)
}

// union is memory that stretches cover: spans that are apart, in order.
type union struct {
	spans    []span
	elements int
}

// add covers a stretch of elements of a size, and returns those parts of it that were not covered.
func (u *union) add(from, to, size uintptr) (fresh []span) {
	first, _ := slices.BinarySearchFunc(u.spans, from, func(s span, from uintptr) int {
		if s.to < from {
			return -1
		}
		return 1
	})
	whole, at, last := span{from, to}, from, first
	for ; last < len(u.spans) && u.spans[last].from <= to; last++ {
		s := u.spans[last]
		if at < s.from {
			fresh = append(fresh, span{at, s.from})
		}
		at = max(at, s.to)
		whole = span{min(whole.from, s.from), max(whole.to, s.to)}
	}
	if at < to {
		fresh = append(fresh, span{at, to})
	}
	for _, s := range fresh {
		u.elements += int((s.to - s.from) / size)
	}
	u.spans = slices.Replace(u.spans, first, last, whole)
	return fresh
}

// again reports whether the memory was counted.
func (m *measure) again(key foundKey) bool {
	if _, ok := m.seen[key]; ok {
		return true
	}
	if m.seen == nil {
		m.seen = make(map[foundKey]struct{})
	}
	m.seen[key] = struct{}{}
	return false
}

// through counts what n values of t at p refer to.
func (m *measure) through(t *Type, p unsafe.Pointer, n int) {
	for i := 0; i < n && m.sum < m.limit; i++ {
		m.value(t, unsafe.Add(p, uintptr(i)*t.size))
	}
}

// value counts what the value at p refers to.
func (m *measure) value(t *Type, p unsafe.Pointer) {
	if t.texts {
		m.strings(t.value(p))
	}
	for i := range t.slots {
		s := &t.slots[i]
		at := unsafe.Add(p, s.offset)
		switch s.kind {
		case toValue:
			if x := *(*unsafe.Pointer)(at); x != nil {
				m.add(s.t, x, 1)
			}
		case toSlice:
			h := (*sliceHeader)(at)
			m.add(s.t, h.data, h.len)
		case toMap:
			m.addMap(s.t.entries, *(*unsafe.Pointer)(at))
		case toAny:
			m.held(s.t, at)
		case inArray:
			m.through(s.t, at, s.n)
		case inSynced:
			entries := snapshot(at)
			m.addMap(s.t.entries, *(*unsafe.Pointer)(unsafe.Pointer(&entries))) // of a map made just now
		}
	}
}

// held counts what the interface at p holds.
func (m *measure) held(t *Type, p unsafe.Pointer) {
	switch held, x := heldBy(t.t, p); {
	case held == nil:
	case held.direct:
		m.value(held, x)
	default:
		m.add(held, x, 1)
	}
}

// addMap counts the entries of the map x, and notes that what they refer to is to
// be.
func (m *measure) addMap(of *mapType, x unsafe.Pointer) {
	if x == nil || m.again(foundKey{x, of.t, 0}) {
		return
	}
	n := of.t.value(unsafe.Pointer(&x)).Len()
	m.sum += m.words(of.key, n) + m.words(of.val, n)
	if of.key.refers() || of.val.refers() {
		m.todo = append(m.todo, portion{at: x, of: of})
	}
}

// entries counts what the entries of the map x refer to.
func (m *measure) entries(of *mapType, x unsafe.Pointer) {
	at := newEntry(of)
	at.over(x)
	// In any order: sizes are added.
	for m.sum < m.limit && at.next() {
		m.key(of.key, at.keyAt())
		m.value(of.val, at.valAt())
	}
}

// key counts the strings and the boxes of the key at p.
func (m *measure) key(t *Type, p unsafe.Pointer) {
	if t.texts {
		m.strings(t.value(p))
	}
	for i := range t.slots {
		s := &t.slots[i]
		at := unsafe.Add(p, s.offset)
		switch s.kind {
		case toAny:
			if held, x := heldBy(s.t.t, at); held != nil && !held.direct {
				m.sum += m.words(held, 1)
				m.key(held, x)
			}
		case inArray:
			for i := range s.n {
				m.key(s.t, unsafe.Add(at, uintptr(i)*s.t.size))
			}
		}
	}
}

// refers reports whether values of t hold more than their own memory.
func (t *Type) refers() bool { return len(t.slots) > 0 || t.texts }

// strings counts the bytes of the strings in v itself.
func (m *measure) strings(v reflect.Value) {
	if !Of(v.Type()).texts {
		return // it may have any number of elements without bytes
	}
	switch v.Kind() {
	case reflect.String:
		m.sum += (v.Len() + 7) / 8
	case reflect.Struct:
		for i := range v.NumField() {
			m.strings(v.Field(i))
		}
	case reflect.Array:
		for i := 0; i < v.Len() && m.sum < m.limit; i++ {
			m.strings(v.Index(i))
		}
	}
}
