package lattice

// Or merges booleans by disjunction: false ⊏ true, so false is ⊥ and true is ⊤.
func Or() Merge[bool] { return boolMerge{top: true} }

// And merges booleans by conjunction: true ⊏ false, so true is ⊥ and false is ⊤,
// the dual of [Or].
func And() Merge[bool] { return boolMerge{top: false} }

// boolMerge is the chain of two elements that ends in top.
type boolMerge struct{ top bool }

func (m boolMerge) MergeIn(target *bool, delta bool) bool {
	if *target == delta || *target == m.top {
		return false
	}
	*target = delta
	return true
}

func (m boolMerge) Compare(a, b bool) Order {
	switch {
	case a == b:
		return Equal
	case b == m.top:
		return Less
	}
	return Greater
}

func (boolMerge) Clone(v bool) bool { return v }

func (m boolMerge) joinGrew(a, b bool) (bool, bool) {
	if a == b || a == m.top {
		return a, false
	}
	return b, true
}

func (m boolMerge) valueJoin() func(a, b bool) (bool, bool) { return m.joinGrew }

func (m boolMerge) Caps() Caps[bool] {
	c := chainCaps(m, newScalar[bool]())
	c.Bottom = func() bool { return !m.top }
	c.Top = func() bool { return m.top }
	return withChainParts(m, c)
}
