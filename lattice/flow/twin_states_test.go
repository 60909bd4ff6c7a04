package flow_test

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/lattice"
	"github.com/joinery-go/joinery/lattice/flow"
)

var (
	sets  = lattice.SetOf[int]()
	count = lattice.Function[ints, int]{F: func(s ints) int { return len(s) }, From: sets, To: lattice.Max[int]()}
	image = lattice.Function[ints, ints]{F: halves, From: sets, To: sets}
	minus = lattice.Function[ints, int]{F: func(s ints) int { return -len(s) }, From: sets, To: lattice.Max[int]()}
)

func halves(s ints) ints {
	out := ints{}
	for v := range s {
		out[v/2] = struct{}{}
	}
	return out
}

func products(a, b ints) ints {
	out := ints{}
	for x := range a {
		for y := range b {
			out[(x+1)*(y+1)%61] = struct{}{}
		}
	}
	return out
}

// states are State edges on what one wire carries.
type states struct {
	t         *testing.T
	wire      int
	threshold int
	all       flow.State[ints]
	best      flow.State[int]
	size      flow.State[int]
	reached   flow.State[bool]
	both      flow.State[lattice.Pair[int, int]]
	first     flow.State[int]
	second    flow.State[int]
	slow      flow.State[int]
	sealed    flow.State[int]
	halved    flow.State[ints]
	product   flow.State[ints]
	watches   []*watch
	added     int
}

// watch is a subscriber of the set of all elements that checks what it is told.
type watch struct {
	sub   *flow.Subscription[ints]
	last  ints
	calls int
	ended bool
}

func newStates(t *testing.T, d flow.Delta[int], in instr) *states {
	ways := flow.Tee(d, 4)
	single := func(v int) ints { return setOf(v) }
	s := &states{t: t, wire: in.a, threshold: in.k}
	s.all = flow.Fold(flow.Map(ways[0], single), sets)
	s.best = flow.Fold(ways[1], bottomless{})
	s.size = flow.MapState(s.all, count, flow.Monotone(flow.Evidence{}))
	s.reached = flow.Threshold(s.size, s.threshold)
	s.both = flow.Zip(s.size, s.best)
	s.first, s.second = flow.Switch(s.both, lattice.Max[int](), bottomless{})
	s.slow = flow.Debounce(s.size, 1+in.k)
	s.sealed = flow.MapState(flow.Seal(s.all), minus, flow.NonMonotone())
	s.halved = flow.Fold(flow.Convert(flow.Batch(flow.Changes(s.all), sets, 2), image), sets)
	left, right := flow.Map(ways[2], single), flow.Map(flow.Filter(ways[3], func(v int) bool { return v < 10 }), single)
	s.product = flow.Fold(flow.Bimorphism(left, right, sets, sets, products), sets)
	return s
}

// disturb subscribes or cancels now and then.
func (s *states) disturb(rng *rand.Rand) {
	if s.added < 10 && rng.IntN(8) == 0 {
		s.added++
		w := &watch{}
		now, has := flow.Read(s.all)
		sub, err := flow.Subscribe(s.all, func(v ints) { w.told(s.t, v) })
		require.NoError(s.t, err)
		w.sub = sub
		require.Equal(s.t, has, w.calls == 1, "a new subscriber gets the value there is")
		if has {
			require.Equal(s.t, sorted(now), sorted(w.last))
		}
		s.watches = append(s.watches, w)
	}
	if len(s.watches) > 0 && rng.IntN(16) == 0 {
		w := s.watches[rng.IntN(len(s.watches))]
		w.sub.Cancel()
		w.ended = true
	}
}

func (w *watch) told(t *testing.T, v ints) {
	require.False(t, w.ended, "a canceled subscriber is told nothing")
	if w.calls > 0 {
		require.Equal(t, lattice.Less, sets.Compare(w.last, v), "each value is above the one before")
	}
	w.calls++
	w.last = sets.Clone(v)
}

// check compares with what naive evaluation gives for the wire.
func (s *states) check(t *testing.T, wire ints) {
	value := func(v int, ok bool) any {
		if !ok {
			return nil
		}
		return v
	}
	best := any(nil)
	for v := range wire {
		if best == nil || v > best.(int) {
			best = v
		}
	}
	require.Equal(t, sorted(wire), sorted(must(flow.Read(s.all))))
	require.Equal(t, best, value(flow.Read(s.best)))
	require.Equal(t, len(wire), value(flow.Read(s.size)))
	require.Equal(t, len(wire) >= s.threshold, must(flow.Read(s.reached)))
	pair, ok := flow.Read(s.both)
	require.Equal(t, best != nil, ok)
	if ok {
		require.Equal(t, lattice.Pair[int, int]{First: len(wire), Second: best.(int)}, pair)
		require.Equal(t, len(wire), value(flow.Read(s.first)))
	}
	require.Equal(t, best, value(flow.Read(s.second)))
	require.Equal(t, len(wire), value(flow.Read(s.slow)))
	require.Equal(t, -len(wire), value(flow.Read(s.sealed)))
	require.Equal(t, sorted(halves(wire)), sorted(must(flow.Read(s.halved))))
	low := ints{}
	for v := range wire {
		if v < 10 {
			low[v] = struct{}{}
		}
	}
	require.Equal(t, sorted(products(wire, low)), sorted(must(flow.Read(s.product))))
	for _, w := range s.watches {
		if !w.ended {
			require.Equal(t, sorted(wire), sorted(w.last), "a subscriber ends with the value there is")
			require.True(t, w.sub.Final())
		}
	}
	for _, done := range []bool{flow.Complete(s.all), flow.Complete(s.size), flow.Complete(s.both), flow.Complete(s.slow), flow.Complete(s.sealed), flow.Complete(s.halved), flow.Complete(s.product)} {
		require.True(t, done)
	}
}

func must[T any](v T, _ bool) T { return v }

// bottomless is Max without a ⊥: a fold by it has no value before the first element.
type bottomless struct{}

func (bottomless) MergeIn(target *int, v int) bool {
	if v <= *target {
		return false
	}
	*target = v
	return true
}
func (bottomless) Compare(a, b int) lattice.Order { return lattice.Max[int]().Compare(a, b) }
func (bottomless) Clone(v int) int                { return v }
