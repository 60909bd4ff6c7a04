package campaign_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/sim"
	"github.com/joinery-go/joinery/sim/campaign"
	"github.com/joinery-go/joinery/sim/campaign/examples/lease"
)

// few is a plan of two operations at the holders of a lease.
func few(p *campaign.Protocol, apart sim.Time) {
	p.Setup.Horizon, p.Setup.Settle = 300*sim.Millisecond, 200*sim.Millisecond
	p.Plan = func(p *campaign.Plan) {
		p.Add(campaign.Op{Func: "ask", Node: 0, At: 20 * sim.Millisecond})
		p.Add(campaign.Op{Func: "ask", Node: 1, At: 20*sim.Millisecond + apart})
	}
}

// TestExplore: the search of all schedules with one fault finds what one fault shows, and
// goes through all of them where the protocol is right; its order, and so its outcome, is
// that of one worker.
func TestExplore(t *testing.T) {
	wrong := lease.With(lease.Forgets)
	few(&wrong, 40*sim.Millisecond)
	x, err := wrong.Explore(t.Context(), campaign.ExploreOptions{Workers: 2})
	require.NoError(t, err)
	require.Len(t, x.Failures, 1)
	assert.False(t, x.Complete)
	assert.Equal(t, 1, x.Tapes[0].Faults())
	assert.Contains(t, x.Tapes[0].Decisions[0].Site, "sim.")
	again, err := wrong.Replay(t.Context(), x.Tapes[0])
	require.NoError(t, err)
	assert.Equal(t, x.Tapes[0].TraceHash, again.TraceHash)
	assert.Equal(t, x.Failures[0].Violations, again.Violations)
	one, err := wrong.Explore(t.Context(), campaign.ExploreOptions{})
	require.NoError(t, err)
	assert.Equal(t, x.Schedules, one.Schedules)
	assert.Equal(t, x.Tapes, one.Tapes)

	right := lease.Protocol()
	few(&right, 40*sim.Millisecond)
	x, err = right.Explore(t.Context(), campaign.ExploreOptions{Workers: 2})
	require.NoError(t, err)
	assert.True(t, x.Complete)
	assert.Empty(t, x.Failures)
	assert.Greater(t, x.Schedules, 500)
	x, err = right.Explore(t.Context(), campaign.ExploreOptions{MaxSchedules: 100})
	require.NoError(t, err)
	assert.False(t, x.Complete, "a bound was met")
	assert.Equal(t, 100, x.Schedules)
}

// TestExploreGoesThroughEachSetOnce: with two faults, all sets of two are run, each once:
// of one message to each of two nodes that is lost or not, repeated by nobody.
func TestExploreGoesThroughEachSetOnce(t *testing.T) {
	p := unfailing(nil)
	p.Setup.Faults = campaign.Levels{}.With(sim.Low, sim.Drop)
	p.Plan = func(p *campaign.Plan) {
		p.Add(campaign.Op{Func: "count", At: sim.Millisecond})
		p.Add(campaign.Op{Func: "count", At: 2 * sim.Millisecond})
	}
	x, err := p.Explore(t.Context(), campaign.ExploreOptions{Faults: 2})
	require.NoError(t, err)
	assert.True(t, x.Complete)
	assert.Equal(t, 4, x.Points)
	assert.Equal(t, 1+4+6, x.Schedules)
	x, err = p.Explore(t.Context(), campaign.ExploreOptions{Faults: 9})
	require.NoError(t, err)
	assert.True(t, x.Complete)
	assert.Equal(t, 16, x.Schedules)
	assert.Equal(t, 4, x.Faults)
}

// TestBisect: the fault and the operation with which a failure comes about are those that
// were put there.
func TestBisect(t *testing.T) {
	p := choosing(false)
	_, tape := firstFailure(t, p, 100)
	b, err := p.Bisect(t.Context(), tape)
	require.NoError(t, err)
	assert.Equal(t, tape.Violations[0], b.Signature)
	assert.Equal(t, []string{"net.drop"}, b.Classes)
	require.Positive(t, b.Faults)
	require.LessOrEqual(t, b.Operations, len(tape.Operations))

	// Both sides of the boundary, by hand.
	for less, fails := range map[int]bool{0: true, 1: false} {
		half := *tape
		half.Decisions = nil
		for _, d := range mustReplay(t, &p, tape).Decisions() {
			if campaign.IsFault(d.Site) && len(half.Decisions) < b.Faults-less {
				half.Decisions = append(half.Decisions, d.Decision)
			}
		}
		res := mustReplay(t, &p, &half)
		assert.Equal(t, fails, len(res.Violations) > 0)
	}
}

func mustReplay(t *testing.T, p *campaign.Protocol, tape *campaign.Tape) *campaign.Result {
	t.Helper()
	res, err := p.Replay(t.Context(), tape)
	require.NoError(t, err)
	return res
}
