package main

import (
	"bufio"
	"context"
	"encoding/json"
	"net"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/cmd/internal/live"
)

// TestServe: a campaign is shown while it runs, with what failed and where that is kept, and
// ends at an interrupt, with all that is told of it.
func TestServe(t *testing.T) {
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	out, errs := new(watched), new(watched)
	c := &cli{ctx: ctx, in: strings.NewReader(""), out: out, err: errs}
	dir := t.TempDir()
	ended := make(chan int, 1)
	go func() {
		ended <- c.main([]string{"serve", "--seed", "40", "--workers", "1", "--failures", "1", "--faults", unexcusedFaults, "--out", dir})
	}()
	shown := regexp.MustCompile(`(http://127\.0\.0\.1:\d+/)\n`)
	require.Eventually(t, func() bool { return shown.MatchString(out.String()) }, patience, 10*time.Millisecond)
	stream, err := http.Get(shown.FindStringSubmatch(out.String())[1] + "events")
	require.NoError(t, err)
	defer stream.Body.Close()
	var s live.State
	for lines := bufio.NewScanner(stream.Body); s.Over != "The campaign has ended."; {
		require.True(t, lines.Scan(), "%s", errs)
		if line, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
			require.NoError(t, json.Unmarshal([]byte(line), &s))
		}
	}
	assert.Equal(t, int64(1), s.Violations)
	assert.Positive(t, s.Seeds)
	assert.Positive(t, s.PerSecond)
	assert.NotEmpty(t, s.Points)
	require.Len(t, s.Failures, 1)
	assert.NotEmpty(t, s.Failures[0].Message)
	assert.DirExists(t, s.Failures[0].Folder)
	interrupt()
	select {
	case code := <-ended:
		assert.Equal(t, exitViolated, code, errs.String())
	case <-time.After(patience):
		require.Fail(t, "it ends at an interrupt")
	}
	assert.Contains(t, out.String(), "violations   1")
	assert.Contains(t, out.String(), "replay with:")
}

// TestServeWithoutAPort: a port that is taken is told, before anything is run.
func TestServeWithoutAPort(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	code, out, errs := invoke(t, "", "serve", "--address", l.Addr().String(), "--out", t.TempDir())
	assert.Equal(t, exitFailed, code)
	assert.Empty(t, out)
	assert.Regexp(t, `^simfuzz: serve: --address .*address already in use\n$`, errs)
}
