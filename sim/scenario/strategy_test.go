package scenario_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/joinery-go/joinery/gen/choice"
	"github.com/joinery-go/joinery/sim"
	"github.com/joinery-go/joinery/sim/scenario"
)

// TestStrategies: the store holds under each, each is repeated by its tape, and
// each has faults that take effect.
func TestStrategies(t *testing.T) {
	for _, s := range scenario.Strategies() {
		var rn scenario.Runner
		effective := 0
		for seed := uint64(30); seed < 90; seed++ {
			res, err := rn.Run(t.Context(), scenario.Config{Strategy: s, Base: 30}, seed)
			require.NoError(t, err)
			require.Empty(t, res.Violations, "%s, seed %d", s, seed)
			assert.Equal(t, seed, res.Seed)
			if slices.Contains(res.FaultEffective, true) {
				effective++
			}
			if seed%15 == 0 {
				tape, again, err := scenario.Record(t.Context(), res)
				require.NoError(t, err)
				assert.Equal(t, res.TraceHash, again.TraceHash)
				if s == "exhaustive" {
					assert.LessOrEqual(t, len(tape.Decisions), 1)
				}
			}
		}
		assert.Greater(t, effective, 30, s)
	}
}

// TestExhaustiveComesToAnEnd: in a scope of one class, all schedules but one have
// an exception of their own, and after the last there are no more.
func TestExhaustiveComesToAnEnd(t *testing.T) {
	cfg := scenario.Config{Strategy: "exhaustive", Faults: "filter=low", Operations: 20, Nodes: 3, Base: 1000}
	var rn scenario.Runner
	seen := map[string]bool{}
	seed := cfg.Base
	for ; ; seed++ {
		res, err := rn.Run(t.Context(), cfg, seed)
		if errors.Is(err, scenario.ErrExhausted) {
			break
		}
		require.NoError(t, err)
		require.Empty(t, res.Violations)
		tape, _, err := scenario.Record(t.Context(), res)
		require.NoError(t, err)
		name := fmt.Sprint(tape.Decisions)
		assert.False(t, seen[name], "%s comes twice", name)
		seen[name] = true
	}
	ticks := (seed - cfg.Base - 1) / 16
	assert.Equal(t, 16*ticks+1, seed-cfg.Base, "each tick four kinds of messages for four durations, and none")
	assert.Greater(t, ticks, uint64(4))
	_, err := rn.Run(t.Context(), cfg, seed+1000)
	assert.ErrorIs(t, err, scenario.ErrExhausted)
}

// TestRapidSearchesSchedules has rapid draw the choices of a property test.
func TestRapidSearchesSchedules(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		seed := rapid.Uint64Range(0, 1000).Draw(t, "seed")
		res, err := scenario.RunWith(context.Background(), scenario.Config{Faults: "drop=low,crash=low"}, seed, sim.FromRapid(t))
		if err != nil || len(res.Violations) > 0 {
			t.Fatal(err, res)
		}
	})
}

// FuzzScenario lets go test -fuzz write the choices of a run:
//
//	go test -run xxx -fuzz FuzzScenario -fuzzminimizetime 10x ./sim/scenario
//
// Without a bound on minimising, Go spends its time on that.
func FuzzScenario(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte("seed 001"))
	for seed := range uint64(4) {
		data := binary.LittleEndian.AppendUint64(nil, seed)
		for i := range uint64(600) {
			data = binary.LittleEndian.AppendUint64(data, choice.Mix(seed, i))
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		res, err := scenario.RunBytes(t.Context(), scenario.Config{}, data)
		require.NoError(t, err)
		for _, v := range res.Violations {
			t.Error(v)
		}
		if t.Failed() {
			tape, _, err := scenario.Record(t.Context(), res)
			require.NoError(t, err)
			require.NoError(t, tape.Write(t.Output()))
		}
	})
}
