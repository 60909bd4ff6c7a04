package laws

import (
	"fmt"

	"github.com/joinery-go/joinery/lattice"
)

// InPlace is what Go makes easy to break: MergeIn must say truly whether its
// target rose, must leave its delta alone now and later, and must share no memory
// between what it merged; Clone must be independent; and states that are equal
// must behave alike. Targets here are deep copies, so that a Clone that shares is
// found by its own law.
func InPlace[T any](m lattice.Merge[T], opts ...Option) Set[T] {
	return Set[T]{pin(inPlace(subjectOf(m, opts)))}
}

//go:noinline
func inPlace(s *subject) set {
	set := set{
		name:    "inplace",
		subject: s,
		laws:    []law{inPlaceGrew(), deltaUnchanged()},
	}
	if s.caps.bottom != nil {
		set.laws = append(set.laws, bottomFresh(s.copy(s.caps.bottom())))
	} else {
		set.absences = append(set.absences, Absence{"inplace/bottom-fresh", "the merge has no ⊥"})
	}
	set.laws = append(set.laws, deltaNotRetained(), resultFresh(), cloneIndependent(), equalsAlike())
	if s.caps.join != nil {
		set.laws = append(set.laws, joinFresh())
	} else {
		set.absences = append(set.absences, Absence{"inplace/join", "the merge has no Join of its own"})
	}
	if s.caps.batch != nil {
		set.laws = append(set.laws, batchAlike())
	} else {
		set.absences = append(set.absences, Absence{"inplace/batch", "the merge has no Batch"})
	}
	return set
}

func inPlaceGrew() law {
	return law{
		Statement: Statement{ID: "inplace/grew", Text: "merging b into a reports growth ⇔ a ⊔ b ≠ a", Arity: 2},
		eval: func(p *probe, x []any) Outcome {
			t := p.Copy(x[0])
			grew := p.MergeIn(t, x[1])
			return holds(grew != p.Equal(t, x[0]))
		},
		explain: func(p *probe, x []any) Sides {
			t := p.Copy(x[0])
			grew := p.MergeIn(t, x[1])
			return Sides{"grew", fmt.Sprint(grew), "a ⊔ b ≠ a", fmt.Sprintf("%t (a ⊔ b = %s)", !p.Equal(t, x[0]), p.Show(t))}
		},
	}
}

// watched runs act and reports whether it left *v as it was.
func watched(p *probe, v any, act func()) bool {
	before := p.Fingerprint(v)
	act()
	return p.Fingerprint(v) == before
}

// beforeAfter explains a state that should not have changed, and reports whether
// it did.
func beforeAfter(p *probe, name string, v any, after string, act func()) (s Sides, changed bool) {
	before := p.copies([]any{v})[0]
	left := p.Show(v)
	changed = !watched(p, v, act)
	right := p.Show(v)
	if changed {
		right = p.written(before, v)
	}
	return Sides{name + " before", left, name + " after " + after, right}, changed
}

func deltaUnchanged() law {
	return law{
		Statement: Statement{ID: "inplace/delta-unchanged", Text: "merging b into a leaves b as it was", Arity: 2},
		eval: func(p *probe, x []any) Outcome {
			t, d := p.Copy(x[0]), p.Copy(x[1])
			return holds(watched(p, d, func() { p.MergeIn(t, d) }))
		},
		explain: func(p *probe, x []any) Sides {
			t, d := p.Copy(x[0]), p.Copy(x[1])
			s, _ := beforeAfter(p, "b", d, "a ⊔ b", func() { p.MergeIn(t, d) })
			return s
		},
	}
}

// bottomFresh is about the target that merges start from: an empty one is what
// takes over the memory of its first delta, or is itself one piece of memory that
// all who ask for ⊥ are given. Sources draw it rarely. pristine is a copy of ⊥ from
// before any merge: memory that is shared may have grown in an earlier case.
func bottomFresh(pristine any) law {
	grown := func(p *probe, x []any) (delta any, later func()) {
		t, d := p.s.caps.bottom(), p.Copy(x[0])
		p.MergeIn(t, d)
		return d, func() { p.MergeIn(t, p.Copy(x[1])) }
	}
	return law{
		Statement: Statement{ID: "inplace/bottom-fresh", Text: "merging a into ⊥, and later b into the result, leaves a as it was, and ⊥", Arity: 2},
		eval: func(p *probe, x []any) Outcome {
			d, later := grown(p, x)
			return holds(watched(p, d, later) && p.Equal(p.s.caps.bottom(), pristine))
		},
		explain: func(p *probe, x []any) Sides {
			d, later := grown(p, x)
			if s, changed := beforeAfter(p, "a", d, "(⊥ ⊔ a) ⊔ b", later); changed {
				return s
			}
			return Sides{"⊥ at first", p.Show(pristine), "⊥ after merges into it", p.Show(p.s.caps.bottom())}
		},
	}
}

func deltaNotRetained() law {
	return retaining("inplace/delta-not-retained", "merging b into a, and later c into the result, leaves b as it was",
		func(p *probe, a, _, _ any) []any { return []any{p.Copy(a)} })
}

func resultFresh() law {
	return law{
		Statement: Statement{ID: "inplace/result-fresh", Text: "merging b into a, and later c into b, leaves a ⊔ b as it was", Arity: 3},
		eval: func(p *probe, x []any) Outcome {
			t, d := p.Copy(x[0]), p.Copy(x[1])
			p.MergeIn(t, d)
			return holds(watched(p, t, func() { p.MergeIn(d, p.Copy(x[2])) }))
		},
		explain: func(p *probe, x []any) Sides {
			t, d := p.Copy(x[0]), p.Copy(x[1])
			p.MergeIn(t, d)
			s, _ := beforeAfter(p, "a ⊔ b", t, "b ⊔ c", func() { p.MergeIn(d, p.Copy(x[2])) })
			return s
		},
	}
}

func cloneIndependent() law {
	return law{
		Statement: Statement{ID: "inplace/clone-independent", Text: "Clone(a) = a, and merging b into one of them leaves the other as it was", Arity: 2},
		eval: func(p *probe, x []any) Outcome {
			v := p.Copy(x[0])
			c := p.s.clone(v)
			if !p.Equal(c, x[0]) || !watched(p, v, func() { p.MergeIn(c, p.Copy(x[1])) }) {
				return Fails
			}
			c = p.s.clone(v)
			return holds(watched(p, c, func() { p.MergeIn(v, p.Copy(x[1])) }))
		},
		explain: func(p *probe, x []any) Sides {
			v := p.Copy(x[0])
			c := p.s.clone(v)
			if !p.Equal(c, x[0]) {
				return Sides{"Clone(a)", p.Show(c), "a", p.Show(x[0])}
			}
			if s, changed := beforeAfter(p, "a", v, "Clone(a) ⊔ b", func() { p.MergeIn(c, p.Copy(x[1])) }); changed {
				return s
			}
			v = p.Copy(x[0])
			c = p.s.clone(v)
			s, _ := beforeAfter(p, "Clone(a)", c, "a ⊔ b", func() { p.MergeIn(v, p.Copy(x[1])) })
			return s
		},
	}
}

// argumentsUnchanged is the guard of merges that return their result.
func argumentsUnchanged() law {
	return law{
		Statement: Statement{ID: "inplace/arguments-unchanged", Text: "a ⊔ b leaves a and b as they were", Arity: 2},
		eval: func(p *probe, x []any) Outcome {
			a, b := p.Copy(x[0]), p.Copy(x[1])
			kept := false
			ok := watched(p, a, func() { kept = watched(p, b, func() { p.Join(a, b) }) })
			return holds(ok && kept)
		},
		explain: func(p *probe, x []any) Sides {
			a, b := p.Copy(x[0]), p.Copy(x[1])
			if s, changed := beforeAfter(p, "a", a, "a ⊔ b", func() { p.Join(a, b) }); changed {
				return s
			}
			a, b = p.Copy(x[0]), p.Copy(x[1])
			s, _ := beforeAfter(p, "b", b, "a ⊔ b", func() { p.Join(a, b) })
			return s
		},
	}
}

// variantsAlike is equalsAlike without the pairs that the source draws, for sets that
// have the law wellposed/congruence, which is about those.
func variantsAlike() law {
	l := equalsAlike()
	all, explain := l.eval, l.explain
	apart := func(x []any) []any { return []any{x[0], x[1], nil} }
	l.eval = func(p *probe, x []any) Outcome { return all(p, apart(x)) }
	l.explain = func(p *probe, x []any) Sides { return explain(p, apart(x)) }
	l.optional = true // where equality is the user's there are no variants
	return l
}

// equalsAlike is about pairs of equal states with different insides: those that
// the source draws, and, where equality is that of structure, a itself with nil
// for empty collections and other capacities.
func equalsAlike() law {
	return law{
		Statement: Statement{ID: alikeInside, Text: "equal states a and a′ (nil for empty, spare capacity) merge with b, grow and compare alike", Arity: 3},
		eval: func(p *probe, x []any) Outcome {
			tried := false
			if p.s.variant != nil {
				tried = true
				if !p.onVariant(x[0], func(twin func() any) bool { return alike(p, x[0], twin, x[1]) }) {
					return Fails
				}
			}
			if x[2] != nil && p.Equal(x[0], x[2]) {
				tried = true
				if !alike(p, x[0], func() any { return p.Copy(x[2]) }, x[1]) {
					return Fails
				}
			}
			if !tried {
				return Vacuous
			}
			return Holds
		},
		explain: func(p *probe, x []any) Sides {
			same := func() any { return p.Copy(x[0]) }
			twin := same
			if x[2] != nil {
				twin = func() any { return p.Copy(x[2]) }
			}
			if p.s.variant != nil {
				p.onVariant(x[0], func(v func() any) bool {
					like := alike(p, x[0], v, x[1])
					if !like {
						twin = v
					}
					return like
				})
			}
			return Sides{"for a", behaviour(p, same, x[1]).describe(p),
				"for a′ = " + p.Show(twin()), behaviour(p, twin, x[1]).describe(p)}
		},
	}
}

// conduct is what a state does in the operations of a merge.
type conduct struct {
	asTarget, asDelta         any
	targetGrew, deltaMadeGrow bool
	order                     lattice.Order
}

// behaviour puts the state that fresh makes through every operation with other.
func behaviour(p *probe, fresh func() any, other any) conduct {
	c := conduct{asTarget: fresh(), asDelta: p.Copy(other)}
	if p.s.compare != nil {
		c.order = p.Compare(c.asTarget, other)
	}
	c.targetGrew = p.MergeIn(c.asTarget, p.Copy(other))
	c.deltaMadeGrow = p.MergeIn(c.asDelta, fresh())
	return c
}

func (c conduct) describe(p *probe) string {
	return fmt.Sprintf("merging b gives %s (grew: %t), merging into b gives %s (grew: %t), order %v",
		p.Show(c.asTarget), c.targetGrew, p.Show(c.asDelta), c.deltaMadeGrow, c.order)
}

func alike(p *probe, v any, twin func() any, other any) bool {
	a := behaviour(p, func() any { return p.Copy(v) }, other)
	b := behaviour(p, twin, other)
	return a.targetGrew == b.targetGrew && a.deltaMadeGrow == b.deltaMadeGrow && a.order == b.order &&
		p.Equal(a.asTarget, b.asTarget) && p.Equal(a.asDelta, b.asDelta)
}
