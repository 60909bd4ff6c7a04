package scenario_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/sim/scenario"
	"github.com/joinery-go/joinery/sim/scenario/workload"
)

// TestBatchOutOfOrder: an operation of a batch that comes before the first of it, as one of a
// plan that is being made smaller may, is asked for by itself and not once more with that one.
func TestBatchOutOfOrder(t *testing.T) {
	cfg := scenario.Config{Nodes: 3, Level: "eventual", Faults: "off", Operations: 24}
	res, err := scenario.Run(t.Context(), cfg, 3) // whose reads of a batch come backwards
	require.NoError(t, err)
	tape, _, err := scenario.Record(t.Context(), res)
	require.NoError(t, err)
	tape.Operations, tape.Decisions = nil, nil
	for _, line := range []string{
		`1 at 10ms s0 n0 write register "r1" "v1"`, `2 at 90ms s0 n0 read register "r1" batch 2`, `3 at 60ms s0 n0 read register "r1"`,
		`4 at 30ms s0 n0 read register "r1" batch 2`,
	} {
		o, err := workload.ParseOperation(line)
		require.NoError(t, err)
		tape.Operations = append(tape.Operations, o)
	}
	again, err := scenario.Replay(t.Context(), tape)
	require.NoError(t, err)
	assert.Empty(t, again.Violations)
	assert.Equal(t, int64(len(tape.Operations)), again.Operations)
}

// TestLargeBatch: what is answered at once may be as large as the store allows. The world carries
// it, and does not end the run, and with it the campaign.
func TestLargeBatch(t *testing.T) {
	res, err := scenario.Run(t.Context(), scenario.Config{Nodes: 3, Level: "eventual", Faults: "off", Operations: 24}, 3)
	require.NoError(t, err)
	tape, _, err := scenario.Record(t.Context(), res)
	require.NoError(t, err)
	tape.Operations, tape.Decisions = nil, nil
	for _, line := range []string{
		`1 at 10ms s0 n0 write register "r1" "v1~400000"`, `2 at 30ms s0 n0 read register "r1" batch 2`,
		`3 at 40ms s0 n0 read register "r1" batch 2`, `4 at 50ms s0 n0 read register "r1" batch 2`,
	} {
		o, err := workload.ParseOperation(line)
		require.NoError(t, err)
		tape.Operations = append(tape.Operations, o)
	}
	again, err := scenario.Replay(t.Context(), tape)
	require.NoError(t, err)
	assert.Empty(t, again.Violations)
}
