package flow_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/lattice/flow"
)

// ring is a cycle through graphs, one channel from each to the next. What comes to the first
// graph goes around, and each element becomes spread others on the way, up to limit.
type ring struct {
	graphs []*flow.Graph
	moved  []int // elements that came out of the channel into each graph
	best   flow.State[int]
}

func newRing(names []string, room, spread, limit int, o flow.Options, source func(*flow.Graph) flow.Delta[int]) *ring {
	r := &ring{moved: make([]int, len(names))}
	var channels []*flow.Channel[int]
	for _, name := range names {
		r.graphs = append(r.graphs, flow.New(name, o))
		channels = append(channels, flow.NewChannel[int]("into "+name, room))
	}
	for i, g := range r.graphs {
		d := flow.Map(flow.Receive(g, channels[i]), func(v int) int { r.moved[i]++; return v })
		if i == 0 {
			d = flow.Unique(flow.Union(d, source(g)))
			ways := flow.Tee(d, 2)
			r.best = flow.Fold(ways[1], maxInt)
			d = flow.FlatMap(ways[0], func(v int) iter.Seq[int] {
				return func(yield func(int) bool) {
					for k := range spread {
						if next := v*spread + k + 1; next > limit || !yield(next) {
							return
						}
					}
				}
			})
		}
		flow.Send(d, channels[(i+1)%len(channels)])
	}
	return r
}

// TestDeadlock: schedulers that wait for each other around a cycle of full channels end with
// an error that names the senders and says what helps, run in turn or on goroutines, and
// find the same when they run again.
func TestDeadlock(t *testing.T) {
	for _, names := range [][]string{{"a"}, {"a", "b"}, {"a", "b", "c"}} {
		t.Run(fmt.Sprint(names), func(t *testing.T) {
			build := func() *ring {
				return newRing(names, 2, 4, 1000, flow.Options{Batch: 3}, func(g *flow.Graph) flow.Delta[int] { return flow.Once(g, 1) })
			}
			last := len(names) - 1
			text := fmt.Sprintf(`"into %s" of graph "a" → `, names[min(1, last)])

			r := build()
			ss := started(t, r.graphs...)
			errs := inTurn(ss)
			for i, err := range errs {
				require.ErrorIs(t, err, flow.ErrDeadlock, "%s", names[i])
				require.ErrorContains(t, err, text)
				require.ErrorContains(t, err, `"into a" of graph "`+names[last]+`"`)
				require.ErrorContains(t, err, "room")
				var at *flow.OperatorError
				require.ErrorAs(t, err, &at)
				require.Contains(t, at.Operator, `"into `+names[(i+1)%len(names)]+`"`)
			}
			moved := slices.Clone(r.moved)
			require.Equal(t, errs, inTurn(ss), "another run comes to the same")
			require.Equal(t, moved, r.moved)

			r = build()
			for i, err := range onGoroutines(started(t, r.graphs...)) {
				require.ErrorIs(t, err, flow.ErrDeadlock, "%s", names[i])
				require.ErrorContains(t, err, text)
			}
		})
	}
}

// inTurn runs schedulers in turn until none of them works, and is the error of each that
// it ends with.
func inTurn(ss []*flow.Scheduler) []error {
	errs := make([]error, len(ss))
	for again := true; again; {
		again = false
		for i, s := range ss {
			var st flow.Status
			for st, errs[i] = s.Step(); errs[i] == nil && st == flow.Working; st, errs[i] = s.Step() {
				again = true
			}
		}
	}
	return errs
}

func onGoroutines(ss []*flow.Scheduler) []error {
	errs := make([]error, len(ss))
	var all sync.WaitGroup
	for i, s := range ss {
		all.Go(func() { errs[i] = s.Run(context.Background()) })
	}
	all.Wait()
	return errs
}

// TestDeadlockBeside: who sends into a cycle that is stuck waits for ever too and is told,
// although it came to rest before; who only waits for elements is not.
func TestDeadlockBeside(t *testing.T) {
	feed := flow.NewChannel[int]("feed", 1)
	r := newRing([]string{"a", "b"}, 1, 4, 1000, flow.Options{Batch: 1}, func(g *flow.Graph) flow.Delta[int] { return flow.Receive(g, feed) })
	c, d := flow.New("c", flow.Options{}), flow.New("d", flow.Options{})
	flow.Send(flow.FromSlice(c, numbers(100)), feed)
	behind := flow.NewChannel[int]("behind", 100)
	flow.Send(flow.Changes(r.best), behind)
	flow.Collect(flow.Receive(d, behind))
	ss := started(t, c, r.graphs[0], r.graphs[1], d)
	errs := inTurn(ss)
	for _, err := range errs[:3] {
		require.ErrorIs(t, err, flow.ErrDeadlock)
	}
	require.ErrorContains(t, errs[0], `"feed" of graph "c" → `)
	require.NoError(t, errs[3])
}

// TestDeadlockWaitsForAll: there is no alarm while a scheduler that could go on was not run,
// and none where the cycle is full and one of its graphs was only not told yet.
func TestDeadlockWaitsForAll(t *testing.T) {
	r := newRing([]string{"a", "b"}, 2, 4, 40, flow.Options{Batch: 3}, func(g *flow.Graph) flow.Delta[int] { return flow.Once(g, 1) })
	ss := started(t, r.graphs...)
	for range 3 {
		st, err := ss[0].Settle(context.Background())
		require.NoError(t, err)
		require.Equal(t, flow.Waiting, st)
	}
}

// TestDeadlockDecided: rings of any sizes, rooms and batches, in turn and on goroutines,
// either finish with what a ring with room comes to, or all end with the error. After it
// nothing moves any more, whatever is run: no alarm is false. That none of them waits for ever
// is that the test ends.
func TestDeadlockDecided(t *testing.T) {
	alarms, quiet := 0, 0
	for seed := range uint64(300) {
		rng := rand.New(rand.NewPCG(seed, 5))
		names := []string{"a", "b", "c", "d"}[:1+rng.IntN(4)]
		room, spread, limit, o := 1+rng.IntN(6), 1+rng.IntN(3), rng.IntN(60), flow.Options{Batch: 1 + rng.IntN(4)}
		first := rng.IntN(4)
		build := func(room int) *ring {
			return newRing(names, room, spread, limit, o, func(g *flow.Graph) flow.Delta[int] { return flow.FromSlice(g, numbers(first)) })
		}
		roomy := build(1000)
		for _, err := range inTurn(started(t, roomy.graphs...)) {
			require.NoError(t, err)
		}
		want, has := flow.Read(roomy.best)
		for _, run := range []func([]*flow.Scheduler) []error{inTurn, onGoroutines} {
			r := build(room)
			ss := started(t, r.graphs...)
			errs := run(ss)
			if errors.Join(errs...) == nil {
				quiet++
				got, gotHas := flow.Read(r.best)
				require.Equal(t, has, gotHas, "seed %d", seed)
				require.Equal(t, want, got, "seed %d", seed)
				require.True(t, flow.Complete(r.best), "seed %d", seed)
				continue
			}
			alarms++
			moved := slices.Clone(r.moved)
			for range 3 {
				for _, err := range inTurn(ss) {
					require.ErrorIs(t, err, flow.ErrDeadlock, "seed %d", seed)
				}
			}
			require.Equal(t, moved, r.moved, "seed %d: what waits for ever has moved", seed)
		}
	}
	require.Positive(t, alarms)
	require.Positive(t, quiet)
	t.Logf("%d stuck, %d not", alarms, quiet)
}

// TestNoDeadlockUnderLoad: two schedulers that keep a full channel between them, and send
// answers back on another that is full as often, are never told that they wait for ever.
func TestNoDeadlockUnderLoad(t *testing.T) {
	for room := 1; room <= 3; room++ {
		a, b := flow.New("a", flow.Options{Batch: 2}), flow.New("b", flow.Options{Batch: 1})
		there, back := flow.NewChannel[int]("there", room), flow.NewChannel[int]("back", room)
		const n = 20_000
		ways := flow.Split(flow.FromSlice(a, numbers(n)), 2, func(v int) uint64 { return uint64(v % 5) })
		flow.Send(flow.Union(ways[0], ways[1]), there)
		flow.Send(flow.Filter(flow.Receive(b, there), func(v int) bool { return v%3 > 0 }), back)
		count := 0
		flow.ForEach(flow.Receive(a, back), func(int) { count++ })
		require.NoError(t, errors.Join(onGoroutines(started(t, a, b))...))
		require.Equal(t, n-n/3-1, count)
	}
}

// halfStuck are two schedulers of a cycle both of whose senders are without room, although
// what came to the second was not looked at yet: it goes past the sender there, and the
// cycle goes on.
func halfStuck(t *testing.T) (first, second *flow.Scheduler, odd flow.State[int]) {
	a, b := flow.New("a", flow.Options{Batch: 4}), flow.New("b", flow.Options{Batch: 4})
	there, back := flow.NewChannel[int]("there", 1), flow.NewChannel[int]("back", 1)
	inA, fromA := flow.NewInput[int](a, 10)
	inB, fromB := flow.NewInput[int](b, 10)
	flow.Send(flow.Unique(flow.Union(fromA, flow.Receive(a, back))), there)
	ways := flow.Split(flow.Union(flow.Receive(b, there), fromB), 2, func(v int) uint64 { return uint64(v) })
	flow.Send(ways[0], back)
	odd = flow.Fold(ways[1], maxInt)
	ss := started(t, a, b)
	for _, s := range ss {
		_, err := s.Settle(context.Background())
		require.NoError(t, err)
	}
	_, err := inB.PushAll(2, 4)
	require.NoError(t, err)
	_, err = ss[1].Settle(context.Background())
	require.NoError(t, err)
	_, err = inA.PushAll(1, 3, 5)
	require.NoError(t, err)
	inA.Close()
	inB.Close()
	st, err := ss[0].Step() // sends 1, and has no room for 3
	require.NoError(t, err)
	require.Equal(t, flow.Working, st)
	return ss[0], ss[1], odd
}

// TestDeadlockLooksAtMail: a scheduler that was woken and did not run yet may go on, and so
// may one that has taken what woke it and not yet run.
func TestDeadlockLooksAtMail(t *testing.T) {
	first, second, odd := halfStuck(t)
	st, err := first.Settle(context.Background())
	require.NoError(t, err, "the second was woken")
	require.Equal(t, flow.Waiting, st)
	settled(t, second, first)
	require.Equal(t, 5, must(flow.Read(odd)))

	first, second, odd = halfStuck(t)
	second.Do(func() {
		st, err := first.Settle(context.Background())
		require.NoError(t, err, "the second has taken what woke it")
		require.Equal(t, flow.Waiting, st)
	})
	settled(t, second, first)
	require.Equal(t, 5, must(flow.Read(odd)))
	require.True(t, flow.Complete(odd))
}

// TestDeadlockBehindTee: what a receiver waits for may be the sender at another edge of a Tee,
// and may be in a third graph, which is then waited for too.
func TestDeadlockBehindTee(t *testing.T) {
	for i := range 4 {
		open, turned := i%2 == 1, i/2 == 1
		a, b, c := flow.New("a", flow.Options{Batch: 1}), flow.New("b", flow.Options{Batch: 1}), flow.New("c", flow.Options{})
		there, back, out := flow.NewChannel[int]("there", 1), flow.NewChannel[int]("back", 1), flow.NewChannel[int]("out", 1)
		flow.Send(flow.FlatMap(flow.Unique(flow.Union(flow.Receive(a, back), flow.FromSlice(a, numbers(30)))), func(v int) iter.Seq[int] {
			return slices.Values([]int{v, v + 100})
		}), there)
		ways := flow.Tee(flow.Receive(b, there), 2)
		if turned {
			slices.Reverse(ways)
		}
		flow.Send(flow.Filter(ways[0], func(v int) bool { return v < 200 }), back)
		flow.Send(ways[1], out)
		collected := flow.Collect(flow.Receive(c, out))
		ss := started(t, a, b, c)
		if !open { // c does not run: the cycle may yet go on
			for _, err := range inTurn(ss[:2]) {
				require.NoError(t, err)
			}
		}
		errs := inTurn(ss)
		require.ErrorIs(t, errs[0], flow.ErrDeadlock)
		require.ErrorIs(t, errs[1], flow.ErrDeadlock)
		require.ErrorContains(t, errs[1], `"back" of graph "b" → send`)
		require.NoError(t, errs[2])
		require.NotEmpty(t, collected.Take())
	}
}
