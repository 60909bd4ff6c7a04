package deep

import (
	"cmp"
	"slices"
	"unsafe"
)

// canon numbers the memory of a value in the order in which it is met on a walk
// that takes the entries of maps in an order of their own.
type canon struct {
	g       graph
	numbers []int // of the blocks, and then the maps; 0 if there is none yet
	counted int
	queue   []int
}

// canonical is the fingerprint of values that cannot be unfolded: each block and
// map counts once.
func (t *Type) canonical(w *walk, p unsafe.Pointer) uint64 {
	w.begin()
	c := &canon{g: graph{all: true}}
	c.g.discover(t, p)
	c.numbers = make([]int, len(c.g.blocks)+len(c.g.maps))
	w.canon, w.mode = c, number
	h := t.hash(w, p, 1)
	for len(c.queue) > 0 {
		next := c.queue[0]
		c.queue = c.queue[1:]
		if i := next - len(c.g.blocks); i >= 0 {
			h = w.canonicalMap(c.g.maps[i].m, c.g.maps[i].at, h)
			continue
		}
		b := &c.g.blocks[next]
		h = b.t.hashRun(w, b.at, mix(h, uint64(b.n)), b.n)
	}
	return h
}

// refer folds a reference to the memory at p into a hash.
func (w *walk) refer(h uint64, p unsafe.Pointer) uint64 {
	if w.mode == number {
		if i := w.canon.g.block(p, 0); i >= 0 {
			offset := uintptr(p) - uintptr(w.canon.g.blocks[i].at)
			return mix(mix(h, w.canon.number(i)), uint64(offset))
		}
	}
	return mix(h, uint64(uintptr(p)))
}

// referMap folds a reference to a map into a hash.
func (w *walk) referMap(h uint64, p unsafe.Pointer) uint64 {
	if w.mode == number {
		if i, ok := w.canon.g.mapAt[p]; ok {
			return mix(h, w.canon.number(len(w.canon.g.blocks)+i))
		}
	}
	return mix(h, uint64(uintptr(p)))
}

// number returns the number of a block or a map. What has none yet gets the next one.
func (c *canon) number(i int) uint64 {
	if c.numbers[i] == 0 {
		c.queue = append(c.queue, i)
		c.counted++
		c.numbers[i] = c.counted
	}
	return uint64(c.numbers[i])
}

// canonicalMap folds the entries of the map x into a hash, in the order of their keys'
// hashes by address. Entries whose keys are NaN are in the order of their values'.
func (w *walk) canonicalMap(m *mapType, x unsafe.Pointer, h uint64) uint64 {
	if len(m.key.slots) == 0 && len(m.val.slots) == 0 {
		return m.hashEntries(w, x, h)
	}
	type entryHash struct {
		key, val uint64
		item
	}
	var entries []entryHash
	w.mode = addresses
	for _, e := range m.items(x) {
		entries = append(entries, entryHash{m.key.hash(w, e.key, 0), m.val.hash(w, e.val, 0), e})
	}
	w.mode = number
	slices.SortFunc(entries, func(a, b entryHash) int {
		return cmp.Or(cmp.Compare(a.key, b.key), cmp.Compare(a.val, b.val))
	})
	h = mix(h, uint64(len(entries)))
	for _, e := range entries {
		h = m.key.hash(w, e.item.key, mix(h, e.key))
		h = m.val.hash(w, e.item.val, h)
	}
	return h
}
