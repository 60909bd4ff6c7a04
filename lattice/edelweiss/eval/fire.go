package eval

import (
	el "github.com/joinery-go/joinery/lattice/edelweiss"
)

// fire adds to what the plan's rule derives the difference that one tuple of its
// first literal makes: sign 1 when it comes and stands in the indexes already,
// sign -1 when it goes and still does. With whole set, it adds what the tuple
// derives together with all that is there.
//
// The difference of a join is the sum over its literals of (new state of those
// before) x (difference) x (old state of those after), so literals of the same
// relation see the tuple or not depending on the side on which they stand.
func (p *plan) fire(w *row, sign int, whole bool) {
	if p.negated {
		sign = -sign
	}
	if sign < 0 && p.barren() || p.alone() {
		return
	}
	for _, c := range p.consts {
		if w.tuple[c.column] != c.value {
			return
		}
	}
	for _, b := range p.binds {
		p.slots[b.slot] = w.tuple[b.column]
	}
	for _, b := range p.checks {
		if p.slots[b.slot] != w.tuple[b.column] {
			return
		}
	}
	if p.negated {
		if p.idx != p.start.full && p.start.matching(p.idx, p.idx.keyOf(w.tuple), 2) > 1 {
			return // another tuple matches too, so that nothing changes
		}
	}
	hidden := (*row)(nil)
	if !whole {
		hidden = w
	}
	p.deleting(fromStart, w)
	came := (sign > 0) != p.negated
	p.run(0, hidden, came, sign)
}

// alone reports whether a collection that the tuple must meet is empty, as what is given
// back at once mostly is.
func (p *plan) alone() bool {
	for _, r := range p.meets {
		if len(r.all()) == 0 {
			return true
		}
	}
	return false
}

// barren reports whether nothing is derived that could be taken back.
func (p *plan) barren() bool {
	switch {
	case p.agg != nil && len(p.agg.groups) > 0:
		return false
	case p.agg != nil:
	case p.into.effect != nil && p.into.effect.op == el.Delete:
		if p.into.effect.dooms > 0 {
			return false
		}
	case p.into.rel.rows.n > 0:
		return false
	}
	for _, q := range p.also {
		if !q.barren() {
			return false
		}
	}
	return true
}

func (s *source) of(slots []el.Value) el.Value {
	if s.slot < 0 {
		return s.value
	}
	return slots[s.slot]
}

// run evaluates the steps from number i on, and emits what they derive.
func (p *plan) run(i int, changed *row, came bool, sign int) {
	if p.m.halts() {
		return
	}
	if i == len(p.steps) {
		p.emit(p.slots, sign)
		for _, q := range p.also {
			q.emit(p.slots, sign)
		}
		return
	}
	s := &p.steps[i]
	switch s.kind {
	case el.Test, el.Let:
		for j := range s.args {
			s.vals[j] = s.args[j].of(p.slots)
		}
		if s.holds(p.slots) {
			p.run(i+1, changed, came, sign)
		}
	case el.Each:
		p.each(i, changed, came, sign)
	case el.Absent, el.Match:
		p.m.key = p.m.key[:0]
		for j := range s.key {
			p.m.key = s.key[j].of(p.slots).Append(p.m.key)
		}
		// The tuple that changes is out of sight on the side that does not have it.
		hidden := (*row)(nil)
		if changed != nil && s.rel == p.start && s.after == came {
			hidden = changed
		}
		if s.kind == el.Absent {
			n := s.rel.matching(s.idx, p.m.key, 2)
			if n > 0 && hidden != nil && string(s.idx.keyOf(hidden.tuple)) == string(p.m.key) {
				n--
			}
			if n == 0 {
				p.run(i+1, changed, came, sign)
			}
			return
		}
		p.match(i, hidden, changed, came, sign)
	}
}

// holds evaluates a test, or sets the variable of a let, on s.vals.
func (s *step) holds(slots []el.Value) bool {
	if s.kind == el.Test {
		return s.fn.Holds(s.vals)
	}
	v := s.vals[0]
	if s.fn != nil {
		v = s.fn.Apply(s.vals)
	}
	if s.bound {
		return slots[s.out] == v
	}
	slots[s.out] = v
	return true
}

func (p *plan) each(i int, changed *row, came bool, sign int) {
	s := &p.steps[i]
	set := s.args[0].of(p.slots)
	for j := range set.Len() {
		v := el.Number(set.Member(j))
		if s.bound {
			if p.slots[s.out] != v {
				continue
			}
		} else {
			p.slots[s.out] = v
		}
		p.run(i+1, changed, came, sign)
	}
}

func (p *plan) match(i int, hidden, changed *row, came bool, sign int) {
	s := &p.steps[i]
	if s.idx == s.rel.full && s.rel.ids == nil {
		if w, _ := s.rel.rows.find(p.m.key); w != nil && w.visible && w != hidden {
			p.deleting(i, w)
			p.bind(i, w.tuple, changed, came, sign)
		}
		return
	}
	if s.rel.ids != nil && s.idx == s.rel.full {
		if s.rel.ids.contains(p.m.key) && (hidden == nil || string(hidden.tuple.Append(nil)) != string(p.m.key)) {
			p.run(i+1, changed, came, sign) // nothing is left to be bound
		}
		return
	}
	if s.rel.ids != nil {
		for t := range s.rel.idsUnder(s.idx, append([]byte(nil), p.m.key...)) {
			if hidden == nil || hidden.tuple.Compare(t) != 0 {
				p.bind(i, t, changed, came, sign)
			}
		}
		return
	}
	for _, w := range s.idx.lookup(p.m.key) {
		if w != hidden {
			p.deleting(i, w)
			p.bind(i, w.tuple, changed, came, sign)
		}
	}
}

func (p *plan) bind(i int, t el.Tuple, changed *row, came bool, sign int) {
	s := &p.steps[i]
	for _, b := range s.binds {
		p.slots[b.slot] = t[b.column]
	}
	for _, b := range s.checks {
		if p.slots[b.slot] != t[b.column] {
			return
		}
	}
	p.run(i+1, changed, came, sign)
}

// deleting notes the row that a step matches if it is the one that the head deletes,
// which then need not be looked up.
func (p *plan) deleting(i int, w *row) {
	if i == p.doomed {
		p.victim = w
	}
}

// halts reports whether the timestep has failed, so that nothing need be searched.
func (m *Machine) halts() bool {
	if m.steps++; m.steps >= stopEvery && m.halt == nil {
		m.steps = 0
		if m.stop != nil && m.stop() {
			m.halt = ErrStop
		}
	}
	return m.halt != nil
}

// busiest is the plan that derived most in this timestep, if possible one of a recursive
// group: what goes on for ever takes along all that reads it.
func (m *Machine) busiest() (best *plan) {
	most := -1
	recursive := false
	for _, r := range m.order {
		for _, p := range r.uses {
			if p.tick != m.tick {
				continue
			}
			g := p.into.settles()
			if inside := g != nil && g.recursive && p.start.group == g; inside && !recursive || inside == recursive && p.derived > most {
				best, most, recursive = p, p.derived, inside
			}
		}
	}
	return best
}

// emit derives what the head makes of the values that were found.
func (p *plan) emit(slots []el.Value, sign int) {
	if p.m.derived++; p.m.derived > p.m.limit {
		if p.m.halt == nil {
			p.m.halt = tooMuch(p.m.limit, p.m.busiest().rule)
		}
		return
	}
	if p.tick != p.m.tick {
		p.tick, p.derived = p.m.tick, 0
	}
	p.derived++
	if p.victim != nil {
		p.into.effect.doom(p.victim, sign)
		return
	}
	for j := range p.head {
		p.out[j] = p.head[j].of(slots)
	}
	if p.agg != nil {
		p.agg.add(p.out, sign)
		return
	}
	p.m.enc = p.out.Append(p.m.enc[:0])
	switch {
	case p.joins:
		p.into.join(p.out, p.m.enc)
		return
	case p.founds:
		p.into.rel.found(p.out, p.m.enc)
		return
	}
	p.into.add(p.out, p.m.enc, sign)
}

// target is where derivations are counted: in a relation, or for an effect on one.
type target struct {
	rel    *relation
	effect *effect // nil for rules of this timestep
}

// add counts derivations of a tuple. A member of a range never leaves it, so that
// nobody needs to know how often it is derived.
func (to target) add(t el.Tuple, enc []byte, sign int) {
	r := to.rel
	if r.ids != nil && r.ids.contains(enc) {
		return
	}
	w := r.row(t, enc)
	switch {
	case to.effect == nil || to.effect.op == el.Async:
		w.count += int32(sign)
		r.touch(w)
		if g := r.group; sign < 0 && g != nil && g.recursive && !r.persistent() {
			g.shrunk = true
		}
	case to.effect.op == el.Delete:
		to.effect.doom(w, sign)
	default:
		w.next += int32(sign)
		to.effect.touch(w)
	}
}

// join has a tuple become a member of a range for good. Nobody need find it before it
// is one, and it may come twice.
func (to target) join(t el.Tuple, enc []byte) {
	r := to.rel
	if to.effect != nil && r.ids.contains(enc) {
		return
	}
	w := r.fresh(t)
	if to.effect != nil {
		r.arrive(w)
	} else {
		r.setBase(w, true)
	}
}

// settles is the group that what is counted belongs to, nil for effects.
func (to target) settles() *group {
	if to.effect != nil {
		return nil
	}
	return to.rel.group
}
