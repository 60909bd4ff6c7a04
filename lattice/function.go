package lattice

// Function is a function between lattices, with the merges that make them lattices.
type Function[A, B any] struct {
	F    func(A) B
	From Merge[A]
	To   Merge[B]
	// Equal is the equality of results; nil means that of To's Compare.
	Equal func(a, b B) bool
}

// Same reports whether two results are equal, by f.Equal or else by f.To.
func (f Function[A, B]) Same(a, b B) bool {
	if f.Equal != nil {
		return f.Equal(a, b)
	}
	return f.To.Compare(a, b) == Equal
}

// Class is a place of functions between lattices in Table 1 of Spinach: what they may
// be applied to.
type Class uint8

// The classes, from the one that may be used most freely.
const (
	IsMorphism  Class = iota // f(a ⊔ b) = f(a) ⊔ f(b): may be applied to deltas
	IsTricky                 // a ⊑ b ⇒ f(a) ⊑ f(b) alone: must be applied to whole states
	NonMonotone              // must wait until its input is complete
)

// String names the class as the paper does.
func (c Class) String() string {
	switch c {
	case IsMorphism:
		return "morphism"
	case IsTricky:
		return "monotone tricky"
	case NonMonotone:
		return "non-monotone"
	}
	return "Class(invalid)"
}
