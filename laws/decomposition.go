package laws

import (
	"slices"

	"github.com/joinery-go/joinery/lattice"
)

// Decomposition is about taking states apart: the join of the atoms is the state,
// no atom is the join of lesser states, and a difference restores what it was
// taken for with nothing to spare. Laws about a capability that the merge does not
// have are listed as absent, and so is the last one under [NoLeastDiff].
// (Enes, Almeida, Baquero, Leitão, "Efficient synchronization of state-based
// CRDTs", ICDE'19.)
func Decomposition[T any](m lattice.Merge[T], opts ...Option) Set[T] {
	return Set[T]{pin(decomposition(subjectOf(m, opts)))}
}

//go:noinline
func decomposition(s *subject) set {
	set := set{name: "decomposition", subject: s}
	switch {
	case s.caps.atoms != nil && s.single:
		set.laws = append(set.laws, atomsJoin())
		set.absences = append(set.absences, Absence{"decomposition/irreducible", "the only state is ⊥, which has no atoms"})
	case s.caps.atoms != nil && s.caps.bottom != nil:
		set.laws = append(set.laws, atomsJoin(), atomsIrreducible())
	default:
		set.absences = append(set.absences, Absence{"decomposition/atoms-join", "the merge has no Atoms, or no ⊥ to join them into"},
			Absence{"decomposition/irreducible", "the merge has no Atoms, or no ⊥ to join them into"})
	}
	if s.caps.diff == nil {
		set.absences = append(set.absences, Absence{"decomposition/diff", "the merge has no Diff"},
			Absence{"decomposition/diff-least", "the merge has no Diff"})
		return set
	}
	set.laws = append(set.laws, diffRestores())
	if s.noLeastDiff != "" {
		set.absences = append(set.absences, Absence{"decomposition/diff-least", s.noLeastDiff})
		return set
	}
	set.laws = append(set.laws, diffLeast())
	return set
}

// joined is the join of parts into ⊥.
func (p *probe) joined(parts []any) any {
	j := p.s.caps.bottom()
	for _, v := range parts {
		j = p.Join(j, v)
	}
	return j
}

func (p *probe) atoms(v any) []any { return p.s.caps.atoms(v) }

// showAll prints states as a list.
func (p *probe) showAll(vs []any) string {
	text := ""
	for i, v := range vs {
		if i > 0 {
			text += ", "
		}
		text += p.Show(v)
	}
	return "[" + text + "]"
}

func atomsJoin() law {
	return judged("decomposition/atoms-join", "⊔ atoms(a) = a", 1, func(p *probe, x []any) (Outcome, func() Sides) {
		atoms := p.atoms(x[0])
		j := p.joined(atoms)
		return holds(p.Equal(j, x[0])), func() Sides {
			return Sides{"⊔ atoms(a)", p.Show(j) + " with atoms(a) = " + p.showAll(atoms), "a", p.Show(x[0])}
		}
	})
}

func atomsIrreducible() law {
	return judged("decomposition/irreducible", "an atom p of a has itself as its only atom, is not ⊥, and is no join of states below it", 3, func(p *probe, x []any) (Outcome, func() Sides) {
		atoms := p.atoms(x[0])
		others := append(append(slices.Clone(atoms), p.atoms(x[1])...), x...)
		for _, atom := range atoms {
			again := p.atoms(atom)
			if len(again) != 1 || !p.Equal(again[0], atom) || p.Equal(atom, p.s.caps.bottom()) {
				return Fails, func() Sides { return Sides{"p", p.Show(atom), "atoms(p)", p.showAll(again)} }
			}
			var below []any
			for _, o := range others {
				if p.Compare(o, atom) == lattice.Less {
					below = append(below, p.lesser(o, atom)...)
				}
			}
			if p.Equal(p.joined(below), atom) {
				return Fails, func() Sides { return Sides{"p", p.Show(atom), "the join of", p.showAll(below)} }
			}
		}
		return nonVacuous(len(atoms) > 0), nil
	})
}

// lesser is the state o below v and, where there are differences and it is below v
// too, what o lacks of v.
func (p *probe) lesser(o, v any) []any {
	if p.s.caps.diff == nil {
		return []any{o}
	}
	if lack := p.s.caps.diff(o, v); p.Compare(lack, v) == lattice.Less {
		return []any{o, lack}
	}
	return []any{o}
}

// nonVacuous is Holds where the premise was met.
func nonVacuous(met bool) Outcome {
	if met {
		return Holds
	}
	return Vacuous
}

func diffRestores() law {
	return equation("decomposition/diff", "Diff(a, b) ⊔ a = b ⊔ a", 2, "Diff(a, b) ⊔ a", "b ⊔ a",
		func(p *probe, x []any) any { return p.Join(p.s.caps.diff(x[0], x[1]), x[0]) },
		func(p *probe, x []any) any { return p.Join(x[1], x[0]) })
}

func diffLeast() law {
	return judged("decomposition/diff-least", "c ⊔ a = b ⊔ a ⇒ Diff(a, b) ⊑ c; so it is for c = b, and without any of its atoms the difference is too small", 3, func(p *probe, x []any) (Outcome, func() Sides) {
		a, whole := x[0], p.Join(x[1], x[0])
		d := p.s.caps.diff(a, x[1])
		for _, c := range []any{x[1], x[2]} {
			if p.Equal(p.Join(c, a), whole) && !p.Compare(d, c).Leq() {
				return Fails, func() Sides {
					return Sides{"Diff(a, b)", p.Show(d), "a state that does and is not above it", p.Show(c)}
				}
			}
		}
		if p.s.caps.atoms == nil || p.s.caps.bottom == nil {
			return Holds, nil
		}
		atoms := p.atoms(d)
		for i := range atoms {
			rest := p.joined(slices.Delete(slices.Clone(atoms), i, i+1))
			if p.Equal(p.Join(rest, a), whole) {
				return Fails, func() Sides { return Sides{"Diff(a, b)", p.Show(d), "a smaller one that does", p.Show(rest)} }
			}
		}
		return Holds, nil
	})
}
