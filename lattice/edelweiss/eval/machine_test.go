package eval_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	el "github.com/joinery-go/joinery/lattice/edelweiss"
	"github.com/joinery-go/joinery/lattice/edelweiss/eval"
)

func parsed(t testing.TB, text string) *el.Program {
	t.Helper()
	p, err := el.Parse(text)
	require.NoError(t, err)
	return p
}

func fact(collection string, values ...el.Value) eval.Fact {
	return eval.Fact{Collection: collection, Tuple: values}
}

func feed(facts ...eval.Fact) eval.Events { return eval.Events{Inputs: facts} }

// show is what a collection holds, as text.
func show(m interface{ Contents(string) []el.Tuple }, collection string) string {
	s := ""
	for _, t := range m.Contents(collection) {
		s += t.String()
	}
	return s
}

// both runs a script in both evaluators.
func both(t *testing.T, text string, o eval.Options, script func(tick func(eval.Events), show func(string) string)) {
	p := parsed(t, text)
	m, err := eval.New(p, o)
	require.NoError(t, err)
	n, err := eval.NewNaive(p, o)
	require.NoError(t, err)
	script(func(e eval.Events) {
		require.NoError(t, m.Tick(e))
		require.NoError(t, n.Tick(e))
	}, func(c string) string {
		require.Equal(t, show(n, c), show(m, c))
		return show(m, c)
	})
}

// TestSelfSupport: a deleted tuple whose only derivation is by itself, or around a
// cycle, does not come back.
func TestSelfSupport(t *testing.T) {
	n := el.Number
	both(t, `.decl i(x: number) input
.decl d(x: number) input
.decl a(x: number) table
.decl b(x: number) table
.decl s(x: number) scratch
a(x) :- i(x).
a(x) :- s(x).
s(x) :- b(x), a(x).
b(x) :- a(x).
a(x) @delete :- a(x), d(x).
b(x) @delete :- b(x), d(x).
`, eval.Options{}, func(tick func(eval.Events), show func(string) string) {
		tick(feed(fact("i", n(1)), fact("i", n(2))))
		assert.Equal(t, "(1)(2)", show("a"))
		tick(feed(fact("d", n(1))))
		assert.Equal(t, "(1)(2)", show("s"))
		tick(feed())
		assert.Equal(t, "(2)", show("a"))
		assert.Equal(t, "(2)", show("b"))
		tick(feed(fact("i", n(1)), fact("d", n(2))))
		tick(feed())
		assert.Equal(t, "(1)", show("s"))
	})
}

// TestDeletionAndNext: what @next adds is not deleted, and a scratch that @next
// fills holds for one timestep unless it is filled again.
func TestDeletionAndNext(t *testing.T) {
	n := el.Number
	both(t, `.decl i(x: number) input
.decl d(x: number) input
.decl a(x: number) table
.decl s(x: number) scratch
a(x) :- i(x).
a(x) @next :- d(x), x = 2.
a(x) @delete :- a(x), d(x).
s(x) @next :- d(x).
`, eval.Options{}, func(tick func(eval.Events), show func(string) string) {
		tick(feed(fact("i", n(1)), fact("i", n(2))))
		tick(feed(fact("d", n(1)), fact("d", n(2))))
		assert.Equal(t, "(1)(2)", show("a"))
		tick(feed(fact("d", n(2))))
		assert.Equal(t, "(2)", show("a"))
		assert.Equal(t, "(1)(2)", show("s"))
		tick(feed())
		assert.Equal(t, "(2)", show("s"))
		tick(feed())
		assert.Empty(t, show("s"))
		assert.Equal(t, "(2)", show("a"))
	})
}

// TestRecursiveShrinks: reachability over edges of one timestep goes when they do.
func TestRecursiveShrinks(t *testing.T) {
	n := el.Number
	edge := func(x, y int64) eval.Fact { return fact("e", n(x), n(y)) }
	both(t, `.decl e(x: number, y: number) input
.decl r(x: number, y: number) scratch
.decl big(x: number => n: number) scratch
.decl ids(x: number) range
.decl back(x: number) scratch
r(x, y) :- e(x, y).
r(x, z) :- r(x, y), r(y, z).
big(x, count()) :- r(x, _).
ids(x) :- e(x, _).
ids(y) :- back(x), ids(x), y := add(x, 100), y < 300.
back(x) :- ids(x), e(_, _).
`, eval.Options{}, func(tick func(eval.Events), show func(string) string) {
		tick(feed(edge(1, 2), edge(2, 3), edge(3, 1)))
		assert.Equal(t, "(1, 3)(2, 3)(3, 3)", show("big"))
		assert.Equal(t, "(1)(2)(3)(101)(102)(103)(201)(202)(203)", show("ids"))
		tick(feed(edge(1, 2), edge(2, 3)))
		assert.Equal(t, "(1, 2)(2, 1)", show("big"))
		assert.Equal(t, "(1)(2)(3)(101)(102)(103)(201)(202)(203)", show("back"))
		tick(feed(edge(4, 4)))
		assert.Equal(t, "(4, 1)", show("big"))
		tick(feed())
		assert.Empty(t, show("r"))
		assert.Empty(t, show("back"))
	})
}

func TestAggregates(t *testing.T) {
	n := el.Number
	const most = 1<<63 - 1
	both(t, `.decl i(k: number, x: number) input
.decl d(x: number) input
.decl a(k: number, x: number) table
.decl s(k: number => n: number, sum: number, least: number, most: number) scratch
a(k, x) :- i(k, x).
a(k, x) @delete :- a(k, x), d(x).
s(k, count(), sum(x), min(x), max(x)) :- a(k, x).
`, eval.Options{}, func(tick func(eval.Events), show func(string) string) {
		tick(feed(fact("i", n(1), n(5)), fact("i", n(1), n(-2)), fact("i", n(2), n(most)), fact("i", n(2), n(7))))
		assert.Equal(t, "(1, 2, 3, -2, 5)(2, 2, 9223372036854775807, 7, 9223372036854775807)", show("s"))
		tick(feed(fact("d", n(most)), fact("d", n(5))))
		tick(feed(fact("i", n(3), n(-most)), fact("i", n(3), n(-9))))
		assert.Equal(t, "(1, 1, -2, -2, -2)(2, 1, 7, 7, 7)(3, 2, -9223372036854775808, -9223372036854775807, -9)", show("s"))
		tick(feed(fact("d", n(-2)), fact("d", n(7)), fact("d", n(-most)), fact("d", n(-9))))
		tick(feed())
		assert.Empty(t, show("s"))
	})
}

func TestSendersAndSelf(t *testing.T) {
	n := el.Number
	both(t, `.decl c(@to: node, x: number) channel
.decl got(x: number, sender: node) table
.decl z(a: node) sealed
.decl back(@to: node, x: number) channel
z(self).
got(x, s) :- c(self, x) from s, z(self).
back(s, x) @async :- got(x, s), s != self.
`, eval.Options{Self: 7, Sealed: []eval.Fact{fact("z", el.Node(3))}}, func(tick func(eval.Events), show func(string) string) {
		msg := func(from, x int64) eval.Message {
			return eval.Message{From: from, Fact: fact("c", el.Node(7), n(x))}
		}
		tick(eval.Events{Messages: []eval.Message{msg(1, 5), msg(2, 5), msg(1, 5), msg(7, 6)}})
		assert.Equal(t, "(5, @1)(5, @2)(6, @7)", show("got"))
		assert.Equal(t, "(@3)(@7)", show("z"))
		assert.Equal(t, "(@7, 5, @1)(@7, 5, @2)(@7, 6, @7)", show("c"))
	})
}

func TestSealsAreWatched(t *testing.T) {
	const text = `.decl i(x: number, e: number) input
.decl done(e: number) input
.decl member(x: number, e: number) table
.decl closed(e: number) table
.seal member(_, e) by closed(e)
member(x, e) :- i(x, e).
closed(e) :- done(e).
`
	n := el.Number
	m, err := eval.New(parsed(t, text), eval.Options{WatchSeals: true})
	require.NoError(t, err)
	require.NoError(t, m.Tick(feed(fact("i", n(1), n(1)))))
	require.NoError(t, m.Tick(feed(fact("i", n(2), n(1)), fact("done", n(1)))), "with the seal")
	require.NoError(t, m.Tick(feed(fact("i", n(2), n(1)), fact("i", n(1), n(2)))), "there before, or of another epoch")
	err = m.Tick(feed(fact("i", n(3), n(1))))
	require.ErrorIs(t, err, eval.ErrSeal)
	assert.ErrorContains(t, err, "timestep 4 of node 0: broken seal: member(3, 1) came although closed(1) held")

	m, err = eval.New(parsed(t, text), eval.Options{})
	require.NoError(t, err)
	require.NoError(t, m.Tick(feed(fact("done", n(1)))))
	require.NoError(t, m.Tick(feed(fact("i", n(3), n(1)))), "not watched")
}

func TestSizesAndKeys(t *testing.T) {
	n := el.Number
	m, err := eval.New(parsed(t, `.decl i(x: number, y: number) input
.decl a(x: number => y: number) table
.decl r(x: number, y: number) range
a(x, y) :- i(x, y).
r(x, y) :- i(x, y).
`), eval.Options{})
	require.NoError(t, err)
	require.NoError(t, m.Tick(feed(fact("i", n(1), n(1)), fact("i", n(2), n(1)), fact("i", n(3), n(4)))))
	require.NoError(t, m.Tick(feed(fact("i", n(1), n(1)))))
	assert.Equal(t, []eval.Size{{"a", el.Table, 3}, {"r", el.Range, 3}}, m.Sizes())
	err = m.Tick(feed(fact("i", n(1), n(2))))
	require.ErrorIs(t, err, eval.ErrKey)
	assert.ErrorContains(t, err, "key: table a has (1, 1) and (1, 2): give each its own key")
	assert.Equal(t, "node 0 after timestep 3", m.String())
	assert.Nil(t, m.Contents("none"))
}

// TestDeletionByOthers: a deletion that comes about by a change of any of its literals,
// wherever the tuple to go stands among them, takes that tuple and no other.
func TestDeletionByOthers(t *testing.T) {
	n := el.Number
	for _, body := range []string{"a(x, y), b(x), d(x)", "b(x), a(x, y), d(x)", "d(x), b(x), a(x, y)", "b(x), d(x), a(x, y)"} {
		both(t, `.decl i(x: number, y: number) input
.decl j(x: number) input
.decl d(x: number) input
.decl a(x: number, y: number) table
.decl b(x: number) table
a(x, y) :- i(x, y).
b(x) :- j(x).
a(x, y) @delete :- `+body+".\n", eval.Options{}, func(tick func(eval.Events), show func(string) string) {
			tick(feed(fact("i", n(1), n(5)), fact("i", n(1), n(6)), fact("i", n(2), n(5)), fact("j", n(1)), fact("j", n(2))))
			tick(feed(fact("d", n(1))))
			tick(feed())
			assert.Equal(t, "(2, 5)", show("a"))
			assert.Equal(t, "(1)(2)", show("b"))
			tick(feed(fact("d", n(3)), fact("i", n(3), n(7))))
			tick(feed(fact("d", n(3)), fact("j", n(3))))
			tick(feed())
			assert.Equal(t, "(2, 5)", show("a"))
			tick(feed(fact("d", n(4)), fact("j", n(4)), fact("i", n(4), n(1))))
			tick(feed(fact("i", n(4), n(1))))
			assert.Equal(t, "(2, 5)(4, 1)", show("a"))
		})
	}
}

// TestBound: a rule that derives without end is an error that names it, and a timestep
// ends when it is told to.
func TestBound(t *testing.T) {
	for _, test := range []struct{ kind string }{{"table"}, {"scratch"}, {"range"}} {
		p, err := el.Parse(".decl i(a: number) input\n.decl t(a: number) " + test.kind + "\nt(x) :- i(x).\nt(y) :- t(x), y := add(x, 1).")
		require.NoError(t, err)
		feed := eval.Events{Inputs: []eval.Fact{{Collection: "i", Tuple: el.Tuple{el.Number(1)}}}}
		const rule = "the rule at 4:1: t(y) :- t(x), y := add(x, 1).: "

		m, err := eval.New(p, eval.Options{MaxDerived: 1000})
		require.NoError(t, err)
		err = m.Tick(feed)
		require.ErrorIs(t, err, eval.ErrLimit, test.kind)
		require.ErrorContains(t, err, "more than 1000 derivations in one timestep, most of them by "+rule)
		require.ErrorIs(t, m.Tick(eval.Events{}), eval.ErrLimit)

		n, err := eval.NewNaive(p, eval.Options{MaxDerived: 1000})
		require.NoError(t, err)
		err = n.Tick(feed)
		require.ErrorIs(t, err, eval.ErrLimit)
		require.ErrorContains(t, err, rule)

		asked := 0
		m, err = eval.New(p, eval.Options{Stop: func() bool { asked++; return asked > 3 }})
		require.NoError(t, err)
		require.ErrorIs(t, m.Tick(feed), eval.ErrStop)
		require.Equal(t, 4, asked)
	}
}

// TestBoundIsOfATimestep: what earlier timesteps derived does not count.
func TestBoundIsOfATimestep(t *testing.T) {
	p, err := el.Parse(".decl i(a: number) input\n.decl t(a: number) table\nt(x) :- i(x).")
	require.NoError(t, err)
	m, err := eval.New(p, eval.Options{MaxDerived: 2})
	require.NoError(t, err)
	for k := range int64(10) {
		require.NoError(t, m.Tick(eval.Events{Inputs: []eval.Fact{{Collection: "i", Tuple: el.Tuple{el.Number(k)}}}}))
	}
	require.Len(t, m.Contents("t"), 10)
}

// TestOuterJoinOfWhatIsDeclaredLater: an outer join waits for what it reads like any other,
// so that the timestep in which a match comes shows it and no default.
func TestOuterJoinOfWhatIsDeclaredLater(t *testing.T) {
	p, err := el.Parse(".decl i(a: number) input\n.decl o(a: number, b: number) output\n.decl s(a: number, b: number) scratch\n" +
		"o(a, b) :- i(a), s(a, b) else b = 0.\ns(a, b) :- i(a), b := add(a, 1).")
	require.NoError(t, err)
	strata := el.Stratify(p)
	require.Greater(t, strata.Of["o"], strata.Of["s"])
	m, err := eval.New(p, eval.Options{})
	require.NoError(t, err)
	require.NoError(t, m.Tick(eval.Events{Inputs: []eval.Fact{{Collection: "i", Tuple: el.Tuple{el.Number(7)}}}}))
	require.Equal(t, []el.Tuple{{el.Number(7), el.Number(8)}}, m.Contents("o"))
}
