package gengopter_test

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"runtime"
	"testing"

	"github.com/leanovate/gopter"
	ggen "github.com/leanovate/gopter/gen"
	"github.com/leanovate/gopter/prop"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/gen"
	"github.com/joinery-go/joinery/gen/choice"
	gengopter "github.com/joinery-go/joinery/gen/gopter"
	"github.com/joinery-go/joinery/lattice"
)

// parameters are gopter's defaults from a seed.
func parameters(seed int64) *gopter.GenParameters {
	p := gopter.DefaultGenParameters()
	return p.CloneWithSeed(seed)
}

// checked runs one property from a seed.
func checked(seed int64, condition any, gens ...gopter.Gen) *gopter.TestResult {
	return prop.ForAll(condition, gens...).Check(gopter.DefaultTestParametersWithSeed(seed))
}

type counters = map[string]int

func counterMaps() gen.Gen[counters] {
	return gen.MapOf(gen.OneOf("a", "b", "c"), gen.Int(0, 1000), 3)
}

func TestValuesAreThoseOfGoptersSeed(t *testing.T) {
	g := gengopter.Tuple(gen.Pooled(counterMaps(), maps.Clone[counters]), 3)
	seen := map[string]bool{}
	for seed := range int64(20) {
		one, ok := g(parameters(seed)).Retrieve()
		require.True(t, ok)
		two, _ := g(parameters(seed)).Retrieve()
		assert.Equal(t, one, two)
		require.IsType(t, []counters{}, one)
		assert.Len(t, one, 3)
		seen[fmt.Sprint(one)] = true
	}
	assert.Greater(t, len(seen), 10)
}

// Answers are uniform, or as rare as the point asks for.
func TestChoicesAreSpreadAsAsked(t *testing.T) {
	c := gengopter.FromParameters(parameters(1))
	const n = 40_000
	var counts [5]int
	rare := 0
	for range n {
		counts[c.Choose(choice.Point{N: 5})]++
		v := c.Choose(choice.Point{N: 3, Rare: choice.Permille(100)})
		require.Less(t, v, uint64(3))
		if v > 0 {
			rare++
		}
	}
	for _, k := range counts {
		assert.InDelta(t, n/5, k, n/100)
	}
	assert.InDelta(t, n/10, rare, n/100)
	assert.Zero(t, c.Choose(choice.Point{N: 1}))
	assert.Zero(t, c.Choose(choice.Point{}))
	_ = c.Choose(choice.Point{N: 1<<64 - 1})
}

// shrunk plays gopter's part: it pulls candidates until one fails, and goes on from
// that one. Like gopter, it looks for one more than it will take.
func shrunk(r *gopter.GenResult, maxShrinks int, fails func(v any) bool) (last any, shrinks, tried int) {
	first := func() (any, bool) {
		shrink := r.Shrinker(last).Filter(r.Sieve)
		for v, ok := shrink(); ok; v, ok = shrink() {
			tried++
			if fails(v) {
				return v, true
			}
		}
		return nil, false
	}
	last, _ = r.Retrieve()
	for v, ok := first(); ok && shrinks < maxShrinks; v, ok = first() {
		last = v
		shrinks++
	}
	return last, shrinks, tried
}

// Being pulled by gopter changes nothing: the minimiser ends where it ends when it
// is called outright.
func TestPulledAsPushed(t *testing.T) {
	draw := func(d *gen.Draw) []counters {
		x := make([]counters, 2)
		gen.Mixed(counterMaps(), func(a, b counters) counters { return lattice.Join(lattice.MapOf[string](lattice.Max[int]()), a, b) }, maps.Clone[counters])(d, x)
		return x
	}
	fails := func(x []counters) bool { return x[0]["b"] == x[1]["b"] && x[0]["b"] > 17 }
	g := gengopter.Tuple(func(d *gen.Draw, x []counters) { copy(x, draw(d)) }, 2)
	compared := 0
	for seed := range int64(300) {
		r := g(parameters(seed))
		first, _ := r.Retrieve()
		if !fails(first.([]counters)) {
			continue
		}
		compared++
		var tape gengopter.Recorder
		tape.Reset(parameters(seed))
		draw(gen.NewDraw(&tape))
		least, pushed := gengopter.Minimise(tape.Answers(), parameters(seed), func(src choice.Source) bool { return fails(draw(gen.NewDraw(src))) })
		last, pulled, tried := shrunk(r, 1000, func(v any) bool { return fails(v.([]counters)) })
		assert.Equal(t, draw(gen.NewDraw(choice.NewSequence(least))), last)
		assert.LessOrEqual(t, pulled, pushed, "what is not smaller is not offered")
		assert.LessOrEqual(t, tried, gengopter.MaxCandidates)
	}
	assert.Greater(t, compared, 20)
}

// Under prop.ForAll, tied values shrink together and stay tied.
func TestTuplesShrinkTogether(t *testing.T) {
	for seed := range int64(20) {
		r := checked(seed, func(x []lww) bool { return x[0].Time != x[1].Time || x[0].Value == x[1].Value },
			gengopter.Tuple(gen.Mixed(writes(), func(a, b lww) lww { return max2(a, b) }, nil), 2))
		require.Equal(t, gopter.TestFailed, r.Status)
		require.Len(t, r.Args, 1)
		x := r.Args[0].Arg.([]lww)
		assert.ElementsMatch(t, []lww{{}, {0, "x"}}, x)
	}
}

type lww struct {
	Time  int
	Value string
}

func max2(a, b lww) lww {
	if b.Time > a.Time || b.Time == a.Time && b.Value > a.Value {
		return b
	}
	return a
}

func writes() gen.Gen[lww] {
	time, value := gen.Int(0, 100), gen.String("xyz", 3)
	return func(d *gen.Draw) lww {
		at := time(d)
		return lww{at, value(d)}
	}
}

// States that a history reaches shrink to what a shorter history reaches.
func TestReachableTuples(t *testing.T) {
	m := lattice.SetOf[int]()
	u := gen.Updates[map[int]struct{}, int]{
		Start: func() map[int]struct{} { return map[int]struct{}{} },
		Ops:   gen.Int(0, 9),
		Delta: func(_ map[int]struct{}, _, op int) map[int]struct{} { return map[int]struct{}{op: {}} },
	}
	r := checked(3, func(x []map[int]struct{}) bool { return m.Compare(x[0], x[1]) != lattice.Incomparable },
		gengopter.Tuple(gen.Reachable(m, u, 12), 2))
	require.Equal(t, gopter.TestFailed, r.Status)
	x := r.Args[0].Arg.([]map[int]struct{})
	assert.Len(t, x[0], 1)
	assert.Len(t, x[1], 1)
}

// One seed ends in one counterexample, however often.
func TestShrinkingIsDeterministic(t *testing.T) {
	for seed := range int64(10) {
		run := func() string {
			var out bytes.Buffer
			p := gopter.NewProperties(gopter.DefaultTestParametersWithSeed(seed))
			p.Property("few keys", prop.ForAll(func(x []counters) bool { return len(x[0]) < 2 || len(x[1]) < 2 },
				gengopter.Tuple(gen.Independent(counterMaps()), 2)))
			p.Run(gopter.NewFormatedReporter(false, 200, &out))
			return out.String()
		}
		assert.Equal(t, run(), run())
	}
}

// Both of gopter's bounds hold, and nothing stays behind when gopter gives up.
func TestShrinkingIsBounded(t *testing.T) {
	before := runtime.NumGoroutine()
	for _, most := range []int{0, 1, 5, 1000} {
		p := parameters(7)
		p.MaxShrinkCount = most
		r := gengopter.Tuple(gen.Independent(gen.SliceOf(gen.Int(0, 1_000_000), 30)), 3)(p)
		_, shrinks, tried := shrunk(r, most, func(any) bool { return true })
		assert.LessOrEqual(t, shrinks, most)
		assert.LessOrEqual(t, tried, gengopter.MaxCandidates)
		calls := 0
		least, kept := gengopter.Minimise([]uint64{9, 9, 9, 9}, p, func(choice.Source) bool { calls++; return true })
		assert.LessOrEqual(t, kept, most)
		if most == 0 {
			assert.Equal(t, []uint64{9, 9, 9, 9}, least)
			assert.Zero(t, calls)
		}
	}
	r := gengopter.Tuple(gen.Independent(gen.SliceOf(gen.Int(0, 1_000_000), 30)), 3)(parameters(7))
	_, _, tried := shrunk(r, 1000, func(any) bool { return false })
	assert.LessOrEqual(t, tried, gengopter.MaxCandidates)
	assert.Greater(t, tried, 10)
	assert.LessOrEqual(t, runtime.NumGoroutine(), before, "none is left behind") // those of other tests may end
}

// gopter's own ways of making generators of generators take ours.
func TestUnderGoptersCombinators(t *testing.T) {
	small := gengopter.Of(gen.Int(0, 1000))
	r := checked(1, func(v int) bool { return v < 500 }, small.SuchThat(func(v int) bool { return v%3 == 0 }))
	require.Equal(t, gopter.TestFailed, r.Status)
	// Halving and stepping down by one leave the multiples; what is left is one.
	assert.Zero(t, r.Args[0].Arg.(int)%3)

	both := gopter.CombineGens(small, gengopter.Of(gen.String("xyz", 5)))
	r = checked(1, func(v []any) bool { return v[0].(int) < 30 || len(v[1].(string)) < 2 }, both)
	require.Equal(t, gopter.TestFailed, r.Status)
	assert.Equal(t, []any{30, "xx"}, r.Args[0].Arg)

	// Elements of gopter's slices are shrunk as far as they are known again.
	r = checked(1, func(v []int) bool { return len(v) < 3 }, ggen.SliceOf(small))
	require.Equal(t, gopter.TestFailed, r.Status)
	assert.Len(t, r.Args[0].Arg, 3)

	// Same type in, same type out: gopter keeps the shrinker, which knows the values.
	r = checked(1, func(v int) bool { return v < 70 }, small.Map(func(v int) int { return v }))
	assert.Equal(t, 70, r.Args[0].Arg)
}

func TestInterfaceValuesMayBeNil(t *testing.T) {
	g := gengopter.Of(gen.OneOf[error](nil, errors.New("x")))
	seen := map[bool]bool{}
	r := checked(1, func(err error) bool { seen[err == nil] = true; return true }, g)
	assert.Equal(t, gopter.TestPassed, r.Status, "%v", r.Error)
	assert.Zero(t, r.Discarded)
	assert.Len(t, seen, 2)
	r = checked(1, func(err error) bool { return false }, g)
	assert.Equal(t, gopter.TestFailed, r.Status)
	assert.Nil(t, r.Args[0].Arg)
}

// What a generator cannot draw is the property's error, with the cause.
func TestErrorsOfDrawing(t *testing.T) {
	boom := gen.Correlated(gen.Int(0, 9), func(a, b int) int { panic("odd") }, nil)
	r := checked(1, func([]int) bool { return true }, gengopter.Tuple(boom, 2))
	assert.Equal(t, gopter.TestError, r.Status)
	assert.ErrorContains(t, r.Error, "join panicked: odd")

	r = checked(1, func(int) bool { return true }, gengopter.Of(func(*gen.Draw) int { panic("no value") }))
	assert.ErrorContains(t, r.Error, "generator panicked: no value")
}

// A smaller tape on which the generator fails is no candidate.
func TestCandidatesThatCannotBeDrawn(t *testing.T) {
	g := gengopter.Of(func(d *gen.Draw) int {
		switch v := d.Index("v", 100); {
		case v < 10:
			panic("too small")
		case v < 20:
			d.Fail(errors.New("small"))
			return v
		default:
			return v
		}
	})
	for seed := range int64(100) {
		var tape gengopter.Recorder
		tape.Reset(parameters(seed))
		if tape.Choose(choice.Point{N: 100}) < 20 {
			continue
		}
		last, _, _ := shrunk(g(parameters(seed)), 1000, func(any) bool { return true })
		assert.Equal(t, 20, last)
	}
}
