package gengopter_test

import (
	"maps"
	"reflect"
	"slices"
	"testing"

	"github.com/leanovate/gopter"
	ggen "github.com/leanovate/gopter/gen"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/joinery-go/joinery/gen"
	"github.com/joinery-go/joinery/gen/choice"
	gengopter "github.com/joinery-go/joinery/gen/gopter"
	"github.com/joinery-go/joinery/lattice"
	"github.com/joinery-go/joinery/laws"
)

// gopterWrites is how a user of gopter would generate a register.
func gopterWrites() gopter.Gen {
	return ggen.Struct(reflect.TypeFor[lww](), map[string]gopter.Gen{
		"Time": ggen.IntRange(0, 1000), "Value": ggen.OneConstOf("", "x", "y"),
	})
}

func gopterCounters() gopter.Gen {
	return ggen.MapOf(ggen.OneConstOf("a", "b", "c"), ggen.IntRange(0, 100))
}

// A type that has a generator of gopter is checked by the laws as it is: under
// rapid, seeded, and as a fuzz target.
func TestLawsOnGeneratorsOfGopter(t *testing.T) {
	m := lattice.MapOf[string](lattice.Max[int]())
	source := gen.For(m, gengopter.From[counters](gopterCounters(), 3))
	laws.Check(t, laws.Lattice(m), source)
	report := laws.Run(laws.Lattice(m), source, laws.RunOptions{Seed: 1, Cases: 500})
	assert.True(t, report.OK(), "%v", report)

	lastArrival := func(a, b lww) lww {
		if b.Time >= a.Time {
			return b
		}
		return a
	}
	faulty := gen.Mixed(gengopter.From[lww](gopterWrites(), 3), max2, nil)
	// Two times of a thousand tie in one of a thousand pairs, were they drawn as
	// gopter draws them.
	found := 0
	for seed := range uint64(20) {
		report = laws.Run(laws.Func(lastArrival), faulty, laws.RunOptions{Seed: seed, Cases: 200})
		res, ok := report.Result("semilattice/commutative")
		require.True(t, ok)
		if res.Failure == nil {
			continue
		}
		found++
		states := []string{res.Failure.Where[0].Value, res.Failure.Where[1].Value}
		assert.ElementsMatch(t, []string{"gengopter_test.lww{}", `gengopter_test.lww{Value: "x"}`}, states)
	}
	assert.GreaterOrEqual(t, found, 18)
	fuzzed := laws.NewSuite("last arrival", laws.Func(lastArrival), faulty, nil)
	hit := false
	for seed := range uint64(3000) {
		data := make([]byte, 64)
		for i := range data {
			data[i] = byte(choice.Mix(seed, uint64(i)))
		}
		f := fuzzed.Judge(data)
		hit = hit || f != nil && f.Law == "semilattice/commutative"
	}
	assert.True(t, hit)
}

// Values keep to their ranges, and all of them occur, also where choices lean low
// as rapid's do.
func TestFromIsSpread(t *testing.T) {
	numbers := gengopter.From[int](ggen.IntRange(-5, 5), 0)
	lists := gengopter.From[[]int](ggen.SliceOf(ggen.IntRange(3, 9)), 4)
	picks := gengopter.From[string](ggen.OneConstOf("a", "b", "c", "d"), 0)
	number, length, pick := map[int]int{}, map[int]int{}, map[string]int{}
	look := func(d *gen.Draw) {
		number[numbers(d)]++
		list := lists(d)
		length[len(list)]++
		for _, v := range list {
			assert.True(t, v >= 3 && v <= 9)
		}
		pick[picks(d)]++
		require.NoError(t, d.Err())
	}
	each := func(what string) {
		assert.Len(t, number, 11, what)
		assert.Len(t, length, 5, what)
		assert.Len(t, pick, 4, what)
		for n := range number {
			assert.True(t, n >= -5 && n <= 5)
		}
		clear(number)
		clear(length)
		clear(pick)
	}
	for seed := range uint64(500) {
		look(gen.NewDraw(choice.Seeded(seed)))
	}
	each("seeded")
	for range 5 {
		rapid.Check(t, func(t *rapid.T) { look(gen.NewDraw(choice.FromRapid(t))) })
	}
	each("rapid")
}

// A tape of zeros makes the simplest values, and lowering it lowers them.
func TestFromShrinks(t *testing.T) {
	d := gen.NewDraw(choice.Benign)
	assert.Equal(t, 3, gengopter.From[int](ggen.IntRange(3, 9), 5)(d))
	assert.Empty(t, gengopter.From[counters](gopterCounters(), 5)(d))
	assert.Empty(t, gengopter.From[string](ggen.AlphaString(), 5)(d))
	assert.Equal(t, "a", gengopter.From[string](ggen.OneConstOf("a", "b"), 5)(d))
	require.NoError(t, d.Err())

	lists := gengopter.From[[]int](ggen.SliceOf(ggen.IntRange(0, 1000)), 8)
	three := func(v []int) bool { return len(v) >= 3 }
	for seed := range uint64(40) {
		tape := choice.Tape{Src: choice.Seeded(seed)}
		if !three(lists(gen.NewDraw(&tape))) {
			continue
		}
		least := choice.Minimise(tape.Answers, 5000, func(src choice.Source) bool { return three(lists(gen.NewDraw(src))) })
		assert.Equal(t, []int{0, 0, 0}, lists(gen.NewDraw(choice.NewSequence(least.Tape))))
	}
}

// What a sieve discards is drawn again, even where the tape has come to its end.
func TestDiscardedValues(t *testing.T) {
	large := ggen.IntRange(0, 100).SuchThat(func(v int) bool { return v > 90 })
	for _, src := range []choice.Source{choice.Benign, choice.Seeded(1), choice.FromBytes(nil), choice.FromBytes([]byte("any bytes"))} {
		d := gen.NewDraw(src)
		assert.Greater(t, gengopter.From[int](large, 0)(d), 90)
		assert.NoError(t, d.Err())
	}
	d := gen.NewDraw(choice.Seeded(1))
	none := ggen.IntRange(0, 100).SuchThat(func(int) bool { return false })
	assert.Zero(t, gengopter.From[int](none, 0)(d))
	assert.ErrorIs(t, d.Err(), gengopter.ErrDiscarded)
	assert.ErrorContains(t, d.Err(), "in 100 tries")
}

func TestErrorsOfFrom(t *testing.T) {
	d := gen.NewDraw(choice.Seeded(1))
	assert.Empty(t, gengopter.From[string](ggen.Int(), 0)(d))
	assert.ErrorIs(t, d.Err(), gengopter.ErrType)
	assert.EqualError(t, d.Err(), "gengopter: value of another type: int, and string is wanted")

	d = gen.NewDraw(choice.Seeded(1))
	odd := gopter.Gen(func(*gopter.GenParameters) *gopter.GenResult { panic("odd") })
	assert.Zero(t, gengopter.From[int](odd, 0)(d))
	assert.ErrorIs(t, d.Err(), gengopter.ErrPanic)
	assert.ErrorContains(t, d.Err(), "odd")

	// In a check it is an error of the set-up, not of the merge.
	report := laws.Run(laws.Semilattice(lattice.Max[int]()), gen.Independent(gengopter.From[int](odd, 0)), laws.RunOptions{})
	assert.ErrorIs(t, report.Err, laws.ErrSetup)
	assert.ErrorIs(t, report.Err, gengopter.ErrPanic)
}

// There and back again: the values of a generator of gopter pass through choices.
func TestRoundTrip(t *testing.T) {
	g := gengopter.Of(gengopter.From[counters](gopterCounters(), 3))
	r := checked(1, func(m counters) bool { return m["b"] < 40 }, g)
	require.Equal(t, gopter.TestFailed, r.Status)
	least := r.Args[0].Arg.(counters)
	assert.Equal(t, []string{"b"}, slices.Collect(maps.Keys(least)))
	assert.GreaterOrEqual(t, least["b"], 40)
}
