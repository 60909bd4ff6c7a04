package laws

import (
	"fmt"
	"reflect"
)

// laws are those of what a method returns.
func (m *method) laws(o settings) []law {
	var laws []law
	if m.form.result && !m.subject.plain {
		laws = append(laws, m.receiver())
	}
	if m.form.grows {
		laws = append(laws, inPlaceGrew())
	}
	switch {
	case m.form.refuses && o.door.mayRefuse:
		laws = append(laws, m.refusesAlike(), m.refusedUnchanged())
	case m.form.refuses:
		laws = append(laws, m.total())
	}
	if m.form.change {
		laws = append(laws, m.changeSuffices(), m.changeEmpty())
		if o.noLeastDiff == "" {
			laws = append(laws, m.changeLeast())
		}
	}
	return laws
}

// merged merges a copy of b into a copy of a.
func (m *method) merged(p *probe, a, b any) (target any, r returned) {
	target = p.Copy(a)
	return target, m.call(target, p.Copy(b))
}

// accepted is merged for laws that are about accepted pairs.
func (m *method) accepted(p *probe, a, b any) (target any, r returned) {
	target, r = m.merged(p, a, b)
	if r.err != nil {
		panic(refusal{r.err})
	}
	return target, r
}

func (m *method) total() law {
	return judged("method/total", "b merges into a without an error, for every a and b", 2, func(p *probe, x []any) (Outcome, func() Sides) {
		_, r := m.merged(p, x[0], x[1])
		return holds(r.err == nil), func() Sides {
			return Sides{"merging b into a", fmt.Sprintf("refused: %v", r.err), "laws.MayRefuse", "not given: it declares that pairs may be refused"}
		}
	})
}

func (m *method) refusesAlike() law {
	return judged("method/refuses-alike", "b merges into a ⇔ a merges into b", 2, func(p *probe, x []any) (Outcome, func() Sides) {
		_, ab := m.merged(p, x[0], x[1])
		_, ba := m.merged(p, x[1], x[0])
		return holds((ab.err == nil) == (ba.err == nil)), func() Sides {
			return Sides{"merging b into a", verdictOnPair(ab.err), "merging a into b", verdictOnPair(ba.err)}
		}
	})
}

func verdictOnPair(err error) string {
	if err == nil {
		return "accepted"
	}
	return fmt.Sprintf("refused: %v", err)
}

// refusedUnchanged holds of pairs that are accepted: that some are refused cannot be
// asked of every source that draws few of them.
func (m *method) refusedUnchanged() law {
	return judged("method/refused-unchanged", "where merging b into a is refused, a and b are as they were", 2, func(p *probe, x []any) (Outcome, func() Sides) {
		target, delta := p.Copy(x[0]), p.Copy(x[1])
		r := m.call(target, delta)
		if r.err == nil {
			return Holds, nil
		}
		for i, now := range []any{target, delta} {
			if !p.Equal(now, x[i]) {
				return Fails, func() Sides {
					return Sides{variables[i] + " before", p.Show(x[i]), variables[i] + " after a merge that was refused: " + r.err.Error(), p.Show(now)}
				}
			}
		}
		return Holds, nil
	})
}

// receiver is about methods that return the result: what they leave in the receiver is
// the result too, or they do not touch it.
func (m *method) receiver() law {
	return judged("method/receiver", "after a method returned a ⊔ b, its receiver is a ⊔ b too, or is a as it was", 2, func(p *probe, x []any) (Outcome, func() Sides) {
		target, r := m.accepted(p, x[0], x[1])
		return holds(p.Equal(target, r.state) || p.Equal(target, x[0])), func() Sides {
			return Sides{"a ⊔ b as returned", p.Show(r.state), "the receiver", p.Show(target)}
		}
	})
}

// noChange reports that a change is none by itself, so that nothing need be merged to
// see it.
func noChange(r returned) bool {
	if r.state == nil {
		return true
	}
	switch v := reflect.ValueOf(r.state).Elem(); v.Kind() {
	case reflect.Pointer, reflect.Map, reflect.Slice, reflect.Interface:
		return v.IsNil()
	}
	return false
}

// isReceiver reports that the method returned its receiver, and no change.
func (m *method) isReceiver(r returned) bool { return r.receiver && m.form.itself }

func (p *probe) showChange(r returned) string {
	if r.state == nil {
		return "nil"
	}
	return p.Show(r.state)
}

func (m *method) changeSuffices() law {
	return judged("method/change", "a ⊔ change = a ⊔ b, where change is what merging b into a returned", 2, func(p *probe, x []any) (Outcome, func() Sides) {
		target, r := m.accepted(p, x[0], x[1])
		if m.isReceiver(r) {
			return Holds, nil
		}
		got := p.Copy(x[0])
		if !noChange(r) {
			p.MergeIn(got, p.Copy(r.state))
		}
		return holds(p.Equal(got, target)), func() Sides {
			return Sides{"a ⊔ change", p.Show(got) + " with change = " + p.showChange(r), "a ⊔ b", p.Show(target)}
		}
	})
}

// changeEmpty merges b a second time, so that there is a merge that changes nothing.
func (m *method) changeEmpty() law {
	const statement = "where merging b changes nothing, the change returned is empty: merged into a, b or c it changes nothing"
	l := judged("method/change-empty", statement, 3, func(p *probe, x []any) (Outcome, func() Sides) {
		first, _ := m.accepted(p, x[0], x[1])
		outcome := Vacuous
		for _, a := range []any{x[0], first} {
			target, r := m.accepted(p, a, x[1])
			if !p.Equal(target, a) {
				continue
			}
			outcome = Holds
			if m.isReceiver(r) || noChange(r) {
				continue
			}
			for _, v := range x {
				if with := p.Join(v, p.Copy(r.state)); !p.Equal(with, v) {
					return Fails, func() Sides {
						return Sides{"change", p.showChange(r) + ", of merging b into " + p.Show(a) + ", which changed nothing",
							"merged into " + p.Show(v), p.Show(with)}
					}
				}
			}
		}
		return outcome, nil
	})
	l.optional = true // right methods may leave no change to look at
	return l
}

// changeLeast knows states that do what the change does: b itself, perhaps c, and c for
// certain where b is a ⊔ c. Of merges that change nothing it says nothing: that is the
// business of change-empty. [NoLeastDiff] leaves it out.
func (m *method) changeLeast() law {
	const statement = "the change is no more than needed: a ⊔ c = a ⊔ b ⇒ change ⊑ c (also of b, and of a ⊔ c, in the place of b)"
	return judged("method/change-least", statement, 3, func(p *probe, x []any) (Outcome, func() Sides) {
		order := p.s.order(p.Equal)
		for _, as := range []struct {
			b, c       any
			bName, why string
		}{{x[1], x[1], "b", "b"}, {x[1], x[2], "b", "c"}, {p.Join(x[0], x[2]), x[2], "a ⊔ c", "c"}} {
			target, r := m.accepted(p, x[0], as.b)
			if m.isReceiver(r) || noChange(r) || p.Equal(target, x[0]) || !p.Equal(p.Join(x[0], as.c), target) {
				continue
			}
			if !order(p.Copy(r.state), as.c).Leq() {
				return Fails, func() Sides {
					return Sides{"change of merging " + as.bName + " into a", p.showChange(r),
						"not below " + as.why + ", which makes the same of a", p.Show(as.c)}
				}
			}
		}
		return Holds, nil
	})
}
