//go:build unix

package linearizability

import (
	"runtime"
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
func processorTime(t *testing.T) time.Duration {
	t.Helper()
	var u syscall.Rusage
	require.NoError(t, syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// timeOf judges once and says what processor time that took and what the heap
// grew to.
func timeOf(t *testing.T, h *history.History, model string) (time.Duration, uint64) {
	t.Helper()
	runtime.GC()
	start := processorTime(t)
	v := mustCheck(t, h, model)
	took := processorTime(t) - start
	require.Equal(t, OK, v.Status, "%v", v)
	var after runtime.MemStats
	runtime.ReadMemStats(&after)
	return took, after.HeapSys
}

// The cost that the project promises; see the messages for the figures.
func TestCost(t *testing.T) {
	if !*long {
		t.Skip("measures; run with -long")
	}
	for _, model := range costly {
		few, many := sized(model, 100_000), sized(model, 1_000_000)
		small, large, heap := time.Hour, time.Hour, uint64(0)
		for range 2 { // the machine has other work: the least is the cost
			took, _ := timeOf(t, few, model)
			small = min(small, took)
			took, heap = timeOf(t, many, model)
			large = min(large, took)
		}
		growth := float64(large) / float64(small)
		t.Logf("%-22s 100k %v, 1M %v: × %.1f, %.0f ns an operation, %.1f ns an operation and session, heap %d MiB", model, small, large, growth,
			float64(large.Nanoseconds())/1e6, float64(large.Nanoseconds())/1e6/float64(benchSessions), heap>>20)
		require.LessOrEqual(t, growth, 13.0, model)
	}
	// The twin is cubic, so that a factor at 2,000 operations is less than that at
	// 10,000, which would take it minutes.
	h := lagging(2_000, benchSessions, 200)
	start := processorTime(t)
	plain, answer := oracle.NewPatterns(h)
	require.Equal(t, oracle.Allowed, answer)
	require.True(t, plain.CC())
	cc := processorTime(t) - start
	require.True(t, plain.CCv())
	ccv := processorTime(t) - start
	for model, twin := range map[string]time.Duration{"cc": cc, "ccv": ccv} {
		fast, _ := timeOf(t, h, model)
		t.Logf("%s at 2k operations: %v, plain twin %v: × %.0f", model, fast, twin, float64(twin)/float64(fast))
		require.Greater(t, twin, 50*fast, model)
	}
	started := time.Now()
	p, err := models.LinearizableRegister().Prepare(saturated(1000, benchSessions))
	require.NoError(t, err)
	result := porcupine.CheckOperationsTimeout(p.Spec, p.Parts[0].Ops, 5*time.Second)
	t.Logf("porcupine alone, 1000 operations of %d saturated clients: %v after %v", benchSessions, result, time.Since(started))
}
