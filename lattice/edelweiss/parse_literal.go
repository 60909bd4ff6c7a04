package edelweiss

import (
	"fmt"
	"slices"
	"strconv"
)

func (p *parser) atom(head bool) (a Atom, err error) {
	a.Pos = p.tok.pos
	if a.Name, err = p.name("a collection"); err != nil {
		return a, err
	}
	a.Args, err = p.terms(head)
	return a, err
}

// terms reads a list of terms in parentheses; aggregates may stand in heads.
func (p *parser) terms(head bool) ([]Term, error) {
	if err := p.expect("(", "open the list of arguments with ("); err != nil {
		return nil, err
	}
	var args []Term
	for !p.is(")") || len(args) > 0 {
		t, err := p.term(head)
		if err != nil {
			return nil, err
		}
		if args = append(args, t); len(args) > MaxArgs {
			return nil, p.fail("write at most %d arguments", MaxArgs)
		}
		if p.is(")") {
			break
		}
		if err := p.expect(",", "go on with a comma, or close the list with )"); err != nil {
			return nil, err
		}
	}
	return args, p.advance()
}

func (p *parser) term(head bool) (Term, error) {
	t := p.tok
	switch {
	case t.kind == numberToken:
		n, err := p.number()
		return C(Number(n)), err
	case t.kind == stringToken:
		s, err := strconv.Unquote(t.text)
		if err != nil {
			return Term{}, p.lex.fail(t.pos, "string "+t.text, `write \\ for a backslash; \n, \t, \" and \u0000 forms are known`)
		}
		return C(Symbol(s)), p.advance()
	case p.is("@"):
		if err := p.advance(); err != nil {
			return Term{}, err
		}
		n, err := p.number()
		return C(Node(n)), err
	case p.is("["):
		return p.set()
	case p.isWord("_"):
		return V("_"), p.advance()
	case p.isWord("self"):
		return Me(), p.advance()
	}
	name, err := p.name("a variable")
	if err != nil || !head || !p.is("(") {
		return V(name), err
	}
	if err := p.advance(); err != nil {
		return Term{}, err
	}
	arg := ""
	if !p.is(")") {
		if arg, err = p.name("a variable"); err != nil {
			return Term{}, err
		}
	}
	return Agg(name, arg), p.expect(")", "close the aggregate, which has at most one argument, with )")
}

func (p *parser) number() (int64, error) {
	if p.tok.kind != numberToken {
		return 0, p.fail("put a number here")
	}
	n, err := strconv.ParseInt(p.tok.text, 10, 64)
	if err != nil {
		return 0, p.lex.fail(p.tok.pos, "number "+p.tok.text, "write a number of 64 bits with its sign")
	}
	return n, p.advance()
}

func (p *parser) set() (Term, error) {
	if err := p.advance(); err != nil {
		return Term{}, err
	}
	var ns []int64
	for !p.is("]") || len(ns) > 0 {
		n, err := p.number()
		if err != nil {
			return Term{}, err
		}
		if ns = append(ns, n); len(ns) > MaxSetSize {
			return Term{}, p.fail("write at most %d members", MaxSetSize)
		}
		if p.is("]") {
			break
		}
		if err := p.expect(",", "go on with a comma, or close the set with ]"); err != nil {
			return Term{}, err
		}
	}
	return C(Numbers(ns...)), p.advance()
}

func (p *parser) literal() (Literal, error) {
	pos := p.tok.pos
	if p.is("!") {
		if err := p.advance(); err != nil {
			return Literal{}, err
		}
		a, err := p.atom(false)
		return Literal{Kind: Absent, Atom: a, Pos: pos}, err
	}
	t, err := p.term(false)
	if err != nil {
		return Literal{}, err
	}
	switch {
	case p.is("(") && t.Kind == Var:
		return p.call(t.Name, pos)
	case p.isWord("in") && t.Kind == Var:
		if err := p.advance(); err != nil {
			return Literal{}, err
		}
		set, err := p.term(false)
		return Literal{Kind: Each, Var: t.Name, Args: []Term{set}, Pos: pos}, err
	case p.is(":=") && t.Kind == Var:
		return p.let(t.Name, pos)
	case p.tok.kind == markToken && infix(p.tok.text) && p.tok.text != "!" && p.tok.text != "=>":
		l := Literal{Kind: Test, Function: p.tok.text, Pos: pos}
		if err := p.advance(); err != nil {
			return l, err
		}
		right, err := p.term(false)
		l.Args = []Term{t, right}
		return l, err
	}
	return Literal{}, p.fail("go on with (arguments), a comparison, := or in")
}

// call reads an atom with what may follow it, or a named function that selects.
func (p *parser) call(name string, pos Pos) (Literal, error) {
	args, err := p.terms(false)
	if err != nil {
		return Literal{}, err
	}
	if f := FunctionNamed(name); f != nil {
		return Literal{Kind: Test, Function: name, Args: args, Pos: pos}, nil
	}
	l := Literal{Kind: Match, Atom: Atom{Name: name, Args: args, Pos: pos}, Pos: pos}
	switch {
	case p.isWord("from"):
		if err := p.advance(); err != nil {
			return l, err
		}
		l.From, err = p.name("a variable")
		return l, err
	case p.isWord("else"):
		l.Kind = Outer
		return l, p.defaults(&l)
	}
	return l, nil
}

func (p *parser) defaults(l *Literal) error {
	for {
		if err := p.advance(); err != nil {
			return err
		}
		name, err := p.name("a variable")
		if err != nil {
			return err
		}
		if err := p.expect("=", "put = and the default value here"); err != nil {
			return err
		}
		pos := p.tok.pos
		v, err := p.term(false)
		if err != nil {
			return err
		}
		if v.Kind != Const && v.Kind != Self {
			return p.lex.fail(pos, fmt.Sprintf("default %s", v), "a default is a constant or self")
		}
		if l.Else = append(l.Else, Default{Var: name, Value: v}); len(l.Else) > MaxArgs {
			return p.fail("write at most %d defaults", MaxArgs)
		}
		if !p.isWord("and") {
			return nil
		}
	}
}

func (p *parser) let(name string, pos Pos) (Literal, error) {
	l := Literal{Kind: Let, Var: name, Pos: pos}
	if err := p.advance(); err != nil {
		return l, err
	}
	word, isWord := p.tok.text, p.tok.kind == wordToken && !slices.Contains(reserved, p.tok.text)
	t, err := p.term(false)
	if err != nil {
		return l, err
	}
	if isWord && p.is("(") {
		l.Function = word
		l.Args, err = p.terms(false)
		return l, err
	}
	l.Args = []Term{t}
	return l, nil
}
