package campaign_test

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/sim"
	"github.com/joinery-go/joinery/sim/campaign"
	"github.com/joinery-go/joinery/sim/campaign/examples/lease"
	"github.com/joinery-go/joinery/sim/report"
)

// TestPage: the page of a failing tape shows the run and what was violated, and that the
// failure is sure once all that leads to it is fixed, and less likely before.
func TestPage(t *testing.T) {
	p := lease.With(lease.FromNow)
	res, _ := firstFailure(t, p, 500)
	tape, _, err := p.Record(t.Context(), res)
	require.NoError(t, err)
	small, err := p.Shrink(t.Context(), tape, 400)
	require.NoError(t, err)
	reportOf := func(of *campaign.Tape) *report.Page {
		r, err := p.Report(t.Context(), of, campaign.PageOptions{})
		require.NoError(t, err)
		return r.Page
	}
	page := reportOf(small.Tape)
	assert.True(t, page.Bad)
	assert.Equal(t, small.Result.Violations[0].Signature(), page.Violations[0].Name)
	points := page.Rewind.Points
	require.GreaterOrEqual(t, len(points), 3)
	last := points[len(points)-1]
	assert.Equal(t, int64(small.Tape.Setup.Horizon), last.At)
	assert.Equal(t, page.Rewind.Draws, last.Failed, "all is as on the tape")
	assert.Less(t, points[0].Failed, page.Rewind.Draws, "all is drawn anew")
	require.Len(t, page.Choices.Rows, len(small.Result.Decisions()))
	for _, row := range page.Choices.Rows {
		assert.Greater(t, row.With, row.Without, "the failure takes it: %s", row.What)
		assert.False(t, row.StillFails)
	}
	assert.Equal(t, page, reportOf(small.Tape), "the same page each time")
	var b bytes.Buffer
	require.NoError(t, page.Write(&b))
	assert.Contains(t, b.String(), "Which choices matter")

	whole := tape.Setup
	holds := &campaign.Tape{Protocol: p.Name, Version: p.Version, Setup: whole}
	page = reportOf(holds)
	assert.False(t, page.Bad)
	assert.Nil(t, page.Rewind)
}

// TestBoundedPage: a search for a smaller form ends with its events, and gives the smallest
// form that it has found by then.
func TestBoundedPage(t *testing.T) {
	p := lease.With(lease.FromNow)
	res, tape := firstFailure(t, p, 500)
	whole, err := p.Shrink(t.Context(), tape, 400)
	require.NoError(t, err)
	require.True(t, whole.Settled)
	require.NotEmpty(t, whole.Steps)
	assert.Equal(t, len(tape.Operations), whole.Steps[0].Operations)

	some, err := campaign.ShrinkFor(&p, t.Context(), tape, 400, 3*res.Deliveries)
	require.NoError(t, err)
	assert.False(t, some.Settled)
	assert.Less(t, some.Replays, whole.Replays)
	assert.Positive(t, some.Replays)
	assert.LessOrEqual(t, len(some.Tape.Operations), len(tape.Operations))
	assert.Equal(t, whole.Result.Violations[0].Signature(), some.Result.Violations[0].Signature())

	none, err := campaign.ShrinkFor(&p, t.Context(), tape, 400, 0)
	require.NoError(t, err)
	assert.Zero(t, none.Replays)
	assert.Len(t, none.Tape.Operations, len(tape.Operations))
}

// TestPageOfAPanic: the page says in the summary in which line a panic was, and below which
// calls led there.
func TestPageOfAPanic(t *testing.T) {
	p := unfailing(func(*sim.Context, *counter) { panic("on purpose") })
	_, tape := firstFailure(t, p, 1)
	r, err := p.Report(t.Context(), tape, campaign.PageOptions{Replays: 100})
	require.NoError(t, err)
	require.Len(t, r.Page.Summary, 2)
	assert.Regexp(t, `^panic: on purpose, in campaign_test\.TestPageOfAPanic\.func1 at \S+/page_test\.go:\d+$`, r.Page.Summary[0])
	assert.Contains(t, r.Page.Violations[0].Value, "\n  campaign_test.(*counter).Receive at ")
}
