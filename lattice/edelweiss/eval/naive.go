package eval

import (
	"fmt"
	"slices"

	el "github.com/joinery-go/joinery/lattice/edelweiss"
)

// Naive runs a program by computing every rule over whole collections in every
// timestep until nothing changes. It is slow and plain, for judging [Machine].
type Naive struct {
	program *el.Program
	options Options
	strata  *el.Strata
	kept    map[string]set // what persists into the next timestep
	now     map[string]set
	added   map[string]set // of @next rules, for the next timestep
	sent    map[string]set
	before  map[string]set // what was sent in the timestep before
	derived int            // in this timestep
	failed  error          // by a rule that derives too much
}

type set map[string]el.Tuple

func (s set) add(t el.Tuple) bool {
	enc := string(t.Append(nil))
	if _, ok := s[enc]; ok {
		return false
	}
	s[enc] = slices.Clone(t)
	return true
}

func (s set) sorted() []el.Tuple {
	var out []el.Tuple
	for _, t := range s { //joinery:anyorder sorted below
		out = append(out, t)
	}
	slices.SortFunc(out, el.Tuple.Compare)
	return out
}

func emptySets(p *el.Program) map[string]set {
	sets := map[string]set{}
	for _, c := range p.Collections {
		sets[c.Name] = set{}
	}
	return sets
}

// NewNaive makes an evaluator for a program that satisfies
// [edelweiss.CheckRewritten]. It does not watch seals.
func NewNaive(p *el.Program, o Options) (*Naive, error) {
	if err := el.CheckRewritten(p); err != nil {
		return nil, fmt.Errorf("run a program: %w", err)
	}
	if err := o.validate(p.Collection); err != nil {
		return nil, fmt.Errorf("start node %d: %w", o.Self, err)
	}
	n := &Naive{program: p, options: o, strata: el.Stratify(p), kept: emptySets(p), added: emptySets(p), sent: emptySets(p)}
	for _, f := range slices.Concat(o.Sealed, o.Stored) {
		n.kept[f.Collection].add(f.Tuple)
	}
	for _, r := range p.Rules {
		if len(r.Body) == 0 {
			t := make(el.Tuple, len(r.Head.Args))
			for i, a := range r.Head.Args {
				t[i] = n.value(a, nil)
			}
			n.kept[r.Head.Name].add(t)
		}
	}
	return n, nil
}

// Tick runs one timestep, at the cost of everything stored.
func (n *Naive) Tick(e Events) error {
	if err := e.validate(n.program.Collection, n.options.Self); err != nil {
		return err
	}
	n.now, n.derived = emptySets(n.program), 0
	for _, c := range n.program.Collections {
		for _, t := range slices.Concat(n.kept[c.Name].sorted(), n.added[c.Name].sorted()) {
			n.now[c.Name].add(t)
		}
	}
	for _, f := range e.Inputs {
		n.now[f.Collection].add(f.Tuple)
	}
	for _, m := range e.Messages {
		n.now[m.Collection].add(append(slices.Clone(m.Tuple), el.Node(m.From)))
	}
	for _, group := range n.strata.Groups {
		n.fixpoint(group)
	}
	if n.failed != nil {
		return n.failed
	}
	n.before = n.sent
	deleted := emptySets(n.program)
	n.added, n.sent = emptySets(n.program), emptySets(n.program)
	for i := range n.program.Rules {
		r := &n.program.Rules[i]
		switch r.Op {
		case el.Next:
			n.derive(r, n.added[r.Head.Name])
		case el.Async:
			n.derive(r, n.sent[r.Head.Name])
		case el.Delete:
			n.derive(r, deleted[r.Head.Name])
		}
	}
	for _, c := range n.program.Collections {
		n.kept[c.Name] = set{}
		if c.Kind.Persistent() {
			for enc, t := range n.now[c.Name] { //joinery:anyorder a set
				if _, gone := deleted[c.Name][enc]; !gone {
					n.kept[c.Name][enc] = t
				}
			}
		}
	}
	return n.keys()
}

func (n *Naive) fixpoint(group []string) {
	for changed := true; changed; {
		changed = false
		for i := range n.program.Rules {
			r := &n.program.Rules[i]
			if r.Op == el.Now && len(r.Body) > 0 && slices.Contains(group, r.Head.Name) {
				changed = n.derive(r, n.now[r.Head.Name]) || changed
			}
		}
	}
}

func (n *Naive) keys() error {
	for _, c := range n.program.Collections {
		if !c.Kind.Persistent() {
			continue
		}
		byKey := map[string]el.Tuple{}
		for _, t := range n.now[c.Name].sorted() {
			key := string(t[:c.Keys()].Append(nil))
			if other, ok := byKey[key]; ok {
				return fmt.Errorf("%w: %s has %s and %s", ErrKey, c.Name, other, t)
			}
			byKey[key] = t
		}
	}
	return nil
}

// derive adds what a rule derives and reports whether any of it is new.
func (n *Naive) derive(r *el.Rule, into set) bool {
	changed := false
	if n.failed != nil {
		return false
	}
	for _, clause := range r.Desugar() {
		if clause.Aggregates() {
			changed = n.aggregate(&clause, into) || changed
			continue
		}
		n.solve(clause.Body, map[string]el.Value{}, func(b map[string]el.Value) {
			if n.derived++; n.derived > n.options.maxDerived() {
				n.failed = tooMuch(n.options.maxDerived(), r)
				return
			}
			t := make(el.Tuple, len(clause.Head.Args))
			for i, a := range clause.Head.Args {
				t[i] = n.value(a, b)
			}
			changed = into.add(t) || changed
		})
	}
	return changed
}

func (n *Naive) value(t el.Term, b map[string]el.Value) el.Value {
	switch t.Kind {
	case el.Var:
		return b[t.Name]
	case el.Self:
		return el.Node(n.options.Self)
	}
	return t.Value
}

// ready reports whether all variables among terms have values.
func ready(ts []el.Term, b map[string]el.Value) bool {
	for _, t := range ts {
		if _, ok := b[t.Name]; t.Kind == el.Var && !ok {
			return false
		}
	}
	return true
}

// solve calls found for each way of satisfying the literals, in any order in
// which they can be evaluated.
func (n *Naive) solve(body []el.Literal, b map[string]el.Value, found func(map[string]el.Value)) {
	if len(body) == 0 {
		found(b)
		return
	}
	at := slices.IndexFunc(body, func(l el.Literal) bool {
		return (l.Kind == el.Test || l.Kind == el.Let || l.Kind == el.Each) && ready(l.Args, b) ||
			l.Kind == el.Absent && ready(l.Atom.Args, b)
	})
	if at < 0 {
		at = slices.IndexFunc(body, func(l el.Literal) bool { return l.Kind == el.Match })
	}
	l, rest := body[at], slices.Concat(body[:at], body[at+1:])
	for _, next := range n.extend(l, b) {
		n.solve(rest, next, found)
	}
}

// extend gives the bindings that satisfy one literal.
func (n *Naive) extend(l el.Literal, b map[string]el.Value) []map[string]el.Value {
	var args []el.Value
	for _, t := range l.Args {
		args = append(args, n.value(t, b))
	}
	switch l.Kind {
	case el.Test:
		if el.FunctionNamed(l.Function).Holds(args) {
			return []map[string]el.Value{b}
		}
		return nil
	case el.Let:
		v := args[0]
		if l.Function != "" {
			v = el.FunctionNamed(l.Function).Apply(args)
		}
		return with(b, l.Var, v)
	case el.Each:
		var out []map[string]el.Value
		for i := range args[0].Len() {
			out = append(out, with(b, l.Var, el.Number(args[0].Member(i)))...)
		}
		return out
	}
	var out []map[string]el.Value
	for _, t := range n.now[l.Atom.Name].sorted() {
		if next := n.match(l, t, b); next != nil {
			out = append(out, next)
		}
	}
	if l.Kind == el.Match {
		return out
	}
	if len(out) > 0 {
		return nil
	}
	return []map[string]el.Value{b}
}

// with is b with one variable more, or nothing if it has another value already.
func with(b map[string]el.Value, name string, v el.Value) []map[string]el.Value {
	if old, ok := b[name]; ok {
		if old != v {
			return nil
		}
		return []map[string]el.Value{b}
	}
	next := map[string]el.Value{name: v}
	for k, w := range b { //joinery:anyorder copies a map
		next[k] = w
	}
	return []map[string]el.Value{next}
}

func (n *Naive) match(l el.Literal, t el.Tuple, b map[string]el.Value) map[string]el.Value {
	args := l.Atom.Args
	if l.From != "" {
		args = append(slices.Clone(args), el.V(l.From))
	}
	for i, a := range args {
		switch a.Kind {
		case el.Any:
		case el.Var:
			next := with(b, a.Name, t[i])
			if next == nil {
				return nil
			}
			b = next[0]
		default:
			if n.value(a, nil) != t[i] {
				return nil
			}
		}
	}
	return b
}

// aggregate derives one tuple a group. Each column that does not matter becomes a
// variable first, so that each choice of tuples counts.
func (n *Naive) aggregate(r *el.Rule, into set) bool {
	clause := r.Clone()
	for i := range clause.Body {
		l := &clause.Body[i]
		if l.Kind != el.Match {
			continue
		}
		for j, t := range l.Atom.Args {
			if t.Kind == el.Any {
				l.Atom.Args[j] = el.V(fmt.Sprintf("_%d_%d", i, j))
			}
		}
		if l.From == "" && n.program.Collection(l.Atom.Name).Kind == el.Channel {
			l.From = fmt.Sprintf("_%d", i)
		}
	}
	groups := map[string][]map[string]el.Value{}
	keyed := map[string]el.Tuple{}
	n.solve(clause.Body, map[string]el.Value{}, func(b map[string]el.Value) {
		var key el.Tuple
		for _, t := range clause.Head.Args {
			if t.Kind != el.Aggregate {
				key = append(key, n.value(t, b))
			}
		}
		enc := string(key.Append(nil))
		keyed[enc] = key
		groups[enc] = append(groups[enc], b)
	})
	changed := false
	for enc, bindings := range groups { //joinery:anyorder a set
		var out el.Tuple
		key := keyed[enc]
		for _, t := range clause.Head.Args {
			if t.Kind != el.Aggregate {
				out, key = append(out, key[0]), key[1:]
				continue
			}
			out = append(out, fold(t, bindings))
		}
		changed = into.add(out) || changed
	}
	return changed
}

func fold(t el.Term, bindings []map[string]el.Value) el.Value {
	if t.Name == "count" {
		return el.Number(int64(len(bindings)))
	}
	vs := make([]el.Value, len(bindings))
	for i, b := range bindings {
		vs[i] = b[t.Arg]
	}
	slices.SortFunc(vs, el.Value.Compare)
	switch t.Name {
	case "min":
		return vs[0]
	case "max":
		return vs[len(vs)-1]
	}
	// Add from both ends towards zero, so that only the result can saturate.
	sum := int64(0)
	for lo, hi := 0, len(vs); lo < hi; {
		if sum > 0 {
			sum = el.FunctionNamed("add").Apply([]el.Value{el.Number(sum), vs[lo]}).Int()
			lo++
		} else {
			hi--
			sum = el.FunctionNamed("add").Apply([]el.Value{el.Number(sum), vs[hi]}).Int()
		}
	}
	return el.Number(sum)
}

// Contents is as [Machine.Contents].
func (n *Naive) Contents(collection string) []el.Tuple { return n.now[collection].sorted() }

// Sends is as [Machine.Sends].
func (n *Naive) Sends() []Fact {
	var out []Fact
	for _, c := range n.program.Collections {
		for _, t := range n.sent[c.Name].sorted() {
			out = append(out, Fact{c.Name, t})
		}
	}
	slices.SortFunc(out, Fact.Compare)
	return out
}

// NewSends is as [Machine.NewSends].
func (n *Naive) NewSends() []Fact {
	return slices.DeleteFunc(n.Sends(), func(f Fact) bool {
		_, before := n.before[f.Collection][string(f.Tuple.Append(nil))]
		return before
	})
}

// Durable is as [Machine.Durable].
func (n *Naive) Durable() []Fact {
	var out []Fact
	for _, c := range n.program.Collections {
		if c.Kind != el.Table && c.Kind != el.Range {
			continue
		}
		all := set{}
		for _, t := range slices.Concat(n.kept[c.Name].sorted(), n.added[c.Name].sorted()) {
			all.add(t)
		}
		for _, t := range all.sorted() {
			out = append(out, Fact{c.Name, t})
		}
	}
	slices.SortFunc(out, Fact.Compare)
	return out
}
