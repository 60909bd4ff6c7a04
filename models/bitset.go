package models

import (
	"math/bits"
	"slices"
)

// bitset is an immutable set of small numbers. Trailing zero words are never
// stored, so equal sets are equal slices.
type bitset []uint64

func (b bitset) has(n int) bool { return n/64 < len(b) && b[n/64]>>(n%64)&1 == 1 }

// word is the i-th word, 0 beyond those stored.
func (b bitset) word(i int) uint64 {
	if i < len(b) {
		return b[i]
	}
	return 0
}

// bitsetOf returns the set of the given numbers.
func bitsetOf(nums []int) bitset {
	if len(nums) == 0 {
		return nil
	}
	b := make(bitset, slices.Max(nums)/64+1)
	for _, n := range nums {
		b[n/64] |= 1 << (n % 64)
	}
	return b
}

// with returns the set and n. O(words).
func (b bitset) with(n int) bitset {
	c := make(bitset, max(len(b), n/64+1))
	copy(c, b)
	c[n/64] |= 1 << (n % 64)
	return c
}

// union adds the members of c to b, in place where it fits.
func (b bitset) union(c bitset) bitset {
	if len(c) > len(b) {
		grown := make(bitset, len(c))
		copy(grown, b)
		b = grown
	}
	for i, w := range c {
		b[i] |= w
	}
	return b
}

// contains reports whether c is a subset of b.
func (b bitset) contains(c bitset) bool {
	for i, w := range c {
		if i >= len(b) && w != 0 || i < len(b) && w&^b[i] != 0 {
			return false
		}
	}
	return true
}

func (b bitset) equal(c bitset) bool {
	return slices.Equal(b, c)
}

func (b bitset) hash() uint64 {
	h := uint64(0xcbf29ce484222325)
	for _, w := range b {
		h = (h ^ w) * 0x9e3779b97f4a7c15
		h ^= h >> 29
	}
	return h
}

// members returns the numbers in the set, ascending.
func (b bitset) members() []int {
	var ms []int
	for i, w := range b {
		for ; w != 0; w &= w - 1 {
			ms = append(ms, i*64+bits.TrailingZeros64(w))
		}
	}
	return ms
}
