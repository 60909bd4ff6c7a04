package laws

import (
	"fmt"
	"reflect"

	"pgregory.net/rapid"

	"github.com/joinery-go/joinery/gen"
	"github.com/joinery-go/joinery/laws/internal/deep"
)

// Replicated is a state-based replicated data type in plain functions. All of them are
// given copies: they may change their arguments and return them.
type Replicated[S, O any] struct {
	// Start is the state every replica begins with.
	Start func() S
	// Apply is the state after an operation at a replica. An operation must raise the
	// state: what it takes away by hand comes back with the next state merged.
	Apply func(s S, replica int, op O) S
	// Delta is what applying an operation adds, to be sent in place of the whole state;
	// for [CheckDelta] alone.
	Delta func(s S, replica int, op O) S
	// Merge joins two states.
	Merge func(a, b S) S
	// Ops draws operations.
	Ops *rapid.Generator[O]
	// Value is what users read out of a state, and Model what they must read after the
	// operations seen, in the order they happened. Both are given, or neither; values are
	// compared by structure.
	Value func(s S) any
	Model func(seen []Event[O]) any
}

// replicatedAction is something that a replicated type does. One function does them
// all, because it is compiled for each type.
type replicatedAction uint8

const (
	actStart replicatedAction = iota
	actApply
	actDelta
	actMerge
	actValue
	actModel
	actPrepare // of operation-based types
)

// act does one of the type's actions on boxes.
func (r *Replicated[S, O]) act(a replicatedAction, s, other any, replica int, seen []Event[any]) any {
	switch a {
	case actStart:
		return box(r.Start())
	case actApply:
		return box(r.Apply(unbox[S](s), replica, unbox[O](other)))
	case actDelta:
		return box(r.Delta(unbox[S](s), replica, unbox[O](other)))
	case actMerge:
		return box(r.Merge(unbox[S](s), unbox[S](other)))
	case actValue:
		return box[any](r.Value(unbox[S](s)))
	}
	return box[any](r.Model(typedEvents[O](seen)))
}

// replicated is a replicated type over boxes.
type replicated struct {
	reading
	plans    *subject        // of what is drawn: plans or schedules
	schedule func(any) steps // a schedule over boxes

	deltas, applies, values bool
	// extends says that of each schedule the one without its last step was judged before.
	// What they have in common is then judged no more.
	extends bool
}

// extending is the type for laws that go through all schedules of a scope, shortest first.
func (r *replicated) extending() *replicated {
	e := *r
	e.extends = true
	return &e
}

// bindReplicated looks at a replicated type through boxes.
func bindReplicated[S, O any](r Replicated[S, O], plans *subject, o settings) *replicated {
	b := &replicated{reading: reading{bind[S](o), r.act}, plans: plans, schedule: boxSchedule[O]}
	b.applies, b.deltas, b.values = r.Apply != nil, r.Delta != nil, r.Value != nil
	b.states.joins(func(x, y any) any { return b.act(actMerge, b.states.copy(x), b.states.copy(y), 0, nil) })
	for _, need := range []struct {
		given bool
		what  string
	}{{r.Start != nil, "Start"}, {r.Merge != nil, "Merge"}} {
		if !need.given {
			plans.fail(fmt.Errorf("%w: a Replicated needs %s", ErrSetup, need.what))
		}
	}
	if (r.Value == nil) != (r.Model == nil) {
		plans.fail(fmt.Errorf("%w: a Replicated has Value and Model, or neither: values are compared with the model", ErrSetup))
	}
	plans.fail(b.states.err)
	plans.watchdog = b.states.watchdog
	return b
}

func (r *replicated) start() any { return r.act(actStart, nil, nil, 0, nil) }

func (r *replicated) apply(s any, replica int, op any) any {
	return r.act(actApply, r.states.copy(s), deep.CloneBox(op), replica, nil)
}

func (r *replicated) merge(a, b any) any { return r.states.join(a, b) }

// reading is what replicated types of both kinds have: states, and what they mean.
type reading struct {
	states *subject
	act    func(a replicatedAction, s, other any, replica int, seen []Event[any]) any
}

// differs compares the value of a state with the model's of what it has seen, and
// returns both in words if they differ.
func (r *reading) differs(s any, seen []Event[any]) func() (got, want string) {
	value, model := r.act(actValue, r.states.copy(s), nil, 0, nil), r.act(actModel, nil, nil, 0, seen)
	if deep.EqualBoxes(reflect.TypeFor[any]())(value, model) {
		return nil
	}
	return func() (got, want string) { return showAny(value), showAny(model) }
}

// showAny prints what is in the any that v is a box of.
func showAny(v any) string {
	held := *v.(*any)
	if held == nil {
		return "nil"
	}
	b := reflect.New(reflect.TypeOf(held))
	b.Elem().Set(reflect.ValueOf(held))
	return deep.LiteralBox(b.Interface())
}

// CheckDelta checks a type whose operations send deltas in place of states: that
// applying an operation is joining its delta, that deltas may be delivered twice, in
// another order, in batches and in groups of any making, and that a state only rises;
// see [Updates]. It needs Apply beside Delta, or Value and Model. By Delta alone, a
// mutator that returns the increment instead of the new total would go unseen: all
// replicas would agree on what is wrong.
func CheckDelta[S, O any](t T, r Replicated[S, O], opts ...Option) {
	t.Helper()
	set := Deltas(r, opts...).s.value()
	if r.Ops == nil {
		t.Fatalf("%v: a Replicated needs Ops, to draw operations", ErrSetup)
	}
	checkOn(t, set, boxSource(PlanSource(gen.Updates[S, O]{Ops: gen.FromRapid(r.Ops)})), opts)
}

// Deltas is the set that [CheckDelta] checks, on the plans of [PlanSource].
func Deltas[S, O any](r Replicated[S, O], opts ...Option) Set[gen.Plan[O]] {
	o := settingsOf(opts)
	plans := bind[gen.Plan[O]](settings{})
	return Set[gen.Plan[O]]{pin(bindReplicated(r, plans, o).deltaSet(boxPlan[O], o))}
}

func (r *replicated) deltaSet(plan func(any) gen.Plan[any], o settings) set {
	r.plans.knows(o, "CheckDelta")
	r.plans.thing = "data type"
	if !r.deltas {
		r.plans.fail(fmt.Errorf("%w: laws.CheckDelta needs Delta; for types that send whole states there is laws.Converge", ErrSetup))
	}
	u := gen.Updates[any, any]{
		Start: r.start, Ops: func(*gen.Draw) any { return nil }, // plans are drawn by the source
		Delta: func(s any, replica int, op any) any { return r.act(actDelta, s, op, replica, nil) },
	}
	if r.applies {
		u.Apply = r.apply
	}
	k := newHistories(r.states, r.plans, u, plan)
	k.meaning = r.values
	set := updatesOf(k)
	if !r.values {
		set.absences = append(set.absences, Absence{"query/denotation", "no Value and Model are given"})
		return set
	}
	return set.and(denotationOf(k, func(state any, seen []gen.Event[any]) func() (got, want string) {
		return r.differs(state, ownEvents(seen))
	}))
}

// ownEvents is the events of a plan as those of a schedule.
func ownEvents(seen []gen.Event[any]) []Event[any] {
	own := make([]Event[any], len(seen))
	for i, e := range seen {
		own[i] = Event[any]{ID: e.ID, Replica: e.Replica, Op: e.Op}
		for _, other := range seen {
			if e.Saw(other) {
				own[i].saw |= 1 << other.ID
			}
		}
	}
	return own
}
