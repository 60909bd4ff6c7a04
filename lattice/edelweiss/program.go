package edelweiss

import "slices"

// Kind says how long a collection keeps a tuple, and who else may touch it.
type Kind uint8

// The kinds of collections; see the package comment.
const (
	Table Kind = iota + 1
	Range
	Sealed
	Scratch
	Input
	Output
	Channel
)

var kindNames = []string{"?", "table", "range", "sealed", "scratch", "input", "output", "channel"}

// String is the kind's name in the text form.
func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return "?"
}

// Persistent reports whether a collection of this kind keeps its tuples from
// timestep to timestep.
func (k Kind) Persistent() bool { return k == Table || k == Range || k == Sealed }

// Op says when what a rule derives holds.
type Op uint8

// The operators between head and body.
const (
	Now    Op = iota + 1 // in the same timestep
	Next                 // in the next timestep of the same node
	Async                // as a message, which may be lost, repeated and late
	Delete               // gone after the timestep, unless a Next rule adds it; only rewrites write it
)

var opNames = []string{"?", "now", "next", "async", "delete"}

// String is the operator's name; in the text form Now is written by leaving it out.
func (o Op) String() string {
	if int(o) < len(opNames) {
		return opNames[o]
	}
	return "?"
}

// Pos is a place in a program's text; the zero Pos is none.
type Pos struct{ Line, Column int }

// Column is a column of a collection.
type Column struct {
	Name string
	Type Type
	Key  bool // among the columns that determine the others; these come first
	At   bool // of a channel: the node that the message goes to
}

// Collection is the declaration of a collection.
type Collection struct {
	Name    string
	Kind    Kind
	Columns []Column
	Doc     []string // lines of comment above
	Pos     Pos
}

// Keys is the number of key columns, which come first.
func (c *Collection) Keys() int {
	n := 0
	for n < len(c.Columns) && c.Columns[n].Key {
		n++
	}
	return n
}

// Location is the index of a channel's @-column, -1 without one.
func (c *Collection) Location() int {
	return slices.IndexFunc(c.Columns, func(c Column) bool { return c.At })
}

// TermKind tells the terms apart.
type TermKind uint8

// The kinds of terms.
const (
	Var       TermKind = iota + 1 // a variable, Name
	Const                         // a constant, Value
	Any                           // _, a column that does not matter
	Self                          // the address of the node that evaluates
	Aggregate                     // in heads: function Name over variable Arg, "" for count()
)

// Term is an argument of an atom, or of a function.
type Term struct {
	Kind  TermKind
	Name  string
	Arg   string
	Value Value
}

// Atom is a collection's name with a term for each column.
type Atom struct {
	Name string
	Args []Term
	Pos  Pos
}

// LiteralKind tells the literals apart.
type LiteralKind uint8

// The kinds of literals.
const (
	Match  LiteralKind = iota + 1 // scan, join or semijoin: Atom, and From on channels
	Absent                        // notin: no tuple matches Atom
	Outer                         // outer join: as Match, or Else if no tuple matches
	Test                          // select: Function over Args holds
	Let                           // map: Var = Function over Args; the function "" is Args[0] itself
	Each                          // flatmap: Var ranges over the set Args[0]
)

// Default gives a variable its value where an outer join finds nothing.
type Default struct {
	Var   string
	Value Term // a constant or Self
}

// Literal is one operator of a rule's body.
type Literal struct {
	Kind     LiteralKind
	Atom     Atom
	From     string    // variable for the sender, "" if it does not matter
	Else     []Default // of Outer, for each variable that Atom binds
	Function string
	Args     []Term
	Var      string
	Pos      Pos
}

// Rule derives a tuple of its head for each way of satisfying its body.
type Rule struct {
	Head Atom
	Op   Op
	Body []Literal // empty only in facts of sealed collections
	Doc  []string
	Pos  Pos
}

// Seal promises that once By holds, no tuple of Of with the values of the shared
// variables comes that was not there before. By collections only grow.
type Seal struct {
	Of, By Atom
	Doc    []string
	Pos    Pos
}

// Program is a set of collections and rules over them.
type Program struct {
	Collections []Collection
	Seals       []Seal
	Rules       []Rule
	Tail        []string // lines of comment after everything
}

// Collection finds a collection by name, nil if there is none. O(collections).
func (p *Program) Collection(name string) *Collection {
	i := slices.IndexFunc(p.Collections, func(c Collection) bool { return c.Name == name })
	if i < 0 {
		return nil
	}
	return &p.Collections[i]
}

// Clone copies the program so that changes of one leave the other alone.
func (p *Program) Clone() *Program {
	q := &Program{Collections: slices.Clone(p.Collections), Seals: slices.Clone(p.Seals),
		Rules: slices.Clone(p.Rules), Tail: slices.Clone(p.Tail)}
	for i := range q.Collections {
		q.Collections[i].Columns = slices.Clone(q.Collections[i].Columns)
	}
	for i := range q.Seals {
		q.Seals[i].Of, q.Seals[i].By = q.Seals[i].Of.clone(), q.Seals[i].By.clone()
	}
	for i := range q.Rules {
		q.Rules[i] = q.Rules[i].Clone()
	}
	return q
}

// Clone copies the rule.
func (r Rule) Clone() Rule {
	r.Head = r.Head.clone()
	r.Body = slices.Clone(r.Body)
	for i := range r.Body {
		l := &r.Body[i]
		l.Atom, l.Args, l.Else = l.Atom.clone(), slices.Clone(l.Args), slices.Clone(l.Else)
	}
	return r
}

func (a Atom) clone() Atom {
	a.Args = slices.Clone(a.Args)
	return a
}

// Vars appends the names of the atom's variables in order, with repetition.
func (a Atom) Vars(dst []string) []string {
	for _, t := range a.Args {
		if t.Kind == Var {
			dst = append(dst, t.Name)
		}
	}
	return dst
}

// Aggregates reports whether the rule's head aggregates.
func (r *Rule) Aggregates() bool {
	return slices.ContainsFunc(r.Head.Args, func(t Term) bool { return t.Kind == Aggregate })
}

// Desugar writes outer joins as pairs of clauses: one that joins, and one for the
// assignments that nothing matches, with the defaults. A rule without outer joins
// is itself. n outer joins give 2^n clauses; [Check] bounds n.
func (r Rule) Desugar() []Rule {
	i := slices.IndexFunc(r.Body, func(l Literal) bool { return l.Kind == Outer })
	if i < 0 {
		return []Rule{r}
	}
	outer := r.Body[i]
	joined, padded := r.Clone(), r.Clone()
	joined.Body[i].Kind, joined.Body[i].Else = Match, nil
	absent := Literal{Kind: Absent, Atom: outer.Atom.clone(), Pos: outer.Pos}
	var lets []Literal
	for _, d := range outer.Else {
		for j, t := range absent.Atom.Args {
			if t.Kind == Var && t.Name == d.Var {
				absent.Atom.Args[j] = Term{Kind: Any}
			}
		}
		lets = append(lets, Literal{Kind: Let, Var: d.Var, Args: []Term{d.Value}, Pos: outer.Pos})
	}
	padded.Body = slices.Concat(padded.Body[:i], []Literal{absent}, lets, padded.Body[i+1:])
	return append(joined.Desugar(), padded.Desugar()...)
}
