package laws

import (
	"fmt"

	"github.com/joinery-go/joinery/gen"
	"github.com/joinery-go/joinery/laws/internal/deep"
)

// message is a message as it was sent.
type message struct {
	content any
	event   Event[any]
	after   delivered // what its sender had delivered before
}

// delivered counts the messages that were delivered, by sender. Since causal order
// keeps the order of each sender, it names a causally closed set of messages.
type delivered [gen.Replicas]int

// ready reports that the next message of a sender may be delivered after d.
func (p *passage) ready(d delivered, from int) bool {
	if d[from] >= len(p.sent[from]) {
		return false
	}
	for i, n := range p.sent[from][d[from]].after {
		if d[i] < n {
			return false
		}
	}
	return true
}

// passage is a schedule of messages that was played.
type passage struct {
	sent   [gen.Replicas][]message
	states [gen.Replicas]any
	has    [gen.Replicas]delivered
	events []Event[any]
}

// known is the bits of the events behind d.
func (p *passage) known(d delivered) (bits uint64) {
	for from, n := range d {
		for _, m := range p.sent[from][:n] {
			bits |= 1 << m.event.ID
		}
	}
	return bits
}

// play plays a schedule; after is told of each step, if it is not nil, and of the
// message that was delivered by it, if one was.
func (k *operationBased) play(s steps, after func(p *passage, at int, m *message)) *passage {
	p := new(passage)
	for i := range p.states {
		p.states[i] = k.start()
	}
	for _, step := range s[:min(len(s), maxScheduled)] {
		at, from := place(step.Replica), place(step.From)
		var m *message
		switch {
		case !step.Deliver:
			m = k.send(p, at, step.Op)
		case from != at && p.ready(p.has[at], from):
			m = k.deliver(p, at, from)
		}
		if after != nil {
			after(p, at, m)
		}
	}
	return p
}

// send has an operation happen at a replica.
func (k *operationBased) send(p *passage, at int, op any) *message {
	e := Event[any]{ID: len(p.events), Replica: at, Op: op, saw: p.known(p.has[at])}
	p.events = append(p.events, e)
	p.sent[at] = append(p.sent[at], message{content: k.prepare(p.states[at], at, op), event: e, after: p.has[at]})
	return k.deliver(p, at, at)
}

// deliver delivers the next message of a sender to a replica.
func (k *operationBased) deliver(p *passage, at, from int) *message {
	m := &p.sent[from][p.has[at][from]]
	p.states[at] = k.effect(p.states[at], m.content)
	p.has[at][from]++
	return m
}

// finish delivers all messages to all replicas, each of which prefers those of another.
func (k *operationBased) finish(p *passage) {
	for at := range p.states {
		for next, more := p.preferred(at); more; next, more = p.preferred(at) {
			k.deliver(p, at, next)
		}
	}
}

func (p *passage) preferred(at int) (from int, ready bool) {
	for i := 1; i < gen.Replicas; i++ {
		if from = place(at + i); p.ready(p.has[at], from) {
			return from, true
		}
	}
	return 0, false
}

// arrival is a state reached by delivering a message last.
type arrival struct {
	last  *message
	state any
}

// closed is a causally closed set of messages, with the states to which its orders of
// delivery lead, one for each message that may be last. The states before that are the
// first ones of the smaller sets, so that all orders agree if those of every set do.
type closed struct {
	set      delivered
	arrivals []arrival // none of the empty set
	state    any       // the first, or the start
}

// closures is every causally closed set of the messages sent, each after those that it
// holds.
func (k *operationBased) closures(p *passage) []closed {
	at := make(map[delivered]int)
	var all []closed
	for d, more := (delivered{}), true; more; d, more = p.next(d) {
		if c, ok := k.closure(p, d, all, at); ok {
			at[d] = len(all)
			all = append(all, c)
		}
	}
	return all
}

// next is the set of messages after d, counting as one counts numbers.
func (p *passage) next(d delivered) (delivered, bool) {
	for i := len(d) - 1; i >= 0; i-- {
		if d[i] < len(p.sent[i]) {
			d[i]++
			return d, true
		}
		d[i] = 0
	}
	return d, false
}

// closure is a set of messages, if it is causally closed; all holds the smaller ones, and
// at says where.
func (k *operationBased) closure(p *passage, d delivered, all []closed, at map[delivered]int) (closed, bool) {
	c := closed{set: d}
	if d == (delivered{}) {
		c.state = k.start()
		return c, true
	}
	for from := range d {
		before := d
		before[from]--
		i, ok := at[before]
		if !ok || !p.ready(before, from) {
			continue
		}
		m := &p.sent[from][before[from]]
		c.arrivals = append(c.arrivals, arrival{m, k.effect(all[i].state, m.content)})
	}
	if len(c.arrivals) == 0 {
		return c, false
	}
	c.state = c.arrivals[0].state
	return c, true
}

// trace says what came of each step, as far as it can be played.
func (k *operationBased) trace(s steps) (came []string) {
	defer func() {
		if v := recover(); v != nil && len(came) < len(s) {
			came = append(came, "panics: "+panicText(v))
		}
		for len(came) < len(s) {
			came = append(came, "is not played")
		}
	}()
	k.play(s, func(p *passage, at int, m *message) {
		step := s[len(came)]
		switch {
		case m == nil:
			came = append(came, fmt.Sprintf("replica %d has nothing of replica %d to deliver", at, place(step.From)))
		case step.Deliver:
			came = append(came, fmt.Sprintf("replica %d delivers %s of replica %d: %s", at, deep.LiteralBox(m.content), m.event.Replica, k.states.show(p.states[at])))
		default:
			came = append(came, fmt.Sprintf("replica %d sends %s: %s", at, deep.LiteralBox(m.content), k.states.show(p.states[at])))
		}
	})
	return came
}

// reached are the states of the replicas of a schedule, before and after all messages
// were delivered.
func (k *operationBased) reached(b any) []any {
	p := k.play(k.schedule(b), nil)
	states := append([]any{k.start()}, p.states[:]...)
	k.finish(p)
	return append(states, p.states[:]...)
}

// commutes is about every order of delivery that causality allows.
func (k *operationBased) commutes() law {
	const statement = "messages that are concurrent commute: every causal order of delivery gives the same state"
	return judged("ops/commute", statement, 1, func(_ *probe, x []any) (Outcome, func() Sides) {
		p, equal := k.play(k.schedule(x[0]), nil), k.states.equality()
		outcome := Vacuous
		for _, c := range k.closures(p) {
			for _, other := range c.arrivals {
				outcome = Holds
				if first := c.arrivals[0]; !equal(first.state, other.state) {
					return Fails, func() Sides {
						m1, m2 := deep.LiteralBox(first.last.content), deep.LiteralBox(other.last.content)
						return Sides{"after …, " + m2 + ", " + m1, k.states.show(first.state), "after …, " + m1 + ", " + m2, k.states.show(other.state)}
					}
				}
			}
		}
		return outcome, nil
	})
}

func (k *operationBased) duplicated() law {
	return judged("ops/duplicated", "a message that was delivered, delivered again, changes nothing", 1, func(_ *probe, x []any) (Outcome, func() Sides) {
		p, equal := k.play(k.schedule(x[0]), nil), k.states.equality()
		for _, c := range k.closures(p) {
			for from, n := range c.set {
				for _, m := range p.sent[from][:n] {
					again := k.effect(c.state, m.content)
					if !equal(again, c.state) {
						return Fails, func() Sides {
							return Sides{"s, and " + deep.LiteralBox(m.content) + " again", k.states.show(again), "s", k.states.show(c.state)}
						}
					}
				}
			}
		}
		return nonVacuous(len(p.events) > 0), nil
	})
}

// deterministic is about effects alone: that Prepare makes up a name that nobody else
// has is in order.
func (k *operationBased) deterministic() law {
	return repeatable("ops/deterministic", "the effect of the same message on the same state again gives an equal state", 1,
		func(_ *probe, x []any, times int) (first, other string, differ bool) {
			p, equal := k.play(k.schedule(x[0]), nil), k.states.equality()
			for _, c := range k.closures(p) {
				for from := range c.set {
					if !p.ready(c.set, from) {
						continue
					}
					m := p.sent[from][c.set[from]]
					s := k.effect(c.state, m.content)
					if !equal(s, s) {
						return "", "", false // that is the business of equal-reflexive
					}
					for range times {
						if again := k.effect(c.state, m.content); !equal(s, again) {
							return k.states.show(s), k.states.show(again), true
						}
					}
				}
			}
			return "", "", false
		}, "the effect")
}

func (k *operationBased) model() law {
	return judged("ops/model", "a state reads as the model says of the operations it has seen", 1, func(_ *probe, x []any) (Outcome, func() Sides) {
		var wrong func() Sides
		p := k.play(k.schedule(x[0]), func(p *passage, at int, _ *message) {
			if wrong != nil {
				return
			}
			s := p.states[at]
			if words := k.differs(s, seenBy(p.events, p.known(p.has[at]))); words != nil {
				wrong = func() Sides {
					got, want := words()
					return Sides{fmt.Sprintf("value at replica %d", at), got + " of " + k.states.show(s), "model", want}
				}
			}
		})
		if wrong != nil {
			return Fails, wrong
		}
		return nonVacuous(len(p.events) > 0), nil
	})
}
