package scenario

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/gen/choice"
)

// WithSource runs a seed under a source that is made anew for each run.
func WithSource(t *testing.T, cfg Config, seed uint64, source func() choice.Source) *Result {
	t.Helper()
	res, err := RunWith(t.Context(), cfg, seed, source())
	require.NoError(t, err)
	res.source = func() (choice.Source, error) { return source(), nil }
	return res
}

// WithBytes runs a seed in which converging may take so many bytes for each delta
// and replica.
func WithBytes(t *testing.T, seed uint64, perDelta int64) *Result {
	t.Helper()
	setup, plan, err := new(memory).planOf(Config{}, seed, 0)
	require.NoError(t, err)
	res, err := new(Runner).run(t.Context(), setup, plan, choice.Seeded(seed), options{perDelta: perDelta})
	require.NoError(t, err)
	return res
}

// SetupOf is what is drawn for a seed at first.
func (rn *Runner) SetupOf(cfg Config, seed uint64) (Setup, error) {
	setup, _, err := rn.planOf(cfg, seed, 0)
	return setup, err
}

// MonitorMarks are the situations of runs of which a monitor decides.
func MonitorMarks() []string {
	return []string{markActed, markAdds, markRemoves, markSpreads, markGathers, markMonitorAnew, markMonitors}
}

// Situations of runs with a disk tier about which a monitor decides.
const (
	MarkBothTiers = markBothTiers
	MarkDemoted   = markDemoted
)
