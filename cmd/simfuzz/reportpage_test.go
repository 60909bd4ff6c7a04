package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/cmd/internal/tapes"
	"github.com/joinery-go/joinery/sim/campaign"
	"github.com/joinery-go/joinery/sim/campaign/examples/lease"
	"github.com/joinery-go/joinery/sim/report"
	"github.com/joinery-go/joinery/sim/scenario"
)

// TestReport: the page of a failing tape says what broke, by what, from when on, and
// how to run it again; and is the same page each time.
func TestReport(t *testing.T) {
	tape := failingTape(t)
	page := filepath.Join(t.TempDir(), "page.html")
	code, out, errs := invoke(t, "", "report", tape, "-o", page, "--draws", "4")
	require.Equal(t, exitViolated, code, errs)
	assert.Contains(t, out, "wrote "+page)
	text, err := os.ReadFile(page)
	require.NoError(t, err)
	for _, want := range []string{
		report.Generator, "<title>Seed " + failingSeed + " breaks ", `<section id="violations"`, `<section id="run"`, `<section id="history"`, `<section id="choices"`, `<section id="rewind"`,
		`<section id="shrink"`, "It takes ", "drawn anew", "of 4", "simfuzz replay " + tape, "the smallest run that fails alike", "crash n",
	} {
		assert.True(t, strings.Contains(string(text), want), want) // the page itself is long
	}
	beside := filepath.Join(filepath.Dir(tape), "report.html")
	kept, err := os.ReadFile(beside)
	require.NoError(t, err, "a run folder has a page")
	assert.Contains(t, string(kept), "shrunk.json")

	_, _, _ = invoke(t, "", "report", tape, "-o", page, "--draws", "4")
	again, err := os.ReadFile(page)
	require.NoError(t, err)
	assert.Equal(t, string(text), string(again), "written over, by the same page")
	code, out, _ = invoke(t, "", "report", tape, "--json", "--replays", "0", "--draws", "0")
	assert.Equal(t, exitViolated, code)
	var line tapes.ReportLine
	require.NoError(t, json.Unmarshal([]byte(out), &line))
	assert.Equal(t, beside, line.File, "beside the tape unless it is said where")
	assert.Greater(t, line.Operations, 20, "the tape as it is")
	assert.True(t, line.SameTrace)
	assert.NotEmpty(t, line.Violations)
	kept, err = os.ReadFile(beside)
	require.NoError(t, err)
	assert.NotContains(t, string(kept), `<section id="shrink"`)
}

// TestReportOfWhatHolds: a tape without a violation has a page as well.
func TestReportOfWhatHolds(t *testing.T) {
	page := filepath.Join(t.TempDir(), "page.html")
	code, out, errs := invoke(t, "", "report", exampleTape, "-o", page)
	assert.Equal(t, exitOK, code, errs)
	assert.Contains(t, out, "Nothing was violated")
	text, err := os.ReadFile(page)
	require.NoError(t, err)
	assert.Contains(t, string(text), "holds")
	assert.NotContains(t, string(text), `<section id="rewind"`)
}

// TestReportRefuses: what cannot be read, or must not be written over, is told, and is
// what it was.
func TestReportRefuses(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		return path
	}
	example, err := os.ReadFile(exampleTape)
	require.NoError(t, err)
	tape := write("tape.json", string(example))
	mine := write("notes.html", "<html>my notes")
	require.NoError(t, os.WriteFile(filepath.Join(dir, "empty.html"), nil, 0o600))
	was := contents(t, dir)
	for what, c := range map[string]struct {
		args []string
		want string
	}{
		"itself":    {[]string{tape, "-o", tape}, "is no page that a tool of joinery wrote; remove it or name another file"},
		"own notes": {[]string{tape, "-o", mine}, "is no page that a tool of joinery wrote"},
		"folder":    {[]string{tape, "-o", dir}, "is no page that a tool of joinery wrote"},
		"device":    {[]string{tape, "-o", os.DevNull}, "is no page that a tool of joinery wrote"},
		"nowhere":   {[]string{tape, "-o", filepath.Join(dir, "no", "such", "page.html")}, "no such file or directory"},
		"foreign":   {[]string{mine, "-o", filepath.Join(dir, "new.html")}, "invalid tape"},
		"another":   {[]string{write("other.json", strings.Replace(string(example), tapeVersion, `"joinery_tape": 5`, 1)), "-o", filepath.Join(dir, "new.html")}, "run its seed again to record it anew"},
		"no tape":   {[]string{filepath.Join(dir, "none.json"), "-o", filepath.Join(dir, "new.html")}, "no such file"},
	} {
		code, out, errs := invoke(t, "", append([]string{"report"}, c.args...)...)
		assert.Equal(t, exitFailed, code, what)
		assert.Empty(t, out, what)
		assert.Contains(t, errs, c.want, what)
		assert.Regexp(t, `^simfuzz: report: `, errs, what)
	}
	delete(was, filepath.ToSlash(filepath.Join(dir, "other.json")))
	now := contents(t, dir)
	delete(now, filepath.ToSlash(filepath.Join(dir, "other.json")))
	assert.Equal(t, was, now)
	code, _, errs := invoke(t, "", "report", tape, "-o", filepath.Join(dir, "empty.html"))
	assert.Equal(t, exitOK, code, "an empty file is nothing to lose: %s", errs)
}

// TestReportWithoutRoom: a full disk leaves the page that was there.
func TestReportWithoutRoom(t *testing.T) {
	dir := t.TempDir()
	page := filepath.Join(dir, "page.html")
	code, _, _ := invoke(t, "", "report", exampleTape, "-o", page)
	require.Equal(t, exitOK, code)
	was := contents(t, dir)
	for _, disk := range []*tightDisk{{}, {room: 9_000}, {atEnd: true}} {
		var stdout, stderr strings.Builder
		c := &cli{ctx: t.Context(), in: strings.NewReader(""), out: &stdout, err: &stderr, create: disk.create}
		assert.Equal(t, exitFailed, c.main([]string{"report", exampleTape, "-o", page}))
		assert.Regexp(t, `^simfuzz: report: -o .*page.html: .*no space left on device\n$`, stderr.String())
		assert.Equal(t, was, contents(t, dir), "nothing half-written is left either")
	}
}

// TestReportsAreAffordable: of a long run fewer draws are taken, then fewer points and
// faults, then none, and the page says so.
func TestReportsAreAffordable(t *testing.T) {
	tape, err := readTape(failingTape(t))
	require.NoError(t, err)
	c := &cli{ctx: t.Context()}
	page := func(budget int64) (*report.Page, string) {
		r, err := c.reportOf(tape, nil, reportOptions{draws: 6, budget: budget})
		require.NoError(t, err)
		return r.page, strings.Join(r.page.Notes, "\n")
	}
	full, notes := page(1 << 40)
	require.NotNil(t, full.Rewind)
	assert.Equal(t, 6, full.Rewind.Draws)
	assert.NotContains(t, notes, "instead of")

	res, err := scenario.Replay(t.Context(), tape)
	require.NoError(t, err)
	fewer, notes := page(scenario.LikelyRuns(tape, 5) * res.Deliveries)
	assert.Equal(t, 5, fewer.Rewind.Draws)
	assert.Len(t, fewer.Choices.Rows, len(full.Choices.Rows))
	assert.Contains(t, notes, "each likelihood is of 5 runs, instead of 6")

	some, notes := page(26 * res.Deliveries)
	require.Len(t, some.Rewind.Points, 3)
	first, last := some.Rewind.Points[0], some.Rewind.Points[2]
	assert.Zero(t, first.At)
	assert.Equal(t, full.Rewind.Points[len(full.Rewind.Points)-1].At, last.At)
	assert.Equal(t, some.Rewind.Draws, last.Failed, "all is as on the tape")
	assert.Len(t, some.Choices.Rows, 1)
	assert.Contains(t, notes, "it was rewound to 3 points instead of 16")
	assert.Contains(t, notes, "operations were not taken away one by one")
	assert.Regexp(t, `\d+ of \d+ faults were not taken away`, notes)

	none, notes := page(14 * res.Deliveries)
	assert.Nil(t, none.Rewind)
	assert.Contains(t, notes, "too long for that")
}

// TestLongShrinking: shrinking for a page ends after its time, with what it has come to.
func TestLongShrinking(t *testing.T) {
	tape, err := readTape(failingTape(t))
	require.NoError(t, err)
	c := &cli{ctx: t.Context()}
	once, err := c.shrinkFor(tape, reportOptions{replays: 400, shrinking: time.Hour})
	require.NoError(t, err)
	assert.True(t, once.Settled)
	short, err := c.shrinkFor(tape, reportOptions{replays: 1_000_000, shrinking: 1})
	require.NoError(t, err)
	if short != nil { // else there was no time even for its first replay
		assert.False(t, short.Settled)
		assert.Less(t, short.Replays, once.Replays)
		assert.NotEmpty(t, short.Result.Violations)
	}
}

// TestTapeOfAProtocol: a tape that another program recorded is no damaged tape of the store:
// which program replays it is said.
func TestTapeOfAProtocol(t *testing.T) {
	p := lease.With(lease.FromNow)
	record := func(program string) string {
		p.Program = program
		r, err := p.Fuzz(t.Context(), campaign.Options{Seed: 27, Seeds: 1})
		require.NoError(t, err)
		tape, _, err := p.Record(t.Context(), r.Failures[0])
		require.NoError(t, err)
		path := filepath.Join(t.TempDir(), "tape.json")
		require.NoError(t, campaign.ReplaceFile(path, tape.Write))
		return path
	}
	by, unknown := record("example.com/lease/cmd/leasetool"), record("")
	for _, command := range []string{"replay", "shrink", "report"} {
		code, out, errs := invoke(t, "", command, by)
		assert.Equal(t, exitFailed, code)
		assert.Empty(t, out)
		assert.Contains(t, errs, `it is of the protocol "lease", and simfuzz is the tool of the store: what recorded it replays it: go run example.com/lease/cmd/leasetool replay `+by)
		_, _, errs = invoke(t, "", command, unknown)
		assert.Contains(t, errs, `it is of the protocol "lease"`)
		assert.Contains(t, errs, "hands that protocol to simtool.Main")
	}
}
