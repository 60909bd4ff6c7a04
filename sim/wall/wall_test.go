package wall_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/sim/wall"
)

// TestEvery: f is called once after each time, also after none, and not after stop, which
// waits for a call that is under way.
func TestEvery(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		calls := 0
		stop := wall.Every(time.Second, func() { calls++ })
		time.Sleep(3500 * time.Millisecond)
		stop()
		time.Sleep(time.Minute)
		assert.Equal(t, 3, calls)

		ended := false
		stop = wall.Every(0, func() {
			ended = false
			time.Sleep(time.Hour)
			ended = true
		})
		time.Sleep(time.Minute)
		stop()
		assert.True(t, ended, "the last call has come to its end")
	})
}

// TestWait waits for the time, or for the context, whichever ends first.
func TestWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		started := time.Now()
		require.NoError(t, wall.Wait(t.Context(), time.Hour))
		assert.Equal(t, time.Hour, time.Since(started))

		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		require.ErrorIs(t, wall.Wait(ctx, time.Hour), context.DeadlineExceeded)
		assert.Equal(t, time.Hour+time.Minute, time.Since(started))
	})
}
