package main

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/cmd/internal/command"
)

// cage makes an exhibit with a given outcome.
func cage(id string, r exhibited, err error) exhibit {
	return exhibit{
		id: id, where: "somewhere", defect: "loses a tie", law: "commutative",
		run: func(seed uint64, cases int) (exhibited, error) {
			came := r // an exhibit may be shown by two workers at once
			came.cases = min(came.cases, cases)
			return came, err
		},
	}
}

func visit(t *testing.T, o zooOptions, all []exhibit, names ...string) (code int, out, errs string, err error) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	c := &cli{ctx: t.Context(), out: &stdout, err: &stderr}
	err = c.zoo(o, all, names)
	return c.code, stdout.String(), stderr.String(), err
}

func TestZooOutcomes(t *testing.T) {
	killed := cage("L1", exhibited{killed: true, law: "commutative", cases: 3, twinClean: true}, nil)
	survivor := cage("L2", exhibited{cases: 5000, twinClean: true}, nil)
	accused := cage("H1", exhibited{killed: true, law: "idempotent", cases: 1, twinFailure: "idempotent fails"}, nil)
	broken := cage("H2", exhibited{}, errors.New("no generator"))
	for name, c := range map[string]struct {
		all  []exhibit
		code int
		want []string
	}{
		"all killed":   {[]exhibit{killed, killed}, exitOK, []string{"2 entries: 2 killed, 0 survived"}},
		"one survives": {[]exhibit{killed, survivor}, exitViolated, []string{"SURVIVED", "1 survived", "1000"}},
		"twin accused": {[]exhibit{accused}, exitViolated, []string{"its correct twin is accused: idempotent fails"}},
		"broken":       {[]exhibit{killed, broken}, exitFailed, []string{"error", "1 in error"}},
		"gravest":      {[]exhibit{broken, survivor}, exitViolated, []string{"1 survived", "1 in error"}},
	} {
		t.Run(name, func(t *testing.T) {
			code, out, _, err := visit(t, zooOptions{cases: 1000}, c.all)
			require.NoError(t, err)
			assert.Equal(t, c.code, code)
			for _, want := range c.want {
				assert.Contains(t, out, want)
			}
		})
	}
}

func TestZooJSON(t *testing.T) {
	all := []exhibit{
		cage("L1", exhibited{killed: true, law: "associative", cases: 2, twinClean: true, counterexample: "a = 1"}, nil),
		cage("L2", exhibited{cases: 9, twinClean: true}, nil),
	}
	_, out, _, err := visit(t, zooOptions{cases: 10, json: true}, all, "l2", "L1")
	require.NoError(t, err)
	lines := strings.Split(strings.TrimSpace(out), "\n")
	require.Len(t, lines, 3)
	var e zooJSON
	lastJSON(t, lines[0], &e)
	assert.Equal(t, zooJSON{
		Kind: "zoo", Entry: "L2", Law: "commutative", Cases: 9, TwinClean: true, Where: "somewhere",
		Defect: "loses a tie", Seconds: e.Seconds,
	}, e)
	lastJSON(t, lines[1], &e)
	assert.Equal(t, "associative", e.Law)
	assert.Equal(t, "a = 1", e.Counterexample)
	assert.True(t, e.Killed)
	var s zooSummary
	lastJSON(t, out, &s)
	assert.Equal(t, zooSummary{Kind: "summary", Entries: 2, Killed: 1, Survived: 1, Seconds: s.Seconds}, s)
}

func TestZooRefusals(t *testing.T) {
	all := []exhibit{cage("L1", exhibited{}, nil)}
	_, _, _, err := visit(t, zooOptions{cases: 10}, all, "L99")
	require.ErrorIs(t, err, command.ErrUsage)
	_, _, _, err = visit(t, zooOptions{cases: 1}, nil)
	require.ErrorContains(t, err, "empty")
	code, _, errs := invoke(t, "", "zoo", "--cases", "few")
	assert.Equal(t, exitFailed, code)
	assert.Contains(t, errs, "simfuzz zoo --help")
}

func TestZooInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var out, errs bytes.Buffer
	c := &cli{ctx: ctx, out: &out, err: &errs}
	require.NoError(t, c.zoo(zooOptions{cases: 1}, []exhibit{cage("L1", exhibited{}, nil)}, nil))
	assert.Contains(t, out.String(), "0 entries")
}

// What was finished when an interruption came is printed, though what stands before
// it is not; what was still running is left alone.
func TestZooInterruptedKeeps(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	done, never := make(chan struct{}), make(chan struct{})
	t.Cleanup(func() { close(never) })
	slow := cage("L1", exhibited{}, nil)
	slow.run = func(uint64, int) (exhibited, error) {
		<-done
		time.Sleep(50 * time.Millisecond) // the other's result is on its way
		cancel()
		<-never
		return exhibited{}, nil
	}
	quick := cage("L2", exhibited{}, nil)
	quick.run = func(uint64, int) (exhibited, error) {
		close(done)
		return exhibited{killed: true, twinClean: true, cases: 7}, nil
	}
	var out, errs bytes.Buffer
	c := &cli{ctx: ctx, out: &out, err: &errs}
	require.NoError(t, c.zoo(zooOptions{cases: 10, workers: 2}, []exhibit{slow, quick}, nil))
	assert.Contains(t, out.String(), "1 entries: 1 killed")
	assert.Regexp(t, `(?m)^L2 +killed`, out.String())
	assert.NotRegexp(t, `(?m)^L1 `, out.String())
}
