package edelweiss

import (
	"errors"
	"fmt"
	"slices"
)

// Check reports what is wrong with a program that people wrote, as an error that
// joins an [*Error] for each fault, in the order of the text; nil if nothing is.
// O(program).
func Check(p *Program) error { return check(p, false) }

// CheckRewritten is Check for the output of a rewrite, which may also delete,
// and may answer a message with a message.
func CheckRewritten(p *Program) error { return check(p, true) }

type checker struct {
	p         *Program
	rewritten bool
	byName    map[string]*Collection
	faults    []*Error
}

func check(p *Program, rewritten bool) error {
	c := &checker{p: p, rewritten: rewritten, byName: map[string]*Collection{}}
	c.collections()
	for i := range p.Seals {
		c.seal(&p.Seals[i])
	}
	for i := range p.Rules {
		c.rule(&p.Rules[i])
	}
	if len(c.faults) == 0 {
		c.stratify()
	}
	slices.SortStableFunc(c.faults, func(a, b *Error) int {
		return a.Pos.compare(b.Pos)
	})
	errs := make([]error, len(c.faults))
	for i, f := range c.faults {
		errs[i] = f
	}
	return errors.Join(errs...)
}

func (p Pos) compare(q Pos) int {
	if p.Line != q.Line {
		return p.Line - q.Line
	}
	return p.Column - q.Column
}

func (c *checker) fault(at Pos, kind error, remedy, format string, args ...any) {
	c.faults = append(c.faults, &Error{Pos: at, Kind: kind, What: fmt.Sprintf(format, args...), Remedy: remedy})
}

func (c *checker) collections() {
	for i := range c.p.Collections {
		col := &c.p.Collections[i]
		if FunctionNamed(col.Name) != nil {
			c.fault(col.Pos, ErrDeclared, "give the collection another name", "%s is the name of a function", col.Name)
		}
		if c.byName[col.Name] != nil {
			c.fault(col.Pos, ErrDeclared, "rename one of the two", "%s is declared twice", col.Name)
			continue
		}
		c.byName[col.Name] = col
		c.columns(col)
	}
}

func (c *checker) columns(col *Collection) {
	if col.Kind.String() == "?" || len(col.Columns) == 0 || len(col.Columns) > MaxArgs {
		c.fault(col.Pos, ErrDeclared, fmt.Sprintf("give it a kind and 1 to %d columns", MaxArgs), "%s has no kind or no columns", col.Name)
		return
	}
	keys, locations := col.Keys(), 0
	for i, column := range col.Columns {
		if slices.ContainsFunc(col.Columns[:i], func(o Column) bool { return o.Name == column.Name }) {
			c.fault(col.Pos, ErrDeclared, "rename one of the two", "%s has two columns %s", col.Name, column.Name)
		}
		if column.Key && i >= keys {
			c.fault(col.Pos, ErrDeclared, "put key columns first", "%s has key column %s after others", col.Name, column.Name)
		}
		if column.Type.String() == "?" {
			c.fault(col.Pos, ErrDeclared, "give it a type", "column %s of %s has no type", column.Name, col.Name)
		}
		if column.At {
			locations++
			if column.Type != NodeType {
				c.fault(col.Pos, ErrType, "give the @-column the type node", "@%s of %s is a %s", column.Name, col.Name, column.Type)
			}
		}
	}
	switch {
	case keys == 0:
		c.fault(col.Pos, ErrDeclared, "put => after the columns that determine the others", "%s has no key column", col.Name)
	case col.Kind == Channel && locations != 1:
		c.fault(col.Pos, ErrDeclared, "mark the column that says where a message goes with @",
			"channel %s has %d @-columns, want 1", col.Name, locations)
	case col.Kind != Channel && locations > 0:
		c.fault(col.Pos, ErrDeclared, "remove the @, or make it a channel", "%s %s has an @-column", col.Kind, col.Name)
	case col.Kind == Range && (keys != len(col.Columns) || col.Columns[keys-1].Type != NumberType):
		c.fault(col.Pos, ErrDeclared, "make all columns keys and the last a number, or make it a table",
			"range %s holds more than ids", col.Name)
	}
}

func (c *checker) seal(s *Seal) {
	vars := map[string]Type{}
	of, by := c.atom(s.Of, vars), c.atom(s.By, vars)
	if of == nil || by == nil {
		return
	}
	if of.Kind != Table && of.Kind != Range {
		c.fault(s.Pos, ErrSeal, "seal a table", "%s %s cannot be sealed", of.Kind, of.Name)
	}
	if by.Kind != Table && by.Kind != Range && by.Kind != Sealed {
		c.fault(s.Pos, ErrSeal, "announce completeness by a table, which remembers it", "%s %s seals", by.Kind, by.Name)
	}
	ofVars := s.Of.Vars(nil)
	for _, v := range s.By.Vars(nil) {
		if !slices.Contains(ofVars, v) {
			c.fault(s.Pos, ErrSeal, "share the variable, or write _", "%s stands only on one side", v)
		}
	}
	for _, v := range ofVars {
		if !slices.Contains(s.By.Vars(nil), v) {
			c.fault(s.Pos, ErrSeal, "share the variable, or write _", "%s stands only on one side", v)
		}
	}
}

// atom checks names, number and types of an atom's arguments, and notes the types
// of its variables.
func (c *checker) atom(a Atom, vars map[string]Type) *Collection {
	col := c.byName[a.Name]
	if col == nil {
		c.fault(a.Pos, ErrDeclared, "declare it with .decl, or correct the name", "no collection %s", a.Name)
		return nil
	}
	if len(a.Args) != len(col.Columns) {
		c.fault(a.Pos, ErrType, "write a term, or _, for each column", "%s has %d columns, %d terms are given",
			a.Name, len(col.Columns), len(a.Args))
		return nil
	}
	for i, t := range a.Args {
		c.term(a.Pos, t, col.Columns[i].Type, vars, "column "+col.Columns[i].Name+" of "+a.Name)
	}
	return col
}

// term checks one argument against the wanted type.
func (c *checker) term(at Pos, t Term, want Type, vars map[string]Type, where string) {
	got := want
	switch t.Kind {
	case Const:
		got = t.Value.Type()
	case Self:
		got = NodeType
	case Var:
		if known, ok := vars[t.Name]; ok {
			got = known
		} else {
			vars[t.Name] = want
		}
	}
	if got != want {
		c.fault(at, ErrType, "use a value of that type", "%s is a %s, %s wants a %s", t, got, where, want)
	}
}
