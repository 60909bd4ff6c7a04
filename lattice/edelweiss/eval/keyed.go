package eval

import "hash/maphash"

// keyed is a hash table of entries that hold their own keys, by linear probing. A map
// would want a string of each key; here the memory of a key goes with its entry and is
// used again with it, which is what programs that delete live on. It gives memory back
// when most of its entries are gone. The seed is random, so that nobody can choose keys
// that collide; no order of entries is ever to be seen.
type keyed[E entry] struct {
	seed  maphash.Seed
	slots []slot[E] // a power of two, at most three quarters of them in use
	n     int
}

// entry is what a keyed table holds. Its key stays as it is while it is there.
type entry interface {
	comparable
	id() []byte
}

type slot[E entry] struct {
	hash  uint64
	entry E // the zero E if the slot is free
}

func (s *slot[E]) used() bool {
	var none E
	return s.entry != none
}

const minSlots = 8

func newKeyed[E entry]() keyed[E] { return keyed[E]{seed: maphash.MakeSeed()} }

// find is the entry with a key, the zero E if there is none, and the key's hash.
func (k *keyed[E]) find(key []byte) (found E, hash uint64) {
	hash = maphash.Bytes(k.seed, key)
	if k.n == 0 {
		return found, hash
	}
	mask := uint64(len(k.slots) - 1)
	for i := hash & mask; k.slots[i].used(); i = (i + 1) & mask {
		if s := &k.slots[i]; s.hash == hash && string(s.entry.id()) == string(key) {
			return s.entry, hash
		}
	}
	return found, hash
}

// put adds an entry whose key has the hash and no other entry.
func (k *keyed[E]) put(e E, hash uint64) {
	if 4*(k.n+1) > 3*len(k.slots) {
		k.resize(max(minSlots, 2*len(k.slots)))
	}
	k.n++
	k.place(slot[E]{hash, e})
}

func (k *keyed[E]) place(s slot[E]) {
	mask := uint64(len(k.slots) - 1)
	i := s.hash & mask
	for k.slots[i].used() {
		i = (i + 1) & mask
	}
	k.slots[i] = s
}

func (k *keyed[E]) resize(n int) {
	old := k.slots
	k.slots = make([]slot[E], n)
	for _, s := range old {
		if s.used() {
			k.place(s)
		}
	}
}

// drop takes away an entry that is there, and moves up those that had to make way.
func (k *keyed[E]) drop(e E) {
	mask := uint64(len(k.slots) - 1)
	hole := maphash.Bytes(k.seed, e.id()) & mask
	for k.slots[hole].entry != e {
		hole = (hole + 1) & mask
	}
	for i := (hole + 1) & mask; k.slots[i].used(); i = (i + 1) & mask {
		if home := k.slots[i].hash & mask; (i-home)&mask >= (i-hole)&mask {
			k.slots[hole] = k.slots[i]
			hole = i
		}
	}
	k.slots[hole] = slot[E]{}
	k.n--
	if len(k.slots) > minSlots && 8*k.n < len(k.slots) {
		k.resize(len(k.slots) / 2)
	}
}

// all are the entries, in an order that must not be seen.
func (k *keyed[E]) all(yield func(E) bool) {
	for _, s := range k.slots {
		if s.used() && !yield(s.entry) {
			return
		}
	}
}
