package laws

import (
	"fmt"
	"reflect"

	"pgregory.net/rapid"

	"github.com/joinery-go/joinery/lattice"
)

// CheckMorphism checks a function between states that merge: f(a ⊔ b) = f(a) ⊔ f(b),
// that f leaves its argument alone and always gives the same, and that mergeA and
// equality are what the laws take them for. Such a function may be applied to deltas in
// place of states. mergeA and mergeB must be right; see [CheckMerge]. Options for A and
// for B may be given, as [Equal] of each type.
func CheckMorphism[A, B any](t T, f func(A) B, mergeA func(a, b A) A, mergeB func(a, b B) B, states *rapid.Generator[A], opts ...Option) {
	t.Helper()
	checkDrawn(t, MorphismFunc(f, mergeA, mergeB, opts...).s.value(), ofRapid(states), opts)
}

// MorphismFunc is the set that [CheckMorphism] checks.
func MorphismFunc[A, B any](f func(A) B, mergeA func(a, b A) A, mergeB func(a, b B) B, opts ...Option) Set[A] {
	a := arrowBetween(f, mergeA, opts, func(o settings) *subject { return bindJoin(mergeB, o) })
	return Set[A]{pin(a.door("CheckMorphism", settingsOf(opts), arrow.morphism))}
}

// CheckMonotone checks that a function between states keeps their order: a larger state
// never gives a smaller result, in the order leqB, which must be one (see [CheckOrder]).
// The order of A is that of mergeA. It checks of f, mergeA and equality what
// [CheckMorphism] does. A function that is no morphism but monotone must be applied to
// whole states, and what it gives may be acted on before the last update is in.
func CheckMonotone[A, B any](t T, f func(A) B, mergeA func(a, b A) A, leqB func(a, b B) bool, states *rapid.Generator[A], opts ...Option) {
	t.Helper()
	checkDrawn(t, MonotoneFunc(f, mergeA, leqB, opts...).s.value(), ofRapid(states), opts)
}

// MonotoneFunc is the set that [CheckMonotone] checks.
func MonotoneFunc[A, B any](f func(A) B, mergeA func(a, b A) A, leqB func(a, b B) bool, opts ...Option) Set[A] {
	a := arrowBetween(f, mergeA, opts, func(o settings) *subject {
		s := bind[B](o)
		s.ordered(boxLeq(leqB), leqB == nil)
		return s
	})
	return Set[A]{pin(a.door("CheckMonotone", settingsOf(opts), arrow.monotone))}
}

func boxLeq[S any](leq func(a, b S) bool) func(a, b any) bool {
	return func(a, b any) bool { return leq(unbox[S](a), unbox[S](b)) }
}

// arrowBetween is a plain function as an arrow. The options of each end are those for
// its type.
func arrowBetween[A, B any](f func(A) B, mergeA func(a, b A) A, opts []Option, to func(settings) *subject) arrow {
	a := arrow{
		from: bindJoin(mergeA, optionsFor(reflect.TypeFor[A](), reflect.TypeFor[B](), opts)),
		f:    func(v any) any { return box(f(unbox[A](v))) },
		to:   to(optionsFor(reflect.TypeFor[B](), reflect.TypeFor[A](), opts)),
		name: lattice.NameOf(f),
	}
	if f == nil {
		a.from.fail(fmt.Errorf("%w: the function is nil", ErrSetup))
	}
	// Equality of structure keeps notes while it walks, and checks may run side by side.
	a.equal = func(x, y any) bool { return a.to.equality()(x, y) }
	return a
}

// optionsFor is the settings of states of type t, less those that are for the other type
// of a function.
func optionsFor(t, other reflect.Type, opts []Option) settings {
	var mine []Option
	for _, o := range opts {
		one := settingsOf([]Option{o})
		if g := one.given(); g == nil || g.typ == t || g.typ != other {
			mine = append(mine, o)
		}
	}
	return settingsOf(mine)
}

// given is the function of states that an option carries, nil if it carries none.
func (s settings) given() *given {
	for _, g := range []*given{s.equal, s.clone, s.show, s.state, s.bottomParts, s.valid, s.door.mergedBy} {
		if g != nil {
			return g
		}
	}
	return nil
}

// door is the set of a plain function: what is asked of it, and what that takes for
// granted.
func (f arrow) door(name string, o settings, laws func(arrow) set) set {
	f.from.knows(o, name)
	f.from.thing = "function, or a merge given with it,"
	f.from.fail(f.to.err)
	f.from.guards = []law{f.argumentUnchanged(), argumentsUnchanged()}
	own := laws(f)
	own.absences = nil // there is no ⊥ of plain functions that could be missed
	asked := set{name: "function", subject: f.from, laws: []law{f.argumentUnchanged(), f.deterministic()}}
	return set{name: own.name, parents: []set{wellPosed(f.from), asked, own}, subject: f.from}
}

func (f arrow) argumentUnchanged() law {
	return judged("function/argument-unchanged", "f(a) leaves a as it was", 1, func(p *probe, x []any) (Outcome, func() Sides) {
		a := p.Copy(x[0])
		if watched(p, a, func() { f.f(a) }) {
			return Holds, nil
		}
		a = p.Copy(x[0])
		s, _ := beforeAfter(p, "a", a, "f(a)", func() { f.f(a) })
		return Fails, func() Sides { return s }
	})
}

func (f arrow) deterministic() law {
	return repeatable("function/deterministic", "f of the same state again gives an equal result", 1,
		func(p *probe, x []any, times int) (first, other string, differ bool) {
			r := f.f(p.Copy(x[0]))
			if !f.equal(r, r) {
				return f.to.show(r), "not equal to itself", true
			}
			for range times {
				if again := f.f(p.Copy(x[0])); !f.equal(r, again) {
					return f.to.show(r), f.to.show(again), true
				}
			}
			return "", "", false
		}, "f(a)")
}

// CheckOrder checks that a comparison of states is a partial order: reflexive,
// antisymmetric and transitive, and that equality is what the laws take it for. With
// [MergedBy], it must be the order of that merge too: a ≤ b ⇔ a ⊔ b = b. With
// [TotalOrder], any two states must be comparable.
func CheckOrder[S any](t T, leq func(a, b S) bool, states *rapid.Generator[S], opts ...Option) {
	t.Helper()
	set := OrderFunc(leq, opts...).s.value()
	set.subject.sayUnsteady(t, ofRapid(states), opts)
	checkOn(t, set, set.drawing(ofRapid(states)), opts)
}

// OrderFunc is the set that [CheckOrder] checks.
func OrderFunc[S any](leq func(a, b S) bool, opts ...Option) Set[S] {
	o := settingsOf(opts)
	s := bind[S](o)
	s.ordered(boxLeq(leq), leq == nil)
	return Set[S]{pin(orderFunc(s, o))}
}

// ordered gives the subject the order that leq says.
func (s *subject) ordered(leq func(a, b any) bool, isNil bool) {
	if isNil {
		s.fail(fmt.Errorf("%w: the comparison is nil", ErrSetup))
	}
	s.compare = func(a, b any) lattice.Order {
		o := lattice.Incomparable
		if leq(a, b) {
			o |= lattice.Less
		}
		if leq(b, a) {
			o |= lattice.Greater
		}
		return o
	}
}

//go:noinline
func orderFunc(s *subject, o settings) set {
	s.knows(o, "CheckOrder", "MergedBy")
	s.thing = "comparison"
	s.mergedBy(o)
	set := set{name: "order", parents: []set{wellPosed(s)}, subject: s, laws: []law{leqReflexive(), leqAntisymmetric(), leqTransitive()}}
	if s.chain {
		set.laws = append(set.laws, orderTotal())
	}
	if s.join == nil {
		set.absences = append(set.absences, Absence{"order/agrees", "laws.MergedBy gives no merge"})
		return set
	}
	set.laws = append(set.laws, orderAgrees())
	return set
}

// leqReflexive looks at b too where it is equal to a: an order that tells equal states
// apart, as one does that compares fields which equality leaves out, is none of them.
func leqReflexive() law {
	return judged("order/reflexive", "a ≤ a, and a ≤ b where b is equal to a, or a copy of it", 2, func(p *probe, x []any) (Outcome, func() Sides) {
		names, states := []string{"a", "Clone(a)"}, []any{x[0], p.Copy(x[0])}
		if p.Equal(x[0], x[1]) {
			names, states = append(names, "b, which is equal to a"), append(states, x[1])
		}
		for i, v := range states {
			if !p.Compare(x[0], v).Leq() {
				return Fails, func() Sides { return Sides{"a ≤ " + names[i], "false", "an order", "must be reflexive"} }
			}
		}
		return Holds, nil
	})
}

// leqAntisymmetric looks at a copy of a too, so that a source without ties exercises it.
func leqAntisymmetric() law {
	return judged("order/antisymmetric", "a ≤ b and b ≤ a ⇒ a = b", 2, func(p *probe, x []any) (Outcome, func() Sides) {
		outcome := Vacuous
		for i, b := range []any{x[1], p.Copy(x[0])} {
			if p.Compare(x[0], b) != lattice.Equal {
				continue
			}
			outcome = Holds
			if !p.Equal(x[0], b) {
				name := []string{"b", "Clone(a)"}[i]
				return Fails, func() Sides {
					return Sides{"a ≤ " + name + " and " + name + " ≤ a", "true", "a = " + name, "false"}
				}
			}
		}
		return outcome, nil
	})
}

// leqTransitive looks at the states in every order, and at a copy of a: one comparable
// pair exercises it.
func leqTransitive() law {
	return judged("order/transitive", "a ≤ b and b ≤ c ⇒ a ≤ c, in any order of a, b, c and a copy of a", 3, func(p *probe, x []any) (Outcome, func() Sides) {
		return p.transitive(x, "≤", func(a, b any) bool { return p.Compare(a, b).Leq() })
	})
}
