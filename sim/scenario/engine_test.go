package scenario_test

import (
	"bytes"
	"context"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/sim/engines"
	"github.com/joinery-go/joinery/sim/scenario"
)

// TestEngines: the store holds on every engine, its runs repeat, from their seed and from
// their tape, and come to what engines are for.
func TestEngines(t *testing.T) {
	seeds := uint64(120)
	if testing.Short() {
		seeds = 60
	}
	for _, name := range engines.Names() {
		t.Run(name, func(t *testing.T) {
			var rn scenario.Runner
			cfg := scenario.Config{Engine: name}
			marks := map[string]bool{}
			for seed := range seeds {
				res, err := rn.Run(context.Background(), cfg, seed)
				require.NoError(t, err)
				require.Empty(t, res.Violations, "seed %d", seed)
				for _, m := range res.Marks {
					marks[m] = true
				}
				if seed%20 != 0 {
					continue
				}
				again, err := scenario.Run(context.Background(), cfg, seed)
				require.NoError(t, err)
				require.Equal(t, res.TraceHash, again.TraceHash, "seed %d", seed)
				tape, replayed, err := scenario.Record(context.Background(), res)
				require.NoError(t, err, "seed %d", seed)
				require.Equal(t, name, tape.Setup.Engine)
				require.Equal(t, res.TraceHash, replayed.TraceHash)
				var b bytes.Buffer
				require.NoError(t, tape.Write(&b))
				read, err := scenario.LoadTape(&b)
				require.NoError(t, err)
				require.Equal(t, tape.Setup, read.Setup)
			}
			assert.True(t, marks["value read from the engine"])
			assert.True(t, marks["engine's disk full"])
		})
	}
}

// TestMarksOfEngines: a campaign on an engine must come to more than one without.
func TestMarksOfEngines(t *testing.T) {
	more := func(name string) []string {
		return slices.DeleteFunc(scenario.Config{Engine: name}.Marks(), func(m string) bool { return slices.Contains(scenario.Marks(), m) })
	}
	assert.Empty(t, more(""))
	assert.Len(t, more("memory"), 4)
	assert.Len(t, more("hybridlog"), 6)
	assert.Len(t, more("lsm"), 7)
}

func TestEngineRefused(t *testing.T) {
	require.ErrorIs(t, scenario.Config{Engine: "pebble"}.Validate(), scenario.ErrConfig)
	for _, setup := range []string{`"engine":"pebble"`, `"engine":"lsm","engine_bytes":3`, `"engine_bytes":2048`, `"cache_bytes":2`, `"background":true`, `"engine":"lsm","cache_bytes":-1`} {
		res, err := scenario.Run(context.Background(), scenario.Config{}, 1)
		require.NoError(t, err)
		tape, _, err := scenario.Record(context.Background(), res)
		require.NoError(t, err)
		var b bytes.Buffer
		require.NoError(t, tape.Write(&b))
		_, err = scenario.LoadTape(bytes.NewReader(bytes.Replace(b.Bytes(), []byte(`"setup": {`), []byte(`"setup": {`+setup+`,`), 1)))
		require.ErrorIs(t, err, scenario.ErrTape, setup)
	}
}
