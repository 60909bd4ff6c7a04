package scenario_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/sim/scenario"
)

// TestDamagedTapes cuts the example at every byte and flips a bit of each: never a
// panic, always an error or a tape that is valid in itself, and that runs.
func TestDamagedTapes(t *testing.T) {
	whole, damaged, ran := exampleBytes(t), 0, 0
	for i := range len(whole) - 2 {
		_, err := scenario.LoadTape(bytes.NewReader(whole[:i]))
		assert.ErrorIs(t, err, scenario.ErrTape, "cut at %d", i)
	}
	for i := range whole {
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
		if i%11 == 0 { // the others differ in no other way
			ran++
			_, err = scenario.Replay(t.Context(), tape)
			assert.NoError(t, err, "bit flipped in byte %d", i)
		}
	}
	assert.Greater(t, damaged, len(whole)/4)
	assert.Greater(t, ran, 20)
}

// TestUndecidedIsCounted: a history that a check other than porcupine cannot decide
// does not pass in silence. Here an untagged counter has too many sums.
func TestUndecidedIsCounted(t *testing.T) {
	var m map[string]any
	require.NoError(t, json.Unmarshal(exampleBytes(t), &m))
	setup := m["setup"].(map[string]any)
	setup["tagged"], setup["porcupine"], setup["faults"] = false, false, map[string]any{}
	var ops []string
	for i := range 20 {
		ops = append(ops, fmt.Sprintf("%d at %dms s0 n0 inc counter \"c\" \"%d\"", i+1, 10*i, 1<<i))
	}
	m["operations"], m["decisions"] = ops, []string{}
	b, err := json.Marshal(m)
	require.NoError(t, err)
	tape, err := scenario.LoadTape(bytes.NewReader(b))
	require.NoError(t, err)
	res, err := scenario.Replay(t.Context(), tape)
	require.NoError(t, err)
	assert.Equal(t, 1, res.Undecided)
	assert.Empty(t, res.Violations)
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
	assert.ErrorContains(t, err, "version 99, this program replays version 9")
	assert.ErrorIs(t, spoil(func(m map[string]any) { m["scenario"] = "bank" }), scenario.ErrVersion)
	for name, change := range map[string]func(m map[string]any){
		"no version":      func(m map[string]any) { delete(m, "joinery_tape") },
		"unknown field":   func(m map[string]any) { m["more"] = 1 },
		"bad hash":        func(m map[string]any) { m["trace_hash"] = "xyz" },
		"bad decision":    func(m map[string]any) { m["decisions"] = []string{"net.drop 12"} },
		"bad operation":   func(m map[string]any) { m["operations"] = []string{"1 at noon s0 n0 read set \"k\" "} },
		"ids repeat":      func(m map[string]any) { o := m["operations"].([]any); m["operations"] = append(o, o[0]) },
		"no such node":    func(m map[string]any) { m["operations"] = []string{`1 at 1ms s0 n8 read set "k" `} },
		"no such retry":   func(m map[string]any) { m["operations"] = []string{`1 at 1ms s0 n0>n8 read set "k"`} },
		"too many nodes":  func(m map[string]any) { m["setup"].(map[string]any)["nodes"] = 1000 },
		"no sessions":     func(m map[string]any) { m["setup"].(map[string]any)["sessions"] = 0 },
		"endless horizon": func(m map[string]any) { m["setup"].(map[string]any)["horizon_ms"] = 1e12 },
		"bad level":       func(m map[string]any) { m["setup"].(map[string]any)["level"] = "strict" },
		"odd class":       func(m map[string]any) { m["setup"].(map[string]any)["faults"] = map[string]any{"fire": "low"} },
		"bad faults":      func(m map[string]any) { m["setup"].(map[string]any)["faults"] = map[string]any{"drop": "often"} },
	} {
		assert.ErrorIs(t, spoil(change), scenario.ErrTape, name)
	}
	_, err = scenario.LoadTape(strings.NewReader("  "))
	assert.ErrorIs(t, err, scenario.ErrTape)
}

func FuzzLoadTape(f *testing.F) {
	f.Add(exampleBytes(f))
	f.Add([]byte(`{"joinery_tape":8,"scenario":"kvs"}`))
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
