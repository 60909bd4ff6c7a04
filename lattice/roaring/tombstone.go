package roaring

import (
	"fmt"
	"iter"

	"github.com/joinery-go/joinery/lattice"
)

// TombstoneSet is a set of numbers that can be removed once and for all: what is
// in it, and what was removed. The two are disjoint; anything else is not of the
// domain.
type TombstoneSet struct{ Live, Dead Set }

// Contains reports whether n is in the set: added and not removed.
func (s TombstoneSet) Contains(n uint32) bool { return s.Live.Contains(n) && !s.Dead.Contains(n) }

// Add is the delta that puts the numbers into a set from which they were never
// removed.
func (TombstoneSet) Add(numbers ...uint32) TombstoneSet { return TombstoneSet{Of(numbers...), Of()} }

// Remove is the delta that takes the numbers out of a set for good.
func (TombstoneSet) Remove(numbers ...uint32) TombstoneSet { return TombstoneSet{Of(), Of(numbers...)} }

// TombstoneSetMerge merges two-phase sets, as lattice.TombstoneSetOf does, whose
// order and ⊥ it shares: each number goes from absent to live to dead and never
// back. The costs are those of [SetMerge]; tombstones that fill ranges take next
// to no room.
func TombstoneSetMerge() lattice.Merge[TombstoneSet] { return tombstoneMerge{} }

type tombstoneMerge struct{}

func (tombstoneMerge) MergeIn(target *TombstoneSet, delta TombstoneSet) bool {
	died := setMerge{}.MergeIn(&target.Dead, delta.Dead)
	before := target.Live.Len()
	setMerge{}.MergeIn(&target.Live, delta.Live)
	if target.Live.meets(target.Dead) {
		target.Live.Bits.AndNot(target.Dead.Bits)
	}
	// With no new dead, the live can only have become more.
	return died || target.Live.Len() != before
}

func (tombstoneMerge) Compare(a, b TombstoneSet) lattice.Order {
	o := compare(a.Dead, b.Dead)
	if !a.Live.within(b) {
		o &= lattice.Greater
	}
	if !b.Live.within(a) {
		o &= lattice.Less
	}
	return o
}

// within reports whether every number of s is live or dead in t.
func (s Set) within(t TombstoneSet) bool {
	bits := s.bits()
	return bits.AndCardinality(t.Live.bits())+bits.AndCardinality(t.Dead.bits()) == s.Len()
}

func (tombstoneMerge) Clone(v TombstoneSet) TombstoneSet {
	return TombstoneSet{setMerge{}.Clone(v.Live), setMerge{}.Clone(v.Dead)}
}

func (m tombstoneMerge) Caps() lattice.Caps[TombstoneSet] {
	set := setMerge{}.Caps()
	return lattice.Caps[TombstoneSet]{
		Bottom: func() TombstoneSet { return TombstoneSet{set.Bottom(), set.Bottom()} },
		Join:   func(a, b TombstoneSet) TombstoneSet { return lattice.Join[TombstoneSet](m, a, b) },
		Diff: func(base, v TombstoneSet) TombstoneSet {
			live := set.Diff(base.Live, v.Live)
			live.Bits.AndNot(base.Dead.bits())
			return TombstoneSet{live, set.Diff(base.Dead, v.Dead)}
		},
		Atoms: func(v TombstoneSet) iter.Seq[TombstoneSet] {
			return func(yield func(TombstoneSet) bool) {
				if v.Live.each(func(n uint32) bool { return yield(v.Add(n)) }) {
					v.Dead.each(func(n uint32) bool { return yield(v.Remove(n)) })
				}
			}
		},
		Append: func(dst []byte, v TombstoneSet) []byte { return appendSet(appendSet(dst, v.Live), v.Dead) },
		Decode: func(src []byte) (TombstoneSet, []byte, error) {
			live, rest, err := decodeSet(src)
			if err != nil {
				return TombstoneSet{}, src, err
			}
			dead, rest, err := decodeSet(rest)
			if err != nil {
				return TombstoneSet{}, src, err
			}
			if live.meets(dead) {
				return TombstoneSet{}, src, fmt.Errorf("%w: a number is both live and dead", ErrDecode)
			}
			return TombstoneSet{live, dead}, rest, nil
		},
	}
}
