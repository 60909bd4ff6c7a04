package contract

import (
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/linearizability/history"
)

var long = flag.Bool("long", false, "hold a million histories of each contract against brute force")

// plain is a contract by brute force, and how a history of its objects is made smaller.
type plain struct {
	holds    func(*history.History) bool
	random   func(rng *rand.Rand) *history.History
	restrict func(h *history.History, kept []int) *history.History
	// rests returns what cannot stay without the operation at i.
	rests func(h *history.History, i int) []int
}

func alone(*history.History, int) []int { return nil }

var plainly = map[string]plain{
	"set":                   {plainSet, randomSet, withoutUnadded, alone},
	"set-full":              {func(h *history.History) bool { return plainSetFull(h, false) }, randomSet, withoutUnadded, alone},
	"set-full-linearizable": {func(h *history.History) bool { return plainSetFull(h, true) }, randomSet, withoutUnadded, alone},
	"g-set":                 {func(h *history.History) bool { return plainSetFull(h, false) }, randomSet, withoutUnadded, alone},
	"counter":               {plainCounter, randomCounter, only, alone},
	"pn-counter":            {plainFinalSums, randomCounter, only, alone},
	"queue":                 {plainBag, randomQueue, withoutUnadded, dequeuesOf},
	"total-queue":           {plainTotalQueue, randomQueue, withoutUnadded, enqueuesOf},
	"lock":                  {plainLock, randomLock, only, holdOf},
	"bank":                  {plainBank, randomBank, only, alone},
	"unique-ids":            {plainIDs, randomIDs, only, alone},
}

// only keeps operations as they are.
func only(h *history.History, kept []int) *history.History {
	g := &history.History{Initial: h.Initial, Fences: h.Fences}
	for _, i := range kept {
		o := h.Ops[i]
		o.Index = len(g.Ops)
		g.Ops = append(g.Ops, o)
	}
	return g
}

// withoutUnadded is only, and takes out of what reads and drains returned what is added
// by nobody any more.
func withoutUnadded(h *history.History, kept []int) *history.History {
	g := only(h, kept)
	adds := func(h *history.History, v history.Value) bool {
		return tried(h, history.Add, v) || tried(h, history.Enqueue, v)
	}
	gone := func(v history.Value) bool { return adds(h, v) && !adds(g, v) }
	for i := range g.Ops {
		if g.Ops[i].Func == history.Dequeue && gone(g.Ops[i].Out) {
			g.Ops[i].Out = history.Nil
		}
		if list, ok := g.Ops[i].Out.AsList(); ok {
			g.Ops[i].Out = history.List(slices.DeleteFunc(slices.Clone(list), gone)...)
		}
	}
	return g
}

// dequeuesOf returns the dequeues of the value that an enqueue puts in.
func dequeuesOf(h *history.History, i int) (gone []int) {
	for j := range h.Ops {
		if o := &h.Ops[j]; h.Ops[i].Func == history.Enqueue && (o.Out.Equal(h.Ops[i].Arg) || shows(o, h.Ops[i].Arg) > 0) {
			gone = append(gone, j)
		}
	}
	return gone
}

// enqueuesOf returns the enqueues of what a dequeue took out.
func enqueuesOf(h *history.History, i int) (gone []int) {
	for j := range h.Ops {
		if o := &h.Ops[j]; h.Ops[i].Func != history.Enqueue && o.Func == history.Enqueue && (h.Ops[i].Out.Equal(o.Arg) || shows(&h.Ops[i], o.Arg) > 0) {
			gone = append(gone, j)
		}
	}
	return gone
}

// holdOf returns the other end of a hold.
func holdOf(h *history.History, i int) (gone []int) {
	acquired := none
	for j := range h.Ops {
		o := &h.Ops[j]
		switch {
		case o.Session != h.Ops[i].Session || o.Outcome == history.Failed:
		case o.Func == history.Acquire:
			acquired = j
		case acquired != none:
			if acquired == i || j == i {
				gone = append(gone, acquired, j)
			}
			acquired = none
		}
	}
	return gone
}

// run makes the operations of a few sessions in overlapping intervals.
func run(rng *rand.Rand, typ history.Type, ops int, fill func(i int, o *history.Op)) *history.History {
	h := &history.History{}
	free := make([]int64, 3)
	names := []int{0, 1, 2}
	for i := range ops {
		s := rng.IntN(len(free))
		o := history.Op{Session: names[s], Node: -1, Type: typ, Key: "o", Call: free[s] + int64(rng.IntN(4))}
		o.Return = o.Call + int64(rng.IntN(6))
		fill(i, &o)
		free[s] = o.Return + int64(rng.IntN(2))
		switch o.Outcome {
		case history.Unknown:
			o.Return = history.Pending
			names[s] = 3 + i // nobody waits for it
		case history.Failed:
			o.Out = history.Nil
		}
		h.Ops = append(h.Ops, o)
	}
	slices.SortStableFunc(h.Ops, func(a, b history.Op) int { return int(a.Call - b.Call) })
	for i := range h.Ops {
		h.Ops[i].Index = i
	}
	return h
}

// mostlyTried takes what nobody tries to put in out of most histories.
func mostlyTried(rng *rand.Rand, h *history.History) *history.History {
	if rng.IntN(5) == 0 {
		return h
	}
	untried := func(v history.Value) bool { return !tried(h, history.Add, v) && !tried(h, history.Enqueue, v) }
	for i := range h.Ops {
		o := &h.Ops[i]
		if list, ok := o.Out.AsList(); ok {
			o.Out = history.List(slices.DeleteFunc(slices.Clone(list), untried)...)
		} else if untried(o.Out) {
			o.Out = history.Nil
		}
	}
	return h
}

func outcome(rng *rand.Rand) history.Outcome {
	return []history.Outcome{history.OK, history.OK, history.OK, history.OK, history.Unknown, history.Failed}[rng.IntN(6)]
}

func randomSet(rng *rand.Rand) *history.History {
	size := 1 + rng.IntN(3)
	return mostlyTried(rng, run(rng, history.Set, 2+rng.IntN(5), func(_ int, o *history.Op) {
		o.Func, o.Arg, o.Outcome = history.Add, history.Int(int64(rng.IntN(size))), outcome(rng)
		if rng.IntN(2) == 0 {
			o.Func, o.Arg = history.Read, history.Nil
			var list []history.Value
			for v := range size {
				for range []int{0, 1, 1, 1, 1, 1, 1, 1, 1, 2}[rng.IntN(10)] {
					list = append(list, history.Int(int64(v)))
				}
			}
			if o.Outcome == history.OK {
				o.Out = history.List(list...)
			}
		}
	}))
}

func randomCounter(rng *rand.Rand) *history.History {
	down := rng.IntN(2)
	h := run(rng, history.Counter, 2+rng.IntN(4), func(_ int, o *history.Op) {
		o.Func, o.Arg, o.Outcome = history.Inc, history.Int(int64(rng.IntN(4)-2*down)), outcome(rng)
		if rng.IntN(3) == 0 {
			o.Func, o.Arg = history.Read, history.Nil
			if o.Outcome == history.OK && rng.IntN(9) > 0 {
				o.Out = history.Int(int64(rng.IntN(5) - 2*down))
			}
		}
	})
	if rng.IntN(2) == 0 {
		h.Fences = []int64{int64(rng.IntN(15))}
	}
	return h
}

func randomQueue(rng *rand.Rand) *history.History {
	size := 1 + rng.IntN(3)
	value := func() history.Value { return history.Int(int64(rng.IntN(size))) }
	return mostlyTried(rng, run(rng, history.Queue, 1+rng.IntN(6), func(_ int, o *history.Op) {
		o.Func, o.Arg, o.Outcome = history.Enqueue, value(), outcome(rng)
		if rng.IntN(5) < 2 {
			o.Func, o.Arg = history.Dequeue, history.Nil
			if o.Outcome == history.OK && rng.IntN(4) > 0 {
				o.Out = value()
			}
		} else if rng.IntN(5) == 0 {
			o.Func, o.Arg, o.Out = history.Drain, history.Nil, history.List([]history.Value{value(), value()}[:rng.IntN(3)]...)
			if o.Outcome == history.Unknown {
				o.Outcome = history.OK // what else it means is tested by itself
			}
		}
	}))
}

func randomLock(rng *rand.Rand) *history.History {
	holding := map[int]bool{}
	return run(rng, history.Lock, 1+rng.IntN(6), func(_ int, o *history.Op) {
		o.Func, o.Outcome = history.Acquire, outcome(rng)
		if holding[o.Session] != (rng.IntN(8) == 0) {
			o.Func = history.Release
		}
		if o.Outcome == history.OK {
			holding[o.Session] = o.Func == history.Acquire
		}
	})
}

func randomBank(rng *rand.Rand) *history.History {
	account := func() history.Value { return history.Str([]string{"a", "b", "c"}[min(rng.IntN(12), 2)]) }
	split := func() history.Value {
		n := int64(rng.IntN(11))
		if rng.IntN(20) == 0 {
			n = 11
		}
		if rng.IntN(40) == 0 {
			return history.MapOf([2]history.Value{history.Str("a"), history.Int(10)}, [2]history.Value{account(), history.Nil})
		}
		return history.MapOf([2]history.Value{history.Str("a"), history.Int(n)}, [2]history.Value{history.Str([]string{"b", "b", "b", "c"}[rng.IntN(4)]), history.Int(10 - n + int64(rng.IntN(8)/7))})
	}
	h := run(rng, history.Bank, 1+rng.IntN(6), func(_ int, o *history.Op) {
		o.Func, o.Outcome = history.Read, outcome(rng)
		if rng.IntN(3) == 0 {
			o.Func = history.Transfer
		} else if o.Outcome == history.OK {
			o.Out = split()
		}
	})
	if rng.IntN(2) == 0 {
		h.Initial = history.MapOf([2]history.Value{history.Str("a"), history.Int(10)}, [2]history.Value{history.Str("b"), history.Int(0)})
	}
	return h
}

func randomIDs(rng *rand.Rand) *history.History {
	return run(rng, history.IDs, 1+rng.IntN(5), func(_ int, o *history.Op) {
		o.Func, o.Outcome = history.Generate, outcome(rng)
		if o.Outcome == history.OK {
			o.Out = history.Int(int64(rng.IntN(12)))
		}
	})
}

func show(h *history.History) string {
	var b strings.Builder
	fmt.Fprintf(&b, "\ninitial %v, fences %v", h.Initial, h.Fences)
	for _, o := range h.Ops {
		fmt.Fprintf(&b, "\n%s", o)
	}
	return b.String()
}

// What is told of each kind, and what leaves a contract open.
func TestWhatContractsSay(t *testing.T) {
	for _, c := range []struct {
		contract string
		ops      string
		want     string
	}{
		{"set", "add 1; read 2 [1 9]; add 3; read 4 [1 7 7]", `set "o": lost 3; #2 added 3 and had returned when #3, the last read, began, which does not show it; ` +
			`set "o": unexpected 7; #3 read 7, which nobody tried to add`},
		{"set", "add 1", `open: set "o" was never read`},
		{"set-full", "add 1; add 2; read 3 [1]; read 4 [1 2]; read 5 [2 2]", `set "o": lost 1; #0 added 1 and had returned when #4 began, which does not show it, and neither does any later one; ` +
			`harmless: set "o": stale 2; #1 added 2 and had returned when #2 began, which does not show it, although later ones do; ` +
			`set "o": duplicated 2; #4 shows 2 more than once`},
		{"set-full", "add? 1; read 2 [1]; read 3 []", `set "o": lost 1; #1 read 1 and had returned when #2 began, which does not show it, and neither does any later one`},
		{"set-full", "add? 1; read 3 []", `open: set "o": no element was shown to stay`},
		{"g-set", "add 1; read 3 [1]; read 4 5", `set "o": lost 1; #0 added 1 and had returned when #2 began, which does not show it, and neither does any later one; ` +
			`set "o": unexpected 5; #2 read 5, which nobody tried to add`},
		{"counter", "inc 2; inc? 3; read 1 1; read 1 9; read 1 nil", `counter "o": wrong sum 1, 9, nil; #2 read 1; the increments that had returned when it began, and those called until it returned, allow 2 to 5`},
		{"counter", "inc 9223372036854775807; inc 1; read 1 1", `open: counter "o": its increments add up to more than 64 bits`},
		{"pn-counter", "inc 2; inc? 3; read 1 4", `counter "o": wrong sum 4; #2, a final read, returned 4; the increments come to 2, with or without any of 1 of unknown outcome`},
		{"pn-counter", "read 1 4; inc 4", `open: counter "o": no read begins after the last fence, or without one after all increments`},
		{"pn-counter", "inc? 2000000000; read 1 4", `open: counter "o": the indeterminate increments span too much to try their sums`},
		{"queue", "enqueue 1; dequeue 2 1; dequeue 3 1; dequeue 4 7; dequeue 5 8; enqueue 8", `queue "o": unexpected 7; #3 took out 7, which nobody tried to put in; ` +
			`queue "o": duplicated 1; #2 took out 1, which had come out once before and was put in once; ` +
			`queue "o": premature 8; #4 took out 8 and had returned before #5 was called, which put it in`},
		{"total-queue", "enqueue 1; enqueue 2; enqueue 2; dequeue 2 2; drain 3 [4 5]; dequeue 3 5; enqueue 5", `queue "o": lost 1, 2; #0 put in 1, which never came out; ` +
			`queue "o": unexpected 4; #4 took out 4, which nobody tried to put in; harmless: queue "o": duplicated 5; 5 came out 2 times and was put in once`},
		{"total-queue", "enqueue 2; enqueue 2; enqueue 2; dequeue 2 2", `queue "o": lost 2; 2 was put in 3 times, but came out only once`},
		{"total-queue", "enqueue 1; drain? 3", `open: queue "o": #1, a drain of unknown outcome, may have taken out what seems lost`},
		{"total-queue", "enqueue 1; dequeue 2 1; drain? 3", ``},
		{"lock", "acquire 1; acquire 2; release 1; release 1", `lock "o": held by two ["s1" "s2"]; #0 gave it to s1, which began to release it with #2; in between s2 had it by #1; ` +
			`lock "o": released without being held "s1"; #3 released it, but s1 did not hold it`},
		{"lock", "acquire 1; acquire 1", `lock "o": held by two "s1"; s1 acquired it with #0 and, without releasing it, again with #1`},
		{"lock", "acquire? 1; release 1", `open: lock "o": the outcome of #0 is unknown, and s1 goes on after it`},
		{"bank", "read 1 [1 2]; read 2 [2 1]; read 3 [2 2]; read 4 [5 -2]; read 5 x", `bank "o": wrong total 4; #2 read [2 2], in all 4, but #0 read [1 2], in all 3; ` +
			`bank "o": negative balance 1; #3 read account 1 with a balance of -2; bank "o": no balance "x"; #4 read "x", where the balances of all accounts are due`},
		{"bank", "read 1 [9223372036854775807 1]", `open: bank "o": the balances of #0 add up to more than 64 bits`},
		{"unique-ids", "generate 1 7; generate 2 8; generate 3 8; generate 3 8", `ids "o": duplicated 8; #1 and #2 both returned 8`},
	} {
		k := named(t, c.contract)
		h := written(t, k.typ, c.ops)
		for i := range h.Ops {
			require.True(t, k.Describes(&h.Ops[i]))
		}
		r := k.Judge(h)
		var got []string
		for _, a := range r.Anomalies {
			if a.Harmless {
				got = append(got, "harmless: "+a.String())
			} else {
				got = append(got, a.String())
			}
		}
		if r.Open != "" {
			got = append(got, "open: "+r.Open)
		}
		require.Equal(t, c.want, strings.Join(got, "; "), "%s of %s", c.contract, c.ops)
	}
	bank := written(t, history.Bank, "read 1 [1 2]")
	bank.Initial = history.MapOf([2]history.Value{history.Int(0), history.Str("much")})
	require.Equal(t, Result{Open: `bank "o": the initial balances {0 "much"} are not integers`}, named(t, "bank").Judge(bank))
	many := Anomaly{Kind: Lost, Object: "x", Values: slices.Repeat([]history.Value{history.Int(1)}, 10)}
	require.Equal(t, "x: lost 1, 1, 1, 1, 1, 1, 1, 1 and 2 more", many.String())
	require.False(t, All()[0].Describes(&history.Op{Type: history.Set, Func: history.Remove}))
	require.False(t, All()[0].Describes(&history.Op{Type: history.Counter, Func: history.Read}))
}

func named(t *testing.T, contract string) Contract {
	t.Helper()
	all := All()
	n := slices.IndexFunc(all, func(k Contract) bool { return k.Name == contract })
	require.GreaterOrEqual(t, n, 0, contract)
	return all[n]
}

// Of an object at which it was stopped nothing is said, and of those before it everything.
func TestStoppedWithinAnObject(t *testing.T) {
	h := &history.History{}
	for i := range 3 * askEvery {
		o := history.Op{Index: i, Node: -1, Type: history.IDs, Key: "late", Func: history.Generate, Out: history.Int(7), Call: int64(2 * i), Return: int64(2*i + 1)}
		if i < 2 {
			o.Key = "early"
		}
		h.Ops = append(h.Ops, o)
	}
	asked := 0
	r, whole := named(t, "unique-ids").JudgeUntil(h, func() bool { asked++; return asked > 2 })
	require.False(t, whole)
	require.Len(t, r.Anomalies, 1)
	require.Contains(t, r.Anomalies[0].Object, "early")
	require.Contains(t, r.Open, "stopped")
}

// written makes a history of one operation after the other: a function, with ? if its
// outcome is unknown, an argument or the session, and what came back.
func written(t *testing.T, typ history.Type, text string) *history.History {
	h := &history.History{}
	value := func(words []string) history.Value {
		var v history.Value
		s := strings.ReplaceAll(strings.Join(words, " "), " ", ",")
		switch {
		case s == "" || s == "nil":
			return v
		case s == "x":
			return history.Str(s)
		}
		require.NoError(t, v.UnmarshalJSON([]byte(s)))
		return v
	}
	for i, one := range strings.Split(text, "; ") {
		words := strings.Fields(one)
		fn, unknown := strings.CutSuffix(words[0], "?")
		o := history.Op{Index: i, Session: i, Node: -1, Type: typ, Func: history.Func(fn), Key: "o", Call: int64(10 * i), Return: int64(10*i + 5)}
		if unknown {
			o.Outcome, o.Return = history.Unknown, history.Pending
		}
		switch o.Func {
		case history.Add, history.Inc, history.Enqueue:
			o.Arg = value(words[1:])
		case history.Acquire, history.Release:
			n, _ := value(words[1:]).AsInt()
			o.Session = int(n)
		default:
			o.Out = value(words[2:])
		}
		h.Ops = append(h.Ops, o)
	}
	require.NoError(t, h.Validate())
	return h
}

// Each contract against brute force; each witness is a violation by itself, and nothing
// can be left out of it.
func TestContractsAgreeWithBruteForce(t *testing.T) {
	seeds := uint64(4000)
	if *long {
		seeds = 1_000_000
	}
	for _, c := range All() {
		t.Run(c.Name, func(t *testing.T) {
			p, counts, kinds := plainly[c.Name], map[bool]int{}, map[Kind]int{}
			for seed := range seeds {
				h := p.random(rand.New(rand.NewPCG(seed, 11)))
				if seed < 1000 {
					require.NoError(t, h.Validate())
				}
				r := c.Judge(h)
				broken := r.Broken()
				counts[len(broken) == 0]++
				if want := p.holds(h); want != (len(broken) == 0) {
					t.Fatalf("seed %d: brute force says %v, not %v%s", seed, want, r, show(h))
				}
				for _, a := range r.Anomalies {
					kinds[a.Kind]++
					require.NotEmpty(t, a.Ops)
				}
				for _, a := range broken {
					minimal(t, p, h, a)
				}
			}
			t.Logf("kept %d, broken %d: %v", counts[true], counts[false], kinds)
			require.Greater(t, counts[true], int(seeds/20))
			require.Greater(t, counts[false], int(seeds/20))
		})
	}
}

// about takes all other values out of what reads and drains returned, and the one from
// where reads have it once more unless that is what the anomaly is about.
func about(h *history.History, a Anomaly) *history.History {
	v := a.Values[0]
	g := *h
	g.Ops = slices.Clone(h.Ops)
	for i := range g.Ops {
		if list, ok := g.Ops[i].Out.AsList(); ok {
			list = slices.DeleteFunc(slices.Clone(list), func(e history.Value) bool { return !e.Equal(v) })
			g.Ops[i].Out = history.List(list...)
			if g.Ops[i].Func == history.Read && a.Kind != Duplicated {
				g.Ops[i].Out = history.SetOf(list...)
			}
		}
	}
	return &g
}

// minimal holds that the witness of an anomaly is one by itself, and nothing less is.
func minimal(t *testing.T, p plain, h *history.History, a Anomaly) {
	t.Helper()
	require.True(t, slices.IsSorted(a.Ops))
	h = about(h, a)
	if p.holds(p.restrict(h, a.Ops)) {
		t.Fatalf("%v: %v is no violation%s", a, a.Ops, show(h))
	}
	for _, i := range a.Ops {
		gone := append(p.rests(h, i), i)
		rest := slices.DeleteFunc(slices.Clone(a.Ops), func(j int) bool { return slices.Contains(gone, j) })
		if !p.holds(p.restrict(h, rest)) {
			t.Fatalf("%v: %v is a violation without %d%s", a, a.Ops, i, show(h))
		}
	}
}

// Balances that add up to just what 64 bits hold have a total; one more and there is none.
func TestTotalsAtTheEndsOf64Bits(t *testing.T) {
	bank := All()[slices.IndexFunc(All(), func(c Contract) bool { return c.Name == "bank" })]
	read := func(i int, balances ...int64) history.Op {
		var all []history.Value
		for _, n := range balances {
			all = append(all, history.Int(n))
		}
		return history.Op{Index: i, Session: i, Node: -1, Type: history.Bank, Func: history.Read, Out: history.List(all...), Call: int64(2 * i), Return: int64(2*i + 1)}
	}
	const most, least = math.MaxInt64, math.MinInt64
	for _, c := range []struct {
		balances []int64
		open     bool
	}{
		{[]int64{most - 1, 1}, false}, {[]int64{most, 0}, false}, {[]int64{most, 1}, true}, {[]int64{most - 1, 2}, true},
		{[]int64{least + 1, -1}, false}, {[]int64{least, 0}, false}, {[]int64{least, -1}, true}, {[]int64{least + 1, -2}, true},
	} {
		r := bank.Judge(&history.History{Ops: []history.Op{read(0, c.balances...)}})
		require.Equal(t, c.open, strings.Contains(r.Open, "more than 64 bits"), "%v: %v", c.balances, r)
	}
	r := bank.Judge(&history.History{Ops: []history.Op{read(0, most-1, 1), read(1, most, 0), read(2, most-2, 1)}})
	require.Len(t, r.Broken(), 1, "the totals are compared")
	require.Equal(t, []int{0, 2}, r.Broken()[0].Ops)
}
