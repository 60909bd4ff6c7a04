package laws

import (
	"fmt"

	"github.com/joinery-go/joinery/gen"
	"github.com/joinery-go/joinery/lattice"
	"github.com/joinery-go/joinery/laws/internal/deep"
)

// DefaultSteps is how many steps the plans of [PlanSource] have at most.
const DefaultSteps = 12

// PlanSource draws the plans that [Updates] and [Denotation] are checked on.
func PlanSource[S, O any](u gen.Updates[S, O]) gen.Source[gen.Plan[O]] {
	return gen.Independent(gen.Plans(u.Ops, DefaultSteps))
}

// Updates is about mutators and the deltas they send: a mutator raises its state
// and changes nothing else; the delta is the whole of what it does; and deltas may
// be delivered twice, in another order, in batches, and in groups of any making.
// A law is judged on a whole history: the tuples are plans of one state, and the
// states are those that such histories reach. (Almeida, Shoker, Baquero, "Delta
// state replicated data types", 2018, sections 4 and 5.)
//
// A type with Delta but no Apply is a set-up error unless [DenotationChecked] is given:
// its deltas would be compared with nothing but each other, and a wrong one, such as the
// increment in place of the new total, passes.
func Updates[S, O any](m lattice.Merge[S], u gen.Updates[S, O], opts ...Option) Set[gen.Plan[O]] {
	return Set[gen.Plan[O]]{pin(updatesOf(historiesOf(m, u, opts)))}
}

// histories is what laws about plans share. Operations are boxes as states are.
type histories struct {
	u       gen.Updates[any, any] // with mutators that are given copies
	given   gen.Updates[any, any]
	states  *subject
	equal   func(a, b any) bool
	subject *subject // of the plans, which have no merge
	plan    func(box any) gen.Plan[any]
	meaning bool // the meaning of states is checked too
}

// historiesOf looks at a type with mutators through boxes.
func historiesOf[S, O any](m lattice.Merge[S], u gen.Updates[S, O], opts []Option) *histories {
	k := newHistories(subjectOf(m, opts), bind[gen.Plan[O]](settings{}), boxUpdates(u), boxPlan[O])
	k.meaning = settingsOf(opts).door.denotation
	return k
}

// boxPlan is a plan, which b is the box of, over boxes.
func boxPlan[O any](b any) gen.Plan[any] {
	typed := unbox[gen.Plan[O]](b)
	p := make(gen.Plan[any], len(typed))
	for i, step := range typed {
		p[i] = gen.Step[any]{Replica: step.Replica, Op: &typed[i].Op, Merge: step.Merge, From: step.From, Back: step.Back}
	}
	return p
}

// boxUpdates is the same data type over boxes.
func boxUpdates[S, O any](u gen.Updates[S, O]) gen.Updates[any, any] {
	mutator := func(f func(S, int, O) S) func(any, int, any) any {
		if f == nil {
			return nil
		}
		return func(s any, replica int, op any) any { return box(f(unbox[S](s), replica, unbox[O](op))) }
	}
	b := gen.Updates[any, any]{Delta: mutator(u.Delta), Apply: mutator(u.Apply)}
	if u.Start != nil {
		b.Start = func() any { return box(u.Start()) }
	}
	if u.Ops != nil {
		b.Ops = boxGen(u.Ops)
	}
	return b
}

func newHistories(states, plans *subject, u gen.Updates[any, any], plan func(any) gen.Plan[any]) *histories {
	plans.watchdog = states.watchdog
	k := &histories{u: guarded(u), given: u, states: states, equal: states.equality(), subject: plans, plan: plan}
	plans.fail(states.err)
	if u.Start == nil || u.Ops == nil || u.Delta == nil && u.Apply == nil {
		plans.fail(fmt.Errorf("%w: updates need Start, Ops, and Delta or Apply", ErrSetup))
	}
	return k
}

// move is an update as it is played.
type move = gen.Move[any, any]

// DenotationChecked declares that [Denotation] is checked beside [Updates]: of a type
// with deltas alone, nothing else says what an operation is to do.
func DenotationChecked() Option {
	return doorOption("DenotationChecked", func(s *doorSettings) { s.denotation = true })
}

func updatesOf(k *histories) set {
	if k.given.Delta != nil && k.given.Apply == nil && !k.meaning {
		k.subject.fail(fmt.Errorf("%w: Delta alone says nothing of what an operation is to do, and a wrong delta would pass: "+
			"give Apply, the new state, or check laws.Denotation (Value and Model) beside and say so by laws.DenotationChecked", ErrSetup))
	}
	set := set{name: "updates", subject: k.subject,
		laws: []law{k.inflates(), k.fresh()}}
	if k.given.Delta == nil {
		set.absences = append(set.absences, Absence{"updates/delta", "the type has no deltas"})
		return set
	}
	if k.given.Apply != nil {
		set.laws = append(set.laws, k.delta())
	} else {
		set.absences = append(set.absences, Absence{"updates/delta", "the type applies an operation by merging its delta"})
	}
	set.laws = append(set.laws, k.duplicated(), k.reordered(), k.batched(), k.groups(), k.asStates())
	return set
}

// guarded gives mutators copies of their states: one that writes into them breaks
// one law, and not what all others are judged on.
func guarded(u gen.Updates[any, any]) gen.Updates[any, any] {
	copying := func(mutator func(any, int, any) any) func(any, int, any) any {
		if mutator == nil {
			return nil
		}
		return func(s any, replica int, op any) any { return mutator(deep.CloneBox(s), replica, op) }
	}
	u.Delta, u.Apply = copying(u.Delta), copying(u.Apply)
	return u
}

func (k *histories) play(p gen.Plan[any], visit func(move)) gen.Outcome[any, any] {
	return gen.Play(k.u, k.states.join, p, visit)
}

// moves are the updates of a plan.
func (k *histories) moves(p gen.Plan[any]) (moves []move, end gen.Outcome[any, any]) {
	moves = make([]move, 0, len(p))
	end = k.play(p, func(m move) { moves = append(moves, m) })
	return moves, end
}

// eachMove is a law that every update must satisfy; check returns nil if it does.
func (k *histories) eachMove(id, statement string, check func(move) func() Sides) law {
	return judged(id, statement, 1, func(_ *probe, x []any) (Outcome, func() Sides) {
		outcome := Vacuous
		var sides func() Sides
		k.play(k.plan(x[0]), func(m move) {
			if outcome == Fails {
				return
			}
			outcome = Holds
			if sides = check(m); sides != nil {
				outcome = Fails
			}
		})
		return outcome, sides
	})
}

func (k *histories) operation(m move) string {
	return fmt.Sprintf("op = %s at replica %d, s = %s", deep.LiteralBox(m.Event.Op), m.Event.Replica, k.states.show(m.Before))
}

func (k *histories) inflates() law {
	order := k.states.order(k.equal)
	return k.eachMove("updates/inflates", "s ⊑ apply(s, op)", func(m move) func() Sides {
		o := order(m.Before, m.After)
		if o.Leq() {
			return nil
		}
		return func() Sides {
			return Sides{"apply(s, op)", k.states.show(m.After) + " with " + k.operation(m), "Compare(s, apply(s, op))", o.String()}
		}
	})
}

func (k *histories) delta() law {
	return k.eachMove("updates/delta", "apply(s, op) = s ⊔ δ(s, op)", func(m move) func() Sides {
		if k.equal(m.After, k.states.join(m.Before, m.Delta)) {
			return nil
		}
		return func() Sides {
			return Sides{"apply(s, op)", k.states.show(m.After) + " with " + k.operation(m),
				"s ⊔ δ(s, op)", fmt.Sprintf("%s with δ = %s", k.states.show(k.states.join(m.Before, m.Delta)), k.states.show(m.Delta))}
		}
	})
}

// fresh asks for each update again, on a copy that it watches.
func (k *histories) fresh() law {
	fingerprint := deep.FingerprintBoxes(k.states.typ)
	mutator := k.given.Delta
	if mutator == nil {
		mutator = k.given.Apply
	}
	return k.eachMove("updates/fresh", "a mutator leaves its state as it was, and what it returns shares nothing with it", func(m move) func() Sides {
		s := deep.CloneBox(m.Before)
		was := fingerprint(s)
		delta := mutator(s, m.Event.Replica, m.Event.Op)
		when := "after the mutator"
		if fingerprint(s) == was {
			when = "after a merge into what the mutator returned"
			k.states.mergeIn(delta, m.After)
			k.states.mergeIn(delta, k.states.join(m.After, mutator(deep.CloneBox(m.After), m.Event.Replica, m.Event.Op)))
			if fingerprint(s) == was {
				return nil
			}
		}
		return func() Sides {
			return Sides{"s", k.states.show(m.Before) + " with " + k.operation(m), "s " + when, k.states.show(s)}
		}
	})
}

// deliver joins deltas into the start, one after the other.
func (k *histories) deliver(deltas ...any) any {
	s := k.u.Start()
	for _, d := range deltas {
		s = k.states.join(s, d)
	}
	return s
}

// delivered is a law about what becomes of the deltas of a history. arrange says
// what a receiver gets in place of them, or nothing if they are too few.
func (k *histories) delivered(id, statement, how string, arrange func(deltas []any) (in [][]any)) law {
	return judged(id, statement, 1, func(_ *probe, x []any) (Outcome, func() Sides) {
		moves, _ := k.moves(k.plan(x[0]))
		deltas := make([]any, len(moves))
		for i, m := range moves {
			deltas[i] = m.Delta
		}
		arrangements := arrange(deltas)
		if len(arrangements) == 0 {
			return Vacuous, nil
		}
		want := k.deliver(deltas...)
		for _, in := range arrangements {
			if got := k.deliver(in...); !k.equal(got, want) {
				return Fails, func() Sides {
					return Sides{"in order, once", k.states.show(want), how, k.states.show(got)}
				}
			}
		}
		return Holds, nil
	})
}

func (k *histories) duplicated() law {
	return k.delivered("updates/duplicated", "deltas delivered twice give the same state", "each twice", func(deltas []any) [][]any {
		if len(deltas) == 0 {
			return nil
		}
		var twice []any
		for _, d := range deltas {
			twice = append(twice, d, d)
		}
		return [][]any{twice}
	})
}

func (k *histories) reordered() law {
	return k.delivered("updates/reordered", "deltas delivered in another order give the same state", "in another order", func(deltas []any) [][]any {
		n := len(deltas)
		if n < 2 {
			return nil
		}
		backwards, later := make([]any, n), make([]any, n)
		for i, d := range deltas {
			backwards[n-1-i], later[(i+1)%n] = d, d
		}
		return [][]any{backwards, later}
	})
}

func (k *histories) batched() law {
	return k.delivered("updates/batched", "deltas joined before they are delivered give the same state", "in batches of two", func(deltas []any) [][]any {
		if len(deltas) < 2 {
			return nil
		}
		var batches []any
		for i := 0; i+1 < len(deltas); i += 2 {
			batches = append(batches, k.states.join(deltas[i], deltas[i+1]))
		}
		if len(deltas)%2 == 1 {
			batches = append(batches, deltas[len(deltas)-1])
		}
		return [][]any{batches}
	})
}

func (k *histories) groups() law {
	return judged("updates/groups", "delta groups associate: (δ₁ ⊔ δ₂) ⊔ δ₃ = δ₁ ⊔ (δ₂ ⊔ δ₃)", 1, func(_ *probe, x []any) (Outcome, func() Sides) {
		moves, _ := k.moves(k.plan(x[0]))
		if len(moves) < 3 {
			return Vacuous, nil
		}
		join := k.states.join
		for i := 0; i+2 < len(moves); i++ {
			a, b, c := moves[i].Delta, moves[i+1].Delta, moves[i+2].Delta
			left, right := join(join(a, b), c), join(a, join(b, c))
			if !k.equal(left, right) {
				return Fails, func() Sides {
					return Sides{"(δ₁ ⊔ δ₂) ⊔ δ₃", k.states.show(left) + fmt.Sprintf(" with δ₁ = %s, δ₂ = %s, δ₃ = %s", k.states.show(a), k.states.show(b), k.states.show(c)),
						"δ₁ ⊔ (δ₂ ⊔ δ₃)", k.states.show(right)}
				}
			}
		}
		return Holds, nil
	})
}

func (k *histories) asStates() law {
	return judged("updates/as-states", "all deltas joined are all states joined", 1, func(_ *probe, x []any) (Outcome, func() Sides) {
		moves, end := k.moves(k.plan(x[0]))
		if len(moves) == 0 {
			return Vacuous, nil
		}
		byDelta := k.u.Start()
		for _, m := range moves {
			byDelta = k.states.join(byDelta, m.Delta)
		}
		byState := k.deliver(end.States[:]...)
		if k.equal(byDelta, byState) {
			return Holds, nil
		}
		return Fails, func() Sides {
			return Sides{"all deltas joined", k.states.show(byDelta), "all states joined", k.states.show(byState)}
		}
	})
}
