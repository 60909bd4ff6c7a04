package flow_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/lattice"
	"github.com/joinery-go/joinery/lattice/flow"
)

// resumes panics in the first call of a subscriber that an operator makes while it runs.
// Who subscribed after it is told when the run goes on, of each operator on State edges.
func resumes[T any](t *testing.T, name string, build func(flow.State[ints]) flow.State[T]) {
	t.Run(name, func(t *testing.T) {
		g := flow.New("g", flow.Options{Batch: 1})
		s := build(gather(flow.FromSlice(g, []int{0, 1, 2})))
		running, calls := false, 0
		_, err := flow.Subscribe(s, func(T) {
			if calls += btoi(running); running && calls == 1 {
				panic("at first")
			}
		})
		require.NoError(t, err)
		told := 0
		_, err = flow.Subscribe(s, func(T) { told += btoi(running) })
		require.NoError(t, err)
		r, err := flow.Start(g)
		require.NoError(t, err)
		running = true
		_, err = r.Settle(context.Background())
		require.ErrorIs(t, err, flow.ErrPanic)
		require.Zero(t, told)
		st, err := r.Settle(context.Background())
		require.NoError(t, err)
		require.Equal(t, flow.Finished, st)
		require.Equal(t, calls-1, told, "each value but the one that the panic cut off, once each")
		require.Positive(t, told)
	})
}

func TestPanickingSubscriber(t *testing.T) {
	same := func(s flow.State[ints]) flow.State[ints] { return s }
	some := lattice.Function[ints, lattice.Option[ints]]{
		F: func(s ints) lattice.Option[ints] { return lattice.Some(s) }, From: sets, To: lattice.WithBottom(sets),
	}
	full := lattice.Function[ints, bool]{F: func(s ints) bool { return len(s) > 1 }, From: sets, To: lattice.Or()}
	monotone := flow.Monotone(flow.Evidence{})
	resumes(t, "fold", same)
	resumes(t, "map-state", func(s flow.State[ints]) flow.State[ints] { return flow.MapState(s, image, monotone) })
	resumes(t, "zip", func(s flow.State[ints]) flow.State[lattice.Pair[ints, ints]] { return flow.Zip(s, s) })
	resumes(t, "switch, first", func(s flow.State[ints]) flow.State[ints] {
		first, _ := flow.Switch(flow.Zip(s, s), sets, sets)
		return first
	})
	resumes(t, "switch, second", func(s flow.State[ints]) flow.State[ints] {
		_, second := flow.Switch(flow.Zip(s, s), sets, sets)
		return second
	})
	resumes(t, "threshold", func(s flow.State[ints]) flow.State[bool] { return flow.Threshold(s, setOf(1)) })
	resumes(t, "debounce", func(s flow.State[ints]) flow.State[ints] { return flow.Debounce(s, 1) })
	resumes(t, "top", func(s flow.State[ints]) flow.State[bool] { return flow.Top(flow.MapState(s, full, monotone)) })
	resumes(t, "debottom", func(s flow.State[ints]) flow.State[ints] {
		return flow.DebottomState(flow.MapState(s, some, monotone), sets)
	})
	resumes(t, "seal", flow.Seal[ints])
}
