package command

import (
	"context"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestAwait(t *testing.T) {
	came, ok := Await(t.Context(), 0, func() int { return 7 })
	assert.True(t, ok)
	assert.Equal(t, 7, came)

	ctx, cancel := context.WithCancel(t.Context())
	_, ok = Await(ctx, 0, func() int { cancel(); time.Sleep(time.Minute); return 7 })
	assert.False(t, ok, "work that takes no notice is abandoned")
	_, ok = Await(ctx, time.Minute, func() int { panic("begun after the end") })
	assert.False(t, ok)

	ctx, cancel = context.WithCancel(t.Context())
	came, ok = Await(ctx, time.Minute, func() int { cancel(); time.Sleep(10 * time.Millisecond); return 8 })
	assert.True(t, ok, "work that takes notice has time to end")
	assert.Equal(t, 8, came)
}

func TestInterruptibleInput(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	text, err := io.ReadAll(&Interruptible{ctx, strings.NewReader("all of it")})
	require.NoError(t, err)
	assert.Equal(t, "all of it", string(text))

	// What came in before the interruption is kept; the reading that waits for more
	// ends. The interruption comes once the reader has what was written.
	r, w := io.Pipe()
	go func() {
		_, err := w.Write([]byte("some"))
		assert.NoError(t, err)
	}()
	text, err = io.ReadAll(io.TeeReader(&Interruptible{ctx, r}, interrupting(cancel)))
	require.ErrorIs(t, err, context.Canceled)
	assert.Equal(t, "some", string(text))
}

// interrupting is written to once something was read, and then interrupts.
type interrupting context.CancelFunc

func (f interrupting) Write(b []byte) (int, error) { f(); return len(b), nil }

// An interruption that a child notices first is one, and no failure of the child.
func TestInterruptedChild(t *testing.T) {
	failed := fmt.Errorf("build: %w", exec.CommandContext(t.Context(), "go", "no-such-command").Run())
	var exit *exec.ExitError
	require.ErrorAs(t, failed, &exit)
	require.NoError(t, Interrupted(t.Context(), failed), "it failed by itself")
	require.NoError(t, Interrupted(t.Context(), nil))

	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(noticesWithin/20, cancel)
	require.ErrorIs(t, Interrupted(ctx, failed), context.Canceled)
	require.ErrorIs(t, Interrupted(ctx, nil), context.Canceled)
}

// TestGrace: there is time until the interruption, and a while after it.
func TestGrace(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	goOn := Grace(ctx)
	assert.True(t, goOn())
	cancel()
	assert.True(t, goOn(), "the first after it")
	assert.Eventually(t, func() bool { return !goOn() }, time.Minute, 10*time.Millisecond)
	assert.False(t, goOn())
}
