package models

import "github.com/joinery-go/joinery/linearizability/history"

// maxSpan bounds the span of sums, in bits, up to which subsetSums is used: its
// words lie on the stack.
const maxSpan = 1 << 13

// subsetSums reports whether want is base plus the sum of some of the increments
// that are not left out, by a set of bits that each increment shifts over itself:
// bit i stands for the sum low+i. known is false where the sums span too much;
// [subsetSumsByList] is the plain way for any span.
func subsetSums(want, base int64, incs []*history.Op, left func(*history.Op) bool) (found, known bool) {
	var low, high int64
	for _, p := range incs {
		n, _ := p.Arg.AsInt()
		if n > maxSpan || n < -maxSpan {
			return false, false
		}
		if left(p) {
			continue
		}
		low, high = low+min(n, 0), high+max(n, 0)
		if high-low >= maxSpan {
			return false, false
		}
	}
	at := want - base
	if (want < base) != (at < 0) {
		return false, true // further away than 64 bits
	}
	if at < low || at > high {
		return false, true
	}
	var memory [maxSpan / 64]uint64
	words := memory[:(high-low)/64+1]
	words[-low/64] = 1 << (-low % 64)
	for _, p := range incs {
		if left(p) {
			continue
		}
		if n, _ := p.Arg.AsInt(); n >= 0 {
			orShiftedUp(words, uint64(n))
		} else {
			orShiftedDown(words, uint64(-n))
		}
	}
	return words[(at-low)/64]>>((at-low)%64)&1 == 1, true
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
