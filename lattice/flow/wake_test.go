package flow_test

import (
	"context"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/lattice"
	"github.com/joinery-go/joinery/lattice/flow"
)

// waker is something that another goroutine does while a run waits, and what it brings
// about.
type waker struct {
	name string
	// build adds to g, which is run, and to other, which is not, and returns what is
	// done and whether the run has seen it.
	build func(t *testing.T, g, other *flow.Graph) (act func(run, aside *flow.Scheduler), seen func() bool)
	ends  bool // nothing more can come to g
}

func wakers() []waker {
	type scheduler = *flow.Scheduler
	fed := func(act func(*flow.Input[int]) error, sees int) func(t *testing.T, g, other *flow.Graph) (func(_, _ scheduler), func() bool) {
		return func(t *testing.T, g, _ *flow.Graph) (func(_, _ scheduler), func() bool) {
			in, d := flow.NewInput[int](g, 9)
			got := 0
			flow.ForEach(d, func(int) { got++ })
			return func(_, _ scheduler) { require.NoError(t, act(in)) }, func() bool { return got == sees }
		}
	}
	return []waker{
		{"Push", fed(func(in *flow.Input[int]) error { return in.Push(1) }, 1), false},
		{"PushAll", fed(func(in *flow.Input[int]) error { _, err := in.PushAll(1, 2, 3); return err }, 3), false},
		{"Close", fed(func(in *flow.Input[int]) error { in.Close(); return nil }, 0), true},
		{"Do", func(_ *testing.T, g, _ *flow.Graph) (func(_, _ scheduler), func() bool) {
			_, d := flow.NewInput[int](g, 9)
			flow.Collect(d)
			called := false
			return func(run, _ scheduler) { run.Do(func() { called = true }) }, func() bool { return called }
		}, false},
		{"Deliver", func(t *testing.T, g, other *flow.Graph) (func(_, _ scheduler), func() bool) {
			outbox := flow.Publish(flow.Const(other, 5, maxInt), 1)
			inbox, s := flow.Subscribed(g, lattice.Merge[int](maxInt), 100)
			got := 0
			_, err := flow.Subscribe(s, func(v int) { got = v })
			require.NoError(t, err)
			return func(_, aside scheduler) {
				p, ok := outbox.Packet()
				require.True(t, ok)
				_, err := inbox.Deliver(p)
				require.NoError(t, err)
			}, func() bool { return got == 5 }
		}, true},
		{"what is sent", func(t *testing.T, g, other *flow.Graph) (func(_, _ scheduler), func() bool) {
			ch := flow.NewChannel[int]("c", 9)
			_, open := flow.NewInput[int](other, 9)
			flow.Send(flow.Union(flow.Once(other, 1), open), ch)
			got := 0
			flow.ForEach(flow.Receive(g, ch), func(int) { got++ })
			return func(_, aside scheduler) { settle(t, aside) }, func() bool { return got == 1 }
		}, false},
		{"the end of what is sent", func(t *testing.T, g, other *flow.Graph) (func(_, _ scheduler), func() bool) {
			ch := flow.NewChannel[int]("c", 9)
			flow.Send(flow.FromSlice[int](other, nil), ch)
			s := flow.Fold(flow.Receive(g, ch), maxInt)
			return func(_, aside scheduler) { settle(t, aside) }, func() bool { return flow.Complete(s) }
		}, true},
		{"room", func(t *testing.T, g, other *flow.Graph) (func(_, _ scheduler), func() bool) {
			ch := flow.NewChannel[int]("c", 1)
			flow.Send(fives(g), ch)
			out := flow.Collect(flow.Receive(other, ch))
			got := 0
			return func(_, aside scheduler) {
				settle(t, aside) // the receiver takes what is there, and then asks again
				synctest.Wait()
				settle(t, aside)
			}, func() bool { got += len(out.Take()); return got >= 2 } // a quick sender has sent more
		}, false},
		{"the end of a cycle", func(t *testing.T, g, other *flow.Graph) (func(_, _ scheduler), func() bool) {
			best := across(g, other, flow.Once(g, 50))
			return func(_, aside scheduler) {
				settle(t, aside)
				synctest.Wait()
				settle(t, aside)
			}, func() bool { return flow.Complete(best) }
		}, true},
	}
}

// TestWake: a run that waits goes on whatever comes to it from another goroutine, and by
// nothing else: all that is looked at here happens once the run waits.
func TestWake(t *testing.T) {
	for _, w := range wakers() {
		t.Run(w.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g, other := flow.New("g", flow.Options{}), flow.New("other", flow.Options{})
				act, seen := w.build(t, g, other)
				ss := started(t, g, other)
				ctx, cancel := context.WithCancel(context.Background())
				defer cancel()
				ended := make(chan error, 1)
				go func() { ended <- ss[0].Run(ctx) }()
				synctest.Wait()
				require.Empty(t, ended, "the run waits")
				act(ss[0], ss[1])
				synctest.Wait()
				require.True(t, seen())
				if w.ends {
					require.Len(t, ended, 1)
					require.NoError(t, <-ended)
					return
				}
				require.Empty(t, ended, "the run waits again")
				cancel()
				require.ErrorIs(t, <-ended, flow.ErrCanceled)
			})
		})
	}
}
