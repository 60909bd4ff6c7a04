package linearizability

import (
	"cmp"
	"context"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/linearizability/history"
	"github.com/joinery-go/joinery/models"
	"github.com/joinery-go/joinery/models/oracle"
)

// manyObjects is how many small histories are held against brute force.
func manyObjects() uint64 {
	if *long {
		return 1_000_000
	}
	return 4000
}

// grown is a history of a set that is only added to: a few elements, some added several
// times, adds of unknown outcome, and reads that most often return what there was.
func grown(seed uint64) *history.History {
	h := oracle.RandomObject(seed, history.Set, 4+int(seed%4), false)
	for i := range h.Ops {
		if o := &h.Ops[i]; o.Func == history.Remove {
			o.Func = history.Add
			o.Arg = history.Int(int64(i % 3))
		}
	}
	if seed%7 > 0 {
		return oracle.Answered(h, seed)
	}
	return h
}

// passedOn is a history of a queue of distinct values, with some dequeues of unknown
// outcome.
func passedOn(seed uint64) *history.History {
	h := oracle.RandomObject(seed, history.Queue, 4+int(seed%4), false)
	for i := range h.Ops {
		if o := &h.Ops[i]; o.Func == history.Dequeue && seed%3 == 0 && (seed>>4+uint64(i))%5 == 0 {
			o.Outcome, o.Return, o.Out, o.Session = history.Unknown, history.Pending, history.Nil, 100+i
		}
	}
	return h
}

// Sets that grow, and queues of distinct values, in polynomial time, against every order.
func TestObjectsOfDistinctValuesAgreeWithBruteForce(t *testing.T) {
	t.Parallel()
	for name, random := range map[string]func(uint64) *history.History{"set": grown, "queue": passedOn} {
		t.Run(name, func(t *testing.T) {
			methods, counts := map[string]int{}, map[Status]int{}
			for seed := range manyObjects() {
				h := random(seed)
				v := mustCheck(t, h, "linearizable")
				want := OK
				if !oracle.LinearizableObjects(h, false) {
					want = Violation
				} else if !observes(h) {
					want = Inconclusive
				}
				if want != v.Status {
					t.Fatalf("seed %d: brute force says %s, not %v%s", seed, want, v, dump{h})
				}
				methods[v.Method]++
				counts[v.Status]++
				if v.Status == Violation {
					minimalWitness(t, h, v)
				}
			}
			t.Logf("%v by %v", counts, methods)
			require.Greater(t, counts[Violation], int(manyObjects()/20))
			require.Greater(t, counts[OK], int(manyObjects()/20))
		})
	}
}

// minimalWitness holds that the witness is a violation by itself, as brute force sees it, and
// that nothing can be left out: as a history of its own, where an enqueue that is left out
// takes its dequeue with it, and with all that the history has to explain it; or within what was known at some time, where what is left out
// takes all with it that it may explain.
func minimalWitness(t *testing.T, h *history.History, v Verdict) {
	t.Helper()
	broken := func(ops []history.Op) bool {
		return !oracle.LinearizableObjects(&history.History{Name: h.Name, Initial: h.Initial, Ops: ops}, false)
	}
	if broken(v.Witness) && brokenWithSupport(t, h, v) {
		least := true
		for i := range v.Witness {
			rest := slices.Delete(slices.Clone(v.Witness), i, i+1)
			rest = slices.DeleteFunc(rest, func(d history.Op) bool {
				return d.Func == history.Dequeue && v.Witness[i].Func == history.Enqueue && d.Out.Equal(v.Witness[i].Arg)
			})
			least = least && !broken(rest)
		}
		if least {
			return
		}
	}
	c, _ := checkerNamed(v.Model)
	s := &shrinker{c: c, m: newMeter(context.Background(), defaults(t))}
	for _, at := range h.Ops {
		if at.Return == history.Pending {
			continue
		}
		prefix, from := h.Until(at.Return)
		var kept []int
		for _, o := range v.Witness {
			kept = append(kept, slices.Index(from, o.Index))
		}
		if slices.Contains(kept, -1) {
			continue
		}
		s.about(prefix)
		if len(s.close(slices.Clone(kept))) < len(kept) || oracle.LinearizableObjects(s.how.Restrict(kept), false) {
			continue
		}
		minimal := true
		for _, i := range kept {
			rest := s.close(slices.DeleteFunc(slices.Clone(kept), func(j int) bool { return j == i }))
			minimal = minimal && oracle.LinearizableObjects(s.how.Restrict(rest), false)
		}
		if minimal {
			return
		}
	}
	t.Fatalf("no violation by itself, or not minimal: %v of%s", v, dump{h})
}

// brokenWithSupport reports whether the witness is a violation together with all operations of
// the history that may explain one of it, such as those that may have taken out what was put in.
func brokenWithSupport(t *testing.T, h *history.History, v Verdict) bool {
	t.Helper()
	c, _ := checkerNamed(v.Model)
	s := &shrinker{c: c, m: newMeter(context.Background(), defaults(t))}
	s.about(h)
	var kept []int
	for _, o := range v.Witness {
		kept = append(kept, slices.IndexFunc(h.Ops, func(x history.Op) bool { return x.Index == o.Index }))
	}
	for at := 0; at < len(kept); at++ {
		for _, j := range s.supportOf(kept[at]) {
			if !slices.Contains(kept, j) {
				kept = append(kept, j)
			}
		}
	}
	slices.Sort(kept)
	return !oracle.LinearizableObjects(s.how.Restrict(kept), false)
}

// ofOneObject is a right history of one object by a few clients that never pause, each
// operation at an instant within its interval.
func ofOneObject(typ history.Type, n, clients int) *history.History {
	rng := rand.New(rand.NewPCG(7, uint64(n)))
	h := &history.History{Name: "one " + string(typ), Ops: make([]history.Op, n)}
	order, free := make([]int, n), make([]int64, clients)
	instants := make([]int64, n)
	for i := range n {
		c := i % clients
		o := &h.Ops[i]
		*o = history.Op{Session: c, Node: -1, Type: typ, Key: "o", Call: free[c]}
		instants[i] = o.Call + 1 + rng.Int64N(1000)
		o.Return = instants[i] + 1 + rng.Int64N(1000)
		free[c], order[i] = o.Return+1, i
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(instants[a], instants[b]) })
	var held []history.Value
	sum := int64(0)
	for _, i := range order {
		o, v := &h.Ops[i], history.Int(int64(i))
		switch put := rng.IntN(2) == 0; {
		case typ == history.Set && put:
			o.Func, o.Arg = history.Add, v
			held = append(held, v)
		case typ == history.Set:
			o.Func, o.Out = history.Read, history.SetOf(held...)
		case typ == history.Queue && put:
			o.Func, o.Arg = history.Enqueue, v
			held = append(held, v)
		case typ == history.Queue:
			if o.Func = history.Dequeue; len(held) > 0 {
				o.Out, held = held[0], held[1:]
			}
		case typ == history.Counter && put:
			o.Func, o.Arg = history.Inc, history.Int(1)
			sum++
		default:
			o.Func, o.Out = history.Read, history.Int(sum)
		}
	}
	return inOrder(h)
}

// lastRead is the last operation that read, or took out, something.
func lastRead(h *history.History) *history.Op {
	for i := len(h.Ops) - 1; ; i-- {
		if o := &h.Ops[i]; o.Func == history.Read || o.Func == history.Dequeue && !o.Out.IsNil() {
			return o
		}
	}
}

// One wrong answer among a thousand operations leaves a witness of a few, with what it
// says in a sentence.
func TestWitnessesInsideObjects(t *testing.T) {
	for _, c := range []struct {
		typ   history.Type
		spoil func(h *history.History, o *history.Op)
		most  int
		says  string
	}{
		{history.Set, func(_ *history.History, o *history.Op) {
			list, _ := o.Out.AsList()
			o.Out = history.List(list[1:]...)
		}, 2, "does not show"},
		{history.Set, func(_ *history.History, o *history.Op) { o.Out = history.List() }, 2, "does not show"},
		{history.Counter, func(_ *history.History, o *history.Op) {
			n, _ := o.Out.AsInt()
			o.Out = history.Int(n - 40)
		}, 1, "had returned when it began"},
		{history.Counter, func(_ *history.History, o *history.Op) {
			n, _ := o.Out.AsInt()
			o.Out = history.Int(n + 40)
		}, 1, "had returned when it began"},
		{history.Queue, func(h *history.History, o *history.Op) { // the first value that came out comes out again
			o.Out = h.Ops[slices.IndexFunc(h.Ops, func(o history.Op) bool { return !o.Out.IsNil() })].Out
		}, 3, "both took out"},
	} {
		h := ofOneObject(c.typ, 1001, 4)
		require.Equal(t, OK, mustCheck(t, h, "linearizable").Status)
		c.spoil(h, lastRead(h))
		v := mustCheck(t, h, "linearizable")
		require.Equal(t, Violation, v.Status)
		require.LessOrEqual(t, len(v.Witness), c.most, "%v", v.Reason)
		require.Contains(t, v.Reason, c.says)
		t.Logf("%d of %d: %s", len(v.Witness), len(h.Ops), v.Reason)
	}
}

// Integers at the ends of their range are elements as others are.
func TestSetsOfFarIntegers(t *testing.T) {
	for _, added := range [][]int64{{-5, 1}, {math.MinInt64, math.MinInt64 + 1}, {math.MaxInt64, math.MaxInt64 - 1}, {math.MinInt64, math.MaxInt64}} {
		for _, read := range []int64{math.MinInt64, math.MaxInt64, 0} {
			h := &history.History{Ops: make([]history.Op, 3)}
			for i, n := range append(added, read) {
				h.Ops[i] = history.Op{Index: i, Node: -1, Type: history.Set, Func: history.Add, Arg: history.Int(n), Call: int64(i), Return: int64(i)}
			}
			h.Ops[2].Func, h.Ops[2].Arg, h.Ops[2].Out = history.Read, history.Nil, history.SetOf(history.Int(added[0]), history.Int(added[1]))
			require.Equal(t, OK, mustCheck(t, h, "linearizable").Status)
			if read == added[1] {
				continue
			}
			h.Ops[2].Out = history.SetOf(history.Int(added[0]), history.Int(read))
			require.Equal(t, Violation, mustCheck(t, h, "linearizable").Status, "%v, %d", added, read)
		}
	}
}

// Registers and other objects side by side: each is judged by what fits it, and errors
// are of what none fits.
func TestObjectsSideBySide(t *testing.T) {
	h := ofOneObject(history.Set, 60, 3)
	for _, typ := range []history.Type{history.Queue, history.Counter} {
		for _, o := range ofOneObject(typ, 60, 3).Ops {
			o.Session += 10 * len(typ)
			h.Ops = append(h.Ops, o)
		}
	}
	for _, o := range saturated(60, 3).Ops {
		o.Session += 100
		h.Ops = append(h.Ops, o)
	}
	h = inOrder(h)
	require.NoError(t, h.Validate())
	require.Equal(t, OK, mustCheck(t, h, "linearizable").Status)
	seen := map[history.Type]bool{}
	for i := range h.Ops {
		if h.Ops[i].Func != history.Read || h.Ops[i].Call < 10_000 || seen[h.Ops[i].Type] {
			continue
		}
		typ := h.Ops[i].Type
		seen[typ] = true
		g := *h
		g.Ops = slices.Clone(h.Ops)
		g.Ops[i].Out = map[history.Type]history.Value{history.Set: history.Nil, history.Counter: history.Int(-1), history.Register: history.Nil}[typ]
		v := mustCheck(t, &g, "linearizable")
		require.Equal(t, Violation, v.Status, typ)
		for _, o := range v.Witness {
			require.Equal(t, typ, o.Type)
			require.Equal(t, g.Ops[o.Index], o)
		}
		g.Ops[0].Type = "deque"
		_, err := Judge(context.Background(), &g, "linearizable", Budget{})
		require.ErrorIs(t, err, models.ErrUnsupported)
	}
	require.Len(t, seen, 3)
}
