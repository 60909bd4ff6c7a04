package edelweiss_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	el "github.com/joinery-go/joinery/lattice/edelweiss"
)

const decls = `.decl t(k: number => v: symbol) table
.decl s(k: number => v: symbol) scratch
.decl i(k: number => v: symbol) input
.decl o(k: number => v: symbol) output
.decl c(@a: node, k: number) channel
.decl n(a: node) sealed
.decl l(k: number => m: numbers) table
.decl r(k: number) range
`

// TestRefused holds that each fault is found, at its place, with what to change.
// Lines are counted from the rule, which stands on line 9.
func TestRefused(t *testing.T) {
	for _, c := range []struct {
		name, text string
		kind       error
		want       string
	}{
		{"no full stop", "t(k, v) :- i(k, v)", el.ErrSyntax, `9:19: syntax: found the end of the text; end the rule with a full stop`},
		{"no arrow", "t(k, v) i(k, v).", el.ErrSyntax, `9:9: syntax: found "i"; end the rule`},
		{"character", "t(k, v) :- i(k, v) & s(k, v).", el.ErrSyntax, "9:20: syntax: unexpected character '&'"},
		{"open string", `t(1, "x) :- i(_, _).`, el.ErrSyntax, "9:6: syntax: string without end"},
		{"escape", `t(1, "\q") :- i(_, _).`, el.ErrSyntax, `9:6: syntax: string "\q"`},
		{"number", "t(99999999999999999999, v) :- i(_, v).", el.ErrSyntax, "9:3: syntax: number 99999999999999999999"},
		{"block comment", "/* x */", el.ErrSyntax, "9:1: syntax: block comment; begin each line of the comment with //"},
		{"operator", "t(k, v) @later :- i(k, v).", el.ErrSyntax, "put next or async after @"},
		{"kind", ".decl x(a: number) tables", el.ErrSyntax, "end the declaration with its kind"},
		{"type", ".decl x(a: int) table", el.ErrSyntax, `9:12: syntax: found "int"; put a type here`},
		{"reserved", "t(self, v) :- i(self, v), self in v.", el.ErrSyntax, "go on with"},
		{"default", "t(k, v) :- i(k, _), s(k, v) else v = k.", el.ErrSyntax, "9:38: syntax: default k; a default is a constant or self"},
		{"function as collection", "t(k, v) :- add(k, v).", el.ErrDeclared, "no function add that selects"},

		{"undeclared", "t(k, v) :- x(k, v).", el.ErrDeclared, "9:12: declaration: no collection x; declare it"},
		{"undeclared head", "x(k, v) :- i(k, v).", el.ErrDeclared, "9:1: declaration: no collection x"},
		{"twice", ".decl t(k: number) table", el.ErrDeclared, "9:1: declaration: t is declared twice"},
		{"function's name", ".decl len(k: number) table", el.ErrDeclared, "len is the name of a function"},
		{"two columns", ".decl x(k: number, k: number) table", el.ErrDeclared, "x has two columns k"},
		{"range with payload", ".decl x(k: number => v: number) range", el.ErrDeclared, "range x holds more than ids"},
		{"range of symbols", ".decl x(k: symbol) range", el.ErrDeclared, "range x holds more than ids"},
		{"channel without @", ".decl x(k: number) channel", el.ErrDeclared, "channel x has 0 @-columns, want 1"},
		{"table with @", ".decl x(@k: node) table", el.ErrDeclared, "table x has an @-column"},
		{"@ of a number", ".decl x(@k: number) channel", el.ErrType, "@k of x is a number"},
		{"aggregate unknown", "t(k, avg(v)) :- i(k, v).", el.ErrDeclared, "no aggregate avg"},

		{"arity", "t(k) :- i(k, _).", el.ErrType, "9:1: type: t has 2 columns, 1 terms are given"},
		{"arity in body", "t(k, v) :- i(k, v), r(k, v).", el.ErrType, "9:21: type: r has 1 columns, 2 terms"},
		{"constant", `t("a", v) :- i(_, v).`, el.ErrType, `9:1: type: "a" is a symbol, column k of t wants a number`},
		{"variable", "t(v, v) :- i(_, v).", el.ErrType, "v is a symbol, column k of t wants a number"},
		{"self", "t(self, v) :- i(_, v).", el.ErrType, "self is a node, column k of t wants a number"},
		{"compare types", "t(k, v) :- i(k, v), k < v.", el.ErrType, "v is a symbol, argument of < wants a number"},
		{"argument", "t(k, v) :- i(k, v), j := add(k, v).", el.ErrType, "v is a symbol, argument of add wants a number"},
		{"arguments", "t(k, v) :- i(k, v), prefix(v).", el.ErrType, "prefix takes 2 arguments, 1 are given"},
		{"result", "t(k, w) :- i(k, _), w := add(k, k).", el.ErrType, "w is a number, column v of t wants a symbol"},
		{"flatmap of a symbol", "t(k, v) :- i(_, v), k in v.", el.ErrType, "v is a symbol, in wants a numbers"},
		{"sum of symbols", "t(k, sum(v)) :- i(k, v).", el.ErrType, "sum(v) for column v of t"},
		{"count of something", "l(k, count(v)) :- i(k, v).", el.ErrType, "count() has no argument"},
		{"count into a symbol", "t(k, count()) :- i(k, _).", el.ErrType, "count() for column v of t, which is a symbol"},
		{"sender of a table", "t(k, v) :- t(k, v) from a.", el.ErrType, "table t from"},
		{"sender's type", "t(k, v) :- c(_, k) from k, i(k, v).", el.ErrType, "k is a number, sender of c wants a node"},
		{"function that selects nothing", "t(k, v) :- i(k, v), len(k, k).", el.ErrDeclared, "no function len that selects"},
		{"function that gives nothing", "t(k, v) :- i(k, v), w := prefix(v, v).", el.ErrDeclared, "no function prefix that gives a value"},

		{"unbound head", "t(k, v) :- i(k, _).", el.ErrUnbound, "9:1: unbound variable: v stands only in the head"},
		{"unbound negation", "t(k, v) :- i(k, v), !s(j, _).", el.ErrUnbound, "j has no value in t"},
		{"unbound test", "t(k, v) :- i(k, v), j < 3.", el.ErrUnbound, "j has no value"},
		{"circular lets", "t(k, v) :- i(_, v), k := add(j, 1), j := add(k, 1).", el.ErrUnbound, "has no value"},
		{"wildcard in head", "t(_, v) :- i(_, v).", el.ErrUnbound, "_ in a head"},
		{"wildcard in test", "t(k, v) :- i(k, v), k = _.", el.ErrUnbound, "_ has no value"},
		{"no default", "t(k, v) :- i(k, _), s(k, v) else k = 1.", el.ErrUnbound, "v has no value"},
		{"default of another", "t(k, v) :- i(k, v), s(k, _) else j = 1.", el.ErrUnbound, "default for j"},
		{"nothing to derive from", `t(k, v) :- k := 1, v := "x".`, el.ErrUnbound, "nothing to derive t from"},
		{"fact of a table", `t(1, "x").`, el.ErrUnbound, "only sealed ones have facts"},
		{"only negation", `r(1) :- !r(2).`, el.ErrUnbound, "nothing to derive r from"},

		{"deletion", "t(k, v) @delete :- t(k, v).", el.ErrDeletion, "9:1: deletion: t is deleted from; leave it out"},
		{"channel from scratch", "c(a, k) @async :- s(k, _), n(a).", el.ErrTransient, "9:19: transient source: channel c derives from scratch s"},
		{"channel from input", "c(a, k) @async :- i(k, _), n(a).", el.ErrTransient, "channel c derives from input i"},
		{"channel from channel", "c(a, k) @async :- c(_, k) from a.", el.ErrTransient, "channel c derives from channel c"},
		{"aggregate sent", "c(a, count()) @async :- n(a).", el.ErrTransient, "c is sent as an aggregate"},
		{"channel now", "c(a, k) :- t(k, _), n(a).", el.ErrDirection, "@async and channels go together"},
		{"table async", "t(k, v) @async :- t(k, v).", el.ErrDirection, "@async and channels go together"},
		{"input written", "i(k, v) :- t(k, v).", el.ErrDirection, "an input is filled by the host"},
		{"sealed written", "n(a) :- n(a).", el.ErrDirection, "a sealed collection has only facts"},
		{"output next", "o(k, v) @next :- t(k, v).", el.ErrDirection, "derive a scratch @next"},
		{"output read", "t(k, v) :- o(k, v).", el.ErrDirection, "output o is read"},

		{"negation of itself", "s(k, v) :- i(k, v), !s(k, _).", el.ErrUnstrat, "9:21: unstratifiable: s negates s, which depends on s in the same timestep: s <- s"},
		{"negation around", "s(k, v) :- t(k, v).\nt(k, v) :- i(k, v), !s(k, _).", el.ErrUnstrat,
			"10:21: unstratifiable: t negates s, which depends on t in the same timestep: s <- t <- s; break the cycle with @next"},
		{"aggregation of itself", "r(count()) :- r(_).", el.ErrUnstrat, "r aggregates r"},
		{"outer of itself", `s(k, v) :- i(k, _), s(k, v) else v = "".`, el.ErrUnstrat, "s pads s"},

		{"seal of a scratch", ".seal s(k, _) by r(k)", el.ErrSeal, "scratch s cannot be sealed"},
		{"seal by a scratch", ".seal t(k, _) by s(k, _)", el.ErrSeal, "scratch s seals"},
		{"seal shares nothing", ".seal t(k, _) by r(j)", el.ErrSeal, "stands only on one side"},
		{"seal of types", ".seal t(_, k) by r(k)", el.ErrType, "k is a symbol"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, err := el.Parse(decls + c.text)
			if err == nil {
				err = el.Check(p)
			}
			require.ErrorIs(t, err, c.kind)
			assert.ErrorContains(t, err, c.want)
			var fault *el.Error
			require.True(t, errors.As(err, &fault))
			assert.GreaterOrEqual(t, fault.Pos.Line, 9)
			assert.NotEmpty(t, fault.Remedy)
		})
	}
}

func TestAccepted(t *testing.T) {
	for _, text := range []string{
		"s(k, v) :- t(k, v), !s2(k).\n.decl s2(k: number) scratch\ns2(k) @next :- s(k, _).", // negation through time
		"r(k) :- r(j), k := add(j, 1), k < 9.",                                              // positive recursion
		"c(a, k) @async :- t(k, _), n(a), !r(k), !s(k, _).",
		"t(k, v) :- w := v, i(k, v), prefix(w, \"a\").", // order of literals does not matter
		"o(k, max(v)) :- t(k, v).",
		".seal t(k, _) by r(k)",
		"n(@5).",
	} {
		p, err := el.Parse(decls + text)
		require.NoError(t, err, text)
		assert.NoError(t, el.Check(p), text)
	}
}

func TestCheckRewritten(t *testing.T) {
	for text, want := range map[string]error{
		"t(k, v) @delete :- t(k, v), r(k).":    nil,
		"t(k, v) @delete :- t(k, v), s(k, v).": nil,
		"c(a, k) @async :- c(_, k) from a.":    nil,
		"t(k, v) @delete :- t(k, _), i(k, v).": el.ErrDirection,
		"r(k) @delete :- r(k).":                el.ErrDirection,
		"c(a, k) @async :- s(k, _), n(a).":     el.ErrTransient,
	} {
		p, err := el.Parse(decls + text)
		require.NoError(t, err)
		if err := el.CheckRewritten(p); want == nil {
			assert.NoError(t, err, text)
		} else {
			assert.ErrorIs(t, err, want, text)
		}
	}
}

func TestAllFaultsInOrder(t *testing.T) {
	p, err := el.Parse("a(x) :- b(x).\n\nc(x) @next :- d(x).")
	require.NoError(t, err)
	err = el.Check(p)
	lines := strings.Split(err.Error(), "\n")
	require.Len(t, lines, 4)
	for i, want := range []string{"1:1:", "1:9:", "3:1:", "3:15:"} {
		assert.True(t, strings.HasPrefix(lines[i], want), lines[i])
	}
}

func TestBounds(t *testing.T) {
	million := strings.Repeat("t(k, v) :- i(k, v).\n", 1_000_000)
	_, err := el.Parse(million[:el.MaxBytes])
	require.ErrorIs(t, err, el.ErrLimit)
	assert.ErrorContains(t, err, "20001:1: limit: more than 20000 declarations and rules; split the program")
	_, err = el.Parse(million)
	require.ErrorIs(t, err, el.ErrLimit)
	assert.ErrorContains(t, err, "1:1: limit: text of 20000000 bytes")
	p, err := el.Parse(strings.Repeat("// c\n", 1_000_000))
	require.NoError(t, err)
	assert.Len(t, p.Tail, 1_000_000)

	for text, want := range map[string]string{
		".decl x(" + strings.Repeat("a: number, ", 65) + "b: number) table": "at most 64 columns",
		"x(" + strings.Repeat("a, ", 65) + "b) :- y(a).":                    "at most 64 arguments",
		"x(a) :- " + strings.Repeat("y(a), ", 65) + "y(a).":                 "at most 64 literals",
		"x([" + strings.Repeat("1, ", 4097) + "1]) :- y(a).":                "at most 4096 members",
	} {
		_, err := el.Parse(text)
		assert.ErrorIs(t, err, el.ErrSyntax)
		assert.ErrorContains(t, err, want)
	}
	outers := decls + "t(k, v) :- i(k, v)" + strings.Repeat(", s(k, _) else k = 1", 5) + "."
	p, err = el.Parse(outers)
	require.NoError(t, err)
	require.ErrorIs(t, el.Check(p), el.ErrLimit)
}

func FuzzParse(f *testing.F) {
	f.Add(everything)
	f.Add(decls + "t(k, v) @delete :- t(k, v), r(k).")
	f.Add("a(\"\\u0000\") :- [")
	f.Fuzz(func(t *testing.T, text string) {
		p, err := el.Parse(text)
		if err != nil {
			var fault *el.Error
			require.True(t, errors.As(err, &fault))
			require.Positive(t, fault.Pos.Line)
			return
		}
		printed := el.Print(p)
		again, err := el.Parse(printed)
		require.NoError(t, err, printed)
		require.Equal(t, printed, el.Print(again))
		if el.Check(p) == nil {
			require.NoError(t, el.Check(again))
			require.NoError(t, el.CheckRewritten(again))
			el.Stratify(p)
			_, err := el.Souffle(p)
			require.True(t, err == nil || errors.Is(err, el.ErrInexpress))
		}
	})
}
