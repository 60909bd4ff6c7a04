package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/cmd/internal/layout"
	"github.com/joinery-go/joinery/cmd/internal/terminaltest"
)

// frames are what a user saw after each drawing of a live screen, and at the end.
func frames(t *testing.T, shown string) (all [][]string) {
	t.Helper()
	s := new(terminaltest.Screen)
	for _, part := range strings.SplitAfter(shown, "\x1b[J") {
		_, err := s.Write([]byte(part))
		require.NoError(t, err)
		all = append(all, s.Lines())
	}
	assert.Empty(t, s.Unknown, "only what every terminal knows")
	return all
}

// count is how many lines begin with a text.
func lineCount(lines []string, begin string) (n int) {
	for _, line := range lines {
		if strings.HasPrefix(line, begin) {
			n++
		}
	}
	return n
}

const failingRun = "run --for 1h --workers 1 --failures 1000 --faults " + unexcusedFaults + " --seed " + failingSeed

// TestScreen: at a terminal a campaign has one screen, which is drawn again in its place; an
// interrupt takes it away, tells what was found, and keeps it.
func TestScreen(t *testing.T) {
	dir := t.TempDir()
	shown := attended(t, dir, []string{"NO_COLOR="}, 80, func(p *process, shown *watched, _ *os.File) {
		p.until(t, shown, "failing so far\x1b[0m")
		p.until(t, shown, "  seed ")
		p.interrupt(t)
	}, strings.Fields(failingRun)...)
	all := frames(t, shown)
	require.Greater(t, len(all), 2)
	drawn := 0
	for _, lines := range all {
		n := lineCount(lines, "simfuzz: the store, from seed "+failingSeed)
		assert.LessOrEqual(t, n, 1, "%s", strings.Join(lines, "\n"))
		if drawn += n; n == 0 {
			continue
		}
		assert.Equal(t, 1, lineCount(lines, "fuzzing from seed"), "what was written before stands")
		screen := strings.Join(lines, "\n")
		assert.Contains(t, screen, " left\n")
		assert.Regexp(t, `\n\d+ seeds, \d+/s; \d+ deliveries, `, screen)
		assert.Regexp(t, `\n\d+ of \d+ situations reached`, screen)
		assert.Regexp(t, `\n(no failing seed|\d+ failing) so far`, screen)
	}
	assert.Positive(t, drawn)
	last := strings.Join(all[len(all)-1], "\n")
	assert.NotContains(t, last, "so far")
	assert.NotContains(t, last, "from seed "+failingSeed+"\n\n")
	assert.Contains(t, last, "violations   ")
	assert.Contains(t, last, "simfuzz: interrupted")
	kept, err := filepath.Glob(filepath.Join(dir, "runs", "seed-*", "tape.json"))
	require.NoError(t, err)
	assert.NotEmpty(t, kept)
	assert.Contains(t, shown, "\x1b[1m", "colours, since nobody said otherwise")
}

// TestScreenWithoutColours: there is none, and nothing else is other.
func TestScreenWithoutColours(t *testing.T) {
	shown := screened(t, []string{"NO_COLOR=1"}, "situations reached", "run", "--for", "1h")
	s := new(terminaltest.Screen)
	_, err := s.Write([]byte(shown))
	require.NoError(t, err)
	assert.False(t, s.Coloured)
	assert.Empty(t, s.Unknown)
}

// TestScreenResized: what is drawn fits into the terminal as it is by then, and is gone at the
// end. In one that is too small a line takes its place.
func TestScreenResized(t *testing.T) {
	shown := attended(t, t.TempDir(), []string{"NO_COLOR=1"}, 80, func(p *process, shown *watched, user *os.File) {
		p.until(t, shown, "situations reached")
		for _, columns := range []uint16{50, 120, 20} {
			terminaltest.Resize(t, user, columns, 10)
			end := "\x1b[J"
			if columns == 20 {
				end = "\r\x1b[K"
			}
			before := len(shown.String())
			var parts []string
			for deadline := time.Now().Add(patience); len(parts) < 4 && time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
				parts = strings.Split(shown.String()[before:], end)
			}
			require.GreaterOrEqual(t, len(parts), 4)
			drawn := new(terminaltest.Screen) // the first ones may be of the time before
			_, err := drawn.Write([]byte(parts[2]))
			require.NoError(t, err)
			lines, wide := drawn.Lines(), 0
			assert.LessOrEqual(t, len(lines), 9)
			for _, line := range lines {
				wide = max(wide, layout.Columns(line))
			}
			assert.Less(t, wide, int(columns))
			assert.Equal(t, columns == 20, len(lines) == 1)
		}
		p.interrupt(t)
	}, "run", "--for", "1h")
	all := frames(t, shown)
	last := strings.Join(all[len(all)-1], "\n")
	assert.NotContains(t, last, "situations reached;")
	assert.Contains(t, last, "simfuzz: interrupted")
}

// TestScreenOfASharedCampaign: so has a worker of a campaign in a bucket.
func TestScreenOfASharedCampaign(t *testing.T) {
	dir := t.TempDir()
	shown := screened(t, []string{"NO_COLOR=1"}, "worker alone: ", "campaign", "--bucket", "file://"+filepath.ToSlash(filepath.Join(dir, "bucket")),
		"--seeds", "1000000", "--worker", "alone", "--out", filepath.Join(dir, "out"))
	all := frames(t, shown)
	seen := false
	for _, lines := range all {
		n := lineCount(lines, "worker alone: ")
		assert.LessOrEqual(t, n, 1)
		seen = seen || n == 1
	}
	assert.True(t, seen)
	assert.Zero(t, lineCount(all[len(all)-1], "worker alone: "))
}
