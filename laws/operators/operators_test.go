package operators_test

import (
	"flag"
	"iter"
	"maps"
	"slices"

	"pgregory.net/rapid"

	"github.com/joinery-go/joinery/gen"
	"github.com/joinery-go/joinery/laws"
	"github.com/joinery-go/joinery/laws/operators"
)

var (
	seeds  = flag.Int("operators.seeds", 3, "from how many seeds each fault must be found")
	cases  = flag.Int("operators.cases", 300, "on how many cases a law the right operators are checked")
	inputs = flag.Int("operators.inputs", 2, "of how many elements the feeds have at most that are exhausted")
)

// set is the lattice of most folds here.
type set[T comparable] map[T]bool

func setOf[T comparable](vs ...T) set[T] {
	s := set[T]{}
	for _, v := range vs {
		s[v] = true
	}
	return s
}

func union[T comparable](a, b set[T]) set[T] {
	m := maps.Clone(a)
	if m == nil {
		m = set[T]{}
	}
	maps.Copy(m, b)
	return m
}

func lift[T comparable](v T) set[T] { return setOf(v) }

func none[T comparable]() set[T] { return set[T]{} }

// pair is an element with a key.
type pair struct{ K, V int }

func pairs() *rapid.Generator[pair] {
	return rapid.Custom(func(t *rapid.T) pair {
		return pair{rapid.IntRange(0, 2).Draw(t, "key"), rapid.IntRange(0, 4).Draw(t, "value")}
	})
}

func numbers() *rapid.Generator[int] { return rapid.IntRange(0, 9) }

// small are sets of a few numbers.
func small() *rapid.Generator[set[int]] {
	return rapid.Custom(func(t *rapid.T) set[int] {
		return setOf(rapid.SliceOfN(rapid.IntRange(0, 3), 1, 2).Draw(t, "of")...)
	})
}

// singles are sets of one number.
func singles() *rapid.Generator[set[int]] {
	return rapid.Custom(func(t *rapid.T) set[int] { return setOf(rapid.IntRange(0, 4).Draw(t, "of")) })
}

func sorted[T interface{ ~int | ~string }](s set[T]) []T {
	return slices.Sorted(maps.Keys(s))
}

// mapped is an operator of sequences that hands on f of each element.
func mapped[A, B any](f func(A) B) func(iter.Seq[A]) iter.Seq[B] {
	return func(in iter.Seq[A]) iter.Seq[B] {
		return func(yield func(B) bool) {
			for a := range in {
				if !yield(f(a)) {
					return
				}
			}
		}
	}
}

// stateless makes instances of an operator without state.
func stateless[A, B any](f func(a A, emit func(B))) func() func(A, func(B)) {
	return func() func(A, func(B)) { return f }
}

// suite is an operator with what it is checked on; exhausted over every feed of the
// elements, if there are any.
func suite[A, B, S any](o operators.Operator[A, B, S], elements ...A) laws.Suite {
	return laws.NewSuite("operator", operators.Laws(o), operators.Source(gen.FromRapid(o.Inputs)), operators.Feeds(elements, *inputs))
}

// lists are lists of a few numbers.
func lists() *rapid.Generator[[]int] { return rapid.SliceOfN(rapid.IntRange(0, 3), 1, 3) }

// growing are sets of the first few numbers.
func growing() *rapid.Generator[set[int]] {
	return rapid.Custom(func(t *rapid.T) set[int] {
		s := set[int]{}
		for n := range rapid.IntRange(1, 5).Draw(t, "of") {
			s[n] = true
		}
		return s
	})
}
