package scenario_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/linearizability/history"
	"github.com/joinery-go/joinery/sim/scenario"
)

var update = flag.Bool("update", false, "write the example tape and its hash anew")

// TestCampaign is the false-alarm test: the store that ships holds everything it
// promises on every seed, and every seed is worth running.
func TestCampaign(t *testing.T) {
	const seeds = 1000
	effective := make([]int, len(scenario.FaultClasses()))
	decided, undecided, untagged := 0, 0, 0
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
		for c, yes := range res.FaultEffective {
			if yes {
				effective[c]++
			}
		}
		for _, m := range res.Marks {
			marks[m] = true
		}
		if !res.Setup.Tagged {
			untagged++
		}
		decided += res.Porcupine
		undecided += res.Undecided
	}
	for c, n := range effective {
		assert.Greater(t, n, seeds/20, "%s faults took effect in %d of %d seeds", scenario.FaultClasses()[c], n, seeds)
	}
	assert.Equal(t, seeds/5, untagged)
	assert.Greater(t, decided, seeds/10)
	assert.Less(t, undecided*100, decided, "porcupine left %d open, decided %d", undecided, decided)
	for _, m := range scenario.Marks() {
		assert.True(t, marks[m], "no seed reached %q", m)
	}
}

// TestSameSeedSameTrace: nothing but the seed decides, on any number of processors.
func TestSameSeedSameTrace(t *testing.T) {
	hashes := func(procs int) (out []uint64) {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(procs))
		for seed := range uint64(12) {
			res, err := scenario.Run(t.Context(), scenario.Config{}, seed)
			require.NoError(t, err)
			out = append(out, res.TraceHash)
		}
		return out
	}
	first := hashes(1)
	assert.Equal(t, first, hashes(2))
	assert.NotEqual(t, first[0], first[1])
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
		o, err := scenario.ParseOperation(strings.TrimSuffix(line, "\n"))
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

// TestDamagedTapes cuts the example at every byte and flips bits: never a panic,
// always an error or a tape that is valid in itself.
func TestDamagedTapes(t *testing.T) {
	whole, damaged := exampleBytes(t), 0
	for i := range len(whole) - 2 {
		_, err := scenario.LoadTape(bytes.NewReader(whole[:i]))
		assert.ErrorIs(t, err, scenario.ErrTape, "cut at %d", i)
	}
	for i := 0; i < len(whole); i += 7 {
		bad := bytes.Clone(whole)
		bad[i] ^= 1 << (i % 8)
		tape, err := scenario.LoadTape(bytes.NewReader(bad))
		if err != nil {
			damaged++
			assert.True(t, errors.Is(err, scenario.ErrTape) || errors.Is(err, scenario.ErrVersion), "%v", err)
			continue
		}
		var out bytes.Buffer
		require.NoError(t, tape.Write(&out))
		again, err := scenario.LoadTape(&out)
		require.NoError(t, err, "what was accepted is valid")
		assert.Equal(t, tape, again)
	}
	assert.Positive(t, damaged)
}

func TestTapeRefusals(t *testing.T) {
	spoil := func(change func(m map[string]any)) error {
		var m map[string]any
		require.NoError(t, json.Unmarshal(exampleBytes(t), &m))
		change(m)
		b, err := json.Marshal(m)
		require.NoError(t, err)
		_, err = scenario.LoadTape(bytes.NewReader(b))
		return err
	}
	assert.NoError(t, spoil(func(map[string]any) {}))
	err := spoil(func(m map[string]any) { m["joinery_tape"] = 99 })
	assert.ErrorIs(t, err, scenario.ErrVersion)
	assert.ErrorContains(t, err, "version 99, this program replays version 1")
	assert.ErrorIs(t, spoil(func(m map[string]any) { m["scenario"] = "bank" }), scenario.ErrVersion)
	for name, change := range map[string]func(m map[string]any){
		"no version":      func(m map[string]any) { delete(m, "joinery_tape") },
		"unknown field":   func(m map[string]any) { m["more"] = 1 },
		"bad hash":        func(m map[string]any) { m["trace_hash"] = "xyz" },
		"bad decision":    func(m map[string]any) { m["decisions"] = []string{"net.drop 12"} },
		"bad operation":   func(m map[string]any) { m["operations"] = []string{"1 at noon s0 n0 read set \"k\" "} },
		"ids repeat":      func(m map[string]any) { o := m["operations"].([]any); m["operations"] = append(o, o[0]) },
		"no such node":    func(m map[string]any) { m["operations"] = []string{`1 at 1ms s0 n8 read set "k" `} },
		"too many nodes":  func(m map[string]any) { m["setup"].(map[string]any)["nodes"] = 1000 },
		"no sessions":     func(m map[string]any) { m["setup"].(map[string]any)["sessions"] = 0 },
		"endless horizon": func(m map[string]any) { m["setup"].(map[string]any)["horizon_ms"] = 1e12 },
		"bad level":       func(m map[string]any) { m["setup"].(map[string]any)["level"] = "strict" },
		"odd class":       func(m map[string]any) { m["setup"].(map[string]any)["faults"] = map[string]any{"rot": "low"} },
		"bad faults":      func(m map[string]any) { m["setup"].(map[string]any)["faults"] = map[string]any{"drop": "often"} },
	} {
		assert.ErrorIs(t, spoil(change), scenario.ErrTape, name)
	}
	_, err = scenario.LoadTape(strings.NewReader("  "))
	assert.ErrorIs(t, err, scenario.ErrTape)
}

func TestConfigRefusals(t *testing.T) {
	for name, c := range map[string]scenario.Config{
		"two nodes": {Nodes: 2}, "level": {Level: "strict"}, "faults": {Faults: "some"},
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

func FuzzLoadTape(f *testing.F) {
	f.Add(exampleBytes(f))
	f.Add([]byte(`{"joinery_tape":1,"scenario":"kvs"}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		tape, err := scenario.LoadTape(bytes.NewReader(b))
		if err != nil {
			return
		}
		var out bytes.Buffer
		require.NoError(t, tape.Write(&out))
		again, err := scenario.LoadTape(&out)
		require.NoError(t, err)
		assert.Equal(t, tape, again)
	})
}
