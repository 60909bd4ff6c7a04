package flow_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/lattice/flow"
)

func TestInputBounds(t *testing.T) {
	g := flow.New("g", flow.Options{})
	in, d := flow.NewInput[int](g, 3)
	out := flow.Collect(d)
	s, err := flow.Start(g)
	require.NoError(t, err)
	k, err := in.PushAll(0, 1, 2, 3, 4)
	require.Equal(t, 3, k)
	require.ErrorIs(t, err, flow.ErrFull)
	require.ErrorContains(t, err, "input#0")
	require.ErrorIs(t, in.Push(9), flow.ErrFull)
	_, err = s.Settle(context.Background())
	require.NoError(t, err)
	require.NoError(t, in.Push(3))
	in.Close()
	require.ErrorIs(t, in.Push(4), flow.ErrClosed)
	require.NoError(t, s.Run(context.Background()))
	require.Equal(t, numbers(4), out.Take(), "what was accepted before Close is handed on")
}

// TestPushWakes: a run that waits goes on when an input is fed.
func TestPushWakes(t *testing.T) {
	g := flow.New("g", flow.Options{})
	in, d := flow.NewInput[int](g, 3)
	seen := make(chan int)
	flow.ForEach(d, func(v int) { seen <- v })
	s, err := flow.Start(g)
	require.NoError(t, err)
	ended := make(chan error)
	go func() { ended <- s.Run(context.Background()) }()
	for v := range 200 { // mostly the run waits when the next comes
		require.NoError(t, in.Push(v))
		require.Equal(t, v, <-seen)
	}
	in.Close()
	require.NoError(t, <-ended)
}
