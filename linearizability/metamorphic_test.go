package linearizability

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/linearizability/history"
	"github.com/joinery-go/joinery/models/oracle"
)

// What must not change a verdict does not, and what only asks for less does not make one
// worse, at every level of registers, of transactions over them, and of objects.

// rewrittenRun is a history, by what is judged of it.
type rewrittenRun struct {
	h      *history.History
	levels []string
}

// runsOf are histories of one seed.
func runsOf(seed uint64) []rewrittenRun {
	var isolation []string
	for _, r := range transactionHierarchy() {
		isolation = append(isolation, r.level)
	}
	registers := append([]string{"linearizable-register", "linearizable", "mr+wfr", "ryw+mr+wfr"}, registerLevels...)
	runs := []rewrittenRun{
		{timed(oracle.SomeRegisters(seed, 7, 3, 2), seed), registers}, {timed(oracle.SomeStore(seed), seed), registers},
		{oracle.SomeTransactions(seed, 7, 3, 2), isolation}, {oracle.SomeSnapshots(seed, 8, 4, 3), isolation},
		{oracle.RandomRegister(seed, oracle.Shape{Ops: 8, Sessions: 3, Keys: 2, Faults: int(seed % 12), Unknown: 10}, true), []string{"cas-register", "linearizable"}},
	}
	for _, typ := range []history.Type{history.Set, history.Counter, history.Queue} {
		runs = append(runs, rewrittenRun{oracle.RandomObject(seed, typ, 7, false), []string{"linearizable"}})
	}
	return runs
}

// changed is a copy of a history with its operations rewritten.
func changed(h *history.History, rewrite func(o *history.Op)) *history.History {
	g := *h
	g.Ops = slices.Clone(h.Ops)
	for i := range g.Ops {
		rewrite(&g.Ops[i])
	}
	return &g
}

// renamedAll gives keys, sessions and values of registers other names.
func renamedAll(h *history.History) *history.History {
	name := func(v history.Value) history.Value {
		if v.IsNil() {
			return v
		}
		return history.List(history.Str("value"), v)
	}
	return changed(h, func(o *history.Op) {
		o.Key, o.Session = "object "+o.Key, 31-o.Session
		if o.Type != history.Register {
			return
		}
		if pair, is := o.Arg.AsList(); is && o.Func == history.CAS {
			o.Arg = history.List(name(pair[0]), name(pair[1]))
		} else {
			o.Arg = name(o.Arg)
		}
		o.Out = name(o.Out)
	})
}

// splitSession has a session end at one of its operations, and another one go on: between
// transactions, not inside one.
func splitSession(h *history.History, rng *rand.Rand) *history.History {
	at := rng.IntN(len(h.Ops))
	session, moved := h.Ops[at].Session, map[uint64]bool{}
	for i := at; i < len(h.Ops); i++ {
		moved[h.Ops[i].Txn] = moved[h.Ops[i].Txn] || h.Ops[i].Session == session
	}
	n := 0
	for i := range h.Ops { // a transaction that began before stays
		if o := &h.Ops[i]; i < at && o.Session == session && o.Txn != 0 {
			moved[o.Txn] = false
		}
	}
	return changed(h, func(o *history.Op) {
		if o.Session == session && n >= at && moved[o.Txn] {
			o.Session = 77
		}
		n++
	})
}

// freshRead adds a session that does nothing but what a read did that was no read of its
// transaction's own write, in the same time; false if there is none.
func freshRead(h *history.History, rng *rand.Rand) (*history.History, bool) {
	var reads []int
	for i := range h.Ops {
		o := &h.Ops[i]
		own := o.Txn != 0 && slices.ContainsFunc(h.Ops, func(w history.Op) bool {
			return w.IsPut() && w.Session == o.Session && w.Txn == o.Txn && w.Key == o.Key
		})
		if o.Func == history.Read && o.Outcome == history.OK && !own {
			reads = append(reads, i)
		}
	}
	if len(reads) == 0 {
		return h, false
	}
	i := reads[rng.IntN(len(reads))]
	g := *h
	again := h.Ops[i]
	again.Session, again.Txn = 99, again.Txn+1_000*min(again.Txn, 1)
	g.Ops = slices.Insert(slices.Clone(h.Ops), i+1, again)
	for i := range g.Ops {
		g.Ops[i].Index = i
	}
	return &g, true
}

func TestVerdictsSurviveRewriting(t *testing.T) {
	t.Parallel()
	weakened, same := 0, 0
	for seed := range sample(150, 5_000) {
		for n, run := range runsOf(seed) {
			rng := rand.New(rand.NewPCG(seed, 61))
			h := run.h
			split := splitSession(h, rng)
			more, has := freshRead(h, rng)
			require.NoError(t, split.Validate(), "seed %d, run %d%s", seed, n, dump{split})
			require.NoError(t, more.Validate(), "seed %d, run %d%s", seed, n, dump{more})
			for _, level := range run.levels {
				want := judgeBy(t, h, level)
				says := func(what string) string { return fmt.Sprintf("%s: %s, seed %d, run %d", level, what, seed, n) }
				require.Equal(t, want, judgeBy(t, renamedAll(h), level), "%s%s", says("other names"), dump{h})
				require.Equal(t, want, judgeBy(t, rescaled(h), level), "%s%s", says("other units"), dump{h})
				if has && level != "strict-serializable" { // by which the read is later than its transaction began
					require.Equal(t, want, judgeBy(t, more, level), "%s%s", says("a read in a session of its own"), dump{more})
				}
				apart := judgeBy(t, split, level)
				if slices.Contains([]string{"linearizable-register", "linearizable", "cas-register"}, level) {
					require.Equal(t, want, apart, "%s%s", says("which session it was"), dump{split})
				}
				// Read the other way around: to merge sessions makes nothing better.
				if want == OK {
					require.Equal(t, OK, apart, "%s%s", says("a session that ends and another one that goes on"), dump{split})
				}
				if want == apart {
					same++
				} else {
					weakened++
				}
			}
		}
	}
	t.Logf("%d verdicts with a session split; %d of them became ok", same+weakened, weakened)
	require.Positive(t, weakened)
}

// Contracts of objects do not ask who did what, but for locks, nor in which units.
func TestContractsSurviveRewriting(t *testing.T) {
	for seed := range uint64(300) {
		for typ, levels := range map[history.Type][]string{
			history.Set: {"set", "set-full", "g-set"}, history.Counter: {"counter", "pn-counter"}, history.Queue: {"queue", "total-queue"},
		} {
			h := oracle.RandomObject(seed, typ, 7, false)
			for _, level := range levels {
				c, _ := checkerNamed(level)
				if r, err := c.judge(newMeter(t.Context(), defaults(t)), h); err != nil || r.status == "" {
					continue // a function that the contract does not describe
				}
				want := judgeBy(t, h, level)
				require.Equal(t, want, judgeBy(t, rescaled(h), level), "%s: seed %d%s", level, seed, dump{h})
				require.Equal(t, want, judgeBy(t, splitSession(h, rand.New(rand.NewPCG(seed, 62))), level), "%s: seed %d%s", level, seed, dump{h})
			}
		}
	}
}
