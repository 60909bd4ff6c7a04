package main

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/cmd/internal/command"
	"github.com/joinery-go/joinery/cmd/internal/terminaltest"
)

// screened runs the program at a terminal until it ends or something is shown for
// which it is interrupted, and returns all that came to the terminal.
func screened(t *testing.T, env []string, interruptAt string, args ...string) string {
	t.Helper()
	return attended(t, t.TempDir(), env, 60, func(p *process, shown *watched, _ *os.File) {
		if interruptAt != "" {
			p.until(t, shown, interruptAt)
			p.interrupt(t)
		}
	}, args...)
}

// attended runs the program in a folder at a terminal that is so wide, and does what a user
// does with it. It returns all that came to the terminal.
func attended(t *testing.T, dir string, env []string, columns uint16, does func(p *process, shown *watched, user *os.File), args ...string) string {
	t.Helper()
	program, user := terminaltest.Open(t, columns, 24)
	shown := new(watched)
	p := start(t, dir, func(cmd *exec.Cmd) {
		cmd.Stdout, cmd.Stderr = program, program
		cmd.Env = append(append(os.Environ(), "TERM=xterm"), env...)
	}, args...)
	require.NoError(t, program.Close())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, err := io.Copy(shown, user)
		assert.ErrorIs(t, err, syscall.EIO, "the other end is closed")
	}()
	does(p, shown, user)
	p.wait(t)
	<-done
	return shown.String()
}

// On a terminal long work has one live line, which fits, is taken back before
// anything else is written, and is the only thing that control sequences are for.
func TestProgressAtATerminal(t *testing.T) {
	for name, c := range map[string]struct {
		args []string
		live string
	}{
		"zoo":     {[]string{"zoo", "--cases", "2000000"}, "zoo: "},
		"laws":    {[]string{"laws", "--cases", "100000000"}, "laws: 0 of"},
		"explore": {[]string{"explore", "--nodes", "4", "--writes", "6", "--states", "100000000"}, "explore: "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			shown := screened(t, []string{"NO_COLOR=1"}, c.live, c.args...)
			assert.Contains(t, shown, c.live)
			for i, part := range strings.Split(shown, command.EraseLine) {
				assert.NotContains(t, part, "\x1b", "no colours, nor anything else but taking back a line")
				if i > 0 {
					continue
				}
				lines := strings.Split(part, "\n")
				assert.Less(t, len(lines[len(lines)-1]), 60, "a live line fits into the terminal")
			}
			last := shown[strings.LastIndex(shown, command.EraseLine):]
			assert.NotContains(t, last, c.live, "the live line is taken back at the end")
			assert.Contains(t, last, "simfuzz: interrupted")
		})
	}
}

// A terminal that knows no control sequences gets plain lines.
func TestProgressAtADumbTerminal(t *testing.T) {
	shown := screened(t, []string{"TERM=dumb"}, "seeds, ", "run", "--for", "1h")
	assert.NotContains(t, shown, "\x1b")
	assert.Regexp(t, `(?m)^\d+s: \d+ seeds, `, shown)
}

// A device that is full is a failure of the tool, whatever the command.
func TestFullDevice(t *testing.T) {
	for _, line := range []string{"run --seed 1 --seeds 5", "explore --nodes 2 --writes 2", "levels", "--version", "run --help"} {
		full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
		require.NoError(t, err)
		p := start(t, t.TempDir(), func(cmd *exec.Cmd) { cmd.Stdout = full }, strings.Fields(line)...)
		code, _ := p.wait(t)
		require.NoError(t, full.Close())
		assert.Equal(t, exitFailed, code, line)
		assert.Equal(t, "simfuzz: write standard output: write /dev/stdout: no space left on device\n", p.errs.String(), line)
	}
}

// A pipe that its reader closes ends a command quietly and soon, also one that would
// run for hours; what was found until then is kept.
func TestClosedPipe(t *testing.T) {
	for _, c := range []struct{ args, end string }{
		{"check --list", ""}, {"laws --list", ""}, {"run --for 1h", ""},
		{"run --for 1h --seed " + failingSeed + " --workers 1 --faults " + unexcusedFaults + " --failures 10", "found"},
	} {
		dir := t.TempDir()
		r, w, err := os.Pipe()
		require.NoError(t, err)
		p := start(t, dir, func(cmd *exec.Cmd) { cmd.Stdout = w }, strings.Fields(c.args)...)
		require.NoError(t, w.Close())
		if c.end != "" {
			_, err := r.Read(make([]byte, 1)) // as head does
			require.NoError(t, err)
		}
		require.NoError(t, r.Close())
		began := time.Now()
		code, _ := p.wait(t)
		assert.Less(t, time.Since(began), atOnce, c.args)
		assert.NotContains(t, p.errs.String(), "simfuzz: ", "%s: quietly", c.args)
		if c.end == "" {
			assert.Equal(t, exitClosedPipe, code, c.args)
			continue
		}
		assert.Equal(t, exitViolated, code, c.args)
		kept, err := filepath.Glob(filepath.Join(dir, "runs", "seed-*", "tape.json"))
		require.NoError(t, err)
		assert.NotEmpty(t, kept, c.args)
	}
}
