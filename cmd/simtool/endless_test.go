//go:build unix

package simtool_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/cmd/internal/command"
	"github.com/joinery-go/joinery/cmd/simtool"
	"github.com/joinery-go/joinery/sim"
	"github.com/joinery-go/joinery/sim/campaign"
)

// endlessVariable has the test binary be a program of a protocol with a step that never
// returns.
const endlessVariable = "SIMTOOL_TEST_ENDLESS"

func TestMain(m *testing.M) {
	if os.Getenv(endlessVariable) != "" {
		simtool.Main(endless())
	}
	os.Exit(m.Run())
}

// stuck is an actor whose first input does not return.
type stuck struct{}

func (stuck) Start(*sim.Context)                       {}
func (stuck) Timer(*sim.Context, sim.TimerID)          {}
func (stuck) Receive(*sim.Context, sim.NodeID, []byte) {}
func (stuck) Input(*sim.Context, uint64)               { wait() }

func wait() {
	for {
		time.Sleep(time.Millisecond)
	}
}

func endless() campaign.Protocol {
	return campaign.Protocol{
		Name: "stuck",
		Plan: func(p *campaign.Plan) { p.Add(campaign.Op{Func: "begin", At: sim.Millisecond}) },
		New: func(*campaign.Run) campaign.Instance {
			return campaign.Instance{Actor: func(sim.NodeID) sim.Actor { return stuck{} }}
		},
	}
}

// grown is an output that can be read while it grows.
type grown struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (g *grown) Write(b []byte) (int, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.text.Write(b)
}

func (g *grown) String() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.text.String()
}

// TestSecondInterrupt: a run that does not end holds up the first interrupt, which waits
// for it, and not the second, which names its seed.
func TestSecondInterrupt(t *testing.T) {
	var out, errs grown
	cmd := exec.CommandContext(t.Context(), os.Args[0], "run", "--seed", "7", "--workers", "1", "--for", "1h", "--out", t.TempDir())
	cmd.Env, cmd.Stdout, cmd.Stderr = append(os.Environ(), endlessVariable+"=1"), &out, &errs
	require.NoError(t, cmd.Start())
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	require.Eventually(t, func() bool { return strings.Contains(out.String(), "fuzzing stuck from seed 7") }, time.Minute, 10*time.Millisecond)
	require.Eventually(t, func() bool { return strings.Contains(errs.String(), "; seed 7 has run for ") }, time.Minute, 100*time.Millisecond, "the progress names it")
	require.NoError(t, cmd.Process.Signal(os.Interrupt))
	select {
	case <-ended:
		require.Fail(t, "the first interrupt waits for the run", "%s%s", out.String(), errs.String())
	case <-time.After(500 * time.Millisecond):
	}
	require.NoError(t, cmd.Process.Signal(os.Interrupt))
	select {
	case <-ended:
	case <-time.After(time.Minute):
		require.Fail(t, "the second interrupt ends at once")
	}
	assert.Equal(t, command.ExitInterrupted, cmd.ProcessState.ExitCode())
	assert.Regexp(t, `interrupted twice: ended at once, while seed 7 of stuck had run for \d+s; run it again with:\n\S+ run --protocol stuck --seed 7 --seeds 1\n$`, errs.String())
}

// TestGivenUp: a run that does not end is a failure of its seed after a while, with the
// line in which it is, and is kept.
func TestGivenUp(t *testing.T) {
	dir := t.TempDir()
	code, out, errs := invoke(t.Context(), []campaign.Protocol{endless()}, "run", "--seed", "7", "--seeds", "100", "--workers", "1", "--patience", "300ms", "--out", dir)
	assert.Equal(t, command.ExitViolated, code, errs)
	assert.Contains(t, out, "seed 7\n  time: the run has not ended after 300ms, and goes on, in ")
	assert.Regexp(t, `simtool_test\.wait\s+at\s+\S+/endless_test\.go:\d+`, out)
	assert.Contains(t, out, "kept in "+dir)
	assert.Contains(t, out, "stopped at seed 7, which does not end; --patience gives a run more time")
	assert.NotContains(t, out, "shrunk to")
	tape := strings.TrimSpace(out[strings.LastIndex(out, "replay ")+len("replay "):])
	code, out, _ = invoke(t.Context(), []campaign.Protocol{endless()}, "replay", "--patience", "200ms", tape)
	assert.Equal(t, command.ExitViolated, code)
	assert.Contains(t, out, "violated     time/does not end//-1")
}

// TestKilledWorker: the seeds of a worker that is killed are run by another, once its lease is
// over; and a seed that does not end is a failure of the campaign, of a class of its own.
func TestKilledWorker(t *testing.T) {
	dir := t.TempDir()
	args := []string{"campaign", "--bucket", filepath.Join(dir, "bucket"), "--seed", "7", "--seeds", "1", "--lease", "2s", "--out", dir}
	cmd := exec.CommandContext(t.Context(), os.Args[0], append(args, "--patience", "1s", "--worker", "a")...)
	cmd.Env = append(os.Environ(), endlessVariable+"=1")
	require.NoError(t, cmd.Start())
	require.Eventually(t, func() bool {
		head, err := os.ReadFile(filepath.Join(dir, "bucket", "HEAD"))
		return err == nil && bytes.Contains(head, []byte(`"claims"`))
	}, time.Minute, 10*time.Millisecond)
	require.NoError(t, cmd.Process.Kill())
	require.Error(t, cmd.Wait())

	code, out, errs := invoke(t.Context(), []campaign.Protocol{endless()}, append(args, "--patience", "300ms", "--worker", "b")...)
	assert.Equal(t, command.ExitViolated, code, errs)
	assert.Contains(t, out, "time/does not end//-1\n  seed 7: ")
	assert.Contains(t, out, "1 finished")
	assert.NotContains(t, out, "survived")
}
