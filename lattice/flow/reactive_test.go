package flow_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/lattice"
	"github.com/joinery-go/joinery/lattice/flow"
)

// TestDebounce: bursts become one growth; a long burst is cut.
func TestDebounce(t *testing.T) {
	g := flow.New("g", flow.Options{Batch: 1})
	in, d := flow.NewInput[int](g, 100)
	s := flow.Fold(d, lattice.MaxFrom(0))
	var got []int
	_, err := flow.Subscribe(flow.Debounce(s, 4), func(v int) { got = append(got, v) })
	require.NoError(t, err)
	r, err := flow.Start(g)
	require.NoError(t, err)
	for _, burst := range [][]int{{}, {1, 2, 3}, {4}, {5, 6, 7, 8, 9, 10}} {
		_, err := in.PushAll(burst...)
		require.NoError(t, err)
		_, err = r.Settle(context.Background())
		require.NoError(t, err)
	}
	require.Equal(t, []int{0, 3, 4, 8, 10}, got)
}

// TestTop: an edge at ⊤ is final although its input goes on.
func TestTop(t *testing.T) {
	g := flow.New("g", flow.Options{Batch: 1})
	in, d := flow.NewInput[bool](g, 9)
	s := flow.Fold(d, lattice.Or())
	top := flow.Top(s)
	sealed := flow.Seal(top)
	r, err := flow.Start(g)
	require.NoError(t, err)
	for _, v := range []bool{false, true, false} {
		require.Equal(t, flow.Complete(top), flow.Complete(sealed))
		require.NoError(t, in.Push(v))
		_, err = r.Settle(context.Background())
		require.NoError(t, err)
		_, open := flow.Read(sealed)
		require.Equal(t, flow.Complete(top), open)
	}
	require.True(t, flow.Complete(top))
	require.False(t, flow.Complete(s))
	require.True(t, must(flow.Read(sealed)))
}
