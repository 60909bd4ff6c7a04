package laws_test

import (
	"errors"
	"flag"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/joinery-go/joinery/gen"
	"github.com/joinery-go/joinery/lattice"
	"github.com/joinery-go/joinery/laws"
)

// Merges of package lattice pass every set, at random and over a whole scope: no false
// alarms. All of them, over larger scopes, are in laws/shipped.
func TestShippedMergesPass(t *testing.T) {
	floats := gen.Values(0, 1.5, -2, math.Inf(1), math.Inf(-1), math.NaN(), math.Copysign(0, -1))
	pass(t, "max", lattice.Max[int](), gen.Int(-50, 50), gen.Range(-3, 3))
	pass(t, "max of floats", lattice.Max[float64](), gen.Float64Any(), floats)
	pass(t, "min of floats", lattice.Min[float64](), gen.Float64Any(), floats)
	pass(t, "min of strings", lattice.Min[string](), gen.String("ab", 3), gen.Values("", "a", "b", "ab"))
	pass(t, "from", lattice.MaxFrom(3), gen.Int(3, 99), gen.Range(3, 7))
	pass(t, "or", lattice.Or(), gen.Bool(), gen.Bools())
	pass(t, "set", lattice.SetOf[string](), gen.SubsetOf("a", "b", "c", "d"), gen.Subsets("a", "b", "c"))
	pass(t, "intersect", lattice.IntersectOf[int](), gen.SetOf(gen.Int(0, 5), 4), gen.Subsets(1, 2, 3))
	pass(t, "ordered set", lattice.OrderedSetOf[int](), gen.AscendingOf(gen.Int(0, 5), 4), gen.AscendingSubsets(1, 2, 3))
	pass(t, "ordered intersect", lattice.OrderedIntersectOf[int](), gen.AscendingOf(gen.Int(0, 5), 4), gen.AscendingSubsets(1, 2, 3))
	pass(t, "map", lattice.MapOf[string](lattice.Max[int]()),
		gen.MapOf(gen.String("ab", 1), gen.Int(0, 3), 3), gen.Maps([]string{"a", "b"}, gen.Range(1, 2)))
	nested := lattice.MapOf[string](lattice.SetOf[int]())
	pass(t, "map of sets", nested, gen.MapOf(gen.OneOf("a", "b"), gen.SubsetOf(1, 2, 3), 2), gen.Maps([]string{"a", "b"}, gen.Subsets(1)))
	pass(t, "ordered map", lattice.OrderedMapOf[string](lattice.SetOf[int]()),
		gen.AscendingMapOf(gen.OneOf("a", "b"), gen.SubsetOf(1, 2, 3), 2), gen.AscendingMaps([]string{"a", "b"}, gen.Subsets(1)))
	pass(t, "pair", lattice.PairOf(lattice.SetOf[int](), lattice.Max[uint]()),
		gen.PairOf(gen.SubsetOf(1, 2), gen.Int[uint](0, 9)), gen.Pairs(gen.Subsets(1, 2), gen.Range[uint](0, 2)))
	pass(t, "last writer wins", lattice.DominatingPairOf(lattice.Max[uint32](), lattice.Max[string]()),
		gen.PairOf(gen.Int[uint32](0, 1000), gen.String("ab", 2)), gen.Pairs(gen.Range[uint32](0, 2), gen.Values("", "a", "b")))
}

func pass[S any](t *testing.T, name string, m lattice.Merge[S], g gen.Gen[S], u gen.Universe[S]) {
	t.Helper()
	t.Run(name, func(t *testing.T) {
		s := laws.NewSuite(name, laws.Lattice(m), gen.For(m, g), u)
		s.Check(t, laws.Cases(*doorCases))
		report := s.Run(laws.RunOptions{Seed: 5, Cases: 200})
		assert.True(t, report.OK(), "%v", report)
		report = s.Exhaust()
		assert.True(t, report.OK(), "%v", report)
		assert.NotContains(t, report.Failing(), "")
	})
}

func TestCheckMergeAndCheckMergeInPass(t *testing.T) {
	laws.CheckMerge(t, unionOf, stringSets())
	t.Run("in", func(t *testing.T) {
		laws.CheckMergeIn(t, func(dst *map[string]struct{}, delta map[string]struct{}) {
			if *dst == nil && len(delta) > 0 {
				*dst = map[string]struct{}{}
			}
			maps.Copy(*dst, delta)
		}, stringSets(), laws.Clone(maps.Clone[map[string]struct{}]), laws.Cases(250))
	})
}

// The dominating pair is documented not to be a lattice over vector clocks; the
// laws say so.
func TestDominatingPairOverVectorClocksIsRefuted(t *testing.T) {
	clocks := lattice.MapOf[string](lattice.Max[int]())
	m := lattice.DominatingPairOf(clocks, lattice.SetOf[string]())
	clock := gen.Maps([]string{"p", "q"}, gen.Range(1, 2))
	g := gen.PairOf(gen.AnyIn(clock, maps.Clone[map[string]int]), gen.SubsetOf("x", "y"))
	lawful := lattice.PairOf(clocks, lattice.SetOf[string]())
	report := laws.Run(laws.Lattice(m), gen.For(lawful, g), laws.RunOptions{Seed: 1, Cases: 300})
	require.NoError(t, report.Err)
	assert.Contains(t, report.Failing(), "semilattice/associative")
}

type hooked struct {
	N    int
	Hook func()
}

func TestSetupErrors(t *testing.T) {
	mergeHooked := func(a, b hooked) hooked { return hooked{max(a.N, b.N), nil} }
	draw := gen.Independent(gen.Just(hooked{}))
	run := laws.RunOptions{}
	for name, c := range map[string]struct {
		report laws.Report
		says   string
	}{
		"func field": {laws.Run(laws.Func(mergeHooked), draw, run),
			"states cannot be compared: laws_test.hooked.Hook is a func, which has no structural equality; give laws.Equal"},
		"option for another type": {laws.Run(laws.Func(mergeHooked, laws.Equal(func(a, b int) bool { return a == b })), draw, run),
			"laws.Equal is for states of type int, but the states are of type laws_test.hooked"},
		"show for another type":  {laws.Run(laws.Func(unionOf, laws.Show(func(int) string { return "" })), nil, run), "laws.Show is for states of type int"},
		"clone for another type": {laws.Run(laws.Func(unionOf, laws.Clone(func(int) int { return 0 })), nil, run), "laws.Clone is for states of type int"},
		"unbound set":            {laws.Run(laws.Set[int]{}, nil, run), `the set is bound to no merge`},
		"no law applies":         {laws.Run(laws.Bounded[int](joining(func(a, b int) int { return max(a, b) }, natural)), nil, run), "no law of set"},
		"law without evaluation": {laws.Run(laws.Add(laws.Semilattice(lattice.Max[int]()), laws.Law[int]{ID: "mine/x", Arity: 1}), nil, run), `law "mine/x" needs`},
		"unknown law":            {laws.Run(laws.Semilattice(lattice.Max[int]()), gen.Independent(gen.Int(0, 3)), laws.RunOptions{Only: "order"}), `has no law "order"`},
		"source that panics":     {laws.Run(laws.Func(unionOf), func(*gen.Draw, []map[string]struct{}) { panic("no states") }, run), "source panicked: no states"},
		"empty universe":         {laws.Exhaust(laws.Func(unionOf), nil), "universe of merge is empty"},
		"universe too large":     {laws.Exhaust(laws.Semilattice(lattice.Max[int]()), gen.Range(0, 999)), "more than MaxTuples (50000000)"},
	} {
		t.Run(name, func(t *testing.T) {
			assert.ErrorIs(t, c.report.Err, laws.ErrSetup)
			assert.ErrorContains(t, c.report.Err, c.says)
			assert.False(t, c.report.OK())
			assert.Contains(t, c.report.String(), c.says)
		})
	}
}

func TestOwnEqualityMakesOpaqueStatesComparable(t *testing.T) {
	set := laws.Func(func(a, b hooked) hooked { return hooked{max(a.N, b.N), a.Hook} },
		laws.Equal(func(a, b hooked) bool { return a.N == b.N }))
	g := gen.Gen[hooked](func(d *gen.Draw) hooked { return hooked{N: gen.Int(0, 9)(d), Hook: func() {}} })
	report := laws.Run(set, gen.Independent(g), laws.RunOptions{})
	assert.True(t, report.OK(), "%v", report)
}

// byPointer has its Equal on the pointer, and ignores half of itself.
type byPointer struct{ N, Cache int }

func (p *byPointer) Equal(q byPointer) bool { return p.N == q.N }

// twoPointers compares pointers with pointers.
type twoPointers struct{ N, Cache int }

func (p *twoPointers) Equal(q *twoPointers) bool { return p.N == q.N }

func TestEqualMethodsAreFound(t *testing.T) {
	ok := laws.Run(laws.Func(func(a, b byPointer) byPointer { return byPointer{max(a.N, b.N), a.Cache} }),
		gen.Independent(gen.Gen[byPointer](func(d *gen.Draw) byPointer { return byPointer{d.Index("n", 3), d.Index("c", 3)} })), laws.RunOptions{})
	assert.True(t, ok.OK(), "%v", ok)
	ok = laws.Run(laws.Func(func(a, b twoPointers) twoPointers { return twoPointers{max(a.N, b.N), a.Cache} }),
		gen.Independent(gen.Gen[twoPointers](func(d *gen.Draw) twoPointers { return twoPointers{d.Index("n", 3), d.Index("c", 3)} })), laws.RunOptions{})
	assert.True(t, ok.OK(), "%v", ok)
}

// A law whose premise never holds has not been checked: that is a failure of the
// check, unless no tuple of the universe could satisfy it.
func TestNeverExercised(t *testing.T) {
	unordered := joining(func(a, b int) int { return max(a, b) }, func(a, b int) lattice.Order { return lattice.Incomparable })
	set := laws.Order[int](unordered)
	source := gen.Independent(gen.Int(0, 9))
	report := laws.Run(set, source, laws.RunOptions{})
	res, ok := report.Result("order/transitive")
	require.True(t, ok)
	assert.Equal(t, laws.NeverExercised, res.Status)
	assert.Zero(t, res.Exercised)
	assert.Contains(t, report.Failing(), "order/transitive")
	assert.Contains(t, report.String(), "its premise held in none of 100 cases")

	report = laws.Exhaust(set, gen.Range(0, 3))
	res, _ = report.Result("order/transitive")
	assert.Equal(t, laws.Impossible, res.Status)
	assert.Equal(t, 64, res.Cases)

	out := &tape{name: "TestX/order/transitive"}
	out.run(func() { laws.CheckLawTB(out, set, "order/transitive", source, 0) })
	assert.True(t, out.failed)
	assert.Contains(t, out.text(), "law order/transitive was never exercised")
}

// The number of cases is what the option says, or the flag of rapid, or the default.
func TestNumberOfCases(t *testing.T) {
	counted := func(cases int) int {
		count := 0
		set := laws.Add(laws.Semilattice(lattice.Max[int]()), laws.Law[int]{
			ID: "mine/counted", Statement: "is counted", Arity: 1,
			Eval:    func(*laws.Probe[int], []int) laws.Outcome { count++; return laws.Holds },
			Explain: func(*laws.Probe[int], []int) laws.Sides { return laws.Sides{} },
		})
		out := &tape{name: "TestCount"}
		laws.CheckLawTB(out, set, "mine/counted", gen.Independent(gen.Int(0, 9)), cases)
		assert.Contains(t, out.text(), fmt.Sprintf("%d cases", count))
		return count
	}
	short := 1
	if testing.Short() {
		short = 5
	}
	assert.Equal(t, laws.DefaultCases/short, counted(0))
	assert.Equal(t, 201, counted(201))
	require.NoError(t, flag.Set("rapid.checks", "40"))
	t.Cleanup(func() { require.NoError(t, flag.Set("rapid.checks", "100")) })
	assert.Equal(t, 40/short, counted(0))
	assert.Equal(t, 201, counted(201))
}

// A law stops after a while, unless a number of cases was asked for.
func TestSlowMergesStop(t *testing.T) {
	set := laws.Func(func(a, b int) int {
		time.Sleep(5 * time.Millisecond)
		return max(a, b)
	})
	out := &tape{name: "TestSlow"}
	laws.CheckLawTB(out, set, "semilattice/idempotent", gen.Independent(gen.Int(0, 9)), 0)
	assert.False(t, out.failed)
	assert.Contains(t, out.text(), "cases, in which 1s had passed; laws.Cases asks for more")
}

// A merge that writes into its argument and loses data too is reported as the
// writer it is: whatever else was computed from such states means nothing.
func TestWritesComeFirst(t *testing.T) {
	set := laws.Func(func(a, b ints) ints {
		clear(b) // writes, and loses
		return maps.Clone(a)
	})
	u := gen.Subsets(1, 2)
	clone := maps.Clone[ints]
	for _, report := range []laws.Report{
		laws.Run(set, gen.Independent(gen.AnyIn(u, clone)), laws.RunOptions{}),
		laws.Exhaust(set, u),
	} {
		require.NoError(t, report.Err)
		assert.Equal(t, []string{"inplace/arguments-unchanged"}, report.Failing(), "%v", report)
		res, _ := report.Result("inplace/arguments-unchanged")
		assert.Equal(t, "b before", res.Failure.LeftExpr)
		assert.Equal(t, "map[int]struct{}{1: {}}", res.Failure.Left)
		assert.Equal(t, "map[int]struct{}{}", res.Failure.Right)
	}
	assert.Equal(t, 2, len(u[3]), "the caller's universe is not touched")
}

// A panic is a failure of the law that met it, with the states that caused it.
func TestPanicsAreReported(t *testing.T) {
	boom := errors.New("odd states")
	set := laws.Func(func(a, b int) int {
		if a+b == 5 {
			panic(boom)
		}
		return max(a, b)
	})
	u := gen.Range(0, 4)
	for _, report := range []laws.Report{
		laws.Run(set, gen.Independent(gen.AnyIn(u, nil)), laws.RunOptions{}),
		laws.Exhaust(set, u),
		laws.Run(set, gen.Correlated(gen.AnyIn(u, nil), func(a, b int) int { panic(boom) }, nil), laws.RunOptions{}),
	} {
		require.NoError(t, report.Err)
		res, _ := report.Result("semilattice/commutative")
		require.Equal(t, laws.Failed, res.Status, "%v", report)
		assert.True(t, strings.HasPrefix(res.Failure.Panic, "odd states"), res.Failure.Panic)
		assert.Len(t, res.Failure.Where, 2)
	}
}

func TestPanicWhileDrawing(t *testing.T) {
	set := laws.Func(func(a, b int) int { panic("no") })
	out := &tape{name: "TestX/semilattice/idempotent"}
	out.run(func() {
		laws.CheckLawTB(out, set, "semilattice/idempotent", laws.SourceOf(set, gen.FromRapid(rapid.IntRange(0, 9))), 0)
	})
	assert.True(t, out.failed)
	assert.Contains(t, out.text(), "panic  no")
	assert.NotContains(t, out.text(), "Traceback")
}

func TestReportsAreReproducible(t *testing.T) {
	s := faults()["order/least"]
	o := laws.RunOptions{Seed: 3, Cases: 200}
	assert.Equal(t, s.Run(o).String(), s.Run(o).String())
	other := s.Run(laws.RunOptions{Seed: 4, Cases: 200})
	assert.NotEqual(t, s.Run(o).String(), other.String(), "the seed is printed")
}

func TestReportString(t *testing.T) {
	golden(t, "report.txt", laws.Exhaust(laws.Lattice(lattice.Min[string]()), gen.Values("", "a", "b")).String()+
		"\n"+faults()["inplace/delta-unchanged"].Exhaust().String())
}

func TestSetsAreDeduplicated(t *testing.T) {
	m := lattice.Max[int]()
	one := laws.Lattice(m)
	twice := one.And(laws.Order(m), one)
	ids := func(s laws.Set[int]) []string {
		var out []string
		for _, l := range s.Statements() {
			out = append(out, l.ID)
		}
		return out
	}
	assert.Equal(t, ids(one), ids(twice))
	sorted := slices.Sorted(slices.Values(ids(twice)))
	assert.Equal(t, sorted, slices.Compact(slices.Clone(sorted)))
}
