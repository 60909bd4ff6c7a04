package deep

import (
	"reflect"
	"unsafe"
)

// equalMapByReflection takes maps of any type. It is what [equalMapByKind] must
// agree with.
func equalMapByReflection(m *mapType) equalFunc {
	return func(w *walk, a, b unsafe.Pointer) bool {
		x, y := m.t.value(a), m.t.value(b)
		if x.Len() != y.Len() {
			return false
		}
		if x.Len() == 0 {
			return true
		}
		return w.compare(m.t, m.equalEntries, *(*unsafe.Pointer)(a), *(*unsafe.Pointer)(b), -1)
	}
}

// equalEntries compares two maps with equal numbers of entries.
func (m *mapType) equalEntries(w *walk, x, y unsafe.Pointer, _ int) bool {
	at := w.borrow(m)
	at.y = y
	at.over(x)
	same, rest := true, false
	// in any order: all entries must be equal
	for same && at.next() {
		v := at.ys.MapIndex(at.key)
		if !v.IsValid() {
			rest, same = true, m.uncertain
			continue
		}
		at.other.Set(v)
		same = m.val.equal(w, at.valAt(), at.other.Addr().UnsafePointer())
	}
	w.giveBack(m, at)
	if same && rest {
		w.putOff(m, x, y)
	}
	return same
}

// putOff leaves the entries of two maps whose keys the other one does not have for
// later. Only a walk that records what corresponds can match them.
func (w *walk) putOff(m *mapType, x, y unsafe.Pointer) {
	if !w.record {
		w.unknown = true
		return
	}
	if w.aside {
		return
	}
	w.deferred = append(w.deferred, &unmatched{m: m, left: m.missing(x, y), right: m.missing(y, x)})
}

// unmatched are the entries of two maps whose keys are not found in the other one. In equal
// maps there are as many on either side.
type unmatched struct {
	m           *mapType
	left, right []*item
	index       map[uint64][]*item // the entries on the right, by the hashes of their keys
}

// item is an entry of a map, copied.
type item struct {
	key, val unsafe.Pointer
	facets   *[2]facet // once they are asked for
}

// missing are copies of the entries of x whose keys y does not have.
func (m *mapType) missing(x, y unsafe.Pointer) []*item {
	in := m.t.value(unsafe.Pointer(&y))
	var found []*item
	for _, e := range m.items(x) {
		if !in.MapIndex(m.key.value(e.key)).IsValid() {
			found = append(found, &e)
		}
	}
	return found
}

// items are copies of the entries of the map x, in any order.
func (m *mapType) items(x unsafe.Pointer) []item {
	at := newEntry(m)
	at.over(x)
	found := make([]item, 0, at.xs.Len())
	for at.next() {
		key, val := reflect.New(m.key.t), reflect.New(m.val.t)
		key.Elem().Set(at.key)
		val.Elem().Set(at.val)
		found = append(found, item{key: key.UnsafePointer(), val: val.UnsafePointer()})
	}
	return found
}

// candidates are the entries on the right whose keys are equal to that of l, or are known
// to correspond to it.
func (w *walk) candidates(u *unmatched, l *item) []*item {
	if u.index == nil {
		u.index = make(map[uint64][]*item, len(u.right))
		for _, r := range u.right {
			h := w.keyHash(u.m.key.value(r.key), 0, false)
			u.index[h] = append(u.index[h], r)
		}
	}
	found := w.among(u, l, u.index[w.keyHash(u.m.key.value(l.key), 0, true)])
	if len(found) > 0 || !w.ambiguous(u.m.key.value(l.key)) {
		return found
	}
	return w.among(u, l, u.right) // the hash knows but one of several
}

// among are those of the entries that are left and whose keys are equal to that of l, or
// correspond to it.
func (w *walk) among(u *unmatched, l *item, rights []*item) []*item {
	if w.chosen && !w.search.step(len(rights)) {
		return nil
	}
	var found []*item
	for _, r := range rights {
		if !w.taken[r] && w.sameKey(u.m, l, r) {
			found = append(found, r)
		}
	}
	return found
}

// sameKey reports whether the keys of two entries are equal, or known to correspond.
func (w *walk) sameKey(m *mapType, l, r *item) bool {
	w.keys = true
	same := m.key.same(w, l.key, r.key)
	w.keys = false
	return same
}

// equalAside compares two values at the depth of none.
func (w *walk) equalAside(t *Type, a, b unsafe.Pointer) bool {
	w.depth = 0
	return t.equal(w, a, b)
}
