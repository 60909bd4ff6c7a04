package flow_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/lattice/flow"
)

// onEdges are operators that publish what a set of elements becomes.
var onEdges = map[string]func(s flow.State[ints]) flow.State[ints]{
	"fold": func(s flow.State[ints]) flow.State[ints] { return s },
	"map-state": func(s flow.State[ints]) flow.State[ints] {
		return flow.MapState(s, image, flow.Morphism(flow.Evidence{}))
	},
	"debounce": func(s flow.State[ints]) flow.State[ints] { return flow.Debounce(s, 3) },
	"switch": func(s flow.State[ints]) flow.State[ints] {
		_, second := flow.Switch(flow.Zip(s, s), sets, sets)
		return second
	},
	"seal-when": func(s flow.State[ints]) flow.State[ints] { return flow.SealWhen(s, flow.Threshold(s, setOf(7))) },
}

// TestSubscriberPanicKeepsGrowth: a subscriber that panics once keeps no growth from the
// operators that read the same edge.
func TestSubscriberPanicKeepsGrowth(t *testing.T) {
	for name, edge := range onEdges {
		for _, batch := range []int{1, 100} {
			g := flow.New("g", flow.Options{Batch: batch})
			in, d := flow.NewInput[int](g, 10)
			s := edge(gather(d))
			behind := flow.Debounce(s, 1)
			armed := false
			_, err := flow.Subscribe(s, func(ints) {
				if armed {
					armed = false
					panic("once")
				}
			})
			require.NoError(t, err)
			sch, err := flow.Start(g)
			require.NoError(t, err)
			settle(t, sch)
			armed = true
			require.NoError(t, in.Push(7))
			_, err = sch.Settle(context.Background())
			require.ErrorIs(t, err, flow.ErrPanic, name)
			settle(t, sch)
			want, _ := flow.Read(s)
			got, _ := flow.Read(behind)
			require.NotEmpty(t, want, name)
			require.Equal(t, want, got, "%s in batches of %d", name, batch)
		}
	}
}
