package flow_test

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/lattice/flow"
)

// TestTwinConcurrent runs random graphs with a goroutine a scheduler: the outcome is
// that of the plain twin here too.
func TestTwinConcurrent(t *testing.T) {
	for seed := range uint64(60) {
		b, program := randomBuilt(t, seed)
		var all sync.WaitGroup
		errs := make([]error, len(b.graphs))
		var schedulers []*flow.Scheduler
		for _, g := range b.graphs {
			s, err := flow.Start(g)
			require.NoError(t, err)
			schedulers = append(schedulers, s)
		}
		for i, s := range schedulers {
			all.Go(func() { errs[i] = s.Run(context.Background()) })
		}
		for len(b.feeds) > 0 {
			for i := len(b.feeds) - 1; i >= 0; i-- {
				if !b.feeds[i]() {
					b.feeds = slices.Delete(b.feeds, i, i+1)
				}
			}
		}
		all.Wait()
		for _, err := range errs {
			require.NoError(t, err)
		}
		b.check(t, plain(program))
		if t.Failed() {
			t.Logf("seed %d: %+v", seed, program)
			return
		}
	}
}

// TestDeterminism: the same graph with the same input does the same steps.
func TestDeterminism(t *testing.T) {
	trace := func(seed uint64) string {
		b, _ := randomBuilt(t, seed)
		var log []byte
		for i, st := range b.states {
			_, err := flow.Subscribe(st.halved, func(v ints) { log = fmt.Appendln(log, i, sorted(v)) })
			require.NoError(t, err)
		}
		b.run(t)
		for _, o := range b.outputs {
			log = fmt.Appendln(log, o.out.Take())
		}
		return string(log)
	}
	for seed := range uint64(100) {
		require.Equal(t, trace(seed), trace(seed), "seed %d", seed)
	}
}

// TestBackpressure: a channel without room keeps its sender from taking more.
func TestBackpressure(t *testing.T) {
	taken := 0
	endless := iter.Seq[int](func(yield func(int) bool) {
		for taken < 10_000 && yield(taken) {
			taken++
		}
	})
	a, b := flow.New("a", flow.Options{Batch: 2}), flow.New("b", flow.Options{Batch: 2})
	ch := flow.NewChannel[int]("c", 5)
	flow.Send(flow.FromSeq(a, endless), ch)
	out := flow.Collect(flow.Receive(b, ch))
	sa, err := flow.Start(a)
	require.NoError(t, err)
	sb, err := flow.Start(b)
	require.NoError(t, err)
	st, err := sa.Settle(context.Background())
	require.NoError(t, err)
	require.Equal(t, flow.Waiting, st)
	require.LessOrEqual(t, taken, 5+2+2)
	for range 10 {
		_, err = sb.Settle(context.Background())
		require.NoError(t, err)
		st, err = sa.Settle(context.Background())
		require.NoError(t, err)
		require.Equal(t, flow.Waiting, st)
	}
	got := out.Take()
	require.Equal(t, numbers(len(got)), got, "nothing is lost or repeated")
	require.GreaterOrEqual(t, len(got), 40)
	require.LessOrEqual(t, taken-len(got), 5+2+2+2)
	require.NoError(t, sa.Close())
}

// TestCancel: a canceled run says so and can go on.
func TestCancel(t *testing.T) {
	g := flow.New("g", flow.Options{Batch: 1})
	in, d := flow.NewInput[int](g, 3)
	out := flow.Collect(d)
	s, err := flow.Start(g)
	require.NoError(t, err)
	ctx, cancel := context.WithCancelCause(context.Background())
	ended := make(chan error)
	go func() { ended <- s.Run(ctx) }()
	require.NoError(t, in.Push(0))
	cancel(fmt.Errorf("enough"))
	err = <-ended
	require.ErrorIs(t, err, flow.ErrCanceled)
	require.ErrorContains(t, err, "enough")
	_, err = s.Settle(ctx)
	require.ErrorIs(t, err, flow.ErrCanceled)
	require.NoError(t, in.Push(1))
	in.Close()
	require.NoError(t, s.Run(context.Background()))
	require.Equal(t, numbers(2), out.Take())
}

func started(t *testing.T, graphs ...*flow.Graph) []*flow.Scheduler {
	var ss []*flow.Scheduler
	for _, g := range graphs {
		s, err := flow.Start(g)
		require.NoError(t, err)
		ss = append(ss, s)
	}
	return ss
}

// TestIterators: a pipeline as an ordinary iterator takes no more of its source than
// it is asked for, and a batch.
func TestIterators(t *testing.T) {
	taken := 0
	endless := iter.Seq[int](func(yield func(int) bool) {
		for yield(taken) {
			taken++
		}
	})
	g := flow.New("g", flow.Options{Batch: 4})
	out := flow.Collect(flow.Filter(flow.FromSeq(g, endless), func(v int) bool { return v%2 == 0 }))
	for _, err := range out.All(context.Background()) {
		require.ErrorIs(t, err, flow.ErrArgument, "before Start")
	}
	s, err := flow.Start(g)
	require.NoError(t, err)
	var got []int
	for range 2 {
		for v, err := range out.All(context.Background()) {
			require.NoError(t, err)
			if got = append(got, v); len(got)%5 == 0 {
				break
			}
		}
	}
	require.Equal(t, []int{0, 2, 4, 6, 8, 10, 12, 14, 16, 18}, got)
	require.LessOrEqual(t, taken, 24)
	require.NoError(t, s.Close())

	g = flow.New("g", flow.Options{Batch: 4})
	out = flow.Collect(flow.Map(flow.FromSlice(g, numbers(9)), func(v int) int { return 10 / (5 - v) }))
	_, err = flow.Start(g)
	require.NoError(t, err)
	var last error
	for _, err := range out.All(context.Background()) {
		last = err
	}
	require.ErrorIs(t, last, flow.ErrPanic)
}

// TestStepInside: a function of the graph cannot run the graph.
func TestStepInside(t *testing.T) {
	g := flow.New("g", flow.Options{})
	var s *flow.Scheduler
	var inner error
	flow.ForEach(flow.Once(g, 1), func(int) { _, inner = s.Step() })
	s, err := flow.Start(g)
	require.NoError(t, err)
	require.NoError(t, s.Run(context.Background()))
	require.ErrorIs(t, inner, flow.ErrArgument)
}
