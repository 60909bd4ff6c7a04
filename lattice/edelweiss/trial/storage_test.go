package trial_test

import (
	"encoding/xml"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	el "github.com/joinery-go/joinery/lattice/edelweiss"
	"github.com/joinery-go/joinery/lattice/edelweiss/trial"
	"github.com/joinery-go/joinery/sim"
)

var update = flag.Bool("update", false, "write the plots of testdata anew")

// plot draws what node 0 stored and holds the drawing against testdata.
func plot(t *testing.T, name, title string, samples []trial.Sample) {
	t.Helper()
	var b strings.Builder
	require.NoError(t, trial.WriteSVG(&b, title, samples))
	for d := xml.NewDecoder(strings.NewReader(b.String())); ; {
		if _, err := d.Token(); err == io.EOF {
			break
		} else {
			require.NoError(t, err)
		}
	}
	golden := filepath.Join("testdata", name+".svg")
	if *update {
		require.NoError(t, os.MkdirAll("testdata", 0o755))
		require.NoError(t, os.WriteFile(golden, []byte(b.String()), 0o644))
	}
	want, err := os.ReadFile(golden)
	require.NoError(t, err)
	assert.Equal(t, string(want), b.String(), "write it anew with -update if the change is wanted")
}

// TestSteady: what a sender stores does not grow with what it has sent, but by an
// interval for each receiver; the original grows with each message. While a
// receiver is cut off the storage swells.
func TestSteady(t *testing.T) {
	for _, c := range []struct {
		program string
		rate    int
		live    int // tuples at the end
		most    int // intervals
		cut     trial.Cut
	}{
		{"unicast", 20, 0, 1, trial.Cut{From: 4 * sim.Second, To: 6 * sim.Second}},
		{"broadcast_fixed", 20, 0, 2, trial.Cut{From: 4 * sim.Second, To: 6 * sim.Second}},
		{"atomic_registers", 60, 4, 40, trial.Cut{}},
	} {
		t.Run(c.program, func(t *testing.T) {
			p, r := rewritten(t, c.program)
			load, err := trial.Steady(c.program, c.rate, 10*sim.Second)
			require.NoError(t, err)
			report, err := trial.Run(p, r.Program, load, trial.Options{Seed: 1, Alone: true, Samples: true, Cut: c.cut})
			require.NoError(t, err)
			last, most, end := report.Samples[len(report.Samples)-1], 0, trial.Sample{}
			for _, s := range report.Samples {
				most = max(most, s.Tables)
				if s.At < c.cut.From {
					end = s
				}
			}
			t.Logf("at most %d tuples, %d at the end of which %d intervals; the original %d", most, last.Tables, report.Intervals, last.Original)
			assert.LessOrEqual(t, last.Tables, c.live+c.most)
			assert.GreaterOrEqual(t, last.Original, 200)
			if c.cut.To > 0 {
				assert.LessOrEqual(t, end.Tables, c.most+5)
				assert.Greater(t, most, 30)
			} else {
				assert.Less(t, 4*most, last.Original)
			}
			plot(t, c.program, c.program+": tuples of node 0, rewritten (black) and original (red)", report.Samples)
		})
	}
	for _, name := range []string{"", "kvs"} {
		_, err := trial.Steady(name, 1, sim.Second)
		require.ErrorIs(t, err, trial.ErrWorkload)
	}
	_, err := trial.Steady("unicast", 0, sim.Second)
	require.ErrorIs(t, err, trial.ErrWorkload)
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
		plot(t, fmt.Sprintf("causal_kvs_%d", percent), fmt.Sprintf("causal_kvs, %d%% updates: tuples of node 0, rewritten (black) and original (red)", percent),
			last.Samples)
		t.Logf("%d%% updates: %d tuples and %d intervals a node instead of %d tuples", percent, last.Tuples/3, last.Intervals/3, last.Original/3)
	}
}

// TestCausalStoreConstant: what a node stores beside its live writes is a constant,
// whatever the length of the run: three ranges of ids by writer (what was safe, that in
// memory of what was reclaimed, and what each of three receivers acknowledged), an
// interval for each writer. More nodes make it more: n writers, and n times n
// acknowledgements.
func TestCausalStoreConstant(t *testing.T) {
	p, r := rewritten(t, "causal_kvs")
	for _, faults := range []bool{false, true} {
		for _, seconds := range []sim.Time{1, 4, 16} {
			load := trial.Updates(90, 10, seconds*sim.Second)
			report, err := trial.Run(p, r.Program, load, trial.Options{Seed: 2, Faults: faults, Alone: true})
			require.NoError(t, err)
			t.Logf("%d s, faults %v: %d tuples, %d intervals, %d in the original", seconds, faults, report.Tuples, report.Intervals, report.Original)
			const perNode = 3 + 3 + 9
			assert.Equal(t, 3*perNode, report.Intervals, "%d s, faults %v", seconds, faults)
			assert.Equal(t, 3*live(load, 2), report.Tuples)
		}
	}
}

// live counts the keys that a workload writes.
func live(load *trial.Workload, seed uint64) int {
	keys := map[el.Value]bool{}
	for _, op := range trial.Operations(load, seed) {
		keys[op.Facts[0].Tuple[1]] = true
	}
	return len(keys)
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
	plot(t, "causal_kvs_partition", "causal_kvs, a node cut off from 10 s to 60 s: tuples of node 0, rewritten (black) and original (red)", report.Samples)
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
