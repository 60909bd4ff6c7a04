package linearizability

import (
	"flag"
	"os"
	"runtime/debug"
	"testing"
)

// TestMain has the collector run less often: the tests make many small histories, and
// nearly nothing of them stays. Benchmarks are left alone.
func TestMain(m *testing.M) {
	flag.Parse()
	if flag.Lookup("test.bench").Value.String() == "" {
		debug.SetGCPercent(800)
	}
	os.Exit(m.Run())
}
