package operators_test

import (
	"iter"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/joinery-go/joinery/lattice"
	"github.com/joinery-go/joinery/laws"
	"github.com/joinery-go/joinery/laws/operators"
)

// right are operators of ordinary types that no law complains of.
func right() map[string]laws.Suite {
	s := map[string]laws.Suite{}
	rightSequences(s)
	rightInstances(s)
	rightStates(s)
	return s
}

func rightSequences(s map[string]laws.Suite) {
	s["map"] = suite(operators.Operator[int, int, set[int]]{
		Seq: mapped(func(n int) int { return n / 2 }), Lift: lift[int], Merge: union[int], Inputs: numbers(),
		Start: none[int], Recompute: func(all []int) set[int] {
			m := none[int]()
			for _, n := range all {
				m[n/2] = true
			}
			return m
		},
	}, 1, 2, 3)
	s["filter"] = suite(operators.Operator[int, int, set[int]]{
		Seq: func(in iter.Seq[int]) iter.Seq[int] {
			return func(yield func(int) bool) {
				for n := range in {
					if n%3 == 0 && !yield(n) {
						return
					}
				}
			}
		}, Lift: lift[int], Merge: union[int], Inputs: numbers(),
	}, 0, 1, 3)
	s["words"] = suite(operators.Operator[string, string, set[string]]{
		Seq: func(in iter.Seq[string]) iter.Seq[string] {
			return func(yield func(string) bool) {
				for line := range in {
					for w := range strings.FieldsSeq(line) {
						if !yield(w) {
							return
						}
					}
				}
			}
		}, Lift: lift[string], Merge: union[string], Inputs: rapid.StringMatching(`[ab]( [abc]){0,2}`),
		Join: func(a, b string) string { return a + " " + b },
	}, "a a", "b a", "c")
	s["pulled"] = suite(operators.Operator[int, int, set[int]]{
		Seq: func(in iter.Seq[int]) iter.Seq[int] {
			next, stop := iter.Pull(in)
			return func(yield func(int) bool) {
				defer stop()
				for n, ok := next(); ok && yield(n); n, ok = next() {
				}
			}
		}, Lift: lift[int], Merge: union[int], Inputs: numbers(),
	}, 1, 2, 3)
	s["chunks, late"] = suite(operators.Operator[int, set[int], set[int]]{
		Seq: chunks(3), Merge: union[int], Inputs: numbers(), Late: true,
	}, 1, 2, 3)
	s["largest, at the end"] = suite(operators.Operator[int, int, int]{
		Seq: func(in iter.Seq[int]) iter.Seq[int] {
			return func(yield func(int) bool) {
				most := 0
				for n := range in {
					most = max(most, n)
				}
				yield(most)
			}
		}, Merge: larger, Inputs: numbers(), Late: true, Out: operators.States,
	}, 1, 2, 3)
	s["parity of how many, at the end"] = suite(operators.Operator[int, int, set[int]]{
		Seq: counted(func(n int) int { return n % 2 }), Class: lattice.NonMonotone, Late: true, Lift: lift[int], Merge: union[int], Inputs: numbers(),
	}, 1, 2, 3)
}

// chunks hands on sets of n elements, the last of them smaller.
func chunks(n int) func(iter.Seq[int]) iter.Seq[set[int]] {
	return func(in iter.Seq[int]) iter.Seq[set[int]] {
		return func(yield func(set[int]) bool) {
			chunk := set[int]{}
			for v := range in {
				chunk[v] = true
				if len(chunk) == n {
					if !yield(chunk) {
						return
					}
					chunk = set[int]{}
				}
			}
			if len(chunk) > 0 {
				yield(chunk)
			}
		}
	}
}

// counted hands on f of how many different elements there are, at the end.
func counted(f func(int) int) func(iter.Seq[int]) iter.Seq[int] {
	return func(in iter.Seq[int]) iter.Seq[int] {
		return func(yield func(int) bool) {
			seen := set[int]{}
			for v := range in {
				seen[v] = true
			}
			yield(f(len(seen)))
		}
	}
}

func larger(a, b int) int { return max(a, b) }

func rightInstances(s map[string]laws.Suite) {
	s["unique"] = suite(operators.Operator[int, int, set[int]]{
		Emit: unique, Lift: lift[int], Merge: union[int], Inputs: numbers(), Once: true,
		Feedback: func(n int) (int, bool) { return n, true },
	}, 1, 2, 3)
	s["running maximum"] = suite(operators.Operator[int, int, int]{
		Emit: func() func(int, func(int)) {
			most := 0
			return func(n int, emit func(int)) {
				most = max(most, n)
				emit(most)
			}
		}, Class: lattice.IsMorphism, Out: operators.States, Merge: larger, Inputs: numbers(), Join: larger,
	}, 1, 2, 3)
	s["how many"] = suite(operators.Operator[int, int, int]{
		Emit: func() func(int, func(int)) {
			seen := set[int]{}
			return func(n int, emit func(int)) {
				if !seen[n] {
					seen[n] = true
					emit(len(seen))
				}
			}
		}, Class: lattice.IsTricky, Out: operators.States, Once: true, Merge: larger, Inputs: numbers(),
	}, 1, 2, 3)
	s["join"] = suite(operators.Operator[side, match, set[match]]{
		Emit: joined, Class: lattice.IsTricky, Once: true, Lift: lift[match], Merge: union[match], Inputs: sides(), Start: none[match],
		Recompute: func(all []side) set[match] {
			m := none[match]()
			for _, a := range all {
				for _, b := range all {
					if !a.Right && b.Right && a.K == b.K {
						m[match{a.K, a.V, b.V}] = true
					}
				}
			}
			return m
		},
	}, side{false, 0, 1}, side{true, 0, 2}, side{true, 0, 3})
	s["transitive closure"] = suite(operators.Operator[pair, pair, set[pair]]{
		Emit: closure, Class: lattice.IsTricky, Once: true, Lift: lift[pair], Merge: union[pair],
		Inputs: rapid.Custom(func(t *rapid.T) pair {
			return pair{rapid.IntRange(0, 3).Draw(t, "from"), rapid.IntRange(0, 3).Draw(t, "to")}
		}),
		Feedback: func(p pair) (pair, bool) { return p, true },
	}, pair{0, 1}, pair{1, 2}, pair{2, 0})
	s["groups"] = suite(operators.Operator[pair, map[int]set[int], map[int]set[int]]{
		Emit: stateless(func(p pair, emit func(map[int]set[int])) { emit(map[int]set[int]{p.K: setOf(p.V)}) }),
		Merge: func(a, b map[int]set[int]) map[int]set[int] {
			m := maps.Clone(a)
			for k, v := range b {
				m[k] = union(m[k], v)
			}
			return m
		}, Inputs: pairs(),
	}, pair{0, 1}, pair{0, 2}, pair{1, 1})
	s["what is new of sets"] = suite(operators.Operator[set[int], set[int], set[int]]{
		Emit: func() func(set[int], func(set[int])) {
			seen := set[int]{}
			return func(s set[int], emit func(set[int])) {
				fresh := set[int]{}
				for v := range s {
					if !seen[v] {
						seen[v], fresh[v] = true, true
					}
				}
				if len(fresh) > 0 {
					emit(fresh)
				}
			}
		}, Merge: union[int], Join: union[int], Once: true, Inputs: small(),
	}, setOf(1), setOf(1, 2), setOf(3))
	s["around, one way"] = suite(operators.Operator[int, int, int]{
		Emit: stateless(func(n int, emit func(int)) { emit(min(n+1, 20)) }), Merge: larger, Inputs: numbers(),
		Feedback: func(n int) (int, bool) { return n, n < 20 }, Within: 100,
	}, 1, 2, 3)
}

func rightStates(s map[string]laws.Suite) {
	size := func(s set[int]) int { return len(s) }
	s["size of a state"] = suite(operators.Operator[set[int], int, int]{
		Seq: mapped(size), Class: lattice.IsTricky, In: operators.States, Out: operators.States, Merge: larger, Join: union[int], Inputs: small(),
	}, setOf(1), setOf(1, 2), setOf(3))
	s["threshold of a state"] = suite(operators.Operator[set[int], bool, bool]{
		Emit: func() func(set[int], func(bool)) {
			passed := false
			return func(s set[int], emit func(bool)) {
				if !passed && len(s) > 2 {
					passed = true
					emit(true)
				}
			}
		}, Class: lattice.IsTricky, In: operators.States, Out: operators.States, Once: true,
		Merge: func(a, b bool) bool { return a || b }, Start: func() bool { return false }, Join: union[int], Inputs: small(),
	}, setOf(1), setOf(1, 2), setOf(3))
	s["image of a state"] = suite(operators.Operator[set[int], set[int], set[int]]{
		Seq: mapped(func(s set[int]) set[int] {
			m := set[int]{}
			for v := range s {
				m[v/2] = true
			}
			return m
		}), In: operators.States, Out: operators.States, Merge: union[int], Join: union[int], Inputs: small(),
	}, setOf(1), setOf(1, 2), setOf(3))
	s["what is missing of a state"] = suite(operators.Operator[set[int], set[int], set[int]]{
		Seq: mapped(func(s set[int]) set[int] {
			m := setOf(0, 1, 2, 3)
			maps.DeleteFunc(m, func(v int, _ bool) bool { return s[v] })
			return m
		}), Class: lattice.NonMonotone, In: operators.States, Merge: union[int], Join: union[int], Inputs: small(),
	}, setOf(1), setOf(1, 2), setOf(3))
}

func unique() func(int, func(int)) {
	seen := set[int]{}
	return func(n int, emit func(int)) {
		if !seen[n] {
			seen[n] = true
			emit(n)
		}
	}
}

// side is an element of one of the two inputs of a join.
type side struct {
	Right bool
	K, V  int
}

// match is what a join makes of two sides.
type match struct{ K, Left, Right int }

func sides() *rapid.Generator[side] {
	return rapid.Custom(func(t *rapid.T) side {
		return side{rapid.Bool().Draw(t, "right"), rapid.IntRange(0, 1).Draw(t, "key"), rapid.IntRange(0, 2).Draw(t, "value")}
	})
}

func joined() func(side, func(match)) {
	var seen []side
	return func(e side, emit func(match)) {
		if slices.Contains(seen, e) {
			return
		}
		for _, o := range seen {
			switch {
			case o.K != e.K || o.Right == e.Right:
			case e.Right:
				emit(match{e.K, o.V, e.V})
			default:
				emit(match{e.K, e.V, o.V})
			}
		}
		seen = append(seen, e)
	}
}

// closure hands on new pairs, edges or paths, when it is given those it has handed on.
func closure() func(pair, func(pair)) {
	known := set[pair]{}
	return func(p pair, emit func(pair)) {
		fresh := []pair{p}
		for len(fresh) > 0 {
			p, fresh = fresh[0], fresh[1:]
			if known[p] {
				continue
			}
			known[p] = true
			emit(p)
			for q := range known {
				if p.V == q.K {
					fresh = append(fresh, pair{p.K, q.V})
				}
				if q.V == p.K {
					fresh = append(fresh, pair{q.K, p.V})
				}
			}
		}
	}
}

// No law complains of what is right, on any feed of a small scope and on random ones.
func TestRightOperators(t *testing.T) {
	all := right()
	for _, name := range slices.Sorted(maps.Keys(all)) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := all[name].Exhaust()
			require.NoError(t, r.Err)
			assert.True(t, r.OK(), "%v", r)
			r = all[name].Run(laws.RunOptions{Seed: 7, Cases: *cases})
			require.NoError(t, r.Err)
			assert.True(t, r.OK(), "%v", r)
		})
	}
}
