package laws

import (
	"fmt"
	"slices"
	"sync/atomic"
)

// wellPosed is what every other law takes for granted: states are equal to themselves,
// equality goes both ways and on, a copy is equal to what it was made of, and, where
// there is a merge, equal states merge to equal results and the same states always to
// the same. What breaks one of these makes other laws say something else.
//
//go:noinline
func wellPosed(s *subject) set {
	set := set{name: "wellposed", subject: s, laws: []law{equalReflexive(), equalSymmetric()}}
	if s.near {
		set.absences = append(set.absences, Absence{"wellposed/equal-transitive", "laws.Tolerance declares that equality is up to rounding"})
	} else {
		set.laws = append(set.laws, equalTransitive())
	}
	set.laws = append(set.laws, cloneEqual())
	if s.join == nil {
		return set
	}
	if s.near {
		set.absences = append(set.absences, Absence{"wellposed/congruence", "laws.Tolerance declares that equality is up to rounding"})
	} else {
		set.laws = append(set.laws, congruence())
	}
	set.laws = append(set.laws, mergesAlike(s.mergesAgain()))
	return set
}

func equalReflexive() law {
	return judged("wellposed/equal-reflexive", "a = a", 1, func(p *probe, x []any) (Outcome, func() Sides) {
		return holds(p.Equal(x[0], x[0])), func() Sides { return Sides{"a = a", "false", "equality", "must be reflexive"} }
	})
}

func equalSymmetric() law {
	return judged("wellposed/equal-symmetric", "a = b ⇔ b = a", 2, func(p *probe, x []any) (Outcome, func() Sides) {
		left, right := p.Equal(x[0], x[1]), p.Equal(x[1], x[0])
		return holds(left == right), func() Sides { return Sides{"a = b", fmt.Sprint(left), "b = a", fmt.Sprint(right)} }
	})
}

func equalTransitive() law {
	return judged("wellposed/equal-transitive", "a = b and b = c ⇒ a = c, in any order of a, b, c and a copy of a", 3, func(p *probe, x []any) (Outcome, func() Sides) {
		return p.transitive(x, "=", p.Equal)
	})
}

// transitive judges whether a relation is transitive on states. It looks at them in
// every order, and at a copy of the first, so that one pair that is related is enough to
// exercise it.
func (p *probe) transitive(x []any, sign string, related func(a, b any) bool) (outcome Outcome, sides func() Sides) {
	states := append(slices.Clone(x), p.Copy(x[0]))
	names := append(slices.Clone(variables[:len(x)]), "a copy of a")
	outcome = Vacuous
	eachDistinct(len(states), func(i, j, k int) bool {
		if !related(states[i], states[j]) || !related(states[j], states[k]) {
			return true
		}
		outcome = Holds
		if related(states[i], states[k]) {
			return true
		}
		outcome = Fails
		sides = func() Sides {
			return Sides{fmt.Sprintf("%s %s %s and %s %s %s", names[i], sign, names[j], names[j], sign, names[k]), "true",
				fmt.Sprintf("%s %s %s", names[i], sign, names[k]), "false"}
		}
		return false
	})
	return outcome, sides
}

// eachDistinct calls visit with every three different numbers below n, in any order,
// until it returns false.
func eachDistinct(n int, visit func(i, j, k int) bool) {
	eachPick(n, 3, func(at []int) bool {
		i, j, k := at[0], at[1], at[2]
		return i == j || j == k || i == k || visit(i, j, k)
	})
}

func cloneEqual() law {
	return judged("wellposed/clone", "Clone(a) = a (laws.Clone, where it is given, else a copy of all that a holds)", 1, func(p *probe, x []any) (Outcome, func() Sides) {
		if !p.Equal(x[0], x[0]) {
			return Vacuous, nil // that is the business of equal-reflexive
		}
		c := p.Copy(x[0])
		return holds(p.Equal(c, x[0]) && p.Equal(x[0], c)), func() Sides { return Sides{"Clone(a)", p.Show(c), "a", p.Show(x[0])} }
	})
}

// The IDs of laws about equal states.
const (
	congruent   = "wellposed/congruence"
	alikeInside = "inplace/equals-alike"
)

// congruence is about pairs of equal states with different insides: those that the
// source draws, those that merging makes, and, where equality is that of structure and
// the set has no law equals-alike, a itself with nil for empty collections and other
// capacities.
func congruence() law {
	const statement = "equal states merge to equal results: a = a′ ⇒ a ⊔ c = a′ ⊔ c and c ⊔ a = c ⊔ a′"
	return judged(congruent, statement, 3, func(p *probe, x []any) (Outcome, func() Sides) {
		outcome := Vacuous
		for _, pair := range p.twins(x[0], x[1]) {
			v, twin := pair[0], pair[1]
			if !p.Equal(v, twin) {
				continue
			}
			outcome = Holds
			if sides := p.unlike(v, twin, x[2]); sides != nil {
				return Fails, sides
			}
		}
		if p.s.variant == nil || p.s.alikeAsked || !p.Equal(x[0], x[0]) {
			return outcome, nil
		}
		var sides func() Sides
		if !p.onVariant(x[0], func(twin func() any) bool { sides = p.unlike(x[0], twin(), x[2]); return sides == nil }) {
			return Fails, sides
		}
		return Holds, nil
	})
}

// twins are pairs of states that may be equal without being alike inside, but for variants:
// these are the business of equals-alike, where a set has it: one fault, one line.
func (p *probe) twins(a, b any) [][2]any {
	return [][2]any{{a, p.Copy(a)}, {a, b}, {a, p.Join(a, a)}, {p.Join(a, b), p.Join(b, a)}}
}

// unlike explains two equal states that merge with c to results that differ; nil if
// they do not.
func (p *probe) unlike(v, twin, c any) func() Sides {
	as := func(result string, of, other any) Sides {
		return Sides{"a " + result, p.Show(of) + " of a = " + p.Show(v), "a′ " + result, p.Show(other) + " of a′ = " + p.Show(twin)}
	}
	if left, right := p.Join(v, c), p.Join(twin, c); !p.Equal(left, right) {
		return func() Sides { return as("⊔ c", left, right) }
	}
	if left, right := p.Join(c, v), p.Join(c, twin); !p.Equal(left, right) {
		return func() Sides { return as("merged into c", left, right) }
	}
	return nil
}

// How often a merge is repeated to see whether it stays the same: at first, once it was
// seen to differ (so that a smaller case does not hold by luck), and for the report.
const (
	repeatsAtFirst   = 3
	repeatsSuspected = 100
	repeatsReported  = 1000
)

// repeatable is a law that something always comes to the same. twice does it again, as
// often as it is told, and returns two results that differ, if they do.
func repeatable(id, text string, arity int, twice func(p *probe, x []any, times int) (first, other string, differ bool), what string) law {
	suspected := new(atomic.Bool)
	return stated(id, text, arity,
		func(p *probe, x []any) Outcome {
			times := repeatsAtFirst
			if suspected.Load() {
				times = repeatsSuspected
			}
			_, _, differ := twice(p, x, times)
			if differ {
				suspected.Store(true)
			}
			return holds(!differ)
		},
		func(p *probe, x []any) Sides {
			if first, other, differ := twice(p, x, repeatsReported); differ {
				return Sides{what, first, what + ", again", other}
			}
			return Sides{what, "it differed once", what + ", again", fmt.Sprintf("the same %d times", repeatsReported)}
		})
}

// mergesAlike is about merges that depend on the order of a map, a clock or chance.
func mergesAlike(text string) law {
	return repeatable(deterministic, text, 2,
		func(p *probe, x []any, times int) (first, other string, differ bool) {
			j := p.Join(p.Copy(x[0]), p.Copy(x[1]))
			if !p.Equal(j, j) {
				return "", "", false // that is the business of equal-reflexive
			}
			for range times {
				if again := p.Join(p.Copy(x[0]), p.Copy(x[1])); !p.Equal(j, again) {
					return p.Show(j), p.Show(again), true
				}
			}
			return "", "", false
		}, "a ⊔ b")
}
