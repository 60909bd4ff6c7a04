package simtool_test

import (
	"context"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/cmd/internal/command"
	"github.com/joinery-go/joinery/cmd/internal/terminaltest"
	"github.com/joinery-go/joinery/cmd/simtool"
	"github.com/joinery-go/joinery/sim/campaign/examples/lease"
)

// TestScreen: a program of one's own protocols shows its campaign at a terminal, and takes
// that away.
func TestScreen(t *testing.T) {
	t.Setenv("TERM", "xterm")
	t.Setenv("NO_COLOR", "1")
	program, user := terminaltest.Open(t, 80, 24)
	var mu sync.Mutex
	var shown strings.Builder
	read := make(chan struct{})
	go func() {
		defer close(read)
		b := make([]byte, 4096)
		for {
			n, err := user.Read(b)
			mu.Lock()
			shown.Write(b[:n])
			mu.Unlock()
			if err != nil {
				return // the other end is closed
			}
		}
	}()
	text := func() string {
		mu.Lock()
		defer mu.Unlock()
		return shown.String()
	}
	ctx, interrupt := context.WithCancel(t.Context())
	ended := make(chan int, 1)
	go func() {
		ended <- simtool.Run(ctx, []string{"mytool", "run", "--for", "1h", "--workers", "1", "--out", t.TempDir()},
			simtool.Streams{In: strings.NewReader(""), Out: io.Discard, Err: program}, lease.Protocol())
	}()
	require.Eventually(t, func() bool { return strings.Count(text(), "situations reached") > 2 }, 2*time.Minute, 10*time.Millisecond)
	interrupt()
	assert.Equal(t, command.ExitInterrupted, <-ended)
	require.NoError(t, program.Close())
	<-read
	s := new(terminaltest.Screen)
	for _, part := range strings.SplitAfter(text(), "\x1b[J") {
		_, err := s.Write([]byte(part))
		require.NoError(t, err)
		assert.LessOrEqual(t, strings.Count(strings.Join(s.Lines(), "\n"), "fuzzing lease from seed"), 1)
	}
	assert.Equal(t, []string{"mytool: interrupted: what was finished stands above"}, s.Lines())
}
