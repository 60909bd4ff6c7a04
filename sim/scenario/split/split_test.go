package split_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs/session"
	"github.com/joinery-go/joinery/sim/scenario/split"
)

// TestAvailability: who answers what while replicas are cut off from each other. A session
// that stays is always answered, and so is every write; one that moves waits for what it
// must see. That is what the theory says can be, but for two: a read at mw or wfr waits
// where a write is shown that depends on one elsewhere.
func TestAvailability(t *testing.T) {
	rows, err := split.Measure()
	require.NoError(t, err)
	waits := map[string]string{ // level, by situation
		"wrote": "ryw pram causal", "saw": "mr pram causal", "two writes": "mw pram causal", "a reply": "wfr causal",
	}
	for _, r := range rows {
		for i, s := range split.Situations() {
			expected := !r.Cached && slices.Contains(strings.Fields(waits[s.Name]), r.Level.String())
			assert.Equal(t, !expected, r.Cells[i].All(), "%v (cache %v), %s: %v", r.Level, r.Cached, s.Name, r.Cells[i])
			assert.Positive(t, r.Cells[i].Asked)
			if s.Name == "stays" || s.Name == "writes" || s.Name == "healed" {
				assert.True(t, r.Cells[i].All(), "%v, %s", r.Level, s.Name)
			}
			if r.Theory == "sticky" && s.Name == "wrote" {
				assert.False(t, r.Cells[i].All(), "%v answers what theory says that it cannot", r.Level)
			}
		}
		assert.NotEmpty(t, r.Theory, "%v", r.Level)
	}
	assert.Len(t, rows, len(session.Levels())+1, "and monotonic reads with a cache")
}

// TestAcknowledgementsUnderPartition: a write is answered where as many owners are in reach
// as it asks for.
func TestAcknowledgementsUnderPartition(t *testing.T) {
	rows, err := split.MeasureAcks()
	require.NoError(t, err)
	for _, r := range rows {
		for gone, yes := range r.Answered {
			assert.Equal(t, r.Ack.Owners() <= 3-gone, yes, "%v with %d owners cut off", r.Ack, gone)
		}
	}
	assert.Len(t, rows, 5)
}
