package lattice

import "iter"

// Order is the relation of two lattice elements a and b as two independent
// bits: bit 0 says a ⊑ b, bit 1 says a ⊒ b. The product order of a compound is
// therefore the bitwise AND of the orders of its parts.
type Order uint8

// The four relations two elements can stand in.
const (
	Incomparable Order = iota // neither a ⊑ b nor b ⊑ a
	Less                      // a ⊏ b
	Greater                   // a ⊐ b
	Equal                     // a ⊑ b and b ⊑ a
)

// Leq reports a ⊑ b.
func (o Order) Leq() bool { return o&Less != 0 }

// Geq reports a ⊒ b.
func (o Order) Geq() bool { return o&Greater != 0 }

// Dual is the relation of b to a: Compare(b, a) must equal
// Compare(a, b).Dual().
func (o Order) Dual() Order { return o>>1 | o<<1&Greater }

// String names the relation.
func (o Order) String() string {
	switch o {
	case Incomparable:
		return "Incomparable"
	case Less:
		return "Less"
	case Greater:
		return "Greater"
	case Equal:
		return "Equal"
	}
	return "Order(invalid)"
}

// Merge is a join over the plain domain T. A value of this type composes with
// others into merges over maps, pairs and the like; T itself is not wrapped.
//
// A lawful Merge makes T a join semilattice: MergeIn is associative,
// commutative and idempotent up to Compare(...) == Equal, and Compare is the
// order that MergeIn induces. Package laws checks exactly that.
type Merge[T any] interface {
	// MergeIn sets *target to *target ⊔ delta and reports whether *target
	// strictly rose. It neither changes nor retains delta.
	MergeIn(target *T, delta T) (grew bool)
	// Compare relates a to b without merging them or changing either.
	Compare(a, b T) Order
	// Clone returns a copy that shares no mutable state with v.
	Clone(v T) T
}

// Capable is implemented by merges that can do more than merge. Compounds find
// the capabilities of their parts once, when they are built.
type Capable[T any] interface{ Caps() Caps[T] }

// Caps lists optional capabilities; a nil function is a capability that the
// merge does not have. It is a struct of functions and not a set of optional
// interfaces because a compound has a capability only where all its parts do,
// which a method set cannot express.
type Caps[T any] struct {
	// Bottom returns a fresh least element ⊥.
	Bottom func() T
	// Top returns a fresh greatest element ⊤.
	Top func() T
	// Join returns a ⊔ b; it changes neither and the result aliases neither.
	Join func(a, b T) T
	// Batch merges deltas into *target as MergeIn of one after the other would, and
	// reports whether *target strictly rose. A merge has it only where that costs
	// less; see [BatchOf].
	Batch func(target *T, deltas []T) (grew bool)
	// Diff returns a small d with d ⊔ base = v ⊔ base.
	Diff func(base, v T) T
	// Atoms yields join-irreducible parts whose join is v, in a fixed order.
	Atoms func(v T) iter.Seq[T]
	// Append appends the encoding of v to dst. Equal values encode equally.
	Append func(dst []byte, v T) []byte
	// Decode reads one value from the front of src and returns the rest.
	// Arbitrary bytes yield an error, never a panic, and never an allocation
	// out of proportion to len(src).
	Decode func(src []byte) (T, []byte, error)
}

// CapsOf returns the capabilities of m, or none if m is not Capable.
func CapsOf[T any](m Merge[T]) Caps[T] {
	if c, ok := m.(Capable[T]); ok {
		return c.Caps()
	}
	return Caps[T]{}
}

// Join returns a ⊔ b as a fresh value, leaving both operands as they were.
func Join[T any](m Merge[T], a, b T) T {
	t := m.Clone(a)
	m.MergeIn(&t, b)
	return t
}

// BatchOf returns what merges several deltas into a target: the Batch of m, or a
// loop where m has none. It looks at m once, so hot paths keep what it returns.
func BatchOf[T any](m Merge[T]) func(target *T, deltas []T) (grew bool) {
	if batch := CapsOf(m).Batch; batch != nil {
		return batch
	}
	return func(target *T, deltas []T) (grew bool) {
		for _, d := range deltas {
			grew = m.MergeIn(target, d) || grew
		}
		return grew
	}
}
