package scenario_test

import (
	"bytes"
	"context"
	"fmt"
	"go/format"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/sim/scenario"
)

// failing is a run that the store does not survive: its disks go back in time, and
// it is held to losing nothing by that.
func failing(t *testing.T) *scenario.Tape {
	t.Helper()
	for seed := range uint64(100) {
		res, err := scenario.Run(t.Context(), scenario.Config{Faults: "crash=extreme,restore=extreme,unexcused"}, seed)
		require.NoError(t, err)
		if len(res.Violations) == 0 || len(res.Setup.Moves)+len(res.Setup.Decisions) > 0 { // it is to be short
			continue
		}
		tape, _, err := scenario.Record(t.Context(), res)
		require.NoError(t, err)
		small, err := scenario.Shrink(t.Context(), tape, 200)
		require.NoError(t, err)
		return small.Tape
	}
	t.Fatal("no disk was the only one to hold an acknowledged write")
	return nil
}

// TestShortRunsAreDrawn: a shrunk run fits on a screen, and its picture names the
// operations, the crash, and the end of faults.
func TestShortRunsAreDrawn(t *testing.T) {
	tape := failing(t)
	res, err := scenario.Replay(t.Context(), tape)
	require.NoError(t, err)
	picture := res.ShortDiagram()
	require.NotEmpty(t, picture)
	assert.Contains(t, picture, fmt.Sprintf("#%d s%d: ", tape.Operations[0].ID, tape.Operations[0].Session))
	for _, sign := range []string{"╳", "crash", "◯", "start, life 2", "disk taken back", "faults end", "gossip", "▶", "c0"} {
		assert.Contains(t, picture, sign)
	}
	assert.NotContains(t, picture, "timer")

	long, err := scenario.Run(t.Context(), scenario.Config{}, 1)
	require.NoError(t, err)
	whole, _, err := scenario.Record(t.Context(), long)
	require.NoError(t, err)
	res, err = scenario.Replay(t.Context(), whole)
	require.NoError(t, err)
	assert.Empty(t, res.ShortDiagram())
	var b bytes.Buffer
	require.NoError(t, res.WriteDiagram(&b, 0))
	assert.Greater(t, strings.Count(b.String(), "\n"), 100)
}

// TestWrittenTestFails compiles and runs the Go test that a failing run leaves
// behind, in a folder inside the module: it must fail, and say why.
func TestWrittenTestFails(t *testing.T) {
	tape := failing(t)
	require.NoError(t, os.MkdirAll("testdata", 0o755))
	dir, err := os.MkdirTemp("testdata", "written-*")
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, os.RemoveAll(dir)) })
	write := func(name string, w func(io.Writer) error) {
		var b bytes.Buffer
		require.NoError(t, w(&b))
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), b.Bytes(), 0o600))
	}
	write("tape.json", tape.Write)
	write("replay_test.go", func(w io.Writer) error { return scenario.WriteTest(w, tape, "tape.json") })
	source, err := os.ReadFile(filepath.Join(dir, "replay_test.go"))
	require.NoError(t, err)
	formatted, err := format.Source(source)
	require.NoError(t, err)
	assert.Equal(t, string(formatted), string(source), "as gofmt would have it")

	run := func() (string, error) {
		out, err := exec.CommandContext(t.Context(), "go", "test", "-count=1", "-tags", scenario.TestTag, "./"+dir).CombinedOutput()
		return string(out), err
	}
	out, err := run()
	require.Error(t, err, out)
	assert.Contains(t, out, "--- FAIL: TestReplay")
	assert.Contains(t, out, "faults end", "the picture")
	kept, err := scenario.Replay(t.Context(), tape)
	require.NoError(t, err)
	assert.Contains(t, out, kept.Violations[0].String())

	tape.Decisions = nil // without its faults the run holds
	write("tape.json", tape.Write)
	out, err = run()
	require.NoError(t, err, out)
}

// judge is a test that notes what is said of it.
type judge struct {
	ctx    context.Context
	failed string
	logged string
}

func (j *judge) Helper()                         {}
func (j *judge) Context() context.Context        { return j.ctx }
func (j *judge) Logf(format string, args ...any) { j.logged += fmt.Sprintf(format, args...) }
func (j *judge) Fatalf(format string, args ...any) {
	j.failed += fmt.Sprintf(format, args...)
}

func TestAssertHolds(t *testing.T) {
	example := filepath.Join("testdata", "example", "tape.json")
	scenario.AssertHolds(t, example)
	bad := filepath.Join(t.TempDir(), "tape.json")
	for content, want := range map[string]string{"": "empty", "{}": "no joinery_tape version"} {
		require.NoError(t, os.WriteFile(bad, []byte(content), 0o600))
		j := &judge{ctx: t.Context()}
		scenario.AssertHolds(j, bad)
		assert.Contains(t, j.failed, want)
	}
	j := &judge{ctx: t.Context()}
	scenario.AssertHolds(j, filepath.Join(t.TempDir(), "missing"))
	assert.Contains(t, j.failed, "no such file")

	other := regexp.MustCompile(`"trace_hash": "[0-9a-f]+"`).ReplaceAll(exampleBytes(t), []byte(`"trace_hash": "0123456789abcdef"`))
	require.NoError(t, os.WriteFile(bad, other, 0o600))
	j = &judge{ctx: t.Context()}
	scenario.AssertHolds(j, bad)
	assert.Empty(t, j.failed)
	assert.Contains(t, j.logged, "other code recorded it")
}
