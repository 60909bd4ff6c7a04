package main

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/joinery-go/joinery/sim/scenario"
)

// TestWhyACampaignEnded: one that has run all that it was asked for gives no reason, and any other
// gives one.
func TestWhyACampaignEnded(t *testing.T) {
	going := t.Context()
	over, cancel := context.WithCancel(going)
	cancel()
	stopped, stop := context.WithCancelCause(going)
	stop(errors.New("hangup signal received"))
	failed := []*scenario.Result{{Seed: 8}, {Seed: 9}}
	for name, c := range map[string]struct {
		k           *storeCampaign
		ctx, within context.Context
		err         error
		want        string
	}{
		"all":                    {k: &storeCampaign{seeds: 5, totals: totals{Seeds: 5}}},
		"all, the last one late": {k: &storeCampaign{seeds: 5, totals: totals{Seeds: 5}}, within: over},
		"all, and many failed":   {k: &storeCampaign{seeds: 5, totals: totals{Seeds: 5}, failed: failed}},
		"no more schedules":      {k: &storeCampaign{seeds: 5, exhausted: true}},
		"its time, and no more":  {k: &storeCampaign{limit: time.Minute}, within: over},
		"an error":               {k: &storeCampaign{seeds: 5}, err: errors.New("seed 9: bound passed"), want: "seed 9: bound passed"},
		"many failed":            {k: &storeCampaign{seeds: 5, totals: totals{Seeds: 4}, failed: failed}, within: over, want: "2 have failed, as many as --failures allows"},
		"interrupted":            {k: &storeCampaign{seeds: 5, failed: failed[:1]}, ctx: stopped, within: over, want: "it was interrupted: hangup signal received"},
		"interrupted, any seeds": {ctx: stopped, within: over, want: "it was interrupted: hangup signal received"},
		"its time":               {k: &storeCampaign{seeds: 5, limit: time.Minute}, within: over, want: "1m0s were over, as --for says"},
		"the last number":        {want: "there are no greater ones"},
		"nothing":                {k: &storeCampaign{seeds: 5, totals: totals{Seeds: 4}}, want: unexplained},
	} {
		if c.k == nil {
			c.k = new(storeCampaign)
		}
		c.k.most = 2
		if c.ctx == nil {
			c.ctx = going
		}
		if c.within == nil {
			c.within = going
		}
		assert.Equal(t, c.want, c.k.endedBy(c.ctx, c.within, c.err), name)
	}
}

// TestRunTellsWhyItEnded: a campaign that has not run the seeds that it was asked for says how many
// it has, and why no more, and one that has says nothing.
func TestRunTellsWhyItEnded(t *testing.T) {
	dir := t.TempDir()
	code, out, errs := invoke(t, "", "run", "--seed", "7", "--seeds", "100000000", "--for", "1s", "--workers", "1", "--out", dir)
	assert.Equal(t, exitOK, code, errs)
	assert.Regexp(t, `\nended early  after [1-9][0-9]* of 100000000 seeds: 1s were over, as --for\s+says\n$`, out)

	_, out, _ = invoke(t, "", "run", "--seed", "7", "--seeds", "2", "--for", "1h", "--out", dir)
	assert.NotContains(t, out, "ended early")

	fails := []string{"run", "--seed", "40", "--seeds", "100000", "--failures", "1", "--keep=false", "--faults", "off,crash=low,restore=low,unexcused"}
	code, out, errs = invoke(t, "", fails...)
	assert.Equal(t, exitViolated, code, errs)
	assert.Regexp(t, `\nended early  after [1-9][0-9]* of 100000 seeds: 1 have failed, as many as --failures\s+allows\n`, out)
	_, out, _ = invoke(t, "", append(fails, "--json")...)
	var s summaryJSON
	lastJSON(t, out, &s)
	assert.EqualValues(t, 100000, s.SeedsAsked)
	assert.Equal(t, "1 have failed, as many as --failures allows", s.Ended)
}
