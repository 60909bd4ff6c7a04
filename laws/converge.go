package laws

import (
	"fmt"

	"github.com/joinery-go/joinery/gen"
	"github.com/joinery-go/joinery/laws/internal/deep"
)

// Converge checks a state-based replicated data type as a whole: replicas apply
// operations, and take in each other's states, stale ones and ones they had before too.
// An operation must raise its state, a state whose operations are all known must change
// nothing, the replicas must be equal once each has taken in all others, and, with Value
// and Model, every state must read as the model says of the operations it has seen. It
// is the whole of strong eventual consistency (Shapiro et al., "Conflict-free Replicated
// Data Types", SSS'11), and the model says that what they agree on is right.
//
// First, all histories of a small scope are tried: of up to four operations that Ops
// draws, at three replicas; the log says how many. Then longer ones, at random. Aliasing
// of memory is not seen: that is the business of [CheckMerge].
func Converge[S, O any](t T, r Replicated[S, O], opts ...Option) {
	t.Helper()
	o := settingsOf(opts)
	b := bindReplicated(r, bind[Schedule[O]](settings{}), o)
	set, last := Set[Schedule[O]]{pin(b.convergence(o))}, b.extending().convergence(o)
	if r.Ops == nil {
		t.Fatalf("%v: a Replicated needs Ops, to draw operations", ErrSetup)
	}
	checkSchedules(t, set, last, r.Ops, true, opts)
}

// Convergence is the set that [Converge] checks, on the schedules of [ScheduleSource],
// or on all of [Schedules].
func Convergence[S, O any](r Replicated[S, O], opts ...Option) Set[Schedule[O]] {
	o := settingsOf(opts)
	return Set[Schedule[O]]{pin(bindReplicated(r, bind[Schedule[O]](settings{}), o).convergence(o))}
}

// convergence is the set over boxes.
func (r *replicated) convergence(o settings) set {
	s := r.plans
	s.knows(o, "Converge")
	s.thing = "data type"
	if !r.applies {
		s.fail(fmt.Errorf("%w: laws.Converge needs Apply", ErrSetup))
	}
	typ := s.typ
	s.show = func(b any) string { return listed(typ, r.schedule(b), r.trace(r.schedule(b))) }
	s.barely = func(b any) string { return listed(typ, r.schedule(b), nil) }
	own := set{name: "converge", subject: s, laws: []law{r.inflates(), r.stale(), r.equal()}}
	if r.values {
		own.laws = append(own.laws, r.model())
	} else {
		own.absences = append(own.absences, Absence{"converge/model", "no Value and Model are given"})
	}
	return set{name: "converge", parents: []set{lifted(wellPosed(r.states), s, r.reached), own}, subject: s}
}

// holding is a state that a replica holds, or held.
type holding struct {
	replica int
	state   any
	known   uint64 // the events it has seen, as bits
	event   int    // that made it, −1 of a delivery and of the start
}

// exchange is a schedule of states that was played.
type exchange struct {
	events []Event[any]
	all    []holding           // in the order in which they came about, starts first
	judged int                 // of these, how many a schedule without the last step has too, if that was judged
	of     [gen.Replicas][]int // what each replica held, as indices into all
}

func (e *exchange) hold(h holding) {
	e.of[h.replica] = append(e.of[h.replica], len(e.all))
	e.all = append(e.all, h)
}

// back is what a replica held some changes ago, or at first.
func (e *exchange) back(replica, changes int) holding {
	of := e.of[replica]
	return e.all[of[max(0, len(of)-1-max(0, changes))]]
}

// play plays a schedule; after is told of each step, if it is not nil.
func (r *replicated) play(s steps, after func(h holding)) *exchange {
	e := new(exchange)
	for i := range e.of {
		e.hold(holding{replica: i, state: r.start(), event: -1})
	}
	for i, step := range s[:min(len(s), maxScheduled)] {
		if r.extends && i == len(s)-1 {
			e.judged = len(e.all)
		}
		at := place(step.Replica)
		now := e.back(at, 0)
		if step.Deliver {
			from := e.back(place(step.From), step.Age)
			e.hold(holding{replica: at, state: r.merge(now.state, from.state), known: now.known | from.known, event: -1})
		} else {
			event := Event[any]{ID: len(e.events), Replica: at, Op: step.Op, saw: now.known}
			e.events = append(e.events, event)
			e.hold(holding{replica: at, state: r.apply(now.state, at, step.Op), known: now.known | 1<<event.ID, event: event.ID})
		}
		if after != nil {
			after(e.back(at, 0))
		}
	}
	return e
}

// trace says what came of each step, as far as it can be played.
func (r *replicated) trace(s steps) (came []string) {
	defer func() {
		if v := recover(); v != nil && len(came) < len(s) {
			came = append(came, "panics: "+panicText(v))
		}
		for len(came) < len(s) {
			came = append(came, "is not played")
		}
	}()
	r.play(s, func(h holding) {
		step := s[len(came)]
		what := "applies it"
		if step.Deliver {
			what = fmt.Sprintf("takes in what replica %d %s", place(step.From), ago(step.Age))
		}
		came = append(came, fmt.Sprintf("replica %d %s: %s", h.replica, what, r.states.show(h.state)))
	})
	return came
}

func ago(changes int) string {
	switch {
	case changes <= 0:
		return "holds"
	case changes == 1:
		return "held one change ago"
	}
	return fmt.Sprintf("held %d changes ago", changes)
}

// reached are the states of a schedule.
func (r *replicated) reached(b any) []any {
	e := r.play(r.schedule(b), nil)
	states := make([]any, len(e.all))
	for i := range e.all {
		states[i] = e.all[i].state
	}
	return states
}

// same is the equality of states. Equality of structure keeps notes while it walks, and
// checks may run side by side, so each evaluation has its own.
func (r *replicated) same() func(a, b any) bool { return r.states.equality() }

// before is the state that an operation was applied to.
func (e *exchange) before(i int) holding {
	of := e.of[e.all[i].replica]
	for k, at := range of {
		if at == i {
			return e.all[of[k-1]]
		}
	}
	panic("laws: internal: a state that its replica did not hold")
}

// lowered is the first operation, of those that led to the states from one on, that does
// not raise its state: the state before, the one after, and the join of both, which should
// be the latter.
func (r *replicated) lowered(e *exchange, from int, equal func(a, b any) bool) (before, after holding, join any, ok bool) {
	for i, h := range e.all {
		if i < from || h.event < 0 {
			continue
		}
		before = e.before(i)
		if join = r.merge(h.state, before.state); !equal(join, h.state) {
			return before, h, join, true
		}
	}
	return holding{}, holding{}, nil, false
}

func (r *replicated) inflates() law {
	return judged("converge/inflates", "an operation raises its state: apply(s, op) ⊔ s = apply(s, op)", 1, func(_ *probe, x []any) (Outcome, func() Sides) {
		e := r.play(r.schedule(x[0]), nil)
		before, after, join, ok := r.lowered(e, e.judged, r.same())
		if !ok {
			return nonVacuous(len(e.events) > 0), nil
		}
		return Fails, func() Sides {
			op := e.events[after.event].Op
			return Sides{"apply(s, op) ⊔ s", r.states.show(join),
				"apply(s, op)", fmt.Sprintf("%s with s = %s, op = %s at replica %d", r.states.show(after.state), r.states.show(before.state), deep.LiteralBox(op), after.replica)}
		}
	})
}

// stale is about states that are delivered late, or again.
func (r *replicated) stale() law {
	const statement = "taking in a state whose operations are all known changes nothing"
	return judged("converge/stale", statement, 1, func(_ *probe, x []any) (Outcome, func() Sides) {
		e, equal := r.play(r.schedule(x[0]), nil), r.same()
		if _, _, _, lowered := r.lowered(e, 0, equal); lowered {
			return Vacuous, nil // that is the business of inflates
		}
		for i, now := range e.all {
			for k, old := range e.all {
				if max(i, k) < e.judged || old.known&^now.known != 0 {
					continue
				}
				if join := r.merge(now.state, old.state); !equal(join, now.state) {
					return Fails, func() Sides {
						return Sides{fmt.Sprintf("s ⊔ s′ at replica %d", now.replica), r.states.show(join),
							"s", fmt.Sprintf("%s with s′ = %s, which replica %d held", r.states.show(now.state), r.states.show(old.state), old.replica)}
					}
				}
			}
		}
		return Holds, nil
	})
}

// exchanged is what the replicas hold once each has taken in the states of all others,
// each in another order and grouping.
func (r *replicated) exchanged(e *exchange) (states [gen.Replicas]any) {
	for at := range states {
		left, right := e.back(place(at+1), 0).state, e.back(place(at+2), 0).state
		now := e.back(at, 0).state
		if at == gen.Replicas-1 {
			states[at] = r.merge(now, r.merge(right, left)) // one of the others passed both on
		} else {
			states[at] = r.merge(r.merge(now, left), right)
		}
	}
	return states
}

func (r *replicated) equal() law {
	return judged("converge/equal", "replicas are equal once each has taken in the states of all others", 1, func(_ *probe, x []any) (Outcome, func() Sides) {
		e, equal := r.play(r.schedule(x[0]), nil), r.same()
		states := r.exchanged(e)
		for at := range states[1:] {
			if !equal(states[at], states[at+1]) {
				return Fails, func() Sides {
					return Sides{fmt.Sprintf("replica %d", at), r.states.show(states[at]), fmt.Sprintf("replica %d", at+1), r.states.show(states[at+1])}
				}
			}
		}
		return nonVacuous(len(e.events) > 0), nil
	})
}

func (r *replicated) model() law {
	const statement = "a state reads as the model says of the operations it has seen, also once what another replica holds is taken in"
	return judged("converge/model", statement, 1, func(_ *probe, x []any) (Outcome, func() Sides) {
		e := r.play(r.schedule(x[0]), nil)
		var fails func() Sides
		e.eachMet(func(h holding, other *holding) bool {
			when := ""
			if other != nil {
				h.state, h.known = r.merge(h.state, other.state), h.known|other.known
				when = fmt.Sprintf(", with what replica %d holds", other.replica)
			}
			if words := r.differs(h.state, seenBy(e.events, h.known)); words != nil {
				fails = func() Sides {
					got, want := words()
					return Sides{fmt.Sprintf("value at replica %d%s", h.replica, when), got + " of " + r.states.show(h.state), "model", want}
				}
			}
			return fails == nil
		})
		if fails != nil {
			return Fails, fails
		}
		return nonVacuous(len(e.events) > 0), nil
	})
}

// eachMet visits every state of the schedule as it comes about, and then each pair of it
// and what another replica holds at that time, either way round: a delivery that might
// have been the next step. It ends where visit says so, and leaves out what was judged.
func (e *exchange) eachMet(visit func(h holding, other *holding) bool) {
	var now [gen.Replicas]holding
	for i, h := range e.all {
		now[h.replica] = h
		if i < e.judged {
			continue
		}
		if !visit(h, nil) {
			return
		}
		if h.known == 0 {
			continue // as at the start
		}
		for at := range now {
			if other := now[at]; at != h.replica && (!visit(h, &other) || !visit(other, &h)) {
				return
			}
		}
	}
}

// lifted is a set about states as one about the states that schedules reach, in the
// order in which they are reached, as many next to each other as a law is about.
func lifted(states set, schedules *subject, reached func(schedule any) []any) set {
	lift := func(l law) law {
		return judged(l.ID, l.Text+" (of states that histories reach)", 1, func(_ *probe, x []any) (Outcome, func() Sides) {
			all, p := reached(x[0]), newProbe(states.subject)
			outcome := Vacuous
			tuple := make([]any, l.Arity)
			for i := range all {
				for k := range tuple {
					tuple[k] = all[(i+k)%len(all)]
				}
				switch l.eval(p, p.copies(tuple)) {
				case Holds:
					outcome = Holds
				case Fails:
					return Fails, func() Sides { return among(p, l.explain(p, p.copies(tuple)), tuple) }
				}
			}
			return outcome, nil
		})
	}
	set := states.mapped(lift)
	set.subject = schedules
	return set
}

// among is sides with the states that they are about.
func among(p *probe, s Sides, states []any) Sides {
	for i, v := range states {
		sign := ", "
		if i == 0 {
			sign = " with "
		}
		s.Right += fmt.Sprintf("%s%s = %s", sign, variables[i], p.Show(v))
	}
	return s
}
