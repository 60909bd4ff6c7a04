package gopterlaws_test

import (
	"bytes"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/leanovate/gopter"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/gen"
	gengopter "github.com/joinery-go/joinery/gen/gopter"
	"github.com/joinery-go/joinery/lattice"
	"github.com/joinery-go/joinery/laws"
	"github.com/joinery-go/joinery/laws/gopterlaws"
)

// watched is the watchdog of these tests: the merge is given up after a while.
func watched(evaluate func()) bool {
	done := make(chan struct{})
	go func() { defer close(done); evaluate() }()
	select {
	case <-done:
		return true
	case <-time.After(200 * time.Millisecond):
		return false
	}
}

// Correct merges pass every set that a merge and its states can be judged by.
func TestLawfulMergesPass(t *testing.T) {
	full(t, "max", lattice.Max[int](), gen.Int(-50, 50), laws.TotalOrder())
	full(t, "min of floats", lattice.Min[float64](), gen.Float64Any(), laws.TotalOrder())
	full(t, "or", lattice.Or(), gen.Bool(), laws.TotalOrder())
	full(t, "set", lattice.SetOf[string](), gen.SubsetOf("a", "b", "c", "d"))
	full(t, "intersect", lattice.IntersectOf[int](), gen.SetOf(gen.Int(0, 5), 4))
	full(t, "ordered map", lattice.OrderedMapOf[string](lattice.SetOf[int]()),
		gen.AscendingMapOf(gen.OneOf("a", "b"), gen.SubsetOf(1, 2, 3), 2))
	full(t, "map of sets", lattice.MapOf[string](lattice.SetOf[int]()), gen.MapOf(gen.OneOf("a", "b"), gen.SubsetOf(1, 2, 3), 2))
	full(t, "last writer wins", lattice.DominatingPairOf(lattice.Max[uint32](), lattice.Max[string]()),
		gen.PairOf(gen.Int[uint32](0, 1000), gen.String("ab", 2)), laws.TotalOrder())
}

func full[S any](t *testing.T, name string, m lattice.Merge[S], g gen.Gen[S], opts ...laws.Option) {
	t.Helper()
	t.Run(name, func(t *testing.T) {
		gopterlaws.Check(t, laws.Full(m, opts...), gen.WithEnds(m, gen.For(m, g)), gopterlaws.Tests(500))
	})
}

// So do correct updates, queries, collections and functions.
func TestLawfulFunctionsPass(t *testing.T) {
	set, count := lattice.SetOf[int](), lattice.Max[uint]()
	adds := gen.Updates[ints, int]{
		Start: func() ints { return ints{} }, Ops: gen.Int(0, 3),
		Delta: func(_ ints, _, op int) ints { return ints{op: {}} },
	}
	size := laws.Query[ints, int]{Ask: func(s ints) int { return len(s) }, Leq: func(a, b int) bool { return a <= b }}
	distinct := func(seen []gen.Event[int]) int {
		ops := ints{}
		for _, e := range seen {
			ops[e.Op] = struct{}{}
		}
		return len(ops)
	}
	nonempty := func(s ints) uint { return min(1, uint(len(s))) }
	both := lattice.PairOf[ints, ints](set, set)
	pairs := gen.For[lattice.Pair[ints, ints]](both, gen.PairOf(gen.SubsetOf(1, 2), gen.SubsetOf(1, 2)))
	t.Run("updates", func(t *testing.T) {
		gopterlaws.Check(t, laws.Updates(set, adds, laws.DenotationChecked()), laws.PlanSource(adds))
	})
	t.Run("reachable", func(t *testing.T) { gopterlaws.Check(t, laws.Lattice(set), gen.Reachable(set, adds, 12)) })
	t.Run("denotation", func(t *testing.T) {
		gopterlaws.Check(t, laws.Denotation(set, adds, size, distinct), laws.PlanSource(adds))
	})
	t.Run("query", func(t *testing.T) { gopterlaws.Check(t, laws.Queries(set, size), subsets()) })
	t.Run("compaction", func(t *testing.T) {
		gopterlaws.Check(t, laws.Compaction(set, laws.Collection[ints, int]{GC: maps.Clone[ints], Query: size}), subsets())
	})
	t.Run("morphism", func(t *testing.T) {
		gopterlaws.Check(t, laws.Morphism(laws.Function[ints, uint]{F: nonempty, From: set, To: count}), subsets())
	})
	t.Run("monotone", func(t *testing.T) {
		gopterlaws.Check(t, laws.Monotone(laws.Function[ints, uint]{F: size3, From: set, To: count}), subsets())
	})
	t.Run("bimorphism", func(t *testing.T) {
		gopterlaws.Check(t, laws.Bimorphism(func(a, b ints) uint { return nonempty(a) * nonempty(b) },
			lattice.Merge[ints](set), lattice.Merge[ints](set), count), pairs)
	})
}

// counting is a set with a law that counts how often it is judged, and holds in one
// case of so many, so that the rest is vacuous.
func counting(every, atLeast int, judged *int) laws.Set[int] {
	return laws.Add(laws.Semilattice(lattice.Max[int]()), laws.Law[int]{
		ID: "mine/counted", Statement: "is counted", Arity: 1, AtLeast: atLeast,
		Eval: func(*laws.Probe[int], []int) laws.Outcome {
			*judged++
			if every == 0 || *judged%every != 0 {
				return laws.Vacuous
			}
			return laws.Holds
		},
		Explain: func(*laws.Probe[int], []int) laws.Sides { return laws.Sides{} },
	})
}

// Cases are as many as were asked for, whether they exercise the law or not.
func TestNumberOfCases(t *testing.T) {
	source := gen.Independent(gen.Int(0, 9))
	four := gopter.DefaultTestParametersWithSeed(3)
	four.Workers, four.MinSuccessfulTests = 4, 10
	for _, c := range []struct {
		opts []gopterlaws.Option
		want int
	}{
		{nil, 100},
		{[]gopterlaws.Option{gopterlaws.Tests(250)}, 250},
		{[]gopterlaws.Option{gopterlaws.Tests(250), gopterlaws.Tests(30)}, 30},
		{[]gopterlaws.Option{gopterlaws.With(four)}, 12},
		{[]gopterlaws.Option{gopterlaws.With(four), gopterlaws.Tests(8), gopterlaws.With(nil), {}}, 8},
	} {
		n := 0
		assert.Empty(t, said(t, counting(2, 300, &n), source, "mine/counted", c.opts...))
		assert.Equal(t, c.want, n)
	}
}

// A law that was not exercised, or too rarely, fails.
func TestVacuousLawsFail(t *testing.T) {
	source := gen.Independent(gen.Int(0, 9))
	n := 0
	assert.Contains(t, said(t, counting(0, 0, &n), source, "mine/counted"), "its premise held in none of 100 cases")
	n = 0
	assert.Contains(t, said(t, counting(10, 500, &n), source, "mine/counted"), "held in 10 of 100 cases, and it asks for 500 in a thousand")
}

func TestSetupErrors(t *testing.T) {
	one := gen.Independent(gen.Int(0, 9))
	max1 := laws.Semilattice(lattice.Max[int]())
	unusable := gopter.DefaultTestParametersWithSeed(1)
	unusable.Workers = 0
	for name, c := range map[string]struct {
		set    laws.Set[int]
		source gen.Source[int]
		opt    gopterlaws.Option
		says   string
	}{
		"unbound set": {laws.Set[int]{}, one, gopterlaws.Seed(1), `the set is bound to no merge`},
		"no tests":    {max1, one, gopterlaws.Tests(0), "gopter needs at least one test and one worker"},
		"no workers":  {max1, one, gopterlaws.With(unusable), "there are 100, 0 and 1000"},
		"no states":   {max1, func(*gen.Draw, []int) { panic("no states") }, gopterlaws.Seed(1), "source panicked: no states"},
		"gave up":     {max1, func(d *gen.Draw, _ []int) { d.Fail(errors.New("gave up")) }, gopterlaws.Seed(1), "gave up"},
	} {
		t.Run(name, func(t *testing.T) {
			results := &results{}
			gopterlaws.Properties(c.set, c.source, c.opt).Run(results)
			require.NotEmpty(t, results.of)
			for _, r := range results.of {
				assert.Equal(t, gopter.TestError, r.Status)
				assert.ErrorIs(t, r.Error, laws.ErrSetup)
				assert.ErrorContains(t, r.Error, c.says)
			}
			if name == "unbound set" || strings.HasPrefix(name, "no ") && name != "no states" {
				out := &outer{recorder: &recorder{name: "TestMine"}}
				out.run(func() { gopterlaws.Check(out, c.set, c.source, c.opt) })
				assert.True(t, out.failed)
				assert.Contains(t, out.text(), c.says)
				return
			}
			trials, _, err := laws.Trials(c.set, c.source)
			require.NoError(t, err)
			r := &recorder{name: "TestMine"}
			gopterlaws.CheckLaw(r, trials[0], c.opt)
			assert.True(t, r.failed)
			assert.Contains(t, r.text(), c.says)
		})
	}
}

// outer is a laws.T on which no subtest is ever run.
type outer struct{ *recorder }

func (*outer) Run(string, func(*testing.T)) bool { panic("a set that cannot be used ran") }

// results is a gopter.Reporter that keeps what is reported.
type results struct {
	names []string
	of    []*gopter.TestResult
}

func (r *results) ReportTestResult(name string, result *gopter.TestResult) {
	r.names = append(r.names, name)
	r.of = append(r.of, result)
}

// gopter's own runner runs the laws, each a property by its name.
func TestProperties(t *testing.T) {
	m := lattice.MapOf[string](lattice.Max[int]())
	set := laws.Lattice(m)
	source := gen.For(m, gen.MapOf(gen.OneOf("a", "b"), gen.Int(0, 9), 2))
	gopterlaws.Properties(set, source).TestingRun(t, gopter.NewFormatedReporter(false, 80, &bytes.Buffer{}))

	results := &results{}
	assert.True(t, gopterlaws.Properties(set, source).Run(results))
	var ids []string
	for _, l := range set.Statements() {
		ids = append(ids, l.ID)
	}
	assert.Equal(t, ids, results.names)
	for _, r := range results.of {
		assert.Equal(t, gopter.TestPassed, r.Status)
		assert.Equal(t, 100, r.Succeeded)
		assert.Zero(t, r.Discarded)
	}
}

// What gopter reports of a failure is the report of laws, the states, and what they
// were before they shrank.
func TestPropertiesOfAFault(t *testing.T) {
	run := func(opts ...gopterlaws.Option) (*results, bool) {
		r := &results{}
		ok := gopterlaws.Properties(laws.Func(lastArrival), gen.Mixed(writes(), lastArrival, nil), opts...).Run(r)
		return r, ok
	}
	r, ok := run(gopterlaws.Seed(2))
	assert.False(t, ok)
	at := slices.Index(r.names, "semilattice/commutative")
	failed := r.of[at]
	assert.Equal(t, gopter.TestFailed, failed.Status)
	require.Len(t, failed.Labels, 1)
	assert.Contains(t, failed.Labels[0], "left   a ⊔ b = ")
	assert.Contains(t, failed.Labels[0], "of gopter's seed 2")
	assert.NotContains(t, failed.Labels[0], "again", "gopter's runner knows no command")
	require.Len(t, failed.Args, 2)
	assert.Equal(t, "a", failed.Args[0].Label)
	assert.Positive(t, failed.Args[0].Shrinks)
	assert.ElementsMatch(t, []string{"gopterlaws_test.lww{}", `gopterlaws_test.lww{Value: "x"}`},
		[]string{failed.Args[0].ArgFormatted, failed.Args[1].ArgFormatted})
	assert.Greater(t, len(failed.Args[0].OrigArgFormatted)+len(failed.Args[1].OrigArgFormatted), 52)
	for i, other := range r.of {
		if i != at {
			assert.Equal(t, gopter.TestPassed, other.Status, r.names[i])
		}
	}
	again, _ := run(gopterlaws.Seed(2))
	assert.Equal(t, failed.Labels, again.of[at].Labels)

	still := gopter.DefaultTestParametersWithSeed(2)
	still.MaxShrinkCount = 0
	r, _ = run(gopterlaws.With(still))
	assert.Equal(t, r.of[at].Args[0].OrigArgFormatted, r.of[at].Args[0].ArgFormatted, "nothing shrinks where gopter says so")
	assert.Zero(t, r.of[at].Args[0].Shrinks)

	var out bytes.Buffer
	gopterlaws.Properties(laws.Func(lastArrival), gen.Mixed(writes(), lastArrival, nil)).Run(gopter.NewFormatedReporter(false, 200, &out))
	assert.Contains(t, out.String(), "! semilattice/commutative: Falsified after")
	assert.Contains(t, out.String(), "+ semilattice/associative: OK, passed 100 tests.")
}

// States that a generator of gopter makes, which makes choices of gopter's numbers,
// which the laws are drawn from.
func TestGeneratorsOfGopter(t *testing.T) {
	m := lattice.MapOf[string](lattice.Max[int]())
	states := gengopter.From[map[string]int](gopterMaps, 3)
	gopterlaws.Check(t, laws.Lattice(m), gen.For(m, states))
	adds := laws.Func(func(a, b map[string]int) map[string]int {
		j := maps.Clone(a)
		for k, n := range b {
			j[k] += n
		}
		return j
	})
	text := said(t, adds, gen.For(m, states), "semilattice/idempotent")
	assert.Equal(t, "semilattice/idempotent", blamed(text))
	assert.Equal(t, len(`map[string]int{"a": 1}`), size(text), text)
}

// Several workers of gopter come to one law at once, and are served in turn.
func TestWorkers(t *testing.T) {
	p := gopter.DefaultTestParametersWithSeed(1)
	p.Workers, p.MinSuccessfulTests = 4, 400
	m := lattice.SetOf[int]()
	gopterlaws.Check(t, laws.Lattice(m), subsets(), gopterlaws.With(p))
	assert.Equal(t, "semilattice/commutative",
		blamed(said(t, laws.Func(lastArrival), gen.Mixed(writes(), lastArrival, nil), "semilattice/commutative", gopterlaws.With(p))))
}
