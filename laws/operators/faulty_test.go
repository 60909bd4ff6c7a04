package operators_test

import (
	"iter"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/lattice"
	"github.com/joinery-go/joinery/laws"
	"github.com/joinery-go/joinery/laws/operators"
)

// faulty are operators with one fault each, by the law that it breaks.
func faulty() map[string]laws.Suite {
	s := map[string]laws.Suite{}
	faultyInstances(s)
	faultySequences(s)
	faultyClaims(s)
	return s
}

// handedOn is an operator of numbers that emits what f does, into a set.
func handedOn(class lattice.Class, fresh func() func(int, func(int))) operators.Operator[int, int, set[int]] {
	return operators.Operator[int, int, set[int]]{Emit: fresh, Class: class, Lift: lift[int], Merge: union[int], Inputs: numbers()}
}

func faultyInstances(s map[string]laws.Suite) {
	s["duplicates: what comes again is marked"] = suite(handedOn(lattice.IsMorphism, func() func(int, func(int)) {
		seen := set[int]{}
		return func(n int, emit func(int)) {
			if seen[n] {
				emit(-1)
			}
			seen[n] = true
			emit(n)
		}
	}), 1, 2, 3)
	s["duplicates: what comes for the fifth time is set aside"] = suite(handedOn(lattice.IsMorphism, func() func(int, func(int)) {
		times := map[int]int{}
		return func(n int, emit func(int)) {
			if times[n]++; times[n] == 5 {
				emit(-n - 1)
			}
			emit(n)
		}
	}), 1, 2, 3)
	s["order: the first value of a key wins"] = suite(operators.Operator[pair, pair, set[pair]]{
		Emit: func() func(pair, func(pair)) {
			first := map[int]int{}
			return func(p pair, emit func(pair)) {
				if v, ok := first[p.K]; ok && v != p.V {
					return
				}
				first[p.K] = p.V
				emit(p)
			}
		}, Class: lattice.IsTricky, Lift: lift[pair], Merge: union[pair], Inputs: pairs(),
	}, pair{0, 1}, pair{0, 2}, pair{1, 1})
	s["batches: of a batch only the first is read"] = suite(operators.Operator[set[int], set[int], set[int]]{
		Emit:  stateless(func(b set[int], emit func(set[int])) { emit(setOf(sorted(b)[0])) }),
		Merge: union[int], Start: none[int], Inputs: singles(), Join: union[int],
		Recompute: func(all []set[int]) set[int] {
			m := none[int]()
			for _, b := range all {
				m = union(m, b)
			}
			return m
		},
	}, setOf(1), setOf(2), setOf(3))
	active := 0 // the latest instance, which is the only one that works
	s["split: an instance takes over from the one before"] = suite(handedOn(lattice.IsMorphism, func() func(int, func(int)) {
		active++
		mine := active
		return func(n int, emit func(int)) {
			if mine == active {
				emit(n)
			}
		}
	}), 1, 2, 3)
	s["inputs: an element is sorted in place"] = suite(operators.Operator[[]int, int, set[int]]{
		Emit: stateless(func(l []int, emit func(int)) {
			slices.Sort(l)
			for _, v := range l {
				emit(v)
			}
		}), Lift: lift[int], Merge: union[int], Inputs: lists(),
	}, []int{2, 1}, []int{1}, []int{3})
	s["outputs: a buffer is used again"] = suite(operators.Operator[int, []int, set[int]]{
		Emit: func() func(int, func([]int)) {
			buffer := []int{0}
			return func(n int, emit func([]int)) {
				buffer[0] = n
				emit(buffer)
			}
		}, Lift: func(l []int) set[int] { return setOf(l...) }, Merge: union[int], Inputs: numbers(),
	}, 1, 2, 3)
	s["delta: one number is left out"] = suite(operators.Operator[int, int, set[int]]{
		Emit: stateless(func(n int, emit func(int)) {
			if n != 2 {
				emit(n)
			}
		}), Lift: lift[int], Merge: union[int], Inputs: numbers(), Start: none[int],
		Recompute: func(all []int) set[int] { return setOf(all...) },
	}, 1, 2, 3)
	instances := 0 // of all instances, which is the fault
	s["fresh: instances count each other"] = suite(handedOn(lattice.IsMorphism, func() func(int, func(int)) {
		instances++
		odd := instances % 2
		return func(n int, emit func(int)) {
			emit(n)
			if n == 2 {
				emit(-odd)
			}
		}
	}), 1, 2, 3)
}

func faultySequences(s map[string]laws.Suite) {
	s["lent: an element is held back with its memory"] = suite(operators.Operator[[]int, []int, set[int]]{
		Seq: func(in iter.Seq[[]int]) iter.Seq[[]int] {
			return func(yield func([]int) bool) {
				var held []int
				for l := range in {
					if held != nil && !yield(held) {
						return
					}
					held = l
				}
				if held != nil {
					yield(held)
				}
			}
		}, Late: true, Lent: true, Lift: func(l []int) set[int] { return setOf(l...) }, Merge: union[int], Inputs: lists(),
	}, []int{2, 1}, []int{1}, []int{3})
	s["monotone: it gives all, or nothing"] = suite(operators.Operator[int, int, set[int]]{
		Seq: func(in iter.Seq[int]) iter.Seq[int] {
			return func(yield func(int) bool) {
				seen := set[int]{}
				for n := range in {
					seen[n] = true
				}
				for _, n := range sorted(seen) {
					if len(seen)%2 == 0 || !yield(n) {
						return
					}
				}
			}
		}, Class: lattice.IsTricky, Late: true, Lift: lift[int], Merge: union[int], Inputs: numbers(),
	}, 1, 2, 3)
	s["resume: elements are held back, and nobody says so"] = suite(operators.Operator[int, set[int], set[int]]{
		Seq: chunks(3), Merge: union[int], Inputs: numbers(),
	}, 1, 2, 3)
	s["stops: it goes on when nobody reads"] = suite(operators.Operator[int, int, set[int]]{
		Seq: func(in iter.Seq[int]) iter.Seq[int] {
			return func(yield func(int) bool) {
				for n := range in {
					yield(n)
				}
			}
		}, Lift: lift[int], Merge: union[int], Inputs: numbers(),
	}, 1, 2, 3)
	s["stops: it takes the rest when nobody reads"] = suite(operators.Operator[int, int, set[int]]{
		Seq: func(in iter.Seq[int]) iter.Seq[int] {
			return func(yield func(int) bool) {
				more := true
				for n := range in {
					more = more && yield(n)
				}
			}
		}, Lift: lift[int], Merge: union[int], Inputs: numbers(),
	}, 1, 2, 3)
	s["releases: the input is pulled, and never stopped"] = suite(operators.Operator[int, int, set[int]]{
		Seq: func(in iter.Seq[int]) iter.Seq[int] {
			return func(yield func(int) bool) {
				next, _ := iter.Pull(in)
				for n, ok := next(); ok && yield(n); n, ok = next() {
				}
			}
		}, Lift: lift[int], Merge: union[int], Inputs: numbers(),
	}, 1, 2, 3)
	s["batches: of states, one in between is needed"] = suite(operators.Operator[set[int], int, set[int]]{
		Seq: mapped(func(s set[int]) int { return len(s) }), Class: lattice.IsTricky, In: operators.States,
		Lift: lift[int], Merge: union[int], Inputs: growing(), Join: union[int], Start: none[int],
		Recompute: func(all []set[int]) set[int] {
			m, sizes := none[int](), none[int]()
			for _, s := range all {
				m = union(m, s)
				sizes[len(m)] = true
			}
			return sizes
		},
	}, setOf(1), setOf(1, 2), setOf(1, 2, 3))
}

func faultyClaims(s map[string]laws.Suite) {
	twice := handedOn(lattice.IsMorphism, func() func(int, func(int)) {
		first := unique()
		return func(n int, emit func(int)) {
			first(n, func(n int) {
				emit(n)
				if n == 2 {
					emit(n)
				}
			})
		}
	})
	twice.Once = true
	s["once: two is emitted twice"] = suite(twice, 1, 2, 3)
	s["rises: a state is the last value alone"] = suite(operators.Operator[int, set[int], set[int]]{
		Emit:  stateless(func(n int, emit func(set[int])) { emit(setOf(n)) }),
		Merge: union[int], Inputs: numbers(), Out: operators.States,
	}, 1, 2, 3)
	s["quiet: each goes around as the next"] = suite(operators.Operator[int, int, int]{
		Emit: stateless(func(n int, emit func(int)) { emit(n + 1) }), Merge: larger, Inputs: numbers(),
		Feedback: func(n int) (int, bool) { return n, true }, Within: 50,
	}, 1, 2, 3)
}

// Each fault breaks one law and no other, over every feed of a small scope and from every
// seed, so that no law is redundant and none fails for another's reason.
func TestFaultyOperators(t *testing.T) {
	all := faulty()
	for _, name := range slices.Sorted(maps.Keys(all)) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			law, _, _ := strings.Cut(name, ": ")
			r := all[name].Exhaust()
			require.NoError(t, r.Err)
			assert.Equal(t, []string{"operator/" + law}, r.Failing(), "%v", r)
			for seed := range uint64(*seeds) {
				r := all[name].Run(laws.RunOptions{Seed: seed, Cases: 200, Replays: 300})
				require.NoError(t, r.Err)
				require.Equal(t, []string{"operator/" + law}, r.Failing(), "seed %d: %v", seed, r)
			}
		})
	}
}
