package linearizability

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/linearizability/history"
	"github.com/joinery-go/joinery/models/oracle"
)

// looks is a context that ends when it has been looked at so often: a deadline without
// a clock.
type looks struct {
	context.Context
	left, seen int
}

func (l *looks) Err() error {
	if l.seen++; l.seen > l.left {
		return context.DeadlineExceeded
	}
	return nil
}

func endingAfter(n int) *looks {
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(context.DeadlineExceeded)
	return &looks{Context: ctx, left: n}
}

// stoppable has, by model, histories that it judges: right ones and wrong ones.
func stoppable(t *testing.T) map[string][]*history.History {
	t.Helper()
	all := map[string][]*history.History{}
	add := func(h *history.History, models ...string) {
		for _, m := range models {
			all[m] = append(all[m], h)
		}
	}
	registers := []string{"linearizable-register", "sequential", "ccv", "cm", "cc", "pram", "ryw", "mr", "mw", "wfr", "mr+wfr", "ryw+mw+wfr", "ryw+mr+mw+wfr"}
	lattices := []string{"convergence", "explained", "strong-eventual", "settled", "lattice-causal", "lattice-linearizable", "lattice-ryw", "lattice-mr", "lattice-mw", "lattice-wfr"}
	var isolation []string
	for _, r := range transactionHierarchy() {
		isolation = append(isolation, r.level)
	}
	for seed := range uint64(6) {
		add(received(60+int(seed), 4, 4), registers...)
		add(oracle.SomeStore(seed), registers...)
		shape := shapeOf(seed)
		shape.Fence = true
		add(oracle.Random(seed, shape), lattices...)
		add(oracle.SomeTransactions(seed, 8, 3, 2), isolation...)
		add(oracle.SomeSnapshots(seed, 12, 4, 3), isolation...)
		add(oracle.SomeLists(seed, 6, 3, 2), isolation...)
	}
	for _, typ := range []history.Type{history.Set, history.Queue, history.Counter} {
		h := ofOneObject(typ, 300, 3)
		add(h, "linearizable")
		switch typ {
		case history.Set:
			add(h, "set", "set-full", "set-full-linearizable", "g-set")
		case history.Counter:
			add(h, "counter", "pn-counter")
		case history.Queue:
			add(h, "queue", "total-queue")
		}
	}
	return all
}

// A check that is told to stop, at whichever look at its context, is undecided and says
// why, or has its whole verdict by then: never another one.
func TestEveryCheckerStops(t *testing.T) {
	t.Parallel()
	stopped := map[string]int{}
	for model, histories := range stoppable(t) {
		for n, h := range histories {
			want, err := Judge(context.Background(), h, model, Budget{})
			require.NoError(t, err)
			for look := 0; ; look += 1 + look/2 {
				ctx := endingAfter(look)
				v, err := Judge(ctx, h, model, Budget{})
				require.NoError(t, err)
				if ctx.seen <= ctx.left {
					require.Equal(t, want, v, "%s %d: not stopped after %d looks", model, n, look)
					break
				}
				if v.Status != want.Status { // a violation may be there, and be told less briefly
					require.Equal(t, Undecided, v.Status, "%s %d, look %d", model, n, look)
					require.Contains(t, v.Reason, "deadline exceeded", "%s %d, look %d", model, n, look)
					stopped[model]++
				}
			}
		}
	}
	for model := range stoppable(t) {
		require.Positive(t, stopped[model], model)
	}
}

// Levels stops too, and what it says is open.
func TestLevelsStop(t *testing.T) {
	h := received(200, 5, 5)
	report, err := Levels(endingAfter(0), h, Budget{})
	require.NoError(t, err)
	require.Empty(t, report.Holds)
	require.Empty(t, report.Broken)
	require.NotEmpty(t, report.Open)
	for _, v := range report.Verdicts {
		require.Contains(t, v.Reason, "deadline exceeded", v.Model)
	}
}

// Looks come often: at least one in so many comparisons of numbers, by what the
// checkers say of their cost.
func TestLooksAreFrequent(t *testing.T) {
	const sessions = 60
	h := received(20_000, sessions, 50)
	for model, cells := range map[string]int{
		"cc": len(h.Ops) * sessions, "cm": len(h.Ops) * sessions, "pram": len(h.Ops) * sessions,
	} {
		ctx := endingAfter(1 << 30)
		v, err := Judge(ctx, h, model, Budget{})
		require.NoError(t, err)
		require.Equal(t, OK, v.Status)
		require.Greater(t, ctx.seen, cells/lookEvery, model)
		t.Logf("%s: %d looks", model, ctx.seen)
	}
}
