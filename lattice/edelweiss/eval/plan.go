package eval

import (
	"slices"

	el "github.com/joinery-go/joinery/lattice/edelweiss"
)

// source is where a value comes from: a constant, or a variable's slot.
type source struct {
	slot  int // -1 for value
	value el.Value
}

// step is one literal of a plan, in the order of evaluation.
type step struct {
	kind   el.LiteralKind
	rel    *relation
	after  bool // the literal stands after the one the plan starts from
	idx    *index
	key    []source  // values of the index's columns
	binds  []binding // columns that give variables their values
	checks []binding // columns whose variable an earlier column of the atom bound
	fn     *el.Function
	args   []source
	out    int
	bound  bool // out already has a value, which must be the same
	vals   []el.Value
}

type binding struct{ column, slot int }

// plan says how a change of one literal's relation changes what a rule derives.
type plan struct {
	m       *Machine
	rule    *el.Rule // as written
	derived int      // in timestep tick
	tick    int64
	into    target
	doomed  int         // of a @delete rule, the step that matches the tuple to go, or fromStart
	victim  *row        // which it is
	once    bool        // nothing but its start changes what is derived
	joins   bool        // it is of that kind, and what it derives becomes a member of a range
	founds  bool        // it is of that kind, and derives from an event what a table keeps
	agg     *aggregator // instead of into, if the head aggregates
	start   *relation
	negated bool   // the plan starts from a notin
	idx     *index // of a notin: over the columns that matter
	consts  []constCheck
	binds   []binding
	checks  []binding
	steps   []step
	meets   []*relation // of which the steps match a tuple each, but for ranges
	also    []*plan     // with the same start and steps, and other heads
	head    []source
	slots   []el.Value
	out     el.Tuple
}

// Steps that are none.
const (
	fromStart = -1 // the literal that the plan starts from
	nowhere   = -2
)

type constCheck struct {
	column int
	value  el.Value
}

// planner compiles one clause, a rule without outer joins.
type planner struct {
	m     *Machine
	slots map[string]int
	known map[string]bool
}

func (pl *planner) slot(name string) int {
	s, ok := pl.slots[name]
	if !ok {
		s = len(pl.slots)
		pl.slots[name] = s
	}
	return s
}

func (pl *planner) source(t el.Term) source {
	switch t.Kind {
	case el.Var:
		return source{slot: pl.slot(t.Name)}
	case el.Self:
		return source{slot: -1, value: el.Node(pl.m.self)}
	}
	return source{slot: -1, value: t.Value}
}

func (pl *planner) sources(ts []el.Term) []source {
	out := make([]source, len(ts))
	for i, t := range ts {
		out[i] = pl.source(t)
	}
	return out
}

// args are the atom's terms with, on channels, one for the sender.
func (pl *planner) args(l *el.Literal) []el.Term {
	if pl.m.rels[l.Atom.Name].decl.Kind != el.Channel {
		return l.Atom.Args
	}
	sender := el.V("_")
	if l.From != "" {
		sender = el.V(l.From)
	}
	return append(slices.Clone(l.Atom.Args), sender)
}

// compile makes the plan of a clause that starts from its literal number from.
func (m *Machine) compile(clause *el.Rule, from int, into target, agg *aggregator) *plan {
	pl := &planner{m: m, slots: map[string]int{}, known: map[string]bool{}}
	first := &clause.Body[from]
	p := &plan{m: m, into: into, doomed: nowhere, agg: agg, start: m.rels[first.Atom.Name], negated: first.Kind == el.Absent}
	args := pl.args(first)
	var matter []int
	for c, t := range args {
		switch {
		case t.Kind == el.Any:
			continue
		case t.Kind != el.Var:
			p.consts = append(p.consts, constCheck{c, pl.source(t).value})
		case pl.known[t.Name]:
			p.checks = append(p.checks, binding{c, pl.slot(t.Name)})
		default:
			p.binds = append(p.binds, binding{c, pl.slot(t.Name)})
			pl.known[t.Name] = true
		}
		matter = append(matter, c)
	}
	if p.negated {
		p.idx = p.start.index(matter)
	}
	left := make([]int, 0, len(clause.Body))
	for i := range clause.Body {
		if i != from {
			left = append(left, i)
		}
	}
	deletes := -1 // the literal with the tuple that goes
	if into.effect != nil && into.effect.op == el.Delete {
		deletes = slices.IndexFunc(clause.Body, func(l el.Literal) bool {
			return l.Kind == el.Match && l.Atom.String() == clause.Head.String()
		})
	}
	if deletes == from {
		p.doomed = fromStart
	}
	for len(left) > 0 {
		i := pl.choose(clause, left)
		if left[i] == deletes {
			p.doomed = len(p.steps)
		}
		s := pl.step(clause, left[i], from)
		if s.kind == el.Match && s.rel.ids == nil {
			p.meets = append(p.meets, s.rel)
		}
		p.steps = append(p.steps, s)
		left = slices.Delete(left, i, i+1)
	}
	if agg != nil {
		for _, t := range clause.Head.Args {
			switch {
			case t.Kind != el.Aggregate:
				p.head = append(p.head, pl.source(t))
			case t.Arg == "":
				p.head = append(p.head, source{slot: -1, value: el.Number(0)})
			default:
				p.head = append(p.head, pl.source(el.V(t.Arg)))
			}
		}
	} else {
		p.head = pl.sources(clause.Head.Args)
	}
	p.slots = make([]el.Value, len(pl.slots))
	p.out = make(el.Tuple, len(p.head))
	return p
}

// sharing finds a plan that finds the same values in the same places, so that one
// search serves both: rewrites add rules with the body of another. Deletions, which
// note the row that they find, and recursive groups, which are computed anew by
// themselves, search alone.
func (p *plan) sharing() *plan {
	alone := func(p *plan) bool {
		g := p.into.settles()
		return p.doomed != nowhere || p.into.effect != nil && p.into.effect.op == el.Delete || g != nil && g.recursive
	}
	if alone(p) {
		return nil
	}
	for _, q := range p.start.uses {
		if !alone(q) && p.negated == q.negated && p.idx == q.idx && slices.Equal(p.consts, q.consts) && slices.Equal(p.binds, q.binds) &&
			slices.Equal(p.checks, q.checks) && slices.EqualFunc(p.steps, q.steps, step.same) {
			return q
		}
	}
	return nil
}

// same reports whether the steps do the same.
func (s step) same(o step) bool {
	return s.kind == o.kind && s.rel == o.rel && s.after == o.after && s.idx == o.idx && slices.Equal(s.key, o.key) &&
		slices.Equal(s.binds, o.binds) && slices.Equal(s.checks, o.checks) && s.fn == o.fn && slices.Equal(s.args, o.args) &&
		s.out == o.out && s.bound == o.bound
}

// choose picks what to evaluate next: what only filters, then the collection of
// which most columns are known, then the members of a set.
func (pl *planner) choose(clause *el.Rule, left []int) int {
	best, score := -1, -1
	for i, n := range left {
		l := &clause.Body[n]
		s := -1
		switch l.Kind {
		case el.Test, el.Let:
			if pl.all(l.Args) {
				s = 10_000
			}
		case el.Absent:
			if pl.all(l.Atom.Args) {
				s = 9_000
			}
		case el.Match:
			r, args := pl.m.rels[l.Atom.Name], pl.args(l)
			switch {
			case !pl.all(args) || slices.ContainsFunc(args, func(t el.Term) bool { return t.Kind == el.Any }):
				s = 10
			case r.ids != nil:
				s = 9_500 // one number to look for
			default:
				s = 8_000
			}
			for _, t := range args {
				if t.Kind == el.Const || t.Kind == el.Self || pl.known[t.Name] {
					s += 10
				}
			}
		case el.Each:
			if pl.all(l.Args) {
				s = 15
			}
		}
		if s > score {
			best, score = i, s
		}
	}
	return best
}

func (pl *planner) all(ts []el.Term) bool {
	return !slices.ContainsFunc(ts, func(t el.Term) bool { return t.Kind == el.Var && !pl.known[t.Name] })
}

func (pl *planner) step(clause *el.Rule, n, from int) step {
	l := &clause.Body[n]
	s := step{kind: l.Kind, after: n > from}
	switch l.Kind {
	case el.Test, el.Let, el.Each:
		s.fn, s.args = el.FunctionNamed(l.Function), pl.sources(l.Args)
		s.vals = make([]el.Value, len(s.args))
		if l.Kind != el.Test {
			s.out, s.bound = pl.slot(l.Var), pl.known[l.Var]
			pl.known[l.Var] = true
		}
		return s
	}
	s.rel = pl.m.rels[l.Atom.Name]
	var columns []int
	bindsHere := map[string]bool{}
	for c, t := range pl.args(l) {
		switch {
		case t.Kind == el.Any:
		case t.Kind != el.Var || pl.known[t.Name]:
			columns = append(columns, c)
			s.key = append(s.key, pl.source(t))
		case bindsHere[t.Name]:
			s.checks = append(s.checks, binding{c, pl.slot(t.Name)})
		default:
			bindsHere[t.Name] = true
			s.binds = append(s.binds, binding{c, pl.slot(t.Name)})
		}
	}
	for _, b := range s.binds {
		pl.known[pl.args(l)[b.column].Name] = true
	}
	s.idx = s.rel.index(columns)
	return s
}
