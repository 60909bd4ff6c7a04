package operators_test

import (
	"bytes"
	"iter"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/joinery-go/joinery/gen"
	"github.com/joinery-go/joinery/lattice"
	"github.com/joinery-go/joinery/lattice/flow"
	"github.com/joinery-go/joinery/laws"
	"github.com/joinery-go/joinery/laws/operators"
)

func failing(o operators.Operator[int, int, int]) []string {
	o.Class, o.Inputs = lattice.IsMorphism, rapid.IntRange(0, 9)
	o.Merge = func(a, b int) int { return max(a, b) }
	return laws.Run(operators.Laws(o), operators.Source(gen.FromRapid(o.Inputs)), laws.RunOptions{}).Failing()
}

// TestSecondStateFalls: of two states, the second is below the first, and there is no third.
func TestSecondStateFalls(t *testing.T) {
	require.Contains(t, failing(operators.Operator[int, int, int]{
		Seq: func(in iter.Seq[int]) iter.Seq[int] {
			return func(yield func(int) bool) {
				most := 0
				for v := range in {
					most = max(most, v)
				}
				if most > 0 && yield(most) {
					yield(most - 1)
				}
			}
		},
		Late: true, Out: operators.States, Start: func() int { return 0 },
	}), "operator/rises")
}

// TestEmitsOnceMore: an operator that emits twice an element and heeds what the second says
// emits once more than is wanted, and takes nothing for it.
func TestEmitsOnceMore(t *testing.T) {
	require.Contains(t, failing(operators.Operator[int, int, int]{
		Seq: func(in iter.Seq[int]) iter.Seq[int] {
			return func(yield func(int) bool) {
				for v := range in {
					yield(v)
					if !yield(v / 2) {
						return
					}
				}
			}
		},
	}), "operator/stops")
}

// TestGoesRoundBelow: an operator that claims to emit nothing twice may go round for ever
// below what the fold is.
func TestGoesRoundBelow(t *testing.T) {
	require.Contains(t, failing(operators.Operator[int, int, int]{
		Emit: func() func(int, func(int)) {
			seen := map[int]bool{}
			return func(v int, emit func(int)) {
				if !seen[v] {
					seen[v] = true
					emit(v - 1)
				}
			}
		},
		Once: true, Feedback: func(v int) (int, bool) { return v, true },
	}), "operator/quiet")
}

// TestKeepsWhatIsLent: an operator that holds an element back holds its memory, and emits
// what was put there since; one that copies it does not.
func TestKeepsWhatIsLent(t *testing.T) {
	type line struct {
		text  []byte
		marks map[string]*int
	}
	lines := gen.Gen[line](func(d *gen.Draw) line {
		n := d.Index("n", 5)
		return line{[]byte{byte('a' + n)}, map[string]*int{"n": &n}}
	})
	held := func(hold func(line) line) operators.Operator[line, line, set[int]] {
		return operators.Operator[line, line, set[int]]{
			Seq: func(in iter.Seq[line]) iter.Seq[line] {
				return func(yield func(line) bool) {
					var before *line
					for l := range in {
						if before != nil && !yield(*before) {
							return
						}
						h := hold(l)
						before = &h
					}
					if before != nil {
						yield(*before)
					}
				}
			},
			Late: true, Lent: true, Merge: union[int], Start: none[int],
			Lift: func(l line) set[int] {
				n := int(l.text[0])
				if m := l.marks["n"]; m != nil {
					n += 1000 * *m
				}
				return setOf(n)
			},
		}
	}
	failing := func(hold func(line) line) []string {
		return laws.Run(operators.Laws(held(hold)), operators.Source(lines), laws.RunOptions{Seed: 1}).Failing()
	}
	require.Equal(t, []string{"operator/lent"}, failing(func(l line) line { return l }))
	require.Equal(t, []string{"operator/lent"}, failing(func(l line) line { return line{bytes.Clone(l.text), l.marks} }))
	require.Empty(t, failing(func(l line) line {
		n := *l.marks["n"]
		return line{bytes.Clone(l.text), map[string]*int{"n": &n}}
	}))

	numbers := operators.Operator[int, int, int]{Emit: stateless(func(n int, emit func(int)) { emit(n) }), Merge: larger, Lent: true}
	r := laws.Run(operators.Laws(numbers), operators.Source(gen.Int(0, 9)), laws.RunOptions{Seed: 1, Only: "operator/lent"})
	require.False(t, r.OK(), "numbers have no memory, so that the law says nothing")
}

// TestForgetsTheOldest: an operator that remembers only so many is found where it is fed
// more, and not where it is not.
func TestForgetsTheOldest(t *testing.T) {
	op := func(most int) operators.Operator[int, int, set[int]] {
		return operators.Operator[int, int, set[int]]{
			Emit: func() func(int, func(int)) {
				var last []int
				return func(n int, emit func(int)) {
					if !slices.Contains(last, n) {
						last = append(last, n)
						last = last[max(0, len(last)-most):]
						emit(n)
					}
				}
			}, Once: true, Lift: lift[int], Merge: union[int],
		}
	}
	for _, c := range []struct {
		most, longest int
		found         bool
	}{{8, 0, true}, {8, 6, false}, {40, 0, false}, {40, 100, true}} {
		o := op(c.most)
		r := laws.Run(operators.Laws(o), operators.SourceUpTo(gen.Int(0, 999), c.longest), laws.RunOptions{Seed: 1, Only: "operator/once"})
		require.Equal(t, !c.found, r.OK(), "memory of %d, feeds of %d", c.most, c.longest)
	}
}

// TestHalvesOfCheckFlow: what is built is run with elements one by one, and in batches.
func TestHalvesOfCheckFlow(t *testing.T) {
	ahead := make(map[int]int) // instances by how many elements were taken before one was emitted
	operators.CheckFlow(t, func(d flow.Delta[int]) flow.Delta[int] {
		taken, emitted := 0, false
		in := flow.Map(d, func(n int) int { taken++; return n })
		return flow.Map(in, func(n int) int {
			if !emitted {
				ahead[taken]++
			}
			emitted = true
			return n
		})
	}, lattice.IsMorphism, lattice.Max[int](), numbers(), laws.Cases(30))
	require.Positive(t, ahead[1])
	require.Positive(t, ahead[3])
	require.Zero(t, ahead[4])
}

// TestEveryCrash: over all feeds, each crash is tried with each replay. What neighbours give is lost
// by a crash between the two of them alone, and only if the second is all that comes again.
func TestEveryCrash(t *testing.T) {
	type pair = [2]int
	neighbours := operators.Operator[int, set[pair], set[pair]]{
		Emit: func() func(v int, emit func(set[pair])) {
			var before []int
			return func(v int, emit func(set[pair])) {
				if before = append(before, v); len(before) == 2 {
					emit(setOf(pair{before[0], before[1]}))
				}
			}
		},
		Class: lattice.IsMorphism, Merge: union[pair], Start: func() set[pair] { return set[pair]{} }, Inputs: rapid.IntRange(1, 2),
	}
	r := laws.Exhaust(operators.Laws(neighbours), operators.Feeds([]int{1, 2}, 2))
	require.Contains(t, r.Failing(), "operator/resume")
}

// TestKeepsTheFirstThatIsLent: the memory of the first element is written over, too.
func TestKeepsTheFirstThatIsLent(t *testing.T) {
	o := operators.Operator[[]int, []int, set[int]]{
		Seq: func(in iter.Seq[[]int]) iter.Seq[[]int] {
			return func(yield func([]int) bool) {
				var first []int
				for l := range in {
					if first == nil {
						first = l
					} else if !yield(slices.Clone(l)) {
						return
					}
				}
				if first != nil {
					yield(first)
				}
			}
		},
		Late: true, Lent: true, Lift: func(l []int) set[int] { return setOf(l...) }, Merge: union[int],
	}
	source := operators.Source(gen.Gen[[]int](func(d *gen.Draw) []int { return []int{1 + d.Index("n", 5)} }))
	r := laws.Run(operators.Laws(o), source, laws.RunOptions{Seed: 1, Only: "operator/lent"})
	require.Equal(t, []string{"operator/lent"}, r.Failing())
}

// TestNothingToDeliverOtherwise: a law that compares a feed with itself has not been put to
// the test.
func TestNothingToDeliverOtherwise(t *testing.T) {
	o := operators.Operator[int, int, int]{Emit: stateless(func(n int, emit func(int)) { emit(n) }), Merge: larger, Join: larger}
	for _, law := range []string{"operator/batches", "operator/order", "operator/split", "operator/delta"} {
		r := laws.Run(operators.Laws(o), operators.Source(gen.Just(2)), laws.RunOptions{Seed: 1, Only: law})
		res, _ := r.Result(law)
		require.Zero(t, res.Exercised, law)
		require.False(t, r.OK(), law)
	}
}

// TestSidesOfWrites: a report of an element that is changed shows it before and after.
func TestSidesOfWrites(t *testing.T) {
	o := operators.Operator[[]int, []int, set[int]]{
		Emit: func() func([]int, func([]int)) {
			out := []int{1}
			return func(l []int, emit func([]int)) {
				l[0] = 7
				out[0]++
				emit(out)
			}
		}, Lift: func(l []int) set[int] { return setOf(l...) }, Merge: union[int],
	}
	source := operators.Source(gen.Gen[[]int](func(d *gen.Draw) []int { return []int{d.Index("n", 3)} }))
	for law, want := range map[string]laws.Sides{
		"operator/inputs":  {LeftExpr: "an element as it is taken", Left: "[]int{0}", RightExpr: "it at the end", Right: "[]int{7}"},
		"operator/outputs": {LeftExpr: "an element as it is emitted", Left: "[]int{2}", RightExpr: "it at the end", Right: "[]int{3}"},
	} {
		r := laws.Run(operators.Laws(o), source, laws.RunOptions{Seed: 1, Only: law})
		res, _ := r.Result(law)
		require.NotNil(t, res.Failure, law)
		require.Equal(t, want, res.Failure.Sides, law)
	}
}

// TestSidesOfSequences: reports of operators that do not stop, or do not let go, say after
// how much, and of instances that are not fresh, what each came to.
func TestSidesOfSequences(t *testing.T) {
	deaf := func(in iter.Seq[int]) iter.Seq[int] {
		return func(yield func(int) bool) {
			next, _ := iter.Pull(in)
			for n, ok := next(); ok; n, ok = next() {
				yield(n)
			}
		}
	}
	leaky := func(in iter.Seq[int]) iter.Seq[int] {
		return func(yield func(int) bool) {
			next, _ := iter.Pull(in)
			for n, ok := next(); ok && yield(n); n, ok = next() {
			}
		}
	}
	run := 0
	counts := func(in iter.Seq[int]) iter.Seq[int] {
		return func(yield func(int) bool) {
			for range in {
				if run++; !yield(run) {
					return
				}
			}
		}
	}
	for law, c := range map[string]struct {
		seq  func(iter.Seq[int]) iter.Seq[int]
		want laws.Sides
	}{
		"operator/stops":    {deaf, laws.Sides{LeftExpr: "elements wanted", Left: "1 element", RightExpr: "after these", Right: "0 elements emitted, 1 element asked for"}},
		"operator/releases": {leaky, laws.Sides{LeftExpr: "op(2)", Left: "has returned, of 1 element wanted", RightExpr: "its input", Right: "is still in use"}},
		"operator/fresh":    {counts, laws.Sides{LeftExpr: "fold of op(2)", RightExpr: "fold of op(2), again"}},
	} {
		o := operators.Operator[int, int, int]{Seq: c.seq, Merge: larger}
		r := laws.Run(operators.Laws(o), operators.Source(gen.Just(2)), laws.RunOptions{Seed: 1, Only: law})
		res, _ := r.Result(law)
		require.NotNil(t, res.Failure, law)
		got := res.Failure.Sides
		if law == "operator/fresh" { // which of the runs it is that is shown is no matter
			require.NotEmpty(t, got.Left)
			require.NotEmpty(t, got.Right)
			require.NotEqual(t, got.Left, got.Right)
			got.Left, got.Right = "", ""
		}
		require.Equal(t, c.want, got, law)
	}
}

// TestSaysWhatComesBack: the law of cycles says what of what is emitted comes back.
func TestSaysWhatComesBack(t *testing.T) {
	for once, words := range map[bool]string{false: "what raises the fold comes back", true: "what is emitted comes back"} {
		o := operators.Operator[int, int, int]{Emit: unique, Merge: larger, Once: once, Feedback: func(n int) (int, bool) { return n, true }}
		r := laws.Run(operators.Laws(o), operators.Source(gen.Int(0, 9)), laws.RunOptions{Seed: 1, Only: "operator/quiet"})
		res, _ := r.Result("operator/quiet")
		require.Contains(t, res.Statement, words)
	}
}
