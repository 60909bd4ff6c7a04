package laws_test

import (
	"fmt"
	"maps"
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"pgregory.net/rapid"

	"github.com/joinery-go/joinery/gen"
	"github.com/joinery-go/joinery/laws"
)

func plus(a, b int) int       { return a + b }
func zero(int, int) int       { return 0 }
func join(a, b string) string { return a + b }

// winnerOr is winner with a neutral 3.
func winnerOr(a, b int) int {
	switch {
	case a == 3:
		return b
	case b == 3:
		return a
	}
	return winner(a, b)
}

// hiding is a number beside something that equality does not look at.
type hiding struct{ Val, Hidden int }

func showing(a, b hiding) bool { return a.Val == b.Val }

func TestWellPosed(t *testing.T) {
	// The merge gives one and the same, so that equations hold whatever equality is.
	posed := func(o laws.Option) laws.Suite {
		return ofInts(laws.Band(zero, o).Only("wellposed"), 5)
	}
	hidden := gen.Product(gen.Range(0, 2), gen.Range(0, 2), func(v, h int) hiding { return hiding{v, h} })
	killAlone(t, map[string]laws.Suite{
		"wellposed/equal-reflexive":  posed(laws.Equal(func(a, b int) bool { return a == b && a != 3 })),
		"wellposed/equal-symmetric":  posed(laws.Equal(func(a, b int) bool { return a <= b })),
		"wellposed/equal-transitive": posed(laws.Equal(func(a, b int) bool { return max(a-b, b-a) <= 1 })),
		"wellposed/clone": suite(laws.Band(func(_, _ ints) ints { return ints{} }, laws.Clone(func(s ints) ints {
			c := maps.Clone(s)
			delete(c, 2)
			return c
		})).Only("wellposed"), gen.Subsets(1, 2, 3), maps.Clone[ints]),
		"wellposed/congruence": suite(laws.Band(func(a, b hiding) hiding {
			return hiding{Val: max(a.Val, b.Val, a.Hidden)}
		}, laws.Equal(showing)).Only("wellposed"), hidden, same[hiding]),
		// The same from the right alone.
		"wellposed/congruence: of the second": suite(laws.Band(func(a, b hiding) hiding {
			return hiding{Val: max(a.Val, b.Val, b.Hidden)}
		}, laws.Equal(showing)).Only("wellposed"), hidden, same[hiding]),
		// Nil is not an empty map here, but equality of structure says so.
		"wellposed/congruence: of nil": suite(laws.Band(func(a, _ ints) ints {
			if a == nil {
				return ints{7: {}}
			}
			return ints{}
		}).Only("wellposed"), gen.Subsets(1, 2), maps.Clone[ints]),
	})
}

// anyOf takes one of the elements of a map, which one is left to Go.
func anyOf(a, b ints) ints {
	for e := range unionOf2(a, b) { //joinery:anyorder that is the fault
		return ints{e: {}}
	}
	return ints{}
}

func unionOf2(a, b ints) ints {
	u := maps.Clone(a)
	if u == nil {
		u = ints{}
	}
	maps.Copy(u, b)
	return u
}

func TestDeterministic(t *testing.T) {
	s := suite(laws.Band(anyOf).Only("wellposed"), gen.Subsets(1, 2, 3), maps.Clone[ints])
	found(t, "wellposed/deterministic", s)
	r := s.Run(laws.RunOptions{Seed: 1, Cases: 300, Only: "wellposed/deterministic"})
	f := r.Results[0].Failure
	assert.Equal(t, "a ⊔ b", f.LeftExpr)
	assert.Equal(t, "a ⊔ b, again", f.RightExpr)
	assert.NotEqual(t, f.Left, f.Right, "both results are kept")
	assert.Equal(t, "ab", f.Where[0].Name+f.Where[1].Name)
}

func TestMonoidFaults(t *testing.T) {
	words := gen.Values("", "x", "y", "xy")
	killAlone(t, map[string]laws.Suite{
		"monoid/associative": ofInts(laws.Monoid(winnerOr, 3), 3),
		"monoid/commutative": suite(laws.Monoid(join, ""), words, same[string]),
		"monoid/identity":    ofInts(laws.Monoid(plus, 1), 3),
		// Neutral on one side alone.
		"monoid/identity: on the left":  suite(laws.Monoid(func(a, b string) string { return a }, "", laws.NotCommutative()), words, same[string]),
		"monoid/identity: on the right": suite(laws.Monoid(func(a, b string) string { return b }, "", laws.NotCommutative()), words, same[string]),
		"inplace/arguments-unchanged: of a monoid": suite(laws.Monoid(func(a, b ints) ints {
			if a == nil {
				return maps.Clone(b)
			}
			maps.Copy(a, b)
			return a
		}, nil), gen.Subsets(1, 2, 3), maps.Clone[ints]),
	})
	killAlone(t, map[string]laws.Suite{
		"band/associative": ofInts(laws.Band(winner), 2),
		"band/idempotent":  ofInts(laws.Band(plus), 3),
		"inplace/arguments-unchanged: of a band": suite(laws.Band(func(a, b ints) ints {
			if a == nil {
				return maps.Clone(b)
			}
			maps.Copy(a, b)
			return a
		}), gen.Subsets(1, 2, 3), maps.Clone[ints]),
	})
}

// histogram is counts by bucket, with a sum.
type histogram struct {
	Buckets map[int]int
	Sum     float64
}

func addHistograms(a, b histogram) histogram {
	j := histogram{Buckets: map[int]int{}, Sum: a.Sum + b.Sum}
	for _, h := range []histogram{a, b} {
		for k, n := range h.Buckets { //joinery:anyorder sums of integers
			j.Buckets[k] += n
		}
	}
	return j
}

func histograms() *rapid.Generator[histogram] {
	return rapid.Custom(func(t *rapid.T) histogram {
		return histogram{rapid.MapOfN(rapid.IntRange(0, 9), rapid.IntRange(1, 99), 0, 4).Draw(t, "buckets"), rapid.Float64Range(-1e3, 1e3).Draw(t, "sum")}
	})
}

func closeBy(a, b histogram) bool {
	return maps.Equal(a.Buckets, b.Buckets) && math.Abs(a.Sum-b.Sum) <= 1e-9*(1+math.Abs(a.Sum))
}

// settings is a configuration that is filled up, the first value first.
type settings struct {
	Host  string
	Port  int
	Extra map[string]string
}

func fill(a, b settings) settings {
	j := settings{a.Host, a.Port, maps.Clone(b.Extra)}
	if j.Host == "" {
		j.Host = b.Host
	}
	if j.Port == 0 {
		j.Port = b.Port
	}
	if j.Extra == nil {
		j.Extra = map[string]string{}
	}
	maps.Copy(j.Extra, a.Extra)
	return j
}

func someSettings() *rapid.Generator[settings] {
	return rapid.Custom(func(t *rapid.T) settings {
		return settings{texts().Draw(t, "host"), rapid.IntRange(0, 3).Draw(t, "port"), rapid.MapOfN(texts(), texts(), 0, 3).Draw(t, "extra")}
	})
}

func TestMonoidDoors(t *testing.T) {
	o := laws.Cases(*doorCases)
	t.Run("sums", func(t *testing.T) { laws.CheckMonoid(t, plus, 0, rapid.Int(), o) })
	t.Run("counts", func(t *testing.T) {
		laws.CheckMonoid(t, addHistograms, histogram{}, histograms(), o, laws.Tolerance(closeBy))
	})
	t.Run("texts", func(t *testing.T) { laws.CheckMonoid(t, join, "", texts(), o, laws.NotCommutative()) })
	t.Run("lists", func(t *testing.T) {
		concat := func(a, b []int) []int { return append(a[:len(a):len(a)], b...) }
		laws.CheckMonoid(t, concat, nil, rapid.SliceOfN(rapid.IntRange(0, 3), 0, 4), o, laws.NotCommutative())
	})
	t.Run("settings", func(t *testing.T) { laws.CheckBand(t, fill, someSettings(), o) })
	t.Run("a semilattice is a band", func(t *testing.T) { laws.CheckBand(t, unionOf, stringSets(), o) })
	t.Run("and a monoid", func(t *testing.T) { laws.CheckMonoid(t, unionOf, nil, stringSets(), o) })
}

// The identity is among the states that are checked, whatever the generator draws.
func TestMonoidDrawsTheIdentity(t *testing.T) {
	met := false
	sum := func(a, b int) int {
		met = met || a == 0 && b == 0
		return a + b
	}
	laws.CheckMonoid(t, sum, 0, rapid.IntRange(1, 3), laws.Cases(100))
	assert.True(t, met, "0 ⊔ 0 is asked of a generator that never draws 0")
}

func TestMonoidSetup(t *testing.T) {
	refusedSetup(t, laws.Monoid[int](nil, 0), "nil")
	refusedSetup(t, laws.Monoid(plus, 0, laws.MayRefuse()), "laws.MayRefuse", "CheckMonoid")
	refusedSetup(t, laws.Band(plus, laws.NotCommutative()), "laws.NotCommutative", "CheckBand")
	refusedSetup(t, laws.Monoid(plus, 0, laws.Tolerance(func(a, b string) bool { return a == b })), "laws.Tolerance", "string", "int")
	// Float sums are no monoid but up to rounding, and near is no congruence.
	strict := laws.Monoid(func(a, b float64) float64 { return a + b }, 0)
	r := laws.Run(strict, gen.Independent(gen.Map(gen.Int(0, 1000), func(n int) float64 { return float64(n) / 10 })), laws.RunOptions{Cases: 500})
	assert.Equal(t, []string{"monoid/associative"}, r.Failing())
	near := laws.Monoid(plus, 0, laws.Tolerance(func(a, b int) bool { return max(a-b, b-a) <= 1 }))
	r = laws.Exhaust(near, gen.Range(0, 4))
	assert.True(t, r.OK(), "%v", r)
	assert.Contains(t, fmt.Sprint(r.Absent), "laws.Tolerance declares")
}

func ExampleCheckMonoid() {
	// In a test it is laws.CheckMonoid(t, mean, 0, numbers). The same laws, anywhere:
	mean := func(a, b int) int { return (a + b) / 2 }
	r := laws.Run(laws.Monoid(mean, 0), gen.Independent(gen.Int(0, 9)), laws.RunOptions{Seed: 1})
	fmt.Println(r.Failing())
	res, _ := r.Result("monoid/identity")
	fmt.Print(res.Failure)
	// Output:
	// [monoid/associative monoid/identity]
	// law monoid/identity does not hold
	//     e ⊔ a = a = a ⊔ e, where e is the identity
	// left   e ⊔ a = 0 with e = 0
	// right  a = 1
	// where
	//     a = 1
	// found  case 1 of seed 1
}

func ExampleCheckBand() {
	// In a test it is laws.CheckBand(t, merge, configs). The same laws, anywhere:
	// The first host counts, and paths are collected.
	type config struct{ Host, Paths string }
	merge := func(a, b config) config {
		if a.Host == "" {
			a.Host = b.Host
		}
		a.Paths += b.Paths
		return a
	}
	text := gen.String("xy", 2)
	configs := gen.Gen[config](func(d *gen.Draw) config { return config{text(d), text(d)} })
	r := laws.Run(laws.Band(merge), gen.Independent(configs), laws.RunOptions{Seed: 1})
	res, _ := r.Result("band/idempotent")
	fmt.Println(r.Failing(), res.Failure.Left, "instead of", res.Failure.Right)
	// Output:
	// [band/idempotent] laws_test.config{Paths: "xx"} instead of laws_test.config{Paths: "x"}
}
