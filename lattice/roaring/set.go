// Package roaring has sets of 32-bit numbers as lattices over compressed bitmaps:
// the grow-only set, and the two-phase set with tombstones, for numbers by the
// million where a hash set is too large. (Chambi, Lemire, Kaser, Godin, "Better
// bitmap performance with Roaring bitmaps", 2016.)
//
// It stands apart from package lattice so that importing that one brings in no
// bitmap library. It refuses bitmaps in copy-on-write mode: their clones share
// memory, which a merge in place must not.
package roaring

import (
	"iter"

	bitmap "github.com/RoaringBitmap/roaring/v2"

	"github.com/joinery-go/joinery/lattice"
)

// Set is a set of numbers. Bits may be nil, which is the empty set; it must not be
// in copy-on-write mode.
type Set struct{ Bits *bitmap.Bitmap }

// Of is the set of the numbers given.
func Of(numbers ...uint32) Set { return Set{bitmap.BitmapOf(numbers...)} }

// Contains reports whether n is in the set.
func (s Set) Contains(n uint32) bool { return s.Bits != nil && s.Bits.Contains(n) }

// Len is how many numbers are in the set.
func (s Set) Len() uint64 {
	if s.Bits == nil {
		return 0
	}
	return s.Bits.GetCardinality()
}

// Equal reports whether both sets have the same numbers, however compressed.
func (s Set) Equal(t Set) bool { return compare(s, t) == lattice.Equal }

// String shows the numbers, in ascending order.
func (s Set) String() string {
	if s.Bits == nil {
		return "{}"
	}
	return s.Bits.String()
}

// bits is the bitmap of s to read from.
func (s Set) bits() *bitmap.Bitmap {
	if s.Bits == nil {
		return bitmap.New()
	}
	return s.Bits
}

// meets reports whether any number is in both.
func (s Set) meets(t Set) bool { return s.Bits != nil && t.Bits != nil && s.Bits.Intersects(t.Bits) }

// each yields the numbers in ascending order.
func (s Set) each(yield func(uint32) bool) bool {
	whole := true
	s.bits().Iterate(func(n uint32) bool {
		whole = yield(n)
		return whole
	})
	return whole
}

// SetMerge merges sets by union: a ⊑ b iff a ⊆ b; ⊥ is the empty set; ⊤, the set
// of all 2^32 numbers, compresses well but is left out as of no use. Merging,
// comparing and taking a difference cost O(chunks) of 65,536 numbers, each at most
// 8 KiB. The encoding is of the runs of numbers, whatever the bitmap keeps them in.
func SetMerge() lattice.Merge[Set] { return setMerge{} }

type setMerge struct{}

func (setMerge) MergeIn(target *Set, delta Set) bool {
	if delta.Len() == 0 {
		return false
	}
	if target.Bits == nil {
		target.Bits = delta.Bits.Clone()
		return true
	}
	before := target.Len()
	target.Bits.Or(delta.Bits)
	return target.Len() > before
}

func (setMerge) Compare(a, b Set) lattice.Order { return compare(a, b) }

func compare(a, b Set) lattice.Order {
	o, common := lattice.Incomparable, a.bits().AndCardinality(b.bits())
	if common == a.Len() {
		o |= lattice.Less
	}
	if common == b.Len() {
		o |= lattice.Greater
	}
	return o
}

func (setMerge) Clone(v Set) Set { return Set{v.bits().Clone()} }

func (m setMerge) Caps() lattice.Caps[Set] {
	return lattice.Caps[Set]{
		Bottom: func() Set { return Set{bitmap.New()} },
		Join:   func(a, b Set) Set { return Set{bitmap.Or(a.bits(), b.bits())} },
		Diff:   func(base, v Set) Set { return Set{bitmap.AndNot(v.bits(), base.bits())} },
		Atoms: func(v Set) iter.Seq[Set] {
			return func(yield func(Set) bool) { v.each(func(n uint32) bool { return yield(Of(n)) }) }
		},
		Append: appendSet,
		Decode: decodeSet,
	}
}
