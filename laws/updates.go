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
func Updates[S, O any](m lattice.Merge[S], u gen.Updates[S, O], opts ...Option) Set[gen.Plan[O]] {
	return updatesOf(newHistories(m, u, opts))
}

func updatesOf[S, O any](k *histories[S, O]) Set[gen.Plan[O]] {
	set := Set[gen.Plan[O]]{Name: "updates", subject: k.subject,
		Laws: []Law[gen.Plan[O]]{k.inflates(), k.fresh()}}
	if k.given.Delta == nil {
		set.Absent = append(set.Absent, Absence{"updates/delta", "the type has no deltas"})
		return set
	}
	if k.given.Apply != nil {
		set.Laws = append(set.Laws, k.delta())
	} else {
		set.Absent = append(set.Absent, Absence{"updates/delta", "the type applies an operation by merging its delta"})
	}
	set.Laws = append(set.Laws, k.duplicated(), k.reordered(), k.batched(), k.groups(), k.asStates())
	return set
}

// histories is what laws about plans share.
type histories[S, O any] struct {
	u       gen.Updates[S, O] // with mutators that are given copies
	given   gen.Updates[S, O]
	states  *merged[S]
	equal   func(a, b S) bool
	subject *subject[gen.Plan[O]] // of the plans: they have no merge
	showOp  func(O) string
}

func newHistories[S, O any](m lattice.Merge[S], u gen.Updates[S, O], opts []Option) *histories[S, O] {
	return historiesOf(mergedOf(m, opts), guarded(u), u)
}

// historiesOf is of updates as they are given, and guarded.
func historiesOf[S, O any](s *merged[S], guarded, u gen.Updates[S, O]) *histories[S, O] {
	k := &histories[S, O]{
		u: guarded, given: u, states: s, equal: s.equality(), showOp: deep.Literal[O],
		subject: newSubject[gen.Plan[O]](settings{watchdog: s.watchdog}),
	}
	k.subject.fail(s.err)
	if u.Start == nil || u.Ops == nil || u.Delta == nil && u.Apply == nil {
		k.subject.fail(fmt.Errorf("%w: updates need Start, Ops, and Delta or Apply", ErrSetup))
	}
	return k
}

// guarded gives mutators copies of their states: one that writes into them breaks
// one law, and not what all others are judged on.
func guarded[S, O any](u gen.Updates[S, O]) gen.Updates[S, O] {
	copying := func(mutator func(S, int, O) S) func(S, int, O) S {
		if mutator == nil {
			return nil
		}
		return func(s S, replica int, op O) S { return mutator(deep.Clone(s), replica, op) }
	}
	u.Delta, u.Apply = copying(u.Delta), copying(u.Apply)
	return u
}

func (k *histories[S, O]) play(p gen.Plan[O], visit func(gen.Move[S, O])) gen.Outcome[S, O] {
	return k.u.Play(k.states.join, p, visit)
}

// moves are the updates of a plan.
func (k *histories[S, O]) moves(p gen.Plan[O]) (moves []gen.Move[S, O], end gen.Outcome[S, O]) {
	end = k.play(p, func(m gen.Move[S, O]) { moves = append(moves, m) })
	return moves, end
}

// eachMove is a law that every update must satisfy; check returns nil if it does.
func (k *histories[S, O]) eachMove(id, statement string, check func(gen.Move[S, O]) func() Sides) Law[gen.Plan[O]] {
	return judged(id, statement, 1, func(_ *Probe[gen.Plan[O]], x []gen.Plan[O]) (Outcome, func() Sides) {
		outcome := Vacuous
		var sides func() Sides
		k.play(x[0], func(m gen.Move[S, O]) {
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

func (k *histories[S, O]) operation(m gen.Move[S, O]) string {
	return fmt.Sprintf("op = %s at replica %d, s = %s", k.showOp(m.Event.Op), m.Event.Replica, k.states.show(m.Before))
}

func (k *histories[S, O]) inflates() Law[gen.Plan[O]] {
	order := orderOf(k.states, k.equal)
	return k.eachMove("updates/inflates", "s ⊑ apply(s, op)", func(m gen.Move[S, O]) func() Sides {
		o := order(m.Before, m.After)
		if o.Leq() {
			return nil
		}
		return func() Sides {
			return Sides{"apply(s, op)", k.states.show(m.After) + " with " + k.operation(m), "Compare(s, apply(s, op))", o.String()}
		}
	})
}

func (k *histories[S, O]) delta() Law[gen.Plan[O]] {
	return k.eachMove("updates/delta", "apply(s, op) = s ⊔ δ(s, op)", func(m gen.Move[S, O]) func() Sides {
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
func (k *histories[S, O]) fresh() Law[gen.Plan[O]] {
	fingerprint := deep.FingerprintFunc[S]()
	mutator := k.given.Delta
	if mutator == nil {
		mutator = k.given.Apply
	}
	return k.eachMove("updates/fresh", "a mutator leaves its state as it was, and what it returns shares nothing with it", func(m gen.Move[S, O]) func() Sides {
		s := deep.Clone(m.Before)
		was := fingerprint(&s)
		delta := mutator(s, m.Event.Replica, m.Event.Op)
		when := "after the mutator"
		if fingerprint(&s) == was {
			when = "after a merge into what the mutator returned"
			mergeInto(k.states, &delta, m.After)
			mergeInto(k.states, &delta, k.states.join(m.After, mutator(deep.Clone(m.After), m.Event.Replica, m.Event.Op)))
			if fingerprint(&s) == was {
				return nil
			}
		}
		return func() Sides {
			return Sides{"s", k.states.show(m.Before) + " with " + k.operation(m), "s " + when, k.states.show(s)}
		}
	})
}

// mergeInto merges as the merge does, in place where it can.
func mergeInto[T any](s *merged[T], target *T, delta T) {
	if s.mergeIn != nil {
		s.mergeIn(target, delta)
		return
	}
	*target = s.join(*target, delta)
}

// deliver joins deltas into the start, one after the other.
func (k *histories[S, O]) deliver(deltas ...S) S {
	s := k.u.Start()
	for _, d := range deltas {
		s = k.states.join(s, d)
	}
	return s
}

// delivered is a law about what becomes of the deltas of a history. arrange says
// what a receiver gets in place of them, or nothing if they are too few.
func (k *histories[S, O]) delivered(id, statement, how string, arrange func(deltas []S) (in [][]S)) Law[gen.Plan[O]] {
	return judged(id, statement, 1, func(_ *Probe[gen.Plan[O]], x []gen.Plan[O]) (Outcome, func() Sides) {
		moves, _ := k.moves(x[0])
		deltas := make([]S, len(moves))
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

func (k *histories[S, O]) duplicated() Law[gen.Plan[O]] {
	return k.delivered("updates/duplicated", "deltas delivered twice give the same state", "each twice", func(deltas []S) [][]S {
		if len(deltas) == 0 {
			return nil
		}
		var twice []S
		for _, d := range deltas {
			twice = append(twice, d, d)
		}
		return [][]S{twice}
	})
}

func (k *histories[S, O]) reordered() Law[gen.Plan[O]] {
	return k.delivered("updates/reordered", "deltas delivered in another order give the same state", "in another order", func(deltas []S) [][]S {
		n := len(deltas)
		if n < 2 {
			return nil
		}
		backwards, later := make([]S, n), make([]S, n)
		for i, d := range deltas {
			backwards[n-1-i], later[(i+1)%n] = d, d
		}
		return [][]S{backwards, later}
	})
}

func (k *histories[S, O]) batched() Law[gen.Plan[O]] {
	return k.delivered("updates/batched", "deltas joined before they are delivered give the same state", "in batches of two", func(deltas []S) [][]S {
		if len(deltas) < 2 {
			return nil
		}
		var batches []S
		for i := 0; i+1 < len(deltas); i += 2 {
			batches = append(batches, k.states.join(deltas[i], deltas[i+1]))
		}
		if len(deltas)%2 == 1 {
			batches = append(batches, deltas[len(deltas)-1])
		}
		return [][]S{batches}
	})
}

func (k *histories[S, O]) groups() Law[gen.Plan[O]] {
	return judged("updates/groups", "delta groups associate: (δ₁ ⊔ δ₂) ⊔ δ₃ = δ₁ ⊔ (δ₂ ⊔ δ₃)", 1, func(_ *Probe[gen.Plan[O]], x []gen.Plan[O]) (Outcome, func() Sides) {
		moves, _ := k.moves(x[0])
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

func (k *histories[S, O]) asStates() Law[gen.Plan[O]] {
	return judged("updates/as-states", "all deltas joined are all states joined", 1, func(_ *Probe[gen.Plan[O]], x []gen.Plan[O]) (Outcome, func() Sides) {
		moves, end := k.moves(x[0])
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
