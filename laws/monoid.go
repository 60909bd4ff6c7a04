package laws

import (
	"pgregory.net/rapid"

	"github.com/joinery-go/joinery/gen"
)

// CheckMonoid checks a merge that combines without being idempotent, such as the sum of
// counters, sketches or histograms: that it is associative and commutative, that
// identity changes nothing on either side, that arguments are left alone, and that
// equality and copies are what the laws take them for. [NotCommutative] leaves the order
// of operands to matter. states draws any state; identity is among those checked.
//
// A monoid promises that parts may be merged in any grouping, and in any order where it
// is commutative. It does not promise that a part may be delivered twice: it will be
// counted twice.
func CheckMonoid[S any](t T, merge func(a, b S) S, identity S, states *rapid.Generator[S], opts ...Option) {
	t.Helper()
	set := Monoid(merge, identity, opts...).s.value()
	checkDrawn(t, set, set.subject.among(box(identity), ofRapid(states)), opts)
}

// Monoid is the set that [CheckMonoid] checks.
func Monoid[S any](merge func(a, b S) S, identity S, opts ...Option) Set[S] {
	o := settingsOf(opts)
	return Set[S]{pin(monoid(bindJoin(merge, o), box(identity), o))}
}

//go:noinline
func monoid(s *subject, identity any, o settings) set {
	s.knows(o, "CheckMonoid", "NotCommutative")
	s.guards, s.guarded = []law{argumentsUnchanged()}, true
	set := set{name: "monoid", parents: []set{wellPosed(s)}, subject: s, laws: algebra(s, "monoid", "associative")}
	if o.door.notCommutative {
		set.absences = append(set.absences, Absence{"monoid/commutative", "laws.NotCommutative declares that the order of operands matters"})
	} else {
		set.laws = append(set.laws, algebra(s, "monoid", "commutative")...)
	}
	set.laws = append(set.laws, identityNeutral(s.copy(identity)), argumentsUnchanged())
	set.laws = append(set.laws, s.defined()...)
	return set
}

// identityNeutral is about the state that merging with changes nothing. It gets a copy
// each time: what a merge writes into it must not be what the next case is judged by.
func identityNeutral(identity any) law {
	return judged("monoid/identity", "e ⊔ a = a = a ⊔ e, where e is the identity", 1, func(p *probe, x []any) (Outcome, func() Sides) {
		left, right := p.Join(p.Copy(identity), x[0]), p.Join(x[0], p.Copy(identity))
		switch {
		case !p.Equal(left, x[0]):
			return Fails, func() Sides {
				return Sides{"e ⊔ a", p.Show(left) + " with e = " + p.Show(identity), "a", p.Show(x[0])}
			}
		case !p.Equal(right, x[0]):
			return Fails, func() Sides {
				return Sides{"a ⊔ e", p.Show(right) + " with e = " + p.Show(identity), "a", p.Show(x[0])}
			}
		}
		return Holds, nil
	})
}

// among draws states by g, and now and then the given one.
func (s *subject) among(v any, g gen.Gen[any]) gen.Gen[any] {
	kept := s.copy(v)
	return func(d *gen.Draw) any {
		const permille = 100
		if d.ChooseRare("identity", 2, permille) == 1 {
			return s.copy(kept)
		}
		return g(d)
	}
}

// CheckBand checks a merge that is associative and idempotent, in the field's word a
// band: filling up a configuration by defaults, say, where the first value wins. It
// also checks that arguments are left alone, and that equality and copies are what the
// laws take them for.
//
// A band promises that parts may be merged in any grouping, and that merging what was
// just merged changes nothing. It does not promise that the order of parts is without
// matter: replicas that merge in different orders differ, for ever. Nor does it promise
// that a part may come again later, which would be (a ⊔ b) ⊔ a = a ⊔ b. Where replicas
// must agree it takes [CheckMerge].
func CheckBand[S any](t T, merge func(a, b S) S, states *rapid.Generator[S], opts ...Option) {
	t.Helper()
	checkDrawn(t, Band(merge, opts...).s.value(), ofRapid(states), opts)
}

// Band is the set that [CheckBand] checks.
func Band[S any](merge func(a, b S) S, opts ...Option) Set[S] {
	o := settingsOf(opts)
	return Set[S]{pin(band(bindJoin(merge, o), o))}
}

//go:noinline
func band(s *subject, o settings) set {
	s.knows(o, "CheckBand")
	s.guards, s.guarded = []law{argumentsUnchanged()}, true
	return set{
		name: "band", parents: []set{wellPosed(s)}, subject: s,
		laws: append(append(algebra(s, "band", "associative", "idempotent"), argumentsUnchanged()), s.defined()...),
	}
}
