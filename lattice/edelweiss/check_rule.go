package edelweiss

import (
	"slices"
)

func (c *checker) rule(r *Rule) {
	before := len(c.faults)
	vars := map[string]Type{}
	outers := 0
	positive := false
	for i := range r.Body {
		if r.Body[i].Kind != Test && r.Body[i].Kind != Let && r.Body[i].Kind != Each {
			c.literal(&r.Body[i], vars)
		}
		outers += btoi(r.Body[i].Kind == Outer)
		positive = positive || r.Body[i].Kind == Match
	}
	c.functions(r, vars)
	if outers > MaxOuter {
		c.fault(r.Pos, ErrLimit, "split the rule", "%d outer joins, at most %d", outers, MaxOuter)
	}
	head := c.head(r, vars)
	if head == nil || len(c.faults) > before {
		return
	}
	c.bound(r)
	c.direction(r, head)
	if !positive && (len(r.Body) > 0 || head.Kind != Sealed) {
		c.fault(r.Pos, ErrUnbound, "begin the body with a collection; only sealed ones have facts",
			"nothing to derive %s from", r.Head.Name)
	}
	if r.Op == Async {
		c.async(r)
	}
}

// functions checks the literals that compute, each once the types of its arguments
// are known; what then is left has an unbound variable, which bound reports.
func (c *checker) functions(r *Rule, vars map[string]Type) {
	var waiting []*Literal
	for i := range r.Body {
		if l := &r.Body[i]; l.Kind == Test || l.Kind == Let || l.Kind == Each {
			waiting = append(waiting, l)
		}
	}
	for progress := true; progress; {
		progress = false
		waiting = slices.DeleteFunc(waiting, func(l *Literal) bool {
			for _, t := range l.Args {
				if _, ok := vars[t.Name]; t.Kind == Var && !ok && l.Kind != Each {
					return false
				}
			}
			c.literal(l, vars)
			progress = true
			return true
		})
	}
	for _, l := range waiting {
		f := FunctionNamed(l.Function)
		if l.Kind != Each && l.Function != "" && (f == nil || (l.Kind == Test) != (f.Holds != nil)) {
			c.literal(l, vars)
			continue
		}
		for _, t := range l.Args {
			if _, ok := vars[t.Name]; t.Kind == Var && !ok {
				c.fault(l.Pos, ErrUnbound, "bind it with a collection, := or in", "%s has no value in %s", t.Name, r.Head.Name)
			}
		}
	}
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

func (c *checker) literal(l *Literal, vars map[string]Type) {
	switch l.Kind {
	case Match, Absent, Outer:
		for _, t := range l.Atom.Args {
			if t.Kind == Aggregate {
				c.fault(l.Pos, ErrSyntax, "aggregate in a head", "aggregate %s in a body", t)
			}
		}
		col := c.atom(l.Atom, vars)
		if col == nil {
			return
		}
		if l.From != "" {
			if col.Kind != Channel || l.Kind != Match {
				c.fault(l.Pos, ErrType, "only a message has a sender", "%s %s from", col.Kind, col.Name)
			}
			c.term(l.Pos, V(l.From), NodeType, vars, "sender of "+col.Name)
		}
		if col.Kind == Output {
			c.fault(l.Pos, ErrDirection, "derive a scratch first, and the output from it", "output %s is read", col.Name)
		}
		if l.Kind == Outer {
			c.defaults(l, vars)
		}
	case Test, Let:
		c.call(l, vars)
	case Each:
		if len(l.Args) != 1 {
			c.fault(l.Pos, ErrType, "name the set", "in with %d arguments", len(l.Args))
			return
		}
		c.term(l.Pos, l.Args[0], NumbersType, vars, "in")
		c.term(l.Pos, V(l.Var), NumberType, vars, "in")
	default:
		c.fault(l.Pos, ErrSyntax, "use a literal of the algebra", "literal of no kind")
	}
}

func (c *checker) defaults(l *Literal, vars map[string]Type) {
	for i, d := range l.Else {
		if !slices.Contains(l.Atom.Vars(nil), d.Var) || slices.ContainsFunc(l.Else[:i], func(o Default) bool { return o.Var == d.Var }) {
			c.fault(l.Pos, ErrUnbound, "give each variable that the outer join binds one default", "default for %s", d.Var)
			continue
		}
		c.term(l.Pos, d.Value, vars[d.Var], vars, "default of "+d.Var)
	}
}

func (c *checker) call(l *Literal, vars map[string]Type) {
	if l.Kind == Let && l.Function == "" {
		if len(l.Args) != 1 || l.Args[0].Kind == Any {
			c.fault(l.Pos, ErrType, "put one term after :=", "%s := without a term", l.Var)
			return
		}
		t := c.typeOf(l.Args[0], vars)
		c.term(l.Pos, V(l.Var), t, vars, ":=")
		return
	}
	f := FunctionNamed(l.Function)
	if f == nil || (l.Kind == Test) != (f.Holds != nil) {
		c.fault(l.Pos, ErrDeclared, "use a function of the table", "no function %s that %s", l.Function,
			map[bool]string{true: "selects", false: "gives a value"}[l.Kind == Test])
		return
	}
	if len(l.Args) != len(f.Args) {
		c.fault(l.Pos, ErrType, "write an argument for each", "%s takes %d arguments, %d are given", f.Name, len(f.Args), len(l.Args))
		return
	}
	shared := Type(0)
	for i, a := range l.Args {
		want := f.Args[i]
		if want == anyType {
			if shared == 0 {
				shared = c.typeOf(a, vars)
			}
			want = shared
		}
		c.term(l.Pos, a, want, vars, "argument of "+f.Name)
	}
	if l.Kind == Let {
		c.term(l.Pos, V(l.Var), f.Result, vars, "result of "+f.Name)
	}
}

func (c *checker) typeOf(t Term, vars map[string]Type) Type {
	switch t.Kind {
	case Const:
		return t.Value.Type()
	case Self:
		return NodeType
	}
	return vars[t.Name]
}

func (c *checker) head(r *Rule, vars map[string]Type) *Collection {
	col := c.byName[r.Head.Name]
	if col == nil {
		c.fault(r.Head.Pos, ErrDeclared, "declare it with .decl, or correct the name", "no collection %s", r.Head.Name)
		return nil
	}
	if len(r.Head.Args) != len(col.Columns) {
		c.fault(r.Head.Pos, ErrType, "write a term for each column", "%s has %d columns, %d terms are given",
			r.Head.Name, len(col.Columns), len(r.Head.Args))
		return nil
	}
	for i, t := range r.Head.Args {
		want := col.Columns[i].Type
		where := "column " + col.Columns[i].Name + " of " + col.Name
		switch t.Kind {
		case Any:
			c.fault(r.Head.Pos, ErrUnbound, "put a variable or a constant here", "_ in a head")
		case Aggregate:
			c.aggregate(r, t, want, vars, where)
		case Var:
			if _, ok := vars[t.Name]; !ok {
				c.fault(r.Head.Pos, ErrUnbound, "use it in the body", "%s stands only in the head", t.Name)
				continue
			}
			fallthrough
		default:
			c.term(r.Head.Pos, t, want, vars, where)
		}
	}
	return col
}

func (c *checker) aggregate(r *Rule, t Term, want Type, vars map[string]Type, where string) {
	a, ok := aggregates[t.Name]
	switch got, bound := vars[t.Arg]; {
	case !ok:
		c.fault(r.Head.Pos, ErrDeclared, "use count, sum, min or max", "no aggregate %s", t.Name)
	case a.needsArg != (t.Arg != ""):
		c.fault(r.Head.Pos, ErrType, "count() has no argument, the others have one", "%s", t)
	case a.needsArg && !bound:
		c.fault(r.Head.Pos, ErrUnbound, "use it in the body", "%s stands only in the head", t.Arg)
	case (a.number && got != NumberType) || (a.needsArg && got != want) || (!a.needsArg && want != NumberType):
		c.fault(r.Head.Pos, ErrType, "aggregate into a column of that type", "%s for %s, which is a %s", t, where, want)
	}
}

// bound requires that some order of the literals gives each variable a value
// before it is used.
func (c *checker) bound(r *Rule) {
	for _, clause := range r.Desugar() {
		if v := clause.unbound(); v != "" {
			c.fault(r.Pos, ErrUnbound, "bind it with a collection, := or in; write _ if it does not matter",
				"%s has no value in %s", v, clause.Head.Name)
			return
		}
	}
}

// unbound names a variable of a rule without outer joins that no literal gives a
// value, "" if there is none.
func (r *Rule) unbound() string {
	known := map[string]bool{}
	need := func(args []Term) string {
		for _, t := range args {
			if t.Kind == Var && !known[t.Name] {
				return t.Name
			}
		}
		return ""
	}
	for _, l := range r.Body {
		if l.Kind == Match {
			for _, v := range l.Atom.Vars(nil) {
				known[v] = true
			}
			if l.From != "" {
				known[l.From] = true
			}
		}
	}
	for range r.Body { // each pass binds one more or nothing at all
		for _, l := range r.Body {
			if (l.Kind == Let || l.Kind == Each) && need(l.Args) == "" {
				known[l.Var] = true
			}
		}
	}
	for _, l := range r.Body {
		v := ""
		switch l.Kind {
		case Absent:
			v = need(l.Atom.Args)
		case Test, Let, Each:
			v = need(l.Args)
			for _, t := range l.Args {
				if t.Kind == Any {
					v = "_"
				}
			}
		}
		if v != "" {
			return v
		}
	}
	for _, t := range r.Head.Args {
		if t.Kind == Aggregate && t.Arg != "" && !known[t.Arg] {
			return t.Arg
		}
	}
	return need(r.Head.Args)
}

// direction checks that the operator fits the kind of the head.
func (c *checker) direction(r *Rule, head *Collection) {
	bad := func(remedy string) {
		c.fault(r.Pos, ErrDirection, remedy, "%s @%s into %s %s", r.Head.Name, r.Op, head.Kind, head.Name)
	}
	switch {
	case r.Op == Delete && !c.rewritten:
		c.fault(r.Pos, ErrDeletion, "leave it out: say in a negation what the tuple is no longer needed for, and the rewrites delete it",
			"%s is deleted from", head.Name)
	case r.Op == Delete && head.Kind != Table:
		bad("only tables are deleted from")
	case r.Op == Delete && (r.Aggregates() || !slices.ContainsFunc(r.Body, func(l Literal) bool {
		return l.Kind == Match && sameAtom(l.Atom, r.Head)
	})):
		bad("a deletion reads the very tuple that it deletes")
	case head.Kind == Input:
		bad("an input is filled by the host")
	case head.Kind == Sealed && len(r.Body) > 0:
		bad("a sealed collection has only facts")
	case (head.Kind == Channel) != (r.Op == Async):
		bad("@async and channels go together")
	case head.Kind == Output && r.Op != Now:
		bad("derive a scratch @next and the output from it")
	}
}

func sameAtom(a, b Atom) bool {
	return a.Name == b.Name && slices.EqualFunc(a.Args, b.Args, func(s, t Term) bool { return s == t && s.Kind != Any })
}

// async requires that what is sent derives from what persists: else a message
// that is lost is lost for good, since nothing derives it again.
func (c *checker) async(r *Rule) {
	if r.Aggregates() {
		c.fault(r.Pos, ErrTransient, "aggregate into a table first", "%s is sent as an aggregate", r.Head.Name)
	}
	for _, l := range r.Body {
		if l.Kind != Match && l.Kind != Outer {
			continue
		}
		col := c.byName[l.Atom.Name]
		if !col.Kind.Persistent() && !(c.rewritten && col.Kind == Channel) {
			c.fault(l.Pos, ErrTransient, "keep what is to be sent in a table, and send from there",
				"channel %s derives from %s %s, which is gone after the timestep", r.Head.Name, col.Kind, col.Name)
		}
	}
}

// stratify refuses a negation, outer join or aggregation that depends on its own
// result within a timestep.
func (c *checker) stratify() {
	s := Stratify(c.p)
	for i := range c.p.Rules {
		r := &c.p.Rules[i]
		if r.Op != Now {
			continue
		}
		for _, l := range r.Body {
			monotone := l.Kind == Match && !r.Aggregates()
			if l.Kind > Outer || monotone || s.Of[l.Atom.Name] != s.Of[r.Head.Name] {
				continue
			}
			how := "negates"
			if l.Kind == Outer {
				how = "pads"
			} else if l.Kind == Match {
				how = "aggregates"
			}
			c.fault(l.Pos, ErrUnstrat, "break the cycle with @next in one of its rules",
				"%s %s %s, which depends on %s in the same timestep: %s", r.Head.Name, how, l.Atom.Name, r.Head.Name,
				s.cycle(l.Atom.Name, r.Head.Name))
		}
	}
}
