package sim

import (
	"flag"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/gen/choice"
)

// The twins pass two tokens a node around a ring of five, each hop taking a
// millisecond of virtual time: by the bare typed wheel, by a world, and by
// goroutines in a bubble of testing/synctest.
const (
	twinNodes  = bareNodes
	twinTokens = bareTokens
)

func BenchmarkBareLoop(b *testing.B) {
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		n += 1000
		if BareLoop(1000) != 1000 {
			b.Fatal("messages were lost")
		}
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds()/1e6, "Mevents/s")
}

// ring passes what it gets on.
type ring struct{}

func (ring) Start(c *Context) {
	for range 2 {
		c.Send((c.Self()+1)%twinNodes, 1, []byte("token"))
	}
}
func (ring) Receive(c *Context, _ NodeID, m []byte) { c.Send((c.Self()+1)%twinNodes, 1, m) }
func (ring) Timer(*Context, TimerID)                {}

func ringWorld(t testing.TB, w *World, messages int64) {
	err := w.Reset(Options{Nodes: twinNodes, Factory: func(NodeID) Actor { return ring{} }})
	require.NoError(t, err)
	for w.stats.Messages < messages {
		if _, err := w.Step(); err != nil {
			t.Fatal(err)
		}
	}
}

// goroutines passes n messages among goroutines in virtual time, or, without
// latency, over bare channels.
func goroutines(n int64, latency time.Duration) (handled int64) {
	var chans [twinNodes]chan []byte
	for i := range chans {
		chans[i] = make(chan []byte, twinTokens)
	}
	var wg sync.WaitGroup
	counts := [twinNodes]int64{}
	for i := range chans {
		wg.Go(func() {
			for m := range chans[i] {
				if counts[i]++; counts[i] == n/twinNodes {
					return
				}
				if latency > 0 {
					time.Sleep(latency)
				}
				chans[(i+1)%twinNodes] <- m
			}
		})
	}
	for i := range twinTokens {
		chans[i%twinNodes] <- []byte("token")
	}
	wg.Wait()
	for _, c := range counts {
		handled += c
	}
	return handled
}

// fastest is the least time of three tries.
func fastest(try func()) time.Duration {
	best := time.Hour
	for range 3 {
		start := time.Now()
		try()
		best = min(best, time.Since(start))
	}
	return best
}

// TestTheLoopIsFasterThanItsTwinOfGoroutines compares the three. The bound is far
// below what is measured, since the machine may be busy.
func TestTheLoopIsFasterThanItsTwinOfGoroutines(t *testing.T) {
	const n = 100_000
	rate := func(d time.Duration) float64 { return n / d.Seconds() / 1e6 }
	bare := fastest(func() { require.Equal(t, int64(n), BareLoop(n)) })
	var w World
	world := fastest(func() { ringWorld(t, &w, n) })
	twin := func(latency time.Duration) (best time.Duration) {
		return fastest(func() {
			synctest.Test(t, func(t *testing.T) {
				if got := goroutines(n, latency); got != n {
					t.Errorf("%d of %d messages", got, n)
				}
			})
		})
	}
	timed, channels := twin(time.Millisecond), twin(0)
	t.Logf("million messages a second: bare loop %.1f, world %.1f, goroutines in virtual time %.2f, over bare channels %.2f",
		rate(bare), rate(world), rate(timed), rate(channels))
	t.Logf("bare loop / goroutines in virtual time %.1f, / bare channels %.1f", timed.Seconds()/bare.Seconds(), channels.Seconds()/bare.Seconds())
	require.Greater(t, timed, 2*bare)
}

// BenchmarkWorkers runs worlds of their own in one and in two workers.
func BenchmarkWorkers(b *testing.B) {
	for _, workers := range []int{1, 2} {
		b.Run([]string{"one", "two"}[workers-1], func(b *testing.B) {
			const messages = 50_000
			worlds := make([]World, workers)
			rounds := 0
			for b.Loop() {
				rounds++
				var wg sync.WaitGroup
				for i := range worlds {
					wg.Go(func() { ringWorld(b, &worlds[i], messages) })
				}
				wg.Wait()
			}
			b.ReportMetric(float64(rounds*workers*messages)/b.Elapsed().Seconds()/1e6, "Mevents/s")
		})
	}
}

var flatSeeds = flag.Uint64("flat", 3000, "seeds of TestMemoryIsFlat")

// TestMemoryIsFlat runs many seeds with faults in one world: after the first of
// them the heap grows no more.
func TestMemoryIsFlat(t *testing.T) {
	var w World
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	var early uint64
	for seed := range *flatSeeds {
		err := w.Reset(Options{Nodes: twinNodes, Factory: func(NodeID) Actor { return gossiper() }, Source: choice.Seeded(seed),
			Crash: CrashOptions{Level: Extreme}, Decisions: true,
			ProcessFaults: ProcessFaultOptions{Clock: Extreme, Pause: Extreme, Slow: Extreme, Outage: Extreme, MidCrash: Extreme}})
		require.NoError(t, err)
		require.NoError(t, w.RunUntil(300*Millisecond))
		if seed == *flatSeeds/4 {
			early = heap()
		}
	}
	late := heap()
	t.Logf("%d seeds: heap %d KiB after a quarter, %d KiB in the end", *flatSeeds, early>>10, late>>10)
	require.Less(t, late, early+(1<<20))
}
