package lawtest

import (
	"math"
	"testing"
	"time"
)

// Ratio times two ways of doing one thing in turn, within one benchmark, and
// reports the best time of each and their quotient, which a busy machine disturbs
// far less than the times themselves. Each call of library and twin does ops
// operations; before, which may be nil, makes both ready and is not timed.
func Ratio(b *testing.B, ops int, before, library, twin func()) {
	b.Helper()
	b.ReportAllocs()
	bestLibrary, bestTwin := math.Inf(1), math.Inf(1)
	for b.Loop() {
		if before != nil {
			before()
		}
		bestLibrary = min(bestLibrary, timed(library))
		bestTwin = min(bestTwin, timed(twin))
	}
	b.ReportMetric(bestLibrary/float64(ops), "ns/library")
	b.ReportMetric(bestTwin/float64(ops), "ns/twin")
	b.ReportMetric(bestLibrary/bestTwin, "library/twin")
}

func timed(f func()) float64 {
	start := time.Now()
	f()
	return float64(time.Since(start).Nanoseconds())
}
