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
	if !v.hold(own && variables(r.Head.Args), DeletesOne, r.String()) {
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
	*verifier
	rule    *el.Rule
	use     Use
	clause  *el.Rule
	literal *el.Literal
	values  map[string]el.Term // variables of the clause's literal, as terms of the deletion
}

// reason verifies why a use permits the deletion, and says which way it is.
func (v *verifier) reason(d *Deletion, r *el.Rule, u Use) How {
	x := &deleting{verifier: v, rule: r, use: u, values: map[string]el.Term{}}
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
	v.hold(how != Kept || !x.clause.Aggregates(), NotAggregated, subject) // in the others no solution has the tuple
	v.hold(!x.padded(), NotPadded, subject)
	if !v.hold((how == Settled) == (x.literal.Kind == el.Absent), NotNegated, subject) {
		return how
	}
	switch how {
	case Kept:
		v.hold(len(x.others(el.Absent)) == 0 && v.persists(x.clause, map[string]bool{}), HeadPersists, subject)
		v.hold(x.whole(), PartnersWhole, subject)
	case Dominated:
		v.hold(slices.ContainsFunc(x.others(el.Absent), func(n el.Atom) bool {
			return x.stable(n, x.literal) && x.says(el.Match, n)
		}), NegatedGrows, subject)
	case Exhausted:
		for _, n := range x.others(el.Absent) {
			v.hold(x.stable(n, nil), NegatedGrows, n.String()+" in "+subject)
		}
		v.hold(x.whole(), PartnersWhole, subject)
		v.hold(slices.ContainsFunc(v.c.Lives, func(l Live) bool {
			return l.Use == u && x.has(el.Absent, el.Atom{Name: l.Name, Args: r.Head.Args[:x.p.Collection(d.Table).Keys()]})
		}), LiveIsLive, subject)
	case Settled:
		v.hold(x.settled(), PartnerDeleted, subject)
	default:
		v.hold(false, HeadPersists, subject)
	}
	return how
}

// padded reports whether the literal stands for an outer join that finds nothing:
// the clause negates the atom more often than the rule does.
func (x *deleting) padded() bool {
	count := func(body []el.Literal) (n int) {
		for _, l := range body {
			if l.Kind == el.Absent && l.Atom.String() == x.literal.Atom.String() {
				n++
			}
		}
		return n
	}
	return x.literal.Kind == el.Absent && count(x.clause.Body) > count(x.base[x.use.Rule].Body)
}

// others are the atoms of the clause's literals of a kind without the use itself.
func (x *deleting) others(k el.LiteralKind) (out []el.Atom) {
	for i := range x.clause.Body {
		if l := &x.clause.Body[i]; l.Kind == k && l != x.literal {
			out = append(out, l.Atom)
		}
	}
	return out
}

// has reports whether the deletion's conditions contain a literal.
func (x *deleting) has(k el.LiteralKind, a el.Atom) bool {
	return slices.ContainsFunc(x.rule.Body, func(l el.Literal) bool { return l.Kind == k && l.Atom.String() == a.String() })
}

// says reports whether the conditions contain the clause's atom, for the tuple.
func (x *deleting) says(k el.LiteralKind, a el.Atom) bool {
	t, ok := a.Substitute(x.values)
	return ok && x.has(k, t)
}

// whole reports whether the conditions imply that no tuple can come with which
// the deleted one could join.
func (x *deleting) whole() bool {
	return !slices.ContainsFunc(x.others(el.Match), func(other el.Atom) bool {
		return x.p.Collection(other.Name).Kind != el.Sealed && !x.sealed(other) && !x.found(other)
	})
}

// sealed reports whether the conditions contain what announces a seal that
// covers the atom.
func (x *deleting) sealed(a el.Atom) bool {
	return slices.ContainsFunc(x.p.Seals, func(s el.Seal) bool {
		if s.Of.Name != a.Name || x.gone[s.By.Name] {
			return false
		}
		given := map[string]el.Term{}
		for i, t := range s.Of.Args {
			old, again := given[t.Name]
			switch {
			case t.Kind == el.Any:
			case t.Kind == el.Var && !again && a.Args[i].Kind != el.Any:
				given[t.Name] = a.Args[i]
			case t.Kind == el.Var && old != a.Args[i], t.Kind != el.Var && t != a.Args[i]:
				return false
			}
		}
		by, ok := s.By.Substitute(given)
		return ok && x.says(el.Match, by)
	})
}

// found reports whether the conditions contain that the one tuple of a table which
// the atom's key admits is there, or was.
func (x *deleting) found(a el.Atom) bool {
	c := x.p.Collection(a.Name)
	if c.Kind != el.Table && c.Kind != el.Range || slices.ContainsFunc(a.Args[:c.Keys()], func(t el.Term) bool { return t.Kind == el.Any }) {
		return false
	}
	return x.says(el.Match, a.First(c.Keys())) || x.wasSeen(a)
}

// wasSeen reports whether the conditions contain that the key was seen.
func (x *deleting) wasSeen(a el.Atom) bool {
	return slices.ContainsFunc(x.c.Seens, func(s Seen) bool {
		key, ok := x.key(&s, a)
		return ok && x.says(el.Match, key)
	})
}

// settled reports whether the negation tests exactly the key of a table in its
// clause that is reclaimed too, and the conditions say that the key was seen and the
// tuple is gone.
func (x *deleting) settled() bool {
	return slices.ContainsFunc(x.others(el.Match), func(partner el.Atom) bool {
		return x.exactKey(x.literal.Atom, partner) && partner.Name != x.literal.Atom.Name && x.wasSeen(partner) &&
			x.says(el.Absent, partner.First(x.p.Collection(partner.Name).Keys()))
	})
}

// exactKey reports whether the variables of a negated atom are exactly those of the
// key of a table that is deleted from, one a column, and nothing else restricts it.
func (v *verifier) exactKey(negated, partner el.Atom) bool {
	c := v.p.Collection(partner.Name)
	if c.Kind != el.Table || !v.gone[c.Name] {
		return false
	}
	key := partner.Args[:c.Keys()]
	tested := slices.DeleteFunc(slices.Clone(negated.Args), func(t el.Term) bool { return t.Kind == el.Any })
	return len(tested) == len(key) && variables(tested) && variables(key) &&
		!slices.ContainsFunc(key, func(t el.Term) bool { return !slices.Contains(tested, t) })
}

// variables reports whether all terms are variables, each another.
func variables(ts []el.Term) bool {
	for i, t := range ts {
		if t.Kind != el.Var || slices.Contains(ts[:i], t) {
			return false
		}
	}
	return true
}

// stable reports whether what the negation blocks stays blocked; with self set, a
// table that is deleted from counts only if its partner is that literal.
func (x *deleting) stable(n el.Atom, self *el.Literal) bool {
	return x.grows(n.Name, map[string]bool{}) || x.gone[n.Name] && slices.ContainsFunc(x.clause.Body, func(l el.Literal) bool {
		return l.Kind == el.Match && x.exactKey(n, l.Atom) && (self == nil || self.Atom.String() == l.Atom.String())
	})
}

// grows reports whether the rewritten program never takes a tuple from a
// collection.
func (v *verifier) grows(name string, assumed map[string]bool) bool {
	c := v.q.Collection(name)
	if c.Kind.Persistent() || c.Kind != el.Scratch || assumed[name] {
		return c.Kind.Persistent() && !v.gone[name] || assumed[name]
	}
	assumed[name] = true
	return !slices.ContainsFunc(v.q.Rules, func(r el.Rule) bool {
		return r.Head.Name == name && (r.Op != el.Now || r.Aggregates() || slices.ContainsFunc(r.Body, func(l el.Literal) bool {
			return l.Kind == el.Absent || l.Kind == el.Outer || l.Kind == el.Match && !v.grows(l.Atom.Name, assumed)
		}))
	})
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
	for i := range v.base {
		if r := &v.base[i]; r.Reads(head.Name) > 0 && !(copies(r) && v.persists(r, passed)) {
			return false
		}
	}
	return true
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
