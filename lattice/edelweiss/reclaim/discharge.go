package reclaim

import (
	"slices"

	el "github.com/joinery-go/joinery/lattice/edelweiss"
	"github.com/joinery-go/joinery/lattice/edelweiss/certify"
)

// discharge is a way in which one use lets go of a tuple: conditions for the
// deletion, over the variables of the clause.
type discharge struct {
	how        certify.How
	conditions []el.Literal
	live       bool     // also: the clause has no solution with the tuple
	remember   []string // tables whose keys must be remembered for the conditions
}

// failure is the premise that keeps a use from letting go.
type failure struct {
	premise certify.Premise
	detail  string
}

// discharges are the ways in which a use of a candidate lets go, any of which
// suffices, or why there is none.
func (w *rewriter) discharges(u *use) ([]discharge, *failure) {
	if u.literal().Kind == el.Absent {
		return w.settle(u)
	}
	if len(u.others(el.Absent)) == 0 {
		return w.keep(u)
	}
	return w.block(u)
}

// settle lets go of a tuple that a rule negates, once the partner whose key it
// holds has come and gone.
func (w *rewriter) settle(u *use) ([]discharge, *failure) {
	if w.set&Negating == 0 || !w.settled[u.atom().Name] {
		return nil, &failure{certify.NotNegated, u.rule.String()}
	}
	partner := w.partner(u.clause, u.literal())
	if partner == nil {
		return nil, &failure{certify.KeyExact, u.rule.String()}
	}
	table := w.p.Collection(partner.Atom.Name)
	if f := w.rememberable(table); f != nil {
		return nil, f
	}
	if !w.gone[table.Name] || table.Name == u.atom().Name {
		return nil, &failure{certify.PartnerDeleted, table.Name + " in " + u.rule.String()}
	}
	gone := el.Not(el.Atom{Name: table.Name, Args: slices.Clone(partner.Atom.Args)})
	for i := table.Keys(); i < len(table.Columns); i++ {
		gone.Atom.Args[i] = el.V("_")
	}
	return []discharge{{how: certify.Settled, remember: []string{table.Name},
		conditions: []el.Literal{w.seenLiteral(table, partner.Atom), gone}}}, nil
}

// rememberable says why the keys of a table cannot be remembered as a range.
func (w *rewriter) rememberable(table *el.Collection) *failure {
	if !numbered(table) {
		return &failure{certify.KeyCompresses, table.Name}
	}
	for i := range w.p.Rules {
		if r := &w.p.Rules[i]; r.Head.Name == table.Name && r.Aggregates() {
			return &failure{certify.PartnerGuarded, r.String()}
		}
	}
	return nil
}

// seenLiteral is the literal that holds once a key of the table was seen. The
// range's name is filled in when it is declared.
func (w *rewriter) seenLiteral(table *el.Collection, atom el.Atom) el.Literal {
	l := el.Is(el.Atom{Name: seenMark + table.Name})
	for _, i := range keyOrder(table) {
		l.Atom.Args = append(l.Atom.Args, atom.Args[i])
	}
	return l
}

// seenMark begins the name of a range of keys until it is declared; no collection's
// name has it.
const seenMark = "seen "

// keyOrder is the order in which a collection's key columns are remembered, the last
// number last: only the last column of a range is kept as intervals.
func keyOrder(table *el.Collection) []int {
	var order []int
	last := -1
	for i, c := range table.Columns[:table.Keys()] {
		if c.Type == el.NumberType {
			last = i
		}
	}
	for i := range table.Keys() {
		if i != last {
			order = append(order, i)
		}
	}
	return append(order, last)
}

// keep lets go of a tuple from which a rule without negation derived all that it
// ever will, into what persists.
func (w *rewriter) keep(u *use) ([]discharge, *failure) {
	if u.clause.Aggregates() {
		return nil, &failure{certify.NotAggregated, u.rule.String()}
	}
	alone := len(u.others(el.Match)) == 0
	if !w.persists(u.clause, alone, map[string]bool{}) {
		return nil, &failure{certify.HeadPersists, u.rule.String()}
	}
	if alone {
		return []discharge{{how: certify.Kept}}, nil
	}
	conditions, remember, f := w.whole(u)
	if f != nil {
		return nil, f
	}
	return []discharge{{how: certify.Kept, conditions: conditions, remember: remember}}, nil
}

// persists reports whether what a clause derives is kept, by the head itself or by
// all rules that read it, if they read nothing else. The clause then must read
// nothing else either.
func (w *rewriter) persists(clause *el.Rule, alone bool, assumed map[string]bool) bool {
	head := w.p.Collection(clause.Head.Name)
	if head.Kind.Persistent() {
		return true
	}
	if head.Kind != el.Scratch || clause.Op != el.Now || !alone || assumed[head.Name] {
		return false
	}
	assumed[head.Name] = true
	readers := w.uses[head.Name]
	for i := range readers {
		u := &readers[i]
		if u.literal().Kind != el.Match || u.clause.Aggregates() || len(u.others(el.Match))+len(u.others(el.Absent)) > 0 ||
			!w.persists(u.clause, true, assumed) {
			return false
		}
	}
	return len(readers) > 0
}

// block lets go of a tuple against which a negation holds for good: one over the
// tuple's own columns, or else all of the clause's over all that it joins with.
func (w *rewriter) block(u *use) ([]discharge, *failure) {
	vars := u.atom().Vars(nil)
	var out []discharge
	var unstable *el.Literal
	for _, n := range u.others(el.Absent) {
		if !w.stable(u.clause, n, u.literal()) {
			if !w.stable(u.clause, n, nil) {
				unstable = n
			}
			continue
		}
		if bound(slices.DeleteFunc(slices.Clone(n.Atom.Args), func(t el.Term) bool { return t.Kind == el.Any }), vars) {
			out = append(out, discharge{how: certify.Dominated, conditions: []el.Literal{el.Is(n.Atom)}})
		}
	}
	plain := distinctOrAny(u.atom().Args) && len(u.others(el.Test))+len(u.others(el.Let))+len(u.others(el.Each)) == 0
	if len(out) > 0 && (plain || len(u.others(el.Match)) > 0) {
		return out, nil
	}
	if unstable != nil {
		if len(out) > 0 {
			return out, nil
		}
		return nil, &failure{certify.NegatedGrows, unstable.Atom.Name + " in " + u.rule.String()}
	}
	conditions, remember, f := w.whole(u)
	if f != nil {
		return out, f
	}
	return []discharge{{how: certify.Exhausted, conditions: conditions, remember: remember, live: true}}, nil
}

func distinctOrAny(ts []el.Term) bool {
	return distinct(slices.DeleteFunc(slices.Clone(ts), func(t el.Term) bool { return t.Kind == el.Any }))
}

// whole gives conditions under which no tuple can come with which the use's own
// could join: for each other collection of the clause, that it is sealed, that a
// seal covers the values, or that its key is covered and was seen or is there.
func (w *rewriter) whole(u *use) (conditions []el.Literal, remember []string, f *failure) {
	vars := u.atom().Vars(nil)
	for _, other := range u.others(el.Match) {
		c := w.p.Collection(other.Atom.Name)
		if c.Kind == el.Sealed {
			continue
		}
		if w.set&Joined == 0 {
			return nil, nil, &failure{certify.PartnersWhole, c.Name + " in " + u.rule.String()}
		}
		if seal := w.sealFor(other.Atom, vars); seal != nil {
			conditions = append(conditions, *seal)
			continue
		}
		keys := c.Keys()
		if c.Kind != el.Table && c.Kind != el.Range || !bound(other.Atom.Args[:keys], vars) {
			return nil, nil, &failure{certify.PartnersWhole, c.Name + " in " + u.rule.String()}
		}
		if w.gone[c.Name] && w.rememberable(c) == nil {
			conditions = append(conditions, w.seenLiteral(c, other.Atom))
			remember = append(remember, c.Name)
			continue
		}
		present := el.Is(el.Atom{Name: c.Name, Args: slices.Clone(other.Atom.Args)})
		for i := keys; i < len(c.Columns); i++ {
			present.Atom.Args[i] = el.V("_")
		}
		conditions = append(conditions, present)
	}
	return conditions, remember, nil
}

// sealFor is the literal that holds once a seal covers all tuples that match the
// atom for given values of vars, nil if no seal does.
func (w *rewriter) sealFor(atom el.Atom, vars []string) *el.Literal {
	for _, s := range w.p.Seals {
		if s.Of.Name != atom.Name || !w.grows(s.By.Name) {
			continue
		}
		values := map[string]el.Term{}
		covered := true
		for i, t := range s.Of.Args {
			given := atom.Args[i]
			switch {
			case t.Kind == el.Any:
			case !bound([]el.Term{given}, vars):
				covered = false
			case t.Kind != el.Var:
				covered = covered && t == given
			case values[t.Name] != el.Term{} && values[t.Name] != given:
				covered = false
			default:
				values[t.Name] = given
			}
		}
		if !covered {
			continue
		}
		by := el.Is(el.Atom{Name: s.By.Name, Args: slices.Clone(s.By.Args)})
		for i, t := range by.Atom.Args {
			if t.Kind == el.Var {
				by.Atom.Args[i] = values[t.Name]
			}
		}
		return &by
	}
	return nil
}
