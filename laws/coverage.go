package laws

import "github.com/joinery-go/joinery/lattice"

// Coverage is about the states a check draws, and not about the merge: a source
// that never ties, never orders two states, or never reaches ⊥ has not checked
// what it seems to have checked. Each law holds where a tuple shows the situation
// and does not apply elsewhere; a source that shows it in fewer cases than the law
// asks for fails. Over a whole universe, a situation that does not occur is
// impossible, which is no failure. [TotalOrder] declares that there is nothing
// concurrent; ends that a merge does not have are not asked for.
func Coverage[T any](m lattice.Merge[T], opts ...Option) Set[T] { return coverage(subjectOf(m, opts)) }

func coverage[T any](s *subject[T]) Set[T] {
	pair := func(id, statement string, atLeast int, shows func(o lattice.Order) bool) Law[T] {
		return situation(id, statement, 2, atLeast, func(p *Probe[T], x []T) bool { return shows(p.Compare(x[0], x[1])) })
	}
	set := Set[T]{Name: "coverage", subject: s, Laws: []Law[T]{
		pair("coverage/tie", "some pairs of states are equal", 20, func(o lattice.Order) bool { return o == lattice.Equal }),
	}}
	if s.single {
		set.Absent = append(set.Absent, Absence{"coverage/distinct", "there is one state"})
	} else {
		set.Laws = append(set.Laws,
			pair("coverage/distinct", "some pairs of states differ", 50, func(o lattice.Order) bool { return o != lattice.Equal }),
			pair("coverage/comparable", "some pairs of states are strictly ordered", 20, func(o lattice.Order) bool { return o == lattice.Less || o == lattice.Greater }))
	}
	if s.chain {
		set.Absent = append(set.Absent, Absence{"coverage/concurrent", "the order is declared to be total"})
	} else {
		set.Laws = append(set.Laws, pair("coverage/concurrent", "some pairs of states are incomparable", 10,
			func(o lattice.Order) bool { return o == lattice.Incomparable }))
	}
	end := func(id, statement, without string, of func() T) {
		if of == nil {
			set.Absent = append(set.Absent, Absence{id, without})
			return
		}
		set.Laws = append(set.Laws, situation(id, statement, 2, 2, func(p *Probe[T], x []T) bool {
			v := of()
			return p.Equal(x[0], v) || p.Equal(x[1], v)
		}))
	}
	end("coverage/bottom", "some states are ⊥", "the merge has no ⊥", s.caps.Bottom)
	end("coverage/top", "some states are ⊤", "the merge has no ⊤", s.caps.Top)
	return set
}

// situation is a law that no tuple refutes: what counts is how many exercise it.
func situation[T any](id, statement string, arity, atLeast int, shown func(p *Probe[T], x []T) bool) Law[T] {
	law := judged(id, statement, arity, func(p *Probe[T], x []T) (Outcome, func() Sides) { return nonVacuous(shown(p, x)), nil })
	law.AtLeast = atLeast
	return law
}

// Full is every set that can be judged by a merge and its states alone: [Lattice],
// [Totality], [Decomposition], [Codec] and [Coverage].
func Full[T any](m lattice.Merge[T], opts ...Option) Set[T] {
	return fullOf(subjectOf(m, opts))
}

func fullOf[T any](s *subject[T]) Set[T] {
	return Set[T]{
		Name:    "full",
		Parents: []Set[T]{semilattice(s), order(s), inPlace(s), bounded(s), totality(s), decomposition(s), codec(s), coverage(s)},
		subject: s,
	}
}
