package models

import "github.com/joinery-go/joinery/linearizability/history"

// SubsetSums is the set of the sums that subsets of increments have, on top of a
// base: a set of bits, bit i standing for the sum low+i, that each increment
// shifts over itself. The zero value must be Reset.
type SubsetSums struct {
	base, low, high int64 // sums are base plus low to high
	words           []uint64
}

// Reset makes s the set of base alone, with room for all that can be added: the
// increments incs, but for those that skip names (nil names none). It reports
// false where their sums span more than Explains bounds. It keeps its memory.
func (s *SubsetSums) Reset(base int64, incs []*history.Op, skip func(*history.Op) bool) bool {
	s.base, s.low, s.high = base, 0, 0
	for _, p := range incs {
		if skip != nil && skip(p) {
			continue
		}
		n, _ := p.Arg.AsInt()
		if n >= maxSpan || n <= -maxSpan {
			return false
		}
		s.low, s.high = s.low+min(n, 0), s.high+max(n, 0)
		if s.high-s.low >= maxSpan {
			return false
		}
	}
	size := int((s.high-s.low)/64 + 1)
	if cap(s.words) < size {
		s.words = make([]uint64, size)
	}
	s.words = s.words[:size]
	clear(s.words)
	s.words[-s.low/64] = 1 << (-s.low % 64)
	return true
}

// Add adds to each sum the same sum with n, one of those that Reset made room for.
func (s *SubsetSums) Add(n int64) {
	if n >= 0 {
		orShiftedUp(s.words, uint64(n))
	} else {
		orShiftedDown(s.words, uint64(-n))
	}
}

// Has reports whether sum is in the set.
func (s *SubsetSums) Has(sum int64) bool {
	at := sum - s.base
	if (sum < s.base) != (at < 0) || at < s.low || at > s.high { // or further away than 64 bits
		return false
	}
	return s.words[(at-s.low)/64]>>((at-s.low)%64)&1 == 1
}

// orShiftedUp adds to a set of bits the same set n bits higher, from the top, so
// that no word is read after it was changed.
func orShiftedUp(words []uint64, n uint64) {
	by, bit := int(n/64), n%64
	for i := len(words) - 1; i >= by; i-- {
		w := words[i-by] << bit
		if bit > 0 && i > by {
			w |= words[i-by-1] >> (64 - bit)
		}
		words[i] |= w
	}
}

// orShiftedDown is orShiftedUp the other way.
func orShiftedDown(words []uint64, n uint64) {
	by, bit := int(n/64), n%64
	for i := range max(len(words)-by, 0) {
		w := words[i+by] >> bit
		if bit > 0 && i+by+1 < len(words) {
			w |= words[i+by+1] << (64 - bit)
		}
		words[i] |= w
	}
}
