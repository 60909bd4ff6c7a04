package laws_test

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"pgregory.net/rapid"

	"github.com/joinery-go/joinery/gen"
	"github.com/joinery-go/joinery/laws"
)

func atMost(a, b int) bool { return a <= b }

func sizeOf(s ints) int { return len(s) }

func TestFunctionFaults(t *testing.T) {
	sets := func(set laws.Set[ints]) laws.Suite { return suite(set, gen.Subsets(1, 2, 3), maps.Clone[ints]) }
	marking := func(s ints) int {
		s[0] = struct{}{} // for the next call
		return 1
	}
	killAlone(t, map[string]laws.Suite{
		"morphism/joins": sets(laws.MorphismFunc(sizeOf, unionOf2, greater)),
		"monotone/order": sets(laws.MonotoneFunc(func(s ints) int { return len(s) % 3 }, unionOf2, atMost)),
		"function/argument-unchanged: of a morphism":          sets(laws.MorphismFunc(marking, unionOf2, greater)),
		"function/argument-unchanged: of a monotone function": sets(laws.MonotoneFunc(marking, unionOf2, atMost)),
		"order/reflexive":     ofInts(laws.OrderFunc(func(a, b int) bool { return a <= b && (a != 3 || b != 3) }), 4),
		"order/antisymmetric": ofInts(laws.OrderFunc(func(a, b int) bool { return a/2 <= b/2 }), 4),
		"order/transitive":    ofInts(laws.OrderFunc(func(a, b int) bool { return winner(a, b) == b }), 2),
		"order/total":         sets(laws.OrderFunc(within, laws.TotalOrder())),
		"order/agrees":        sets(laws.OrderFunc(func(a, b ints) bool { return within(b, a) }, laws.MergedBy(unionOf2))),
	})
	some := func(s ints) int {
		for e := range s { //joinery:anyorder that is the fault
			return e
		}
		return 0
	}
	found(t, "function/deterministic", sets(laws.MonotoneFunc(some, unionOf2, atMost)))
	// Equality of results that is not reflexive is no business of f's.
	r := laws.Run(laws.MorphismFunc(sizeOf, unionOf2, greater, laws.Equal(func(a, b int) bool { return false })),
		gen.Independent(gen.SubsetOf(1, 2)), laws.RunOptions{})
	assert.Contains(t, r.Failing(), "function/deterministic")
}

// within reports that a is a subset of b.
func within(a, b ints) bool {
	for e := range a { //joinery:anyorder each element is looked up
		if _, ok := b[e]; !ok {
			return false
		}
	}
	return true
}

func TestFunctionDoors(t *testing.T) {
	o := laws.Cases(*doorCases)
	counts := rapid.MapOfN(texts(), rapid.IntRange(1, 9), 0, 3)
	keys := func(m map[string]int) []string { return slices.Sorted(maps.Keys(m)) }
	either := func(a, b []string) []string {
		u := append(slices.Clone(a), b...)
		slices.Sort(u)
		return slices.Compact(u)
	}
	t.Run("keys", func(t *testing.T) { laws.CheckMorphism(t, keys, maxOf, either, counts, o) })
	t.Run("maximum", func(t *testing.T) {
		laws.CheckMorphism(t, func(m map[string]int) (n int) {
			for _, k := range m { //joinery:anyorder the greatest
				n = max(n, k)
			}
			return n
		}, maxOf, greater, counts, o)
	})
	t.Run("sum", func(t *testing.T) {
		laws.CheckMonotone(t, func(m map[string]int) (n int) {
			for _, k := range m { //joinery:anyorder a sum
				n += k
			}
			return n
		}, maxOf, atMost, counts, o)
	})
	t.Run("numbers", func(t *testing.T) {
		laws.CheckOrder(t, atMost, rapid.Int(), o, laws.TotalOrder(), laws.MergedBy(greater))
	})
	below := func(a, b map[string]int) bool {
		for k, n := range a { //joinery:anyorder each key is looked up
			if m, ok := b[k]; !ok || n > m {
				return false
			}
		}
		return true
	}
	t.Run("counts", func(t *testing.T) { laws.CheckOrder(t, below, counts, o, laws.MergedBy(maxOf)) })
	t.Run("alone", func(t *testing.T) { laws.CheckOrder(t, below, counts, o) })
	t.Run("nothing but equality", func(t *testing.T) {
		laws.CheckOrder(t, func(a, b string) bool { return a == b }, rapid.String(), o)
	})
}

// Options for the results are those of their type; of one type, they are for both.
func TestFunctionOptions(t *testing.T) {
	half := func(v int) uint { return uint(v) / 2 }
	joinHalves := func(a, b uint) uint { return max(a, b) }
	shown := laws.MorphismFunc(func(v int) uint { return 9 - half(v) }, greater, joinHalves,
		laws.Show(func(v uint) string { return fmt.Sprintf("half %d", v) }), laws.Show(func(v int) string { return fmt.Sprintf("whole %d", v) }))
	f := laws.Exhaust(shown, gen.Range(0, 4)).Results
	failure := f[len(f)-1].Failure
	assert.Equal(t, "half 8", failure.Left)
	assert.Equal(t, "whole 0", failure.Where[0].Value)
	coarse := laws.MorphismFunc(func(v int) uint { return uint(v) }, greater, func(a, b uint) uint { return max(a, b) | 1 },
		laws.Equal(func(a, b uint) bool { return a/2 == b/2 }))
	r := laws.Exhaust(coarse, gen.Range(0, 5))
	assert.True(t, r.OK(), "%v", r)
	both := laws.MorphismFunc(func(v int) int { return v }, greater, func(a, b int) int { return max(a, b) | 1 },
		laws.Equal(func(a, b int) bool { return a/2 == b/2 }))
	r = laws.Exhaust(both, gen.Range(0, 5))
	assert.True(t, r.OK(), "%v", r)
	refusedSetup(t, laws.MorphismFunc(half, greater, joinHalves, laws.Show(func(string) string { return "" })), "laws.Show", "string", "int")
	refusedSetup(t, laws.MorphismFunc[int, uint](nil, greater, joinHalves), "nil")
	refusedSetup(t, laws.MorphismFunc(half, nil, joinHalves), "nil")
	refusedSetup(t, laws.MorphismFunc(half, greater, nil), "nil")
	refusedSetup(t, laws.MonotoneFunc(half, greater, nil), "nil")
	refusedSetup(t, laws.OrderFunc[int](nil), "nil")
	refusedSetup(t, laws.MorphismFunc(half, greater, joinHalves, laws.MayRefuse()), "laws.MayRefuse", "CheckMorphism")
	refusedSetup(t, laws.MonotoneFunc(half, greater, func(a, b uint) bool { return a <= b }, laws.MayRefuse()), "CheckMonotone")
	refusedSetup(t, laws.OrderFunc(atMost, laws.MayRefuse()), "CheckOrder")
}

func ExampleCheckMorphism() {
	// In a test it is laws.CheckMorphism(t, sizeOf, unionOf2, greater, sets). The same
	// laws, anywhere:
	// The size of a set is monotone, and no morphism into numbers that join by the greater.
	r := laws.Exhaust(laws.MorphismFunc(sizeOf, unionOf2, greater), gen.Subsets(1, 2))
	res, _ := r.Result("morphism/joins")
	fmt.Print(res.Failure)
	// Output:
	// law morphism/joins does not hold
	//     f(a ⊔ b) = f(a) ⊔ f(b)
	// left   f(a ⊔ b) = 2
	// right  f(a) ⊔ f(b) = 1
	// where
	//     a = map[int]struct{}{1: {}}
	//     b = map[int]struct{}{2: {}}
	// found  tuple 7 of the universe
}

func ExampleCheckMonotone() {
	// In a test it is laws.CheckMonotone(t, mean, unionOf2, atMost, sets). The same laws,
	// anywhere: the mean of a set may fall where the set grows, its size may not.
	mean := func(s ints) int {
		sum := 0
		for n := range s { //joinery:anyorder a sum
			sum += n
		}
		return sum / max(1, len(s))
	}
	r := laws.Exhaust(laws.MonotoneFunc(mean, unionOf2, atMost), gen.Subsets(1, 3))
	res, _ := r.Result("monotone/order")
	fmt.Print(res.Failure)
	fmt.Println(laws.Exhaust(laws.MonotoneFunc(sizeOf, unionOf2, atMost), gen.Subsets(1, 3)).Failing())
	// Output:
	// law monotone/order does not hold
	//     a ⊑ a ⊔ b ⇒ f(a) ⊑ f(a ⊔ b)
	// left   f(a) = 3
	// right  f(a ⊔ b) = 2
	// where
	//     a = map[int]struct{}{3: {}}
	//     b = map[int]struct{}{1: {}}
	// found  tuple 10 of the universe
	// []
}

func ExampleCheckOrder() {
	// In a test it is laws.CheckOrder(t, shorter, versions). The same laws, anywhere:
	// versions that are compared as text.
	r := laws.Run(laws.OrderFunc(func(a, b string) bool { return len(a) <= len(b) }), gen.Independent(gen.String("12.", 3)), laws.RunOptions{Seed: 1})
	res, _ := r.Result("order/antisymmetric")
	fmt.Println(r.Failing(), res.Failure.Where)
	// Output:
	// [order/antisymmetric] [{a "1"} {b "2"}]
}

func greater(a, b int) int { return max(a, b) }
