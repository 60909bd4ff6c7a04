package edelweiss

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Bounds on the text and the program that [Parse] and [Check] accept.
const (
	MaxBytes      = 16 << 20 // bytes of text, a million lines of program
	MaxStatements = 20_000   // declarations, seals and rules together
	MaxArgs       = 64       // columns of a collection, arguments of an atom
	MaxLiterals   = 64       // literals of a rule
	MaxOuter      = 4        // outer joins of a rule
	MaxSetSize    = 4096     // members of a set that is written as a constant
)

type tokenKind uint8

const (
	endToken tokenKind = iota
	wordToken
	numberToken
	stringToken
	markToken // punctuation, and directives such as .decl
)

type token struct {
	kind tokenKind
	text string // of a string, still quoted
	pos  Pos
	doc  []string // lines of comment directly before it
}

// lexer cuts a text into tokens. Columns count characters from 1.
type lexer struct {
	src   string
	off   int
	line  int
	start int // offset of the line's first byte
	doc   []string
}

func (x *lexer) pos() Pos {
	return Pos{Line: x.line, Column: 1 + utf8.RuneCountInString(x.src[x.start:x.off])}
}

func (x *lexer) fail(at Pos, what, remedy string) error {
	return &Error{Pos: at, Kind: ErrSyntax, What: what, Remedy: remedy}
}

var marks = []string{":-", ":=", "=>", "!=", "<=", ">=", "(", ")", "[", "]", ",", ".", ":", "@", "!", "=", "<", ">"}

// next is the next token, with the comments before it.
func (x *lexer) next() (token, error) {
	if err := x.space(); err != nil {
		return token{}, err
	}
	t := token{pos: x.pos(), doc: x.doc}
	x.doc = nil
	rest := x.src[x.off:]
	if rest == "" {
		return t, nil
	}
	switch c := rest[0]; {
	case c == '"':
		return x.quoted(t)
	case digit(c), c == '-' && len(rest) > 1 && digit(rest[1]):
		n := 1
		for n < len(rest) && digit(rest[n]) {
			n++
		}
		t.kind, t.text = numberToken, rest[:n]
	case wordByte(c):
		n := 1
		for n < len(rest) && (wordByte(rest[n]) || digit(rest[n])) {
			n++
		}
		t.kind, t.text = wordToken, rest[:n]
	case strings.HasPrefix(rest, ".decl"), strings.HasPrefix(rest, ".seal"):
		t.kind, t.text = markToken, rest[:len(".decl")]
	default:
		for _, m := range marks {
			if strings.HasPrefix(rest, m) {
				t.kind, t.text = markToken, m
				break
			}
		}
		if t.kind == endToken {
			r, _ := utf8.DecodeRuneInString(rest)
			return t, x.fail(t.pos, fmt.Sprintf("unexpected character %q", r), "remove it, or put text into quotes")
		}
	}
	x.off += len(t.text)
	return t, nil
}

func digit(c byte) bool { return c >= '0' && c <= '9' }

func wordByte(c byte) bool { return c == '_' || c|0x20 >= 'a' && c|0x20 <= 'z' }

// space skips white space and gathers comments.
func (x *lexer) space() error {
	for x.off < len(x.src) {
		rest := x.src[x.off:]
		switch {
		case rest[0] == '\n':
			x.off++
			x.line, x.start = x.line+1, x.off
		case strings.HasPrefix(rest, "//"):
			text, _, _ := strings.Cut(rest, "\n")
			x.off += len(text)
			x.doc = append(x.doc, strings.TrimRightFunc(strings.TrimPrefix(text[2:], " "), unicode.IsSpace))
		case strings.HasPrefix(rest, "/*"):
			return x.fail(x.pos(), "block comment", "begin each line of the comment with //")
		case rest[0] == ' ' || rest[0] == '\t' || rest[0] == '\r':
			x.off++
		default:
			return nil
		}
	}
	return nil
}

func (x *lexer) quoted(t token) (token, error) {
	rest := x.src[x.off:]
	for n := 1; n < len(rest) && rest[n] != '\n'; n++ {
		switch rest[n] {
		case '\\':
			n++
		case '"':
			t.kind, t.text = stringToken, rest[:n+1]
			x.off += n + 1
			return t, nil
		}
	}
	return t, x.fail(t.pos, "string without end", `close it with " on the same line`)
}
