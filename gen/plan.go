package gen

import (
	"fmt"

	"github.com/joinery-go/joinery/lattice"
)

// Replicas is how many replicas a [Plan] is about: with two there is no third
// party through which news travels, and four find nothing that three do not.
const Replicas = 3

// MaxSteps bounds the steps of a plan: what a replica has seen is kept as a word
// of bits.
const MaxSteps = 64

// Updates is a replicated data type seen through its mutators. S are its states
// and O its operations.
type Updates[S, O any] struct {
	// Start is the state every replica begins with.
	Start func() S
	// Ops draws operations.
	Ops Gen[O]
	// Delta is what applying op at a replica in state s adds: the new state is
	// s ⊔ Delta. It must not change s. It is nil for types without deltas.
	Delta func(s S, replica int, op O) S
	// Apply is the new state itself, where the type computes it apart from the
	// delta; nil means s ⊔ Delta. One of the two is needed. It must not change s.
	Apply func(s S, replica int, op O) S
}

// Step is one step of a plan: replica Replica applies Op or, where Merge is set,
// takes in a state of replica From: the one it had Back changes ago. Messages are late
// and come again, so that 0, the current state, is only one of those that arrive; a
// replica may also be given an old state of its own.
type Step[O any] struct {
	Replica int
	Op      O
	Merge   bool
	From    int
	Back    int
}

// GoString leaves out what a step does not use.
func (s Step[O]) GoString() string {
	if s.Merge && s.Back == 0 {
		return fmt.Sprintf("{Replica: %d, Merge: true, From: %d}", s.Replica, s.From)
	}
	if s.Merge {
		return fmt.Sprintf("{Replica: %d, Merge: true, From: %d, Back: %d}", s.Replica, s.From, s.Back)
	}
	return fmt.Sprintf("{Replica: %d, Op: %#v}", s.Replica, s.Op)
}

// Plan is a short history of a replicated data type, to be played by
// [Play]. Every plan can be played: a replica may merge its own state.
type Plan[O any] []Step[O]

// maxBack is by how many changes a state that arrives is older than the current one, at
// most.
const maxBack = 2

// How often a step is a merge, and how often what it takes in is stale. These are odds of
// one choice, and not several choices that mean the same, so that [Every] of a plan makes
// each plan once.
const (
	mergesPermille = 333
	stalePermille  = 500
)

// Plans draws plans of at most maxSteps steps, and of no more than [MaxSteps]. A
// third of the steps are merges. The empty plan is simplest.
func Plans[O any](ops Gen[O], maxSteps int) Gen[Plan[O]] {
	return func(d *Draw) Plan[O] {
		p := make(Plan[O], d.Index("plan.len", min(maxSteps, MaxSteps)+1))
		for i := range p {
			p[i].Replica = d.Index("plan.replica", Replicas)
			if d.ChooseRare("plan.kind", 2, mergesPermille) == 1 {
				p[i].Merge = true
				p[i].From = (p[i].Replica + 1 + d.Index("plan.from", Replicas)) % Replicas
				p[i].Back = int(d.ChooseRare("plan.back", maxBack+1, stalePermille))
				continue
			}
			p[i].Op = ops(d)
		}
		return p
	}
}

// Event is an operation as it happened: where, and after which others.
type Event[O any] struct {
	// ID numbers the events of a plan from 0.
	ID      int
	Replica int
	Op      O
	saw     uint64
}

// Saw reports whether o had reached the replica of e when e happened.
func (e Event[O]) Saw(o Event[O]) bool { return e.saw>>o.ID&1 == 1 }

// Retyped is e with op in the place of its operation.
func Retyped[P, O any](e Event[O], op P) Event[P] {
	return Event[P]{ID: e.ID, Replica: e.Replica, Op: op, saw: e.saw}
}

// Move is an update as it is played.
type Move[S, O any] struct {
	Event         Event[O]
	Before, After S
	// Delta is what the update added; of a type without deltas, After.
	Delta S
}

// Outcome is what playing a plan led to.
type Outcome[S, O any] struct {
	// States are those of the replicas at the end, and Known the numbers of the
	// events that each of them has seen, as bits.
	States [Replicas]S
	Known  [Replicas]uint64
	Events []Event[O]
	// Versions are all states that there were, the start once.
	Versions []Version[S]
}

// Version is a state that a replica had, with the numbers of the events it had seen, as
// bits.
type Version[S any] struct {
	State S
	Known uint64
}

// Seen lists the events that a replica has seen, in the order they happened.
func (o Outcome[S, O]) Seen(replica int) []Event[O] { return o.Of(o.Known[replica]) }

// Of lists the events with the numbers that are set in known, in the order they
// happened.
func (o Outcome[S, O]) Of(known uint64) []Event[O] {
	var seen []Event[O]
	for _, e := range o.Events {
		if known>>e.ID&1 == 1 {
			seen = append(seen, e)
		}
	}
	return seen
}

// Play plays a plan. (It is no method of Updates: methods are compiled for every type that
// there are updates of.) join returns a ⊔ b as a fresh state. visit, which may be nil,
// is shown each update. Steps beyond [MaxSteps] are left out.
func Play[S, O any](u Updates[S, O], join func(a, b S) S, p Plan[O], visit func(Move[S, O])) Outcome[S, O] {
	p = p[:min(len(p), MaxSteps)]
	var o Outcome[S, O]
	var past [Replicas][]Version[S]
	most := len(p) + 1 // versions that a replica has
	room := make([]Version[S], Replicas*most)
	for r := range o.States {
		o.States[r] = u.Start()
		past[r] = append(room[r*most:r*most:(r+1)*most], Version[S]{o.States[r], 0})
	}
	o.Versions = append(make([]Version[S], 0, most), past[0][0])
	became := func(r int) {
		v := Version[S]{o.States[r], o.Known[r]}
		past[r], o.Versions = append(past[r], v), append(o.Versions, v)
	}
	for _, s := range p {
		r := place(s.Replica)
		if s.Merge {
			of := past[place(s.From)]
			from := of[max(0, len(of)-1-max(0, s.Back))]
			o.States[r] = join(o.States[r], from.State)
			o.Known[r] |= from.Known
			became(r)
			continue
		}
		e := Event[O]{ID: len(o.Events), Replica: r, Op: s.Op, saw: o.Known[r]}
		m := Move[S, O]{Event: e, Before: o.States[r]}
		m.After, m.Delta = update(u, join, o.States[r], r, s.Op)
		o.States[r] = m.After
		o.Known[r] |= 1 << e.ID
		o.Events = append(o.Events, e)
		became(r)
		if visit != nil {
			visit(m)
		}
	}
	return o
}

// place makes a number of a replica out of any.
func place(r int) int { return (r%Replicas + Replicas) % Replicas }

func update[S, O any](u Updates[S, O], join func(a, b S) S, s S, replica int, op O) (after, delta S) {
	switch {
	case u.Delta == nil:
		after = u.Apply(s, replica, op)
		return after, after
	case u.Apply == nil:
		delta = u.Delta(s, replica, op)
		return join(s, delta), delta
	}
	return u.Apply(s, replica, op), u.Delta(s, replica, op)
}

// Reachable draws tuples of states that one history of at most maxSteps steps
// leads through: states of several replicas and of several times, so that they
// are compatible (no two replicas used one name) and often equal, ordered or
// concurrent. A panic of the merge or a mutator ends the drawing: [Draw.Err] is
// then a [*JoinPanic].
func Reachable[S, O any](m lattice.Merge[S], u Updates[S, O], maxSteps int) Source[S] {
	plans := Plans(u.Ops, maxSteps)
	return func(d *Draw, tuple []S) {
		met := met(u, d, m, plans(d))
		for i := range tuple {
			// Counted from the end, where the states are richest; what is left of a
			// plan that shrank away is the start.
			at := d.Index("reached", len(met))
			tuple[i] = m.Clone(met[len(met)-1-at])
		}
	}
}

// met is every state that a replica goes through in a plan, the start first.
func met[S, O any](u Updates[S, O], d *Draw, m lattice.Merge[S], p Plan[O]) (met []S) {
	met = []S{u.Start()}
	defer func() {
		if v := recover(); v != nil {
			last := met[len(met)-1]
			d.Fail(&JoinPanic{Value: v, A: last, B: last})
		}
	}()
	join := func(a, b S) S {
		joining(d, a, b)
		j := lattice.Join(m, a, b)
		met = append(met, j)
		return j
	}
	Play(u, join, p, func(v Move[S, O]) { met = append(met, v.After) })
	return met
}

// WithEnds draws as s does, and in about one tuple of ten puts one of the ends of
// the order, as far as the merge has any, in a place of the tuple.
func WithEnds[T any](m lattice.Merge[T], s Source[T]) Source[T] {
	caps := lattice.CapsOf(m)
	return WithEndsOf(s, caps.Bottom, caps.Top)
}
