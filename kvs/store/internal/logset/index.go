package logset

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

// Index says where the value of each key is. A lookup and a change for a known key
// take no memory.
type Index struct {
	ids    map[string]uint32
	places []Place
	free   []uint32 // ids of keys that are gone
}

// NewIndex returns an empty index.
func NewIndex() *Index { return &Index{ids: map[string]uint32{}} }

// Len is the number of keys.
func (x *Index) Len() int { return len(x.ids) }

// Find returns the id of a key, under which [Index.At] and [Index.Move] go on, as
// long as the key stays.
func (x *Index) Find(key []byte) (id uint32, ok bool) {
	id, ok = x.ids[string(key)]
	return id, ok
}

// At is the place of the key with that id.
func (x *Index) At(id uint32) Place { return x.places[id] }

// Move changes the place of the key with that id.
func (x *Index) Move(id uint32, p Place) { x.places[id] = p }

// Get returns the place of a key.
func (x *Index) Get(key []byte) (Place, bool) {
	id, ok := x.ids[string(key)]
	if !ok {
		return Place{}, false
	}
	return x.places[id], true
}

// Grow takes memory for n keys more at once, if there are none yet.
func (x *Index) Grow(n int) {
	if len(x.ids) == 0 {
		x.ids, x.places = make(map[string]uint32, n), make([]Place, 0, n)
		x.free = nil
	}
}

// Put sets the place of a key and returns the one of before.
func (x *Index) Put(key []byte, p Place) (old Place, had bool) {
	if id, ok := x.ids[string(key)]; ok {
		old, x.places[id] = x.places[id], p
		return old, true
	}
	x.ids[string(key)] = x.enter(p)
	return Place{}, false
}

// PutString is [Index.Put] for a key that is kept and not copied.
func (x *Index) PutString(key string, p Place) (old Place, had bool) {
	if id, ok := x.ids[key]; ok {
		old, x.places[id] = x.places[id], p
		return old, true
	}
	x.ids[key] = x.enter(p)
	return Place{}, false
}

// enter gives a place an id.
func (x *Index) enter(p Place) uint32 {
	if n := len(x.free); n > 0 {
		id := x.free[n-1]
		x.free, x.places[id] = x.free[:n-1], p
		return id
	}
	x.places = append(x.places, p)
	return uint32(len(x.places) - 1)
}

// Delete takes a key away and returns the place of before.
func (x *Index) Delete(key []byte) (old Place, had bool) {
	id, ok := x.ids[string(key)]
	if !ok {
		return Place{}, false
	}
	delete(x.ids, string(key))
	x.free = append(x.free, id)
	old, x.places[id] = x.places[id], Place{}
	return old, true
}
