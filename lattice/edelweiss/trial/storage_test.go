package trial_test

import (
	"encoding/xml"
	"flag"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/lattice/edelweiss/trial"
	"github.com/joinery-go/joinery/sim"
)

var plots = flag.String("trial-plots", "", "folder for plots of storage over time")

func plot(t *testing.T, name string, samples []trial.Sample) {
	t.Helper()
	var b strings.Builder
	require.NoError(t, trial.WriteSVG(&b, name, samples))
	for d := xml.NewDecoder(strings.NewReader(b.String())); ; {
		if _, err := d.Token(); err == io.EOF {
			break
		} else {
			require.NoError(t, err)
		}
	}
	if *plots != "" {
		require.NoError(t, os.WriteFile(filepath.Join(*plots, name+".svg"), []byte(b.String()), 0o644))
	}
}

// TestCausalStoreHoldsLive: whatever share of the writes are updates, at the end a
// node holds a tuple for each live write, and intervals for each pair of a receiver
// and a writer, however many writes there were.
func TestCausalStoreHoldsLive(t *testing.T) {
	p, r := rewritten(t, "causal_kvs")
	for _, percent := range []int{0, 10, 30, 50, 70, 90} {
		var last trial.Report
		for _, seconds := range []sim.Time{1, 2} {
			report, err := trial.Run(p, r.Program, trial.Updates(percent, 50, seconds*sim.Second),
				trial.Options{Seed: uint64(percent), Alone: true, Samples: true})
			require.NoError(t, err)
			const perNode = 3 + 3 + 9 // ids that were safe, their memory, and acknowledgements, by writer
			assert.Equal(t, 3*perNode, report.Intervals, "%d%%", percent)
			assert.Zero(t, report.Tuples%3, "every node holds the same")
			last = *report
		}
		plot(t, "causal_kvs", last.Samples)
		t.Logf("%d%% updates: %d tuples and %d intervals a node instead of %d tuples", percent, last.Tuples/3, last.Intervals/3, last.Original/3)
	}
}

// TestPartition: while a node is cut off, what it has not acknowledged is kept, and
// grows with time; the first exchange after the cut gives it back.
func TestPartition(t *testing.T) {
	p, r := rewritten(t, "causal_kvs")
	cut := trial.Cut{From: 10 * sim.Second, To: 60 * sim.Second}
	report, err := trial.Run(p, r.Program, trial.Updates(90, 2, 70*sim.Second), trial.Options{
		Seed: 1, Alone: true, Samples: true, Cut: cut, Resend: sim.Second,
	})
	require.NoError(t, err)
	plot(t, "causal_kvs_partition", report.Samples)
	at := func(when sim.Time) trial.Sample {
		last := trial.Sample{}
		for _, s := range report.Samples {
			if s.At <= when {
				last = s
			}
		}
		return last
	}
	before, early, middle, full := at(cut.From), at(cut.From+cut.To/6), at(cut.From+cut.To/3), at(cut.To)
	after := at(cut.To + 2*sim.Second)
	t.Logf("before %v, in the cut %v %v %v, after %v", before, early, middle, full, after)
	assert.Greater(t, early.Tables, before.Tables+10)
	assert.InDelta(t, early.Tables-before.Tables, middle.Tables-early.Tables, float64(middle.Tables-early.Tables)/2, "linear")
	assert.Less(t, 2*after.Tables, full.Tables)
	assert.Greater(t, after.Original, before.Original)
	live := report.Tuples / 3
	assert.LessOrEqual(t, after.Tables, live+40, "back at live and a constant")
}

func TestDeterministic(t *testing.T) {
	p, r := rewritten(t, "kvs")
	for seed := uint64(1); seed < 4; seed++ {
		a, err := trial.Run(p, r.Program, trial.Workloads["kvs"], trial.Options{Seed: seed, Faults: true, Samples: true})
		require.NoError(t, err)
		b, err := trial.Run(p, r.Program, trial.Workloads["kvs"], trial.Options{Seed: seed, Faults: true, Samples: true})
		require.NoError(t, err)
		assert.Equal(t, a, b)
	}
}
