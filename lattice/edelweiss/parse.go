package edelweiss

import (
	"fmt"
	"slices"
	"strconv"
)

// Parse reads a program in the text form. It finds faults of form only, the first
// of them, as an [*Error] with its place; [Check] finds those of meaning. Parse
// never panics, whatever the text.
func Parse(text string) (*Program, error) {
	if len(text) > MaxBytes {
		return nil, &Error{Pos: Pos{1, 1}, Kind: ErrLimit,
			What:   fmt.Sprintf("text of %d bytes, at most %d are read", len(text), MaxBytes),
			Remedy: "split the program"}
	}
	p := &parser{lex: lexer{src: text, line: 1}}
	if err := p.advance(); err != nil {
		return nil, err
	}
	program := &Program{}
	for p.tok.kind != endToken {
		if n := len(program.Collections) + len(program.Seals) + len(program.Rules); n >= MaxStatements {
			return nil, &Error{Pos: p.tok.pos, Kind: ErrLimit,
				What: fmt.Sprintf("more than %d declarations and rules", MaxStatements), Remedy: "split the program"}
		}
		if err := p.statement(program); err != nil {
			return nil, err
		}
	}
	program.Tail = p.tok.doc
	return program, nil
}

// parser is a recursive descent over one token of lookahead.
type parser struct {
	lex lexer
	tok token
}

func (p *parser) advance() (err error) {
	p.tok, err = p.lex.next()
	return err
}

func (p *parser) fail(format string, args ...any) error {
	found := strconv.Quote(p.tok.text)
	if p.tok.kind == endToken {
		found = "the end of the text"
	}
	return &Error{Pos: p.tok.pos, Kind: ErrSyntax, What: "found " + found, Remedy: fmt.Sprintf(format, args...)}
}

func (p *parser) is(mark string) bool { return p.tok.kind == markToken && p.tok.text == mark }

func (p *parser) isWord(w string) bool { return p.tok.kind == wordToken && p.tok.text == w }

func (p *parser) expect(mark, remedy string) error {
	if !p.is(mark) {
		return p.fail("%s", remedy)
	}
	return p.advance()
}

var reserved = []string{"_", "self", "in", "from", "else", "by", "and"}

// name reads a name that is no reserved word.
func (p *parser) name(what string) (string, error) {
	if p.tok.kind != wordToken || slices.Contains(reserved, p.tok.text) {
		return "", p.fail("put the name of %s here", what)
	}
	name := p.tok.text
	return name, p.advance()
}

func (p *parser) statement(program *Program) error {
	doc, pos := p.tok.doc, p.tok.pos
	switch {
	case p.is(".decl"):
		c, err := p.declaration()
		if err != nil {
			return err
		}
		c.Doc, c.Pos = doc, pos
		program.Collections = append(program.Collections, c)
	case p.is(".seal"):
		s, err := p.seal()
		if err != nil {
			return err
		}
		s.Doc, s.Pos = doc, pos
		program.Seals = append(program.Seals, s)
	case p.tok.kind == wordToken:
		r, err := p.rule()
		if err != nil {
			return err
		}
		r.Doc, r.Pos = doc, pos
		program.Rules = append(program.Rules, r)
	default:
		return p.fail("begin a statement with .decl, .seal or the name of a collection")
	}
	return nil
}

func (p *parser) declaration() (c Collection, err error) {
	if err = p.advance(); err != nil {
		return c, err
	}
	if c.Name, err = p.name("a collection"); err != nil {
		return c, err
	}
	if err = p.expect("(", "open the list of columns with ("); err != nil {
		return c, err
	}
	for key := true; ; {
		col, err := p.column(key)
		if err != nil {
			return c, err
		}
		if c.Columns = append(c.Columns, col); len(c.Columns) > MaxArgs {
			return c, p.fail("declare at most %d columns", MaxArgs)
		}
		if p.is(")") {
			break
		}
		if p.is("=>") && key {
			key = false
		} else if !p.is(",") {
			return c, p.fail("go on with a comma, => before the first column that is no key, or )")
		}
		if err = p.advance(); err != nil {
			return c, err
		}
	}
	if err = p.advance(); err != nil {
		return c, err
	}
	i := slices.Index(kindNames, p.tok.text)
	if p.tok.kind != wordToken || i <= 0 {
		return c, p.fail("end the declaration with its kind: table, range, sealed, scratch, input, output or channel")
	}
	c.Kind = Kind(i)
	return c, p.advance()
}

func (p *parser) column(key bool) (c Column, err error) {
	c.Key = key
	if p.is("@") {
		c.At = true
		if err = p.advance(); err != nil {
			return c, err
		}
	}
	if c.Name, err = p.name("a column"); err != nil {
		return c, err
	}
	if err = p.expect(":", "put : and the type after the column's name"); err != nil {
		return c, err
	}
	i := slices.Index(typeNames, p.tok.text)
	if p.tok.kind != wordToken || i <= 0 {
		return c, p.fail("put a type here: number, symbol, node or numbers")
	}
	c.Type = Type(i)
	return c, p.advance()
}

func (p *parser) seal() (s Seal, err error) {
	if err = p.advance(); err != nil {
		return s, err
	}
	if s.Of, err = p.atom(false); err != nil {
		return s, err
	}
	if !p.isWord("by") {
		return s, p.fail("put by and the collection that announces completeness here")
	}
	if err = p.advance(); err != nil {
		return s, err
	}
	s.By, err = p.atom(false)
	return s, err
}

func (p *parser) rule() (r Rule, err error) {
	if r.Head, err = p.atom(true); err != nil {
		return r, err
	}
	r.Op = Now
	if p.is("@") {
		if err = p.advance(); err != nil {
			return r, err
		}
		i := slices.Index(opNames, p.tok.text)
		if p.tok.kind != wordToken || i <= int(Now) {
			return r, p.fail("put next or async after @, or leave @ out for the same timestep")
		}
		r.Op = Op(i)
		if err = p.advance(); err != nil {
			return r, err
		}
	}
	if p.is(":-") {
		if err = p.body(&r); err != nil {
			return r, err
		}
	}
	return r, p.expect(".", "end the rule with a full stop, or go on with a comma or :-")
}

func (p *parser) body(r *Rule) error {
	for {
		if err := p.advance(); err != nil {
			return err
		}
		l, err := p.literal()
		if err != nil {
			return err
		}
		if r.Body = append(r.Body, l); len(r.Body) > MaxLiterals {
			return p.fail("write at most %d literals in a rule", MaxLiterals)
		}
		if !p.is(",") {
			return nil
		}
	}
}
