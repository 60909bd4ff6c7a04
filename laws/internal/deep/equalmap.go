package deep

import (
	"maps"
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
		w.deferred = append(w.deferred, m.unmatched(x, y))
	}
	return same
}

// unmatched are the entries of two maps whose keys are not found in the other one,
// as many on either side. They are compared once all else is, since then it is known
// what corresponds.
type unmatched struct {
	m           *mapType
	left, right []item
	index       map[uint64][]*item // the entries on the right, by the hashes of their keys
	sketches    map[uint64][]*item // and by those of their values
}

type item struct {
	key, val unsafe.Pointer
	done     bool
	tried    bool // to suppose what it corresponds to
}

func (m *mapType) unmatched(x, y unsafe.Pointer) *unmatched {
	return &unmatched{m: m, left: m.missing(x, y), right: m.missing(y, x)}
}

// missing are copies of the entries of x whose keys y does not have.
func (m *mapType) missing(x, y unsafe.Pointer) []item {
	in := m.t.value(unsafe.Pointer(&y))
	var found []item
	for _, e := range m.items(x) {
		if !in.MapIndex(m.key.value(e.key)).IsValid() {
			found = append(found, e)
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

// settle does what was put off.
func (w *walk) settle() bool {
	depth := w.depth
	defer func() { w.depth = depth }()
	for {
		for len(w.pending) > 0 {
			last := len(w.pending) - 1
			t := w.pending[last]
			w.pending = w.pending[:last]
			w.depth = 0
			if !t.body(w, t.a, t.b, t.n) {
				return false
			}
		}
		if len(w.deferred) == 0 {
			return true
		}
		deferred, open, moved := w.deferred, []*unmatched(nil), false
		w.deferred = nil
		for _, u := range deferred {
			progress, complete, ok := w.match(u)
			if !ok {
				return false
			}
			moved = moved || progress
			if !complete {
				open = append(open, u)
			}
		}
		if len(open) > 0 && !moved && len(w.pending) == 0 && len(w.deferred) == 0 && !w.suppose(open) {
			return false
		}
		w.deferred = append(open, w.deferred...)
	}
}

// match compares entries whose keys are equal or correspond. It reports whether any
// did, whether all have, and whether none is known to be unequal.
func (w *walk) match(u *unmatched) (progress, complete, ok bool) {
	complete = true
	for i := range u.left {
		l := &u.left[i]
		if l.done {
			continue
		}
		candidates := w.candidates(u, l)
		switch len(candidates) {
		case 0:
			complete = false
			continue
		case 1:
			r := candidates[0]
			if !w.equalAside(u.m.val, l.val, r.val) {
				return false, false, false
			}
			l.done, r.done, progress = true, true, true
		default:
			for _, r := range candidates {
				if w.tentative(u.m.val, l.val, r.val, nil) {
					l.done, r.done, progress = true, true, true
					break
				}
			}
			if !l.done {
				return false, false, false
			}
		}
	}
	return progress, complete, true
}

// candidates are the entries on the right whose keys are equal to that of l, or
// correspond to it.
func (w *walk) candidates(u *unmatched, l *item) []*item {
	if u.index == nil {
		u.index = make(map[uint64][]*item, len(u.right))
		for i := range u.right {
			r := &u.right[i]
			h := w.keyHash(u.m.key.value(r.key), 0, false)
			u.index[h] = append(u.index[h], r)
		}
	}
	found := w.among(u, l, u.index[w.keyHash(u.m.key.value(l.key), 0, true)])
	if len(found) > 0 {
		return found
	}
	if !w.record {
		w.unknown = true
		return nil
	}
	// A pointer may correspond to several; the hash knows one.
	all := make([]*item, len(u.right))
	for i := range u.right {
		all[i] = &u.right[i]
	}
	return w.among(u, l, all)
}

func (w *walk) among(u *unmatched, l *item, rights []*item) []*item {
	var found []*item
	w.keys = true
	for _, r := range rights {
		if !r.done && u.m.key.same(w, l.key, r.key) {
			found = append(found, r)
		}
	}
	w.keys = false
	return found
}

// suppose is for keys that correspond to each other only through the values of their own
// entries: it compares the values of one entry with those of the entries on the
// right that look like it. It reports false if there is nothing left to be supposed, or
// what was supposed is not so.
func (w *walk) suppose(open []*unmatched) bool {
	for _, u := range open {
		if !w.record || len(u.m.key.slots) == 0 {
			continue
		}
		for i := range u.left {
			l := &u.left[i]
			if l.done || l.tried {
				continue
			}
			l.tried = true
			alike := u.alike(l)
			if len(alike) == 1 {
				return w.equalAside(u.m.val, l.val, alike[0].val)
			}
			for _, r := range alike {
				if w.tentative(u.m.val, l.val, r.val, func(w *walk) bool { return len(w.among(u, l, []*item{r})) == 1 }) {
					l.done, r.done = true, true
					return true
				}
			}
			return false
		}
	}
	return false
}

// alike are the entries on the right whose values look like that of l, two references
// deep.
func (u *unmatched) alike(l *item) []*item {
	if u.sketches == nil {
		u.sketches = make(map[uint64][]*item, len(u.right))
		for i := range u.right {
			r := &u.right[i]
			h := u.m.val.sketch(r.val)
			u.sketches[h] = append(u.sketches[h], r)
		}
	}
	var found []*item
	for _, r := range u.sketches[u.m.val.sketch(l.val)] {
		if !r.done {
			found = append(found, r)
		}
	}
	return found
}

// equalAside compares two values at the depth of none.
func (w *walk) equalAside(t *Type, a, b unsafe.Pointer) bool {
	w.depth = 0
	return t.equal(w, a, b)
}

// maxNested is the number of maps with several NaN keys, one within the values of
// another, from which on their values are told apart by what
// they look like.
const maxNested = 50

// tentative compares two values such that the answer may be no without the whole
// being unequal: what was taken for equal on the way is forgotten again. If they are
// equal, and more holds if that is given, it is kept.
func (w *walk) tentative(t *Type, a, b unsafe.Pointer, more func(*walk) bool) bool {
	if w.nested >= maxNested {
		return t.sketch(a) == t.sketch(b)
	}
	inner := walk{
		nested: w.nested + 1, record: w.record, work: rememberFrom, compared: w.compared,
		seen: maps.Clone(w.seen), regions: w.regions[:len(w.regions):len(w.regions)],
	}
	if !t.equal(&inner, a, b) || !inner.settle() || more != nil && !more(&inner) {
		w.unknown = w.unknown || inner.unknown
		return false
	}
	w.seen, w.regions, w.sorted = inner.seen, inner.regions, inner.sorted
	return true
}
