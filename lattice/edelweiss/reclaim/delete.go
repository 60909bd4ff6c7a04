package reclaim

import (
	"slices"
	"strings"

	el "github.com/joinery-go/joinery/lattice/edelweiss"
	"github.com/joinery-go/joinery/lattice/edelweiss/certify"
)

// maxDeletions bounds the rules that delete from one table: alternatives multiply
// over the uses.
const maxDeletions = 64

// deletions finds the tables that can be deleted from, the largest set in which
// each can while all the others are, and adds the rules.
func (w *rewriter) deletions() {
	w.findUses()
	w.gone, w.settled, w.seen = map[string]bool{}, map[string]bool{}, map[string]string{}
	why := map[string]failureAt{}
	for i := range w.p.Collections {
		c := &w.p.Collections[i]
		if f := w.candidate(c); f != nil {
			if c.Kind == el.Table {
				why[c.Name] = *f
			}
			continue
		}
		w.gone[c.Name] = true
		w.settled[c.Name] = w.negated(c.Name)
	}
	w.shrink(why)
	w.regain(why)
	declared := len(w.p.Collections)
	for i := range declared {
		c := w.p.Collections[i]
		if f, ok := why[c.Name]; ok {
			w.refuse(c.Name, f.premise, f.pos, "%s", f.detail)
		}
	}
	for i := range declared {
		if c := w.p.Collections[i]; w.gone[c.Name] {
			w.deleteFrom(&c)
		}
	}
	w.rememberKeys()
}

// shrink drops tables that cannot be deleted from given that the others are, until
// all that are left can.
func (w *rewriter) shrink(why map[string]failureAt) {
	for changed := true; changed; {
		changed = false
		for _, c := range w.p.Collections {
			if !w.gone[c.Name] {
				continue
			}
			if f := w.letGo(c.Name); f != nil {
				why[c.Name] = *f
				w.gone[c.Name], w.settled[c.Name] = false, false
				changed = true
			}
		}
	}
}

// regain takes back tables that were dropped because of others that were dropped
// later, where all stay sound.
func (w *rewriter) regain(why map[string]failureAt) {
	for _, c := range w.p.Collections {
		if w.gone[c.Name] || w.candidate(&c) != nil { // in particular what is no table
			continue
		}
		w.gone[c.Name], w.settled[c.Name] = true, w.negated(c.Name)
		sound := true
		for _, o := range w.p.Collections {
			sound = sound && (!w.gone[o.Name] || w.letGo(o.Name) == nil)
		}
		if !sound {
			w.gone[c.Name], w.settled[c.Name] = false, false
			continue
		}
		delete(why, c.Name)
	}
}

// negated reports whether a rule negates the collection.
func (w *rewriter) negated(name string) bool {
	return slices.ContainsFunc(w.uses[name], func(u use) bool { return u.literal().Kind == el.Absent })
}

type failureAt struct {
	failure
	pos el.Pos
}

// candidate says what keeps a collection from being deleted from whatever else
// holds.
func (w *rewriter) candidate(c *el.Collection) *failureAt {
	if c.Kind != el.Table {
		return &failureAt{failure{certify.IsTable, c.Kind.String() + " " + c.Name}, c.Pos}
	}
	for _, s := range w.p.Seals {
		if s.By.Name == c.Name {
			return &failureAt{failure{certify.NotASeal, s.String()}, s.Pos}
		}
	}
	for _, u := range w.uses[c.Name] {
		switch {
		case u.padded:
			return &failureAt{failure{certify.NotPadded, u.rule.String()}, u.rule.Pos}
		case u.literal().Kind != el.Absent:
			continue
		}
		if w.set&Negating == 0 {
			return &failureAt{failure{certify.NotNegated, u.rule.String()}, u.rule.Pos}
		}
		if w.partner(u.clause, u.literal()) == nil {
			return &failureAt{failure{certify.KeyExact, u.rule.String()}, u.rule.Pos}
		}
	}
	return nil
}

// letGo says which use of a table does not let go of its tuples, given the set of
// tables that are deleted from.
func (w *rewriter) letGo(name string) *failureAt {
	ends := false
	uses := w.uses[name]
	ways := 1
	for i := range uses {
		ds, f := w.discharges(&uses[i])
		if f != nil && len(ds) == 0 {
			return &failureAt{*f, uses[i].rule.Pos}
		}
		ends = ends || ds[0].how != certify.Kept
		ways *= len(ds)
	}
	if !ends {
		c := w.p.Collection(name)
		return &failureAt{failure{certify.SomeUseEnds, "every tuple of " + name + " is there to stay"}, c.Pos}
	}
	if ways > maxDeletions {
		c := w.p.Collection(name)
		return &failureAt{failure{certify.SomeUseEnds, "more alternatives than this package writes rules for"}, c.Pos}
	}
	return nil
}

// deleteFrom adds a rule for each choice of a way for every use.
func (w *rewriter) deleteFrom(c *el.Collection) {
	uses := w.uses[c.Name]
	choice := make([]int, len(uses))
	all := make([][]discharge, len(uses))
	for i := range uses {
		all[i], _ = w.discharges(&uses[i])
	}
	lives := make([]string, len(uses))
	for {
		w.deletionRule(c, uses, all, choice, lives)
		i := 0
		for ; i < len(choice); i++ {
			if choice[i]++; choice[i] < len(all[i]) {
				break
			}
			choice[i] = 0
		}
		if i == len(choice) {
			return
		}
	}
}

func (w *rewriter) deletionRule(c *el.Collection, uses []use, all [][]discharge, choice []int, lives []string) {
	tuple := el.Atom{Name: c.Name}
	for i := range c.Columns {
		tuple.Args = append(tuple.Args, el.V(variable(i)))
	}
	rule := el.When(el.Delete, tuple, el.Is(tuple))
	deletion := certify.Deletion{Table: c.Name}
	for i := range uses {
		u, d := &uses[i], all[i][choice[i]]
		rename := naming(u)
		for _, l := range d.conditions {
			l.Atom.Args = slices.Clone(l.Atom.Args)
			for j, t := range l.Atom.Args {
				if t.Kind == el.Var {
					l.Atom.Args[j] = el.V(rename[t.Name])
				}
			}
			addLiteral(&rule, l)
		}
		if d.live {
			if lives[i] == "" {
				lives[i] = w.liveRule(c, u)
			}
			addLiteral(&rule, el.Not(el.Atom{Name: lives[i], Args: tuple.Args[:c.Keys()]}))
		}
		for _, name := range d.remember {
			w.seen[name] = ""
		}
		deletion.Reasons = append(deletion.Reasons, certify.Reason{Use: u.Use, How: d.how})
	}
	deletion.Rule = len(w.p.Rules)
	w.p.Rules = append(w.p.Rules, rule)
	w.cert.Deletions = append(w.cert.Deletions, deletion)
}

func addLiteral(r *el.Rule, l el.Literal) {
	if !slices.ContainsFunc(r.Body, func(o el.Literal) bool { return o.String() == l.String() }) {
		r.Body = append(r.Body, l)
	}
}

// naming maps the variables of a use's atom to those of the deleted tuple, each to
// that of the first column where it stands.
func naming(u *use) map[string]string {
	names := map[string]string{}
	for i, t := range u.atom().Args {
		if t.Kind == el.Var && names[t.Name] == "" {
			names[t.Name] = variable(i)
		}
	}
	return names
}

// liveRule adds a scratch of the keys of tuples with which the use's clause has a
// solution.
func (w *rewriter) liveRule(c *el.Collection, u *use) string {
	decl := el.Decl(el.Scratch, c.Name+"_live")
	for _, col := range c.Columns[:c.Keys()] {
		decl.Columns = append(decl.Columns, el.Key(col.Name, col.Type))
	}
	name := w.declare(decl)
	names := naming(u)
	variableOf := func(v string) string {
		if names[v] == "" {
			names[v] = "v_" + v
		}
		return names[v]
	}
	head := el.Atom{Name: name}
	rule := el.When(el.Now, head)
	for i, l := range u.clause.Body {
		l.Atom.Args, l.Args = slices.Clone(l.Atom.Args), slices.Clone(l.Args)
		for _, ts := range [][]el.Term{l.Atom.Args, l.Args} {
			for j, t := range ts {
				if t.Kind == el.Var {
					ts[j] = el.V(variableOf(t.Name))
				}
			}
		}
		if l.Var != "" {
			l.Var = variableOf(l.Var)
		}
		var equal []el.Literal
		if i == u.Literal {
			for j, t := range l.Atom.Args {
				own := el.V(variable(j))
				if t != own && t.Kind != el.Any {
					equal = append(equal, el.If("=", own, t))
				}
				l.Atom.Args[j] = own
			}
			rule.Head.Args = slices.Clone(l.Atom.Args[:c.Keys()])
		}
		rule.Body = append(append(rule.Body, l), equal...)
	}
	w.p.Rules = append(w.p.Rules, rule)
	w.cert.Lives = append(w.cert.Lives, certify.Live{Name: name, Use: u.Use})
	return name
}

// rememberKeys declares the ranges of keys, fills them, keeps what they hold from
// being derived again, and gives their names to the literals that wait for them.
func (w *rewriter) rememberKeys() {
	original := len(w.p.Rules)
	declared := len(w.p.Collections)
	for i := range declared {
		c := w.p.Collections[i]
		if _, ok := w.seen[c.Name]; !ok {
			continue
		}
		decl := el.Decl(el.Range, c.Name+"_seen")
		tuple := el.Atom{Name: c.Name}
		var names []string
		for _, k := range keyOrder(&c) {
			decl.Columns = append(decl.Columns, el.Key(c.Columns[k].Name, c.Columns[k].Type))
			names = append(names, variable(k))
		}
		for k := range c.Columns {
			if k < c.Keys() {
				tuple.Args = append(tuple.Args, el.V(variable(k)))
			} else {
				tuple.Args = append(tuple.Args, el.V("_"))
			}
		}
		name := w.declare(decl)
		w.seen[c.Name] = name
		for j := range original {
			r := &w.p.Rules[j]
			if r.Head.Name != c.Name || r.Op == el.Delete {
				continue
			}
			guard := el.Atom{Name: name}
			for _, k := range keyOrder(&c) {
				guard.Args = append(guard.Args, r.Head.Args[k])
			}
			r.Body = append(r.Body, el.Not(guard))
		}
		w.p.Rules = append(w.p.Rules, el.When(el.Next, el.A(name, names...), el.Is(tuple)))
		w.cert.Seens = append(w.cert.Seens, certify.Seen{Table: c.Name, Keys: name})
	}
	for i := range w.p.Rules {
		for j := range w.p.Rules[i].Body {
			a := &w.p.Rules[i].Body[j].Atom
			if table, ok := strings.CutPrefix(a.Name, seenMark); ok {
				a.Name = w.seen[table]
			}
		}
	}
}

// compress makes ranges of tables that hold only ids and lose none.
func (w *rewriter) compress() {
	for i := range w.p.Collections {
		c := &w.p.Collections[i]
		keys := c.Keys()
		if c.Kind != el.Table || w.gone[c.Name] || keys != len(c.Columns) || c.Columns[keys-1].Type != el.NumberType {
			continue
		}
		if r := w.scanned(c.Name); r != nil {
			w.refuse(c.Name, certify.TestedOnly, r.Pos, "%s", r)
			continue
		}
		c.Kind = el.Range
		w.cert.Ranges = append(w.cert.Ranges, c.Name)
	}
}

// scanned is a rule that does more with a table of ids than test for single ones,
// nil if none does: a range has no index.
func (w *rewriter) scanned(name string) *el.Rule {
	for i := range w.p.Rules {
		r := &w.p.Rules[i]
		for j, l := range r.Body {
			if l.Kind > el.Outer || l.Atom.Name != name {
				continue
			}
			tests := !slices.ContainsFunc(l.Atom.Args, func(t el.Term) bool { return t.Kind == el.Any })
			if !tests || l.Kind != el.Absent && !w.found(r, j) {
				return r
			}
		}
	}
	return nil
}

// found reports whether the j-th literal of a rule, which joins, is only ever looked up
// whole: one before it binds all of its variables, and has an index. An evaluator then
// never does better by going through the later of the two.
func (w *rewriter) found(r *el.Rule, j int) bool {
	l := &r.Body[j]
	return l.Kind == el.Match && distinct(l.Atom.Args) && slices.ContainsFunc(r.Body[:j], func(before el.Literal) bool {
		return before.Kind == el.Match && w.p.Collection(before.Atom.Name).Kind != el.Range && bound(l.Atom.Args, before.Atom.Vars(nil))
	})
}
