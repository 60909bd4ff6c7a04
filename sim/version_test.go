package sim

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/gen/choice"
)

// versions runs one node of three versions that the host crashes at each of the
// times, in milliseconds, and says which version each life was.
func versions(t *testing.T, o Options, crashes ...Time) (lives []string, w *World) {
	t.Helper()
	made := -1
	program := func(v int) func(NodeID) Actor {
		return func(NodeID) Actor {
			made = v
			return &script{start: func(c *Context) {
				require.Equal(t, v, c.Version())
				require.Equal(t, v, made)
				lives = append(lives, fmt.Sprintf("life %d version %d", c.Incarnation(), c.Version()))
			}}
		}
	}
	o.Nodes, o.Factory, o.Programs = max(o.Nodes, 1), program(0), []func(NodeID) Actor{program(1), program(2)}
	o.Trace.Records = 100
	w = world(t, o)
	for _, at := range crashes {
		require.NoError(t, w.RunUntil(at*Millisecond))
		require.NoError(t, w.Crash(0))
		require.NoError(t, w.Restart(0))
	}
	require.NoError(t, w.RunUntil(Second))
	return lives, w
}

// atRestart is the decision of which version follows the host's crash at a time.
func atRestart(at Time, v uint64) choice.Decision {
	return choice.Decision{Site: "sim.version", Key: branch(crashKey(rootHostCrash, 0, int64(at*Millisecond)), branchVersion), Value: v}
}

func TestANodeComesBackWithAnotherVersion(t *testing.T) {
	low := ProcessFaultOptions{Version: Low}
	up, again, down := atRestart(10, 3), atRestart(20, 3), atRestart(30, 1)
	for _, tc := range []struct {
		tape               []choice.Decision
		want               []int
		decided, effective int64
	}{
		{nil, []int{0, 0, 0, 0}, 0, 0},
		{[]choice.Decision{up}, []int{0, 2, 2, 2}, 1, 1},
		{[]choice.Decision{up, again, down}, []int{0, 2, 2, 0}, 3, 2}, // the same version again changes nothing
		{[]choice.Decision{again, down}, []int{0, 0, 2, 0}, 2, 2},     // what is left is what it was
		{[]choice.Decision{atRestart(20, 2)}, []int{0, 0, 1, 1}, 1, 1},
	} {
		lives, w := versions(t, Options{ProcessFaults: low, Source: choice.NewReplay(tc.tape)}, 10, 20, 30)
		var want []string
		for i, v := range tc.want {
			want = append(want, fmt.Sprintf("life %d version %d", i+1, v))
		}
		require.Equal(t, want, lives)
		require.Equal(t, tc.want[3], w.Version(0))
		require.Equal(t, tc.decided, w.Stats().Decided[Version])
		require.Equal(t, tc.effective, w.Stats().Effective[Version])
	}
}

// TestTheTraceTellsOfAVersion: in a note before the start.
func TestTheTraceTellsOfAVersion(t *testing.T) {
	_, w := versions(t, Options{ProcessFaults: ProcessFaultOptions{Version: Low}, Source: choice.NewReplay([]choice.Decision{atRestart(10, 2)})}, 10)
	records, _ := w.Records()
	require.Len(t, records, 4)
	require.Equal(t, EventCrash, records[1].Kind)
	require.Equal(t, "      10000000  n0   # comes back with version 1 of its program, was 0", records[2].Line(nil))
	require.Equal(t, EventStart, records[3].Kind)
	require.Equal(t, "version", Version.String())
}

// TestVersionsAreAskedOncePerRestart: only at a restart, only of faultyNodes nodes,
// and only while faults last and there is a choice.
func TestVersionsAreAskedOncePerRestart(t *testing.T) {
	asked, rare, n := 0, uint32(0), uint64(0)
	src := sourceFunc(func(p choice.Point) uint64 {
		require.Equal(t, "sim.version", p.Site)
		asked, rare, n = asked+1, p.Rare, p.N
		return 0
	})
	versions(t, Options{ProcessFaults: ProcessFaultOptions{Version: Low}, Source: src}, 10, 20)
	require.Equal(t, 2, asked)
	require.Equal(t, choice.Permille(60), rare)
	require.Equal(t, uint64(4), n)
	versions(t, Options{ProcessFaults: ProcessFaultOptions{Version: Extreme}, Source: src}, 10)
	require.Equal(t, 3, asked)
	require.Equal(t, choice.Permille(480), rare)

	versions(t, Options{Source: src}, 10)
	require.Equal(t, 3, asked, "the class is off")
	w := world(t, Options{Nodes: 1, Factory: same(&script{}), ProcessFaults: ProcessFaultOptions{Version: Low}, Source: src})
	require.NoError(t, w.Crash(0))
	require.NoError(t, w.Restart(0))
	require.NoError(t, w.RunUntil(Second))
	require.Equal(t, 3, asked, "there is one version")

	w = world(t, Options{Nodes: 2, Factory: same(&script{}), Programs: []func(NodeID) Actor{same(&script{})},
		ProcessFaults: ProcessFaultOptions{Version: Low, Nodes: 1}, Source: src})
	require.NoError(t, w.RunUntil(Millisecond))
	require.NoError(t, w.Crash(1))
	require.NoError(t, w.Restart(1))
	require.NoError(t, w.RunUntil(2*Millisecond))
	require.Equal(t, 3, asked, "node 1 has no process faults")
	require.NoError(t, w.Crash(0))
	require.NoError(t, w.Heal(3*Millisecond))
	require.NoError(t, w.RunUntil(Second))
	require.True(t, w.Up(0))
	require.Equal(t, 3, asked, "the world is healed")
	require.Equal(t, 0, w.Version(-1))
	require.Equal(t, 0, w.Version(2))
}

// TestHealingChangesNoVersion: a mix of versions is what is left.
func TestHealingChangesNoVersion(t *testing.T) {
	w := world(t, Options{Nodes: 1, Factory: same(&script{}), Programs: []func(NodeID) Actor{same(&script{})},
		ProcessFaults: ProcessFaultOptions{Version: Low}, Source: choice.NewReplay([]choice.Decision{atRestart(10, 2)})})
	require.NoError(t, w.RunUntil(10*Millisecond))
	require.NoError(t, w.Crash(0))
	require.NoError(t, w.Restart(0))
	require.NoError(t, w.RunUntil(20*Millisecond))
	require.Equal(t, 1, w.Version(0))
	require.NoError(t, w.Crash(0))
	require.NoError(t, w.Heal(30*Millisecond))
	require.NoError(t, w.RunUntil(Second))
	require.Equal(t, 1, w.Version(0))
	require.NoError(t, w.Reset(Options{Nodes: 1, Factory: same(&script{})}))
	require.Equal(t, 0, w.Version(0))
}

// TestOneVersionLeavesEveryTraceAsItWas: neither further programs with the class
// off nor the class without further programs are asked about or move an event.
func TestOneVersionLeavesEveryTraceAsItWas(t *testing.T) {
	run := func(o Options) (uint64, []TimedDecision) {
		o.Nodes, o.Factory, o.Source, o.Decisions = 3, func(NodeID) Actor { return gossiper() }, choice.Seeded(5), true
		o.Crash.Level, o.ProcessFaults.Outage, o.ProcessFaults.MidCrash = Extreme, Extreme, Extreme
		w := world(t, o)
		require.NoError(t, w.RunUntil(10*Second))
		struck := w.Stats().Effective
		require.Greater(t, struck[Crash]+struck[Outage]+struck[MidCrash], int64(10))
		return w.Hash(), w.Decisions()
	}
	hash, decisions := run(Options{})
	for _, o := range []Options{
		{ProcessFaults: ProcessFaultOptions{Version: Extreme}},
		{Programs: []func(NodeID) Actor{func(NodeID) Actor { return gossiper() }}},
	} {
		same, asked := run(o)
		require.Equal(t, hash, same)
		require.Equal(t, decisions, asked)
	}
	// With both, the decisions of other classes stay what they were as well: here the
	// versions do the same.
	same, asked := run(Options{
		ProcessFaults: ProcessFaultOptions{Version: Extreme},
		Programs:      []func(NodeID) Actor{func(NodeID) Actor { return gossiper() }},
	})
	require.Equal(t, hash, same)
	var others []TimedDecision
	for _, d := range asked {
		if d.Site != "sim.version" {
			others = append(others, d)
		}
	}
	require.Less(t, len(others), len(asked))
	require.Equal(t, decisions, others)
}
