package linearizability

import (
	"context"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/linearizability/history"
	"github.com/joinery-go/joinery/models"
)

func TestModelsTable(t *testing.T) {
	var names []string
	for _, m := range Models() {
		names = append(names, m.Name)
		require.NotEmpty(t, m.Doc, m.Name)
		require.NotEmpty(t, m.Complexity, m.Name)
		require.NotEmpty(t, m.Needs, m.Name)
	}
	require.Equal(t, []string{"linearizable-register", "cas-register", "linearizable", "lww-register", "sequential", "eventual", "causal", "pipelined", "convergence", "explained", "strong-eventual", "settled",
		"lattice-causal", "lattice-linearizable", "lattice-pram", "lattice-ryw", "lattice-mr", "lattice-mw", "lattice-wfr",
		"ccv", "cm", "cc", "pram", "ryw", "mr", "mw", "wfr", "ryw+mr+mw+wfr",
		"strict-serializable", "serializable", "snapshot-isolation", "prefix", "transactional-causal", "read-atomic", "read-committed", "item-cut",
		"repeatable-read", "pl-si", "monotonic-atomic-view", "pl-2", "read-uncommitted",
		"set", "set-full", "set-full-linearizable", "g-set", "counter", "pn-counter", "queue", "total-queue", "lock", "bank", "unique-ids", "mutex", "etcd"}, names)
}

func TestCheckRejects(t *testing.T) {
	ctx := context.Background()
	_, err := Judge(ctx, settledRun(), "serialisable-ish", Budget{})
	require.ErrorIs(t, err, ErrUnknownModel)
	require.ErrorContains(t, err, "lattice-causal", "the error lists what there is")

	_, err = Judge(ctx, settledRun(), "causal", Budget{Steps: -1})
	require.ErrorContains(t, err, "negative")

	bad := settledRun()
	bad.Ops[3].Index = 7
	_, err = Judge(ctx, bad, "causal", Budget{})
	require.ErrorIs(t, err, history.ErrInvalid)

	_, err = Judge(ctx, settledRun(), "cas-register", Budget{})
	require.ErrorIs(t, err, models.ErrUnsupported)

	queue := &history.History{Ops: []history.Op{{Type: "queue", Func: "push", Return: 1}}}
	for _, m := range Models() {
		_, err = Judge(ctx, queue, m.Name, Budget{})
		require.ErrorIs(t, err, models.ErrUnsupported, m.Name)
	}
}

// wide is a history whose search cannot end soon: many concurrent writes, and a
// last read that none of their orders explains at once.
func wide() *history.History {
	h := &history.History{}
	const n = 24
	for i := range n {
		h.Ops = append(h.Ops, history.Op{
			Index: i, Session: i, Type: history.Register, Func: history.Write, Arg: history.Int(int64(i)), Call: int64(i), Return: 1000,
		})
	}
	for i := range n {
		h.Ops = append(h.Ops, history.Op{
			Index: n + i, Session: n + i, Type: history.Register, Func: history.Read, Out: history.Int(int64(i * i % n)), Call: int64(100 + i), Return: 1000,
		})
	}
	return h
}

func TestBudgets(t *testing.T) {
	ctx := context.Background()
	h := wide()
	h.Ops[len(h.Ops)-1].Out = history.Int(-1)
	h.Ops[0].Func, h.Ops[0].Arg = history.CAS, history.List(history.Nil, history.Int(0)) // no way around a search
	changing := wide()                                                                   // what was written last is one value
	changing.Ops[0].Func, changing.Ops[0].Arg = h.Ops[0].Func, h.Ops[0].Arg
	for i := range int64(2) {
		changing.Ops = append(changing.Ops, history.Op{
			Index: len(changing.Ops), Session: 500, Type: history.Register, Func: history.Read, Out: history.Int(i), Call: 2000 + 2*i, Return: 2001 + 2*i,
		})
	}
	of := map[string]*history.History{"sequential": h, "cas-register": changing}
	for name, b := range map[string]struct {
		model string
		Budget
	}{
		"10000 steps":  {"cas-register", Budget{Steps: 10_000}},
		"100000 bytes": {"cas-register", Budget{Bytes: 100_000}},
		"20000 steps":  {"sequential", Budget{Steps: 20_000}},
		"200000 bytes": {"sequential", Budget{Bytes: 200_000}},
		"longer than":  {"sequential", Budget{Time: time.Millisecond}},
	} {
		v, err := Judge(ctx, of[b.model], b.model, b.Budget)
		require.NoError(t, err)
		require.Equal(t, Undecided, v.Status, name)
		require.Contains(t, v.Reason, name)
		require.Empty(t, v.Witness)
	}
	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	v, err := Judge(cancelled, h, "cas-register", Budget{})
	require.NoError(t, err)
	require.Equal(t, Undecided, v.Status)
	require.Contains(t, v.Reason, "canceled")
}

// A violation in one partition outweighs another one that stays undecided.
func TestViolationOutweighsUndecided(t *testing.T) {
	h := &history.History{Fences: []int64{500}}
	for i := range 20 { // 2^20 sums
		h.Ops = append(h.Ops, history.Op{
			Index: i, Type: history.Counter, Key: "c", Func: history.Inc, Arg: history.Int(1 << i), Call: int64(i), Return: int64(i + 1),
		})
	}
	h.Ops = append(h.Ops, history.Op{
		Index: 20, Type: history.Counter, Key: "c", Func: history.Read, Out: history.Int(1<<20 - 1), Call: 600, Return: 601,
	})
	for _, model := range []string{"eventual", "convergence"} {
		require.Equal(t, Undecided, mustCheck(t, h, model).Status, model)
	}
	h.Ops = append(h.Ops, history.Op{
		Index: 21, Type: history.Set, Key: "s", Func: history.Read, Out: history.List(history.Int(1)), Call: 601, Return: 602,
	})
	for _, model := range []string{"eventual", "convergence"} {
		v := mustCheck(t, h, model)
		require.Equal(t, Violation, v.Status, model)
		require.Equal(t, h.Ops[21:], v.Witness)
	}
}

func TestInconclusive(t *testing.T) {
	silent := &history.History{Tagged: true, Ops: []history.Op{{
		Type: history.Set, Func: history.Add, Arg: history.Int(1), Tag: 1, Return: 1,
	}}}
	for _, model := range []string{"eventual", "causal", "convergence", "lattice-causal"} {
		require.Equal(t, Inconclusive, mustCheck(t, silent, model).Status, model)
		require.Equal(t, Inconclusive, mustCheck(t, &history.History{}, model).Status, model)
	}

	noFence := settledRun()
	noFence.Fences = nil
	require.Equal(t, Inconclusive, Convergence(noFence).Status)
	require.Contains(t, Convergence(noFence).Reason, "no settle fence")
	require.Equal(t, Inconclusive, mustCheck(t, noFence, "eventual").Status)

	lateFence := settledRun()
	lateFence.Fences = []int64{10_000}
	require.Contains(t, Convergence(lateFence).Reason, "no read after")

	untagged := settledRun()
	untagged.Tagged = false
	for i := range untagged.Ops {
		untagged.Ops[i].Tag, untagged.Ops[i].Saw = 0, nil
	}
	require.Equal(t, OK, mustCheck(t, untagged, "lattice-causal").Status, "search decides what values leave open")
	require.Equal(t, OK, Convergence(untagged).Status)

	invalid := settledRun()
	invalid.Ops[0].Index = 5
	require.Contains(t, Convergence(invalid).Reason, "invalid history")
}

func TestCheckLeavesTheHistoryAlone(t *testing.T) {
	for _, m := range Models() {
		h := settledRun()
		h.Ops[2].Saw = []uint64{}
		before := settledRun()
		before.Ops[2].Saw = []uint64{}
		_, err := Judge(context.Background(), h, m.Name, Budget{})
		if err != nil { // the run holds sets and counters, which register levels refuse
			require.ErrorIs(t, err, models.ErrUnsupported, m.Name)
		}
		require.Equal(t, before, h, m.Name)
	}
}

// Integers at the ends of their range are values as others are, for every model of registers.
func TestRegistersOfFarIntegers(t *testing.T) {
	for _, written := range [][]int64{{-5, 1}, {math.MinInt64, math.MinInt64 + 1}, {math.MaxInt64, math.MaxInt64 - 1}, {math.MinInt64, math.MaxInt64}} {
		for _, read := range []int64{math.MinInt64, math.MaxInt64, 0, written[1]} {
			h := &history.History{Ops: make([]history.Op, 3)}
			for i, n := range append(written, read) {
				h.Ops[i] = history.Op{Index: i, Node: -1, Type: history.Register, Func: history.Write, Arg: history.Int(n), Call: int64(2 * i), Return: int64(2*i + 1), Txn: uint64(i + 1)}
			}
			h.Ops[2].Func, h.Ops[2].Arg, h.Ops[2].Out = history.Read, history.Nil, history.Int(read)
			for _, model := range []string{"linearizable-register", "sequential", "cc", "cm", "ccv", "pram", "ryw+mr", "strict-serializable", "snapshot-isolation", "read-committed"} {
				if want := map[bool]Status{true: OK, false: Violation}[read == written[1]]; read != written[0] || model == "linearizable-register" {
					require.Equal(t, want, mustCheck(t, h, model).Status, "%s: %v, %d", model, written, read)
				}
			}
		}
	}
}
