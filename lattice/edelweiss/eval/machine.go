package eval

import (
	"fmt"
	"slices"

	el "github.com/joinery-go/joinery/lattice/edelweiss"
)

// Machine runs a program on one node, incrementally. It is not safe for
// concurrent use.
type Machine struct {
	program  *el.Program
	self     int64
	watch    bool
	rels     map[string]*relation
	order    []*relation // as declared
	groups   []*group
	doors    []*relation // inputs and channels
	keyed    []*relation // what persists and has columns that the key determines
	effects  []*effect   // what @next, @async and @delete rules derive, by declaration
	arriving el.Tuple
	key, enc []byte // of what a plan looks up and derives; good until the next
	tick     int64
	failed   error
	// What a timestep may do: derived counts towards limit, steps to the next question
	// to stop; halt, once set, has every search return.
	limit, derived, steps int
	stop                  func() bool
	halt                  error
}

// group is a strongly connected set of collections, evaluated together.
type group struct {
	rels      []*relation
	recursive bool
	stirred   bool    // something may have changed
	shrunk    bool    // a tuple may have lost its support
	seeds     []*plan // clauses into the group that read nothing of it, for computing it anew
}

// effect is what rules of one operator other than Now derive for a collection: counted
// in the rows of the collection, but for messages, which are for other nodes.
type effect struct {
	op    el.Op
	into  *relation // of messages, a relation of their own
	feeds []*aggregator
	dirty []*row // of @next, what may have changed; of @delete, all that is derived, and more
	dooms int    // the derivations of all tuples by @delete
	came  []*row // messages that were not derived in the timestep before
}

// New makes a machine for a program that satisfies [edelweiss.CheckRewritten].
func New(p *el.Program, o Options) (*Machine, error) {
	if err := el.CheckRewritten(p); err != nil {
		return nil, fmt.Errorf("run a program: %w", err)
	}
	if err := o.validate(p.Collection); err != nil {
		return nil, fmt.Errorf("start node %d: %w", o.Self, err)
	}
	m := &Machine{program: p, self: o.Self, watch: o.WatchSeals, rels: map[string]*relation{},
		key: make([]byte, 0, 64), enc: make([]byte, 0, 64), limit: o.maxDerived(), stop: o.Stop}
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
		m.rels[f.Collection].arriveTuple(f.Tuple)
	}
	for i := range p.Rules {
		m.rule(&p.Rules[i])
	}
	for _, r := range m.order {
		if keys := r.decl.Keys(); r.persistent() && keys < len(r.decl.Columns) {
			r.keys = r.index(firstColumns(keys))
			m.keyed = append(m.keyed, r)
		}
		r.selfish = selfish(p, r.name)
		r.lasting = r.persistent() && !slices.ContainsFunc(p.Rules, func(rule el.Rule) bool {
			return rule.Op == el.Delete && rule.Head.Name == r.name
		})
	}
	for _, s := range p.Seals {
		m.rels[s.Of.Name].watched, m.rels[s.By.Name].watched = m.watch, m.watch
	}
	for _, r := range m.order {
		for _, p := range r.uses {
			into := p.into.rel // who watches a range wants to find what came
			p.founds = p.once && p.into.effect == nil && into.persistent() && into.ids == nil && !into.group.recursive && r.event()
			p.joins = p.once && into.ids != nil && !into.watched && !(into.group.recursive && p.into.effect == nil)
		}
		if r.event() {
			m.doors = append(m.doors, r)
			r.conduit = r.decl.Kind == el.Channel && !r.watched && !slices.ContainsFunc(r.uses, func(p *plan) bool { return !p.joins })
		}
	}
	return m, nil
}

// selfish reports whether each rule that deletes from a collection reads of it only
// the tuple that it deletes.
func selfish(p *el.Program, name string) bool {
	for i := range p.Rules {
		r := &p.Rules[i]
		if r.Op != el.Delete || r.Head.Name != name {
			continue
		}
		reads := 0
		for j := range r.Body {
			if r.Body[j].Atom.Name == name {
				reads++
			}
		}
		if reads != 1 { // the one that the check of programs demands
			return false
		}
	}
	return true
}

// arriveTuple is arrive of a tuple, which is copied.
func (r *relation) arriveTuple(t el.Tuple) {
	r.enc = t.Append(r.enc[:0])
	r.arrive(r.row(t, r.enc))
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
		into.arriveTuple(fact)
		return
	}
	to := target{rel: into}
	if r.Op != el.Now {
		to.effect = m.effect(r.Op, into)
		to.rel = to.effect.into
	}
	for _, clause := range r.Desugar() {
		var agg *aggregator
		if clause.Aggregates() {
			agg = newAggregator(clause.Head.Args, to)
			if to.effect != nil {
				to.effect.feeds = append(to.effect.feeds, agg)
			} else {
				into.feeds = append(into.feeds, agg)
			}
		}
		reads := false
		first := (*plan)(nil)
		atoms := 0
		for _, l := range clause.Body {
			if l.Kind == el.Match || l.Kind == el.Absent {
				atoms++
			}
		}
		for i, l := range clause.Body {
			if l.Kind != el.Match && l.Kind != el.Absent {
				continue
			}
			p := m.compile(&clause, i, to, agg)
			p.rule = r
			if other := p.sharing(); other != nil && atoms > 1 {
				other.also = append(other.also, p)
			} else {
				p.start.uses = append(p.start.uses, p)
			}
			reads = reads || p.start.group == to.settles()
			if first == nil && l.Kind == el.Match {
				first = p
			}
		}
		if atoms == 1 && first != nil && agg == nil && (to.effect == nil || r.Op == el.Next) && !first.start.group.recursive {
			first.once = true
		}
		if g := to.settles(); g != nil && g.recursive && !reads && agg == nil {
			g.seeds = append(g.seeds, first)
		}
	}
}

func (m *Machine) effect(op el.Op, into *relation) *effect {
	for _, e := range m.effects {
		if e.op == op && e.into.name == into.name {
			return e
		}
	}
	e := &effect{op: op, into: into}
	if op == el.Delete {
		into.deletes = e
	}
	if op == el.Async {
		e.into = newRelation(into.decl, into.name)
	}
	m.effects = append(m.effects, e)
	return e
}

// Tick runs one timestep. After an error the machine is of no further use and
// returns it again. The cost follows what changes, not what is stored.
func (m *Machine) Tick(e Events) error {
	if m.failed != nil {
		return m.failed
	}
	if err := e.validate(m.collection, m.self); err != nil {
		return fmt.Errorf("timestep %d of node %d: %w", m.tick+1, m.self, err)
	}
	m.tick++
	m.derived = 0
	m.begin(e)
	for _, g := range m.groups {
		if g.stirred {
			g.settle()
			g.stirred = false
		}
	}
	for _, f := range m.effects {
		f.settle()
	}
	err := m.halt
	if err == nil {
		err = m.verify()
	}
	if err != nil {
		m.failed = fmt.Errorf("timestep %d of node %d: %w", m.tick, m.self, err)
		return m.failed
	}
	for _, f := range m.effects {
		if f.op == el.Delete {
			f.settleDeletes()
		}
	}
	return nil
}

func (m *Machine) collection(name string) *el.Collection {
	if r := m.rels[name]; r != nil {
		return r.decl
	}
	return nil
}

// begin applies what the last timestep left to be changed, and the events.
func (m *Machine) begin(e Events) {
	for _, r := range m.doors {
		for _, w := range r.passed {
			r.forget(w)
		}
		r.passed = r.passed[:0]
	}
	for _, f := range e.Inputs {
		m.rels[f.Collection].arriveTuple(f.Tuple)
	}
	for _, msg := range e.Messages {
		m.arriving = append(append(m.arriving[:0], msg.Tuple...), el.Node(msg.From))
		if r := m.rels[msg.Collection]; r.conduit {
			r.passed = append(r.passed, r.fresh(m.arriving))
		} else {
			r.arriveTuple(m.arriving)
		}
	}
	for _, r := range m.order {
		if len(r.added)+len(r.removals)+len(r.arrivals) == 0 {
			continue
		}
		for _, w := range r.added {
			w.fresh = false
			r.forget(w)
		}
		r.added = r.added[:0]
		for _, w := range r.removals {
			w.going = false
			r.setBase(w, false)
		}
		r.removals = r.removals[:0]
		passes := r.event()
		for _, w := range r.arrivals {
			w.coming = false
			if passes && w.visible {
				r.again = append(r.again, w)
			}
			r.setBase(w, true)
			if passes {
				r.leave(w)
			}
		}
		r.arrivals = r.arrivals[:0]
	}
	for _, r := range m.doors {
		for _, p := range r.uses {
			for _, w := range r.passed {
				p.fire(w, 1, false)
			}
			for _, w := range r.again {
				if p.founds { // what it derives may have been deleted meanwhile
					p.fire(w, 1, false)
				}
			}
		}
		r.again = r.again[:0]
	}
}

// verify checks what no rewrite could repair: keys, and seals if they are watched.
func (m *Machine) verify() error {
	for _, r := range m.keyed {
		if x := r.keys; len(r.clashes) > 0 {
			clashes := r.clashes
			r.clashes = r.clashes[:0]
			for _, w := range clashes {
				if !w.visible {
					continue
				}
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
