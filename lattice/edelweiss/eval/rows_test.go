package eval

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	el "github.com/joinery-go/joinery/lattice/edelweiss"
)

// TestRowsAreForgotten: what came and went leaves no row behind, in any kind of
// collection, and what waits to be used again is bounded.
func TestRowsAreForgotten(t *testing.T) {
	p, err := el.Parse(`.decl feed(k: number, v: symbol) input
.decl chn(@to: node, k: number) channel
.decl ack(@to: node, k: number) channel
.decl log(k: number => v: symbol) table
.decl sent(k: number) range
.decl next(k: number) scratch
.decl open(k: number) scratch
.decl many(k: number => n: number) scratch
.decl seen(k: number) range
log(k, v) :- feed(k, v).
chn(@1, k) @async :- log(k, _), !sent(k).
sent(k) :- ack(_, k).
open(k) :- log(k, _), !sent(k).
many(k, count()) :- log(k, _).
next(k) @next :- open(k).
seen(k) @next :- log(k, _).
log(k, v) @delete :- log(k, v), !open(k).
`)
	require.NoError(t, err)
	m, err := New(p, Options{})
	require.NoError(t, err)
	const ticks = 1000
	for n := range int64(ticks) {
		e := Events{Inputs: []Fact{{"feed", el.Tuple{el.Number(n), el.Symbol("v")}}}}
		if n > 2 {
			e.Messages = []Message{{From: 1, Fact: Fact{"ack", el.Tuple{el.Node(0), el.Number(n - 2)}}}}
		}
		require.NoError(t, m.Tick(e))
	}
	most := 10 // rows of the last timesteps
	for _, r := range m.order {
		assert.LessOrEqual(t, r.rows.n, most, r.name)
		assert.LessOrEqual(t, len(r.free), maxFree, r.name)
		assert.LessOrEqual(t, len(r.passed)+len(r.again)+len(r.arrivals)+len(r.removals)+len(r.dirty), most, r.name)
		for _, x := range r.indexes {
			assert.LessOrEqual(t, x.buckets.n, most, r.name)
			assert.LessOrEqual(t, len(x.free), maxFree, r.name)
		}
		for _, a := range r.feeds {
			assert.LessOrEqual(t, len(a.groups), most, r.name)
		}
	}
	for _, f := range m.effects {
		assert.LessOrEqual(t, f.into.rows.n, most, f.into.name)
		assert.LessOrEqual(t, len(f.dirty), most, f.into.name)
	}
	assert.LessOrEqual(t, m.rels["sent"].ids.Intervals(), 1)
	assert.Len(t, m.Sends(), 3, "the first and the last two are not acknowledged")
}

// TestRecursiveRowsAreForgotten: so it is with collections that are computed anew.
func TestRecursiveRowsAreForgotten(t *testing.T) {
	p, err := el.Parse(`.decl edge(a: number, b: number) input
.decl path(a: number, b: number) scratch
path(a, b) :- edge(a, b).
path(a, c) :- path(a, b), edge(b, c).
`)
	require.NoError(t, err)
	m, err := New(p, Options{})
	require.NoError(t, err)
	for n := range int64(200) {
		var e Events
		for i := range int64(3) {
			e.Inputs = append(e.Inputs, Fact{"edge", el.Tuple{el.Number(n + i), el.Number(n + i + 1)}})
		}
		require.NoError(t, m.Tick(e))
		assert.Len(t, m.Contents("path"), 6)
		assert.LessOrEqual(t, m.rels["path"].rows.n, 12)
	}
}

// TestSharing: rules with one body are searched once, whatever they derive; one with
// another constant, order of columns or negation is not of that body.
func TestSharing(t *testing.T) {
	const decls = `.decl x(k: number, l: number) table
.decl y(k: number, l: number) table
.decl s(k: number) scratch
.decl o(k: number, l: number) output
.decl p(k: number) output
.decl q(k: number) table
s(a) :- x(a, b), y(b, c).
`
	for rule, shared := range map[string]bool{
		"o(b, a) :- x(b, a), y(a, c).":     true,
		"q(a) @next :- x(a, b), y(b, c).":  true,
		"p(count()) :- x(a, b), y(b, c).":  true,
		"p(a) :- x(a, b), y(b, 3).":        false,
		"p(a) :- x(a, b), y(c, b).":        false,
		"p(a) :- x(a, b), !y(b, _).":       false,
		"p(a) :- x(a, a), y(a, c).":        false,
		"p(a) :- x(a, b), y(b, c), a < b.": false,
	} {
		p, err := el.Parse(decls + rule + "\n")
		require.NoError(t, err, rule)
		m, err := New(p, Options{})
		require.NoError(t, err, rule)
		want := 2
		if shared {
			want = 1
		}
		assert.Len(t, m.rels["x"].uses, want, rule)
		assert.Len(t, m.rels["y"].uses, want, rule)
	}
}

// TestIdle: a machine is idle when nothing comes or goes by itself.
func TestIdle(t *testing.T) {
	p, err := el.Parse(`.decl feed(k: number) input
.decl told(@to: node, k: number) channel
.decl later(k: number) table
.decl known(k: number) range
later(k) @next :- feed(k).
known(k) :- told(_, k).
`)
	require.NoError(t, err)
	m, err := New(p, Options{})
	require.NoError(t, err)
	require.NoError(t, m.Tick(Events{}))
	assert.True(t, m.Idle())
	require.NoError(t, m.Tick(Events{Inputs: []Fact{{"feed", el.Tuple{el.Number(1)}}}}))
	assert.False(t, m.Idle(), "feed(1) goes and later(1) comes")
	require.NoError(t, m.Tick(Events{}))
	assert.True(t, m.Idle())
	told := Message{From: 1, Fact: Fact{"told", el.Tuple{el.Node(0), el.Number(1)}}}
	require.NoError(t, m.Tick(Events{Messages: []Message{told, told}}))
	assert.False(t, m.Idle(), "told(1) goes")
	assert.Equal(t, []el.Tuple{{el.Node(0), el.Number(1), el.Node(1)}}, m.Contents("told"))
	assert.Equal(t, []Fact{{"known", el.Tuple{el.Number(1)}}, {"later", el.Tuple{el.Number(1)}}}, m.Durable())
	require.NoError(t, m.Tick(Events{}))
	assert.True(t, m.Idle())
	assert.Empty(t, m.Contents("told"))
}

// TestSealOfOneValueTwice: a pattern that has a variable twice seals only tuples that
// have one value in both places.
func TestSealOfOneValueTwice(t *testing.T) {
	p, err := el.Parse(`.decl feed(a: number, b: number) input
.decl end(a: number) input
.decl x(a: number, b: number) table
.decl done(a: number) table
.seal x(a, a) by done(a)
x(a, b) :- feed(a, b).
done(a) :- end(a).
`)
	require.NoError(t, err)
	m, err := New(p, Options{WatchSeals: true})
	require.NoError(t, err)
	feed := func(name string, ns ...int64) error {
		var f Fact
		f.Collection = name
		for _, n := range ns {
			f.Tuple = append(f.Tuple, el.Number(n))
		}
		return m.Tick(Events{Inputs: []Fact{f}})
	}
	require.NoError(t, feed("feed", 1, 1))
	require.NoError(t, feed("end", 1))
	require.NoError(t, feed("end", 2))
	require.NoError(t, feed("feed", 1, 2), "it is not sealed")
	require.NoError(t, feed("feed", 3, 3), "nor is this")
	require.ErrorIs(t, feed("feed", 2, 2), ErrSeal)
}

// TestDoomedByAnother: a tuple that is to be deleted because of another one of its table,
// and that @next keeps, stays once the other is gone.
func TestDoomedByAnother(t *testing.T) {
	p, err := el.Parse(`.decl feed(a: number, b: number) input
.decl kill(a: number, b: number) input
.decl hold(a: number, b: number) input
.decl x(a: number, b: number) table
x(a, b) :- feed(a, b).
x(a, b) @next :- hold(a, b).
x(a, b) @delete :- x(a, b), x(b, _).
x(a, b) @delete :- x(a, b), kill(a, b).
`)
	require.NoError(t, err)
	m, err := New(p, Options{})
	require.NoError(t, err)
	first, second := el.Tuple{el.Number(1), el.Number(2)}, el.Tuple{el.Number(2), el.Number(3)}
	require.NoError(t, m.Tick(Events{Inputs: []Fact{{"feed", first}, {"feed", second}, {"hold", first}}}))
	require.NoError(t, m.Tick(Events{Inputs: []Fact{{"hold", first}, {"kill", second}}}))
	assert.Equal(t, []el.Tuple{first, second}, m.Contents("x"))
	for range 3 {
		require.NoError(t, m.Tick(Events{}))
		assert.Equal(t, []el.Tuple{first}, m.Contents("x"))
	}
}

// TestAbsentFromRange: what a negation of part of a range has taken back once is not taken
// back again when the range has a second member there.
func TestAbsentFromRange(t *testing.T) {
	p, err := el.Parse(`.decl feed(x: number) input
.decl also(x: number) input
.decl grow(x: number, y: number) input
.decl b(x: number) table
.decl r(x: number, y: number) range
.decl o(x: number) output
b(x) :- feed(x).
r(x, y) :- grow(x, y).
o(x) :- b(x), !r(x, _).
o(x) :- also(x).
`)
	require.NoError(t, err)
	m, err := New(p, Options{})
	require.NoError(t, err)
	one, two := el.Tuple{el.Number(1)}, el.Tuple{el.Number(2)}
	require.NoError(t, m.Tick(Events{Inputs: []Fact{{"feed", one}, {"feed", two}}}))
	require.NoError(t, m.Tick(Events{Inputs: []Fact{{"grow", el.Tuple{el.Number(1), el.Number(1)}}}}))
	require.NoError(t, m.Tick(Events{Inputs: []Fact{{"grow", el.Tuple{el.Number(1), el.Number(2)}}}}))
	assert.Equal(t, []el.Tuple{two}, m.Contents("o"))
	require.NoError(t, m.Tick(Events{Inputs: []Fact{{"also", one}}}))
	assert.Equal(t, []el.Tuple{one, two}, m.Contents("o"))
}

// TestSealOfSelf: a pattern with self seals only what names the node that runs, and is
// announced only by what does.
func TestSealOfSelf(t *testing.T) {
	p, err := el.Parse(`.decl feed(n: node, a: number) input
.decl end(n: node, a: number) input
.decl x(n: node, a: number) table
.decl done(n: node, a: number) table
.seal x(self, a) by done(self, a)
x(n, a) :- feed(n, a).
done(n, a) :- end(n, a).
`)
	require.NoError(t, err)
	m, err := New(p, Options{Self: 7, WatchSeals: true})
	require.NoError(t, err)
	feed := func(name string, node, a int64) error {
		return m.Tick(Events{Inputs: []Fact{{name, el.Tuple{el.Node(node), el.Number(a)}}}})
	}
	require.NoError(t, feed("end", 8, 1), "of another node")
	require.NoError(t, feed("feed", 7, 1), "it is not sealed")
	require.NoError(t, feed("end", 7, 2))
	require.NoError(t, feed("feed", 8, 2), "nor is this")
	require.ErrorIs(t, feed("feed", 7, 2), ErrSeal)
}

// TestLimitNamesThisTimestep: of a timestep that derives too much, the rule is named that
// derived most in it, not one that derived more before.
func TestLimitNamesThisTimestep(t *testing.T) {
	p, err := el.Parse(`.decl a(k: number) input
.decl b(k: number) input
.decl x(k: number) scratch
.decl y(k: number) scratch
.decl z(k: number) scratch
x(k) :- a(k).
y(k) :- b(k).
z(k) :- b(k).
`)
	require.NoError(t, err)
	m, err := New(p, Options{MaxDerived: 100})
	require.NoError(t, err)
	many := func(name string, n int64) (e Events) {
		for k := range n {
			e.Inputs = append(e.Inputs, Fact{name, el.Tuple{el.Number(k)}})
		}
		return e
	}
	require.NoError(t, m.Tick(many("a", 90)))
	require.NoError(t, m.Tick(Events{}))
	err = m.Tick(many("b", 70))
	require.ErrorIs(t, err, ErrLimit)
	require.ErrorContains(t, err, "(k) :- b(k).")
}
