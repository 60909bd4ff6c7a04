package linearizability

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/linearizability/history"
	"github.com/joinery-go/joinery/models/oracle"
)

// rewritten are ways to write one history in jsonl.
var rewritten = map[string]func(rng *rand.Rand, text string) string{
	"byte order mark": func(_ *rand.Rand, text string) string { return "\ufeff" + text },
	"CRLF":            func(_ *rand.Rand, text string) string { return strings.ReplaceAll(text, "\n", "\r\n") },
	"gzip": func(_ *rand.Rand, text string) string {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		if _, err := z.Write([]byte("\ufeff" + text)); err != nil {
			panic(err)
		}
		if err := z.Close(); err != nil {
			panic(err)
		}
		return b.String()
	},
	"unknown fields": func(_ *rand.Rand, text string) string {
		return strings.ReplaceAll(text, `{"kind"`, `{"host":[1,{}],"kind"`)
	},
	"names of sessions": func(_ *rand.Rand, text string) string {
		for s := range 20 {
			text = strings.ReplaceAll(text, fmt.Sprintf(`"session":%d,`, s), fmt.Sprintf(`"session":"client %d",`, 7*s%20))
		}
		return text
	},
	"other lines": shuffledLines,
}

// shuffledLines puts the operations in another order; those called at the same time
// keep theirs, which tells the order within a session.
func shuffledLines(rng *rand.Rand, text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	ops := lines[1 : len(lines)-1]
	place := map[int64]int{}
	call := func(line string) int64 {
		var o struct {
			Call *int64 `json:"call"`
			At   int64  `json:"at"`
		}
		if err := json.Unmarshal([]byte(line), &o); err != nil {
			panic(err)
		}
		if o.Call == nil {
			return o.At
		}
		return *o.Call
	}
	for _, line := range ops {
		if _, known := place[call(line)]; !known {
			place[call(line)] = rng.Int()
		}
	}
	slices.SortStableFunc(ops, func(a, b string) int { return place[call(a)] - place[call(b)] })
	return strings.Join(lines, "\n") + "\n"
}

// The levels of a history do not depend on how it is written.
func TestLevelsOfRewrittenHistories(t *testing.T) {
	t.Parallel()
	for seed := range uint64(60) {
		shape := shapeOf(seed)
		shape.Fence, shape.Tagged = true, seed%3 > 0
		for _, h := range []*history.History{
			oracle.Random(seed, shape), timed(oracle.SomeStore(seed), seed), oracle.SomeTransactions(seed, 7, 3, 2),
			oracle.RandomRegister(seed, oracle.Shape{Ops: 8, Sessions: 3, Keys: 2, Faults: 10, Unknown: 10}, true),
		} {
			var b bytes.Buffer
			require.NoError(t, history.EncodeJSONL(&b, h))
			want, err := Levels(context.Background(), h, Budget{})
			require.NoError(t, err)
			for name, rewrite := range rewritten {
				text := rewrite(rand.New(rand.NewPCG(seed, 3)), b.String())
				again, err := history.Decode("jsonl", name, strings.NewReader(text))
				require.NoError(t, err, name)
				got, err := Levels(context.Background(), again, Budget{})
				require.NoError(t, err)
				require.Equal(t, [][]string{want.Holds, want.Broken, want.Open}, [][]string{got.Holds, got.Broken, got.Open}, "%s: seed %d%s", name, seed, dump{h})
			}
		}
	}
}

// renamed puts one value in the place of another one, in all operations of registers.
func renamed(h *history.History, from, to history.Value) *history.History {
	g := *h
	g.Ops = slices.Clone(h.Ops)
	swap := func(v history.Value) history.Value {
		if v.Equal(from) {
			return to
		}
		return v
	}
	for i := range g.Ops {
		o := &g.Ops[i]
		if o.Type != history.Register {
			continue
		}
		o.Arg, o.Out = swap(o.Arg), swap(o.Out)
		if pair, ok := o.Arg.AsList(); ok {
			o.Arg = history.List(swap(pair[0]), swap(pair[1]))
		}
		if o.IsPut() {
			o.Out = history.Nil
		} else {
			o.Arg = history.Nil
		}
	}
	return &g
}

// A history whose registers begin with 99 instead of nothing is what it is with
// nothing, at every level that Models has.
func TestInitialValueMeansNothingElse(t *testing.T) {
	t.Parallel()
	counts := bruteTally{}
	for seed := range sample(150, 250) {
		shape := shapeOf(seed)
		shape.Type, shape.Fence, shape.Tagged, shape.Stamped = history.Register, true, seed%3 > 0, seed%5 > 0
		for _, h := range []*history.History{
			oracle.Random(seed, shape), timed(oracle.SomeStore(seed), seed), oracle.SomeTransactions(seed, 6, 3, 2),
			oracle.RandomRegister(seed, oracle.Shape{Ops: 7, Sessions: 3, Keys: 2, Faults: 10, Unknown: 10}, seed%2 == 0),
		} {
			g := renamed(h, history.Nil, history.Int(99))
			g.Initial = history.Int(99)
			for _, m := range Models() {
				if isContract(m.Name) { // a value that is only read may be theirs, and begins as they say
					continue
				}
				want, err := Judge(context.Background(), h, m.Name, Budget{})
				if err != nil { // operations that the model does not describe
					continue
				}
				got, err := Judge(context.Background(), g, m.Name, Budget{})
				require.NoError(t, err, m.Name)
				require.Equal(t, want.Status, got.Status, "%s: seed %d%s", m.Name, seed, dump{g})
				require.Len(t, got.Witness, len(want.Witness), "%s: %v %v", m.Name, want, got)
				for _, o := range got.Witness {
					require.Equal(t, g.Ops[o.Index], o, "the witness is of the history itself")
				}
				counts.add(m.Name, got.Status)
			}
		}
	}
	for _, m := range Models() {
		if isContract(m.Name) { // they know no registers
			continue
		}
		require.Positive(t, counts[m.Name][OK], m.Name)
		require.True(t, counts[m.Name][Violation] > 0 || m.Name == "mw", m.Name)
	}
}

// An initial value that is written too, so that reads of it may have it from either.
func TestInitialValueThatIsWritten(t *testing.T) {
	counts := bruteTally{}
	for seed := range uint64(2500) {
		h := oracle.RandomRegister(seed, oracle.Shape{Ops: 6, Sessions: 3, Keys: 1, Faults: int(seed % 15), Unknown: 10}, seed%2 == 0)
		h = renamed(h, history.Nil, history.Int(1))
		h.Initial = history.Int(1)
		counts.agree(t, h, "cas-register", oracle.Linearizable(h) == oracle.Allowed)
		counts.agree(t, h, "linearizable", oracle.Linearizable(h) == oracle.Allowed)
		counts.agree(t, h, "sequential", oracle.SequentialObjects(h))
	}
	counts.report(t, 2500, 200)
}

// Transactions whose sessions are in two at a time, by both readings of OwnReads,
// against every commit order; what is left of a violation is one.
func TestSplitTransactionsAgree(t *testing.T) {
	t.Parallel()
	counts := map[string]map[bool]int{}
	for seed := range sample(1500, 2500) {
		h := splitAtRandom(seed, 6+int(seed%2))
		if !observes(h) {
			continue
		}
		for own, o := range map[OwnReads]*oracle.Transactions{OwnReadsAlways: oracle.NewTransactions(h), OwnReadsUntilRead: oracle.NewPlumeTransactions(h)} {
			for level, holds := range map[string]bool{
				"read-committed": o.ReadCommitted(), "item-cut": o.ItemCut(), "read-atomic": o.ReadAtomic(), "transactional-causal": o.Causal(),
				"prefix": o.Prefix(), "snapshot-isolation": o.Snapshot(), "serializable": o.Serializable(), "strict-serializable": o.StrictSerializable(),
			} {
				v, err := JudgeWith(context.Background(), h, level, Options{OwnReads: own})
				require.NoError(t, err)
				require.Equal(t, holds, v.Status == OK, "%s by %d: seed %d: %v%s", level, own, seed, v, dump{h})
				name := fmt.Sprint(level, own)
				if counts[name] == nil {
					counts[name] = map[bool]int{}
				}
				counts[name][holds]++
			}
		}
	}
	t.Logf("%v", counts)
	for name, c := range counts {
		require.Greater(t, c[true], 200, name)
		require.Greater(t, c[false], 200, name)
	}
}

// splitAtRandom is a history of two sessions that are in up to two transactions at a
// time, of which one may have aborted.
func splitAtRandom(seed uint64, n int) *history.History {
	h := oracle.SomeRegisters(seed, n, 2, 2)
	rng := rand.New(rand.NewPCG(seed, 23))
	aborted, told := rng.IntN(20), false
	for i := range h.Ops {
		o := &h.Ops[i]
		o.Txn = uint64(1 + i/3 + rng.IntN(2))
		if int(o.Txn)+2*o.Session == aborted && (seed%2 == 0 || !told) { // one operation is enough
			o.Outcome, told = history.Failed, true
		}
	}
	return h
}

// A transaction that may have happened has, if others read from it: whole, and with
// what that implies; it comes after what its session did before, but nothing of its
// session after it.
func TestTransactionsInDoubt(t *testing.T) {
	const doubt = "unknown"
	of := func(ops ...string) *history.History {
		h := &history.History{}
		for i, text := range ops {
			var session int
			var txn uint64
			var fn, key, outcome string
			var n int64
			_, err := fmt.Sscan(text, &session, &txn, &fn, &key, &n, &outcome)
			require.NoError(t, err)
			o := history.Op{Index: i, Session: session, Txn: txn, Type: history.Register, Func: history.Read, Key: key, Call: int64(2 * i), Return: int64(2*i + 1)}
			if fn == "w" {
				o.Func, o.Arg = history.Write, history.Int(n)
			} else if n != 0 {
				o.Out = history.Int(n)
			}
			if outcome == doubt {
				o.Outcome, o.Return = history.Unknown, history.Pending
			}
			h.Ops = append(h.Ops, o)
		}
		return h
	}
	for name, c := range map[string]struct {
		h     *history.History
		holds int // of isolationLevels
	}{
		"read, so that all of it happened": {of("0 1 w x 1 unknown", "0 1 w y 1 unknown", "1 1 r y 0 ok", "1 1 r x 1 ok"), 1},
		"not read, so that it need not":    {of("0 1 w x 1 unknown", "0 1 w y 1 unknown", "1 1 r x 0 ok", "1 1 r y 0 ok"), 3},
		"after what its session did":       {of("0 1 w y 1 ok", "0 2 w x 1 unknown", "1 1 r x 1 ok", "1 2 r y 0 ok"), 2},
		"before nothing of its session":    {of("0 1 w x 1 unknown", "0 2 w y 1 ok", "1 1 r x 1 ok", "1 1 r y 1 ok", "0 3 r x 0 ok"), 3},
		"split, and in doubt":              {of("0 1 w x 1 unknown", "0 2 w y 1 ok", "0 1 w z 1 ok", "0 3 r x 0 ok", "1 1 r z 1 ok", "1 1 r y 0 ok"), 3},
	} {
		t.Run(name, func(t *testing.T) { requireStrongest(t, c.h, c.holds) })
	}
}

// Shrinking never makes a violation of what is none: whatever is left of an allowed
// history, closed under support, is allowed. Of a violation a minimal one is left.
func TestSplitTransactionsShrink(t *testing.T) {
	t.Parallel()
	allowed, witnesses := 0, 0
	for seed := range sample(1500, 3000) {
		h := splitAtRandom(seed, 8)
		rng := rand.New(rand.NewPCG(seed, 31))
		for _, level := range []string{"read-committed", "read-atomic", "transactional-causal", "prefix", "snapshot-isolation", "serializable", "strict-serializable"} {
			v := mustCheck(t, h, level)
			var kept []int
			if v.Status == Violation {
				for _, o := range v.Witness {
					kept = append(kept, o.Index)
				}
				require.True(t, stillViolates(t, h, level, kept), "seed %d: %v%s", seed, v, dump{h})
				witnesses++
				continue
			}
			for i := range h.Ops {
				if rng.IntN(3) > 0 {
					kept = append(kept, i)
				}
			}
			require.False(t, stillViolates(t, h, level, kept), "%s: seed %d: %v%s", level, seed, kept, dump{h})
			allowed++
		}
	}
	require.Greater(t, allowed, 1000)
	require.Greater(t, witnesses, 1000)
}

// The fast ways to judge sets of guarantees against the plain one, on histories too
// large for trying orders.
func TestGuaranteesAgreeWithPlainViews(t *testing.T) {
	t.Parallel()
	counts := bruteTally{}
	for seed := range uint64(400) {
		h := nearlyStore(seed)
		a, r, err := compactRegisters(nil, "", h)
		require.NoError(t, err)
		require.Equal(t, OK, r.status)
		for set := guarantees(1); set <= everyGuarantee; set++ {
			var names []string
			for n, name := range guaranteeNames {
				if set&(1<<n) != 0 {
					names = append(names, name)
				}
			}
			name := strings.Join(names, "+")
			got := judgeBy(t, h, name)
			require.Equal(t, a.plainViews(set).status, got, "%s: seed %d%s", name, seed, dump{h})
			counts.add(name, got)
		}
	}
	counts.report(t, 400, 20)
}

// nearlyStore is a history of a few dozen operations by sessions that receive writes
// in orders of their own, with some reads exchanged and some writes in doubt.
func nearlyStore(seed uint64) *history.History {
	rng := rand.New(rand.NewPCG(seed, 29))
	h := received(20+rng.IntN(40), 2+rng.IntN(4), 1+rng.IntN(3))
	if seed%2 == 0 {
		h = lagging(20+rng.IntN(40), 2+rng.IntN(4), 1+rng.IntN(3))
	}
	var reads []int
	for i := range h.Ops {
		if !h.Ops[i].IsPut() {
			reads = append(reads, i)
		}
	}
	for range rng.IntN(3) {
		i, j := reads[rng.IntN(len(reads))], reads[rng.IntN(len(reads))]
		if a, b := &h.Ops[i], &h.Ops[j]; a.Key == b.Key {
			a.Out, b.Out = b.Out, a.Out
		}
	}
	return doubted(h, seed)
}

func TestPlainViewsAreBounded(t *testing.T) {
	for _, h := range []*history.History{lagging(maxPlainNodes+1, 3, 5), lagging(maxPlainNodes, maxPlainNodes, 5)} {
		v := mustCheck(t, h, "mr+wfr")
		require.Equal(t, Undecided, v.Status)
		require.Contains(t, v.Reason, fmt.Sprint(maxPlainNodes))
	}
	require.Equal(t, OK, mustCheck(t, lagging(maxPlainNodes, 3, 5), "mr+wfr").Status)
}

// What a decided level implies is decided: of histories whose values are not unique,
// of which only a search can tell, no level is open beside one that decides it.
func TestLevelsDecideWhatFollows(t *testing.T) {
	t.Parallel()
	followed := map[Status]int{}
	for seed := range uint64(1500) {
		h := oracle.RandomRegister(seed, oracle.Shape{Ops: 8, Sessions: 3, Keys: 1, Faults: int(seed % 12), Unknown: 20}, seed%4 == 0)
		if seed%3 == 0 {
			h = instants(h, seed)
		}
		if !observes(h) {
			continue
		}
		report, err := Levels(context.Background(), h, Budget{})
		require.NoError(t, err)
		l := hierarchiesFor(h)[0].within(h)
		status := map[string]Status{}
		for _, v := range report.Verdicts {
			status[v.Model] = v.Status
			if v.Method == byImplication {
				followed[v.Status]++
			}
		}
		for strong := range status {
			for weak := range l.implied(strong) {
				require.False(t, status[strong] == OK && status[weak] != OK, "%s holds, %s is %s%s", strong, weak, status[weak], dump{h})
				require.False(t, status[weak] == Violation && status[strong] != Violation, "%s is broken, %s is %s%s", weak, strong, status[strong], dump{h})
			}
		}
		for _, r := range l { // what was decided is right, whatever decided it
			if s := status[r.level]; r.level == "cas-register" || r.level == "linearizable-register" {
				require.Equal(t, oracle.Linearizable(h) == oracle.Allowed, s == OK, dump{h})
			} else if r.level == "sequential" && s != Inconclusive {
				require.Equal(t, oracle.SequentialObjects(h), s == OK, dump{h})
			}
		}
	}
	t.Logf("decided by what follows: %v", followed)
	require.Greater(t, followed[OK], 100)
}

// A value that only a failed operation would have written is told as such: most often what
// timed out was recorded as failed.
func TestFailedWritesAreNamed(t *testing.T) {
	t.Parallel()
	h := &history.History{Ops: []history.Op{
		{Session: 1, Type: history.Register, Func: history.Write, Key: "x", Arg: history.Int(1), Call: 1, Return: 2, Outcome: history.Failed},
		{Session: 1, Type: history.Register, Func: history.Write, Key: "y", Arg: history.Int(2), Call: 3, Return: 4, Outcome: history.Failed},
		{Session: 1, Type: history.Register, Func: history.Write, Key: "x", Arg: history.Int(2), Call: 5, Return: 6, Outcome: history.Failed},
		{Session: 2, Type: history.Register, Func: history.Read, Key: "x", Out: history.Int(2), Call: 7, Return: 8},
	}}
	for i := range h.Ops {
		h.Ops[i].Index, h.Ops[i].Node = i, -1
	}
	for _, level := range []string{"linearizable-register", "cas-register", "cm", "serializable"} {
		v := mustCheck(t, h, level)
		require.Equal(t, Violation, v.Status)
		require.Contains(t, v.Hint, "only #2 wrote 2, and failed", level)
		require.NotContains(t, v.Hint, "--initial", level)
	}
	h.Ops[3].Out = history.Int(3)
	require.Contains(t, mustCheck(t, h, "cm").Hint, "nobody wrote 3; if it is what registers hold at first: Initial, --initial 3")
}
