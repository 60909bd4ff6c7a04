//go:build unix

package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/linearizability"
)

// What does not come to its end in its time is undecided, and no error, whether that is spent
// on reading or on judging; what does not look at the clock is not waited for.
func TestCheckEndsInTime(t *testing.T) {
	spent, cancel := context.WithTimeout(t.Context(), 0)
	defer cancel()
	_, err := inTime{spent, strings.NewReader("x")}.Read(make([]byte, 1))
	require.ErrorIs(t, err, context.DeadlineExceeded)

	dir := t.TempDir()
	written, silent := filepath.Join(dir, "history.jsonl"), filepath.Join(dir, "pipe.jsonl")
	require.NoError(t, os.WriteFile(written, []byte(encoded(t, 1)), 0o600))
	require.NoError(t, syscall.Mkfifo(silent, 0o600)) // to open it takes until somebody writes
	c := &cli{ctx: t.Context()}
	for _, path := range []string{written, silent} {
		for _, model := range []string{"cc", levelsModel} {
			o := checkOptions{format: "jsonl", model: model, budget: linearizability.Budget{Time: 1}}
			r := c.judge(t.Context(), o, input{name: path, path: path})
			require.NoError(t, r.err)
			require.False(t, r.stopped)
			require.Equal(t, linearizability.Undecided, r.verdict.Status)
			require.Contains(t, r.verdict.Reason, "1ns have passed")
		}
	}
	o := checkOptions{format: "jsonl", model: "cc", budget: linearizability.Budget{Time: time.Minute}}
	r := c.judge(t.Context(), o, input{name: written, path: written})
	require.NoError(t, r.err)
	require.Equal(t, linearizability.OK, r.verdict.Status)
}
