package edelweiss

import (
	"fmt"
	"strings"
)

// Souffle writes the timeless fragment of a program in the language of Soufflé
// (souffle-lang.github.io), an outside oracle for what holds within one timestep:
// tables, ranges and sealed collections become relations like any other, inputs
// .input and outputs .output, and nodes numbers. Rules with @next, @async or
// @delete, channels, self, sets, senders and aggregates are not in the fragment:
// the error is an [ErrInexpress] that names the first of them. The program must
// satisfy [Check].
//
// Arithmetic saturates here and wraps there, and division by zero is 0 here.
func Souffle(p *Program) (string, error) {
	var b strings.Builder
	refuse := func(at Pos, what string) (string, error) {
		return "", &Error{Pos: at, Kind: ErrInexpress, What: what, Remedy: "export a program without it"}
	}
	for _, c := range p.Collections {
		if c.Kind == Channel {
			return refuse(c.Pos, "channel "+c.Name)
		}
		var cols []string
		for _, col := range c.Columns {
			name, ok := map[Type]string{NumberType: "number", NodeType: "number", SymbolType: "symbol"}[col.Type]
			if !ok {
				return refuse(c.Pos, fmt.Sprintf("column %s of type %s", col.Name, col.Type))
			}
			cols = append(cols, col.Name+": "+name)
		}
		fmt.Fprintf(&b, ".decl %s(%s)\n", c.Name, strings.Join(cols, ", "))
		switch c.Kind {
		case Input:
			fmt.Fprintf(&b, ".input %s\n", c.Name)
		case Output:
			fmt.Fprintf(&b, ".output %s\n", c.Name)
		}
	}
	for _, r := range p.Rules {
		if r.Op != Now {
			return refuse(r.Pos, "@"+r.Op.String())
		}
		if r.Aggregates() {
			return refuse(r.Pos, "aggregate in "+r.Head.Name)
		}
		for _, clause := range r.Desugar() {
			text, err := clause.souffle()
			if err != nil {
				return "", err
			}
			b.WriteString(text)
		}
	}
	return b.String(), nil
}

func (r Rule) souffle() (string, error) {
	head, err := souffleAtom(r.Head)
	if err != nil || len(r.Body) == 0 {
		return head + ".\n", err
	}
	var body []string
	for _, l := range r.Body {
		text, err := l.souffle()
		if err != nil {
			return "", err
		}
		body = append(body, text)
	}
	return head + " :- " + strings.Join(body, ", ") + ".\n", nil
}

func souffleAtom(a Atom) (string, error) {
	args, err := souffleTerms(a.Pos, a.Args)
	return a.Name + "(" + strings.Join(args, ", ") + ")", err
}

func souffleTerms(at Pos, terms []Term) ([]string, error) {
	var args []string
	for _, t := range terms {
		switch {
		case t.Kind == Self, t.Kind == Const && t.Value.Type() == NumbersType:
			return nil, &Error{Pos: at, Kind: ErrInexpress, What: t.String(), Remedy: "export a program without it"}
		case t.Kind == Const && t.Value.Type() == NodeType:
			args = append(args, strings.TrimPrefix(t.String(), "@"))
		default:
			args = append(args, t.String())
		}
	}
	return args, nil
}

var souffleInfix = map[string]string{"add": "+", "sub": "-", "mul": "*", "div": "/", "mod": "%"}

func (l Literal) souffle() (string, error) {
	switch l.Kind {
	case Match:
		return souffleAtom(l.Atom)
	case Absent:
		s, err := souffleAtom(l.Atom)
		return "!" + s, err
	}
	args, err := souffleTerms(l.Pos, l.Args)
	if err != nil {
		return "", err
	}
	value := ""
	switch {
	case l.Kind == Test && infix(l.Function):
		return args[0] + " " + l.Function + " " + args[1], nil
	case l.Kind == Test && l.Function == "prefix":
		return fmt.Sprintf("substr(%s, 0, strlen(%s)) = %s", args[0], args[1], args[1]), nil
	case l.Kind == Let && l.Function == "":
		value = args[0]
	case l.Kind == Let && souffleInfix[l.Function] != "":
		value = args[0] + " " + souffleInfix[l.Function] + " " + args[1]
	case l.Kind == Let && l.Function == "concat":
		value = "cat(" + strings.Join(args, ", ") + ")"
	case l.Kind == Let && (l.Function == "max" || l.Function == "min"):
		value = l.Function + "(" + strings.Join(args, ", ") + ")"
	default:
		return "", &Error{Pos: l.Pos, Kind: ErrInexpress, What: l.String(), Remedy: "export a program without it"}
	}
	return l.Var + " = " + value, nil
}
