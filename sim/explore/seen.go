package explore

import (
	"crypto/sha256"
	"encoding/binary"
	"slices"
)

// column is a list that only grows, in chunks, so that growing copies nothing.
type column[T any] struct {
	chunks [][]T
	n      int
}

const chunkBits = 14

func (c *column[T]) len() int { return c.n }

func (c *column[T]) at(i int) T { return c.chunks[i>>chunkBits][i&(1<<chunkBits-1)] }

func (c *column[T]) append(v T) {
	if c.n>>chunkBits == len(c.chunks) {
		c.chunks = append(c.chunks, make([]T, 0, 1<<chunkBits))
	}
	last := &c.chunks[len(c.chunks)-1]
	*last = append(*last, v)
	c.n++
}

// key stands for the encoding of a state: itself with its length if it is short,
// otherwise 128 bits of its hash.
type key [2]uint64

func keyOf(enc []byte) key {
	var b [16]byte
	if len(enc) < len(b) {
		copy(b[:], enc)
		b[len(b)-1] = byte(len(enc))
	} else {
		sum := sha256.Sum256(enc)
		copy(b[:], sum[:])
	}
	return key{binary.LittleEndian.Uint64(b[:]), binary.LittleEndian.Uint64(b[8:])}
}

// mix spreads the bits of w over h.
func mix(h, w uint64) uint64 {
	h = (h ^ w) * 0x9E3779B97F4A7C15
	return h ^ h>>32
}

// slots is an open hash table of numbers that are kept elsewhere by their number:
// 4 bytes each at a load of a half to a quarter.
type slots struct {
	table []uint32 // number+1, 0 is free; its length is a power of two
	at    int      // the free slot that the last search ended at
}

// find returns the number with hash h that same accepts.
func (t *slots) find(h uint64, same func(id uint32) bool) (uint32, bool) {
	if len(t.table) == 0 {
		t.table = make([]uint32, 1<<8)
	}
	mask := len(t.table) - 1
	for i := int(h) & mask; ; i = (i + 1) & mask {
		if t.table[i] == 0 {
			t.at = i
			return 0, false
		}
		if id := t.table[i] - 1; same(id) {
			return id, true
		}
	}
}

// add enters id where the last search ended. n numbers are then in the table;
// hash is theirs, should there be need to move them.
func (t *slots) add(id uint32, n int, hash func(id uint32) uint64) {
	t.table[t.at] = id + 1
	if n < len(t.table)/2 {
		return
	}
	old := t.table
	t.table = make([]uint32, 2*len(old))
	mask := len(t.table) - 1
	for _, v := range old {
		if v == 0 {
			continue
		}
		i := int(hash(v-1)) & mask
		for t.table[i] != 0 {
			i = (i + 1) & mask
		}
		t.table[i] = v
	}
}

// seen numbers the keys of the states visited, in order.
type seen struct {
	keys  column[key]
	slots slots
	last  key
}

func (k key) hash() uint64 { return mix(mix(0, k[0]), k[1]) }

// find returns the number of k; if it has none, add gives it the next one.
func (s *seen) find(k key) (int32, bool) {
	s.last = k
	id, ok := s.slots.find(k.hash(), func(id uint32) bool { return s.keys.at(int(id)) == k })
	return int32(id), ok
}

func (s *seen) add() {
	s.keys.append(s.last)
	s.slots.add(uint32(s.keys.len()-1), s.keys.len(), func(id uint32) uint64 { return s.keys.at(int(id)).hash() })
}

// lists numbers lists of words: equal lists have one number.
type lists struct {
	chunks [][]uint32
	where  column[uint64] // chunk, offset and length
	slots  slots
}

const (
	listBits  = 16
	listChunk = 1 << listBits // words, and the most that a list may have
)

func (l *lists) at(id uint32) []uint32 {
	w := l.where.at(int(id))
	from, n := w>>listBits&(listChunk-1), w&(listChunk-1)
	return l.chunks[w>>(2*listBits)][from : from+n : from+n]
}

func hashOf(words []uint32) uint64 {
	h := uint64(len(words))
	for _, w := range words {
		h = mix(h, uint64(w))
	}
	return h
}

// intern returns the number of words, fewer than listChunk of them.
func (l *lists) intern(words []uint32) uint32 {
	id, ok := l.slots.find(hashOf(words), func(id uint32) bool { return slices.Equal(l.at(id), words) })
	if ok {
		return id
	}
	n := len(l.chunks)
	if n == 0 || len(l.chunks[n-1])+len(words) > listChunk {
		l.chunks = append(l.chunks, make([]uint32, 0, listChunk))
		n++
	}
	last := &l.chunks[n-1]
	id = uint32(l.where.len())
	// A list that is empty may start where its chunk ends.
	l.where.append(uint64(n-1)<<(2*listBits) | uint64(len(*last)&(listChunk-1))<<listBits | uint64(len(words)))
	*last = append(*last, words...)
	l.slots.add(id, l.where.len(), func(id uint32) uint64 { return hashOf(l.at(id)) })
	return id
}
