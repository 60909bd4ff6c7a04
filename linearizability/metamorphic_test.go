package linearizability

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
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

// metamorphicOf is a small history of a model, right or wrong.
func metamorphicOf(t *testing.T, model string, seed uint64) *history.History {
	t.Helper()
	if typ := map[string]history.Type{
		"set": history.Set, "set-full": history.Set, "set-full-linearizable": history.Set, "g-set": history.Set, "counter": history.Counter,
		"pn-counter": history.Counter, "queue": history.Queue, "total-queue": history.Queue, "lock": history.Lock,
	}[model]; typ != "" {
		return ofContract(typ, rand.New(rand.NewPCG(seed, 64)))
	}
	return smallOf(t, model, seed)
}

// ofContract is a small history of a set, a counter, a queue or a lock, of a few sessions and
// those of what crashed, in which now and then something is not as it should be.
func ofContract(typ history.Type, rng *rand.Rand) *history.History {
	h := &history.History{}
	rarely := func() bool { return rng.IntN(9) == 0 }
	add := func(session int, fn history.Func, arg, out history.Value) {
		n := len(h.Ops)
		o := history.Op{Index: n, Session: session, Node: -1, Type: typ, Func: fn, Arg: arg, Out: out, Call: int64(2 * n), Return: int64(2*n + 1 + rng.IntN(3))}
		if typ == history.Lock {
			o.Return = o.Call + 1
		}
		if (fn == history.Add || fn == history.Inc || fn == history.Enqueue) && rarely() {
			o.Outcome, o.Return, o.Session = history.Unknown, history.Pending, 100+n
		}
		h.Ops = append(h.Ops, o)
	}
	puts := 2 + rng.IntN(3)
	if typ == history.Lock {
		for n := range puts {
			add(n%3, history.Acquire, history.Nil, history.Nil)
			if !rarely() {
				add(n%3, history.Release, history.Nil, history.Nil)
			}
		}
		return h
	}
	fn := map[history.Type]history.Func{history.Set: history.Add, history.Counter: history.Inc, history.Queue: history.Enqueue}[typ]
	for n := range puts {
		add(n%3, fn, history.Int(int64(n+1)), history.Nil)
	}
	for s := range 2 {
		switch typ {
		case history.Set:
			var seen []history.Value
			for n := range puts {
				if !rarely() {
					seen = append(seen, history.Int(int64(n+1)))
				}
			}
			add(10+s, history.Read, history.Nil, history.List(seen...))
		case history.Counter:
			sum := int64(puts * (puts + 1) / 2)
			if rarely() {
				sum++
			}
			add(10+s, history.Read, history.Nil, history.Int(sum))
		case history.Queue:
			for n := s; n < puts; n += 2 {
				if out := history.Int(int64(n + 1)); !rarely() {
					add(10+n, history.Dequeue, history.Nil, out)
					if rarely() {
						add(20+n, history.Dequeue, history.Nil, out)
					}
				}
			}
		}
	}
	return h
}

// ownedBy are the models that ask which session an operation is of beyond the order that it
// gives: who holds a lock is who releases it.
var ownedBy = []string{"lock"}

// Of every model, contracts included: other names of objects and sessions, another unit of
// time, and the lines of a file in another order do not change what is said; a read made
// again in a session of its own is right where it was; and sessions that are merged make
// nothing better.
func TestEveryCheckerSurvivesRewriting(t *testing.T) {
	t.Parallel()
	for _, m := range Models() {
		t.Run(m.Name, func(t *testing.T) {
			t.Parallel()
			verdicts := map[Status]int{}
			for seed := range sample(60, 20_000) {
				h := metamorphicOf(t, m.Name, seed)
				require.NoError(t, h.Validate())
				rng := rand.New(rand.NewPCG(seed, 63))
				want := judgeBy(t, h, m.Name)
				verdicts[want]++
				same := func(what string, g *history.History) {
					require.Equal(t, want, judgeBy(t, g, m.Name), "%s, seed %d%s", what, seed, dump{g})
				}
				same("other names", changed(h, func(o *history.Op) { o.Key, o.Session = "object "+o.Key, 999-o.Session }))
				same("other units", withFences(rescaled(h)))
				same("other lines", inOtherLines(t, h, rng))
				if more, has := freshRead(h, rng); has && m.Name != "strict-serializable" {
					same("a read in a session of its own", more)
				}
				if apart := judgeBy(t, splitSession(h, rng), m.Name); want == OK && !slices.Contains(ownedBy, m.Name) {
					require.Equal(t, OK, apart, "a session that ends and another one that goes on, seed %d%s", seed, dump{h})
				}
			}
			t.Logf("%v", verdicts)
			require.Positive(t, verdicts[OK])
			if m.Name != "mw" { // which excludes nothing by itself
				require.Positive(t, verdicts[Violation])
			}
		})
	}
}

// withFences measures the times of fences in the unit of rescaled, too.
func withFences(h *history.History) *history.History {
	h.Fences = slices.Clone(h.Fences)
	for i := range h.Fences {
		h.Fences[i] = 1000*h.Fences[i] - 77
	}
	return h
}

// inOtherLines is the history read from a file in which its lines stand in another order.
func inOtherLines(t *testing.T, h *history.History, rng *rand.Rand) *history.History {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, history.EncodeJSONL(&b, h))
	again, err := history.Decode("jsonl", "other lines", strings.NewReader(shuffledLines(rng, b.String())))
	require.NoError(t, err)
	return again
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
