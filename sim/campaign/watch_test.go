package campaign_test

import (
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/sim"
	"github.com/joinery-go/joinery/sim/campaign"
)

// endless is a protocol whose step does not return once a message was lost; its steps end
// with the test.
func endless(t *testing.T) campaign.Protocol {
	over := new(atomic.Bool)
	t.Cleanup(func() { over.Store(true) })
	p := unfailing(func(c *sim.Context, a *counter) {
		for len(a.seen) == 3 && !over.Load() {
			time.Sleep(time.Millisecond)
		}
	})
	p.Setup.Faults = campaign.Bears(sim.Delay)
	p.Watch = &campaign.Watch{Patience: 200 * time.Millisecond}
	return p
}

// TestEndless: a step that never returns is a failure of its seed, which says in which line
// it is, ends the campaign, and is kept with a tape that goes on for ever as well.
func TestEndless(t *testing.T) {
	p := endless(t)
	asked := make(chan []campaign.UnderWay, 1)
	go func() {
		time.Sleep(100 * time.Millisecond)
		asked <- p.Watch.UnderWay()
	}()
	r := fuzz(t, p, campaign.Options{Seed: 20, Seeds: 1000, Failures: 10})
	under := <-asked
	require.NotEmpty(t, under, "while it runs")
	assert.Equal(t, "counter", under[0].Protocol)
	assert.Equal(t, uint64(20), under[0].Seed)
	assert.Positive(t, under[0].Took)

	require.Len(t, r.Failures, 1)
	assert.Equal(t, int64(1), r.Seeds, "it ends the campaign")
	res := r.Failures[0]
	assert.Equal(t, uint64(20), res.Seed)
	v := res.Violations[0]
	assert.Equal(t, "time/does not end//-1", v.Signature())
	assert.Regexp(t, `^the run has not ended after 200ms, and goes on, in campaign_test\.endless\.func2 at \S+/watch_test\.go:\d+\n`, v.Message)

	dir := t.TempDir()
	kept := campaign.Keep(t.Context(), &campaign.Folder{Dir: dir}, p.Failing(res), 0)
	require.NoError(t, kept.Err)
	assert.False(t, kept.Shrunk)
	for _, name := range []string{"tape.json", "ops.txt", "violations.txt", "report.html"} {
		assert.FileExists(t, filepath.Join(dir, "seed-20", name))
	}
	f, err := os.Open(kept.Tape)
	require.NoError(t, err)
	defer f.Close()
	tape, _, err := campaign.LoadTape(f, &p)
	require.NoError(t, err)
	again, err := p.Replay(t.Context(), tape)
	require.NoError(t, err)
	require.Len(t, again.Violations, 1)
	assert.Equal(t, v.Signature(), again.Violations[0].Signature())
	small, err := p.Shrink(t.Context(), tape, 3)
	require.NoError(t, err)
	assert.Equal(t, v.Signature(), small.Result.Violations[0].Signature())
}

// TestEndlessPlan: what a seed never gets to is an error that names it, and the line.
func TestEndlessPlan(t *testing.T) {
	p := endless(t)
	over := new(atomic.Bool)
	t.Cleanup(func() { over.Store(true) })
	p.Plan = func(*campaign.Plan) {
		for !over.Load() {
		}
	}
	_, err := p.Fuzz(t.Context(), campaign.Options{Seeds: 10})
	require.ErrorIs(t, err, campaign.ErrProtocol)
	require.ErrorContains(t, err, "seed 1: Vary or Plan has not ended after 200ms, and goes on, in campaign_test.TestEndlessPlan.func2 at ")
}

// TestPatience: a run that ends has the outcome that it has, however long that takes.
func TestPatience(t *testing.T) {
	p := toy(nil)
	with := func(w *campaign.Watch) *campaign.Report {
		p.Watch = w
		r := fuzz(t, p, campaign.Options{Seeds: 40, Workers: 2})
		return r
	}
	usual, any := with(nil), with(&campaign.Watch{Patience: -1})
	require.NotEmpty(t, usual.Failures)
	require.Len(t, any.Failures, len(usual.Failures))
	for i := range usual.Failures {
		assert.Equal(t, usual.Failures[i].TraceHash, any.Failures[i].TraceHash)
	}
	assert.Empty(t, p.Watch.UnderWay(), "none is left")
}
