package report_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/gen/choice"
	"github.com/joinery-go/joinery/sim"
	"github.com/joinery-go/joinery/sim/net"
	"github.com/joinery-go/joinery/sim/report"
)

// pinger sends to its neighbour at each tick.
type pinger struct{}

func (pinger) Start(c *sim.Context) { c.After(10*sim.Millisecond, 1) }

func (pinger) Receive(c *sim.Context, from sim.NodeID, msg []byte) {}

func (pinger) Timer(c *sim.Context, _ sim.TimerID) {
	c.Send((c.Self()+1)%3, 1, []byte("ping"))
	c.After(10*sim.Millisecond, 1)
}

// faulty answers 1 to a share of what it is asked at some sites.
type faulty struct{ asked map[string]int }

func (f *faulty) Choose(p choice.Point) uint64 {
	f.asked[p.Site]++
	switch n := f.asked[p.Site]; {
	case p.Site == "net.drop" && n == 2, p.Site == "net.duplicate" && n == 4:
		return 1
	case p.Site == "net.partition" && n == 2:
		return 1
	case p.Site == "sim.crash" && n == 4:
		return 3
	}
	return 0
}

// recorded is a world of four nodes, one of which does nothing, with faults.
func recorded(t *testing.T) *sim.World {
	t.Helper()
	network, err := net.New(net.Options{Faults: net.AskAll})
	require.NoError(t, err)
	w, err := sim.New(sim.Options{
		Nodes: 3, Factory: func(sim.NodeID) sim.Actor { return pinger{} }, Source: &faulty{map[string]int{}}, Net: network,
		Crash: sim.CrashOptions{Level: sim.Low}, Trace: sim.TraceOptions{Records: 10_000},
	})
	require.NoError(t, err)
	require.NoError(t, w.Heal(400*sim.Millisecond))
	require.NoError(t, w.RunUntil(500*sim.Millisecond))
	return w
}

// TestWorld: the diagram has what the trace has, with the faults as bands.
func TestWorld(t *testing.T) {
	w := recorded(t)
	d := new(report.Diagram)
	lanes := d.AddWorld(w, report.WorldOptions{KindName: func(sim.MsgKind) string { return "ping" }})
	assert.Equal(t, []int{0, 1, 2}, lanes)
	require.NoError(t, (&report.Page{Title: "pings", Run: d}).Write(new(strings.Builder)))

	records, _ := w.Records()
	count := map[report.Kind]int{}
	for _, e := range d.Events {
		count[e.Kind]++
	}
	want := map[report.Kind]int{report.Lost: len(w.Losses())}
	for i, r := range records {
		switch {
		case r.Kind == sim.EventMessage:
			want[report.Message]++
		case r.Kind == sim.EventTimer:
			want[report.Timer]++
		case r.Kind == sim.EventCrash:
			want[report.Crash]++
		case r.Kind == sim.EventStart:
			want[report.Start]++
		case r.Kind == sim.EventHeal, r.Kind == sim.EventNote && r.Node == sim.None && records[i-1].Kind == sim.EventNetwork:
			want[report.Network]++
		case r.Kind == sim.EventNote:
			want[report.Note]++
		}
	}
	assert.Equal(t, want, count)
	for _, kind := range []report.Kind{report.Message, report.Lost, report.Timer, report.Crash, report.Start, report.Network} {
		assert.NotZero(t, count[kind], kind)
	}
	var bands []string
	for _, b := range d.Bands {
		bands = append(bands, b.Label)
		assert.Less(t, b.From, b.Until, b.Label)
		assert.NotEmpty(t, b.Lanes, b.Label)
	}
	assert.True(t, slices.ContainsFunc(bands, func(s string) bool { return strings.HasPrefix(s, "partition {n") }), "%v", bands)
	assert.True(t, slices.ContainsFunc(bands, func(s string) bool { return strings.HasSuffix(s, " is down") }), "%v", bands)
	assert.True(t, slices.ContainsFunc(d.Events, func(e report.Event) bool {
		return e.Kind == report.Message && e.Fate == "duplicate" && strings.HasSuffix(e.Label, ", duplicate") && strings.HasPrefix(e.Label, "ping 4 B from n")
	}))

	// Notes of the network go by the names of lanes.
	named := new(report.Diagram)
	named.AddWorld(w, report.WorldOptions{Lane: func(n sim.NodeID) report.Lane { return report.Lane{Name: fmt.Sprintf("replica-%d", n)} }})
	for i, b := range named.Bands {
		assert.Equal(t, strings.NewReplacer("n0", "replica-0", "n1", "replica-1", "n2", "replica-2").Replace(d.Bands[i].Label), b.Label)
		assert.Equal(t, []int64{d.Bands[i].From, d.Bands[i].Until}, []int64{b.From, b.Until})
		assert.Equal(t, d.Bands[i].Lanes, b.Lanes)
	}

	// What a host does not show has no lane, unless it sends or gets messages.
	less := new(report.Diagram)
	lanes = less.AddWorld(w, report.WorldOptions{Label: func(r sim.Record) (string, report.Kind, bool) { return "seen", report.Note, r.Kind == sim.EventCrash }})
	assert.Equal(t, []int{0, 1, 2}, lanes)
	for _, e := range less.Events {
		assert.True(t, e.Kind == report.Message || e.Kind == report.Lost || e.Kind == report.Network || e.Kind == report.Note, e.Kind)
	}
}
