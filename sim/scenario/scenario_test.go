package scenario_test

import (
	"bytes"
	"context"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs/session"
	"github.com/joinery-go/joinery/linearizability/history"
	"github.com/joinery-go/joinery/sim"
	"github.com/joinery-go/joinery/sim/scenario"
	"github.com/joinery-go/joinery/sim/scenario/workload"
)

var update = flag.Bool("update", false, "write the example tape and its hash anew")

// TestCampaign is the false-alarm test: the store that ships holds everything it
// promises on every seed, and every seed is worth running.
func TestCampaign(t *testing.T) {
	const seeds = 1000
	effective := make([]int, len(scenario.FaultClasses()))
	decided, undecided, levels := 0, 0, make(map[session.Level]int)
	issued, under := int64(0), int64(0)
	marks := map[string]bool{}
	var rn scenario.Runner
	for seed := range uint64(seeds) {
		res, err := rn.Run(t.Context(), scenario.Config{}, seed)
		require.NoError(t, err)
		require.Empty(t, res.Violations, "seed %d", seed)
		assert.GreaterOrEqual(t, res.Setup.Nodes, 3)
		assert.GreaterOrEqual(t, res.Operations, int64(20))
		assert.Contains(t, res.FaultEffective, true, "seed %d: no fault took effect", seed)
		assert.Positive(t, res.Concurrent, "seed %d: no read after concurrent writes", seed)
		issued, under = issued+res.Operations, under+res.UnderFaults
		for c, yes := range res.FaultEffective {
			if yes {
				effective[c]++
			}
		}
		for _, m := range res.Marks {
			marks[m] = true
		}
		level, err := session.ParseLevel(res.Setup.Level)
		require.NoError(t, err)
		levels[level]++
		assert.Equal(t, seed%5 == 0 || level.Transactional(), !res.Setup.Tagged, "seed %d: a fifth is untagged, and transactions are", seed)
		decided += res.Porcupine
		undecided += res.Undecided
	}
	for c, n := range effective {
		least := seeds / 100
		switch class := sim.Class(c); {
		case !scenario.Supported(class):
			assert.Zero(t, n, "%v is never drawn", class)
			continue
		case class < sim.NumClasses:
			least = seeds / 20
		}
		assert.Greater(t, n, least, "%s faults took effect in %d of %d seeds", scenario.FaultClasses()[c], n, seeds)
	}
	for _, name := range session.Levels() {
		level, err := session.ParseLevel(name)
		require.NoError(t, err)
		assert.Greater(t, levels[level], seeds/40, "%s is drawn", name)
	}
	assert.Greater(t, under*4, issued*3, "of %d operations %d were issued while faults last", issued, under)
	assert.Greater(t, decided, seeds/10)
	assert.Less(t, undecided*100, decided, "porcupine left %d open, decided %d", undecided, decided)
	for _, m := range scenario.Marks() {
		assert.True(t, marks[m], "no seed reached %q", m)
	}
}

// TestReusedRunnerLeavesNoTrace: a runner that has run other seeds runs one alike.
func TestReusedRunnerLeavesNoTrace(t *testing.T) {
	var rn scenario.Runner
	for _, seed := range []uint64{5, 6, 7, 5} {
		kept, err := rn.Run(t.Context(), scenario.Config{}, seed)
		require.NoError(t, err)
		fresh, err := scenario.Run(t.Context(), scenario.Config{}, seed)
		require.NoError(t, err)
		assert.Equal(t, fresh.TraceHash, kept.TraceHash)
	}
}

// TestTapeReplays records seeds, writes their tapes, reads them back and replays.
func TestTapeReplays(t *testing.T) {
	for seed := range uint64(10) {
		res, err := scenario.Run(t.Context(), scenario.Config{}, seed)
		require.NoError(t, err)
		tape, _, err := scenario.Record(t.Context(), res)
		require.NoError(t, err)
		var b bytes.Buffer
		require.NoError(t, tape.Write(&b))
		read, err := scenario.LoadTape(&b)
		require.NoError(t, err)
		assert.Equal(t, tape, read)
		again, err := scenario.Replay(t.Context(), read)
		require.NoError(t, err)
		assert.Equal(t, res.TraceHash, again.TraceHash)
	}
}

// TestExampleTape is the lock on the past: the committed tape still gives the
// committed trace hash. Whatever changes that must raise the tape version.
func TestExampleTape(t *testing.T) {
	path := filepath.Join("testdata", "example", "tape.json")
	if *update {
		res, err := scenario.Run(t.Context(), scenario.Config{Nodes: 4, Level: "causal"}, 2026)
		require.NoError(t, err)
		tape, _, err := scenario.Record(t.Context(), res)
		require.NoError(t, err)
		var b bytes.Buffer
		require.NoError(t, tape.Write(&b))
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, b.Bytes(), 0o644))
	}
	f, err := os.Open(path)
	require.NoError(t, err)
	defer f.Close()
	tape, err := scenario.LoadTape(f)
	require.NoError(t, err)
	assert.NotEmpty(t, tape.Decisions, "the example has faults")
	res, err := scenario.Replay(t.Context(), tape)
	require.NoError(t, err)
	assert.Equal(t, scenario.FormatHash(tape.TraceHash), scenario.FormatHash(res.TraceHash))
	assert.Empty(t, res.Violations)
	var trace, ops, hist bytes.Buffer
	require.NoError(t, res.WriteTrace(&trace))
	assert.Contains(t, trace.String(), scenario.FormatHash(tape.TraceHash), "the trace ends in the hash")
	require.NoError(t, res.WriteOps(&ops))
	for line := range strings.Lines(ops.String()) {
		o, err := workload.ParseOperation(strings.TrimSuffix(line, "\n"))
		require.NoError(t, err)
		assert.Equal(t, strings.TrimSuffix(line, "\n"), o.String())
	}
	require.NoError(t, res.WriteHistory(&hist))
	h, err := history.Decode("jsonl", "history.jsonl", &hist)
	require.NoError(t, err)
	assert.Len(t, h.Ops, len(res.History().Ops))
}

func exampleBytes(t testing.TB) []byte {
	b, err := os.ReadFile(filepath.Join("testdata", "example", "tape.json"))
	require.NoError(t, err)
	return b
}

func TestConfigRefusals(t *testing.T) {
	for name, c := range map[string]scenario.Config{
		"two nodes": {Nodes: 2}, "level": {Level: "strict"}, "faults": {Faults: "some"},
		"class": {Faults: "swarm,fire=low"}, "class level": {Faults: "drop=often"}, "base behind": {Faults: "drop=low,swarm"},
		"depth":    {Strategy: "pct", Depth: scenario.MaxDepth + 1},
		"strategy": {Strategy: "luck"}, "operations": {Operations: 3},
	} {
		_, err := scenario.Run(t.Context(), c, 1)
		assert.ErrorIs(t, err, scenario.ErrConfig, name)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := scenario.Run(ctx, scenario.Config{}, 1)
	assert.ErrorIs(t, err, context.Canceled)
}

func TestFaultsOff(t *testing.T) {
	res, err := scenario.Run(t.Context(), scenario.Config{Faults: "off"}, 3)
	require.NoError(t, err)
	assert.NotContains(t, res.FaultEffective, true)
	assert.Empty(t, res.Violations)
}

// TestLongRuns: correct code comes to rest within its bounds in long runs too.
func TestLongRuns(t *testing.T) {
	var rn scenario.Runner
	for operations, seeds := range map[int]uint64{scenario.UsualOperations + 1: 20, 400: 20, scenario.MaxOperations: 8} {
		for seed := range seeds {
			res, err := rn.Run(t.Context(), scenario.Config{Operations: operations}, seed)
			require.NoError(t, err)
			assert.Empty(t, res.Violations, "seed %d, %d operations", seed, operations)
			assert.GreaterOrEqual(t, res.Operations, int64(operations)*9/10)
			assert.Zero(t, res.Porcupine+res.Undecided)
		}
	}
}

// TestLongTapes: the tape of the longest run, to which the last burst may have added,
// with the decisions of all faults, can be read back.
func TestLongTapes(t *testing.T) {
	longest := 0
	for seed := range uint64(4) {
		res, err := scenario.Run(t.Context(), scenario.Config{Operations: scenario.MaxOperations, Faults: "extreme"}, seed)
		require.NoError(t, err)
		tape, _, err := scenario.Record(t.Context(), res)
		require.NoError(t, err)
		longest = max(longest, len(tape.Operations))
		var b bytes.Buffer
		require.NoError(t, tape.Write(&b))
		_, err = scenario.LoadTape(&b)
		require.NoError(t, err, "a tape of %d operations and %d decisions", len(tape.Operations), len(tape.Decisions))
	}
	assert.Greater(t, longest, scenario.MaxOperations)
}

// TestBytesToConverge: what the cluster sends to come to rest is counted and bounded.
func TestBytesToConverge(t *testing.T) {
	res := scenario.WithBytes(t, 2, 0)
	assert.Empty(t, res.Violations)
	assert.Positive(t, res.RestBytes)
	assert.Positive(t, res.Rest)
	tight := scenario.WithBytes(t, 2, 1)
	require.Len(t, tight.Violations, 1)
	assert.Equal(t, "liveness/bytes//-1", tight.Violations[0].Signature())
}

// TestSingleClasses switches each class on by its name alone: it and nothing else
// takes effect.
func TestSingleClasses(t *testing.T) {
	var rn scenario.Runner
	for c, name := range scenario.FaultClasses() {
		cfg := scenario.Config{Faults: name + "=extreme"}
		if sim.Class(c) == sim.Restore || sim.Class(c) == sim.Rot || sim.Class(c) == sim.Version {
			cfg.Faults += ",crash=extreme" // they strike at crashes
		}
		effective := 0
		for seed := range uint64(12) {
			res, err := rn.Run(t.Context(), cfg, seed)
			require.NoError(t, err)
			require.Empty(t, res.Violations, "%s, seed %d", cfg.Faults, seed)
			for other, yes := range res.FaultEffective {
				if other == c && yes {
					effective++
				} else if yes {
					assert.Contains(t, cfg.Faults, scenario.FaultClasses()[other]+"=", "in a run of %s", cfg.Faults)
				}
			}
		}
		assert.Greater(t, effective, 2, "%s took effect in 12 seeds", name)
	}
}
