package shrink

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/joinery-go/joinery/gen/choice"
	"github.com/joinery-go/joinery/sim"
)

func upTo(n int) []int {
	ops := make([]int, n)
	for i := range ops {
		ops[i] = i
	}
	return ops
}

func decisions(n int, value uint64) []choice.Decision {
	ds := make([]choice.Decision, n)
	for i := range ds {
		ds[i] = choice.Decision{Site: []string{"net.drop", "net.delay", "sim.crash"}[i%3], Key: uint64(i), Value: value}
	}
	return ds
}

// needs is a failure that needs some operations, and decisions at some least value.
func needs(ops []int, ds map[uint64]uint64) Run[int] {
	return func(have []int, given []choice.Decision) (Outcome, error) {
		missing := len(ds)
		for _, d := range given {
			if least, ok := ds[d.Key]; ok && d.Value >= least {
				missing--
			}
		}
		for _, op := range ops {
			if !slices.Contains(have, op) {
				missing++
			}
		}
		if missing > 0 {
			return Outcome{}, nil
		}
		return Outcome{Signature: "bug"}, nil
	}
}

func TestMinimisesOperationsAndDecisionsJointly(t *testing.T) {
	r, err := Minimise(upTo(50), decisions(70, 9), needs([]int{3, 17, 44}, map[uint64]uint64{5: 4}), Options[int]{})
	require.NoError(t, err)
	require.True(t, r.Settled)
	require.Equal(t, "bug", r.Signature)
	require.Equal(t, []int{3, 17, 44}, r.Ops)
	require.Equal(t, []choice.Decision{{Site: "sim.crash", Key: 5, Value: 4}}, r.Decisions)
	require.Less(t, r.Replays, 100)
	require.Empty(t, r.Others)

	require.Equal(t, Step{1, 50, 70}, r.Steps[0], "what was given comes first")
	last := r.Steps[len(r.Steps)-1]
	require.Equal(t, []int{3, 1}, []int{last.Operations, last.Decisions})
	for i, s := range r.Steps[1:] {
		was := r.Steps[i]
		require.LessOrEqual(t, was.Replays, s.Replays)
		require.LessOrEqual(t, s.Replays, r.Replays)
		require.LessOrEqual(t, s.Operations+s.Decisions, was.Operations+was.Decisions)
	}
}

func TestBenignFirst(t *testing.T) {
	r, err := Minimise(upTo(8), decisions(100, 1), needs([]int{7}, nil), Options[int]{})
	require.NoError(t, err)
	require.Equal(t, []int{7}, r.Ops)
	require.Empty(t, r.Decisions)
	require.Less(t, r.Replays, 12, "one replay takes out all decisions")
}

func TestClassesGoWhole(t *testing.T) {
	calls := [][]choice.Decision{}
	run := needs(nil, map[uint64]uint64{1: 1})
	_, err := Minimise(upTo(0), decisions(30, 1), func(ops []int, ds []choice.Decision) (Outcome, error) {
		calls = append(calls, slices.Clone(ds))
		return run(ops, ds)
	}, Options[int]{Class: func(site string) string { return site[:3] }})
	require.NoError(t, err)
	require.Len(t, calls[0], 30, "first as given")
	require.Empty(t, calls[1], "then all benign")
	require.Len(t, calls[2], 10, "without net, which does not fail")
	require.Len(t, calls[3], 20, "without sim, which does")
}

// TestSitesAreClasses where nothing else is said: those of a site go together.
func TestSitesAreClasses(t *testing.T) {
	var calls [][]choice.Decision
	ds := []choice.Decision{{Site: "a", Key: 1, Value: 1}, {Site: "b", Key: 2, Value: 1}, {Site: "a", Key: 3, Value: 1}, {Site: "b", Key: 4, Value: 1}}
	_, err := Minimise(upTo(0), ds, func(_ []int, given []choice.Decision) (Outcome, error) {
		calls = append(calls, slices.Clone(given))
		if len(given) == 0 {
			return Outcome{}, nil
		}
		return Outcome{Signature: "x"}, nil
	}, Options[int]{})
	require.NoError(t, err)
	require.Equal(t, []choice.Decision{ds[1], ds[3]}, calls[2], "behind as given and all benign: without a")
}

// TestEveryNeedIsFoundExactly is the property that for a failure that needs
// certain operations and decisions, and nothing else, exactly those are left.
func TestEveryNeedIsFoundExactly(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		nOps, nDs := rapid.IntRange(0, 30).Draw(t, "ops"), rapid.IntRange(0, 30).Draw(t, "decisions")
		var ops []int
		for i := range nOps {
			if rapid.IntRange(0, 5).Draw(t, "needs op") == 5 {
				ops = append(ops, i)
			}
		}
		need, want := map[uint64]uint64{}, []choice.Decision{}
		ds := decisions(nDs, 40)
		for i, d := range ds {
			if rapid.IntRange(0, 5).Draw(t, "needs decision") == 5 {
				need[uint64(i)] = rapid.Uint64Range(1, 40).Draw(t, "value")
				want = append(want, choice.Decision{Site: d.Site, Key: d.Key, Value: need[uint64(i)]})
			}
		}
		r, err := Minimise(upTo(nOps), ds, needs(ops, need), Options[int]{})
		require.NoError(t, err)
		require.True(t, r.Settled)
		require.ElementsMatch(t, ops, r.Ops)
		require.True(t, slices.IsSorted(r.Ops), "operations keep their order")
		require.Equal(t, want, r.Decisions)
	})
}

func TestDropsWhatWasNotAskedAndDidNotRun(t *testing.T) {
	// Decision k is asked only if operation k ran; operation 0 stops all later
	// ones but 9.
	replays := 0
	run := func(ops []int, ds []choice.Decision) (Outcome, error) {
		replays++
		out := Outcome{Asked: []sim.TimedDecision{}, Ran: []int{}}
		for i, op := range ops {
			if ops[0] == 0 && op != 0 && op != 9 {
				continue
			}
			out.Ran = append(out.Ran, i)
			for _, d := range ds {
				if d.Key == uint64(op) {
					out.Asked = append(out.Asked, sim.TimedDecision{Decision: d, At: sim.Time(op)})
				}
			}
		}
		if len(out.Asked) > 0 && slices.ContainsFunc(out.Asked, func(d sim.TimedDecision) bool { return d.Key == 9 }) {
			out.Signature = "nine"
		}
		return out, nil
	}
	r, err := Minimise(upTo(10), decisions(10, 1), run, Options[int]{MaxReplays: 1})
	require.NoError(t, err)
	require.False(t, r.Settled)
	require.Equal(t, []int{0, 9}, r.Ops, "already after the first replay")
	require.Equal(t, []choice.Decision{{Site: "net.drop", Key: 0, Value: 1}, {Site: "net.drop", Key: 9, Value: 1}}, r.Decisions)

	r, err = Minimise(upTo(10), decisions(10, 1), run, Options[int]{At: func(op int) sim.Time { return sim.Time(op) }})
	require.NoError(t, err)
	require.True(t, r.Settled)
	require.Equal(t, []int{9}, r.Ops)
	require.Len(t, r.Decisions, 1)
}

func TestDecisionsNotGivenAreNotAdopted(t *testing.T) {
	run := func(_ []int, ds []choice.Decision) (Outcome, error) {
		foreign := sim.TimedDecision{Decision: choice.Decision{Site: "elsewhere", Key: 1, Value: 1}}
		out := Outcome{Signature: "bug", Asked: []sim.TimedDecision{foreign}}
		for _, d := range ds {
			out.Asked = append(out.Asked, sim.TimedDecision{Decision: d}, sim.TimedDecision{Decision: d})
		}
		return out, nil
	}
	r, err := Minimise(upTo(1), decisions(3, 1), run, Options[int]{MaxReplays: 1})
	require.NoError(t, err)
	require.Equal(t, decisions(3, 1), r.Decisions)
}

func TestTheGateIsStrict(t *testing.T) {
	// Fewer than ten operations fail otherwise, by how many; ten or more as wanted.
	run := func(ops []int, _ []choice.Decision) (Outcome, error) {
		switch n := len(ops); {
		case n >= 10:
			return Outcome{Signature: "wanted"}, nil
		case n > 0:
			return Outcome{Signature: fmt.Sprintf("other %d", n)}, nil
		}
		return Outcome{}, nil
	}
	r, err := Minimise(upTo(40), nil, run, Options[int]{Signature: "wanted", MaxOthers: 3})
	require.NoError(t, err)
	require.Len(t, r.Ops, 10)
	require.NotEmpty(t, r.Others)
	require.LessOrEqual(t, len(r.Others), 3)
	seen := map[string]bool{}
	for _, f := range r.Others {
		require.Equal(t, fmt.Sprintf("other %d", len(f.Ops)), f.Signature)
		require.False(t, seen[f.Signature], "the first of each signature")
		seen[f.Signature] = true
	}
}

func TestRebaseStopsLoudly(t *testing.T) {
	_, err := Minimise(upTo(3), nil, needs([]int{9}, nil), Options[int]{Signature: "bug"})
	require.ErrorIs(t, err, ErrHolds)
	_, err = Minimise(upTo(3), nil, needs([]int{1}, nil), Options[int]{Signature: "another"})
	require.ErrorIs(t, err, ErrSignature)
	require.ErrorContains(t, err, `"bug"`)
	require.ErrorContains(t, err, `"another"`)
	broken := errors.New("broken")
	_, err = Minimise(upTo(3), nil, func([]int, []choice.Decision) (Outcome, error) { return Outcome{}, broken }, Options[int]{})
	require.ErrorIs(t, err, broken)
}

func TestAnErrorKeepsWhatWasFound(t *testing.T) {
	broken, left := errors.New("broken"), 6
	run := needs([]int{2}, nil)
	r, err := Minimise(upTo(64), nil, func(ops []int, ds []choice.Decision) (Outcome, error) {
		if left--; left < 0 {
			return Outcome{}, broken
		}
		return run(ops, ds)
	}, Options[int]{})
	require.ErrorIs(t, err, broken)
	require.ErrorContains(t, err, "replay 7")
	require.False(t, r.Settled)
	require.Less(t, len(r.Ops), 64)
	require.Contains(t, r.Ops, 2)
}

func TestReplaysAreBoundedAndNeverRepeated(t *testing.T) {
	for bound := 1; bound < 60; bound += 7 {
		seen := map[string]int{}
		run := needs([]int{1, 30}, map[uint64]uint64{2: 1, 50: 7})
		r, err := Minimise(upTo(32), decisions(60, 8), func(ops []int, ds []choice.Decision) (Outcome, error) {
			seen[fmt.Sprint(ops, ds)]++
			return run(ops, ds)
		}, Options[int]{MaxReplays: bound})
		require.NoError(t, err)
		require.LessOrEqual(t, r.Replays, bound)
		for what, n := range seen {
			require.Equal(t, 1, n, what)
		}
		out, err := run(r.Ops, r.Decisions)
		require.NoError(t, err)
		require.Equal(t, "bug", out.Signature, "whatever the bound, the result fails")
	}
}

func TestValuesThatAreNotMonotone(t *testing.T) {
	// Only the values 12 and 6 fail: not the least is promised, but a failing one.
	run := func(_ []int, ds []choice.Decision) (Outcome, error) {
		if len(ds) == 1 && (ds[0].Value == 12 || ds[0].Value == 6) {
			return Outcome{Signature: "bug"}, nil
		}
		return Outcome{}, nil
	}
	r, err := Minimise(upTo(0), decisions(1, 12), run, Options[int]{})
	require.NoError(t, err)
	require.Contains(t, []uint64{6, 12}, r.Decisions[0].Value)
	require.True(t, r.Settled)
}
