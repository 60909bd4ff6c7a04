package laws

import "github.com/joinery-go/joinery/lattice"

// Coverage is about the states a check draws, and not about the merge: a source
// that never ties, never orders two states, or never reaches ⊥ has not checked
// what it seems to have checked. Each law holds where a tuple shows the situation
// and does not apply elsewhere; a source that shows it in fewer cases than the law
// asks for fails. Over a whole universe, a situation that does not occur is
// impossible, which is no failure. [TotalOrder] declares that there is nothing
// concurrent; ends that a merge does not have are not asked for.
func Coverage[T any](m lattice.Merge[T], opts ...Option) Set[T] {
	return Set[T]{pin(coverage(subjectOf(m, opts)))}
}

//go:noinline
func coverage(s *subject) set {
	pair := func(id, statement string, atLeast int, shows func(o lattice.Order) bool) law {
		return situation(id, statement, 2, atLeast, func(p *probe, x []any) bool { return shows(p.Compare(x[0], x[1])) })
	}
	set := set{name: "coverage", subject: s, laws: []law{
		pair("coverage/tie", "some pairs of states are equal", 20, func(o lattice.Order) bool { return o == lattice.Equal }),
	}}
	if s.single {
		set.absences = append(set.absences, Absence{"coverage/distinct", "there is one state"})
	} else {
		set.laws = append(set.laws,
			pair("coverage/distinct", "some pairs of states differ", 50, func(o lattice.Order) bool { return o != lattice.Equal }),
			pair("coverage/comparable", "some pairs of states are strictly ordered", 20, func(o lattice.Order) bool { return o == lattice.Less || o == lattice.Greater }))
	}
	if s.chain {
		set.absences = append(set.absences, Absence{"coverage/concurrent", "the order is declared to be total"})
	} else {
		set.laws = append(set.laws, pair("coverage/concurrent", "some pairs of states are incomparable", 10,
			func(o lattice.Order) bool { return o == lattice.Incomparable }))
	}
	end := func(id, statement, without string, of func() any) {
		if of == nil {
			set.absences = append(set.absences, Absence{id, without})
			return
		}
		set.laws = append(set.laws, situation(id, statement, 2, 2, func(p *probe, x []any) bool {
			v := of()
			return p.Equal(x[0], v) || p.Equal(x[1], v)
		}))
	}
	end("coverage/bottom", "some states are ⊥", "the merge has no ⊥", s.caps.bottom)
	end("coverage/top", "some states are ⊤", "the merge has no ⊤", s.caps.top)
	return set
}

// situation is a law that no tuple refutes: what counts is how many exercise it.
func situation(id, statement string, arity, atLeast int, shown func(p *probe, x []any) bool) law {
	law := judged(id, statement, arity, func(p *probe, x []any) (Outcome, func() Sides) { return nonVacuous(shown(p, x)), nil })
	law.AtLeast = atLeast
	return law
}

// Full is every set that can be judged by a merge and its states alone: [Lattice],
// [Totality], [Decomposition], [Codec] and [Coverage].
func Full[T any](m lattice.Merge[T], opts ...Option) Set[T] {
	return Set[T]{pin(full(subjectOf(m, opts)))}
}

//go:noinline
func full(s *subject) set {
	return set{
		name:    "full",
		parents: []set{semilattice(s), order(s), inPlace(s), bounded(s), totality(s), decomposition(s), codec(s), coverage(s)},
		subject: s,
	}
}
