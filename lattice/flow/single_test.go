package flow_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/lattice"
	"github.com/joinery-go/joinery/lattice/flow"
)

// step is a call of a function of a chain.
type step struct {
	at string
	v  int
}

// journal has the calls of the functions of a chain, of which the nth panics.
type journal struct {
	calls []step
	nth   int
}

func (j *journal) note(at string, v int) {
	j.calls = append(j.calls, step{at, v})
	if len(j.calls) == j.nth {
		panic(errBomb)
	}
}

// noted is a maximum that notes its merges.
type noted struct {
	lattice.Merge[int]
	j *journal
}

func (m noted) MergeIn(target *int, v int) bool {
	m.j.note("fold", v)
	return m.Merge.MergeIn(target, v)
}

// chains are maps and filters in a row, by what they are.
var chains = map[string]func(d flow.Delta[int], mapped, kept func(flow.Delta[int]) flow.Delta[int]) flow.Delta[int]{
	"map, filter":         func(d flow.Delta[int], m, k func(flow.Delta[int]) flow.Delta[int]) flow.Delta[int] { return k(m(d)) },
	"filter, map":         func(d flow.Delta[int], m, k func(flow.Delta[int]) flow.Delta[int]) flow.Delta[int] { return m(k(d)) },
	"map":                 func(d flow.Delta[int], m, _ func(flow.Delta[int]) flow.Delta[int]) flow.Delta[int] { return m(d) },
	"filter":              func(d flow.Delta[int], _, k func(flow.Delta[int]) flow.Delta[int]) flow.Delta[int] { return k(d) },
	"filter, filter":      func(d flow.Delta[int], _, k func(flow.Delta[int]) flow.Delta[int]) flow.Delta[int] { return k(k(d)) },
	"map, filter, filter": func(d flow.Delta[int], m, k func(flow.Delta[int]) flow.Delta[int]) flow.Delta[int] { return k(k(m(d))) },
	"map, filter, map":    func(d flow.Delta[int], m, k func(flow.Delta[int]) flow.Delta[int]) flow.Delta[int] { return m(k(m(d))) },
	"nothing":             func(d flow.Delta[int], _, _ func(flow.Delta[int]) flow.Delta[int]) flow.Delta[int] { return d },
}

// TestOneByOne: each element goes through all functions of a chain before the next is
// taken. Whichever call panics, the error names the operator, the element goes through
// the chain once more, those before it do not, and no value is told twice.
func TestOneByOne(t *testing.T) {
	for name, chain := range chains {
		plain, want, _ := oneByOne(t, chain, 0)
		require.NotEmpty(t, plain, name)
		require.True(t, slices.IsSortedFunc(plain, func(a, b step) int { return a.v/10 - b.v/10 }), "%s: %v", name, plain)
		for nth := 1; nth <= len(plain); nth++ {
			calls, told, err := oneByOne(t, chain, nth)
			require.ErrorIs(t, err, errBomb, name)
			var of *flow.OperatorError
			require.ErrorAs(t, err, &of)
			broken := plain[nth-1]
			require.Contains(t, of.Operator, broken.at, "%s: call %d", name, nth)
			first := slices.IndexFunc(plain, func(s step) bool { return s.v/10 == broken.v/10 })
			again := append(slices.Clone(plain[:nth]), plain[first:]...)
			require.Equal(t, again, calls, "%s: call %d", name, nth)
			require.Equal(t, want, slices.Compact(slices.Clone(told)), "%s: call %d", name, nth)
			if broken.at == "fold" { // the merge may have grown, so what there is is told again
				require.LessOrEqual(t, len(told), len(want)+1, "%s: call %d", name, nth)
				continue
			}
			require.Equal(t, want, told, "%s: call %d", name, nth)
		}
	}
}

// oneByOne runs a chain over 10, 20, …, 60, of which each map adds one and each filter
// keeps those whose tens are odd. It is the calls of its functions until the end, the
// error of the nth, and what a subscriber was told.
func oneByOne(t *testing.T, chain func(d flow.Delta[int], mapped, kept func(flow.Delta[int]) flow.Delta[int]) flow.Delta[int], nth int) (calls []step, told []int, failed error) {
	j := &journal{nth: nth}
	names := 0
	name := func(kind string) string { names++; return fmt.Sprint(kind, " ", names) }
	mapped := func(d flow.Delta[int]) flow.Delta[int] {
		at := name("map")
		return flow.Map(d, func(v int) int { j.note(at, v); return v + 1 }).Named(at)
	}
	kept := func(d flow.Delta[int]) flow.Delta[int] {
		at := name("filter")
		return flow.Filter(d, func(v int) bool { j.note(at, v); return v/10%2 == 1 }).Named(at)
	}
	g := flow.New("g", flow.Options{Batch: 1})
	best := flow.Fold(chain(flow.FromSlice(g, []int{10, 20, 30, 40, 50, 60}), mapped, kept), lattice.Merge[int](noted{lattice.MaxFrom(0), j}))
	if nth%2 == 0 { // an edge with readers has its growths published one by one
		flow.Debounce(best, 1)
	}
	s, err := flow.Start(g)
	require.NoError(t, err)
	_, err = flow.Subscribe(best, func(v int) { told = append(told, v) })
	require.NoError(t, err)
	if nth > 0 {
		failed = s.Run(context.Background())
	}
	require.NoError(t, s.Run(context.Background()))
	return j.calls, told, failed
}

// TestToldOnce: a subscriber that panics is told once more what it was told, and nobody
// else is told anything twice.
func TestToldOnce(t *testing.T) {
	for _, batch := range []int{1, 2, 100} {
		g := flow.New("g", flow.Options{Batch: batch})
		s := flow.Fold(fives(g), lattice.MaxFrom(-1))
		var before, told, after []int
		keep := func(to *[]int) {
			_, err := flow.Subscribe(s, func(v int) { *to = append(*to, v) })
			require.NoError(t, err)
		}
		keep(&before)
		armed := false
		_, err := flow.Subscribe(s, func(v int) {
			told = append(told, v)
			if armed {
				armed = false
				panic(errors.New("once"))
			}
		})
		require.NoError(t, err)
		keep(&after)
		r, err := flow.Start(g)
		require.NoError(t, err)
		armed = true
		require.ErrorIs(t, r.Run(context.Background()), flow.ErrPanic)
		require.NoError(t, r.Run(context.Background()))
		require.Equal(t, slices.Compact(slices.Clone(before)), before, "batches of %d", batch)
		require.Equal(t, before, after, "batches of %d", batch)
		require.Equal(t, slices.Insert(slices.Clone(before), 1, before[1]), told, "batches of %d", batch)
	}
}

// TestBatchGoesOn: a function that panics is called again with the element that it
// panicked on, and not with those before it in the batch.
func TestBatchGoesOn(t *testing.T) {
	for _, kind := range []string{"map", "filter"} {
		g := flow.New("g", flow.Options{Batch: 4})
		var calls []int
		panics := true
		note := func(v int) {
			if calls = append(calls, v); v == 2 && panics {
				panics = false
				panic(errBomb)
			}
		}
		d := fives(g)
		if kind == "map" {
			d = flow.Map(d, func(v int) int { note(v); return v })
		} else {
			d = flow.Filter(d, func(v int) bool { note(v); return true })
		}
		out := flow.Collect(d)
		s, err := flow.Start(g)
		require.NoError(t, err)
		require.ErrorIs(t, s.Run(context.Background()), errBomb)
		require.NoError(t, s.Run(context.Background()))
		require.Equal(t, []int{0, 1, 2, 2, 3, 4}, calls, kind)
		require.Equal(t, numbers(5), out.Take(), kind)
	}
}
