package logset

import (
	"encoding/binary"
	"iter"

	"github.com/cespare/xxhash/v2"
)

// Place is where a record is: the slot of its file in the high bits of Addr, its
// offset there in the low ones, and its length. So an address is a base and an
// offset, and finding a file takes no map.
type Place struct {
	Addr uint64
	Size uint32
}

const offsetBits = 40

func placeOf(slot int, off int64, size int) Place {
	return Place{uint64(slot)<<offsetBits | uint64(off), uint32(size)}
}

// Slot is the slot of the file.
func (p Place) Slot() int { return int(p.Addr >> offsetBits) }

// Offset is the offset in the file.
func (p Place) Offset() int64 { return int64(p.Addr & (1<<offsetBits - 1)) }

// Index says where the value of each key is: extendible hashing (Fagin et al., TODS
// 1979) over pages that are bytes, so that they can be written and read as they are. A
// lookup and a change for a known key take no memory, and a new key moves those of one
// page at most, but for doubling the directory.
//
// The hash is xxHash64 without a seed, since it is also that of a saved index. Who
// chooses keys can choose them to collide: that costs time, in one page that grows, and
// nothing else.
type Index struct {
	// dir has the page of a key under the first depth bits of the key's hash; a page
	// of fewer bits stands under all that begin with them.
	dir   []*page
	depth int
	n     int
	image *image // being taken, nil for none
	epoch uint32 // of the last image
}

// NewIndex returns an empty index.
func NewIndex() *Index { return &Index{dir: []*page{newPage(0, 0, 0)}} }

func hashOf(key []byte) uint64 { return xxhash.Sum64(key) }

// Len is the number of keys.
func (x *Index) Len() int { return x.n }

func (x *Index) page(hash uint64) *page { return x.dir[hash>>(64-x.depth)] }

// Get returns the place of a key.
func (x *Index) Get(key []byte) (Place, bool) { return x.get(hashOf(key), key) }

func (x *Index) get(hash uint64, key []byte) (Place, bool) {
	g := x.page(hash)
	at, ok := g.find(uint32(hash), key)
	if !ok {
		return Place{}, false
	}
	return g.place(at), true
}

// Put sets the place of a key and returns the one of before.
func (x *Index) Put(key []byte, p Place) (old Place, had bool) { return x.put(hashOf(key), key, p) }

func (x *Index) put(hash uint64, key []byte, p Place) (old Place, had bool) {
	for {
		g := x.page(hash)
		x.touch(g, hash)
		at, ok := g.find(uint32(hash), key)
		if ok {
			old = g.place(at)
			g.setPlace(at, p)
			return old, true
		}
		if !g.full() {
			g.insert(at, uint32(hash), key, p)
			x.n++
			return Place{}, false
		}
		x.widen(hash)
	}
}

// Move changes the place of the key with that hash whose place is old, and reports
// whether there was one: no two keys have one place.
func (x *Index) Move(hash uint64, old, now Place) bool {
	g := x.page(hash)
	at, ok := g.at(uint32(hash), old)
	if ok {
		x.touch(g, hash)
		g.setPlace(at, now)
	}
	return ok
}

// Delete takes a key away and returns the place of before.
func (x *Index) Delete(key []byte) (old Place, had bool) { return x.remove(hashOf(key), key) }

func (x *Index) remove(hash uint64, key []byte) (old Place, had bool) {
	g := x.page(hash)
	at, ok := g.find(uint32(hash), key)
	if !ok {
		return Place{}, false
	}
	old = g.place(at)
	x.touch(g, hash)
	g.remove(at)
	x.n--
	return old, true
}

// All are the keys and their places, in the order of their hashes' first bits. A key is
// valid until the next change.
func (x *Index) All() iter.Seq2[[]byte, Place] {
	return func(yield func([]byte, Place) bool) {
		for g := range x.pages() {
			for at := 0; at < len(g.slots); at += slotBytes {
				if key := g.key(at); key != nil && !yield(key, g.place(at)) {
					return
				}
			}
		}
	}
}

// pages are the pages, each once, in the order of their prefixes.
func (x *Index) pages() iter.Seq[*page] {
	return func(yield func(*page) bool) {
		for i := 0; i < len(x.dir); i += 1 << (x.depth - x.dir[i].depth) {
			if !yield(x.dir[i]) {
				return
			}
		}
	}
}

// Grow takes memory for n keys more of that many bytes together at once, if there are
// none yet.
func (x *Index) Grow(n, bytes int) {
	if x.n > 0 || n <= pageSlots/2 {
		return
	}
	depth := 0
	for n>>depth > pageSlots/2 {
		depth++
	}
	*x = Index{dir: make([]*page, 1<<depth), depth: depth}
	for i := range x.dir {
		x.dir[i] = newPage(depth, pageSlots/2, (bytes>>depth)*5/4)
	}
}

// widen makes room in the page of a hash: more slots up to a bound, from then on two
// pages of it.
func (x *Index) widen(hash uint64) {
	g := x.page(hash)
	slots := len(g.slots) / slotBytes
	if slots >= pageSlots && g.depth == x.depth && len(x.dir) <= x.n/sparse {
		double := make([]*page, 2*len(x.dir))
		for i := range double {
			double[i] = x.dir[i/2]
		}
		x.dir, x.depth = double, x.depth+1
	}
	at := int(hash >> (64 - x.depth))
	span := 1 << (x.depth - g.depth)
	first := at &^ (span - 1)
	if slots < pageSlots || span == 1 {
		// Where the directory is large for so few keys, their hashes have been chosen.
		x.dir[at] = g.rebuilt(2 * slots)
		for i := first; i < first+span; i++ {
			x.dir[i] = x.dir[at]
		}
		return
	}
	for half, h := range g.split() {
		for i := range span / 2 {
			x.dir[first+half*span/2+i] = h
		}
	}
}

// sparse is how many keys there are for each entry of the directory at least when it is
// doubled.
const sparse = 8

// A page holds keys whose hashes begin alike, in a table with linear probing.
type page struct {
	slots []byte // of slotBytes each, a power of two of them, one empty at least
	keys  []byte // that slots point into
	n     int
	dead  int    // bytes in keys of those that are gone
	depth int    // bits that the hashes have in common
	epoch uint32 // of the last image that has it
}

// A slot is
//
//	hash's low 32 bits 4 | size 4 | address 8 | key's offset << keyBits | its length 8
//
// and is empty if the length is 0. Its place in the page begins with the hash's low bits.
const (
	slotBytes = 24
	pageSlots = 256
	minSlots  = 8
	keyBits   = 17
	keyMask   = 1<<keyBits - 1
)

// newPage returns a page for n keys of that many bytes together.
func newPage(depth, n, bytes int) *page {
	slots := minSlots
	for n*4 > slots*3 {
		slots *= 2
	}
	g := &page{slots: make([]byte, slots*slotBytes), depth: depth}
	if bytes > 0 {
		g.keys = make([]byte, 0, bytes)
	}
	return g
}

// full reports that the page takes no key more, before probing takes long.
func (g *page) full() bool { return (g.n+1)*8*slotBytes > len(g.slots)*7 }

// find is where the slot of a key is, or else where it would be.
func (g *page) find(tag uint32, key []byte) (at int, ok bool) {
	mask := len(g.slots)/slotBytes - 1
	for i := int(tag) & mask; ; i = (i + 1) & mask {
		s := g.slots[i*slotBytes : i*slotBytes+slotBytes]
		ref := binary.LittleEndian.Uint64(s[16:])
		if ref == 0 {
			return i * slotBytes, false
		}
		if n := ref & keyMask; binary.LittleEndian.Uint32(s) == tag && n == uint64(len(key)) {
			if from := ref >> keyBits; string(g.keys[from:from+n]) == string(key) {
				return i * slotBytes, true
			}
		}
	}
}

// at is where the slot with that place is.
func (g *page) at(tag uint32, p Place) (at int, ok bool) {
	mask := len(g.slots)/slotBytes - 1
	for i := int(tag) & mask; ; i = (i + 1) & mask {
		s := g.slots[i*slotBytes : i*slotBytes+slotBytes]
		if binary.LittleEndian.Uint64(s[16:]) == 0 {
			return 0, false
		}
		if binary.LittleEndian.Uint32(s) == tag && g.place(i*slotBytes) == p {
			return i * slotBytes, true
		}
	}
}

func (g *page) place(at int) Place {
	s := g.slots[at : at+slotBytes]
	return Place{binary.LittleEndian.Uint64(s[8:]), binary.LittleEndian.Uint32(s[4:])}
}

func (g *page) setPlace(at int, p Place) {
	s := g.slots[at : at+slotBytes]
	binary.LittleEndian.PutUint32(s[4:], p.Size)
	binary.LittleEndian.PutUint64(s[8:], p.Addr)
}

// key is the key of a slot, nil for none.
func (g *page) key(at int) []byte {
	ref := binary.LittleEndian.Uint64(g.slots[at+16:])
	if ref == 0 {
		return nil
	}
	return g.keys[ref>>keyBits:][:ref&keyMask]
}

// insert fills the empty slot at which a key was not found.
func (g *page) insert(at int, tag uint32, key []byte, p Place) {
	s := g.slots[at : at+slotBytes]
	binary.LittleEndian.PutUint32(s, tag)
	binary.LittleEndian.PutUint64(s[16:], uint64(len(g.keys))<<keyBits|uint64(len(key)))
	g.setPlace(at, p)
	g.keys = append(g.keys, key...)
	g.n++
}

// remove empties a slot, and moves back what had to be put behind it.
func (g *page) remove(at int) {
	g.dead += len(g.key(at))
	g.n--
	mask := len(g.slots)/slotBytes - 1
	hole := at / slotBytes
	for i := (hole + 1) & mask; ; i = (i + 1) & mask {
		s := g.slots[i*slotBytes : i*slotBytes+slotBytes]
		if binary.LittleEndian.Uint64(s[16:]) == 0 {
			break
		}
		home := int(binary.LittleEndian.Uint32(s)) & mask
		if (i-home)&mask >= (i-hole)&mask { // the hole is on its way
			copy(g.slots[hole*slotBytes:], s)
			hole = i
		}
	}
	clear(g.slots[hole*slotBytes : hole*slotBytes+slotBytes])
	if g.dead > 256 && g.dead > len(g.keys)/2 {
		*g = *g.rebuilt(len(g.slots) / slotBytes)
	}
}

// rebuilt is the page in so many slots.
func (g *page) rebuilt(slots int) *page {
	to := newPage(g.depth, 0, (len(g.keys)-g.dead)*5/4)
	to.slots, to.epoch = make([]byte, slots*slotBytes), g.epoch
	for at := 0; at < len(g.slots); at += slotBytes {
		if key := g.key(at); key != nil {
			to.take(g, at, key)
		}
	}
	return to
}

// take inserts what a slot of another page has, which is not there yet.
func (g *page) take(from *page, at int, key []byte) {
	tag := binary.LittleEndian.Uint32(from.slots[at:])
	mask := len(g.slots)/slotBytes - 1
	i := int(tag) & mask
	for binary.LittleEndian.Uint64(g.slots[i*slotBytes+16:]) != 0 {
		i = (i + 1) & mask
	}
	g.insert(i*slotBytes, tag, key, from.place(at))
}

// split is the page as two, by the first bit of the hashes that is not known to be common.
func (g *page) split() (halves [2]*page) {
	var usual [pageSlots]uint8
	of := usual[:]
	if slots := len(g.slots) / slotBytes; slots != pageSlots {
		of = make([]uint8, slots)
	}
	var n, bytes [2]int
	for i := range of {
		if key := g.key(i * slotBytes); key != nil {
			half := hashOf(key) >> (63 - g.depth) & 1
			of[i] = uint8(half)
			n[half], bytes[half] = n[half]+1, bytes[half]+len(key)
		}
	}
	for half := range halves {
		halves[half] = newPage(g.depth+1, n[half], bytes[half]*5/4)
		halves[half].epoch = g.epoch
	}
	for i, half := range of {
		if key := g.key(i * slotBytes); key != nil {
			halves[half].take(g, i*slotBytes, key)
		}
	}
	return halves
}
