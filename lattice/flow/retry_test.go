package flow_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/lattice"
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

// flaky is the union of sets; one call of one of its functions panics, before it has done
// anything, or after.
type flaky struct {
	lattice.Merge[ints]
	fuse *fuse
}

// fuse is at which of the calls of what the panic is; 0 none.
type fuse struct {
	at  string
	nth int
}

func (f flaky) hit(at string) {
	if f.fuse.at == at && f.fuse.nth > 0 {
		if f.fuse.nth--; f.fuse.nth == 0 {
			panic(at)
		}
	}
}

func (f flaky) MergeIn(target *ints, v ints) bool {
	f.hit("before merging")
	defer f.hit("after merging")
	return f.Merge.MergeIn(target, v)
}

func (f flaky) Clone(v ints) ints { f.hit("clone"); return f.Merge.Clone(v) }

func (f flaky) Compare(a, b ints) lattice.Order { f.hit("compare"); return f.Merge.Compare(a, b) }

func (f flaky) Caps() lattice.Caps[ints] {
	c := lattice.CapsOf(f.Merge)
	diff := c.Diff
	all := func() ints { return setOf(0, 1, 2, 7, 8) }
	return lattice.Caps[ints]{Bottom: c.Bottom, Top: all, Diff: func(b, v ints) ints { f.hit("diff"); return diff(b, v) }}
}

// TestMergePanicKeepsGrowth: whichever function of a merge panics once, what it was about
// comes with the next run.
func TestMergePanicKeepsGrowth(t *testing.T) {
	lit := &fuse{}
	m := lattice.Merge[ints](flaky{sets, lit})
	ops := map[string]func(s flow.State[ints]) flow.State[ints]{
		"changes": func(s flow.State[ints]) flow.State[ints] {
			return flow.Fold(flow.Convert(flow.Changes(s), asSets(m, sets)), sets)
		},
		"debounce": func(s flow.State[ints]) flow.State[ints] { return flow.Debounce(s, 1) },
		"top":      flow.Top[ints],
		"zip": func(s flow.State[ints]) flow.State[ints] {
			first, _ := flow.Switch(flow.Zip(s, s), m, m)
			return first
		},
		"bimorphism": func(s flow.State[ints]) flow.State[ints] {
			ways := flow.Tee(flow.Changes(s), 2)
			return flow.Fold(flow.Bimorphism(ways[0], ways[1], m, m, products), sets)
		},
	}
	for name, op := range ops {
		for _, at := range []string{"before merging", "after merging", "clone", "compare", "diff"} {
			build := func() (*flow.Input[ints], flow.State[ints], *flow.Scheduler) {
				g := flow.New("g", flow.Options{})
				in, d := flow.NewInput[ints](g, 10)
				s := op(flow.Fold(d, m))
				sch, err := flow.Start(g)
				require.NoError(t, err)
				return in, s, sch
			}
			*lit = fuse{}
			right, want, calm := build()
			in, s, sch := build()
			for i, v := range []ints{setOf(1), setOf(7), setOf(1, 8), setOf(2), setOf(3), setOf(0, 4), setOf(5), setOf(6)} {
				require.NoError(t, right.Push(v))
				settle(t, calm)
				require.NoError(t, in.Push(v))
				*lit = fuse{at, 1 + i/2} // the fold calls it too
				if _, err := sch.Settle(context.Background()); err != nil {
					require.ErrorIs(t, err, flow.ErrPanic)
				}
				*lit = fuse{}
				settle(t, sch)
				require.Equal(t, must(flow.Read(want)), must(flow.Read(s)), "%s, %s, %v", name, at, v)
			}
		}
	}
}
