package lattice

import "iter"

// Unit is the merge of the one-element lattice: its element is both ⊥ and ⊤,
// nothing ever grows, and it has no atoms and an empty encoding. It is the value
// of a map that is a set, and the part of a pair that says nothing.
func Unit() Merge[struct{}] { return unitMerge{} }

type unitMerge struct{}

func (unitMerge) MergeIn(*struct{}, struct{}) bool { return false }

func (unitMerge) Compare(_, _ struct{}) Order { return Equal }

func (unitMerge) Clone(v struct{}) struct{} { return v }

func (unitMerge) valueJoin() func(a, b struct{}) (struct{}, bool) {
	return func(a, _ struct{}) (struct{}, bool) { return a, false }
}

func (unitMerge) Caps() Caps[struct{}] {
	element := func() struct{} { return struct{}{} }
	return Caps[struct{}]{
		Bottom: element,
		Top:    element,
		Join:   func(a, _ struct{}) struct{} { return a },
		Diff:   func(_, v struct{}) struct{} { return v },
		Atoms:  func(struct{}) iter.Seq[struct{}] { return func(func(struct{}) bool) {} },
		Append: func(dst []byte, _ struct{}) []byte { return dst },
		Decode: func(src []byte) (struct{}, []byte, error) { return struct{}{}, src, nil },
	}
}
