package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// builtIn is the folder of the program that the tests of real processes share.
var builtIn struct {
	dir  string
	once sync.Once
	err  error
}

func TestMain(m *testing.M) {
	code := m.Run()
	if builtIn.dir != "" {
		if err := os.RemoveAll(builtIn.dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

// built is the path of the program, built once.
func built(t *testing.T) string {
	t.Helper()
	if testing.Short() {
		t.Skip("builds a program; skipped by -short")
	}
	builtIn.once.Do(func() {
		if builtIn.dir, builtIn.err = os.MkdirTemp("", "simfuzz-test-*"); builtIn.err != nil {
			return
		}
		if out, err := exec.Command("go", "build", "-buildvcs=false", "-o", filepath.Join(builtIn.dir, "simfuzz"), ".").CombinedOutput(); err != nil {
			builtIn.err = fmt.Errorf("%w: %s", err, out)
		}
	})
	require.NoError(t, builtIn.err)
	return filepath.Join(builtIn.dir, "simfuzz")
}

// process is a program that runs beside the test.
type process struct {
	cmd         *exec.Cmd
	out, errs   *watched
	interrupted time.Time
}

// watched is an output that a test can wait for while it grows.
type watched struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (w *watched) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.Write(b)
}

func (w *watched) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.String()
}

// patience is how long tests wait for processes of a machine that may be busy.
const patience = 2 * time.Minute

// start starts the program in a folder, with what set changes.
func start(t *testing.T, dir string, set func(*exec.Cmd), args ...string) *process {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
	t.Cleanup(cancel)
	p := &process{cmd: exec.CommandContext(ctx, built(t), args...), out: new(watched), errs: new(watched)}
	p.cmd.Dir, p.cmd.Stdout, p.cmd.Stderr = dir, p.out, p.errs
	p.cmd.WaitDelay = time.Second
	if set != nil {
		set(p.cmd)
	}
	require.NoError(t, p.cmd.Start())
	return p
}

// until waits for a text in an output.
func (p *process) until(t *testing.T, in *watched, text string) {
	t.Helper()
	for deadline := time.Now().Add(patience); !strings.Contains(in.String(), text); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			require.Failf(t, "waited in vain", "for %q in\n%s\nwith standard error\n%s", text, in, p.errs)
		}
	}
}

func (p *process) interrupt(t *testing.T) {
	t.Helper()
	p.interrupted = time.Now()
	require.NoError(t, p.cmd.Process.Signal(os.Interrupt))
}

// wait waits for the end, and returns the exit code and how long after the
// interruption it came.
func (p *process) wait(t *testing.T) (code int, after time.Duration) {
	t.Helper()
	err := p.cmd.Wait()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		require.NoError(t, err)
	}
	return p.cmd.ProcessState.ExitCode(), time.Since(p.interrupted)
}

// open is a standard input on which nothing comes.
func open(t *testing.T) io.Reader {
	t.Helper()
	r, w, err := os.Pipe()
	require.NoError(t, err)
	t.Cleanup(func() { w.Close(); r.Close() })
	return r
}
