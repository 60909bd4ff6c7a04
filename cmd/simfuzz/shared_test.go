package main

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/cmd/internal/campaigns"
)

// TestCampaignOfTheStore: workers that come one after the other run what is left, and none a
// seed that was run; the campaign has what each found.
func TestCampaignOfTheStore(t *testing.T) {
	dir := t.TempDir()
	bucket := filepath.Join(dir, "bucket")
	args := []string{"campaign", "--bucket", bucket, "--faults", unexcusedFaults, "--commit", "c1", "--out", filepath.Join(dir, "runs")}
	summary := func(out string) (s campaigns.SummaryLine) {
		all := strings.Split(strings.TrimSpace(out), "\n")
		require.NoError(t, json.Unmarshal([]byte(all[len(all)-1]), &s), "%s", out)
		return s
	}
	code, out, errs := invoke(t, "", append(args, "--seed", "57", "--seeds", "3", "--json")...)
	require.Equal(t, exitViolated, code, "%s%s", out, errs)
	first := summary(out)
	assert.Equal(t, uint64(3), first.Mine)
	assert.Positive(t, first.Classes)
	assert.Positive(t, first.Counters["deliveries"])

	code, out, _ = invoke(t, "", append(args, "--seed", "57", "--seeds", "5", "--json")...)
	require.Equal(t, exitViolated, code)
	second := summary(out)
	assert.Equal(t, uint64(2), second.Mine, "the first three were run")
	assert.Equal(t, uint64(5), second.Commits["c1"].Finished)
	assert.Greater(t, second.Counters["deliveries"], first.Counters["deliveries"])

	code, out, errs = invoke(t, "", "merge", bucket, "--tapes", filepath.Join(dir, "tapes"))
	require.Equal(t, exitViolated, code, errs)
	assert.Contains(t, out, "5 finished of commit c1")
	fits(t, "merge", strings.ReplaceAll(out, dir, "DIR"))
	_, tape, found := strings.Cut(strings.TrimSpace(out), "\nreplay with:\nsimfuzz replay ")
	require.True(t, found, out)
	code, out, errs = invoke(t, "", "replay", "--quiet", tape)
	assert.Equal(t, exitViolated, code, "%s%s", out, errs)

	code, _, errs = invoke(t, "", "campaign", "--bucket", bucket, "--out", dir)
	assert.Equal(t, exitFailed, code)
	assert.Contains(t, errs, "the bucket holds another campaign: of the store, tapes of version")
	code, _, errs = invoke(t, "", "campaign", "--bucket", bucket, "--strategy", "exhaustive")
	assert.Equal(t, exitFailed, code)
	assert.Contains(t, errs, "want one of swarm")
}
