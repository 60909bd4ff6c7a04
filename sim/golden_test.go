package sim_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/gen/choice"
	"github.com/joinery-go/joinery/sim"
	"github.com/joinery-go/joinery/sim/disk"
	simnet "github.com/joinery-go/joinery/sim/net"
)

var update = flag.Bool("update", false, "write golden files anew")

// goldenRun is a small run with every class of fault.
func goldenRun(t *testing.T) *sim.World {
	t.Helper()
	net, err := simnet.New(simnet.Options{Faults: simnet.Faults{
		Drop: sim.Extreme, Duplicate: sim.Extreme, Delay: sim.Extreme, Partition: sim.Extreme}})
	require.NoError(t, err)
	var sent []uint64
	w, err := sim.New(sim.Options{
		Nodes: 2, Source: choice.Seeded(8), Net: net, AssertKeys: true, Decisions: true, DiskFaults: sim.Extreme,
		Crash:    sim.CrashOptions{Level: sim.Extreme, Nodes: 1, Grid: 20 * sim.Millisecond},
		Device:   func(sim.NodeID) sim.Device { return disk.NewLog(disk.Options{Latency: 5 * sim.Millisecond}) },
		Trace:    sim.TraceOptions{Records: 1000},
		KindName: func(k sim.MsgKind) string { return map[sim.MsgKind]string{1: "pass", 2: "ack"}[k] },
		Factory: func(n sim.NodeID) sim.Actor {
			if n == 0 {
				return &primary{sent: &sent}
			}
			return &secondary{seen: map[uint64]bool{}}
		},
	})
	require.NoError(t, err)
	for _, op := range plan(7) {
		require.NoError(t, w.Inject(op.At, 0, op.ID))
	}
	require.NoError(t, w.Heal(150*sim.Millisecond))
	_, err = w.RunUntilQuiet(20 * sim.Second)
	require.NoError(t, err)
	require.Empty(t, verdict(w, sent))
	for c, n := range w.Stats().Effective {
		if sim.Class(c) <= sim.Disk {
			require.Positive(t, n, "%v is part of the picture", sim.Class(c))
		}
	}
	return w
}

// TestGoldenTrace locks the course of that run: keys, hash and text. A difference
// means that tapes made before no longer replay.
func TestGoldenTrace(t *testing.T) {
	w := goldenRun(t)
	var got bytes.Buffer
	for _, d := range w.Decisions() {
		fmt.Fprintf(&got, "%14d  decided %s %016x = %d\n", int64(d.At), d.Site, d.Key, d.Value)
	}
	require.NoError(t, w.WriteTrace(&got))
	golden(t, "trace.txt", got.String(), "run with -update if tapes may break")
}

// golden compares with a file under testdata.
func golden(t *testing.T, name, got, advice string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		require.NoError(t, os.MkdirAll("testdata", 0o755))
		require.NoError(t, os.WriteFile(path, []byte(got), 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(want), got, advice)
}

// TestGoldenDiagram locks the picture of that run.
func TestGoldenDiagram(t *testing.T) {
	w := goldenRun(t)
	var got bytes.Buffer
	require.NoError(t, w.WriteDiagram(&got, sim.DiagramOptions{Lane: func(n sim.NodeID) string {
		return []string{"primary", "second"}[n]
	}}))
	golden(t, "diagram.txt", got.String(), "run with -update if it looks right")

	lost := int64(0)
	for _, l := range w.Losses() {
		if l.Why == "down" {
			lost++
		}
	}
	require.Equal(t, w.Stats().Lost, lost)
}

// TestDiagramBounds draws a part, without timers, and says what it leaves out.
func TestDiagramBounds(t *testing.T) {
	w := goldenRun(t)
	var got bytes.Buffer
	require.NoError(t, w.WriteDiagram(&got, sim.DiagramOptions{
		From: 40 * sim.Millisecond, Until: 60 * sim.Millisecond, NoTimers: true, Rows: 4}))
	lines := strings.Split(strings.TrimSpace(got.String()), "\n")
	require.Len(t, lines, 6, "a head, four rows and a remark")
	require.Contains(t, lines[1], "47.804341ms  ◯       │")
	require.Contains(t, lines[5], "more rows, beyond the bound of 4")
	require.NotContains(t, got.String(), "timer")
	require.Error(t, w.WriteDiagram(failingWriter{}, sim.DiagramOptions{}))
}

type failingWriter struct{}

func (failingWriter) Write([]byte) (int, error) { return 0, os.ErrClosed }
