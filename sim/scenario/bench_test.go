package scenario

import (
	"context"
	"flag"
	"fmt"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/joinery-go/joinery/sim"
)

// The benchmarks of the store hold four things against each other in one process:
// the bare event loop, the whole store under simulation with everything that a
// campaign judges, the same store on goroutines under testing/synctest, and bare
// messages there. They alternate in short slices, so that a busy machine slows all
// of them alike; what counts are the ratios.
const (
	benchSeeds = 120 // seeds 0 to 119: a fifth untagged, a sixth searched by porcupine
	sliceSeeds = 2
	sliceBare  = 50_000 // messages of the bare loop a slice
	gcPercent  = 400    // as simfuzz run sets it
)

// tally adds up what slices did and how long they took: by the clock, in processor
// time, and at best, where each of a round of slices counts with its fastest time,
// since a busy machine makes slices slower and never faster.
type tally struct {
	done  int64
	took  time.Duration
	cpu   time.Duration
	slice []best
	next  int
}

type best struct {
	done int64
	took time.Duration
}

// newTally is a tally of rounds of so many slices.
func newTally(slices int) *tally { return &tally{slice: make([]best, slices)} }

func (y *tally) time(f func() int64) {
	cpu, start := cpuTime(), time.Now()
	n := f()
	took := time.Since(start)
	y.cpu += cpuTime() - cpu
	y.took += took
	y.done += n
	s := &y.slice[y.next%len(y.slice)]
	if s.took == 0 || took < s.took {
		*s = best{n, took}
	}
	y.next++
}

// rate, perCPU and atBest are in millions a second.
func (y *tally) rate() float64   { return float64(y.done) / y.took.Seconds() / 1e6 }
func (y *tally) perCPU() float64 { return float64(y.done) / y.cpu.Seconds() / 1e6 }

func (y *tally) atBest() float64 {
	var sum best
	for _, s := range y.slice {
		sum.done += s.done
		sum.took += s.took
	}
	return float64(sum.done) / sum.took.Seconds() / 1e6
}

// runSeeds runs and judges count seeds from first and returns their deliveries.
func runSeeds(b *testing.B, rn *Runner, first, count int) (deliveries int64) {
	for i := range count {
		res, err := rn.Run(context.Background(), Config{}, uint64((first+i)%benchSeeds))
		if err != nil || len(res.Violations) > 0 {
			b.Fatal(err, res)
		}
		deliveries += res.Deliveries
	}
	return deliveries
}

// BenchmarkStore is the whole store, single-threaded: deliveries are events that
// reached a node, of runs that were judged. bare/store is how many events the bare
// loop handles in the time of one of them, cpu-bare/store the same in processor
// time, and best-bare/store where each slice counts with its fastest time; run a
// thousand iterations for that.
func BenchmarkStore(b *testing.B) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	defer debug.SetGCPercent(debug.SetGCPercent(gcPercent))
	var rn Runner
	runSeeds(b, &rn, 0, benchSeeds) // let slabs and pools grow
	bare, store := newTally(benchSeeds/sliceSeeds), newTally(benchSeeds/sliceSeeds)
	at := 0
	b.ReportAllocs()
	for b.Loop() {
		bare.time(func() int64 { return sim.BareLoop(sliceBare) })
		store.time(func() int64 { return runSeeds(b, &rn, at, sliceSeeds) })
		at += sliceSeeds
	}
	b.ReportMetric(bare.rate(), "bare-Mevents/s")
	b.ReportMetric(store.rate(), "store-Mdeliveries/s")
	b.ReportMetric(bare.rate()/store.rate(), "bare/store")
	b.ReportMetric(store.perCPU(), "cpu-store-Mdeliveries/s")
	b.ReportMetric(bare.perCPU()/store.perCPU(), "cpu-bare/store")
	b.ReportMetric(store.atBest(), "best-store-Mdeliveries/s")
	b.ReportMetric(bare.atBest()/store.atBest(), "best-bare/store")
}

// BenchmarkStoreLength is what an operation costs in runs of 60, 400 and 2,000 of them,
// judging included: linear, if all of them cost the same.
func BenchmarkStoreLength(b *testing.B) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	defer debug.SetGCPercent(debug.SetGCPercent(gcPercent))
	lengths := []int{60, 400, 2000}
	tallies := []*tally{newTally(1), newTally(1), newTally(1)}
	var rn Runner
	seed := uint64(0)
	for b.Loop() {
		for i, n := range lengths {
			tallies[i].time(func() (done int64) {
				for k := range uint64(max(1, 2000/n)) {
					res, err := rn.Run(context.Background(), Config{Operations: n}, seed+k)
					if err != nil || len(res.Violations) > 0 {
						b.Fatal(err, res)
					}
					done += int64(res.Operations)
				}
				return done
			})
		}
		seed += 33
	}
	for i, n := range lengths {
		us := tallies[i].cpu.Seconds() * 1e6 / float64(tallies[i].done)
		b.ReportMetric(us, fmt.Sprintf("µs/op-of-%d", n))
		if i > 0 {
			b.ReportMetric(us*float64(tallies[0].done)/(tallies[0].cpu.Seconds()*1e6), fmt.Sprintf("%d/60", n))
		}
	}
}

// BenchmarkStoreWorld is the store without what comes before and after it: drawing
// the plan, and having the history checked. What is left is the world, with the real
// codec, tags, disks, faults and the oracles that look on, until it has come to rest.
func BenchmarkStoreWorld(b *testing.B) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	defer debug.SetGCPercent(debug.SetGCPercent(gcPercent))
	var rn Runner
	runSeeds(b, &rn, 0, benchSeeds)
	bare, world := newTally(benchSeeds), newTally(benchSeeds)
	at := 0
	for b.Loop() {
		bare.time(func() int64 { return sim.BareLoop(sliceBare) })
		setup, plan, err := rn.planOf(Config{}, uint64(at%benchSeeds), 0)
		if err != nil {
			b.Fatal(err)
		}
		src, err := chooser(Config{}, &setup)()
		if err != nil {
			b.Fatal(err)
		}
		r, err := newRun(&rn.memory, setup, plan)
		if err != nil {
			b.Fatal(err)
		}
		var fences []int64
		world.time(func() int64 {
			fences, err = rn.play(r, src, options{})
			return r.world.Events()
		})
		if err != nil || len(r.failed) > 0 {
			b.Fatal(err, r.failed)
		}
		if len(fences) != 1 {
			b.Fatal("no rest")
		}
		at++
	}
	b.ReportMetric(world.rate(), "world-Mdeliveries/s")
	b.ReportMetric(bare.rate()/world.rate(), "bare/world")
	b.ReportMetric(bare.atBest()/world.atBest(), "best-bare/world")
}

var flatSeeds = flag.Uint64("flat", 200, "seeds of TestStoreMemoryIsFlat")

// TestStoreMemoryIsFlat runs the same seeds by one runner again and again. What the largest
// of them needs is kept, by each buffer of a pool that any of them is given, and since buffers
// are given out in another order each time that takes a few times; then next to nothing is
// added. New seeds would always add something, for the largest so far grows on.
func TestStoreMemoryIsFlat(t *testing.T) {
	var rn Runner
	heapAfter := func() uint64 {
		for seed := range *flatSeeds {
			if _, err := rn.Run(t.Context(), Config{}, seed); err != nil {
				t.Fatal(err)
			}
		}
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	const times = 8
	for range times - 1 {
		heapAfter()
	}
	before, after := heapAfter(), heapAfter()
	t.Logf("%d seeds: heap %d KiB after they ran %d times, %d KiB after once more", *flatSeeds, before>>10, times, after>>10)
	if after > before+(64<<10) {
		t.Errorf("the heap grew from %d to %d KiB", before>>10, after>>10)
	}
	runtime.KeepAlive(&rn)
}

// TestLongRunsLeaveNothing: what a long run has needed is not kept for the next ones, which run as by
// a new runner.
func TestLongRunsLeaveNothing(t *testing.T) {
	var rn Runner
	for _, c := range []struct {
		operations int
		kept       bool
	}{{UsualOperations, true}, {5 * UsualOperations, false}, {UsualOperations, true}} {
		cfg := Config{Operations: c.operations}
		res, err := rn.Run(t.Context(), cfg, 7)
		if err != nil {
			t.Fatal(err)
		}
		if (rn.world != nil) != c.kept || (rn.logs != nil) != c.kept || (rn.replicas != nil) != c.kept {
			t.Errorf("%d operations: a world is kept: %v, and %d disks and %d replicas", c.operations, rn.world != nil, len(rn.logs), len(rn.replicas))
		}
		again, err := Run(t.Context(), cfg, 7)
		if err != nil {
			t.Fatal(err)
		}
		if res.TraceHash != again.TraceHash {
			t.Errorf("%d operations: the trace is %x, and %x by a runner of its own", c.operations, res.TraceHash, again.TraceHash)
		}
	}
}

// workersSeeds are so many that one worker's wait for the other at the end of a
// slice does not count.
const workersSeeds = 40

// BenchmarkStoreWorkers runs the same seeds by one worker and by two, which take the
// next seed when they are done with one, as those of simfuzz do. cpu-two/one is what
// two workers would do on two processors that nobody else uses: twice what a second
// of processor time gives when both run.
func BenchmarkStoreWorkers(b *testing.B) {
	defer debug.SetGCPercent(debug.SetGCPercent(gcPercent))
	runners := make([]Runner, 2)
	first := 0
	work := func(workers int) int64 {
		var wg sync.WaitGroup
		var next, sum atomic.Int64
		for i := range workers {
			wg.Go(func() {
				for n := next.Add(1); n <= workersSeeds; n = next.Add(1) {
					sum.Add(runSeeds(b, &runners[i], first+int(n), 1))
				}
			})
		}
		wg.Wait()
		return sum.Load()
	}
	const slices = benchSeeds / workersSeeds
	one, two := newTally(slices), newTally(slices)
	for b.Loop() {
		one.time(func() int64 { return work(1) })
		two.time(func() int64 { return work(2) })
		first += workersSeeds
	}
	b.ReportMetric(one.rate(), "one-Mdeliveries/s")
	b.ReportMetric(two.rate(), "two-Mdeliveries/s")
	b.ReportMetric(two.rate()/one.rate(), "two/one")
	b.ReportMetric(two.atBest()/one.atBest(), "best-two/one")
	b.ReportMetric(2*two.perCPU()/one.perCPU(), "cpu-two/one")
}

// BenchmarkStoreTwins holds the bare loop and the store against themselves on
// goroutines in virtual time. store/twin compares deliveries a second, of which a
// twin's run has fewer; runs/twin compares whole seeds a second.
func BenchmarkStoreTwins(b *testing.B) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	const slices = benchSeeds / sliceSeeds
	var rn Runner
	var m memory
	bare, bareOn, store, twin := newTally(slices), newTally(slices), newTally(slices), newTally(slices)
	at := 0
	for b.Loop() {
		bare.time(func() int64 { return sim.BareLoop(sliceBare) })
		store.time(func() int64 { return runSeeds(b, &rn, at, sliceSeeds) })
		ok := inTest(func(t *testing.T) {
			bareOn.time(func() (n int64) {
				synctest.Test(t, func(*testing.T) { n = bareTwin(sliceBare / 20) })
				return n
			})
			twin.time(func() (n int64) {
				for i := range sliceSeeds {
					n += runTwin(t, &m, uint64((at+i)%benchSeeds))
				}
				return n
			})
		})
		if !ok {
			b.Fatal("a twin failed")
		}
		at += sliceSeeds
	}
	b.ReportMetric(bareOn.rate(), "bare-twin-Mmessages/s")
	b.ReportMetric(bare.rate()/bareOn.rate(), "bare/bare-twin")
	b.ReportMetric(twin.rate(), "twin-Mdeliveries/s")
	b.ReportMetric(store.rate()/twin.rate(), "store/twin")
	b.ReportMetric(twin.took.Seconds()/store.took.Seconds(), "runs/twin-runs")
}
