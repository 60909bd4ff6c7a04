package edelweiss

import (
	"strings"
)

// Print writes the program in the text form: declarations, seals, rules, each
// under its comment. [Parse] of the result is the same program, and Print of what
// [Parse] read is the same text if that was so written.
func Print(p *Program) string {
	var b strings.Builder
	first := true
	section := func(doc []string, newSection bool) {
		if !first && (newSection || len(doc) > 0) {
			b.WriteByte('\n')
		}
		first = false
		comment(&b, doc)
	}
	for i := range p.Collections {
		section(p.Collections[i].Doc, false)
		b.WriteString(p.Collections[i].String() + "\n")
	}
	for i, s := range p.Seals {
		section(s.Doc, i == 0)
		b.WriteString(s.String() + "\n")
	}
	for i, r := range p.Rules {
		section(r.Doc, i == 0)
		b.WriteString(r.String() + "\n")
	}
	if len(p.Tail) > 0 {
		section(p.Tail, true)
	}
	return b.String()
}

func comment(b *strings.Builder, doc []string) {
	for _, line := range doc {
		b.WriteString(strings.TrimRight("// "+line, " ") + "\n")
	}
}

// String is the declaration in the text form.
func (c *Collection) String() string {
	var b strings.Builder
	b.WriteString(".decl " + c.Name + "(")
	keys := c.Keys()
	for i, col := range c.Columns {
		switch {
		case i == 0:
		case i == keys:
			b.WriteString(" => ")
		default:
			b.WriteString(", ")
		}
		if col.At {
			b.WriteByte('@')
		}
		b.WriteString(col.Name + ": " + col.Type.String())
	}
	b.WriteString(") " + c.Kind.String())
	return b.String()
}

// String is the seal in the text form.
func (s Seal) String() string { return ".seal " + s.Of.String() + " by " + s.By.String() }

// String is the rule in the text form, on one line.
func (r Rule) String() string {
	var b strings.Builder
	b.WriteString(r.Head.String())
	if r.Op != Now {
		b.WriteString(" @" + r.Op.String())
	}
	for i, l := range r.Body {
		if i == 0 {
			b.WriteString(" :- ")
		} else {
			b.WriteString(", ")
		}
		b.WriteString(l.String())
	}
	b.WriteByte('.')
	return b.String()
}

// String is the atom in the text form.
func (a Atom) String() string { return a.Name + termList(a.Args) }

func termList(args []Term) string {
	parts := make([]string, len(args))
	for i, t := range args {
		parts[i] = t.String()
	}
	return "(" + strings.Join(parts, ", ") + ")"
}

// String is the term in the text form.
func (t Term) String() string {
	switch t.Kind {
	case Var:
		return t.Name
	case Const:
		return t.Value.String()
	case Any:
		return "_"
	case Self:
		return "self"
	case Aggregate:
		return t.Name + "(" + t.Arg + ")"
	}
	return "?"
}

// String is the literal in the text form.
func (l Literal) String() string {
	switch l.Kind {
	case Match:
		if l.From != "" {
			return l.Atom.String() + " from " + l.From
		}
		return l.Atom.String()
	case Absent:
		return "!" + l.Atom.String()
	case Outer:
		parts := make([]string, len(l.Else))
		for i, d := range l.Else {
			parts[i] = d.Var + " = " + d.Value.String()
		}
		return l.Atom.String() + " else " + strings.Join(parts, " and ")
	case Test:
		if infix(l.Function) && len(l.Args) == 2 {
			return l.Args[0].String() + " " + l.Function + " " + l.Args[1].String()
		}
		return l.Function + termList(l.Args)
	case Let:
		if l.Function == "" && len(l.Args) == 1 {
			return l.Var + " := " + l.Args[0].String()
		}
		return l.Var + " := " + l.Function + termList(l.Args)
	case Each:
		if len(l.Args) == 1 {
			return l.Var + " in " + l.Args[0].String()
		}
	}
	return "?"
}

func infix(function string) bool {
	return function != "" && strings.IndexByte("=!<>", function[0]) >= 0
}
