//go:build unix

package linearizability

import (
	"context"
	"runtime"
	"runtime/metrics"
	"syscall"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/linearizability/history"
	"github.com/joinery-go/joinery/models"
	"github.com/joinery-go/joinery/models/oracle"
)

// processorTime is what this process has used so far: other work on the machine
// does not count.
func processorTime(t testing.TB) time.Duration {
	t.Helper()
	var u syscall.Rusage
	require.NoError(t, syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// timeOf judges once, which must hold, and returns the processor time of that.
func timeOf(t testing.TB, h *history.History, model string) time.Duration {
	t.Helper()
	runtime.GC()
	start := processorTime(t)
	v, err := Judge(context.Background(), h, model, Budget{})
	took := processorTime(t) - start
	require.NoError(t, err)
	require.Equal(t, OK, v.Status, "%v", v)
	return took
}

// heap is what the heap holds, garbage not yet collected included, in bytes.
func heap() uint64 {
	sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}

// peakOf returns the largest heap while do runs.
func peakOf(do func()) uint64 {
	stop, done := make(chan struct{}), make(chan uint64)
	go func() {
		peak := heap()
		for {
			select {
			case <-stop:
				done <- peak
				return
			case <-time.After(2 * time.Millisecond):
				peak = max(peak, heap())
			}
		}
	}()
	do()
	close(stop)
	return <-done
}

const mebi = 1 << 20

// The cost that the project promises, all in one run: a million operations by each
// of the polynomial checkers, with what ten times as many operations cost, and
// where the general ones stop. Times are processor time, so that other work on
// the machine does not count; the least of three, for the same reason.
func BenchmarkCost(b *testing.B) {
	for _, model := range costly {
		b.Run(model, func(b *testing.B) {
			few, many := sized(model, 100_000), sized(model, 1_000_000)
			small := time.Hour
			for range 3 {
				small = min(small, timeOf(b, few, model))
			}
			runtime.GC()
			before, large := heap(), time.Hour
			var peak uint64
			b.ReportAllocs()
			for b.Loop() {
				peak = max(peak, peakOf(func() { large = min(large, timeOf(b, many, model)) }))
			}
			for range 2 {
				large = min(large, timeOf(b, many, model))
			}
			perOp := float64(large.Nanoseconds()) / 1e6
			b.ReportMetric(perOp, "ns/operation")
			b.ReportMetric(perOp/float64(benchSessions), "ns/operation/session")
			b.ReportMetric(float64(large)/float64(small), "×-from-100k")
			b.ReportMetric(float64(peak)/mebi, "peak-MiB")
			b.ReportMetric(float64(before)/mebi, "MiB-before")
		})
	}
	// Porcupine alone on a thousandth of what zones decide.
	b.Run("porcupine-of-1000-saturated", func(b *testing.B) {
		const budget = 10 * time.Second
		finished := 0.0
		for b.Loop() {
			p, err := models.LinearizableRegister().Prepare(saturated(1000, benchSessions))
			require.NoError(b, err)
			if porcupine.CheckOperationsTimeout(p.Spec, p.Parts[0].Ops, budget) != porcupine.Unknown {
				finished++
			}
		}
		b.ReportMetric(finished/float64(b.N), "finished")
	})
}

// How many times longer the plain twin takes, which closes matrices. It is cubic:
// at 10,000 operations, with -long, it takes minutes.
func BenchmarkTwin(b *testing.B) {
	n := 2_000
	if *long {
		n = 10_000
	}
	h := lagging(n, benchSessions, 200)
	for model, holds := range map[string]func(*oracle.Patterns) bool{"cc": (*oracle.Patterns).CC, "ccv": (*oracle.Patterns).CCv} {
		b.Run(model, func(b *testing.B) {
			fast := time.Hour
			for range 5 {
				fast = min(fast, timeOf(b, h, model))
			}
			twin := time.Hour
			for b.Loop() {
				start := processorTime(b)
				plain, answer := oracle.NewPatterns(h)
				require.Equal(b, oracle.Allowed, answer)
				require.True(b, holds(plain))
				twin = min(twin, processorTime(b)-start)
			}
			b.ReportMetric(float64(n), "operations")
			b.ReportMetric(float64(fast.Microseconds()), "µs-fast")
			b.ReportMetric(float64(twin)/float64(fast), "×-twin")
		})
	}
}
