package gen_test

import (
	"errors"
	"flag"
	"fmt"
	"math"
	"os"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/joinery-go/joinery/gen"
	"github.com/joinery-go/joinery/gen/choice"
	"github.com/joinery-go/joinery/lattice"
)

func TestMain(m *testing.M) {
	if err := flag.Set("rapid.nofailfile", "true"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(3)
	}
	os.Exit(m.Run())
}

func all[T any](t *testing.T, g gen.Gen[T]) []T {
	t.Helper()
	var vs []T
	_, complete := choice.Exhaust(10_000, func(s choice.Source) bool {
		vs = append(vs, g(gen.NewDraw(s)))
		return true
	})
	require.True(t, complete)
	return vs
}

func TestIntCoversItsRangeSimplestFirst(t *testing.T) {
	assert.Equal(t, []int{0, 1, -1, 2, -2, 3, 4}, all(t, gen.Int(-2, 4)))
	assert.Equal(t, []int{0, 1, -1, -2, -3}, all(t, gen.Int(-3, 1)))
	assert.Equal(t, []int8{-3, -4, -5}, all(t, gen.Int[int8](-5, -3)))
	assert.Equal(t, []uint{3, 4}, all(t, gen.Int[uint](4, 3)), "bounds the wrong way round are put right")
	assert.Equal(t, []uint{7}, all(t, gen.Int[uint](7, 7)))
	wide := all(t, gen.Int(-128, 127))
	slices.Sort(wide)
	assert.Len(t, slices.Compact(wide), 256)
}

func TestIntAtTheEndsOfItsType(t *testing.T) {
	ask := func(answers ...uint64) *gen.Draw { return gen.NewDraw(choice.NewSequence(answers)) }
	whole := gen.Int[int64](math.MinInt64, math.MaxInt64)
	assert.Equal(t, int64(0), whole(ask()))
	assert.Equal(t, int64(math.MinInt64), whole(ask(2, math.MaxUint64, 1)))
	assert.Equal(t, int64(math.MinInt64+1), whole(ask(2, math.MaxUint64, 0)))
	assert.Equal(t, int64(math.MaxInt64), whole(ask(2, 1<<63-2, 1)))
	unsigned := gen.Int[uint64](0, math.MaxUint64)
	assert.Equal(t, uint64(math.MaxUint64), unsigned(ask(2, math.MaxUint64, 1)))
	assert.Equal(t, []int8{-128, 127}, extremes(all(t, gen.Int[int8](-128, 127))))
}

func extremes(vs []int8) []int8 { return []int8{slices.Min(vs), slices.Max(vs)} }

// Law of generators: the answer 0 throughout makes the simplest value.
func TestBenignIsSimplest(t *testing.T) {
	d := func() *gen.Draw { return gen.NewDraw(choice.Benign) }
	assert.Equal(t, 5, gen.Int(5, 500)(d()))
	assert.False(t, gen.Bool()(d()))
	assert.Empty(t, gen.String("ab", 3)(d()))
	assert.Zero(t, gen.Float64Any()(d()))
	assert.Empty(t, gen.SliceOf(gen.Bool(), 3)(d()))
	assert.Empty(t, gen.SetOf(gen.Bool(), 3)(d()))
	assert.Empty(t, gen.SubsetOf(1, 2)(d()))
	assert.Empty(t, gen.MapOf(gen.Bool(), gen.Bool(), 3)(d()))
	assert.Empty(t, gen.AscendingMapOf(gen.Int(0, 9), gen.Bool(), 3)(d()))
	assert.Equal(t, "x", gen.OneOf("x", "y")(d()))
	assert.Equal(t, lattice.Pair[int, bool]{First: 1}, gen.PairOf(gen.Int(1, 3), gen.Bool())(d()))
	assert.Equal(t, 2, gen.Either(gen.Just(2), gen.Just(3))(d()))
}

func TestFloatsCoverSpecials(t *testing.T) {
	var nan, inf, negInf, negZero, fraction int
	any := gen.Float64Any()
	for seed := range uint64(2000) {
		switch v := any(gen.NewDraw(choice.Seeded(seed))); {
		case math.IsNaN(v):
			nan++
		case math.IsInf(v, 1):
			inf++
		case math.IsInf(v, -1):
			negInf++
		case v == 0 && math.Signbit(v):
			negZero++
		case v != math.Trunc(v):
			fraction++
		}
		plain := gen.Float64()(gen.NewDraw(choice.Seeded(seed)))
		require.False(t, math.IsNaN(plain) || math.IsInf(plain, 0) || plain == 0 && math.Signbit(plain))
	}
	for _, n := range []int{nan, inf, negInf, negZero} {
		assert.InDelta(t, 100, n, 60, "a twentieth each")
	}
	assert.Greater(t, fraction, 500)
}

func TestCompoundsStayInTheirDomain(t *testing.T) {
	for seed := range uint64(300) {
		d := gen.NewDraw(choice.Seeded(seed))
		asc := gen.AscendingOf(gen.Int(-3, 3), 5)(d)
		assert.IsIncreasing(t, append([]int{-100}, asc...))
		m := gen.AscendingMapOf(gen.String("ab", 2), gen.Bool(), 4)(d)
		assert.True(t, slices.IsSortedFunc(m, func(a, b lattice.Entry[string, bool]) int {
			if a.Key < b.Key {
				return -1
			}
			return 1
		}))
		assert.LessOrEqual(t, len(gen.MapOf(gen.Int(0, 9), gen.Bool(), 4)(d)), 4)
		assert.LessOrEqual(t, len(gen.SetOf(gen.Int(0, 9), 4)(d)), 4)
		assert.LessOrEqual(t, len([]rune(gen.String("äöü", 3)(d))), 3)
	}
	assert.Empty(t, gen.String("", 5)(gen.NewDraw(choice.Seeded(1))))
}

func TestFromRapidDrawsUnderRapid(t *testing.T) {
	seen := map[int]bool{}
	rapid.Check(t, func(t *rapid.T) {
		d := gen.NewDraw(choice.FromRapid(t))
		seen[gen.FromRapid(rapid.IntRange(0, 3))(d)] = true
		assert.NoError(t, d.Err())
	})
	assert.Len(t, seen, 4)
}

// What makes the sources worth having: ties and chains in a good part of the
// tuples, where independent draws of the same values give next to none.
func TestSourcesTieAndChain(t *testing.T) {
	sets := lattice.SetOf[int]()
	g := gen.SetOf(gen.Int(0, 1_000_000), 4)
	join := func(a, b map[int]struct{}) map[int]struct{} { return lattice.Join(sets, a, b) }
	rates := func(s gen.Source[map[int]struct{}]) (ties, chains int) {
		tuple := make([]map[int]struct{}, 2)
		for seed := range uint64(1000) {
			s(gen.NewDraw(choice.Seeded(seed)), tuple)
			switch sets.Compare(tuple[0], tuple[1]) {
			case lattice.Equal:
				ties++
			case lattice.Less, lattice.Greater:
				chains++
			}
		}
		return ties, chains
	}
	ties, _ := rates(gen.Pooled(g, sets.Clone))
	assert.Greater(t, ties, 300)
	_, chains := rates(gen.Correlated(g, join, sets.Clone))
	assert.Greater(t, chains, 400)
	ties, chains = rates(gen.For(sets, g))
	assert.Greater(t, ties, 150)
	assert.Greater(t, chains, 150)
}

// A part of a value ties as well, where the values differ and its range is wide.
func TestPartsTie(t *testing.T) {
	type write struct{ at, by int }
	at, by := gen.Int(0, 1<<30), gen.Int(0, 1)
	g := gen.Gen[write](func(d *gen.Draw) write { return write{at(d), by(d)} })
	ties := 0
	tuple := make([]write, 2)
	for seed := range uint64(1000) {
		gen.Spliced(g)(gen.NewDraw(choice.Seeded(seed)), tuple)
		if tuple[0].at == tuple[1].at && tuple[0].by != tuple[1].by {
			ties++
		}
	}
	assert.Greater(t, ties, 80)
}

func TestTuplesShareNothing(t *testing.T) {
	sets := lattice.SetOf[int]()
	s := gen.For(sets, gen.SetOf(gen.Int(0, 3), 3))
	tuple := make([]map[int]struct{}, 4)
	for seed := range uint64(200) {
		s(gen.NewDraw(choice.Seeded(seed)), tuple)
		sizes := []int{len(tuple[1]), len(tuple[2]), len(tuple[3])}
		tuple[0][99] = struct{}{}
		assert.Equal(t, sizes, []int{len(tuple[1]), len(tuple[2]), len(tuple[3])}, "seed %d", seed)
	}
}

func TestAPanickingJoinIsCaught(t *testing.T) {
	boom := func(a, b int) int { panic("boom") }
	s := gen.Correlated(gen.Int(0, 9), boom, nil)
	tuple := make([]int, 3)
	caught := false
	for seed := range uint64(50) {
		d := gen.NewDraw(choice.Seeded(seed))
		s(d, tuple)
		var p *gen.JoinPanic
		if errors.As(d.Err(), &p) {
			caught = true
			assert.Equal(t, "boom", p.Value)
			assert.IsType(t, 0, p.A)
			assert.EqualError(t, d.Err(), "gen: join panicked: boom")
		}
	}
	assert.True(t, caught)
}

func TestUniverses(t *testing.T) {
	assert.Equal(t, gen.Universe[uint8]{253, 254, 255}, gen.Range[uint8](253, 255))
	assert.Equal(t, gen.Universe[bool]{false, true}, gen.Bools())
	subsets := gen.Subsets("a", "b", "c")
	assert.Len(t, subsets, 8)
	assert.Empty(t, subsets[0])
	assert.Len(t, subsets[7], 3)
	assert.Equal(t, gen.Universe[[]int]{nil, {1}, {2}, {1, 2}}, gen.AscendingSubsets(2, 1, 2))
	maps := gen.Maps([]string{"a", "b"}, gen.Range(1, 2))
	assert.Len(t, maps, 9)
	assert.Equal(t, map[string]int{"a": 1}, maps[1])
	ordered := gen.AscendingMaps([]string{"b", "a"}, gen.Range(1, 2))
	assert.Len(t, ordered, 9)
	assert.Equal(t, []lattice.Entry[string, int]{{Key: "a", Val: 2}, {Key: "b", Val: 2}}, ordered[8])
	assert.Len(t, gen.Pairs(gen.Bools(), gen.Range(0, 2)), 6)
	distinct := map[string]bool{}
	for _, m := range maps {
		distinct[fmt.Sprint(m)] = true
	}
	assert.Len(t, distinct, 9)
}

func TestUniverseGenCopies(t *testing.T) {
	u := gen.Subsets(1)
	g := gen.AnyIn(u, lattice.SetOf[int]().Clone)
	v := g(gen.NewDraw(choice.NewSequence([]uint64{1})))
	v[2] = struct{}{}
	assert.Len(t, u[1], 1)
}

func TestDrawCountsAndKeepsTheFirstError(t *testing.T) {
	d := gen.NewDraw(choice.Benign)
	d.Choose("one", 1)
	d.Choose("two", 2)
	d.ChooseRare("rare", 2, 10)
	assert.Equal(t, 2, d.Asked(), "a decision with one answer is not asked")
	first := errors.New("first")
	d.Fail(first)
	d.Fail(errors.New("second"))
	assert.ErrorIs(t, d.Err(), first)
	d.Reset(choice.Benign)
	assert.NoError(t, d.Err())
	assert.Zero(t, d.Asked())
}

func ExampleGen() {
	type user struct {
		Name string
		Age  int
	}
	name, age := gen.String("ab", 3), gen.Int(0, 99)
	users := gen.Gen[user](func(d *gen.Draw) user { return user{name(d), age(d)} })
	fmt.Println(users(gen.NewDraw(choice.Benign)))
	fmt.Println(users(gen.NewDraw(choice.NewSequence([]uint64{2, 0, 1, 2, 30}))))
	// Output:
	// { 0}
	// {ab 30}
}

func ExampleFor() {
	sets := lattice.SetOf[string]()
	source := gen.For(sets, gen.SubsetOf("x", "y", "z"))
	tuple := make([]map[string]struct{}, 3)
	source(gen.NewDraw(choice.Seeded(4)), tuple)
	fmt.Println(sets.Compare(tuple[0], tuple[1]), sets.Compare(tuple[1], tuple[2]))
	// Output: Greater Less
}

func ExampleSubsets() {
	for _, s := range gen.Subsets("a", "b") {
		fmt.Println(s)
	}
	// Output:
	// map[]
	// map[a:{}]
	// map[b:{}]
	// map[a:{} b:{}]
}

// States of one history are compatible; drawn apart they may name different events
// alike.
func TestUnrelated(t *testing.T) {
	type tagged = map[int]string // events by number
	m := lattice.MapOf[int](lattice.Max[string]())
	u := gen.Updates[tagged, string]{
		Start: func() tagged { return tagged{} }, Ops: gen.OneOf("x", "y"),
		Delta: func(s tagged, replica int, op string) tagged { return tagged{gen.Replicas*len(s) + replica: op} },
	}
	clashes := func(s gen.Source[tagged]) (n int) {
		tuple := make([]tagged, 2)
		for seed := range uint64(300) {
			s(gen.NewDraw(choice.Seeded(seed)), tuple)
			for k, v := range tuple[0] {
				if w, ok := tuple[1][k]; ok && v != w {
					n++
					break
				}
			}
		}
		return n
	}
	related := gen.Reachable(m, u, 6)
	assert.Greater(t, clashes(gen.Unrelated(related)), 2*clashes(related)+10)
}
