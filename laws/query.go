package laws

import (
	"fmt"
	"reflect"

	"github.com/joinery-go/joinery/gen"
	"github.com/joinery-go/joinery/gen/choice"
	"github.com/joinery-go/joinery/lattice"
	"github.com/joinery-go/joinery/laws/internal/deep"
)

// Query is what users read out of a state.
type Query[S, V any] struct {
	// Ask is the query. It must not change the state.
	Ask func(S) V
	// Leq is the order in which the query is declared to be monotone; nil makes no
	// such declaration.
	Leq func(a, b V) bool
	// Equal is the equality of answers; nil means deep equality, as of states.
	Equal func(a, b V) bool
}

func (q *Query[S, V]) equality() (func(a, b V) bool, error) {
	if q.Equal != nil {
		return q.Equal, nil
	}
	equal := deep.EqualFunc[V]()
	return func(a, b V) bool { return equal(&a, &b) }, deep.Check(reflect.TypeFor[V]())
}

// Queries is about a query that is declared to be monotone: a larger state never
// gives a smaller answer.
func Queries[S, V any](m lattice.Merge[S], q Query[S, V], opts ...Option) Set[S] {
	set := set{name: "query", subject: subjectOf(m, opts)}
	if q.Leq == nil {
		set.absences = []Absence{{"query/monotone", "the query is not declared to be monotone"}}
		return Set[S]{pin(set)}
	}
	set.laws = []law{judged("query/monotone", "a ⊑ a ⊔ b ⇒ query(a) ≤ query(a ⊔ b)", 2, func(p *probe, x []any) (Outcome, func() Sides) {
		low, high := q.Ask(unbox[S](x[0])), q.Ask(unbox[S](p.Join(x[0], x[1])))
		return holds(q.Leq(low, high)), func() Sides {
			return Sides{"query(a)", deep.LiteralBox(&low), "query(a ⊔ b)", deep.LiteralBox(&high)}
		}
	})}
	return Set[S]{pin(set)}
}

// Denotation is about what states mean. model is the plain meaning of a set of
// updates, of which each knows which others it saw; whatever way states came
// about by updates and merges, a query must give what the model gives for the
// updates they have seen. A merge is then the union of sets of events, which is
// more than being a semilattice: turning a tie-break round keeps all laws of a
// semilattice and breaks this one. (Burckhardt et al., "Replicated data types:
// specification, verification, optimality", POPL'14.)
func Denotation[S, O, V any](m lattice.Merge[S], u gen.Updates[S, O], q Query[S, V], model func(seen []gen.Event[O]) V, opts ...Option) Set[gen.Plan[O]] {
	k := historiesOf(m, u, opts)
	equal, err := q.equality()
	k.subject.fail(err)
	return Set[gen.Plan[O]]{pin(denotationOf(k, func(state any, seen []gen.Event[any]) func() (got, want string) {
		events := make([]gen.Event[O], len(seen))
		for i, e := range seen {
			events[i] = gen.Retyped(e, unbox[O](e.Op))
		}
		got, want := q.Ask(unbox[S](state)), model(events)
		if equal(got, want) {
			return nil
		}
		return func() (string, string) { return deep.LiteralBox(&got), deep.LiteralBox(&want) }
	}))}
}

// denotationOf is the set of a type whose queries differ compares with a model: it
// returns nil if they are equal, else both in words.
func denotationOf(k *histories, differ func(state any, seen []gen.Event[any]) func() (got, want string)) set {
	l := judged("query/denotation", "the query of a state is the model's value of the updates it has seen", 1, func(_ *probe, x []any) (Outcome, func() Sides) {
		end := k.play(k.plan(x[0]), nil)
		if len(end.Events) == 0 {
			return Vacuous, nil
		}
		for r, s := range end.States {
			if words := differ(s, end.Seen(r)); words != nil {
				return Fails, func() Sides {
					got, want := words()
					return Sides{"query of the state", fmt.Sprintf("%s of %s at replica %d", got, k.states.show(s), r), "model", want}
				}
			}
		}
		for i := range lateMerges {
			late, how := k.late(end.Versions, uint64(i))
			if words := differ(late.State, end.Of(late.Known)); words != nil {
				return Fails, func() Sides {
					got, want := words()
					return Sides{"query of the states merged late, " + how, fmt.Sprintf("%s of %s", got, k.states.show(late.State)), "model", want}
				}
			}
		}
		return Holds, nil
	})
	return set{name: "denotation", subject: k.subject, laws: []law{l}}
}

// lateMerges is how many ways of merging the states of a history are tried at its end:
// messages come late and again, so that any state that there was may meet any other.
const lateMerges = 16

// late merges four of the versions that there were, two and two. Which they are depends
// on i alone, and so shrinking goes through the same ones.
func (k *histories) late(versions []gen.Version[any], i uint64) (v gen.Version[any], how string) {
	pick := func(at uint64) (gen.Version[any], string) {
		n := int(choice.Mix(choice.Mix(i, at), uint64(len(versions))) % uint64(len(versions)))
		return versions[n], fmt.Sprint("v", n)
	}
	merged := func(a gen.Version[any], x string, b gen.Version[any], y string) (gen.Version[any], string) {
		return gen.Version[any]{State: k.states.join(a.State, b.State), Known: a.Known | b.Known}, "(" + x + " ⊔ " + y + ")"
	}
	a, x := pick(0)
	b, y := pick(1)
	c, z := pick(2)
	d, w := pick(3)
	ab, xy := merged(a, x, b, y)
	cd, zw := merged(c, z, d, w)
	v, how = merged(ab, xy, cd, zw)
	return v, how + " of the states v0, v1, … in the order in which they came about"
}

// Collection is a way of shrinking states that no reader may notice.
type Collection[S, V any] struct {
	// GC returns a state from which what is no longer needed was taken. It must not
	// change its argument.
	GC func(S) S
	Query[S, V]
	// Compatible says which uncollected states may still meet the collected one:
	// collection relies on what is known to be stable. Nil means any.
	Compatible func(collected, other S) bool
}

// Compaction is about collecting garbage inside states: it is not seen by queries,
// neither at once nor after merging with a state that was not collected.
func Compaction[S, V any](m lattice.Merge[S], c Collection[S, V], opts ...Option) Set[S] {
	s := subjectOf(m, opts)
	equal, err := c.equality()
	s.fail(err)
	ask := func(v any) V { return c.Ask(unbox[S](v)) }
	gc := func(v any) any { return box(c.GC(unbox[S](v))) }
	compare := func(id, statement, leftExpr, rightExpr string, premise func(a, b S) bool, left, right func(p *probe, a, b any) any) law {
		return judged(id, statement, 2, func(p *probe, x []any) (Outcome, func() Sides) {
			if c.Compatible != nil && !premise(unbox[S](x[0]), unbox[S](x[1])) {
				return Vacuous, nil
			}
			l, r := left(p, x[0], x[1]), right(p, x[0], x[1])
			return holds(equal(ask(l), ask(r))), func() Sides {
				got, want := ask(l), ask(r)
				return Sides{leftExpr, deep.LiteralBox(&got) + " of " + p.Show(l), rightExpr, deep.LiteralBox(&want) + " of " + p.Show(r)}
			}
		})
	}
	one := func(a, b S) bool { return c.Compatible(a, b) }
	both := func(a, b S) bool { return c.Compatible(a, b) && c.Compatible(b, a) }
	return Set[S]{pin(set{name: "compaction", subject: s, laws: []law{
		compare("compaction/unseen", "query(gc(a) ⊔ b) = query(a ⊔ b)", "query(gc(a) ⊔ b)", "query(a ⊔ b)", one,
			func(p *probe, a, b any) any { return p.Join(gc(a), b) },
			func(p *probe, a, b any) any { return p.Join(a, b) }),
		compare("compaction/commutes", "query(gc(a ⊔ b)) = query(gc(gc(a) ⊔ gc(b)))", "query(gc(a ⊔ b))", "query(gc(gc(a) ⊔ gc(b)))", both,
			func(p *probe, a, b any) any { return gc(p.Join(a, b)) },
			func(p *probe, a, b any) any { return gc(p.Join(gc(a), gc(b))) }),
	}})}
}
