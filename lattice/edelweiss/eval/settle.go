package eval

import (
	"fmt"
	"slices"

	el "github.com/joinery-go/joinery/lattice/edelweiss"
)

// settle makes the group's collections show what is derived, once all that they
// depend on has settled, and tells those that read them.
func (g *group) settle() {
	for _, r := range g.rels {
		for _, a := range r.feeds {
			a.flush()
		}
	}
	if g.recursive && g.losing() {
		g.again()
		return
	}
	for moving := true; moving; {
		moving = false
		for _, r := range g.rels {
			for i := 0; i < len(r.dirty); i++ { // a recursive relation grows while it settles
				w := r.dirty[i]
				w.queued = false
				if holds := w.settled(r); holds != w.visible {
					r.flip(w, holds, nil)
					r.note(w)
					moving = g.recursive
				}
				r.forget(w)
			}
			r.dirty = r.dirty[:0]
		}
	}
}

// settled reports whether a row holds; what persists holds from then on. A member
// of a range never leaves it.
func (w *row) settled(r *relation) bool {
	if r.ids != nil {
		holds := w.base || w.count > 0 || w.visible
		w.base, w.count = false, 0
		return holds
	}
	holds := w.base || w.count > 0
	if holds && r.persistent() {
		w.base = true
	}
	return holds
}

// flip shows or hides a row and hands the change to the plans of a scope, or all. What
// the row alone derives is not taken back from where nothing leaves.
func (r *relation) flip(w *row, holds bool, scope func(*plan) bool) {
	sign := -1
	if holds {
		sign = 1
		w.visible = true
		if !r.link(w) {
			return
		}
	}
	for _, p := range r.uses {
		switch {
		case scope != nil && !scope(p):
		case !holds && (p.founds || p.once && p.into.rel.lasting || r.selfish && p.deletes(r)):
		default:
			p.fire(w, sign, false)
		}
	}
	if !holds {
		if r.selfish && w.doom != 0 {
			r.deletes.dooms -= int(w.doom)
			w.doom = 0
		}
		r.unlink(w)
		w.visible = false
	}
}

// note remembers that a row turned visible in this timestep, for seals.
func (r *relation) note(w *row) {
	if r.watched && w.visible && !w.fresh {
		w.fresh = true
		r.added = append(r.added, w)
	}
}

// losing reports whether a tuple of a recursive group may have lost support that
// did not rest on itself: then counts cannot tell whether it still holds.
func (g *group) losing() bool {
	for _, r := range g.rels {
		for _, w := range r.dirty {
			g.shrunk = g.shrunk || w.visible && !w.base && r.ids == nil
		}
	}
	return g.shrunk
}

// again computes a recursive group from nothing and hands on the difference.
func (g *group) again() {
	before := make([]snapshot, len(g.rels))
	for i, r := range g.rels {
		before[i] = r.clear()
		for _, a := range r.feeds {
			for _, t := range a.outputs() {
				a.count(t, 1)
			}
		}
	}
	g.shrunk = false
	for _, p := range g.seeds {
		for _, w := range p.start.everything() {
			p.fire(w, 1, true)
		}
	}
	inside := func(p *plan) bool { return p.into.settles() == g }
	tried := map[*relation][]*row{}
	for moving := true; moving; {
		moving = false
		for _, r := range g.rels {
			for i := 0; i < len(r.dirty); i++ {
				w := r.dirty[i]
				w.queued = false
				if w.settled(r) && !w.visible {
					r.flip(w, true, inside)
					moving = true
				}
			}
			tried[r] = append(tried[r], r.dirty...)
			r.dirty = r.dirty[:0]
		}
	}
	for i, r := range g.rels {
		r.handOn(before[i], func(p *plan) bool { return !inside(p) })
		for _, w := range tried[r] {
			if len(w.enc) > 0 { // else it is forgotten already
				r.forget(w)
			}
		}
	}
}

// snapshot is what a relation showed before it was cleared.
type snapshot struct {
	rows []*row
	ids  *Ranges
}

// clear hides all rows and forgets their derivations; what persists is to be
// settled again.
func (r *relation) clear() snapshot {
	s := snapshot{rows: slices.Clone(r.all()), ids: r.ids}
	for _, w := range r.dirty {
		w.count = 0
	}
	if r.ids != nil {
		for w := range r.rows.all {
			w.visible, w.count = false, 0
		}
		r.ids = NewRanges()
		for t := range s.ids.All() {
			r.setBase(r.row(t, t.Append(nil)), true)
		}
	}
	for _, w := range s.rows {
		r.unlink(w)
		w.visible, w.count = false, 0
		r.touch(w)
	}
	return s
}

// handOn puts the collection back as it was before and lets readers outside its
// group see one change after the other.
func (r *relation) handOn(before snapshot, outside func(*plan) bool) {
	var came, went []*row
	if r.ids != nil {
		for t := range r.ids.All() {
			if !before.ids.Contains(t) {
				came = append(came, r.row(t, t.Append(nil)))
			}
		}
		r.ids = before.ids
	}
	was := map[*row]bool{}
	for _, w := range before.rows {
		if was[w] = true; !w.visible {
			went = append(went, w)
		}
	}
	for _, w := range r.all() {
		if !was[w] {
			came = append(came, w)
		}
	}
	if r.ids == nil {
		for _, w := range came {
			r.unlink(w)
			w.visible = false
		}
	}
	for _, w := range went {
		r.link(w)
		w.visible = true
	}
	for _, w := range went {
		r.flip(w, false, outside)
		r.forget(w)
	}
	for _, w := range came {
		r.flip(w, true, outside)
		r.note(w)
	}
}

// everything is the visible rows; for a range rows are made up for its members.
func (r *relation) everything() []*row {
	if r.ids == nil {
		return r.all()
	}
	var rows []*row
	for t := range r.ids.All() {
		rows = append(rows, &row{tuple: t, visible: true})
	}
	return rows
}

// outputs are the tuples that the aggregator's groups stand for in its target.
func (a *aggregator) outputs() []el.Tuple {
	var out []el.Tuple
	for _, g := range a.groups {
		if g.out != nil {
			out = append(out, g.out)
		}
	}
	slices.SortFunc(out, el.Tuple.Compare)
	return out
}

// deletes reports whether the plan derives what is to be deleted from r.
func (p *plan) deletes(r *relation) bool {
	return p.into.effect != nil && p.into.effect.op == el.Delete && p.into.rel == r
}

// touch notes that what an @next effect derives may change when it settles.
func (f *effect) touch(w *row) {
	if !w.nexting {
		w.nexting = true
		f.dirty = append(f.dirty, w)
	}
}

// doom counts derivations of a tuple by a @delete effect.
func (f *effect) doom(w *row, sign int) {
	w.doom += int32(sign)
	f.dooms += sign
	if !w.doomed {
		w.doomed = true
		f.dirty = append(f.dirty, w)
	}
}

// settle decides what the effect changes before the next timestep.
func (f *effect) settle() {
	for _, a := range f.feeds {
		a.flush()
	}
	switch f.op {
	case el.Async:
		f.settleSends()
	case el.Next:
		f.settleNext()
	}
}

// settleSends brings the net changes of what nothing reads.
func (f *effect) settleSends() {
	view := f.into
	f.came = f.came[:0]
	for _, w := range view.dirty {
		w.queued = false
		if holds := w.count > 0; holds != w.visible {
			w.visible = holds
			if holds {
				view.link(w)
				f.came = append(f.came, w)
			} else {
				view.unlink(w)
			}
		}
		view.forget(w)
	}
	view.dirty = view.dirty[:0]
}

// settleNext has tuples arrive that are derived and were not before, and takes those
// that no longer are from what does not persist. What is a member of a range, or
// will be, stays one and is not followed further.
func (f *effect) settleNext() {
	r := f.into
	for _, w := range f.dirty {
		w.nexting = false
		if holds := w.next > 0; holds != w.follows {
			w.follows = holds
			if holds {
				r.arrive(w)
			} else if !r.persistent() {
				r.leave(w)
			}
		}
		if r.ids != nil {
			w.next, w.follows = 0, false
		}
		r.forget(w)
	}
	f.dirty = f.dirty[:0]
}

// settleDeletes has all go that is derived and that no @next rule adds; a tuple that
// stays because a rule derives it is tried again in each timestep.
func (f *effect) settleDeletes() {
	r, kept := f.into, f.dirty[:0]
	for _, w := range f.dirty {
		if w.doom <= 0 {
			w.doomed = false
			r.forget(w)
			continue
		}
		kept = append(kept, w)
		if w.next <= 0 {
			r.leave(w)
		}
	}
	f.dirty = kept
}

// verifySeal looks for a tuple that came in this timestep although the seal
// held before it.
func (m *Machine) verifySeal(s *el.Seal) error {
	of, by := m.rels[s.Of.Name], m.rels[s.By.Name]
	for _, w := range of.added {
		values, ok := unify(s.Of.Args, w.tuple, m.self)
		if !ok {
			continue
		}
		for _, b := range by.everything() {
			got, ok := unify(s.By.Args, b.tuple, m.self)
			came, _ := by.rows.find(b.tuple.Append(nil))
			old := came == nil || !came.fresh
			if ok && old && agree(values, got) {
				return fmt.Errorf("%w: %s%s came although %s%s held: seal later, or not this", ErrSeal,
					of.name, w.tuple, by.name, b.tuple)
			}
		}
	}
	return nil
}

// unify matches a tuple with a pattern and gives the variables' values.
func unify(pattern []el.Term, t el.Tuple, self int64) (map[string]el.Value, bool) {
	values := map[string]el.Value{}
	for i, p := range pattern {
		switch p.Kind {
		case el.Const:
			if p.Value != t[i] {
				return nil, false
			}
		case el.Self:
			if t[i] != el.Node(self) {
				return nil, false
			}
		case el.Var:
			if v, ok := values[p.Name]; ok && v != t[i] {
				return nil, false
			}
			values[p.Name] = t[i]
		}
	}
	return values, true
}

// agree reports whether both give each variable the same value; a seal's sides
// have the same variables.
func agree(a, b map[string]el.Value) bool {
	for name, v := range a { //joinery:anyorder all must agree
		if b[name] != v {
			return false
		}
	}
	return true
}
