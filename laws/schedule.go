package laws

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/joinery-go/joinery/gen"
	"github.com/joinery-go/joinery/laws/internal/deep"
)

// A Schedule is a short history of replicas that apply operations and exchange what they
// hold. Any list of steps is one: what a step cannot do it leaves undone, and numbers of
// replicas are taken modulo [gen.Replicas].
type Schedule[O any] []Step[O]

// Step is one step of a [Schedule]: a replica applies an operation or, where Deliver is
// set, something that another replica sent is delivered to it.
type Step[O any] struct {
	Replica int
	Op      O
	Deliver bool
	// From is whose state is delivered, or whose next message that Replica lacks. A
	// message that causality holds back is not delivered.
	From int
	// Age is how many changes ago From held the state that is delivered, which may be a
	// state of Replica itself. It does not concern messages.
	Age int
}

// GoString leaves out what a step does not use.
func (s Step[O]) GoString() string {
	if s.Deliver {
		age := ""
		if s.Age != 0 {
			age = fmt.Sprintf(", Age: %d", s.Age)
		}
		return fmt.Sprintf("{Replica: %d, Deliver: true, From: %d%s}", s.Replica, s.From, age)
	}
	return fmt.Sprintf("{Replica: %d, Op: %s}", s.Replica, deep.Literal(s.Op))
}

// Event is an operation as it happened: where, and after which others.
type Event[O any] struct {
	// ID numbers the operations of a schedule from 0.
	ID      int
	Replica int
	Op      O
	saw     uint64
}

// Saw reports whether o had reached the replica of e when e happened.
func (e Event[O]) Saw(o Event[O]) bool { return e.saw>>o.ID&1 == 1 }

// maxScheduled bounds the steps of a schedule that are played: what a replica has seen
// is kept as a word of bits.
const maxScheduled = 64

// The shape of the schedules that are drawn.
const (
	scheduleSteps = 12 // at most
	scheduleAges  = 4  // states or messages back
)

// ScheduleSource draws the schedules that [Convergence] and [OperationConvergence] are
// checked on: up to twelve steps, of which half are deliveries, and of those a third
// stale or repeated. The empty schedule is simplest.
func ScheduleSource[O any](ops gen.Gen[O]) gen.Source[Schedule[O]] {
	return gen.Independent(func(d *gen.Draw) Schedule[O] {
		s := make(Schedule[O], d.Index("schedule.len", scheduleSteps+1))
		for i := range s {
			s[i].Replica = d.Index("schedule.replica", gen.Replicas)
			if d.Choose("schedule.kind", 2) == 0 {
				s[i].Op = ops(d)
				continue
			}
			s[i].Deliver = true
			s[i].From = (s[i].Replica + 1 + d.Index("schedule.from", gen.Replicas)) % gen.Replicas
			if d.Choose("schedule.stale", 3) == 2 {
				s[i].Age = 1 + d.Index("schedule.age", scheduleAges)
			}
		}
		return s
	})
}

// Schedules is every schedule of at most maxSteps steps with the given operations,
// shortest first, with deliveries of current, stale and repeated states or messages.
// Replicas are named in the order in which they first do something, so that schedules
// which differ in names alone occur once. It ends before the length that would make more
// than limit schedules, and returns the length up to which all are there.
func Schedules[O any](ops []O, maxSteps, limit int) (u gen.Universe[Schedule[O]], steps int) {
	return schedulesOf(ops, maxSteps, limit, true)
}

// schedulesOf is Schedules, with or without what is stale: it matters to types that
// exchange states alone.
func schedulesOf[O any](ops []O, maxSteps, limit int, stale bool) (u gen.Universe[Schedule[O]], steps int) {
	u = gen.Universe[Schedule[O]]{nil}
	longest := u
	for steps < maxSteps {
		var longer gen.Universe[Schedule[O]]
		for _, s := range longest {
			longer = append(longer, s.extended(ops, stale)...)
			if len(u)+len(longer) > limit {
				return u, steps
			}
		}
		if len(longer) == 0 {
			return u, steps
		}
		u, longest = append(u, longer...), longer
		steps++
	}
	return u, steps
}

// extended is the schedule with each step more that may matter: an operation, or a
// delivery of something that From came to hold.
func (s Schedule[O]) extended(ops []O, stale bool) []Schedule[O] {
	var longer []Schedule[O]
	add := func(step Step[O]) {
		longer = append(longer, append(s[:len(s):len(s)], step))
	}
	known, changes := s.cast()
	for r := range min(known+1, gen.Replicas) {
		for _, op := range ops {
			add(Step[O]{Replica: r, Op: op})
		}
		for from := range known {
			for age := range changes[from] {
				if (stale || age == 0) && (from != r || age > 0) {
					add(Step[O]{Replica: r, Deliver: true, From: from, Age: age})
				}
			}
		}
	}
	return longer
}

// cast is how many replicas do something, and how often each of them does.
func (s Schedule[O]) cast() (known int, changes [gen.Replicas]int) {
	for _, step := range s {
		changes[step.Replica]++
		known = max(known, step.Replica+1)
	}
	return known, changes
}

// steps is a schedule over boxes.
type steps = Schedule[any]

// boxSchedule is a schedule, which b is the box of, over boxes.
func boxSchedule[O any](b any) steps {
	typed := unbox[Schedule[O]](b)
	s := make(steps, len(typed))
	for i := range typed {
		s[i] = Step[any]{Replica: typed[i].Replica, Op: &typed[i].Op, Deliver: typed[i].Deliver, From: typed[i].From, Age: typed[i].Age}
	}
	return s
}

// typedEvents is events over boxes with their type again.
func typedEvents[O any](seen []Event[any]) []Event[O] {
	typed := make([]Event[O], len(seen))
	for i, e := range seen {
		typed[i] = Event[O]{ID: e.ID, Replica: e.Replica, Op: unbox[O](e.Op), saw: e.saw}
	}
	return typed
}

// place makes a number of a replica out of any.
func place(r int) int { return (r%gen.Replicas + gen.Replicas) % gen.Replicas }

// seenBy lists the events that are known, in the order they happened.
func seenBy(events []Event[any], known uint64) []Event[any] {
	var seen []Event[any]
	for _, e := range events {
		if known>>e.ID&1 == 1 {
			seen = append(seen, e)
		}
	}
	return seen
}

// listed prints a schedule as a Go literal, a step a line, with what came of each step
// in words behind it; came may be nil.
func listed(schedule reflect.Type, s steps, came []string) string {
	if len(s) == 0 {
		return deep.TypeName(schedule) + "{}"
	}
	var b strings.Builder
	b.WriteString(deep.TypeName(schedule) + "{\n")
	for i, step := range s {
		literal := step.GoString()
		if !step.Deliver {
			literal = fmt.Sprintf("{Replica: %d, Op: %s}", step.Replica, deep.LiteralBox(step.Op))
		}
		fmt.Fprintf(&b, "        %s,", literal)
		if came != nil {
			fmt.Fprintf(&b, " // %s", came[i])
		}
		b.WriteByte('\n')
	}
	b.WriteString("    }")
	return b.String()
}
