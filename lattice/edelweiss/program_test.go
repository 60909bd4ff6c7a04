package edelweiss_test

import (
	"cmp"
	"flag"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	el "github.com/joinery-go/joinery/lattice/edelweiss"
)

// everything uses each form of the language once, in the layout of Print.
const everything = `// A program that
// uses everything.
.decl send(id: number => addr: node, val: symbol) input
.decl sbuf(id: number => addr: node, val: symbol) table
.decl chn(@addr: node, id: number => val: symbol) channel
.decl rbuf(id: number => val: symbol, from_: node) table
.decl node(addr: node) sealed
.decl node_done(epoch: number) table

// Two epochs.
.decl member(addr: node, epoch: number) table
.decl seen(id: number) range
.decl deps(id: number => on: numbers) table
.decl view(id: number, on: number, val: symbol) scratch
.decl size(addr: node => n: number, least: number) scratch
.decl shown(id: number, val: symbol, me: node) output

.seal member(_, e) by node_done(e)

node(@0).
node(@-1).
sbuf(i, a, v) :- send(i, a, v).
chn(a, i, v) @async :- sbuf(i, a, v), node(a), !seen(i).
rbuf(i, v, s) :- chn(self, i, v) from s.

// Flatmap, map and select.
view(i, d, w) :- deps(i, l), d in l, rbuf(i, v, _), w := concat(v, "\"x\n"), d != 3, contains(l, d).
size(s, count(), min(i)) :- rbuf(i, _, s).
shown(i, v, self) :- view(i, 3, v), deps(i, [1, 2]), x := -7, x < 0, sbuf(i, a, u) else a = self and u = "none", prefix(u, v).
seen(i) @next :- rbuf(i, _, _).

// The end.
`

func TestParsePrints(t *testing.T) {
	p, err := el.Parse(everything)
	require.NoError(t, err)
	assert.Equal(t, everything, el.Print(p))
	require.NoError(t, el.Check(p))
	again, err := el.Parse(el.Print(p))
	require.NoError(t, err)
	assert.Equal(t, p, again)
	assert.Equal(t, p, p.Clone())
}

func TestCloneIsDeep(t *testing.T) {
	p, err := el.Parse(everything)
	require.NoError(t, err)
	q := p.Clone()
	q.Collections[0].Columns[0].Name = "other"
	q.Seals[0].Of.Args[0] = el.V("other")
	for i := range q.Rules {
		for j := range q.Rules[i].Body {
			l := &q.Rules[i].Body[j]
			for k := range l.Atom.Args {
				l.Atom.Args[k] = el.V("other")
			}
			for k := range l.Args {
				l.Args[k] = el.V("other")
			}
			for k := range l.Else {
				l.Else[k].Var = "other"
			}
		}
		for k := range q.Rules[i].Head.Args {
			q.Rules[i].Head.Args[k] = el.V("other")
		}
	}
	assert.Equal(t, everything, el.Print(p))
}

func TestBuilderEqualsText(t *testing.T) {
	built := &el.Program{
		Collections: []el.Collection{
			el.Decl(el.Table, "sbuf", el.Key("id", el.NumberType), el.Payload("val", el.SymbolType)),
			el.Decl(el.Channel, "chn", el.At("addr"), el.Key("id", el.NumberType), el.Payload("val", el.SymbolType)),
			el.Decl(el.Table, "got", el.Key("id", el.NumberType), el.Payload("sender", el.NodeType)),
			el.Decl(el.Scratch, "n", el.Key("n", el.NumberType)),
			el.Decl(el.Sealed, "node", el.Key("addr", el.NodeType)),
		},
		Rules: []el.Rule{
			el.When(el.Async, el.A("chn", "a", "i", "v"), el.Is(el.A("sbuf", "i", "v")), el.Is(el.A("node", "a"))),
			el.When(el.Now, el.A("got", "i", "s"), el.IsFrom(el.A("chn", "_", "i", "_"), "s")),
			el.When(el.Now, el.On("n", el.Agg("count", "")), el.Is(el.A("got", "i", "a")), el.Not(el.A("node", "a")),
				el.If("<", el.V("i"), el.C(el.Number(9))), el.Set("j", "add", el.V("i"), el.V("i")),
				el.Set("s", "", el.C(el.Numbers(2, 1, 2))), el.In("k", el.V("s")),
				el.OrElse(el.On("sbuf", el.V("k"), el.V("w")), el.Default{Var: "w", Value: el.C(el.Symbol(""))}),
				el.If("=", el.V("a"), el.Me())),
		},
	}
	require.NoError(t, el.Check(built))
	parsed, err := el.Parse(el.Print(built))
	require.NoError(t, err)
	assert.Equal(t, el.Print(built), el.Print(parsed))
	assert.Contains(t, el.Print(built), "n(count()) :- got(i, a), !node(a), i < 9, j := add(i, i), s := [1, 2], k in s, "+
		`sbuf(k, w) else w = "", a = self.`)
}

func TestDesugar(t *testing.T) {
	p, err := el.Parse("r(x, y, z) :- a(x), b(x, y) else y = 0, c(x, z) else z = self.")
	require.NoError(t, err)
	var got []string
	for _, r := range p.Rules[0].Desugar() {
		got = append(got, r.String())
	}
	assert.Equal(t, []string{
		"r(x, y, z) :- a(x), b(x, y), c(x, z).",
		"r(x, y, z) :- a(x), b(x, y), !c(x, _), z := self.",
		"r(x, y, z) :- a(x), !b(x, _), y := 0, c(x, z).",
		"r(x, y, z) :- a(x), !b(x, _), y := 0, !c(x, _), z := self.",
	}, got)
}

func TestStratify(t *testing.T) {
	p, err := el.Parse(`
.decl a(x: number) table
.decl b(x: number) scratch
.decl c(x: number) scratch
.decl d(x: number) table
d(x) :- c(x).
c(x) :- b(x).
b(x) :- c(x), a(x).
a(x) @next :- d(x).
`)
	require.NoError(t, err)
	s := el.Stratify(p)
	assert.Equal(t, [][]string{{"a"}, {"b", "c"}, {"d"}}, s.Groups)
	assert.Equal(t, []bool{false, true, false}, []bool{s.Recursive(0), s.Recursive(1), s.Recursive(2)})
}

func TestStratifyLongChain(t *testing.T) {
	var b strings.Builder
	const n = 9_000
	name := func(i int) string { return "c" + strings.Repeat("x", i%7) + el.Number(int64(i)).String() }
	for i := range n {
		b.WriteString(".decl " + name(i) + "(x: number) scratch\n")
	}
	for i := range n - 1 {
		b.WriteString(name(i) + "(x) :- " + name(i+1) + "(x).\n")
	}
	p, err := el.Parse(b.String())
	require.NoError(t, err)
	require.NoError(t, el.Check(p))
	s := el.Stratify(p)
	assert.Equal(t, n-1, s.Of[name(0)])
	assert.Equal(t, 0, s.Of[name(n-1)])
}

var update = flag.Bool("update", false, "write golden files anew")

// TestSouffleGolden holds the exports of whole programs, and reads them back: what
// Soufflé is told is what this package was.
func TestSouffleGolden(t *testing.T) {
	for name, file := range map[string]string{"text_crdt": "eval/testdata/text_crdt.dl", "reach": "testdata/reach.dl"} {
		source, err := os.ReadFile(file)
		require.NoError(t, err)
		p, err := el.Parse(string(source))
		require.NoError(t, err)
		require.NoError(t, el.Check(p))
		out, err := el.Souffle(p)
		require.NoError(t, err)
		golden := "testdata/" + name + ".souffle.dl"
		if *update {
			require.NoError(t, os.WriteFile(golden, []byte(out), 0o644))
		}
		want, err := os.ReadFile(golden)
		require.NoError(t, err)
		assert.Equal(t, string(want), out)
		assert.Equal(t, bare(p), bare(fromSouffle(t, out)), name)
	}
}

// bare is a program without what Soufflé has no word for: keys, kinds other than
// input and output, comments, and outer joins, which are pairs of rules there.
func bare(p *el.Program) string {
	q := &el.Program{}
	for _, c := range p.Collections {
		if c.Kind != el.Input && c.Kind != el.Output {
			c.Kind = el.Table
		}
		columns := slices.Clone(c.Columns)
		for i := range columns {
			columns[i].Key = true
		}
		q.Collections = append(q.Collections, el.Decl(c.Kind, c.Name, columns...))
	}
	for _, r := range p.Rules {
		for _, clause := range r.Desugar() {
			clause.Doc = nil
			q.Rules = append(q.Rules, clause)
		}
	}
	return el.Print(q)
}

// fromSouffle reads an export: directives become kinds, and infix arithmetic calls.
func fromSouffle(t *testing.T, text string) *el.Program {
	t.Helper()
	kinds := map[string]string{}
	for line := range strings.Lines(text) {
		if word, name, ok := strings.Cut(strings.TrimSpace(line), " "); ok && (word == ".input" || word == ".output") {
			kinds[name] = word[1:]
		}
	}
	call := regexp.MustCompile(`(\w+) = (\w+) ([-+*/%]) (\w+)`)
	functions := map[string]string{"+": "add", "-": "sub", "/": "div", "%": "mod"}
	var b strings.Builder
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		switch {
		case strings.HasPrefix(line, ".decl "):
			name, _, _ := strings.Cut(line[len(".decl "):], "(")
			b.WriteString(line + " " + cmp.Or(kinds[name], "table") + "\n")
		case strings.HasPrefix(line, ".input "), strings.HasPrefix(line, ".output "):
		default:
			line = call.ReplaceAllStringFunc(line, func(s string) string {
				m := call.FindStringSubmatch(s)
				return m[1] + " := " + functions[m[3]] + "(" + m[2] + ", " + m[4] + ")"
			})
			b.WriteString(line + "\n")
		}
	}
	p, err := el.Parse(b.String())
	require.NoError(t, err, b.String())
	return p
}

func TestSouffle(t *testing.T) {
	const source = `.decl e(x: number, y: number => n: node) input
.decl s(x: number => t: symbol) table
.decl r(x: number, y: number) scratch
.decl o(x: number, y: number, t: symbol) output

r(x, y) :- e(x, y, @3), !s(x, _).
r(x, z) :- r(x, y), r(y, z), x != z.
o(x, w, t) :- r(x, y), s(y, t) else t = "none", z := add(x, 1), w := z, prefix(t, "n").
`
	p, err := el.Parse(source)
	require.NoError(t, err)
	require.NoError(t, el.Check(p))
	out, err := el.Souffle(p)
	require.NoError(t, err)
	assert.Equal(t, `.decl e(x: number, y: number, n: number)
.input e
.decl s(x: number, t: symbol)
.decl r(x: number, y: number)
.decl o(x: number, y: number, t: symbol)
.output o
r(x, y) :- e(x, y, 3), !s(x, _).
r(x, z) :- r(x, y), r(y, z), x != z.
o(x, w, t) :- r(x, y), s(y, t), z = x + 1, w = z, substr(t, 0, strlen("n")) = "n".
o(x, w, t) :- r(x, y), !s(y, _), t = "none", z = x + 1, w = z, substr(t, 0, strlen("n")) = "n".
`, out)

	for text, what := range map[string]string{
		".decl c(@a: node) channel":                                                 "1:1: not in the target form: channel c",
		".decl c(a: numbers) table":                                                 "1:1: not in the target form: column a of type numbers",
		".decl a(x: number) table\na(x) @next :- a(x).":                             "2:1: not in the target form: @next",
		".decl a(x: number) table\n.decl n(x: number) scratch\nn(count()) :- a(_).": "3:1: not in the target form: aggregate in n",
		".decl a(x: node) table\na(self) :- a(_).":                                  "2:1: not in the target form: self",
	} {
		p, err := el.Parse(text)
		require.NoError(t, err)
		_, err = el.Souffle(p)
		require.ErrorIs(t, err, el.ErrInexpress)
		assert.ErrorContains(t, err, what)
	}
}
