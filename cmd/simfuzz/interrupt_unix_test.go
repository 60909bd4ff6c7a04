//go:build unix

package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// someViolations matches the progress of a campaign that has found something.
var someViolations = regexp.MustCompile(`[1-9][0-9]* violations`)

// atOnce is how long a command may take to end after an interruption: far less
// than what each of these would still run for, far more than it needs.
const atOnce = 20 * time.Second

// An interruption ends every long command at once, and what was found is printed.
func TestInterruptedProcesses(t *testing.T) {
	for name, c := range map[string]struct {
		args   []string
		stdin  bool
		ready  string // in standard output, or behind "2>" in standard error
		signal syscall.Signal
		code   int
		want   []string
	}{
		"run": {
			args: []string{"run", "--for", "1h", "--seed", "1"}, ready: "fuzzing from seed 1", code: exitInterrupted,
			want: []string{"violations   0", "interrupted: the above is what was finished"},
		},
		"run whose terminal goes": {
			args: []string{"run", "--seeds", "100000000", "--seed", "1"}, ready: "fuzzing from seed 1", signal: syscall.SIGHUP, code: exitInterrupted,
			want: []string{"violations   0", "ended early  after ", " of 100000000 seeds: it was interrupted: hangup", "interrupted: the above is what was finished"},
		},
		"run as JSON": {
			args: []string{"run", "--for", "1h", "--seed", "1", "--json"}, ready: "2>violations", code: exitInterrupted, want: []string{`"kind":"summary"`},
		},
		"run that found something": {
			args:  []string{"run", "--for", "1h", "--seed", "40", "--workers", "1", "--failures", "10000", "--faults", "off,crash=low,restore=low,unexcused"},
			ready: "2>violations", code: exitViolated, want: []string{"kept in runs/seed-", "replay with:"},
		},
		"zoo": {
			args: []string{"zoo", "--cases", "2000000"}, ready: "ENTRY", code: exitInterrupted, want: []string{"0 survived"},
		},
		"zoo that found something": {
			args: []string{"zoo"}, ready: "killed", code: exitInterrupted, want: []string{"L1 ", " killed, 0 survived"},
		},
		"laws": {
			args: []string{"laws", "--cases", "100000000"}, ready: "2>laws: 0 of ", code: exitInterrupted, want: []string{"0 merges, 0 laws checked"},
		},
		"laws that found something": {
			args: []string{"laws", "--json", "--only", "order", "Or", "And", "Max[int]", "Max[float64]", "Max[string]", "causal.Dots", "causal.AWSet[string]"}, ready: `"kind":"law"`, code: exitInterrupted, want: []string{`"merge":"Or"`, `"kind":"summary"`},
		},
		"explore": {
			args: []string{"explore", "--nodes", "4", "--writes", "6", "--states", "100000000"}, ready: "2>states", code: exitInterrupted, want: []string{"complete     no"},
		},
		"check of standard input": {
			args: []string{"check", "--model", "causal", "-"}, stdin: true, code: exitInterrupted, want: []string{"causal: 0 histories"},
		},
		"check of a pipe nobody writes to": {
			args: []string{"check", "--model", "causal", "pipe"}, code: exitInterrupted, want: []string{"causal: 0 histories"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			if strings.Contains(name, "nobody") {
				require.NoError(t, exec.Command("mkfifo", filepath.Join(dir, "pipe")).Run())
			}
			p := start(t, dir, func(cmd *exec.Cmd) {
				if c.stdin {
					cmd.Stdin = open(t)
				}
			}, c.args...)
			if text, inErrs := strings.CutPrefix(c.ready, "2>"); inErrs {
				p.until(t, p.errs, text)
			} else if c.ready != "" {
				p.until(t, p.out, c.ready)
			} else {
				time.Sleep(500 * time.Millisecond) // it says nothing while it waits
			}
			if strings.HasPrefix(name, "run that") {
				for !someViolations.MatchString(p.errs.String()) {
					time.Sleep(20 * time.Millisecond)
				}
			}
			if c.signal == 0 {
				c.signal = syscall.SIGINT
			}
			p.interrupted = time.Now()
			require.NoError(t, p.cmd.Process.Signal(c.signal))
			code, after := p.wait(t)
			assert.Equal(t, c.code, code, "%s%s", p.out, p.errs)
			assert.Less(t, after, atOnce)
			for _, want := range c.want {
				assert.Contains(t, p.out.String(), want)
			}
			assert.Equal(t, 1, strings.Count(p.errs.String(), "simfuzz: interrupted"), "%s", p.errs)
			assert.NotContains(t, p.errs.String(), "context canceled")
		})
	}
}

// Mutants build programs and run them: all of those end too, and nothing is left.
func TestInterruptedMutants(t *testing.T) {
	for name, together := range map[string]bool{"alone": false, "with its children": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			wd, err := os.Getwd()
			require.NoError(t, err)
			temp := t.TempDir()
			p := start(t, wd, func(cmd *exec.Cmd) {
				cmd.Env = append(os.Environ(), "TMPDIR="+temp)
				cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
			}, "mutants", "canary")
			p.until(t, p.errs, "building the clean program")
			time.Sleep(300 * time.Millisecond)
			p.interrupted = time.Now()
			target := p.cmd.Process.Pid
			if together { // as a terminal does it
				target = -target
			}
			require.NoError(t, syscall.Kill(target, syscall.SIGINT))
			code, after := p.wait(t)
			assert.Equal(t, exitInterrupted, code, "%s%s", p.out, p.errs)
			assert.Less(t, after, atOnce)
			left, err := filepath.Glob(filepath.Join(temp, "mutants-*"))
			require.NoError(t, err)
			assert.Empty(t, left)
		})
	}
}

// Commands that are interrupted before they begin say so, and fail nobody.
func TestInterruptedBefore(t *testing.T) {
	dir := t.TempDir()
	for _, args := range [][]string{
		{"run", "--for", "1h", "--out", dir}, {"zoo"}, {"laws"}, {"explore"}, {"mutants", "canary"}, {"mutants", "--strategies", "canary"}, {"check", "--model", "causal", "-"},
	} {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		var out, errs strings.Builder
		c := &cli{ctx: ctx, in: strings.NewReader(""), out: &out, err: &errs, merges: shippedOnce}
		assert.Equal(t, exitInterrupted, c.main(args), "%v: %s%s", args, &out, &errs)
		assert.Contains(t, errs.String(), "simfuzz: interrupted", "%v", args)
		assert.NotContains(t, errs.String(), "canceled", "%v", args)
	}
}

// Shrinking has the failing tape to begin with, and so has something to write and
// to say whenever it is interrupted.
func TestInterruptedShrink(t *testing.T) {
	tape, small := failingTape(t), filepath.Join(t.TempDir(), "small.json")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var out, errs strings.Builder
	c := &cli{ctx: ctx, in: strings.NewReader(""), out: &out, err: &errs}
	assert.Equal(t, exitViolated, c.main([]string{"shrink", tape, "-o", small}), errs.String())
	assert.Contains(t, out.String(), "stopped before it was done")
	assert.Contains(t, errs.String(), "simfuzz: interrupted")
	code, _, _ := invoke(t, "", "replay", "--quiet", small)
	assert.Equal(t, exitViolated, code)
}
