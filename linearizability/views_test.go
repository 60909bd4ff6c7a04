package linearizability

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/linearizability/history"
	"github.com/joinery-go/joinery/models/oracle"
)

// bothWays judges causal memory and PRAM with edges put in one by one and with
// edges put in at once, which must be the same.
func bothWays(t *testing.T, h *history.History) (cm, pram Status) {
	verdicts := func(few int) (cm, pram Status) {
		a, r, err := compactRegisters(nil, "cm", h)
		require.NoError(t, err)
		require.Equal(t, OK, r.status)
		pram = pramViews(a, few).status
		p, r, err := causalOrder(nil, "cm", h)
		require.NoError(t, err)
		if r.status != OK {
			return r.status, pram
		}
		cm = p.memoryOf(few, func(int32) bool { return true }).status
		for _, most := range []int{maxLocalNodes, 6} { // sessions that rest on more look at everything
			p, _, err = causalOrder(nil, "cm", h)
			require.NoError(t, err)
			require.Equal(t, cm, p.memoryAround(few, most).status, "by what bears on each session%s", dump{h})
		}
		return cm, pram
	}
	cm, pram = verdicts(0)
	oneByOne, pramOneByOne := verdicts(1 << 30)
	require.Equal(t, cm, oneByOne, "cm%s", dump{h})
	require.Equal(t, pram, pramOneByOne, "pram%s", dump{h})
	return cm, pram
}

func TestViewsBothWays(t *testing.T) {
	t.Parallel()
	counts := bruteTally{}
	add := func(h *history.History) {
		r, answer := oracle.NewRegisters(h)
		require.Equal(t, oracle.Allowed, answer)
		cm, pram := bothWays(t, h)
		require.Equal(t, r.CM(), cm == OK, dump{h})
		require.Equal(t, r.PRAM(), pram == OK, dump{h})
		counts.add("cm", cm)
		counts.add("pram", pram)
	}
	for n := 1; n <= 4; n++ {
		for h := range oracle.AllRegisters(n, 3, 2) {
			add(h)
		}
	}
	for seed := range sample(4000, 200_000) {
		add(oracle.SomeStore(seed))
	}
	t.Logf("%v", counts)
}

// Longer runs of causal memory, some reads of which return another write, against
// the plain twin.
func TestViewsOfLongerRuns(t *testing.T) {
	counts := map[Status]int{}
	runs := 60
	if *long {
		runs = 1000
	}
	for i := range runs {
		h := received(80+i%80, 3+i%4, 3+i%5)
		if i%3 == 0 {
			h = lagging(80+i%80, 3+i%4, 3+i%5)
		}
		rng := rand.New(rand.NewPCG(uint64(i), 11))
		for range i % 4 {
			r, w := &h.Ops[rng.IntN(len(h.Ops))], &h.Ops[rng.IntN(len(h.Ops))]
			if !r.IsPut() && w.IsPut() && w.Index < r.Index+20 {
				r.Key, r.Out = w.Key, w.Arg
			}
		}
		plain, answer := oracle.NewPatterns(h)
		require.Equal(t, oracle.Allowed, answer)
		cm, _ := bothWays(t, h)
		require.Equal(t, plain.CM(), cm == OK, "run %d", i)
		counts[cm]++
		if v := mustCheck(t, h, "cm"); v.Status == Violation {
			require.LessOrEqual(t, len(v.Witness), 20, "%v", v)
		}
	}
	t.Logf("%v", counts)
	require.Greater(t, counts[OK], 5)
	require.Greater(t, counts[Violation], 5)
}

// brokenUp has sessions end at any operation, and go on as new ones.
func brokenUp(h *history.History, rng *rand.Rand, percent int) *history.History {
	sessions, next := map[int]int{}, 1<<20
	for i := range h.Ops {
		o := &h.Ops[i]
		session := o.Session
		if s, known := sessions[session]; known {
			o.Session = s
		}
		if rng.IntN(100) < percent {
			sessions[session] = next
			next++
		}
	}
	return h
}

// Causal memory that lags, of many registers and many short sessions, some reads of which
// return another write: what bears on a session tells it as everything does.
func TestMemoryLooksAtEnough(t *testing.T) {
	t.Parallel()
	counts, longest := map[Status]int{}, 0
	for seed := range sample(100, 5000) {
		rng := rand.New(rand.NewPCG(seed, 12))
		h := lagging(60+rng.IntN(120), 3+rng.IntN(4), 1+rng.IntN(12))
		switch seed % 3 {
		case 0:
			h = received(60+rng.IntN(120), 3+rng.IntN(4), 1+rng.IntN(12))
		case 1:
			h = crashing(60+rng.IntN(120), 3+rng.IntN(4), 10)
		}
		h = brokenUp(h, rng, 4+rng.IntN(20))
		for range rng.IntN(8) {
			at := rng.IntN(len(h.Ops))
			r, w := &h.Ops[at], &h.Ops[max(0, at-rng.IntN(25))]
			if !r.IsPut() && w.IsPut() && w.Happened() {
				r.Key, r.Out = w.Key, w.Arg
			}
		}
		cm, _ := bothWays(t, h)
		counts[cm]++
		v := mustCheck(t, h, "cm")
		require.Equal(t, cm, v.Status)
		longest = max(longest, len(v.Witness))
	}
	t.Logf("%v, witnesses of at most %d", counts, longest)
	require.Greater(t, min(counts[OK], counts[Violation]), 5)
}

// crashing is a linearizable run of one register by clients of which each operation may be
// the last of its session: the client goes on as another one, and a write of its may have
// happened or not.
func crashing(n, clients, percent int) *history.History {
	h := saturated(n, clients)
	rng := rand.New(rand.NewPCG(6, uint64(n)))
	session, next := make([]int, clients), clients
	for c := range session {
		session[c] = c
	}
	for i := range h.Ops {
		o := &h.Ops[i]
		c := o.Session
		o.Session = session[c]
		if rng.IntN(100) >= percent {
			continue
		}
		session[c] = next
		next++
		if o.IsPut() {
			o.Outcome, o.Return = history.Unknown, history.Pending
		}
	}
	return h
}

// Each crash makes a session. What is linearizable costs no more for that, and what is not
// looks at what happened in the time of each session: at most so much work, by the looks
// at a clock that it takes.
func TestManySessions(t *testing.T) {
	t.Parallel()
	h := crashing(10_000, 5, 5)
	sessions := map[int]bool{}
	for i := range h.Ops {
		sessions[h.Ops[i].Session] = true
	}
	require.Greater(t, len(sessions), 500)
	few := crashing(10_000, 5, 0)
	for _, level := range []string{"cc", "cm", "ccv", "pram", "sequential"} {
		ctx := endingAfter(1 << 30)
		v, err := Judge(ctx, h, level, Budget{})
		require.NoError(t, err)
		require.Equal(t, OK, v.Status)
		require.Contains(t, v.Method, "linearizable by")
		plain := endingAfter(1 << 30)
		_, err = Judge(plain, few, level, Budget{})
		require.NoError(t, err)
		require.LessOrEqual(t, ctx.seen, 2*plain.seen, "%s: of %d sessions as of 5", level, len(sessions))
	}
	// One read is late, which is causal and not linearizable.
	last := len(h.Ops) - 1
	h.Ops = append(h.Ops, history.Op{
		Index: last + 1, Session: 1 << 20, Node: -1, Type: history.Register, Func: history.Read, Key: "x", Call: 1 << 40, Return: 1<<40 + 1,
	})
	require.Equal(t, Violation, mustCheck(t, h, "linearizable-register").Status)
	ctx := endingAfter(1 << 30)
	v, err := Judge(ctx, h, "cm", Budget{})
	require.NoError(t, err)
	require.Equal(t, OK, v.Status)
	require.Contains(t, v.Method, bySaturation)
	cells := len(h.Ops) * len(sessions)
	t.Logf("%d sessions, %d looks", len(sessions), ctx.seen)
	require.Less(t, ctx.seen*lookEvery, 8*cells, "a sweep a session would be %d times as much", len(sessions)/8)
}

// What a session looks at for PRAM is enough: the verdict is that of a view of everything.
func TestPRAMLooksAtEnough(t *testing.T) {
	t.Parallel()
	counts := map[Status]int{}
	for seed := range sample(3000, 300_000) {
		h := nearlyStore(seed)
		if seed%2 == 0 {
			h = oracle.SomeStore(seed)
		}
		a, r, err := compactRegisters(nil, "", h)
		require.NoError(t, err)
		require.Equal(t, OK, r.status)
		want := a.pramOfAll(fewEdges).status
		for _, few := range []int{0, 1, fewEdges} {
			require.Equal(t, want, a.pramAround(few).status, "seed %d%s", seed, dump{h})
		}
		counts[want]++
	}
	t.Logf("%v", counts)
	require.Greater(t, min(counts[OK], counts[Violation]), 300)
}

// Many sessions, as crashes make them, though a read at the end is late, so that real time does
// not tell at once: PRAM is about linear, and causal memory costs little more than the causal
// order.
func BenchmarkPRAMOfManySessions(b *testing.B)   { manySessions(b, "pram", 10_000, 30_000, 100_000) }
func BenchmarkCausalOfManySessions(b *testing.B) { manySessions(b, "cc", 10_000, 30_000) }
func BenchmarkMemoryOfManySessions(b *testing.B) { manySessions(b, "cm", 10_000, 30_000) }

func manySessions(b *testing.B, level string, sizes ...int) {
	for _, n := range sizes {
		h := crashing(n, 5, 5)
		h.Ops = append(h.Ops, history.Op{
			Index: n, Session: 1 << 20, Node: -1, Type: history.Register, Func: history.Read, Key: "x", Call: 1 << 40, Return: 1<<40 + 1,
		})
		sessions := map[int]bool{}
		for i := range h.Ops {
			sessions[h.Ops[i].Session] = true
		}
		b.Run(fmt.Sprintf("%d/%d", n, len(sessions)), func(b *testing.B) {
			for b.Loop() {
				v, err := Judge(context.Background(), h, level, Budget{})
				if err != nil || v.Status != OK {
					b.Fatal(v, err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/operation")
		})
	}
}
