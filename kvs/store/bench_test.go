package store_test

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs/store"
	"github.com/joinery-go/joinery/kvs/store/appendlog"
	"github.com/joinery-go/joinery/kvs/store/hybridlog"
	"github.com/joinery-go/joinery/kvs/store/lsm"
	"github.com/joinery-go/joinery/kvs/store/memory"
	"github.com/joinery-go/joinery/kvs/store/pebble"
	"github.com/joinery-go/joinery/kvs/store/workload"
	"github.com/joinery-go/joinery/kvs/store/yardstick"
)

// The work of the benchmarks: values and keys are 16 and 100 bytes.
const (
	benchKeys    = 100_000
	benchUpdates = 1_000_000
	benchValue   = 100
)

// subject is what is measured: an engine, or what engines are measured against.
type subject interface {
	Set(key, value []byte) error
	Get(key []byte) ([]byte, error)
	Close() error
}

// background runs the steps of a queue on a goroutine of its own, as a server does,
// until stop is called.
func background(b *testing.B, q *store.Queue) (stop func()) {
	done, over := make(chan struct{}), sync.WaitGroup{}
	over.Go(func() {
		for {
			select {
			case <-done:
				return
			default:
			}
			ran, err := q.Step()
			if err != nil {
				b.Error(err)
				return
			}
			if !ran {
				time.Sleep(100 * time.Microsecond)
			}
		}
	})
	return func() { close(done); over.Wait() }
}

var subjects = []struct {
	name string
	open func(b *testing.B, o store.Options) (subject, error)
}{
	{"map", func(*testing.B, store.Options) (subject, error) { return yardstick.NewMap() }},
	{"raw-pebble", func(_ *testing.B, o store.Options) (subject, error) { return yardstick.OpenPebble(o.Dir) }},
	{memory.Name, func(_ *testing.B, o store.Options) (subject, error) { return memory.Open(memory.Options{Options: o}) }},
	{appendlog.Name, func(_ *testing.B, o store.Options) (subject, error) {
		return appendlog.Open(appendlog.Options{Options: o})
	}},
	{hybridlog.Name, func(_ *testing.B, o store.Options) (subject, error) {
		return hybridlog.Open(hybridlog.Options{Options: o})
	}},
	{lsm.Name, func(_ *testing.B, o store.Options) (subject, error) { return lsm.Open(lsm.Options{Options: o}) }},
	{pebble.Name, func(_ *testing.B, o store.Options) (subject, error) { return pebble.Open(pebble.Options{Options: o}) }},
}

// loaded opens a subject and sets every key once.
func loaded(b *testing.B, i int, keys [][]byte, values *workload.Values) (s subject, end func()) {
	q, err := store.NewQueue(4)
	require.NoError(b, err)
	stop := background(b, q)
	s, err = subjects[i].open(b, store.Options{Dir: b.TempDir(), Durability: store.None, Scheduler: q})
	require.NoError(b, err)
	for _, k := range keys {
		set(b, s, k, values.Next())
	}
	return s, func() {
		stop()
		require.NoError(b, s.Close())
	}
}

func set(b *testing.B, s subject, key, value []byte) {
	if err := s.Set(key, value); err != nil {
		b.Fatalf("%T: %v", s, err)
	}
}

// drawn are the keys of the benchmark's updates.
func drawn(b *testing.B, n int) []workload.Op {
	w, err := workload.New(workload.Options{Keys: benchKeys, Theta: 0.99, Seed: 1})
	require.NoError(b, err)
	return w.Draw(n)
}

func median(d []float64) float64 {
	slices.Sort(d)
	return d[len(d)/2]
}

// BenchmarkRatios sets a million values and then gets as many, of 100,000 keys by a zipf
// distribution of exponent 0.99, from one goroutine, on every engine and what it is
// measured against, one after the other, nothing synced. An iteration is a round of all.
// It reports the median over the rounds of each one's rates and of their ratio, within
// a round, to those of Pebble with nothing around it and of a map under a lock. What an
// engine leaves to its background runs on a second goroutine, as Pebble's does.
//
// Where others use the machine, who runs on more goroutines is given more of it, and a ratio of
// times says little: so it reports the ratios of processor times of sets too, of the background
// with them.
func BenchmarkRatios(b *testing.B) {
	keys, ops := workload.Keys(benchKeys), drawn(b, benchUpdates)
	values, err := workload.NewValues(1, benchValue)
	require.NoError(b, err)
	sets, gets, work := make([][]float64, len(subjects)), make([][]float64, len(subjects)), make([][]float64, len(subjects))
	for b.Loop() {
		for i := range subjects {
			s, end := loaded(b, i, keys, values)
			start, worked := time.Now(), processTime()
			for _, op := range ops {
				set(b, s, keys[op.Key], values.Next())
			}
			middle := time.Now()
			work[i] = append(work[i], (processTime()-worked).Seconds()/benchUpdates*1e9)
			for _, op := range ops {
				if v, err := s.Get(keys[op.Key]); err != nil || len(v) != benchValue {
					b.Fatal(subjects[i].name, len(v), err)
				}
			}
			sets[i] = append(sets[i], middle.Sub(start).Seconds()/benchUpdates*1e9)
			gets[i] = append(gets[i], time.Since(middle).Seconds()/benchUpdates*1e9)
			end()
		}
	}
	for i, s := range subjects {
		for what, times := range map[string][][]float64{"set": sets, "get": gets, "set-work": work} {
			b.ReportMetric(median(slices.Clone(times[i])), fmt.Sprintf("%s-ns/%s", s.name, what))
			for at, reference := range []string{"map", "pebble"} {
				var ratios []float64
				for round := range times[i] {
					ratios = append(ratios, times[at][round]/times[i][round])
				}
				b.ReportMetric(median(ratios), fmt.Sprintf("%s-%s/%s", s.name, what, reference))
			}
		}
	}
}

// tailed are engines whose files are so small that background merges run all the time.
var tailed = []struct {
	name string
	open func(o store.Options) (store.Engine, error)
}{
	{appendlog.Name, func(o store.Options) (store.Engine, error) {
		return appendlog.Open(appendlog.Options{Options: o, SegmentBytes: 2 << 20})
	}},
	{hybridlog.Name, func(o store.Options) (store.Engine, error) {
		return hybridlog.Open(hybridlog.Options{Options: o, PageBytes: 1 << 20, MutablePages: 2, ReadOnlyPages: 1, FoldPages: 2})
	}},
	{lsm.Name, func(o store.Options) (store.Engine, error) {
		return lsm.Open(lsm.Options{Options: o, MemtableBytes: 1 << 20})
	}},
	{pebble.Name, func(o store.Options) (store.Engine, error) {
		return pebble.Open(pebble.Options{Options: o, MemtableBytes: 1 << 20})
	}},
}

// BenchmarkTail measures each of a million sets by itself while background merges run
// on another goroutine, and reports the median over the runs of the 50th, 99.9th and
// 99.99th percentile and of the longest, and how many merges a run had. A set that gets
// ErrBackpressure is tried again until it is taken, and all that counts as its time.
func BenchmarkTail(b *testing.B) {
	keys, ops := workload.Keys(benchKeys), drawn(b, benchUpdates)
	values, err := workload.NewValues(1, benchValue)
	require.NoError(b, err)
	quantiles := map[string]int{"p50": benchUpdates / 2, "p99.9": benchUpdates / 1000 * 999, "p99.99": benchUpdates / 10000 * 9999, "max": benchUpdates - 1}
	for _, s := range tailed {
		b.Run(s.name, func(b *testing.B) {
			took := make([]time.Duration, benchUpdates)
			of, merges, refused := map[string][]float64{}, int64(0), int64(0)
			for b.Loop() {
				q, err := store.NewQueue(4)
				require.NoError(b, err)
				stop := background(b, q)
				e, err := s.open(store.Options{Dir: b.TempDir(), Durability: store.None, Scheduler: q})
				require.NoError(b, err)
				last := time.Now()
				for i, op := range ops {
					v := values.Next()
					for err = e.Set(keys[op.Key], v); errors.Is(err, store.ErrBackpressure); err = e.Set(keys[op.Key], v) {
						time.Sleep(50 * time.Microsecond)
					}
					if err != nil {
						b.Fatal(err)
					}
					now := time.Now()
					took[i], last = now.Sub(last), now
				}
				stats := e.Stats()
				merges, refused = merges+stats.Merges, refused+stats.Refused
				stop()
				require.NoError(b, e.Close())
				slices.Sort(took)
				for name, at := range quantiles {
					of[name] = append(of[name], took[at].Seconds()*1e6)
				}
			}
			for name := range quantiles {
				b.ReportMetric(median(of[name]), name+"-µs")
			}
			b.ReportMetric(float64(merges)/float64(b.N), "merges")
			b.ReportMetric(float64(refused)/float64(b.N), "refused")
		})
	}
}
