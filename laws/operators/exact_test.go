package operators_test

import (
	"iter"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/joinery-go/joinery/gen"
	"github.com/joinery-go/joinery/lattice"
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
