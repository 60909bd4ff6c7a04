package simtool_test

import (
	"encoding/json"
	"flag"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/joinery-go/joinery/cmd/internal/campaigns"
	"github.com/joinery-go/joinery/cmd/internal/command"
	"github.com/joinery-go/joinery/sim/campaign"
	"github.com/joinery-go/joinery/sim/campaign/examples/lease"
)

var update = flag.Bool("update", false, "write golden files instead of comparing with them")

// lines are the objects that a command printed, the last one apart.
func lines(t *testing.T, out string) (failures []campaigns.FailureLine, s campaigns.SummaryLine) {
	t.Helper()
	all := strings.Split(strings.TrimSpace(out), "\n")
	for _, line := range all[:len(all)-1] {
		var f campaigns.FailureLine
		require.NoError(t, json.Unmarshal([]byte(line), &f), "%s", line)
		failures = append(failures, f)
	}
	require.NoError(t, json.Unmarshal([]byte(all[len(all)-1]), &s), "%s", out)
	return failures, s
}

// TestCampaignLosesItsBucket: a worker whose bucket goes away ends with an error. What it had
// found by then is violated, kept, and said to be; where it had found nothing, that is said.
func TestCampaignLosesItsBucket(t *testing.T) {
	for _, sound := range []bool{false, true} {
		dir := t.TempDir()
		bucket, runs := filepath.Join(dir, "bucket"), filepath.Join(dir, "runs")
		p := lease.With(lease.FromNow)
		if sound {
			p = lease.Protocol()
		}
		var once sync.Once
		plan := p.Plan
		p.Plan = func(x *campaign.Plan) {
			once.Do(func() { assert.NoError(t, os.RemoveAll(bucket)) })
			plan(x)
		}
		code, _, errs := invoke(t.Context(), []campaign.Protocol{p}, "campaign", "--bucket", bucket, "--seeds", "64", "--workers", "1", "--out", runs)
		tapes, err := filepath.Glob(filepath.Join(runs, "*", "tape.json"))
		require.NoError(t, err)
		if sound {
			assert.Equal(t, command.ExitFailed, code)
			assert.Contains(t, errs, "it had found no failure")
			assert.Empty(t, tapes)
		} else {
			assert.Equal(t, command.ExitViolated, code)
			assert.Contains(t, errs, "what it found is in "+runs)
			assert.NotEmpty(t, tapes)
		}
	}
}

// TestCampaign: two workers at once, of one machine, run each seed of a campaign once; what fails
// is one class, whose tape is written, and replays.
func TestCampaign(t *testing.T) {
	dir := t.TempDir()
	bucket := filepath.Join(dir, "bucket")
	var wg sync.WaitGroup
	mine := make([]uint64, 2)
	for i := range mine {
		wg.Go(func() {
			code, out, errs := invoke(t.Context(), broken, "campaign", "--bucket", bucket, "--seeds", "400", "--commit", "c1", "--json", "--out", filepath.Join(dir, "runs"))
			assert.Equal(t, command.ExitViolated, code, errs)
			failures, s := lines(t, out)
			assert.NotEmpty(t, failures)
			assert.True(t, s.Complete)
			mine[i] = s.Mine
		})
	}
	wg.Wait()
	assert.Equal(t, uint64(400), mine[0]+mine[1], "no seed was run twice")

	code, out, errs := invoke(t.Context(), broken, "merge", bucket, bucket, "--tapes", filepath.Join(dir, "tapes"), "--json")
	require.Equal(t, command.ExitViolated, code, errs)
	failures, s := lines(t, out)
	require.NotEmpty(t, failures)
	assert.Equal(t, uint64(400), s.Commits["c1"].Finished)
	assert.Equal(t, uint64(400), s.Seeds)
	assert.Positive(t, s.Counters["deliveries"])
	assert.Positive(t, s.Counters["point/lease used"])

	p := lease.With(lease.FromNow)
	alone, err := p.Fuzz(t.Context(), campaign.Options{Seeds: 400, Failures: 1000})
	require.NoError(t, err)
	assert.Equal(t, uint64(alone.Deliveries), s.Counters["deliveries"], "what is counted is what one machine alone counts")
	assert.Equal(t, uint64(alone.Violating), s.Counters["violating"])
	for _, f := range failures {
		code, out, errs = invoke(t.Context(), broken, "replay", f.File)
		assert.Equal(t, command.ExitViolated, code, errs)
		assert.Contains(t, out, f.Class)
		assert.Less(t, f.Operations+f.Exceptions, 8, "it is small")
	}

	seeds := filepath.Join(dir, "seeds")
	_, _, errs = invoke(t.Context(), broken, "merge", bucket, "--export-seeds", seeds)
	exported, err := filepath.Glob(filepath.Join(seeds, "seed-*"))
	require.NoError(t, err)
	assert.Equal(t, len(failures), len(exported)+strings.Count(errs, "not exported"), "each has that form, or it is told")
	require.NotEmpty(t, exported, errs)
	text, err := os.ReadFile(exported[0])
	require.NoError(t, err)
	assert.Regexp(t, `\Ago test fuzz v1\n\[\]byte\(".*"\)\n\z`, string(text))

	code, out, _ = invoke(t.Context(), broken, "merge", bucket, "--into", filepath.Join(dir, "all"))
	assert.Equal(t, command.ExitViolated, code)
	assert.Contains(t, out, "400 finished of commit c1")
	assert.Contains(t, out, failures[0].Class)
	assert.Contains(t, out, "write the tapes with:\nmytool merge "+bucket+" --tapes failures")
	_, again, _ := invoke(t.Context(), broken, "merge", filepath.Join(dir, "all"), "--json")
	_, stored := lines(t, again)
	s.Seconds, stored.Seconds = 0, 0
	assert.Equal(t, s, stored)
}

// TestCampaignInS3: workers share an object store.
func TestCampaignInS3(t *testing.T) {
	store := s3mem.New()
	require.NoError(t, store.CreateBucket("fuzz"))
	srv := httptest.NewServer(gofakes3.New(store).Server())
	t.Cleanup(srv.Close)
	t.Setenv("AWS_ACCESS_KEY_ID", "key")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "a secret")
	url := "s3://fuzz/night/1?region=us-east-1&endpoint=" + srv.URL
	for _, first := range []string{"1", "41"} {
		code, out, errs := invoke(t.Context(), broken, "campaign", "--bucket", url, "--seed", first, "--seeds", "40", "--out", t.TempDir())
		require.Contains(t, []int{command.ExitOK, command.ExitViolated}, code, "%s%s", out, errs)
	}
	code, out, errs := invoke(t.Context(), broken, "merge", url, "--json")
	require.Equal(t, command.ExitViolated, code, errs)
	_, s := lines(t, out)
	assert.Equal(t, uint64(80), s.Seeds)

	code, _, errs = invoke(t.Context(), broken, "campaign", "--bucket", "s3://other/x?region=us-east-1&endpoint="+srv.URL, "--out", t.TempDir())
	assert.Equal(t, command.ExitFailed, code)
	assert.Contains(t, errs, "make the bucket first")
	assert.NotContains(t, errs, "a secret")
}

// TestCampaignRefused: what cannot be is told before any work, and nothing is changed.
func TestCampaignRefused(t *testing.T) {
	dir := t.TempDir()
	file, foreign, empty := filepath.Join(dir, "file"), filepath.Join(dir, "foreign"), filepath.Join(dir, "empty")
	require.NoError(t, os.WriteFile(file, []byte("x"), 0o600))
	require.NoError(t, os.MkdirAll(foreign, 0o700))
	require.NoError(t, os.MkdirAll(empty, 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(foreign, "HEAD"), []byte("1\nsomething else"), 0o600))
	held := filepath.Join(dir, "held")
	code, _, errs := invoke(t.Context(), broken, "campaign", "--bucket", held, "--seeds", "1", "--out", dir)
	require.Equal(t, command.ExitOK, code, errs)
	for _, c := range []struct {
		args []string
		says string
	}{
		{[]string{"campaign"}, "--bucket: want a folder, or s3://BUCKET/PREFIX"},
		{[]string{"campaign", "--bucket", "ftp://x/y"}, "want a folder, or s3://BUCKET/PREFIX"},
		{[]string{"campaign", "--bucket", "s3://a:b@x/y"}, "no credentials in a URL"},
		{[]string{"campaign", "--bucket", "s3://x/y?end=1"}, `unknown option "end"`},
		{[]string{"campaign", "--bucket", "s3://x/y?endpoint=here"}, "want http:// or https:// and a host"},
		{[]string{"campaign", "--bucket", file}, "not a directory"},
		{[]string{"campaign", "--bucket", foreign}, "the bucket holds something else"},
		{[]string{"campaign", "--bucket", held, "--protocol", "chain"}, "the bucket holds another campaign: of protocol lease"},
		{[]string{"campaign", "--bucket", held, "--faults", "off"}, "the bucket holds another campaign"},
		{[]string{"campaign", "--bucket", held, "--lease", "10s"}, "--lease 10s: want more than 1m0s"},
		{[]string{"campaign", "--bucket", held, "--worker", "a#b"}, "want words without #"},
		{[]string{"campaign", "--bucket", held, "--faults", "often"}, "\"often\" is not one of"},
		{[]string{"campaign", "--bucket", held, "--export-seeds", filepath.Join(file, "x")}, "--export-seeds"},
		{[]string{"campaign", "--bucket", held, "--seed", "9", "--seeds", "18446744073709551614"}, "from --seed 9 on there are"},
		{[]string{"campaign", "--bucket", held, "--kubernetes", "3", "--image", "x"}, "pods share no folder"},
		{[]string{"campaign", "--bucket", "s3://x/y", "--kubernetes", "3"}, "--image is needed"},
		{[]string{"campaign", "--bucket", "s3://x/y", "--kubernetes", "3", "--image", "x", "--memory", "much"}, "want a quantity"},
		{[]string{"merge"}, "want a folder or bucket"},
		{[]string{"merge", filepath.Join(dir, "none")}, "no such file"},
		{[]string{"merge", empty}, "the bucket holds no campaign"},
		{[]string{"merge", held, foreign}, "the bucket holds something else"},
		{[]string{"merge", held, "--into", foreign}, "the bucket holds something else"},
		{[]string{"merge", held, "--tapes", filepath.Join(file, "x")}, "--tapes"},
	} {
		code, out, errs := invoke(t.Context(), broken, append(c.args, "--json")...)
		assert.Equal(t, command.ExitFailed, code, "%v", c.args)
		assert.Contains(t, errs, c.says, "%v: %s", c.args, out)
	}
	b, err := os.ReadFile(filepath.Join(foreign, "HEAD"))
	require.NoError(t, err)
	assert.Equal(t, "1\nsomething else", string(b))
}

// TestKubernetes: the manifest is a job as it is meant, and is YAML whatever is in it.
func TestKubernetes(t *testing.T) {
	code, out, errs := invoke(t.Context(), broken, "campaign", "--bucket", `s3://fuzz/a "b"$(c)`, "--kubernetes", "4", "--image", "registry/me:1", "--commit", "c1", "--seeds", "5000", "--faults", "drawn,crash=off")
	require.Equal(t, command.ExitOK, code, errs)
	const golden = "testdata/job.yaml"
	if *update {
		require.NoError(t, os.WriteFile(golden, []byte(out), 0o644))
	}
	want, err := os.ReadFile(golden)
	require.NoError(t, err)
	assert.Equal(t, string(want), out)

	var job struct {
		Kind string
		Spec struct {
			CompletionMode           string `yaml:"completionMode"`
			Completions, Parallelism int
			Template                 struct {
				Spec struct {
					RestartPolicy string `yaml:"restartPolicy"`
					Containers    []struct{ Args []string }
				}
			}
		}
	}
	require.NoError(t, yaml.Unmarshal([]byte(out), &job))
	assert.Equal(t, "Job", job.Kind)
	assert.Equal(t, "Indexed", job.Spec.CompletionMode)
	assert.Equal(t, 4, job.Spec.Completions)
	assert.Equal(t, 4, job.Spec.Parallelism)
	args := job.Spec.Template.Spec.Containers[0].Args
	assert.Equal(t, []string{"campaign", "--worker", "$(POD_NAME)", `--bucket=s3://fuzz/a "b"$$(c)`, "--commit=c1", "--faults=drawn,crash=off", "--seeds=5000"}, args)
}
