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

	"github.com/joinery-go/joinery/lattice"
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

func TestInputBounds(t *testing.T) {
	g := flow.New("g", flow.Options{})
	in, d := flow.NewInput[int](g, 3)
	out := flow.Collect(d)
	s, err := flow.Start(g)
	require.NoError(t, err)
	k, err := in.PushAll(0, 1, 2, 3, 4)
	require.Equal(t, 3, k)
	require.ErrorIs(t, err, flow.ErrFull)
	require.ErrorContains(t, err, "input#0")
	require.ErrorIs(t, in.Push(9), flow.ErrFull)
	_, err = s.Settle(context.Background())
	require.NoError(t, err)
	require.NoError(t, in.Push(3))
	in.Close()
	require.ErrorIs(t, in.Push(4), flow.ErrClosed)
	require.NoError(t, s.Run(context.Background()))
	require.Equal(t, numbers(4), out.Take(), "what was accepted before Close is handed on")
}

// TestPushWakes: a run that waits goes on when an input is fed.
func TestPushWakes(t *testing.T) {
	g := flow.New("g", flow.Options{})
	in, d := flow.NewInput[int](g, 3)
	seen := make(chan int)
	flow.ForEach(d, func(v int) { seen <- v })
	s, err := flow.Start(g)
	require.NoError(t, err)
	ended := make(chan error)
	go func() { ended <- s.Run(context.Background()) }()
	for v := range 200 { // mostly the run waits when the next comes
		require.NoError(t, in.Push(v))
		require.Equal(t, v, <-seen)
	}
	in.Close()
	require.NoError(t, <-ended)
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

// across is a cycle through two graphs, fed by d, that counts up to 50.
func across(a, b *flow.Graph, d flow.Delta[int]) flow.State[int] {
	best, elements := acrossToo(a, b, d)
	flow.Collect(elements)
	return best
}

// acrossToo is across with its elements too.
func acrossToo(a, b *flow.Graph, d flow.Delta[int]) (flow.State[int], flow.Delta[int]) {
	there, back := flow.NewChannel[int]("there", 4), flow.NewChannel[int]("back", 4)
	ways := flow.Tee(flow.Unique(flow.Union(d, flow.Receive(a, back))), 3)
	flow.Send(ways[0], there)
	flow.Send(flow.Map(flow.Receive(b, there), func(v int) int { return min(v+1, 50) }), back)
	return flow.Fold(ways[1], maxInt), ways[2]
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

// settled runs schedulers in turn until none of them works any more.
func settled(t *testing.T, ss ...*flow.Scheduler) (last []flow.Status) {
	for range 300 {
		last = nil
		for _, s := range ss {
			st, err := s.Settle(context.Background())
			require.NoError(t, err)
			last = append(last, st)
		}
	}
	return last
}

// TestCycleAcrossSchedulers: a cycle through two schedulers comes to rest, which whoever
// is the last to run sees, and then its states are final. It does so whoever runs first,
// and on goroutines.
func TestCycleAcrossSchedulers(t *testing.T) {
	for _, turned := range []bool{false, true} {
		a, b := flow.New("a", flow.Options{Batch: 2}), flow.New("b", flow.Options{Batch: 3})
		best := across(a, b, flow.Once(a, 1))
		ss := started(t, a, b)
		if turned {
			slices.Reverse(ss)
		}
		require.Equal(t, []flow.Status{flow.Finished, flow.Finished}, settled(t, ss...))
		require.Equal(t, 50, must(flow.Read(best)))
		require.True(t, flow.Complete(best))
	}
	for range 20 {
		a, b := flow.New("a", flow.Options{Batch: 2}), flow.New("b", flow.Options{Batch: 1})
		best := across(a, b, flow.FromSlice(a, []int{1, 7, 3}))
		ended := make(chan error)
		for _, s := range started(t, a, b) {
			go func() { ended <- s.Run(context.Background()) }()
		}
		require.NoError(t, <-ended)
		require.NoError(t, <-ended)
		require.Equal(t, 50, must(flow.Read(best)))
		require.True(t, flow.Complete(best))
	}
}

// TestCycleWaits: a cycle through channels does not end while something may still come to
// it, or one of its schedulers has not run; and what it feeds ends after it.
func TestCycleWaits(t *testing.T) {
	a, b, c := flow.New("a", flow.Options{Batch: 2}), flow.New("b", flow.Options{}), flow.New("c", flow.Options{})
	in, d := flow.NewInput[int](a, 10)
	best, elements := acrossToo(a, b, d)
	first := flow.NewChannel[int]("first", 4)
	flow.Send(elements, first)
	// A second cycle, fed by the first.
	second := across(b, c, flow.Receive(b, first))
	ss := started(t, a, b, c)
	require.NoError(t, in.Push(40))
	waits := []flow.Status{flow.Waiting, flow.Waiting, flow.Waiting}
	require.Equal(t, waits[:2], settled(t, ss[:2]...))
	require.Equal(t, waits, settled(t, ss...))
	require.Equal(t, 50, must(flow.Read(best)))
	require.False(t, flow.Complete(best))
	in.Close()
	require.Equal(t, []flow.Status{flow.Finished, flow.Finished, flow.Finished}, settled(t, ss...))
	require.True(t, flow.Complete(best))
	require.True(t, flow.Complete(second))
}

// TestCycleWaitsForAll: a scheduler that was never run keeps the cycle from ending.
func TestCycleWaitsForAll(t *testing.T) {
	a, b := flow.New("a", flow.Options{}), flow.New("b", flow.Options{})
	best, elements := acrossToo(a, b, flow.Once(a, 48))
	aside := flow.NewChannel[int]("aside", 100)
	flow.Send(elements, aside)
	c := flow.New("c", flow.Options{})
	out := flow.Collect(flow.Receive(c, aside))
	ss := started(t, a, b, c)
	require.Equal(t, []flow.Status{flow.Waiting, flow.Waiting}, settled(t, ss[:2]...))
	require.False(t, flow.Complete(best))
	require.Equal(t, []flow.Status{flow.Finished, flow.Finished, flow.Finished}, settled(t, ss...))
	require.Equal(t, []int{48, 49, 50}, out.Take())
	require.True(t, flow.Complete(best))
}

// TestCycleOfOneGraph: a channel may lead back to the graph that sends into it.
func TestCycleOfOneGraph(t *testing.T) {
	g := flow.New("g", flow.Options{})
	best := across(g, g, flow.Once(g, 3))
	require.Equal(t, []flow.Status{flow.Finished}, settled(t, started(t, g)...))
	require.True(t, flow.Complete(best))
	require.Equal(t, 50, must(flow.Read(best)))
}

// TestCycleWithoutMergeAcross: a cycle on which nothing merges is refused although it leads
// through channels, and so is a seal that waits for itself there.
func TestCycleWithoutMergeAcross(t *testing.T) {
	a, b := flow.New("a", flow.Options{}), flow.New("b", flow.Options{})
	there, back := flow.NewChannel[int]("there", 4), flow.NewChannel[int]("back", 4)
	flow.Send(flow.Union(flow.Once(a, 1), flow.Receive(a, back)), there)
	flow.Send(flow.Receive(b, there), back)
	err := flow.Verify(a).Err()
	require.ErrorIs(t, err, flow.ErrCycle)
	require.ErrorContains(t, err, `receive#1 "back" → union#2 → send#3 "there" → receive#0 "there" → send#1 "back"`)

	a, b = flow.New("a", flow.Options{}), flow.New("b", flow.Options{})
	there, back = flow.NewChannel[int]("there", 4), flow.NewChannel[int]("back", 4)
	flow.Send(flow.Changes(flow.Seal(flow.Fold(flow.Receive(a, back), maxInt))), there)
	flow.Send(flow.Receive(b, there), back)
	require.ErrorIs(t, flow.Verify(a).Err(), flow.ErrCycle)
}

// TestLoopWaits: a loop that is at rest is not at its end while what feeds it is open.
func TestLoopWaits(t *testing.T) {
	g := flow.New("g", flow.Options{})
	in, d := flow.NewInput[int](g, 10)
	loop, again := flow.NewLoop[int](g)
	ways := flow.Tee(flow.Unique(flow.Union(d, again)), 2)
	loop.Close(flow.Filter(flow.Map(ways[0], func(v int) int { return v + 1 }), func(v int) bool { return v%10 != 0 }))
	out := flow.Collect(ways[1])
	s, err := flow.Start(g)
	require.NoError(t, err)
	for _, v := range []int{7, 17} {
		require.NoError(t, in.Push(v))
		st, err := s.Settle(context.Background())
		require.NoError(t, err)
		require.Equal(t, flow.Waiting, st)
		require.Equal(t, []int{v, v + 1, v + 2}, out.Take())
	}
	in.Close()
	st, err := s.Settle(context.Background())
	require.NoError(t, err)
	require.Equal(t, flow.Finished, st)
	require.Empty(t, out.Take())
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

// TestDebounce: bursts become one growth; a long burst is cut.
func TestDebounce(t *testing.T) {
	g := flow.New("g", flow.Options{Batch: 1})
	in, d := flow.NewInput[int](g, 100)
	s := flow.Fold(d, lattice.MaxFrom(0))
	var got []int
	_, err := flow.Subscribe(flow.Debounce(s, 4), func(v int) { got = append(got, v) })
	require.NoError(t, err)
	r, err := flow.Start(g)
	require.NoError(t, err)
	for _, burst := range [][]int{{}, {1, 2, 3}, {4}, {5, 6, 7, 8, 9, 10}} {
		_, err := in.PushAll(burst...)
		require.NoError(t, err)
		_, err = r.Settle(context.Background())
		require.NoError(t, err)
	}
	require.Equal(t, []int{0, 3, 4, 8, 10}, got)
}

// TestTop: an edge at ⊤ is final although its input goes on.
func TestTop(t *testing.T) {
	g := flow.New("g", flow.Options{Batch: 1})
	in, d := flow.NewInput[bool](g, 9)
	s := flow.Fold(d, lattice.Or())
	top := flow.Top(s)
	sealed := flow.Seal(top)
	r, err := flow.Start(g)
	require.NoError(t, err)
	for _, v := range []bool{false, true, false} {
		require.Equal(t, flow.Complete(top), flow.Complete(sealed))
		require.NoError(t, in.Push(v))
		_, err = r.Settle(context.Background())
		require.NoError(t, err)
		_, open := flow.Read(sealed)
		require.Equal(t, flow.Complete(top), open)
	}
	require.True(t, flow.Complete(top))
	require.False(t, flow.Complete(s))
	require.True(t, must(flow.Read(sealed)))
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

// network is a link that drops, duplicates and reorders.
type network struct {
	rng     *rand.Rand
	packets [][]byte
	lossy   bool
}

func (n *network) send(p []byte) {
	if n.lossy && n.rng.IntN(3) == 0 {
		return
	}
	for range 1 + n.rng.IntN(2) {
		n.packets = append(n.packets, p)
	}
}

// deliver delivers some packet, and may keep it for another time.
func (n *network) deliver(to func([]byte)) {
	if len(n.packets) == 0 {
		return
	}
	i := n.rng.IntN(len(n.packets))
	p := n.packets[i]
	if n.rng.IntN(4) > 0 {
		n.packets = slices.Delete(n.packets, i, i+1)
	}
	to(p)
}

// TestNetworkChannel: over a link that drops, duplicates and reorders, the state at
// the other end only rises, and ends as the sender's. Stale acknowledgements and
// stale packets of an earlier life of the sender change nothing.
func TestNetworkChannel(t *testing.T) {
	for seed := range uint64(300) {
		rng := rand.New(rand.NewPCG(seed, 3))
		there, back := &network{rng: rng, lossy: true}, &network{rng: rng, lossy: true}
		far := flow.New("far", flow.Options{})
		inbox, copied := flow.Subscribed(far, sets, 1000)
		w := &watch{}
		_, err := flow.Subscribe(copied, func(v ints) { w.told(t, v) })
		require.NoError(t, err)
		receiver, err := flow.Start(far)
		require.NoError(t, err)
		want := ints{}
		for life := range uint64(2) {
			near := flow.New("near", flow.Options{Batch: 1})
			in, d := flow.NewInput[int](near, 100)
			state := gather(d)
			outbox := flow.Publish(state, life)
			sender, err := flow.Start(near)
			require.NoError(t, err)
			rest := rng.IntN(15)
			for ticks := 0; ticks < 30 || outbox.Pending() || rest > 0; ticks++ {
				if rest > 0 && rng.IntN(2) == 0 {
					v := rng.IntN(61)
					require.NoError(t, in.Push(v))
					want[v] = struct{}{}
					rest--
				}
				if rest == 0 && life == 1 {
					in.Close()
				}
				_, err = sender.Settle(context.Background())
				require.NoError(t, err)
				if p, ok := outbox.Packet(); ok && rng.IntN(2) == 0 {
					there.send(p)
				}
				there.deliver(func(p []byte) {
					ack, err := inbox.Deliver(p)
					require.NoError(t, err)
					back.send(ack)
				})
				back.deliver(func(p []byte) { require.NoError(t, outbox.Acknowledge(p)) })
				_, err = receiver.Settle(context.Background())
				require.NoError(t, err)
			}
			require.Subset(t, sorted(must(flow.Read(copied))), sorted(must(flow.Read(state))), "what is acknowledged is there")
			outbox.Reset()
			require.True(t, outbox.Pending())
		}
		require.Equal(t, sorted(want), sorted(must(flow.Read(copied))))
		require.Equal(t, sorted(want), sorted(w.last))
		require.True(t, flow.Complete(copied))
	}
}

func TestPackets(t *testing.T) {
	near, far := flow.New("near", flow.Options{}), flow.New("far", flow.Options{})
	outbox := flow.Publish(flow.Const(near, setOf(1, 2), sets), 7)
	inbox, _ := flow.Subscribed(far, sets, 100)
	p, ok := outbox.Packet()
	require.True(t, ok)
	ack, err := inbox.Deliver(p)
	require.NoError(t, err)
	for i := range p {
		for bit := range 8 {
			bad := slices.Clone(p)
			bad[i] ^= 1 << bit
			_, err := inbox.Deliver(bad)
			require.ErrorIs(t, err, flow.ErrPacket)
			_, err = inbox.Deliver(p[:i])
			require.ErrorIs(t, err, flow.ErrPacket)
		}
	}
	_, err = inbox.Deliver(make([]byte, 101))
	require.ErrorIs(t, err, flow.ErrBound)
	require.ErrorIs(t, outbox.Acknowledge(p), flow.ErrPacket)
	require.ErrorIs(t, outbox.Acknowledge(nil), flow.ErrPacket)
	require.True(t, outbox.Pending())
	other := flow.Publish(flow.Const(near, setOf(1, 2), sets), 8)
	require.NoError(t, other.Acknowledge(ack))
	require.True(t, other.Pending(), "an acknowledgement of another life")
	require.NoError(t, outbox.Acknowledge(ack))
	require.False(t, outbox.Pending())
	_, ok = outbox.Packet()
	require.False(t, ok)
}

// TestPacketsAcknowledgedLate: an older acknowledgement that comes after a newer one takes
// nothing back.
func TestPacketsAcknowledgedLate(t *testing.T) {
	near, far := flow.New("near", flow.Options{}), flow.New("far", flow.Options{})
	in, d := flow.NewInput[int](near, 1)
	outbox := flow.Publish(flow.Fold(d, maxInt), 1)
	inbox, _ := flow.Subscribed(far, maxInt, 100)
	s, err := flow.Start(near)
	require.NoError(t, err)
	var acks [][]byte
	for v := range 2 {
		require.NoError(t, in.Push(v))
		_, err = s.Settle(context.Background())
		require.NoError(t, err)
		p, ok := outbox.Packet()
		require.True(t, ok)
		ack, err := inbox.Deliver(p)
		require.NoError(t, err)
		acks = append(acks, ack)
	}
	require.NoError(t, outbox.Acknowledge(acks[0]))
	require.True(t, outbox.Pending(), "the newer value is not acknowledged")
	require.NoError(t, outbox.Acknowledge(acks[1]))
	require.NoError(t, outbox.Acknowledge(acks[0]))
	require.False(t, outbox.Pending())
}

// TestPacketsOfNothing: a state that ends without a value ends so at the other end.
func TestPacketsOfNothing(t *testing.T) {
	near, far := flow.New("near", flow.Options{}), flow.New("far", flow.Options{})
	m := lattice.Min[string]()
	outbox := flow.Publish(flow.Fold(flow.FromSlice[string](near, nil), m), 1)
	inbox, copied := flow.Subscribed(far, m, 100)
	_, ok := outbox.Packet()
	require.False(t, ok, "there is nothing to say yet")
	run(t, near)
	p, ok := outbox.Packet()
	require.True(t, ok)
	_, err := inbox.Deliver(p)
	require.NoError(t, err)
	run(t, far)
	_, ok = flow.Read(copied)
	require.False(t, ok)
	require.True(t, flow.Complete(copied))
}

// FuzzDeliver: whatever bytes come, no panic, and no value but those of good packets.
func FuzzDeliver(f *testing.F) {
	near := flow.New("near", flow.Options{})
	outbox := flow.Publish(flow.Const(near, setOf(1, 2), sets), 7)
	p, _ := outbox.Packet()
	f.Add(p)
	f.Add(p[4:])
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, data []byte) {
		far := flow.New("far", flow.Options{})
		inbox, s := flow.Subscribed(far, sets, 1000)
		// With the checksum that the bytes after it have, the rest is reached.
		sealed := flow.WithChecksum(data)
		for _, p := range [][]byte{data, sealed} {
			if _, err := inbox.Deliver(p); err != nil {
				require.True(t, errors.Is(err, flow.ErrPacket) || errors.Is(err, flow.ErrBound), "%v", err)
			}
			if err := outbox.Acknowledge(p); err != nil {
				require.ErrorIs(t, err, flow.ErrPacket)
			}
		}
		r, err := flow.Start(far)
		require.NoError(t, err)
		_, err = r.Settle(context.Background())
		require.NoError(t, err)
		v, _ := flow.Read(s)
		require.LessOrEqual(t, len(v), len(data))
	})
}
