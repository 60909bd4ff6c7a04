package reclaim

import (
	"slices"

	el "github.com/joinery-go/joinery/lattice/edelweiss"
	"github.com/joinery-go/joinery/lattice/edelweiss/certify"
)

// use is a literal that reads a collection, in a clause without outer joins.
type use struct {
	certify.Use
	rule   *el.Rule // as written, for messages
	clause *el.Rule
	padded bool // the literal stands for an outer join that finds nothing
}

func (u *use) literal() *el.Literal { return &u.clause.Body[u.Literal] }

func (u *use) atom() el.Atom { return u.literal().Atom }

// others are the clause's literals of a kind that are not the use itself.
func (u *use) others(k el.LiteralKind) []*el.Literal {
	var out []*el.Literal
	for i := range u.clause.Body {
		if l := &u.clause.Body[i]; l.Kind == k && i != u.Literal {
			out = append(out, l)
		}
	}
	return out
}

// findUses gathers, for the program with acknowledgements, who reads what.
func (w *rewriter) findUses() {
	w.uses = map[string][]use{}
	for i := range w.p.Rules {
		r := w.p.Rules[i].Clone()
		for j, clause := range r.Desugar() {
			for k, l := range clause.Body {
				if l.Kind != el.Match && l.Kind != el.Absent {
					continue
				}
				padded := l.Kind == el.Absent && !slices.ContainsFunc(r.Body, func(o el.Literal) bool {
					return o.Kind == el.Absent && o.Pos == l.Pos && o.Atom.String() == l.Atom.String()
				})
				w.uses[l.Atom.Name] = append(w.uses[l.Atom.Name], use{
					Use: certify.Use{Rule: i, Clause: j, Literal: k}, rule: &r, clause: &clause, padded: padded,
				})
			}
		}
	}
}

// bound reports whether all of ts are constants or variables of vars; a column
// that does not matter is not.
func bound(ts []el.Term, vars []string) bool {
	return !slices.ContainsFunc(ts, func(t el.Term) bool {
		return t.Kind == el.Any || t.Kind == el.Var && !slices.Contains(vars, t.Name)
	})
}

// grows reports whether a collection never loses a tuple: what persists and is not
// deleted from, and a scratch that derives from such without negation.
func (w *rewriter) grows(name string) bool { return w.growsFrom(name, map[string]bool{}) }

func (w *rewriter) growsFrom(name string, assumed map[string]bool) bool {
	c := w.p.Collection(name)
	if c.Kind.Persistent() {
		return !w.gone[name]
	}
	if c.Kind != el.Scratch || assumed[name] {
		return c.Kind == el.Scratch
	}
	assumed[name] = true
	for i := range w.p.Rules {
		r := &w.p.Rules[i]
		if r.Head.Name != name {
			continue
		}
		if r.Op != el.Now || r.Aggregates() {
			return false
		}
		for _, l := range r.Body {
			if l.Kind == el.Absent || l.Kind == el.Outer || l.Kind == el.Match && !w.growsFrom(l.Atom.Name, assumed) {
				return false
			}
		}
	}
	return true
}

// partner finds the literal of a clause whose table's key the negation tests
// exactly, nil if there is none.
func (w *rewriter) partner(clause *el.Rule, negation *el.Literal) *el.Literal {
	var tested []string
	for _, t := range negation.Atom.Args {
		if t.Kind == el.Var && !slices.Contains(tested, t.Name) {
			tested = append(tested, t.Name)
		} else if t.Kind != el.Any {
			return nil // a constant or a repetition tests less than the key
		}
	}
	for i := range clause.Body {
		l := &clause.Body[i]
		if l.Kind != el.Match || w.p.Collection(l.Atom.Name).Kind != el.Table {
			continue
		}
		key := l.Atom.Args[:w.p.Collection(l.Atom.Name).Keys()]
		if len(key) == len(tested) && bound(key, tested) && distinct(key) {
			return l
		}
	}
	return nil
}

func distinct(ts []el.Term) bool {
	for i, t := range ts {
		if t.Kind != el.Var || slices.Contains(ts[:i], t) {
			return false
		}
	}
	return true
}

// stable reports whether what a negation blocks stays blocked: what is negated
// only grows, or loses a tuple only when its partner in the clause is gone for good.
// If self is set, only a partner that is this literal counts.
func (w *rewriter) stable(clause *el.Rule, negation, self *el.Literal) bool {
	if w.grows(negation.Atom.Name) {
		return true
	}
	if !w.settled[negation.Atom.Name] {
		return false
	}
	partner := w.partner(clause, negation)
	return partner != nil && w.gone[partner.Atom.Name] && (self == nil || self == partner)
}
