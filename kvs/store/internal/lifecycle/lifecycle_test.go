package lifecycle_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs/store"
	"github.com/joinery-go/joinery/kvs/store/internal/lifecycle"
)

func TestState(t *testing.T) {
	var s lifecycle.State
	require.NoError(t, s.Usable("get"))
	require.NoError(t, s.Ready("set"))
	require.NoError(t, s.Failed())
	require.True(t, s.Live())
	require.False(t, s.Closed())

	first := errors.New("first")
	require.ErrorIs(t, s.Fail(first), store.ErrFailed)
	require.ErrorIs(t, s.Fail(errors.New("second")), first, "the first failure stays")
	require.NoError(t, s.Usable("get"), "it can be read")
	err := s.Ready("set")
	require.ErrorIs(t, err, store.ErrFailed)
	require.ErrorIs(t, err, first)
	require.ErrorContains(t, err, "set: ")
	require.ErrorIs(t, s.Failed(), first)
	require.False(t, s.Live())

	s.Close()
	require.True(t, s.Closed())
	require.ErrorIs(t, s.Usable("get"), store.ErrClosed)
	require.ErrorIs(t, s.Ready("set"), store.ErrClosed, "closed counts before failed")

	var closed lifecycle.State
	closed.Close()
	require.False(t, closed.Live())
}

// TestRetry counts the operations between tries.
func TestRetry(t *testing.T) {
	var r lifecycle.Retry
	require.False(t, r.Turn(), "nothing has failed")
	for _, wait := range []int{2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 1024} {
		r.Failed()
		for range wait - 1 {
			require.False(t, r.Turn())
		}
		require.True(t, r.Turn(), "%d", wait)
		require.False(t, r.Turn(), "once")
	}
	r.Done()
	require.Equal(t, lifecycle.Retry{}, r)
}
