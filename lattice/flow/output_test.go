package flow_test

import (
	"context"
	"iter"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/lattice/flow"
)

// TestAllInTurn: two outputs of one graph, taken in turn: each element comes, although it
// may come to one output while the other is asked.
func TestAllInTurn(t *testing.T) {
	g := flow.New("g", flow.Options{Batch: 1})
	ways := flow.Split(flow.FromSlice(g, numbers(12)), 2, func(v int) uint64 { return uint64(v / 5) })
	outs := []*flow.Output[int]{flow.Collect(ways[0]), flow.Collect(ways[1])}
	_, err := flow.Start(g)
	require.NoError(t, err)
	a, stopA := iter.Pull2(outs[0].All(context.Background()))
	defer stopA()
	b, stopB := iter.Pull2(outs[1].All(context.Background()))
	defer stopB()
	var got []int
	for more := true; more; {
		more = false
		for _, next := range []func() (int, error, bool){a, b} {
			if v, err, ok := next(); ok {
				require.NoError(t, err)
				got, more = append(got, v), true
			}
		}
	}
	require.ElementsMatch(t, numbers(12), got)
}

// TestAllWhileTheBodyRuns: what comes while the body of the loop runs the graph is in the
// sequence, and what was seen is not kept for it.
func TestAllWhileTheBodyRuns(t *testing.T) {
	g := flow.New("g", flow.Options{Held: 8})
	in, d := flow.NewInput[int](g, 4)
	out := flow.Collect(d)
	s, err := flow.Start(g)
	require.NoError(t, err)
	_, err = in.PushAll(0, 1)
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute) // lost elements are waited for
	defer cancel()
	var got []int
	for v, err := range out.All(ctx) {
		require.NoError(t, err)
		got = append(got, v)
		if v < 98 {
			require.NoError(t, in.Push(v+2))
			settle(t, s)
		} else {
			in.Close()
		}
	}
	require.Equal(t, numbers(100), got)
}

// TestAllKeepsWhatIsLeft: a body that ends the loop, or panics, or takes the rest itself,
// has what it has seen, and the output the rest.
func TestAllKeepsWhatIsLeft(t *testing.T) {
	for name, body := range map[string]func(){
		"break": func() {},
		"panic": func() { panic("body") },
	} {
		g := flow.New("g", flow.Options{})
		out := flow.Collect(flow.FromSlice(g, numbers(4)))
		_, err := flow.Start(g)
		require.NoError(t, err, name)
		func() {
			defer func() { _ = recover() }()
			for range out.All(context.Background()) {
				body()
				break
			}
		}()
		for v, err := range out.All(context.Background()) {
			require.NoError(t, err, name)
			require.Equal(t, 1, v, name)
			require.Equal(t, []int{2, 3}, out.Take(), name)
		}
		require.Empty(t, out.Take(), name)
	}
}
