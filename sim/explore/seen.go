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

// slots is an open hash table of numbers of what is kept elsewhere. With each it
// keeps half of its hash, so that those are seldom looked at in vain: 8 bytes each
// at a load of three eighths to three quarters.
type slots struct {
	table []uint64 // hash<<32 | number+1, 0 is free; its length is a power of two
	at    int      // the free slot that the last search ended at
}

// find returns the number with hash h that same accepts.
func (t *slots) find(h uint64, same func(id uint32) bool) (uint32, bool) {
	if len(t.table) == 0 {
		t.table = make([]uint64, 1<<8)
	}
	for i := t.home(h); ; i = (i + 1) & (len(t.table) - 1) {
		v := t.table[i]
		if v == 0 {
			t.at = i
			return 0, false
		}
		if v>>32 == h>>32 && same(uint32(v)-1) {
			return uint32(v) - 1, true
		}
	}
}

// home is where a search for hash h begins, of which the upper half is known.
func (t *slots) home(h uint64) int {
	return int((h >> 32) * uint64(len(t.table)) >> 32)
}

// add enters id of hash h where the last search, for h, ended; n numbers are then
// in the table.
func (t *slots) add(h uint64, id uint32, n int) {
	t.table[t.at] = h>>32<<32 | uint64(id+1)
	if n < len(t.table)/4*3 {
		return
	}
	old := t.table
	t.table = make([]uint64, 2*len(old))
	for _, v := range old {
		if v == 0 {
			continue
		}
		i := t.home(v)
		for t.table[i] != 0 {
			i = (i + 1) & (len(t.table) - 1)
		}
		t.table[i] = v
	}
}

// seen numbers the keys of the states visited, in order.
type seen struct {
	keys  column[key]
	slots slots
	last  key
	hash  uint64 // of last
}

func (k key) hash() uint64 { return mix(mix(0, k[0]), k[1]) }

// has reports whether k has a number; if it has none, add gives it the next one.
func (s *seen) has(k key) bool {
	s.last, s.hash = k, k.hash()
	_, ok := s.slots.find(s.hash, func(id uint32) bool { return s.keys.at(int(id)) == k })
	return ok
}

func (s *seen) add() {
	s.keys.append(s.last)
	s.slots.add(s.hash, uint32(s.keys.len()-1), s.keys.len())
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
	h := hashOf(words)
	id, ok := l.slots.find(h, func(id uint32) bool { return slices.Equal(l.at(id), words) })
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
	l.slots.add(h, id, l.where.len())
	return id
}
