package eval

import (
	"fmt"
	"slices"

	el "github.com/joinery-go/joinery/lattice/edelweiss"
)

// Machine runs a program on one node, incrementally. It is not safe for
// concurrent use.
type Machine struct {
	program *el.Program
	self    int64
	watch   bool
	rels    map[string]*relation
	order   []*relation // as declared
	groups  []*group
	effects []*effect // what @next, @async and @delete rules derive, by declaration
	tick    int64
	failed  error
}

// group is a strongly connected set of collections, evaluated together.
type group struct {
	rels      []*relation
	recursive bool
	shrunk    bool    // a tuple may have lost its support
	seeds     []*plan // clauses into the group that read nothing of it, for computing it anew
}

// effect is what rules of one operator other than Now derive for a collection.
type effect struct {
	op         el.Op
	into       *relation
	view       *relation
	came, went []*row // net changes of this timestep
}

// New makes a machine for a program that satisfies [edelweiss.CheckRewritten].
func New(p *el.Program, o Options) (*Machine, error) {
	if err := el.CheckRewritten(p); err != nil {
		return nil, fmt.Errorf("run a program: %w", err)
	}
	if err := o.validate(p); err != nil {
		return nil, fmt.Errorf("start node %d: %w", o.Self, err)
	}
	m := &Machine{program: p, self: o.Self, watch: o.WatchSeals, rels: map[string]*relation{}}
	for i := range p.Collections {
		r := newRelation(&p.Collections[i], p.Collections[i].Name)
		m.rels[r.name] = r
		m.order = append(m.order, r)
	}
	strata := el.Stratify(p)
	for i, names := range strata.Groups {
		g := &group{recursive: strata.Recursive(i)}
		for _, n := range names {
			m.rels[n].group = g
			g.rels = append(g.rels, m.rels[n])
		}
		m.groups = append(m.groups, g)
	}
	for _, f := range slices.Concat(o.Sealed, o.Stored) {
		m.rels[f.Collection].arrivals = append(m.rels[f.Collection].arrivals, f.Tuple)
	}
	for i := range p.Rules {
		m.rule(&p.Rules[i])
	}
	for _, r := range m.order {
		if keys := r.decl.Keys(); r.persistent() && keys < len(r.decl.Columns) {
			r.index(firstColumns(keys))
		}
	}
	return m, nil
}

func firstColumns(n int) []int {
	columns := make([]int, n)
	for i := range columns {
		columns[i] = i
	}
	return columns
}

// rule compiles a rule into plans, one a literal that reads a collection.
func (m *Machine) rule(r *el.Rule) {
	into := m.rels[r.Head.Name]
	if len(r.Body) == 0 {
		fact := make(el.Tuple, len(r.Head.Args))
		for i, t := range r.Head.Args {
			if fact[i] = t.Value; t.Kind == el.Self {
				fact[i] = el.Node(m.self)
			}
		}
		into.arrivals = append(into.arrivals, fact)
		return
	}
	target := into
	if r.Op != el.Now {
		target = m.effect(r.Op, into).view
	}
	for _, clause := range r.Desugar() {
		var agg *aggregator
		if clause.Aggregates() {
			agg = newAggregator(clause.Head.Args, target)
			target.feeds = append(target.feeds, agg)
		}
		reads := false
		first := (*plan)(nil)
		for i, l := range clause.Body {
			if l.Kind != el.Match && l.Kind != el.Absent {
				continue
			}
			p := m.compile(&clause, i, target, agg)
			p.start.uses = append(p.start.uses, p)
			reads = reads || p.start.group == target.group
			if first == nil && l.Kind == el.Match {
				first = p
			}
		}
		if g := target.group; g != nil && g.recursive && !reads && agg == nil {
			g.seeds = append(g.seeds, first)
		}
	}
}

func (m *Machine) effect(op el.Op, into *relation) *effect {
	for _, e := range m.effects {
		if e.op == op && e.into == into {
			return e
		}
	}
	e := &effect{op: op, into: into, view: newRelation(into.decl, into.name+"@"+op.String())}
	m.effects = append(m.effects, e)
	return e
}

// Tick runs one timestep. After an error the machine is of no further use and
// returns it again. The cost follows what changes, not what is stored.
func (m *Machine) Tick(e Events) error {
	if m.failed != nil {
		return m.failed
	}
	if err := e.validate(m.program, m.self); err != nil {
		return fmt.Errorf("timestep %d of node %d: %w", m.tick+1, m.self, err)
	}
	m.tick++
	m.begin(e)
	for _, g := range m.groups {
		g.settle()
	}
	for _, f := range m.effects {
		f.settle()
	}
	if err := m.verify(); err != nil {
		m.failed = fmt.Errorf("timestep %d of node %d: %w", m.tick, m.self, err)
		return m.failed
	}
	m.end()
	return nil
}

// begin applies what the last timestep left to be changed, and the events.
func (m *Machine) begin(e Events) {
	for _, f := range e.Inputs {
		r := m.rels[f.Collection]
		r.arrivals = append(r.arrivals, f.Tuple)
	}
	for _, msg := range e.Messages {
		r := m.rels[msg.Collection]
		r.arrivals = append(r.arrivals, append(slices.Clone(msg.Tuple), el.Node(msg.From)))
	}
	for _, r := range m.order {
		for _, w := range r.added {
			w.fresh = false
			r.forget(w)
		}
		r.added = r.added[:0]
		removals, arrivals := r.removals, r.arrivals
		r.removals, r.arrivals = nil, nil
		for _, t := range removals {
			r.setBase(t, false)
		}
		for _, t := range arrivals {
			r.setBase(t, true)
		}
		if k := r.decl.Kind; k == el.Input || k == el.Channel {
			r.removals = arrivals
		}
	}
}

// end decides what changes before the next timestep.
func (m *Machine) end() {
	for _, f := range m.effects {
		switch f.op {
		case el.Next:
			for _, w := range f.came {
				f.into.arrivals = append(f.into.arrivals, w.tuple)
			}
			if !f.into.persistent() {
				for _, w := range f.went {
					f.into.removals = append(f.into.removals, w.tuple)
				}
			}
		case el.Delete:
			adds := m.adding(f.into)
			for _, w := range f.view.all() {
				if adds == nil || adds.rows[w.enc] == nil || !adds.rows[w.enc].visible {
					f.into.removals = append(f.into.removals, w.tuple)
				}
			}
		}
	}
}

// adding is what @next rules derive for a collection, nil if there are none.
func (m *Machine) adding(r *relation) *relation {
	for _, f := range m.effects {
		if f.op == el.Next && f.into == r {
			return f.view
		}
	}
	return nil
}

// verify checks what no rewrite could repair: keys, and seals if they are watched.
func (m *Machine) verify() error {
	for _, r := range m.order {
		if keys := r.decl.Keys(); r.persistent() && keys < len(r.decl.Columns) {
			x := r.index(firstColumns(keys))
			for _, w := range r.added {
				if same := x.lookup(x.keyOf(w.tuple)); len(same) > 1 {
					a, b := same[0].tuple, same[1].tuple
					if a.Compare(b) > 0 {
						a, b = b, a
					}
					return fmt.Errorf("%w: %s %s has %s and %s: give each its own key", ErrKey, r.decl.Kind, r.name, a, b)
				}
			}
		}
	}
	if !m.watch || m.tick == 1 {
		return nil
	}
	for i := range m.program.Seals {
		if err := m.verifySeal(&m.program.Seals[i]); err != nil {
			return err
		}
	}
	return nil
}
