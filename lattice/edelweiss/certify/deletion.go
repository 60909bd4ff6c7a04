package certify

import (
	"slices"

	el "github.com/joinery-go/joinery/lattice/edelweiss"
)

func (v *verifier) deletion(d *Deletion) {
	if !v.hold(d.Rule >= len(v.p.Rules) && d.Rule < len(v.q.Rules), DeletesOne, d.Table) {
		return
	}
	r := &v.q.Rules[d.Rule]
	table := v.p.Collection(d.Table)
	if !v.hold(table != nil && table.Kind == el.Table && r.Op == el.Delete && r.Head.Name == d.Table, IsTable, d.Table) {
		return
	}
	v.explained[d.Rule] = true
	own := slices.ContainsFunc(r.Body, func(l el.Literal) bool { return l.Kind == el.Match && l.Atom.String() == r.Head.String() })
	variables := len(r.Head.Vars(nil)) == len(r.Head.Args) && distinct(r.Head.Args)
	if !v.hold(own && variables, DeletesOne, r.String()) {
		return
	}
	for _, s := range v.p.Seals {
		v.hold(s.By.Name != d.Table, NotASeal, s.String())
	}
	ends := false
	for i := range v.base {
		for j, clause := range v.base[i].Desugar() {
			for k, l := range clause.Body {
				if (l.Kind == el.Match || l.Kind == el.Absent) && l.Atom.Name == d.Table {
					how := v.reason(d, r, Use{i, j, k})
					ends = ends || how != Kept
				}
			}
		}
	}
	v.hold(ends, SomeUseEnds, d.Table)
}

// deleting is a deletion and one of the uses of its table.
type deleting struct {
	v       *verifier
	rule    *el.Rule
	use     Use
	clause  *el.Rule
	literal *el.Literal
	values  map[string]el.Term // variables of the clause's literal, as terms of the deletion
}

// reason verifies why a use permits the deletion, and says which way it is.
func (v *verifier) reason(d *Deletion, r *el.Rule, u Use) How {
	x := &deleting{v: v, rule: r, use: u, values: map[string]el.Term{}}
	x.clause, x.literal = v.clause(u)
	for i, t := range x.literal.Atom.Args {
		if _, ok := x.values[t.Name]; t.Kind == el.Var && !ok {
			x.values[t.Name] = r.Head.Args[i]
		}
	}
	i := slices.IndexFunc(d.Reasons, func(reason Reason) bool { return reason.Use == u })
	subject := d.Table + " in " + v.p.Rules[u.Rule].String()
	if !v.hold(i >= 0, HeadPersists, subject) {
		return 0
	}
	how := d.Reasons[i].How
	v.hold(!x.clause.Aggregates(), NotAggregated, subject)
	v.hold(!x.padded(), NotPadded, subject)
	if !v.hold((how == Settled) == (x.literal.Kind == el.Absent), NotNegated, subject) {
		return how
	}
	switch how {
	case Kept:
		v.hold(len(x.others(el.Absent)) == 0 && v.persists(x.clause, map[string]bool{}), HeadPersists, subject)
		v.hold(x.whole(), PartnersWhole, subject)
	case Dominated:
		v.hold(slices.ContainsFunc(x.others(el.Absent), func(n *el.Literal) bool {
			return v.stable(x.clause, n, x.literal) && x.says(el.Match, n.Atom)
		}), NegatedGrows, subject)
	case Exhausted:
		for _, n := range x.others(el.Absent) {
			v.hold(v.stable(x.clause, n, nil), NegatedGrows, n.String()+" in "+subject)
		}
		v.hold(x.whole(), PartnersWhole, subject)
		v.hold(slices.ContainsFunc(v.c.Lives, func(l Live) bool {
			return l.Use == u && x.has(el.Absent, el.Atom{Name: l.Name, Args: r.Head.Args})
		}), LiveIsLive, subject)
	case Settled:
		v.hold(x.settled(d.Table), PartnerDeleted, subject)
	default:
		v.hold(false, HeadPersists, subject)
	}
	return how
}

// padded reports whether the literal stands for an outer join that finds nothing:
// the clause negates the atom more often than the rule does.
func (x *deleting) padded() bool {
	if x.literal.Kind != el.Absent {
		return false
	}
	count := func(body []el.Literal) int {
		n := 0
		for _, l := range body {
			if l.Kind == el.Absent && l.Atom.String() == x.literal.Atom.String() {
				n++
			}
		}
		return n
	}
	return count(x.clause.Body) > count(x.v.base[x.use.Rule].Body)
}

func (x *deleting) others(k el.LiteralKind) []*el.Literal {
	var out []*el.Literal
	for i := range x.clause.Body {
		if l := &x.clause.Body[i]; l.Kind == k && l != x.literal {
			out = append(out, l)
		}
	}
	return out
}

// has reports whether the deletion's conditions contain a literal.
func (x *deleting) has(k el.LiteralKind, a el.Atom) bool {
	return slices.ContainsFunc(x.rule.Body, func(l el.Literal) bool { return l.Kind == k && l.Atom.String() == a.String() })
}

// translate puts the deletion's terms for the clause's variables; ok is false if
// the tuple does not have them all.
func (x *deleting) translate(a el.Atom) (el.Atom, bool) {
	out := el.Atom{Name: a.Name}
	for _, t := range a.Args {
		if t.Kind == el.Var {
			value, ok := x.values[t.Name]
			if !ok {
				return out, false
			}
			t = value
		}
		out.Args = append(out.Args, t)
	}
	return out, true
}

// says reports whether the conditions contain the clause's atom, for the tuple.
func (x *deleting) says(k el.LiteralKind, a el.Atom) bool {
	t, ok := x.translate(a)
	return ok && x.has(k, t)
}

// whole reports whether the conditions imply that no tuple can come with which
// the deleted one could join.
func (x *deleting) whole() bool {
	for _, other := range x.others(el.Match) {
		c := x.v.p.Collection(other.Atom.Name)
		if c == nil || c.Kind != el.Sealed && !x.sealed(other.Atom) && !x.found(c, other.Atom) {
			return false
		}
	}
	return true
}

// sealed reports whether the conditions contain what announces a seal that
// covers the atom.
func (x *deleting) sealed(a el.Atom) bool {
	for _, s := range x.v.p.Seals {
		if s.Of.Name != a.Name || x.v.gone[s.By.Name] {
			continue
		}
		given := map[string]el.Term{}
		covers := true
		for i, t := range s.Of.Args {
			if t.Kind == el.Any {
				continue
			}
			term := a.Args[i]
			covers = covers && term.Kind != el.Any
			if t.Kind == el.Var {
				old, again := given[t.Name]
				covers = covers && (!again || old == term)
				given[t.Name] = term
			} else {
				covers = covers && t == term
			}
		}
		by := s.By
		by.Args = slices.Clone(by.Args)
		for i, t := range by.Args {
			if t.Kind == el.Var {
				by.Args[i] = given[t.Name]
			}
		}
		if covers && x.says(el.Match, by) {
			return true
		}
	}
	return false
}

// found reports whether the conditions contain that the one tuple of a table which
// the atom's key admits is there, or was.
func (x *deleting) found(c *el.Collection, a el.Atom) bool {
	keys := c.Keys()
	if c.Kind != el.Table && c.Kind != el.Range || slices.ContainsFunc(a.Args[:keys], func(t el.Term) bool { return t.Kind == el.Any }) {
		return false
	}
	there := el.Atom{Name: c.Name, Args: slices.Clone(a.Args)}
	for i := keys; i < len(there.Args); i++ {
		there.Args[i] = el.V("_")
	}
	return x.says(el.Match, there) || x.wasSeen(c.Name, a)
}

// wasSeen reports whether the conditions contain that the key was seen.
func (x *deleting) wasSeen(table string, a el.Atom) bool {
	for _, s := range x.v.c.Seens {
		order := x.v.keyOrder(&s)
		if s.Table != table || order == nil {
			continue
		}
		key := el.Atom{Name: s.Keys}
		for _, k := range order {
			key.Args = append(key.Args, a.Args[k])
		}
		if x.says(el.Match, key) {
			return true
		}
	}
	return false
}

// settled reports whether the negation tests exactly the key of a table in its
// clause that is reclaimed too, and the conditions say that the key was seen and the
// tuple is gone.
func (x *deleting) settled(table string) bool {
	for _, partner := range x.others(el.Match) {
		if !x.v.exactKey(x.literal.Atom, partner.Atom) || partner.Atom.Name == table || !x.v.gone[partner.Atom.Name] {
			continue
		}
		gone := el.Atom{Name: partner.Atom.Name, Args: slices.Clone(partner.Atom.Args)}
		for i := x.v.p.Collection(gone.Name).Keys(); i < len(gone.Args); i++ {
			gone.Args[i] = el.V("_")
		}
		if x.wasSeen(partner.Atom.Name, partner.Atom) && x.says(el.Absent, gone) {
			return true
		}
	}
	return false
}

// exactKey reports whether the variables of a negated atom are exactly those of a
// table's key, one a column, and nothing else restricts it.
func (v *verifier) exactKey(negated, partner el.Atom) bool {
	c := v.p.Collection(partner.Name)
	if c == nil || c.Kind != el.Table {
		return false
	}
	key := partner.Args[:c.Keys()]
	var tested []el.Term
	for _, t := range negated.Args {
		if t.Kind != el.Any {
			tested = append(tested, t)
		}
	}
	same := len(tested) == len(key) && distinct(tested) && distinct(key)
	for _, t := range key {
		same = same && t.Kind == el.Var && slices.Contains(tested, t)
	}
	return same
}

func distinct(ts []el.Term) bool {
	for i, t := range ts {
		if slices.Contains(ts[:i], t) {
			return false
		}
	}
	return true
}

// stable reports whether what the negation blocks stays blocked; with self set, a
// table that is deleted from counts only if its partner is that literal.
func (v *verifier) stable(clause *el.Rule, n, self *el.Literal) bool {
	if v.grows(n.Atom.Name, map[string]bool{}) {
		return true
	}
	if !v.gone[n.Atom.Name] {
		return false
	}
	for i := range clause.Body {
		l := &clause.Body[i]
		if l.Kind == el.Match && v.exactKey(n.Atom, l.Atom) && v.gone[l.Atom.Name] && (self == nil || self == l) {
			return true
		}
	}
	return false
}

// grows reports whether the rewritten program never takes a tuple from a
// collection.
func (v *verifier) grows(name string, assumed map[string]bool) bool {
	c := v.q.Collection(name)
	switch {
	case c.Kind.Persistent():
		return !v.gone[name]
	case c.Kind != el.Scratch:
		return false
	case assumed[name]:
		return true
	}
	assumed[name] = true
	for _, r := range v.q.Rules {
		if r.Head.Name != name {
			continue
		}
		if r.Op != el.Now || r.Aggregates() {
			return false
		}
		for _, l := range r.Body {
			if l.Kind == el.Absent || l.Kind == el.Outer || l.Kind == el.Match && !v.grows(l.Atom.Name, assumed) {
				return false
			}
		}
	}
	return true
}

// persists reports whether what the clause derives is kept: at once, or through
// scratches that are only copied.
func (v *verifier) persists(clause *el.Rule, passed map[string]bool) bool {
	head := v.p.Collection(clause.Head.Name)
	if head.Kind.Persistent() {
		return true
	}
	if head.Kind != el.Scratch || clause.Op != el.Now || passed[head.Name] || !copies(clause) {
		return false
	}
	passed[head.Name] = true
	readers := 0
	for i := range v.base {
		if reads(&v.base[i], head.Name) == 0 {
			continue
		}
		readers++
		if !copies(&v.base[i]) || !v.persists(&v.base[i], passed) {
			return false
		}
	}
	return readers > 0
}

// copies reports whether a rule reads one collection and neither negates nor
// aggregates.
func copies(r *el.Rule) bool {
	matches := 0
	for _, l := range r.Body {
		if l.Kind == el.Absent || l.Kind == el.Outer {
			return false
		}
		if l.Kind == el.Match {
			matches++
		}
	}
	return matches == 1 && !r.Aggregates()
}
