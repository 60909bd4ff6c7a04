package laws

import (
	"fmt"

	"pgregory.net/rapid"

	"github.com/joinery-go/joinery/laws/internal/deep"
)

// OperationBased is a replicated data type that sends what happened in place of states,
// in plain functions. All of them are given copies: they may change their arguments and
// return them. Messages are delivered in causal order: after those that the sender had
// delivered when it prepared them.
type OperationBased[S, O, M any] struct {
	// Start is the state every replica begins with.
	Start func() S
	// Prepare makes the message that an operation sends. It reads the state of the
	// replica where the operation happens and changes nothing.
	Prepare func(s S, replica int, op O) M
	// Effect is the state after a message was delivered, at the sender at once and at all
	// others later.
	Effect func(s S, m M) S
	// Duplicates declares that messages may be delivered more than once.
	Duplicates bool
	// Ops draws operations.
	Ops *rapid.Generator[O]
	// Value is what users read out of a state, and Model what they must read after the
	// operations seen, in the order they happened. Both are given, or neither; values are
	// compared by structure.
	Value func(s S) any
	Model func(seen []Event[O]) any
}

// ConvergeOps checks an operation-based replicated data type as a whole: messages that
// are concurrent must commute, so that every causal order of delivery gives one state;
// where Duplicates is set, a message delivered again must change nothing; and, with Value
// and Model, every state must read as the model says of the operations it has seen.
// (Shapiro et al., "Conflict-free Replicated Data Types", SSS'11, section 2.2.)
//
// First, all histories of a small scope are tried: of up to four operations that Ops
// draws, at three replicas; the log says how many. Then longer ones, at random. Of each
// history all causal orders are judged.
func ConvergeOps[S, O, M any](t T, b OperationBased[S, O, M], opts ...Option) {
	t.Helper()
	set := OperationConvergence(b, opts...)
	if b.Ops == nil {
		t.Fatalf("%v: an OperationBased needs Ops, to draw operations", ErrSetup)
	}
	checkSchedules(t, set, set.s.value(), b.Ops, false, opts)
}

// OperationConvergence is the set that [ConvergeOps] checks, on the schedules of
// [ScheduleSource], or on all of [Schedules].
func OperationConvergence[S, O, M any](b OperationBased[S, O, M], opts ...Option) Set[Schedule[O]] {
	o := settingsOf(opts)
	k := &operationBased{
		reading: reading{bind[S](o), b.act}, schedules: bind[Schedule[O]](settings{}), schedule: boxSchedule[O],
		duplicates: b.Duplicates, values: b.Value != nil,
	}
	for _, need := range []struct {
		missing bool
		what    string
	}{{b.Start == nil, "Start"}, {b.Prepare == nil, "Prepare"}, {b.Effect == nil, "Effect"}} {
		if need.missing {
			k.schedules.fail(fmt.Errorf("%w: an OperationBased needs %s", ErrSetup, need.what))
		}
	}
	if (b.Value == nil) != (b.Model == nil) {
		k.schedules.fail(fmt.Errorf("%w: an OperationBased has Value and Model, or neither: values are compared with the model", ErrSetup))
	}
	return Set[Schedule[O]]{pin(k.set(o))}
}

// act does one of the type's actions on boxes.
func (b *OperationBased[S, O, M]) act(a replicatedAction, s, other any, replica int, seen []Event[any]) any {
	switch a {
	case actStart:
		return box(b.Start())
	case actApply:
		return box(b.Effect(unbox[S](s), unbox[M](other)))
	case actPrepare:
		return box(b.Prepare(unbox[S](s), replica, unbox[O](other)))
	case actValue:
		return box[any](b.Value(unbox[S](s)))
	}
	return box[any](b.Model(typedEvents[O](seen)))
}

// operationBased is an operation-based type over boxes.
type operationBased struct {
	reading
	schedules          *subject
	schedule           func(any) steps
	duplicates, values bool
}

func (k *operationBased) start() any { return k.act(actStart, nil, nil, 0, nil) }

func (k *operationBased) prepare(s any, replica int, op any) any {
	return k.act(actPrepare, k.states.copy(s), deep.CloneBox(op), replica, nil)
}

func (k *operationBased) effect(s, m any) any {
	return k.act(actApply, k.states.copy(s), deep.CloneBox(m), 0, nil)
}

func (k *operationBased) set(o settings) set {
	s := k.schedules
	s.knows(o, "ConvergeOps")
	s.thing = "data type"
	s.fail(k.states.err)
	s.watchdog = k.states.watchdog
	typ := s.typ
	s.show = func(b any) string { return listed(typ, k.schedule(b), k.trace(k.schedule(b))) }
	s.barely = func(b any) string { return listed(typ, k.schedule(b), nil) }
	own := set{name: "ops", subject: s, laws: []law{k.deterministic(), k.commutes()}}
	if k.duplicates {
		own.laws = append(own.laws, k.duplicated())
	} else {
		own.absences = append(own.absences, Absence{"ops/duplicated", "Duplicates is not set: each message is delivered once"})
	}
	if k.values {
		own.laws = append(own.laws, k.model())
	} else {
		own.absences = append(own.absences, Absence{"ops/model", "no Value and Model are given"})
	}
	return set{name: "ops", parents: []set{lifted(wellPosed(k.states), s, k.reached), own}, subject: s}
}
