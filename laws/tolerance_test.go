package laws_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"pgregory.net/rapid"

	"github.com/joinery-go/joinery/gen"
	"github.com/joinery-go/joinery/laws"
)

var (
	inf, nan = math.Inf(1), math.NaN()
	biggest  = math.MaxFloat64
)

// The comparisons of numbers that are written: none of them is right at the ends.
func relative(x, y float64) bool { return math.Abs(x-y) <= 1e-9*max(math.Abs(x), math.Abs(y)) }
func bySum(x, y float64) bool    { return math.Abs(x-y) <= 1e-9*(math.Abs(x)+math.Abs(y)) }
func negated(x, y float64) bool  { return !(math.Abs(x-y) > 1e-9*max(1, math.Abs(x), math.Abs(y))) }
func absolute(x, y float64) bool { return math.Abs(x-y) <= 1e-6 }
func squared(x, y float64) bool  { return (x-y)*(x-y) <= 1e-18*(x*x+y*y) }

// reading is a state with numbers in parts of every kind, all of which are looked at but one.
type reading struct {
	sum     float64
	Least   float32
	By      map[string]float64
	Last    []struct{ x, y float64 }
	Further *reading
	Any     any
	Wave    complex128
	ignored float64
}

// equalReadings are so in all parts but one, as the numbers of each are by near.
func equalReadings(near func(x, y float64) bool) func(a, b reading) bool {
	var equal func(a, b reading) bool
	equal = func(a, b reading) bool {
		if len(a.By) != len(b.By) || len(a.Last) != len(b.Last) || (a.Further == nil) != (b.Further == nil) {
			return false
		}
		for k, v := range a.By {
			if w, ok := b.By[k]; !ok || !near(v, w) {
				return false
			}
		}
		for i, v := range a.Last {
			if !near(v.x, b.Last[i].x) || !near(v.y, b.Last[i].y) {
				return false
			}
		}
		x, isX := a.Any.(float64)
		y, isY := b.Any.(float64)
		return near(a.sum, b.sum) && near(float64(a.Least), float64(b.Least)) && isX == isY && near(x, y) &&
			near(real(a.Wave), real(b.Wave)) && near(imag(a.Wave), imag(b.Wave)) &&
			(a.Further == nil || equal(*a.Further, *b.Further))
	}
	return equal
}

func readingOf(x float64) reading {
	return reading{
		sum: x, Least: float32(x), By: map[string]float64{"a": x}, Last: []struct{ x, y float64 }{{1, x}},
		Further: &reading{sum: x, Any: x}, Any: x, Wave: complex(1, x), ignored: 7,
	}
}

// Law: of infinities, NaN and the greatest numbers a tolerance says what is meant, however it
// is written, wherever the number stands; what it does not look at makes no difference.
func TestToleranceAtTheEnds(t *testing.T) {
	numbers := []float64{0, 1, -3.5, 1e200, -1e200, biggest, -biggest, biggest / 2, inf, -inf, nan}
	same := func(x, y float64) bool { return x == y || x != x && y != y }
	parts := map[string]func(r *reading, x float64){
		"all":       func(r *reading, x float64) { *r = readingOf(x) },
		"field":     func(r *reading, x float64) { r.sum = x },
		"map":       func(r *reading, x float64) { r.By["a"] = x },
		"element":   func(r *reading, x float64) { r.Last[0].y = x },
		"pointer":   func(r *reading, x float64) { r.Further.sum = x },
		"interface": func(r *reading, x float64) { r.Any = x },
		"further":   func(r *reading, x float64) { r.Further.Any = x },
		"complex":   func(r *reading, x float64) { r.Wave = complex(1, x) },
	}
	for name, near := range map[string]func(x, y float64) bool{
		"relative": relative, "by sum": bySum, "negated": negated, "absolute": absolute,
	} {
		equal := laws.EqualityOf[reading](laws.Tolerance(equalReadings(near)))
		for part, set := range parts {
			for _, x := range numbers {
				for _, y := range numbers {
					a, b := readingOf(1), readingOf(1)
					set(&a, x)
					set(&b, y)
					assert.Equal(t, same(x, y), equal(a, b), "%s, %s: %v and %v", name, part, x, y)
				}
			}
		}
		for _, x := range numbers {
			a, b := readingOf(1), readingOf(1)
			a.ignored = x
			assert.True(t, equal(a, b), "%s: %v is not looked at", name, x)
			b.sum = inf
			assert.False(t, equal(a, b), "%s: beside %v", name, x)
		}
	}
	squares := laws.EqualityOf[float64](laws.Tolerance(squared))
	assert.False(t, squares(inf, 5))
	assert.False(t, squares(1e100, inf))
	assert.True(t, squares(-inf, -inf))
	narrow := laws.EqualityOf[float32](laws.Tolerance(func(a, b float32) bool { return relative(float64(a), float64(b)) }))
	assert.False(t, narrow(float32(inf), math.MaxFloat32))
	assert.True(t, narrow(float32(inf), float32(inf)))
}

// Law: states are left as they were, though near is given others; and what it refuses by a
// panic it is asked about as it is.
func TestToleranceLeavesStates(t *testing.T) {
	type cell struct{ x *float64 }
	x, y := inf, 1.0
	a, b := cell{&x}, cell{&y}
	laws.EqualityOf[cell](laws.Tolerance(func(a, b cell) bool { return relative(*a.x, *b.x) }))(a, b)
	assert.Equal(t, []float64{inf, 1}, []float64{x, y})
	m := map[string]float64{"a": inf, "b": biggest}
	laws.EqualityOf[map[string]float64](laws.Tolerance(func(a, b map[string]float64) bool { return true }))(m, map[string]float64{"a": 1, "b": 2})
	assert.Equal(t, map[string]float64{"a": inf, "b": biggest}, m)
	ends := laws.EqualityOf[float64](laws.Tolerance(func(a, b float64) bool {
		if a == 0 || !math.IsInf(a, 0) && math.Abs(a) > 1e100 {
			panic("no such state")
		}
		return a == b
	}))
	assert.True(t, ends(inf, inf))
	assert.False(t, ends(inf, 3))
}

// A product of means that overflows is found by a tolerance as it is usually written; a
// sum that does not care passes, also where it has come to an infinity.
func TestToleranceFindsOverflow(t *testing.T) {
	type mean struct {
		Value float64
		Count int
	}
	near := laws.Tolerance(func(a, b mean) bool { return a.Count == b.Count && relative(a.Value, b.Value) })
	overflows := func(a, b mean) mean {
		n := a.Count + b.Count
		if n == 0 {
			return mean{}
		}
		return mean{(a.Value*float64(a.Count) + b.Value*float64(b.Count)) / float64(n), n}
	}
	means := rapid.Custom(func(t *rapid.T) mean {
		return mean{rapid.SampledFrom([]float64{1, 2, 1e308}).Draw(t, "value"), rapid.IntRange(1, 3).Draw(t, "count")}
	})
	set := laws.Monoid(overflows, mean{}, near)
	for seed := range uint64(20) {
		r := laws.Run(set, gen.Independent(gen.FromRapid(means)), laws.RunOptions{Seed: seed, Cases: 300})
		assert.Contains(t, r.Failing(), "monoid/identity", "seed %d", seed)
	}
	sums := rapid.SampledFrom([]float64{0, 1, 0.1, 1e100, biggest, inf})
	laws.CheckMonoid(t, func(a, b float64) float64 { return a + b }, 0, sums, laws.Tolerance(relative))
	either := rapid.SampledFrom([]float64{0, -1, 0.1, nan, inf, -inf})
	laws.CheckMonoid(t, func(a, b float64) float64 { return a + b }, 0, either, laws.Tolerance(relative))
}
